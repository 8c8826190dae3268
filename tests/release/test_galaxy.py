"""galaxy-importer, by which Galaxy and automation hub judge what is uploaded."""

from __future__ import annotations

import re
from pathlib import Path

from tests.collection import ROOT
from tests.documented import names
from tests.release.conftest import IMPORTER, run


def test_the_importer_finds_nothing(tarball: Path, tmp_path: Path) -> None:
    said = run([str(IMPORTER / "python"), "-m", "galaxy_importer.main", str(tarball)], tmp_path)
    lines = re.findall(r"^(ERROR|WARNING|CRITICAL)\S*:? ?(.*)$", said, re.MULTILINE)
    # awx.awx is for those who run awx_setup, and is not there where Galaxy looks.
    assert [line for line in lines if "couldn't resolve module/action 'awx.awx." not in line[1]] == []
    for kind, name in (*(("module", name) for name in names()), ("role", "ven"), ("playbook", "pair_vens.yml")):
        assert f"Loading {kind} {name}" in said
    assert "...ansible-lint run complete" in said
    assert "Importer processing completed successfully" in said


def test_no_finding_of_sanity_is_ignored() -> None:
    assert [*(ROOT / "tests" / "sanity").glob("ignore*")] == []
