# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The info modules.

A file of its own, as all that a module imports is sent and compiled with every run of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.listing import read_listing, select
from .._core.resource import Resource
from .._core.store import Api
from .module import ModuleResult, Spec, run


def inspect(resource: Resource, api: Api, options: Spec | None = None, **constraints: Any) -> None:
    """Run the info module that lists the objects of ``resource`` on a server of ``api``.

    ``options`` are further options of the module, ``constraints`` those of AnsibleModule.
    """
    spec = {
        **(options or {}),
        **resource.filters(),
        resource.reference: {"type": "str"},
        "max_results": {"type": "int"},
    }
    if any(query.partial for item in resource.fields for query in item.filters):
        spec["exact"] = {"type": "bool", "default": False}

    def work(params: Mapping[str, Any], _check_mode: bool) -> ModuleResult:
        listing = read_listing(resource, params, api.reference_checker(params))
        return {"changed": False, resource.plural: select(resource, api.store(params, resource), listing)}

    run(spec, api.options, work, **constraints)
