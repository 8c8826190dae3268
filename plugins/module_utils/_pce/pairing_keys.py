# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pairing keys: generated, remembered in a file, revoked (source: PCE REST API, Pairing keys)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from .._core import progress
from .._core.errors import (
    ApiError,
    CollectionError,
    ContractError,
    DeadlineError,
    OptionError,
    UnknownOutcomeError,
    found_before,
)
from .._core.fields import MAX_INTEGER
from .._core.resource import ABSENT, PRESENT, Identity
from .api import PCE, Pce
from .key_file import KeyFile, Lock
from .pairing_profile import PAIRING_PROFILE

RENEWED = "renewed"

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "profile": {"type": "str"},
    "profile_href": {"type": "str"},
    "path": {"type": "path"},
    "count": {"type": "int", "default": 1},
    "state": {"type": "str", "choices": [PRESENT, RENEWED, ABSENT], "default": PRESENT},
}

_MAX_KEYS = 10000
_UNKNOWN_KEY = "It stays valid until it expires or all keys of the pairing profile are revoked (state: absent)"
_LOST = (
    "an earlier run was interrupted while it generated a pairing key: if the PCE made that key, it is lost. "
    + _UNKNOWN_KEY
)


@dataclass(frozen=True)
class KeyResult:
    """What a task did. ``keys`` are pairing keys as results show them; ``before`` and ``after`` count usable keys."""

    changed: bool
    keys: Sequence[Mapping[str, Any]]
    before: int
    after: int


@dataclass(frozen=True)
class _Task:
    pce: Pce
    profile: Identity
    state: str
    count: int
    file: KeyFile | None
    dry_run: bool
    warnings: list[str] = field(default_factory=list)


def keep_keys(params: Mapping[str, Any], dry_run: bool) -> dict[str, Any]:
    """Bring the pairing keys to the wanted state and return the module's result. Raises OptionError and ApiError."""
    profile = _profile_identity(params)
    if not 1 <= params["count"] <= _MAX_KEYS:
        raise OptionError("count", f"must be 1 to {_MAX_KEYS}, not {params['count']}")
    if params["path"] == "":
        raise OptionError("path", "must not be empty")
    file = KeyFile(params["path"]) if params["path"] is not None else None
    if file is not None:
        file.read()  # a file of another kind is refused before any request
    task = _Task(PCE.connect(params), profile, params["state"], params["count"], file, dry_run)
    outcome = _revoke(task) if task.state == ABSENT else _ensure(task)
    return {
        "changed": outcome.changed,
        "pairing_keys": list(outcome.keys),
        "management_server": task.pce.management_server,
        "diff": {"before": {"pairing_keys": outcome.before}, "after": {"pairing_keys": outcome.after}},
        "warnings": task.warnings,
    }


def _profile_identity(params: Mapping[str, Any]) -> Identity:
    href, name = params["profile_href"], params["profile"]
    if href is not None:
        PCE.check_reference(params, PAIRING_PROFILE, "profile_href", href)
        return Identity(href)
    if not 1 <= len(name) <= 255:
        raise OptionError("profile", "must have 1 to 255 characters")
    return Identity(names={PAIRING_PROFILE.identity[0]: name})


def _ensure(task: _Task) -> KeyResult:
    """Have ``count`` usable keys: those of the file, and new ones for what is missing."""
    profile = PAIRING_PROFILE.to_result(task.pce.store(PAIRING_PROFILE).find_existing(task.profile)) or {}
    if not profile["enabled"]:
        raise CollectionError(
            f"the pairing profile {profile['name']!r} ({profile['href']}) is disabled: the PCE accepts none of its "
            "keys; enable it first (pce_pairing_profile, enabled: true)"
        )
    if task.file is None or task.dry_run:
        return _fill(task, profile, None)
    with task.file.locked(task.pce.http.remaining) as lock:
        if not lock.interrupted:
            return _fill(task, profile, lock)
        task.warnings.append(_LOST)
        try:
            return _fill(task, profile, lock)
        except CollectionError as error:
            error.add(_LOST.capitalize())  # a failure shows no warnings
            raise


def _fill(task: _Task, profile: Mapping[str, Any], lock: Lock | None) -> KeyResult:
    kept = _usable(task, profile)
    exposed = bool(kept) and task.file is not None and task.file.is_exposed()
    keys = _generate(task, profile, kept, lock)
    if exposed and lock is not None:
        _save(task, profile, keys)
    return KeyResult(exposed or len(keys) > len(kept), _shown(profile, keys[: task.count]), len(kept), len(keys))


def _usable(task: _Task, profile: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the keys of the file that pair with this profile of this PCE and have not expired."""
    known = task.file.read() if task.file is not None else None
    if known is None or task.state == RENEWED or not _is_about(known, task.pce, profile["href"]):
        return []
    now = task.pce.http.now()
    return [key for key in known["keys"] if _expiry(key) > now]


def _is_about(known: Mapping[str, Any], pce: Pce, href: str) -> bool:
    about = known.get("pairing_profile")
    return (
        isinstance(about, dict)
        and about.get("href") == href
        and known.get("management_server") == pce.management_server
    )


def _expiry(key: Mapping[str, Any]) -> float:
    """Return when a key expires, in seconds since the epoch; a date that cannot be read has passed."""
    value = key.get("expires_at")
    if value is None:
        return float("inf")
    try:
        return datetime.strptime(value, _TIME).replace(tzinfo=timezone.utc).timestamp()
    except (TypeError, ValueError):
        return 0.0


def _generate(
    task: _Task, profile: Mapping[str, Any], kept: Sequence[Mapping[str, Any]], lock: Lock | None
) -> list[Mapping[str, Any]]:
    """Return ``kept`` and as many new keys as are missing; each is in the file before the next is made."""
    keys = list(kept)
    if len(keys) < task.count and isinstance(profile["caps"], list) and "generate_pairing_key" not in profile["caps"]:
        raise CollectionError(
            f"the API key may not generate pairing keys of the pairing profile {profile['name']!r} "
            f"({profile['href']}): its caps do not list generate_pairing_key"
        )
    missing = task.count - len(keys)
    if missing > 0:
        task.pce.http.ensure_within_deadline(missing, f"generating {missing} pairing keys")
    while len(keys) < task.count:
        if task.dry_run:
            keys.append(_key(profile, None, None))
            continue
        with lock.generating() if lock is not None else nullcontext():
            try:
                keys.append(_generate_one(task, profile))
            except CollectionError as error:
                made = len(keys) - len(kept)
                if made:  # secrets: a failure does not show them
                    where = f"are in {task.file.path}" if task.file else "are lost"
                    error.add(f"{made} keys that were generated before {where}")
                    error.changed = True
                raise
            progress.report_progress("pairing keys generated", len(keys) - len(kept), task.count - len(kept))
            try:
                _save(task, profile, keys)
            except CollectionError as error:
                error.add(f"The pairing key that was just generated is lost. {_UNKNOWN_KEY}")
                error.changed = True
                raise
    return keys


def _generate_one(task: _Task, profile: Mapping[str, Any]) -> Mapping[str, Any]:
    moment = task.pce.http.now()
    try:
        with found_before(PAIRING_PROFILE.title):
            response = task.pce.http.request("POST", f"{profile['href']}/pairing_key", body={})
        code = response.json_object().get("activation_code")
        if not isinstance(code, str) or not code:
            raise response.contract_error("no activation_code")
    except (UnknownOutcomeError, ContractError, DeadlineError) as error:
        if not isinstance(error, DeadlineError) or error.sent:
            error.add(f"The PCE may have made a pairing key that nobody knows. {_UNKNOWN_KEY}. Run again to get a key")
            error.changed = True
        raise
    except ApiError as error:
        if error.has("hard limit reached"):
            error.add(
                "The PCE holds as many keys of this pairing profile as it allows. Revoke them with state: absent, "
                "which makes every key of the profile useless, or use another profile"
            )
        raise
    return _key(profile, code, moment)


def _save(task: _Task, profile: Mapping[str, Any], keys: Sequence[Mapping[str, Any]]) -> None:
    if task.file is not None:
        about = {name: profile[name] for name in ("href", "name")}
        known = {"management_server": task.pce.management_server, "pairing_profile": about, "keys": list(keys)}
        task.file.write(known)


def _revoke(task: _Task) -> KeyResult:
    """Revoke all keys of the profile and remove the file. A file that is gone says that this is done."""
    known = None if task.file is None else task.file.read()
    if task.file is not None and known is None:
        return KeyResult(False, [], 0, 0)
    profile = PAIRING_PROFILE.to_result(task.pce.store(PAIRING_PROFILE).find(task.profile))
    if known is not None:
        _refuse_foreign(task, known, profile)
    if not task.dry_run:
        # Under the lock, so that no other run puts a key into the file between the two.
        with task.file.locked(task.pce.http.remaining) if task.file is not None else nullcontext():
            if profile is not None:
                with found_before(PAIRING_PROFILE.title):
                    task.pce.http.request("DELETE", f"{profile['href']}/pairing_keys")
            if task.file is not None:
                task.file.remove()
    return KeyResult(profile is not None or known is not None, [], len(known["keys"]) if known else 0, 0)


def _refuse_foreign(task: _Task, known: Mapping[str, Any], profile: Mapping[str, Any] | None) -> None:
    """Raise OptionError if the file is about another profile than the one whose keys are to be revoked."""
    if known.get("management_server") != task.pce.management_server:
        raise OptionError("path", f"holds keys of the PCE {known.get('management_server')}; nothing was revoked")
    about = known.get("pairing_profile")
    about = about if isinstance(about, dict) else {}
    asked = [task.profile.reference, *task.profile.names.values(), *([profile["href"]] if profile else [])]
    if not any(about.get(key) in asked for key in ("href", "name") if about.get(key)):
        raise OptionError(
            "path",
            f"holds keys of the pairing profile {about.get('name')!r} ({about.get('href')}); nothing was revoked",
        )


_TIME = "%Y-%m-%dT%H:%M:%SZ"


def _key(profile: Mapping[str, Any], code: str | None, moment: float | None) -> Mapping[str, Any]:
    """Return a key as the file holds it. ``moment`` is just before it was made, so that it never looks too young."""
    lifespan = profile["key_lifespan"]
    made = None if moment is None else datetime.fromtimestamp(int(moment), timezone.utc)
    limited = isinstance(lifespan, int) and 0 < lifespan <= MAX_INTEGER
    expires = made + timedelta(seconds=lifespan) if made is not None and limited else None
    return {
        "activation_code": code,
        "allowed_uses_per_key": profile["allowed_uses_per_key"],
        "created_at": None if made is None else made.strftime(_TIME),
        "expires_at": None if expires is None else expires.strftime(_TIME),
    }


def _shown(profile: Mapping[str, Any], keys: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    about = {name: profile[name] for name in ("href", "name")}
    names = ("activation_code", "allowed_uses_per_key", "created_at", "expires_at")
    return [{"pairing_profile": about, **{name: key.get(name) for name in names}} for key in keys]
