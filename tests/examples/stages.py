"""What a document's examples find when they run, and what is not run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PAIR = "ansible-playbook -i inventory microseg.enforcement.pair_vens -e ven_pairing_profile="
WEB_PROD = [{"href": "/orgs/1/labels/1"}, {"href": "/orgs/1/labels/4"}]
WEB_TEST = [{"href": "/orgs/1/labels/1"}, {"href": "/orgs/1/labels/5"}]


@dataclass(frozen=True)
class Stage:
    """What is there before the examples of one document.

    ``seed`` and ``settings`` go to the simulator, ``variables`` are those that tasks mention, ``files`` go beside the
    examples, ``before`` are commands, ``hosts`` are those of the play around tasks (localhost if there are none).
    ``is_whole``: the document says itself how its hosts are reached. ``changed`` is how many tasks the examples change
    something by, on all hosts.
    """

    changed: int = 0
    seed: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    before: Sequence[str] = ()
    hosts: Sequence[str] = ()
    is_whole: bool = False


def profile(name: str, **more: Any) -> dict[str, Any]:
    """A pairing profile to seed."""
    return {"name": name, "enabled": True, "enforcement_mode": "visibility_only", "labels": WEB_PROD, **more}


def workload(number: int, hostname: str, labels: Sequence[Mapping[str, str]] = (), **more: Any) -> dict[str, Any]:
    """A paired workload to seed."""
    uuid = f"00000000-0000-4000-8000-{number:012}"
    return {
        "href": f"/orgs/1/workloads/{uuid}",
        "hostname": hostname,
        "name": None,
        "managed": True,
        "online": True,
        "enforcement_mode": "visibility_only",
        "labels": list(labels),
        "ven": {"href": f"/orgs/1/vens/{uuid}", "hostname": hostname, "status": "active", "version": "23.2.20-157"},
        "interfaces": [{"name": "eth0", "address": f"192.0.2.{number}"}],
        "os_id": "linux",
        **more,
    }


def instance(name: str, ip: str = "10.92.82.18") -> dict[str, Any]:
    """An instance of a Contrail connector to seed."""
    return {
        "controller": {"ipAddress": ip, "port": 443, "username": "admin", "password": "seeded"},
        "endpointAddressSpace": {"type": "Project", "name": name},
    }


SOURCE = {
    "workloads": [
        workload(1, "web1.example.com", WEB_PROD),
        workload(2, "web2.example.com", WEB_PROD, enforcement_mode="full"),
        workload(3, "web3.example.com", WEB_TEST),
    ]
}
SITE = "- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.debug:\n        msg: example\n"
LIST_LABELS = "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - microseg.enforcement.pce_label_info:\n"
PASSWORDS = {
    "contrail_password": "p-contrail",
    "new_contrail_password": "p-new",
    "aws_access": "a",
    "aws_secret": "p-aws",
    "azure_controller": "azure.example.com",
    "azure_user": "a",
    "azure_password": "p-azure",
}

STAGES = {
    "README.md": Stage(changed=4, seed={"pairing_profiles": [profile("PP-WEB")]}),
    "docs/docsite/rst/connector-instances.rst": Stage(
        changed=1, variables={"vault_contrail_password": "p", "vault_aws_access": "a", "vault_aws_secret": "p"}
    ),
    "docs/docsite/rst/assumptions.rst": Stage(changed=0),
    "docs/docsite/rst/awx.rst": Stage(
        changed=3,
        variables={
            "ven_pairing_profile": "Default",
            "ven_hosts": "web1.example.com",
            # What a credential of AWX injects.
            "pe_connector_url": "{{ lookup('ansible.builtin.env', 'PE_CONNECTOR_URL') }}",
            "pe_controller_username": "admin",
            "pe_controller_password": "p-contrail",
        },
    ),
    "docs/docsite/rst/first-pce.rst": Stage(changed=8),
    "docs/docsite/rst/illumio-core.rst": Stage(changed=4),
    "docs/docsite/rst/inventory.rst": Stage(seed=SOURCE, files={"site.yml": SITE}),
    "docs/docsite/rst/labels.rst": Stage(
        changed=2, seed={"labels": [{"key": "loc", "value": "here", "href": "/orgs/1/labels/12"}]}
    ),
    "docs/docsite/rst/pairing-report.rst": Stage(changed=5, seed={"pairing_profiles": [profile("PP-WEB")]}),
    "docs/docsite/rst/pairing.rst": Stage(changed=3),
    "docs/docsite/rst/quick-start.rst": Stage(changed=5, is_whole=True),
    "docs/docsite/rst/rollout.rst": Stage(
        changed=11,
        seed={"workloads": [workload(number, f"host{number}", WEB_TEST) for number in range(1, 41)]},
    ),
    "docs/docsite/rst/scale.rst": Stage(variables={"awx_job_slice_count": 9}, files={"site.yml": LIST_LABELS}),
    "docs/docsite/rst/unpairing.rst": Stage(changed=2, before=[f"{PAIR}Default"]),
    "roles/ven/README.md": Stage(changed=3),
    "plugins/modules/pce_label.py": Stage(changed=2),
    "plugins/modules/pce_pairing_key.py": Stage(changed=3, seed={"pairing_profiles": [profile("PP-WEB")]}),
    "plugins/modules/pce_pairing_profile.py": Stage(changed=5),
    "plugins/modules/pce_pairing_profile_info.py": Stage(
        seed={
            "pairing_profiles": [profile("PP-WEB")],
            "labels": [{"key": "bu", "value": "x", "href": "/orgs/1/labels/9"}],
        }
    ),
    "plugins/modules/pce_pairing_profiles.py": Stage(
        changed=2,
        seed={"pairing_profiles": [profile("TEAM-OLD")]},
        files={"profiles.yml": "[{name: PP-FILE, labels: [{app: new}]}]"},
    ),
    "plugins/modules/pce_pairing_script_info.py": Stage(
        seed={"pairing_profiles": [profile("PP-WEB", href="/orgs/1/pairing_profiles/24")]}
    ),
    "plugins/modules/pce_ven.py": Stage(
        changed=2,
        seed={
            "workloads": [*SOURCE["workloads"][:2], workload(3, "web3.example.com", WEB_TEST, online=False)],
        },
    ),
    "plugins/modules/pce_workload_info.py": Stage(
        seed={"workloads": [workload(1, "web1", WEB_PROD), workload(2, "web10", WEB_PROD)]}, hosts=["web1", "web10"]
    ),
    "plugins/modules/pce_roll_out.py": Stage(
        changed=2, seed={"workloads": [workload(number, f"web{number}", WEB_TEST) for number in range(1, 41)]}
    ),
    "plugins/modules/pce_ven_upgrade.py": Stage(
        changed=1,
        settings={"upgrade_looks": 0},
        seed={"workloads": [workload(1, "web1", WEB_TEST)]},
    ),
    "plugins/modules/pce_workload.py": Stage(changed=2, seed={"workloads": [workload(1, "web1", WEB_TEST)]}),
    "plugins/modules/pce_workloads.py": Stage(
        changed=2, seed={"workloads": [workload(1, "web1", WEB_TEST), workload(2, "db1", enforcement_mode="full")]}
    ),
    "plugins/modules/pe_connector_instance.py": Stage(changed=5, variables=PASSWORDS),
    "plugins/modules/pe_connector_instance_info.py": Stage(
        seed={"connector_instances": {"contrail": [instance("red")]}}
    ),
    "plugins/modules/pe_connector_instances.py": Stage(
        changed=2, variables=PASSWORDS, seed={"connector_instances": {"contrail": [instance("green")]}}
    ),
    "plugins/modules/ven_user_data.py": Stage(changed=1, seed={"pairing_profiles": [profile("PP-FIRST-BOOT")]}),
    "plugins/inventory/pce_workloads.py": Stage(seed=SOURCE, files={".pce_secret": "of the file"}),
    "plugins/filter/pairing_report.yml": Stage(
        variables={"known": {"text": "[]"}, "workloads": {}, "profiles": {}, "now": "2026-11-22T08:19:25Z"}
    ),
}

NOT_RUN = {
    (
        "docs/docsite/rst/awx.rst",
        r"printf 'include *.yml\nrecursive-include inventories *.yml\nrecursive-include collections *.yml\n'"
        " > MANIFEST.in",
    ): "needs a key to sign with; tests/release/test_signatures.py signs a project",
    ("docs/architecture.md", "module (documentation + one call)"): "a drawing",
    (
        "docs/docsite/rst/connector-instances.rst",
        "# json_names.yml",
    ): "for a server with other names; tests/integration/test_connector_instance.py has one",
    (
        "docs/docsite/rst/scale.rst",
        "<localhost> microseg.enforcement.pce_label runs in the worker (/usr/bin/python3)",
    ): "what -vvv prints",
    (
        "docs/docsite/rst/connector-instances.rst",
        '{"id": "8f0b2b0e-6d58-4c5e-9c7c-0f5d3c1f7a10",',
    ): "what a server sends",
    (
        "plugins/modules/ven.py",
        "- name: Pair a host with an activation code",
    ): "needs a host; tests/integration/test_ven_actions.py has one",
    (
        "plugins/modules/ven_info.py",
        "- name: Get the status of the VEN",
    ): "needs a host; tests/integration/test_ven_actions.py has one",
    (
        "plugins/modules/ven_step.py",
        "- name: Get the status of the VEN (the role runs this module)",
    ): "only the role runs it",
    (
        "plugins/modules/pce_ven_batch.py",
        "- name: Pair hosts (the role runs this module)",
    ): "only the role runs it",
    (
        "roles/ven/README.md",
        "aix:",
    ): "needs AIX; tests/integration/test_package_vens.py runs it with a stub of installp",
}
"""Blocks that are not run, by document and first line, each with the reason."""

NOT_RUN_COMMANDS = {
    "make ": "the two commands run these tests, among others",
    "export ": "the tests give the connection and Ansible's settings themselves",
    ".venv/bin/python -m tests.simulator ": "the tests have a simulator of their own",
    "rm ": "the tests remove what they made",
    "ansible-playbook microseg.enforcement.awx_setup": "test_awx.py runs it, with stand-ins for awx.awx",
    "ansible-galaxy ": "there is no Galaxy here; the collection is found as it is",
}
"""Commands that are not run, by their beginning, each with the reason."""
