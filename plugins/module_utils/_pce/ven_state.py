# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The states of VENs: unpaired, or marked as suspended or active (source: PCE REST API, Workloads and VENs)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from .._core.errors import CollectionError, OptionError
from .._core.resource import Identity
from .api import Pce
from .marking import Marking
from .unpairing import MAY_BE_SUSPENDED, Unpairing
from .ven import VEN
from .ven_target import ACTIVE, MAX_NAMED, SUSPENDED, UNPAIRED, Target, find_targets

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "hostnames": {"type": "list", "elements": "str"},
    "hrefs": {"type": "list", "elements": "str"},
    "state": {"type": "str", "choices": [UNPAIRED, SUSPENDED, ACTIVE], "required": True},
    "firewall_restore": {"type": "str", "choices": ["saved", "default", "disable"], "default": "default"},
}


class VenError(CollectionError):
    """Some VENs were refused, or the request ``cause`` ended the task; ``vens`` is what became of all of them."""

    def __init__(self, message: str, targets: Sequence[Target], cause: CollectionError | None = None) -> None:
        self.changed = any(target.changed for target in targets) or (cause is not None and cause.changed)
        self.vens = [target.to_result() for target in targets]
        self._cause = cause
        super().__init__(message)

    def details(self) -> dict[str, Any]:
        return {**(self._cause.details() if self._cause is not None else {}), "vens": self.vens}


class Change(Protocol):
    """What is done to VENs: ``words`` is a participle, ``shown`` the property that it changes."""

    shown: str

    @property
    def words(self) -> str:
        """Return what is done, as a participle."""

    def is_pending(self, target: Target) -> bool:
        """Return True for a VEN that must be changed."""

    def check(self, targets: Sequence[Target]) -> None:
        """Raise CollectionError for VENs that cannot be changed."""

    def ensure_within_deadline(self, count: int) -> None:
        """Raise OptionError where so many VENs cannot be changed before the deadline."""

    def expect(self, target: Target) -> None:
        """Enter what ``run`` makes of a VEN."""

    def run(self, pending: Sequence[Target]) -> None:
        """Change VENs, and enter what became of each."""


def set_ven_state(pce: Pce, params: Mapping[str, Any], dry_run: bool) -> dict[str, Any]:
    """Bring VENs to the wanted state and return the module's result. Raise OptionError and errors of requests.

    All VENs are looked up before anything is written: one that is ambiguous, missing, or cannot be unpaired leaves all
    as they are.
    """
    warnings: list[str] = []
    change: Change
    if params["state"] == UNPAIRED:
        change = Unpairing(pce, params["firewall_restore"], warnings, bool(params.get(MAY_BE_SUSPENDED)))
    else:
        change = Marking(pce, params["state"], warnings)
    return change_vens(pce, params, change, warnings, dry_run)


def change_vens(
    pce: Pce, params: Mapping[str, Any], change: Change, warnings: list[str], dry_run: bool
) -> dict[str, Any]:
    """Look up the VENs that ``params`` name, change those that need it, and return the module's result."""
    identities = _identities(pce, params)
    try:
        targets = find_targets(pce.store(VEN), identities, warnings)
        return {**_apply(change, targets, dry_run), "warnings": warnings}
    except CollectionError as error:
        error.warnings = [*error.warnings, *warnings]
        raise


def _identities(pce: Pce, params: Mapping[str, Any]) -> list[Identity]:
    """Return the VENs that the task names, each once."""
    hostnames, references = params["hostnames"], params["hrefs"]
    if hostnames is None and references is None:
        raise OptionError("hostnames", "one of hostnames and hrefs is required")
    for hostname in hostnames or ():
        if not hostname or hostname != hostname.strip():
            raise OptionError("hostnames", f"{hostname!r} is not a hostname")
    for href in references or ():
        pce.check_reference(VEN, "hrefs", href)
    named = [Identity(names={"hostname": hostname}) for hostname in dict.fromkeys(hostnames or ())]
    return named + [Identity(href) for href in dict.fromkeys(references or ())]


def _apply(change: Change, targets: Sequence[Target], dry_run: bool) -> dict[str, Any]:
    change.check(targets)
    pending = [target for target in targets if change.is_pending(target)]
    before = _values(pending, change.shown)
    change.ensure_within_deadline(len(pending))
    if dry_run:
        for target in pending:
            change.expect(target)
    else:
        _run(change, targets, pending)
    return {
        "changed": bool(pending),
        "vens": [target.to_result() for target in targets],
        "diff": {"before": before, "after": _values(pending, change.shown)},
    }


def _run(change: Change, targets: Sequence[Target], pending: Sequence[Target]) -> None:
    """Change the pending VENs. Raise VenError if some were refused, or if a request ended the task."""
    try:
        change.run(pending)
    except CollectionError as error:
        done = sum(target.changed and target.error is None for target in pending)
        if done or not error.changed:
            advice = "" if error.changed else "; run the task again for the others"
            error.add(f"{done} of {len(pending)} VENs were {change.words} before{advice}")
        raise VenError(str(error), targets, error) from error
    failed = [target for target in targets if target.error]
    if failed:
        several = "; ".join(f"{target.label}: {target.error}" for target in failed[:MAX_NAMED])
        raise VenError(f"{len(failed)} of {len(targets)} VENs failed: {several}", targets)


def _values(targets: Sequence[Target], name: str) -> dict[str, Any]:
    """Return a property of VENs by names that are unique."""
    counts = Counter(target.label for target in targets)
    labels = [target.label if counts[target.label] == 1 else f"{target.label} ({target.href})" for target in targets]
    return {label: getattr(target, name) for label, target in zip(labels, targets)}
