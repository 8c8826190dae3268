# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A resource as a table: its names, its properties, and the pure decisions that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Callable

from .errors import AmbiguousError, ContractError, MissingReferenceError
from .fields import Field, parse_option
from .plan import Action, Plan
from .text import closest_matches

PRESENT = "present"
ABSENT = "absent"

Raw = Mapping[str, Any]
"""An object as a server shows it."""


@dataclass(frozen=True)
class Identity:
    """What a task calls an object: by ``reference`` (the server's own), or by ``names`` (property: value)."""

    reference: str | None = None
    names: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.reference is not None:
            return self.reference
        known = [f"{name} {value!r}" for name, value in self.names.items() if value is not None]
        unset = [name for name, value in self.names.items() if value is None]
        return "with " + " and ".join(known) + (f" and without {' and '.join(unset)}" if unset else "")


@dataclass(frozen=True)
class Scope:
    """A condition on the property ``field``, by which purging is limited to some objects.

    ``parse`` checks what the user gives, null too, and makes what ``matches(wanted, canonical value)`` takes.
    ``is_prefix`` says that this is what the value begins with.
    """

    field: str
    parse: Callable[[Any], Any]
    matches: Callable[[Any, Any], bool]
    is_prefix: bool = False


@dataclass(frozen=True)
class Resource:
    """A resource of an API.

    Its names: ``title`` in sentences, ``name`` as the key of a module's result, ``plural`` as the key of its info
    twin's. ``path`` is that of its collection below the organization or the API's base, such as
    ``sec_policy/draft/ip_lists``; ``id_pattern`` is the form of an id, ``id_example`` one for messages.

    ``identity`` are the properties that users together call an object by; ``optional`` ones are null where they are not
    given, never the first. ``fixed`` ones can only be set for a new object. ``unique`` means that the server lets no
    two objects have one identity. ``reference`` is the property by which the server calls an object. ``rename`` is the
    option that changes the last property of the identity, empty where there is none.

    ``can_create`` is False for objects that only the server creates: one that does not exist is an error.

    ``on_create`` holds canonical values for what a new object needs and the user left out. ``options`` are the argument
    specs of options that describe no object but how to proceed: ``renew`` is the one by which secret properties are
    written again (``always``) or for new objects only (``on_create``), ``create_missing`` the one by which objects are
    created that the task refers to and that do not exist.

    ``listed_values`` names, for properties of new objects, the path of a collection that lists their possible values.

    ``scopes`` are the conditions of which purging requires one, if there are any; ``protected`` is a boolean property
    of objects that are never purged.
    """

    title: str
    name: str
    plural: str
    fields: Sequence[Field]
    identity: Sequence[str]
    reference: str
    path: str = ""
    id_pattern: str = ""
    id_example: str = ""
    optional: Sequence[str] = ()
    fixed: Sequence[str] = ()
    unique: bool = False
    rename: str = ""
    can_create: bool = True
    on_create: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    renew: str = ""
    create_missing: str = ""
    listed_values: Mapping[str, str] = field(default_factory=dict)
    scopes: Mapping[str, Scope] = field(default_factory=dict)
    protected: str = ""

    # Bulk modules ask thousands of times.
    @cached_property
    def _by_name(self) -> Mapping[str, Field]:
        return {item.name: item for item in self.fields}

    @cached_property
    def _writable(self) -> Sequence[Field]:
        return [item for item in self.fields if item.writable]

    @cached_property
    def _shown(self) -> Sequence[Field]:
        return [item for item in self.fields if not item.secret]

    def field(self, name: str) -> Field:
        """Return the property ``name`` of the table."""
        return self._by_name[name]

    def is_filtered_by_part(self, name: str) -> bool:
        """Return True if the server takes a part of the property ``name`` as a filter."""
        return any(query.partial and query.encode is not None for query in self.field(name).filters)

    def arguments(self) -> dict[str, dict[str, Any]]:
        """Return the argument spec of the options that describe one object."""
        spec = {item.name: dict(item.spec) for item in self.fields if item.spec is not None}
        spec[self.reference] = {"type": "str"}
        if self.rename:
            spec[self.rename] = dict(self.field(self.identity[-1]).spec or {})
        return spec

    def filters(self) -> dict[str, dict[str, Any]]:
        """Return the argument spec of the filters of the info module."""
        return {query.name or item.name: dict(query.spec) for item in self.fields for query in item.filters}

    def desired(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the canonical values of the options that the user gave. Raise OptionError for an impossible one."""
        return {
            item.name: parse_option(item.name, item.parse, params[item.name])
            for item in self._writable
            if params.get(item.name) is not None
        }

    def to_result(self, raw: Raw | None) -> dict[str, Any] | None:
        """Return an object as results show it: every property of the table, whatever the server left out."""
        return None if raw is None else {item.name: item.value_in(raw) for item in self._shown}

    def writable(self, shown: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the part of a shown object that users decide about: what a diff is made of."""
        if shown is None:
            return {}
        return {item.name: shown[item.name] for item in self._writable if item.name in shown}

    def body(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return canonical values as the JSON object of a request body."""
        body: dict[str, Any] = {}
        for item in self.fields:
            if item.name in changes:
                item.put_into(body, changes[item.name])
        return body

    def plan(self, current: Raw | None, desired: Mapping[str, Any], state: str, renew: bool = False) -> Plan:
        """Decide what makes ``desired`` (canonical values of what the user gave) true of ``current``.

        ``renew`` writes secret properties again. Otherwise they are no reason to write, since they cannot be compared.
        """
        before = self.to_result(current)
        secrets = {item.name: desired[item.name] for item in self.fields if item.secret and item.name in desired}
        desired = {name: value for name, value in desired.items() if name not in secrets}
        if state == ABSENT:
            if current is None:
                return Plan(Action.NOTHING)
            return Plan(Action.DELETE, self.reference_of(current), before=before)
        if current is None or before is None:
            changes = {**self.on_create, **desired}
            after = {**dict.fromkeys(item.name for item in self._shown), **changes}
            return Plan(Action.CREATE, changes=changes, after=after, secrets=secrets)
        changes = {name: value for name, value in desired.items() if before[name] != value}
        renewed = sorted(secrets) if renew else []
        if not changes and not renewed:
            return Plan(Action.NOTHING, before=before, after=before)
        after = {**before, **changes}
        return Plan(Action.UPDATE, self.reference_of(current), changes, before, after, secrets, renewed)

    @property
    def a_title(self) -> str:
        """The title with its article, as sentences need it."""
        return f"{'an' if self.title[0] in 'aeioAEIO' else 'a'} {self.title}"

    def reference_of(self, raw: Raw) -> str:
        """Return what the server calls this object. Raise ContractError where it does not say."""
        value = self.field(self.reference).value_in(raw)
        if not isinstance(value, str) or not value:
            raise ContractError(f"the server shows {self.a_title} without {self.reference}", "GET", self.path)
        return value

    def names_of(self, raw: Raw) -> tuple[Any, ...] | None:
        """Return the values of the identity of an object, None where the first cannot be read: then it is unknown."""
        names = tuple(self.field(name).value_in(raw) for name in self.identity)
        readable = all(name is None or isinstance(name, (str, int)) for name in names)
        return names if readable and isinstance(names[0], str) and names[0] else None

    def refuse_unreadable(self, shown: Sequence[Raw]) -> None:
        """Raise ContractError where an object that was not found may be one of ``shown``, under unreadable names.

        Nothing here: servers that refuse duplicates would not create it again.
        """

    def ambiguous(self, identity: Identity, found: Sequence[Raw]) -> AmbiguousError:
        """Return the error for an identity that several objects have."""
        references = [self.reference_of(raw) for raw in found]
        return AmbiguousError(
            f"there are {len(found)} {self.title}s {identity}: {', '.join(references)}; "
            f"name one of them by {self.reference}",
            references,
        )

    def missing(self, identity: Identity, names: Sequence[str] = ()) -> MissingReferenceError:
        """Return the error for a required object that does not exist; ``names`` are those of existing objects."""
        advice = closest_matches(str(identity.names.get(self.identity[0], "")), names)
        return MissingReferenceError(f"unknown {self.title} {identity}{advice}")
