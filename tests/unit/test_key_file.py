# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key file, on a real file system and with real processes."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils._core.errors import CollectionError, OptionError
from plugins.module_utils._pce import key_file
from plugins.module_utils._pce.key_file import KeyFile

from .helpers import case_name

ROOT = Path(__file__).resolve().parents[2]
KNOWN: dict[str, Any] = {
    "management_server": "pce:8443",
    "pairing_profile": {"href": "/orgs/1/pairing_profiles/24", "name": "PP"},
    "keys": [{"activation_code": "c0de", "expires_at": None}],
}


def forever() -> float:
    return 10.0


def no_time() -> float:
    return 0.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    directory = tmp_path / "keys"
    directory.mkdir()
    return directory / "web.json"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def left_over(path: Path) -> list[str]:
    """Return the names of what lies in the directory."""
    return sorted(entry.name for entry in path.parent.iterdir())


def test_what_is_written_is_read(path: Path) -> None:
    file = KeyFile(str(path))
    assert file.read() is None
    file.write(KNOWN)
    assert file.read() == {"version": 1, **KNOWN}
    assert left_over(path) == ["web.json"]
    # People look into it.
    assert path.read_text() == (
        '{\n  "version": 1,\n  "management_server": "pce:8443",\n  "pairing_profile": {\n'
        '    "href": "/orgs/1/pairing_profiles/24",\n    "name": "PP"\n  },\n  "keys": [\n'
        '    {"activation_code": "c0de", "expires_at": null}\n  ]\n}\n'
    )


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("last", [{}, {"note": "[]"}])
def test_key_file_of_any_number_of_keys_is_read(path: Path, count: int, last: dict[str, str]) -> None:
    file = KeyFile(str(path))
    keys = [{"activation_code": f"c0de{number}[]"} for number in range(count)]
    file.write({**KNOWN, "keys": keys, **last})
    assert file.read() == {"version": 1, **KNOWN, "keys": keys, **last}
    file.write(file.read() or {})
    assert file.read() == {"version": 1, **KNOWN, "keys": keys, **last}


def test_the_file_is_utf_8_wherever_it_is_written(path: Path) -> None:
    script = """
import sys
from plugins.module_utils._pce.key_file import KeyFile
file = KeyFile(sys.argv[1])
known = file.read()
file.write(known)
print(ascii(known["note"]))
"""
    path.write_text(json.dumps({"version": 1, **KNOWN, "note": "Prüfung"}, ensure_ascii=False), "utf-8")
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", script, str(path)]
    said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    assert said == ascii("Prüfung") + "\n"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_the_owner_may_read(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        file = KeyFile(str(path))
        file.write(KNOWN)
        with file.locked(no_time):
            assert mode(path.parent / ".web.json.lock") == 0o600
    finally:
        os.umask(before)
    assert mode(path) == 0o600
    assert not file.is_exposed()


@pytest.mark.parametrize(("rights", "exposed"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_exposure(path: Path, rights: int, exposed: bool) -> None:
    file = KeyFile(str(path))
    assert not file.is_exposed()
    file.write(KNOWN)
    path.chmod(rights)
    assert file.is_exposed() is exposed
    file.write(KNOWN)
    assert mode(path) == 0o600


def test_it_is_replaced_not_overwritten(path: Path) -> None:
    file = KeyFile(str(path))
    file.write(KNOWN)
    with path.open() as old:
        file.write({**KNOWN, "keys": []})
        assert json.load(old)["keys"] == KNOWN["keys"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(path: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = KeyFile(str(path))
    file.write(KNOWN)

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, step, full)
        with pytest.raises(CollectionError, match=r"web\.json cannot be written: No space left on device$") as caught:
            file.write({**KNOWN, "keys": []})
    assert "c0de" not in str(caught.value)
    assert file.read() == {"version": 1, **KNOWN}
    assert left_over(path) == ["web.json"]


def test_a_temporary_file_of_a_killed_run_is_no_hindrance(path: Path) -> None:
    temporary = path.parent / ".web.json.new"
    temporary.write_text('{"half')
    temporary.chmod(0o644)
    file = KeyFile(str(path))
    file.write(KNOWN)
    assert file.read() == {"version": 1, **KNOWN}
    assert (mode(path), left_over(path)) == (0o600, ["web.json"])


def test_a_link_in_place_of_the_temporary_file_is_not_followed(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("precious")
    (path.parent / ".web.json.new").symlink_to(other)
    KeyFile(str(path)).write(KNOWN)
    assert other.read_text() == "precious"
    assert not path.is_symlink()


def test_remove(path: Path) -> None:
    file = KeyFile(str(path))
    file.write(KNOWN)
    (path.parent / ".web.json.new").touch()
    file.remove()
    assert left_over(path) == []
    file.remove()


def as_link(path: Path) -> None:
    target = path.parent / "target"
    target.write_text(json.dumps({"version": 1, **KNOWN}))
    path.symlink_to(target)


def as_dangling_link(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (as_link, "cannot be read as a key file: symbolic links are not followed"),
        (as_dangling_link, "cannot be read as a key file: symbolic links are not followed"),
        (Path.mkdir, "cannot be read as a key file: Is a directory"),
        (os.mkfifo, "is not a regular file"),
    ],
)
def test_another_kind_of_file(path: Path, make: Callable[[Path], None], problem: str) -> None:
    make(path)
    with pytest.raises(OptionError, match=f"^path: .*web.json {problem}"):
        KeyFile(str(path)).read()


def changed_by(**values: Any) -> bytes:
    """Return the content of a key file with other values."""
    return json.dumps({"version": 1, **KNOWN, **values}).encode()


ODD_KEYS: list[Any] = [None, {}, ["c0de"], [{"activation_code": None}], [{}]]
ODD_PROFILES: list[Any] = [None, "x", [], {}, {"name": "PP"}, {"href": None}]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----",
        b'{"version": 1, "keys": [{"activation_code": "c0de"',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"[]",
        b"5",
        b"null",
        b"{}",
        changed_by(version=2),
        changed_by(version="1"),
        changed_by(version=None),
        *[changed_by(keys=keys) for keys in ODD_KEYS],
        *[changed_by(keys=[{"activation_code": code}]) for code in ("", "c0 de", "c0de\n", "\u00e9", "0" * 4097)],
        *[changed_by(pairing_profile=about) for about in ODD_PROFILES],
        changed_by(management_server=None),
        changed_by(management_server=5),
    ],
    ids=case_name,
)
def test_foreign_content_is_refused_and_left(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    message = r"^path: .*web\.json exists and is not a key file of this module; it is not changed$"
    with pytest.raises(OptionError, match=message) as caught:
        KeyFile(str(path)).read()
    assert "c0de" not in str(caught.value)
    assert path.read_bytes() == content


def test_content_without_an_end_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_file, "_MAX_FILE_BYTES", 1000)
    path.write_bytes(changed_by() + b" " * (1000 - len(changed_by())))
    assert KeyFile(str(path)).read() == {"version": 1, **KNOWN}
    with path.open("ab") as file:
        file.write(b" ")
    with pytest.raises(OptionError, match="is not a key file"):
        KeyFile(str(path)).read()


def owned_by(uid: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each file that is opened belong to a user."""
    real = os.fstat

    def fstat(handle: int) -> os.stat_result:
        status = list(real(handle))
        status[stat.ST_UID] = uid
        return os.stat_result(status)

    monkeypatch.setattr(os, "fstat", fstat)


@pytest.mark.parametrize(
    ("owner", "user", "words"),
    [
        (0, 0, None),
        (0, 4242, None),
        (4242, 4242, None),
        (4242, 0, "is owned by an unknown user (uid 4242), while this task runs as root (uid 0)"),
        (4343, 4242, "is owned by an unknown user (uid 4343), while this task runs as an unknown user (uid 4242)"),
    ],
)
def test_owner_must_be_the_user_or_root(
    path: Path, owner: int, user: int, words: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = KeyFile(str(path))
    file.write(KNOWN)
    owned_by(owner, monkeypatch)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    if words is None:
        assert file.read() == {"version": 1, **KNOWN}
        file.write(KNOWN)
        return
    with pytest.raises(OptionError) as caught:
        file.read()
    assert str(caught.value) == (f"path: {path} {words}: its keys are not used; delete the file, or set another path")


def test_files_created_as_another_user_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A share may map users: what it takes would be refused by the next run."""
    file = KeyFile(str(path))
    owned_by(4343, monkeypatch)
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    with pytest.raises(OptionError) as caught:
        file.write(KNOWN)
    assert str(caught.value) == (
        f"path: files in {path.parent} are created as an unknown user (uid 4343), not as an unknown user (uid 4242); "
        "set a path where the user of this task owns its files"
    )
    assert left_over(path) == []


@pytest.mark.parametrize("rights", [0o620, 0o602, 0o666])
def test_file_that_others_can_change_is_refused(path: Path, rights: int) -> None:
    file = KeyFile(str(path))
    file.write(KNOWN)
    path.chmod(rights)
    message = rf"is writable by other users \(mode 0{rights:o}\): its keys are not used; delete the file"
    with pytest.raises(OptionError, match=message):
        file.read()


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b"])
def test_path_that_cannot_be_one_is_refused(path: Path, name: str) -> None:
    with pytest.raises(OptionError, match=r"^path: must not contain null characters or unpaired surrogates$"):
        KeyFile(str(path.parent / name))


def test_directory_that_vanishes_is_one_line(path: Path) -> None:
    file = KeyFile(str(path))
    path.parent.rmdir()
    assert file.read() is None
    message = r"^path: .*\.web\.json\.lock cannot be created: No such file"
    with pytest.raises(CollectionError, match=message), file.locked(no_time):
        pytest.fail("there is no lock")
    with pytest.raises(CollectionError, match=r"^path: .*web\.json cannot be written: No such file"):
        file.write(KNOWN)


@pytest.mark.parametrize("call", ["unlink", "lstat"])
def test_call_that_fails_is_one_line(path: Path, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(30, "Read-only file system")

    file = KeyFile(str(path))
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(CollectionError, match=r"^path: .*web\.json.* cannot be (deleted|read): Read-only file system$"):
        file.remove() if call == "unlink" else file.is_exposed()


def test_reserved_space_is_given_back(path: Path) -> None:
    file = KeyFile(str(path))
    with file.reserved({**KNOWN, "keys": [{"activation_code": "0" * 4000}]}) as save:
        assert (path.parent / ".web.json.new").stat().st_size > 4000
        assert mode(path.parent / ".web.json.new") == 0o600
        save(KNOWN)
    assert file.read() == {"version": 1, **KNOWN}
    assert path.stat().st_size < 400
    with pytest.raises(ValueError, match="refused"), file.reserved(KNOWN):
        raise ValueError("refused")
    assert left_over(path) == ["web.json"]


@pytest.mark.parametrize("exists", [False, True])
def test_replaceable_leaves_only_a_file_with_keys(path: Path, exists: bool) -> None:
    file, other = KeyFile(str(path)), {**KNOWN, "keys": []}
    if exists:
        file.write(KNOWN)
    found = []
    with pytest.raises(ValueError, match="refused"), file.replaceable(other):  # noqa: PT012 - what it raises is ours
        found.append(file.read())
        raise ValueError("refused")
    assert found == [{"version": 1, **(KNOWN if exists else other)}]
    assert left_over(path) == (["web.json"] if exists else [])
    with file.replaceable(other):
        file.write(KNOWN)
    assert file.read() == {"version": 1, **KNOWN}


def test_directory_that_is_missing(path: Path) -> None:
    with pytest.raises(OptionError, match=r"^path: .*/missing is not a directory$"):
        KeyFile(str(path.parent / "missing" / "web.json"))


def test_directory_that_is_a_file(path: Path) -> None:
    path.touch()
    with pytest.raises(OptionError, match="is not a directory"):
        KeyFile(str(path / "web.json"))


def test_directory_that_is_not_writable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for lacking in (os.W_OK, os.X_OK):
        # root may write anywhere
        monkeypatch.setattr(os, "access", lambda _path, wanted, lacking=lacking: not wanted & lacking)
        with pytest.raises(OptionError, match=r"^path: .* is not writable$"):
            KeyFile(str(path))
