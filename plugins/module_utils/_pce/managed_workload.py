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

from .._core.errors import CollectionError, MissingReferenceError, RequestError
from .._core.fields import choice, partial_text, server, text
from .._core.plan import Plan
from .._core.references import references
from .._core.resource import Identity, Raw, Resource
from .._core.store import QueryResult
from .._core.text import describe_errors, one_line
from .._http.client import HttpClient
from .._http.response import Response, parse_errors
from . import hrefs
from .api import PceApi
from .hrefs import UUID, UUID_EXAMPLE
from .label import LABEL
from .pairing_profile import ENFORCEMENT_MODES, VISIBILITY_LEVELS
from .shapes import object_of, text_of
from .store import PceStore, name_created

MAX_BULK = 1000
"""Workloads that one request updates."""

_REFUSED = ("error", "validation_failure")

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

    def __init__(self, http: HttpClient, org_id: int, resource: Resource) -> None:
        super().__init__(http, org_id, resource)
        # A workload that is sent again, in a smaller list, is told of the labels that were created before the first.
        self._made: dict[str, list[str]] = {}

    def _read(self, parameters: Mapping[str, str], max_results: int | None) -> QueryResult:
        result = super()._read({**parameters, "managed": "true"}, max_results)
        return QueryResult([raw for raw in result.objects if is_managed(raw)], result.is_paged)

    def _shown_by_get(self, reference: str) -> Raw | None:
        raw = super()._shown_by_get(reference)
        if raw is not None and not is_managed(raw):
            raise CollectionError(f"the workload {reference} has no VEN, and only workloads with a VEN are managed")
        return raw

    def missing(self, identity: Identity) -> MissingReferenceError:
        """Return the error for a workload that does not exist, or raise one that says that it has no VEN."""
        if identity.reference is not None:
            self._find_by_get(identity.reference)
        return super().missing(identity)

    def update_many(self, changes: Sequence[tuple[Plan, Raw]]) -> list[Raw | CollectionError]:
        """Carry out updates by one request. Return, for each, its object with its changes, or why it was refused.

        Labels are created before that. Sending a request again is safe: it sets the same values. An error whose
        ``changed`` is True says that only a look can tell what became of the workload.
        """
        made = [self._made.setdefault(str(plan.reference), []) for plan, _current in changes]
        path = f"{hrefs.collection(self._org_id, self._resource.path)}/bulk_update"
        try:
            bodies = [
                {
                    "href": self.own_href(plan.reference),
                    **self._resource.body(self._with_hrefs(plan.changes, created)),
                }
                for (plan, _current), created in zip(changes, made)
            ]
            answers = _answers_in(self._http.request("PUT", path, body=bodies))
        except CollectionError as error:
            name_created(error, [name for created in made for name in created])
            raise
        answered: list[Raw | CollectionError] = []
        for body, (_plan, current), created in zip(bodies, changes, made):
            failure = _failure_in(answers.get(body["href"]))
            if failure is not None:
                name_created(failure, created)
            answered.append({**current, **body} if failure is None else failure)
        return answered


def is_managed(raw: Raw) -> bool:
    """Return True for a workload that has a VEN."""
    managed = raw.get("managed")
    return managed if isinstance(managed, bool) else text_of(object_of(raw.get("ven")).get("href")) is not None


def _answers_in(response: Response) -> dict[str, Mapping[str, Any]]:
    """Return the entries of a response by the HREFs of their workloads; a PCE may answer without any."""
    if not response.body.strip():
        return {}
    try:
        entries = response.json_objects()
    except RequestError as error:
        # The PCE has accepted the request, whatever it says of it.
        error.mark_outcome_unknown()
        raise
    return {entry["href"]: entry for entry in entries if isinstance(entry.get("href"), str)}


def _failure_in(answer: Mapping[str, Any] | None) -> CollectionError | None:
    """Return the error in the PCE's entry for a workload, None if it was updated.

    A PCE answers an entry for each workload. Of one without, or with an unknown status, only a look tells more.
    """
    status = None if answer is None else answer.get("status")
    if answer is None or status not in ("updated", *_REFUSED):
        said = "does not mention the workload" if answer is None else f"says {one_line(status)} instead of updated"
        unclear = CollectionError(f"the PCE's response {said}")
        unclear.changed = True
        return unclear
    if status == "updated":
        return None
    words = describe_errors(parse_errors(_as_error(answer))) or "without a reason"
    return CollectionError(f"the PCE refused it ({status}): {words}")


def _as_error(answer: Mapping[str, Any]) -> bytes:
    words = {name: answer[name] for name in ("token", "message") if answer.get(name)}
    return json.dumps([words] if words else []).encode()


MANAGED_WORKLOADS = PceApi(ManagedWorkloadStore)
"""The API of a PCE with stores of workloads that have a VEN."""
