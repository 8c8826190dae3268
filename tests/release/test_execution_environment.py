"""The build context that ansible-builder creates of the example in docs/examples. No image is built here."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

import noxfile
from tests import sbom
from tests.collection import ROOT
from tests.release.conftest import USER, run

BUILDER = str(Path(sys.executable).with_name("ansible-builder"))
DEFINITION = sbom.DEFINITION
WANTED = yaml.safe_load(DEFINITION.read_text())["dependencies"]
REQUESTS = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]


@pytest.fixture
def context(tarball: Path, tmp_path: Path) -> Path:
    """The context, created where the example says: in a directory with the definition and the tarball."""
    for file in (*DEFINITION.parent.iterdir(), tarball):
        shutil.copy(file, tmp_path)
    run([BUILDER, "create", "--file", DEFINITION.name, "--output-filename", "Containerfile"], tmp_path)
    return tmp_path / "context"


def test_builder_finds_requirements_of_installed_collection(installed: Path, tmp_path: Path) -> None:
    # A path on which ansible_collections lies, as in an image.
    needs = yaml.safe_load(run([BUILDER, "introspect", str(installed)], tmp_path))
    assert [line.partition(" ")[0] for line in needs["python"]] == REQUESTS
    assert not needs["system"]


def test_containerfile_installs_python_before_its_first_use(context: Path) -> None:
    """The images of Fedora have no Python; pip and libdnf5 are what ansible-builder and the dnf module use."""
    steps = (context / "Containerfile").read_text().split("# Base build stage")[1].splitlines()
    runs = [step for step in steps if step.startswith("RUN ")]
    assert re.fullmatch(r"RUN dnf install \S+ python3 python3-pip python3-libdnf5 && dnf clean all", runs[0])
    assert "$PYCMD" in runs[1]


def test_context_has_ssh_client_sshpass_and_pywinrm(context: Path) -> None:
    system = (context / "_build" / "bindep.txt").read_text().splitlines()
    assert {line.partition(" ")[0] for line in system} >= {"openssh-clients", "sshpass"}
    assert all("compile" not in line for line in system), "installed in the final image, not only for building"
    python = (context / "_build" / "requirements.txt").read_text().splitlines()
    assert [line for line in python if re.match(r"pywinrm==[\d.]+$", line)]
    assert "install-from-bindep" in (context / "Containerfile").read_text().split("# Final build stage")[1]


def test_context_pins_what_is_tested(context: Path) -> None:
    (refs,) = re.findall(r'^ARG ANSIBLE_INSTALL_REFS="(.*)"$', (context / "Containerfile").read_text(), re.MULTILINE)
    core, runner = refs.split()
    assert core.removeprefix("ansible-core==") in noxfile.CORES
    assert runner in (ROOT / "tests" / "requirements.txt").read_text().splitlines()


def test_context_installs_the_collection_from_its_tarball(context: Path, tarball: Path, tmp_path: Path) -> None:
    """Run the command of the Galaxy stage in the directory that it copies, without what a Galaxy server has."""
    build = context / "_build"
    galaxy = yaml.safe_load((build / "requirements.yml").read_text())["collections"]
    own, *others = galaxy
    assert [item["name"] for item in others] == ["ansible.windows"]
    assert (build / own["name"]).read_bytes() == tarball.read_bytes()
    (build / "requirements.yml").write_text(yaml.safe_dump({"collections": [own]}))
    (command,) = re.findall(
        r"^RUN ANSIBLE_GALAXY_DISABLE_GPG_VERIFY=1 ansible-galaxy (.*) \$\w+ (-r \S+) ",
        (context / "Containerfile").read_text(),
        re.MULTILINE,
    )
    arguments = " ".join(command).split()
    path = tmp_path / "collections"
    run([str(USER / "ansible-galaxy"), *arguments, "--collections-path", str(path), "--offline"], build)
    assert (path / "ansible_collections" / "microseg" / "enforcement" / "MANIFEST.json").exists()


def test_bill_of_materials_lists_the_python_parts(tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    sbom.write(file)
    bill = json.loads(file.read_text())
    assert bill["bomFormat"] == "CycloneDX"
    parts = {item["name"].lower(): item for item in bill["components"]}
    for requirement in sbom.requirements():
        name, operator, version = re.fullmatch(r"([\w-]+)([=>]=)([\d.]+)", requirement).groups()  # type: ignore[union-attr]
        assert operator != "==" or parts[name]["version"] == version
    # What they require in turn.
    assert {"urllib3", "certifi", "cryptography", "requests-ntlm", "jinja2", "pyyaml"} <= {
        name.replace("_", "-") for name in parts
    }
    assert all(item["externalReferences"][0]["hashes"] for item in parts.values())
    about = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    assert bill["metadata"]["component"]["version"] == about["version"]
