"""What is returned as a pairing script is run as root, so nothing else may pass for one."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.module_utils._core.errors import ContractError, OptionError
from plugins.module_utils._pce import connection, pairing_script
from plugins.module_utils._pce.connection import Client
from tests.unit.helpers import FakeTransport, Reply

PARAMS: dict[str, Any] = {
    "profile_href": "/orgs/1/pairing_profiles/24",
    "script": "pair.sh",
    "api_version": 18,
    "pce_org_id": 1,
}


def fetch(monkeypatch: pytest.MonkeyPatch, body: bytes, **params: Any) -> tuple[dict[str, Any], FakeTransport]:
    """Fetch from a PCE that answers ``body``."""

    transport = FakeTransport(lambda _sent: Reply(200, raw=body))
    monkeypatch.setattr(connection.Pce, "client", lambda *_arguments, **_options: Client(transport, 1, "pce:8443"))
    return pairing_script.fetch_script({**PARAMS, **params}), transport


def test_a_script_is_returned_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    result, transport = fetch(monkeypatch, "#!/bin/sh\necho ü\n".encode())
    assert result["pairing_script"] == {
        "name": "pair.sh",
        "content": "#!/bin/sh\necho ü\n",
        "management_server": "pce:8443",
    }
    assert transport.calls() == ["GET /api/v18/software/ven/image"]


@pytest.mark.parametrize(
    "body", [b"", b" \n", b"<html>log in</html>", b"\xef\xbb\xbf\n <!doctype html>", b"#!/bin/sh\n\xff"]
)
def test_what_is_no_script_is_refused(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    with pytest.raises(ContractError, match=r"the body is not pair\.sh"):
        fetch(monkeypatch, body)


@pytest.mark.parametrize("version", [0, -1, 1000])
def test_versions_have_limits(monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    with pytest.raises(OptionError, match=r"^api_version: must be 1 to 999"):
        fetch(monkeypatch, b"#!", api_version=version)
