"""Plays that apply the role ven to hosts that are directories."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

from tests.directory_hosts import pce_variables, program, write_inventory
from tests.integration.runner import Ended, recap, run_playbook
from tests.simulator.launch import Simulator

ROLE = "microseg.enforcement.ven"
CODE = re.compile(r"[0-9a-f]{81}")

Hosts = Union[Iterable[str], Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True)
class Plays:
    """Runs plays in a directory, against a simulator."""

    simulator: Simulator
    directory: Path

    def inventory(self, hosts: Hosts, **variables: Any) -> Path:
        """Write an inventory that leads the role to the simulator; a variable that is None is not set."""
        known = {**pce_variables(self.simulator), "ven_pairing_profile": "Default", **variables}
        given = {name: value for name, value in known.items() if value is not None}
        return write_inventory(self.directory, hosts, given)

    def run(self, plays: list[dict[str, Any]], inventory: Path, *flags: str, **env: str) -> Ended:
        """Run plays on all hosts, unless they say otherwise."""
        common = {"hosts": "all", "gather_facts": False}
        path = self.directory / "play.json"
        path.write_text(json.dumps([{**common, **play} for play in plays]))
        return run_playbook(path, "-i", str(inventory), *flags, env=env)

    def role(self, hosts: Hosts, *flags: str, play: Mapping[str, Any] | None = None, **variables: Any) -> Ended:
        """Apply the role to some hosts by a play with the role, or by the keywords of ``play``."""
        inventory = self.inventory(hosts, **variables)
        return self.run([{"roles": [{"role": ROLE}], **(play or {})}], inventory, *flags)

    def managed(self) -> list[str]:
        """The hostnames of the workloads that the PCE manages."""
        return sorted(item["hostname"] for item in self.simulator.state()["workloads"] if item["managed"])

    def keys(self) -> int:
        """How many pairing keys there are."""
        return len(self.simulator.state()["pairing_keys"])

    def program(self, host: str, lines: str) -> Path:
        """Put a shell script in place of a host's VEN."""
        path = program(self.directory, host)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)
        return path


def include(**keywords: Any) -> dict[str, Any]:
    """A task that includes the role."""
    return {"ansible.builtin.include_role": {"name": ROLE}, **keywords}


def words(ended: Ended) -> str:
    """The output without line breaks."""
    return re.sub(r"(\s|\\n)+", " ", ended.output)


def counted(ended: Ended, what: str) -> list[str]:
    """The hosts of which a run has counted ``what``, such as changed."""
    return sorted(host for host, counts in recap(ended).items() if counts[what])
