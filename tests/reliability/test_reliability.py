"""Every cell of the matrix, and the page that tells of them."""

from __future__ import annotations

import re

import pytest

from tests.reliability import page
from tests.reliability.cells import Cell, Outcome
from tests.reliability.matrix import CELLS, run_all

Outcomes = dict[str, Outcome]


@pytest.fixture(scope="session")
def outcomes(request: pytest.FixtureRequest) -> Outcomes:
    """The outcomes of the cells that are asked for, all of them for the page."""
    asked: list[Cell] = []
    for item in request.session.items:
        assert isinstance(item, pytest.Function)
        if item.originalname == test_the_cells_end_as_the_page_says.__name__:
            asked = list(CELLS)
            break
        if item.originalname == test_cell.__name__:
            cell = item.callspec.params["cell"]
            assert isinstance(cell, Cell)
            asked.append(cell)
    return run_all(asked)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_cell(outcomes: Outcomes, cell: Cell) -> None:
    assert outcomes[cell.name].problems == []


def test_the_cells_end_as_the_page_says(outcomes: Outcomes) -> None:
    """Through a proxy they end as without one."""
    known = page.known()
    assert set(known) == set(outcomes), "make reliability writes it anew"
    others = {
        name: (known[name].word, outcome.word) for name, outcome in outcomes.items() if outcome.word != known[name].word
    }
    assert others == {}, "make reliability writes it anew"


def test_page_is_rendered_from_its_template_and_tables() -> None:
    """Compare all of it but the numbers that only a run knows."""
    said, rendered = page.PAGE.read_text(encoding="utf-8"), page.render(page.known())
    numbers = re.compile(r"^(\| (?!cells )[^|]+ \|) \d+( of \d+)? \|$", re.MULTILINE)
    assert numbers.sub(r"\1", said) == numbers.sub(r"\1", rendered), "make reliability writes it anew"
