"""Write the bill of materials of the Python parts of the execution environment: `python -m tests.sbom [FILE]`.

It lists, in the format of CycloneDX, what pip installs today for the definition in docs/examples: the versions that
satisfy the pins there, and their hashes. The base image and its packages are not part of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from tests.collection import ROOT
from tests.tarball import commit_time

DEFINITION = ROOT / "docs" / "examples" / "execution-environment" / "execution-environment.yml"
TOOLS = ROOT / ".cache" / "tools" / "bin"
TARGET = (
    *("--python-version", "3.14", "--implementation", "cp", "--only-binary", ":all:"),
    *("--platform", "manylinux_2_28_x86_64", "--platform", "manylinux2014_x86_64"),
)
"""The Python of the base image."""


def requirements() -> list[str]:
    """Return what the definition and the collection require."""
    wanted = yaml.safe_load(DEFINITION.read_text())["dependencies"]
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    own = [line for line in lines if not line.startswith("#")]
    return [wanted["ansible_core"]["package_pip"], wanted["ansible_runner"]["package_pip"], *wanted["python"], *own]


def resolve(directory: Path) -> list[dict[str, Any]]:
    """Return what pip would install, as its report describes it. Nothing is installed."""
    report = directory / "report.json"
    dry = ["install", "--quiet", "--dry-run", "--ignore-installed", "--report", str(report), "--target", str(directory)]
    subprocess.run([str(TOOLS / "python"), "-m", "pip", *dry, *TARGET, *requirements()], check=True)
    found: list[dict[str, Any]] = json.loads(report.read_text())["install"]
    return found


def write(file: Path) -> None:
    """Write the bill of materials."""
    about = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    with tempfile.TemporaryDirectory(prefix="microseg-sbom-") as name:
        pinned = [
            f"{item['metadata']['name']}=={item['metadata']['version']}"
            f" --hash=sha256:{item['download_info']['archive_info']['hashes']['sha256']}"
            for item in resolve(Path(name))
        ]
        project = Path(name, "pyproject.toml")
        project.write_text(
            f'[project]\nname = "{about["namespace"]}-{about["name"]}-ee"\nversion = "{about["version"]}"\n'
            f'license = {{text = "{about["license"][0]}"}}\n'
        )
        command = [str(TOOLS / "cyclonedx-py"), "requirements", "--pyproject", str(project), "--output-reproducible"]
        subprocess.run(
            [*command, "--validate", "--output-file", str(file), "-"],
            input="\n".join(pinned),
            text=True,
            check=True,
            env={"SOURCE_DATE_EPOCH": str(commit_time())},
        )


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist" / "execution-environment.cdx.json"
    target.parent.mkdir(exist_ok=True)
    write(target)
    print(f"The bill of materials is {target}")
