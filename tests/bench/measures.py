"""What is measured, section by section. Each gives its rows."""

from __future__ import annotations

import os
import shutil
import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import yaml

from tests.bench.figures import Goal, Row, ratio, row
from tests.bench.processes import Bench, Cost, actions
from tests.bench.role import role
from tests.directory_hosts import pce_variables, write_inventory

PING = "ansible.builtin.ping"
ONE = "microseg.enforcement.pce_pairing_profile"
MANY = "microseg.enforcement.pce_pairing_profiles"
INFO = "microseg.enforcement.pce_pairing_profile_info"
WORKLOADS = "microseg.enforcement.pce_workloads"
COMPATIBILITY = "microseg.enforcement.pce_ven_compatibility_info"
PLAYBOOK = "microseg.enforcement.pair_vens"
VENDOR = "illumio.core.pairing_profile"
VENDOR_PATH = "MICROSEG_VENDOR_COLLECTIONS"
"""The environment variable that names a collections path with the vendor's collection, whose library is installed."""

TURNS = 20
"""Tasks of each module in one playbook."""
LOOP = 100
FORKS = "50"
"""As the guide on scale has it."""

_PAGE = 500
Rows = Iterator[Row]


def unchanged(bench: Bench, quick: bool) -> Rows:
    """An unchanged profile against a ping and the vendor's module: in turns, as tasks of one playbook."""
    bench.fresh()
    wanted = {"name": "PP-WEB", "enforcement_mode": "visibility_only", "key_lifespan": 3600, "allowed_uses_per_key": 5}
    modules = {PING: {}, ONE: {**bench.connection, **wanted}}
    vendor = os.environ.get(VENDOR_PATH)
    if vendor:
        modules[VENDOR] = {
            "pce_hostname": bench.simulator.host,
            "pce_port": bench.simulator.port,
            "pce_org_id": bench.simulator.org_id,
            "api_key_username": bench.simulator.api_key,
            "api_key_secret": bench.simulator.api_secret,
            "pce_tls_ca": bench.simulator.ca_path,
            "name": wanted["name"],
        }
    else:
        print(f"the vendor's module is left out: {VENDOR_PATH} is not set", flush=True)
    runs = [bench.turns(modules, TURNS, vendor or "") for _run in range(2 if quick else 5)]
    units = {"clock": 0, "processor": 1}
    for module in modules:
        short = module.rpartition(".")[2]
        for unit, place in units.items():
            seconds = [statistics.median(cost[place] for cost in run[module]) for run in runs]
            if unit == "processor":  # which is counted in hundredths
                seconds = [statistics.mean(cost[place] for cost in run[module]) for run in runs]
            yield row(f"{short} {unit}", f"{short}, {unit}, each of {TURNS} tasks", "s", seconds)
    others = [(ONE, PING, Goal(0.35)), *([(ONE, VENDOR, Goal(1 / 8))] if vendor else [])]
    for module, other, goal in others:
        for unit, place in units.items():
            values = [_sum(run[module], place) / _sum(run[other], place) for run in runs]
            what = f"unchanged {module.rpartition('.')[2]} ÷ {other.rpartition('.')[2]}, {unit}"
            yield row(f"{module}/{other} {unit}", what, "x", values, goal)


def _sum(costs: Sequence[Sequence[float]], place: int) -> float:
    return sum(cost[place] for cost in costs)


def bulk(bench: Bench, quick: bool) -> Rows:
    """Many profiles, by one task and by a loop over the single module."""
    starts: list[Cost] = []
    looped: list[Cost] = []
    costs = _no_costs()
    for _repetition in range(2 if quick else 5):
        # In turns, so that other work of the machine meets all of them.
        starts.append(bench.tasks([], "-e", _file(bench, "profiles.yml", _profiles(_PAGE))))
        bench.fresh()
        _loop(bench)
        looped.append(_loop(bench))
        _bulk(bench, _PAGE, costs)
    yield row("start", f"a playbook without tasks, with a list of {_PAGE} as a variable", "s", _seconds(starts))
    yield row("loop", f"{LOOP} unchanged profiles in a loop", "s", _seconds(looped))
    yield from _against(f"{LOOP} unchanged profiles in a loop", looped, starts, None)
    # A full page may not be the whole: its list is read once more by a job.
    yield from _bulk_rows(_PAGE, costs, 6)
    yield from _against(f"{_PAGE} unchanged profiles, one task", costs["unchanged"], starts, Goal(1.6))
    if not quick:
        many = _no_costs()
        starts = [bench.tasks([], "-e", _file(bench, "profiles.yml", _profiles(5000))) for _repetition in range(3)]
        _bulk(bench, 5000, many)
        yield from _bulk_rows(5000, many, None)
        yield from _against("5,000 unchanged profiles, one task", many["unchanged"], starts, None)


def _against(what: str, costs: Sequence[Cost], starts: Sequence[Cost], goal: Goal | None) -> Rows:
    above, below = _seconds(costs), _seconds(starts)
    yield ratio(f"{what}/start", f"{what} ÷ the same without the task, clock", above, below, goal)
    used = [cost.processor for cost in costs], [cost.processor for cost in starts]
    yield ratio(f"{what}/start, processor", f"{what} ÷ the same without the task, processor", *used)


def _bulk_rows(count: int, costs: dict[str, list[Cost]], at_most: float | None) -> Rows:
    for done, runs in costs.items():
        yield row(f"bulk {count} {done}", f"{count:,} profiles {done}, one task", "s", _seconds(runs))
    for done, runs in costs.items():
        limit = at_most if done == "unchanged" else None
        yield _requests(f"bulk {count} {done} requests", f"{count:,} profiles {done}", runs, limit)
    yield from _memory(f"bulk {count}", f"{count:,} profiles", [cost for runs in costs.values() for cost in runs], None)


def _no_costs() -> dict[str, list[Cost]]:
    return {"created": [], "unchanged": [], "1 % changed": [], "purged": []}


def _bulk(bench: Bench, count: int, costs: dict[str, list[Cost]]) -> None:
    wanted = _profiles(count)
    edited = [{**item, "description": "edited"} if number % 100 == 0 else item for number, item in enumerate(wanted)]
    listed, changed = _file(bench, "profiles.yml", wanted), _file(bench, "edited.yml", edited)
    keep = {MANY: {**bench.connection, "pairing_profiles": "{{ profiles }}"}}
    scope = {"purge": True, "purge_scope": {"name_prefix": "team-"}}
    purge = {MANY: {**bench.connection, "pairing_profiles": [], **scope}}
    bench.fresh()
    costs["created"].append(_checked(bench.tasks([keep], "-e", listed), changed=1))
    for _again in range(3 if count > _PAGE else 2):
        costs["unchanged"].append(_checked(bench.tasks([keep], "-e", listed), changed=0))
    costs["1 % changed"].append(_checked(bench.tasks([keep], "-e", changed), changed=1))
    costs["purged"].append(_checked(bench.tasks([purge]), changed=1))


def _loop(bench: Bench) -> Cost:
    wanted = _profiles(LOOP)
    given = {name: f"{{{{ item.{name} }}}}" for name in wanted[0]}
    task = {ONE: {**bench.connection, **given}, "loop": "{{ profiles }}"}
    return _checked(bench.tasks([task], "-e", _file(bench, "loop.yml", wanted)))


def _profiles(count: int) -> list[dict[str, Any]]:
    # Names of one length: the PCE's filter matches partially, and team-1 would find team-10 to team-19 too.
    return [
        {
            "name": f"team-{position:05}",
            "description": "",
            "enforcement_mode": "visibility_only",
            "allowed_uses_per_key": 5,
            "key_lifespan": 3600,
            "labels": [{"role": "web"}],
        }
        for position in range(1, count + 1)
    ]


def _file(bench: Bench, name: str, profiles: Sequence[dict[str, Any]]) -> str:
    (bench.directory / name).write_text(yaml.safe_dump({"profiles": list(profiles)}, sort_keys=False))
    return f"@{bench.directory / name}"


def info(bench: Bench, quick: bool) -> Rows:
    """Reading 1,000 and 10,000 profiles."""
    costs: dict[int, list[Cost]] = {1000: [], 10000: []}
    for _repetition in range(2 if quick else 5):
        for count, runs in costs.items():
            bench.fresh(generate={"pairing_profiles": count - 1, "prefix": "bulk-"})
            runs.append(_checked(bench.tasks([{INFO: bench.connection}])))
    for count, runs in costs.items():
        yield row(f"info {count}", f"{count:,} profiles read", "s", _seconds(runs))
        yield _requests(f"info {count} requests", f"{count:,} profiles read", runs, None)
        yield from _memory(f"info {count}", f"{count:,} profiles read", runs, 150)
    yield ratio("info 10000/1000", "10,000 ÷ 1,000 read", _seconds(costs[10000]), _seconds(costs[1000]), Goal(11))


def pairing(bench: Bench, quick: bool) -> Rows:
    """Pairing hosts that are directories, with a profile that exists and keys for any number of hosts."""
    for count, repetitions in [(5, 2 if quick else 3), (50, 1 if quick else 2), *([] if quick else [(500, 1)])]:
        runs: list[Cost] = []
        for _repetition in range(repetitions):
            bench.fresh()
            profile = {"name": "PP-BENCH", "allowed_uses_per_key": "unlimited", "key_lifespan": "unlimited"}
            bench.ad_hoc(ONE, {**bench.connection, **profile})
            hosts = [f"host{position:03}" for position in range(count)]
            variables = {
                **pce_variables(bench.simulator),
                "ven_pairing_profile": "PP-BENCH",
                "ven_pce_max_requests_per_minute": 100000,
            }
            shutil.rmtree(bench.directory / "hosts", ignore_errors=True)
            inventory = write_inventory(bench.directory, hosts, variables)
            runs.append(bench.run(["ansible-playbook", "-i", str(inventory), PLAYBOOK], ANSIBLE_FORKS=FORKS))
            paired = len(bench.simulator.state()["workloads"])
            if paired != count:
                raise RuntimeError(f"{paired} of {count} hosts are paired")
        each = [run.seconds / count for run in runs]
        yield row(f"pairing {count}", f"{count} hosts paired, whole playbook", "s", _seconds(runs))
        yield row(f"pairing {count} per host", f"{count} hosts paired, per host", "s", each)
        yield _requests(f"pairing {count} requests", f"{count} hosts paired", runs, 6)
        yield row(
            f"pairing {count} ansible",
            f"{count} hosts paired, peak of Ansible's main process",
            "MB",
            [run.ansible_mb for run in runs],
        )


def fleet(bench: Bench, quick: bool) -> Rows:
    """Moving workloads and reading their compatibility; a bulk request takes two seconds, and some are a 429."""
    count = 1_000 if quick else 10_000
    moved: list[Cost] = []
    read: list[Cost] = []
    for _repetition in range(1 if quick else 2):
        bench.fresh(generate={"workloads": count, "prefix": "host-"})
        bench.simulator.settings(bulk_seconds=2, compatibility_report="green")
        for skip in (1, 3, 5):
            refusal = {"status": 429, "headers": {"Retry-After": "2"}, "skip": skip}
            bench.simulator.fault("status", method="PUT", path="bulk_update", times=1, **refusal)
        options = {**bench.connection, "deadline": 1800}
        move = {"selection": {"enforcement_mode": ["visibility_only"]}, "values": {"enforcement_mode": "idle"}}
        moved.append(_checked(bench.tasks([{WORKLOADS: {**options, **move}}]), changed=1))
        reports = {**options, "max_requests_per_minute": 6000}
        read.append(_checked(bench.tasks([{COMPATIBILITY: reports}]), changed=0))
        bench.simulator.settings(bulk_seconds=0)
    for name, what, runs in (
        ("moved", f"{count:,} workloads moved", moved),
        ("compatibility", f"{count:,} compatibility reports read, 6,000 requests a minute", read),
    ):
        yield row(f"fleet {name}", what, "s", _seconds(runs))
        yield _requests(f"fleet {name} requests", what, runs, None)
        yield from _memory(f"fleet {name}", what, runs, None)


SECTIONS: dict[str, Callable[[Bench, bool], Rows]] = {
    "unchanged": unchanged,
    "bulk": bulk,
    "info": info,
    "pairing": pairing,
    "role": role,
    "fleet": fleet,
}


def _seconds(costs: Sequence[Cost]) -> list[float]:
    return [cost.seconds for cost in costs]


def _requests(name: str, what: str, costs: Sequence[Cost], limit: float | None) -> Row:
    goal = None if limit is None else Goal(limit)
    return row(name, what, "requests", [cost.requests for cost in costs], goal)


def _memory(name: str, what: str, costs: Sequence[Cost], limit: float | None) -> Rows:
    goal = None if limit is None else Goal(limit)
    yield row(f"{name} worker", f"{what}, peak of the worker process", "MB", [c.worker_mb for c in costs], goal)
    yield row(f"{name} ansible", f"{what}, peak of Ansible's main process", "MB", [c.ansible_mb for c in costs])


def _checked(cost: Cost, changed: int | None = None) -> Cost:
    """Return ``cost``, or raise RuntimeError where the run did not do what is measured."""
    found = actions(cost.output)
    if found["ok"] != 1 or (changed is not None and found["changed"] != changed):
        raise RuntimeError(f"this is not what is to be measured:\n{cost.output[-2000:]}")
    return cost
