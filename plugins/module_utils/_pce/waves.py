# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waves of a roll-out: who belongs to which, and whether a wave has reached its target. Pure: nothing is read here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from .._core.errors import OptionError
from .pairing_profile import ENFORCEMENT_MODES
from .ven_info import ERROR, TAMPERED
from .ven_release import Release, parse_release

_HASHES = 2**256


@dataclass
class Host:
    """A workload with a VEN, as the PCE shows it.

    ``release`` is what its VEN has, ``upgrading_to`` what it is upgraded to. ``problems`` are those of the VEN.
    """

    href: str
    ven_href: str | None
    hostname: str
    labels: Mapping[str, str]
    enforcement_mode: str | None
    visibility_level: str | None
    online: bool | None
    release: str | None = None
    upgrading_to: str | None = None
    problems: Sequence[str] = ()

    @property
    def label(self) -> str:
        """Return what the host is called in a sentence."""
        return self.hostname or self.href

    @property
    def obstacle(self) -> str:
        """Return what is wrong with the VEN, empty if it can enforce a policy."""
        if self.online is False:
            return "is not online"
        problems = [problem for problem in self.problems if problem in (ERROR, TAMPERED)]
        return f"has a VEN with the problem {' and '.join(problems)}" if problems else ""


@dataclass(frozen=True)
class Target:
    """What a wave brings its hosts to: an enforcement mode, with a visibility level if it is set, or a release."""

    enforcement_mode: str | None = None
    visibility_level: str | None = None
    release: Release | None = None
    shown: str = ""
    """The target in a sentence."""

    def find_in(self, host: Host) -> str | None:
        """Return what the host has of what the target sets: its release, its mode, or its mode and visibility level."""
        if self.release is not None:
            return host.release
        level = "" if self.visibility_level is None else f", {host.visibility_level}"
        return None if host.enforcement_mode is None else host.enforcement_mode + level

    def is_reached(self, host: Host) -> bool:
        """Return True if the host needs no change. A stricter mode or a newer release counts as reached."""
        if self.release is not None:
            own = parse_release(host.release)
            return own is not None and (own.is_same(self.release) or self.release.is_older(own))
        if host.enforcement_mode not in ENFORCEMENT_MODES:
            return False
        wanted = ENFORCEMENT_MODES.index(self.enforcement_mode or "")
        current = ENFORCEMENT_MODES.index(host.enforcement_mode)
        # The visibility level is that of the mode: where the mode is stricter, so may the level be.
        has_level = self.visibility_level in (None, host.visibility_level) or current > wanted
        return current >= wanted and has_level

    def is_under_way(self, host: Host) -> bool:
        """Return True if an upgrade to this release, or to a newer one, is under way."""
        ordered = parse_release(host.upgrading_to)
        if self.release is None or ordered is None:
            return False
        return ordered.is_same(self.release) or self.release.is_older(ordered)


@dataclass(frozen=True)
class Wave:
    """One wave: its conditions, all of which a host must meet, and its target.

    ``share`` is about the percentage of the whole selection that it takes, by a hash of the HREF. ``error_budget`` is
    the percentage of its hosts that may fail.
    """

    name: str
    target: Target
    hostnames: frozenset[str] | None = None
    hrefs: frozenset[str] | None = None
    labels: Sequence[Mapping[str, str]] | None = None
    share: float = 100
    error_budget: float = 0

    def has(self, host: Host) -> bool:
        """Return True if the host meets the conditions; whether it is in the share is not looked at."""
        return (
            (self.hostnames is None or host.hostname in self.hostnames)
            and (self.hrefs is None or host.href in self.hrefs)
            and all(_has_label(host, label) for label in self.labels or ())
        )

    def is_over_budget(self, failed: int, hosts: int) -> bool:
        """Return True if more than ``error_budget`` percent of the hosts failed."""
        return failed * 100 > _exact(self.error_budget) * hosts


def _exact(percentage: float) -> Fraction:
    """Return the number that the user wrote, which a float may miss."""
    return Fraction(str(percentage))


def _has_label(host: Host, label: Mapping[str, str]) -> bool:
    return host.labels.get(label["key"]) == label["value"]


def take_share(hosts: Sequence[Host], share: float) -> set[str]:
    """Return the HREFs of about this share, in percent, of the hosts: at least one, the same in each run.

    They are those whose hash is small enough. A larger share contains a smaller one, and a new host moves no other.
    """
    if not hosts:
        return set()
    hashes = {host.href: int.from_bytes(hashlib.sha256(host.href.encode()).digest(), "big") for host in hosts}
    limit = _exact(share) * _HASHES / 100
    return {href for href, value in hashes.items() if value < limit} or {min(hashes, key=lambda href: hashes[href])}


def assign(waves: Sequence[Wave], hosts: Sequence[Host]) -> list[list[Host]]:
    """Return the hosts of each wave. A host belongs to the first wave that has it, for modes and releases apart."""
    members: list[list[Host]] = []
    taken: dict[bool, set[str]] = {True: set(), False: set()}
    for wave in waves:
        kind = wave.target.release is not None
        free = take_share(hosts, wave.share) - taken[kind]
        own = [host for host in hosts if host.href in free and wave.has(host)]
        taken[kind] |= {host.href for host in own}
        members.append(own)
    return members


@dataclass
class Verdict:
    """What a look at a wave shows: which hosts have reached the target, and why others have not."""

    reached: list[Host] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """The reasons by HREF."""


def judge(hosts: Sequence[Host], target: Target) -> Verdict:
    """Return which hosts have reached the target and can enforce a policy."""
    verdict = Verdict()
    for host in hosts:
        reason = host.obstacle if target.is_reached(host) else _shortfall(host, target)
        if reason:
            verdict.failed[host.href] = reason
        else:
            verdict.reached.append(host)
    return verdict


def _shortfall(host: Host, target: Target) -> str:
    return f"has {'release' if target.release else 'enforcement mode'} {target.find_in(host)}"


def read_percentage(option: str, value: float, minimum: float = 0) -> float:
    """Return a percentage of an option. Raise OptionError for one that is out of range."""
    if not minimum <= value <= 100:
        raise OptionError(option, f"must be a percentage from {minimum:g} to 100, not {value:g}")
    return float(value)
