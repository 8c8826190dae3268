"""A simulator for the length of a `with` block, for tests and the demo. Standard library only."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

START_TIME = 30.0
"""Seconds that the simulator may take to become ready."""

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Simulator:
    """A running simulator: how to reach it (ca_path is a PEM file), and its control path as methods."""

    host: str
    port: int
    ca_path: str
    api_key: str
    api_secret: str = field(repr=False)
    org_id: int
    pid: int
    connectors: dict[str, str] = field(default_factory=dict)
    """The URLs of the connector servers, by name."""

    def reset(self) -> None:
        """Back to how it started: objects, journal, faults and settings."""
        self._control("POST", "reset")

    def journal(self) -> list[dict[str, Any]]:
        """The requests under /api/, oldest first; journal.py has the shape of an entry."""
        entries: list[dict[str, Any]] = self._control("GET", "journal")
        return [entry for entry in entries if entry["path"].startswith("/api/")]

    def clear_journal(self) -> None:
        """Forget the requests so far."""
        self._control("DELETE", "journal")

    def seed(self, **objects: Any) -> dict[str, Any]:
        """Store objects raw: labels, pairing_profiles, workloads (lists), generate; returns them with their HREFs.

        connector_types and connector_instances go by the connector's name.
        """
        stored: dict[str, Any] = self._control("POST", "seed", objects)
        return stored

    def state(self) -> dict[str, Any]:
        """What is stored: pairing_profiles, pairing_keys (without codes), labels, workloads, activations,
        unpairings (by the PCE).

        connector_instances holds a list for each connector, with secrets as SHA-256 digests.
        """
        stored: dict[str, Any] = self._control("GET", "state")
        return stored

    def settings(self, **values: Any) -> None:
        """Change settings; settings.py has their names."""
        self._control("PUT", "settings", values)

    def fault(self, kind: str, **values: Any) -> None:
        """Add a fault; faults.py has the kinds and values. It hits one request unless `times` says otherwise."""
        self._control("POST", "faults", {"kind": kind, **values})

    def clear_faults(self) -> None:
        """No faults any more."""
        self._control("DELETE", "faults")

    def advance(self, seconds: float) -> float:
        """Let seconds pass at once. Return how many have since the start, or since the last reset."""
        offset: float = self._control("POST", "clock", {"seconds": seconds})["clock_offset"]
        return offset

    def _control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        # Not urllib: no proxy and no CA bundle of the environment may come between.
        context = _trusting(self.ca_path)
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=30, context=context)
        try:
            connection.request(method, f"/_simulator/{path}", None if body is None else json.dumps(body))
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        if response.status >= 300:
            raise ValueError(f"the simulator refuses {method} {path}: {text.strip()}")
        return json.loads(text) if text else None


@lru_cache
def _trusting(ca_path: str) -> ssl.SSLContext:
    # Made once: that takes as long as a request.
    return ssl.create_default_context(cafile=ca_path)


@contextmanager
def running(directory: Path, **options: Any) -> Iterator[Simulator]:
    """Start `python -m tests.simulator` as a child and stop it at the end of the block.

    directory: where ca.pem, simulator.json and simulator.log go; options: those of the command line by their
    names with underscores (`rate_limit=0`; true for a flag, a list for one that repeats).
    """
    directory.mkdir(parents=True, exist_ok=True)
    ready = directory / "simulator.json"
    ready.unlink(missing_ok=True)
    log = directory / "simulator.log"
    command = [sys.executable, "-m", "tests.simulator", "--directory", str(directory), "--exit-with-parent"]
    with log.open("wb") as output:
        child = subprocess.Popen(
            [*command, *_arguments(options)],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Simulator(**_wait(child, ready, log))
    finally:
        _stop(child)


def _arguments(options: dict[str, Any]) -> list[str]:
    arguments = []
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        if value is True:
            arguments.append(option)
        elif value is not None and value is not False:
            for item in value if isinstance(value, (list, tuple)) else [value]:
                arguments.append(f"{option}={item}")
    return arguments


def _wait(child: subprocess.Popen[bytes], ready: Path, log: Path) -> dict[str, Any]:
    """What the simulator says of itself once it is ready; raises RuntimeError with its log when it does not get so."""
    deadline = time.monotonic() + START_TIME
    while time.monotonic() < deadline and child.poll() is None:
        if ready.exists():
            values: dict[str, Any] = json.loads(ready.read_text(encoding="utf-8"))
            return values
        time.sleep(0.02)
    raise RuntimeError(f"the simulator did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Ask the child to end; kill it when it does not."""
    child.terminate()
    try:
        child.wait(timeout=5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
