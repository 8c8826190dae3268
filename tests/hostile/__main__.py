"""Runs one case again, as a failing test prints it: ``python -m tests.hostile CASE``."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.collection import make_findable
from tests.hostile import cases


def main(text: str) -> int:
    """Run a case and print its outcome; 1 if something breaks."""
    with tempfile.TemporaryDirectory(prefix="microseg-tree-") as directory:
        make_findable(Path(directory))
        outcome = cases.ask(json.loads(text))
    print(json.dumps(outcome, indent=2))
    return int(bool(outcome["problems"]))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
