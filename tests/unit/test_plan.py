# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning, as properties over the table of pairing profiles."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._core.errors import ContractError
from plugins.module_utils._core.fields import MAX_INTEGER
from plugins.module_utils._core.plan import Action
from plugins.module_utils._core.resource import ABSENT, PRESENT, Identity
from plugins.module_utils._pce.pairing_profile import PAIRING_PROFILE

from .helpers import raw_profile

MODES = ["idle", "visibility_only", "selective", "full"]
LEVELS = ["flow_summary", "flow_drops", "flow_off", "enhanced_data_collection", "flow_full_detail"]
VEN_TYPES = ["server", "endpoint", "specified_during_activation"]
FLAGS = [item.name for item in PAIRING_PROFILE.fields if item.spec == {"type": "bool"}]
WRITABLE = [item for item in PAIRING_PROFILE.fields if item.writable]

numbers = st.integers(1, MAX_INTEGER)
label = st.integers(1, 6).map(lambda number: {"href": f"/orgs/1/labels/{number}"})
release = st.sampled_from(["", "23.2.20-157", "Default (23.2.20-157)", "Default (24.5.0-1)"])

# What servers of any age show (pce-api.md, Pairing profiles).
shown_limit = st.one_of(st.none(), numbers, numbers.map(str), st.just("unlimited"))
properties: dict[str, st.SearchStrategy[Any]] = {
    "description": st.one_of(st.none(), st.text(max_size=5)),
    "enforcement_mode": st.sampled_from([None, *MODES]),
    "mode": st.sampled_from([None, "idle", "illuminated", "enforced"]),
    "mode_lock": st.sampled_from([None, True, False]),
    "visibility_level": st.sampled_from([None, *LEVELS]),
    "labels": st.one_of(st.none(), st.lists(label, max_size=4)),
    "allowed_uses_per_key": st.one_of(shown_limit, st.just("one_use")),
    "key_lifespan": shown_limit,
    "agent_software_release": st.one_of(st.none(), release),
    "external_data_set": st.one_of(st.none(), st.text(max_size=3)),
    "external_data_reference": st.one_of(st.none(), st.text(max_size=3)),
    "ven_type": st.sampled_from([None, *VEN_TYPES]),
    "caps": st.sampled_from([None, [], ["write", "generate_pairing_key"]]),
    "created_by": st.sampled_from([None, {"href": "/users/1"}]),
    "total_use_count": st.one_of(st.none(), numbers),
    "an_unheard_of_property": st.one_of(st.none(), st.integers(), st.lists(st.text())),
    **{name: st.sampled_from([None, True, False]) for name in FLAGS},
}
raws = st.fixed_dictionaries(
    {"href": st.just("/orgs/1/pairing_profiles/24"), "name": st.text(min_size=1, max_size=5)}, optional=properties
)

# What Ansible hands over for each option; None is an option that was not given.
option_limit = st.one_of(numbers.map(str), st.just("unlimited"))
option_values: dict[str, st.SearchStrategy[Any]] = {
    "name": st.text(min_size=1, max_size=5),
    "description": st.text(max_size=5),
    "enforcement_mode": st.sampled_from(MODES),
    "visibility_level": st.sampled_from(LEVELS),
    "labels": st.lists(label, max_size=4),
    "allowed_uses_per_key": st.one_of(option_limit, st.just("one_use")),
    "key_lifespan": option_limit,
    "agent_software_release": release,
    "external_data_set": st.text(max_size=3),
    "external_data_reference": st.text(max_size=3),
    "ven_type": st.sampled_from(VEN_TYPES),
    **{name: st.booleans() for name in FLAGS},
}
options = st.fixed_dictionaries({}, optional={name: st.none() | values for name, values in option_values.items()})


def shown(raw: Any) -> dict[str, Any]:
    """Return an object as results show it."""
    found = PAIRING_PROFILE.to_result(raw)
    assert found is not None
    return found


def as_options(values: dict[str, Any]) -> dict[str, Any]:
    """Return shown values as Ansible hands them over: the limits' type is str."""
    return {
        name: str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in values.items()
    }


def test_the_strategies_know_the_whole_table() -> None:
    assert set(option_values) == {item.name for item in WRITABLE}


@given(raws)
def test_what_is_shown_is_what_is_wanted(raw: dict[str, Any]) -> None:
    desired = PAIRING_PROFILE.writable(PAIRING_PROFILE.to_result(raw))
    assert PAIRING_PROFILE.plan(raw, desired, PRESENT).action is Action.NOTHING


@given(raws)
def test_a_result_given_as_options_changes_nothing(raw: dict[str, Any]) -> None:
    desired = PAIRING_PROFILE.desired(as_options(PAIRING_PROFILE.writable(PAIRING_PROFILE.to_result(raw))))
    plan = PAIRING_PROFILE.plan(raw, desired, PRESENT)
    assert plan.action is Action.NOTHING
    assert plan.before == plan.after == PAIRING_PROFILE.to_result(raw)


@given(raws)
def test_every_property_is_shown(raw: dict[str, Any]) -> None:
    assert list(shown(raw)) == [item.name for item in PAIRING_PROFILE.fields]


@given(raws, options)
def test_prediction(raw: dict[str, Any], given_options: dict[str, Any]) -> None:
    plan = PAIRING_PROFILE.plan(raw, PAIRING_PROFILE.desired(given_options), PRESENT)
    updated = {**raw, **PAIRING_PROFILE.body(plan.changes)}
    assert PAIRING_PROFILE.writable(PAIRING_PROFILE.to_result(updated)) == PAIRING_PROFILE.writable(plan.after)
    assert PAIRING_PROFILE.plan(updated, PAIRING_PROFILE.desired(given_options), PRESENT).action is Action.NOTHING


@given(raws, options)
def test_only_what_differs_is_sent(raw: dict[str, Any], given_options: dict[str, Any]) -> None:
    before = PAIRING_PROFILE.writable(PAIRING_PROFILE.to_result(raw))
    desired = PAIRING_PROFILE.desired(given_options)
    plan = PAIRING_PROFILE.plan(raw, desired, PRESENT)
    body = PAIRING_PROFILE.body(plan.changes)
    assert set(body) == {name for name in desired if desired[name] != before[name]}
    assert plan.action is (Action.UPDATE if body else Action.NOTHING)
    assert all(given_options[name] is not None for name in body)
    assert json.loads(json.dumps(body)) == body


@pytest.mark.parametrize("name", list(option_values))
@given(data=st.data())
def test_reading_undoes_writing(name: str, data: st.DataObject) -> None:
    field = next(item for item in WRITABLE if item.name == name)
    canonical = field.parse(data.draw(option_values[name]))
    assert field.read(json.loads(json.dumps(field.write(canonical)))) == canonical
    assert field.value_in({name: field.write(canonical)}) == canonical


@given(st.permutations([1, 2, 3]), st.permutations([1, 2, 3]))
def test_label_order_has_no_meaning(first: list[int], second: list[int]) -> None:
    raw = raw_profile(labels=[{"href": f"/orgs/1/labels/{number}"} for number in first])
    desired = PAIRING_PROFILE.desired({"labels": [{"href": f"/orgs/1/labels/{number}"} for number in second]})
    assert PAIRING_PROFILE.plan(raw, desired, PRESENT).action is Action.NOTHING


@given(options)
def test_create_sends_what_was_given_and_enabled(given_options: dict[str, Any]) -> None:
    desired = PAIRING_PROFILE.desired(given_options)
    plan = PAIRING_PROFILE.plan(None, desired, PRESENT)
    assert plan.action is Action.CREATE
    assert plan.reference is None
    assert PAIRING_PROFILE.body(plan.changes) == PAIRING_PROFILE.body({"enabled": True, **desired})
    after = plan.after
    assert after is not None
    assert list(after) == [item.name for item in PAIRING_PROFILE.fields]
    assert {name: after[name] for name in plan.changes} == dict(plan.changes)


def test_create_disabled_when_asked_for() -> None:
    plan = PAIRING_PROFILE.plan(None, {"name": "a", "enabled": False}, PRESENT)
    assert PAIRING_PROFILE.body(plan.changes) == {"name": "a", "enabled": False}


def test_limits_are_json_integers_in_a_body() -> None:
    desired = PAIRING_PROFILE.desired({"allowed_uses_per_key": "one_use", "key_lifespan": "60"})
    body = PAIRING_PROFILE.body(PAIRING_PROFILE.plan(raw_profile(), desired, PRESENT).changes)
    assert json.dumps(body, sort_keys=True) == '{"allowed_uses_per_key": 1, "key_lifespan": 60}'


@given(raws, options)
def test_absent_deletes_whatever_is_said_of_it(raw: dict[str, Any], given_options: dict[str, Any]) -> None:
    plan = PAIRING_PROFILE.plan(raw, PAIRING_PROFILE.desired(given_options), ABSENT)
    assert (plan.action, plan.reference) == (Action.DELETE, raw["href"])
    assert plan.before == PAIRING_PROFILE.to_result(raw)
    assert plan.after is None
    assert not plan.changes


def test_absent_of_what_is_gone_is_nothing() -> None:
    plan = PAIRING_PROFILE.plan(None, {"name": "a"}, ABSENT)
    assert plan.action is Action.NOTHING
    assert not plan.is_change
    assert plan.before is plan.after is None


@pytest.mark.parametrize("href", [None, "", 24])
@pytest.mark.parametrize("state", [PRESENT, ABSENT])
def test_an_object_that_cannot_be_addressed_is_not_changed(href: Any, state: str) -> None:
    with pytest.raises(ContractError, match="without href"):
        PAIRING_PROFILE.plan(raw_profile(href=href), {"name": "other"}, state)


def test_nearest_names() -> None:
    error = PAIRING_PROFILE.missing(Identity(names={"name": "PP-WEB"}), ["PP-DB", "PP-WEB1", "elsewhere"])
    assert str(error) == "unknown pairing profile with name 'PP-WEB'; closest matches: PP-WEB1, PP-DB"
    assert "nearest" not in str(PAIRING_PROFILE.missing(Identity(names={"name": "PP-WEB"}), ["elsewhere"]))


def test_ambiguity_names_every_href() -> None:
    error = PAIRING_PROFILE.ambiguous(Identity(names={"name": "PP"}), [raw_profile(3), raw_profile(7)])
    assert error.details() == {"candidates": ["/orgs/1/pairing_profiles/3", "/orgs/1/pairing_profiles/7"]}
    assert "/orgs/1/pairing_profiles/3, /orgs/1/pairing_profiles/7" in str(error)
