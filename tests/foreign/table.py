"""The table of all calls of the foreign clients: calls.csv, one line a call.

verdict: served (a test makes it), not ours (with the reason), or guess (one client has it, and no other source).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

VERDICTS = ("served", "not ours", "guess")
CLIENTS = {"both": ("illumio", "illumio_py_open"), "sdk": ("illumio",), "fork": ("illumio_py_open",)}
"""The clients that have a call, by the word of the table."""


@dataclass(frozen=True)
class Row:
    """One line."""

    call: str
    clients: tuple[str, ...]
    verdict: str
    reason: str


def rows() -> list[Row]:
    """Return the lines of the table."""
    with Path(__file__).with_name("calls.csv").open(encoding="utf-8", newline="") as file:
        return [
            Row(line["call"], CLIENTS[line["clients"]], line["verdict"], line["reason"])
            for line in csv.DictReader(file)
        ]
