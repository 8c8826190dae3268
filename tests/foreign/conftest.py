"""A simulator, and the foreign clients in the environments that `make foreign` makes for them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

from tests.collection import ROOT
from tests.simulator.launch import Simulator, running

CLIENTS = ("illumio", "illumio_py_open")
"""The vendor's SDK and its fork, by the names of their requirements and environments."""

WORKER = Path(__file__).with_name("worker.py")


class ForeignError(Exception):
    """What a call of a client raised."""


@dataclass
class Foreign:
    """A client in a process of its own; `called` has the names of the calls that were made."""

    name: str
    orders: IO[str]
    answers: IO[str]
    called: set[str] = field(default_factory=set)

    def call(self, name: str, *arguments: Any, **options: Any) -> Any:
        """Make a call; return its result as JSON, or raise ForeignError."""
        self.called.add(name)
        order = json.dumps({"call": name, "args": arguments, "options": options})
        self.orders.write(f"{order}\n")
        self.orders.flush()
        answer = json.loads(self.answers.readline())
        if "error" in answer:
            raise ForeignError(f"{answer['type']}: {answer['error']}")
        return answer["result"]


@contextmanager
def _started(name: str, simulator: Simulator) -> Iterator[Foreign]:
    python = ROOT / ".cache" / name / "bin" / "python"
    assert python.exists(), f"{python} is missing: run make foreign"
    connection = {
        key: getattr(simulator, key) for key in ("host", "port", "org_id", "api_key", "api_secret", "ca_path")
    }
    # No variables of the environment: CA bundles and proxies would come between.
    with subprocess.Popen(
        [python, WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"NO_PROXY": "*"}
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(f"{json.dumps(connection)}\n")
        yield Foreign(name, child.stdin, child.stdout)
        child.stdin.close()


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Simulator, dict[str, Foreign]]]:
    """Start the simulator and all clients, once."""
    with ExitStack() as stack:
        directory = tmp_path_factory.mktemp("simulator")
        simulator = stack.enter_context(running(directory, rate_limit=0, set=["job_retry_after=0"]))
        yield simulator, {name: stack.enter_context(_started(name, simulator)) for name in CLIENTS}


@pytest.fixture
def simulator(started: tuple[Simulator, dict[str, Foreign]]) -> Simulator:
    """Return the simulator as it started."""
    started[0].reset()
    return started[0]


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest, started: tuple[Simulator, dict[str, Foreign]]) -> Foreign:
    """Return one client after another."""
    found = started[1][request.param]
    found.called.clear()
    return found
