"""Running modules and playbooks from the outside: a process in, its result out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.collection import without_settings
from tests.integration import interpreter, nursery
from tests.simulator.launch import Simulator

NAMESPACE = "microseg.enforcement"
TASK = "tests.integration.task"
Result = dict[str, Any]


@dataclass(frozen=True)
class Ended:
    """A process that has ended: its exit status and all that it printed."""

    status: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """Everything that a user would see."""
        return self.stdout + self.stderr


def connection(simulator: Simulator) -> dict[str, Any]:
    """The connection options that lead to a simulator."""
    return {
        "pce_host": simulator.host,
        "pce_port": simulator.port,
        "pce_org_id": simulator.org_id,
        "api_key": simulator.api_key,
        "api_secret": simulator.api_secret,
        "ca_path": simulator.ca_path,
    }


def connector(simulator: Simulator, name: str) -> dict[str, Any]:
    """The connection options that lead to a connector server of a simulator."""
    return {"connector_url": simulator.connectors[name], "ca_path": simulator.ca_path}


def environment(**more: str) -> dict[str, str]:
    """The environment of a child: this one's without anything that could lead to a PCE, and `more`."""
    settings = {
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_RETRY_FILES_ENABLED": "false",
        **interpreter.variables(),
        "ANSIBLE_DEVEL_WARNING": "false",
        "ANSIBLE_PIPELINING": "true",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    return {**without_settings(), **settings, **more}


def run_module(
    name: str,
    options: Mapping[str, Any],
    check: bool = False,
    env: Mapping[str, str] | None = None,
    in_worker: bool = True,
) -> Result:
    """Run a module by its action plugin, in a process like Ansible's worker or from there in one of its own.

    A tenth of the time of a whole Ansible run; `run_ansible` covers what lies around it.
    """
    result = result_of(name, *module_output(name, options, check, env, in_worker))
    for key in ("invocation", "_ansible_parsed"):
        result.pop(key, None)
    return result


def module_output(
    name: str,
    options: Mapping[str, Any],
    check: bool = False,
    env: Mapping[str, str] | None = None,
    in_worker: bool = True,
) -> tuple[str, str]:
    """Run a module as `run_module` does. Return all that it printed, on standard output and standard error."""
    text = json.dumps({"module": name, "options": options, "check": check, "in_worker": in_worker})
    return nursery.run(TASK, text, {**environment(), **(env or {})}, timeout=120)


def result_of(name: str, stdout: str, stderr: str) -> Result:
    """The result in what a module printed."""
    try:
        result: Result = json.loads(stdout)
    except ValueError as error:
        raise AssertionError(f"{name} printed no result:\n{stdout}\n{stderr}") from error
    assert "Traceback" not in stderr, stderr
    return result


def module_name(name: str) -> str:
    """The name by which Python imports a module."""
    return f"ansible_collections.{NAMESPACE}.plugins.modules.{name}"


def run_ansible(
    name: str, options: Mapping[str, Any], *flags: str, env: Mapping[str, str] | None = None
) -> tuple[Result, Ended]:
    """Run a module by `ansible localhost -m`. Return its result and what was printed."""
    command = ["ansible", "localhost", "-m", f"{NAMESPACE}.{name}", "-a", json.dumps(options), *flags]
    ended = run(command, env=env)
    found = re.search(r"localhost \| [A-Z!]+ => (\{.*\})", ended.stdout, re.DOTALL)
    assert found, ended.output
    return json.loads(found.group(1)), ended


def run_playbook(
    playbook: str | Path, *flags: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Ended:
    """Run a playbook, by path or FQCN."""
    return run(["ansible-playbook", str(playbook), *flags], env=env, cwd=cwd)


def run(command: list[str], env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Ended:
    """Run a command to its end."""
    given = {**environment(), **(env or {})}
    ended = subprocess.run(
        _fast_playbook().command(command, given),
        env=given,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@lru_cache
def _fast_playbook() -> interpreter.Playbook:
    return interpreter.Playbook(environment())


def recap(ended: Ended) -> dict[str, dict[str, int]]:
    """The PLAY RECAP: for each host ok, changed, failed and so on."""
    lines = re.findall(r"^(\S+)\s+: (ok=.*)$", ended.stdout, re.MULTILINE)
    return {host: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", rest)} for host, rest in lines}
