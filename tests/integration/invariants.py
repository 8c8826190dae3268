"""What holds for every write case of every module: check, apply, apply, check; and the same by either way to run it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests import documented
from tests.integration.runner import Result, connection, module_output, result_of, run_module
from tests.simulator.launch import Simulator


@dataclass(frozen=True)
class Case:
    """A write case: what is there (`seed`), what the task asks for, and what must be there afterwards.

    `result` holds properties of the resulting object, None where it must be gone; `untouched` names objects of the seed
    that must be as they were. `unforeseen` are properties of which check mode cannot know what the server will make.
    """

    name: str
    options: Mapping[str, Any]
    changed: bool = True
    seed: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] | None = field(default_factory=dict)
    untouched: tuple[str, ...] = ()
    reads: int | None = None
    unforeseen: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resource:
    """A module and its info twin. `key` and `plural` are those of their results.

    `connect` gives the connection options. `server` is the connector whose objects these are, empty for the PCE; its
    state calls an object by `stored_reference`, and cases call it by `stored_name`.
    """

    module: str
    info: str
    key: str
    plural: str
    reference: str = "href"
    connect: Callable[[Simulator], dict[str, Any]] = connection
    server: str = ""
    stored_reference: str = "href"
    stored_name: str = "name"

    def stored(self, simulator: Simulator) -> list[dict[str, Any]]:
        """What the simulator holds of it."""
        found = simulator.state().get(self.plural, [])
        return list(found[self.server] if self.server else found)


def check_case(simulator: Simulator, resource: Resource, case: Case) -> None:
    """Run a case and assert all invariants."""
    prepare(simulator, case)
    before = _snapshot(simulator, resource, case)
    foreseen = _run(simulator, resource, case, check=True, writes=False)
    assert foreseen["changed"] is case.changed
    done = _run(simulator, resource, case, check=False, writes=case.changed)
    assert done["changed"] is case.changed
    assert done["diff"] == foreseen["diff"]
    _assert_foreseen(case, foreseen[resource.key], done[resource.key])
    for check in (False, True):
        again = _run(simulator, resource, case, check=check, writes=False)
        assert again["changed"] is False
        assert again["diff"]["before"] == again["diff"]["after"]
        assert again[resource.key] == done[resource.key]
    if case.reads is not None:
        assert len(simulator.journal()) == case.reads
    assert _snapshot(simulator, resource, case) == before
    _assert_result(simulator, resource, case, done[resource.key])
    _assert_same_in_process(simulator, resource, case, foreseen, done)


def _assert_same_in_process(
    simulator: Simulator, resource: Resource, case: Case, foreseen: Result, done: Result
) -> None:
    """Run a case in processes of its own, and assert that the results are those of Ansible's worker, wholly."""
    prepare(simulator, case)
    assert _timeless(_run(simulator, resource, case, check=True, writes=False, in_worker=False)) == _timeless(foreseen)
    again = _run(simulator, resource, case, check=False, writes=case.changed, in_worker=False)
    assert _timeless(again) == _timeless(done)


def _timeless(result: Result) -> str:
    """Return a result without the time and the random IDs that tell one run from another."""
    text = json.dumps(result, sort_keys=True)
    text = re.sub(r'"\d{4}-\d\d-\d\dT[^"]*"', '"TIME"', text)
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", text)


def prepare(simulator: Simulator, case: Case) -> None:
    """Bring the simulator to where a case starts."""
    simulator.reset()
    simulator.settings(**case.settings)
    if case.seed:
        simulator.seed(**case.seed)


def _run(
    simulator: Simulator, resource: Resource, case: Case, check: bool, writes: bool, in_worker: bool = True
) -> Result:
    simulator.clear_journal()
    options = {**resource.connect(simulator), **case.options}
    result = result_of(resource.module, *module_output(resource.module, options, check, in_worker=in_worker))
    assert not result.get("failed"), result
    assert result.pop("_ansible_parsed", True)
    documented.check_result(resource.module, result)
    assert result.get("warnings", []) == []
    mutating = [f"{entry['method']} {entry['path']}" for entry in simulator.journal() if entry["mutating"]]
    assert bool(mutating) is writes, mutating
    return result


def _assert_foreseen(case: Case, foreseen: Mapping[str, Any] | None, done: Mapping[str, Any] | None) -> None:
    """What check mode showed has come true, except for what it left to the server or time has changed."""
    if foreseen is None or done is None:
        assert foreseen == done
        return
    known = {
        key: value
        for key, value in foreseen.items()
        if value is not None and key not in ("updated_at", *case.unforeseen)
    }
    assert known == {key: done[key] for key in known}


def _snapshot(simulator: Simulator, resource: Resource, case: Case) -> list[dict[str, Any]]:
    return [item for item in resource.stored(simulator) if item.get(resource.stored_name) in case.untouched]


def _assert_result(simulator: Simulator, resource: Resource, case: Case, shown: Mapping[str, Any] | None) -> None:
    stored = {item[resource.stored_reference] for item in resource.stored(simulator)}
    if case.result is None:
        assert shown is None
        return
    assert shown is not None
    assert {key: shown[key] for key in case.result} == case.result
    reference = shown[resource.reference]
    assert reference in stored
    found = run_module(resource.info, {**resource.connect(simulator), resource.reference: reference})
    documented.check_result(resource.info, found)
    assert found[resource.plural] == [shown]
