# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pairing keys and their file: which file is refused, and what happens when it cannot be written."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils._core.errors import CollectionError, OptionError
from plugins.module_utils._pce.key_file import KeyFile

from .helpers import PROFILES, Reply, Sent, raw_profile
from .pairing_key_pce import HREF, MINT, REVOKE, REVOKE_ALL, SECRET, FakePce, codes, keep, saved


@pytest.fixture
def pce(monkeypatch: pytest.MonkeyPatch) -> FakePce:
    return FakePce(monkeypatch)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "key.json")


STATES = pytest.mark.parametrize("state", ["present", "renewed", "absent"])
DRY_RUNS = pytest.mark.parametrize("dry_run", [False, True])


def refused(pce: FakePce, path: str, dry_run: bool, **params: Any) -> str:
    """Return the refusal of a key file, after a look that nothing was done."""
    content = Path(path).read_bytes()
    pce.mutating()
    with pytest.raises(OptionError) as caught:
        keep(dry_run, path=path, **params)
    assert pce.mutating() == []
    assert Path(path).read_bytes() == content
    assert [entry.name for entry in Path(path).parent.iterdir()] == ["key.json"]
    assert SECRET not in str(caught.value)
    assert not caught.value.changed
    assert caught.value.option == "path"
    return str(caught.value)


@DRY_RUNS
@STATES
@pytest.mark.parametrize("params", [{"profile": "other"}, {"profile_href": f"{PROFILES}/25"}])
def test_file_of_another_profile_is_refused(
    monkeypatch: pytest.MonkeyPatch, path: str, params: dict[str, Any], state: str, dry_run: bool
) -> None:
    """Two tasks with one file would create a key in every run, and drop the key of the other."""
    pce = FakePce(monkeypatch, raw_profile(24), raw_profile(25, name="other"))
    keep(path=path)
    assert refused(pce, path, dry_run, state=state, **params) == (
        f"path: {path} holds keys of the pairing profile 'PP' ({HREF}), not of 'other' ({PROFILES}/25): set another "
        "path, or delete the file to give up its keys" + ("; nothing was revoked" if state == "absent" else "")
    )


@DRY_RUNS
@STATES
def test_file_of_a_profile_with_the_same_name_is_refused(
    monkeypatch: pytest.MonkeyPatch, path: str, state: str, dry_run: bool
) -> None:
    pce = FakePce(monkeypatch, raw_profile(24))
    keep(path=path)
    pce.profiles = {HREF: raw_profile(24, name="renamed"), f"{PROFILES}/25": raw_profile(25)}
    message = refused(pce, path, dry_run, state=state)
    assert f"holds keys of the pairing profile 'PP' ({HREF}), not of 'PP' ({PROFILES}/25)" in message


@DRY_RUNS
@STATES
def test_file_of_another_organisation_is_refused(pce: FakePce, path: str, state: str, dry_run: bool) -> None:
    keep(path=path)
    known = json.loads(Path(path).read_text())
    known["pairing_profile"]["href"] = "/orgs/2/pairing_profiles/24"
    Path(path).write_text(json.dumps(known))
    assert "'PP' (/orgs/2/pairing_profiles/24), not of" in refused(pce, path, dry_run, state=state)


@DRY_RUNS
@STATES
@pytest.mark.parametrize("params", [{"profile": "PP"}, {"profile_href": HREF}])
def test_file_of_another_pce_is_refused(
    pce: FakePce, path: str, params: dict[str, Any], state: str, dry_run: bool
) -> None:
    """Another PCE numbers its profiles from 1 too. The message says what to do if it is but another name."""
    keep(path=path)
    pce.server = "other.invalid:8443"
    assert refused(pce, path, dry_run, state=state, **params) == (
        f"path: {path} holds keys of the PCE pce.invalid:8443, not of other.invalid:8443: set another path, or, if "
        "both are names of one PCE, write the new one as management_server into the file"
        + ("; nothing was revoked" if state == "absent" else "")
    )


def test_new_name_of_the_pce_in_the_file_is_accepted(pce: FakePce, path: str) -> None:
    keep(path=path)
    pce.server = "other.invalid:8443"
    Path(path).write_text(Path(path).read_text().replace("pce.invalid:8443", pce.server))
    result = keep(path=path)
    assert (result["changed"], codes(result), result["management_server"]) == (False, ["c0de1"], pce.server)


@DRY_RUNS
@STATES
@pytest.mark.parametrize("about", [None, "x", [], {}, {"href": None, "name": "PP"}])
def test_file_without_a_profile_is_refused(pce: FakePce, path: str, about: Any, state: str, dry_run: bool) -> None:
    keep(path=path)
    known = json.loads(Path(path).read_text())
    known["pairing_profile"] = about
    Path(path).write_text(json.dumps(known))
    assert "is not a key file of this module" in refused(pce, path, dry_run, state=state)


def test_profile_created_again_gets_new_keys(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    pce = FakePce(monkeypatch, raw_profile(24))
    keep(path=path)
    pce.profiles = {f"{PROFILES}/30": raw_profile(30)}
    result = keep(path=path)
    assert (result["changed"], codes(result)) == (True, ["c0de2"])
    assert json.loads(Path(path).read_text())["pairing_profile"]["href"] == f"{PROFILES}/30"
    assert not keep(path=path)["changed"]


def test_renamed_profile_keeps_its_keys(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    pce = FakePce(monkeypatch, raw_profile(24))
    keep(path=path)
    pce.profiles = {HREF: raw_profile(24, name="renamed")}
    result = keep(path=path, profile="renamed")
    assert (result["changed"], codes(result)) == (False, ["c0de1"])


# What cannot be saved is not created.


def failing(number: int) -> Callable[..., Any]:
    """Return a call to the system that fails with this error."""

    def fail(*_arguments: object, **_named: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


HINDRANCES = [
    (fcntl, "flock", errno.ENOLCK, ".key.json.lock cannot be locked: No locks available; set a path on a file system"),
    (fcntl, "flock", errno.EOPNOTSUPP, ".key.json.lock cannot be locked: Operation not supported; set a path"),
    (os, "pwrite", errno.ENOSPC, "cannot be written: No space left on device"),
    (os, "posix_fallocate", errno.ENOSPC, "key.json cannot be written: No space left on device"),
    (os, "posix_fallocate", errno.EDQUOT, "key.json cannot be written: Disk quota exceeded"),
    (os, "fsync", errno.EIO, "key.json cannot be written: Input/output error"),
    (os, "replace", errno.EPERM, "key.json cannot be written: Operation not permitted"),
    (os, "ftruncate", errno.EIO, ".key.json.lock cannot be used: Input/output error"),
]


@pytest.mark.parametrize(("module", "call", "number", "problem"), HINDRANCES)
@pytest.mark.parametrize("state", ["present", "renewed"])
@pytest.mark.parametrize("exists", [False, True])
def test_no_key_is_created_that_cannot_be_saved(
    pce: FakePce,
    path: str,
    module: Any,
    call: str,
    number: int,
    problem: str,
    state: str,
    exists: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if exists:
        keep(path=path)
    before = saved(path)
    pce.mutating()
    with monkeypatch.context() as patched:
        patched.setattr(module, call, failing(number))
        with pytest.raises(CollectionError) as caught:
            keep(path=path, count=2, state=state)
    assert str(caught.value).startswith(f"path: {Path(path).parent}/")
    assert problem in str(caught.value)
    assert SECRET not in str(caught.value)
    assert not caught.value.changed
    assert pce.mutating() == []
    assert saved(path) == before
    # A lock file that cannot be locked may be another run's.
    left = {entry.name for entry in Path(path).parent.iterdir()} - ({".key.json.lock"} if call == "flock" else set())
    assert left == ({"key.json"} if exists else set())
    assert keep(path=path, count=2)["warnings"] == []


@pytest.mark.parametrize("call", ["fsync", "pwrite", "replace"])
def test_keys_before_a_full_disk_are_kept(pce: FakePce, path: str, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills up while the second key is created: that one is lost, and no third is created."""
    serve = pce._serve

    def fill(sent: Sent) -> Reply | CollectionError:
        if pce.made == 1 and sent.method == "POST":
            monkeypatch.setattr(os, call, failing(errno.ENOSPC))
        return serve(sent)

    monkeypatch.setattr(pce.transport, "_serve", fill)
    with pytest.raises(CollectionError) as caught:
        keep(path=path, count=3)
    assert str(caught.value) == (
        f"path: {path} cannot be written: No space left on device. The pairing key that was just created is lost. "
        f"{REVOKE_ALL}. 1 pairing keys that were created before are in {path}"
    )
    assert caught.value.changed
    assert pce.mutating() == [MINT] * 2
    assert saved(path) == [f"{SECRET}1"]
    assert [entry.name for entry in Path(path).parent.iterdir()] == ["key.json"]


def test_lock_that_cannot_be_cleaned_up_is_no_failure(pce: FakePce, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is saved: the next run then warns without need."""
    serve = pce._serve

    def break_lock(sent: Sent) -> Reply | CollectionError:
        if sent.method == "POST":
            real = os.ftruncate
            monkeypatch.setattr(os, "ftruncate", lambda handle, size: real(handle, size) if size else fail())
        return serve(sent)

    fail = failing(errno.EIO)
    monkeypatch.setattr(pce.transport, "_serve", break_lock)
    assert codes(keep(path=path)) == saved(path) == [f"{SECRET}1"]


@pytest.mark.parametrize("answer", [errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, None])
def test_disk_that_cannot_reserve_is_filled(
    pce: FakePce, path: str, answer: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it lacks comes up all the same, before a key is created. None: a system without such a call."""
    if answer is None:
        monkeypatch.delattr(os, "posix_fallocate")
    else:
        monkeypatch.setattr(os, "posix_fallocate", failing(answer))
    real = os.pwrite

    def pwrite(handle: int, content: bytes, offset: int) -> int:
        if len(content) > 4096:  # the file as it would be with the longest code
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, content, offset)

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", pwrite)
        with pytest.raises(CollectionError, match=r"key\.json cannot be written: No space left on device$"):
            keep(path=path)
    assert pce.mutating() == []
    assert codes(keep(path=path)) == saved(path) == [f"{SECRET}1"]


def test_short_writes_are_completed(pce: FakePce, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda handle, content, offset: real(handle, content[:7], offset))
    assert codes(keep(path=path, count=3)) == saved(path)


def test_file_that_cannot_be_deleted_is_told_after_revoking(
    pce: FakePce, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(path=path)
    pce.mutating()
    real = os.unlink
    monkeypatch.setattr(os, "unlink", lambda name: failing(errno.EPERM)() if name == path else real(name))
    with pytest.raises(CollectionError) as caught:
        keep(path=path, state="absent")
    assert str(caught.value) == (
        f"path: {path} cannot be deleted: Operation not permitted. The keys in it were revoked before that: delete "
        "it, since no host can pair with them"
    )
    assert caught.value.changed
    assert pce.mutating() == [REVOKE]


def test_absent_looks_at_the_file_under_the_lock(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """Another run may have put the keys of another profile into it."""
    pce = FakePce(monkeypatch, raw_profile(24), raw_profile(25, name="other"))
    keep(path=path)
    real = KeyFile.locked

    def locked(self: KeyFile, remaining: Any) -> Any:
        monkeypatch.setattr(KeyFile, "locked", real)
        keep(path=path, state="absent")
        keep(path=path, profile="other")
        pce.mutating()
        return real(self, remaining)

    monkeypatch.setattr(KeyFile, "locked", locked)
    with pytest.raises(OptionError, match="holds keys of the pairing profile 'other'"):
        keep(path=path, state="absent")
    assert pce.mutating() == []
    assert saved(path) == [f"{SECRET}2"]
