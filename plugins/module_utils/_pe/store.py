# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connector server and its instances (source: pe-api.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .._core.errors import ApiError, CollectionError, ContractError, OptionError, RequestError, looked_for_after
from .._core.plan import Action, Plan
from .._core.resource import Identity, Raw, Resource
from .._core.store import Store
from .._core.text import one_line
from .._http.client import HttpClient
from .._http.create_once import create_once
from .._http.response import Response
from .connector_type import ConnectorType, read_connector_type
from .json_names import JsonNames
from .settings import FILE, PLAIN, SECRET, as_text, entries, is_masked, looks_secret

_NO_PUT = (404, 405, 501)
_USERNAME = "controller_username"
_PASSWORD = "controller_password"  # noqa: S105  # an option's name


class Connector:
    """A connector server. Its type is asked for when it is first needed, and once."""

    def __init__(self, http: HttpClient, names: JsonNames) -> None:
        self.http = http
        self.names = names
        self._type: ConnectorType | None = None

    def type(self) -> ConnectorType:
        """Return what the connector is."""
        if self._type is None:
            self._type = read_connector_type(self.names, self.http.get(self.names.connector))
        return self._type


class PeStore(Store):
    """The instances of a connector.

    ``plain`` holds the settings that the task itself shows, by the reference or the names of the instance that it gives
    them to; ``hidden`` names those that it does not show, of any instance. No secret setting leaves the store: what it
    hands out has None in the place of the value.
    """

    def __init__(
        self,
        connector: Connector,
        resource: Resource,
        recreate: bool = False,
        plain: Mapping[Any, Mapping[str, str]] | None = None,
        hidden: frozenset[str] = frozenset(),
    ) -> None:
        self._connector = connector
        self._http = connector.http
        self._names = connector.names
        self._resource = resource
        self._recreate = recreate
        self._plain = plain or {}
        self._hidden = hidden
        self._unknown = 0
        self._shown: dict[str, Raw] = {}  # as the server showed them last, for what a PUT has to keep

    def find(self, identity: Identity) -> Raw | None:
        """Return the one instance with this identity, or None. Raise AmbiguousError where there are several."""
        if identity.reference is not None:
            return self._get(identity.reference)
        found = [raw for raw in self._all() if self._has(raw, identity)]
        if len(found) > 1:
            raise self._resource.ambiguous(identity, found)
        return self._concealed(found[0]) if found else None

    def query(self, _parameters: Mapping[str, str], max_results: int | None = None) -> Sequence[Raw]:
        """Return all instances, or the first ``most``: the API knows no filters."""
        return [self._concealed(raw) for raw in self._all()[:max_results]]

    def check(self, plan: Plan, current: Raw | None) -> None:
        """Raise OptionError for a plan that the connector's type does not allow, or that would lose a secret.

        Nobody says whether a PUT may leave something out, so it carries the whole configuration; and since no server
        shows the password, one that the task does not have would be lost.
        """
        if plan.reference is not None:
            self._own_id(plan.reference)
        if plan.action is Action.DELETE:
            return
        after = plan.after or {}
        given = {**plan.changes, **plan.secrets}
        kept: list[str] = []
        if plan.action is Action.CREATE:
            if self._unknown:
                # One of them may be the one that is wanted, and each run would make another.
                raise ContractError(
                    f"the connector server shows {self._unknown} instances without a readable "
                    f"{self._resource.identity[0]}, so nothing is created; if it has other JSON names, see "
                    "docs/connector-instances.md",
                    "GET",
                    self._names.instances,
                )
            for option in (_USERNAME, _PASSWORD):
                if given.get(option) is None:
                    raise OptionError(option, f"is needed to create a {self._resource.title}")
        else:
            self._check_not_shown(plan, current or {})
            kept = [] if PLAIN in plan.changes else list(after.get(PLAIN) or ())
        connector = self._connector.type()
        if plan.action is Action.CREATE or "address_space_type" in plan.changes:
            connector.check_address_space(after["address_space_type"], after["address_space_name"])
        connector.check_settings({option: given.get(option) or {} for option in (PLAIN, SECRET, FILE)}, kept)

    def execute(self, plan: Plan, identity: Identity) -> Raw | None:
        """Do what the plan says. Return the instance as the server shows it now, None where it is gone."""
        self._http.hide(_texts(plan.secrets))
        if plan.action is Action.CREATE:
            return self._create_once(self._resource.body({**plan.changes, **plan.secrets}), identity)
        reference = self._own_id(plan.reference)
        if plan.action is Action.UPDATE:
            return self._replace(reference, plan)
        self._delete(reference)
        return None

    def _check_not_shown(self, plan: Plan, current: Raw) -> None:
        """Raise OptionError for what an update has to send, and neither the task gives nor the server shows."""
        current = self._shown.get(plan.reference or "", current)
        changes = ", ".join([*plan.changes, *plan.renewed])
        reason = f"an update sends the whole {self._resource.title}, and the server does not show this"
        if _PASSWORD not in plan.secrets:
            raise OptionError(_PASSWORD, f"is needed to change {changes}: {reason}")
        username = self._resource.field(_USERNAME).value_in(current)
        if _USERNAME not in plan.changes and (not username or is_masked(username)):
            raise OptionError(_USERNAME, f"is needed to change {changes}: {reason}")
        given = {name for option in (SECRET, FILE) for name in plan.secrets.get(option) or ()}
        given |= set(plan.changes.get(PLAIN) or ())
        for name, value in self._settings_of(current):
            known = None if name in given else self._connector.type().setting(name)
            # What the type lists no longer cannot be given either.
            if known is None or not self._is_secret(name, value, self._plain_of(current)):
                continue
            if known.option != PLAIN or PLAIN not in plan.changes:
                raise OptionError(known.option, f"{name} is needed too to change {changes}: {reason}")

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
        """Return the instance that a POST made, as the server shows it, None where it shows none.

        What a POST answers is not documented. An id in it counts only if it leads to an instance of our identity.
        """
        try:
            created = self._get(self._resource.reference_of(response.json_object()))
        except ContractError:
            created = None
        if created is None or not self._has(created, identity):
            created = self.find(identity)
        return created

    def _not_shown(self, response: Response) -> ContractError:
        """Return the error of a POST that was answered, and whose instance is not there afterwards.

        Only what is no JSON object may be the word of a proxy. An id in it says that an instance was created, and if
        that is shown under other names, each run would create one more.
        """
        missing = response.contract_error(f"the {self._resource.title} is not there afterwards")
        try:
            reference = self._resource.field(self._resource.reference).value_in(response.json_object())
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
        if reference not in self._shown and self._get(reference) is None:
            raise RequestError(f"there is no {self._resource.title} {reference} any more", "PUT", path)
        body = self._whole(plan, self._shown[reference])
        try:
            self._http.request("PUT", path, body=body)
        except ApiError as error:
            if error.status not in _NO_PUT:
                raise
            with looked_for_after(f"a {error.status} to PUT {path}", error.changed):
                found = self._get(reference)
            if found is None:
                raise
            if not self._recreate:
                raise self._unchangeable(error) from error
            return self._make_anew(reference, plan, body)
        try:
            updated = self._get(reference)
        except RequestError as error:
            raise self._after("updated", error) from error
        if updated is None:
            gone = RequestError(f"GET {path} shows that somebody else has deleted it", "GET", path)
            raise self._after("updated", gone)
        return updated

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

    def _whole(self, plan: Plan, current: Raw) -> dict[str, Any]:
        """Return the configuration that an update sends: what the server shows, with what changes.

        What is kept is sent as it was shown, with whatever else the server keeps with an instance.
        """
        body: dict[str, Any] = _kept(current)
        for path in (self._names.id, self._resource.field(_PASSWORD).path, self._names.settings):
            _remove(body, path)
        _merge(body, self._resource.body({name: value for name, value in plan.changes.items() if name != PLAIN}))
        _merge(body, self._resource.body({name: value for name, value in plan.secrets.items() if name == _PASSWORD}))
        settings = self._settings_after(plan, current)
        if settings or self._settings_in(current) is not None or PLAIN in plan.changes:
            *parents, last = self._names.settings
            place = body
            for key in parents:
                place = place.setdefault(key, {})
            place[last] = settings
        return body

    def _settings_after(self, plan: Plan, current: Raw) -> list[dict[str, Any]]:
        """Return the settings that an update sends: given ones, and those that are kept, as the server shows them."""
        name_key, value_key = self._names.setting_name, self._names.setting_value
        plain = plan.changes.get(PLAIN)
        secrets = {**(plan.secrets.get(SECRET) or {}), **(plan.secrets.get(FILE) or {})}
        given = {**(plain or {}), **secrets}
        found: list[dict[str, Any]] = []
        met: set[str] = set()
        for entry in self._settings_in(current) or ():
            name, value = str(entry.get(name_key) or ""), entry.get(value_key)
            if name in given:
                if name not in met:
                    same = name not in secrets and value is not None and as_text(value) == given[name]
                    found.append(dict(entry) if same else {**entry, value_key: given[name]})
                met.add(name)
                continue
            is_secret = self._is_secret(name, value, self._plain_of(current))
            if is_secret and value is not None:
                self._http.hide([as_text(value)])
            if not is_masked(value) and (is_secret or plain is None):
                found.append(dict(entry))
        return found + [{name_key: name, value_key: given[name]} for name in sorted(given.keys() - met)]

    def _make_anew(self, reference: str, plan: Plan, body: Mapping[str, Any]) -> Raw:
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
            advice = f". Run again with {names} to create it" if is_known else ""
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
            # Somebody else deleted it, or our first try did and its answer was lost.
            with looked_for_after(f"a 404 to DELETE {path}", error.changed):
                found = self._get(reference)
            if found is not None:
                raise
        else:
            if response.status == 204:
                return
            # Nobody says what a DELETE answers: only a 204 is believed.
            with looked_for_after(f"a {response.status} to DELETE {path}", may_be_done=True):
                found = self._get(reference)
            if found is not None:
                raise response.contract_error(f"the {self._resource.title} is there afterwards")

    def _all(self) -> list[dict[str, Any]]:
        found = self._http.get(self._names.instances).json_objects()
        self._refuse_duplicates(found)
        self._unknown = sum(self._resource.names_of(raw) is None for raw in found)
        return found

    def _get(self, reference: str) -> Raw | None:
        try:
            response = self._http.get(f"{self._names.instances}/{self._own_id(reference)}")
        except ApiError as error:
            if error.status != 404:
                raise
            # The id or the path of the API may be wrong: there is always a collection, so its 404 tells the path. And a
            # 404 may be the word of a proxy: an instance that is listed is not absent.
            if reference in [self._resource.field(self._resource.reference).value_in(raw) for raw in self._all()]:
                error.add("It is listed all the same: does a proxy answer in the server's place?")
                raise
            return None
        raw = response.json_object()
        shown = self._resource.field(self._resource.reference).value_in(raw)
        if shown is not None and shown != reference:
            # What follows would be done to another instance than the one that was asked for.
            raise response.contract_error(f"it shows the {self._resource.title} {one_line(shown)}")
        return self._concealed(raw)

    def _refuse_duplicates(self, raws: Sequence[Raw]) -> None:
        """Raise ContractError where one id is that of several instances: none of them may be touched."""
        shown = [self._resource.field(self._resource.reference).value_in(raw) for raw in raws]
        seen: set[str] = set()
        for reference in (item for item in shown if isinstance(item, str)):
            if reference in seen:
                raise ContractError(
                    f"the connector server shows several instances with the id {one_line(reference)}",
                    "GET",
                    self._names.instances,
                )
            seen.add(reference)

    def _has(self, raw: Raw, identity: Identity) -> bool:
        return all(self._resource.field(name).value_in(raw) == value for name, value in identity.names.items())

    def _own_id(self, reference: Any) -> str:
        """Return ``reference`` if it can be the id of an instance; anything else must never become a path."""
        if re.fullmatch(self._resource.id_pattern, reference) is None:
            raise ContractError(
                f"the connector server shows a {self._resource.title} whose id is no id of a connector instance: "
                f"{reference!r}",
                "GET",
                self._names.instances,
            )
        return str(reference)

    def _settings_in(self, raw: Raw) -> list[Mapping[str, Any]] | None:
        """Return the settings as the server shows them, None where it shows none. Raise ContractError for others."""
        value: Any = raw
        for key in self._names.settings:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in value):
            raise ContractError(
                f"the connector server shows a {self._resource.title} whose {'.'.join(self._names.settings)} is no "
                "list of objects",
                "GET",
                self._names.instances,
            )
        return value

    def _settings_of(self, raw: Raw) -> list[tuple[str, Any]]:
        return entries(self._names, self._settings_in(raw))

    def _concealed(self, raw: Raw) -> Raw:
        """Return an instance as the server shows it, but with None for the values of secret settings."""
        reference = self._resource.field(self._resource.reference).value_in(raw)
        if isinstance(reference, str):
            self._shown[reference] = raw
        shown, plain = self._settings_of(raw), self._plain_of(raw)
        settings = [
            {
                self._names.setting_name: name,
                self._names.setting_value: None if value is None or self._is_secret(name, value, plain) else value,
            }
            for name, value in shown
        ]
        return _with(raw, self._names.settings, settings) if shown else raw

    def _plain_of(self, raw: Raw) -> Mapping[str, str]:
        """Return the settings that the task shows for this instance."""
        names = tuple(self._resource.field(name).value_in(raw) for name in self._resource.identity)
        reference = self._resource.field(self._resource.reference).value_in(raw)
        return self._plain.get(names) or (self._plain.get(reference) if isinstance(reference, str) else None) or {}

    def _is_secret(self, name: str, value: Any, plain: Mapping[str, str]) -> bool:
        """Say whether a setting must not be shown. Where nothing else tells, the connector is asked for its type.

        ``plain`` are the settings that the task shows for this instance. It may mean what looks like a mask.
        """
        if name in self._hidden or looks_secret(name):
            return True
        if is_masked(value):
            return name not in plain or plain[name] != value
        if name in plain:
            return False
        known = self._connector.type().setting(name)
        return known is not None and known.is_secret


def _with(raw: Raw, path: Sequence[str], value: Any) -> dict[str, Any]:
    """Return a copy of an object that has ``value`` at ``path``."""
    first, *rest = path
    return {**raw, first: _with(raw[first], rest, value) if rest else value}


def _kept(value: Any) -> Any:
    """Return a copy of what a server shows, without what it masks."""
    if isinstance(value, Mapping):
        return {key: _kept(item) for key, item in value.items() if not is_masked(item)}
    return [_kept(item) for item in value] if isinstance(value, list) else value


def _remove(body: dict[str, Any], path: Sequence[str]) -> None:
    *parents, last = path
    place: Any = body
    for key in parents:
        place = place.get(key) if isinstance(place, dict) else None
    if isinstance(place, dict):
        place.pop(last, None)


def _merge(body: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Write ``changes`` into ``body``; what they do not name stays."""
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(body.get(key), dict):
            _merge(body[key], value)
        else:
            body[key] = value


def _texts(secrets: Mapping[str, Any]) -> set[str]:
    """Return all texts in the values of secret properties."""
    found: set[str] = set()
    for value in secrets.values():
        found |= set(value.values()) if isinstance(value, Mapping) else {str(value)}
    return found
