"""One cell of the matrix: a task in a fault, and a second run after it."""

from __future__ import annotations

import base64
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from tests.integration import nursery
from tests.integration.runner import Result, connection, connector, environment, module_output, result_of
from tests.reliability import contents, verdict
from tests.reliability.contents import Contents
from tests.reliability.faults import CERTIFICATE, CUT, WRITING, Fault
from tests.reliability.operations import KEY_FILE, PASSWORD, PLAIN_CONNECTOR, Operation
from tests.simulator.launch import Simulator
from tests.unit.loopback import Behaviour, Canned, Loopback, closed_port, forward, hang_up, tunnel

_TRIES = 3

_LATER = 600.0
"""Seconds after the end of a task, by the simulator's clock: whatever was to be done late is done by then."""

DIRECT = ""
TUNNEL = "through a proxy"
PLAIN = "plain HTTP through a proxy"
"""Routes to the server. The proxy of a tunnel passes on bytes, the other one requests and responses."""

_PROXY_USER = "proxyuser:Pr0xy-Secret"


@dataclass(frozen=True)
class Cell:
    """A fault at a request of a task, on a route."""

    operation: Operation
    fault: Fault
    route: str = DIRECT

    @property
    def name(self) -> str:
        """Operation and fault, and the route unless it is the direct one."""
        return " | ".join([self.operation.name, self.fault.name, *([self.route] if self.route else [])])

    @property
    def direct(self) -> Cell:
        """The same on the direct route."""
        return replace(self, route=DIRECT)

    @property
    def makes_sense(self) -> bool:
        """Whether there is this fault at this request, and another cell does not show the same."""
        if self.operation.method not in self.fault.methods or (self.fault.needs_job and self.operation.crowd is None):
            return False
        if self.fault.at_proxy and not self.operation.has_fixed_order:
            return False
        if self.route == PLAIN:
            return self.fault.closed or self.fault.is_unclear
        if self.route == TUNNEL and not (self.fault.may_differ_in_tunnel and self.operation.represents_others):
            return False
        return self.fault.everywhere or self.operation.represents_others


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
    """What a task does without any fault: the contents before and after, and its requests: all of them, those that a
    fault would hit, and those before the first of these.
    """

    before: Contents
    wanted: Contents
    seeded: frozenset[str]
    requests: int
    hits: int
    requests_before: int


@dataclass
class Place:
    """Where cells run, one after the other: a simulator, a proxy, and room for files.

    ``elsewhere`` is a server that redirects lead to, ``refusing`` one that wants a client certificate; ``ca_path`` has
    the CAs of the simulator and of that one.
    """

    simulator: Simulator
    proxy: Loopback
    elsewhere: Loopback
    refusing: Loopback
    ca_path: Path
    directory: Path
    references: dict[tuple[str, str, bool], Reference] = field(default_factory=dict)

    def run(self, cell: Cell) -> Outcome:
        """Run a cell. One whose task was too slow to meet the fault, or to meet it alone, is run with more time."""
        reference = self._reference(cell)
        for attempt in range(_TRIES):
            outcome = self._attempt(cell, reference, 2**attempt)
            if outcome is not None:
                return outcome
        return Outcome("not met", [f"the fault was not met in {_TRIES} runs"], verdict.Counts())

    def _reference(self, cell: Cell) -> Reference:
        key = (cell.operation.name, cell.operation.server, cell.fault.needs_job)
        if key not in self.references:
            with tempfile.TemporaryDirectory(dir=self.directory) as room:
                path = Path(room) / "keys.json"
                seeded, before = self._prepare(cell, path)
                result, _output = self._task(cell.operation, path, self._way(cell.operation, DIRECT))
                assert not result.get("failed"), (cell.operation.name, result)
                assert result["changed"], cell.operation.name
                entries = self.simulator.journal()
                wanted = contents.read(self.simulator.state(), path, seeded)
                hits = [_is_hit(cell.operation, entry) for entry in entries]
                before_first = hits.index(True) if any(hits) else len(hits)
                self.references[key] = Reference(before, wanted, seeded, len(hits), sum(hits), before_first)
        return self.references[key]

    def _prepare(self, cell: Cell, path: Path) -> tuple[frozenset[str], Contents]:
        """Bring the simulator to where the task starts. Return its references and contents."""
        operation, simulator = cell.operation, self.simulator
        simulator.reset()
        simulator.settings(connector_auth=True, connector_duplicates="allowed", unpair_rate_limit=0, clock_stopped=True)
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

    def _attempt(self, cell: Cell, reference: Reference, factor: int) -> Outcome | None:
        """Run a cell with ``factor`` times its limits of real time. None if the machine was too slow for them."""
        fault, operation, simulator = cell.fault, cell.operation, self.simulator
        with tempfile.TemporaryDirectory(dir=self.directory) as room:
            path = Path(room) / "keys.json"
            _seeded, before = self._prepare(cell, path)
            assert before == reference.before, cell.name
            known = contents.codes(path)
            target = f"{self.elsewhere.url}/{operation.module}/{id(cell)}"
            self._break(cell, reference, target)
            limits = {"deadline": fault.deadline * factor, "timeout": fault.timeout * factor}
            result, output = self._task(operation, path, {**self._way(operation, cell.route, fault), **limits})
            slept = simulator.advance(_LATER) - _LATER
            entries = simulator.journal()
            if not self._is_met(fault, reference, entries):
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
                is_unclear=operation.method in WRITING and fault.is_unclear,
                secrets=secrets,
                repeated=sum(_is_hit(operation, entry) for entry in entries) > reference.hits
                or (bool(fault.at_proxy) and len(self.proxy.seen) > reference.requests),
                looked=len(entries) > reference.requests,
                # No document says that a connector server answers a PUT with a body: see docs/architecture.md.
                may_be_warned=operation.is_connector and fault.is_bare,
            )
            outcome = Outcome(*verdict.judge(case), message=str(result.get("msg", "")))
            if slept >= fault.deadline * factor:
                outcome.problems.append(f"paused for {slept:.1f} s with a deadline of {fault.deadline * factor:g} s")
            if any(seen.path.startswith(target[len(self.elsewhere.url) :]) for seen in self.elsewhere.seen):
                outcome.problems.append(verdict.FOLLOWED)
            if now != reference.wanted:
                outcome.repaired = self._again(cell, path, reference, outcome)
            return outcome

    def _is_met(self, fault: Fault, reference: Reference, entries: Sequence[Mapping[str, Any]]) -> bool:
        """Whether the fault came, and no request ran into a limit of real time besides."""
        if fault.at_proxy:
            return len(self.proxy.seen) > reference.requests_before
        if fault.values is None:
            return True
        kinds = [entry["fault"] for entry in entries]
        is_alone = all(entry["status"] is not None or entry["fault"] for entry in entries)
        return fault.values["kind"] in kinds and is_alone

    def _again(self, cell: Cell, path: Path, reference: Reference, outcome: Outcome) -> bool:
        """Run the task once more without the fault. Return whether all is then as wanted."""
        self.simulator.clear_faults()
        self.simulator.settings(job_outcome="done")
        result, _output = self._task(cell.operation, path, self._way(cell.operation, DIRECT))
        now = contents.without_orphans(contents.read(self.simulator.state(), path, reference.seeded), reference.wanted)
        if now == reference.wanted and not result.get("failed"):
            return True
        outcome.problems.append(f"a second run does not repair it: {result.get('msg')}")
        return False

    def _break(self, cell: Cell, reference: Reference, target: str) -> None:
        operation, fault = cell.operation, cell.fault
        for also in operation.also:
            self.simulator.fault(**also)
        if fault.settings:
            self.simulator.settings(**fault.settings)
        for rule in fault.rules(target):
            self.simulator.fault(**rule, **operation.rule())
        self.proxy.seen.clear()
        self.proxy.script = [forward if cell.route == PLAIN else tunnel]
        if fault.at_proxy:
            # So that each request has a connection, and a CONNECT, of its own.
            self.simulator.settings(keep_alive=False)
            ends = [] if fault.lasting else [tunnel]
            self.proxy.script = [*[tunnel] * reference.requests_before, self._at_proxy(fault), *ends]

    def _at_proxy(self, fault: Fault) -> Behaviour:
        if fault.at_proxy == CUT:
            return hang_up
        if fault.at_proxy == CERTIFICATE:
            return partial(tunnel, target_address=self.refusing.address)
        return Canned(int(fault.at_proxy), {"Content-Type": "text/html"}, b"<html><h1>No</h1></html>")

    def _task(self, operation: Operation, path: Path, options: Mapping[str, Any]) -> tuple[Result, str]:
        """Run the task. Return its result, and all that it printed."""
        given = {**options, **_placed(operation.options, path)}
        task = {"module": operation.module, "options": given, "check": False, "in_worker": True}
        text = json.dumps({**task, "simulator": asdict(self.simulator)})
        stdout, stderr = nursery.run("tests.reliability.task", text, environment(), timeout=600)
        return result_of(operation.module, stdout, stderr), stdout + stderr

    def _way(self, operation: Operation, route: str, fault: Fault | None = None) -> dict[str, Any]:
        """Return the options that lead to the server, on a route."""
        is_closed = fault is not None and fault.closed
        if not operation.is_connector:
            options = connection(self.simulator)
            options["pce_port"] = closed_port() if is_closed else options["pce_port"]
        else:
            options = connector(self.simulator, operation.server)
            options.update(connector_user=self.simulator.api_key, connector_password=self.simulator.api_secret)
            if operation.server == PLAIN_CONNECTOR:
                options["allow_http"] = True
            if is_closed:
                options["connector_url"] = f"{options['connector_url'].partition(':')[0]}://127.0.0.1:{closed_port()}"
        if route or (fault is not None and fault.at_proxy):
            options["proxy"] = f"http://{_PROXY_USER}@{self.proxy.address}"
            options["ca_path"] = str(self.ca_path)
        return options

    def _secrets(self) -> list[str]:
        token = base64.b64encode(f"{self.simulator.api_key}:{self.simulator.api_secret}".encode()).decode()
        proxy = [_PROXY_USER.partition(":")[2], base64.b64encode(_PROXY_USER.encode()).decode()]
        return [self.simulator.api_secret, token, PASSWORD, json.dumps(PASSWORD)[1:-1], *proxy]


def _placed(options: Mapping[str, Any], path: Path) -> dict[str, Any]:
    return {name: str(path) if value == KEY_FILE else value for name, value in options.items()}


def _is_hit(operation: Operation, entry: Mapping[str, Any]) -> bool:
    return entry["method"] == operation.method and _pattern(operation.path).search(entry["path"]) is not None


@lru_cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(path)
