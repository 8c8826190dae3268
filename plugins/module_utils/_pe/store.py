# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The instances of a connector server (source: pe-api.md)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._core.errors import ApiError, CollectionError, ContractError, RequestError, explain_failed_lookup
from .._core.plan import Action, Plan
from .._core.resource import Identity, Raw, Resource
from .._core.store import Store
from .._core.text import one_line
from .._http.create_once import create_once
from .._http.response import Response
from . import bodies, checks
from .checks import CONTROLLER, PASSWORD, SPACE_NAME
from .connector_type import Connector
from .settings import FILE, OPTIONS, PLAIN, SECRET, Setting
from .visibility import Visibility

_NO_PUT = (404, 405, 501)


class PeStore(Store):
    """The instances of a connector.

    ``plain`` and ``hidden`` are those of Visibility; no secret setting leaves the store. ``absent`` holds the
    controllers of which the task wants no instance without an address space, with the option that would name one.
    """

    def __init__(
        self,
        connector: Connector,
        resource: Resource,
        recreate: bool = False,
        plain: Mapping[Any, Mapping[str, str]] | None = None,
        hidden: frozenset[str] = frozenset(),
        absent: Mapping[str, str] | None = None,
    ) -> None:
        self._connector = connector
        self._http = connector.http
        self._names = connector.names
        self._resource = resource
        self._recreate = recreate
        self._visibility = Visibility(connector, resource, plain or {}, hidden)
        self._absent = absent or {}

    def find(self, identity: Identity) -> Raw | None:
        """Return the one instance with this identity, or None. Raise AmbiguousError where there are several."""
        if identity.reference is not None:
            raw = self._get(identity.reference)
            return None if raw is None else self._instance(raw)
        listed = self._all()
        shown = [bodies.read_properties(self._names, raw) for raw in listed]
        found = [raw for raw, properties in zip(listed, shown) if self._has(properties, identity)]
        if len(found) > 1:
            raise self._resource.ambiguous(identity, [bodies.read_properties(self._names, raw) for raw in found])
        if not found:
            self._resource.refuse_unreadable(shown)
            if identity.names[SPACE_NAME] is None:
                self._check_absent(shown, [identity.names[CONTROLLER]])
        return self._instance(found[0]) if found else None

    def query(self, _parameters: Mapping[str, str], max_results: int | None = None) -> Sequence[Raw]:
        """Return all instances, or the first ``max_results``: the API knows no filters."""
        listed = self._all()
        self._check_absent([bodies.read_properties(self._names, raw) for raw in listed], self._absent)
        return [self._instance(raw) for raw in listed[:max_results]]

    def check(self, plan: Plan, current: Raw | None) -> None:
        """Raise OptionError for a plan that the connector's type does not allow, or that would lose a secret."""
        if plan.reference is not None:
            self._own_id(plan.reference)
        if plan.action is Action.CREATE:
            checks.check_create(self._resource, self._connector, plan)
        if plan.action is Action.UPDATE:
            checks.check_update(self._resource, self._connector, plan, current or {})

    def execute(self, plan: Plan, identity: Identity) -> Raw | None:
        """Do what the plan says. Return the instance as the server shows it now, None where it is gone."""
        self._http.hide(_texts(plan.secrets))
        if plan.action is Action.CREATE:
            values, settings = self._values({**plan.changes, **plan.secrets})
            return self._create_once(bodies.write_new(self._names, values, settings), identity)
        reference = self._own_id(plan.reference)
        if plan.action is Action.UPDATE:
            return self._replace(reference, plan)
        self._delete(reference)
        return None

    def _check_absent(self, shown: Sequence[Raw], controllers: Iterable[str]) -> None:
        for controller in controllers:
            if controller in self._absent:
                checks.check_absent(self._resource, controller, self._absent[controller], shown)

    def _create_once(self, body: Mapping[str, Any], identity: Identity) -> Raw:
        responses: list[Response] = []

        def send() -> Raw:
            responses.append(self._http.request("POST", self._names.instances, body=body))
            return {}

        found = create_once(self._http, send, lambda: self.find(identity))
        if not responses:
            return found
        try:
            created = self._created(responses[0], identity)
        except CollectionError as error:
            raise self._after("created", error) from error
        if created is None:
            raise self._not_shown(responses[0])
        return created

    def _created(self, response: Response, identity: Identity) -> Raw | None:
        """Return the instance that a POST created, as the server shows it, None where it shows none.

        What a POST answers is not documented. An id in it counts only if it leads to an instance of our identity.
        """
        created: Raw | None = None
        try:
            raw = self._get(self._resource.reference_of(bodies.read_properties(self._names, response.json_object())))
            created = None if raw is None else self._instance(raw)
        except ContractError:
            created = None
        return created if created is not None and self._has(created, identity) else self.find(identity)

    def _not_shown(self, response: Response) -> ContractError:
        """Return the error of a POST that was answered, and whose instance is not there afterwards.

        Only a response that is no JSON object may come from a proxy. An id in it says that an instance was created, and
        if that is shown under other names, each run would create one more.
        """
        missing = response.contract_error(f"the {self._resource.title} is not there afterwards")
        try:
            reference = self._id_in(response.json_object())
        except ContractError:
            return missing
        if not isinstance(reference, str) or not reference:
            missing.mark_outcome_unknown()
            return missing
        names = " and ".join(self._resource.identity)
        created = response.contract_error(
            f"the {self._resource.title} {one_line(reference)} was created, but is not shown with this {names}; "
            "each run would create one more"
        )
        created.changed = True
        return created

    def _after(self, done: str, error: CollectionError) -> CollectionError:
        """Return the error of reading back what was written, with what was written."""
        error.changed = True
        error.add(f"The {self._resource.title} was {done} before that")
        return error

    def _replace(self, reference: str, plan: Plan) -> Raw:
        path = f"{self._names.instances}/{reference}"
        # Read again: what is kept is what the server shows now.
        shown = self._get(reference)
        if shown is None:
            raise RequestError(f"the {self._resource.title} {reference} no longer exists", "PUT", path)
        checks.check_not_shown(self._resource, self._connector, plan, self._instance(shown))
        body = self._update_body(plan, shown)
        try:
            self._http.request("PUT", path, body=body)
        except ApiError as error:
            if error.status not in _NO_PUT:
                raise
            with explain_failed_lookup(f"a {error.status} to PUT {path}", error.changed):
                found = self._get(reference)
            if found is None:
                raise
            if not self._recreate:
                raise self._unchangeable(error) from error
            return self._recreate_instance(reference, plan, body)
        try:
            return self._updated(reference)
        except RequestError as error:
            raise self._after("updated", error) from error

    def _updated(self, reference: str) -> Raw:
        updated = self._get(reference)
        if updated is None:
            path = f"{self._names.instances}/{reference}"
            raise RequestError(f"GET {path} shows that it was deleted by another client", "GET", path)
        return self._instance(updated)

    def _unchangeable(self, error: ApiError) -> ApiError:
        """Return the error of a server that knows no PUT: ``error``, with what helps."""
        words = (
            f"the connector server answered {error.status} to PUT {error.path}: it does not let a "
            f"{self._resource.title} be changed. With recreate: true it is deleted and created again, under a new id"
        )
        # A try before, whose answer was lost, may have been carried out all the same.
        end = "" if error.changed else "; nothing was changed"
        told = ApiError(words + end, error.method, error.path, error.status, error.errors, error.request_id)
        if error.changed:
            told.mark_outcome_unknown()
        return told

    def _update_body(self, plan: Plan, shown: Raw) -> dict[str, Any]:
        password = {name: value for name, value in plan.secrets.items() if name == PASSWORD}
        values, plain = self._values({**plan.changes, **password})
        _none, secrets = self._values({name: plan.secrets[name] for name in (SECRET, FILE) if name in plan.secrets})
        entries = self._settings_in(shown)
        task_settings = self._visibility.plain_of(bodies.read_properties(self._names, shown))

        def is_secret(name: str, value: Any) -> bool:
            return self._visibility.is_secret(name, value, task_settings)

        self._http.hide(bodies.secret_texts(self._names, entries or (), is_secret))
        merged = bodies.merge_settings(
            self._names, entries or (), plain if PLAIN in plan.changes else None, secrets, is_secret
        )
        is_sent = bool(merged) or entries is not None or PLAIN in plan.changes
        return bodies.write_update(self._names, shown, values, merged if is_sent else None)

    def _values(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Setting]]:
        """Return canonical values as a body has them, the settings of all options apart."""
        flat = self._resource.body(values)
        return flat, [setting for option in OPTIONS for setting in flat.pop(option, ())]

    def _recreate_instance(self, reference: str, plan: Plan, body: Mapping[str, Any]) -> Raw:
        after = plan.after or {}
        names = " and ".join(self._resource.identity)
        try:
            self._delete(reference)
        except CollectionError as error:
            if error.changed:
                error.add(f"It is not created again (recreate: true); if it is gone, that takes {names}")
            raise
        try:
            return self._create_once(body, Identity(names={name: after[name] for name in self._resource.identity}))
        except CollectionError as error:
            is_known = isinstance(error, RequestError) and not error.changed
            advice = f". Run the task again with {names} to create it" if is_known else ""
            error.changed = True
            error.add(f"Before that, {reference} was deleted (recreate: true){advice}")
            raise

    def _delete(self, reference: str) -> None:
        path = f"{self._names.instances}/{reference}"
        try:
            response = self._http.request("DELETE", path)
        except ApiError as error:
            if error.status != 404:
                raise
            # Another client deleted it, or our first try did and its answer was lost.
            with explain_failed_lookup(f"a 404 to DELETE {path}", error.changed):
                found = self._get(reference)
            if found is not None:
                raise
        else:
            if response.status == 204:
                return
            # What a DELETE answers is not documented: only a 204 is believed.
            with explain_failed_lookup(f"a {response.status} to DELETE {path}", may_be_applied=True):
                found = self._get(reference)
            if found is not None:
                raise response.contract_error(f"the {self._resource.title} is there afterwards")

    def _all(self) -> list[dict[str, Any]]:
        """Return all instances as the server shows them. Raise ContractError where one id is that of several."""
        found = self._http.get(self._names.instances).json_objects()
        seen: set[str] = set()
        for reference in (item for item in map(self._id_in, found) if isinstance(item, str)):
            if reference in seen:
                raise self._contract_error(f"shows several instances with the id {one_line(reference)}")
            seen.add(reference)
        return found

    def _get(self, reference: str) -> Raw | None:
        """Return an instance as the server shows it, None where there is none."""
        try:
            response = self._http.get(f"{self._names.instances}/{self._own_id(reference)}")
        except ApiError as error:
            if error.status != 404:
                raise
            # The id or the path of the API may be wrong: there is always a collection, so its 404 tells the path. And a
            # 404 may come from a proxy: an instance that is listed is not absent.
            if reference in map(self._id_in, self._all()):
                error.add("It is listed, so a proxy may be answering instead of the connector server")
                raise
            return None
        raw = response.json_object()
        shown = self._id_in(raw)
        if shown is not None and shown != reference:
            # What follows would be done to another instance than the one that was asked for.
            raise response.contract_error(f"it shows the {self._resource.title} {one_line(shown)}")
        return raw

    def _instance(self, raw: Raw) -> Raw:
        """Return the properties of an instance that the server shows, without secrets."""
        return self._visibility.show(raw, self._settings_in(raw) or ())

    def _settings_in(self, raw: Raw) -> list[Raw] | None:
        try:
            return bodies.read_settings(self._names, raw)
        except ValueError as error:
            raise self._contract_error(f"shows {self._resource.a_title} whose {error}") from error

    def _id_in(self, raw: Raw) -> Any:
        return self._resource.field(self._resource.reference).value_in(bodies.read_properties(self._names, raw))

    def _has(self, properties: Raw, identity: Identity) -> bool:
        return all(self._resource.field(name).value_in(properties) == value for name, value in identity.names.items())

    def _own_id(self, reference: Any) -> str:
        """Return ``reference`` if it can be the id of an instance; anything else must never become a path."""
        if re.fullmatch(self._resource.id_pattern, str(reference)) is None:
            problem = f"whose id is no id of a connector instance: {reference!r}"
            raise self._contract_error(f"shows {self._resource.a_title} {problem}")
        return str(reference)

    def _contract_error(self, problem: str) -> ContractError:
        return ContractError(f"the connector server {problem}", "GET", self._names.instances)


def _texts(secrets: Mapping[str, Any]) -> set[str]:
    """Return all texts in the values of secret properties."""
    found: set[str] = set()
    for value in secrets.values():
        found |= set(value.values()) if isinstance(value, Mapping) else {str(value)}
    return found
