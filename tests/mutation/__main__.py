# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make mutation`: changes the core and the resource tables in thousands of ways, and sees whether a test fails."""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.collection import make_findable
from tests.mutation import survivors, verdicts
from tests.mutation.mutants import FILES, ROOT, Mutant, all_mutants

GOAL = 90
"""Per cent of the mutants that the tests have to notice."""

LEFT = ROOT / ".cache" / "mutants-left.txt"
"""The names of the mutants that the last run has left, or, where it was ended, has not come to."""


def main() -> int:
    """Print what the tests notice. Return 0 if it is enough, and each mutant that is left has a reason."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--only", default="", help="a part of the path of the files that are mutated")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--sample", type=int, help="take so many of the mutants, by chance, instead of all")
    parser.add_argument("--again", action="store_true", help=f"take only those that the last run has left, in {LEFT}")
    given = parser.parse_args()
    files = [path for path in FILES if given.only in path]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="microseg-mutation-") as directory:
        make_findable(Path(directory))
        mutants = all_mutants(files)
        print(f"{len(mutants)} mutants in {len(files)} files", flush=True)
        unused = [] if given.only else survivors.unused(mutants)
        for expression in unused:
            print(f"{survivors.FILE.name}: no mutant is explained by {expression}", flush=True)
        if given.again:
            names = set(LEFT.read_text().split())
            mutants = [mutant for mutant in mutants if mutant.name in names]
            print(f"{len(mutants)} of them were left", flush=True)
        if given.sample:
            mutants = random.Random(given.sample).sample(mutants, min(given.sample, len(mutants)))
            print(f"{len(mutants)} of them are taken", flush=True)
        judged = list(_noted(_judge(mutants, given.workers), mutants))
    print(f"{time.monotonic() - begun:.0f} seconds\n")
    return 0 if _report(judged) and not unused else 1


def _judge(mutants: list[Mutant], workers: int) -> Iterator[tuple[Mutant, bool]]:
    """Yield each mutant and whether it is noticed: first by mutmut where it can, then alone."""
    left = [mutant for mutant in mutants if mutant.at_import]
    for mutant, is_noticed in verdicts.by_mutmut([mutant for mutant in mutants if not mutant.at_import], workers):
        if is_noticed:
            yield mutant, True
        else:
            left.append(mutant)
    print(f"{len(left)} are left for tests of their own", flush=True)
    yield from verdicts.in_force_from_import(left, workers)


def _noted(judged: Iterable[tuple[Mutant, bool]], mutants: Iterable[Mutant]) -> Iterator[tuple[Mutant, bool]]:
    """Yield the same, print what is left, and write it down, however this ends."""
    left = {mutant.name for mutant in mutants}
    try:
        for mutant, is_noticed in judged:
            if is_noticed:
                left.discard(mutant.name)
            else:
                print(f"left: {mutant.name}  {survivors.line(mutant)}", flush=True)
            yield mutant, is_noticed
    finally:
        LEFT.parent.mkdir(exist_ok=True)
        LEFT.write_text("\n".join(sorted(left)))


def _report(judged: Iterable[tuple[Mutant, bool]]) -> bool:
    total: Counter[str] = Counter()
    noticed: Counter[str] = Counter()
    left = []
    for mutant, is_noticed in judged:
        total[mutant.path] += 1
        noticed[mutant.path] += is_noticed
        if not is_noticed:
            left.append(mutant)
    for path in sorted(total):
        print(f"{path:50} {noticed[path]:5} of {total[path]:5} noticed, {100 * noticed[path] / total[path]:.1f} %")
    share = 100 * sum(noticed.values()) / max(sum(total.values()), 1)
    print(f"{'all':50} {sum(noticed.values()):5} of {sum(total.values()):5} noticed, {share:.1f} %\n")
    known = survivors.reasons()
    counts: Counter[str] = Counter()
    unexplained = []
    for mutant in left:
        reason = survivors.reason_for(mutant, known)
        if reason is None:
            unexplained.append(mutant)
        else:
            counts[reason.why] += 1
    for why, count in counts.most_common():
        print(f"{count:5} left: {why}")
    print(f"{len(unexplained):5} left without a reason")
    for mutant in unexplained:
        print(f"  {mutant.name}\n    {survivors.line(mutant)}")
    return share >= GOAL and not unexplained


if __name__ == "__main__":
    sys.exit(main())
