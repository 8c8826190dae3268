# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects that others refer to: by the server's reference, or by the names that users call them.

An entry of such a list is canonical as ``{reference: …}``, or, as long as nobody has looked the object up, as
``{name: value, …}`` with the whole identity.
"""

from __future__ import annotations

import difflib
import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .answers import one_line
from .errors import CollectionError, MissingReferenceError, OptionError
from .fields import Field, Query
from .kind import PRESENT, Identity, Kind, Store
from .reconcile import Request, reconcile

Entry = dict[str, str]


def references(name: str, kind: Kind, one_per: str) -> Field:
    """Return a set of references to objects of ``kind``: its order has no meaning, and each counts once.

    At most one of them may have the same value of ``one_per``, a part of the identity. The filter takes a list of lists
    of references and matches objects that refer to all of one of them.
    """
    reference = kind.reference

    def read(value: Any) -> list[Entry]:
        entries = value if isinstance(value, list) else []
        return _as_set({reference: str(item[reference])} for item in entries if _has_reference(item, reference))

    def parse(value: Any) -> list[Entry]:
        return parse_entries(kind, value, one_per)

    def parse_query(value: Any) -> list[list[Entry]]:
        # One list of references alone is one group.
        groups = value if any(isinstance(group, list) for group in value) else [value]
        if not all(isinstance(group, list) and group for group in groups):
            raise ValueError("must be a list, or a list of lists, none of them empty")
        return [
            _as_set(parse_entry(kind, {reference: item} if isinstance(item, str) else item) for item in group)
            for group in groups
        ]

    def matches(wanted: Any, value: Any) -> bool:
        shown = {item[reference] for item in value}
        return any(shown.issuperset(item[reference] for item in group) for group in wanted)

    def encode(wanted: Any) -> str:
        return json.dumps([[item[reference] for item in group] for group in wanted])

    query = Query({"type": "list", "elements": "raw"}, parse=parse_query, matches=matches, encode=encode)
    spec = {"type": "list", "elements": "dict"}
    return Field(name, spec, parse, read, queries=(query,), refers_to=kind, one_per=one_per)


def parse_entries(kind: Kind, entries: Sequence[Any], one_per: str) -> list[Entry]:
    """Return the entries of an option as a canonical list. Raise ValueError for a wrong one."""
    found = _as_set(parse_entry(kind, item) for item in entries)
    check_one_per(kind, one_per, [item for item in found if kind.reference not in item])
    return found


def parse_entry(kind: Kind, entry: Any) -> Entry:
    """Return what an entry of an option refers to, canonical. Raise ValueError for an entry that does not say.

    ``{reference: …}``, ``{name: value, …}`` with the whole identity, or, where that has two parts, a single
    ``{first: second}``.
    """
    given = dict(entry) if isinstance(entry, Mapping) else {}
    # What a result showed says more of the object; its reference is what counts.
    if isinstance(given.get(kind.reference), str) and given[kind.reference]:
        return {kind.reference: str(given[kind.reference])}
    reserved = {kind.reference, *kind.identity}
    if len(kind.identity) == 2 and len(given) == 1 and not set(given) & reserved:
        given = dict(zip(kind.identity, next(iter(given.items()))))
    if set(given) != set(kind.identity):
        names = ", ".join(f"{name}: …" for name in kind.identity)
        short = f", or one {kind.identity[0]} with its {kind.identity[1]}" if len(kind.identity) == 2 else ""
        forms = f"{{{kind.reference}: …}}, {{{names}}}{short}"
        raise ValueError(f"has an entry {_shown(entry)}; it must be {forms}")
    return {name: _name(kind, name, given[name]) for name in kind.identity}


def _name(kind: Kind, name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError(f"has an entry whose {name} is no text: {_shown(value)}")  # noqa: TRY004 - names the option
    try:
        return str(kind.field(name).parse(str(value)))
    except ValueError as error:
        raise ValueError(f"has an entry whose {name} {error}") from error


def check_one_per(kind: Kind, one_per: str, named: Iterable[Mapping[str, str]]) -> None:
    """Raise ValueError where two entries have the same ``one_per``."""
    seen: dict[str, Mapping[str, str]] = {}
    for item in named:
        other = seen.setdefault(item[one_per], item)
        if other != item:
            raise ValueError(
                f"must not have more than one {kind.title} of one {one_per}: "
                f"{called(kind, other)} and {called(kind, item)}"
            )


def called(kind: Kind, names: Mapping[str, Any]) -> str:
    """Return what an object is called in a sentence."""
    return one_line("=".join(str(names[name]) for name in kind.identity))


class References:
    """The objects of one kind that others refer to, as one read showed them. Several threads may use one."""

    def __init__(self, kind: Kind, store: Store) -> None:
        self.kind = kind
        self._store = store
        self._lock = threading.RLock()
        self._is_read = False
        self._by_names: dict[tuple[str, ...], list[str]] = {}
        self._by_reference: dict[str, Entry] = {}
        self._failures: dict[tuple[str, ...], str] = {}

    def resolve(self, field: Field, entries: Sequence[Entry], create: bool, create_option: str = "") -> list[Entry]:
        """Return ``entries`` with references in place of names. No request where none is by name.

        Raise MissingReferenceError for an object that does not exist, naming the nearest and ``create_option``; with
        ``create`` it stays as it is.
        """
        if all(self.kind.reference in item for item in entries):
            return list(entries)
        found = [self._found(field.name, item, create, create_option) for item in entries]
        named = [self.names(item) for item in found]
        try:
            check_one_per(self.kind, field.one_per, [item for item in named if item is not None])
        except ValueError as error:
            raise OptionError(field.name, str(error)) from error
        return _as_set(found)

    def make(self, entry: Entry) -> tuple[str, bool]:
        """Return the reference of the object that an entry names, and whether it was made for that.

        What could not be made once is not tried again: whether a server that did not answer has made it is not known.
        """
        names = self._key(entry)
        with self._lock:
            self._read()
            if names in self._failures:
                raise CollectionError(f"the {self.kind.title} {called(self.kind, entry)}: {self._failures[names]}")
            if names in self._by_names:
                return self._by_names[names][0], False
            request = Request(Identity(names=entry), entry, PRESENT)
            try:
                outcome = reconcile(self.kind, self._store, request, dry_run=False)
            except CollectionError as error:
                self._failures[names] = str(error)
                raise
            self._enter(entry, str((outcome.result or {})[self.kind.reference]))
            return self._by_names[names][0], outcome.changed

    def names(self, entry: Mapping[str, str]) -> Entry | None:
        """Return the identity of what an entry refers to, None where the server shows no such object."""
        reference = entry.get(self.kind.reference)
        if reference is None:
            return dict(entry)
        self._read()
        return self._by_reference.get(reference)

    def references_of(self, entry: Mapping[str, str], option: str, create_option: str = "") -> list[str]:
        """Return the references of the objects of this name. Raise MissingReferenceError where there is none."""
        self._read()
        references = self._by_names.get(self._key(entry), [])
        if not references:
            raise MissingReferenceError(
                f"{option}: there is no {self.kind.title} {called(self.kind, entry)}{self._advice(entry)}"
                + (f"; {create_option}: true would make it" if create_option else "")
            )
        return references

    def _found(self, option: str, entry: Entry, create: bool, create_option: str) -> Entry:
        if self.kind.reference in entry:
            return entry
        try:
            references = self.references_of(entry, option, create_option)
        except MissingReferenceError:
            if create:
                return entry
            raise
        if len(references) > 1:
            raise self.kind.ambiguous(Identity(names=entry), [{self.kind.reference: item} for item in references])
        return {self.kind.reference: references[0]}

    def _advice(self, entry: Mapping[str, str]) -> str:
        with self._lock:
            known = sorted({called(self.kind, names) for names in self._by_reference.values()})
        near = difflib.get_close_matches(called(self.kind, entry), known)
        return f"; the nearest are {', '.join(near)}" if near else ""

    def _read(self) -> None:
        with self._lock:
            if self._is_read:
                return
            for raw in self._store.query({}):
                names, reference = self.kind.names_of(raw), raw.get(self.kind.reference)
                # What has no name or no reference cannot be referred to.
                if names is not None and all(map(str, names)) and None not in names and isinstance(reference, str):
                    self._enter({key: str(name) for key, name in zip(self.kind.identity, names)}, reference)
            self._is_read = True

    def _enter(self, entry: Entry, reference: str) -> None:
        self._by_names.setdefault(self._key(entry), []).append(reference)
        self._by_reference[reference] = entry

    def _key(self, entry: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(entry[name] for name in self.kind.identity)


def _shown(value: Any) -> str:
    return one_line(json.dumps(value, default=str))


def _has_reference(item: Any, reference: str) -> bool:
    return isinstance(item, Mapping) and bool(item.get(reference))


def _as_set(entries: Iterable[Mapping[str, str]]) -> list[Entry]:
    return [dict(item) for item in sorted({tuple(sorted(entry.items())) for entry in entries})]
