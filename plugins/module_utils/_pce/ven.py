# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VENs that a PCE unpairs, or marks as suspended or active (source: PCE REST API, Workloads and VENs).

The page tells of unpairing. That a PUT of a VEN's ``status`` marks it stands in the vendor's guide to VEN operations.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._core import progress
from .._core.bulk import BulkError
from .._core.errors import ApiError, CollectionError, DeadlineError, MissingReferenceError, OptionError, RequestError
from .._core.fields import server, text
from .._core.resource import Identity, Raw, Resource
from .._core.snapshot import Snapshot
from .._core.store import QueryResult
from .._core.text import describe_errors, one_line
from .._http.rate_limit import RateLimiter
from .._http.response import Response, parse_errors
from . import hrefs
from .api import PCE, Pce
from .store import PceStore

UNPAIRED = "unpaired"
SUSPENDED = "suspended"
ACTIVE = "active"

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "hostnames": {"type": "list", "elements": "str"},
    "hrefs": {"type": "list", "elements": "str"},
    "state": {"type": "str", "choices": [UNPAIRED, SUSPENDED, ACTIVE], "required": True},
    "firewall_restore": {"type": "str", "choices": ["saved", "default", "disable"], "default": "default"},
}

VEN = Resource(
    api=PCE,
    title="VEN",
    name="ven",
    plural="vens",
    identity=("hostname",),
    reference="href",
    fields=(server("href"), text("hostname"), server("status"), server("version")),
)

_GONE = ("unpaired", "uninstalled")
"""A status with which a PCE might go on showing a VEN that is no longer paired."""

_BATCH = 1000
"""The most VENs that one request unpairs."""

_CALLS = 10
"""How many such requests a PCE takes in a minute."""

_MAX_SINGLE_LOOKUPS = 5
"""Up to so many VENs are asked for one by one; more by one read of all."""

_MAX_HOSTNAME_LENGTH = 255
"""Characters. What a PCE shows beyond that is no hostname to look for."""

_MAX_NAMED = 10

_UNKNOWN = "whether it was unpaired is not known"


class VenError(BulkError):
    """Some VENs were refused; what became of all of them stands in ``vens``."""

    def details(self) -> dict[str, Any]:
        return {"vens": self.outcomes}


@dataclass
class _Target:
    """One VEN of the task, as the PCE shows it, or as the task names it where the PCE shows none (``found``)."""

    hostname: str | None
    href: str | None
    version: Any = None
    status: Any = UNPAIRED
    found: bool = False
    changed: bool = False
    error: str | None = None

    @property
    def is_paired(self) -> bool:
        return self.found and self.status not in _GONE

    @property
    def label(self) -> str:
        return one_line(self.hostname or self.href)


@dataclass(frozen=True)
class _Refusal:
    """What a PCE says against an unpairing that it answers with success. ``hrefs`` None: any of the VENs is meant."""

    reason: str
    hrefs: frozenset[str | None] | None


@dataclass
class _Run:
    pce: Pce
    state: str
    firewall_restore: str
    targets: Sequence[_Target]
    warnings: list[str]
    rate_limiter: RateLimiter

    def pending(self) -> list[_Target]:
        """Return the VENs that are not in the wanted state."""
        return [target for target in self.targets if target.is_paired and _is_pending(self.state, target.status)]


def keep_vens(params: Mapping[str, Any], dry_run: bool) -> dict[str, Any]:
    """Bring VENs to the wanted state and return the module's result. Raises OptionError and the transport's errors.

    All are looked up before anything is written: one that is ambiguous or missing leaves all as they are.
    """
    identities = _identities(params)
    pce = PCE.connect(params)
    warnings: list[str] = []
    targets = _find(pce, identities, warnings)
    run = _Run(pce, params["state"], params["firewall_restore"], targets, warnings, pce.http.rate_limiter(_CALLS))
    _demand_all(run)
    pending = run.pending()
    before = {name: target.status for name, target in _named(pending).items()}
    if run.state == UNPAIRED:
        pce.http.ensure_within_deadline(-(-len(pending) // _BATCH), f"unpairing {len(pending)} VENs", run.rate_limiter)
    elif pending:
        pce.http.ensure_within_deadline(len(pending), f"marking {len(pending)} VENs")
    if dry_run:
        for target in pending:
            target.changed = True
    elif run.state == UNPAIRED:
        _unpair(run, pending)
    else:
        _mark(run, pending)
    failed = [target for target in run.targets if target.error]
    if failed:
        several = "; ".join(f"{target.label}: {target.error}" for target in failed[:_MAX_NAMED])
        changed = any(target.changed for target in run.targets)
        raise VenError(f"{len(failed)} of {len(run.targets)} VENs failed: {several}", changed, _shown(run))
    return {
        "changed": bool(pending),
        "vens": _shown(run),
        "diff": {"before": before, "after": dict.fromkeys(before, run.state)},
        "warnings": run.warnings,
    }


def _identities(params: Mapping[str, Any]) -> list[Identity]:
    """Return what the task names, each once."""
    hostnames, references = params["hostnames"], params["hrefs"]
    if hostnames is None and references is None:
        raise OptionError("hostnames", "is needed, or hrefs")
    for hostname in hostnames or ():
        if not hostname or hostname != hostname.strip():
            raise OptionError("hostnames", f"has an entry that is no hostname: {hostname!r}")
    for href in references or ():
        PCE.check_reference(params, VEN.plural, "hrefs", href)
    named = [Identity(names={"hostname": hostname}) for hostname in dict.fromkeys(hostnames or ())]
    return named + [Identity(href) for href in dict.fromkeys(references or ())]


def _find(pce: Pce, identities: Sequence[Identity], warnings: list[str]) -> list[_Target]:
    """Return the VENs of the task; one that is asked for by hostname and by HREF counts once.

    ``warnings`` gets what looks like a misspelt hostname.
    """
    store = pce.store(VEN)
    raws = _few(store, identities) if len(identities) <= _MAX_SINGLE_LOOKUPS else store.query({})
    shown = Snapshot(VEN, store, QueryResult(raws))
    targets: list[_Target] = []
    seen: set[str] = set()
    for identity in identities:
        ven = VEN.to_result(shown.find(identity))
        if ven is None:
            targets.append(_Target(identity.names.get("hostname"), identity.reference))
        elif ven["href"] not in seen:
            href = store.own_href(ven["href"])
            seen.add(href)
            targets.append(_Target(ven["hostname"] or None, href, ven["version"], ven["status"], found=True))
    missing = {
        _spelling(target.hostname): target.hostname for target in targets if not target.found and target.hostname
    }
    for raw in raws:
        other = VEN.field("hostname").value_in(raw)
        meant = missing.get(_spelling(other)) if isinstance(other, str) else None
        if meant is not None and meant != other:
            warnings.append(f"the PCE shows no VEN of {one_line(meant)}, but one of {one_line(other)}")
    return targets


def _few(store: PceStore, identities: Sequence[Identity]) -> list[Raw]:
    """Return what the PCE shows of a few VENs, and of those whose hostnames contain theirs."""
    raws = store.shown([identity.reference for identity in identities if identity.reference is not None])
    for identity in identities:
        if identity.reference is None:
            raws += store.query({"hostname": str(identity.names["hostname"])})
    return list({store.own_href(raw.get("href")): raw for raw in raws}.values())


def _spelling(hostname: str) -> str:
    """Return what two spellings of one hostname have in common: letters of either case, with a domain or without."""
    return hostname.casefold().partition(".")[0]


def _is_pending(state: str, status: Any) -> bool:
    return bool(status == SUSPENDED if state == ACTIVE else status != state)


def _demand_all(run: _Run) -> None:
    """Raise MissingReferenceError for VENs that are to be marked and do not exist; one that is gone is unpaired."""
    missing = [target for target in run.targets if not target.is_paired]
    if missing and run.state != UNPAIRED:
        raise MissingReferenceError(f"there is no VEN of {_list(missing)} (compared exactly); nothing was changed")


def _list(targets: Sequence[_Target]) -> str:
    more = f" and {len(targets) - _MAX_NAMED} more" if len(targets) > _MAX_NAMED else ""
    return ", ".join(target.label for target in targets[:_MAX_NAMED]) + more


def _named(targets: Sequence[_Target]) -> dict[str, _Target]:
    """Return the targets by names that are unique."""
    counts = Counter(target.label for target in targets)
    return {
        target.label if counts[target.label] == 1 else f"{target.label} ({target.href})": target for target in targets
    }


def _unpair(run: _Run, pending: Sequence[_Target]) -> None:
    """Unpair in batches; then look whether the PCE has."""
    for start in range(0, len(pending), _BATCH):
        progress.report_progress("VENs unpaired", start, len(pending))
        batch = pending[start : start + _BATCH]
        try:
            _unpair_batch(run, batch)
        except CollectionError as error:
            done = _tell_done(run, error, f"of {len(pending)} VENs were unpaired before")
            for target in batch:
                target.changed = target.changed or target.error is not None
            raise VenError(str(error), error.changed or done > 0, _shown(run)) from error
    try:
        left = [target for target in _still_paired(run, pending) if target.error is None]
    except CollectionError as error:
        run.warnings.append(f"the PCE accepted the unpairing, and whether it has done it could not be read: {error}")
        return
    if left:
        run.warnings.append(f"the PCE accepted the unpairing of {_list(left)} but still shows the VEN")


def _unpair_batch(run: _Run, batch: Sequence[_Target]) -> None:
    """Unpair at most 1,000 VENs.

    A request that is sent again after its answer was lost names VENs that are gone, which the PCE may refuse. So after
    an error it is looked which are left, and only those are tried again, once.
    """
    try:
        refusal = _send(run, batch)
    except RequestError as error:
        left = _left_after(run, batch, error)
        _enter(batch, left)
        if len(left) == len(batch):
            _leave_open(left, error)
            raise
        refusal = None
        if left:
            try:
                refusal = _send(run, left)
            except RequestError as second:
                _leave_open(left, second)
                raise
    _settle(run, batch, refusal)


def _left_after(run: _Run, batch: Sequence[_Target], error: RequestError) -> list[_Target]:
    """Return which VENs are still paired after ``error``; raise it where that cannot be found out."""
    try:
        return _still_paired(run, batch)
    except CollectionError as second:
        error.add(f"Looking which of {len(batch)} VENs were unpaired failed too: {second}")
        _leave_open(batch, error)
        raise error from second


def _leave_open(targets: Sequence[_Target], error: CollectionError) -> None:
    """Enter that VENs may be unpaired, if the request that ended with ``error`` may have been acted upon."""
    for target in targets if error.changed else ():
        target.error = _UNKNOWN


def _settle(run: _Run, batch: Sequence[_Target], refusal: _Refusal | None) -> None:
    """Enter what became of VENs whose unpairing was answered with success. Those that were refused are still there."""
    left: list[_Target] = []
    if refusal is not None:
        try:
            shown = _still_paired(run, batch)
        except CollectionError as error:
            error.changed = True
            error.add(f"The VENs were looked for after this: {refusal.reason}")
            _leave_open(batch, error)
            raise
        left = [target for target in shown if refusal.hrefs is None or target.href in refusal.hrefs]
        for target in left:
            target.error = refusal.reason
    _enter(batch, left)


def _enter(batch: Sequence[_Target], left: Sequence[_Target]) -> None:
    for target in batch:
        target.changed = not any(target is other for other in left)


def _tell_done(run: _Run, error: CollectionError, words: str) -> int:
    """Let an error that ends the task tell how many VENs were done before, and return their number.

    An error whose end is not known advises to run again already.
    """
    done = sum(target.changed and target.error is None for target in run.targets)
    if done or not error.changed:
        error.add(f"{done} {words}{'' if error.changed else '; run again for the others'}")
    return done


def _send(run: _Run, batch: Sequence[_Target]) -> _Refusal | None:
    body = {
        "vens": [{"href": target.href} for target in batch],
        "firewall_restore": run.firewall_restore,
    }
    path = f"{hrefs.collection(run.pce.org_id, VEN.plural)}/unpair"
    late = DeadlineError(f"a PCE takes {_CALLS} unpair requests a minute, and the deadline would pass", "PUT", path)
    run.pce.http.wait_for_turn(run.rate_limiter, late)
    return _refusal_in(run.pce.http.request("PUT", path, body=body), batch)


def _refusal_in(response: Response, batch: Sequence[_Target]) -> _Refusal | None:
    """Return what an answer of success says against the unpairing, None where it says nothing.

    The page knows only 204. PCEs are known to answer ``{"errors": [{"token", "message", "hrefs"}]}`` or a list
    of such.
    """
    value = response.json() if response.body.strip() else None
    errors: list[Any] = []
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, Mapping):
            said = entry.get("errors") or (entry if entry.get("token") else [])
            errors += said if isinstance(said, list) else [said]
    if not errors:
        return None
    words = describe_errors(parse_errors(json.dumps(errors[:_MAX_NAMED]).encode())) or "it has errors"
    named: set[str | None] = {href for error in errors for href in _hrefs_of(error)}
    # An error that names none of ours may be about any of them.
    meant = frozenset(named) if None not in named and named & {target.href for target in batch} else None
    return _Refusal(one_line(response.contract_error(words)), meant)


def _hrefs_of(error: Any) -> list[str | None]:
    """Return the HREFs that an error names, ``[None]`` where it names none."""
    shown = error.get("hrefs") if isinstance(error, Mapping) else None
    return [href for href in shown if isinstance(href, str)] or [None] if isinstance(shown, list) else [None]


def _still_paired(run: _Run, targets: Sequence[_Target]) -> list[_Target]:
    """Return those of the VENs that the PCE still shows as paired.

    By their hostnames where they are few: each one that is gone would be a 404, and a 404 has to be looked into.
    """
    store, hostnames = run.pce.store(VEN), [target.hostname for target in targets]
    few = len(targets) <= _MAX_SINGLE_LOOKUPS and all(
        isinstance(name, str) and 0 < len(name) <= _MAX_HOSTNAME_LENGTH for name in hostnames
    )
    raws = _few(store, [Identity(names={"hostname": name}) for name in hostnames]) if few else store.query({})
    paired = {raw.get("href") for raw in raws if VEN.field("status").value_in(raw) not in _GONE}
    return [target for target in targets if target.href in paired]


def _mark(run: _Run, pending: Sequence[_Target]) -> None:
    """Mark VENs one by one. One that the PCE refuses does not stop the others."""
    for number, target in enumerate(pending):
        progress.report_progress(f"VENs marked as {run.state}", number, len(pending))
        try:
            run.pce.http.request("PUT", str(target.href), body={"status": run.state})
        except CollectionError as error:
            if not isinstance(error, ApiError) or error.status not in (404, 406):
                _tell_done(run, error, f"of {len(pending)} VENs were marked as {run.state} before")
                error.changed = error.changed or any(target.changed for target in run.targets)
                raise
            target.error, target.changed = str(error), error.changed
        else:
            target.changed = True


def _shown(run: _Run) -> list[dict[str, Any]]:
    return [
        {
            "hostname": target.hostname,
            "href": target.href,
            "version": target.version,
            "status": run.state if target.changed and not target.error else target.status,
            "changed": target.changed,
            "error": target.error,
        }
        for target in run.targets
    ]
