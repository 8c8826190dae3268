# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All workloads that have a VEN, with what the PCE shows of their VENs (source: PCE REST API, Workloads and VENs)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.listing import Listing, select
from .api import Pce
from .ven_info import VEN_INFO, VenStore
from .waves import Host
from .workload import WORKLOAD
from .workload_store import WorkloadStore


def read_fleet(pce: Pce) -> list[Host]:
    """Return all workloads that have a VEN, by one list of workloads and one of VENs."""
    workloads = select(WORKLOAD, WorkloadStore(pce.http, pce.org_id, WORKLOAD), Listing(None))
    vens = {ven["href"]: ven for ven in select(VEN_INFO, VenStore(pce.http, pce.org_id, VEN_INFO), Listing(None))}
    return [_host(workload, vens) for workload in workloads if workload["managed"] and workload["ven"] is not None]


def _host(workload: Mapping[str, Any], vens: Mapping[str, Mapping[str, Any]]) -> Host:
    href = workload["ven"]["href"]
    ven = vens.get(href, {})
    return Host(
        workload["href"],
        href,
        workload["hostname"] or "",
        workload["labels"],
        workload["enforcement_mode"],
        workload["visibility_level"],
        workload["online"],
        ven.get("version") or workload["ven"]["version"],
        ven.get("upgrade_target_version"),
        ven.get("problems", ()),
    )
