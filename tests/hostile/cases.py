"""A case: a module, its options, what goes wrong with the server's answers; and running it, with a count."""

from __future__ import annotations

import atexit
import json
import select
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.collection import ROOT, without_settings

PATIENCE = 60.0
"""Seconds that a case may take; most take a hundredth of one."""

COUNT: Counter[str] = Counter()
"""How many cases were run, by module."""

Case = Mapping[str, Any]
"""``module``, ``options``, and if there are any ``faults`` and ``check``: see worker.py and faults.py."""

_workers: dict[str, subprocess.Popen[str]] = {}


def check(case: Case) -> dict[str, Any]:
    """Run a case and return its outcome. An AssertionError has a command that runs it again."""
    COUNT[case["module"]] += 1
    outcome = ask(case)
    assert not outcome["problems"], report(case, outcome)
    return outcome


def ask(case: Mapping[str, Any]) -> dict[str, Any]:
    """Hand a case to the worker and return its outcome."""
    name = "inventory_worker" if case.get("module") == "inventory" else "worker"
    process = _worker(name)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(case) + "\n")
    process.stdin.flush()
    ready, _writable, _failed = select.select([process.stdout], [], [], PATIENCE)
    line = process.stdout.readline() if ready else ""
    if not line:
        _end()
        return {"problems": [f"no outcome within {PATIENCE:g} seconds, or the process died"], "requests": [], "msg": ""}
    outcome: dict[str, Any] = json.loads(line)
    return outcome


def report(case: Case, outcome: Mapping[str, Any]) -> str:
    """Return what broke, and how to run it again."""
    lines = [
        *outcome["problems"],
        f"requests: {outcome['requests']}",
        f"msg: {outcome['msg'][:500]!r}",
        outcome.get("traceback", ""),
        "again: python -m tests.hostile " + shlex.quote(json.dumps(case)),
    ]
    return "\n".join(lines)


def specs(modules: list[str]) -> dict[str, Any]:
    """Return the argument specs of modules."""
    return ask({"specs": modules})


def _worker(name: str) -> subprocess.Popen[str]:
    if name not in _workers:
        command = [sys.executable, "-m", f"tests.hostile.{name}"]
        _workers[name] = subprocess.Popen(
            command,
            cwd=ROOT,
            env=without_settings(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(_end)
    return _workers[name]


def _end() -> None:
    for process in _workers.values():
        # It ends, and removes its directory, when there are no more cases; one that hangs is killed.
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    _workers.clear()
