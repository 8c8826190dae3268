# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Upgrades of VENs through a PCE (source: PCE REST API, VEN upgrade).

A PCE only orders the upgrade: a VEN carries it out when it is heard of next. So what counts is the release that the PCE
shows afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core import progress
from .._core.errors import CollectionError, OptionError, RequestError
from .._core.resource import Raw
from . import hrefs
from .api import PCE, Pce
from .shapes import objects_of
from .unpairing import find_refusal
from .ven import VEN
from .ven_release import Release, find_release, parse_release
from .ven_state import change_vens
from .ven_target import Target, list_labels, read_shown, refuse_missing

MAX_BATCH = 25000
"""VENs that one request upgrades."""

POLL_SECONDS = 10.0
"""Seconds between two looks at VENs that are upgraded."""

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "hostnames": {"type": "list", "elements": "str"},
    "hrefs": {"type": "list", "elements": "str"},
    "release": {"type": "str", "required": True},
    "allow_downgrade": {"type": "bool", "default": False},
    "dry_run": {"type": "bool", "default": False},
    "batch_size": {"type": "int", "default": MAX_BATCH},
    "wait_timeout": {"type": "int", "default": 0},
    "allow_empty": {"type": "bool", "default": False},
}


def upgrade_vens(params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Bring VENs to a release and return the module's result. Raise OptionError and errors of requests.

    In check mode nothing is sent, not even the PCE's own dry run: a PCE that does not know it would upgrade.
    """
    if not 1 <= params["batch_size"] <= MAX_BATCH:
        raise OptionError("batch_size", f"must be 1 to {MAX_BATCH}, not {params['batch_size']}")
    if params["wait_timeout"] < 0:
        raise OptionError("wait_timeout", f"must be 0 or more seconds, not {params['wait_timeout']}")
    if not params["hostnames"] and not params["hrefs"] and not params["allow_empty"]:
        where = "hrefs" if params["hostnames"] is None and params["hrefs"] is not None else "hostnames"
        raise OptionError(where, "names no VEN; set allow_empty: true if that is intended")
    pce = PCE.connect(params)
    if params["wait_timeout"] >= pce.http.remaining():
        raise OptionError("wait_timeout", f"must be less than deadline ({params['deadline']:g} seconds)")
    warnings: list[str] = []
    upgrade = Upgrade(
        pce,
        find_release(pce, "release", params["release"]),
        warnings,
        params["allow_downgrade"],
        params["batch_size"],
        params["wait_timeout"],
    )
    if params["dry_run"] and not check_mode:
        upgrade.is_dry_run = True
        foreseen = change_vens(pce, params, upgrade, warnings, False)
        return {**foreseen, "changed": any(ven["changed"] for ven in foreseen["vens"])}
    return change_vens(pce, params, upgrade, warnings, check_mode)


@dataclass
class Upgrade:
    """Upgrades VENs to ``release``, as the PCE calls it. ``wait_timeout`` are seconds for each batch.

    With ``is_dry_run`` the PCE only says whether it would upgrade them.
    """

    shown = "release"

    pce: Pce
    release: str
    warnings: list[str]
    allow_downgrade: bool = False
    batch_size: int = MAX_BATCH
    wait_timeout: float = 0
    is_dry_run: bool = False
    wanted: Release = field(init=False)
    under_way: list[Target] = field(init=False, default_factory=list)
    """VENs whose upgrade to the release was ordered before."""

    def __post_init__(self) -> None:
        self.wanted = parse_release(self.release) or Release(())

    @property
    def words(self) -> str:
        """Return what is done, as a participle."""
        return f"told to upgrade to {self.release}"

    def is_pending(self, target: Target) -> bool:
        """Return True for a VEN that has another release, or is upgraded to another one."""
        return not self._is_release(target.release)

    def check(self, targets: Sequence[Target]) -> None:
        """Raise CollectionError for VENs that do not exist, or would be downgraded."""
        refuse_missing(targets)
        self.under_way = [target for target in targets if self._is_release(target.upgrade_target_version)]
        newer = [target for target in targets if self.is_pending(target) and self._may_be_newer(target.version)]
        if newer and not self.allow_downgrade:
            raise CollectionError(
                f"{self.release} is older than the release of {list_labels(newer)}, or that is unknown; nothing was "
                "changed. Set allow_downgrade: true to downgrade"
            )

    def ensure_within_deadline(self, count: int) -> None:
        """Raise OptionError where so many VENs cannot be upgraded before the deadline."""
        batches = -(-count // self.batch_size)
        self.pce.http.ensure_within_deadline(batches, f"upgrading {count} VENs")
        if batches * self.wait_timeout >= self.pce.http.remaining():
            raise OptionError(
                "deadline",
                f"waiting for {batches} batches may take {batches * self.wait_timeout:g} seconds; nothing was changed",
            )

    def expect(self, target: Target) -> None:
        """Enter what ``run`` makes of a VEN."""
        target.changed, target.upgrade_target_version = True, self.release

    def run(self, pending: Sequence[Target]) -> None:
        """Upgrade VENs in batches; a batch with a failure stops those that follow.

        VENs whose upgrade was ordered before are waited for too.
        """
        if self.wait_timeout and not self.is_dry_run:
            self._wait(self.under_way)
            if any(target.error for target in self.under_way):
                for target in pending:
                    target.refuse("skipped: a VEN whose upgrade was ordered before had a failure")
                return
        for start in range(0, len(pending), self.batch_size):
            progress.report_progress("VENs upgraded", start, len(pending))
            batch = pending[start : start + self.batch_size]
            self._order(batch)
            ordered = [target for target in batch if target.changed and not target.error]
            if self.wait_timeout and not self.is_dry_run:
                self._wait(ordered)
            if any(target.error for target in batch):
                for target in pending[start + self.batch_size :]:
                    target.refuse("skipped: an earlier batch had a failure")
                return

    def _order(self, batch: Sequence[Target]) -> None:
        """Send the order, and enter which VENs the PCE has accepted."""
        body = {"vens": [{"href": target.href} for target in batch], "release": self.release}
        path = f"{hrefs.collection(self.pce.org_id, VEN.path)}/upgrade"
        try:
            response = self.pce.http.request("PUT", path, body={**body, "dry_run": self.is_dry_run})
        except RequestError as error:
            self._look_after(batch, error)
            if all(target.changed and not target.error for target in batch):
                return
            raise
        refusal = find_refusal(response, batch)
        if refusal is None and not self.is_dry_run:
            for target in batch:
                self.expect(target)
            return
        # A refusal of some may mean that none was ordered, and a PCE that ignores dry_run has ordered all.
        ordered = self._read_ordered(batch)
        left = []
        for target in batch:
            if target.href in ordered:
                self.expect(target)
            elif refusal is not None and refusal.is_about(target):
                target.refuse(refusal.reason)
            elif refusal is not None and not self.is_dry_run:
                left.append(target)
        if refusal is not None and any(target.error for target in batch):
            if left:
                self._order(left)  # without those that were refused
        elif refusal is not None:
            for target in left:
                target.refuse(f"the PCE shows no order for it, and refused the request: {refusal.reason}")

    def _read_ordered(self, batch: Sequence[Target]) -> set[str | None]:
        """Return the HREFs of the VENs that the PCE shows with the release, or with an order for it."""
        try:
            shown = read_shown(self.pce.store(VEN), batch, confirm_absence=False)
        except CollectionError as error:
            error.changed = not self.is_dry_run
            error.add("The VENs were looked up after the PCE refused some of them")
            raise
        return {href for href, raw in shown.items() if self._shows_order(raw)}

    def _shows_order(self, raw: Raw) -> bool:
        return self._is_release(raw.get("upgrade_target_version")) or self._is_release(raw.get("version"))

    def _look_after(self, batch: Sequence[Target], failure: RequestError) -> None:
        """Enter what the PCE shows after a request that failed."""
        if not failure.changed:
            return
        try:
            shown = read_shown(self.pce.store(VEN), batch, confirm_absence=False)
        except CollectionError as error:
            failure.add(f"Looking up the VENs failed too: {error}")
            shown = {}
        for target in batch:
            raw = shown.get(target.href, {})
            if self._shows_order(raw):
                self.expect(target)
            else:
                target.mark_unknown(failure, self.words)

    def _wait(self, ordered: Sequence[Target]) -> None:
        """Wait until VENs show the release and are online; those that do not get an error."""
        store = self.pce.store(VEN)
        end = self.pce.http.remaining() - self.wait_timeout
        left = list(ordered)
        while left:
            shown = read_shown(store, left, confirm_absence=False)
            for target in left:
                target.version = shown.get(target.href, {}).get("version", target.version)
            left = [target for target in left if not self._is_done(shown.get(target.href, {}))]
            progress.report_progress("VENs upgraded", len(ordered) - len(left), len(ordered))
            pause = min(POLL_SECONDS, self.pce.http.remaining() - end)
            if pause <= 0:
                break
            if left:
                self.pce.http.pause(1, RequestError("VENs are being upgraded", "GET", VEN.path), pause)
        for target in left:
            target.error = (
                f"it does not show release {self.release} and an online workload {self.wait_timeout:g} seconds after "
                f"the order (it shows {target.version})"
            )

    def _is_done(self, raw: Raw) -> bool:
        online = [workload.get("online") for workload in objects_of(raw.get("workloads"))]
        return self._is_release(raw.get("version")) and False not in online

    def _is_release(self, text: Any) -> bool:
        release = parse_release(text)
        return release is not None and release.is_same(self.wanted)

    def _may_be_newer(self, text: Any) -> bool:
        release = parse_release(text)
        return text is not None if release is None else self.wanted.is_older(release)
