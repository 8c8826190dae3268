"""The inventory plugin: what is data stays data, whichever ansible-core it is."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

try:
    from ansible.template import trust_as_template  # 2.19 and later: what is not trusted is no template
except ImportError:
    trust_as_template = str  # before, everything is

HOSTILE = "{{ 7 * 7 }}"


@pytest.fixture
def plugin() -> Any:
    return importlib.import_module("ansible_collections.microseg.enforcement.plugins.inventory.pce_workloads")


def evaluated(expression: str, variables: dict[str, Any]) -> Any:
    """Return what a template makes of an expression over variables."""
    templar = Templar(loader=DataLoader(), variables=variables)
    return templar.template(trust_as_template("{{ " + expression + " }}"))


@pytest.mark.parametrize(
    ("expression", "workload"),
    [
        ("pce_workload.name", {"name": HOSTILE}),
        ("pce_workload.labels.role", {"labels": {"role": HOSTILE}}),
        ("pce_workload.labels | first", {"labels": {HOSTILE: "web"}}),
        ("pce_workload.interfaces[0].name", {"interfaces": [{"name": HOSTILE}]}),
    ],
)
def test_variables_of_a_workload_are_no_templates(plugin: Any, expression: str, workload: dict[str, Any]) -> None:
    """A label that was a template would run code on the control node; the plugin does not rely on how it was read."""
    trusted = trust(workload)
    assert evaluated(expression, plugin._variables(trusted)) == HOSTILE
    if "first" not in expression:  # keys are no templates anyhow
        assert str(evaluated(expression, {"pce_workload": trusted})) == "49"


def trust(value: Any) -> Any:
    """Return a value whose texts Ansible takes for templates."""
    if isinstance(value, dict):
        return {trust(key): trust(item) for key, item in value.items()}
    return [trust(item) for item in value] if isinstance(value, list) else trust_as_template(value)
