"""Unpairing by the playbook unpair_vens: through the hosts themselves, and through the PCE without any connection."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.directory_hosts import pce_variables, program, write_inventory
from tests.integration.paired import pair_without_playbook
from tests.integration.runner import Ended, recap, run_playbook
from tests.simulator.launch import Simulator
from tests.unit.loopback import closed_port

UNPAIR = "microseg.enforcement.unpair_vens"
HOSTS = ["web1", "web10", "db1"]

Run = Callable[..., Ended]


@pytest.fixture
def paired_hosts(simulator: Simulator, tmp_path: Path) -> Path:
    """Three hosts that are paired, as directories; the directory of their inventory."""
    write_inventory(
        tmp_path, HOSTS, {"ven_pairing_profile": "Default", "ven_verify": "none", **pce_variables(simulator)}
    )
    pair_without_playbook(simulator, tmp_path, HOSTS)
    simulator.clear_journal()
    return tmp_path


@pytest.fixture
def unpair(tmp_path: Path) -> Run:
    """Run the playbook on all hosts, or those of `ven_hosts`, with nothing in the inventory that leads to a PCE."""

    def run(*flags: str, hosts: list[str] | None = None, ven_hosts: str | None = "all", **variables: Any) -> Ended:
        inventory = write_inventory(tmp_path, hosts or HOSTS, variables)
        pattern = [] if ven_hosts is None else ["-e", f"ven_hosts={ven_hosts}"]
        return run_playbook(UNPAIR, "-i", str(inventory), *pattern, *flags)

    return run


def changed(ended: Ended) -> list[str]:
    """The hosts that were changed."""
    return sorted(host for host, counts in recap(ended).items() if counts["changed"])


def managed(simulator: Simulator) -> list[str]:
    """The hostnames of the workloads that the PCE manages."""
    return sorted(item["hostname"] for item in simulator.state()["workloads"] if item["managed"])


def words(ended: Ended) -> str:
    """The output without Ansible's line breaks."""
    return re.sub(r"(\s|\\n)+", " ", ended.output)


def mutations(simulator: Simulator) -> list[str]:
    return [entry["path"] for entry in simulator.journal() if entry["mutating"] and "/heartbeat" not in entry["path"]]


def test_check_unpair_and_unpair_again(simulator: Simulator, paired_hosts: Path, unpair: Run) -> None:
    foreseen = unpair("--check", "--diff")
    assert foreseen.status == 0, foreseen.output
    assert changed(foreseen) == sorted(HOSTS)
    assert "web1 would be unpaired (saved)" in foreseen.stdout
    assert managed(simulator) == sorted(HOSTS)
    assert mutations(simulator) == []

    done = unpair(ven_hosts="web1,db1")
    assert done.status == 0, done.output
    assert changed(done) == ["db1", "web1"]
    assert managed(simulator) == ["web10"]
    assert not program(paired_hosts, "web1").exists()
    # The host's own program did it: the API was not asked for anything.
    assert [entry["path"] for entry in simulator.journal() if "/agents/" not in entry["path"]] == []

    again = unpair(ven_hosts="web1,db1")
    assert again.status == 0, again.output
    assert changed(again) == []
    assert changed(unpair("--check", ven_hosts="web1,db1")) == []


@pytest.mark.parametrize("mode", ["saved", "open"])
def test_the_mode_reaches_the_program(tmp_path: Path, unpair: Run, mode: str) -> None:
    home = program(tmp_path, "web1").parent
    rest = 'echo "$*" >said; rm illumio-ven-ctl'
    stub(tmp_path, "web1", f'cd {home}\ncase $1 in status) echo "Agent State: idle" ;; unpair) {rest} ;; esac')
    done = unpair(hosts=["web1"], ven_unpair_mode=mode)
    assert done.status == 0, done.output
    assert (home / "said").read_text() == f"unpair {mode}\n"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"ven_unpair_mode": "closed"}, "ven_unpair_mode must be saved, recommended or open"),
        ({"ven_unpair_mode": "unmanaged"}, "ven_unpair_mode must be saved, recommended or open"),
        ({"ven_unpair_mode": "{{ 'open' if inventory_hostname != 'db1' else 'unmanaged' }}"}, "not 'unmanaged'"),
        ({"ven_unpair_mode": ""}, "ven_unpair_mode must be"),
        ({"ven_unpair_through": "ssh"}, "ven_unpair_through"),
        ({"ven_unpair_mode": "unmanaged", "ven_unpair_through": "pce"}, "ven_unpair_mode must be"),
        ({"ven_platform": "aix"}, "ven_platform"),
        ({"ven_program_directory": "/opt"}, "ven_program_directory"),
        ({"ven_unpair_through": "pce", "ven_pce_port": 1}, "cannot be reached"),
        ({"ven_unpair_through": "pce", "ven_pce_api_secret": "not-the-secret"}, "api_key or api_secret"),
    ],
    ids=str,
)
def test_bad_input_unpairs_nobody(
    simulator: Simulator, paired_hosts: Path, unpair: Run, variables: dict[str, Any], said: str
) -> None:
    done = unpair(**{**pce_variables(simulator), **variables})
    assert done.status != 0
    assert said in words(done)
    assert "Traceback" not in done.output
    assert managed(simulator) == sorted(HOSTS)
    assert all(program(paired_hosts, host).exists() for host in HOSTS)


@pytest.mark.parametrize("pattern", ["nosuch", "web*:&db*", "web1"])
def test_hosts_that_match_nothing_are_an_error(
    simulator: Simulator, paired_hosts: Path, unpair: Run, pattern: str
) -> None:
    done = unpair("--limit", "db1", ven_hosts=pattern)
    assert done.status != 0
    assert f"Nothing was unpaired: no host of this run matches ven_hosts {pattern}" in words(done)
    assert managed(simulator) == sorted(HOSTS)


@pytest.mark.parametrize("flags", [(), ("-e", "ven_hosts="), ("-e", "ven_hosts=  "), ("--limit", "web1")], ids=str)
def test_without_a_word_which_hosts_nobody_is_unpaired(
    simulator: Simulator, paired_hosts: Path, unpair: Run, flags: tuple[str, ...]
) -> None:
    done = unpair(*flags, ven_hosts=None)
    assert done.status != 0
    assert "Nothing was unpaired: set ven_hosts to the hosts to unpair" in words(done)
    assert managed(simulator) == sorted(HOSTS)


def stub(directory: Path, host: str, lines: str) -> None:
    """Put another program in place of a host's VEN."""
    path = program(directory, host)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)


def test_a_program_that_fails_is_quoted_and_stops_no_other_host(
    simulator: Simulator, paired_hosts: Path, unpair: Run
) -> None:
    rest = 'echo "tampering protected"; exit 5'
    stub(paired_hosts, "web1", f'case $1 in status) echo "Agent State: idle" ;; unpair) {rest} ;; esac')
    done = unpair()
    assert recap(done)["web1"]["failed"] == 1
    assert "illumio-ven-ctl unpair ended with 5. tampering protected" in words(done)
    assert changed(done) == ["db1", "web10"]
    assert managed(simulator) == ["web1"]


def test_a_ven_that_stays_is_an_error(tmp_path: Path, unpair: Run) -> None:
    stub(tmp_path, "web1", 'case $1 in status) echo "Agent State: idle" ;; unpair) echo "in a moment" ;; esac')
    done = unpair(hosts=["web1"], ven_activation_timeout=2)
    assert done.status != 0
    assert "after 2 seconds the VEN is not unpaired: Agent State: idle. in a moment" in words(done)


def test_a_ven_that_takes_its_time_is_waited_for(tmp_path: Path, unpair: Run) -> None:
    home = program(tmp_path, "web1").parent
    status = 'echo "Agent State: idle"; test -f gone && rm illumio-ven-ctl'
    stub(tmp_path, "web1", f"cd {home}\ncase $1 in status) {status} ;; unpair) touch gone ;; esac\nexit 0")
    done = unpair(hosts=["web1"])
    assert done.status == 0, done.output
    assert changed(unpair(hosts=["web1"])) == []


def unreachable() -> dict[str, Any]:
    """What makes every connection to a host fail."""
    return {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": closed_port()}


def test_the_pce_unpairs_hosts_that_cannot_be_reached(simulator: Simulator, paired_hosts: Path, unpair: Run) -> None:
    variables = {**pce_variables(simulator), **unreachable(), "ven_unpair_through": "pce"}
    foreseen = unpair("--check", **variables)
    assert foreseen.status == 0, foreseen.output
    assert changed(foreseen) == sorted(HOSTS)
    assert "db1 would be unpaired" in foreseen.stdout
    assert managed(simulator) == sorted(HOSTS)

    simulator.clear_journal()
    done = unpair("-vvv", ven_hosts="web1,db1", ven_unpair_mode="saved", **variables)
    assert done.status == 0, done.output
    assert changed(done) == ["db1", "web1"]
    assert managed(simulator) == ["web10"]  # and not all that begin with web1
    assert "SSH" not in done.stdout
    assert {item["firewall_restore"] for item in simulator.state()["unpairings"]} == {"saved"}
    assert len([entry for entry in simulator.journal() if entry["mutating"]]) == 1
    assert simulator.api_secret not in done.output

    # One that is unpaired already, and one that is not.
    rest = unpair(ven_hosts="web1,web10", **variables)
    assert rest.status == 0, rest.output
    assert changed(rest) == ["web10"]
    assert "web1 is unpaired already" in rest.stdout
    again = unpair(**variables)
    assert again.status == 0, again.output
    assert changed(again) == []
    # The VENs notice it themselves.
    assert changed(unpair()) == []


def test_through_the_pce_a_host_is_called_by_ven_hostname(
    simulator: Simulator, paired_hosts: Path, unpair: Run
) -> None:
    # The host's other name in the inventory means nothing to the PCE.
    variables = {**pce_variables(simulator), **unreachable(), "ven_unpair_through": "pce"}
    wrong = unpair(hosts=["first"], ven_hostname="", **variables)
    assert changed(wrong) == []
    done = unpair(hosts=["first"], ven_hostname="web10", **variables)
    assert changed(done) == ["first"]
    assert managed(simulator) == ["db1", "web1"]


def test_each_pce_is_asked_once_for_each_batch(simulator: Simulator, paired_hosts: Path, unpair: Run) -> None:
    variables = {**pce_variables(simulator), "ven_unpair_through": "pce"}
    mode = "{{ 'saved' if inventory_hostname == 'db1' else 'open' }}"
    done = unpair("-e", "ven_serial=2", ven_unpair_mode=mode, **variables)
    assert done.status == 0, done.output
    assert changed(done) == sorted(HOSTS)
    done_so = {item["hostname"]: item["firewall_restore"] for item in simulator.state()["unpairings"]}
    assert done_so == {"db1": "saved", "web1": "disable", "web10": "disable"}
    assert len([entry for entry in simulator.journal() if entry["mutating"]]) == 2


def test_two_vens_of_one_hostname_are_not_guessed(simulator: Simulator, paired_hosts: Path, unpair: Run) -> None:
    (web1,) = [item for item in simulator.state()["workloads"] if item["hostname"] == "web1"]
    href = "/orgs/1/workloads/00000000-0000-4000-8000-000000000001"
    ven = {**web1["ven"], "href": "/orgs/1/vens/00000000-0000-4000-8000-000000000001"}
    simulator.seed(workloads=[{**web1, "href": href, "ven": ven}])
    done = unpair(**pce_variables(simulator), ven_unpair_through="pce")
    assert done.status != 0
    assert "2 VENs" in words(done)
    assert simulator.state()["unpairings"] == []


def test_facts_for_later_plays(simulator: Simulator, paired_hosts: Path, tmp_path: Path) -> None:
    role = {"ansible.builtin.import_role": {"name": "microseg.enforcement.ven"}}
    inventory = write_inventory(tmp_path, HOSTS, {"ven_pairing_profile": "Default", **pce_variables(simulator)})
    at = f"{simulator.host}:{simulator.port}"
    expected = [
        ({}, f"<illuminated|23.2.20-157|{at}>"),
        ({"ven_version_pattern": "nothing like this"}, f"<illuminated||{at}>"),
        ({"ven_verify": "all", "ven_version_pattern": "nothing like this"}, f"<illuminated|23.2.20-157|{at}>"),
        ({"ven_status_pattern": "(?i)agent state: [a-z]+"}, f"<Agent State: illuminated|23.2.20-157|{at}>"),
        ({"ven_state": "unpaired"}, "<unpaired||>"),
        ({"ven_state": "unpaired"}, "<unpaired||>"),
        ({"ven_state": "unpaired", "ven_unpair_through": "pce"}, "<unpaired||>"),
        ({"ven_pce_pattern": "nothing like this"}, f"<illuminated|23.2.20-157|{at}>"),
        ({"ven_state": "unpaired", "ven_unpair_through": "pce"}, "<unpaired||>"),
    ]
    plays: list[dict[str, Any]] = []
    for number, (variables, _shown) in enumerate(expected):
        show = {"msg": f"{number} <{{{{ ven_status }}}}|{{{{ ven_version }}}}|{{{{ ven_pce }}}}>"}
        plays.append({"hosts": "web1", "gather_facts": False, "vars": variables, "tasks": [role]})
        plays.append({"hosts": "web1", "gather_facts": False, "tasks": [{"ansible.builtin.debug": show}]})
    (tmp_path / "play.json").write_text(json.dumps(plays))
    done = run_playbook(tmp_path / "play.json", "-i", str(inventory))
    assert done.status == 0, done.output
    told = re.findall(r'"msg": "(\d+) (<.*>)"', done.stdout)
    assert told == [(str(number), shown) for number, (_variables, shown) in enumerate(expected)]


def test_the_role_never_touches_a_host_that_it_was_not_applied_to(
    simulator: Simulator, paired_hosts: Path, tmp_path: Path
) -> None:
    """Marks that a first application left on a host may not make a second one unpair it too."""
    role = {"name": "microseg.enforcement.ven"}
    gone = {"ven_state": "unpaired", "ven_unpair_through": "pce"}

    def apply(hosts: list[str], **variables: Any) -> dict[str, Any]:
        return {
            "ansible.builtin.include_role": role,
            "when": f"inventory_hostname in {hosts}",
            "vars": variables,
        }

    tasks = [
        apply(["web1"], **gone),
        # It failed in the role and was rescued: that leaves no marks either.
        {"block": [apply(["db1"], **gone, ven_pce_port=1)], "rescue": [{"ansible.builtin.meta": "noop"}]},
        {"ansible.builtin.command": {"argv": ["sleep", "0"]}},
        apply(["web1"], ven_pairing_profile="Default", ven_verify="none"),
        apply(["web10"], **gone),
    ]
    inventory = write_inventory(tmp_path, HOSTS, pce_variables(simulator))
    (tmp_path / "play.json").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    done = run_playbook(tmp_path / "play.json", "-i", str(inventory))
    assert done.status == 0, done.output
    assert managed(simulator) == ["db1", "web1"]


@pytest.mark.parametrize("pattern", [",", ":", " , ", "!web1", "!nosuch,&web1"])
def test_a_pattern_without_a_word_is_refused(simulator: Simulator, paired_hosts: Path, pattern: str) -> None:
    inventory = paired_hosts / "inventory.json"
    done = run_playbook(
        "microseg.enforcement.unpair_vens", "-i", str(inventory), "-e", json.dumps({"ven_hosts": pattern})
    )
    assert done.status != 0
    assert "Nothing was unpaired: set ven_hosts" in done.output
    assert simulator.state()["unpairings"] == []


def test_a_hostname_that_two_hosts_claim_is_nobodys(simulator: Simulator, paired_hosts: Path) -> None:
    inventory = json.loads((paired_hosts / "inventory.json").read_text())
    inventory["all"]["vars"].update({"ven_unpair_through": "pce", "ven_hostname": "web1"})
    (paired_hosts / "inventory.json").write_text(json.dumps(inventory))
    flags = ("-i", str(paired_hosts / "inventory.json"), "-e", "ven_hosts=all")
    done = run_playbook("microseg.enforcement.unpair_vens", *flags)
    assert [host for host, counts in recap(done).items() if not counts["failed"]] == ["localhost"]
    assert "several hosts of this batch have the hostname web1" in done.output
    assert simulator.state()["unpairings"] == []
