# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many objects of one kind, over one read of the server: each is planned and carried out as the single module does."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from . import progress
from .errors import (
    ApiError,
    CollectionError,
    ContractError,
    DeadlineError,
    MissingReferenceError,
    OptionError,
    RequestError,
    UnreachableError,
    UntrustedError,
)
from .fields import common_part, parse_option
from .plan import Action
from .reconcile import DesiredState, Result, Step, apply, prepare, read_desired_state, warnings_of
from .resource import ABSENT, PRESENT, Identity, Raw, Resource, Scope
from .snapshot import Snapshot
from .store import Store

PURGE = "purge"
PURGE_SCOPE = "purge_scope"

MAX_CONCURRENCY = 10
"""Objects that are written at a time. More would not make a PCE's limit any higher."""

_MAX_NAMED = 10


class BulkError(CollectionError):
    """Some objects could not be brought to their state; what was done to the others stands in ``outcomes``."""

    def __init__(self, message: str, changed: bool, outcomes: Sequence[Mapping[str, Any]]) -> None:
        self.changed = changed
        self.outcomes = list(outcomes)
        super().__init__(message)

    def details(self) -> dict[str, Any]:
        return {"outcomes": self.outcomes}


@dataclass(frozen=True)
class BulkResult:
    """What was done, or in check mode would be. ``outcomes`` has an entry for each object, in the order of the task:
    the listed ones, then those that were removed because they are not listed.
    """

    changed: bool
    outcomes: Sequence[Mapping[str, Any]]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    warnings: Sequence[str]


@dataclass(frozen=True)
class Purge:
    """Which objects that are not listed are removed: those for which all conditions hold."""

    conditions: Sequence[tuple[Scope, Any]] = ()


@dataclass(frozen=True)
class Bulk:
    """What a task asks for: the ``requests``, and which others are removed. ``concurrency`` objects are written at a
    time.
    """

    desired_states: Sequence[DesiredState]
    purge: Purge | None = None
    concurrency: int = 1


def read_bulk(resource: Resource, params: Mapping[str, Any]) -> Bulk:
    """Return what the options ask for. Raise OptionError, naming the entry, for what is wrong in them."""
    concurrency = params.get("concurrency", 1)
    if not 1 <= concurrency <= MAX_CONCURRENCY:
        raise OptionError("concurrency", f"must be 1 to {MAX_CONCURRENCY}, not {concurrency}")
    return Bulk(read_desired_states(resource, params), _purge_from(resource, params), concurrency)


def read_desired_states(resource: Resource, params: Mapping[str, Any]) -> list[DesiredState]:
    """Return what the list of objects in ``params`` asks for.

    Raise OptionError naming the entry for a wrong one, and for an object that is listed twice: the two would undo each
    other at every run.
    """
    desired_states: list[DesiredState] = []
    seen: dict[Any, int] = {}
    for position, entry in enumerate(params[resource.plural]):
        where = f"{resource.plural}[{position}]"
        try:
            desired_state = read_desired_state(resource, {**params, **entry, "state": entry.get("state") or PRESENT})
        except OptionError as error:
            raise OptionError(f"{where}.{error.option}", error.problem) from error
        for identity in filter(None, (desired_state.identity, desired_state.new_identity)):
            called = identity.reference or tuple(identity.names.items())
            if called in seen:
                raise OptionError(
                    where, f"is the {resource.title} {identity} of {resource.plural}[{seen[called]}] again"
                )
            seen[called] = position
        desired_states.append(desired_state)
    return desired_states


def _purge_from(resource: Resource, params: Mapping[str, Any]) -> Purge | None:
    if not params[PURGE]:
        return None
    given = params.get(PURGE_SCOPE) or {}
    known = ", ".join(resource.scopes)
    if resource.scopes and not given:
        raise OptionError(PURGE_SCOPE, f"is needed with purge, to say which {resource.title}s may be removed ({known})")
    conditions = []
    for name, value in given.items():
        where = f"{PURGE_SCOPE}.{name}"
        if name not in resource.scopes:
            raise OptionError(where, f"is not known; known are {known}")
        scope = resource.scopes[name]
        # A condition that is null was meant to be one: without it, more would be removed.
        wanted = parse_option(where, scope.parse, value)
        other = resource.field(scope.field).refers_to
        for entry in wanted if other is not None else ():
            if other is not None and other.reference in entry:
                resource.api.check_reference(params, other.plural, where, entry[other.reference])
        conditions.append((scope, wanted))
    return Purge(conditions)


def reconcile_all(resource: Resource, store: Store, bulk: Bulk, dry_run: bool) -> BulkResult:
    """Bring the objects to their wanted states, or say what that would take.

    All is planned before anything is written. One object that fails does not stop the others; in the end BulkError
    names those that failed. Nothing is purged then: what is not listed may be what the failed one was to replace.
    """
    run = _Run(resource, store, bulk, dry_run)
    run.plan()
    run.write()
    return run.end()


@dataclass
class _Item:
    """One object of the task: what it is called in results, what is planned, and what has become of it."""

    names: Mapping[str, Any]
    label: str
    step: Step | None = None
    outcome: Result | None = None
    error: CollectionError | None = None

    @property
    def is_change(self) -> bool:
        return self.step is not None and self.step.plan.is_change


@dataclass
class _Run:
    resource: Resource
    store: Store
    bulk: Bulk
    dry_run: bool
    listed: list[_Item] = field(default_factory=list)
    purged: list[_Item] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    held_back: bool = False

    def __post_init__(self) -> None:
        self._parameters = _narrowing(self.resource, self.bulk)
        self.snapshot = Snapshot(self.resource, self.store, self.store.read(self._parameters))
        self._lock = threading.Lock()
        self._stopped: str | None = None
        self._done = self._failed = self._total = 0

    def plan(self) -> None:
        """Find out what is to be done. Raise an error where that shows that nothing may be."""
        named = [(desired_state.identity, desired_state.new_identity) for desired_state in self.bulk.desired_states]
        self.snapshot.confirm_absences([identity for pair in named for identity in pair if identity is not None])
        self.listed = [self._prepared(desired_state) for desired_state in self.bulk.desired_states]
        self._refuse_duplicates()
        if self.bulk.purge is not None:
            self.purged = [self._prepared(desired_state) for desired_state in self._others(self.bulk.purge)]
        changes = sum(item.is_change for item in [*self.listed, *self.purged])
        if changes:
            self.store.ensure_within_deadline(changes, f"changing {changes} {self.resource.title}s")

    def write(self) -> None:
        """Carry out what is planned; the purge only if nothing that is listed has failed."""
        self._total = sum(item.is_change for item in [*self.listed, *self.purged])
        self._carry_out_all(self.listed)
        if any(item.error for item in self.listed):
            self.held_back, self.purged = bool(self.purged), []
        self._carry_out_all(self.purged)
        if not self.dry_run:
            self._read_back()

    def end(self) -> BulkResult:
        """Return what was done, or raise BulkError where something failed."""
        items = [*self.listed, *self.purged]
        failures = [item for item in items if item.error is not None]
        outcomes = [self._shown(item) for item in items]
        changed = any(entry["changed"] for entry in outcomes)
        if failures:
            several = [f"{item.label}: {item.error}" for item in failures[:_MAX_NAMED]]
            more = "; …" if len(failures) > _MAX_NAMED else ""
            held_back = "; nothing was purged" if self.held_back else ""
            raise BulkError(
                f"{len(failures)} of {len(items)} {self.resource.title}s failed{held_back}: {'; '.join(several)}{more}",
                changed,
                outcomes,
            )
        before, after = self._diff(items)
        return BulkResult(changed, outcomes, before, after, self.warnings)

    def _prepared(self, desired_state: DesiredState) -> _Item:
        names = {name: desired_state.identity.names.get(name) for name in self.resource.identity}
        item = _Item(names, _label(desired_state.identity))
        try:
            item.step = prepare(self.resource, self.snapshot, desired_state)
        except CollectionError as error:
            # A server that cannot be asked for one object cannot be asked for the others, and nothing is written yet.
            if isinstance(error, RequestError) and not isinstance(error, ContractError):
                raise
            item.error = error
            return item
        before = item.step.plan.before
        if desired_state.identity.reference is not None and before is not None:
            item.names = {name: before[name] for name in self.resource.identity}
            item.label = _label(Identity(names=item.names))
        return item

    def _refuse_duplicates(self) -> None:
        """Raise OptionError for an object that is listed by its reference and by its names."""
        seen: dict[Any, int] = {}
        for position, item in enumerate(self.listed):
            shown = item.step.plan.before if item.step is not None else None
            reference = shown[self.resource.reference] if shown is not None else None
            if reference is not None and seen.setdefault(reference, position) != position:
                where = f"{self.resource.plural}[{position}]"
                raise OptionError(where, f"is {reference} of {self.resource.plural}[{seen[reference]}] again")

    def _others(self, purge: Purge) -> list[DesiredState]:
        """Return what removes the objects that are not listed, by their references."""
        conditions = [(scope, self._resolved(scope, wanted)) for scope, wanted in purge.conditions]
        listed = {tuple(item.names.values()) for item in self.listed}
        listed |= {tuple(item.step.identity.names.values()) for item in self.listed if item.step is not None}
        known = {
            item.step.plan.before[self.resource.reference]
            for item in self.listed
            if item.step is not None and item.step.plan.before is not None
        }
        unknown = [raw for raw in self.snapshot.unknown if self._is_in(conditions, raw, known)]
        if unknown:
            # It may be one that is listed, and purging it would remove what the task is to keep.
            references = ", ".join(self.resource.reference_of(raw) for raw in unknown[:_MAX_NAMED])
            raise CollectionError(
                f"nothing was done: purge would remove what cannot be recognised, since the server shows no readable "
                f"{self.resource.identity[0]} for {references}"
            )
        return [
            DesiredState(Identity(self.resource.reference_of(raw)), {}, ABSENT)
            for names, raw in self.snapshot.named()
            if names not in listed and self._is_in(conditions, raw, known)
        ]

    def _resolved(self, scope: Scope, wanted: Any) -> Any:
        if self.resource.field(scope.field).refers_to is None:
            return wanted
        # A label that this task makes is on nothing yet.
        create = any(desired_state.create_missing for desired_state in self.bulk.desired_states) or None
        try:
            return self.snapshot.resolve({scope.field: wanted}, create)[scope.field]
        except MissingReferenceError as error:
            raise MissingReferenceError(f"{PURGE_SCOPE}.{error}") from error

    def _is_in(self, conditions: Sequence[tuple[Scope, Any]], raw: Raw, known: set[Any]) -> bool:
        shown = self.resource.to_result(raw) or {}
        if (self.resource.protected and shown[self.resource.protected]) or shown[self.resource.reference] in known:
            return False
        return all(scope.matches(wanted, shown[scope.field]) for scope, wanted in conditions)

    def _carry_out_all(self, items: Sequence[_Item]) -> None:
        ready = [item for item in items if item.step is not None]
        if self.dry_run or self.bulk.concurrency == 1:
            for item in ready:
                self._carry_out(item)
            return
        with ThreadPoolExecutor(self.bulk.concurrency) as pool:
            list(pool.map(self._carry_out, ready))

    def _carry_out(self, item: _Item) -> None:
        if item.step is None:
            return
        if self._stopped is not None and item.is_change:
            item.error = CollectionError(f"not tried, since what befell {self._stopped} would befall it too")
        else:
            try:
                item.outcome = apply(self.resource, self.snapshot, item.step, self.dry_run)
            except CollectionError as error:
                item.error = error
                if _stops_all(error):
                    self._stopped = item.label
            except Exception as error:  # what was done to the others must not get lost with it
                item.error = CollectionError(f"a defect of this collection, please report it: {error!r}")
                item.error.changed = True
                self._stopped = item.label
        if item.is_change and not self.dry_run:
            with self._lock:
                self._done += 1
                self._failed += item.error is not None
                progress.report_progress(f"{self.resource.title}s changed", self._done, self._total, self._failed)

    def _read_back(self) -> None:
        """Replace what updated objects should be by what the server shows, over one read for all of them."""
        updated = [item for item in self.listed if item.outcome is not None and item.outcome.action is Action.UPDATE]
        if not updated or not self.store.is_read_back_together:
            return
        try:
            shown = Snapshot(self.resource, self.store, self.store.read(self._parameters))
        except CollectionError as error:
            self.warnings.append(f"what was written could not be read back: {error}")
            return
        for item in updated:
            if item.step is not None and item.outcome is not None:
                self._compare(item, item.step, item.outcome, shown)

    def _compare(self, item: _Item, step: Step, outcome: Result, shown: Snapshot) -> None:
        raw = shown.find(Identity(step.plan.reference))
        if raw is None:
            item.error = CollectionError(
                f"{step.plan.reference} was deleted by somebody else just after it was updated"
            )
            item.error.changed = True
            return
        left = self.resource.plan(
            raw, self.snapshot.resolve(step.desired_state.desired, create=True), step.desired_state.state
        )
        item.outcome = Result(
            outcome.changed,
            self.resource.to_result(raw),
            outcome.before,
            outcome.after,
            [*outcome.warnings, *warnings_of(left)],
            outcome.action,
        )

    def _shown(self, item: _Item) -> Mapping[str, Any]:
        outcome = item.outcome if item.outcome is not None else Result(False, None)
        if item.error is None:
            self.warnings += [f"{item.label}: {warning}" for warning in outcome.warnings]
        shown = None if item.error else outcome.result
        known = item.step.plan.reference if item.step is not None else None
        return {
            **item.names,
            self.resource.reference: shown[self.resource.reference] if shown is not None else known,
            "action": "failed" if item.error else outcome.action.value,
            "changed": item.error.changed if item.error else outcome.changed,
            "error": str(item.error) if item.error else None,
            # The whole object only where it is news: Ansible is slow with megabytes of unchanged ones.
            self.resource.name: shown if outcome.changed else None,
        }

    def _diff(self, items: Sequence[_Item]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the two sides of the diff. What an object lacks on one side is left out there: null would read as an
        object that is null.
        """
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        for item in items:
            outcome = item.outcome
            if outcome is None or not outcome.changed:
                continue
            key = item.label
            if (key in before or key in after) and item.step is not None:
                key = f"{key} ({item.step.plan.reference})"
            if outcome.action is not Action.CREATE:
                before[key] = dict(outcome.before)
            if outcome.action is not Action.DELETE:
                after[key] = dict(outcome.after)
        return before, after


def _narrowing(resource: Resource, bulk: Bulk) -> dict[str, str]:
    """Return query parameters that leave out objects that have nothing to do with the task.

    Where a server filters names partially and all names of the task begin alike, those that do not contain that
    beginning are neither listed nor, if purging goes by such a beginning too, to be removed.
    """
    name = resource.identity[0]
    if not resource.is_filtered_by_part(name):
        return {}
    names: list[Any] = []
    for desired_state in bulk.desired_states:
        names += [
            identity.names.get(name) for identity in (desired_state.identity, desired_state.new_identity) if identity
        ]
    if bulk.purge is not None:
        conditions = bulk.purge.conditions
        names += [wanted for scope, wanted in conditions if scope.is_prefix and scope.field == name] or [None]
    common = "" if None in names else common_part(names)
    return {name: common} if common else {}


def _stops_all(error: CollectionError) -> bool:
    """Say whether what befell one object will befall all others too."""
    if isinstance(error, ApiError):
        return error.status == 401 or (error.status == 403 and error.method == "POST")
    return isinstance(error, (UnreachableError, UntrustedError, DeadlineError))


def _label(identity: Identity) -> str:
    """Return what an object is called in a sentence or a diff."""
    return identity.reference or " ".join(str(value) for value in identity.names.values() if value is not None)
