"""Hostile options and hostile answers: of every module, whatever it is given and whatever it is told."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import documented
from tests.hostile import cases, mutations, properties, values
from tests.profiles import HOSTILE, LONG

MODULES = [name for name in documented.names() if name.startswith("p") and name != "pce_ven_batch"]
"""Without action plugins, and without what only the role ven gives options to."""


@lru_cache
def spec(module: str) -> dict[str, Any]:
    """The argument spec of a module."""
    found: dict[str, Any] = cases.specs(MODULES)[module]
    return found


def test_every_module_has_tasks_that_are_right() -> None:
    assert {*MODULES} - {*values.TASKS} == set(), "add a list of valid options to TASKS of tests/hostile/values.py"
    assert {*values.TASKS} - {*MODULES} == set(), "remove the entries of modules that do not exist"


@pytest.mark.parametrize("module", MODULES)
def test_tasks_that_are_right_are_done(module: str) -> None:
    methods: set[str] = set()
    for task in values.TASKS[module]:
        outcome = cases.check({"module": module, "options": {**values.connection(module), **task}})
        assert not outcome["failed"], outcome
        methods |= {line.partition(" ")[0] for line in outcome["requests"]}
    assert methods != {"GET"} or module.endswith("_info")


@pytest.mark.parametrize("module", MODULES)
def test_an_option_of_another_type_asks_nobody(module: str) -> None:
    """Every option, those of the entries of lists too."""
    for option, about in spec(module).items():
        for wrong in values.surely_wrong(about):
            refused(module, {option: wrong})
        inner = about.get("options") or {}
        task = next((task for task in values.TASKS[module] if option in task), {})
        for name, known in inner.items():
            for wrong in values.surely_wrong(known)[: None if LONG else 2]:
                given = task[option]
                entry = {**(given[0] if isinstance(given, list) else given), name: wrong}
                refused(module, {**task, option: [entry] if isinstance(given, list) else entry}, {})


def refused(module: str, options: dict[str, Any], task: dict[str, Any] | None = None) -> None:
    """Assert that a task is refused before any request."""
    base = values.TASKS[module][0] if task is None else task
    case = {"module": module, "options": {**values.connection(module), **base, **options}}
    outcome = cases.check(case)
    assert outcome["failed"], cases.report(case, outcome)
    assert outcome["requests"] == [], cases.report(case, outcome)


@pytest.mark.parametrize("module", MODULES)
def test_every_option_with_every_hostile_text(module: str) -> None:
    texts = values.HOSTILE[:: 3 if LONG else 20]
    for option, about in spec(module).items():
        for text in texts:
            value = properties.HIDDEN + text if about.get("no_log") else text
            task = {**values.connection(module), **values.TASKS[module][0]}
            cases.check({"module": module, "options": {**task, option: value}})


@pytest.mark.parametrize("module", MODULES)
def test_hostile_options(module: str) -> None:
    @HOSTILE
    @given(values.tasks(module, spec(module)), st.booleans())
    def run(options: dict[str, Any], check: bool) -> None:
        cases.check({"module": module, "options": options, "check": check})

    run()


@pytest.mark.parametrize("module", MODULES)
def test_hostile_answers(module: str) -> None:
    @HOSTILE
    @given(st.sampled_from(values.TASKS[module]), mutations.faults())
    def run(task: dict[str, Any], faults: list[dict[str, Any]]) -> None:
        options = {**values.connection(module), **task, "deadline": 60}
        cases.check({"module": module, "options": options, "faults": faults})

    run()
