"""The arithmetic: repeated measurements, what follows from them, and whether a goal is met."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Goal:
    """What a figure must be: at most, or at least, ``limit``."""

    limit: float
    at_least: bool = False

    def is_met(self, value: float) -> bool:
        """Return True if ``value`` reaches the goal."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {number(self.limit)}"


@dataclass(frozen=True)
class Row:
    """One figure of the table: ``what`` was measured, its least, middle and greatest value of ``repetitions``."""

    name: str
    what: str
    unit: str
    minimum: float
    median: float
    maximum: float
    repetitions: int
    goal: Goal | None = None

    @property
    def met(self) -> bool | None:
        """Return True if the median reaches the goal, None without a goal."""
        return None if self.goal is None else self.goal.is_met(self.median)

    def as_json(self) -> dict[str, Any]:
        """Return the row as benchmark.json has it."""
        return {
            "name": self.name,
            "what": self.what,
            "unit": self.unit,
            "min": round(self.minimum, 4),
            "median": round(self.median, 4),
            "max": round(self.maximum, 4),
            "repetitions": self.repetitions,
            "goal": None if self.goal is None else str(self.goal),
            "met": self.met,
        }


def row(name: str, what: str, unit: str, values: Sequence[float], goal: Goal | None = None) -> Row:
    """Return the row of a figure that was measured ``len(values)`` times."""
    return Row(name, what, unit, min(values), statistics.median(values), max(values), len(values), goal)


def ratio(
    name: str, what: str, above: Sequence[float], below: Sequence[float], goal: Goal | None = None, unit: str = "x"
) -> Row:
    """Return the row of a ratio of medians, between the least and the greatest ratio that the runs allow.

    Those two say how far noise alone could have moved it: the fastest run of one against the slowest of the other.
    """
    middle = statistics.median(above) / statistics.median(below)
    return Row(
        name,
        what,
        unit,
        min(above) / max(below),
        middle,
        max(above) / min(below),
        min(len(above), len(below)),
        goal,
    )


def number(value: float) -> str:
    """Return a figure with three digits that say something."""
    if value == 0 or value == int(value):
        return f"{int(value):,}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
