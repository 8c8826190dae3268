# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of many objects: the entries of a result, its diff, or the error that names those that failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import CollectionError
from .plan import Action
from .reconcile import Result, Step
from .resource import Resource
from .text import describe_failures

SKIPPED = "skipped"
"""In the place of an action: a change that was not tried."""

MAX_NAMED = 10
"""Objects that one sentence names."""


class BulkError(CollectionError):
    """Some objects could not be brought to their state; ``outcomes`` is what became of all of them."""

    def __init__(self, message: str, outcomes: Sequence[Mapping[str, Any]], warnings: Sequence[str]) -> None:
        self.changed = any(entry["changed"] for entry in outcomes)
        self.outcomes = list(outcomes)
        self.warnings = list(warnings)
        super().__init__(message)

    def details(self) -> dict[str, Any]:
        return {"outcomes": self.outcomes}


@dataclass(frozen=True)
class BulkResult:
    """What was done, or in check mode would be done.

    ``outcomes`` has an entry for each object: the listed ones in the order of the task, then those that were purged.
    """

    changed: bool
    outcomes: Sequence[Mapping[str, Any]]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    warnings: Sequence[str]


@dataclass
class Item:
    """One object of the task: its names in results, its planned step, and what became of it.

    ``reference`` is what the task names it by, if it does. ``is_purged`` objects are not listed by the task. A change
    that ``is_skipped`` was not tried, because of another object. One that failed ``is_partly_changed`` if the server
    shows some of its new values.
    """

    names: Mapping[str, Any]
    label: str
    reference: str | None = None
    is_purged: bool = False
    is_skipped: bool = False
    is_partly_changed: bool = False
    step: Step | None = None
    outcome: Result | None = None
    error: CollectionError | None = None

    @property
    def action(self) -> Action:
        """Return what the plan does to the object."""
        return Action.NOTHING if self.step is None else self.step.plan.action

    @property
    def is_change(self) -> bool:
        """Return True if the plan changes the object."""
        return self.step is not None and self.step.plan.is_change

    @property
    def is_deletion(self) -> bool:
        """Return True if the plan deletes the object."""
        return self.action is Action.DELETE

    def fail(self, message: str) -> None:
        """Enter a failure after the object may have been changed."""
        self.error = CollectionError(message)
        self.error.changed = True


@dataclass
class Outcomes:
    """What became of the items of a task."""

    resource: Resource
    items: Sequence[Item]
    warnings: list[str] = field(default_factory=list)

    def to_result(self, is_purge_skipped: bool) -> BulkResult:
        """Return the result. Raise BulkError if an object failed; ``is_purge_skipped`` if nothing was purged then."""
        outcomes = [self._entry(item) for item in self.items]
        failures = [item for item in self.items if item.error is not None]
        if failures:
            skipped = "; nothing was purged" if is_purge_skipped else ""
            title = f"{len(failures)} of {len(self.items)} {self.resource.title}s failed{skipped}"
            reasons = [(item.label, str(item.error)) for item in failures]
            raise BulkError(f"{title}: {describe_failures(reasons, MAX_NAMED)}", outcomes, self.warnings)
        before, after = self._diff()
        return BulkResult(any(entry["changed"] for entry in outcomes), outcomes, before, after, self.warnings)

    def _entry(self, item: Item) -> Mapping[str, Any]:
        outcome = item.outcome if item.outcome is not None else Result(False, None)
        if item.error is None:
            self.warnings += [f"{item.label}: {warning}" for warning in outcome.warnings]
        shown = None if item.error else outcome.result
        reference = item.step.plan.reference if item.step is not None else item.reference
        return {
            **item.names,
            self.resource.reference: shown[self.resource.reference] if shown is not None else reference,
            "action": "failed" if item.error else SKIPPED if item.is_skipped else outcome.action.value,
            "changed": item.error.changed or item.is_partly_changed if item.error else outcome.changed,
            "error": str(item.error) if item.error else None,
            # The whole object only where it is news: Ansible is slow with megabytes of unchanged ones.
            self.resource.name: shown if outcome.changed else None,
        }

    def _diff(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the two sides of the diff. An object that does not exist on one side is left out there."""
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        for item in self.items:
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
