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


def options() -> dict[str, Any]:
    """The role's documented variables."""
    found: dict[str, Any] = load("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    return found


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
    connection = {name for name in options() if name.startswith("ven_pce_")}
    (block,) = load("tasks/pair.yml")
    tasks = [task for task in block["block"] if any(key.startswith("microseg.enforcement.pce_") for key in task)]
    assert len(tasks) == 4
    for task in tasks:
        (module,) = [key for key in task if key.startswith("microseg.enforcement.pce_")]
        assert all(any(name in str(value) for value in task[module].values()) for name in connection)
        assert task["run_once"] is True
        assert task["become"] is False
        assert task["delegate_to"] == "{{ ven_delegate_to }}"
