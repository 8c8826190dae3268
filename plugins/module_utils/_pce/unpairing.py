# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unpairing VENs in batches (source: PCE REST API, Workloads and VENs, and what others measured).

Only a 204, or a 200 without errors, counts as success. After any other end the PCE is asked which VENs are still
paired, and what it shows decides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core import progress
from .._core.errors import CollectionError, DeadlineError, RequestError
from .._core.text import describe_errors, one_line
from .._http.rate_limit import RateLimiter
from .._http.response import Response, parse_errors
from . import hrefs
from .api import Pce
from .store import PceStore
from .ven import VEN
from .ven_target import MAX_NAMED, SUSPENDED, UNPAIRED, Target, list_labels, read_statuses

MAY_BE_SUSPENDED = "may_be_suspended"
"""Set in a task that unsuspends VENs before it unpairs them."""

MAX_BATCH = 1000
"""VENs that one request unpairs."""

MAX_REQUESTS_PER_MINUTE = 10
"""Requests to unpair VENs that a PCE takes in a minute."""


@dataclass(frozen=True)
class Refusal:
    """The errors in a response of success. ``hrefs`` is None if they may be about any of the VENs."""

    reason: str
    hrefs: frozenset[str | None] | None

    def is_about(self, target: Target) -> bool:
        """Return True if the errors name this VEN, or none that is ours."""
        return self.hrefs is None or target.href in self.hrefs


@dataclass
class Unpairing:
    """Unpairs VENs of a PCE. ``warnings`` gets what was accepted and is not shown."""

    words = "unpaired"
    shown = "status"

    pce: Pce
    firewall_restore: str
    warnings: list[str]
    may_be_suspended: bool = False
    store: PceStore = field(init=False)
    rate_limiter: RateLimiter = field(init=False)

    def __post_init__(self) -> None:
        self.store = self.pce.store(VEN)
        self.rate_limiter = self.pce.http.rate_limiter(MAX_REQUESTS_PER_MINUTE)

    def is_pending(self, target: Target) -> bool:
        """Return True for a VEN that must be unpaired."""
        return target.is_paired

    def check(self, targets: Sequence[Target]) -> None:
        """Raise CollectionError for VENs that the PCE will not unpair. A VEN that does not exist is unpaired."""
        suspended = [target for target in targets if target.is_paired and target.status == SUSPENDED]
        if suspended and not self.may_be_suspended:
            raise CollectionError(
                f"a suspended VEN cannot be unpaired: {list_labels(suspended)}; nothing was changed. Mark it as active "
                "first (state: active), or unpair it on its host"
            )
        locked = [target for target in targets if target.is_paired and target.unpair_allowed is False]
        if locked:
            raise CollectionError(
                f"the PCE does not allow unpairing {list_labels(locked)} (unpair_allowed is false); nothing was changed"
            )

    def ensure_within_deadline(self, count: int) -> None:
        """Raise OptionError where so many VENs cannot be unpaired before the deadline."""
        requests = -(-count // MAX_BATCH)
        self.pce.http.ensure_within_deadline(requests, f"unpairing {count} VENs", self.rate_limiter)

    def expect(self, target: Target) -> None:
        """Enter what ``run`` makes of a VEN."""
        target.accept(UNPAIRED)

    def run(self, pending: Sequence[Target]) -> None:
        """Unpair in batches, then check that the PCE shows it. Raise the error that ended a batch."""
        for start in range(0, len(pending), MAX_BATCH):
            progress.report_progress("VENs unpaired", start, len(pending))
            self._unpair_batch(pending[start : start + MAX_BATCH])
        self._check([target for target in pending if target.changed])

    def _check(self, accepted: Sequence[Target]) -> None:
        """Enter what the PCE shows of VENs whose unpairing it has accepted."""
        try:
            statuses = read_statuses(self.store, accepted, confirm_absence=False) if accepted else {}
        except CollectionError as error:
            self.warnings.append(f"the PCE accepted the unpairing, but the VENs could not be read afterwards: {error}")
            return
        still_paired = [target for target in accepted if target.href in statuses]
        for target in still_paired:
            target.status = statuses[target.href]
        if still_paired:
            labels = list_labels(still_paired)
            self.warnings.append(f"the PCE accepted the unpairing of {labels} but still shows the VEN")

    def _unpair_batch(self, batch: Sequence[Target]) -> None:
        """Unpair at most 1,000 VENs.

        A request that is sent again after its response was lost names VENs that are gone, which the PCE may refuse;
        and one VEN that it refuses may keep it from unpairing the others. So those that are left are tried once more.
        """
        left = list(batch)
        for is_last in (False, True):
            try:
                refusal = self._send(left)
            except RequestError as error:
                still_paired = self._read_after(left, error)
                if not still_paired:
                    return
                if is_last or len(still_paired) == len(left):
                    for target in still_paired:
                        target.mark_unknown(error, self.words)
                    raise
                left = still_paired
                continue
            if refusal is None:
                for target in left:
                    target.accept(UNPAIRED)
                return
            left = self._settle(left, refusal, is_last)
            if not left:
                return

    def _settle(self, batch: Sequence[Target], refusal: Refusal, is_last: bool) -> list[Target]:
        """Enter what became of VENs after a refusal. Return those that may be tried again."""
        try:
            still_paired = self._read_after(batch, None)
        except CollectionError as error:
            error.changed = True
            error.add(f"The VENs were looked up after this: {refusal.reason}")
            for target in batch:
                target.mark_unknown(error, self.words)
            raise
        left = [target for target in still_paired if not refusal.is_about(target)]
        for target in still_paired:
            if refusal.is_about(target):
                target.refuse(refusal.reason)
            elif is_last:
                target.refuse(f"the PCE still shows the VEN, and refused others with it: {refusal.reason}")
        return [] if is_last else left

    def _read_after(self, batch: Sequence[Target], failure: RequestError | None) -> list[Target]:
        """Return the VENs that are still paired, and enter that the others are not.

        Raise ``failure``, the end of the request before, where that cannot be read.
        """
        try:
            statuses = read_statuses(self.store, batch, confirm_absence=True)
        except CollectionError as error:
            if failure is None:
                raise
            failure.add(f"Looking up which of {len(batch)} VENs were unpaired failed too: {error}")
            for target in batch:
                target.mark_unknown(failure, self.words)
            raise failure from error
        for target in batch:
            if target.href in statuses:
                target.status = statuses[target.href]
            else:
                target.accept(UNPAIRED)
        return [target for target in batch if target.href in statuses]

    def _send(self, batch: Sequence[Target]) -> Refusal | None:
        body = {
            "vens": [{"href": target.href} for target in batch],
            "firewall_restore": self.firewall_restore,
        }
        path = f"{hrefs.collection(self.pce.org_id, VEN.path)}/unpair"
        limit = f"a PCE takes {MAX_REQUESTS_PER_MINUTE} unpair requests a minute, and the deadline would pass"
        self.pce.http.wait_for_turn(self.rate_limiter, DeadlineError(limit, "PUT", path))
        return find_refusal(self.pce.http.request("PUT", path, body=body), batch)


def find_refusal(response: Response, batch: Sequence[Target]) -> Refusal | None:
    """Return the errors in a response of success, None if there are none.

    The page knows only 204. PCEs are known to answer ``{"errors": [{"token", "message", "hrefs"}]}`` or a list of
    such.
    """
    value = response.json() if response.body.strip() else None
    errors: list[Any] = []
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, Mapping):
            found = entry.get("errors") or (entry if entry.get("token") else [])
            errors += found if isinstance(found, list) else [found]
    if not errors:
        return None
    words = describe_errors(parse_errors(json.dumps(errors[:MAX_NAMED]).encode())) or "it has errors"
    named: set[str | None] = {href for error in errors for href in _hrefs_of(error)}
    # An error that names none of ours may be about any of them.
    meant = frozenset(named) if None not in named and named & {target.href for target in batch} else None
    return Refusal(one_line(response.contract_error(words)), meant)


def _hrefs_of(error: Any) -> list[str | None]:
    """Return the HREFs that an error names, ``[None]`` where it names none."""
    shown = error.get("hrefs") if isinstance(error, Mapping) else None
    return [href for href in shown if isinstance(href, str)] or [None] if isinstance(shown, list) else [None]
