# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of a property that another collection lists, such as label keys (source: PCE REST API, label_dimensions)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .._core.errors import ApiError, OptionError
from .._core.resource import Resource
from .._core.text import closest_matches
from .._http.client import HttpClient
from . import hrefs
from .pagination import read_collection
from .shapes import text_of


class ListedValues:
    """The values that properties of a resource can have on a PCE, each collection read once."""

    def __init__(self, http: HttpClient, org_id: int, resource: Resource) -> None:
        self._http = http
        self._org_id = org_id
        self._resource = resource
        self._known: dict[str, Collection[str]] = {}

    def check(self, values: Mapping[str, Any]) -> None:
        """Raise OptionError, with the closest, for a value of a new object that the PCE does not list.

        An old PCE has no such collection, and a key may lack the permission for it: then the PCE alone decides.
        """
        for name, path in self._resource.listed_values.items():
            if name not in values:
                continue
            known = self._read(name, path)
            if known and values[name] not in known:
                advice = closest_matches(str(values[name]), known, sorted(known)[:10])
                raise OptionError(name, f"is unknown to the PCE: {values[name]!r}{advice}")

    def _read(self, name: str, path: str) -> Collection[str]:
        if name not in self._known:
            try:
                listed = read_collection(self._http, hrefs.collection(self._org_id, path), {}).objects
            except ApiError as error:
                if error.status >= 500 or error.status == 401:
                    raise
                listed = []
            texts = [text_of(raw.get(name)) for raw in listed if raw.get("deleted") is not True]
            self._known[name] = {text for text in texts if text is not None}
        return self._known[name]
