"""What users of illumio.core write, next to the form of this collection: the lines of the guide on migrating."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.directory_hosts import pce_variables, write_inventory
from tests.integration.runner import Result, connection, recap, run_module, run_playbook
from tests.simulator.launch import Simulator

HREF = "/orgs/1/pairing_profiles/50"
PROFILE = {"href": HREF, "name": "PP-OLD", "enabled": True, "enforcement_mode": "idle", "labels": []}
LABEL = {"href": "/orgs/1/labels/40", "key": "app", "value": "SHOP"}

Json = dict[str, Any]


def run(simulator: Simulator, module: str, check: bool = False, **options: Any) -> Result:
    result = run_module(module, {**connection(simulator), **options}, check=check)
    assert not result.get("failed"), result
    return result


@pytest.fixture(autouse=True)
def _objects(simulator: Simulator) -> None:
    simulator.seed(pairing_profiles=[PROFILE], labels=[LABEL])
    simulator.clear_journal()


@pytest.mark.parametrize(
    "form",
    [{"href": HREF, "name": "PP-NEW"}, {"href": HREF, "new_name": "PP-NEW"}, {"name": "PP-OLD", "new_name": "PP-NEW"}],
)
def test_profile_is_renamed_by_its_href(simulator: Simulator, form: Json) -> None:
    assert run(simulator, "pce_pairing_profile", check=True, **form)["pairing_profile"]["name"] == "PP-NEW"
    done = run(simulator, "pce_pairing_profile", **form)
    assert (done["changed"], done["pairing_profile"]["href"], done["pairing_profile"]["name"]) == (True, HREF, "PP-NEW")
    assert run(simulator, "pce_pairing_profile", **form)["changed"] is False


@pytest.mark.parametrize(
    "form",
    [{"href": LABEL["href"], "key": "app", "value": "STORE"}, {"key": "app", "value": "SHOP", "new_value": "STORE"}],
)
def test_label_is_renamed_by_its_href(simulator: Simulator, form: Json) -> None:
    done = run(simulator, "pce_label", **form)
    assert (done["changed"], done["label"]["value"]) == (True, "STORE")
    assert run(simulator, "pce_label", **form)["changed"] is False


@pytest.mark.parametrize("entry", [LABEL, {"href": LABEL["href"]}, {"app": "SHOP"}, {"key": "app", "value": "SHOP"}])
def test_label_of_a_profile_has_each_form(simulator: Simulator, entry: Json) -> None:
    done = run(simulator, "pce_pairing_profile", name="PP-OLD", labels=[entry])
    assert done["pairing_profile"]["labels"] == [{"href": LABEL["href"]}]
    assert run(simulator, "pce_pairing_profile", name="PP-OLD", labels=[entry])["changed"] is False


@pytest.mark.parametrize("form", [{"href": HREF, "name": "PP-OLD"}, {"href": HREF}, {"name": "PP-OLD"}])
def test_absent_profile_is_null(simulator: Simulator, form: Json) -> None:
    for changed in (True, False):
        done = run(simulator, "pce_pairing_profile", **form, state="absent")
        assert (done["changed"], done["pairing_profile"]) == (changed, None)


def test_key_of_check_mode_is_null(simulator: Simulator) -> None:
    done = run(simulator, "pce_pairing_key", check=True, profile="PP-OLD")
    assert done["changed"]
    assert [key["activation_code"] for key in done["pairing_keys"]] == [None]


def test_omitted_options_are_not_changed(simulator: Simulator) -> None:
    """In illumio.core each omitted option has a default, which is written."""
    simulator.seed(pairing_profiles=[{**PROFILE, "enforcement_mode": "full", "labels": [{"href": LABEL["href"]}]}])
    done = run(simulator, "pce_pairing_profile", name="PP-OLD", description="new")
    assert done["pairing_profile"]["enforcement_mode"] == "full"
    assert done["pairing_profile"]["labels"] == [{"href": LABEL["href"]}]


@pytest.mark.parametrize("name", ["ILLUMIO_PCE_HOST", "PCE_HOST"])
def test_environment_of_illumio_core_is_read(simulator: Simulator, name: str) -> None:
    known = connection(simulator)
    options = {"ca_path": known["ca_path"], "pce_port": known["pce_port"]}
    env = {name: known["pce_host"], "ILLUMIO_API_KEY_USERNAME": known["api_key"]}
    env["ILLUMIO_API_KEY_SECRET"] = known["api_secret"]
    assert not run_module("pce_pairing_profile_info", options, env=env).get("failed")


@pytest.mark.parametrize("tag", ["ven_unpair", "ven_suspend", "ven_stop"])
def test_tag_of_illumio_core_is_refused(simulator: Simulator, tmp_path: Path, tag: str) -> None:
    inventory = write_inventory(tmp_path, ["web1"], {**pce_variables(simulator), "ven_pairing_profile": "PP-OLD"})
    play = [{"hosts": "web1", "gather_facts": False, "roles": ["microseg.enforcement.ven"]}]
    (tmp_path / "site.json").write_text(json.dumps(play))
    done = run_playbook(tmp_path / "site.json", "-i", str(inventory), "--tags", tag)
    assert recap(done)["web1"]["failed"] == 1
    assert "the role has no tags; to unpair hosts, run the playbook microseg.enforcement.unpair_vens" in done.output
    assert simulator.journal() == []
