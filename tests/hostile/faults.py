"""What becomes of a server's answer on the way to a module: the kinds of a case's faults."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.hostile.servers import Reply
from tests.hostile.tokens import expanded

Place = tuple[Any, Any]
"""A container and the key or index of a value in it."""


def applied(faults: Sequence[Mapping[str, Any]], number: int, reply: Reply) -> Reply:
    """Return the answer to the request ``number`` with all faults that are meant for it (``at``, or -1 for all)."""
    for fault in faults:
        if fault["at"] in (number, -1):
            reply = _KINDS[fault["kind"]](reply, fault)
    return reply


def _body(reply: Reply, fault: Mapping[str, Any]) -> Reply:
    """The body is another JSON value."""
    return replace(reply, raw=expanded(json.dumps(fault["value"])).encode())


def _raw(reply: Reply, fault: Mapping[str, Any]) -> Reply:
    """The body is other bytes, given in latin-1."""
    return replace(reply, raw=fault["value"].encode("latin-1"))


def _status(reply: Reply, fault: Mapping[str, Any]) -> Reply:
    return replace(reply, status=fault["value"])


def _header(reply: Reply, fault: Mapping[str, Any]) -> Reply:
    others = tuple(item for item in reply.headers if item[0].lower() != fault["name"].lower())
    return replace(reply, headers=(*others, (fault["name"], fault["value"])))


def _change(reply: Reply, fault: Mapping[str, Any]) -> Reply:
    """One of the values in the body, by its number, is set, removed, doubled or put under another name."""
    if reply.raw is not None or reply.value is None:
        return reply
    whole = {"": copy.deepcopy(reply.value)}
    places = list(_places(whole))
    place, key = places[fault["place"] % len(places)]
    how = fault["how"]
    if how == "set":
        place[key] = fault["value"]
    elif how == "remove":
        del place[key]
    elif how == "double" and isinstance(place, list):
        place.append(copy.deepcopy(place[key]))
    elif how == "rename" and isinstance(place, dict) and place is not whole:
        place[str(fault["value"])] = place.pop(key)
    return replace(reply, raw=expanded(json.dumps(whole.get("", ""))).encode())


def _swap(reply: Reply, fault: Mapping[str, Any]) -> Reply:
    """One object gets the value that another one has of a property: an href, an id or a name twice."""
    if reply.raw is not None or not isinstance(reply.value, list) or len(reply.value) < 2:
        return reply
    objects = copy.deepcopy(reply.value)
    keys = sorted(objects[0])
    first, second = fault["place"] % len(objects), (fault["place"] + 1) % len(objects)
    key = keys[fault["property"] % len(keys)]
    objects[first][key] = copy.deepcopy(objects[second].get(key))
    return replace(reply, value=objects)


def _cut(reply: Reply, fault: Mapping[str, Any]) -> Reply:
    body = reply.body()
    return replace(reply, raw=body[: fault["place"] % (len(body) + 1)])


def _places(value: Any) -> Iterator[Place]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(items):
        yield value, key
        yield from _places(item)


_KINDS = {
    "body": _body,
    "raw": _raw,
    "status": _status,
    "header": _header,
    "change": _change,
    "swap": _swap,
    "cut": _cut,
}
