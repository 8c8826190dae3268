"""Hosts that are directories of this machine: enough for the pairing script of the simulator, and no root needed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.simulator.launch import Simulator

PROGRAM = "opt/illumio_ven"
DATA = "opt/illumio_ven_data"


def write_inventory(
    directory: Path, hosts: Iterable[str] | Mapping[str, Mapping[str, Any]], variables: Mapping[str, Any]
) -> Path:
    """Write an inventory of such hosts, each in `directory`/hosts/NAME, with more `variables` for all of them.

    A mapping has more variables for each host.
    """
    own = hosts if isinstance(hosts, Mapping) else {}
    inventory = {
        "all": {
            "hosts": {host: own.get(host, {}) for host in hosts},
            "vars": {**host_variables(directory), **variables},
        }
    }
    for host in inventory["all"]["hosts"]:
        (directory / "hosts" / host).mkdir(parents=True, exist_ok=True)
    path = directory / "inventory.json"
    path.write_text(json.dumps(inventory, indent=2))
    return path


def host_variables(directory: Path) -> dict[str, Any]:
    """The variables that make a host of an inventory a directory of this machine."""
    home = f"{directory}/hosts/{{{{ inventory_hostname }}}}"
    return {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "ven_become": False,
        "ven_program_directory": f"{home}/{PROGRAM}",
        "ven_data_directory": f"{home}/{DATA}",
        "ven_activation_delay": 1,
        "ven_verify_delay": 1,
        # They pair under the name that they have in the inventory, and not under that of this machine.
        "ven_hostname": "{{ inventory_hostname }}",
        # Where the simulator's script installs to, and the name that it pairs under.
        "ven_script_environment": {
            "ILLUMIO_STANDIN_PROGRAM_DIR": "{{ ven_program_directory }}",
            "ILLUMIO_STANDIN_DATA_DIR": "{{ ven_data_directory }}",
            "ILLUMIO_STANDIN_HOSTNAME": "{{ ven_hostname }}",
            "ILLUMIO_STANDIN_LOG": f"{home}/install.log",
        },
    }


def pce_variables(simulator: Simulator) -> dict[str, Any]:
    """The variables that lead the role ven to a simulator."""
    return {
        "ven_pce_host": simulator.host,
        "ven_pce_port": simulator.port,
        "ven_pce_org_id": simulator.org_id,
        "ven_pce_api_key": simulator.api_key,
        "ven_pce_api_secret": simulator.api_secret,
        "ven_pce_ca_path": simulator.ca_path,
    }


def program(directory: Path, host: str) -> Path:
    """Where the control program of a host's VEN is once it is installed."""
    return directory / "hosts" / host / PROGRAM / "illumio-ven-ctl"
