"""The list of what is public as a file: one line a thing, sorted, `PATH` or `PATH {attributes as JSON}`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_NESTED = ("options", "contains")


def dump(public: Mapping[str, Any]) -> str:
    """Return the lines of `public`, which has the form that `collect` returns."""
    things = {kind: content for kind, content in public.items() if kind != "version"}
    lines = sorted(line for kind, content in things.items() for line in _lines(kind, content))
    return "".join(f"{line}\n" for line in [f"version {json.dumps(public['version'])}", *lines])


def _lines(path: str, content: Mapping[str, Any] | Sequence[str]) -> Iterator[str]:
    if not content:
        yield path
    elif not isinstance(content, Mapping):
        yield from (f"{path}.{name}" for name in content)
    else:
        inner = content
        if isinstance(content.get("type"), str):
            about = {key: value for key, value in content.items() if key not in _NESTED}
            yield f"{path} {json.dumps(about, ensure_ascii=False, sort_keys=True)}"
            inner = {key: content[key] for key in _NESTED if key in content}
        for name, item in inner.items():
            yield from _lines(f"{path}.{name}", item)


def load(text: str) -> dict[str, Any]:
    """Return what `dump` was given."""
    first, *lines = text.splitlines()
    public: dict[str, Any] = {"version": json.loads(first.removeprefix("version "))}
    for line in lines:
        path, _separator, about = line.partition(" ")
        names = path.split(".")
        inner: Any = public
        for depth, name in enumerate(names[:-1], 1):
            inner = inner.setdefault(name, _empty(names[:depth]))
        if isinstance(inner, list):
            inner.append(names[-1])
        else:
            inner[names[-1]] = json.loads(about) if about else _empty(names)
    return public


def _empty(path: Sequence[str]) -> dict[str, Any] | list[str]:
    """Return a list for a part that consists of names only, a mapping for all others."""
    names_only = path[0] == "action_groups" or path[0] == "playbooks" or path[-1] == "facts"
    return [] if names_only and len(path) == (2 if path[0] == "action_groups" else 3) else {}
