"""Running Ansible from the outside, and what a run costs: time, requests, memory."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration import runner
from tests.simulator.launch import Simulator

CALLBACKS = Path(__file__).parent / "callback_plugins"

_LOOK = 0.02
"""Seconds between two looks at the memory. The peak is the kernel's own, so one look late in a process is enough."""


@dataclass(frozen=True)
class Cost:
    """What one run cost: seconds by the clock, seconds of processors, and peak memory in MB."""

    seconds: float
    processor: float
    worker_mb: float
    ansible_mb: float
    requests: int
    output: str


def environment(**more: str) -> dict[str, str]:
    """The environment of a user: without what this process may have of Python (no bytecode, for example)."""
    return {name: value for name, value in runner.environment(**more).items() if not name.startswith("PYTHON")}


class Bench:
    """A simulator, a directory for playbooks, and how runs against it are measured."""

    def __init__(self, simulator: Simulator, directory: Path) -> None:
        self.simulator = simulator
        self.directory = directory
        # The PCE's limit would only measure waiting.
        self.connection = {**runner.connection(simulator), "max_requests_per_minute": 100000, "deadline": 7200}

    def fresh(self, **objects: Any) -> None:
        """A PCE as new, without limits, with some objects."""
        self.simulator.reset()
        self.simulator.settings(rate_limit=0, job_retry_after=0)
        if objects:
            self.simulator.seed(**objects)

    def ad_hoc(self, module: str, options: Mapping[str, Any] | None = None) -> Cost:
        """Run one module by `ansible localhost -m`."""
        arguments = ["-a", json.dumps(options)] if options else []
        return self.run(["ansible", "localhost", "-m", module, *arguments])

    def tasks(self, tasks: Sequence[Mapping[str, Any]], *flags: str, **more: str) -> Cost:
        """Run a playbook of some tasks on localhost."""
        path = self.directory / "playbook.json"
        path.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": list(tasks)}]))
        return self.run(["ansible-playbook", str(path), *flags], **more)

    def turns(self, modules: Mapping[str, Mapping[str, Any]], times: int, more: str) -> dict[str, list[list[float]]]:
        """Run a task of each module in turns. Return the seconds by the clock and of processors, by module.

        The first of each is not counted: what it imports and packs is kept for the others. ``more`` is a further
        collections path.
        """
        path = self.directory / "turns.json"
        collections = os.pathsep.join(filter(None, [os.environ["ANSIBLE_COLLECTIONS_PATH"], more]))
        self.tasks(
            [{module: options} for _time in range(times + 1) for module, options in modules.items()],
            ANSIBLE_CALLBACK_PLUGINS=str(CALLBACKS),
            ANSIBLE_CALLBACKS_ENABLED="turns",
            ANSIBLE_COLLECTIONS_PATH=collections,
            MICROSEG_TURNS=str(path),
        )
        costs: dict[str, list[list[float]]] = {module: [] for module in modules}
        for module, *cost in json.loads(path.read_text()):
            costs[module].append(cost)
        return {module: found[1:] for module, found in costs.items()}

    def run(self, command: Sequence[str], **more: str) -> Cost:
        """Run a command to its end and return what it cost. Raise RuntimeError where it fails."""
        self.simulator.clear_journal()
        with tempfile.TemporaryFile() as output:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            start = time.perf_counter()
            process = subprocess.Popen(
                list(command), env=environment(**more), stdout=output, stderr=subprocess.STDOUT, cwd=self.directory
            )
            peaks = _Peaks(process.pid)
            try:
                ended = process.wait()
            except KeyboardInterrupt:
                process.terminate()
                process.wait()
                raise
            seconds = time.perf_counter() - start
            peaks.stop()
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            output.seek(0)
            text = output.read().decode(errors="replace")
        if ended:
            raise RuntimeError(f"{' '.join(command)[:300]} ended with {ended}:\n{text[-3000:]}")
        processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        asked = [entry for entry in self.simulator.journal() if "/agents/" not in entry["path"]]
        return Cost(seconds, processor, peaks.worker, peaks.ansible, len(asked), text)


class _Peaks:
    """Looks at the peak memory of a process and all below it until told to stop."""

    def __init__(self, pid: int) -> None:
        self.worker = self.ansible = 0.0
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_LOOK):
            for pid in _family(self._pid):
                try:
                    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
                except OSError:
                    continue  # it has ended meanwhile
                if found is None:
                    continue
                peak = int(found.group(1)) / 1024
                if pid == self._pid:
                    self.ansible = max(self.ansible, peak)
                else:
                    self.worker = max(self.worker, peak)


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _family(int(child))


def machine() -> dict[str, Any]:
    """What a reader has to know of the machine, and nothing that names it."""
    from importlib.metadata import version

    return {
        "cores": os.cpu_count(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "ansible-core": version("ansible-core"),
        "requests": version("requests"),
    }


def loads() -> float:
    """How many processes wanted a processor in the last minute."""
    return round(os.getloadavg()[0], 1)


def actions(output: str) -> Counter[str]:
    """The PLAY RECAP of localhost, or the state that an ad-hoc run printed."""
    return Counter({key: int(value) for key, value in re.findall(r"(ok|changed|failed)=(\d+)", output)})
