"""The main jobs on this machine: a PCE (simulated), some hosts (directories), and the playbook that pairs them; then
connector servers (simulated), and the playbook that brings their instances to their states."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.collection import make_findable, without_settings
from tests.directory_hosts import pce_variables, program, write_inventory
from tests.simulator.launch import Simulator, running

HOSTS = ["web1", "web2", "web3", "db1", "db2"]
PLAYBOOK = "microseg.enforcement.pair_vens"
CONNECTORS = "microseg.enforcement.connector_instances"
ANSIBLE_PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")


def main() -> int:
    """Pair the hosts, show them, and pair again; then connectors. Return 0 if no second run changed anything."""
    with tempfile.TemporaryDirectory(prefix="microseg-demo-") as name:
        directory = Path(name)
        make_findable(directory / "collections")
        with running(directory / "pce", connectors=["contrail", "aws"]) as simulator:
            _say(f"A simulated PCE listens on https://{simulator.host}:{simulator.port}, with a CA of its own.")
            inventory = write_inventory(directory, HOSTS, _variables(simulator))
            _say(f"Pairing {len(HOSTS)} hosts: ansible-playbook -i inventory {PLAYBOOK}")
            _run("-i", str(inventory), PLAYBOOK)
            _show(simulator, directory)
            _say("The same again:")
            changed = _changes(_run("-i", str(inventory), PLAYBOOK))
            _say(f"The second run changed {changed}.")
            changed += _connect(simulator, directory)
    _say("Everything that was started is stopped, and its files are removed.")
    return 1 if changed else 0


def _connect(simulator: Simulator, directory: Path) -> int:
    """Bring the instances of two connectors to their states, show them, and do it again. Return what that changed."""
    variables = directory / "connectors.json"
    variables.write_text(json.dumps({"pe_connectors": _wanted(simulator, directory)}))
    arguments = [CONNECTORS, "-e", f"@{variables}"]
    _say("Connector servers of a Policy Enforcer: " + ", ".join(simulator.connectors.values()))
    _say(f"Three projects of two Contrail controllers, a VPC of AWS: ansible-playbook {CONNECTORS} -e @connectors.json")
    _run(*arguments)
    _say("What the connectors show now:")
    for name, instances in simulator.state()["connector_instances"].items():
        for item in instances:
            space = item["endpointAddressSpace"]
            print(f"    {name:10} {item['controller']['ipAddress']:18} {space['type']} {space['name']}")
    simulator.clear_journal()
    _say("The same again:")
    changed = _changes(_run(*arguments))
    asked = [f"{entry['server']} {entry['method']} {entry['path']}" for entry in simulator.journal()]
    _say(f"The second run changed {changed}, and asked: {', '.join(asked)}")
    return changed


def _wanted(simulator: Simulator, directory: Path) -> list[dict[str, object]]:
    """What a user gives: each connector with its instances. Two controllers may have projects of the same name."""
    key = directory / "srx.pem"
    key.write_text("-----BEGIN PRIVATE KEY-----\nof the demo, opens nothing\n-----END PRIVATE KEY-----\n")
    login = {"controller_username": "admin", "controller_password": "of the demo"}
    projects = [("192.0.2.1", "red"), ("192.0.2.1", "blue"), ("192.0.2.2", "red")]
    contrail = [
        {**login, "controller": ip, "address_space_type": "Project", "address_space_name": name}
        for ip, name in projects
    ]
    aws = {
        **login,
        "controller": "www.aws.amazon.com",
        "controller_context": "us-east-1",
        "address_space_type": "VPC",
        "address_space_name": "vpc-0a1b2c3d",
        "additional_settings": {"SECURITY_GROUP_NAME": "infected", "SRX_ID_TAG": "srx", "SRX_USERNAME": "security"},
        "file_settings": {"PRIVATE_KEY_FILE": str(key)},
    }
    instances = {"contrail": contrail, "aws": [aws]}
    return [
        {"url": url, "ca_path": simulator.ca_path, "instances": instances[name]}
        for name, url in simulator.connectors.items()
    ]


def _changes(output: str) -> int:
    found = re.findall(r"\bchanged=(\d+)", output)
    if not found:
        sys.exit("the playbook showed no PLAY RECAP")
    return sum(map(int, found))


def _variables(simulator: Simulator) -> dict[str, object]:
    """What a user gives: where the PCE is, an API key of it, and the pairing profile that is wanted."""
    return {
        **pce_variables(simulator),
        "ven_pairing_profile": "PP-DEMO",
        "ven_pairing_profile_options": {
            "description": "Made by the demo",
            "enforcement_mode": "visibility_only",
            "allowed_uses_per_key": 3,
            "key_lifespan": 3600,
            "labels": [{"href": "/orgs/1/labels/1"}],
        },
    }


def _run(*arguments: str) -> str:
    """Run a playbook, show its output, and return it. End the demo if it fails."""
    command = [str(ANSIBLE_PLAYBOOK), *arguments]
    settings = {
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
        "ANSIBLE_DEVEL_WARNING": "false",
        "ANSIBLE_FORKS": "5",
    }
    environment = {**without_settings(), **settings}
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
