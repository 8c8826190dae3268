# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The VENs of a task: how they are found, and what the PCE shows of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .._core.errors import CollectionError, MissingReferenceError
from .._core.resource import Identity, Raw
from .._core.snapshot import Snapshot
from .._core.store import QueryResult
from .._core.text import one_line
from .store import PceStore
from .ven import VEN

UNPAIRED = "unpaired"
SUSPENDED = "suspended"
ACTIVE = "active"

MAX_NAMED = 10
"""VENs, or errors, that one sentence names."""

_UNPAIRED_STATUSES = (UNPAIRED, "uninstalled")
"""Statuses with which a PCE might go on showing a VEN that is no longer paired."""

_MAX_SINGLE_LOOKUPS = 5
"""Up to this number, VENs are looked up one by one; more take one read of all VENs."""

_MAX_HOSTNAME_LENGTH = 255
"""Characters. A longer text of a PCE is no hostname to look for."""


@dataclass
class Target:
    """One VEN of the task: as the PCE showed it last, or as the task names it if the PCE shows none (``found``).

    ``status`` is what the PCE showed last, or what it was told since and accepted.
    """

    hostname: str | None
    href: str | None
    version: Any = None
    status: Any = UNPAIRED
    unpair_allowed: Any = None
    upgrade_target_version: Any = None
    found: bool = False
    changed: bool = False
    error: str | None = None

    @property
    def is_paired(self) -> bool:
        """Return True if the PCE shows the VEN, and not as unpaired."""
        return self.found and self.status not in _UNPAIRED_STATUSES

    @property
    def label(self) -> str:
        """Return the name of the VEN in a sentence."""
        return one_line(self.hostname or self.href)

    @property
    def release(self) -> Any:
        """Return the release that the VEN has, or is upgraded to."""
        return self.upgrade_target_version or self.version

    def accept(self, status: str) -> None:
        """Enter that the PCE has accepted this status, or in check mode is expected to."""
        self.changed, self.status = True, status

    def refuse(self, reason: str) -> None:
        """Enter that the PCE has not changed the VEN."""
        self.error = reason

    def mark_unknown(self, error: CollectionError, words: str) -> None:
        """Enter that the VEN may have been changed, if the request that ended with ``error`` may have been applied."""
        if error.changed:
            self.changed, self.error = True, f"it is unknown whether the VEN was {words}"

    def to_result(self) -> dict[str, Any]:
        """Return the entry of the module's result."""
        names = ("hostname", "href", "version", "status", "changed", "error")
        return {name: getattr(self, name) for name in names}


def find_targets(store: PceStore, identities: Sequence[Identity], warnings: list[str]) -> list[Target]:
    """Return the VENs of the task; one that is named by hostname and by HREF counts once.

    ``warnings`` gets hostnames that differ in spelling only.
    """
    result = _read_few(store, identities) if len(identities) <= _MAX_SINGLE_LOOKUPS else store.read({})
    shown = Snapshot(VEN, store, result)
    shown.confirm_absences(identities)
    targets: list[Target] = []
    seen: set[str] = set()
    for identity in identities:
        ven = VEN.to_result(shown.find(identity))
        if ven is None:
            targets.append(Target(identity.names.get("hostname"), identity.reference))
        elif ven["href"] not in seen:
            href = store.own_href(ven["href"])
            seen.add(href)
            shown_as = (ven["version"], ven["status"], ven["unpair_allowed"], ven["upgrade_target_version"])
            targets.append(Target(ven["hostname"] or None, href, *shown_as, found=True))
    _warn_of_spellings(targets, result.objects, warnings)
    return targets


def _read_few(store: PceStore, identities: Sequence[Identity]) -> QueryResult:
    """Return what the PCE shows of a few VENs, and of those whose hostnames contain theirs."""
    raws = store.shown([identity.reference for identity in identities if identity.reference is not None])
    is_paged = False
    for identity in identities:
        if identity.reference is None:
            result = store.read({"hostname": str(identity.names["hostname"])})
            raws += result.objects
            is_paged = is_paged or result.is_paged
    return QueryResult(list({store.own_href(raw.get("href")): raw for raw in raws}.values()), is_paged)


def _warn_of_spellings(targets: Sequence[Target], raws: Sequence[Raw], warnings: list[str]) -> None:
    missing = {_spelling(target.hostname): target.hostname for target in targets if _is_missing_by_name(target)}
    for raw in raws:
        other = VEN.field("hostname").value_in(raw)
        meant = missing.get(_spelling(other)) if isinstance(other, str) else None
        if meant is not None and meant != other:
            warnings.append(f"the PCE shows no VEN with hostname {one_line(meant)}, but one with {one_line(other)}")


def _is_missing_by_name(target: Target) -> bool:
    return not target.found and bool(target.hostname)


def _spelling(hostname: Any) -> str:
    """Return what two spellings of one hostname have in common: letters of either case, with a domain or without."""
    return str(hostname).casefold().partition(".")[0]


def read_statuses(store: PceStore, targets: Sequence[Target], confirm_absence: bool) -> dict[str | None, Any]:
    """Return the statuses of those VENs that the PCE still shows as paired, by their HREFs. See read_shown."""
    shown = read_shown(store, targets, confirm_absence)
    statuses = {href: VEN.field("status").value_in(raw) for href, raw in shown.items()}
    return {href: status for href, status in statuses.items() if status not in _UNPAIRED_STATUSES}


def read_shown(store: PceStore, targets: Sequence[Target], confirm_absence: bool) -> dict[str | None, Raw]:
    """Return what the PCE shows of those VENs that it still shows, by their HREFs.

    They are read by their hostnames if they are few: each that is gone would be a 404, which takes another request.
    ``confirm_absence`` where the result decides what became of them, and does not only confirm a success.
    """
    identities = [_identity(target) for target in targets]
    are_few = len(targets) <= _MAX_SINGLE_LOOKUPS and all(identity.names for identity in identities)
    result = _read_few(store, identities) if are_few else store.read({})
    raws = {raw.get("href"): raw for raw in result.objects}
    if confirm_absence and result.is_paged:
        absent = [identity for identity, target in zip(identities, targets) if target.href not in raws]
        raws.update({raw.get("href"): raw for raw in store.confirm_absences(absent)})
    wanted = {target.href for target in targets}
    return {href: raw for href, raw in raws.items() if href in wanted}


def _identity(target: Target) -> Identity:
    """Return how to look up a VEN: by its hostname if the PCE shows one that it can filter by."""
    hostname = target.hostname
    if isinstance(hostname, str) and 0 < len(hostname) <= _MAX_HOSTNAME_LENGTH:
        return Identity(names={"hostname": hostname})
    return Identity(target.href)


def refuse_missing(targets: Sequence[Target]) -> None:
    """Raise MissingReferenceError for VENs that do not exist."""
    missing = [target for target in targets if not target.is_paired]
    if missing:
        by_name = [target for target in missing if target.hostname]
        by_href = [target for target in missing if not target.hostname]
        named = [f"{name} {list_labels(some)}" for name, some in (("hostname", by_name), ("href", by_href)) if some]
        raise MissingReferenceError(f"no VEN with {' or '.join(named)} (exact match); nothing was changed")


def list_labels(targets: Sequence[Target]) -> str:
    """Return the names of VENs in a sentence."""
    more = f" and {len(targets) - MAX_NAMED} more" if len(targets) > MAX_NAMED else ""
    return ", ".join(target.label for target in targets[:MAX_NAMED]) + more
