# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of the options of a task before the first request: endpoints and stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils._core.errors import OptionError
from plugins.module_utils._http.endpoint import Endpoint
from plugins.module_utils._pce.api import PCE
from plugins.module_utils._pce.pairing_profile import PAIRING_PROFILE
from plugins.module_utils._pce.workload import WORKLOAD
from plugins.module_utils._pce.workload_store import WORKLOADS, WorkloadStore
from plugins.module_utils._pe.api import Pe
from plugins.module_utils._pe.connector_instance import CONNECTOR_INSTANCE
from plugins.module_utils._pe.store import PeStore

SHARED: dict[str, Any] = {
    "validate_certs": False,
    "client_cert": "",
    "client_key": "",
    "proxy": "http://proxy.invalid:3128",
    "use_proxy": True,
    "timeout": 7.0,
    "deadline": 70.0,
}
OF_A_PCE: dict[str, Any] = {
    **SHARED,
    "pce_host": "pce.invalid",
    "pce_port": 8443,
    "pce_org_id": 3,
    "api_key": "api_1",
    "api_secret": "s3cret",
    "max_requests_per_minute": 40,
}
OF_A_CONNECTOR: dict[str, Any] = {
    **SHARED,
    "connector_url": "https://pe.invalid:7443",
    "connector_user": "joe",
    "connector_password": "pw",
    "allow_http": False,
    "json_names_path": None,
}


def expected(params: dict[str, Any], **more: Any) -> Endpoint:
    """The endpoint of ``params``, with what is of its API."""
    given: dict[str, Any] = {name: None if params[name] == "" else params[name] for name in [*SHARED, "ca_path"]}
    return Endpoint(**given, **more)


def test_each_option_of_a_pce_has_its_place() -> None:
    params = {**OF_A_PCE, "ca_path": ""}
    client = PCE.connect(params)
    assert (client.org_id, client.management_server) == (3, "pce.invalid:8443")
    endpoint = client.http.endpoint
    assert endpoint == expected(
        params,
        url="https://pce.invalid:8443/api/v2",
        title="PCE",
        address_options="pce_host and pce_port",
        credential_options=("api_key", "api_secret"),
        user="api_1",
        password="s3cret",
        hints={
            401: "api_key or api_secret is wrong",
            403: "the API key lacks the permission, or pce_org_id is not its organisation",
        },
        max_requests_per_minute=40,
        write_status=204,
    )


@pytest.mark.parametrize("option", ["api_key", "api_secret"])
def test_an_empty_credential_is_named(option: str) -> None:
    with pytest.raises(OptionError, match=f"^{option}: must not be empty$"):
        PCE.connect({**OF_A_PCE, "ca_path": None, option: ""})


@pytest.mark.parametrize(("pace", "is_fine"), [(0, False), (1, True), (100_000, True), (100_001, False)])
def test_the_pace_has_limits(pace: int, is_fine: bool) -> None:
    params = {**OF_A_PCE, "ca_path": None, "max_requests_per_minute": pace}
    if is_fine:
        assert PCE.connect(params).http.endpoint.max_requests_per_minute == pace
        return
    with pytest.raises(OptionError, match=f"^max_requests_per_minute: must be 1 to 100000, not {pace}$"):
        PCE.connect(params)


def test_the_store_of_a_pce_is_that_of_its_organisation() -> None:
    store = PCE.store({**OF_A_PCE, "ca_path": None}, PAIRING_PROFILE)
    assert store.own_href("/orgs/3/pairing_profiles/7") == "/orgs/3/pairing_profiles/7"


def test_each_option_of_a_connector_has_its_place() -> None:
    params = {**OF_A_CONNECTOR, "ca_path": ""}
    connector = Pe().connector(params)
    base = connector.names.base
    assert connector.http.endpoint == expected(
        params,
        url=f"https://pe.invalid:7443{base}",
        title="connector server",
        address_options="connector_url",
        credential_options=("connector_user", "connector_password"),
        user="joe",
        password="pw",
        hints={
            401: "connector_user or connector_password is missing or wrong",
            404: f"a path in connector_url replaces {base}",
        },
    )


def test_a_connector_may_need_no_credentials() -> None:
    endpoint = Pe().connector({**OF_A_CONNECTOR, "ca_path": None, "connector_user": "", "connector_password": ""})
    assert (endpoint.http.endpoint.user, endpoint.http.endpoint.password) == (None, None)


@pytest.mark.parametrize("missing", ["connector_user", "connector_password"])
def test_half_of_the_credentials_is_an_error_that_names_the_other(missing: str) -> None:
    given = {"connector_user": "connector_password", "connector_password": "connector_user"}[missing]
    with pytest.raises(OptionError, match=f"^{missing}: is required with {given}$"):
        Pe().connector({**OF_A_CONNECTOR, "ca_path": None, missing: None})


def instance(**settings: Any) -> dict[str, Any]:
    """The options of a connector instance on a Contrail connector."""
    names = {"address_space_name": "vpc", "controller": "10.0.0.1", "identifier": None}
    nothing = {"id": None, "additional_settings": None, "secret_settings": None, "file_settings": None}
    return {**names, **nothing, **settings}


def made_with(params: dict[str, Any]) -> dict[str, Any]:
    """The arguments with which the store of these options is made."""
    given: dict[str, Any] = {}

    class Noting(PeStore):
        def __init__(self, connector: Any, kind: Any, **more: Any) -> None:
            given.update(more, url=connector.http.endpoint.url, kind=kind)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("plugins.module_utils._pe.api.PeStore", Noting)
        assert isinstance(Pe().store({**OF_A_CONNECTOR, "ca_path": None, **params}, CONNECTOR_INSTANCE), Noting)
    return given


def test_the_store_of_a_connector_knows_what_the_task_shows_and_hides() -> None:
    plain, secret = {"region": "eu"}, {"token": "t0ken"}
    settings = {"additional_settings": plain, "secret_settings": secret, "file_settings": {"CERT": "/cert.pem"}}
    given = made_with({**instance(**settings), "recreate": True})
    assert given["url"].startswith("https://pe.invalid:7443/")
    assert given["kind"] is CONNECTOR_INSTANCE
    assert given["recreate"] is True
    assert [*given["plain"].values()] == [plain]
    assert given["hidden"] == frozenset({"token", "CERT"})


def test_the_store_of_a_list_knows_it_of_each_entry() -> None:
    entries = [
        instance(additional_settings={"region": "eu"}),
        {**instance(secret_settings={"token": "t0ken"}), "address_space_name": "other"},
    ]
    given = made_with({"connector_instances": entries})
    assert given["recreate"] is False
    assert [*given["plain"].values()] == [{"region": "eu"}]
    assert given["hidden"] == frozenset({"token"})


@pytest.mark.parametrize("listed", [False, True])
def test_a_setting_in_two_options_is_refused_where_it_stands(listed: bool) -> None:
    twice = instance(additional_settings={"region": "eu"}, secret_settings={"region": "eu"})
    params = {"connector_instances": [instance(), twice]} if listed else twice
    where = r"connector_instances\[1\]\." if listed else ""
    with pytest.raises(OptionError, match=f"^{where}secret_settings"):
        made_with(params)


@pytest.mark.parametrize("listed", [False, True])
def test_pe_store_collects_absent_without_address_space(listed: bool) -> None:
    gone = {**instance(), "address_space_name": None, "state": "absent", "controller": "Contrail.example.com."}
    others = [instance(), {**instance(), "state": "absent"}, {**instance(), "controller": "a.b", "state": "present"}]
    params = {"connector_instances": [*others, gone]} if listed else gone
    option = "connector_instances[3].address_space_name" if listed else "address_space_name"
    assert made_with(params)["absent"] == {"contrail.example.com": option}


def test_pe_connector_takes_http_where_it_is_allowed() -> None:
    params = {**OF_A_CONNECTOR, "ca_path": None, "connector_url": "http://pe.invalid:7080"}
    with pytest.raises(OptionError, match=r"^connector_url: is http, .*allow_http: true$"):
        Pe().connector(params)
    assert Pe().connector({**params, "allow_http": True}).http.endpoint.url.startswith("http://pe.invalid:7080/")


def test_pe_connector_reads_the_names_file(tmp_path: Path) -> None:
    path = tmp_path / "names.json"
    path.write_text('{"base": "/api/v3/connector", "id": "uuid"}')
    connector = Pe().connector({**OF_A_CONNECTOR, "ca_path": None, "json_names_path": str(path)})
    assert connector.http.endpoint.url == "https://pe.invalid:7443/api/v3/connector"
    assert connector.http.endpoint.hints[404] == "a path in connector_url replaces /api/v3/connector"
    assert connector.names.id == ("uuid",)


def test_the_store_of_workloads_knows_their_labels() -> None:
    store = WORKLOADS.store({**OF_A_PCE, "ca_path": None}, WORKLOAD)
    assert isinstance(store, WorkloadStore)
    assert store.own_href("/orgs/3/workloads/00000000-0000-4000-8000-000000000001")


def test_references_in_options_are_checked_before_any_request() -> None:
    check = PCE.reference_checker({"pce_org_id": "3"})
    check(PAIRING_PROFILE, "/orgs/3/pairing_profiles/7")
    with pytest.raises(ValueError, match=r"^belongs to organisation 1, while pce_org_id is 3"):
        check(PAIRING_PROFILE, "/orgs/1/pairing_profiles/7")
    with pytest.raises(OptionError, match=r"^pce_org_id: must be 1 or more, not 0$"):
        PCE.reference_checker({"pce_org_id": 0})
    check = Pe().reference_checker({})
    check(CONNECTOR_INSTANCE, "i-1")
    with pytest.raises(ValueError, match=r"^is no id of a connector instance: 'a/b'$"):
        check(CONNECTOR_INSTANCE, "a/b")
