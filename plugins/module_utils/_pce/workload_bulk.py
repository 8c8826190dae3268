# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changing many workloads in one task (source: PCE REST API, Workloads: bulk_update)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.bulk import PURGE, read_bulk
from .._core.bulk_run import reconcile_all
from .._core.errors import OptionError
from .._core.listing import read_listing, select
from .api import PCE
from .managed_workload import MANAGED_WORKLOAD, MANAGED_WORKLOADS
from .workload import WORKLOAD
from .workload_store import WORKLOADS

Options = Mapping[str, Mapping[str, Any]]

_ENTRY = MANAGED_WORKLOAD.arguments()
_VALUES = {name: spec for name, spec in _ENTRY.items() if name not in ("hostname", "href", "name", "description")}
SELECTION: Options = {
    **{name: spec for name, spec in WORKLOAD.filters().items() if name not in ("hostname", "managed", "name")},
    "name": {"type": "str"},
}

OPTIONS: Options = {
    "workloads": {
        "type": "list",
        "elements": "dict",
        "options": _ENTRY,
        "mutually_exclusive": [["hostname", "href"]],
        "required_one_of": [["hostname", "href"]],
    },
    "selection": {"type": "dict", "options": SELECTION},
    "values": {"type": "dict", "options": _VALUES},
    "allow_empty": {"type": "bool", "default": False},
    **MANAGED_WORKLOAD.options,
}


def change_workloads(params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Bring many workloads to their desired values and return the module's result.

    Raise OptionError for an impossible one, or for an empty selection, before anything is written; BulkError, with all
    outcomes, if some workloads failed.
    """
    entries = _entries(params)
    if not entries and not params["allow_empty"]:
        where = "workloads" if params["workloads"] is not None else "selection"
        raise OptionError(where, "selects no workload; set allow_empty: true if that is intended")
    bulk = read_bulk(MANAGED_WORKLOAD, {**params, "workloads": entries, PURGE: False}, PCE.reference_checker(params))
    outcome = reconcile_all(MANAGED_WORKLOAD, MANAGED_WORKLOADS.store(params, MANAGED_WORKLOAD), bulk, check_mode)
    return {
        "changed": outcome.changed,
        "outcomes": list(outcome.outcomes),
        "diff": {"before": dict(outcome.before), "after": dict(outcome.after)},
        "warnings": outcome.warnings,
    }


def _entries(params: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the workloads with what each should have."""
    if params["workloads"] is not None:
        return list(params["workloads"])
    given = {name: value for name, value in (params["values"] or {}).items() if value is not None}
    if not given:
        raise OptionError("values", f"requires at least one of {', '.join(_VALUES)}")
    chosen = {**dict.fromkeys(SELECTION), **params["selection"]}
    if all(value is None for value in chosen.values()):
        raise OptionError("selection", f"requires at least one of {', '.join(SELECTION)}")
    try:
        listing = read_listing(WORKLOAD, {**chosen, "managed": True}, PCE.reference_checker(params))
        found = select(WORKLOAD, WORKLOADS.store(params, WORKLOAD), listing)
    except OptionError as error:
        raise OptionError(f"selection.{error.option}", error.problem) from error
    return [{"href": workload["href"], **given} for workload in found]
