"""One cell of the matrix: a task in a fault, and a second run after it."""

from __future__ import annotations

import base64
import json
import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.integration.runner import Result, connection, connector, module_output, result_of
from tests.reliability import contents, verdict
from tests.reliability.contents import Contents
from tests.reliability.faults import Fault
from tests.reliability.operations import CONNECTOR, KEY_FILE, PASSWORD, Operation
from tests.simulator.launch import Simulator
from tests.unit.loopback import Loopback, closed_port

MARGIN = 10.0
"""Seconds that a task may take beyond its deadline: to start, and to end, on a machine under load."""

_TRIES = 3


@dataclass(frozen=True)
class Cell:
    """A fault at a request of a task."""

    operation: Operation
    fault: Fault

    @property
    def name(self) -> str:
        return f"{self.operation.name} | {self.fault.name}"

    @property
    def makes_sense(self) -> bool:
        """Whether there is this fault at this request, and another cell does not show the same."""
        if self.operation.method not in self.fault.methods or (self.fault.needs_job and self.operation.crowd is None):
            return False
        return self.fault.everywhere or not self.operation.is_further_look


@dataclass
class Outcome:
    """What a cell showed. ``word`` is for the page, ``problems`` are what must not be."""

    word: str
    problems: list[str]
    counts: verdict.Counts
    message: str = ""
    repaired: bool | None = None


@dataclass(frozen=True)
class Reference:
    """What a task does without any fault: the contents before and after, and its requests."""

    before: Contents
    wanted: Contents
    seeded: frozenset[str]
    requests: int
    hits: int


@dataclass
class Place:
    """Where cells run, one after the other: a simulator, a server that redirects lead to, and room for key files."""

    simulator: Simulator
    elsewhere: Loopback
    directory: Path
    references: dict[tuple[str, bool], Reference] = field(default_factory=dict)

    def run(self, cell: Cell) -> Outcome:
        """Run a cell. One whose task was too slow to meet the fault in time is run again with more time."""
        reference = self._reference(cell)
        for attempt in range(_TRIES):
            outcome = self._attempt(cell, reference, cell.fault.deadline * 2**attempt)
            if outcome is not None:
                return outcome
        return Outcome("not met", [f"the fault was not met in {_TRIES} runs"], verdict.Counts())

    def _reference(self, cell: Cell) -> Reference:
        key = (cell.operation.name, cell.fault.needs_job)
        if key not in self.references:
            with tempfile.TemporaryDirectory(dir=self.directory) as room:
                path = Path(room) / "keys.json"
                seeded, before = self._prepare(cell, path)
                result, _output, _seconds = self._task(cell.operation, path, {})
                assert not result.get("failed"), (cell.operation.name, result)
                assert result["changed"], cell.operation.name
                entries = self.simulator.journal()
                wanted = contents.read(self.simulator.state(), path, seeded)
                hits = sum(_is_hit(cell.operation, entry) for entry in entries)
                self.references[key] = Reference(before, wanted, seeded, len(entries), hits)
        return self.references[key]

    def _prepare(self, cell: Cell, path: Path) -> tuple[frozenset[str], Contents]:
        """Bring the simulator to where the task starts. Return its references and contents."""
        operation, simulator = cell.operation, self.simulator
        simulator.reset()
        simulator.settings(connector_auth=True, unpair_rate_limit=0)
        simulator.seed(**operation.seed)
        if cell.fault.needs_job and operation.crowd is not None:
            simulator.seed(**operation.crowd)
        for module, options in operation.setup:
            made = result_of(module, *module_output(module, {**connection(simulator), **_placed(options, path)}))
            assert made["changed"], made
        state = simulator.state()
        seeded = contents.references(state)
        simulator.clear_journal()
        return seeded, contents.read(state, path, seeded)

    def _attempt(self, cell: Cell, reference: Reference, deadline: float) -> Outcome | None:
        """Run a cell. None if its fault was not met, because the machine was too slow for the deadline."""
        fault, operation, simulator = cell.fault, cell.operation, self.simulator
        with tempfile.TemporaryDirectory(dir=self.directory) as room:
            path = Path(room) / "keys.json"
            _seeded, before = self._prepare(cell, path)
            assert before == reference.before, cell.name
            known = contents.codes(path)
            target = f"{self.elsewhere.url}/{operation.module}/{id(cell)}"
            self._break(operation, fault, target)
            limits = {"deadline": deadline, "timeout": fault.timeout}
            result, output, seconds = self._task(operation, path, limits, fault.closed)
            entries = simulator.journal()
            if not fault.closed and not fault.needs_job and not any(_is_fault(fault, entry) for entry in entries):
                return None
            now = contents.read(simulator.state(), path, reference.seeded)
            secrets = [*self._secrets(), *(known if result.get("failed") else [])]
            case = verdict.Case(
                before=reference.before,
                wanted=reference.wanted,
                now=now,
                result=result,
                output=output,
                entries=operation.entries,
                has_parts=operation.has_parts,
                secrets=secrets,
                repeated=sum(_is_hit(operation, entry) for entry in entries) > reference.hits,
                looked=len(entries) > reference.requests,
                # Nobody says that a connector server answers a PUT with a body: see docs/architecture.md.
                may_be_warned=operation.is_connector and fault.is_bare,
            )
            outcome = Outcome(*verdict.judge(case), message=str(result.get("msg", "")))
            if seconds > deadline + MARGIN:
                outcome.problems.append(f"took {seconds:.1f} s with a deadline of {deadline:g} s")
            if any(seen.path.startswith(target[len(self.elsewhere.url) :]) for seen in self.elsewhere.seen):
                outcome.problems.append(verdict.FOLLOWED)
            if now != reference.wanted:
                outcome.repaired = self._again(cell, path, reference, outcome)
            return outcome

    def _again(self, cell: Cell, path: Path, reference: Reference, outcome: Outcome) -> bool:
        """Run the task once more without the fault. Return whether all is then as wanted."""
        self.simulator.clear_faults()
        self.simulator.settings(job_outcome="done")
        result, _output, _seconds = self._task(cell.operation, path, {})
        now = contents.without_orphans(contents.read(self.simulator.state(), path, reference.seeded), reference.wanted)
        if now == reference.wanted and not result.get("failed"):
            return True
        outcome.problems.append(f"a second run does not repair it: {result.get('msg')}")
        return False

    def _break(self, operation: Operation, fault: Fault, target: str) -> None:
        for also in operation.also:
            self.simulator.fault(**also)
        if fault.settings:
            self.simulator.settings(**fault.settings)
        rule = fault.rule(target)
        if rule is not None:
            self.simulator.fault(**rule, **operation.rule())

    def _task(
        self, operation: Operation, path: Path, limits: Mapping[str, Any], closed: bool = False
    ) -> tuple[Result, str, float]:
        """Run the task. Return its result, all that it printed, and the seconds that it took."""
        options = {**self._connection(operation, closed), **limits, **_placed(operation.options, path)}
        start = time.monotonic()
        stdout, stderr = module_output(operation.module, options)
        seconds = time.monotonic() - start
        return result_of(operation.module, stdout, stderr), stdout + stderr, seconds

    def _connection(self, operation: Operation, closed: bool) -> dict[str, Any]:
        if not operation.is_connector:
            options = connection(self.simulator)
            return {**options, "pce_port": closed_port()} if closed else options
        options = connector(self.simulator, CONNECTOR)
        options.update(connector_user=self.simulator.api_key, connector_password=self.simulator.api_secret)
        return {**options, "connector_url": f"https://127.0.0.1:{closed_port()}"} if closed else options

    def _secrets(self) -> list[str]:
        token = base64.b64encode(f"{self.simulator.api_key}:{self.simulator.api_secret}".encode()).decode()
        return [self.simulator.api_secret, token, PASSWORD, json.dumps(PASSWORD)[1:-1]]


def _placed(options: Mapping[str, Any], path: Path) -> dict[str, Any]:
    return {name: str(path) if value == KEY_FILE else value for name, value in options.items()}


def _is_fault(fault: Fault, entry: Mapping[str, Any]) -> bool:
    return fault.values is not None and entry["fault"] == fault.values["kind"]


def _is_hit(operation: Operation, entry: Mapping[str, Any]) -> bool:
    return entry["method"] == operation.method and _pattern(operation.path).search(entry["path"]) is not None


@lru_cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(path)
