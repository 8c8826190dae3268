"""Hosts that are paired without a playbook, for tests of what comes after it: a tenth of the time."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.directory_hosts import DATA, PROGRAM
from tests.integration.runner import connection, run_module
from tests.simulator.launch import Simulator


def pair_without_playbook(simulator: Simulator, directory: Path, hosts: Iterable[str]) -> None:
    """Run the vendor's script for each host of directory_hosts, with a key of the pairing profile Default."""
    keys = run_module("pce_pairing_key", {**connection(simulator), "profile": "Default"})
    (key,) = keys["pairing_keys"]
    href = key["pairing_profile"]["href"]
    script = run_module("pce_pairing_script_info", {**connection(simulator), "profile_href": href})

    def pair(host: str) -> None:
        home = directory / "hosts" / host
        home.mkdir(parents=True, exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"],
            "ILLUMIO_STANDIN_PROGRAM_DIR": str(home / PROGRAM),
            "ILLUMIO_STANDIN_DATA_DIR": str(home / DATA),
            "ILLUMIO_STANDIN_HOSTNAME": host,
            "ILLUMIO_STANDIN_LOG": str(home / "install.log"),
        }
        command = ["/bin/sh", "-s", "--", "--management-server", keys["management_server"], "--activation-code"]
        text = script["pairing_script"]["content"]
        command.append(key["activation_code"])
        subprocess.run(command, env=environment, input=text, text=True, capture_output=True, check=True)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(pair, hosts))
