"""What is returned as a pairing script is run as root, so nothing else may pass for one."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.module_utils._core.errors import ApiError, ContractError, OptionError, RequestError
from plugins.module_utils._pce import pairing_script
from plugins.module_utils._pce.api import Pce
from tests.unit.helpers import FakeTransport, Reply, Sent, refused

PARAMS: dict[str, Any] = {
    "profile_href": "/orgs/1/pairing_profiles/24",
    "script": "pair.sh",
    "api_version": 18,
    "pce_org_id": 1,
}


def fetch(answer: bytes | ApiError, **params: Any) -> tuple[dict[str, Any], FakeTransport]:
    """Fetch from a PCE that answers so."""
    transport = FakeTransport(lambda _sent: Reply(200, raw=answer) if isinstance(answer, bytes) else answer)
    return pairing_script.fetch_script(Pce(transport, 1, "pce:8443"), {**PARAMS, **params}), transport


def test_a_script_is_returned_as_it_is() -> None:
    result, transport = fetch("#!/bin/sh\necho ü\n".encode())
    assert result == {
        "changed": False,
        "pairing_script": {
            "name": "pair.sh",
            "content": "#!/bin/sh\necho ü\n",
            "management_server": "pce:8443",
        },
    }
    query = {"pair_script": "pair.sh", "profile_id": "24"}
    assert transport.sent == [Sent("GET", "/api/v18/software/ven/image", query, authenticate=False)]


def test_only_what_begins_like_a_page_is_one() -> None:
    result, _transport = fetch(b"X=1; cat <input\n")
    assert result["pairing_script"]["content"] == "X=1; cat <input\n"
    result, _transport = fetch(b"X<input cat\n")
    assert result["pairing_script"]["content"] == "X<input cat\n"


def test_a_script_that_is_not_there() -> None:
    with pytest.raises(RequestError) as caught:
        fetch(refused(404, message="no such page"))
    assert str(caught.value) == (
        "the PCE has no pair.sh for /orgs/1/pairing_profiles/24 at api_version 18: the PCE answered 404: no such page"
    )
    assert not isinstance(caught.value, ApiError)
    for status in (403, 405):
        with pytest.raises(ApiError, match=f"^the PCE answered {status}"):
            fetch(refused(status))


def test_the_profile_has_to_be_one_of_the_organisation() -> None:
    with pytest.raises(OptionError, match=r"^profile_href: "):
        fetch(b"#!", profile_href="/orgs/2/pairing_profiles/24")


@pytest.mark.parametrize(
    "body",
    [b"", b" \n", b"<html>log in</html>", b"\xef\xbb\xbf\n <!doctype html>", b"\t<p>", b"\r<p>", b"#!/bin/sh\n\xff"],
)
def test_what_is_no_script_is_refused(body: bytes) -> None:
    with pytest.raises(ContractError, match=r"the body is not pair\.sh"):
        fetch(body)


@pytest.mark.parametrize("version", [0, -1, 1000])
def test_versions_have_limits(version: int) -> None:
    with pytest.raises(OptionError, match=r"^api_version: must be 1 to 999"):
        fetch(b"#!", api_version=version)


@pytest.mark.parametrize("version", [1, 999])
def test_versions_within_the_limits(version: int) -> None:
    _result, transport = fetch(b"#!", api_version=version)
    assert transport.calls() == [f"GET /api/v{version}/software/ven/image"]
