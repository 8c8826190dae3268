# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts of a batch, and what a PCE shows under their hostnames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._core.resource import Resource
from .api import PCE
from .workload import WORKLOAD
from .workload_store import WORKLOADS

Json = dict[str, Any]
Verdicts = dict[str, Json]
"""What is found of each host, by its name in the inventory."""


def query_hostnames(
    params: Mapping[str, Any], resource: Resource, hostnames: Sequence[str]
) -> Sequence[Mapping[str, Any]]:
    """Return what the PCE shows of some hostnames: of one by its filter, of more by one read of all."""
    store = (WORKLOADS if resource is WORKLOAD else PCE).store(params, resource)
    if len(set(hostnames)) == 1 and not hostnames[0].startswith("/"):
        # Its filter matches a part, so that the short name finds the PCE's own name for the host.
        return store.query({"hostname": short_name(hostnames[0])})
    return store.query({})


def value_of(resource: Resource, raw: Mapping[str, Any], name: str) -> Any:
    """Return a property of an object as results show it."""
    return resource.field(name).value_in(raw)


def of_hostname(shown: Sequence[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """Return the objects of a hostname: exactly so, or else in other letters, or else with a domain or without."""
    if name.startswith("/orgs/"):
        return [raw for raw in shown if name in (raw.get("href"), (raw.get("ven") or {}).get("href"))]
    for is_same in (_is_exact, _is_same_text, _is_same_host):
        found = [raw for raw in shown if is_same(str(raw.get("hostname") or ""), name)]
        if found:
            return found
    return []


def _is_exact(shown: str, name: str) -> bool:
    return shown == name


def _is_same_text(shown: str, name: str) -> bool:
    return shown.casefold() == name.casefold()


def _is_same_host(shown: str, name: str) -> bool:
    """Return True for a short name and the same with a domain; two domains are two hosts."""
    one, other = shown.casefold(), name.casefold()
    return ("." in one) != ("." in other) and short_name(one) == short_name(other)


def short_name(name: str) -> str:
    """Return a hostname without its domain."""
    return name.partition(".")[0] or name


def is_known(shown: Sequence[Mapping[str, Any]], name: str) -> bool:
    """Return True if a VEN with this hostname is paired."""
    return any(raw.get("status") not in ("unpaired", "uninstalled") for raw in of_hostname(shown, name))


def count_of(hosts: Sequence[Json], hostname: str) -> int:
    """Return how many hosts of a batch have a hostname."""
    return sum(host["hostname"] == hostname for host in hosts)


def server_name(server: str) -> str:
    """Return the name or address in an address of a server, to be compared."""
    text = str(server).strip().lower().rpartition("//")[2].partition("/")[0]
    host = text.partition("]")[0].lstrip("[") if text.startswith("[") else text.partition(":")[0]
    return host.rstrip(".")
