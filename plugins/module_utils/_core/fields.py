# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Properties of API objects as data: how an option is checked, how a server's value is read, how it is written.

All comparing happens on *canonical* values: what a result shows. ``parse`` makes one from an option, ``read`` from a
server's value, ``write`` makes the JSON value of a request body from it. For every canonical value,
``read(write(x)) == x``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable

from .errors import OptionError
from .text import one_line

if TYPE_CHECKING:
    from .resource import Resource

MAX_INTEGER = 2147483647
UNLIMITED = "unlimited"


def _unchanged(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Filter:
    """How a property filters an info module's results.

    ``spec`` is the option's argument spec (with ``name`` where the option is called otherwise), ``parse`` checks the
    option and makes what ``matches(wanted, canonical value)`` takes. ``encode`` makes the query parameter's text; None
    means that servers do not know this filter. Every filter is applied to the results here too, since a server may
    ignore it, except a ``trusted`` one: what matches it only the server can tell. ``partial`` filters match a part of
    the value, and the whole of it where the info module's ``exact`` is set.
    """

    spec: Mapping[str, Any]
    name: str = ""
    parse: Callable[[Any], Any] = _unchanged
    matches: Callable[[Any, Any], bool] = lambda wanted, value: bool(wanted == value)
    encode: Callable[[Any], str] | None = None
    trusted: bool = False
    partial: bool = False


def require_text(value: Any) -> str:
    """Return ``value`` if it is a text. Raise ValueError, with what to do, for a number that YAML made of one.

    Options of type str hide that: Ansible writes a number as a text, and 0123 is 83 then, 12:30 is 750.
    """
    if isinstance(value, str):
        return value
    shown = one_line(json.dumps(value, default=str))
    problem = f"is not a text: {shown}"
    if isinstance(value, (int, float)):
        kind = "boolean" if isinstance(value, bool) else "number"
        problem = f'is the {kind} {shown}, not a text; quote it in YAML, or append "| string" in a template'
    raise ValueError(problem)


def partial_text(is_strict: bool = False) -> Filter:
    """Return the filter of a text by a part of it, as the server compares. ``is_strict`` refuses numbers."""
    return Filter(
        {"type": "raw" if is_strict else "str"},
        parse=require_text if is_strict else _unchanged,
        matches=lambda wanted, value: wanted.lower() in str(value or "").lower(),
        encode=str,
        trusted=True,
        partial=True,
    )


def common_part(texts: Sequence[str]) -> str:
    """Return what all texts begin with: a filter by this part finds all of them."""
    first, last = (min(texts), max(texts)) if texts else ("", "")
    length = 0
    while length < len(first) and first[length] == last[length]:
        length += 1
    return first[:length]


def exact_text(trusted: bool = False) -> Filter:
    """Return the filter of a text that the server knows and compares as a whole."""
    return Filter({"type": "str"}, encode=str, trusted=trusted)


@dataclass(frozen=True)
class Field:
    """One property. ``spec`` is the argument spec of its option; None marks what only the server writes.

    ``parse`` raises ValueError with words that follow the option's name. ``legacy`` names an older property that stands
    for this one on objects without it, with the translation of its values. ``refers_to`` is the kind of the objects
    that the value lists (references.py), at most one for each value of their property ``one_per``. ``path`` is where
    JSON holds the property when that is not ``name``; several properties that are written as lists may share one. A
    ``secret`` property is written and never shown.
    """

    name: str
    spec: Mapping[str, Any] | None = None
    parse: Callable[[Any], Any] = _unchanged
    read: Callable[[Any], Any] = _unchanged
    write: Callable[[Any], Any] = _unchanged
    legacy: tuple[str, Mapping[Any, Any]] | None = None
    filters: Sequence[Filter] = field(default_factory=tuple)
    refers_to: Resource | None = None
    one_per: str = ""
    path: Sequence[str] = ()
    secret: bool = False

    @property
    def writable(self) -> bool:
        """Return True if a request body may hold this property."""
        return self.spec is not None

    def value_in(self, raw: Mapping[str, Any]) -> Any:
        """Return the canonical value of this property of a server's object."""
        value: Any = raw if self.path else raw.get(self.name)
        for key in self.path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is None and self.legacy is not None:
            old_name, translation = self.legacy
            old = raw.get(old_name)
            value = translation.get(old, old) if isinstance(old, (str, bool)) else old
        return self.read(value)

    def put_into(self, body: dict[str, Any], value: Any) -> None:
        """Write a canonical value into a request body."""
        *parents, last = self.path or (self.name,)
        for key in parents:
            body = body.setdefault(key, {})
        written = self.write(value)
        body[last] = body[last] + written if isinstance(body.get(last), list) else written


def text(
    name: str,
    max_length: int | None = None,
    min_length: int = 0,
    nullable: bool = False,
    is_strict: bool = False,
    query: Filter | None = None,
) -> Field:
    """Return a text property. If unset it is null where ``nullable`` (set by an empty option), otherwise ``""``.

    ``is_strict`` refuses numbers, see ``require_text``.
    """

    def parse(given: Any) -> str | None:
        value = require_text(given) if is_strict else given
        if len(value) < min_length:
            raise ValueError("must not be empty" if min_length == 1 else f"must have at least {min_length} characters")
        if max_length is not None and len(value) > max_length:
            raise ValueError(f"must have at most {max_length} characters, not {len(value)}")
        return None if nullable and not value else value

    def read(value: Any) -> Any:
        if nullable:
            return value or None
        return "" if value is None else value

    spec = {"type": "raw" if is_strict else "str"}
    return Field(name, spec, parse, read, filters=() if query is None else (query,))


def flag(name: str, legacy: str | None = None) -> Field:
    """Return a boolean property. A server that does not know it, or answers null, means false."""
    wanted = [Filter({"type": "bool"})]
    if legacy:
        wanted.append(Filter({"type": "bool"}, name=legacy))
    return Field(name, {"type": "bool"}, read=bool, legacy=(legacy, {}) if legacy else None, filters=tuple(wanted))


def choice(
    name: str,
    choices: Sequence[str],
    legacy: tuple[str, Mapping[str, str]] | None = None,
    encode: Callable[[Any], str] | None = None,
) -> Field:
    """Return a property with one of some words for its value; ``encode`` where the server filters by it."""
    spec = {"type": "str", "choices": list(choices)}
    filters = [Filter(spec, encode=encode)]
    if legacy:
        old_name, translation = legacy
        filters.append(
            Filter({"type": "str", "choices": list(translation)}, name=old_name, parse=translation.__getitem__)
        )
    return Field(name, spec, legacy=legacy, filters=tuple(filters))


def limit(name: str, words: Mapping[str, int] | None = None, query: str = "") -> Field:
    """Return a limit: an integer from 1, or "unlimited". ``words`` are further names of integers ("one_use": 1).

    A server may answer numeric strings; a request body carries a JSON integer (pce-api.md, Pairing profiles).
    """
    known = dict(words or {})
    allowed = " or ".join(["an integer from 1 to 2147483647", UNLIMITED, *known])

    def parse(value: str) -> Any:
        canonical = read(value)
        if canonical == UNLIMITED or (isinstance(canonical, int) and 1 <= canonical <= MAX_INTEGER):
            return canonical
        raise ValueError(f"must be {allowed}, not {value}")

    def read(value: Any) -> Any:
        if isinstance(value, str):
            if value in known:
                return known[value]
            if re.fullmatch(r"[0-9]{1,10}", value):
                return int(value)
        return value

    spec = {"type": "str", "no_log": False}  # "key" in a name makes Ansible suspect a secret
    return Field(
        name, spec, parse, read, filters=(Filter({**spec, **({"aliases": [query]} if query else {})}, parse=parse),)
    )


def server(
    name: str, query: Mapping[str, Any] | None = None, matches: Callable[[Any, Any], bool] | None = None
) -> Field:
    """Return a property that only the server writes; ``query`` is the argument spec of its filter."""
    if query is None:
        return Field(name)
    read = bool if query["type"] == "bool" else _unchanged
    return Field(name, read=read, filters=(Filter(query) if matches is None else Filter(query, matches=matches),))


def parse_option(option: str, parse: Callable[[Any], Any], value: Any) -> Any:
    """Return ``parse(value)``. Raise OptionError naming ``option`` where that raises ValueError."""
    try:
        return parse(value)
    except ValueError as error:
        raise OptionError(option, str(error)) from error
