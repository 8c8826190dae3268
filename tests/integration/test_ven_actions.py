"""The modules ven and ven_info by themselves, without the role."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.role_plays import CODE, Plays, counted, words
from tests.integration.runner import Ended, connection, run_module
from tests.simulator.launch import Simulator

VEN, VEN_INFO = (f"microseg.enforcement.{name}" for name in ("ven", "ven_info"))


@pytest.fixture
def plays(simulator: Simulator, tmp_path: Path) -> Plays:
    return Plays(simulator, tmp_path)


def run(plays: Plays, name: str, *flags: str, **options: Any) -> Ended:
    """Run one of the modules on a host, and show its result."""
    home = "{{ inventory_dir }}/hosts/{{ inventory_hostname }}/opt"
    places = {"program_directory": f"{home}/illumio_ven", "data_directory": f"{home}/illumio_ven_data"}
    task = {name: {**places, **options}, "register": "found"}
    show = "<{{ found.status }}|{{ found.version }}|{{ found.pce }}|{{ found.is_paired | default('') }}>"
    inventory = plays.inventory(["web1"])
    return plays.run([{"tasks": [task, {"ansible.builtin.debug": {"msg": show}}]}], inventory, *flags)


def pairing(plays: Plays) -> dict[str, Any]:
    """What the module requires to pair, from the PCE."""
    (key,) = run_module("pce_pairing_key", {**connection(plays.simulator), "profile": "Default"})["pairing_keys"]
    href = {"profile_href": key["pairing_profile"]["href"]}
    script = run_module("pce_pairing_script_info", {**connection(plays.simulator), **href})["pairing_script"]
    home = f"{plays.directory}/hosts/web1/opt"
    return {
        "activation_code": key["activation_code"],
        "pairing_script": script["content"],
        "management_server": script["management_server"],
        "environment": {
            "ILLUMIO_STANDIN_PROGRAM_DIR": f"{home}/illumio_ven",
            "ILLUMIO_STANDIN_DATA_DIR": f"{home}/illumio_ven_data",
            "ILLUMIO_STANDIN_HOSTNAME": "web1",
            "ILLUMIO_STANDIN_LOG": f"{home}/install.log",
        },
    }


def test_ven_pairs_and_unpairs_each_twice(plays: Plays) -> None:
    options = pairing(plays)
    at = options["management_server"]
    assert counted(run(plays, VEN, "--check", **options), "changed") == ["web1"]
    assert plays.managed() == []
    done = run(plays, VEN, "-vvvv", **options)
    assert counted(done, "changed") == ["web1"], done.output
    assert not CODE.search(done.output.replace(options["activation_code"], "", 0))
    assert f"<illuminated|23.2.20-157|{at}|>" in done.stdout
    assert plays.managed() == ["web1"]
    again = run(plays, VEN, **options)
    assert counted(again, "changed") == [], again.output
    info = run(plays, VEN_INFO)
    assert f"<illuminated|23.2.20-157|{at}|True>" in info.stdout

    assert counted(run(plays, VEN, "--check", state="unpaired"), "changed") == ["web1"]
    gone = run(plays, VEN, state="unpaired")
    assert counted(gone, "changed") == ["web1"], gone.output
    assert plays.managed() == []
    assert counted(run(plays, VEN, state="unpaired"), "changed") == []
    assert "<unpaired|||False>" in run(plays, VEN_INFO, "--check").stdout


def test_ven_shows_the_end_of_the_install_log(plays: Plays) -> None:
    options = {**pairing(plays), "activation_code": "0123456789abcdef" * 5}
    done = run(plays, VEN, "-vvvv", **options)
    assert done.status != 0
    assert "The pairing script ended with 1." in words(done)
    assert "install.log: " in words(done)
    assert "ERROR: the VEN was installed and could not be activated" in words(done)
    assert options["activation_code"] not in done.output.partition("TASK [")[2].replace(str(options), "")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "management_server is required to pair a host"),
        ({"management_server": "pce:8443"}, "activation_code is required to pair a host"),
        (
            {"management_server": "pce:8443", "activation_code": "c"},
            "one of pairing_script and package is required to pair a host",
        ),
        ({"state": "gone"}, "state"),
        ({"colour": "red"}, "colour"),
        ({"platform": "windows"}, "ansible-galaxy collection install 'ansible.windows:>=2.4.0'"),
    ],
    ids=str,
)
def test_bad_options_of_ven_change_nothing(plays: Plays, options: dict[str, Any], said: str) -> None:
    done = run(plays, VEN, **options)
    assert done.status != 0
    assert said in words(done)
    assert "Traceback" not in done.output
