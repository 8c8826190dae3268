"""What may not happen to something public without a deprecation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Public = Mapping[str, Any]


def broken(before: Public, after: Public, runtime: Public) -> list[str]:
    """Return a line for each incompatible change from one list to another; ``runtime`` is meta/runtime.yml.

    A new major version may change anything but take away an option or a plugin: those have to be announced.
    """
    major = _version(after["version"])[0] > _version(before["version"])[0]
    return sorted(_changes(before, after, runtime, major))


def _changes(before: Public, after: Public, runtime: Public, major: bool) -> Iterator[str]:
    version = _version(after["version"])
    for kind in ("modules", "inventory", "filter"):
        for name, about in before[kind].items():
            path = f"{kind}.{name}"
            if name not in after[kind]:
                routing = (runtime.get("plugin_routing") or {}).get(kind, {}).get(name, {})
                if not {"tombstone", "redirect"} & {*routing}:
                    yield f"{path}: is gone without a tombstone or redirect in meta/runtime.yml"
                continue
            yield from _options(f"{path}.options", about["options"], after[kind][name]["options"], version, major)
            if not major:
                yield from _returns(f"{path}.returns", about["returns"], after[kind][name]["returns"])
    for name, about in before["roles"].items():
        if name not in after["roles"]:
            if not major:
                yield f"roles.{name}: is gone"
            continue
        role = after["roles"][name]
        yield from _options(f"roles.{name}.variables", about["variables"], role["variables"], version, major)
        if not major:
            yield from _gone(f"roles.{name}.facts", about["facts"], role["facts"])
    if major:
        return
    yield from _gone("playbooks", before["playbooks"], after["playbooks"])
    for name, about in before["playbooks"].items():
        for part in ("variables", "imports", "facts"):
            there = after["playbooks"].get(name, about).get(part, [])
            yield from _gone(f"playbooks.{name}.{part}", about.get(part, []), there)
    yield from _gone("action_groups", before["action_groups"], after["action_groups"])
    for name, members in before["action_groups"].items():
        yield from _gone(f"action_groups.{name}", members, after["action_groups"].get(name, members))


def _options(path: str, before: Public, after: Public, version: tuple[int, ...], major: bool) -> Iterator[str]:
    for name, old in before.items():
        where = f"{path}.{name}"
        if name not in after:
            announced = old.get("removed_in")
            if not announced or _version(announced) > version:
                yield f"{where}: is gone; an option is deprecated first, by removed_in_version or deprecated"
            continue
        new = after[name]
        yield from _options(f"{where}.options", old.get("options", {}), new.get("options", {}), version, major)
        if major:
            continue
        for key in ("type", "elements", "default"):
            if old.get(key) != new.get(key):
                yield f"{where}: its {key} changes from {old.get(key)!r} to {new.get(key)!r}"
        if new.get("required") and not old.get("required"):
            yield f"{where}: becomes required"
        if "choices" in new and "choices" not in old:
            yield f"{where}: allows choices only, and allowed anything"
        for key in ("choices", "aliases", "env"):
            if key in new or key != "choices":
                yield from _gone(f"{where}.{key}", old.get(key, []), new.get(key, []))
    for name in after:
        if name not in before and after[name].get("required") and not major:
            yield f"{path}.{name}: is new and required"


def _returns(path: str, before: Public, after: Public) -> Iterator[str]:
    yield from _gone(path, before, after)
    for name, old in before.items():
        new = after.get(name, old)
        if old["type"] != new["type"]:
            yield f"{path}.{name}: its type changes from {old['type']} to {new['type']}"
        yield from _returns(f"{path}.{name}.contains", old.get("contains", {}), new.get("contains", {}))


def _gone(path: str, before: Any, after: Any) -> Iterator[str]:
    for name in before:
        if name not in after:
            yield f"{path}.{name}: is gone"


def _version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))
