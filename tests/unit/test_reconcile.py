# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reconciling, with a store in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from plugins.module_utils._core.errors import AmbiguousError, CollectionError, OptionError
from plugins.module_utils._core.plan import Action, Plan
from plugins.module_utils._core.reconcile import DesiredState, Result, prepare, read_desired_state, reconcile
from plugins.module_utils._core.resource import PRESENT, Identity, Raw
from plugins.module_utils._core.snapshot import Snapshot
from plugins.module_utils._core.store import QueryResult, Store
from plugins.module_utils._pce.pairing_profile import PAIRING_PROFILE
from plugins.module_utils._pe.connector_instance import CONNECTOR_INSTANCE

from .helpers import PROFILES, check_reference, raw_profile


class MemoryStore(Store):
    """Objects in a list. ``calls`` records what was asked; ``rules`` are what the server makes of a body."""

    def __init__(self, *objects: dict[str, Any], keeps: Mapping[str, Any] | None = None) -> None:
        self.objects = list(objects)
        self.calls: list[tuple[Action, dict[str, Any]]] = []
        self.finds = 0
        self.rival: dict[str, Any] | None = None
        self._keeps = dict(keeps or {})

    def find(self, identity: Identity) -> Raw | None:
        self.finds += 1
        found = [raw for raw in self.objects if self._is(raw, identity)]
        if len(found) > 1:
            raise PAIRING_PROFILE.ambiguous(identity, found)
        return dict(found[0]) if found else None

    def query(self, parameters: Mapping[str, str], max_results: int | None = None) -> Sequence[Raw]:
        raise AssertionError("reconciling lists nothing")

    def execute(self, plan: Plan, identity: Identity) -> Raw | None:
        body = PAIRING_PROFILE.body(plan.changes)
        self.calls.append((plan.action, body))
        if plan.action is Action.CREATE:
            if self.rival is not None:  # what create_once gives when the name was taken a moment before
                self.objects.append(self.rival)
                return self.find(identity)
            new = {"href": f"{PROFILES}/{len(self.objects) + 1}", **body, **self._keeps}
            self.objects.append(new)
            return dict(new)
        raw = next(raw for raw in self.objects if raw["href"] == plan.reference)
        if plan.action is Action.DELETE:
            self.objects.remove(raw)
            return None
        raw.update({**body, **self._keeps})
        return dict(raw)

    @staticmethod
    def _is(raw: Raw, identity: Identity) -> bool:
        if identity.reference is not None:
            return bool(raw["href"] == identity.reference)
        return all(raw[name] == value for name, value in identity.names.items())


def run(store: MemoryStore, dry_run: bool = False, **params: Any) -> Result:
    """Reconcile what options ask for, as the module does."""
    request = read_desired_state(PAIRING_PROFILE, {"state": "present", **params}, check_reference)
    return reconcile(PAIRING_PROFILE, store, request, dry_run)


CASES: dict[str, tuple[list[dict[str, Any]], dict[str, Any], Action, dict[str, Any]]] = {
    "create": ([], {"name": "PP"}, Action.CREATE, {"name": "PP", "enabled": True}),
    "create with its new name": (
        [],
        {"name": "old", "new_name": "PP", "enabled": False},
        Action.CREATE,
        {"name": "PP", "enabled": False},
    ),
    "update": ([raw_profile()], {"name": "PP", "description": "d"}, Action.UPDATE, {"description": "d"}),
    "update by href": (
        [raw_profile()],
        {"href": f"{PROFILES}/24", "enabled": False},
        Action.UPDATE,
        {"enabled": False},
    ),
    "rename": ([raw_profile(name="old")], {"name": "old", "new_name": "PP"}, Action.UPDATE, {"name": "PP"}),
    "rename by href": (
        [raw_profile(name="old")],
        {"href": f"{PROFILES}/24", "new_name": "PP"},
        Action.UPDATE,
        {"name": "PP"},
    ),
    "update what was renamed before": (
        [raw_profile()],
        {"name": "old", "new_name": "PP", "enabled": False},
        Action.UPDATE,
        {"enabled": False},
    ),
    "delete": ([raw_profile()], {"name": "PP", "state": "absent"}, Action.DELETE, {}),
    "delete by href": ([raw_profile()], {"href": f"{PROFILES}/24", "state": "absent"}, Action.DELETE, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_change(case: str) -> None:
    objects, params, action, body = CASES[case]
    predicted = run(MemoryStore(*map(dict, objects)), dry_run=True, **params)
    store = MemoryStore(*map(dict, objects))
    outcome = run(store, **params)
    assert store.calls == [(action, body)]
    assert outcome.changed
    assert not outcome.warnings
    assert (outcome.before, outcome.after) == (predicted.before, predicted.after)
    again = run(store, **params)
    assert not again.changed
    assert again.result == outcome.result
    assert len(store.calls) == 1


@pytest.mark.parametrize("case", CASES)
def test_dry_run_never_executes(case: str) -> None:
    objects, params, _action, _body = CASES[case]
    store = MemoryStore(*map(dict, objects))
    outcome = run(store, dry_run=True, **params)
    assert outcome.changed
    assert store.calls == []
    assert store.objects == objects


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(
    "params",
    [
        {"name": "PP", "enabled": True},
        {"href": f"{PROFILES}/24"},
        {"name": "old", "new_name": "PP"},
        {"name": "gone", "state": "absent"},
        {"href": f"{PROFILES}/99", "state": "absent"},
    ],
)
def test_nothing_to_do(params: dict[str, Any], dry_run: bool) -> None:
    store = MemoryStore(raw_profile())
    outcome = run(store, dry_run, **params)
    assert not outcome.changed
    assert store.calls == []
    assert outcome.before == outcome.after
    assert outcome.result == (None if params.get("state") == "absent" else PAIRING_PROFILE.to_result(raw_profile()))


def test_an_unchanged_object_is_asked_for_once() -> None:
    store = MemoryStore(raw_profile())
    run(store, name="PP", enabled=True)
    assert store.finds == 1


def test_diff_holds_only_what_users_decide() -> None:
    outcome = run(MemoryStore(raw_profile()), name="PP", description="d")
    assert outcome.before["description"] == ""
    assert outcome.after == {**outcome.before, "description": "d"}
    assert not {"href", "caps", "updated_at"} & set(outcome.before)


def test_diff_of_creating_and_deleting() -> None:
    created = run(MemoryStore(), name="PP")
    assert (created.before, created.after) == ({}, {"name": "PP", "enabled": True})
    deleted = run(MemoryStore(raw_profile()), name="PP", state="absent")
    assert (deleted.before["name"], deleted.after) == ("PP", {})
    assert deleted.result is None


@pytest.mark.parametrize("dry_run", [False, True])
def test_new_name_that_is_taken(dry_run: bool) -> None:
    store = MemoryStore(raw_profile(1, name="old"), raw_profile(2))
    with pytest.raises(OptionError) as caught:
        run(store, dry_run, name="old", new_name="PP")
    assert str(caught.value) == f"new_name: is taken by {PROFILES}/2; {PROFILES}/1 was not renamed"
    assert store.calls == []


@pytest.mark.parametrize("dry_run", [False, True])
def test_present_by_an_href_that_is_gone(dry_run: bool) -> None:
    store = MemoryStore()
    with pytest.raises(OptionError, match=f"^href: unknown pairing profile {PROFILES}/24; .*set name") as caught:
        run(store, dry_run, href=f"{PROFILES}/24", enabled=True)
    assert caught.value.option == "href"
    assert store.calls == []


@pytest.mark.parametrize("params", [{"state": "absent"}, {"enabled": False}, {"new_name": "other"}])
def test_ambiguous_name(params: dict[str, Any]) -> None:
    store = MemoryStore(raw_profile(3), raw_profile(7))
    with pytest.raises(AmbiguousError) as caught:
        run(store, name="PP", **params)
    assert caught.value.references == [f"{PROFILES}/3", f"{PROFILES}/7"]
    assert store.calls == []


def test_object_of_somebody_else_is_updated() -> None:
    store = MemoryStore()
    store.rival = raw_profile(9, description="theirs")
    outcome = run(store, name="PP", description="ours")
    assert store.calls == [
        (Action.CREATE, {"name": "PP", "enabled": True, "description": "ours"}),
        (Action.UPDATE, {"description": "ours"}),
    ]
    assert outcome.changed
    assert not outcome.warnings
    assert outcome.result is not None
    assert (outcome.result["href"], outcome.result["description"]) == (f"{PROFILES}/9", "ours")


@pytest.mark.parametrize("objects", [[], [raw_profile()]])
def test_server_that_does_not_keep_a_value(objects: list[dict[str, Any]]) -> None:
    store = MemoryStore(*map(dict, objects), keeps={"log_traffic": False})
    outcome = run(store, name="PP", log_traffic=True)
    assert outcome.changed
    assert list(outcome.warnings) == ["the server accepted log_traffic but shows another value"]
    assert outcome.result is not None
    assert outcome.result["log_traffic"] is False


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"name": "PP", "new_name": "PP"}, "new_name: must differ from name"),
        ({"name": "PP", "new_name": "other", "state": "absent"}, "new_name: cannot be combined with state: absent"),
        ({"name": "PP", "new_name": ""}, "new_name: must not be empty"),
        ({"name": "PP", "new_name": "x" * 256}, "new_name: must have at most 255 characters, not 256"),
        # An entry without an href must not become a list that clears the labels.
        ({"name": "PP", "labels": [{"href": ""}]}, "labels: "),
        ({"name": "PP", "labels": [{"href": None}]}, "labels: "),
        ({"name": ""}, "name: must not be empty"),
        ({"name": "x" * 256}, "name: must have at most 255 characters, not 256"),
        ({"name": "PP", "key_lifespan": "0"}, "key_lifespan: must be an integer"),
        ({"href": "/orgs/1/labels/3"}, "href: must be the href of one of the pairing_profiles, not of the labels"),
        ({"href": "/orgs/2/pairing_profiles/3"}, "href: belongs to organisation 2, while pce_org_id is 1"),
        ({"name": "PP", "labels": [{"href": f"{PROFILES}/3"}]}, "labels: must be the href of one of the labels"),
        ({"name": "PP", "labels": [{"href": "/orgs/7/labels/3"}]}, "labels: belongs to organisation 7"),
        ({"name": "PP", "labels": [{"href": "web"}]}, "labels: must be an href such as /orgs/1/labels/7"),
        ({"name": "PP", "state": "absent", "labels": [{"href": "web"}]}, "labels: must be an href such as"),
    ],
)
def test_wrong_options(params: dict[str, Any], message: str) -> None:
    store = MemoryStore()
    with pytest.raises(OptionError) as caught:
        run(store, **params)
    assert str(caught.value).startswith(message)
    assert store.finds == 0


class CarefulMemory(MemoryStore):
    """A store that looks at each plan before it is carried out, and at the object that it is for."""

    def __init__(self, *objects: dict[str, Any]) -> None:
        super().__init__(*objects)
        self.looked_at: list[tuple[Action, Raw | None]] = []

    def check(self, plan: Plan, current: Raw | None) -> None:
        self.looked_at.append((plan.action, current))


def test_a_store_looks_at_what_would_change(monkeypatch: pytest.MonkeyPatch) -> None:
    store = CarefulMemory(raw_profile())
    run(store, dry_run=True, name="PP")
    run(store, dry_run=True, name="PP", enabled=False)
    run(store, dry_run=True, name="other")
    assert store.looked_at == [(Action.UPDATE, raw_profile()), (Action.CREATE, None)]
    # Through a snapshot too, which asks the store only for what it has not read.
    snapshot = Snapshot(PAIRING_PROFILE, store, QueryResult([raw_profile()]))
    snapshot.check(PAIRING_PROFILE.plan(raw_profile(), {"enabled": False}, "present"), raw_profile())
    assert store.looked_at[2:] == [(Action.UPDATE, raw_profile())]
    asked: list[Any] = []
    monkeypatch.setattr(store, "query", lambda *arguments: asked.append(arguments))
    snapshot.query({"name": "PP"}, 7)
    assert asked == [({"name": "PP"}, 7)]


def test_what_is_written_again_is_shown_in_the_diff_and_its_value_is_not() -> None:
    shown = {"instance_id": "one", "controller": "10.0.0.1", "controller_port": 443, "controller_username": "joe"}
    options = {"controller": "10.0.0.1", "controller_password": "s3cret", "state": "present"}
    request = read_desired_state(CONNECTOR_INSTANCE, {**options, "update_password": "always"}, check_reference)
    outcome = reconcile(CONNECTOR_INSTANCE, _Holding(shown), request, dry_run=True)
    assert outcome.before["controller_password"] == "(not shown)"
    assert outcome.after["controller_password"] == "(not shown, written again)"
    assert outcome.changed


class _Holding(MemoryStore):
    """A store of connector instances that holds one."""

    def find(self, identity: Identity) -> Raw | None:
        return self.objects[0] if self.objects else None


def test_an_instance_that_is_not_there_is_created_by_its_names_only() -> None:
    request = read_desired_state(CONNECTOR_INSTANCE, {"instance_id": "one", "state": "present"}, check_reference)
    with pytest.raises(OptionError) as caught:
        reconcile(CONNECTOR_INSTANCE, _Holding(), request, dry_run=True)
    assert str(caught.value) == (
        "instance_id: unknown connector instance one; to create one, set controller and address_space_name instead"
    )


@pytest.mark.parametrize("wanted", [True, False, None])
@pytest.mark.parametrize("new_name", [None, "new"])
def test_labels_are_made_where_the_task_says_so(wanted: bool | None, new_name: str | None) -> None:
    params = {"state": "present", "name": "PP", "new_name": new_name, "create_labels": wanted}
    assert read_desired_state(PAIRING_PROFILE, params, check_reference).create_missing is bool(wanted)


class _Refusing(MemoryStore):
    """A store that does what it is told, and takes no second change."""

    def execute(self, plan: Plan, identity: Identity) -> Raw | None:
        if self.calls:
            raise OptionError("enabled", "is refused")
        return super().execute(plan, identity)


def test_what_fails_after_the_first_write_has_changed_something() -> None:
    with pytest.raises(OptionError, match=r"^enabled: is refused$") as caught:
        run(_Refusing(keeps={"enabled": True}), name="PP", enabled=False)
    assert caught.value.changed


def test_the_repr_of_a_request_shows_no_value() -> None:
    request = read_desired_state(
        PAIRING_PROFILE, {"state": "present", "name": "PP", "description": "s3cret"}, check_reference
    )
    assert "s3cret" not in repr(request)


def test_request_by_href_keeps_the_identity() -> None:
    params = {"state": "present", "href": f"{PROFILES}/24", "new_name": "PP"}
    request = read_desired_state(PAIRING_PROFILE, params, check_reference)
    assert request.identity == Identity(f"{PROFILES}/24")
    assert request.new_identity == Identity(names={"name": "PP"})
    assert request.desired == {"name": "PP"}


def test_prepare_leaves_what_was_changed_since_the_decision() -> None:
    store = MemoryStore(raw_profile(24, enforcement_mode="full"))
    expected = {"enforcement_mode": "idle"}
    wanted = DesiredState(Identity(f"{PROFILES}/24"), {"enforcement_mode": "selective"}, PRESENT, expected=expected)
    with pytest.raises(CollectionError, match=r"^enforcement_mode was changed meanwhile, from idle to full$"):
        prepare(PAIRING_PROFILE, store, wanted)
    unchanged = DesiredState(wanted.identity, {"enforcement_mode": "full"}, PRESENT, expected=expected)
    assert prepare(PAIRING_PROFILE, store, unchanged).plan.is_change is False
