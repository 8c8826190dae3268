# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The edge to Ansible, and the only file that imports it: options in, results, warnings and failures out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleFallbackNotFound, AnsibleModule, missing_required_lib

from ._core.bulk import PURGE, PURGE_SCOPE, bulk_from, reconcile_all
from ._core.errors import CollectionError, MissingLibraryError
from ._core.kind import ABSENT, PRESENT, Kind
from ._core.reconcile import Outcome, reconcile, request_from
from ._core.selection import select, selection_from

Spec = Mapping[str, Mapping[str, Any]]
Result = dict[str, Any]

_STATE = {"type": "str", "choices": [PRESENT, ABSENT], "default": PRESENT}


def manage(kind: Kind) -> None:
    """Run the module that keeps one object of ``kind`` in its state."""

    def work(params: Mapping[str, Any], check_mode: bool) -> Outcome:
        request = request_from(kind, params)
        return reconcile(kind, kind.api.store(params, kind), request, check_mode)

    first = kind.identity[0]
    needed = [name for name in kind.identity if name not in kind.optional]
    run(
        {**kind.arguments(), **kind.options, "state": _STATE},
        kind.api.options,
        lambda params, check_mode: _result(kind.name, work(params, check_mode)),
        required_one_of=[(first, kind.reference)],
        mutually_exclusive=[(name, kind.reference) for name in kind.identity],
        required_together=[needed] if len(needed) > 1 else [],
        required_by={name: [first] for name in kind.optional},
    )


def manage_all(kind: Kind, options: Spec | None = None) -> None:
    """Run the module that keeps many objects of ``kind`` in their states, over one read of the server.

    ``options`` are further options of the module.
    """
    entry = kind.arguments() if kind.rename else {item.name: dict(item.spec) for item in kind.fields if item.spec}
    entry["state"] = _STATE
    entries: dict[str, Any] = {"type": "list", "elements": "dict", "required": True, "options": entry}
    if kind.rename:
        # An object that exists may be called by its reference, in order to rename it.
        entries["mutually_exclusive"] = [[name, kind.reference] for name in kind.identity]
        entries["required_one_of"] = [[kind.identity[0], kind.reference]]
    else:
        for name in kind.identity:
            entry[name]["required"] = name not in kind.optional
    spec: dict[str, Mapping[str, Any]] = {kind.plural: entries, PURGE: {"type": "bool", "default": False}}
    if kind.scopes:
        # Not by suboptions: Ansible would not tell a condition that is null from one that was not given.
        spec[PURGE_SCOPE] = {"type": "dict"}

    def work(params: Mapping[str, Any], check_mode: bool) -> Result:
        bulk = bulk_from(kind, params)
        outcome = reconcile_all(kind, kind.api.store(params, kind), bulk, check_mode)
        return {
            "changed": outcome.changed,
            "outcomes": list(outcome.outcomes),
            "diff": {"before": dict(outcome.before), "after": dict(outcome.after)},
            "warnings": outcome.warnings,
        }

    run({**spec, **kind.options, **(options or {})}, kind.api.options, work)


def inspect(kind: Kind) -> None:
    """Run the info module that lists the objects of ``kind``."""
    spec = {**kind.filters(), kind.reference: {"type": "str"}, "max_results": {"type": "int"}}
    if any(query.partial for item in kind.fields for query in item.queries):
        spec["exact"] = {"type": "bool", "default": False}

    def work(params: Mapping[str, Any], _check_mode: bool) -> Result:
        selection = selection_from(kind, params)
        return {"changed": False, kind.plural: select(kind, kind.api.store(params, kind), selection)}

    run(spec, kind.api.options, work)


def run(options: Spec, connection: Spec, work: Callable[[Mapping[str, Any], bool], Result], **constraints: Any) -> None:
    """Run ``work(params, check_mode)`` as an Ansible module and end the process with its result.

    ``constraints`` are those of AnsibleModule. A result may hold ``warnings``, and ``diff`` with ``before`` and
    ``after``, which is left out unless the user asked for it.
    """
    spec = {name: _ansible_spec(item) for name, item in {**options, **connection}.items()}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True, **constraints)
    if not module.params["validate_certs"]:
        module.warn("validate_certs is false: whoever is on the way to the server can read and change everything")
    try:
        result = work(module.params, module.check_mode)
    except MissingLibraryError as error:
        module.fail_json(msg=missing_required_lib(error.library), exception=error.traceback)
    except CollectionError as error:
        module.fail_json(msg=str(error), changed=error.changed, **error.details())
    for warning in result.pop("warnings", ()):
        module.warn(warning)
    if not module._diff:  # the only way that AnsibleModule has to ask for it
        result.pop("diff", None)
    module.exit_json(**result)


def _result(name: str, outcome: Outcome) -> Result:
    return {
        "changed": outcome.changed,
        name: outcome.result,
        "diff": {"before": dict(outcome.before), "after": dict(outcome.after)},
        "warnings": outcome.warnings,
    }


def _ansible_spec(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an option's argument spec, with its environment variables as Ansible's fallback."""
    spec = {key: value for key, value in item.items() if key != "env"}
    if "env" in item:
        spec["fallback"] = (_from_environment, list(item["env"]))
    return spec


def _from_environment(*names: str) -> str:
    """Return the first of the variables that is set; an empty one counts as unset."""
    for name in names:
        if os.environ.get(name):
            return os.environ[name]
    raise AnsibleFallbackNotFound
