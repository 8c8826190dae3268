"""The role in inventories and plays as people have them: what is meant for hosts reaches no API task, and the like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from tests.integration.role_plays import ROLE, Plays, counted, include, words
from tests.integration.runner import connection, run_playbook
from tests.integration.test_pair_vens import seed_workload
from tests.simulator.launch import Simulator

PAIR = "microseg.enforcement.pair_vens"
UNPAIR = "microseg.enforcement.unpair_vens"


@pytest.fixture
def plays(simulator: Simulator, tmp_path: Path) -> Plays:
    return Plays(simulator, tmp_path)


def test_a_windows_host_without_its_collection_fails_alone(plays: Plays) -> None:
    windows = {"ven_platform": "windows", "ven_program_directory": r"C:\a\b", "ven_data_directory": r"C:\a\c"}
    done = plays.role({"web1": {}, "win1": windows, "web2": {}})
    assert counted(done, "failed") == ["win1"], done.output
    assert "ansible-galaxy collection install 'ansible.windows:>=2.4.0'" in words(done)
    assert plays.managed() == ["web1", "web2"]


def test_vaulted_secrets_are_taken(plays: Plays, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("word\n")
    flag = f"--vault-password-file={tmp_path}/password"
    vault = VaultLib([("default", VaultSecret(b"word"))])
    lines = ["---"]
    for name, value in (("ven_pce_api_secret", plays.simulator.api_secret), ("ven_pce_proxy", "")):
        hidden = vault.encrypt(value, vault.secrets[0][1]).decode()
        lines += [f"{name}: !vault |", *(f"  {line}" for line in hidden.splitlines())]
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_text("\n".join(lines))
    inventory = plays.inventory(["web1", "web2"], ven_pce_api_secret=None)
    done = run_playbook(PAIR, "-i", str(inventory), flag)
    assert done.status == 0, done.output
    assert plays.managed() == ["web1", "web2"]
    assert plays.simulator.api_secret not in done.output


FOREIGN: list[dict[str, Any]] = [
    {"ansible_become": True, "ansible_become_exe": "/nowhere/sudo"},
    {"ansible_shell_type": "powershell", "ansible_remote_tmp": "/nowhere/tmp"},
    {"ansible_shell_type": "cmd", "ansible_python_interpreter": "/nowhere/python"},
    {"ansible_connection": "winrm", "ansible_shell_executable": "/nowhere/sh"},
    {"ansible_connection": "ssh", "ansible_ssh_executable": "/nowhere/ssh"},
]


@pytest.mark.parametrize("way", ["group_vars", "play", "extra"])
def test_variables_for_hosts_reach_no_api_task(plays: Plays, tmp_path: Path, way: str) -> None:
    """Unpairing through the PCE connects to no host: all that is left are the tasks of the API."""
    variables: dict[str, Any] = {"ven_unpair_through": "pce", "ven_state": "unpaired", "ven_platform": "linux"}
    for foreign in FOREIGN:
        seed_workload(plays.simulator, 1, "web1")
        given = foreign if way == "group_vars" else {}
        play = {"vars": foreign} if way == "play" else {}
        flags = ["-e", json.dumps(foreign)] if way == "extra" else []
        done = plays.role(["web1"], *flags, play=play, **variables, **given)
        assert done.status == 0, (foreign, done.output)
        assert counted(done, "changed") == ["web1"]
        assert plays.managed() == [], foreign
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "inventory.json"]
    assert [path for path in written if plays.simulator.api_secret in path.read_text(errors="replace")] == []


def test_a_lock_of_text_false_is_no_lock(plays: Plays) -> None:
    options = {"enforcement_mode_lock": "false", "role_label_lock": "no"}
    done = plays.role(
        ["web1"],
        ven_pairing_profile="PP",
        ven_pairing_profile_options=options,
        ven_enforcement_mode="idle",
        ven_labels={"role": "web"},
    )
    assert done.status == 0, done.output
    (workload,) = plays.simulator.state()["workloads"]
    assert workload["enforcement_mode"] == "idle"


def test_an_empty_variable_counts_as_not_set(plays: Plays, tmp_path: Path) -> None:
    inventory = plays.inventory(["web1"], ven_pce_port="", ven_pce_org_id="", ven_pce_timeout="", ven_pce_proxy="")
    env = {"PCE_PORT": str(plays.simulator.port)}
    done = run_playbook(PAIR, "-i", str(inventory), "-e", "ven_serial=", "-e", "ven_hosts=", env=env)
    assert done.status == 0, done.output
    assert plays.managed() == ["web1"]


@pytest.mark.parametrize("block", [True, False], ids=["block", "apply"])
def test_check_mode_of_a_task_counts_for_the_role(plays: Plays, block: bool) -> None:
    def within(check_mode: bool) -> dict[str, Any]:
        if block:
            return {"block": [include()], "check_mode": check_mode}
        role = {"name": ROLE, "apply": {"check_mode": check_mode}}
        return {"ansible.builtin.include_role": role}

    inventory = plays.inventory(["web1"])
    foreseen = plays.run([{"tasks": [within(True)]}], inventory)
    assert foreseen.status == 0, foreseen.output
    assert counted(foreseen, "changed") == ["web1"]
    assert "would be paired" in foreseen.output or plays.managed() == []
    assert not any(entry["mutating"] for entry in plays.simulator.journal())
    done = plays.run([{"tasks": [within(False)]}], inventory, "--check")
    assert done.status == 0, done.output
    assert plays.managed() == ["web1"]


def test_check_mode_foresees_a_profile_of_an_earlier_task(plays: Plays) -> None:
    inventory = plays.inventory(["web1"], ven_pairing_profile="Defaults")
    create = {
        "microseg.enforcement.pce_pairing_profile": {**connection(plays.simulator), "name": "Defaults"},
        "delegate_to": "localhost",
        "run_once": True,
    }
    play = {"tasks": [create, include()]}
    foreseen = plays.run([play], inventory, "--check")
    assert foreseen.status == 0, foreseen.output
    assert "closest matches: Default" in words(foreseen)
    assert "WARNING" in foreseen.output
    assert counted(foreseen, "changed") == ["web1"]
    assert plays.run([play], inventory).status == 0
    assert plays.managed() == ["web1"]


@pytest.mark.parametrize("strategy", ["free", "host_pinned"])
def test_a_strategy_of_the_play_generates_no_key(plays: Plays, strategy: str) -> None:
    done = plays.role(["web1", "web2"], play={"strategy": strategy})
    assert done.status != 0
    assert "bypasses the host loop" in words(done)
    assert plays.simulator.journal() == []


@pytest.mark.parametrize("task", ["Bring the VENs to their state", "*Bring the VENs*"])
def test_start_at_task_applies_the_whole_role(plays: Plays, task: str) -> None:
    before = {"name": "Fail", "ansible.builtin.fail": {}}
    imported = {"ansible.builtin.import_role": {"name": ROLE}}
    done = plays.run([{"tasks": [before, imported]}], plays.inventory(["web1"]), f"--start-at-task={task}")
    assert done.status == 0, done.output
    assert plays.managed() == ["web1"]


IMPORTED = {"ansible.builtin.import_role": {"name": ROLE}, "tags": ["pair"]}
INCLUDED = {"ansible.builtin.include_role": {"name": ROLE, "apply": {"tags": ["pair"]}}, "tags": ["pair"]}


@pytest.mark.parametrize("task", [IMPORTED, INCLUDED], ids=["import", "include"])
@pytest.mark.parametrize("tag", ["pair", "other"])
def test_tags_choose_the_role_as_a_whole(plays: Plays, task: dict[str, Any], tag: str) -> None:
    done = plays.run([{"tasks": [task]}], plays.inventory(["web1"]), "--tags", tag)
    assert done.status == 0, done.output
    assert plays.managed() == (["web1"] if tag == "pair" else [])


def test_a_role_for_some_hosts_serves_those_alone(plays: Plays) -> None:
    """The task for the batch runs on the first of them, and not on the first of the play."""
    done = plays.role(["web1", "web2"], play={"roles": [{"role": ROLE, "when": "inventory_hostname != 'web1'"}]})
    assert done.status == 0, done.output
    assert plays.managed() == ["web2"]


def test_a_failed_verification_begins_with_its_reason(plays: Plays) -> None:
    plays.simulator.settings(online_delay=-1)
    done = plays.role(["web1"], ven_verify_timeout=0)
    assert done.status != 0
    assert "workload 'web1' is not paired and alive: it is not online" in words(done)
    assert "Unknown error" not in done.output


def test_a_misspelt_variable_is_named(plays: Plays) -> None:
    done = plays.role(["web1"], "--check", ven_verfy="all", ven_my_own="x")
    assert done.status == 0, done.output
    assert "unknown variable ven_verfy; did you mean ven_verify?" in words(done)
    assert "ven_my_own" not in done.output


def test_module_defaults_of_the_play_reach_the_role(plays: Plays) -> None:
    unset = dict.fromkeys(("ven_pce_host", "ven_pce_port", "ven_pce_org_id", "ven_pce_api_key"))
    unset |= {"ven_pce_api_secret": None, "ven_pce_ca_path": None}
    defaults = {"group/microseg.enforcement.pce": connection(plays.simulator)}
    done = plays.role(["web1"], play={"module_defaults": defaults}, **unset)
    assert done.status == 0, done.output
    assert plays.managed() == ["web1"]
    missing = plays.role(["web2"], **unset)
    assert missing.status != 0
    assert "pce_host (set ven_pce_host, or the environment variable PCE_HOST)" in words(missing)


def test_another_host_may_reach_the_api(plays: Plays, tmp_path: Path) -> None:
    bastion = {"ansible_connection": "ssh", "ansible_ssh_executable": str(tmp_path / "ssh")}
    (tmp_path / "ssh").write_text('#!/bin/sh\nfor word; do command=$word; done\nexec /bin/sh -c "$command"\n')
    (tmp_path / "ssh").chmod(0o755)
    inventory = plays.inventory({"web1": {}, "bastion": bastion}, ven_delegate_to="bastion")
    done = plays.run([{"hosts": "web1", "roles": [{"role": ROLE}]}], inventory)
    assert done.status == 0, done.output
    assert plays.managed() == ["web1"]
