# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The additional settings of instances: three options, written as one list of name and value (source: pe-api.md).

The option that holds a setting says whether it is shown, hidden, or read from a file. So an instance can be compared
without asking the connector what its settings are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import OptionError
from .._core.fields import Field
from .regular_file import read_regular_file

PLAIN = "additional_settings"
SECRET = "secret_settings"  # noqa: S105  # an option's name
FILE = "file_settings"
OPTIONS = (PLAIN, SECRET, FILE)

MAX_FILE_BYTES = 1024 * 1024
_SECRET_WORD = re.compile(
    r"pass|passcode|pwd|pin|psk|credentials?|.*(?:password|passwd|passphrase|secret|token)s?"
    # Not every word on -key: a monkey is none.
    r"|(?:access|account|api|auth|client|crypt|encryption|host|master|pre|private|secret|service|session|shared|signing|ssh"
    r"|srx|tls|user)*keys?"
)
_OPEN_WORDS = frozenset(["name", "url", "alias"])


@dataclass(frozen=True)
class Setting:
    """A setting of an instance. ``value`` None means that it may not be shown (``is_concealed``), or is null."""

    name: str
    value: str | None = field(repr=False)
    is_concealed: bool = False


def looks_secret(name: str) -> bool:
    """Return True if a setting's name speaks of a secret: SRX_PASSWORD does, KEYSTONE_URL and KEY_NAME do not."""
    apart = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", re.sub(r"([a-z])([A-Z])", r"\1_\2", name))
    words = re.findall(r"[a-z]+", apart.lower())
    return any(_SECRET_WORD.fullmatch(word) for word in words) and words[-1] not in _OPEN_WORDS


def is_masked(value: Any) -> bool:
    """Return True if a server put this in the place of a value that it does not show."""
    return isinstance(value, str) and re.fullmatch(r"[*\u2022\u25cf]{3,}", value) is not None


def fields() -> tuple[Field, ...]:
    """Return the three properties."""
    return (
        Field(PLAIN, {"type": "dict"}, _parse_plain, _read, _write),
        Field(SECRET, {"type": "dict", "no_log": True}, _parse, write=_write, secret=True),
        Field(FILE, {"type": "dict"}, _parse_files, write=_write, secret=True),
    )


def check_apart(params: Mapping[str, Any], where: str = "") -> None:
    """Raise OptionError for a setting in two options. ``where`` leads to them."""
    seen: dict[str, str] = {}
    for option in OPTIONS:
        for name in params.get(option) or {}:
            if name in seen:
                raise OptionError(where + option, f"{name} is in {seen[name]} too; set it in one of them")
            seen[name] = option


def check_together(tasks: Sequence[Mapping[str, Any]], title: str) -> None:
    """Raise OptionError for a setting that one of the ``tasks`` shows and another hides."""
    plain: dict[str, int] = {}
    for position, params in enumerate(tasks):
        for name in params.get(PLAIN) or {}:
            plain.setdefault(name, position)
    for position, params in enumerate(tasks):
        for option in (SECRET, FILE):
            for name in params.get(option) or {}:
                if name in plain:
                    raise OptionError(
                        f"{title}[{position}].{option}",
                        f"{name} is in {title}[{plain[name]}].{PLAIN}; a setting is shown in all entries or in none",
                    )


def find_names(tasks: Sequence[Mapping[str, Any]], *options: str) -> frozenset[str]:
    """Return the names of all settings in these options of ``tasks``."""
    return frozenset(name for params in tasks for option in options for name in params.get(option) or {})


def as_text(value: Any) -> str:
    """Return the value of a setting as results show it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _read(value: Iterable[Setting] | None) -> dict[str, str]:
    found = {item.name: item.value for item in value or () if item.value is not None}
    return dict(sorted(found.items()))


def _write(value: Mapping[str, str]) -> list[Setting]:
    return [Setting(name, value[name]) for name in sorted(value)]


def _parse(value: Mapping[Any, Any]) -> dict[str, str]:
    for name, item in value.items():
        if not isinstance(name, str) or not name:
            raise ValueError(f"the name of a setting must be text and not empty, not {name!r}")
        if item is None:
            raise ValueError(f"{name} has no value")
        if isinstance(item, (Mapping, list, tuple)):
            raise ValueError(f"{name} must be text, a number or a boolean")  # noqa: TRY004  # see fields.parse_option
    return {name: as_text(item) for name, item in sorted(value.items())}


def _parse_plain(value: Mapping[Any, Any]) -> dict[str, str]:
    settings = _parse(value)
    for name in settings:
        if looks_secret(name):
            raise ValueError(f"{name} looks like a secret; use {SECRET} or {FILE}, so that it is not shown")
    return settings


def _parse_files(value: Mapping[Any, Any]) -> dict[str, str]:
    return {name: _read_text(name, path) for name, path in _parse(value).items()}


def _read_text(name: str, path: str) -> str:
    try:
        return read_regular_file(path, MAX_FILE_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: the file {path} is not UTF-8 text, which JSON requires") from error
    except ValueError as error:
        raise ValueError(f"{name}: the file {path} {error}") from error
