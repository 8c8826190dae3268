"""The life of a fleet of 60 hosts, each step twice: the second time nothing is changed.

Five hosts are paired by the role; the simulator has the other 55 from the start, as a PCE that was in use before.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.directory_hosts import pce_variables, write_inventory
from tests.integration.runner import Ended, Result, connection, recap, run_module, run_playbook
from tests.simulator.launch import Simulator
from tests.simulator.package import RELEASES

NEW = RELEASES[-1]
PAIRED = [f"new-{number}" for number in range(1, 6)]
NAMESPACE = "microseg.enforcement"

Json = dict[str, Any]


class Fleet:
    """The playbooks on the fleet, and what the PCE shows of it."""

    def __init__(self, simulator: Simulator, directory: Path) -> None:
        self.simulator = simulator
        self.directory = directory
        self.variables = pce_variables(simulator)
        own = {
            **self.variables,
            "ven_pairing_profile": "PP-FLEET",
            "ven_pairing_profile_options": {"enforcement_mode": "visibility_only", "labels": [{"env": "prod"}]},
        }
        self.inventory = write_inventory(directory, PAIRED, own)

    def play(self, name: str, *flags: str, **more: Any) -> Ended:
        (self.directory / "extra.json").write_text(json.dumps({"ven_hosts": "all", **self.variables, **more}))
        arguments = ["-i", str(self.inventory), "-e", f"@{self.directory}/extra.json", *flags]
        return run_playbook(f"{NAMESPACE}.{name}", *arguments, cwd=self.directory)

    def module(self, name: str, **options: Any) -> Result:
        return run_module(name, {**connection(self.simulator), **options})

    def roll_out(self, *waves: Json, name: str = "earlier", **more: Any) -> Ended:
        given = {"roll_out_waves": list(waves), "roll_out_state_path": f"{name}.json", "roll_out_settle_time": 1}
        return self.play("roll_out", **{**given, **more})

    def counts(self, key: str) -> Counter[str]:
        return Counter(str(item[key]) for item in self.module("pce_ven_info")["vens"])


def changed(ended: Ended) -> int:
    return sum(counts["changed"] for counts in recap(ended).values())


def test_life_of_a_fleet(simulator: Simulator, tmp_path: Path) -> None:
    simulator.settings(rate_limit=0, compatibility_report="green", upgrade_looks=0)
    simulator.seed(generate={"workloads": 55, "prefix": "old-"})
    fleet = Fleet(simulator, tmp_path)

    # Pair.
    first, second = fleet.play("pair_vens"), fleet.play("pair_vens")
    assert (first.status, second.status) == (0, 0), first.output + second.output
    assert (changed(first) > 0, changed(second)) == (True, 0)
    assert len(fleet.module("pce_workload_info", managed=True)["workloads"]) == 60

    # Look on.
    for expected in (1, 0):
        report = fleet.play("pairing_report", report_path="report.html", report_all_workloads=True)
        assert (report.status, changed(report)) == (0, expected), report.output

    # Move by waves: a canary, the hosts with a label, and all others.
    canary: Json = {"name": "canary", "share": 10}
    prod: Json = {"name": "prod", "labels": [{"env": "prod"}]}
    rest: Json = {"name": "rest"}
    for mode in ("selective", "full"):
        waves = [{**wave, "enforcement_mode": mode} for wave in (canary, prod, rest)]
        foreseen = fleet.roll_out(*waves, name="earlier", roll_out_report_path="plan.html")
        assert foreseen.status == 0, foreseen.output
        again = fleet.roll_out(*waves)
        assert (again.status, changed(again)) == (0, 0), again.output
        assert fleet.counts("enforcement_mode") == {mode: 60}

    # Upgrade.
    upgrades = [{**wave, "release": NEW} for wave in (canary, rest)]
    assert fleet.roll_out(*upgrades, roll_out_settle_time=30).status == 0
    again = fleet.roll_out(*upgrades)
    assert (again.status, changed(again)) == (0, 0), again.output
    assert fleet.counts("version") == {NEW: 60}

    # Back, and a wave that must stop: one of its hosts does not survive the change.
    for expected in (1, 0):
        back = fleet.play("roll_out", roll_out_back=True, roll_out_state_path="earlier.json")
        assert (back.status, changed(back)) == (0, expected), back.output
    assert fleet.counts("enforcement_mode")["full"] < 60
    simulator.settings(odd_hosts={"new-1": ["mode_offline"]})
    risky = {"name": "risky", "hostnames": PAIRED, "enforcement_mode": "full", "error_budget": 10}
    later = {"name": "later", "enforcement_mode": "full"}
    stopped = fleet.roll_out(risky, later, name="second")
    assert stopped.status != 0
    words = "wave risky: 1 of 5 hosts failed, more than error_budget (10 %) allows: new-1: is not online"
    assert words in stopped.output
    assert fleet.counts("enforcement_mode")["full"] < 60
    before = fleet.counts("enforcement_mode")
    again = fleet.roll_out(risky, later, name="second")
    assert again.status != 0
    assert changed(again) == 0
    assert fleet.counts("enforcement_mode") == before
    assert fleet.module("pce_ven_info", problems=["offline"])["vens"][0]["hostname"] == "new-1"
    for expected in (1, 0):
        back = fleet.play("roll_out", roll_out_back=True, roll_out_state_path="second.json")
        assert (back.status, changed(back)) == (0, expected), back.output

    # Unpair with guards: more than the maximum is refused, hosts with a label stay.
    guarded: Json = {"ven_unpair_through": "pce", "ven_unpair_maximum": 4}
    refused = fleet.play("unpair_vens", **guarded)
    assert refused.status != 0
    assert len(fleet.module("pce_ven_info")["vens"]) == 60
    guarded["ven_unpair_maximum"] = 5
    first, second = fleet.play("unpair_vens", **guarded), fleet.play("unpair_vens", **guarded)
    assert (first.status, second.status) == (0, 0), first.output + second.output
    assert (changed(first) > 0, changed(second)) == (True, 0)
    old = [f"old-{number}" for number in range(1, 56)]
    options: Json = {"hostnames": old, "state": "unpaired", "maximum": 55}
    kept = fleet.module("pce_ven", **options, never_labels=[{"role": "web"}])
    assert "nothing was unpaired" in kept["msg"]
    assert [fleet.module("pce_ven", **options)["changed"] for _turn in range(2)] == [True, False]
    assert fleet.module("pce_ven_info")["vens"] == []
