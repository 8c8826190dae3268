# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The edge to Ansible of info modules.

A file of its own, as all that a module imports is sent and compiled with every run of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._ansible import Result, run
from ._core.kind import Kind
from ._core.selection import select, selection_from


def inspect(kind: Kind) -> None:
    """Run the info module that lists the objects of ``kind``."""
    spec = {**kind.filters(), kind.reference: {"type": "str"}, "max_results": {"type": "int"}}
    if any(query.partial for item in kind.fields for query in item.queries):
        spec["exact"] = {"type": "bool", "default": False}

    def work(params: Mapping[str, Any], _check_mode: bool) -> Result:
        selection = selection_from(kind, params)
        return {"changed": False, kind.plural: select(kind, kind.api.store(params, kind), selection)}

    run(spec, kind.api.options, work)
