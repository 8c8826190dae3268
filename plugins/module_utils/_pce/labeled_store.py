# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of an organization on a PCE that have labels, with these by key and value."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from .._core.errors import MissingReferenceError
from .._core.fields import parse_option
from .._core.references import References, check_one_per
from .._core.resource import Raw, Resource
from .._core.store import QueryResult
from .._http.client import HttpClient
from .label import LABEL
from .shapes import objects_of, text_of
from .store import PceStore


class LabeledStore(PceStore):
    """Objects with their labels by key and value, in ``known`` beside what else combines several properties.

    The labels are read at most once, after the objects, so that they include one that is created and given to an
    object meanwhile. ``unknown_labels`` are labels of shown objects that the PCE does not show, as (object, label).
    ``sent_as`` are the query parameters of options that are called otherwise.
    """

    sent_as: Mapping[str, str] = {"hostnames": "hostname"}

    def __init__(self, http: HttpClient, org_id: int, resource: Resource) -> None:
        super().__init__(http, org_id, resource)
        self.unknown_labels: set[tuple[str, str]] = set()
        self._labels = References(LABEL, PceStore(http, org_id, LABEL))

    @abstractmethod
    def complete(self, raws: Sequence[Raw]) -> list[dict[str, Any]]:
        """Return what combines several properties, for each of the objects that one read showed."""

    def _read(self, parameters: Mapping[str, str], max_results: int | None) -> QueryResult:
        sent = {self.sent_as.get(name, name): text for name, text in parameters.items() if text}
        result = super()._read(sent, max_results)
        return QueryResult(self._completed(result.objects), result.is_paged)

    def resolve(self, values: Mapping[str, Any], create: bool | None) -> dict[str, Any]:
        """Return ``values`` with key and value of each label. Raise MissingReferenceError for a missing one."""
        named = []
        for entry in values["labels"]:
            names = self._labels.names(entry)
            if names is None:
                raise MissingReferenceError(f"labels: unknown {LABEL.title} {entry[LABEL.reference]}")
            # Two labels of one name are one to a filter by name.
            self._labels.references_of(names, "labels")
            named.append(names)
        parse_option("labels", partial(check_one_per, LABEL, "key"), named)
        return {**values, "labels": named}

    def _get(self, href: str) -> Raw | None:
        raw = super()._get(href)
        return None if raw is None else self._completed([raw])[0]

    def _completed(self, raws: Sequence[Raw]) -> list[Raw]:
        return [
            {
                **raw,
                "href": self.own_href(raw.get("href")),
                "known": {"labels": partial(self._labels_of, raw), **known},
            }
            for raw, known in zip(raws, self.complete(raws))
        ]

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
