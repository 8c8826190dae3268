"""The main job on this machine: a PCE (simulated), some hosts (directories), and the playbook that pairs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.collection import make_findable
from tests.directory_hosts import program, write_inventory
from tests.simulator.launch import Simulator, running

HOSTS = ["web1", "web2", "web3", "db1", "db2"]
PLAYBOOK = "microseg.enforcement.pair_vens"


def main() -> int:
    """Pair the hosts, show them, and pair again. Return 0 if the second run changed nothing."""
    with tempfile.TemporaryDirectory(prefix="microseg-demo-") as name:
        directory = Path(name)
        make_findable(directory / "collections")
        with running(directory / "pce") as simulator:
            _say(f"A simulated PCE listens on https://{simulator.host}:{simulator.port}, with a CA of its own.")
            inventory = write_inventory(directory, HOSTS, _variables(simulator))
            _say(f"Pairing {len(HOSTS)} hosts: ansible-playbook -i inventory {PLAYBOOK}")
            _run(inventory)
            _show(simulator, directory)
            _say("The same again:")
            changed = sum(map(int, re.findall(r"changed=(\d+)", _run(inventory))))
    _say(f"The second run changed {changed}. Everything that was started is stopped, and its files are removed.")
    return 1 if changed else 0


def _variables(simulator: Simulator) -> dict[str, object]:
    """What a user gives: where the PCE is, an API key of it, and the pairing profile that is wanted."""
    return {
        "ven_pce_host": simulator.host,
        "ven_pce_port": simulator.port,
        "ven_pce_api_key": simulator.api_key,
        "ven_pce_api_secret": simulator.api_secret,
        "ven_pce_ca_path": simulator.ca_path,
        "ven_pairing_profile": "PP-DEMO",
        "ven_pairing_profile_options": {
            "description": "Made by the demo",
            "enforcement_mode": "visibility_only",
            "allowed_uses_per_key": 3,
            "key_lifespan": 3600,
            "labels": [{"href": "/orgs/1/labels/1"}],
        },
    }


def _run(inventory: Path) -> str:
    """Run the playbook, show its output, and return it. End the demo if it fails."""
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), PLAYBOOK]
    settings = {"ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false", "ANSIBLE_DEVEL_WARNING": "false", "ANSIBLE_FORKS": "5"}
    environment = {**os.environ, **settings}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        print("   ", line, end="", flush=True)
        lines.append(line)
    if process.wait():
        sys.exit(f"the playbook failed with status {process.returncode}")
    return "".join(lines)


def _show(simulator: Simulator, directory: Path) -> None:
    state = simulator.state()
    labels = {item["href"]: f"{item['key']}:{item['value']}" for item in state["labels"]}
    _say("What the PCE shows now:")
    print(f"    {'hostname':10} {'managed':8} {'online':7} {'enforcement mode':17} labels")
    for item in sorted(state["workloads"], key=lambda workload: str(workload["hostname"])):
        shown = ", ".join(labels[label["href"]] for label in item["labels"])
        flags = f"{item['managed']!s:8} {item['online']!s:7}"
        print(f"    {item['hostname']:10} {flags} {item['enforcement_mode']:17} {shown}")
    command = [str(program(directory, HOSTS[0])), "status"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip().splitlines()[-1]
    _say(f"What the VEN of {HOSTS[0]} says: {answer}")
    requests = [entry for entry in simulator.journal() if "/agents/" not in entry["path"]]
    _say(f"The PCE's API was asked {len(requests)} times for all {len(HOSTS)} hosts:")
    for entry in requests:
        print(f"    {entry['status']} {entry['method']} {entry['path']}")


def _say(text: str) -> None:
    print(f"\n==> {text}", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\ninterrupted; everything that was started is stopped")
