# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules that manage many objects.

A file of its own, as all that a module imports is sent and compiled with every run of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.bulk import PURGE, PURGE_SCOPE, read_bulk
from .._core.bulk_run import reconcile_all
from .._core.resource import Resource
from .._core.store import Api
from .module import STATE, ModuleResult, Spec, run


def manage_all(resource: Resource, api: Api, options: Spec | None = None) -> None:
    """Run the module that manages many objects of ``resource`` over one read of a server of ``api``.

    ``options`` are further options of the module.
    """
    entry = (
        resource.arguments()
        if resource.rename
        else {item.name: dict(item.spec) for item in resource.fields if item.spec}
    )
    entry["state"] = STATE
    entries: dict[str, Any] = {"type": "list", "elements": "dict", "required": True, "options": entry}
    if resource.rename:
        # An object that exists may be called by its reference, in order to rename it.
        entries["mutually_exclusive"] = [[name, resource.reference] for name in resource.identity]
        entries["required_one_of"] = [[resource.identity[0], resource.reference]]
    else:
        for name in resource.identity:
            entry[name]["required"] = name not in resource.optional
    spec: dict[str, Mapping[str, Any]] = {resource.plural: entries, PURGE: {"type": "bool", "default": False}}
    if resource.scopes:
        # Not by suboptions: Ansible does not distinguish a condition that is null from one that is not set.
        spec[PURGE_SCOPE] = {"type": "dict"}

    def work(params: Mapping[str, Any], check_mode: bool) -> ModuleResult:
        bulk = read_bulk(resource, params, api.reference_checker(params))
        outcome = reconcile_all(resource, api.store(params, resource), bulk, check_mode)
        return {
            "changed": outcome.changed,
            "outcomes": list(outcome.outcomes),
            "diff": {"before": dict(outcome.before), "after": dict(outcome.after)},
            "warnings": outcome.warnings,
            "invocation": {"module_args": {**params, resource.plural: list(map(_given, params[resource.plural]))}},
        }

    run({**spec, **resource.options, **(options or {})}, api.options, work)


def _given(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry without what the user did not give: Ansible repeats it in each result."""
    return {name: value for name, value in entry.items() if value is not None}
