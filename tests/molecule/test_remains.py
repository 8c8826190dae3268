"""Nothing is left of hosts when they are no longer needed, whatever ended them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.collection import ROOT
from tests.molecule.conftest import MUST_RUN

CREATE = """python -m tests.molecule.hosts create '{"web1": {}, "web2": {"opt": "8k"}}' """
LOOKS = 5000
"""How often a test looks whether all processes are gone, far more than it takes."""


def standing(home: Path) -> dict[str, str]:
    """What can be seen on the machine that hosts would be made of: networks, mounts, files."""
    commands = {"networks": ["ip", "-brief", "link"], "namespaces": ["ip", "netns", "list"]}
    seen = {
        name: subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for name, command in commands.items()
    }
    mounts = Path("/proc/self/mounts").read_text()
    files = {str(path) for top in (home, ROOT / "tests") for path in top.rglob("*") if "__pycache__" not in path.parts}
    return {**seen, "mounts": mounts, "files": "\n".join(sorted(files))}


def descendants(number: int) -> dict[int, str]:
    """The processes that a process has started, directly or not, with their names."""
    parents: dict[int, int] = {}
    names: dict[int, str] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _mark, rest = path.read_text().partition("(")[2].rpartition(") ")
        except OSError:
            continue
        parents[int(path.parent.name)] = int(rest.split()[1])
        names[int(path.parent.name)] = name

    def belongs(child: int) -> bool:
        return child in parents and (parents[child] == number or belongs(parents[child]))

    return {child: names[child] for child in parents if belongs(child)}


@contextmanager
def hosts(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Two hosts that are up, until the block ends; their program writes nowhere but to `home` and the enclosure."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.molecule", "sh", "-c", f"{CREATE} && echo ready && sleep 600"],
        cwd=ROOT,
        env={**os.environ, "HOME": str(home), "TMPDIR": str(home)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()


def press_ctrl_c(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGINT)


def terminate(process: subprocess.Popen[str]) -> None:
    process.terminate()


@pytest.mark.parametrize("end", [kill, press_ctrl_c, terminate])
def test_nothing_is_left_of_a_run_that_was_ended(
    rootfs: Path, tmp_path: Path, end: Callable[[subprocess.Popen[str]], None]
) -> None:
    before = standing(tmp_path)
    with hosts(tmp_path) as process:
        running = descendants(process.pid)
        # A third is the child of the look whether they listen, on a busy machine.
        assert list(running.values()).count("sshd") >= 2, running
        end(process)
        process.wait()
        for _look in range(LOOKS):
            left = [name for number, name in running.items() if Path(f"/proc/{number}").exists()]
            if not left:
                break
            time.sleep(0.02)
        assert left == []
    assert standing(tmp_path) == before


def test_two_runs_do_not_meet(rootfs: Path, tmp_path: Path) -> None:
    with hosts(tmp_path) as first, hosts(tmp_path) as second:
        for process in (first, second):
            assert list(descendants(process.pid).values()).count("sshd") >= 2


def test_a_machine_that_cannot_have_hosts_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/molecule/test_scenarios.py"]
    for must, status, word in (("0", 0, "skipped"), ("1", 1, "error")):
        environment = {**os.environ, "PATH": str(tmp_path), MUST_RUN: must}
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == status, ended.stdout
        assert word in ended.stdout
        assert "nothing is tested over SSH: " in ended.stdout
        assert "debootstrap" in ended.stdout
