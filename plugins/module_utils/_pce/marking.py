# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Marking VENs as suspended or active: a PUT of a VEN's ``status`` (source: the vendor's guide to VEN operations)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._core import progress
from .._core.errors import ApiError, CollectionError
from .api import Pce
from .ven import VEN
from .ven_target import ACTIVE, SUSPENDED, Target, list_labels, read_statuses, refuse_missing


@dataclass
class Marking:
    """Marks VENs of a PCE with a status. ``warnings`` gets what was accepted and is not shown."""

    shown = "status"

    pce: Pce
    status: str
    warnings: list[str]

    @property
    def words(self) -> str:
        """Return what is done, as a participle."""
        return f"marked as {self.status}"

    def is_pending(self, target: Target) -> bool:
        """Return True for a VEN that must be marked: as active only if it is suspended."""
        return bool(target.status == SUSPENDED if self.status == ACTIVE else target.status != self.status)

    def check(self, targets: Sequence[Target]) -> None:
        """Raise MissingReferenceError for VENs that do not exist."""
        refuse_missing(targets)

    def ensure_within_deadline(self, count: int) -> None:
        """Raise OptionError where so many VENs cannot be marked before the deadline."""
        self.pce.http.ensure_within_deadline(count, f"marking {count} VENs")

    def expect(self, target: Target) -> None:
        """Enter what ``run`` makes of a VEN."""
        target.accept(self.status)

    def run(self, pending: Sequence[Target]) -> None:
        """Mark VENs one by one, then read them. One that the PCE refuses does not stop the others."""
        for number, target in enumerate(pending):
            progress.report_progress(f"VENs {self.words}", number, len(pending))
            try:
                self.pce.http.request("PUT", str(target.href), body={"status": self.status})
            except CollectionError as error:
                if not isinstance(error, ApiError) or error.status not in (404, 406):
                    target.mark_unknown(error, self.words)
                    raise
                target.refuse(str(error))
                target.changed = error.changed
            else:
                target.accept(self.status)
        self._check([target for target in pending if target.changed and not target.error])

    def _check(self, marked: Sequence[Target]) -> None:
        """Enter what the PCE shows of VENs whose status it has accepted."""
        try:
            statuses = read_statuses(self.pce.store(VEN), marked, confirm_absence=False) if marked else {}
        except CollectionError as error:
            self.warnings.append(f"the PCE accepted the status, but the VENs could not be read afterwards: {error}")
            return
        for target in marked:
            target.status = statuses.get(target.href, target.status)
        differing = [target for target in marked if self.is_pending(target)]
        if differing:
            labels = list_labels(differing)
            self.warnings.append(f"the PCE accepted status {self.status} but shows another value: {labels}")
