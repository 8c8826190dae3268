# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of workloads and VENs (source: PCE REST API, Workloads and VENs)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from .._core.fields import Filter
from .._core.references import Entry, parse_entries
from .label import LABEL


def part(value: str) -> str:
    """Return a part of a text to filter by. Raise ValueError for an empty one, which matches everything."""
    if not value:
        raise ValueError("must not be empty: everything would match")
    return value


def part_of(wanted: str, value: Any) -> bool:
    """Return True if a text contains ``wanted``, in any case."""
    return wanted.casefold() in (value or "").casefold()


def flag_text(value: bool) -> str:
    """Return a boolean as a query has it."""
    return str(value).lower()


def filled(value: Sequence[Any]) -> dict[Any, None]:
    """Return the entries of an option, each once. Raise ValueError where it asks for nothing."""
    if not value or "" in value:
        raise ValueError("must not be an empty list or hold an empty text")
    return dict.fromkeys(value)


def _label_group(value: Sequence[Any]) -> list[list[Entry]]:
    if not value:
        raise ValueError("must not be an empty list")
    return [parse_entries(LABEL, value, one_per="key")]


def _has_labels(wanted: Sequence[Sequence[Entry]], value: Mapping[str, str]) -> bool:
    return all(value.get(entry["key"]) == entry["value"] for group in wanted for entry in group)


def any_of(name: str = "", choices: Sequence[str] = (), encode: Callable[[Any], str] | None = None) -> Filter:
    """Return the filter of a text by a list, one of which it must be."""
    spec = {"type": "list", "elements": "str", **({"choices": list(choices)} if choices else {})}
    return Filter(spec, name, filled, lambda wanted, value: value in wanted, encode)


LABELS_FILTER = Filter({"type": "list", "elements": "dict"}, parse=_label_group, matches=_has_labels)
"""The filter of objects by labels, all of which they must have."""
