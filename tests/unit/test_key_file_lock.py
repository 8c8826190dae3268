# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock of a key file, with real processes."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.module_utils._core.errors import CollectionError
from plugins.module_utils._pce.key_file import KeyFile

ROOT = Path(__file__).resolve().parents[2]


def forever() -> float:
    return 10.0


def no_time() -> float:
    return 0.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    directory = tmp_path / "keys"
    directory.mkdir()
    return directory / "web.json"


def left_over(path: Path) -> list[str]:
    """Return the names of what lies in the directory."""
    return sorted(entry.name for entry in path.parent.iterdir())


def test_lock_that_is_a_fifo_does_not_hang(path: Path) -> None:
    os.mkfifo(path.parent / ".web.json.lock")
    message = r"^path: .*\.web\.json\.lock cannot be used: "
    with pytest.raises(CollectionError, match=message), KeyFile(str(path)).locked(no_time):
        pytest.fail("there is no lock")


def test_lock_file_is_gone_afterwards(path: Path) -> None:
    file = KeyFile(str(path))
    with file.locked(no_time) as lock:
        assert left_over(path) == [".web.json.lock"]
        assert not lock.interrupted
    assert left_over(path) == []
    with pytest.raises(RuntimeError), file.locked(no_time):
        raise RuntimeError
    assert left_over(path) == []


def test_mark_is_gone_after_creating_a_key(path: Path) -> None:
    file = KeyFile(str(path))
    with file.locked(no_time) as lock:
        with lock.creating_key():
            assert (path.parent / ".web.json.lock").read_bytes() != b""
        assert (path.parent / ".web.json.lock").read_bytes() == b""


def test_lock_that_is_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    (path.parent / ".web.json.lock").symlink_to(tmp_path / "other")
    with (
        pytest.raises(CollectionError, match=r"^path: .*\.web\.json\.lock cannot be created: "),
        KeyFile(str(path)).locked(no_time),
    ):
        pass
    assert not (tmp_path / "other").exists()


HOLDER = """
import sys
from contextlib import nullcontext
from plugins.module_utils._pce.key_file import KeyFile
with KeyFile(sys.argv[1]).locked(lambda: 10.0) as lock:
    with lock.creating_key() if sys.argv[2] == "creating" else nullcontext():
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
        known = file.read() or {"management_server": "", "pairing_profile": {"href": ""}, "keys": [], "count": 0}
        time.sleep(0.002)
        file.write({**known, "count": known["count"] + 1})
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
    """Another process that holds the lock; its parameter says whether it is creating a key."""
    with start(HOLDER, str(path), getattr(request, "param", "")) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def test_lock_keeps_another_process_out(path: Path, holder: subprocess.Popen[str]) -> None:
    file = KeyFile(str(path))
    message = r"^path: timed out waiting for the lock .*web\.json\.lock, which another run holds$"
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
    with (
        pytest.raises(CollectionError, match="timed out waiting for the lock"),
        KeyFile(str(path)).locked(lambda: left.pop(0)),
    ):
        pytest.fail("two hold the lock")
    assert left == [7.0]
    assert holder.poll() is None


@pytest.mark.parametrize(("holder", "interrupted"), [("creating", True), ("", False)], indirect=["holder"])
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
    with pytest.raises(KeyboardInterrupt), KeyFile(str(path)).locked(lambda: 1.0) as lock, lock.creating_key():
        raise KeyboardInterrupt
    with KeyFile(str(path)).locked(lambda: 1.0) as lock:
        assert lock.interrupted
    assert list(path.parent.iterdir()) == []


def test_failure_while_creating_a_key_leaves_no_mark(path: Path) -> None:
    with (
        pytest.raises(ValueError, match="refused"),
        KeyFile(str(path)).locked(lambda: 1.0) as lock,
        lock.creating_key(),
    ):
        raise ValueError("refused")
    assert list(path.parent.iterdir()) == []
