# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The states of VENs: unpaired, or marked as suspended or active (source: PCE REST API, Workloads and VENs)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

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


def set_ven_state(pce: Pce, params: Mapping[str, Any], dry_run: bool) -> dict[str, Any]:
    """Bring VENs to the wanted state and return the module's result. Raise OptionError and errors of requests.

    All VENs are looked up before anything is written: one that is ambiguous, missing, or cannot be unpaired leaves all
    as they are.
    """
    identities = _identities(pce, params)
    warnings: list[str] = []
    change: Unpairing | Marking
    if params["state"] == UNPAIRED:
        change = Unpairing(pce, params["firewall_restore"], warnings, bool(params.get(MAY_BE_SUSPENDED)))
    else:
        change = Marking(pce, params["state"], warnings)
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


def _apply(change: Unpairing | Marking, targets: Sequence[Target], dry_run: bool) -> dict[str, Any]:
    change.check(targets)
    pending = [target for target in targets if change.is_pending(target)]
    before = _statuses(pending)
    change.ensure_within_deadline(len(pending))
    if dry_run:
        for target in pending:
            change.expect(target)
    else:
        _run(change, targets, pending)
    return {
        "changed": bool(pending),
        "vens": [target.to_result() for target in targets],
        "diff": {"before": before, "after": _statuses(pending)},
    }


def _run(change: Unpairing | Marking, targets: Sequence[Target], pending: Sequence[Target]) -> None:
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


def _statuses(targets: Sequence[Target]) -> dict[str, Any]:
    """Return the statuses of VENs by names that are unique."""
    counts = Counter(target.label for target in targets)
    names = [target.label if counts[target.label] == 1 else f"{target.label} ({target.href})" for target in targets]
    return {name: target.status for name, target in zip(names, targets)}
