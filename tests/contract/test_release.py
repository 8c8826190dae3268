"""One version, one list of what is supported: what is said of them in several places agrees."""

from __future__ import annotations

import re

import pytest
import yaml

import noxfile
from tests.collection import ROOT

VERSION = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
SEMANTIC = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def numbers(version: str) -> tuple[int, ...]:
    """A version as numbers, to be compared."""
    return tuple(map(int, version.split(".")))


def released() -> list[str]:
    """The versions that were released, oldest first."""
    path = ROOT / "changelogs" / "changelog.yaml"
    known = yaml.safe_load(path.read_text())["releases"] if path.exists() else {}
    return sorted(known, key=numbers)


def test_the_version_is_the_newest_release_or_the_next() -> None:
    assert SEMANTIC.fullmatch(VERSION)
    fragments = [*(ROOT / "changelogs" / "fragments").glob("*.yml")]
    newest = released()[-1:]
    if newest == [VERSION]:
        assert not fragments, (
            f"{VERSION} is released, and there are fragments for the next: raise version in galaxy.yml"
        )
    else:
        assert fragments, "galaxy.yml has a version that was not released, and nothing is there to be released"
        assert not newest or numbers(newest[0]) < numbers(VERSION)


def test_the_changelog_shows_every_release() -> None:
    shown = re.findall(r"^## v(\S+)$", (ROOT / "CHANGELOG.md").read_text().replace("\\", ""), re.MULTILINE)
    assert shown == released()[::-1]


def test_the_documentation_names_no_other_version() -> None:
    files = [
        *ROOT.glob("*.md"),
        *(ROOT / "roles").rglob("*.md"),
        *(path for path in (ROOT / "docs").rglob("*") if path.is_file()),
    ]
    named = {
        (file.name, version)
        for file in files
        for version in re.findall(r"microseg-enforcement-(\d+\.\d+\.\d+)\.tar\.gz", file.read_text())
    }
    assert {version for _file, version in named} <= {VERSION}, named


def test_the_user_agent_has_no_version_that_could_be_forgotten() -> None:
    text = (ROOT / "plugins" / "module_utils" / "_http" / "session.py").read_text()
    assert re.findall(r'^USER_AGENT = "(.*)"$', text, re.MULTILINE) == ["microseg.enforcement"]


def test_the_supported_ansible_cores_are_those_that_are_tested() -> None:
    oldest, *_others, newest = [".".join(core.split(".")[:2]) for core in noxfile.CORES]
    assert yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["requires_ansible"] == f">={oldest}.0"
    role = yaml.safe_load((ROOT / "roles" / "ven" / "meta" / "main.yml").read_text())
    assert role["galaxy_info"]["min_ansible_version"] == oldest
    assert f"ansible-core {oldest} to {newest}" in (ROOT / "README.md").read_text()


def test_the_oldest_python_and_requests_are_the_oldest_that_are_tested() -> None:
    config = yaml.safe_load((ROOT / "tests" / "config.yml").read_text())
    assert config["modules"]["python_requires"] == f">={noxfile.OLDEST}"
    readme = (ROOT / "README.md").read_text()
    assert f"Python {noxfile.OLDEST} or later, and the library" in readme
    tested = (ROOT / "tests" / "unit" / "oldest.txt").read_text().splitlines()
    needed = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert needed[0].replace(">=", "](https://pypi.org/project/requests/) ") in readme
    assert [line.replace(">=", "==") for line in needed] == [line for line in tested if line.startswith("requests==")]


@pytest.mark.parametrize("name", ["user.txt", "importer.txt"])
def test_a_release_is_tried_with_the_ansible_core_of_the_tests(name: str) -> None:
    pins = [
        [line for line in file.read_text().splitlines() if line.startswith("ansible-core==")]
        for file in (ROOT / "tests" / "release" / name, ROOT / "tests" / "simulator" / "requirements.txt")
    ]
    assert pins[0] == pins[1] != []
