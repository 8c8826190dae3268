"""Every cell of the matrix, and the page that tells of them."""

from __future__ import annotations

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
        if item.originalname == test_the_page_is_what_the_cells_show.__name__:
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


def test_the_page_is_what_the_cells_show(outcomes: Outcomes) -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.render(outcomes), "make reliability writes it anew"
