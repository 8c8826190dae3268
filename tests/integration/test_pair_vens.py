"""The main job: the playbook pair_vens and the role ven, on hosts that are directories, against the simulator."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Union

import pytest

from tests.directory_hosts import pce_variables, program, write_inventory
from tests.integration.runner import Ended, recap, run_playbook
from tests.simulator.launch import Simulator

PLAYBOOK = "microseg.enforcement.pair_vens"
HOSTS = ["web1", "web2", "web10", "db1"]
CODE = re.compile(r"[0-9a-f]{81}")

Pair = Callable[..., Ended]
Hosts = Union[list[str], dict[str, dict[str, Any]]]
"""Names of hosts, with variables of their own or without."""


def pce(simulator: Simulator) -> dict[str, Any]:
    """The variables that lead the role to a simulator."""
    return {**pce_variables(simulator), "ven_pairing_profile": "PP-TEST"}


@pytest.fixture
def pair(simulator: Simulator, tmp_path: Path) -> Pair:
    """Run the playbook on some hosts, by default the four of HOSTS, with further variables and flags."""

    def run(*flags: str, hosts: Hosts | None = None, **variables: Any) -> Ended:
        known = {"ven_pairing_profile_options": {"enforcement_mode": "full"}, **pce(simulator), **variables}
        given = {key: value for key, value in known.items() if value is not None}
        inventory = write_inventory(tmp_path, hosts or HOSTS, given)
        return run_playbook(PLAYBOOK, "-i", str(inventory), *flags)

    return run


def paired(simulator: Simulator) -> list[str]:
    """The hostnames of the workloads that the PCE manages."""
    return sorted(item["hostname"] for item in simulator.state()["workloads"])


def changed(ended: Ended) -> int:
    """How many tasks changed something."""
    return sum(counts["changed"] for counts in recap(ended).values())


def minted(simulator: Simulator) -> int:
    """How many pairing keys there are."""
    return len(simulator.state()["pairing_keys"])


def calls(simulator: Simulator) -> list[str]:
    """The requests that came from the collection, and not from a VEN."""
    return [f"{entry['method']} {entry['path']}" for entry in simulator.journal() if "/agents/" not in entry["path"]]


def test_check_pair_and_pair_again(simulator: Simulator, pair: Pair, tmp_path: Path) -> None:
    options = {"enforcement_mode": "full", "allowed_uses_per_key": 3, "key_lifespan": 3600}
    foreseen = pair("--check", "--diff", ven_pairing_profile_options=options)
    assert foreseen.status == 0, foreseen.output
    assert all(counts["changed"] >= 1 for counts in recap(foreseen).values())
    assert not any(entry["mutating"] for entry in simulator.journal())
    assert not program(tmp_path, "web1").exists()

    simulator.clear_journal()
    done = pair("-vvvv", ven_pairing_profile_options=options)
    assert done.status == 0, done.output
    assert paired(simulator) == sorted(HOSTS)
    assert {item["enforcement_mode"] for item in simulator.state()["workloads"]} == {"full"}
    assert minted(simulator) == 2  # three uses each, four hosts
    assert len(calls(simulator)) <= 8  # two of them for the look at the workloads
    assert_no_code(done.output, tmp_path)

    simulator.clear_journal()
    again = pair(ven_pairing_profile_options=options)
    assert again.status == 0, again.output
    assert changed(again) == 0
    assert minted(simulator) == 2
    assert len(calls(simulator)) == 1
    assert len(simulator.state()["activations"]) == 4


def assert_no_code(output: str, directory: Path) -> None:
    """Assert that no activation code is in an output or a file, with a search that would find one."""
    planted = directory / "planted"
    planted.write_text("0123456789abcdef" * 6)
    leaked = [path for path in directory.rglob("*") if path.is_file() and CODE.search(path.read_text(errors="replace"))]
    assert leaked == [planted]
    planted.unlink()
    assert not CODE.search(output)


def test_a_key_for_each_host_where_keys_are_for_one_use(simulator: Simulator, pair: Pair) -> None:
    done = pair(ven_pairing_profile_options={"allowed_uses_per_key": "one_use"})
    assert done.status == 0, done.output
    assert paired(simulator) == sorted(HOSTS)
    assert minted(simulator) == 4


def test_hosts_that_are_paired_are_left_alone(simulator: Simulator, pair: Pair, tmp_path: Path) -> None:
    assert pair(hosts=["web1", "web2"]).status == 0
    subprocess.run([program(tmp_path, "web2"), "stop"], check=True, capture_output=True)
    simulator.clear_journal()
    done = pair()
    assert done.status == 0, done.output
    assert recap(done)["web2"]["changed"] == 0
    assert len(simulator.state()["activations"]) == 4
    assert not any(item["again"] for item in simulator.state()["activations"])


def test_serial_batches_ask_the_api_once_each(simulator: Simulator, pair: Pair) -> None:
    done = pair("-e", "ven_serial=2")
    assert done.status == 0, done.output
    assert paired(simulator) == sorted(HOSTS)
    assert minted(simulator) == 2


def test_a_host_that_fails_does_not_stop_the_others(simulator: Simulator, pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "hosts" / "web1").mkdir(parents=True)
    (tmp_path / "hosts" / "web1" / "opt").write_text("in the way")
    done = pair("-v", hosts=[*HOSTS, "gone"], ansible_port=22)
    assert recap(done)["web1"]["failed"] == 1
    assert paired(simulator) == ["db1", "gone", "web10", "web2"]
    assert "The pairing script ended with" in done.output
    assert_no_code(done.output, tmp_path)


def test_what_the_script_says_is_shown_when_it_fails(simulator: Simulator, pair: Pair, tmp_path: Path) -> None:
    # A fault of the PCE at the activation of one host.
    simulator.fault("status", path="/agents/activate", status=500, message="the database is away")
    done = pair("-vvvv", hosts=["web1"])
    assert done.status != 0
    assert "the database is away" in done.output
    assert "The pairing script ended with 1" in done.output
    assert_no_code(done.output, tmp_path)
    again = pair(hosts=["web1"])
    assert again.status == 0, again.output
    assert paired(simulator) == ["web1"]


def test_a_slow_ven_is_waited_for_and_a_stuck_one_is_an_error(simulator: Simulator, pair: Pair) -> None:
    simulator.settings(ven_status_delay=2)
    assert pair(hosts=["web1"]).status == 0
    simulator.settings(ven_status_delay=100)
    done = pair(hosts=["web2"], ven_activation_timeout=2)
    assert done.status != 0
    assert "after 2 seconds the VEN is not active" in done.output
    assert "Agent State: activating" in done.output


LOCKED = {"enforcement_mode": "full", "role_label_lock": True, "enforcement_mode_lock": True}


def told(ended: Ended) -> dict[str, str]:
    """What was said of each host that failed."""
    said = re.findall(
        r"fatal: \[(\w+)[^\]]*\]: FAILED! => (\{.*?\})\n(?=\n|\[|fatal|\.\.\.|ok|skipping)",
        ended.stdout + "\n",
        re.DOTALL,
    )
    return {host: re.sub(r"(\s|\\n)+", " ", result) for host, result in said}


BAD: list[tuple[dict[str, Any], str]] = [
    ({"ven_labels": {"role": "web"}, "ven_pairing_profile_options": LOCKED}, "must not set what"),
    ({"ven_enforcement_mode": "idle", "ven_pairing_profile_options": LOCKED}, "must not set what"),
    ({"ven_pairing_profile_options": None}, "unknown pairing profile with name 'PP-bad2'"),
    ({"ven_pairing_profile_options": None, "ven_pairing_profile": "Defualt"}, "closest matches: Default"),
    ({"ven_pairing_profile_options": '{"enforcement_mode": "full"}'}, "dict"),
    ({"ven_pairing_profile_options": {"key_lifespan": 0}}, "key_lifespan: must be"),
    ({"ven_pairing_profile_options": {"colour": "red"}}, "colour"),
    ({"ven_enforcement_mode": "enforced"}, "ven_enforcement_mode"),
    ({"ven_labels": {"colour": "red"}}, "colour"),
    ({"ven_data_directory": "/"}, "ven_data_directory"),
    ({"ven_data_directory": "/var/../etc"}, "ven_data_directory"),
    ({"ven_pairing_profile": ""}, "ven_pairing_profile"),
    ({"ven_pce_api_secret": "not-the-secret"}, "api_key or api_secret"),
    ({"ven_pce_org_id": 7}, "pce_org_id"),
    ({"ven_pce_port": 1}, "cannot be reached"),
    ({"ven_status_pattern": "something else"}, "Agent State"),
    ({"ven_verify": "some"}, "ven_verify"),
    ({"ven_verify_timeout": "long"}, "ven_verify_timeout"),
    ({"ven_verify_delay": "short"}, "ven_verify_delay"),
    ({"ven_platform": "aix"}, "ven_platform"),
    ({"ven_hostname": ["web1"]}, "ven_hostname"),
    ({"ven_pairing_profile_options": {"create_labels": "perhaps"}}, "create_labels"),
    ({"ven_pairing_profile_options": {"labels": [{"role": "weeb"}]}}, "role=weeb"),
]


def test_bad_input_pairs_nobody(simulator: Simulator, pair: Pair, tmp_path: Path) -> None:
    """Each host has another mistake, and each is told its own."""
    hosts = {f"bad{number}": variables for number, (variables, _words) in enumerate(BAD)}
    # What a host leaves open, it does not get from the group.
    known = {"ven_pairing_profile_options": {"enforcement_mode": "full"}}
    of_host = {
        name: {
            option: value
            for option, value in {"ven_pairing_profile": f"PP-{name}", **known, **variables}.items()
            if value is not None
        }
        for name, variables in hosts.items()
    }
    done = pair(hosts=of_host, ven_pairing_profile=None, ven_pairing_profile_options=None)
    assert done.status != 0
    assert "Traceback" not in done.output
    said = told(done)
    assert {name: words for name, (_given, words) in zip(hosts, BAD) if words not in said.get(name, "")} == {}
    assert minted(simulator) == 0
    assert paired(simulator) == []


def test_a_pairing_profile_is_needed(simulator: Simulator, pair: Pair) -> None:
    done = pair(hosts=["web1"], ven_pairing_profile=None)
    assert done.status != 0
    assert "ven_pairing_profile is required to pair hosts" in done.output
    assert simulator.journal() == []


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"ven_labels": {"role": "web"}}, "locks role_label, so ven_enforcement_mode and ven_labels cannot set"),
        ({"ven_enforcement_mode": "idle"}, "locks enforcement_mode, so"),
        (
            {},
            "2 pairing profiles with name 'PP-TEST': /orgs/1/pairing_profiles/24, /orgs/1/pairing_profiles/25",
        ),
    ],
    ids=str,
)
def test_a_profile_that_does_not_fit_pairs_nobody(
    simulator: Simulator, pair: Pair, variables: dict[str, Any], words: str
) -> None:
    profile = {"href": "/orgs/1/pairing_profiles/24", "name": "PP-TEST", "enabled": True, "mode_lock": True}
    double = {**profile, "href": "/orgs/1/pairing_profiles/25"}
    simulator.seed(pairing_profiles=[{**profile, "role_label_lock": True}, *([] if variables else [double])])
    done = pair(hosts=["web1"], ven_pairing_profile_options=None, **variables)
    assert done.status != 0
    assert words in done.output
    assert minted(simulator) == 0
    assert paired(simulator) == []


def test_each_host_gets_the_profile_that_it_asks_for(simulator: Simulator, pair: Pair) -> None:
    profile = "{{ 'PP-WEB' if inventory_hostname.startswith('web') else 'PP-DB' }}"
    mode = "{{ 'idle' if inventory_hostname.startswith('web') else 'full' }}"
    options = {"enforcement_mode": mode, "allowed_uses_per_key": 2}
    for flags, count in (("--check",), 0), ((), len(HOSTS)):
        done = pair(*flags, ven_pairing_profile=profile, ven_pairing_profile_options=options)
        assert done.status == 0, done.output
        assert len(paired(simulator)) == count
    modes = {item["hostname"]: item["enforcement_mode"] for item in simulator.state()["workloads"]}
    assert modes == {"web1": "idle", "web2": "idle", "web10": "idle", "db1": "full"}
    assert minted(simulator) == 3  # two for the three web servers, one for the database
    again = pair(ven_pairing_profile=profile, ven_pairing_profile_options=options)
    assert changed(again) == 0


def test_values_from_the_command_line_are_texts(simulator: Simulator, pair: Pair, tmp_path: Path) -> None:
    texts = ["ven_insecure=false", "ven_activation_timeout=20", "ven_activation_delay=1", "ven_script_timeout=60"]
    texts += ["ven_pair_script_api_version=25", f"ven_pce_port={simulator.port}", "ven_pce_org_id=1"]
    done = pair(*[part for text in texts for part in ("-e", text)], hosts=["web1"])
    assert done.status == 0, done.output
    assert paired(simulator) == ["web1"]
    state = json.loads((program(tmp_path, "web1").parent.parent / "illumio_ven_data/etc/state.json").read_text())
    assert state["connection"]["insecure"] is False


def test_a_play_may_apply_the_role_to_some_hosts_and_again(simulator: Simulator, pair: Pair, tmp_path: Path) -> None:
    assert pair("--check").status == 0  # writes the inventory
    role = {"role": "microseg.enforcement.ven", "when": "inventory_hostname != 'web1'"}
    include = {"ansible.builtin.include_role": {"name": "microseg.enforcement.ven"}}
    play = {"hosts": "all", "gather_facts": False, "roles": [role], "tasks": [include]}
    variables = {"ven_pairing_profile_options": {"allowed_uses_per_key": 1}}
    (tmp_path / "play.json").write_text(json.dumps([{**play, "vars": variables}]))
    done = run_playbook(tmp_path / "play.json", "-i", str(tmp_path / "inventory.json"))
    assert done.status == 0, done.output
    assert paired(simulator) == sorted(HOSTS)
    assert minted(simulator) == len(HOSTS)


def test_a_strategy_that_cannot_share_keys_is_refused(simulator: Simulator, tmp_path: Path) -> None:
    inventory = write_inventory(tmp_path, ["web1"], pce(simulator))
    done = run_playbook(PLAYBOOK, "-i", str(inventory), env={"ANSIBLE_STRATEGY": "free"})
    assert done.status != 0
    assert "bypasses the host loop" in done.output
    assert simulator.journal() == []


def test_a_program_that_may_not_be_looked_at_is_not_taken_for_none(
    simulator: Simulator, pair: Pair, tmp_path: Path
) -> None:
    # Root may look into every directory, so a file stands for one that may not be looked into.
    (tmp_path / "opaque").touch(0o600)
    done = pair(hosts=["web1"], ven_program_directory=str(tmp_path / "opaque"))
    assert done.status != 0
    assert "become is required" in done.output
    assert simulator.journal() == []


def test_the_hard_limit_of_keys_is_told_with_what_to_do(simulator: Simulator, pair: Pair) -> None:
    simulator.settings(hard_limit=1)
    done = pair(ven_pairing_profile_options={"allowed_uses_per_key": 1})
    assert done.status != 0
    assert "hard limit reached" in done.output
    assert "state: absent" in done.output


def test_options_reach_the_script_and_no_shell(simulator: Simulator, pair: Pair, tmp_path: Path) -> None:
    simulator.seed(labels=[{"key": "app", "value": "x; touch '$(touch owned)' `id` \"&\" >owned"}])
    hostile = "x; touch '$(touch owned)' `id` \"&\" >owned"
    done = pair(hosts=["web1"], ven_labels={"app": hostile, "env": "prod"}, ven_enforcement_mode="idle")
    assert done.status == 0, done.output
    (workload,) = simulator.state()["workloads"]
    assert workload["enforcement_mode"] == "idle"
    labels = {item["href"]: item["value"] for item in simulator.state()["labels"]}
    assert {labels[item["href"]] for item in workload["labels"]} == {hostile, "prod"}
    assert not list(tmp_path.rglob("owned"))
    assert not Path("owned").exists()


def test_the_environment_leads_to_the_pce_too(simulator: Simulator, tmp_path: Path) -> None:
    inventory = write_inventory(tmp_path, ["web1"], {"ven_pairing_profile": "Default"})
    given = {
        "PCE_HOST": simulator.host,
        "PCE_PORT": "",
        "ILLUMIO_PCE_PORT": str(simulator.port),
        "ILLUMIO_API_KEY_USERNAME": simulator.api_key,
        "PCE_API_SECRET": simulator.api_secret,
        "PCE_CA_PATH": simulator.ca_path,
    }
    done = run_playbook(PLAYBOOK, "-i", str(inventory), env=given)
    assert done.status == 0, done.output
    assert paired(simulator) == ["web1"]


def test_fifty_hosts_need_no_more_requests_than_five(simulator: Simulator, pair: Pair) -> None:
    assert pair(hosts=[f"few{number}" for number in range(5)]).status == 0
    five = len(calls(simulator))
    simulator.reset()
    done = pair(hosts=[f"many{number}" for number in range(50)])
    assert done.status == 0, done.output[-3000:]
    assert len(paired(simulator)) == 50
    assert len(calls(simulator)) == five


# Verification in the PCE.


def seed_workload(simulator: Simulator, number: int, hostname: str, **more: Any) -> str:
    """A workload that is paired and alive, unless `more` says otherwise; its HREF."""
    ident = f"00000000-0000-4000-8000-{number:012}"
    workload = {
        "href": f"/orgs/1/workloads/{ident}",
        "hostname": hostname,
        "managed": True,
        "online": True,
        "enforcement_mode": "idle",
        "labels": [],
        "ven": {"href": f"/orgs/1/vens/{ident}", "status": "active"},
        **more,
    }
    simulator.seed(workloads=[workload])
    return str(workload["href"])


def looks(simulator: Simulator) -> int:
    """How often the workloads were read."""
    return len([entry for entry in simulator.journal() if entry["path"].partition("?")[0].endswith("/workloads")])


def test_new_hosts_are_waited_for_in_the_pce(simulator: Simulator, pair: Pair) -> None:
    simulator.settings(online_delay=2)
    done = pair(hosts=["web1", "web10"])
    assert done.status == 0, done.output
    assert looks(simulator) == 3  # for both hosts at once
    simulator.settings(online_delay=-1)
    # web10 is found by web1's filter and is alive: that helps web1 as little as one that is paired already.
    late = pair(hosts=["web1", "web10", "web2"], ven_verify_timeout=2)
    assert recap(late)["web1"]["failed"] == recap(late)["web10"]["failed"] == 0
    assert recap(late)["web2"]["failed"] == 1
    assert "workload 'web2' is not paired and alive: it is not online (ven_verify" in late.output
    # What fails to be verified is paired all the same, and verified again by `all` only.
    assert pair(hosts=["web2"]).status == 0
    simulator.clear_journal()
    again = pair(hosts=["web1", "web10", "web2"], ven_verify="all", ven_verify_timeout=1)
    assert recap(again)["web2"]["failed"] == 1
    assert recap(again)["web1"]["failed"] == 0
    assert changed(again) == 0


def test_disabled_profile_is_left_to_the_pce(simulator: Simulator, pair: Pair) -> None:
    """No source says that a PCE refuses its keys, so the PCE decides."""
    done = pair(ven_pairing_profile_options={"enabled": False}, ven_verify="none")
    assert "is disabled: the PCE may refuse to create keys" in " ".join(done.output.split())
    assert "the PCE refused: The pairing profile of the activation code is disabled" in " ".join(done.output.split())
    assert minted(simulator) > 0


def test_what_is_missing_is_said_of_each_host(simulator: Simulator, pair: Pair) -> None:
    hosts = ["fine", "web1", "web2", "web3", "web4", "web5", "web6"]
    assert pair(hosts=hosts, ven_verify="none").status == 0
    known = {item["hostname"]: item for item in simulator.state()["workloads"]}
    ven = known["web2"]["ven"]
    first = known["web5"]["href"]
    simulator.seed(
        workloads=[
            {**known["web2"], "ven": {**ven, "status": "suspended"}, "agent": None, "online": False},
            {**known["web3"], "managed": False, "online": False, "ven": None, "agent": None},
            {**known["web4"], "online": False},
            {**known["web1"], "hostname": "web10"},
        ]
    )
    second = seed_workload(simulator, 1, "web5")
    seed_workload(simulator, 2, "web6", managed=False, online=False, ven=None)  # left behind, and does not count
    done = pair("--check", hosts=hosts, ven_verify="all", ven_verify_timeout=0)
    assert {host: counts["failed"] for host, counts in recap(done).items()} == {
        **dict.fromkeys(hosts, 1),
        "fine": 0,
        "web6": 0,
    }
    output = re.sub(r"\s+", " ", done.output)
    assert "no workload with hostname 'web1'; if the host pairs under another name, set ven_hostname" in output
    assert "'web2' is not paired and alive: the status of its VEN is 'suspended', it is not online" in output
    assert "'web3' is not paired and alive: it is not managed, it is not online" in output
    assert "'web4' is not paired and alive: it is not online" in output
    assert f"the PCE has 2 workloads with hostname 'web5': {', '.join(sorted([first, second]))}" in output


def test_nothing_is_verified_where_nothing_is_paired(simulator: Simulator, pair: Pair) -> None:
    simulator.settings(online_delay=-1)
    for flags, variables in (("--check",), {}), (("--check",), {"ven_verify": "all"}), ((), {"ven_verify": "none"}):
        done = pair(*flags, hosts=["web1"], **variables)
        assert done.status == 0, done.output
        assert looks(simulator) == 0


def test_a_host_says_itself_what_it_is_called(simulator: Simulator, pair: Pair) -> None:
    # Its VEN pairs under the name of this machine, as no ven_hostname says otherwise.
    name = subprocess.run(["hostname"], check=True, capture_output=True, text=True).stdout.strip()
    environment = {
        "ILLUMIO_STANDIN_PROGRAM_DIR": "{{ ven_program_directory }}",
        "ILLUMIO_STANDIN_DATA_DIR": "{{ ven_data_directory }}",
    }
    done = pair(hosts=["web1"], ven_hostname="", ven_script_environment=environment)
    assert done.status == 0, done.output
    assert paired(simulator) == [name]


def test_patterns_see_nothing_but_what_the_ven_says(simulator: Simulator, pair: Pair, tmp_path: Path) -> None:
    path = program(tmp_path, "web1")
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\necho 'Agent State: unpaired'\n")
    path.chmod(0o755)
    # The command's own lines have "microseg" and the name of this machine in them.
    name = subprocess.run(["hostname"], check=True, capture_output=True, text=True).stdout.strip()
    never = f"(?i)microseg|{name}"
    done = pair("--check", hosts=["web1"], ven_status_pattern=never)
    assert done.status != 0
    done = pair("--check", hosts=["web1"], ven_unpaired_pattern=never)
    assert done.status == 0, done.output
    assert "would be paired" not in done.output


def test_labels_of_the_profile_are_created_if_it_says_so(simulator: Simulator, pair: Pair) -> None:
    options = {"labels": [{"role": "web"}, {"key": "app", "value": "brand new"}], "create_labels": True}
    done = pair(hosts=["web1"], ven_pairing_profile_options=options)
    assert done.status == 0, done.output
    (workload,) = simulator.state()["workloads"]
    labels = {item["href"]: item["value"] for item in simulator.state()["labels"]}
    assert {labels[item["href"]] for item in workload["labels"]} == {"web", "brand new"}


def test_the_trouble_of_some_hosts_is_not_that_of_others(simulator: Simulator, pair: Pair) -> None:
    # db1 comes last and first among those that want the same; web1 and web2 are served either way.
    profile = "{{ 'NOPE' if inventory_hostname.startswith('db') else 'Default' }}"
    for hosts in (["db1", "web1"], ["web2", "db2"]):
        done = pair(hosts=hosts, ven_pairing_profile=profile, ven_pairing_profile_options=None)
        failed = {host for host, counts in recap(done).items() if counts["failed"]}
        assert failed == {host for host in hosts if host.startswith("db")}
        assert "unknown pairing profile with name 'NOPE'" in done.output
    assert paired(simulator) == ["web1", "web2"]


def test_hosts_that_want_one_profile_differently_change_nothing(simulator: Simulator, pair: Pair) -> None:
    mode = "{{ 'idle' if inventory_hostname == 'web1' else 'full' }}"
    done = pair(hosts=["web1", "web2"], ven_pairing_profile_options={"enforcement_mode": mode})
    assert all(counts["failed"] for counts in recap(done).values())
    assert "hosts of this batch differ in the ven_pairing_profile_options of PP-TEST" in done.output
    assert not any(entry["mutating"] for entry in simulator.journal())


def test_a_program_that_cannot_be_run_is_not_taken_for_none(simulator: Simulator, pair: Pair, tmp_path: Path) -> None:
    assert pair(hosts=["web1"]).status == 0
    program(tmp_path, "web1").chmod(0o644)
    done = pair(hosts=["web1"])
    assert "no permission to run the VEN: become is required" in done.output
    assert len(simulator.state()["activations"]) == 1


def test_pairing_keeps_to_its_name(simulator: Simulator, pair: Pair) -> None:
    assert pair(hosts=["web1"]).status == 0
    done = pair(hosts=["web1"], ven_state="unpaired")
    assert done.status == 0, done.output
    assert paired(simulator) == ["web1"]


def test_two_hosts_of_one_hostname_do_not_vouch_for_each_other(simulator: Simulator, pair: Pair) -> None:
    # They pair as what they are, and are said to be one.
    home = "{{ inventory_dir }}/hosts/{{ inventory_hostname }}"
    environment = {
        "ILLUMIO_STANDIN_PROGRAM_DIR": f"{home}/opt/illumio_ven",
        "ILLUMIO_STANDIN_DATA_DIR": f"{home}/opt/illumio_ven_data",
        "ILLUMIO_STANDIN_HOSTNAME": "{{ inventory_hostname }}",
        "ILLUMIO_STANDIN_LOG": f"{home}/install.log",
    }
    done = pair(hosts=["web1", "web2"], ven_hostname="web1", ven_script_environment=environment)
    assert all(counts["failed"] for counts in recap(done).values())
    assert "2 hosts of this batch have the hostname 'web1'" in done.output


def test_keys_are_revoked_after_the_last_batch(simulator: Simulator, pair: Pair) -> None:
    options = {"allowed_uses_per_key": "unlimited"}
    done = pair("-e", "ven_serial=2", ven_pairing_profile_options=options, ven_revoke_keys=True)
    assert done.status == 0, done.output
    assert paired(simulator) == sorted(HOSTS)
    assert "no pairing keys were revoked, since hosts of later batches may still need them" in " ".join(
        done.output.split()
    )
    assert [key["revoked"] for key in simulator.state()["pairing_keys"]] == [True, True]
    deletes = [entry for entry in simulator.journal() if entry["method"] == "DELETE"]
    assert len(deletes) == 1
    again = pair(ven_pairing_profile_options=options, ven_revoke_keys=True)
    assert changed(again) == 0


def test_the_pces_name_for_a_host_may_differ(simulator: Simulator, pair: Pair) -> None:
    environment = {
        "ILLUMIO_STANDIN_PROGRAM_DIR": "{{ ven_program_directory }}",
        "ILLUMIO_STANDIN_DATA_DIR": "{{ ven_data_directory }}",
        "ILLUMIO_STANDIN_HOSTNAME": "{{ inventory_hostname | upper }}.example.com",
    }
    done = pair(ven_script_environment=environment)
    assert done.status == 0, done.output
    assert paired(simulator) == sorted(f"{host.upper()}.example.com" for host in HOSTS)
    simulator.settings(online_delay=-1)
    late = pair(hosts=["web3"], ven_script_environment=environment, ven_verify_timeout=0)
    assert "workload 'WEB3.example.com' (of 'web3', /orgs/1/workloads/" in " ".join(late.output.split())


def test_further_arguments_reach_the_script(simulator: Simulator, pair: Pair) -> None:
    done = pair(hosts=["web1"], ven_enforcement_mode="idle", ven_enforcement_mode_option="--mode")
    assert "unknown option --mode" in done.output  # the simulator's script knows the other name only
    done = pair(hosts=["web1"], ven_pairing_arguments=["--env", "prod"])
    assert done.status == 0, done.output
    (workload,) = simulator.state()["workloads"]
    labels = {item["href"]: item["value"] for item in simulator.state()["labels"]}
    assert {labels[item["href"]] for item in workload["labels"]} == {"prod"}
