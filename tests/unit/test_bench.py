"""The arithmetic of the benchmark: what is told of repeated measurements, and when a goal is met."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import report
from tests.bench.figures import Goal, number, ratio, row, scaled, single_ratio

MACHINE = {"cores": 2, "python": "3.11.7"}


def test_a_row_tells_least_middle_and_greatest() -> None:
    measured = row("ping", "a ping", "s", [3.0, 1.0, 2.0, 10.0])
    assert (measured.minimum, measured.median, measured.maximum, measured.repetitions) == (1.0, 2.5, 10.0, 4)
    assert measured.met is None


def test_a_ratio_is_that_of_medians_between_what_noise_allows() -> None:
    found = ratio("r", "r", [2.0, 3.0, 8.0], [1.0, 2.0, 4.0])
    assert (found.minimum, found.median, found.maximum) == (2.0 / 4.0, 3.0 / 2.0, 8.0 / 1.0)
    assert found.repetitions == 3
    assert ratio("r", "r", [1.0], [1.0, 2.0]).repetitions == 1
    least = single_ratio("m", "minima", 2.0, 1.0, 3)
    assert least.minimum == least.median == least.maximum == 2.0


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [
        (Goal(1.25), 1.25, True),
        (Goal(1.25), 1.2501, False),
        (Goal(200, at_least=True), 200, True),
        (Goal(200, at_least=True), 199.9, False),
        (Goal(6), 0, True),
    ],
)
def test_the_goal_is_held_against_the_median(goal: Goal, value: float, met: bool) -> None:
    assert goal.is_met(value) is met
    assert row("r", "r", "s", [0.0, value, 1000.0], goal).met is met


def test_only_what_is_measured_is_scaled_and_the_start_counts_once() -> None:
    assert scaled(total=51.0, start=1.0, measured=50, wanted=500) == 501.0
    assert scaled(total=1.0, start=1.5, measured=50, wanted=500) == 1.5


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1, "1"),
        (1.0, "1"),
        (0.123, "0.12"),
        (1.256, "1.26"),
        (12.34, "12.3"),
        (403.4, "403"),
        (5000, "5,000"),
    ],
)
def test_three_digits_say_enough(value: float, text: str) -> None:
    assert number(value) == text


def test_goals_read_as_they_are_meant() -> None:
    assert (str(Goal(1.25)), str(Goal(200, at_least=True))) == ("≤ 1.25", "≥ 200")


def section(*values: float, goal: Goal | None = None, quick: bool = False) -> dict[str, object]:
    rows = [row("r", "what", "s", values, goal).as_json()]
    return {"load": 0.5, "quick": quick, "rows": rows}


def test_a_section_replaces_itself_only_and_only_on_the_same_machine(tmp_path: Path) -> None:
    path = tmp_path / "benchmark.json"
    path.write_text(json.dumps(report.merged(path, MACHINE, {"info": section(1.0), "unchanged": section(2.0)})))
    later = report.merged(path, MACHINE, {"info": section(3.0)})
    assert list(later["sections"]) == ["unchanged", "info"]  # in the order of the page
    assert [entry["rows"][0]["median"] for entry in later["sections"].values()] == [2.0, 3.0]
    other = report.merged(path, {**MACHINE, "cores": 64}, {"info": section(3.0)})
    assert list(other["sections"]) == ["info"]


def test_tables_have_measurements_and_mark_short_runs() -> None:
    long = {**row("r", "paired, per host", "s", [1.0, 2.0, 3.0]).as_json()}
    factor = single_ratio("r", "ratio", 2.0, 1.0, 3).as_json()
    sections = {"unchanged": {"load": 0.5, "quick": False, "rows": [long, factor]}, "info": section(5000.0, quick=True)}
    text = report.tables({"machine": MACHINE, "sections": sections})
    assert '    "paired, per host",s,1,2,3,3\n' in text
    assert '    what,s,"5,000","5,000","5,000",1' in text
    assert text.count("--quick") == 1
    assert "ratio" not in text


def test_figures_are_complete_with_every_section() -> None:
    sections = {name: section(1.0) for name in report.TITLES}
    assert report.is_complete({"machine": MACHINE, "sections": sections})
    sections.popitem()
    assert not report.is_complete({"machine": MACHINE, "sections": sections})


def test_the_table_goes_between_the_markers() -> None:
    page = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    once = report.put_into(page, "new")
    assert once == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"
    assert report.put_into(once, "new") == once
    with pytest.raises(ValueError, match="no markers"):
        report.put_into("no markers here", "new")
