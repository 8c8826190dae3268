"""Counts the cases of a run, those of all workers, and tells them by module at its end."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.hostile.cases import COUNT
from tests.integration.conftest import _simulator, simulator
from tests.profiles import LONG

__all__ = ["_simulator", "simulator"]

LEAST = 10_000
"""Cases of a long run."""

_of_workers: Counter[str] = Counter()


@pytest.hookimpl(optionalhook=True)  # of xdist, in the process that has workers
def pytest_testnodedown(node: Any) -> None:
    _of_workers.update(getattr(node, "workeroutput", {}).get("hostile", {}))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["hostile"] = dict(COUNT)
    elif LONG and session.config.args[0].endswith("hostile") and _total().total() < LEAST:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    total = _total()
    if total:
        terminalreporter.section("hostile cases")
        for name, count in sorted(total.items()):
            terminalreporter.line(f"{count:6} {name}")
        terminalreporter.line(f"{total.total():6} in all" + (f", of at least {LEAST}" if LONG else ""))


def _total() -> Counter[str]:
    return COUNT + _of_workers
