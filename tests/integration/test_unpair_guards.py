"""Guards against unpairing too much, through the hosts and through the PCE."""

from __future__ import annotations

import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.integration.paired import pair_without_playbook
from tests.integration.role_plays import Plays, counted, words
from tests.integration.runner import Ended
from tests.simulator.launch import Simulator

HOSTS = ["web1", "web2", "db1"]


@pytest.fixture
def plays(simulator: Simulator, tmp_path: Path) -> Plays:
    found = Plays(simulator, tmp_path)
    found.inventory(HOSTS)
    pair_without_playbook(simulator, tmp_path, HOSTS)
    simulator.clear_journal()
    return found


def unpair(plays: Plays, *flags: str, **variables: Any) -> Ended:
    return plays.role(HOSTS, *flags, ven_state="unpaired", **variables)


def change(plays: Plays, hostname: str, **more: Any) -> None:
    """Change what the PCE shows of a host's VEN."""
    (found,) = [item for item in plays.simulator.state()["workloads"] if item["hostname"] == hostname]
    plays.simulator.seed(workloads=[{**found, "ven": {**found["ven"], **more}}])


WAYS = ["host", "pce"]


@pytest.mark.parametrize("way", WAYS)
def test_hosts_that_are_never_unpaired_stay(plays: Plays, way: str) -> None:
    done = unpair(plays, ven_unpair_through=way, ven_unpair_never_hostnames=["DB*"])
    assert counted(done, "failed") == ["db1"], done.output
    assert "'DB*' in ven_unpair_never_hostnames keeps this host from being unpaired" in words(done)
    assert plays.managed() == ["db1"]


@pytest.mark.parametrize("way", WAYS)
def test_labels_that_are_never_unpaired_stay(plays: Plays, way: str) -> None:
    labels = {(item["key"], item["value"]): item["href"] for item in plays.simulator.state()["labels"]}
    (found,) = [item for item in plays.simulator.state()["workloads"] if item["hostname"] == "db1"]
    plays.simulator.seed(workloads=[{**found, "labels": [{"href": labels["role", "db"]}]}])
    done = unpair(plays, ven_unpair_through=way, ven_unpair_never_labels=[{"role": "db"}])
    assert counted(done, "failed") == ["db1"], done.output
    assert "the label role=db in ven_unpair_never_labels keeps this host" in words(done)
    assert plays.managed() == ["db1"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("maximum", [0, 2])
def test_above_the_maximum_nothing_is_unpaired(plays: Plays, way: str, maximum: int) -> None:
    done = unpair(plays, ven_unpair_through=way, ven_unpair_maximum=maximum)
    assert counted(done, "failed") == sorted(HOSTS), done.output
    assert f"this run would unpair 3 hosts, and ven_unpair_maximum is {maximum}" in words(done)
    assert plays.managed() == sorted(HOSTS)


@pytest.mark.parametrize("way", WAYS)
def test_hosts_that_are_unpaired_do_not_count(plays: Plays, way: str) -> None:
    first = plays.role(["web1"], ven_state="unpaired", ven_unpair_through=way, ven_unpair_maximum="1")
    assert first.status == 0, first.output
    done = unpair(plays, ven_unpair_through=way, ven_unpair_maximum="2")
    assert done.status == 0, done.output
    assert plays.managed() == []


def test_with_serial_the_maximum_counts_all_hosts(plays: Plays) -> None:
    play = {"serial": 1}
    variables = {"ven_state": "unpaired", "ven_unpair_maximum": 2}
    done = plays.role(HOSTS, play=play, **variables)
    assert done.status != 0
    assert "the play has 3 hosts, and ven_unpair_maximum is 2" in words(done)
    assert plays.managed() == sorted(HOSTS)


@pytest.mark.parametrize("mode", ["saved", "recommended", "open"])
def test_one_variable_says_the_mode_for_both_ways(plays: Plays, mode: str) -> None:
    sent = {"saved": "saved", "recommended": "default", "open": "disable"}[mode]
    done = unpair(plays, "-e", f"ven_unpair_mode={mode}", "-e", "ven_unpair_through=pce")
    assert done.status == 0, done.output
    assert {item["firewall_restore"] for item in plays.simulator.state()["unpairings"]} == {sent}


def test_the_pce_restores_saved_rules_by_default(plays: Plays) -> None:
    assert unpair(plays, ven_unpair_through="pce").status == 0
    assert {item["firewall_restore"] for item in plays.simulator.state()["unpairings"]} == {"saved"}


def test_only_hosts_without_a_heartbeat_are_unpaired(plays: Plays) -> None:
    now = datetime.now(timezone.utc)
    for host, hours in (("web1", 30), ("web2", 1)):
        change(plays, host, last_heartbeat_at=(now - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.000Z"))
    change(plays, "db1", last_heartbeat_at=None)
    done = unpair(plays, ven_unpair_only_offline_for="24")
    assert plays.managed() == ["db1", "web2"], done.output
    assert "its last heartbeat was 1.0 hours ago, and ven_unpair_only_offline_for is 24 hours" in words(done)
    assert "the PCE does not show its last heartbeat" in words(done)


@pytest.mark.parametrize("way", WAYS)
def test_a_suspended_ven_is_named_or_unsuspended(plays: Plays, tmp_path: Path, way: str) -> None:
    control = tmp_path / "hosts/web1/opt/illumio_ven/illumio-ven-ctl"
    subprocess.run([control, "suspend"], check=True, capture_output=True)
    done = unpair(plays, ven_unpair_through=way)
    assert counted(done, "failed") == ["web1"], done.output
    assert "its VEN is suspended" in words(done)
    assert "set ven_unpair_suspended to unsuspend" in words(done)
    assert plays.managed() == ["web1"]
    again = unpair(plays, ven_unpair_through=way, ven_unpair_suspended="unsuspend")
    assert again.status == 0, again.output
    assert plays.managed() == []


def test_vens_that_the_pce_protects_are_named(plays: Plays) -> None:
    change(plays, "web1", unpair_allowed=False)
    change(plays, "db1", golden_image=True)
    done = unpair(plays, ven_unpair_through="pce")
    assert counted(done, "failed") == ["db1", "web1"], done.output
    assert "the PCE does not allow this VEN to be unpaired (unpair_allowed is false)" in words(done)
    assert "its VEN belongs to a golden image; name it in ven_unpair_golden_images" in words(done)
    assert plays.managed() == ["db1", "web1"]
    named = unpair(plays, ven_unpair_through="pce", ven_unpair_golden_images=["db1"])
    assert counted(named, "failed") == ["web1"]
    assert plays.managed() == ["web1"]


def test_a_maintenance_token_reaches_the_program_alone(plays: Plays, tmp_path: Path) -> None:
    rest = f'echo "$@" >{tmp_path}/said; echo "got $*"; exit 5'
    plays.program("web1", f'case $1 in status) echo "Agent State: idle" ;; unpair) {rest} ;; esac')
    token: dict[str, Any] = {"ven_maintenance_token": "t0ken;'x", "ven_maintenance_token_option": "--maintenance-token"}
    done = plays.role(["web1"], "-vvv", ven_state="unpaired", **token)
    assert (tmp_path / "said").read_text() == "unpair saved --maintenance-token t0ken;'x\n"
    assert "t0ken" not in done.output
    assert "unpairing through the PCE requires no token" not in done.output
    without = plays.role(["web1"], ven_state="unpaired")
    assert "unpairing through the PCE requires no token" in words(without)


def test_golden_image_is_not_unpaired_on_its_host(plays: Plays) -> None:
    change(plays, "db1", golden_image=True)
    done = unpair(plays)
    assert "its VEN belongs to a golden image; name it in ven_unpair_golden_images" in words(done)
    assert counted(done, "failed") == ["db1"]


def test_protected_ven_is_not_unpaired_on_its_host(plays: Plays) -> None:
    """The PCE says beforehand that the VEN would refuse; through the PCE no token is required."""
    plays.simulator.settings(ven_maintenance_token_required=True)
    done = unpair(plays)
    assert "the PCE requires a maintenance token to unpair a VEN on its host" in words(done)
    assert unpair(plays, ven_unpair_through="pce").status == 0
