# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules that manage one object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.reconcile import Result, read_desired_state, reconcile
from .._core.resource import Resource
from .._core.store import Api
from .module import STATE, ModuleResult, run


def manage(resource: Resource, api: Api) -> None:
    """Run the module that manages one object of ``resource`` on a server of ``api``."""

    def work(params: Mapping[str, Any], check_mode: bool) -> Result:
        desired_state = read_desired_state(resource, params, api.reference_checker(params))
        return reconcile(resource, api.store(params, resource), desired_state, check_mode)

    first = resource.identity[0]
    state = {"state": STATE} if resource.can_create else {}
    needed = [name for name in resource.identity if name not in resource.optional]
    run(
        {**resource.arguments(), **resource.options, **state},
        api.options,
        lambda params, check_mode: _result(resource.name, work(params, check_mode)),
        required_one_of=[(first, resource.reference)],
        # What can be renamed can be named by its reference, with the names that it should have.
        mutually_exclusive=[] if resource.rename else [(name, resource.reference) for name in resource.identity],
        required_together=[needed] if len(needed) > 1 else [],
        required_by={name: [first] for name in resource.optional},
    )


def _result(name: str, outcome: Result) -> ModuleResult:
    return {
        "changed": outcome.changed,
        name: outcome.result,
        "diff": {"before": dict(outcome.before), "after": dict(outcome.after)},
        "warnings": outcome.warnings,
    }
