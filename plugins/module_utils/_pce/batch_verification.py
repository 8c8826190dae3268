# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proof that the hosts of a batch are paired: what one PCE shows of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from .._core import progress
from .._core.errors import CollectionError
from .batch_hosts import Json, count_of, of_hostname, query_hostnames, value_of
from .workload import WORKLOAD


def verify(params: Mapping[str, Any], hosts: Sequence[Json], _dry_run: bool) -> Json:
    """Wait until the PCE shows all hosts as paired and online, and return for each what is missing.

    Of a host: ``host``, ``hostname``, ``timeout`` and ``delay`` in seconds. The longest timeout counts for all.
    """
    until = time.monotonic() + max(host["timeout"] for host in hosts)
    delay = max(0.1, min(host["delay"] for host in hosts))
    while True:
        try:
            shown = query_hostnames(params, WORKLOAD, [host["hostname"] for host in hosts])
        except CollectionError as error:
            return {"changed": False, "hosts": {host["host"]: {"error": str(error)} for host in hosts}}
        verdicts = {host["host"]: _judge(host, hosts, shown) for host in hosts}
        missing = [verdict for verdict in verdicts.values() if verdict["error"]]
        progress.report_progress("hosts verified", len(hosts) - len(missing), len(hosts))
        if not any(verdict["may_come"] for verdict in missing) or time.monotonic() + delay > until:
            return {"changed": False, "hosts": verdicts}
        time.sleep(delay)


def _judge(host: Json, hosts: Sequence[Json], shown: Sequence[Mapping[str, Any]]) -> Json:
    """Return what is missing of one host, and what the PCE knows of its VEN."""
    name = host["hostname"]
    mine = of_hostname(shown, name)
    # What a VEN that was there before has left behind is not managed any more, and does not count.
    mine = [raw for raw in mine if value_of(WORKLOAD, raw, "managed")] or mine
    if count_of(hosts, name) > 1:
        return _verdict(
            f"{count_of(hosts, name)} hosts of this batch have the hostname '{name}', so the PCE cannot tell them "
            "apart; set ven_hostname"
        )
    if not mine:
        return _verdict(
            f"the PCE has no workload with hostname '{name}'; if the host pairs under another name, set ven_hostname",
            may_come=True,
        )
    if len(mine) > 1:
        hrefs = ", ".join(sorted(str(raw.get("href")) for raw in mine))
        return _verdict(f"the PCE has {len(mine)} workloads with hostname '{name}': {hrefs}", may_come=True)
    (found,) = mine
    ven = value_of(WORKLOAD, found, "ven")
    reasons = [] if value_of(WORKLOAD, found, "managed") else ["it is not managed"]
    if ven is not None and ven["status"] != "active":
        reasons.append(f"the status of its VEN is '{ven['status']}'")
    if not value_of(WORKLOAD, found, "online"):
        reasons.append("it is not online")
    if ven is None:
        reasons = reasons or ["it has no VEN"]
    if reasons:
        shown_name = value_of(WORKLOAD, found, "hostname")
        called = f"workload '{shown_name}'" + ("" if shown_name == name else f" (of '{name}', {found.get('href')})")
        return _verdict(f"{called} is not paired and alive: {', '.join(reasons)}", may_come=True)
    return {**_verdict(None), "version": (ven or {}).get("version") or "", "workload": found.get("href")}


def _verdict(error: str | None, may_come: bool = False) -> Json:
    return {"error": error, "may_come": may_come, "version": "", "workload": None}
