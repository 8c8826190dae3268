"""A case: a module, its options, what goes wrong with the server's answers; and running it, with a count."""

from __future__ import annotations

import atexit
import json
import os
import select
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from tests.collection import ROOT, without_settings

MAX_CPU_SECONDS = 60.0
"""Processor time that a case may take, which does not depend on what else the machine does; most take a hundredth."""

_LOOK_SECONDS = 20.0
"""Between two looks at a worker. One that used no processor time in between waits for something that never comes."""

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
    line = process.stdout.readline() if _is_ready(process.pid, process.stdout) else ""
    if not line:
        _end()
        problem = f"the process died, hung, or used more than {MAX_CPU_SECONDS:g} s of processor time"
        return {"problems": [problem], "requests": [], "msg": ""}
    outcome: dict[str, Any] = json.loads(line)
    return outcome


def _is_ready(pid: int, output: IO[str]) -> bool:
    """Wait for a line of a worker. Return False if it hangs, or computes for too long."""
    begun = last = _cpu_seconds(pid)
    while not select.select([output], [], [], _LOOK_SECONDS)[0]:
        now = _cpu_seconds(pid)
        if now == last or now - begun > MAX_CPU_SECONDS:
            return False
        last = now
    return True


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
