# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which mutants the tests notice.

mutmut judges what runs when it is called: by mypy, and by the unit tests that come by. It cannot reach what has run at
import, before it puts a mutant in force; these mutants, and those that no unit test notices, are run here, each in a
process that imports the mutated file.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import pytest

from tests.collection import without_settings
from tests.integration import nursery
from tests.mutation.mutants import FILES, ROOT, Mutant

SECONDS = 180
"""For the tests of one mutant; one that needs more is noticed, as it is in mutmut."""

_OTHERS = re.compile("test_(simulator.*|bench|imports)")

FIRST = [
    "tests/contract/test_modules.py",
    *sorted(
        f"tests/unit/{path.name}" for path in (ROOT / "tests/unit").glob("test_*.py") if not _OTHERS.match(path.stem)
    ),
]
"""What a mutant that is in force from the import on is run against first: those of these tests that import its file."""

THEN = [
    f"tests/integration/test_{name}.py"
    for name in (
        *("pairing_profile", "pairing_profiles", "pairing_key", "label", "ven", "workload_info"),
        *("connector_instance", "edges", "echoes", "workload", "ven_info", "roll_out"),
    )
]
"""What each mutant that is left is run against: those of these tests that run its lines, the quickest first."""

ENOUGH = 20.0
"""Seconds of tests that may run for a mutant in THEN. What would be noticed after that counts as not noticed."""


_MOST_QUICK = 12
"""How many tests that have noticed other mutants of a file are run before all of FIRST."""

_IDLE = 3
"""So many at a time for each worker: tests spend most of their time in waiting for servers."""

_MYPY = [sys.executable, "-m", "mypy"]

_NAME_IMPORTED = """
import importlib, sys
importlib.import_module(sys.argv[1][:-3].replace("/", "."))
print("\\n".join(sys.modules))
"""


class UnsoundError(Exception):
    """The tests say nothing of mutants: they fail without one, or succeed with a file that cannot be imported."""


def in_force_from_import(mutants: Sequence[Mutant], workers: int) -> Iterator[tuple[Mutant, bool]]:
    """Run each mutant in a process of its own. Yield it, and whether the tests notice it. Raises UnsoundError."""
    if not mutants:
        return
    with _room_for_temporary_files() as directory:
        nursery.ALSO[:] = ["hypothesis", "pytest"]
        looks = _Looks(directory, _traced(directory / "trace.json"))
        with ThreadPoolExecutor(workers * _IDLE) as pool:
            list(pool.map(looks.check, sorted({mutant.path for mutant in mutants})))
            yield from zip(mutants, pool.map(looks.notice, mutants))


class _Looks:
    """Looks at mutants one by one, in processes of their own, and remembers which tests notice those of a file."""

    def __init__(self, directory: Path, trace: Trace) -> None:
        self._directory = directory
        self._trace = trace
        self._imported = {test: _imported_by(test) for test in FIRST}
        self._quick: dict[str, Counter[str]] = defaultdict(Counter)
        self._lock = threading.Lock()

    def check(self, path: str) -> None:
        """See that tests succeed without a mutant of a file, and not without the file. Raises UnsoundError."""
        if self._fails(path, (ROOT / path).read_text(), self._first(path)):
            raise UnsoundError(f"{path}: tests fail without a mutant")
        if not self._fails(path, "raise RuntimeError", self._first(path)):
            raise UnsoundError(f"{path}: tests succeed without the file")

    def notice(self, mutant: Mutant) -> bool:
        """Run what mutmut could not: mypy and the unit tests, if need be, and then the tests of modules."""
        text = mutant.text
        if mutant.at_import:
            with self._lock:
                quick = [test for test, _count in self._quick[mutant.path].most_common(_MOST_QUICK)]
            if quick and self._fails(mutant.path, text, quick):
                return True
            if _is_mistyped(mutant.path, text, self._directory):
                return True
            if self._fails(mutant.path, text, self._first(mutant.path)):
                return True
        tests = self._trace.tests_of(mutant)
        return bool(tests) and self._fails(mutant.path, text, tests)

    def _first(self, path: str) -> list[str]:
        """Return those of FIRST that import a file, its namesake before the others."""
        dotted = path[: -len(".py")].replace("/", ".")
        tests = [test for test, names in self._imported.items() if dotted in names]
        return sorted(tests, key=lambda test: Path(path).stem not in test)

    def _fails(self, path: str, text: str, tests: Sequence[str]) -> bool:
        """Whether a test fails with this text for that file, or cannot even be collected."""
        status, test = _ended(path, text, tests, self._directory)
        if status == pytest.ExitCode.USAGE_ERROR and any("::" in name for name in tests):
            # A table that is otherwise makes other tests of itself; that one of them is missing is no failure.
            return self._fails(path, text, sorted({name.split("::")[0] for name in tests}))
        if test is not None and test.split("::")[0] in FIRST:  # the others would start a simulator
            with self._lock:
                self._quick[path][test] += 1
        return status != 0


def _imported_by(test: str) -> set[str]:
    """Return the names of what a file of tests imports; those of modules import all when they run."""
    if test.startswith("tests/contract/"):
        return {path[: -len(".py")].replace("/", ".") for path in FILES}
    command = [sys.executable, "-c", _NAME_IMPORTED, test]
    return set(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split())


def _environment() -> dict[str, str]:
    return {**without_settings(), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def _is_mistyped(path: str, text: str, directory: Path) -> bool:
    """Whether mypy finds something with this text for that file."""
    with tempfile.NamedTemporaryFile("w", suffix=".py", dir=directory) as file:
        file.write(text)
        file.flush()
        command = [*_MYPY, "--cache-dir", os.devnull, "--shadow-file", path, file.name, "plugins/module_utils"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode != 0


@dataclass(frozen=True)
class Trace:
    """Which tests of THEN run which lines, and in how many seconds; see tracing."""

    seconds: list[float]
    tests: list[str]
    lines: dict[str, dict[str, list[int]]]

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Return those that run the mutant's lines, the quickest first.

        For what runs at import, those that run any line of its file, or are named after it: what a test does with the
        tables that a file makes is not seen there.
        """
        lines = self.lines.get(mutant.path, {})
        own = lines if mutant.at_import else [str(line) for line in range(mutant.lines[0], mutant.lines[1] + 1)]
        found = {test for line in own for test in lines.get(line, [])}
        if mutant.at_import:
            stem = Path(mutant.path).stem
            found |= {number for number, test in enumerate(self.tests) if stem in test.split("::")[0]}
        numbers = sorted(found, key=lambda test: self.seconds[test])
        ends = accumulate(self.seconds[number] for number in numbers)
        return [self.tests[number] for number, end in zip(numbers, ends) if end <= ENOUGH]


def _traced(file: Path) -> Trace:
    """Run THEN once. Raises UnsoundError if a test fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.mutation.tracing", "-p", "tests.mutation.inside"]
    ended = subprocess.run(
        [*command, "-p", "no:xdist", *THEN],
        cwd=ROOT,
        env={**_environment(), "MICROSEG_TRACE": str(file)},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise UnsoundError(f"tests fail without a mutant: {ended.stdout[-2000:]}")
    return Trace(**json.loads(file.read_text()))


def _ended(path: str, text: str, tests: Sequence[str], directory: Path) -> tuple[int, str | None]:
    """Run tests with this text for that file. Return pytest's exit status, and the test that failed."""
    cache = str(directory / "cache")
    job = json.dumps({"path": path, "text": text, "tests": [*tests], "seconds": SECONDS, "cache": cache})
    try:
        said, error = nursery.run(
            "tests.mutation.worker", job, {**_environment(), "TMPDIR": str(directory)}, timeout=SECONDS + 30
        )
    except ValueError:  # the process has ended without an answer, by its alarm
        return -1, None
    try:
        answer = json.loads(said.splitlines()[-1])
        return int(answer["status"]), answer["test"]
    except (ValueError, LookupError) as unreadable:
        raise UnsoundError(f"no status: {said} {error}") from unreadable


@contextmanager
def _room_for_temporary_files() -> Iterator[Path]:
    """Make a directory for what tests leave behind when their process is ended."""
    directory = Path(tempfile.mkdtemp(prefix="microseg-mutation-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def by_mutmut(mutants: Iterable[Mutant], workers: int) -> Iterator[tuple[Mutant, bool]]:
    """Let mutmut run these mutants in a copy of the checkout. Yield each, and whether the tests notice it.

    Raises UnsoundError if mutmut did not come to its end.
    """
    wanted = {mutant.name: mutant for mutant in mutants}
    if not wanted:
        return
    copy = ROOT / ".cache" / "mutation"
    shutil.rmtree(copy, ignore_errors=True)
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in files.split("\0"):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    functions = sorted({mutant.name for mutant in wanted.values()})
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(workers), *functions]
    ended = subprocess.run(
        command, cwd=copy, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    statuses: dict[str, int] = {}
    for path in copy.glob("mutants/**/*.meta"):
        statuses.update(json.loads(path.read_text())["exit_code_by_key"])
    missing = [name for name in wanted if statuses.get(name) is None]
    if ended.returncode or missing:
        end = ended.stdout.decode(errors="replace")[-2000:]
        raise UnsoundError(f"mutmut ended with {ended.returncode}, and {len(missing)} mutants were not judged: {end}")
    for name, mutant in wanted.items():
        yield mutant, statuses[name] not in (_SURVIVED, _NO_TEST)


_SURVIVED = 0
_NO_TEST = 33
"""What mutmut notes where a test did not notice the mutant, and where no test came by."""
