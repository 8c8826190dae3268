# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of each wave of a roll-out, as results and errors show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import CollectionError
from .._core.text import describe_failures
from .waves import Host, Verdict, Wave

PLANNED, UNCHANGED, DONE, STOPPED, NOT_STARTED = "planned", "unchanged", "done", "stopped", "not_started"

MAX_NAMED = 5
"""Hosts that one sentence names."""


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

    def forget_plan(self) -> None:
        """Forget what was planned, since the wave is checked anew when its turn comes."""
        self.state, self.verdict = NOT_STARTED, Verdict()
        self.pending, self.held, self.warned, self.changed = [], {}, {}, set()

    def find_pending(self) -> None:
        """Enter which hosts must be changed."""
        target = self.wave.target
        self.pending = [host for host in self.hosts if not target.is_reached(host) and not target.is_under_way(host)]

    @property
    def ready(self) -> list[Host]:
        """Return the hosts that must be changed, and may be."""
        return [host for host in self.pending if host.href not in self.held]

    def is_over_budget(self, failed: Mapping[str, str]) -> bool:
        """Return True if more hosts failed than the wave allows."""
        return self.wave.is_over_budget(len(failed), len(self.hosts))

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
        target = self.wave.target
        return {
            "hostname": host.hostname,
            "href": host.href,
            "before": target.find_in(self.before.get(host.href, host)),
            "now": target.find_in(host),
            "online": host.online,
            "changed": host.href in self.changed,
            "problem": next((found[host.href] for found in reasons if host.href in found), None),
            "warning": self.warned.get(host.href),
        }

    def summarize(self, failed: Mapping[str, str]) -> str:
        """Return the figures of the wave, and the first hosts that failed, in a sentence."""
        return (
            f"wave {self.wave.name}: {len(failed)} of {len(self.hosts)} hosts failed, more than error_budget "
            f"({self.wave.error_budget:g} %) allows: {self.describe(failed)}"
        )

    def describe(self, failed: Mapping[str, str]) -> str:
        """Return why hosts failed; those that failed for one reason share its words."""
        return describe_hosts({host.href: host.label for host in self.hosts}, failed)


def describe_hosts(labels: Mapping[str, str], reasons: Mapping[str, str]) -> str:
    """Return the reasons, each after the hosts that it is about, which ``labels`` has by their HREFs."""
    return describe_failures([(labels[href], reason) for href, reason in reasons.items()], MAX_NAMED)
