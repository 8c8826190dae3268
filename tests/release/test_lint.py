"""ansible-lint over the unpacked tarball, which has no files of the checkout beside it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.release.conftest import LINT, run

NEWEST = Path(sys.executable).parent


def lint(directory: Path, collection: Path, *files: str, status: int = 0) -> str:
    """Run an ansible-lint in the collection, with the profile production, and return its output."""
    command = [str(directory / "ansible-lint"), "--offline", "--nocolor", "--profile", "production", *files]
    return run(command, collection, status, ANSIBLE_COLLECTIONS_PATH=str(collection.parents[2]))


@pytest.mark.parametrize("directory", [NEWEST, LINT], ids=["newest", "oldest"])
def test_unpacked_tarball_passes_production(directory: Path, unpacked: Path) -> None:
    output = lint(directory, unpacked)
    assert "Passed: 0 failure(s), 0 warning(s)" in output
    assert "Profile 'production' was required, and it passed" in output


def test_lint_of_tarball_reports_findings(unpacked: Path) -> None:
    """Prove that nothing in the configuration of the tarball hides a finding."""
    (unpacked / "roles" / "ven" / "tasks" / "main.yml").write_text("---\n- command: id\n")
    (unpacked / "changelogs" / "config.yaml").write_text("---\nsections:\n- [a, A]\n")
    output = lint(NEWEST, unpacked, "roles/ven/tasks/main.yml", "changelogs/config.yaml", status=2)
    assert "fqcn[action-core]" in output
    assert "yaml[indentation]" in output
