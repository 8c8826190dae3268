"""`ansible-test sanity` by the ansible-core of the Python that runs this, and proof that each of its tests looked at
something: `python -m tests.sanity [--tarball] [PYTHON VERSION ...]`, versions like 3.9 for the import and compile
tests. With --tarball it checks the unpacked tarball, as those do who certify a collection, otherwise the checkout.

ansible-test keeps its environments in its home directory, which is under .cache here. It would download a script that
installs pip into them; a script that takes pip from where pip takes everything is laid where it looks first.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from tests.checkout import copy_to
from tests.collection import ROOT, without_settings
from tests.tarball import build, unpack

HOME = ROOT / ".cache" / "ansible-test"
WHEELS = HOME / "wheels"

PIPS = ("23.1.2", "24.2", "25.2")
"""The versions of pip that ansible-core 2.16 to 2.21 ask for."""

_OF_PYTHON_2 = "it is for Python 2, and tests/config.yml says that modules need Python 3"

IMPOSSIBLE = {
    "pslint": "PowerShell is no part of what a Python environment can install",
    "future-import-boilerplate": _OF_PYTHON_2,
    "metaclass-boilerplate": _OF_PYTHON_2,
}
"""Tests that need not run, and why."""

_NOT_IN_TARBALL = "the tarball has no files for it"
IMPOSSIBLE_IN_TARBALL = {**IMPOSSIBLE, "empty-init": _NOT_IN_TARBALL, "shellcheck": _NOT_IN_TARBALL}

GET_PIP = """\
import sys
sys.path.insert(0, {wheel!r})
given = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.argv[1:] = ["install", *given, *([] if any(word.startswith("pip==") for word in given) else ["pip=={version}"])]
from pip._internal.cli.main import main
sys.exit(main())
"""


def main(arguments: list[str]) -> int:
    """Run the tests; with versions, the import and compile tests under those Pythons too. Return 0 if all passed."""
    is_tarball, versions = "--tarball" in arguments, [item for item in arguments if item != "--tarball"]
    _provide_pip()
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    with tempfile.TemporaryDirectory(prefix="microseg-sanity-") as name:
        collection = unpack(build(Path(name)), Path(name)) if is_tarball else copy_to(Path(name))
        ignored = sorted((collection / "tests" / "sanity").glob("ignore*"))
        if ignored:
            return _fail(f"there are entries that ignore findings: {ignored[0].name}")
        listed = _ansible_test(collection, "--list-tests", quiet=True).stdout.split()
        if len(listed) < 20:
            return _fail(f"ansible-test lists these tests only: {listed}")
        if _ansible_test(collection, "--python", own).returncode:
            return 1
        others = [version for version in versions if version != own]
        for version in others:
            if _ansible_test(collection, "--python", version, "--test", "import", "--test", "compile").returncode:
                return 1
        wanted = {*listed, *(f"{test}-{version}" for test in ("import", "compile") for version in others)}
        impossible = IMPOSSIBLE_IN_TARBALL if is_tarball else IMPOSSIBLE
        return _check(collection / "tests" / "output" / "junit", wanted, own, impossible)


def _check(results: Path, wanted: set[str], own: str, impossible: Mapping[str, str]) -> int:
    """Compare the results that were written with those that are wanted. A test that had nothing to do did not run."""
    ran = set()
    for path in sorted(results.glob("*.xml")):
        case = ElementTree.parse(path).find(".//testcase")  # noqa: S314  # written by ansible-test
        if case is not None and case.find("skipped") is None:
            ran.add(str(case.get("name")).replace("-python-", "-").removesuffix(f"-{own}"))
    missing = wanted - ran - impossible.keys()
    if missing:
        return _fail(f"these tests did not run: {', '.join(sorted(missing))}")
    print(f"ansible-test sanity: {len(ran)} tests ran and found nothing.", flush=True)
    for name in sorted(impossible.keys() & wanted - ran):
        print(f"It did not run {name}: {impossible[name]}.", flush=True)
    return 0


def _ansible_test(collection: Path, *arguments: str, quiet: bool = False) -> subprocess.CompletedProcess[str]:
    """Run `ansible-test sanity` in the copy. What it prints is shown unless `quiet`, and is returned then."""
    command = [str(Path(sys.executable).with_name("ansible-test")), "sanity", "--color", "no", *arguments]
    if not quiet:
        command.append("--junit")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**without_settings(), "HOME": str(HOME), "PATH": path}
    output = subprocess.PIPE if quiet else None
    return subprocess.run(command, cwd=collection, env=environment, stdout=output, text=True, check=quiet)


def _provide_pip() -> None:
    cache = HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in PIPS:
        wheel = WHEELS / f"pip-{version}-py3-none-any.whl"
        if not wheel.exists():
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(WHEELS)]
            subprocess.run([*pip, f"pip=={version}"], check=True)
        script = cache / f"get_pip_{version.replace('.', '_')}.py"
        script.write_text(GET_PIP.format(wheel=str(wheel), version=version))


def _fail(text: str) -> int:
    print(text, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
