"""`python -m tests.reliability`: run the cells, say which failed, and with --write put the page into docs."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.collection import make_findable


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if no cell has a problem."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    parser.add_argument("--only", default="", metavar="REGEX", help="cells whose names have this in them")
    parser.add_argument("--write", action="store_true", help="write docs/reliability.md, which takes all cells")
    given = parser.parse_args(arguments)
    if given.write and given.only:
        parser.error("--write takes all cells")
    from tests.reliability import matrix, page  # not before the arguments are right: it takes a while

    with tempfile.TemporaryDirectory(prefix="microseg-tree-") as name:
        make_findable(Path(name) / "collections")
        cells = [cell for cell in matrix.CELLS if re.search(given.only, cell.name)]
        outcomes = matrix.run_all(cells)
    for cell in cells:
        outcome = outcomes[cell.name]
        if given.only:
            print(f"{cell.name}: {outcome.word}{': ' if outcome.message else ''}{outcome.message}")
        for problem in outcome.problems:
            print(f"FAILED {cell.name}: {problem}")
    if given.write:
        page.write(outcomes)
    failed = sum(bool(outcome.problems) for outcome in outcomes.values())
    print(f"{len(cells)} cells, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
