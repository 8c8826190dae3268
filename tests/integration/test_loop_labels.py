"""What a playbook shows of a loop's entries: an address, and never the user and the password in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.directory_hosts import write_inventory
from tests.integration.runner import run_playbook

PASSWORD = "Corr3ct-Horse"
ADDRESS = f"joe:{PASSWORD}@pce.example.com"
OTHERS = [f"https://{ADDRESS}", f"HTTPS://{ADDRESS}/x@y", f"https://joe:{PASSWORD}@x@pce.example.com"]


@pytest.mark.parametrize("url", OTHERS)
def test_connector_label_hides_a_password(tmp_path: Path, url: str) -> None:
    """The module refuses such a URL before any request."""
    variables = tmp_path / "variables.json"
    variables.write_text(json.dumps({"pe_connectors": [{"url": url, "instances": []}]}))
    ended = run_playbook("microseg.enforcement.connector_instances", "-e", f"@{variables}", cwd=tmp_path)
    assert ended.status != 0
    assert "(item=" in ended.stdout
    assert "//…@" in ended.stdout
    assert PASSWORD not in ended.output


@pytest.mark.parametrize("host", [ADDRESS, f"https://{ADDRESS}"])
def test_report_label_hides_a_password(tmp_path: Path, host: str) -> None:
    variables: dict[str, Any] = {
        "ven_pce_host": host,
        "ven_pce_api_key": "api_1",
        "ven_pce_api_secret": "0" * 16,
        "ven_pairing_profile": "PP-WEB",
        "report_path": str(tmp_path / "report.html"),
    }
    inventory = write_inventory(tmp_path, ["web1"], variables)
    ended = run_playbook("microseg.enforcement.pairing_report", "-i", str(inventory), cwd=tmp_path)
    assert ended.status != 0
    assert "(item=…@pce.example.com)" in ended.stdout
    assert PASSWORD not in ended.output
