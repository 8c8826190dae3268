"""The tarball of this checkout, and the environments that check and use it, which `make release-check` creates."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.collection import ROOT, without_settings
from tests.tarball import build, unpack

IMPORTER = ROOT / ".cache" / "importer" / "bin"
LINT = ROOT / ".cache" / "lint" / "bin"
TOOLS = ROOT / ".cache" / "tools" / "bin"
USER = ROOT / ".cache" / "user" / "bin"


def run(command: list[str], home: Path, status: int = 0, **variables: str) -> str:
    """Run a command of an environment with an empty home directory. Return its output; it must end with `status`."""
    environment = {
        **without_settings(),
        "ANSIBLE_COLLECTIONS_PATH": str(home / "collections"),  # and not this checkout
        "HOME": str(home),
        "PATH": f"{Path(command[0]).parent}:/usr/bin:/bin",
        **variables,
    }
    done = subprocess.run(
        command,
        env=environment,
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == status, f"{command} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="session")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tarball of the files that git tracks."""
    return build(tmp_path_factory.mktemp("build"))


@pytest.fixture
def unpacked(tarball: Path, tmp_path: Path) -> Path:
    """The collection of the tarball, unpacked in a tree of collections."""
    return unpack(tarball, tmp_path / "tree")


@pytest.fixture(scope="session")
def installed(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collections path with nothing but the installed tarball, in an environment with nothing but what it needs."""
    home = tmp_path_factory.mktemp("home")
    collections = home / "collections"
    galaxy = str(USER / "ansible-galaxy")
    run([galaxy, "collection", "install", "--offline", str(tarball), "--collections-path", str(collections)], home)
    return collections
