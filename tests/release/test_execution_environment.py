"""What ansible-builder makes of the collection, and of the definition in docs/examples."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from tests.collection import ROOT
from tests.release.conftest import run

BUILDER = str(Path(sys.executable).with_name("ansible-builder"))
DEFINITION = ROOT / "docs" / "examples" / "execution-environment" / "execution-environment.yml"


def test_it_finds_what_the_installed_collection_needs(installed: Path, tmp_path: Path) -> None:
    # A path on which ansible_collections lies, as in an image.
    needs = yaml.safe_load(run([BUILDER, "introspect", str(installed)], tmp_path))
    (wanted,) = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line.partition(" ")[0] for line in needs["python"]] == [wanted]
    assert not needs["system"]


def test_the_example_becomes_a_context(tmp_path: Path) -> None:
    context = tmp_path / "context"
    run(
        [BUILDER, "create", "--file", str(DEFINITION), "--context", str(context), "--output-filename", "Containerfile"],
        tmp_path,
    )
    definition = yaml.safe_load(DEFINITION.read_text())
    containerfile = (context / "Containerfile").read_text()
    assert definition["images"]["base_image"]["name"] in containerfile
    assert definition["dependencies"]["ansible_core"]["package_pip"] in containerfile
    collections = yaml.safe_load((context / "_build" / "requirements.yml").read_text())["collections"]
    assert "microseg.enforcement" in [item["name"] for item in collections]
