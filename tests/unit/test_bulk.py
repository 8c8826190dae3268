# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many objects over one read, with a store in memory and the table of pairing profiles: bulk knows no API."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from plugins.module_utils._core import progress
from plugins.module_utils._core.bulk import Bulk, Purge, read_bulk, read_desired_states
from plugins.module_utils._core.bulk_result import BulkError, BulkResult
from plugins.module_utils._core.bulk_run import reconcile_all
from plugins.module_utils._core.errors import (
    ApiError,
    CollectionError,
    DeadlineError,
    OptionError,
    RequestError,
    UnreachableError,
)
from plugins.module_utils._core.plan import Action, Plan
from plugins.module_utils._core.reconcile import Result, apply
from plugins.module_utils._core.resource import Identity, Raw
from plugins.module_utils._core.store import Store
from plugins.module_utils._pce.pairing_profile import PAIRING_PROFILE

from .helpers import PROFILES, check_reference, raw_profile


class ListStore(Store):
    """Objects in a list, which counts how often it is read. ``broken`` names objects that cannot be written."""

    def __init__(self, *objects: dict[str, Any], broken: Sequence[str] = ()) -> None:
        self.objects = [dict(item) for item in objects]
        self.reads = 0
        self.written: list[tuple[str, str]] = []
        self._broken = broken

    def find(self, identity: Identity) -> Raw | None:
        assert identity.reference is not None, "one by one"
        return next((item for item in self.objects if item["href"] == identity.reference), None)

    def query(self, parameters: Mapping[str, str], max_results: int | None = None) -> Sequence[Raw]:
        assert max_results is None  # a server may ignore the parameters
        self.reads += 1
        return [dict(item) for item in self.objects]

    def execute(self, plan: Plan, identity: Identity) -> Raw | None:
        name = (plan.after or plan.before or {})["name"]
        if name in self._broken:
            raise RequestError(f"{name} is broken", "PUT", "/")
        self.written.append((plan.action.value, name))
        if plan.action is Action.CREATE:
            new = raw_profile(100 + len(self.objects), **PAIRING_PROFILE.body(plan.changes))
            self.objects.append(new)
            return new
        old = next(item for item in self.objects if item["href"] == plan.reference)
        if plan.action is Action.DELETE:
            self.objects.remove(old)
            return None
        old.update(PAIRING_PROFILE.body(plan.changes))
        return dict(old)


def run(store: ListStore, *entries: dict[str, Any], purge: bool = False, dry_run: bool = False) -> BulkResult:
    """Reconcile what a list of objects asks for, as the module does."""
    requests = read_desired_states(PAIRING_PROFILE, {"pairing_profiles": list(entries)}, check_reference)
    return reconcile_all(PAIRING_PROFILE, store, Bulk(requests, Purge() if purge else None), dry_run)


def actions(outcome: BulkResult | BulkError) -> list[tuple[str, str]]:
    """What was done to which object."""
    return [(entry["name"], entry["action"]) for entry in outcome.outcomes]


A, B, C = (raw_profile(number, name=name) for number, name in ((1, "A"), (2, "B"), (3, "C")))
WANTED: list[dict[str, Any]] = [
    {"name": "A"},
    {"name": "B", "description": "new"},
    {"name": "N", "state": "present"},
    {"name": "C", "state": "absent"},
    {"name": "gone", "state": "absent"},
]


def test_one_read_for_all_and_a_second_run_does_nothing() -> None:
    store = ListStore(A, B, C)
    first = run(store, *WANTED)
    expected = [("A", "nothing"), ("B", "update"), ("N", "create"), ("C", "delete"), ("gone", "nothing")]
    assert actions(first) == expected
    assert store.reads == 1
    second = run(store, *WANTED)
    assert not second.changed
    assert (second.before, second.after) == ({}, {})
    assert store.reads == 2
    assert len(store.written) == 3


def test_a_dry_run_says_the_same_and_writes_nothing() -> None:
    store = ListStore(A, B, C)
    foreseen = run(store, *WANTED, purge=True, dry_run=True)
    assert store.written == []
    done = run(store, *WANTED, purge=True)
    assert actions(foreseen) == actions(done)
    assert (foreseen.before, foreseen.after) == (done.before, done.after)
    assert set(done.before) == {"B", "C"}
    assert set(done.after) == {"B", "N"}


def test_purge_removes_what_is_not_listed_twins_too() -> None:
    store = ListStore(A, B, C, raw_profile(4, name="C"))
    done = run(store, {"name": "A"}, purge=True)
    assert actions(done) == [("A", "nothing"), ("B", "delete"), ("C", "delete"), ("C", "delete")]
    assert [item["name"] for item in store.objects] == ["A"]
    assert set(done.before) == {"B", "C", f"C ({PROFILES}/4)"}


def test_what_is_listed_as_absent_is_not_purged_again() -> None:
    done = run(ListStore(A), {"name": "A", "state": "absent"}, purge=True)
    assert actions(done) == [("A", "delete")]


def test_one_that_fails_stops_the_purge_and_nothing_else() -> None:
    store = ListStore(A, B, C, broken=["B"])
    with pytest.raises(BulkError) as caught:
        run(store, {"name": "B", "enabled": False}, {"name": "N"}, purge=True)
    assert actions(caught.value) == [("B", "failed"), ("N", "create")]
    assert str(caught.value) == "1 of 2 pairing profiles failed; nothing was purged: B: B is broken"
    assert caught.value.changed
    details = caught.value.details()
    assert details["outcomes"][0]["error"] == "B is broken"
    assert store.written == [("create", "N")]


def test_failures_of_the_purge_are_told() -> None:
    store = ListStore(A, B, C, broken=["B"])
    with pytest.raises(BulkError, match=r"^1 of 3 pairing profiles failed: B: B is broken$"):
        run(store, {"name": "A"}, purge=True)
    assert store.written == [("delete", "C")]


def test_twins_are_an_error_of_theirs_alone() -> None:
    store = ListStore(A, raw_profile(4, name="A"), B)
    with pytest.raises(BulkError, match="there are 2 pairing profiles") as caught:
        run(store, {"name": "A", "enabled": False}, {"name": "B", "enabled": False})
    assert actions(caught.value) == [("A", "failed"), ("B", "update")]


@pytest.mark.parametrize(
    ("scope", "message"),
    [
        ({"name_prefix": ""}, "purge_scope.name_prefix: must be a text that is not empty"),
        ({"name_prefix": 5}, "purge_scope.name_prefix: must be a text that is not empty"),
        ({"external_data_set": None}, "purge_scope.external_data_set: must be a text that is not empty"),
        ({"labels": []}, "purge_scope.labels: must be a list that is not empty"),
        ({"labels": "role"}, "purge_scope.labels: must be a list that is not empty"),
        ({"labels": {"role": "web"}}, "purge_scope.labels: must be a list that is not empty"),
        (
            {"labels": [{"role": "web"}, {"role": "db"}]},
            "purge_scope.labels: must not have more than one label of one key: role=db and role=web",
        ),
        ({"labels": [{"href": "/orgs/2/labels/7"}]}, "purge_scope.labels: belongs to organisation 2"),
        ({"description": "x"}, "purge_scope.description: unknown; must be one of name_prefix, external_data_set, la"),
        ({}, "purge_scope: is required with purge: which pairing profiles may be deleted (name_prefix, external_"),
        ({"labels": [5]}, "purge_scope.labels: has an entry 5; it must be {href: "),
    ],
    ids=str,
)
def test_a_wrong_scope_is_an_error_before_any_read(scope: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        read_bulk(PAIRING_PROFILE, {"pairing_profiles": [], "purge": True, "purge_scope": scope}, check_reference)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(("given", "taken"), [({}, 1), ({"concurrency": 1}, 1), ({"concurrency": 10}, 10)])
def test_how_many_at_a_time(given: dict[str, Any], taken: int) -> None:
    params = {"pairing_profiles": [], "purge": False, **given}
    assert read_bulk(PAIRING_PROFILE, params, check_reference).concurrency == taken


@pytest.mark.parametrize("concurrency", [0, -1, 11])
def test_too_many_at_a_time(concurrency: int) -> None:
    params = {"pairing_profiles": [], "purge": False, "concurrency": concurrency}
    with pytest.raises(OptionError, match=f"^concurrency: must be 1 to 10, not {concurrency}$"):
        read_bulk(PAIRING_PROFILE, params, check_reference)


def test_labels_of_a_scope() -> None:
    scope = {"labels": [{"role": "web"}, {"href": "/orgs/1/labels/7"}, {"key": "env", "value": "prod"}]}
    params = {"pairing_profiles": [], "purge": True, "purge_scope": scope}
    purge = read_bulk(PAIRING_PROFILE, params, check_reference).purge
    assert purge is not None
    assert [wanted for _condition, wanted in purge.conditions] == [
        [{"href": "/orgs/1/labels/7"}, {"key": "env", "value": "prod"}, {"key": "role", "value": "web"}]
    ]


@pytest.mark.parametrize(("count", "more"), [(10, ""), (11, "; …"), (30, "; …")])
def test_of_many_failures_ten_are_named(count: int, more: str) -> None:
    names = [f"P{number}" for number in range(count)]
    with pytest.raises(BulkError) as caught:
        run(ListStore(broken=names), *({"name": name} for name in names))
    told = "; ".join(f"{name}: {name} is broken" for name in names[:10])
    assert str(caught.value) == f"{count} of {count} pairing profiles failed: {told}{more}"
    assert len(caught.value.outcomes) == count


def test_an_object_that_is_listed_twice_is_an_error() -> None:
    store = ListStore(A, B)
    message = rf"^pairing_profiles\[2\]: duplicates pairing_profiles\[0\] \({PROFILES}/1\)$"
    with pytest.raises(OptionError, match=message):
        run(store, {"name": "A"}, {"name": "B"}, {"href": f"{PROFILES}/1", "enabled": False}, {"name": "N"})
    assert store.written == []


class FailingStore(ListStore):
    """A store that fails in another way at one object."""

    def __init__(self, failure: Exception, *objects: dict[str, Any]) -> None:
        super().__init__(*objects)
        self._failure = failure

    def execute(self, plan: Plan, identity: Identity) -> Raw | None:
        if identity.names.get("name") == "B":
            raise self._failure
        return super().execute(plan, identity)


@pytest.mark.parametrize(
    ("failure", "told", "changed"),
    [
        (ZeroDivisionError("x"), "unexpected error, please report this bug: ZeroDivisionError('x')", True),
        (ApiError("who?", "PUT", "/", 401, []), "who?", False),
        (ApiError("no", "POST", "/", 403, []), "no", False),
        (UnreachableError("not there", "PUT", "/"), "not there", False),
        (DeadlineError("too late", "PUT", "/"), "too late", False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_befalls_all_is_tried_once(failure: Exception, told: str, changed: bool) -> None:
    store = FailingStore(failure, A, B, C)
    with pytest.raises(BulkError) as caught:
        run(store, *({"name": name, "enabled": False} for name in "ABC"), {"name": "gone", "state": "absent"})
    assert [entry["error"] for entry in caught.value.outcomes] == [
        None,
        told,
        "skipped: the failure of B would affect every remaining object",
        None,
    ]
    assert [entry["changed"] for entry in caught.value.outcomes] == [True, changed, False, False]
    assert store.written == [("update", "A")]


@pytest.mark.parametrize("failure", [ApiError("no", "PUT", "/", 403, []), ApiError("no", "POST", "/", 406, [])])
def test_what_befalls_one_does_not_stop_the_others(failure: ApiError) -> None:
    store = FailingStore(failure, A, B, C)
    with pytest.raises(BulkError, match=r"^1 of 3 pairing profiles failed: B: no$"):
        run(store, *({"name": name, "enabled": False} for name in "ABC"))
    assert store.written == [("update", "A"), ("update", "C")]


@pytest.mark.parametrize("dry_run", [False, True])
def test_progress_counts_what_is_changed(monkeypatch: pytest.MonkeyPatch, dry_run: bool) -> None:
    told: list[Any] = []
    monkeypatch.setattr(progress, "report_progress", lambda *words: told.append(words))
    entries = [{"name": name, "enabled": False} for name in "AB"]
    run(ListStore(A, B, C, raw_profile(4, name="D")), *entries, {"name": "D"}, purge=True, dry_run=dry_run)
    expected = [("pairing profiles changed", done, 3, 0) for done in (1, 2, 3)]
    assert told == ([] if dry_run else expected)
    told.clear()
    if not dry_run:
        with pytest.raises(BulkError):
            run(ListStore(A, B, C, broken=["A", "B"]), *entries, {"name": "C", "enabled": False})
        assert told == [("pairing profiles changed", done, 3, failed) for done, failed in ((1, 1), (2, 2), (3, 2))]


@pytest.mark.parametrize(
    ("concurrency", "dry_run", "at_once"), [(1, False, 1), (2, False, 2), (4, False, 4), (4, True, 1)]
)
def test_so_many_are_written_at_a_time(
    monkeypatch: pytest.MonkeyPatch, concurrency: int, dry_run: bool, at_once: int
) -> None:
    lock, now, threads = threading.Lock(), [0, 0], set()
    together = threading.Barrier(at_once, timeout=30)

    def watched(*arguments: Any) -> Result:
        with lock:
            threads.add(threading.current_thread())
            now[0] += 1
            now[1] = max(now)
        together.wait()
        done = apply(*arguments)
        with lock:
            now[0] -= 1
        return done

    monkeypatch.setattr("plugins.module_utils._core.bulk_run.apply", watched)
    requests = read_desired_states(
        PAIRING_PROFILE, {"pairing_profiles": [{"name": f"P{number}"} for number in range(12)]}, check_reference
    )
    outcome = reconcile_all(PAIRING_PROFILE, ListStore(), Bulk(requests, None, concurrency), dry_run)
    assert len(outcome.outcomes) == 12
    assert now[1] == at_once
    assert (threads == {threading.main_thread()}) is (at_once == 1)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([{"name": "A"}, {"name": "B"}, {"name": "A", "state": "absent"}], r"pairing_profiles\[2\]: .*profiles\[0\]"),
        ([{"name": "A"}, {"name": ""}], r"pairing_profiles\[1\]\.name: must not be empty"),
        ([{"name": "A", "key_lifespan": "0"}], r"pairing_profiles\[0\]\.key_lifespan: "),
    ],
)
def test_a_wrong_list_is_an_error_before_any_read(entries: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        read_desired_states(PAIRING_PROFILE, {"pairing_profiles": entries}, check_reference)


@pytest.mark.parametrize("name", [None, "", ["PP-A"], {"name": "PP-A"}, 5])
@pytest.mark.parametrize("dry_run", [True, False])
def test_purge_removes_nothing_where_an_object_cannot_be_recognised(name: Any, dry_run: bool) -> None:
    store = ListStore(raw_profile(1, name="PP-A"), raw_profile(2, name=name))
    store.objects.append(raw_profile(3, name=name))
    with pytest.raises(CollectionError, match=rf"nothing was changed: .*: {PROFILES}/2, {PROFILES}/3$"):
        run(store, {"name": "PP-B"}, purge=True, dry_run=dry_run)
    assert store.written == []
    run(store, {"name": "PP-B"}, dry_run=dry_run)  # without purge it is in nobody's way


def test_a_null_name_is_no_identity() -> None:
    with pytest.raises(OptionError, match="name: one of name and href is required"):
        run(ListStore(raw_profile(1, name=None)), {"name": None, "state": "absent"})


class PartialStore(ListStore):
    """A server that filters names partially, as a PCE does."""

    def query(self, parameters: Mapping[str, str], max_results: int | None = None) -> Sequence[Raw]:
        self.asked = dict(parameters)
        wanted = parameters.get("name", "").lower()
        return [dict(item) for item in self.objects if wanted in item["name"].lower()]


@pytest.mark.parametrize(
    ("entries", "scope", "asked"),
    [
        ([{"name": "PP-A"}, {"name": "PP-B"}], None, {"name": "PP-"}),
        ([{"name": "PP-A"}], None, {"name": "PP-A"}),
        ([{"name": "PP-A"}, {"name": "X"}], None, {}),
        ([{"name": "PP-A", "new_name": "PA"}], None, {"name": "P"}),
        ([{"name": "PP-A"}, {"href": f"{PROFILES}/2"}], None, {}),
        ([{"name": "PP-A"}], {"name_prefix": "PP"}, {"name": "PP"}),
        ([{"name": "PP-A"}], {"name_prefix": "PP", "external_data_set": "cmdb"}, {"name": "PP"}),
        ([{"name": "PP-A"}], {"external_data_set": "cmdb"}, {}),
        ([], {"name_prefix": "PP"}, {"name": "PP"}),
        ([], None, {}),
    ],
    ids=str,
)
def test_only_what_the_task_is_about_is_read(
    entries: list[dict[str, Any]], scope: dict[str, Any] | None, asked: dict[str, str]
) -> None:
    store = PartialStore(raw_profile(1, name="PP-A"), raw_profile(2, name="other"), raw_profile(3, name="apP-a"))
    params = {"pairing_profiles": entries, "purge": scope is not None, "purge_scope": scope}
    reconcile_all(PAIRING_PROFILE, store, read_bulk(PAIRING_PROFILE, params, check_reference), dry_run=True)
    assert store.asked == asked


class ManyStore(ListStore):
    """Takes updates together, does no more than ``part`` of each, and refuses all that it could not do."""

    is_read_back_together = True
    max_updates = 10

    def __init__(self, *objects: dict[str, Any], part: Sequence[str]) -> None:
        super().__init__(*objects)
        self._part = part

    def update_many(self, changes: Sequence[tuple[Plan, Raw]]) -> list[Raw | CollectionError]:
        for plan, _current in changes:
            done = {name: value for name, value in PAIRING_PROFILE.body(plan.changes).items() if name in self._part}
            next(item for item in self.objects if item["href"] == plan.reference).update(done)
        return [CollectionError("no")] * len(changes)


@pytest.mark.parametrize(("part", "changed"), [((), False), (("description",), True)])
def test_refused_update_that_was_done_in_part_is_a_change(part: Sequence[str], changed: bool) -> None:
    store = ManyStore(A, B, part=part)
    other = {"name": "B", "description": "new"}
    with pytest.raises(BulkError, match=r"A(, B)?: no$") as caught:
        run(store, {"name": "A", "description": "new", "enabled": False}, other)
    first = caught.value.outcomes[0]
    assert (first["action"], first["changed"]) == ("failed", changed)


def test_only_updates_are_carried_out_together() -> None:
    store = ManyStore(B, part=("description",))
    done = run(store, {"name": "B", "description": "new"}, {"name": "N"})
    assert actions(done) == [("B", "update"), ("N", "create")]


def test_bug_in_a_common_update_is_told_as_a_change() -> None:
    store = ManyStore({**A, "href": "/orgs/1/pairing_profiles/1"}, part=())
    store.update_many = lambda changes: [][len(changes)]  # type: ignore[method-assign]
    with pytest.raises(BulkError, match="unexpected error, please report this bug") as caught:
        run(store, {"name": "A", "description": "new"})
    assert caught.value.changed
