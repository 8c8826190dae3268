"""The role ven: its variables, their documentation, and the module options that they become."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from plugins.plugin_utils import ven, ven_role
from tests import documented
from tests.collection import ROOT

ROLE = ROOT / "roles" / "ven"
IDENTITY = {"name", "href", "new_name", "state"}


def load(path: str) -> Any:
    """A YAML file of the role."""
    return yaml.safe_load((ROLE / path).read_text())


def tasks() -> list[dict[str, Any]]:
    """All tasks of the role, those in blocks too."""
    found: list[dict[str, Any]] = []
    waiting = [task for path in sorted((ROLE / "tasks").glob("*.yml")) for task in load(f"tasks/{path.name}")]
    while waiting:
        task = waiting.pop(0)
        inner = [entry for section in ("block", "rescue", "always") for entry in task.get(section, [])]
        waiting = inner + waiting
        found += [] if inner else [task]
    return found


def options() -> dict[str, Any]:
    """The role's documented variables."""
    found: dict[str, Any] = load("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    return found


def connection_variables() -> set[str]:
    """Those that become options of the modules."""
    return {f"ven_{name}" for name in ven_role.CONNECTION}


def test_every_default_is_documented_and_equal() -> None:
    defaults = load("defaults/main.yml")
    assert set(defaults) <= set(options())
    for name, about in options().items():
        if "default" in about:
            assert defaults[name] == about["default"], name


def test_the_readme_tells_every_variable() -> None:
    readme = (ROLE / "README.md").read_text()
    assert [name for name in options() if f"`{name}`" not in readme] == []


def test_the_profile_options_are_those_of_the_module() -> None:
    known = documented.block("pce_pairing_profile", "DOCUMENTATION")["options"]
    offered = options()["ven_pairing_profile_options"]["options"]
    assert set(offered) == set(known) - IDENTITY
    for name, about in offered.items():
        for key in ("type", "elements", "choices"):
            assert about.get(key) == known[name].get(key), name


def test_every_variable_is_read() -> None:
    assert {f"ven_{name}" for name in ven_role.VARIABLES} == set(options())


def test_default_patterns_are_those_of_the_modules() -> None:
    defaults = load("defaults/main.yml")
    assert {name: defaults[f"ven_{name}_pattern"] for name in ven.DEFAULT_PATTERNS} == ven.DEFAULT_PATTERNS


def test_the_tasks_are_few_and_short() -> None:
    """Logic is Python: the tasks say in which order it runs."""
    text = "".join(path.read_text() for path in (ROLE / "tasks").glob("*.yml"))
    assert len(text.splitlines()) < 200
    assert not (ROLE / "vars").exists()
    assert not (ROLE / "templates").exists()
    assert max(expression.count("\n") for expression in re.findall(r"{{.*?}}", text, re.DOTALL)) < 3
    facts = [name for task in tasks() for name in task.get("ansible.builtin.set_fact", {})]
    assert facts == ["ven_status", "ven_version", "ven_pce"]
    assert {task["register"] for task in tasks() if "register" in task} == {"__ven"}


def test_tasks_of_the_api_are_none_of_a_host() -> None:
    """What is meant for the hosts, such as become, does not reach them."""
    asked = [task for task in tasks() if "microseg.enforcement.pce_ven_batch" in task]
    assert [task["microseg.enforcement.pce_ven_batch"]["step"] for task in asked] == ["prepare", "verify", "finish"]
    for task in asked:
        assert task["become"] is False
        assert task["vars"]["ansible_become"] is False
        assert "when" not in task  # it would be that of the first host
        assert "run_once" not in task


def test_the_task_that_cleans_up_runs_always() -> None:
    (block,) = load("tasks/batch.yml")
    assert block["always"][-1]["microseg.enforcement.pce_ven_batch"] == {"step": "finish"}


@pytest.mark.parametrize("playbook", ["check_server", "roll_out"])
def test_tasks_of_a_playbook_have_the_whole_connection(playbook: str) -> None:
    connection = connection_variables()
    (play,) = yaml.safe_load((ROOT / "playbooks" / f"{playbook}.yml").read_text())
    tasks = [inner for task in play["tasks"] for inner in task.get("block", [task])]
    modules = [(task, key) for task in tasks for key in task if key.startswith("microseg.enforcement.pce_")]
    assert len(modules) == 1
    for task, module in modules:
        assert all(any(name in str(value) for value in task[module].values()) for name in connection)


def test_the_batch_is_included() -> None:
    """Imported, a task that runs once would run on a host that a condition of the role leaves out, or not at all."""
    task, refusal = load("tasks/main.yml")
    assert "never" in refusal["tags"]
    assert task["ansible.builtin.include_tasks"] == "batch.yml"
    assert "when" not in task
