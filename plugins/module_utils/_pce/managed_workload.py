# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of workloads that have a VEN, and their store (source: PCE REST API, Workloads and VENs).

A host creates its workload when it is paired, so no task creates one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .._core.errors import CollectionError
from .._core.fields import choice, partial_text, server, text
from .._core.plan import Plan
from .._core.references import references
from .._core.resource import Raw, Resource
from .._core.store import QueryResult
from .._core.text import describe_errors, one_line
from .._http.response import Response, parse_errors
from . import hrefs
from .api import PceApi
from .hrefs import UUID, UUID_EXAMPLE
from .label import LABEL
from .pairing_profile import ENFORCEMENT_MODES, VISIBILITY_LEVELS
from .shapes import object_of, text_of
from .store import PceStore

MAX_BULK = 1000
"""Workloads that one request updates."""

MANAGED_WORKLOAD = Resource(
    title="workload",
    name="workload",
    plural="workloads",
    path="workloads",
    id_pattern=UUID,
    id_example=UUID_EXAMPLE,
    identity=("hostname",),
    reference="href",
    can_create=False,
    options={"create_labels": {"type": "bool", "default": False}},
    create_missing="create_labels",
    fields=(
        server("href"),
        text("hostname", min_length=1, query=partial_text()),
        text("name", max_length=255, nullable=True),
        text("description", nullable=True),
        choice("enforcement_mode", ENFORCEMENT_MODES),
        choice("visibility_level", VISIBILITY_LEVELS),
        references("labels", LABEL, one_per="key"),
        text("external_data_set", nullable=True),
        text("external_data_reference", nullable=True),
        server("online"),
    ),
)


class ManagedWorkloadStore(PceStore):
    """The workloads of an organization that have a VEN."""

    max_updates = MAX_BULK

    def _read(self, parameters: Mapping[str, str], max_results: int | None) -> QueryResult:
        result = super()._read({**parameters, "managed": "true"}, max_results)
        return QueryResult([raw for raw in result.objects if is_managed(raw)], result.is_paged)

    def _get(self, href: str) -> Raw | None:
        raw = super()._get(href)
        if raw is not None and not is_managed(raw):
            raise CollectionError(f"the workload {href} has no VEN, and only workloads with a VEN are managed")
        return raw

    def update_many(self, changes: Sequence[tuple[Plan, Raw]]) -> list[Raw | CollectionError]:
        """Carry out updates by one request. Return, for each, its object with its changes, or why it was refused.

        Labels are created before that. Sending a request again is safe: it sets the same values.
        """
        bodies = []
        for plan, _current in changes:
            with self._complete(plan) as complete:
                bodies.append({"href": self.own_href(complete.reference), **self._resource.body(complete.changes)})
        path = f"{hrefs.collection(self._org_id, self._resource.path)}/bulk_update"
        response = self._http.request("PUT", path, body=bodies)
        answers = _answers_in(response)
        return [
            _settle(response, answers.get(body["href"]), {**current, **body})
            for body, (_plan, current) in zip(bodies, changes)
        ]


def is_managed(raw: Raw) -> bool:
    """Return True for a workload that has a VEN."""
    managed = raw.get("managed")
    return managed if isinstance(managed, bool) else text_of(object_of(raw.get("ven")).get("href")) is not None


def _answers_in(response: Response) -> dict[Any, Mapping[str, Any]]:
    """Return the entries of a response by the HREFs of their workloads; a PCE may answer without any."""
    if not response.body.strip():
        return {}
    return {entry.get("href"): entry for entry in response.json_objects()}


def _settle(response: Response, answer: Mapping[str, Any] | None, updated: Raw) -> Raw | CollectionError:
    """Return the workload as it should be, or the error in the PCE's answer for it.

    A PCE answers an entry for each workload. One that it does not mention is read back like the others.
    """
    if answer is None or answer.get("status") == "updated":
        return updated
    words = describe_errors(parse_errors(_as_error(answer))) or str(answer.get("status"))
    return CollectionError(f"the PCE refused it ({one_line(answer.get('status'))}): {words}")


def _as_error(answer: Mapping[str, Any]) -> bytes:
    return json.dumps([{name: answer.get(name) for name in ("token", "message")}]).encode()


MANAGED_WORKLOADS = PceApi(ManagedWorkloadStore)
"""The API of a PCE with stores of workloads that have a VEN."""
