"""What is in the tarball: all that a user needs, and nothing else."""

from __future__ import annotations

import tarfile
from pathlib import Path, PurePosixPath

import pytest
import yaml

from tests.collection import ROOT

SHIPPED = ("plugins", "roles", "playbooks", "meta", "docs", "changelogs")
"""The directories of the checkout that are shipped as a whole."""

FILES = {
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "FILES.json",
    "LICENSE",
    "MANIFEST.json",
    "README.md",
    "requirements.txt",
}
MAY_BE = {"SECURITY.md"}


@pytest.fixture(scope="module")
def names(tarball: Path) -> set[str]:
    with tarfile.open(tarball) as archive:
        return {member.name for member in archive.getmembers() if member.isfile()}


def test_nothing_else_is_in_it(names: set[str]) -> None:
    assert {name.partition("/")[0] for name in names} - MAY_BE == FILES | {*SHIPPED}


def test_all_that_is_needed_is_in_it(names: set[str]) -> None:
    for directory in SHIPPED:
        tracked = {path.relative_to(ROOT).as_posix() for path in (ROOT / directory).rglob("*") if path.is_file()}
        made = {name for name in tracked if "__pycache__" in name or name.endswith(".plugin-cache.yaml")}
        assert tracked - made
        assert tracked - made <= names
    assert not [name for name in names if PurePosixPath(name).suffix == ".pyc"]
    for name in MAY_BE:
        assert (name in names) == (ROOT / name).exists()


def test_it_is_small(tarball: Path) -> None:
    assert tarball.stat().st_size < 1_000_000


def test_its_name_is_its_version(tarball: Path) -> None:
    about = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    assert tarball.name == f"{about['namespace']}-{about['name']}-{about['version']}.tar.gz"
