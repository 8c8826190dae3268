# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of workloads (source: PCE REST API, Workloads and VENs), for the info module and the inventory plugin.

Workloads are only read. Properties that a PCE does not show, or shows in an unknown shape, are null.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Union

from .._core.fields import Field, Filter
from .._core.resource import Resource
from .filters import LABELS_FILTER, any_of, flag_text, part, part_of
from .hrefs import UUID, UUID_EXAMPLE
from .label import LABEL
from .pairing_profile import ENFORCEMENT_MODES
from .shapes import objects_of, text_of


def address_of(text: str) -> Union[ipaddress.IPv4Address, ipaddress.IPv6Address, None]:
    """Return the IP address in a text, None for any other text."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_reachable(text: str) -> bool:
    """Return True for an address that leads to one host, also from other hosts."""
    address = address_of(text)
    return address is not None and not (
        address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast
    )


def _interfaces(value: Any) -> list[dict[str, Any]]:
    return [
        {
            "name": text_of(item.get("name")),
            "address": text_of(item.get("address")),
            "cidr_block": item.get("cidr_block") if isinstance(item.get("cidr_block"), int) else None,
        }
        for item in objects_of(value)
    ]


def read_addresses(value: Any) -> list[str]:
    """Return the addresses of interfaces by which other hosts reach this one, each once."""
    addresses = [item["address"] for item in _interfaces(value)]
    return list(dict.fromkeys(text for text in addresses if text and is_reachable(text)))


WORKLOAD = Resource(
    title="workload",
    name="workload",
    plural="workloads",
    path="workloads",
    id_pattern=UUID,
    id_example=UUID_EXAMPLE,
    identity=("hostname",),
    reference="href",
    fields=(
        Field("href"),
        Field("name", read=text_of, filters=(Filter({"type": "str"}, parse=part, matches=part_of, partial=True),)),
        Field(
            "hostname",
            read=text_of,
            filters=(
                Filter({"type": "str"}, parse=part, matches=part_of, encode=str, partial=True),
                # The PCE knows no list; it is asked for a single hostname only.
                any_of("hostnames", encode=lambda wanted: next(iter(wanted)) if len(wanted) == 1 else ""),
            ),
        ),
        Field("description", read=text_of),
        Field("enforcement_mode", read=text_of, filters=(any_of(choices=ENFORCEMENT_MODES),)),
        Field("visibility_level", read=text_of),
        Field("public_ip", read=text_of),
        Field("os_id", read=text_of),
        Field("os_detail", read=text_of),
        Field("managed", path=("known", "managed"), filters=(Filter({"type": "bool"}, encode=flag_text),)),
        Field(
            "online",
            read=lambda value: value if isinstance(value, bool) else None,
            filters=(Filter({"type": "bool"}, encode=flag_text),),
        ),
        Field(
            "labels",
            path=("known", "labels"),
            read=lambda look_up: look_up(),
            filters=(LABELS_FILTER,),
            refers_to=LABEL,
        ),
        Field("interfaces", read=_interfaces),
        Field("addresses", path=("interfaces",), read=read_addresses),
        Field("ven", path=("known", "ven")),
    ),
)
