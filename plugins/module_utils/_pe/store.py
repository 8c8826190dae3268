# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connector server and its instances (source: pe-api.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._core.create import create_once
from .._core.errors import ApiError, ContractError, OptionError, RequestError
from .._core.kind import Identity, Kind, Raw
from .._core.plan import Action, Plan
from .._core.transport import Transport
from .connector import ConnectorType, read_connector_type
from .names import Names
from .settings import FILE, PLAIN, SECRET, entries, is_masked, looks_secret

_NO_PUT = (404, 405, 501)
_NEEDED = ("controller_username", "controller_password")


class Connector:
    """A connector server. Its type is asked for when it is first needed, and once."""

    def __init__(self, transport: Transport, names: Names) -> None:
        self.transport = transport
        self.names = names
        self._type: ConnectorType | None = None

    def type(self) -> ConnectorType:
        """Return what the connector is."""
        if self._type is None:
            self._type = read_connector_type(self.names, self.transport.get(self.names.connector))
        return self._type


class PeStore:
    """The instances of a connector.

    ``plain`` names settings that the task itself shows, ``hidden`` those that it does not. No secret setting leaves
    the store: what it hands out has None in the place of the value.
    """

    def __init__(
        self,
        connector: Connector,
        kind: Kind,
        recreate: bool = False,
        plain: frozenset[str] = frozenset(),
        hidden: frozenset[str] = frozenset(),
    ) -> None:
        self._connector = connector
        self._transport = connector.transport
        self._names = connector.names
        self._kind = kind
        self._recreate = recreate
        self._plain = plain
        self._hidden = hidden

    def find(self, identity: Identity) -> Raw | None:
        """Return the one instance with this identity, or None. Raise AmbiguousError where there are several."""
        if identity.reference is not None:
            return self._get(identity.reference)
        found = [raw for raw in self._all() if self._has(raw, identity)]
        if len(found) > 1:
            raise self._kind.ambiguous(identity, found)
        return self._concealed(found[0]) if found else None

    def query(self, _parameters: Mapping[str, str], most: int | None = None) -> Sequence[Raw]:
        """Return all instances, or the first ``most``: the API knows no filters."""
        return [self._concealed(raw) for raw in self._all()[:most]]

    def check(self, plan: Plan, current: Raw | None) -> None:
        """Raise OptionError for a plan that the connector's type does not allow, or that would lose a secret.

        Nobody says whether a PUT may leave something out, so it carries the whole configuration; and since no server
        shows the password, one that the task does not have would be lost.
        """
        if plan.action is Action.DELETE:
            return
        after = plan.after or {}
        given = {**after, **plan.secrets}
        if plan.action is Action.CREATE:
            for option in _NEEDED:
                if given.get(option) is None:
                    raise OptionError(option, f"is needed to create a {self._kind.title}")
        else:
            self._check_secrets(plan, current or {})
        connector = self._connector.type()
        if plan.action is Action.CREATE or "address_space_type" in plan.changes:
            connector.check_address_space(after["address_space_type"], after["address_space_name"])
        connector.check_settings({option: given.get(option) or {} for option in (PLAIN, SECRET, FILE)})

    def execute(self, plan: Plan, identity: Identity) -> Raw | None:
        """Do what the plan says. Return the instance as the server shows it now, None where it is gone."""
        self._transport.hide(_texts(plan.secrets))
        if plan.action is Action.CREATE:
            return self._create_once(self._kind.body({**plan.changes, **plan.secrets}), identity)
        reference = self._own_id(plan.reference)
        if plan.action is Action.UPDATE:
            return self._replace(reference, plan)
        self._delete(reference)
        return None

    def _check_secrets(self, plan: Plan, current: Raw) -> None:
        password = "controller_password"  # noqa: S105  # an option's name
        changes = ", ".join([*plan.changes, *plan.renewed])
        reason = f"an update sends the whole {self._kind.title}, and the server does not show this"
        if password not in plan.secrets:
            raise OptionError(password, f"is needed to change {changes}: {reason}")
        given = {name for option in (SECRET, FILE) for name in plan.secrets.get(option) or ()}
        if PLAIN in plan.changes:
            given |= set(plan.changes[PLAIN])
        for name, value in self._settings_of(current):
            if value is None and name not in given:
                raise OptionError(SECRET, f"{name} is needed too to change {changes}: {reason}")

    def _create_once(self, body: Mapping[str, Any], identity: Identity) -> Raw:
        return create_once(self._transport, lambda: self._create(body, identity), lambda: self.find(identity))

    def _create(self, body: Mapping[str, Any], identity: Identity) -> Raw:
        answer = self._transport.request("POST", self._names.instances, body=body)
        # What a POST answers is not documented; with an id or without, the instance is read as the server shows it.
        try:
            reference = self._kind.reference_of(answer.json_object())
            created = self._get(reference)
        except ContractError:
            created = None
        if created is None:
            created = self.find(identity)
        if created is None:
            raise answer.contract_error(f"the {self._kind.title} is not there afterwards")
        return created

    def _replace(self, reference: str, plan: Plan) -> Raw:
        whole = {name: value for name, value in self._kind.writable(plan.after).items() if value is not None}
        body = self._kind.body({**whole, **plan.secrets})
        path = f"{self._names.instances}/{reference}"
        try:
            self._transport.request("PUT", path, body=body)
        except ApiError as error:
            if error.status not in _NO_PUT or self._get(reference) is None:
                raise
            if not self._recreate:
                raise ApiError(
                    f"the connector server answered {error.status} to PUT: it does not let a {self._kind.title} be "
                    "changed. With recreate: true it is deleted and created again, under a new id; nothing was changed",
                    error.method,
                    error.path,
                    error.status,
                    error.errors,
                    error.request_id,
                ) from error
            return self._make_anew(reference, plan, body)
        updated = self._get(reference)
        if updated is None:
            raise RequestError(f"{reference} was deleted by somebody else just after it was updated", "PUT", path)
        return updated

    def _make_anew(self, reference: str, plan: Plan, body: Mapping[str, Any]) -> Raw:
        after = plan.after or {}
        self._delete(reference)
        try:
            return self._create_once(body, Identity(names={name: after[name] for name in self._kind.identity}))
        except RequestError as error:
            error.changed = True
            names = " and ".join(self._kind.identity)
            error.add(f"Before that, {reference} was deleted (recreate: true). Run again with {names} to create it")
            raise

    def _delete(self, reference: str) -> None:
        try:
            self._transport.request("DELETE", f"{self._names.instances}/{reference}")
        except ApiError as error:
            # Somebody else deleted it, or our first try did and its answer was lost.
            if error.status != 404 or self._get(reference) is not None:
                raise

    def _all(self) -> list[dict[str, Any]]:
        return self._transport.get(self._names.instances).json_objects()

    def _get(self, reference: str) -> Raw | None:
        try:
            answer = self._transport.get(f"{self._names.instances}/{self._own_id(reference)}")
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        return self._concealed(answer.json_object())

    def _has(self, raw: Raw, identity: Identity) -> bool:
        return all(self._kind.field(name).value_in(raw) == value for name, value in identity.names.items())

    def _own_id(self, reference: Any) -> str:
        """Return ``reference`` if it can be the id of an instance; anything else must never become a path."""
        try:
            self._kind.api.check_reference({}, self._kind.plural, self._kind.reference, reference)
        except OptionError as error:
            raise ContractError(
                f"the connector server shows a {self._kind.title} whose id {error.problem}",
                "GET",
                self._names.instances,
            ) from error
        return str(reference)

    def _settings_of(self, raw: Raw) -> list[tuple[str, Any]]:
        value: Any = raw
        for key in self._names.settings:
            value = value.get(key) if isinstance(value, Mapping) else None
        return entries(self._names, value)

    def _concealed(self, raw: Raw) -> Raw:
        """Return an instance as the server shows it, but with None for the values of secret settings."""
        shown = self._settings_of(raw)
        settings = [
            {
                self._names.setting_name: name,
                self._names.setting_value: None if self._is_secret(name, value) else value,
            }
            for name, value in shown
        ]
        return _with(raw, self._names.settings, settings) if shown else raw

    def _is_secret(self, name: str, value: Any) -> bool:
        """Say whether a setting must not be shown. Where nothing else tells, the connector is asked for its type."""
        if value is None or name in self._hidden or is_masked(value) or looks_secret(name):
            return True
        if name in self._plain:
            return False
        known = self._connector.type().setting(name)
        return known is not None and known.is_secret


def _with(raw: Raw, path: Sequence[str], value: Any) -> dict[str, Any]:
    """Return a copy of an object that has ``value`` at ``path``."""
    first, *rest = path
    return {**raw, first: _with(raw[first], rest, value) if rest else value}


def _texts(secrets: Mapping[str, Any]) -> set[str]:
    """Return all texts in the values of secret properties."""
    found: set[str] = set()
    for value in secrets.values():
        found |= set(value.values()) if isinstance(value, Mapping) else {str(value)}
    return found
