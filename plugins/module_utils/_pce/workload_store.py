# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Workloads of an organization on a PCE, with their labels by key and value."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from .._core.errors import MissingReferenceError
from .._core.fields import parse_option
from .._core.references import References, check_one_per
from .._core.resource import Raw, Resource
from .._core.store import QueryResult
from .._http.client import HttpClient
from .api import PceApi
from .label import LABEL
from .shapes import object_of, objects_of, text_of
from .store import PceStore

_SENT_AS = {"hostnames": "hostname"}


class WorkloadStore(PceStore):
    """The workloads of an organization, with their labels by key and value.

    The labels are read at most once, after the workloads, so that they include one that is created and given to a
    workload meanwhile. ``unknown_labels`` are labels of shown workloads that the PCE does not show, as (workload,
    label).
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
        """Return ``values`` with key and value of each label. Raise MissingReferenceError for a missing one."""
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
        """Return a workload with ``known``: values that combine several properties, and labels, which are read late."""
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
        for item in objects_of(raw.get("labels")):
            key, value, href = (text_of(item.get(name)) for name in ("key", "value", "href"))
            entry = {"key": key, "value": value} if key and value else self._labels.names({"href": href or ""})
            if entry is None:
                self.unknown_labels.add((str(raw.get("href")), str(href)))
            else:
                found[str(entry["key"])] = str(entry["value"])
        return found


def _ven(raw: Raw) -> dict[str, Any] | None:
    ven, agent = object_of(raw.get("ven")), object_of(raw.get("agent"))
    href = text_of(ven.get("href"))
    if href is None:
        return None
    status = object_of(agent.get("status"))
    return {
        "href": href,
        "status": text_of(status.get("status")) or text_of(ven.get("status")),
        "version": text_of(status.get("agent_version")) or text_of(ven.get("version")),
    }


WORKLOADS = PceApi(WorkloadStore)
"""The API of a PCE with stores of workloads."""
