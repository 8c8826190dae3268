"""What holds for every write case of every module: check, apply, apply, check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests import documented
from tests.integration.runner import Result, connection, run_module
from tests.simulator.launch import Simulator


@dataclass(frozen=True)
class Case:
    """A write case: what is there (`seed`), what the task asks for, and what must be there afterwards.

    `result` holds properties of the resulting object, None where it must be gone; `untouched` names objects of the seed
    that must be as they were.
    """

    name: str
    options: Mapping[str, Any]
    changed: bool = True
    seed: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] | None = field(default_factory=dict)
    untouched: tuple[str, ...] = ()
    reads: int | None = None


@dataclass(frozen=True)
class Resource:
    """A module and its info twin. `key` and `plural` are those of their results."""

    module: str
    info: str
    key: str
    plural: str
    reference: str = "href"


def check_case(simulator: Simulator, resource: Resource, case: Case) -> None:
    """Run a case and assert all invariants."""
    prepare(simulator, case)
    before = _snapshot(simulator, resource, case)
    foreseen = _run(simulator, resource, case, check=True, writes=False)
    assert foreseen["changed"] is case.changed
    done = _run(simulator, resource, case, check=False, writes=case.changed)
    assert done["changed"] is case.changed
    assert done["diff"] == foreseen["diff"]
    _assert_foreseen(foreseen[resource.key], done[resource.key])
    for check in (False, True):
        again = _run(simulator, resource, case, check=check, writes=False)
        assert again["changed"] is False
        assert again["diff"]["before"] == again["diff"]["after"]
        assert again[resource.key] == done[resource.key]
    if case.reads is not None:
        assert len(simulator.journal()) == case.reads
    assert _snapshot(simulator, resource, case) == before
    _assert_result(simulator, resource, case, done[resource.key])


def prepare(simulator: Simulator, case: Case) -> None:
    """Bring the simulator to where a case starts."""
    simulator.settings(**case.settings)
    if case.seed:
        simulator.seed(**case.seed)


def _run(simulator: Simulator, resource: Resource, case: Case, check: bool, writes: bool) -> Result:
    simulator.clear_journal()
    result = run_module(resource.module, {**connection(simulator), **case.options}, check=check)
    assert not result.get("failed"), result
    documented.check_result(resource.module, result)
    assert result.get("warnings", []) == []
    mutating = [f"{entry['method']} {entry['path']}" for entry in simulator.journal() if entry["mutating"]]
    assert bool(mutating) is writes, mutating
    return result


def _assert_foreseen(foreseen: Mapping[str, Any] | None, done: Mapping[str, Any] | None) -> None:
    """What check mode showed has come true, except for what it left to the server or time has changed."""
    if foreseen is None or done is None:
        assert foreseen == done
        return
    known = {key: value for key, value in foreseen.items() if value is not None and key not in ("updated_at",)}
    assert known == {key: done[key] for key in known}


def _snapshot(simulator: Simulator, resource: Resource, case: Case) -> list[dict[str, Any]]:
    stored = simulator.state().get(resource.plural, [])
    return [item for item in stored if item.get("name") in case.untouched]


def _assert_result(simulator: Simulator, resource: Resource, case: Case, shown: Mapping[str, Any] | None) -> None:
    stored = {item[resource.reference] for item in simulator.state()[resource.plural]}
    if case.result is None:
        assert shown is None
        return
    assert shown is not None
    assert {key: shown[key] for key in case.result} == case.result
    reference = shown[resource.reference]
    assert reference in stored
    found = run_module(resource.info, {**connection(simulator), resource.reference: reference})
    documented.check_result(resource.info, found)
    assert found[resource.plural] == [shown]
