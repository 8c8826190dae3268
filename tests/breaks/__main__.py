# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make breaks`: breaks the plugins and playbooks on purpose, one by one, and sees whether a test fails."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.breaks import catalogue, trial
from tests.checkout import copy_to
from tests.collection import ROOT

GOAL = 95
"""Per cent of the breaks that the tests must notice."""


def main() -> int:
    """Print which breaks the tests notice. Return 0 if they are enough and all could be tried."""
    parser = argparse.ArgumentParser(prog="python -m tests.breaks", description=__doc__)
    parser.add_argument("--only", default="", help="a part of the name or of the file of the breaks to try")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    breaks = [item for item in catalogue.load() if given.only in item.name or given.only in item.file]
    problems = {item.name: problem for item in breaks if (problem := item.problem(ROOT))}
    for name, problem in problems.items():
        print(f"cannot be tried: {name}: {problem}")
    if problems or not breaks:
        return 1
    with tempfile.TemporaryDirectory(prefix="microseg-breaks-") as directory:
        # Copies, so that a run that is killed leaves the checkout whole; one for each that works at the same time.
        copies = [copy_to(Path(directory) / str(number)) for number in range(max(1, given.workers))]
        whole = trial.run_tests(copies[0], catalogue.all_tests(breaks), len(copies))
        if whole.status != 0:
            print(f"the tests fail without any break:\n{whole.output}")
            return 1
        results = list(trial.try_all(breaks, copies))
    return 0 if trial.report(results, GOAL) else 1


if __name__ == "__main__":
    sys.exit(main())
