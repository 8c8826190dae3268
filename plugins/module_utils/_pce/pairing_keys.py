# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pairing keys: create, save in a file, revoke (source: PCE REST API, Pairing keys)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Callable

from .._core import progress
from .._core.errors import (
    ApiError,
    CollectionError,
    MissingReferenceError,
    OptionError,
    RequestError,
    explain_not_found,
)
from .._core.fields import MAX_INTEGER
from .._core.resource import ABSENT, PRESENT, Identity
from .._http.failures import may_have_been_applied
from .api import PCE, Pce
from .key_file import MAX_CODE_LENGTH, KeyFile, Lock, find_code_problem
from .key_messages import called, how_to_revoke, name_and_href
from .pairing_profile import PAIRING_PROFILE

RENEWED = "renewed"

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "profile": {"type": "str"},
    "profile_href": {"type": "str"},
    "path": {"type": "path"},
    "count": {"type": "int", "default": 1},
    "state": {"type": "str", "choices": [PRESENT, RENEWED, ABSENT], "default": PRESENT},
}

Key = Mapping[str, Any]

_MAX_KEYS = 10000
_MIN_HIDDEN_LENGTH = 8  # characters: a shorter code could be a part of any word in a message
_MAX_LENGTH_CODE = '"' * MAX_CODE_LENGTH  # JSON needs two characters for a quotation mark
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class KeyResult:
    """What a task did. ``keys`` are pairing keys as results show them; ``before`` and ``after`` count usable keys."""

    changed: bool
    keys: Sequence[Key]
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
    """Bring the pairing keys to the desired state and return the module's result. Raises OptionError and ApiError."""
    profile = _profile_identity(params)
    if not 1 <= params["count"] <= _MAX_KEYS:
        raise OptionError("count", f"must be 1 to {_MAX_KEYS}, not {params['count']}")
    if params["path"] == "":
        raise OptionError("path", "must not be empty")
    file = KeyFile(params["path"]) if params["path"] is not None else None
    if file is not None:
        file.read()  # a file of another kind is refused before any request
    task = _Task(PCE.connect(params), profile, params["state"], params["count"], file, dry_run)
    try:
        result = _revoke(task) if task.state == ABSENT else _ensure(task)
    except CollectionError as error:
        for warning in task.warnings:  # a failed result shows none
            error.add(warning[0].upper() + warning[1:])
        raise
    return {
        "changed": result.changed,
        "pairing_keys": list(result.keys),
        "management_server": task.pce.management_server,
        "diff": {"before": {"pairing_keys": result.before}, "after": {"pairing_keys": result.after}},
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
    """Provide ``count`` usable keys: those of the file, and new ones for those that are missing."""
    profile = _find_profile(task)
    if not profile["enabled"]:
        task.warnings.append(
            f"{called(profile)} is disabled: the PCE may refuse to create keys, and hosts to pair with them; enable "
            "it first (pce_pairing_profile, enabled: true)"
        )
    if task.file is None or task.dry_run:
        return _fill(task, profile, None)
    with task.file.locked(task.pce.http.remaining) as lock:
        if lock.interrupted:
            task.warnings.append(
                "an earlier run was interrupted while it created a pairing key: if the PCE created that key, it was "
                f"not saved. {how_to_revoke(profile)}"
            )
        return _fill(task, profile, lock)


def _find_profile(task: _Task) -> Mapping[str, Any]:
    """Return the pairing profile as results show it. In check mode, an earlier task may be about to create it."""
    try:
        raw = task.pce.store(PAIRING_PROFILE).find_existing(task.profile)
    except MissingReferenceError as error:
        if not task.dry_run or not task.profile.names:
            raise
        task.warnings.append(f"{error}. The task fails unless an earlier task creates it, as check mode cannot see")
        raw = {**task.profile.names, "enabled": True}
    return PAIRING_PROFILE.to_result(raw) or {}


def _fill(task: _Task, profile: Mapping[str, Any], lock: Lock | None) -> KeyResult:
    known = None if task.file is None else task.file.read()
    if known is not None:
        _hide_codes(task, known["keys"])
        _check_file(task, known, profile)
    kept = _usable_keys(task, known, profile)
    exposed = bool(kept) and task.file is not None and task.file.is_exposed()
    keys = _create_missing(task, profile, kept, lock)
    if exposed and task.file is not None and lock is not None:
        task.file.write(_content(task, profile, keys))
    return KeyResult(exposed or len(keys) > len(kept), _to_result(profile, keys[: task.count]), len(kept), len(keys))


def _usable_keys(task: _Task, known: Mapping[str, Any] | None, profile: Mapping[str, Any]) -> list[Key]:
    """Return the keys of the file that have not expired. Those of a profile of the same name that is gone are not."""
    if known is None or task.state == RENEWED or known["pairing_profile"]["href"] != profile["href"]:
        return []
    now = task.pce.http.now()
    return [key for key in known["keys"] if _expiry(key) > now]


def _check_file(task: _Task, known: Mapping[str, Any], profile: Mapping[str, Any] | None) -> None:
    """Raise OptionError unless the file is about the task's PCE and profile: its keys would be lost without a word."""
    path = task.file.path if task.file is not None else ""
    undone = "; nothing was revoked" if task.state == ABSENT else ""
    if known["management_server"] != task.pce.management_server:
        raise OptionError(
            "path",
            f"{path} holds keys of the PCE {known['management_server']}, not of {task.pce.management_server}: set "
            "another path, or, if both are names of one PCE, write the new one as management_server into the "
            f"file{undone}",
        )
    about = known["pairing_profile"]
    if profile is None:
        matches = about["href"] == task.profile.reference or about.get("name") in task.profile.names.values()
    else:
        # A profile that was deleted and created again has another HREF, and the old one leads nowhere.
        matches = about["href"] == profile["href"] or (
            about.get("name") == profile["name"] and _is_gone(task, about["href"])
        )
    if not matches:
        asked = str(task.profile) if profile is None else name_and_href(profile)
        raise OptionError(
            "path",
            f"{path} holds keys of the pairing profile {name_and_href(about)}, not of {asked}: set another path, or "
            f"delete the file to give up its keys{undone}",
        )


def _is_gone(task: _Task, href: str) -> bool:
    """Return True if the PCE has no pairing profile with this HREF of a file."""
    try:
        task.pce.check_reference(PAIRING_PROFILE, "path", href)
    except OptionError:
        return False  # it belongs to another organisation, where it may exist
    return task.pce.store(PAIRING_PROFILE).find(Identity(href)) is None


def _expiry(key: Key) -> float:
    """Return when a key expires, in seconds since the epoch; a date that cannot be read has passed."""
    value = key.get("expires_at")
    if value is None:
        return float("inf")
    try:
        return datetime.strptime(value, _TIME).replace(tzinfo=timezone.utc).timestamp()
    except (TypeError, ValueError):
        return 0.0


def _create_missing(task: _Task, profile: Mapping[str, Any], kept: Sequence[Key], lock: Lock | None) -> list[Key]:
    """Return ``kept`` and as many new keys as are missing; each is in the file before the next is created."""
    keys = list(kept)
    missing = task.count - len(keys)
    if missing <= 0:
        return keys
    if isinstance(profile["caps"], list) and "generate_pairing_key" not in profile["caps"]:
        raise CollectionError(
            f"the API key may not create keys of {called(profile)}: its caps do not list generate_pairing_key"
        )
    task.pce.http.ensure_within_deadline(missing, f"creating {missing} pairing keys")
    if task.dry_run:
        return keys + [_key(profile, None, None)] * missing
    with nullcontext() if task.file is None else task.file.replaceable(_content(task, profile, [])):
        for number in range(1, missing + 1):
            try:
                keys.append(_create_and_save(task, profile, keys, lock))
            except CollectionError as error:
                if number > 1:  # a failure does not show them: they are secrets
                    where = f"are in {task.file.path}" if task.file else f"are lost. {how_to_revoke(profile)}"
                    error.add(f"{number - 1} pairing keys that were created before {where}")
                    error.changed = True
                raise
            progress.report_progress("pairing keys created", number, missing)
    return keys


def _create_and_save(task: _Task, profile: Mapping[str, Any], keys: Sequence[Key], lock: Lock | None) -> Key:
    with _room_for_key(task, profile, keys, lock) as save:
        key = _create_key(task, profile)
        try:
            save([*keys, key])
        except CollectionError as error:
            error.add(f"The pairing key that was just created is lost. {how_to_revoke(profile)}")
            error.changed = True
            raise
    return key


@contextmanager
def _room_for_key(
    task: _Task, profile: Mapping[str, Any], keys: Sequence[Key], lock: Lock | None
) -> Iterator[Callable[[Sequence[Key]], None]]:
    """Reserve the space for one more key, and give a function that saves all keys."""
    if task.file is None or lock is None:
        yield lambda _keys: None
        return
    largest = _content(task, profile, [*keys, _key(profile, _MAX_LENGTH_CODE, task.pce.http.now())])
    with task.file.reserved(largest) as replace, lock.creating_key():
        yield lambda known: replace(_content(task, profile, known))


def _create_key(task: _Task, profile: Mapping[str, Any]) -> Key:
    moment = task.pce.http.now()
    try:
        with explain_not_found(PAIRING_PROFILE.title):
            response = task.pce.http.request("POST", f"{profile['href']}/pairing_key", body={})
        code: Any = response.json_object().get("activation_code")
        problem = find_code_problem(code)
        if problem is not None:
            raise response.contract_error(problem)
    except RequestError as error:
        if may_have_been_applied(error):
            error.add(
                f"The PCE may have created a pairing key of {called(profile)} that was never received. "
                f"{how_to_revoke(profile)}"
            )
            error.changed = True
        elif isinstance(error, ApiError) and error.has("hard limit reached"):
            error.add(
                f"The PCE holds as many keys of {called(profile)} as it allows. Use another profile, or revoke all "
                "keys of this one (state: absent, without path)"
            )
        raise
    key = _key(profile, code, moment)
    _hide_codes(task, [key])
    return key


def _hide_codes(task: _Task, keys: Sequence[Key]) -> None:
    """Redact the codes in errors from now on: the server may repeat them."""
    codes = [str(key["activation_code"]) for key in keys]
    task.pce.http.hide(code for code in codes if len(code) >= _MIN_HIDDEN_LENGTH)


def _content(task: _Task, profile: Mapping[str, Any], keys: Sequence[Key]) -> Mapping[str, Any]:
    """Return the content of the key file."""
    about = {name: profile[name] for name in ("href", "name")}
    return {"management_server": task.pce.management_server, "pairing_profile": about, "keys": list(keys)}


def _revoke(task: _Task) -> KeyResult:
    """Revoke all keys of the profile and delete the file. If the file does not exist, that has been done."""
    # Under the lock, so that no other run puts a key into the file between the two.
    with nullcontext() if task.file is None or task.dry_run else task.file.locked(task.pce.http.remaining):
        known = None if task.file is None else task.file.read()
        if task.file is not None and known is None:
            return KeyResult(False, [], 0, 0)
        profile = PAIRING_PROFILE.to_result(task.pce.store(PAIRING_PROFILE).find(task.profile))
        if known is not None:
            _check_file(task, known, profile)
        if not task.dry_run:
            _revoke_all(task, profile)
        return KeyResult(profile is not None or known is not None, [], len(known["keys"]) if known else 0, 0)


def _revoke_all(task: _Task, profile: Mapping[str, Any] | None) -> None:
    if profile is not None:
        with explain_not_found(PAIRING_PROFILE.title):
            task.pce.http.request("DELETE", f"{profile['href']}/pairing_keys")
    if task.file is not None:
        try:
            task.file.remove()
        except CollectionError as error:
            error.add("The keys in it were revoked before that: delete it, since no host can pair with them")
            error.changed = profile is not None
            raise


def _key(profile: Mapping[str, Any], code: str | None, moment: float | None) -> Key:
    """Return a key as the file holds it. ``moment`` is just before its creation, so that it never seems younger."""
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


def _to_result(profile: Mapping[str, Any], keys: Sequence[Key]) -> list[dict[str, Any]]:
    about = {name: profile[name] for name in ("href", "name")}
    names = ("activation_code", "allowed_uses_per_key", "created_at", "expires_at")
    return [{"pairing_profile": about, **{name: key.get(name) for name in names}} for key in keys]
