"""Hostile options and answers, and the inventory that the plugin pce_workloads makes of them."""

from __future__ import annotations

import ast
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.collection import ROOT
from tests.hostile import cases, mutations, values
from tests.profiles import HOSTILE

TASKS: list[dict[str, Any]] = [{}, {"labels": {"role": "web"}}, {"managed": "any", "hostnames": ["address", "name"]}]
_PLUGINS = ROOT / "plugins"


def options() -> dict[str, Any]:
    """What the plugin's documentation says of its options, but for those that are code of the user."""
    found: dict[str, Any] = {}
    for path in (_PLUGINS / "inventory" / "pce_workloads.py", _PLUGINS / "doc_fragments" / "pce_inventory.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Constant)
                and "options:" in str(node.value.value)
            ):
                found.update(yaml.safe_load(str(node.value.value)).get("options", {}))
    hidden = {"api_secret": {"type": "str", "no_log": True}, "proxy": {"type": "str", "no_log": True}}
    return {name: {**about, **hidden.get(name, {})} for name, about in found.items() if name != "plugin"}


def check(given: dict[str, Any], faults: list[dict[str, Any]]) -> dict[str, Any]:
    return cases.check({"module": "inventory", "options": {**values.PCE, **given}, "faults": faults})


def test_an_inventory_that_is_right_has_hosts() -> None:
    assert {"managed", "api_secret", "hostnames"} <= set(options())
    for task in TASKS:
        assert len(check(task, [])["hosts"]) == 2


def test_an_infinite_number_is_told() -> None:
    for name in ("pce_org_id", "pce_port"):
        assert "must be a finite number" in check({name: "@@raw 1e999@@"}, [])["msg"]


@HOSTILE
@given(st.sampled_from(TASKS), values.entries(options()))
def test_hostile_options(task: dict[str, Any], more: dict[str, Any]) -> None:
    check({**task, **more}, [])


@HOSTILE
@given(st.sampled_from(TASKS), mutations.faults())
def test_hostile_answers(task: dict[str, Any], faults: list[dict[str, Any]]) -> None:
    check({**task, "deadline": 60}, faults)
