"""The role ven: its variables, their documentation, and the module options that they become."""

from __future__ import annotations

from typing import Any

import yaml

from tests import documented
from tests.collection import ROOT

ROLE = ROOT / "roles" / "ven"
IDENTITY = {"name", "href", "new_name", "state"}


def load(path: str) -> Any:
    """A YAML file of the role."""
    return yaml.safe_load((ROLE / path).read_text())


def tasks(path: str) -> list[dict[str, Any]]:
    """The tasks of a file, those in blocks too."""
    found: list[dict[str, Any]] = []
    waiting = list(load(path))
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
    """Those that become options of the modules; the pattern is about what a VEN prints."""
    return {name for name in options() if name.startswith("ven_pce_")} - {"ven_pce_pattern"}


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


def test_every_profile_option_reaches_the_module() -> None:
    (block,) = load("tasks/pair.yml")
    (task,) = [task for task in block["block"] if "microseg.enforcement.pce_pairing_profile" in task]
    given = task["microseg.enforcement.pce_pairing_profile"]
    for name in options()["ven_pairing_profile_options"]["options"]:
        assert given[name] == f"{{{{ ven_pairing_profile_options.{name} | default(omit) }}}}"


def test_every_task_of_the_api_has_the_whole_connection_and_runs_once() -> None:
    connection = connection_variables()
    asked = []
    for path in sorted((ROLE / "tasks").glob("*.yml")):
        for task in tasks(f"tasks/{path.name}"):
            for module in [key for key in task if key.startswith("microseg.enforcement.pce_")]:
                asked.append(module.removeprefix("microseg.enforcement."))
                assert all(any(name in str(value) for value in task[module].values()) for name in connection)
                assert task["run_once"] is True
                assert task["become"] is False
                assert task["delegate_to"] == "{{ ven_delegate_to }}"
    assert sorted(asked) == [
        "pce_pairing_key",
        "pce_pairing_profile",
        "pce_pairing_profile_info",
        "pce_pairing_script_info",
        "pce_pairing_script_info",
        "pce_ven",
        "pce_workload_info",
    ]


def test_every_task_of_the_playbook_enforce_has_the_whole_connection() -> None:
    connection = connection_variables()
    (play,) = yaml.safe_load((ROOT / "playbooks" / "enforce.yml").read_text())
    (block,) = [task for task in play["tasks"] if "block" in task]
    modules = [(task, key) for task in block["block"] for key in task if key.startswith("microseg.enforcement.pce_")]
    assert len(modules) == 4
    for task, module in modules:
        assert all(any(name in str(value) for value in task[module].values()) for name in connection)


def test_every_task_that_carries_a_code_is_silent() -> None:
    carriers = [
        task
        for name in ("pair_linux", "pair_windows")
        for task in tasks(f"tasks/{name}.yml")
        if any(word in str(task) for word in ("pair_package.sh.j2", "sensitive_parameters"))
    ]
    assert len(carriers) == 2
    assert all(task["no_log"] is True for task in carriers)
    (keys,) = [task for task in tasks("tasks/pair.yml") if "microseg.enforcement.pce_pairing_key" in task]
    assert keys["no_log"] is True
    # Nothing but the fail task that takes the code out of what was said knows it beside them.
    for name in ("pair_linux", "pair_windows"):
        for task in tasks(f"tasks/{name}.yml"):
            if "ven__code" in str(task) and task not in carriers:
                assert "replace(ven__code, '…')" in str(task)


def test_what_windows_needs_is_included_and_never_imported() -> None:
    """A task that is only skipped would make every user need the collection ansible.windows."""
    for path in sorted((ROLE / "tasks").glob("*.yml")):
        uses = [task for task in tasks(f"tasks/{path.name}") if "ansible.windows.win_powershell" in task]
        assert bool(uses) == path.stem.endswith("_windows")
        assert "import_tasks" not in path.read_text()
