# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unpairing the hosts of a batch through one PCE, and asking it for what keeps hosts from being unpaired."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .._core.errors import ApiError, CollectionError
from . import hrefs
from .api import PCE
from .batch_hosts import Json, Verdicts, count_of
from .unpair_guards import Guards, find_refusals
from .ven_state import set_ven_state


def unpair(params: Mapping[str, Any], hosts: Sequence[Json], dry_run: bool) -> Json:
    """Unpair hosts through the PCE, unless a guard refuses that.

    Of a host: ``host``, ``hostname``, ``firewall_restore``, ``guards``, ``through`` ("pce", or "host": then only the
    guards are asked), ``has_token`` (a maintenance token), ``is_optional`` (the PCE need not answer).
    """
    doubles = {name for name in (host["hostname"] for host in hosts) if count_of(hosts, name) > 1}
    verdicts: Verdicts = {host["host"]: {"error": None, "changed": False} for host in hosts}
    warnings: list[str] = []
    asked = [host for host in hosts if host["hostname"] not in doubles]
    for host in hosts:
        if host["hostname"] in doubles:
            verdicts[host["host"]]["error"] = (
                f"several hosts of this batch have the hostname {host['hostname']}, so it is unknown which of them is "
                "meant; set ven_hostname"
            )
    changed = False
    try:
        refusals = {**_refusals(params, asked, dry_run), **_protected(params, asked)}
        for host in asked:
            verdicts[host["host"]].update(refusals.get(host["host"], {}))
        left = [host for host in asked if not verdicts[host["host"]]["error"] and host["through"] == "pce"]
        for word in sorted({host["firewall_restore"] for host in left}):
            members = [host for host in left if host["firewall_restore"] == word]
            changed = _unpair_by(params, members, word, dry_run, verdicts, warnings) or changed
    except CollectionError as error:
        changed = changed or error.changed
        for host in asked:
            verdict = verdicts[host["host"]]
            if verdict["error"] is None and not verdict["changed"] and not host.get("is_optional"):
                verdict["error"] = str(error)
        if any(host.get("is_optional") for host in asked):
            warnings.append(f"the PCE was not asked for golden images and tampering protection: {error}")
    return {"changed": changed, "warnings": warnings, "hosts": verdicts}


def _protected(params: Mapping[str, Any], hosts: Sequence[Json]) -> dict[str, Json]:
    """Return why hosts cannot be unpaired by their own VEN: the PCE requires a token, and the task has none."""
    without = [host for host in hosts if host["through"] == "host" and not host.get("has_token")]
    if not without:
        return {}
    pce = PCE.connect(params)
    try:
        settings = pce.http.get(hrefs.collection(pce.org_id, "settings")).json_object()
    except ApiError as error:
        # An older PCE has no such setting, and a key may lack the permission to read it: then the VEN decides.
        if error.status not in (403, 404):
            raise
        return {}
    if settings.get("ven_maintenance_token_required") is not True:
        return {}
    error_words = (
        "the PCE requires a maintenance token to unpair a VEN on its host; set ven_maintenance_token, or "
        "ven_unpair_through: pce, which requires none"
    )
    return {host["host"]: {"error": error_words} for host in without}


def _refusals(params: Mapping[str, Any], hosts: Sequence[Json], dry_run: bool) -> dict[str, Json]:
    found: dict[str, Json] = {}
    by_guards: dict[str, list[Json]] = {}
    for host in hosts:
        by_guards.setdefault(json.dumps(host["guards"], sort_keys=True), []).append(host)
    for text, members in by_guards.items():
        guards = Guards.from_options(json.loads(text), "ven_unpair_")
        names = {host["hostname"]: host["host"] for host in members}
        for hostname, refusal in find_refusals(params, names, guards, dry_run).items():
            found[names[hostname]] = refusal
    return found


def _unpair_by(
    params: Mapping[str, Any],
    hosts: Sequence[Json],
    firewall_restore: str,
    dry_run: bool,
    verdicts: Verdicts,
    warnings: list[str],
) -> bool:
    """Unpair the hosts that want the same of their firewall. Enter what became of each, and return what changed."""
    asked = {"hostnames": [host["hostname"] for host in hosts], "hrefs": None, "state": "unpaired"}
    changed, shown = False, []
    try:
        outcome = set_ven_state(PCE.connect(params), {**asked, "firewall_restore": firewall_restore}, dry_run)
        changed, shown = outcome["changed"], outcome["vens"]
        warnings += outcome["warnings"]
    except CollectionError as error:
        details = error.details()
        changed, shown = error.changed, details.get("vens") or details.get("outcomes") or []
        if not shown:
            raise
    by_name = {ven["hostname"]: ven for ven in shown}
    for host in hosts:
        ven = by_name.get(host["hostname"])
        verdict = verdicts[host["host"]]
        if ven is None:
            verdict["error"] = "the PCE did not show what became of it"
        else:
            verdict.update(error=ven["error"], changed=ven["changed"], version=ven["version"] or "")
    return bool(changed)
