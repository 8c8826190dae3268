# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers that no server should give: nothing is done to another object than was meant, and all is told."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.module_utils._core.errors import ApiError, CollectionError, ContractError, UnknownOutcomeError
from plugins.module_utils._core.plan import Action, Plan
from plugins.module_utils._core.resource import Identity
from plugins.module_utils._core.text import one_line
from plugins.module_utils._http.response import Response
from plugins.module_utils._pce.api import Pce
from plugins.module_utils._pce.label import LABEL
from plugins.module_utils._pce.pairing_profile import PAIRING_PROFILE
from plugins.module_utils._pce.store import PceStore
from plugins.module_utils._pce.ven_state import set_ven_state
from plugins.module_utils._pe.connector_instance import CONNECTOR_INSTANCE
from plugins.module_utils._pe.connector_type import Connector
from plugins.module_utils._pe.json_names import NAMES
from plugins.module_utils._pe.store import PeStore

from .helpers import PROFILES, FakeTransport, Reply, broken, in_turn, raw_profile

PROFILE = f"{PROFILES}/24"
INSTANCE: dict[str, Any] = {"id": "i-1", "controller": {"ipAddress": "192.0.2.1"}}


def pce(*replies: Reply) -> PceStore:
    return PceStore(FakeTransport(in_turn(*replies)), 1, PAIRING_PROFILE)


def connector(*replies: Reply) -> PeStore:
    return PeStore(Connector(FakeTransport(in_turn(*replies)), NAMES), CONNECTOR_INSTANCE)


@pytest.mark.parametrize("href", [f"{PROFILES}/25", "/orgs/2/pairing_profiles/24", "../x", None, 24, ["x"]], ids=str)
def test_another_pairing_profile_than_was_asked_for_is_not_taken(href: Any) -> None:
    with pytest.raises(ContractError, match="answered GET"):
        pce(Reply(200, raw_profile(href=href))).find(Identity(PROFILE))


def test_another_instance_than_was_asked_for_is_not_taken() -> None:
    with pytest.raises(ContractError, match="shows the connector instance i-2"):
        connector(Reply(200, {**INSTANCE, "id": "i-2"})).find(Identity("i-1"))


def test_one_href_under_two_names_is_nobodys() -> None:
    both = [raw_profile(), raw_profile(name="other")]
    with pytest.raises(ContractError, match="twice, under different names"):
        pce(Reply(200, both)).find(Identity(names={"name": "PP"}))


def test_one_id_of_two_instances_is_nobodys() -> None:
    both = [INSTANCE, {**INSTANCE, "controller": {"ipAddress": "192.0.2.2"}}]
    with pytest.raises(ContractError, match="several instances with the id i-1"):
        connector(Reply(200, both)).find(Identity(names={"controller": "192.0.2.1", "address_space_name": None}))


@pytest.mark.parametrize("status", [201, 202, 203, 204, 206])
def test_only_200_says_that_there_is_nothing(status: int) -> None:
    with pytest.raises(ContractError):
        pce(Reply(status, [])).find(Identity(names={"name": "PP"}))
    with pytest.raises(ContractError):
        connector(Reply(status, [])).find(Identity(names={"controller": "192.0.2.1", "address_space_name": None}))


@pytest.mark.parametrize("digits", [13, 5000])
def test_read_ignores_a_count_that_no_collection_has(digits: int) -> None:
    assert pce(Reply(200, [], {"X-Total-Count": "9" * digits})).query({}) == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'"\\ud800"',
        b'{"\\udfff": 1}',
        b'"\xed\xa0\x80"',
        b"\xff\xfe[\x00]\x00",
        b"[" * 61 + b"]" * 61,
        b'{"a":' * 500 + b"1" + b"}" * 500,
        b"9" * 5000,
    ],
    ids=["NaN", "infinity", "overflow", "half", "half name", "half bytes", "UTF-16", "lists", "objects", "digits"],
)
def test_what_only_python_takes_for_json_is_none(body: bytes) -> None:
    with pytest.raises(ContractError, match="not valid JSON"):
        Response(200, {}, body, "GET", "/x").json()


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"\\\\ud800"', "\\ud800"),
        (b"\xef\xbb\xbf[1.5e3]", [1500.0]),
        (b'{"a": {"b": [{"c": [[]]}]}}', {"a": {"b": [{"c": [[]]}]}}),
    ],
)
def test_what_is_json_is_taken(body: bytes, value: Any) -> None:
    assert Response(200, {}, body, "GET", "/x").json() == value


def test_a_line_of_megabytes_is_short() -> None:
    assert len(one_line("x y " * 1_000_000)) == 500
    assert len(one_line("x\n" * 1_000_000, 4000)) == 4000


def test_a_connector_server_may_say_that_it_deleted_in_words() -> None:
    plan = Plan(Action.DELETE, "i-1", before=INSTANCE)
    gone = connector(Reply(200, raw=b"OK"), Reply(404), Reply(200, []))
    assert gone.execute(plan, Identity("i-1")) is None
    with pytest.raises(ContractError, match="is there afterwards"):
        connector(Reply(200, raw=b"OK"), Reply(200, INSTANCE)).execute(plan, Identity("i-1"))


@pytest.mark.parametrize("status", [101, 103, 199])
def test_a_status_below_200_is_no_success(status: int) -> None:
    for method in ("PUT", "DELETE"):
        with pytest.raises(ApiError) as caught:
            FakeTransport(in_turn(Reply(status))).request(method, PROFILE)
        assert caught.value.changed
    with pytest.raises(UnknownOutcomeError):
        FakeTransport(in_turn(Reply(status))).request("POST", PROFILES, body={})


def test_what_comes_with_a_redirect_is_not_shown() -> None:
    body = {"additionalSettings": [{"name": "PASSWORD", "value": "shown-by-the-server"}]}
    with pytest.raises(ApiError) as caught:
        FakeTransport(in_turn(Reply(302, body, {"Location": "https://elsewhere"}))).get("/x")
    assert "shown-by-the-server" not in f"{caught.value}{caught.value.details()}"


@pytest.mark.parametrize("reply", [Reply(200, []), Reply(500), Reply(404), Reply(200, raw_profile(25))], ids=str)
def test_an_update_that_cannot_be_read_back_is_told(reply: Reply) -> None:
    plan = Plan(Action.UPDATE, PROFILE, {"description": "x"}, raw_profile(), raw_profile(description="x"))
    with pytest.raises(CollectionError) as caught:
        pce(Reply(204), reply, Reply(200, [])).execute(plan, Identity(PROFILE))
    assert caught.value.changed


def test_a_delete_that_could_not_be_looked_after_is_told() -> None:
    plan = Plan(Action.DELETE, PROFILE, before=raw_profile())
    for lost in ([broken("DELETE", PROFILE)], []):
        transport = FakeTransport(in_turn(*lost, Reply(404), Reply(500)))
        with pytest.raises(ApiError, match=f"500 to GET {PROFILE}.*after a 404 to DELETE {PROFILE}") as caught:
            PceStore(transport, 1, PAIRING_PROFILE).execute(plan, Identity(PROFILE))
        assert caught.value.changed is bool(lost)
        assert ("It is unknown" in str(caught.value)) is bool(lost)


@pytest.mark.parametrize("look", [Reply(200, []), Reply(500), Reply(200, {})], ids=str)
def test_a_creation_that_cannot_be_read_is_told(look: Reply) -> None:
    plan = Plan(Action.CREATE, changes={"key": "role", "value": "web"}, after={})
    store = PceStore(FakeTransport(in_turn(Reply(201, []), look)), 1, LABEL)
    with pytest.raises(CollectionError) as caught:
        store.execute(plan, Identity(names={"key": "role", "value": "web"}))
    assert caught.value.changed
    assert str(caught.value).count("It is unknown") == 1


@pytest.mark.parametrize("href", [["x"], {"a": 1}, None, "/users/1"], ids=str)
def test_a_ven_without_a_usable_href_is_an_error(href: Any) -> None:
    transport = FakeTransport(lambda _sent: Reply(200, [{"href": href, "hostname": "web1", "status": "active"}]))
    params = {"hostnames": ["web1"], "hrefs": None, "state": "unpaired", "firewall_restore": "default"}
    with pytest.raises(ContractError, match="href"):
        set_ven_state(Pce(transport, 1, "pce:8443"), params, dry_run=False)
