# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many objects over one read of the server: each is planned and carried out as the module for one object does."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from . import progress
from .bulk import PURGE_SCOPE, Bulk, Purge
from .bulk_result import MAX_NAMED, BulkResult, Item, Outcomes
from .common_updates import CommonUpdates
from .errors import (
    ApiError,
    CollectionError,
    ContractError,
    DeadlineError,
    OptionError,
    RequestError,
    UnreachableError,
    UntrustedError,
    within_option,
)
from .fields import common_part
from .plan import Action
from .reconcile import DesiredState, Result, apply, plan_left, prepare, warnings_of
from .resource import ABSENT, Identity, Raw, Resource, Scope
from .snapshot import Snapshot
from .store import Store


def reconcile_all(resource: Resource, store: Store, bulk: Bulk, dry_run: bool) -> BulkResult:
    """Bring the objects to their desired states, or return what that would take.

    All is planned before anything is written. One object that fails does not stop the others; at the end BulkError
    names those that failed. Nothing is purged then: an object that is not listed may be what a failed one replaces.
    """
    run = _Run(resource, store, bulk, dry_run)
    run.plan()
    if bulk.stops_at_missing and any(item.error for item in run.listed):
        run.skip_all()
    else:
        run.write()
    return run.to_result()


@dataclass
class _Run:
    resource: Resource
    store: Store
    bulk: Bulk
    dry_run: bool
    listed: list[Item] = field(default_factory=list)
    purged: list[Item] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    is_purge_skipped: bool = False

    def __post_init__(self) -> None:
        self._parameters = _narrow(self.resource, self.bulk)
        self._conditions: Sequence[tuple[Scope, Any]] = ()
        self._lock = threading.Lock()
        self._stopped_by: str | None = None
        self._done = self._failed = self._total = 0
        self.snapshot = self._read()
        self._together = CommonUpdates(self.resource, self.store, self.snapshot)

    def _read(self) -> Snapshot:
        return Snapshot(self.resource, self.store, self.store.read(self._parameters))

    def plan(self) -> None:
        """Plan all changes. Raise an error if that shows that nothing may be changed."""
        named = [(desired_state.identity, desired_state.new_identity) for desired_state in self.bulk.desired_states]
        self.snapshot.confirm_absences([identity for pair in named for identity in pair if identity is not None])
        self.listed = [self._prepare(desired_state) for desired_state in self.bulk.desired_states]
        self._refuse_duplicates()
        if self.bulk.purge is not None:
            others = self._find_others(self.bulk.purge)
            self.purged = [replace(self._prepare(desired_state), is_purged=True) for desired_state in others]
        changes = [item for item in [*self.listed, *self.purged] if item.is_change]
        if changes:
            updates = sum(item.action is Action.UPDATE for item in changes)
            requests = len(changes) - updates + math.ceil(updates / self.store.max_updates)
            # Before each deletion, the object is read again.
            requests += sum(item.is_deletion for item in changes)
            self.store.ensure_within_deadline(requests, f"changing {len(changes)} {self.resource.title}s")

    def skip_all(self) -> None:
        """Note that nothing is written."""
        for item in [*self.listed, *self.purged]:
            item.is_skipped = item.error is None and item.is_change

    def write(self) -> None:
        """Carry out the plans; the purge only if no listed object has failed."""
        self._total = sum(item.is_change for item in [*self.listed, *self.purged])
        self._carry_out_all(self.listed)
        if any(item.error for item in self.listed):
            self.is_purge_skipped, self.purged = bool(self.purged), []
        self._carry_out_all(self.purged)
        if not self.dry_run:
            self._read_back()

    def to_result(self) -> BulkResult:
        """Return what was done, or raise BulkError if an object failed."""
        return Outcomes(self.resource, [*self.listed, *self.purged], self.warnings).to_result(self.is_purge_skipped)

    def _prepare(self, desired_state: DesiredState) -> Item:
        names = {name: desired_state.identity.names.get(name) for name in self.resource.identity}
        item = Item(names, _label(desired_state.identity), desired_state.identity.reference)
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
            item.label = _label(Identity(names=item.names)) or item.label
        return item

    def _refuse_duplicates(self) -> None:
        """Raise OptionError for an object that is listed by its reference and by its names."""
        seen: dict[Any, int] = {}
        for position, item in enumerate(self.listed):
            shown = item.step.plan.before if item.step is not None else None
            reference = shown[self.resource.reference] if shown is not None else None
            if reference is not None and seen.setdefault(reference, position) != position:
                where = f"{self.resource.plural}[{position}]"
                raise OptionError(where, f"duplicates {self.resource.plural}[{seen[reference]}] ({reference})")

    def _find_others(self, purge: Purge) -> list[DesiredState]:
        """Return what deletes the objects that are not listed, by their references."""
        self._conditions = [(scope, self._resolve(scope, wanted)) for scope, wanted in purge.conditions]
        listed = {tuple(item.names.values()) for item in self.listed}
        listed |= {tuple(item.step.identity.names.values()) for item in self.listed if item.step is not None}
        known = {
            item.step.plan.before[self.resource.reference]
            for item in self.listed
            if item.step is not None and item.step.plan.before is not None
        }
        unknown = [raw for raw in self.snapshot.unknown if self._is_in_scope(raw, known)]
        if unknown:
            # It may be a listed one, and purging it would delete what the task keeps.
            references = ", ".join(self.resource.reference_of(raw) for raw in unknown[:MAX_NAMED])
            raise CollectionError(
                f"nothing was changed: purge would delete objects without a readable {self.resource.identity[0]}, "
                f"which may be listed ones: {references}"
            )
        return [
            DesiredState(Identity(self.resource.reference_of(raw)), {}, ABSENT)
            for names, raw in self.snapshot.named()
            if names not in listed and self._is_in_scope(raw, known)
        ]

    def _resolve(self, scope: Scope, wanted: Any) -> Any:
        if self.resource.field(scope.field).refers_to is None:
            return wanted
        # No object has a label yet that this task creates.
        create = any(desired_state.create_missing for desired_state in self.bulk.desired_states) or None
        with within_option(PURGE_SCOPE):
            return self.snapshot.resolve({scope.field: wanted}, create)[scope.field]

    def _is_in_scope(self, raw: Raw, known: set[Any]) -> bool:
        shown = self.resource.to_result(raw) or {}
        if (self.resource.protected and shown[self.resource.protected]) or shown[self.resource.reference] in known:
            return False
        return all(scope.matches(wanted, shown[scope.field]) for scope, wanted in self._conditions)

    def _carry_out_all(self, items: Sequence[Item]) -> None:
        ready = [item for item in items if item.step is not None]
        if self.store.max_updates > 1 and not self.dry_run:
            self._together.carry_out([item for item in ready if item.action is Action.UPDATE], self._count)
            ready = [item for item in ready if item.action is not Action.UPDATE]
        # What needs no request needs no thread.
        in_turn = [item for item in ready if self.dry_run or self.bulk.concurrency == 1 or not item.is_change]
        for item in in_turn:
            self._carry_out(item)
        if len(in_turn) < len(ready):
            with ThreadPoolExecutor(self.bulk.concurrency) as pool:
                list(pool.map(self._carry_out, [item for item in ready if item.is_change]))

    def _carry_out(self, item: Item) -> None:
        if self._stopped_by is not None and item.is_change:
            item.error = CollectionError(
                f"skipped: the failure of {self._stopped_by} would affect every remaining object"
            )
        else:
            try:
                item.outcome = self._apply(item)
            except CollectionError as error:
                item.error = error
                if _affects_all(error):
                    self._stopped_by = item.label
            except Exception as error:  # what was done to the others must not get lost with it
                item.fail(f"unexpected error, please report this bug: {error!r}")
                self._stopped_by = item.label
        if item.is_change and not self.dry_run:
            self._count([item])

    def _count(self, ended: Sequence[Item]) -> None:
        with self._lock:
            self._done += len(ended)
            self._failed += sum(item.error is not None for item in ended)
            progress.report_progress(f"{self.resource.title}s changed", self._done, self._total, self._failed)

    def _apply(self, item: Item) -> Result | None:
        if item.step is None:
            return None
        if item.is_deletion and not self.dry_run:
            skipped = self._check_again(item)
            if skipped is not None:
                return skipped
        return apply(self.resource, self.snapshot, item.step, self.dry_run)

    def _check_again(self, item: Item) -> Result | None:
        """Return the outcome of an object that may not be deleted any more, None for one that may.

        The snapshot may be minutes old, and another user may have renamed the object since.
        """
        if item.step is None:
            return None
        raw = self.store.find(Identity(item.step.plan.reference))
        if raw is None:
            return Result(False, None)
        is_by_name = item.is_purged or item.step.desired_state.identity.reference is None
        if is_by_name and self.resource.names_of(raw) != tuple(item.names.values()):
            return Result(False, None, warnings=["it was not deleted: it has been renamed since it was read"])
        if item.is_purged and not self._is_in_scope(raw, set()):
            return Result(False, None, warnings=[f"it was not deleted: it is no longer in {PURGE_SCOPE}"])
        return None

    def _read_back(self) -> None:
        """Replace what updated objects should be by what the server shows, over one read for all of them.

        That also settles what became of those that failed in a common update.
        """
        updated = [item for item in self.listed if item.outcome is not None and item.outcome.action is Action.UPDATE]
        looked_at = [*updated, *self._together.unsettled]
        if not looked_at or not self.store.is_read_back_together:
            return
        try:
            shown = self._read()
            shown.confirm_absences([Identity(item.step.plan.reference) for item in looked_at if item.step is not None])
        except CollectionError as error:
            if updated:
                self.warnings.append(f"updated objects could not be read back: {error}")
            self._together.note_failed_look(error)
            return
        for item in updated:
            self._compare(item, shown)
        self._together.settle(shown)

    def _compare(self, item: Item, shown: Snapshot) -> None:
        if item.step is None or item.outcome is None:
            return
        raw = shown.find(Identity(item.step.plan.reference))
        if raw is None:
            item.fail(f"another user deleted {item.step.plan.reference} just after it was updated")
            return
        warnings = [*item.outcome.warnings, *warnings_of(plan_left(self.resource, self.snapshot, item.step, raw))]
        item.outcome = replace(item.outcome, result=self.resource.to_result(raw), warnings=warnings)


def _narrow(resource: Resource, bulk: Bulk) -> dict[str, str]:
    """Return query parameters that leave out objects that have nothing to do with the task.

    Where a server filters names partially and all names of the task begin alike, those that do not contain that
    beginning are neither listed nor, if purging goes by such a beginning too, to be deleted.
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


def _affects_all(error: CollectionError) -> bool:
    """Return True if what failed for one object will fail for all others too."""
    if isinstance(error, ApiError):
        return error.status == 401 or (error.status == 403 and error.method == "POST")
    return isinstance(error, (UnreachableError, UntrustedError, DeadlineError))


def _label(identity: Identity) -> str:
    """Return the name of an object in a sentence or a diff."""
    return identity.reference or " ".join(str(value) for value in identity.names.values() if value is not None)
