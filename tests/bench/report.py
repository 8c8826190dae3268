"""The figures as JSON and as tables of the guide."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench.figures import number

BEGIN = ".. Figures: written by make bench"
END = ".. End of the figures"

Figures = Mapping[str, Any]
"""``machine``, and ``sections``: for each its ``rows`` and the ``load`` of the machine when it began."""

TITLES = {
    "unchanged": "Unchanged pairing profile, compared with a ping",
    "bulk": "Many pairing profiles in one task, compared with a loop",
    "info": "Listing pairing profiles",
    "pairing": "Pairing hosts",
    "role": "The role ven, compared with a ping of the same hosts",
    "fleet": "Moving workloads, with two seconds for each bulk request and some responses 429",
}


def merged(path: Path, machine: Mapping[str, Any], sections: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of ``path`` with these ``sections`` in place of older ones of the same machine."""
    known = json.loads(path.read_text()) if path.exists() else {}
    kept = known["sections"] if known.get("machine") == dict(machine) else {}
    together = {**kept, **sections}
    return {"machine": dict(machine), "sections": {name: together[name] for name in TITLES if name in together}}


def is_complete(figures: Figures) -> bool:
    """Return True if every section was measured, on one machine."""
    return {*figures["sections"]} == {*TITLES}


def tables(figures: Figures) -> str:
    """Return the figures as reStructuredText, a table for each section."""
    facts = ", ".join(f"{name} {value}" for name, value in figures["machine"].items() if name != "cores")
    lines = [f"Measured with {facts}, on {figures['machine']['cores']} cores."]
    for name, section in figures["sections"].items():
        note = ", short run (``--quick``)" if section["quick"] else ""
        lines += [
            "",
            TITLES[name],
            "~" * len(TITLES[name]),
            "",
            f"Load of the machine in the minute before: {section['load']}{note}.",
            "",
            ".. csv-table::",
            "    :header: What, Unit, Minimum, Median, Maximum, Runs",
            "    :widths: auto",
            "",
            *(f"    {_line(entry)}" for entry in section["rows"]),
        ]
    return "\n".join(lines)


def _line(entry: Mapping[str, Any]) -> str:
    values = [number(entry[key]) for key in ("min", "median", "max", "repetitions")]
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([entry["what"], entry["unit"], *values])
    return line.getvalue()


def put_into(page: str, text: str) -> str:
    """Return ``page`` with ``text`` between the markers. Raise ValueError for a page without them."""
    before, begin, rest = page.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has no markers for the figures")
    return f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}"
