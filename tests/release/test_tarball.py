"""The content of the tarball: what users and their tools need, and nothing else; byte for byte the same each time."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path, PurePosixPath

import pytest
import yaml

from tests.collection import ROOT
from tests.tarball import build, normalize

SHIPPED = ("plugins", "roles", "playbooks", "meta", "docs", "changelogs", "LICENSES")
"""The directories of the checkout that are shipped as a whole."""

FILES = {
    ".ansible-lint",
    ".yamllint",
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "FILES.json",
    "LICENSE",
    "MANIFEST.json",
    "README.md",
    "REUSE.toml",
    "SECURITY.md",
    "requirements.txt",
}


@pytest.fixture(scope="module")
def names(tarball: Path) -> set[str]:
    with tarfile.open(tarball) as archive:
        return {member.name for member in archive.getmembers() if not member.isdir()}


def test_tarball_has_nothing_else(names: set[str]) -> None:
    assert {name.partition("/")[0] for name in names} == {*FILES, *SHIPPED, "tests"}
    # ansible-test reads it, also in the unpacked tarball.
    assert {name for name in names if name.startswith("tests/")} == {"tests/config.yml"}


def test_tarball_has_what_git_tracks(names: set[str]) -> None:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *SHIPPED]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    tracked = {name for name in listed if os.path.lexists(ROOT / name)} - {""}
    assert {name.partition("/")[0] for name in tracked} == {*SHIPPED}
    assert {name for name in names if name.partition("/")[0] in SHIPPED} == tracked
    assert not [name for name in names if PurePosixPath(name).suffix in (".pyc", ".json") and "/" in name]


def test_tarball_has_no_empty_directory(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        members = archive.getmembers()
    parents = {str(parent) for member in members if not member.isdir() for parent in PurePosixPath(member.name).parents}
    assert {member.name for member in members if member.isdir()} == parents - {"."}


def test_tarball_is_small(tarball: Path) -> None:
    """It had 330 kB when this limit was set: 265 files, of which none is built from another."""
    assert tarball.stat().st_size < 400_000


def test_tarball_name_is_its_version(tarball: Path) -> None:
    about = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    assert tarball.name == f"{about['namespace']}-{about['name']}-{about['version']}.tar.gz"


def test_tarball_is_the_same_when_built_again(tarball: Path, tmp_path: Path) -> None:
    """The time of the build and the umask do not matter."""
    umask = os.umask(0o077)
    try:
        again = build(tmp_path)
    finally:
        os.umask(umask)
    assert again.read_bytes() == tarball.read_bytes()


def test_normalize_ignores_order_and_times(tarball: Path, tmp_path: Path) -> None:
    """ansible-galaxy takes the files in the order of the file system, which is reversed here."""
    with tarfile.open(tarball) as archive:
        members = archive.getmembers()
        contents = {member.name: file.read() for member in members if (file := archive.extractfile(member))}
    time = int(members[0].mtime)
    files = json.loads(contents["FILES.json"])
    files["files"].reverse()
    contents["FILES.json"] = json.dumps(files, indent=1).encode()
    manifest = json.loads(contents["MANIFEST.json"])
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(contents["FILES.json"]).hexdigest()
    contents["MANIFEST.json"] = json.dumps(manifest, indent=1).encode()
    shuffled = tmp_path / tarball.name
    with tarfile.open(shuffled, "w:gz") as archive:
        for number, member in enumerate(reversed(members)):
            member.mtime = number
            archive.addfile(member, io.BytesIO(contents[member.name]) if member.isfile() else None)
    assert shuffled.read_bytes() != tarball.read_bytes()
    assert normalize(shuffled, time) == tarball.read_bytes()


def test_tarball_time_is_source_date_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    with tarfile.open(build(tmp_path)) as archive:
        assert {member.mtime for member in archive.getmembers()} == {1700000000}


def test_tarball_of_uncommitted_changes_is_refused(tmp_path: Path) -> None:
    """`make dist` builds what is tagged; here, from a repository with one file that is not committed."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    program = "import sys, tests.tarball as t, pathlib; t.ROOT = pathlib.Path.cwd(); sys.exit(t.main(['dist']))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "changes that are not committed" in done.stderr
    assert not (tmp_path / "dist").exists()
