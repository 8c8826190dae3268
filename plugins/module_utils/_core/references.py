# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects that others refer to: by the server's reference, or by the names that users call them.

An entry of such a list is canonical as ``{reference: …}``, or, until the object is looked up, as
``{name: value, …}`` with the whole identity.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .errors import CollectionError, MissingReferenceError, OptionError
from .fields import Field, Filter, require_text
from .plan import Action, Plan
from .reconcile import DesiredState, reconcile
from .resource import PRESENT, Identity, Raw, Resource
from .store import Store
from .text import closest_matches, one_line

Entry = dict[str, str]


def references(name: str, resource: Resource, one_per: str) -> Field:
    """Return a set of references to objects of ``kind``: its order has no meaning, and each counts once.

    At most one of them may have the same value of ``one_per``, a part of the identity. The filter takes a list of lists
    of references and matches objects that refer to all of one of them.
    """
    reference = resource.reference

    def read(value: Any) -> list[Entry]:
        entries = value if isinstance(value, list) else []
        return _as_set({reference: str(item[reference])} for item in entries if _has_reference(item, reference))

    def parse(value: Any) -> list[Entry]:
        return parse_entries(resource, value, one_per)

    def parse_query(value: Any) -> list[list[Entry]]:
        # One list of references alone is one group.
        groups = value if any(isinstance(group, list) for group in value) else [value]
        if not all(isinstance(group, list) and group for group in groups):
            raise ValueError("must be a list, or a list of lists, none of them empty")
        return [
            _as_set(parse_entry(resource, {reference: item} if isinstance(item, str) else item) for item in group)
            for group in groups
        ]

    def matches(wanted: Any, value: Any) -> bool:
        shown = {item[reference] for item in value}
        return any(shown.issuperset(item[reference] for item in group) for group in wanted)

    def encode(wanted: Any) -> str:
        return json.dumps([[item[reference] for item in group] for group in wanted])

    query = Filter({"type": "list", "elements": "raw"}, parse=parse_query, matches=matches, encode=encode)
    spec = {"type": "list", "elements": "dict"}
    return Field(name, spec, parse, read, filters=(query,), refers_to=resource, one_per=one_per)


def parse_entries(resource: Resource, entries: Sequence[Any], one_per: str) -> list[Entry]:
    """Return the entries of an option as a canonical list. Raise ValueError for a wrong one."""
    found = _as_set(parse_entry(resource, item) for item in entries)
    check_one_per(resource, one_per, [item for item in found if resource.reference not in item])
    return found


def parse_entry(resource: Resource, entry: Any) -> Entry:
    """Return what an entry of an option refers to, canonical. Raise ValueError for an entry that does not say.

    ``{reference: …}``, ``{name: value, …}`` with the whole identity, or, where that has two parts, a single
    ``{first: second}``.
    """
    given = dict(entry) if isinstance(entry, Mapping) else {}
    # What a result showed says more of the object; its reference is what counts.
    if isinstance(given.get(resource.reference), str) and given[resource.reference]:
        return {resource.reference: str(given[resource.reference])}
    reserved = {resource.reference, *resource.identity}
    if len(resource.identity) == 2 and len(given) == 1 and not set(given) & reserved:
        given = dict(zip(resource.identity, next(iter(given.items()))))
    if set(given) != set(resource.identity):
        names = ", ".join(f"{name}: …" for name in resource.identity)
        short = (
            f", or one {resource.identity[0]} with its {resource.identity[1]}" if len(resource.identity) == 2 else ""
        )
        forms = f"{{{resource.reference}: …}}, {{{names}}}{short}"
        raise ValueError(f"has an entry {_shown(entry)}; it must be {forms}")
    return {name: _parse_name(resource, name, given[name], entry) for name in resource.identity}


def _parse_name(resource: Resource, name: str, value: Any, entry: Any) -> str:
    try:
        return str(resource.field(name).parse(require_text(value)))
    except ValueError as error:
        raise ValueError(f"has an entry {_shown(entry)} whose {name} {error}") from error


def check_one_per(resource: Resource, one_per: str, named: Iterable[Mapping[str, str]]) -> None:
    """Raise ValueError where two entries have the same ``one_per``."""
    seen: dict[str, Mapping[str, str]] = {}
    for item in named:
        other = seen.setdefault(item[one_per], item)
        if other != item:
            raise ValueError(
                f"must not have more than one {resource.title} of one {one_per}: "
                f"{called(resource, other)} and {called(resource, item)}"
            )


def called(resource: Resource, names: Mapping[str, Any]) -> str:
    """Return what an object is called in a sentence."""
    return one_line("=".join(str(names[name]) for name in resource.identity))


class References:
    """The objects of one kind that others refer to, as one read showed them. Several threads may use one."""

    def __init__(self, resource: Resource, store: Store) -> None:
        self.resource = resource
        self._store = store
        self._lock = threading.RLock()
        self._is_read = self._is_paged = False
        self._by_names: dict[tuple[str, ...], list[str]] = {}
        self._by_reference: dict[str, Entry] = {}
        self._failures: dict[tuple[str, ...], str] = {}
        self._absent: set[Any] = set()

    def resolve(self, field: Field, entries: Sequence[Entry], create: bool, create_option: str = "") -> list[Entry]:
        """Return ``entries`` with references in place of names. No request where none is by name.

        Raise MissingReferenceError for an object that does not exist, naming the closest and ``create_option``; with
        ``create`` it stays as it is.
        """
        if all(self.resource.reference in item for item in entries):
            return list(entries)
        found = [self._found(field.name, item, create, create_option) for item in entries]
        self._check_one_per(field, [self.names(item) for item in found])
        return _as_set(found)

    def check(self, field: Field, entries: Sequence[Entry], kept: Sequence[Entry]) -> None:
        """Raise an error for a reference to an object that does not exist, unless it is among those ``kept``.

        No request where all are kept, or by name: ``resolve`` has checked those.
        """
        if all(self.resource.reference not in item or item in kept for item in entries):
            return
        found = [(item, self.names(item)) for item in entries]
        for item, names in found:
            if names is None and item not in kept:
                raise MissingReferenceError(
                    f"{field.name}: unknown {self.resource.title} {item[self.resource.reference]}"
                )
        self._check_one_per(field, [names for _item, names in found])

    def make(self, entry: Entry) -> tuple[str, bool]:
        """Return the reference of the object that an entry names, and whether it was created for that.

        A creation that failed is not tried again: it is unknown whether a server that did not answer has created it.
        """
        names = self._key(entry)
        with self._lock:
            self._read()
            if names in self._failures:
                raise CollectionError(
                    f"the {self.resource.title} {called(self.resource, entry)}: {self._failures[names]}"
                )
            if names in self._by_names:
                return self._by_names[names][0], False
            request = DesiredState(Identity(names=entry), entry, PRESENT)
            try:
                outcome = reconcile(self.resource, self._store, request, dry_run=False)
            except CollectionError as error:
                self._failures[names] = str(error)
                raise
            self._enter(entry, str((outcome.result or {})[self.resource.reference]))
            return self._by_names[names][0], outcome.changed

    def names(self, entry: Mapping[str, str]) -> Entry | None:
        """Return the identity of what an entry refers to, None where the server shows no such object."""
        reference = entry.get(self.resource.reference)
        if reference is None:
            return dict(entry)
        with self._lock:
            self._read()
            if reference not in self._by_reference:
                self._confirm_absence(Identity(reference))
            return self._by_reference.get(reference)

    def references_of(self, entry: Mapping[str, str], option: str, create_option: str = "") -> list[str]:
        """Return the references of the objects of this name. Raise MissingReferenceError where there is none."""
        with self._lock:
            self._read()
            if self._key(entry) not in self._by_names:
                self._confirm_absence(Identity(names=entry))
            references = self._by_names.get(self._key(entry), [])
        if not references:
            raise MissingReferenceError(
                f"{option}: unknown {self.resource.title} {called(self.resource, entry)}{self._advice(entry)}"
                + (f"; set {create_option}: true to create it" if create_option else "")
            )
        return references

    def _check_one_per(self, field: Field, named: Sequence[Entry | None]) -> None:
        try:
            check_one_per(self.resource, field.one_per, [item for item in named if item is not None])
        except ValueError as error:
            raise OptionError(field.name, str(error)) from error

    def _found(self, option: str, entry: Entry, create: bool, create_option: str) -> Entry:
        if self.resource.reference in entry:
            return entry
        try:
            references = self.references_of(entry, option, create_option)
        except MissingReferenceError:
            if not create:
                raise
            self._check_creation(option, entry)
            return entry
        if len(references) > 1:
            raise self.resource.ambiguous(
                Identity(names=entry), [{self.resource.reference: item} for item in references]
            )
        return {self.resource.reference: references[0]}

    def _check_creation(self, option: str, entry: Entry) -> None:
        """Raise OptionError if the server cannot have such an object, before anything is written."""
        try:
            self._store.check(Plan(Action.CREATE, changes=entry), None)
        except OptionError as error:
            raise OptionError(
                option, f"{self.resource.title} {called(self.resource, entry)}: {error.option} {error.problem}"
            ) from error

    def _advice(self, entry: Mapping[str, str]) -> str:
        with self._lock:
            known = {called(self.resource, names) for names in self._by_reference.values()}
        return closest_matches(called(self.resource, entry), known)

    def _read(self) -> None:
        with self._lock:
            if self._is_read:
                return
            result = self._store.read({})
            for raw in result.objects:
                self._enter_shown(raw)
            self._is_read, self._is_paged = True, result.is_paged

    def _confirm_absence(self, identity: Identity) -> None:
        """Enter an object that a paged list lacks and the server has all the same."""
        called_as = identity.reference or tuple(identity.names.values())
        if not self._is_paged or called_as in self._absent:
            return
        self._absent.add(called_as)
        for raw in self._store.confirm_absences([identity]):
            self._enter_shown(raw)

    def _enter_shown(self, raw: Raw) -> None:
        names, reference = self.resource.names_of(raw), raw.get(self.resource.reference)
        # An object without a name or a reference cannot be referred to.
        if names is not None and all(map(str, names)) and None not in names and isinstance(reference, str):
            self._enter({key: str(name) for key, name in zip(self.resource.identity, names)}, reference)

    def _enter(self, entry: Entry, reference: str) -> None:
        self._by_names.setdefault(self._key(entry), []).append(reference)
        self._by_reference[reference] = entry

    def _key(self, entry: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(entry[name] for name in self.resource.identity)


def _shown(value: Any) -> str:
    return one_line(json.dumps(value, default=str))


def _has_reference(item: Any, reference: str) -> bool:
    return isinstance(item, Mapping) and bool(item.get(reference))


def _as_set(entries: Iterable[Mapping[str, str]]) -> list[Entry]:
    return [dict(item) for item in sorted({tuple(sorted(entry.items())) for entry in entries})]
