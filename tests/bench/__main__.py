"""`python -m tests.bench`: measure, and write docs/benchmark.json, .md and .svg."""

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the sections that are asked for and write the figures. A goal that is missed is a figure too."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="without 5,000 profiles and 500 hosts, fewer repetitions")
    parser.add_argument("--only", action="append", choices=list(SECTIONS), help="measure this section; repeatable")
    parser.add_argument("--draw", action="store_true", help="measure nothing, write page and picture anew")
    parser.add_argument("--output", type=Path, default=ROOT / "docs", help="the directory of benchmark.*")
    given = parser.parse_args(arguments)
    sections: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="microseg-bench-") as name:
        directory = Path(name)
        make_findable(directory / "collections")
        for section in [] if given.draw else given.only or SECTIONS:
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
                    _write(given.output, sections)
                    return 130
            _write(given.output, sections)
    if given.draw:
        _write(given.output, {})
    return 0


def _show(entry: Row) -> None:
    values = " / ".join(number(value) for value in (entry.minimum, entry.median, entry.maximum))
    goal = "" if entry.goal is None else f"   goal {entry.goal}: {'met' if entry.met else 'MISSED'}"
    print(f"{entry.what:80} {values} {entry.unit} (n={entry.repetitions}){goal}", flush=True)


def _write(output: Path, sections: dict[str, Any]) -> None:
    output.mkdir(parents=True, exist_ok=True)
    path = output / "benchmark.json"
    figures = report.merged(path, machine(), sections)
    path.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    page = output / "benchmark.md"
    text = page.read_text() if page.exists() else f"{report.BEGIN}\n{report.END}\n"
    page.write_text(report.put_into(text, report.table(figures)))
    from tests.bench.picture import draw  # only here matplotlib is needed, and its memory taken

    draw(figures, output / "benchmark.svg")


if __name__ == "__main__":
    sys.exit(main())
