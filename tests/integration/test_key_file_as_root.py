"""Key files where only root can make the conditions: a full disk, and a file of another user."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils._core.errors import CollectionError
from tests.integration.runner import connection, run_module
from tests.simulator.launch import Simulator
from tests.unit.helpers import Reply
from tests.unit.pairing_key_pce import SECRET, FakePce, codes, keep, saved

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk and give a file away")


@pytest.fixture
def pce(monkeypatch: pytest.MonkeyPatch) -> FakePce:
    return FakePce(monkeypatch)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 blocks of 4 KiB and a few inodes."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=8", "tmpfs", str(mounted)]
    subprocess.run(command, check=True)
    yield mounted
    subprocess.run(["umount", str(mounted)], check=True)


def attempt(**params: Any) -> CollectionError | None:
    """Return the error with which a task fails, None where it does not."""
    try:
        keep(**params)
    except CollectionError as error:
        return error
    return None


@pytest.mark.parametrize("blocks", range(7))
def test_full_disk_loses_no_key(pce: FakePce, small_disk: Path, blocks: int) -> None:
    """Whatever number of blocks is left, what the PCE has created is what the file holds."""
    path = str(small_disk / "key.json")
    (small_disk / "filler").write_bytes(b"x" * 4096 * (16 - blocks))
    created: list[str] = []
    for count in range(1, 9):
        code = str(count) * 1500
        pce.failures[pce.made + 1] = Reply(201, {"activation_code": code})
        error = attempt(path=path, count=count)
        if error is None:
            created.append(code)
        else:
            assert str(error).startswith(f"path: {small_disk}/")
            assert not error.changed
        assert saved(path) == created
        assert pce.made == len(created)
    # The lock, the file, and three for the new file, as long as it could be.
    assert (len(created) > 0) is (blocks > 4)
    assert len(created) < 8


@pytest.mark.parametrize("inodes", range(4))
def test_disk_without_inodes_loses_no_key(pce: FakePce, small_disk: Path, inodes: int) -> None:
    path = str(small_disk / "key.json")
    for number in range(7 - inodes):  # the root has one
        (small_disk / f"filler{number}").touch()
    error = attempt(path=path)
    assert error is None or str(error).startswith(f"path: {small_disk}/")
    assert saved(path) == [f"{SECRET}1"] * pce.made
    assert pce.made == (inodes == 3)


def test_key_file_of_another_user_is_refused(simulator: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    simulator.seed(pairing_profiles=[{"href": "/orgs/1/pairing_profiles/24", "name": "PP-WEB", "enabled": True}])
    options = {**connection(simulator), "profile": "PP-WEB", "path": str(path)}
    (code,) = codes(run_module("pce_pairing_key", options))
    os.chown(path, 65534, -1)
    simulator.clear_journal()
    result = run_module("pce_pairing_key", options)
    assert result["failed"]
    assert f"path: {path} is owned by nobody (uid 65534), while this task runs as root (uid 0)" in result["msg"]
    assert code not in str(result)
    assert simulator.journal() == []
