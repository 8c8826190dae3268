# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An instance as JSON of a server and as properties of the table: reading, masking and merging. Pure functions.

The table and the engine know properties by their own names; only here do they meet the names of a server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable

from .json_names import JsonNames, Path
from .settings import PLAIN, Setting, as_text, is_masked

Json = Mapping[str, Any]


def property_paths(names: JsonNames) -> dict[str, Path]:
    """Return where JSON has each property but the settings."""
    return {
        "instance_id": names.id,
        "controller": names.controller,
        "controller_port": names.controller_port,
        "controller_username": names.controller_username,
        "controller_password": names.controller_password,
        "controller_context": names.controller_context,
        "address_space_type": names.address_space_type,
        "address_space_name": names.address_space_name,
    }


def read_properties(names: JsonNames, raw: Json) -> dict[str, Any]:
    """Return the properties of an instance, without its settings and without the password."""
    paths = property_paths(names)
    return {name: value_at(raw, path) for name, path in paths.items() if name != "controller_password"}


def read_settings(names: JsonNames, raw: Json) -> list[Json] | None:
    """Return the settings as a server shows them, None where it shows none.

    Raise ValueError, in words that follow "whose", for settings in another form.
    """
    value = value_at(raw, names.settings)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in value):
        raise ValueError(f"{'.'.join(names.settings)} is not a list of objects")
    return value


def conceal_settings(names: JsonNames, entries: Iterable[Json], is_secret: Callable[[str, Any], bool]) -> list[Setting]:
    """Return settings that can be shown: without the value of those for which ``is_secret(name, value)``."""
    found = []
    for entry in entries:
        name, value = entry.get(names.setting_name), entry.get(names.setting_value)
        if name:
            is_concealed = value is not None and is_secret(str(name), value)
            shown = None if value is None or is_concealed else as_text(value)
            found.append(Setting(str(name), shown, is_concealed))
    return found


def secret_texts(names: JsonNames, entries: Iterable[Json], is_secret: Callable[[str, Any], bool]) -> list[str]:
    """Return the values of settings for which ``is_secret(name, value)``."""
    values = [(str(entry.get(names.setting_name) or ""), entry.get(names.setting_value)) for entry in entries]
    return [as_text(value) for name, value in values if value is not None and is_secret(name, value)]


def write_new(names: JsonNames, values: Mapping[str, Any], settings: Sequence[Setting]) -> dict[str, Any]:
    """Return the body that creates an instance with these properties and settings."""
    body: dict[str, Any] = {}
    _write_properties(names, body, values)
    if settings:
        put_at(body, names.settings, [_entry(names, item) for item in settings])
    return body


def write_update(
    names: JsonNames, shown: Json, values: Mapping[str, Any], entries: Sequence[Json] | None
) -> dict[str, Any]:
    """Return the whole configuration that an update sends: what the server shows, with ``values`` and ``entries``.

    What a server keeps with an instance stays, known here or not, but for its id, its password and what it masks.
    """
    body: dict[str, Any] = drop_masks(shown)
    for path in (names.id, names.controller_password, names.settings):
        remove_at(body, path)
    _write_properties(names, body, values)
    if entries is not None:
        put_at(body, names.settings, list(entries))
    return body


def merge_settings(
    names: JsonNames,
    shown: Iterable[Json],
    plain: Sequence[Setting] | None,
    secrets: Sequence[Setting],
    is_secret: Callable[[str, Any], bool],
) -> list[dict[str, Any]]:
    """Return the settings that an update sends: ``secrets``, ``plain``, and those that are kept as they are ``shown``.

    ``plain`` None keeps the settings that may be seen; otherwise it replaces them.
    """
    given = {item.name: item for item in [*(plain or ()), *secrets]}
    secret_names = {item.name for item in secrets}
    found: list[dict[str, Any]] = []
    met: set[str] = set()
    for entry in shown:
        name, value = str(entry.get(names.setting_name) or ""), entry.get(names.setting_value)
        if name in given:
            if name not in met:
                same = name not in secret_names and value is not None and as_text(value) == given[name].value
                found.append(dict(entry) if same else {**entry, names.setting_value: given[name].value})
            met.add(name)
        elif not is_masked(value) and (plain is None or is_secret(name, value)):
            found.append(dict(entry))
    return found + [_entry(names, given[name]) for name in sorted(given.keys() - met)]


def value_at(raw: Any, path: Path) -> Any:
    """Return the value at ``path``, None where there is none."""
    for key in path:
        raw = raw.get(key) if isinstance(raw, Mapping) else None
    return raw


def put_at(body: dict[str, Any], path: Path, value: Any) -> None:
    """Write a value at ``path``; what is beside it stays."""
    *parents, last = path
    for key in parents:
        if not isinstance(body.get(key), dict):
            body[key] = {}
        body = body[key]
    body[last] = value


def remove_at(body: dict[str, Any], path: Path) -> None:
    """Remove the value at ``path``, if there is one."""
    *parents, last = path
    place = value_at(body, tuple(parents))
    if isinstance(place, dict):
        place.pop(last, None)


def drop_masks(value: Any) -> Any:
    """Return a copy of what a server shows, without what it masks."""
    if isinstance(value, Mapping):
        return {key: drop_masks(item) for key, item in value.items() if not is_masked(item)}
    return [drop_masks(item) for item in value] if isinstance(value, list) else value


def _write_properties(names: JsonNames, body: dict[str, Any], values: Mapping[str, Any]) -> None:
    for name, path in property_paths(names).items():
        if name in values:
            put_at(body, path, values[name])


def _entry(names: JsonNames, setting: Setting) -> dict[str, Any]:
    return {names.setting_name: setting.name, names.setting_value: setting.value}


def settings_of(instance: Mapping[str, Any]) -> Sequence[Setting]:
    """Return the settings of an instance that ``conceal_settings`` made."""
    found: Sequence[Setting] = instance.get(PLAIN) or ()
    return found
