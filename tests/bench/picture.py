"""The figures as a picture that is readable on light and on dark pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.bench.figures import number

INK = "#7b818a"
"""Grey that stands out from white and from black: a picture in a page does not know which it is on."""
PALE, BLUE, ORANGE, GREEN = "#b3bac4", "#4f93e0", "#d97a2b", "#48ad6c"

Rows = Mapping[str, Mapping[str, Any]]
Bars = Sequence[tuple[str, str, str]]
"""Label, row and colour of each bar, from top to bottom."""


def draw(figures: Mapping[str, Any], path: Path) -> None:
    """Write the picture. What was not measured is left out."""
    mpl: Any = import_module("matplotlib")  # only `make bench` installs it, so nobody else knows its types
    mpl.use("svg")
    mpl.rcParams.update(
        {
            "svg.fonttype": "none",  # text stays text
            "svg.hashsalt": "microseg",  # the same figures make the same file
            "font.family": "sans-serif",
            "font.size": 10,
            "figure.constrained_layout.hspace": 0.06,
            "figure.constrained_layout.wspace": 0.04,
            **{f"{name}.color": INK for name in ("text", "xtick", "ytick")},
            **{f"axes.{name}color": INK for name in ("edge", "label", "title")},
        }
    )
    pyplot: Any = import_module("matplotlib.pyplot")
    rows = {entry["name"]: entry for section in figures["sections"].values() for entry in section["rows"]}
    figure, axes = pyplot.subplots(3, 2, figsize=(12.5, 11.5), layout="constrained")
    panels = [
        (
            "An unchanged profile and a ping",
            "seconds",
            [
                ("ping, ad-hoc", "ping", PALE),
                ("profile, ad-hoc", "profile", BLUE),
                ("ping, a task", "ping task", PALE),
                ("profile, a task", "profile task", BLUE),
            ],
        ),
        ("500 profiles: one task, or a loop", "seconds, logarithmic", _bulk_bars(500, True)),
        ("5,000 profiles in one task", "seconds", _bulk_bars(5000, False)),
        (
            "Reading profiles",
            "seconds",
            [("1,000 profiles", "info 1000", GREEN), ("10,000 profiles", "info 10000", GREEN)],
        ),
        (
            "Pairing, time for each host",
            "seconds for each host",
            [(f"{count} hosts", f"pairing {count} per host", GREEN) for count in (5, 50, 500)],
        ),
        (
            "Pairing, requests to the PCE's API for all hosts",
            "requests",
            [(f"{count} hosts", f"pairing {count} requests", ORANGE) for count in (5, 50, 500)],
        ),
    ]
    for axis, (title, unit, bars) in zip(axes.flat, panels):
        _panel(axis, title, unit, [column for column in bars if column[1] in rows], rows)
    figure.savefig(path, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    # matplotlib ends lines with blanks, which the linters of most editors do not like.
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")


def _bulk_bars(count: int, loop: bool) -> Bars:
    bars: list[tuple[str, str, str]] = []
    for done, looped in (
        ("created", "created"),
        ("unchanged", "unchanged"),
        ("1 % changed", ""),
        ("purged", "purged"),
    ):
        bars.append((f"{done}, one task", f"bulk {count} {done}", BLUE))
        if loop and looped:
            bars.append((f"{looped}, a loop", f"loop {count} {looped}", PALE))
    return bars


def _panel(axis: Any, title: str, unit: str, bars: Bars, rows: Rows) -> None:
    axis.set_title(title, loc="left", fontweight="bold")
    axis.set_xlabel(f"{unit} (median; line: minimum to maximum)")
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    if not bars:
        axis.text(0.5, 0.5, "not measured", ha="center", transform=axis.transAxes)
        axis.set_yticks([])
        return
    middles = [rows[name]["median"] for _label, name, _colour in bars]
    greatest = max(rows[name]["max"] for _label, name, _colour in bars)
    positions = list(range(len(bars)))
    axis.barh(positions, middles, color=[colour for _label, _name, colour in bars], height=0.62)
    for position, (_label, name, _colour) in zip(positions, bars):
        found = rows[name]
        axis.plot([found["min"], found["max"]], [position, position], color=INK, linewidth=1.4, marker="|")
        axis.annotate(
            number(found["median"]),
            (found["max"], position),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
        )
    axis.set_yticks(positions, [label for label, _name, _colour in bars])
    axis.invert_yaxis()
    if "logarithmic" in unit:
        axis.set_xscale("log")
        axis.set_xlim(min(rows[name]["min"] for _label, name, _colour in bars) / 2, greatest * 2.5)
    else:
        axis.set_xlim(0, greatest * 1.15)
