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
from .ven_info import ERROR, TAMPERED
from .ven_target import Target as VenTarget
from .ven_upgrade import Upgrade
from .waves import Host, Verdict, Wave, judge

POLL_SECONDS = 5.0
"""Seconds between two looks at a wave that settles."""

MAX_NAMED = 5
"""Hosts that one sentence names."""

PLANNED, UNCHANGED, DONE, STOPPED, NOT_STARTED = "planned", "unchanged", "done", "stopped", "not_started"


class RollOutError(CollectionError):
    """A wave had to stop, or a request ended the roll-out; ``waves`` is what became of all of them."""

    def __init__(self, message: str, waves: Sequence[Mapping[str, Any]], changed: bool) -> None:
        self.changed = changed
        self.waves = list(waves)
        super().__init__(message)

    def details(self) -> dict[str, Any]:
        return {"waves": self.waves}


@dataclass
class Progress:
    """What is known of one wave: its hosts, which of them it must change, and why some are held."""

    wave: Wave
    hosts: Sequence[Host]
    state: str = NOT_STARTED
    before: dict[str, Host] = field(default_factory=dict)
    pending: list[Host] = field(default_factory=list)
    held: dict[str, str] = field(default_factory=dict)
    warned: dict[str, str] = field(default_factory=dict)
    verdict: Verdict = field(default_factory=Verdict)
    errors: dict[str, str] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    def to_result(self) -> dict[str, Any]:
        """Return the wave as results show it."""
        return {
            "name": self.wave.name,
            "target": self.wave.target.shown,
            "state": self.state,
            "hosts": len(self.hosts),
            "pending": len(self.pending),
            "changed": len(self.changed),
            "failed": len(self.verdict.failed),
            "error_budget": self.wave.error_budget,
            "workloads": [self._entry(host) for host in self.hosts],
        }

    def _entry(self, host: Host) -> dict[str, Any]:
        reasons = (self.errors, self.held, self.verdict.failed)
        before = self.before.get(host.href, host)
        return {
            "hostname": host.hostname,
            "href": host.href,
            "before": before.release if self.wave.target.release else before.enforcement_mode,
            "now": host.release if self.wave.target.release else host.enforcement_mode,
            "online": host.online,
            "changed": host.href in self.changed,
            "problem": next((found[host.href] for found in reasons if host.href in found), None),
            "warning": self.warned.get(host.href),
        }

    def summarize(self, failed: Mapping[str, str]) -> str:
        """Return the figures of the wave, and the first hosts that failed, in a sentence."""
        names = {host.href: host.label for host in self.hosts}
        several = "; ".join(f"{names[href]}: {reason}" for href, reason in list(failed.items())[:MAX_NAMED])
        more = "; …" if len(failed) > MAX_NAMED else ""
        return (
            f"wave {self.wave.name}: {len(failed)} of {len(self.hosts)} hosts failed, more than error_budget "
            f"({self.wave.error_budget:g} %) allows: {several}{more}"
        )


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

    def plan(self) -> None:
        """Enter what each wave must change. Only the first that has something to do is checked for compatibility."""
        is_checked = False
        for wave in self.waves:
            self._find_pending(wave)
            if wave.pending and not is_checked:
                is_checked = True
                self._hold(wave)
            wave.state = PLANNED if wave.pending else UNCHANGED
            wave.changed = {host.href for host in wave.pending if host.href not in wave.held}

    def forget_plan(self) -> None:
        """Forget the plan, since each wave is checked anew when its turn comes."""
        for wave in self.waves:
            wave.state, wave.changed, wave.held, wave.warned = NOT_STARTED, set(), {}, {}
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
            if problem and wave.wave.name not in self.continue_past:
                wave.state = STOPPED
                left = sum(later.state == NOT_STARTED for later in self.waves)
                after = f"; {left} later waves were not started" if left else ""
                stopped = RollOutError(problem + after, self.results(), self.is_changed)
                stopped.warnings = self.warnings
                raise stopped
            if problem:
                self.warnings.append(problem)

    def results(self) -> list[dict[str, Any]]:
        """Return all waves as results show them."""
        return [wave.to_result() for wave in self.waves]

    def _run_wave(self, wave: Progress) -> str:
        """Carry out one wave. Return what makes it stop, empty if it succeeded."""
        self._look_again(wave)
        self._find_pending(wave)
        self._hold(wave)
        target = wave.wave.target
        waiting = {host.href for host in wave.hosts if target.is_under_way(host)}
        undecided = {host.href for host in wave.pending} | waiting
        wave.verdict = judge([host for host in wave.hosts if host.href not in undecided], target)
        foreseen = {**wave.verdict.failed, **wave.held}
        go = [host for host in wave.pending if host.href not in wave.held]
        if len(foreseen) * 100 > wave.wave.error_budget * len(wave.hosts):
            wave.state = STOPPED
            return f"{wave.summarize(foreseen)}. Nothing of this wave was changed"
        wave.before = {host.href: host for host in wave.hosts}
        wave.state = DONE if go else UNCHANGED
        if not go and not waiting:
            wave.verdict.failed = foreseen
            return ""
        if go and target.release is not None:
            self._upgrade(wave, go)
        elif go:
            self._move(wave, go)
        self._settle(wave)
        return wave.summarize(wave.verdict.failed) if wave.verdict.exceeds(wave.wave.error_budget) else ""

    def _find_pending(self, wave: Progress) -> None:
        target = wave.wave.target
        wave.pending = [host for host in wave.hosts if not target.is_reached(host) and not target.is_under_way(host)]

    def _hold(self, wave: Progress) -> None:
        """Enter which hosts must not be changed now, and why."""
        wave.held, wave.warned = {}, {}
        for host in wave.pending:
            problems = [problem for problem in host.problems if problem in (ERROR, TAMPERED)]
            if wave.wave.target.release is None and host.enforcement_mode not in ENFORCEMENT_MODES:
                # It may be stricter, and what is not known cannot be restored.
                wave.held[host.href] = "has an unknown enforcement mode"
            elif host.online is False:
                wave.held[host.href] = "is not online"
            elif problems:
                wave.held[host.href] = f"has a VEN with the problem {' and '.join(problems)}"
        if wave.wave.target.release is None:
            self._hold_incompatible(wave)

    def _hold_incompatible(self, wave: Progress) -> None:
        idle = [host for host in wave.pending if host.enforcement_mode == "idle" and host.ven_href]
        asked = [host for host in idle if host.href not in wave.held]
        vens = [{"href": host.ven_href, "hostname": host.hostname} for host in asked]
        for host, report in zip(asked, read_reports(self.pce, vens)):
            found = f" ({'; '.join(report.failed_tests)})" if report.failed_tests else ""
            if report.status is None or report.status == RED:
                words = "has no compatibility report" if report.status is None else f"is incompatible{found}"
                (wave.warned if self.may_be_incompatible else wave.held)[host.href] = words
            elif report.status == YELLOW:
                wave.warned[host.href] = f"has a yellow compatibility report{found}"
                self.warnings.append(f"{host.label} {wave.warned[host.href]}")

    def _move(self, wave: Progress, hosts: Sequence[Host]) -> None:
        """Change the modes of hosts, after their present ones are in the file."""
        self.earlier.add(
            {
                host.href: {
                    "hostname": host.hostname,
                    "enforcement_mode": host.enforcement_mode,
                    "visibility_level": host.visibility_level,
                }
                for host in hosts
            }
        )
        target = wave.wave.target
        wanted = {"enforcement_mode": target.enforcement_mode, "visibility_level": target.visibility_level}
        values = {name: value for name, value in wanted.items() if value is not None}
        changed, errors = set_modes(self.pce, {host.href: values for host in hosts})
        wave.changed, wave.errors = changed, errors

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
        """Look until all changed hosts have reached the target, or the time is over."""
        end = self.pce.http.remaining() - self.settle_time
        while True:
            self._look_again(wave)
            wave.verdict = judge(wave.hosts, wave.wave.target)
            hopeless = {**wave.errors, **wave.held}
            wave.verdict.failed.update({href: hopeless[href] for href in wave.verdict.failed if href in hopeless})
            pause = min(POLL_SECONDS, self.pce.http.remaining() - end)
            if not set(wave.verdict.failed) - set(hopeless) or pause <= 0:
                return
            done = len(wave.verdict.reached)
            progress.report_progress(f"hosts of wave {wave.wave.name} ready", done, len(wave.hosts))
            self.pce.http.pause(1, RequestError("the wave settles", "GET", "workloads"), pause)

    def _look_again(self, wave: Progress) -> None:
        shown = {host.href: host for host in read_fleet(self.pce)}
        gone = [host for host in wave.hosts if host.href not in shown]
        if gone:
            self.warnings.append(f"wave {wave.wave.name}: {len(gone)} hosts no longer have a VEN: {gone[0].label}")
        wave.hosts = [shown[host.href] for host in wave.hosts if host.href in shown]


def set_modes(
    pce: Pce, values: Mapping[str, Mapping[str, Any]], dry_run: bool = False
) -> tuple[set[str], dict[str, str]]:
    """Set modes by HREF. Return which workloads were changed, or may have been, and why others were not."""
    states = [DesiredState(Identity(href), dict(wanted), PRESENT) for href, wanted in values.items()]
    store = ManagedWorkloadStore(pce.http, pce.org_id, MANAGED_WORKLOAD)
    try:
        outcomes: Sequence[Mapping[str, Any]] = reconcile_all(MANAGED_WORKLOAD, store, Bulk(states), dry_run).outcomes
    except BulkError as error:
        outcomes = error.outcomes
    became = dict(zip(values, outcomes))
    changed = {href for href, entry in became.items() if entry["changed"]}
    return changed, {href: entry["error"] for href, entry in became.items() if entry["error"]}
