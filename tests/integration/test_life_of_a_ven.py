"""The life of a VEN, from the first pairing to the end, each step twice: the second time nothing is changed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.directory_hosts import pce_variables, write_inventory
from tests.integration.runner import Ended, connection, recap, run, run_playbook
from tests.simulator.launch import Simulator

HOSTS = ["web1", "web10", "db1"]
NAMESPACE = "microseg.enforcement"


def changes(ended: Ended) -> dict[str, int]:
    """The number of changes on each host but the controller."""
    assert ended.status == 0, ended.output
    return {host: counts["changed"] for host, counts in recap(ended).items() if host != "localhost"}


def test_life_of_a_ven(simulator: Simulator, tmp_path: Path) -> None:
    variables = {
        **pce_variables(simulator),
        "ven_pairing_profile": "{{ 'PP-WEB' if inventory_hostname.startswith('web') else 'PP-DB' }}",
        "ven_pairing_profile_options": {
            "enforcement_mode": "visibility_only",
            "labels": [{"role": "{{ 'web' if inventory_hostname.startswith('web') else 'db' }}"}, {"env": "prod"}],
        },
    }
    inventory = write_inventory(tmp_path, HOSTS, variables)

    def play(name: str, **more: Any) -> dict[str, int]:
        extra = json.dumps({"ven_hosts": "all", **more})
        return changes(run_playbook(f"{NAMESPACE}.{name}", "-i", str(inventory), "-e", extra))

    def managed() -> list[str]:
        return sorted(item["hostname"] for item in simulator.state()["workloads"] if item["managed"])

    def twice(name: str, left: list[str], **more: Any) -> None:
        first = play(name, **more)
        assert all(first.values()), first
        assert managed() == left
        second = play(name, **more)
        assert not any(second.values()), second
        assert managed() == left

    twice("pair_vens", sorted(HOSTS))
    assert not any(play("pair_vens", ven_verify="all").values())
    assert not any(play("pair_vens", ven_verify="all").values())

    source = tmp_path / "pce_workloads.yml"
    source.write_text(json.dumps({"plugin": f"{NAMESPACE}.pce_workloads", **connection(simulator)}))
    seen = []
    for _turn in range(2):
        listed = run(["ansible-inventory", "-i", str(source), "--list"])
        assert listed.status == 0, listed.output
        groups = json.loads(listed.stdout)
        assert sorted(groups["role_web"]["hosts"]) == ["web1", "web10"]
        assert groups["role_db"]["hosts"] == ["db1"]
        assert sorted(groups["env_prod"]["hosts"]) == sorted(HOSTS)
        # The time of the last look is all that may differ.
        seen.append(re.sub(r"\s", "", listed.stdout))
    assert seen[0] == seen[1]

    twice("unpair_vens", [])
    twice("pair_vens", sorted(HOSTS))
    twice("unpair_vens", [], ven_unpair_through="pce")
    # The hosts have noticed it.
    assert not any(play("unpair_vens").values())
