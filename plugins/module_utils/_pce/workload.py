# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of workloads (source: PCE REST API, Workloads and VENs), for the info module and the inventory plugin.

Nothing is written here. What a PCE does not show, or shows in a shape that the page does not know, is null.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Callable, Union

from .._core.errors import MissingReferenceError, OptionError
from .._core.fields import Field, Filter, parse_option
from .._core.references import Entry, References, check_one_per, parse_entries
from .._core.resource import Raw, Resource
from .._core.store import QueryResult
from .._http.client import HttpClient
from .api import PceApi
from .label import LABEL
from .store import PceStore

_MODES = ("idle", "visibility_only", "selective", "full")
_SENT_AS = {"hostnames": "hostname"}


class WorkloadStore(PceStore):
    """The workloads of an organisation, with their labels by key and value.

    The labels are read at most once, after the workloads: one that is made and given to a workload meanwhile is among
    them. ``unknown_labels`` are those of shown workloads that the PCE does not tell, as (workload, label).
    """

    def __init__(self, http: HttpClient, org_id: int, resource: Resource) -> None:
        super().__init__(http, org_id, resource)
        self.unknown_labels: set[tuple[str, str]] = set()
        self._labels = References(LABEL, PceStore(http, org_id, LABEL))

    def _read(self, parameters: Mapping[str, str], max_results: int | None) -> QueryResult:
        sent = {_SENT_AS.get(name, name): text for name, text in parameters.items() if text}
        result = super()._read(sent, max_results)
        return QueryResult([self._completed(raw) for raw in result.objects], result.is_paged)

    def resolve(self, values: Mapping[str, Any], create: bool | None) -> dict[str, Any]:
        """Return ``values`` with key and value of each label. Raise MissingReferenceError for one that is not there."""
        named = []
        for entry in values["labels"]:
            names = self._labels.names(entry)
            if names is None:
                raise MissingReferenceError(f"labels: there is no {LABEL.title} {entry[LABEL.reference]}")
            # Two labels of one name are one to a filter by name.
            self._labels.references_of(names, "labels")
            named.append(names)
        parse_option("labels", partial(check_one_per, LABEL, "key"), named)
        return {**values, "labels": named}

    def _get(self, href: str) -> Raw | None:
        raw = super()._get(href)
        return None if raw is None else self._completed(raw)

    def _completed(self, raw: Raw) -> Raw:
        """Return a workload with ``known``: what is made of several properties, or of labels, which are read late."""
        ven, managed = _ven(raw), raw.get("managed")
        known = {
            "managed": managed if isinstance(managed, bool) else ven is not None,
            "labels": partial(self._labels_of, raw),
            "ven": ven,
        }
        return {**raw, "href": self.own_href(raw.get("href")), "known": known}

    def _labels_of(self, raw: Raw) -> dict[str, str]:
        """Return values by keys; newer PCEs show them beside the href of a label."""
        found = {}
        for item in _objects(raw.get("labels")):
            key, value, href = (_text(item.get(name)) for name in ("key", "value", "href"))
            entry = {"key": key, "value": value} if key and value else self._labels.names({"href": href or ""})
            if entry is None:
                self.unknown_labels.add((str(raw.get("href")), str(href)))
            else:
                found[str(entry["key"])] = str(entry["value"])
        return found


class Workloads(PceApi):
    """The API of a PCE, where workloads are concerned."""

    def store(self, params: Mapping[str, Any], resource: Resource) -> WorkloadStore:
        """Return the store of workloads on the PCE that ``params`` lead to."""
        if params.get("hostname") is not None and params.get("hostnames") is not None:
            raise OptionError("hostnames", "contradicts hostname: one of them says which workloads are meant")
        pce = self.connect(params)
        return WorkloadStore(pce.http, pce.org_id, resource)


def address_of(text: str) -> Union[ipaddress.IPv4Address, ipaddress.IPv6Address, None]:
    """Return the IP address that a text is, None for any other text."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_reachable(text: str) -> bool:
    """Say whether this is an address that leads to one host, and not only on that host."""
    address = address_of(text)
    return address is not None and not (
        address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast
    )


def _ven(raw: Raw) -> dict[str, Any] | None:
    ven, agent = _object(raw.get("ven")), _object(raw.get("agent"))
    href = _text(ven.get("href"))
    if href is None:
        return None
    status = _object(agent.get("status"))
    return {
        "href": href,
        "status": _text(status.get("status")) or _text(ven.get("status")),
        "version": _text(status.get("agent_version")) or _text(ven.get("version")),
    }


def _interfaces(value: Any) -> list[dict[str, Any]]:
    return [
        {
            "name": _text(item.get("name")),
            "address": _text(item.get("address")),
            "cidr_block": item.get("cidr_block") if isinstance(item.get("cidr_block"), int) else None,
        }
        for item in _objects(value)
    ]


def _addresses(value: Any) -> list[str]:
    addresses = [item["address"] for item in _interfaces(value)]
    return list(dict.fromkeys(text for text in addresses if text and is_reachable(text)))


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


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
    """Return the filter of a text by a list, one of which it has to be."""
    spec = {"type": "list", "elements": "str", **({"choices": list(choices)} if choices else {})}
    return Filter(spec, name, _filled, lambda wanted, value: value in wanted, encode)


WORKLOAD = Resource(
    api=Workloads(),
    title="workload",
    name="workload",
    plural="workloads",
    identity=("hostname",),
    reference="href",
    fields=(
        Field("href"),
        Field("name", read=_text, filters=(Filter({"type": "str"}, parse=_part, matches=_part_of, partial=True),)),
        Field(
            "hostname",
            read=_text,
            filters=(
                Filter({"type": "str"}, parse=_part, matches=_part_of, encode=str, partial=True),
                # The PCE knows no list; it is asked for a single hostname only.
                _any_of("hostnames", encode=lambda wanted: next(iter(wanted)) if len(wanted) == 1 else ""),
            ),
        ),
        Field("description", read=_text),
        Field("enforcement_mode", read=_text, filters=(_any_of(choices=_MODES),)),
        Field("visibility_level", read=_text),
        Field("public_ip", read=_text),
        Field("os_id", read=_text),
        Field("os_detail", read=_text),
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
