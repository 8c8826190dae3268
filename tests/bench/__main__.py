"""`python -m tests.bench`: measure, write .cache/benchmark.json, and put the tables into the guide on scale."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench import report
from tests.bench.figures import Row, number
from tests.bench.measures import SECTIONS
from tests.bench.processes import Bench, loads, machine
from tests.collection import ROOT, make_findable
from tests.simulator.launch import running

FIGURES = ROOT / ".cache" / "benchmark.json"
GUIDE = ROOT / "docs" / "docsite" / "rst" / "scale.rst"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the sections that are asked for and write the figures. A goal that is missed is a figure too."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="without 5,000 profiles and 500 hosts, fewer repetitions")
    parser.add_argument("--only", action="append", choices=list(SECTIONS), help="measure this section; repeatable")
    given = parser.parse_args(arguments)
    sections: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="microseg-bench-") as name:
        directory = Path(name)
        make_findable(directory / "collections")
        for section in given.only or SECTIONS:
            # A simulator for each: what one section leaves behind is no cost of the next.
            with running(directory / f"pce-{section}", rate_limit=0) as simulator:
                sections[section] = {"load": loads(), "quick": given.quick, "rows": []}
                try:
                    for entry in SECTIONS[section](Bench(simulator, directory), given.quick):
                        _show(entry)
                        sections[section]["rows"].append(entry.as_json())
                except KeyboardInterrupt:
                    # What was measured until then is kept: the longest comes last.
                    sections[section]["quick"] = True
                    _write(sections)
                    return 130
            _write(sections)
    return 0


def _show(entry: Row) -> None:
    values = " / ".join(number(value) for value in (entry.minimum, entry.median, entry.maximum))
    goal = "" if entry.goal is None else f"   goal {entry.goal}: {'met' if entry.met else 'MISSED'}"
    print(f"{entry.what:80} {values} {entry.unit} (n={entry.repetitions}){goal}", flush=True)


def _write(sections: dict[str, Any]) -> None:
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    figures = report.merged(FIGURES, machine(), sections)
    FIGURES.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    if report.is_complete(figures):
        GUIDE.write_text(report.put_into(GUIDE.read_text(), report.tables(figures)))


if __name__ == "__main__":
    sys.exit(main())
