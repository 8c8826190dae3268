# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many objects of one kind, over one read of the server: each is reconciled as the single module does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import CollectionError, OptionError
from .kind import ABSENT, PRESENT, CarefulStore, Identity, Kind, Raw, ResolvingStore, Store
from .plan import Action, Plan
from .reconcile import Outcome, Request, reconcile, request_from

_MOST_NAMED = 10


class BulkError(CollectionError):
    """Some objects could not be brought to their state; what was done to the others stands in ``outcomes``."""

    def __init__(self, message: str, changed: bool, outcomes: Sequence[Mapping[str, Any]]) -> None:
        self.changed = changed
        self.outcomes = list(outcomes)
        super().__init__(message)

    def details(self) -> dict[str, Any]:
        return {"outcomes": self.outcomes}


@dataclass(frozen=True)
class BulkOutcome:
    """What was done, or in check mode would be. ``outcomes`` has an entry for each object, in the order of the task:
    the listed ones, then those that were removed because they are not listed.
    """

    changed: bool
    outcomes: Sequence[Mapping[str, Any]]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    warnings: Sequence[str]


class Snapshot:
    """All objects of a store as one read showed them. Changes go through to the store."""

    def __init__(self, kind: Kind, store: Store) -> None:
        self._kind = kind
        self._store = store
        self._by_names: dict[tuple[Any, ...], list[Raw]] = {}
        self._by_reference: dict[str, Raw] = {}
        self.unknown: list[str] = []
        for raw in store.query({}):
            names = kind.names_of(raw)
            if names is None:
                self.unknown.append(kind.reference_of(raw))
            else:
                self._by_names.setdefault(names, []).append(raw)
            self._by_reference[kind.reference_of(raw)] = raw

    def find(self, identity: Identity) -> Raw | None:
        """Return the one object with this identity, or None. Raise AmbiguousError where there are several."""
        if identity.reference is not None:
            return self._by_reference.get(identity.reference)
        found = self._by_names.get(tuple(identity.names[name] for name in self._kind.identity), [])
        if len(found) > 1:
            raise self._kind.ambiguous(identity, found)
        return found[0] if found else None

    def query(self, parameters: Mapping[str, str], most: int | None = None) -> Sequence[Raw]:
        """Ask the store itself."""
        return self._store.query(parameters, most)

    def check(self, plan: Plan, current: Raw | None) -> None:
        """Let the store look at a plan, where it does that."""
        if isinstance(self._store, CarefulStore):
            self._store.check(plan, current)

    def resolve(self, values: Mapping[str, Any], create: bool) -> dict[str, Any]:
        """Let the store replace names by references, where it does that."""
        return self._store.resolve(values, create) if isinstance(self._store, ResolvingStore) else dict(values)

    def execute(self, plan: Plan, identity: Identity) -> Raw | None:
        """Do what the plan says and return the object as the server shows it now."""
        return self._store.execute(plan, identity)

    def others(self, names: Sequence[Mapping[str, Any]]) -> list[Identity]:
        """Return all objects, by reference, whose names are not among ``names``."""
        listed = {tuple(entry[name] for name in self._kind.identity) for entry in names}
        return [
            Identity(self._kind.reference_of(raw), dict(zip(self._kind.identity, found)))
            for found, raws in self._by_names.items()
            if found not in listed
            for raw in raws
        ]


def requests_from(kind: Kind, params: Mapping[str, Any]) -> list[Request]:
    """Return what the list of objects in ``params`` asks for.

    Raise OptionError naming the entry for a wrong one, and for an object that is listed twice: the two would undo each
    other at every run.
    """
    requests: list[Request] = []
    seen: dict[tuple[Any, ...], int] = {}
    for position, entry in enumerate(params[kind.plural]):
        where = f"{kind.plural}[{position}]"
        try:
            request = request_from(kind, {**params, **entry, "state": entry.get("state") or PRESENT})
        except OptionError as error:
            raise OptionError(f"{where}.{error.option}", error.problem) from error
        names = tuple(request.identity.names[name] for name in kind.identity)
        if names in seen:
            raise OptionError(where, f"is the {kind.title} {request.identity} of {kind.plural}[{seen[names]}] again")
        seen[names] = position
        requests.append(request)
    return requests


def reconcile_all(kind: Kind, store: Store, requests: Sequence[Request], purge: bool, dry_run: bool) -> BulkOutcome:
    """Bring the objects to their wanted states, or say what that would take. ``purge`` removes all others.

    One that fails does not stop the others; in the end BulkError names those that failed. Nothing is purged then: what
    is not listed may be what the failed one was to replace.
    """
    run = _Run(kind, Snapshot(kind, store), dry_run)
    if purge and run.snapshot.unknown:
        # It may be one that is listed, and purging it would remove what the task is to keep.
        raise CollectionError(
            f"nothing was done: purge would remove what cannot be recognised, since the server shows no readable "
            f"{kind.identity[0]} for {', '.join(run.snapshot.unknown[:_MOST_NAMED])}"
        )
    for request in requests:
        run.do(request, request.identity)
    if purge and not run.failures:
        for identity in run.snapshot.others([request.identity.names for request in requests]):
            run.do(Request(Identity(identity.reference), {}, ABSENT), identity)
    if run.failures:
        listed = "; ".join(run.failures[:_MOST_NAMED]) + ("; …" if len(run.failures) > _MOST_NAMED else "")
        held_back = "; nothing was purged" if purge and len(run.outcomes) == len(requests) else ""
        raise BulkError(
            f"{len(run.failures)} of {len(run.outcomes)} {kind.title}s failed{held_back}: {listed}",
            run.changed,
            run.outcomes,
        )
    return BulkOutcome(run.changed, run.outcomes, run.before, run.after, run.warnings)


class _Run:
    """What has been done so far."""

    def __init__(self, kind: Kind, snapshot: Snapshot, dry_run: bool) -> None:
        self.snapshot = snapshot
        self.outcomes: list[Mapping[str, Any]] = []
        self.failures: list[str] = []
        self.warnings: list[str] = []
        self.before: dict[str, Any] = {}
        self.after: dict[str, Any] = {}
        self._kind = kind
        self._dry_run = dry_run

    @property
    def changed(self) -> bool:
        return any(entry["changed"] for entry in self.outcomes)

    def do(self, request: Request, identity: Identity) -> None:
        """Reconcile one object; ``identity`` is what it is called in results."""
        try:
            outcome = reconcile(self._kind, self.snapshot, request, self._dry_run)
        except CollectionError as error:
            self.failures.append(f"{_label(identity)}: {error}")
            self._enter(identity, Outcome(error.changed, None), str(error))
            return
        self.warnings += [f"{_label(identity)}: {warning}" for warning in outcome.warnings]
        if outcome.changed:
            # What an object lacks on one side is left out there: null would read as an object that is null.
            key = _label(identity, self.before.keys() | self.after.keys())
            if outcome.action is not Action.CREATE:
                self.before[key] = dict(outcome.before)
            if outcome.action is not Action.DELETE:
                self.after[key] = dict(outcome.after)
        self._enter(identity, outcome, None)

    def _enter(self, identity: Identity, outcome: Outcome, problem: str | None) -> None:
        self.outcomes.append(
            {
                **{name: identity.names[name] for name in self._kind.identity},
                "action": "failed" if problem else outcome.action.value,
                "changed": outcome.changed,
                "error": problem,
                self._kind.name: outcome.result,
            }
        )


def _label(identity: Identity, taken: Any = ()) -> str:
    """Return what an object is called in a sentence or a diff, with its reference where that name is ``taken``."""
    label = " ".join(str(value) for value in identity.names.values() if value is not None)
    return f"{label} ({identity.reference})" if label in taken else label
