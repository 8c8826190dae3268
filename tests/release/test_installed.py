"""The tarball, installed by a user who has ansible-core and requests, and nothing else."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests import demo
from tests.documented import names
from tests.release.conftest import USER, run


def test_the_environment_has_nothing_else(tmp_path: Path) -> None:
    command = [str(USER / "python"), "-m", "pip", "list", "--disable-pip-version-check", "--format", "json"]
    listed = json.loads(run(command, tmp_path))
    installed = {item["name"].lower() for item in listed}
    assert {"ansible-core", "requests"} <= installed
    assert not installed & {"ansible", "aiohttp", "jsonschema", "pytest", "trustme"}


def test_its_files_are_those_that_were_built(installed: Path, tmp_path: Path) -> None:
    galaxy = str(USER / "ansible-galaxy")
    said = run([galaxy, "collection", "verify", "--offline", "microseg.enforcement", "-p", str(installed)], tmp_path)
    assert "Successfully verified" in said or "match" in said


def test_ansible_doc_knows_its_modules(installed: Path, tmp_path: Path) -> None:
    command = [str(USER / "ansible-doc"), "--json", "--list", "-t", "module", "microseg.enforcement"]
    known = json.loads(run(command, tmp_path, ANSIBLE_COLLECTIONS_PATH=str(installed)))
    assert sorted(known) == [f"microseg.enforcement.{name}" for name in names()]


def test_the_playbooks_of_the_demo(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "ANSIBLE_PLAYBOOK", USER / "ansible-playbook")
    monkeypatch.setattr(demo, "make_findable", lambda _directory: None)
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", str(installed))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{USER}:{os.environ['PATH']}")
    assert demo.main() == 0
    said = capsys.readouterr().out
    assert len(re.findall(r"^    (?:web|db)\d +True +True +visibility_only", said, re.MULTILINE)) == len(demo.HOSTS)
    assert said.count("The second run changed 0") == 2
