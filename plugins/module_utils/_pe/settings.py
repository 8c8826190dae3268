# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The additional settings of instances: three options, written as one list of name and value (source: pe-api.md).

What may be seen, what may not, and what is read from a file are told apart by the option that holds it, so that an
instance can be compared without asking the connector what its settings are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .._core.errors import OptionError
from .._core.fields import Field
from .json_names import JsonNames

PLAIN = "additional_settings"
SECRET = "secret_settings"  # noqa: S105  # an option's name
FILE = "file_settings"
OPTIONS = (PLAIN, SECRET, FILE)

_MAX_FILE_BYTES = 1024 * 1024
_SECRET_WORD = re.compile(
    r"pass|passcode|pwd|pin|psk|credentials?|.*(?:password|passwd|passphrase|secret|token)s?"
    # Not every word on -key: a monkey is none.
    r"|(?:access|account|api|auth|client|crypt|encryption|host|master|pre|private|secret|service|session|shared|signing|ssh"
    r"|srx|tls|user)*keys?"
)
_OPEN_WORDS = frozenset(["name", "url", "alias"])


def looks_secret(name: str) -> bool:
    """Say whether a setting's name speaks of a secret: SRX_PASSWORD does, KEYSTONE_URL and KEY_NAME do not."""
    apart = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", re.sub(r"([a-z])([A-Z])", r"\1_\2", name))
    words = re.findall(r"[a-z]+", apart.lower())
    return any(_SECRET_WORD.fullmatch(word) for word in words) and words[-1] not in _OPEN_WORDS


def is_masked(value: Any) -> bool:
    """Say whether a server put this in the place of a value that it does not show."""
    return isinstance(value, str) and re.fullmatch(r"[*\u2022\u25cf]{3,}", value) is not None


def entries(names: JsonNames, value: Any) -> list[tuple[str, Any]]:
    """Return the settings that a server shows, as (name, value), whatever else stands in its list."""
    found = value if isinstance(value, list) else []
    return [
        (str(entry[names.setting_name]), entry.get(names.setting_value))
        for entry in found
        if isinstance(entry, Mapping) and entry.get(names.setting_name)
    ]


def fields(names: JsonNames) -> tuple[Field, ...]:
    """Return the three properties."""

    def read(value: Any) -> dict[str, str]:
        # What is not shown has no value here: see PeStore.
        found = {name: as_text(shown) for name, shown in entries(names, value) if shown is not None}
        return dict(sorted(found.items()))

    def write(value: Any) -> list[dict[str, str]]:
        return [{names.setting_name: name, names.setting_value: value[name]} for name in sorted(value)]

    return (
        Field(PLAIN, {"type": "dict"}, _parse_plain, read, write, path=names.settings),
        Field(SECRET, {"type": "dict", "no_log": True}, _parse, write=write, path=names.settings, secret=True),
        Field(FILE, {"type": "dict"}, _parse_files, write=write, path=names.settings, secret=True),
    )


def check_apart(params: Mapping[str, Any], where: str = "") -> None:
    """Raise OptionError for a setting that stands in two options. ``where`` leads to them."""
    seen: dict[str, str] = {}
    for option in OPTIONS:
        for name in params.get(option) or {}:
            if name in seen:
                raise OptionError(where + option, f"{name} stands in {seen[name]} too")
            seen[name] = option


def check_together(tasks: Sequence[Mapping[str, Any]], title: str) -> None:
    """Raise OptionError for a setting that one of the ``tasks`` shows and another hides: it is one or the other."""
    plain: dict[str, int] = {}
    for position, params in enumerate(tasks):
        for name in params.get(PLAIN) or {}:
            plain.setdefault(name, position)
    for position, params in enumerate(tasks):
        for option in (SECRET, FILE):
            for name in params.get(option) or {}:
                if name in plain:
                    raise OptionError(
                        f"{title}[{position}].{option}", f"{name} stands in {title}[{plain[name]}].{PLAIN}"
                    )


def named(tasks: Sequence[Mapping[str, Any]], *options: str) -> frozenset[str]:
    """Return the names of all settings in these options of ``tasks``."""
    return frozenset(name for params in tasks for option in options for name in params.get(option) or {})


def as_text(value: Any) -> str:
    """Return the value of a setting as results show it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _parse(value: Mapping[Any, Any]) -> dict[str, str]:
    for name, item in value.items():
        if not isinstance(name, str) or not name:
            raise ValueError("has a setting without a name")
        if item is None:
            raise ValueError(f"{name} has no value")
        if isinstance(item, (Mapping, list, tuple)):
            raise ValueError(f"{name} must be a text, a number or a boolean")  # noqa: TRY004  # see fields.checked
    return {name: as_text(item) for name, item in sorted(value.items())}


def _parse_plain(value: Mapping[Any, Any]) -> dict[str, str]:
    settings = _parse(value)
    for name in settings:
        if looks_secret(name):
            raise ValueError(f"{name} looks like a secret: give it in {SECRET}, or in {FILE}, so that it is not shown")
    return settings


def _parse_files(value: Mapping[Any, Any]) -> dict[str, str]:
    return {name: _content(name, path) for name, path in _parse(value).items()}


def _content(name: str, path: str) -> str:
    try:
        with open(os.path.expanduser(path), "rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"{name}: the file {path} cannot be read: {reason}") from error
    if not content or len(content) > _MAX_FILE_BYTES:
        raise ValueError(f"{name}: the file {path} must have 1 to {_MAX_FILE_BYTES} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: the file {path} is no text (UTF-8), and JSON takes nothing else") from error
