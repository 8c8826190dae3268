"""A process that runs a task as tests.integration.task does, by a clock that jumps instead of waiting.

When the client pauses, its clock and the simulator's move on at once by as many seconds, so that a server that acts
ten seconds later does so in time, whatever the machine is doing. The exchanges themselves take real time.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

from ansible_collections.microseg.enforcement.plugins.module_utils._http import body, client, session

from tests.integration import task
from tests.reliability.faults import MAX_RESPONSE_BYTES
from tests.simulator.launch import Simulator


class Clock:
    """The time of a client: that of the machine, and what it would have slept."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._slept = 0.0
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        """Return seconds from any beginning."""
        return time.monotonic() + self._slept

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time() + self._slept

    def sleep(self, seconds: float) -> None:
        """Move both clocks on."""
        with self._lock:
            self._slept += seconds
            self._simulator.advance(seconds)


def hasten(simulator: Simulator) -> None:
    """Give the clients of this process such a clock, and backoffs that are always the same."""
    clock = Clock(simulator)
    setattr(client.HttpClient.__init__, "__defaults__", (clock.monotonic, clock.now, clock.sleep))  # noqa: B010
    setattr(session, "time", SimpleNamespace(monotonic=clock.monotonic))  # noqa: B010
    setattr(random, "random", lambda: 0.5)  # noqa: B010
    setattr(body, "MAX_RESPONSE_BYTES", MAX_RESPONSE_BYTES)  # noqa: B010


def main() -> None:
    """Read the task and where the simulator is, run the task, and print its result."""
    given: dict[str, Any] = json.load(sys.stdin)
    hasten(Simulator(**given.pop("simulator")))
    print(json.dumps(task.run(**given), default=task.as_json))


if __name__ == "__main__":
    main()
