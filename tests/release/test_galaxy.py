"""galaxy-importer, by which Galaxy and automation hub judge what is uploaded."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from tests.collection import ROOT
from tests.documented import names
from tests.release.conftest import IMPORTER, run
from tests.tarball import unpack

CONFIGURATION = """\
[galaxy-importer]
CHECK_REQUIRED_TAGS = True
CHECK_CHANGELOG = True
REQUIRE_V1_OR_GREATER = True
RUN_ANSIBLE_LINT = True
RUN_ANSIBLE_DOC = True
"""
"""Automation hub checks more than Galaxy: a tag of its list, a changelog, and a version of 1.0.0 or later."""


def importer(tarball: Path, home: Path, status: int = 0) -> str:
    """Run the importer as automation hub does, and return its output."""
    (home / "importer.cfg").write_text(CONFIGURATION)
    command = [str(IMPORTER / "python"), "-m", "galaxy_importer.main", str(tarball)]
    return run(command, home, status, GALAXY_IMPORTER_CONFIG=str(home / "importer.cfg"))


def test_importer_accepts_tarball(tarball: Path, tmp_path: Path) -> None:
    output = importer(tarball, tmp_path)
    assert re.findall(r"^(ERROR|WARNING|CRITICAL)\S*:? ?(.*)$", output, re.MULTILINE) == []
    for kind, name in (*(("module", name) for name in names()), ("role", "ven"), ("playbook", "pair_vens.yml")):
        assert f"Loading {kind} {name}" in output
    assert "...ansible-lint run complete" in output
    assert "Importer processing completed successfully" in output


def test_importer_checks_tags(tarball: Path, tmp_path: Path) -> None:
    """Prove that the tag check is on: it refuses the same tarball without a tag of automation hub's list."""
    collection = unpack(tarball, tmp_path / "tree")
    manifest = json.loads((collection / "MANIFEST.json").read_text())
    about = {**manifest["collection_info"], "tags": ["microsegmentation"]}
    del about["license_file"]
    (collection / "galaxy.yml").write_text(yaml.safe_dump(about))
    run([str(IMPORTER / "ansible-galaxy"), "collection", "build", str(collection)], tmp_path)
    output = importer(tmp_path / tarball.name, tmp_path, 1)
    assert "At least one tag required from tag list" in output


def test_no_finding_of_sanity_is_ignored() -> None:
    assert [*(ROOT / "tests" / "sanity").glob("ignore*")] == []
