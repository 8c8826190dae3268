"""All cells, on several simulators at a time: most of the time of a cell is waiting."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import Queue

from tests.reliability.cells import Cell, Outcome, Place
from tests.reliability.faults import FAULTS
from tests.reliability.operations import CONNECTOR, OPERATIONS
from tests.simulator.launch import running
from tests.unit.loopback import serving

CELLS: tuple[Cell, ...] = tuple(
    cell for operation in OPERATIONS for fault in FAULTS if (cell := Cell(operation, fault)).makes_sense
)

AT_A_TIME = 12
"""Cells at a time, each with a simulator of its own."""


def run_all(cells: Sequence[Cell], show: Callable[[Cell, Outcome], None] | None = None) -> dict[str, Outcome]:
    """Run cells. Return their outcomes by their names; ``show`` is told of each as it ends."""
    waiting: Queue[Cell] = Queue()
    # Those that wait for their deadline come first, so that no simulator is left alone with them in the end.
    for cell in sorted(cells, key=lambda cell: not cell.fault.lasting):
        waiting.put(cell)
    outcomes: dict[str, Outcome] = {}
    stop = threading.Event()
    starting = threading.Lock()  # all at once, they would be in each other's way

    def work(number: int) -> None:
        with ExitStack() as stack:
            with starting:
                simulator = stack.enter_context(
                    running(directory / f"pce-{number}", rate_limit=0, connectors=[CONNECTOR])
                )
            place = Place(simulator, elsewhere, directory)
            while not stop.is_set() and not waiting.empty():
                cell = waiting.get()
                try:
                    outcomes[cell.name] = outcome = place.run(cell)
                    if show is not None:
                        show(cell, outcome)
                except BaseException:
                    stop.set()
                    raise

    with tempfile.TemporaryDirectory(prefix="microseg-reliability-") as name, serving() as elsewhere:
        directory = Path(name)
        count = min(AT_A_TIME, len(cells))
        with ThreadPoolExecutor(count) as pool:
            for future in [pool.submit(work, number) for number in range(count)]:
                future.result()
    return outcomes
