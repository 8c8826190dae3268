# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changing many workloads in one task (source: PCE REST API, Workloads: bulk_update)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._core.bulk import PURGE, Bulk, read_bulk
from .._core.bulk_run import reconcile_all
from .._core.errors import OptionError, within_option
from .._core.listing import Listing, read_listing, select
from .._core.reconcile import DesiredState, read_values
from .._core.resource import PRESENT, Identity
from .api import PCE, Pce
from .managed_workload import MANAGED_WORKLOAD, ManagedWorkloadStore
from .workload import WORKLOAD
from .workload_store import WorkloadStore

Options = Mapping[str, Mapping[str, Any]]

_ENTRY = MANAGED_WORKLOAD.arguments()
_VALUES = {name: spec for name, spec in _ENTRY.items() if name not in ("hostname", "href", "name")}
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

    Raise OptionError for an impossible one, for a hostname without a workload, or for an empty selection, before
    anything is written; BulkError, with all outcomes, if some workloads failed.
    """
    pce = PCE.connect(params)
    store = ManagedWorkloadStore(pce.http, pce.org_id, MANAGED_WORKLOAD)
    if params["workloads"] is None:
        where, bulk = "selection", _select(params, pce, store)
    else:
        where = "workloads"
        bulk = read_bulk(MANAGED_WORKLOAD, {**params, PURGE: False}, PCE.reference_checker(params))
    if not bulk.desired_states and not params["allow_empty"]:
        raise OptionError(where, "selects no workload; set allow_empty: true if that is intended")
    outcome = reconcile_all(MANAGED_WORKLOAD, store, bulk, check_mode)
    return {
        "changed": outcome.changed,
        "outcomes": list(outcome.outcomes),
        "diff": {"before": dict(outcome.before), "after": dict(outcome.after)},
        "warnings": outcome.warnings,
    }


def _select(params: Mapping[str, Any], pce: Pce, store: ManagedWorkloadStore) -> Bulk:
    """Return the values for all workloads of the selection."""
    values = _read_values(params)
    chosen = {**dict.fromkeys(SELECTION), **params["selection"]}
    if all(value is None for value in chosen.values()):
        raise OptionError("selection", f"requires at least one of {', '.join(SELECTION)}")
    with within_option("selection"):
        listing = read_listing(WORKLOAD, {**chosen, "managed": True}, PCE.reference_checker(params))
        workloads = WorkloadStore(pce.http, pce.org_id, WORKLOAD)
        found = select(WORKLOAD, workloads, listing)
        _check_hostnames(listing, workloads, store, found)
    create_labels = bool(params["create_labels"])
    with within_option("values"):
        # A label that is missing is missing for all workloads.
        store.resolve(values, create_labels)
    return Bulk(
        [
            DesiredState(Identity(workload["href"]), dict(values), PRESENT, create_missing=create_labels)
            for workload in found
        ]
    )


def _read_values(params: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in (params["values"] or {}).items() if value is not None}
    if not given:
        raise OptionError("values", f"requires at least one of {', '.join(_VALUES)}")
    with within_option("values"):
        return read_values(MANAGED_WORKLOAD, given, PCE.reference_checker(params))


def _check_hostnames(
    listing: Listing, workloads: WorkloadStore, store: ManagedWorkloadStore, found: Sequence[Mapping[str, Any]]
) -> None:
    """Raise an error for a hostname of the selection that no workload has, or several have."""
    by_hostname = [condition for condition in listing.conditions if condition.option in ("hostnames", "managed")]
    wanted = next((condition.wanted for condition in by_hostname if condition.option == "hostnames"), ())
    shown = {workload["hostname"] for workload in found}
    if any(hostname not in shown for hostname in wanted):
        # Another condition may leave it out.
        found = select(WORKLOAD, workloads, Listing(None, by_hostname))
    namesakes: dict[Any, list[Mapping[str, Any]]] = {}
    for workload in found:
        namesakes.setdefault(workload["hostname"], []).append(workload)
    for hostname in wanted:
        identity = Identity(names={"hostname": hostname})
        if hostname not in namesakes:
            error = store.missing(identity)
            raise OptionError("hostnames", str(error)) from error
        if len(namesakes[hostname]) > 1:
            raise MANAGED_WORKLOAD.ambiguous(identity, namesakes[hostname])
