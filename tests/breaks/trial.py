# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trying breaks: several at a time, each in a copy of the tree."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from tests.breaks.catalogue import Break

NOTICED, SURVIVED, FAILED = "noticed", "survived", "not tried"

MAX_SECONDS = 900
"""Of the tests of one break, on a busy machine. What then still hangs is noticed: a user would notice too."""

_PASSED, _FAILED = 0, 1
"""Exit statuses of pytest. Any other says that tests did not run, which proves nothing."""


@dataclass(frozen=True)
class Ended:
    """How a run of tests ended."""

    status: int
    output: str

    @property
    def failed_test(self) -> str | None:
        """The test that failed. One that could not even begin did not notice anything."""
        found = re.search(r"^FAILED (\S+)", self.output, re.MULTILINE)
        return found[1] if self.status == _FAILED and found else None


@dataclass(frozen=True)
class Verdict:
    """What became of a break. ``output`` is the test that noticed it, or what pytest printed."""

    item: Break
    word: str
    output: str


def run_tests(copy: Path, tests: Sequence[str], workers: int = 0) -> Ended:
    """Run tests in a copy of the tree until the first fails."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    if workers > 1:
        command += ["-n", str(workers)]
    environment = {name: value for name, value in os.environ.items() if name != "ANSIBLE_COLLECTIONS_PATH"}
    with subprocess.Popen(
        command,
        cwd=copy,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as child:
        try:
            output, _error = child.communicate(timeout=MAX_SECONDS * (1 if workers == 0 else 4))
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            return Ended(_FAILED, f"FAILED {' '.join(tests)} within {MAX_SECONDS} seconds")
    return Ended(child.returncode, output)


def try_break(item: Break, copy: Path, number: int, run: Callable[[Path, Sequence[str]], Ended] = run_tests) -> Verdict:
    """Return whether the tests notice a break of ``copy``, which is whole again afterwards."""
    with item.applied(copy, number):
        ended = run(copy, item.tests)
    if ended.failed_test is not None:
        return Verdict(item, NOTICED, ended.failed_test)
    return Verdict(item, SURVIVED if ended.status == _PASSED else FAILED, ended.output)


def try_all(breaks: Sequence[Break], copies: Sequence[Path]) -> Iterator[Verdict]:
    """Try the breaks, as many at a time as there are copies, and print each verdict as it comes."""
    free: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for copy in copies:
        free.put(copy)

    def work(number: int, item: Break) -> Verdict:
        copy = free.get()
        try:
            return try_break(item, copy, number)
        finally:
            free.put(copy)

    with ThreadPoolExecutor(len(copies)) as pool:
        for future in as_completed([pool.submit(work, number, item) for number, item in enumerate(breaks)]):
            verdict = future.result()
            by = f"; {verdict.output}" if verdict.word == NOTICED else ""
            print(f"{verdict.word}: {verdict.item.name} ({verdict.item.file}){by}", flush=True)
            yield verdict


def report(verdicts: Sequence[Verdict], goal: int) -> bool:
    """Print what was not noticed, and the count. Return True if ``goal`` per cent were, and all were tried."""
    counts = {word: [item for item in verdicts if item.word == word] for word in (NOTICED, SURVIVED, FAILED)}
    for verdict in counts[FAILED]:
        print(f"\n{verdict.item.name}: the tests did not run:\n{verdict.output}")
    for verdict in counts[SURVIVED]:
        print(f"\nsurvived: {verdict.item.name}: {verdict.item.file}\n- {verdict.item.find}\n+ {verdict.item.replace}")
        print(f"  {' '.join(verdict.item.tests)}")
    share = 100 * len(counts[NOTICED]) / max(len(verdicts), 1)
    print(f"\n{len(counts[NOTICED])} of {len(verdicts)} breaks noticed, {share:.1f} % (goal: {goal} %)")
    return bool(verdicts) and share >= goal and not counts[FAILED]
