"""What is measured, section by section. Each gives its rows."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import yaml

from tests.bench.figures import Goal, Row, ratio, row, scaled, single_ratio
from tests.bench.processes import Bench, Cost, actions
from tests.directory_hosts import pce_variables, write_inventory

PING = "ansible.builtin.ping"
ONE = "microseg.enforcement.pce_pairing_profile"
MANY = "microseg.enforcement.pce_pairing_profiles"
INFO = "microseg.enforcement.pce_pairing_profile_info"
PLAYBOOK = "microseg.enforcement.pair_vens"

LOOP = 50
"""Profiles that the loop over the single module is measured with."""
FORKS = "50"
"""As the guide on scale has it."""

_PAGE = 500
Rows = Iterator[Row]


def unchanged(bench: Bench, quick: bool) -> Rows:
    """An unchanged profile against a ping: ad-hoc, and as tasks of a playbook."""
    bench.fresh()
    wanted = {"name": "PP-WEB", "enforcement_mode": "visibility_only", "key_lifespan": 3600, "allowed_uses_per_key": 5}
    options = {**bench.connection, **wanted}
    bench.ad_hoc(ONE, options)
    bench.ad_hoc(PING)
    pings, profiles = [], []
    for _pair in range(5 if quick else 15):
        pings.append(bench.ad_hoc(PING))
        profiles.append(bench.ad_hoc(ONE, options))
    goal = Goal(1.25)
    yield row("ping", "ansible localhost -m ping", "s", _seconds(pings))
    yield row("profile", "ansible localhost -m pce_pairing_profile, unchanged", "s", _seconds(profiles))
    yield ratio("profile/ping", "unchanged profile ÷ ping, medians", _seconds(profiles), _seconds(pings), goal)
    best = min(_seconds(profiles)), min(_seconds(pings))
    yield single_ratio("profile/ping, minima", "unchanged profile ÷ ping, minima", *best, len(pings), goal)
    by_pair = [one / other for one, other in zip(_seconds(profiles), _seconds(pings))]
    yield row("profile/ping, by pair", "unchanged profile ÷ the ping just before it", "x", by_pair, goal)
    used = [item.processor for item in profiles], [item.processor for item in pings]
    yield ratio("profile/ping, processor", "the same, seconds of processors", *used)
    yield _requests("profile requests", "unchanged profile", profiles, 1)

    count, repetitions = (10, 1) if quick else (20, 3)
    times = range(count)
    per_ping: list[float] = []
    per_profile: list[float] = []
    for _repetition in range(repetitions):
        start = bench.tasks([]).seconds
        per_ping.append((bench.tasks([{PING: {}, "loop": list(times)}]).seconds - start) / count)
        per_profile.append((bench.tasks([{ONE: options, "loop": list(times)}]).seconds - start) / count)
    yield row("ping task", f"ping in a playbook, each of {count}", "s", per_ping)
    yield row("profile task", f"unchanged profile in a playbook, each of {count}", "s", per_profile)
    yield ratio("profile/ping task", "unchanged profile ÷ ping as tasks, medians", per_profile, per_ping, goal)
    best = min(per_profile), min(per_ping)
    yield single_ratio(
        "profile/ping task, minima", "unchanged profile ÷ ping as tasks, minima", *best, repetitions, goal
    )


def bulk(bench: Bench, quick: bool) -> Rows:
    """Many profiles, by one task and by a loop over the single module."""
    starts = [bench.tasks([]) for _repetition in range(3)]
    yield row("start", "a playbook without tasks", "s", _seconds(starts))
    repetitions = 1 if quick else 3
    looped: dict[str, list[Cost]] = {"created": [], "unchanged": [], "purged": []}
    page, more = _no_costs(), _no_costs()
    for _repetition in range(repetitions):
        # In turns, so that other work of the machine meets all of them.
        bench.fresh()
        looped["created"].append(_loop(bench))
        looped["unchanged"].append(_loop(bench))
        _bulk(bench, _PAGE - 1, page)
        _bulk(bench, _PAGE, more)
        bench.fresh()
        _loop(bench)
        looped["unchanged"].append(_loop(bench))
        looped["purged"].append(_loop(bench, state="absent"))
    for done, costs in looped.items():
        what = (
            f"500 profiles {done if done != 'purged' else 'deleted'} by a loop over the single module, scaled from 50"
        )
        yield row(f"loop 500 {done}", what, "s", _scaled(costs, starts, _by_clock))
    yield from _bulk_rows(_PAGE, more, 3)
    for done in looped:
        yield from _against(_PAGE, done, looped[done], more[done], starts)
    # With the default profile 500 are 501, one more than a page of the PCE holds; 499 are what a page holds.
    yield from _bulk_rows(_PAGE - 1, page, 3)
    yield from _against(_PAGE - 1, "unchanged", looped["unchanged"], page["unchanged"], starts)
    if not quick:
        many = _no_costs()
        for _repetition in range(2):
            _bulk(bench, 5000, many)
        yield from _bulk_rows(5000, many, None)


def _bulk_rows(count: int, costs: dict[str, list[Cost]], at_most: float | None) -> Rows:
    for done, runs in costs.items():
        yield row(f"bulk {count} {done}", f"{count:,} profiles {done}, one task", "s", _seconds(runs))
    for done, runs in costs.items():
        limit = at_most if done == "unchanged" else None
        yield _requests(f"bulk {count} {done} requests", f"{count:,} profiles {done}", runs, limit)
    yield from _memory(f"bulk {count}", f"{count:,} profiles", [cost for runs in costs.values() for cost in runs], None)


def _against(count: int, done: str, looped: Sequence[Cost], costs: Sequence[Cost], starts: Sequence[Cost]) -> Rows:
    goal = Goal(200, at_least=True) if done == "unchanged" else None
    name = f"loop/bulk {count} {done}"
    for how, cost_of, limit in (("", _by_clock, goal), (", seconds of processors", _by_processor, None)):
        above, below = _scaled(looped, starts, cost_of), [cost_of(cost) for cost in costs]
        yield ratio(name + how, f"{count} {done}: loop of 500 ÷ bulk{how}, as a user waits", above, below, limit)
        start = _middle(starts, cost_of)
        bare = [value - start for value in above], [max(0.001, value - start) for value in below]
        what = f"{count} {done}: loop of 500 ÷ bulk{how}, without the start of Ansible in both"
        yield ratio(f"{name}{how}, without start", what, *bare)


def _scaled(looped: Sequence[Cost], starts: Sequence[Cost], cost_of: Callable[[Cost], float]) -> list[float]:
    start = _middle(starts, cost_of)
    return [scaled(cost_of(cost), start, LOOP, _PAGE) for cost in looped]


def _middle(costs: Sequence[Cost], cost_of: Callable[[Cost], float]) -> float:
    return statistics.median(map(cost_of, costs))


def _by_clock(cost: Cost) -> float:
    return cost.seconds


def _by_processor(cost: Cost) -> float:
    return cost.processor


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
    for _again in range(1 if count > _PAGE else 2):
        costs["unchanged"].append(_checked(bench.tasks([keep], "-e", listed), changed=0))
    costs["1 % changed"].append(_checked(bench.tasks([keep], "-e", changed), changed=1))
    costs["purged"].append(_checked(bench.tasks([purge]), changed=1))


def _loop(bench: Bench, **more: Any) -> Cost:
    wanted = _profiles(LOOP)
    given = {name: f"{{{{ item.{name} }}}}" for name in wanted[0]}
    task = {ONE: {**bench.connection, **given, **more}, "loop": "{{ profiles }}"}
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


SECTIONS: dict[str, Callable[[Bench, bool], Rows]] = {
    "unchanged": unchanged,
    "bulk": bulk,
    "info": info,
    "pairing": pairing,
}


def _seconds(costs: Sequence[Cost]) -> list[float]:
    return [cost.seconds for cost in costs]


def _requests(name: str, what: str, costs: Sequence[Cost], limit: float | None) -> Row:
    goal = None if limit is None else Goal(limit)
    return row(name, what, "requests", [cost.requests for cost in costs], goal)


def _memory(name: str, what: str, costs: Sequence[Cost], limit: float | None) -> Rows:
    goal = None if limit is None else Goal(limit)
    yield row(f"{name} module", f"{what}, peak of the module's process", "MB", [c.module_mb for c in costs], goal)
    yield row(f"{name} ansible", f"{what}, peak of Ansible's main process", "MB", [c.ansible_mb for c in costs])


def _checked(cost: Cost, changed: int | None = None) -> Cost:
    """Return ``cost``, or raise RuntimeError where the run did not do what is measured."""
    found = actions(cost.output)
    if found["ok"] != 1 or (changed is not None and found["changed"] != changed):
        raise RuntimeError(f"this is not what is to be measured:\n{cost.output[-2000:]}")
    return cost
