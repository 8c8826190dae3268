"""The JSON names of a connector's instance, and other ones in their place (pe-api.md: they are assumed)."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from tests.simulator.state import Json

PATHS: dict[str, str] = {
    "id": "id",
    "controller": "controller.ipAddress",
    "controller_port": "controller.port",
    "controller_username": "controller.username",
    "controller_password": "controller.password",
    "controller_context": "controller.context",
    "address_space_type": "endpointAddressSpace.type",
    "address_space_name": "endpointAddressSpace.name",
    "settings": "additionalSettings",
}
"""Where the simulator keeps each part of an instance; a name of the setting connector_names leads to another path."""

_ENTRY = {"setting_name": "name", "setting_value": "value"}
"""The names within an entry of the settings."""


def to_wire(instance: Json, names: Mapping[str, str]) -> Json:
    """Return an instance in the names of the setting."""
    if not names:
        return instance
    return _moved(instance, [(PATHS[name], names.get(name, PATHS[name])) for name in PATHS], _entry(names))


def from_wire(body: Json, names: Mapping[str, str]) -> Json:
    """Return a body in the names of the simulator; raise ValueError for a usual name that another has replaced."""
    if not names:
        return body
    for name in PATHS.keys() & names.keys():
        if PATHS[name] not in names.values() and _take(copy.deepcopy(body), PATHS[name].split(".")) is not _MISSING:
            raise ValueError(f"{PATHS[name]} is not known")
    back = {there: here for here, there in _entry(names).items()}
    return _moved(body, [(names.get(name, PATHS[name]), PATHS[name]) for name in PATHS], back)


def secret_names(names: Mapping[str, str]) -> frozenset[str]:
    """Return the names whose values no journal may show, beside those that it knows."""
    found = {names["controller_password"].rpartition(".")[2]} if "controller_password" in names else set()
    if names.keys() & _ENTRY.keys():
        found.add(names.get("setting_value", "value"))
    return frozenset(found)


def _entry(names: Mapping[str, str]) -> dict[str, str]:
    return {here: names.get(name, here) for name, here in _ENTRY.items()}


def _moved(raw: Json, paths: list[tuple[str, str]], entry: Mapping[str, str]) -> Json:
    """Return a copy in which each part stands at its new path, and the entries of the settings have new names."""
    rest = copy.deepcopy(raw)
    found = [(new, _take(rest, old.split("."))) for old, new in paths]
    settings_path = paths[-1][1]
    for new, value in found:
        if value is _MISSING:
            continue
        if new == settings_path and isinstance(value, list):
            value = [
                {entry.get(name, name): part for name, part in item.items()} if isinstance(item, dict) else item
                for item in value
            ]
        _put(rest, new.split("."), value)
    return rest


_MISSING = object()


def _take(thing: Any, path: list[str]) -> Any:
    """Take a part out, and the objects that are empty without it."""
    if not isinstance(thing, dict) or path[0] not in thing:
        return _MISSING
    if len(path) == 1:
        return thing.pop(path[0])
    value = _take(thing[path[0]], path[1:])
    if value is not _MISSING and not thing[path[0]]:
        del thing[path[0]]
    return value


def _put(thing: Json, path: list[str], value: Any) -> None:
    for name in path[:-1]:
        thing = thing.setdefault(name, {})
        if not isinstance(thing, dict):
            raise ValueError(f"{name} must be an object")  # noqa: TRY004 - the server's 400
    thing[path[-1]] = value
