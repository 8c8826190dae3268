# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of workloads (source: PCE REST API, Workloads and VENs), for the info module and the inventory plugin.

Workloads are only read. Properties that a PCE does not show, or shows in an unknown shape, are null.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Union

from .._core.fields import Field, Filter
from .._core.references import Entry, parse_entries
from .._core.resource import Resource
from .hrefs import UUID, UUID_EXAMPLE
from .label import LABEL
from .shapes import objects_of, text_of

_MODES = ("idle", "visibility_only", "selective", "full")


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


def _addresses(value: Any) -> list[str]:
    addresses = [item["address"] for item in _interfaces(value)]
    return list(dict.fromkeys(text for text in addresses if text and is_reachable(text)))


def _part(value: str) -> str:
    if not value:
        raise ValueError("must not be empty: all workloads would match")
    return value


def _part_of(wanted: str, value: Any) -> bool:
    return wanted.casefold() in (value or "").casefold()


def _flag(value: bool) -> str:
    return str(value).lower()


def _filled(value: Sequence[Any]) -> dict[Any, None]:
    """Return the entries of an option, each once. Raise ValueError where it asks for nothing."""
    if not value or "" in value:
        raise ValueError("must not be an empty list or hold an empty text")
    return dict.fromkeys(value)


def _label_group(value: Sequence[Any]) -> list[list[Entry]]:
    if not value:
        raise ValueError("must not be an empty list")
    return [parse_entries(LABEL, value, one_per="key")]


def _has_labels(wanted: Sequence[Sequence[Entry]], value: Mapping[str, str]) -> bool:
    return all(value.get(entry["key"]) == entry["value"] for group in wanted for entry in group)


def _any_of(name: str = "", choices: Sequence[str] = (), encode: Callable[[Any], str] | None = None) -> Filter:
    """Return the filter of a text by a list, one of which it must be."""
    spec = {"type": "list", "elements": "str", **({"choices": list(choices)} if choices else {})}
    return Filter(spec, name, _filled, lambda wanted, value: value in wanted, encode)


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
        Field("name", read=text_of, filters=(Filter({"type": "str"}, parse=_part, matches=_part_of, partial=True),)),
        Field(
            "hostname",
            read=text_of,
            filters=(
                Filter({"type": "str"}, parse=_part, matches=_part_of, encode=str, partial=True),
                # The PCE knows no list; it is asked for a single hostname only.
                _any_of("hostnames", encode=lambda wanted: next(iter(wanted)) if len(wanted) == 1 else ""),
            ),
        ),
        Field("description", read=text_of),
        Field("enforcement_mode", read=text_of, filters=(_any_of(choices=_MODES),)),
        Field("visibility_level", read=text_of),
        Field("public_ip", read=text_of),
        Field("os_id", read=text_of),
        Field("os_detail", read=text_of),
        Field("managed", path=("known", "managed"), filters=(Filter({"type": "bool"}, encode=_flag),)),
        Field(
            "online",
            read=lambda value: value if isinstance(value, bool) else None,
            filters=(Filter({"type": "bool"}, encode=_flag),),
        ),
        Field(
            "labels",
            path=("known", "labels"),
            read=lambda look_up: look_up(),
            filters=(Filter({"type": "list", "elements": "dict"}, parse=_label_group, matches=_has_labels),),
            refers_to=LABEL,
        ),
        Field("interfaces", read=_interfaces),
        Field("addresses", path=("interfaces",), read=_addresses),
        Field("ven", path=("known", "ven")),
    ),
)
