# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of the paths and JSON names of a connector server; nothing else in the collection holds one.

What stands under "assumed" is in no public page: it follows the style of the bodies that are (pe-api.md). A user whose
server differs replaces entries with a file, see ``read_json_names``.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from .._core.errors import OptionError
from .regular_file import read_regular_file

OPTION = "json_names_path"
MAX_FILE_BYTES = 64 * 1024
MAX_NAME_LENGTH = 200
"""Characters, of one JSON key or of one path of a URL."""

Path = tuple[str, ...]


@dataclass(frozen=True)
class JsonNames:
    """Where values are and what they are called. A tuple is the path of keys that leads to a value."""

    # Documented: the path of the API on a connector server, and the paths below it.
    base: str = "/api/v2/connector"
    connector: str = ""
    instances: str = "/instances"

    # Documented: the keys of the response to GET of the connector.
    type: str = "type"
    contexts: str = "controllerContexts"
    capabilities: str = "capabilities"
    capability_name: str = "name"
    type_settings: str = "additionalSettings"
    type_setting_name: str = "name"
    type_setting_description: str = "description"
    type_setting_type: str = "type"
    type_setting_required: str = "required"

    # Assumed: an instance, in requests and in responses.
    id: Path = ("id",)
    controller: Path = ("controller", "ipAddress")
    controller_port: Path = ("controller", "port")
    controller_username: Path = ("controller", "username")
    controller_password: Path = ("controller", "password")
    controller_context: Path = ("controller", "context")
    address_space_type: Path = ("endpointAddressSpace", "type")
    address_space_name: Path = ("endpointAddressSpace", "name")
    settings: Path = ("additionalSettings",)
    setting_name: str = "name"
    setting_value: str = "value"


NAMES = JsonNames()

_URL_PATHS = ("base", "connector", "instances")
_JSON_PATHS = tuple(item.name for item in fields(JsonNames) if isinstance(item.default, tuple))


def read_json_names(path: str | None) -> JsonNames:
    """Return the table, with the entries that the file at ``path`` replaces. Raise OptionError for a wrong file."""
    if not path:
        return NAMES
    try:
        entries = _decode(read_regular_file(path, MAX_FILE_BYTES))
    except ValueError as error:
        raise OptionError(OPTION, f"the file {path} {error}") from error
    if not isinstance(entries, Mapping) or not entries:
        raise OptionError(OPTION, f"the file {path} must be an object of names, such as id: uuid")
    values: dict[str, Any] = {}
    for entry, value in entries.items():
        try:
            values[str(entry)] = _parse_entry(entry, value)
        except ValueError as error:
            raise OptionError(OPTION, f"{path}: {error}") from error
    names = replace(NAMES, **values)
    _check_distinct(names, path)
    return names


def _decode(content: bytes) -> Any:
    """Return the JSON or YAML in a file. Raise ValueError, in words that follow the file's name."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8 text") from error
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error
    except ValueError as error:
        if text.lstrip().startswith("{"):
            raise ValueError(f"is not valid JSON: {error}") from error
    try:
        # Ansible requires PyYAML where it runs, but modules may run under another Python.
        import yaml
    except ImportError as error:
        raise ValueError(
            "is not valid JSON, and a YAML file requires the Python library PyYAML on the host that runs the module; "
            "convert the file to JSON"
        ) from error
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        raise ValueError(f"is neither valid JSON nor valid YAML{where}") from error


def _parse_entry(entry: Any, value: Any) -> str | Path:
    """Return the value of an entry as the table holds it. Raise ValueError for an unknown entry or a wrong value."""
    known = [item.name for item in fields(JsonNames)]
    if entry not in known:
        near = difflib.get_close_matches(str(entry), known, n=1)
        advice = f"did you mean {near[0]}?" if near else f"known entries are {', '.join(known)}"
        raise ValueError(f"unknown entry {str(entry)[:MAX_NAME_LENGTH]!r}; {advice}")
    if entry in _JSON_PATHS:
        keys = value.split(".") if isinstance(value, str) else value
        if not isinstance(keys, list) or not keys or not all(_is_key(key) for key in keys):
            raise ValueError(
                f"{entry} must be a JSON key, keys joined by dots (controller.ipAddress) or a list of keys, "
                f"not {_describe(value)}"
            )
        return tuple(keys)
    if entry in _URL_PATHS:
        if not isinstance(value, str) or not _is_url_path(value, may_be_empty=entry == "connector"):
            raise ValueError(f"{entry} must be the path of a URL, such as /api/v2/connector, not {_describe(value)}")
        return value
    if not _is_key(value):
        raise ValueError(f"{entry} must be a JSON key, not {_describe(value)}")
    return str(value)


def _describe(value: Any) -> str:
    """Return a wrong value in a few words, its type where it is not a text."""
    if isinstance(value, str):
        return repr(value[:MAX_NAME_LENGTH])
    if value is None:
        return "null"
    words = {bool: "a boolean", int: "a number", float: "a number", list: "a list with other values", dict: "an object"}
    return words.get(type(value), "a value of another type")


def _is_key(value: Any) -> bool:
    return (
        isinstance(value, str) and 0 < len(value) <= MAX_NAME_LENGTH and value.isprintable() and value == value.strip()
    )


def _is_url_path(value: str, may_be_empty: bool) -> bool:
    """Return True for a path such as /a/b: no empty or relative segment, no query, nothing that must be encoded."""
    if not value:
        return may_be_empty
    segments = r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)+"
    return len(value) <= MAX_NAME_LENGTH and re.fullmatch(segments, value) is not None


def _check_distinct(names: JsonNames, path: str) -> None:
    """Raise OptionError where two values of an instance would be at one place, or one inside another."""
    places = {entry: getattr(names, entry) for entry in _JSON_PATHS}
    for entry, keys in places.items():
        for other, other_keys in places.items():
            if entry != other and other_keys[: len(keys)] == keys:
                raise OptionError(
                    OPTION, f"{path}: {other} ({'.'.join(other_keys)}) and {entry} ({'.'.join(keys)}) overlap"
                )
    if names.setting_name == names.setting_value:
        raise OptionError(OPTION, f"{path}: setting_name and setting_value must be different keys")
