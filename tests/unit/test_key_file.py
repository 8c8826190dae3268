# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file that remembers pairing keys, on a real file system and with real processes."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils._core.errors import CollectionError, OptionError
from plugins.module_utils._pce.key_file import KeyFile

ROOT = Path(__file__).resolve().parents[2]
KNOWN: dict[str, Any] = {"management_server": "pce:8443", "keys": [{"activation_code": "c0de", "expires_at": None}]}


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
    assert path.read_text().startswith('{\n  "version": 1,')  # people look into it


def test_the_file_is_utf_8_wherever_it_is_written(path: Path) -> None:
    script = """
import sys
from plugins.module_utils._pce.key_file import KeyFile
file = KeyFile(sys.argv[1])
known = file.read()
file.write(known)
print(ascii(known["profile"]))
"""
    path.write_text(json.dumps({"version": 1, "profile": "Prüfung", "keys": []}, ensure_ascii=False), "utf-8")
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
        with pytest.raises(CollectionError, match=r"web\.json could not be written: No space left on device") as caught:
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
        (as_link, "cannot be read as a key file"),
        (as_dangling_link, "cannot be read as a key file"),
        (Path.mkdir, "cannot be read as a key file"),
        (os.mkfifo, "is not a regular file"),
    ],
)
def test_another_kind_of_file(path: Path, make: Callable[[Path], None], problem: str) -> None:
    make(path)
    with pytest.raises(OptionError, match=f"^path: .*web.json {problem}"):
        KeyFile(str(path)).read()


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
        b'{"version": 1}',
        b'{"version": 2, "keys": []}',
        b'{"version": "1", "keys": []}',
        b'{"version": 1, "keys": {}}',
        b'{"version": 1, "keys": ["c0de"]}',
        b'{"version": 1, "keys": [{"activation_code": null}]}',
        b'{"version": 1, "keys": [{}]}',
    ],
)
def test_foreign_content_is_refused_and_left(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    message = r"^path: .*web\.json exists and is not a key file of this module; it is left as it is$"
    with pytest.raises(OptionError, match=message) as caught:
        KeyFile(str(path)).read()
    assert "c0de" not in str(caught.value)
    assert path.read_bytes() == content


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


def test_lock_file_is_gone_afterwards(path: Path) -> None:
    file = KeyFile(str(path))
    with file.locked(no_time) as lock:
        assert left_over(path) == [".web.json.lock"]
        assert not lock.interrupted
    assert left_over(path) == []
    with pytest.raises(RuntimeError), file.locked(no_time):
        raise RuntimeError
    assert left_over(path) == []


def test_mark_is_gone_after_generating(path: Path) -> None:
    file = KeyFile(str(path))
    with file.locked(no_time) as lock:
        with lock.generating():
            assert (path.parent / ".web.json.lock").read_bytes() != b""
        assert (path.parent / ".web.json.lock").read_bytes() == b""


def test_lock_that_is_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    (path.parent / ".web.json.lock").symlink_to(tmp_path / "other")
    with (
        pytest.raises(OptionError, match=r"^path: .*\.web\.json\.lock cannot be made: "),
        KeyFile(str(path)).locked(no_time),
    ):
        pass
    assert not (tmp_path / "other").exists()


HOLDER = """
import sys
from contextlib import nullcontext
from plugins.module_utils._pce.key_file import KeyFile
with KeyFile(sys.argv[1]).locked(lambda: 10.0) as lock:
    with lock.generating() if sys.argv[2] == "generating" else nullcontext():
        print("locked", flush=True)
        sys.stdin.readline()
"""

# Reads, counts up and writes: two at a time would lose a count.
COUNTER = """
import sys, time
from plugins.module_utils._pce.key_file import KeyFile
file = KeyFile(sys.argv[1])
for _turn in range(5):
    with file.locked(lambda: 20.0):
        known = file.read() or {"count": 0}
        time.sleep(0.002)
        file.write({"count": known["count"] + 1, "keys": []})
"""


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def holder(path: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock; its parameter says whether it is generating."""
    with start(HOLDER, str(path), getattr(request, "param", "")) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def test_lock_keeps_another_process_out(path: Path, holder: subprocess.Popen[str]) -> None:
    file = KeyFile(str(path))
    message = r"another run has held the lock .*web\.json\.lock for too long"
    with pytest.raises(CollectionError, match=message), file.locked(no_time):
        pytest.fail("two hold the lock")
    holder.communicate("\n")
    with file.locked(forever) as lock:
        assert not lock.interrupted
    assert left_over(path) == []


def test_lock_is_waited_for(path: Path, holder: subprocess.Popen[str]) -> None:
    asked: list[float] = []

    def remaining() -> float:
        if len(asked) == 2:
            assert holder.stdin is not None
            holder.stdin.write("\n")
            holder.stdin.flush()
        asked.append(10.0 - len(asked) / 100)
        return asked[-1]

    with KeyFile(str(path)).locked(remaining) as lock:
        assert not lock.interrupted
    assert len(asked) >= 3


def test_lock_is_waited_for_until_the_deadline(path: Path, holder: subprocess.Popen[str]) -> None:
    left = [0.9, 0.5, 0.0, 7.0]
    with pytest.raises(CollectionError, match="for too long"), KeyFile(str(path)).locked(lambda: left.pop(0)):
        pytest.fail("two hold the lock")
    assert left == [7.0]
    assert holder.poll() is None


@pytest.mark.parametrize(("holder", "interrupted"), [("generating", True), ("", False)], indirect=["holder"])
def test_after_a_killed_run(path: Path, holder: subprocess.Popen[str], interrupted: bool) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert left_over(path) == [".web.json.lock"]
    file = KeyFile(str(path))
    with file.locked(forever) as lock:
        assert lock.interrupted is interrupted
    with file.locked(forever) as lock:
        assert not lock.interrupted
    assert left_over(path) == []


@pytest.mark.parametrize("next_one", [False, True])
def test_lock_file_that_was_removed_while_it_was_waited_for(
    path: Path, next_one: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its holder unlinks it last; what was opened before is then nobody's lock, and the next run may have a new one."""
    lock_file = path.parent / ".web.json.lock"
    real = fcntl.flock

    def flock(handle: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", real)
        lock_file.rename(lock_file.with_suffix(".old"))
        if next_one:
            lock_file.touch(0o600)
        real(handle, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    with KeyFile(str(path)).locked(no_time) as lock:
        assert os.fstat(lock.handle).st_ino == lock_file.stat().st_ino


def test_several_processes_lose_nothing(path: Path) -> None:
    processes = [start(COUNTER, str(path)) for _turn in range(4)]
    for process in processes:
        process.communicate(timeout=30)
        assert process.returncode == 0
    known = KeyFile(str(path)).read()
    assert known is not None
    assert known["count"] == 20
    assert left_over(path) == ["web.json"]


def test_an_interruption_leaves_its_mark_for_the_next_run(path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), KeyFile(str(path)).locked(lambda: 1.0) as lock, lock.generating():
        raise KeyboardInterrupt
    with KeyFile(str(path)).locked(lambda: 1.0) as lock:
        assert lock.interrupted
    assert list(path.parent.iterdir()) == []


def test_a_failure_while_generating_leaves_no_mark(path: Path) -> None:
    with pytest.raises(ValueError, match="refused"), KeyFile(str(path)).locked(lambda: 1.0) as lock, lock.generating():
        raise ValueError("refused")
    assert list(path.parent.iterdir()) == []
