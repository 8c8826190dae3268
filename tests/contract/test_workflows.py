"""The workflows run what `make test` and `make matrix` run, by the same targets. `make lint` checks their schemas."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.collection import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = {*re.findall(r"^([a-z][\w-]*):", MAKEFILE, re.MULTILINE)}


def jobs(name: str) -> dict[str, Any]:
    """Return the jobs of a workflow."""
    found: dict[str, Any] = yaml.safe_load((GITHUB / "workflows" / name).read_text())["jobs"]
    return found


def recipe(target: str) -> str:
    """Return the prerequisites and the recipe of a target."""
    found = re.search(rf"^{target}:((?:.*\n)(?:\t.*\n)*)", MAKEFILE, re.MULTILINE)
    assert found, target
    return found[1]


def test_tests_run_every_part_of_make_test() -> None:
    parts = {*recipe("test").split()} & TARGETS | {*recipe("beside").split()} & TARGETS
    in_jobs: list[str] = []
    for job in jobs("tests.yml").values():
        in_jobs += job.get("strategy", {}).get("matrix", {}).get("target", [])
    assert sorted(in_jobs) == sorted(parts - {"beside"})


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_runs_make_targets_that_exist(path: Path) -> None:
    steps = [step.get("run", "") for job in yaml.safe_load(path.read_text())["jobs"].values() for step in job["steps"]]
    calls = [call for step in steps for call in re.findall(r"^make ([a-z][a-z -]*)", step, re.MULTILINE)]
    assert calls
    assert {target for call in calls for target in call.split()} <= TARGETS


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_pins_actions_and_limits_permissions(path: Path) -> None:
    text = path.read_text()
    used = re.findall(r"uses: (.*)", text)
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}  # v[\d.]+", action) for action in used)
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    assert not re.search(r"run: .*\$\{\{ *(github\.event|github\.head_ref)", text), "text of others in a script"


def test_dependabot_knows_every_directory_with_pins() -> None:
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text())["updates"]
    known = {directory for update in updates for directory in update.get("directories", [])}
    pinned = {
        f"/{path.parent.relative_to(ROOT)}"
        for path in (ROOT / "tests").rglob("*.txt")
        if re.search(r"^[\w-]+==", path.read_text(), re.MULTILINE)
    }
    # The oldest versions that are supported must not be updated.
    assert known == pinned - {"/tests/unit"}


def test_pre_commit_runs_commands_of_make_lint() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    lint = recipe("lint").replace("$(BIN)", ".venv/bin")
    for hook in repository["hooks"]:
        command = hook["entry"].replace(" --force-exclude", "").replace("lint-file", "lint")
        assert command in lint, command
