"""What the role ven costs, in pings of the same hosts.

Hosts are directories of this machine. Processor seconds are compared, so that a busy machine counts less.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.bench.figures import Goal, Row, ratio, row
from tests.bench.processes import Bench, Cost
from tests.directory_hosts import pce_variables, write_inventory

HOSTS = 50
GOALS = {"first": Goal(3.0), "second": Goal(1.5)}
"""Pings of the same hosts."""

MAX_REQUESTS = Goal(7)
"""For a batch of any size 6, and one for its key."""


def role(bench: Bench, quick: bool) -> Iterator[Row]:
    """A first and a second run of pair_vens against `ansible all -m ping`, on the same hosts with the same forks."""
    rounds = [_round(bench, number) for number in range(2 if quick else 5)]
    pings = [ping.processor for ping, _first, _second in rounds]
    yield row("role ping", f"ansible all -m ping, {HOSTS} hosts, processor", "s", pings)
    for position, (name, goal) in enumerate(GOALS.items(), start=1):
        costs = [costs[position] for costs in rounds]
        what = f"role ven, {name} run, {HOSTS} hosts"
        yield row(f"role {name}", f"{what}, processor", "s", [cost.processor for cost in costs])
        yield ratio(f"role {name}/ping", f"{what} ÷ ping, processor", [cost.processor for cost in costs], pings, goal)
        requests = [float(cost.requests) for cost in costs]
        yield row(f"role {name} requests", what, "requests", requests, MAX_REQUESTS)


def _round(bench: Bench, number: int) -> tuple[Cost, Cost, Cost]:
    """Return what a ping, a first run and a second run cost."""
    bench.fresh()
    directory = bench.directory / f"round{number}"
    directory.mkdir()
    variables = {
        **pce_variables(bench.simulator),
        "ansible_python_interpreter": sys.executable,
        "ven_pairing_profile": "PP-BENCH",
        "ven_pairing_profile_options": {
            "enforcement_mode": "full",
            "allowed_uses_per_key": HOSTS,
            "labels": [{"role": "web"}],
        },
    }
    inventory = str(write_inventory(directory, [f"host{index}" for index in range(HOSTS)], variables))
    ping = bench.run(["ansible", "all", "-i", inventory, "-m", "ping"])
    command = ["ansible-playbook", "microseg.enforcement.pair_vens", "-i", inventory]
    return ping, bench.run(command), bench.run(command)
