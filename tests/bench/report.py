"""The figures as JSON and as a table of the documentation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.figures import number

BEGIN = "<!-- figures: written by make bench -->"
END = "<!-- end of figures -->"

Figures = Mapping[str, Any]
"""``machine``, and ``sections``: for each its ``rows`` and the ``load`` of the machine when it began."""

TITLES = {
    "unchanged": "An unchanged profile against a ping",
    "bulk": "Many profiles in one task, and by a loop",
    "info": "Reading profiles",
    "pairing": "Pairing hosts",
}


def merged(path: Path, machine: Mapping[str, Any], sections: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of ``path`` with these ``sections`` in place of older ones of the same machine."""
    known = json.loads(path.read_text()) if path.exists() else {}
    kept = known["sections"] if known.get("machine") == dict(machine) else {}
    together = {**kept, **sections}
    return {"machine": dict(machine), "sections": {name: together[name] for name in TITLES if name in together}}


def table(figures: Figures) -> str:
    """Return the figures as Markdown, a table for each section."""
    facts = ", ".join(f"{name} {value}" for name, value in figures["machine"].items() if name != "cores")
    lines = [f"Measured with {facts}, on {figures['machine']['cores']} cores.", ""]
    for name, section in figures["sections"].items():
        note = ", without what takes longest (`--quick`)" if section["quick"] else ""
        lines += [
            f"### {TITLES[name]}",
            "",
            f"Processes that wanted a processor in the minute before (load): {section['load']}{note}.",
            "",
        ]
        lines += ["| what | unit | min | median | max | runs | goal | met |", "|---|---|--:|--:|--:|--:|---|---|"]
        lines += [_line(entry) for entry in section["rows"]]
        lines.append("")
    return "\n".join(lines)


def _line(entry: Mapping[str, Any]) -> str:
    values = " | ".join(number(entry[key]) for key in ("min", "median", "max"))
    met = {None: "", True: "yes", False: "**no**"}[entry["met"]]
    return f"| {entry['what']} | {entry['unit']} | {values} | {entry['repetitions']} | {entry['goal'] or ''} | {met} |"


def put_into(page: str, text: str) -> str:
    """Return ``page`` with ``text`` between the markers. Raise ValueError for a page without them."""
    before, begin, rest = page.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has no markers for the figures")
    return f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}"


def missed(figures: Figures) -> Sequence[str]:
    """Return the figures that do not reach their goal."""
    rows = [entry for section in figures["sections"].values() for entry in section["rows"]]
    return [f"{entry['what']}: {number(entry['median'])} ({entry['goal']})" for entry in rows if entry["met"] is False]
