"""The tarball of this checkout, and the environments that judge it and use it, which `make release-check` makes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import copy_to
from tests.collection import ROOT, without_settings

IMPORTER = ROOT / ".cache" / "importer" / "bin"
USER = ROOT / ".cache" / "user" / "bin"


def run(command: list[str], home: Path, **variables: str) -> str:
    """Run a command of an environment for somebody who has nothing at home. Return its output; it has to succeed."""
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
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="session")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `ansible-galaxy collection build` makes of the files that git tracks."""
    directory = tmp_path_factory.mktemp("build")
    galaxy = str(Path(sys.executable).with_name("ansible-galaxy"))
    collection = copy_to(directory / "copy")
    run([galaxy, "collection", "build", str(collection), "--output-path", str(directory)], directory)
    (found,) = directory.glob("*.tar.gz")
    return found


@pytest.fixture(scope="session")
def installed(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collections path with nothing but the installed tarball, in an environment with nothing but what it needs."""
    home = tmp_path_factory.mktemp("home")
    collections = home / "collections"
    galaxy = str(USER / "ansible-galaxy")
    run([galaxy, "collection", "install", "--offline", str(tarball), "--collections-path", str(collections)], home)
    return collections
