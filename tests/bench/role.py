"""What the role ven costs, in pings of the same hosts: `python -m tests.bench.role`.

Hosts are directories of this machine. Processor seconds are compared, so that a busy machine counts less.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.processes import Bench
from tests.collection import make_findable
from tests.directory_hosts import pce_variables, write_inventory
from tests.simulator.launch import running

HOSTS = 50
GOALS = {"first run": 3.0, "second run": 1.5}
"""Pings of the same hosts."""

MAX_REQUESTS = 6
"""For a batch of any size, beside one for each key and each further look of the verification."""


def measure(bench: Bench, hosts: int = HOSTS, rounds: int = 3) -> Iterator[dict[str, Any]]:
    """Return for each round the processor seconds of a ping, a first run and a second run, and their requests."""
    for number in range(rounds):
        bench.fresh()
        directory = bench.directory / f"round{number}"
        directory.mkdir()
        names = [f"host{number}" for number in range(hosts)]
        options = {"enforcement_mode": "full", "allowed_uses_per_key": hosts, "labels": [{"role": "web"}]}
        variables = {
            **pce_variables(bench.simulator),
            "ansible_python_interpreter": sys.executable,
            "ven_pairing_profile": "PP-BENCH",
            "ven_pairing_profile_options": options,
        }
        inventory = str(write_inventory(directory, names, variables))
        ping = bench.run(["ansible", "all", "-i", inventory, "-m", "ping"])
        command = ["ansible-playbook", "microseg.enforcement.pair_vens", "-i", inventory]
        first, second = bench.run(command), bench.run(command)
        yield {
            "ping": ping.processor,
            "first run": first.processor,
            "second run": second.processor,
            "first requests": first.requests,
            "second requests": second.requests,
        }


def main() -> int:
    """Print the figures, and return 1 where a goal is missed."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        make_findable(directory / "tree")
        with running(directory / "pce", rate_limit=0) as simulator:
            found = list(measure(Bench(simulator, directory)))
    print(json.dumps(found, indent=2))
    missed = False
    for what, goal in GOALS.items():
        ratios = sorted(figures[what] / figures["ping"] for figures in found)
        median = ratios[len(ratios) // 2]
        missed = missed or median > goal
        print(f"{what}: {ratios[0]:.2f} {median:.2f} {ratios[-1]:.2f} pings (minimum, median, maximum; goal {goal})")
    requests = max(figures["first requests"] for figures in found)
    print(f"requests of a first run: {requests} (goal {MAX_REQUESTS} and one for its key)")
    return int(missed or requests > MAX_REQUESTS + 1)


if __name__ == "__main__":
    sys.exit(main())
