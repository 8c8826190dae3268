"""All cells, on several simulators at a time: most of the time of a cell is waiting."""

from __future__ import annotations

import ssl
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import Queue

import trustme

from tests.integration import nursery
from tests.reliability.cells import DIRECT, PLAIN, TUNNEL, Cell, Outcome, Place
from tests.reliability.faults import FAULTS
from tests.reliability.operations import CONNECTOR, OPERATIONS, PLAIN_CONNECTOR, PLAIN_OPERATIONS
from tests.simulator.launch import running
from tests.unit.loopback import proxying, serving

CELLS: tuple[Cell, ...] = tuple(
    cell
    for route, operations in ((DIRECT, OPERATIONS), (TUNNEL, OPERATIONS), (PLAIN, PLAIN_OPERATIONS))
    for operation in operations
    for fault in FAULTS
    if (cell := Cell(operation, fault, route)).makes_sense
)

AT_A_TIME = 12
"""Cells at a time, each with a simulator of its own."""

nursery.ALSO.append("tests.reliability.task")


def _refusing(authority: trustme.CA) -> ssl.SSLContext:
    """Return what a server needs that refuses each client without a certificate, when its request is on the way."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    return context


def run_all(cells: Sequence[Cell], show: Callable[[Cell, Outcome], None] | None = None) -> dict[str, Outcome]:
    """Run cells. Return their outcomes by their names; ``show`` is told of each as it ends."""
    waiting: Queue[Cell] = Queue()
    # Those in which time really passes come first, so that no simulator is left alone with them in the end.
    for cell in sorted(cells, key=lambda cell: not cell.fault.takes_real_time):
        waiting.put(cell)
    outcomes: dict[str, Outcome] = {}
    stop = threading.Event()
    starting = threading.Lock()  # all at once, they would be in each other's way

    def work(number: int) -> None:
        with ExitStack() as stack:
            with starting:
                connectors = [CONNECTOR, f"http://{PLAIN_CONNECTOR}={CONNECTOR}"]
                room = directory / f"pce-{number}"
                simulator = stack.enter_context(running(room, rate_limit=0, connectors=connectors))
            proxy = stack.enter_context(proxying())
            ca_path = room / "both.pem"
            ca_path.write_bytes(Path(simulator.ca_path).read_bytes() + authority.cert_pem.bytes())
            place = Place(simulator, proxy, elsewhere, refusing, ca_path, directory)
            while not stop.is_set() and not waiting.empty():
                cell = waiting.get()
                try:
                    outcomes[cell.name] = outcome = place.run(cell)
                    if show is not None:
                        show(cell, outcome)
                except BaseException:
                    stop.set()
                    raise

    authority = trustme.CA()
    with (
        tempfile.TemporaryDirectory(prefix="microseg-reliability-") as name,
        serving() as elsewhere,
        serving(_refusing(authority)) as refusing,
    ):
        directory = Path(name)
        count = min(AT_A_TIME, len(cells))
        with ThreadPoolExecutor(count) as pool:
            for future in [pool.submit(work, number) for number in range(count)]:
                future.result()
    return outcomes
