"""One simulator for all tests of a worker, as new for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulator.launch import Simulator, running


@pytest.fixture(scope="session")
def _simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    directory: Path = tmp_path_factory.mktemp("simulator")
    with running(directory, connectors=["contrail", "aws", "clearpass", "free", "http://plain=contrail"]) as simulator:
        yield simulator


@pytest.fixture
def simulator(_simulator: Simulator) -> Simulator:
    """A PCE in the state in which it starts."""
    _simulator.reset()
    return _simulator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the longest tests, so that no worker is left alone with one at the end."""
    items.sort(
        key=lambda item: not item.name.startswith(("test_fifty_hosts", "test_life_of_a_ven", "test_playbooks_leak"))
    )
