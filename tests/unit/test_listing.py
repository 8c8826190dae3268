# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of info modules."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from plugins.module_utils._core.errors import OptionError
from plugins.module_utils._core.listing import Listing, read_listing, select
from plugins.module_utils._core.plan import Plan
from plugins.module_utils._core.resource import Identity, Raw
from plugins.module_utils._core.store import Store
from plugins.module_utils._pce.label import LABEL
from plugins.module_utils._pce.pairing_profile import PAIRING_PROFILE

from .helpers import PROFILES, check_reference, raw_profile

# The table "Query Parameters" of the specification of pairing profiles, each name once.
SPECIFIED = {
    *("href", "name", "description", "mode", "enforcement_mode", "status", "enabled", "total_use_count"),
    *("allowed_user_per_key", "key_lifespan", "last_pairing_at", "created_at", "updated_at", "created_by"),
    *("updated_by", "is_default", "labels", "env_label_lock", "loc_label_lock", "role_label_lock", "app_label_lock"),
    *("mode_lock", "enforcement_mode_lock", "visibility_level", "visibility_level_lock", "status_lock"),
    *("external_data_set", "external_data_reference", "agent_software_release"),
}


class ListStore(Store):
    """A server with objects that knows no filter at all, and records what it is asked."""

    def __init__(self, *objects: dict[str, Any]) -> None:
        self.objects = objects
        self.asked: list[tuple[dict[str, str], int | None]] = []

    def find(self, identity: Identity) -> Raw | None:
        return next((raw for raw in self.objects if raw["href"] == identity.reference), None)

    def query(self, parameters: Mapping[str, str], max_results: int | None = None) -> Sequence[Raw]:
        self.asked.append((dict(parameters), max_results))
        return self.objects[:max_results]

    def execute(self, plan: Plan, identity: Identity) -> Raw | None:
        raise AssertionError("an info module changes nothing")


def chosen(params: Mapping[str, Any]) -> Listing:
    """Return what the options ask for."""
    return read_listing(PAIRING_PROFILE, {**params}, check_reference)


def numbers(store: ListStore, **params: Any) -> list[int]:
    """Return the numbers of the profiles that the options select."""
    return [int(entry["href"].rpartition("/")[2]) for entry in select(PAIRING_PROFILE, store, chosen(params))]


def label(number: int) -> dict[str, str]:
    return {"href": f"/orgs/1/labels/{number}"}


def test_every_specified_filter_is_an_option() -> None:
    offered = {"href"}
    for name, spec in PAIRING_PROFILE.filters().items():
        offered |= {name, *spec.get("aliases", ())}
    assert offered >= SPECIFIED


def test_filters_beyond_the_specification() -> None:
    assert set(PAIRING_PROFILE.filters()) - SPECIFIED == {
        *("allowed_uses_per_key", "log_traffic", "log_traffic_lock", "ven_type"),
    }


@pytest.mark.parametrize(
    ("params", "query"),
    [
        ({}, {}),
        ({"name": "we b&"}, {"name": "we b&"}),
        ({"description": "d"}, {"description": "d"}),
        ({"agent_software_release": "23.2"}, {"agent_software_release": "23.2"}),
        ({"external_data_set": "s", "external_data_reference": "r"},) * 2,
        ({"ven_type": "server"}, {"ven_type": "server"}),
        ({"labels": [["/orgs/1/labels/1"]]}, {"labels": '[["/orgs/1/labels/1"]]'}),
        # What a PCE need not know as a filter is not sent.
        ({"enabled": True, "mode": "idle", "key_lifespan": "5", "created_by": "/users/1", "is_default": False}, {}),
    ],
)
def test_query_parameters(params: dict[str, Any], query: dict[str, str]) -> None:
    store = ListStore()
    numbers(store, **params)
    assert store.asked[0][0] == query


@pytest.mark.parametrize(
    ("name", "wanted", "matching", "other"),
    [
        ("mode", "illuminated", {"enforcement_mode": "visibility_only"}, {"enforcement_mode": "full"}),
        ("mode", "enforced", {"enforcement_mode": None, "mode": "enforced"}, {"enforcement_mode": "idle"}),
        ("enforcement_mode", "full", {"enforcement_mode": None, "mode": "enforced"}, {"enforcement_mode": "idle"}),
        ("status", "idle", {"status": "idle"}, {"status": "active"}),
        ("enabled", False, {"enabled": False}, {"enabled": True}),
        ("enabled", True, {"enabled": True}, {"enabled": False}),
        ("total_use_count", 0, {"total_use_count": 0}, {"total_use_count": 1}),
        ("allowed_uses_per_key", "one_use", {"allowed_uses_per_key": 1}, {"allowed_uses_per_key": "unlimited"}),
        ("allowed_uses_per_key", "5", {"allowed_uses_per_key": "5"}, {"allowed_uses_per_key": 50}),
        ("key_lifespan", "unlimited", {"key_lifespan": "unlimited"}, {"key_lifespan": 60}),
        ("key_lifespan", "60", {"key_lifespan": 60}, {"key_lifespan": "unlimited"}),
        ("last_pairing_at", "2016-06-30T18:13:50.668Z", {"last_pairing_at": "2016-06-30T18:13:50.668Z"}, {}),
        ("created_at", "2016-06-08T23:13:29.019Z", {"created_at": "2016-06-08T23:13:29.019Z"}, {}),
        ("updated_at", "2016-06-08T23:13:29.019Z", {"updated_at": "2016-06-08T23:13:29.019Z"}, {}),
        ("created_by", "/users/1", {"created_by": {"href": "/users/1"}}, {"created_by": {"href": "/users/12"}}),
        ("updated_by", "/users/1", {"updated_by": {"href": "/users/1"}}, {"updated_by": None}),
        ("is_default", True, {"is_default": True}, {"is_default": False}),
        ("mode_lock", True, {"mode_lock": True}, {"mode_lock": False}),
        ("mode_lock", True, {"enforcement_mode_lock": True}, {"enforcement_mode_lock": False, "mode_lock": True}),
        ("enforcement_mode_lock", True, {"mode_lock": True}, {"mode_lock": False}),
        ("visibility_level", "flow_off", {"visibility_level": "flow_off"}, {"visibility_level": "flow_drops"}),
        ("status_lock", True, {"status_lock": True}, {"status_lock": False}),
        ("status_lock", False, {}, {"status_lock": True}),
        ("status_lock", False, {"status_lock": None}, {"status_lock": True}),
        ("is_default", False, {}, {"is_default": True}),
        ("is_default", False, {"is_default": None}, {"is_default": True}),
        ("mode_lock", False, {}, {"mode_lock": True}),
        ("role_label_lock", False, {}, {"role_label_lock": True}),
        ("external_data_set", "s", {"external_data_set": "s"}, {"external_data_set": "s2"}),
        ("external_data_reference", "r", {"external_data_reference": "r"}, {"external_data_reference": None}),
        ("ven_type", "endpoint", {"ven_type": "endpoint"}, {"ven_type": "server"}),
    ]
    + [
        (name, wanted, {name: wanted}, {name: not wanted})
        for name in ("env_label_lock", "loc_label_lock", "role_label_lock", "app_label_lock", "visibility_level_lock")
        + ("log_traffic", "log_traffic_lock")
        for wanted in (True, False)
    ],
)
def test_what_a_server_does_not_filter_is_filtered_here(
    name: str, wanted: Any, matching: dict[str, Any], other: dict[str, Any]
) -> None:
    store = ListStore(raw_profile(1, **other), raw_profile(2, **matching), raw_profile(3, **other))
    assert numbers(store, **{name: wanted}) == [2]


A, B, C, D = (f"/orgs/1/labels/{number}" for number in (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ([[A]], [1, 2, 4]),
        ([[A, B]], [1, 4]),
        ([[B, A]], [1, 4]),
        ([A, B], [1, 4]),
        ([[A, B], [C]], [1, 3, 4]),
        ([[A, B, C]], [4]),
        ([[D]], []),
        ([[D], [C]], [3, 4]),
    ],
)
def test_labels_as_sets_of_sets(wanted: list[Any], found: list[int]) -> None:
    """``[[a, b], [c]]`` is (a and b) or c."""
    store = ListStore(
        raw_profile(1, labels=[label(1), label(2)]),
        raw_profile(2, labels=[label(1)]),
        raw_profile(3, labels=[label(3)]),
        raw_profile(4, labels=[label(3), label(2), label(1)]),
        raw_profile(5, labels=None),
    )
    assert numbers(store, labels=wanted) == found
    groups = wanted if isinstance(wanted[0], list) else [wanted]
    assert list(map(sorted, json.loads(store.asked[0][0]["labels"]))) == list(map(sorted, groups))


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ([], "must be a list, or a list of lists, none of them empty"),
        ([[]], "must be a list, or a list of lists, none of them empty"),
        ([[A], []], "must be a list, or a list of lists, none of them empty"),
        ([[A], B], "must be a list, or a list of lists, none of them empty"),
        ([["web"]], "must be an href such as /orgs/1/labels/7"),
        ([[A], ["/orgs/2/labels/1"]], "belongs to organisation 2"),
        ([[f"{PROFILES}/1"]], "must be the href of one of the labels"),
        ([[None]], "has an entry null; it must be {href: …}"),
        ([[7]], "has an entry 7; it must be {href: …}"),
        ([[A, {"role": None}]], 'has an entry {"role": null} whose value is not a text: null'),
    ],
)
def test_wrong_labels(wanted: list[list[Any]], problem: str) -> None:
    with pytest.raises(OptionError, match=f"^labels: {problem}"):
        chosen({"labels": wanted})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"href": "/orgs/1/labels/3"}, "href: must be the href of one of the pairing_profiles"),
        ({"key_lifespan": "0"}, "key_lifespan: must be an integer from 1"),
        ({"allowed_uses_per_key": "abc"}, "allowed_uses_per_key: must be an integer from 1"),
        ({"max_results": -1}, "max_results: must be 0 or more"),
    ],
)
def test_wrong_filters(params: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        chosen(params)
    assert str(caught.value).startswith(message)


def test_partial_filters_are_the_servers() -> None:
    """Only the server can tell how it matches a part, so what it answers is shown."""
    store = ListStore(raw_profile(1, name="web"), raw_profile(2, name="Wéb-prod"))
    assert numbers(store, name="web") == [1, 2]
    assert store.asked == [({"name": "web"}, None)]


def test_labels_are_asked_for_by_what_the_server_knows() -> None:
    given = {"key": "role", "value": "web", "external_data_set": "cmdb"}
    store = ListStore({"href": "/orgs/1/labels/1", "key": "role", "value": "web-1", "external_data_set": "cmdb"})
    found = select(LABEL, store, read_listing(LABEL, given, check_reference))
    assert store.asked == [({"key": "role", "value": "web", "external_data_set": "cmdb"}, None)]
    assert [entry["href"] for entry in found] == ["/orgs/1/labels/1"]
    assert found[0]["external_data_reference"] is None


def test_which_release_matches_only_the_server_can_tell() -> None:
    """A profile that follows the PCE's default shows null, and a PCE that is asked for that release finds it."""
    store = ListStore(raw_profile(1, agent_software_release="Default (23.2.20-157)"))
    assert numbers(store, agent_software_release="23.2.20-157") == [1]
    assert store.asked == [({"agent_software_release": "23.2.20-157"}, None)]


@pytest.mark.parametrize("name", ["name", "description"])
def test_exact_takes_the_whole_text(name: str) -> None:
    store = ListStore(
        raw_profile(1, **{name: "web"}), raw_profile(2, **{name: "web-prod"}), raw_profile(3, **{name: "Web"})
    )
    assert numbers(store, exact=True, **{name: "web"}) == [1]
    assert store.asked == [({name: "web"}, None)]


def test_exact_leaves_other_filters_alone() -> None:
    store = ListStore(raw_profile(1, enabled=False), raw_profile(2))
    assert numbers(store, exact=True, enabled=True, name="PP") == [2]


@pytest.mark.parametrize(
    ("params", "asked_for", "found"),
    [
        ({}, None, [1, 2, 3]),
        ({"max_results": 2}, 2, [1, 2]),
        ({"max_results": 0}, 0, []),
        ({"max_results": 9}, 9, [1, 2, 3]),
        ({"max_results": 1, "name": "P"}, 1, [1]),
        # With a filter of ours, the first page of the server need not hold a match.
        ({"max_results": 1, "enabled": False}, None, [2]),
        ({"max_results": 2, "enabled": False}, None, [2, 3]),
        ({"max_results": 1, "name": "PP", "exact": True}, None, [1]),
    ],
)
def test_max_results(params: dict[str, Any], asked_for: int | None, found: list[int]) -> None:
    store = ListStore(raw_profile(1), raw_profile(2, enabled=False), raw_profile(3, enabled=False))
    assert numbers(store, **params) == found
    assert store.asked[0][1] == asked_for


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, [2]),
        ({"name": "PROD"}, [2]),
        ({"name": "web"}, [2]),
        ({"name": "db"}, []),
        ({"name": "web", "exact": True}, []),
        ({"enabled": False}, []),
        ({"description": "x"}, []),
        ({"max_results": 0}, []),
    ],
)
def test_one_by_href(params: dict[str, Any], found: list[int]) -> None:
    """One object has passed no filter of a server, so all of them count here."""
    store = ListStore(raw_profile(1), raw_profile(2, name="web-prod"))
    assert numbers(store, href=f"{PROFILES}/2", **params) == found
    assert store.asked == []


def test_one_by_href_that_is_gone() -> None:
    assert numbers(ListStore(), href=f"{PROFILES}/2") == []


def test_entries_have_the_shape_of_the_modules_result() -> None:
    raw = raw_profile(mode_lock=True, key_lifespan="60", surprise=1)
    assert select(PAIRING_PROFILE, ListStore(raw), chosen({})) == [PAIRING_PROFILE.to_result(raw)]
