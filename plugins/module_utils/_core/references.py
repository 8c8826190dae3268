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
from .kind import PRESENT, Identity, Kind, Raw, Store
from .reconcile import Request, reconcile

Entry = dict[str, str]


def references(name: str, kind: Kind, one_per: str = "") -> Field:
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
        if not value or not all(value):
            raise ValueError("must not be or hold an empty list")
        return [
            _as_set(parse_entry(kind, {reference: item} if isinstance(item, str) else item) for item in group)
            for group in value
        ]

    def matches(wanted: Any, value: Any) -> bool:
        shown = {item[reference] for item in value}
        return any(shown.issuperset(item[reference] for item in group) for group in wanted)

    def encode(wanted: Any) -> str:
        return json.dumps([[item[reference] for item in group] for group in wanted])

    query = Query({"type": "list", "elements": "list"}, parse=parse_query, matches=matches, encode=encode)
    spec = {"type": "list", "elements": "dict"}
    return Field(name, spec, parse, read, queries=(query,), refers_to=kind, one_per=one_per)


def parse_entries(kind: Kind, entries: Sequence[Any], one_per: str = "") -> list[Entry]:
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
    if set(given) == {kind.reference} and isinstance(given[kind.reference], str) and given[kind.reference]:
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
    for item in named if one_per else ():
        other = seen.setdefault(item[one_per], item)
        if other != item:
            raise ValueError(
                f"must not have more than one {kind.title} of one {one_per}: "
                f"{label(kind, other)} and {label(kind, item)}"
            )


def label(kind: Kind, names: Mapping[str, Any]) -> str:
    """Return what an object is called in a sentence."""
    return one_line("=".join(str(names[name]) for name in kind.identity))


class References:
    """The objects of one kind that others refer to, as one read showed them."""

    def __init__(self, kind: Kind, store: Store) -> None:
        self.kind = kind
        self._store = store
        self._known: dict[tuple[Any, ...], list[Raw]] | None = None
        self._lock = threading.Lock()

    def resolve(self, field: Field, entries: Sequence[Entry], create_option: str, create: bool) -> list[Entry]:
        """Return ``entries`` with references in place of names. No request where none is by name.

        Raise MissingReferenceError for an object that does not exist, naming the nearest and ``create_option``; with
        ``create`` it stays as it is.
        """
        if all(self.kind.reference in item for item in entries):
            return list(entries)
        found = [self._found(field.name, item, create_option, create) for item in entries]
        named = [self.names(item) or item for item in found]
        try:
            check_one_per(self.kind, field.one_per, [item for item in named if self.kind.reference not in item])
        except ValueError as error:
            raise OptionError(field.name, str(error)) from error
        return _as_set(found)

    def make(self, entries: Sequence[Entry]) -> list[Entry]:
        """Return ``entries`` with references in place of names; what does not exist is made, and only once."""
        with self._lock:
            return _as_set(item if self.kind.reference in item else self._make(item) for item in entries)

    def names(self, entry: Mapping[str, str]) -> Entry | None:
        """Return the identity of what an entry refers to, None where the server shows no such object."""
        wanted = entry.get(self.kind.reference)
        if wanted is None:
            return dict(entry)
        for names, raws in self._all().items():
            if any(self.kind.reference_of(raw) == wanted for raw in raws):
                return dict(zip(self.kind.identity, names))
        return None

    def _found(self, option: str, entry: Entry, create_option: str, create: bool) -> Entry:
        if self.kind.reference in entry:
            return entry
        raws = self._all().get(tuple(entry[name] for name in self.kind.identity), [])
        if len(raws) > 1:
            raise self.kind.ambiguous(Identity(names=entry), raws)
        if raws:
            return {self.kind.reference: self.kind.reference_of(raws[0])}
        if create:
            return entry
        known = [label(self.kind, dict(zip(self.kind.identity, names))) for names in self._all()]
        near = difflib.get_close_matches(label(self.kind, entry), sorted(known))
        advice = f"; the nearest are {', '.join(near)}" if near else ""
        advice += f"; {create_option}: true would make it" if create_option else ""
        raise MissingReferenceError(f"{option}: there is no {self.kind.title} {label(self.kind, entry)}{advice}")

    def _make(self, entry: Entry) -> Entry:
        for raw in self._all().get(tuple(entry[name] for name in self.kind.identity), ()):
            return {self.kind.reference: self.kind.reference_of(raw)}
        outcome = reconcile(self.kind, self._store, Request(Identity(names=entry), entry, PRESENT), dry_run=False)
        if outcome.result is None:
            raise CollectionError(f"the {self.kind.title} {label(self.kind, entry)} was not made")
        self._all().setdefault(tuple(entry[name] for name in self.kind.identity), [outcome.result])
        return {self.kind.reference: str(outcome.result[self.kind.reference])}

    def _all(self) -> dict[tuple[Any, ...], list[Raw]]:
        if self._known is None:
            self._known = {}
            for raw in self._store.query({}):
                names = self.kind.names_of(raw)
                if names is not None:
                    self._known.setdefault(names, []).append(raw)
        return self._known


def _shown(value: Any) -> str:
    return one_line(json.dumps(value, default=str))


def _has_reference(item: Any, reference: str) -> bool:
    return isinstance(item, Mapping) and bool(item.get(reference))


def _as_set(entries: Iterable[Mapping[str, str]]) -> list[Entry]:
    return [dict(item) for item in sorted({tuple(sorted(entry.items())) for entry in entries})]
