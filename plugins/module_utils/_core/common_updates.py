# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Updates of many objects, as many by one request as the server takes, and what became of each."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Callable, Union

from .bulk_result import Item
from .errors import ApiError, CollectionError
from .reconcile import plan_left, result_of
from .resource import Identity, Raw, Resource
from .snapshot import Snapshot
from .store import Store

MAX_SPLITS = 50
"""Requests of one task that are sent again as two, to find what a server refuses the whole list for."""

_WRONG_LIST = (400, 406, 413, 422)
"""Statuses of a server that refuses a whole request for something in it."""


@dataclass
class CommonUpdates:
    """Updates of objects that ``snapshot`` shows. What became of those in ``unsettled`` only a look can tell."""

    resource: Resource
    store: Store
    snapshot: Snapshot
    unsettled: list[Item] = field(default_factory=list)
    splits: int = MAX_SPLITS

    def carry_out(self, items: Sequence[Item], report: Callable[[Sequence[Item]], None]) -> None:
        """Carry out the plans of ``items``, and ``report`` those that have ended.

        A list that is refused as a whole is sent again in two parts, until what it is refused for is found.
        """
        size = self.store.max_updates
        batches = deque(items[start : start + size] for start in range(0, len(items), size))
        while batches:
            batch = batches.popleft()
            answers, failure = self._send(batch)
            if failure is not None and len(batch) > 1 and self.splits and _says_list_is_wrong(failure):
                self.splits -= 1
                batches.extendleft((batch[len(batch) // 2 :], batch[: len(batch) // 2]))
                continue
            for item, answer in zip(batch, answers):
                if isinstance(answer, CollectionError):
                    item.error = answer
                elif item.step is not None:
                    item.outcome = result_of(self.resource, item.step.plan, self.resource.to_result(answer))
            if failure is None or failure.changed:
                self.unsettled += [item for item in batch if item.error is not None]
            report(batch)
            if failure is not None and not _says_list_is_wrong(failure):
                for item in [item for later in batches for item in later]:
                    item.error = CollectionError("skipped: the request for the objects before it failed")
                return

    def _send(self, batch: Sequence[Item]) -> tuple[Sequence[Union[Raw, CollectionError]], CollectionError | None]:
        """Send one request. Return what became of each object, and what made the request fail as a whole."""
        plans = [item.step.plan for item in batch if item.step is not None]
        updates = [(plan, self.snapshot.find(Identity(plan.reference)) or {}) for plan in plans]
        try:
            return self.store.update_many(updates), None
        except CollectionError as error:
            failure = error
        except Exception as error:  # what was done to the others must not get lost with it
            failure = CollectionError(f"unexpected error, please report this bug: {error!r}")
            failure.changed = True
        return [failure] * len(batch), failure

    def settle(self, shown: Snapshot) -> None:
        """Enter objects as updated that the server shows so now, whatever it answered."""
        for item in self.unsettled:
            raw = None if item.step is None else shown.find(Identity(item.step.plan.reference))
            if item.step is None or raw is None:
                continue
            left = plan_left(self.resource, self.snapshot, item.step, raw)
            if not left.is_change:
                item.error = None
                item.outcome = result_of(self.resource, item.step.plan, self.resource.to_result(raw))
            elif set(left.changes) != set(item.step.plan.changes):
                item.is_partly_changed = True

    def note_failed_look(self, error: CollectionError) -> None:
        """Add to the errors of objects that may have been changed that ``error`` prevented the look."""
        for failure in {id(item.error): item.error for item in self.unsettled}.values():
            if failure is not None and failure.changed:
                failure.add(f"Looking up what became of them failed too: {error}")


def _says_list_is_wrong(error: CollectionError) -> bool:
    # Not where the server may still act on an earlier try: a refusal of the parts would hide that.
    return isinstance(error, ApiError) and error.status in _WRONG_LIST and not error.is_outcome_unknown
