"""Hosts that another PCE manages, and PCEs with several names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.directory_hosts import program
from tests.integration.role_plays import Plays, counted, words
from tests.integration.test_pair_vens import seed_workload
from tests.simulator.launch import Simulator

OTHER = "other.example.com:8443"


@pytest.fixture
def plays(simulator: Simulator, tmp_path: Path) -> Plays:
    return Plays(simulator, tmp_path)


def put_ven(plays: Plays, *, pce: str = OTHER, unpair: str = 'rm -f "$0"') -> None:
    """Put a VEN on web1 that is paired with another PCE, and notes how it is unpaired."""
    shown = f"echo 'PCE: {pce}'; " if pce else ""
    lines = f'{shown}echo "Version: 1.0"; echo "Agent State: idle"'
    plays.program("web1", f'case $1 in status) {lines} ;; unpair) echo "$*" >{plays.directory}/said; {unpair} ;; esac')


def test_a_host_of_another_pce_fails(plays: Plays) -> None:
    put_ven(plays)
    done = plays.role({"web1": {}, "web2": {}})
    assert counted(done, "failed") == ["web1"], done.output
    assert f"the host is paired with {OTHER}, not with {plays.simulator.host}; add it to ven_pce_aliases" in words(done)
    assert plays.managed() == ["web2"]
    assert plays.keys() == 1


@pytest.mark.parametrize(
    "variables",
    [
        {"ven_pce_aliases": ["cluster.example.com", "OTHER.example.com"]},
        {"ven_management_server": "other.example.com:8444"},
    ],
    ids=str,
)
def test_another_name_of_the_same_pce_counts_as_ours(plays: Plays, variables: dict[str, Any]) -> None:
    put_ven(plays)
    plays.simulator.clear_journal()
    done = plays.role(["web1"], **variables)
    assert done.status == 0, done.output
    assert counted(done, "changed") == []
    assert plays.simulator.journal() == []


def test_a_ven_that_our_pce_shows_counts_as_ours(plays: Plays) -> None:
    put_ven(plays)
    # The PCE knows the host by its full name.
    seed_workload(plays.simulator, 1, "WEB1.example.com")
    done = plays.role(["web1"])
    assert done.status == 0, done.output
    assert counted(done, "changed") == []


def test_a_host_of_another_pce_may_only_warn(plays: Plays) -> None:
    put_ven(plays)
    done = plays.role(["web1"], ven_paired_elsewhere="warn")
    assert done.status == 0, done.output
    assert counted(done, "changed") == []
    assert f"the host is paired with {OTHER}, not with" in words(done)


def test_a_host_whose_pce_is_unknown_warns(plays: Plays) -> None:
    put_ven(plays, pce="")
    done = plays.role(["web1"])
    assert done.status == 0, done.output
    assert "its VEN does not show with which PCE" in words(done)
    assert plays.keys() == 0


def test_a_host_is_moved_by_a_new_key(plays: Plays) -> None:
    put_ven(plays)
    foreseen = plays.role(["web1"], "--check", ven_paired_elsewhere="move")
    assert counted(foreseen, "changed") == ["web1"], foreseen.output
    assert not (plays.directory / "said").exists()
    assert plays.keys() == 0
    done = plays.role(["web1"], ven_paired_elsewhere="move")
    assert done.status == 0, done.output
    assert (plays.directory / "said").read_text() == "unpair saved\n"
    assert plays.managed() == ["web1"]
    again = plays.role(["web1"], ven_paired_elsewhere="move")
    assert counted(again, "changed") == [], again.output


def test_a_move_that_cannot_begin_changes_no_host(plays: Plays) -> None:
    put_ven(plays)
    done = plays.role(["web1"], ven_paired_elsewhere="move", ven_pairing_profile="No such profile")
    assert done.status != 0
    kept = plays.role(["web1"], ven_paired_elsewhere="move", ven_unpair_never_hostnames=["WEB*"])
    assert "'WEB*' in ven_unpair_never_hostnames keeps this host" in words(kept)
    assert not (plays.directory / "said").exists()
    put_ven(plays, unpair="echo protected; exit 5")
    failed = plays.role(["web1"], ven_paired_elsewhere="move")
    assert "illumio-ven-ctl unpair ended with 5. protected" in words(failed)
    assert "set ven_maintenance_token" in words(failed)
    assert program(plays.directory, "web1").exists()
    assert plays.managed() == []
