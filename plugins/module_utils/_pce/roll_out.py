# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A roll-out in waves: plan all, then check, change, settle and judge one wave after the other.

The only state is what the PCE shows: a second run continues where the first ended, and a wave that had to stop stops
again (source: PCE REST API, Workloads, VEN upgrade, Compatibility report).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core import progress
from .._core.bulk import Bulk
from .._core.bulk_result import BulkError
from .._core.bulk_run import reconcile_all
from .._core.errors import CollectionError, RequestError
from .._core.reconcile import DesiredState
from .._core.resource import PRESENT, Identity
from .api import Pce
from .compatibility import RED, YELLOW, read_reports
from .earlier_state import EarlierState
from .fleet import read_fleet
from .managed_workload import MANAGED_WORKLOAD, ManagedWorkloadStore
from .pairing_profile import ENFORCEMENT_MODES
from .ven_release import parse_release
from .ven_target import Target as VenTarget
from .ven_upgrade import Upgrade
from .wave_progress import DONE, NOT_STARTED, PLANNED, STOPPED, UNCHANGED, Progress, RollOutError
from .waves import Host, judge

POLL_SECONDS = 5.0
"""Seconds between two looks at a wave that settles."""

GONE = "no longer has a VEN"


@dataclass
class RollOut:
    """A roll-out over ``waves`` with their hosts.

    ``settle_time`` are the seconds that a wave has to settle. Waves in ``continue_past`` do not stop the others.
    ``may_be_incompatible`` moves hosts out of idle whose report is red or missing.
    """

    pce: Pce
    waves: Sequence[Progress]
    earlier: EarlierState
    settle_time: float
    continue_past: Sequence[str] = ()
    may_be_incompatible: bool = False
    warnings: list[str] = field(default_factory=list)

    @property
    def is_changed(self) -> bool:
        """Return True if a wave has changed anything, or may have."""
        return any(wave.changed for wave in self.waves)

    def plan(self) -> str:
        """Enter what each wave must change. Return why the roll-out would stop, empty if it would not.

        Only the first wave that has something to do is checked for compatibility.
        """
        problem = ""
        is_checked = False
        for wave in self.waves:
            wave.find_pending()
            if problem:
                continue
            found = self._foresee(wave, with_reports=not is_checked)
            is_checked = is_checked or bool(wave.pending)
            if found:
                problem = self._note_failure(wave, found)
            else:
                wave.state = PLANNED if wave.ready else UNCHANGED
                wave.changed = {host.href for host in wave.ready}
        return problem

    def forget_plan(self) -> None:
        """Forget the plan, since each wave is checked anew when its turn comes."""
        for wave in self.waves:
            wave.forget_plan()
        self.warnings.clear()

    def run(self) -> None:
        """Carry out one wave after the other. Raise RollOutError at one that fails."""
        for number, wave in enumerate(self.waves):
            progress.report_progress("waves of the roll-out", number, len(self.waves))
            try:
                problem = self._run_wave(wave)
            except CollectionError as error:
                wave.state = STOPPED
                message = f"wave {wave.wave.name}: {error}"
                failed = RollOutError(message, self.results(), self.is_changed or error.changed)
                failed.warnings = [*error.warnings, *self.warnings]
                raise failed from error
            if problem and self._note_failure(wave, problem):
                raise self.stop(problem)

    def stop(self, problem: str) -> RollOutError:
        """Return the error that ends the roll-out."""
        left = sum(wave.state == NOT_STARTED for wave in self.waves)
        after = f"; {left} later waves were not started" if left else ""
        error = RollOutError(problem + after, self.results(), self.is_changed)
        error.warnings = self.warnings
        return error

    def results(self) -> list[dict[str, Any]]:
        """Return all waves as results show them."""
        return [wave.to_result() for wave in self.waves]

    def _note_failure(self, wave: Progress, problem: str) -> str:
        """Return the problem of a wave if it stops the others. Otherwise enter it as a warning, and return nothing."""
        if wave.wave.name not in self.continue_past:
            wave.state = STOPPED
            return problem
        self.warnings.append(problem)
        return ""

    def _run_wave(self, wave: Progress) -> str:
        """Carry out one wave. Return what makes it stop, empty if it succeeded."""
        problem = self._start(wave) or self._foresee(wave, with_reports=True)
        if problem:
            return problem
        target = wave.wave.target
        go = self._look_before_move(wave) if target.release is None else wave.ready
        wave.before = {host.href: host for host in wave.hosts}
        is_waiting = any(target.is_under_way(host) for host in wave.hosts)
        wave.state = DONE if go else UNCHANGED
        if not wave.ready and not is_waiting:
            return ""
        if go and target.release is not None:
            self._upgrade(wave, go)
        elif go:
            self._move(wave, go)
        self._settle(wave)
        return wave.summarize(wave.verdict.failed) if wave.is_over_budget(wave.verdict.failed) else ""

    def _start(self, wave: Progress) -> str:
        """Look at the hosts of a wave before it is changed. Return a problem if none of them is left."""
        shown = self._read()
        gone = [host for host in wave.hosts if host.href not in shown]
        if gone and len(gone) == len(wave.hosts):
            wave.state = STOPPED
            return f"wave {wave.wave.name}: none of its {len(gone)} hosts has a VEN any more"
        if gone:
            self.warnings.append(f"wave {wave.wave.name}: {len(gone)} hosts no longer have a VEN: {gone[0].label}")
        wave.hosts = [shown[host.href] for host in wave.hosts if host.href in shown]
        wave.find_pending()
        return ""

    def _foresee(self, wave: Progress, with_reports: bool) -> str:
        """Enter which hosts must be changed, and which are held. Return a problem if they are too many."""
        target = wave.wave.target
        self._hold(wave, with_reports)
        undecided = {host.href for host in wave.hosts if target.is_under_way(host)}
        undecided |= {host.href for host in wave.pending}
        wave.verdict = judge([host for host in wave.hosts if host.href not in undecided], target)
        wave.verdict.failed.update(wave.held)
        if wave.is_over_budget(wave.verdict.failed):
            wave.state = STOPPED
            return f"{wave.summarize(wave.verdict.failed)}. Nothing of this wave was changed"
        if target.release is None:
            self.warnings += self.earlier.warn_of_kept(wave.ready)
        return ""

    def _hold(self, wave: Progress, with_reports: bool) -> None:
        """Enter which hosts must not be changed now, and why."""
        wave.held, wave.warned = {}, {}
        is_upgrade = wave.wave.target.release is not None
        for host in wave.pending:
            unknown = _unknown_release(host) if is_upgrade else _unknown_mode(host)
            if unknown or host.obstacle:
                wave.held[host.href] = unknown or host.obstacle
        if with_reports and not is_upgrade:
            self._hold_incompatible(wave)

    def _hold_incompatible(self, wave: Progress) -> None:
        asked = [host for host in wave.ready if host.enforcement_mode == "idle" and host.ven_href]
        vens = [{"href": host.ven_href, "hostname": host.hostname} for host in asked]
        for host, report in zip(asked, read_reports(self.pce, vens)):
            found = f" ({'; '.join(report.failed_tests)})" if report.failed_tests else ""
            if report.status is None or report.status == RED:
                words = "has no compatibility report" if report.status is None else f"is incompatible{found}"
                (wave.warned if self.may_be_incompatible else wave.held)[host.href] = words
            elif report.status == YELLOW:
                wave.warned[host.href] = f"has a yellow compatibility report{found}"
                self.warnings.append(f"{host.label} {wave.warned[host.href]}")

    def _look_before_move(self, wave: Progress) -> list[Host]:
        """Return the hosts that are still as they were when it was decided to change them.

        Reports of idle hosts take a request each, and so perhaps minutes.
        """
        go = wave.ready
        if not any(host.enforcement_mode == "idle" for host in go):
            return go
        modes = {href: host.enforcement_mode for href, host in self._read().items()}
        return [host for host in go if modes.get(host.href) == host.enforcement_mode]

    def _move(self, wave: Progress, hosts: Sequence[Host]) -> None:
        """Change the modes of hosts, after their present ones are in the file."""
        self.earlier.add(hosts)
        target = wave.wave.target
        wanted = {"enforcement_mode": target.enforcement_mode, "visibility_level": target.visibility_level}
        values = {name: value for name, value in wanted.items() if value is not None}
        wave.changed, wave.errors = set_modes(self.pce, [(host, values) for host in hosts])

    def _upgrade(self, wave: Progress, hosts: Sequence[Host]) -> None:
        upgrade = Upgrade(self.pce, wave.wave.target.shown, self.warnings)
        targets = [VenTarget(host.hostname, host.ven_href, host.release, "active", found=True) for host in hosts]
        try:
            upgrade.run(targets)
        finally:
            for host, target in zip(hosts, targets):
                if target.changed:
                    wave.changed.add(host.href)
                if target.error:
                    wave.errors[host.href] = target.error

    def _settle(self, wave: Progress) -> None:
        """Look at the hosts until the time is over.

        A release that all have ends that early; a mode does not, since a host that a rule has cut off shows it late.
        """
        end = self.pce.http.remaining() - self.settle_time
        while True:
            hopeless = self._judge(wave)
            is_upgrade = wave.wave.target.release is not None
            is_settled = not set(wave.verdict.failed) - set(hopeless) if is_upgrade else not wave.changed
            pause = min(POLL_SECONDS, self.pce.http.remaining() - end)
            if is_settled or wave.is_over_budget(hopeless) or pause <= 0:
                return
            if pause >= self.pce.http.remaining():
                left = wave.describe(wave.verdict.failed)
                raise CollectionError(f"deadline: it ends before the wave has settled{left and f'; {left}'}")
            done = len(wave.verdict.reached)
            progress.report_progress(f"hosts of wave {wave.wave.name} ready", done, len(wave.hosts))
            self.pce.http.pause(1, RequestError("the wave settles", "GET", "workloads"), pause)

    def _judge(self, wave: Progress) -> Mapping[str, str]:
        """Look at the hosts again and enter which have failed. Return those that more time does not help."""
        shown = self._read()
        wave.hosts = [shown.get(host.href, host) for host in wave.hosts]
        gone = {host.href: GONE for host in wave.hosts if host.href not in shown}
        wave.verdict = judge([host for host in wave.hosts if host.href in shown], wave.wave.target)
        known = {**wave.errors, **wave.held}
        hopeless = {href: known[href] for href in wave.verdict.failed if href in known}
        hopeless.update(gone)
        wave.verdict.failed.update(hopeless)
        return hopeless

    def _read(self) -> dict[str, Host]:
        return {host.href: host for host in read_fleet(self.pce)}


def _unknown_mode(host: Host) -> str:
    # It may be stricter, and what is not known cannot be restored.
    return "" if host.enforcement_mode in ENFORCEMENT_MODES else "has an unknown enforcement mode"


def _unknown_release(host: Host) -> str:
    # It may be newer, and the target a downgrade.
    if parse_release(host.release) is None:
        return "has an unknown release"
    return "" if host.upgrading_to is None or parse_release(host.upgrading_to) else "is upgraded to an unknown release"


def set_modes(
    pce: Pce, wanted: Sequence[tuple[Host, Mapping[str, Any]]], dry_run: bool = False
) -> tuple[set[str], dict[str, str]]:
    """Set modes of hosts. Return the HREFs of those that were changed, or may have been, and why others were not.

    A host whose mode was changed since it was read stays as it is.
    """
    states = [
        DesiredState(Identity(host.href), dict(values), PRESENT, expected={"enforcement_mode": host.enforcement_mode})
        for host, values in wanted
    ]
    store = ManagedWorkloadStore(pce.http, pce.org_id, MANAGED_WORKLOAD)
    try:
        outcomes: Sequence[Mapping[str, Any]] = reconcile_all(MANAGED_WORKLOAD, store, Bulk(states), dry_run).outcomes
    except BulkError as error:
        outcomes = error.outcomes
    became = {host.href: entry for (host, _values), entry in zip(wanted, outcomes)}
    changed = {href for href, entry in became.items() if entry["changed"]}
    return changed, {href: entry["error"] for href, entry in became.items() if entry["error"]}
