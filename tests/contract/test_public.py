"""What users rely on does not vanish: tests/public/interface.txt is what there is, and holds every earlier promise."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pytest
import yaml

from tests.collection import ROOT
from tests.guides import guides
from tests.public import LIST
from tests.public.lines import dump, load
from tests.public.promise import broken

RUNTIME = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
LABEL = ("modules", "pce_label", "options")


@lru_cache
def promised() -> dict[str, Any]:
    """The list as it is committed."""
    return load(LIST.read_text())


@lru_cache
def there() -> dict[str, Any]:
    """The list as it would be written now, from a process of its own: reading it imports all modules."""
    command = [sys.executable, "-m", "tests.public", "--show"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return load(ended.stdout)


def test_nothing_public_vanishes_or_changes_its_meaning() -> None:
    assert broken(promised(), there(), RUNTIME) == []


def test_the_list_is_up_to_date() -> None:
    assert promised() == there(), "make public"


def test_the_list_is_read_as_it_was_written() -> None:
    public = copy.deepcopy(promised())
    public["playbooks"]["empty"] = {"variables": []}
    public["filter"]["empty"] = {"options": {}, "returns": {}}
    assert load(dump(public)) == public
    assert dump(promised()) == LIST.read_text()


def test_every_variable_of_a_playbook_is_documented() -> None:
    text = "\n".join(path.read_text() for path in [*guides(), ROOT / "roles/ven/README.md"])
    for name, about in there()["playbooks"].items():
        for variable in (*about["variables"], *about.get("facts", [])):
            assert f"`{variable}`" in text, f"{variable} of {name}"


def at(public: dict[str, Any], *path: str) -> dict[str, Any]:
    """The part of a list at a path."""
    for name in path:
        public = public[name]
    return public


def _new_type(public: dict[str, Any]) -> None:
    at(public, *LABEL, "pce_port")["type"] = "str"


def _new_default(public: dict[str, Any]) -> None:
    at(public, *LABEL, "pce_port")["default"] = 443


def _choice_gone(public: dict[str, Any]) -> None:
    at(public, *LABEL, "state")["choices"].remove("absent")


def _required(public: dict[str, Any]) -> None:
    at(public, *LABEL, "key")["required"] = True


def _new_required(public: dict[str, Any]) -> None:
    at(public, *LABEL)["colour"] = {"type": "str", "required": True}


CHANGES: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda public: at(public, "modules").pop("pce_label"), "modules.pce_label: is gone without a tombstone"),
    (lambda public: at(public, *LABEL).pop("key"), "modules.pce_label.options.key: is gone; an option is deprecated"),
    (_new_type, "modules.pce_label.options.pce_port: its type changes from 'int' to 'str'"),
    (_new_default, "modules.pce_label.options.pce_port: its default changes from 8443 to 443"),
    (_choice_gone, "modules.pce_label.options.state.choices.absent: is gone"),
    (_required, "modules.pce_label.options.key: becomes required"),
    (_new_required, "modules.pce_label.options.colour: is new and required"),
    (lambda public: at(public, *LABEL, "pce_port").pop("env"), "modules.pce_label.options.pce_port.env.PCE_PORT"),
    (lambda public: at(public, "modules", "pce_label", "returns").pop("label"), "modules.pce_label.returns.label"),
    (lambda public: at(public, "roles", "ven", "variables").pop("ven_state"), "roles.ven.variables.ven_state: is gone"),
    (lambda public: public["roles"]["ven"]["facts"].remove("ven_status"), "roles.ven.facts.ven_status: is gone"),
    (lambda public: at(public, "playbooks").pop("roll_out"), "playbooks.roll_out: is gone"),
    (lambda public: public["playbooks"]["pair_vens"]["variables"].remove("ven_hosts"), "ven_hosts: is gone"),
    (lambda public: at(public, "inventory").pop("pce_workloads"), "inventory.pce_workloads: is gone"),
    (lambda public: at(public, "filter").pop("csp_source"), "filter.csp_source: is gone"),
    (lambda public: public["action_groups"]["pce"].remove("pce_label"), "action_groups.pce.pce_label: is gone"),
]


@pytest.mark.parametrize(("change", "expected"), CHANGES, ids=[expected for _change, expected in CHANGES])
def test_a_broken_promise_is_told(change: Callable[[dict[str, Any]], object], expected: str) -> None:
    after = copy.deepcopy(promised())
    change(after)
    problems = broken(promised(), after, RUNTIME)
    assert len([line for line in problems if expected in line]) == 1
    assert all(re.match(r"[\w.]+: ", line) for line in problems)


def test_what_is_new_breaks_nothing() -> None:
    after = copy.deepcopy(promised())
    at(after, "modules")["pce_new"] = {"options": {"name": {"type": "str", "required": True}}, "returns": {}}
    at(after, *LABEL)["colour"] = {"type": "str"}
    at(after, *LABEL, "state")["choices"].append("other")
    at(after, "modules", "pce_label", "returns")["more"] = {"type": "str"}
    assert broken(promised(), after, RUNTIME) == []


def test_an_option_goes_in_the_version_that_was_announced() -> None:
    before, after = copy.deepcopy(promised()), copy.deepcopy(promised())
    at(before, *LABEL, "href")["removed_in"] = "3.0.0"
    at(after, *LABEL).pop("href")
    after["version"] = "2.9.0"
    assert "href: is gone" in "".join(broken(before, after, RUNTIME))
    after["version"] = "3.0.0"
    assert broken(before, after, RUNTIME) == []


def test_a_module_goes_with_a_tombstone() -> None:
    after = copy.deepcopy(promised())
    after["modules"].pop("pce_label")
    after["version"] = "99.0.0"
    assert "pce_label: is gone" in "".join(broken(promised(), after, RUNTIME))
    runtime = {**RUNTIME, "plugin_routing": {"modules": {"pce_label": {"tombstone": {"removal_version": "99.0.0"}}}}}
    assert broken(promised(), after, runtime) == []
