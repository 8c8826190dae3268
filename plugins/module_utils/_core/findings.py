# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server shows of the assumptions that the collection makes about its API."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from .errors import ApiError, ContractError, RequestError

HOLDS, DIFFERS, NOT_SEEN = "holds", "differs", "not_seen"
NOTHING = "nothing to look at"

MAX_REQUESTS = 60
"""Requests of one check of a server, each attempt counted."""

MAX_DEPTH = 4
"""Levels of objects in a shape."""

MAX_PROPERTIES = 100
"""Properties of an object in a shape."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,49}")


@dataclass(frozen=True)
class Finding:
    """What a server shows of one assumption.

    ``verdict`` is HOLDS, DIFFERS or NOT_SEEN. ``seen`` contains only words of the API, numbers and types.
    """

    assumption: str
    verdict: str
    seen: Any


class Findings:
    """The findings of one check. ``assumptions`` are all sentences by their IDs; ``prefix`` is that of all IDs."""

    def __init__(self, assumptions: Mapping[str, str], prefix: str = "") -> None:
        self._assumptions = assumptions
        self._prefix = prefix
        self._found: dict[str, Finding] = {}

    def add(self, name: str, holds: bool | None, seen: Any) -> None:
        """Add what was seen of an assumption; ``holds`` None means that nothing shows whether it holds."""
        verdict = NOT_SEEN if holds is None else HOLDS if holds else DIFFERS
        if name not in self._assumptions:
            raise KeyError(name)
        self._found[name] = Finding(name, verdict, seen)

    def look(self, names: Sequence[str], look: Callable[[], None]) -> None:
        """Run ``look``, which adds findings, and add those of ``names`` that it does not.

        What a server does not have (404) differs; what it does not show for another reason was not seen.
        """
        holds, reason = None, NOTHING
        try:
            look()
        except RequestError as error:
            if isinstance(error, ApiError) and error.status in (401, 404):
                if error.status == 401:
                    raise
                holds = False
            reason = reason_of(error)
        for name in names:
            if name not in self._found:
                self.add(name, holds, reason)

    def to_result(self) -> list[dict[str, Any]]:
        """Return all findings in the order of the assumptions."""
        found = {name: self._found.get(name, Finding(name, NOT_SEEN, NOTHING)) for name in self._assumptions}
        return [
            {
                "id": self._prefix + name,
                "assumption": self._assumptions[name],
                "verdict": item.verdict,
                "seen": item.seen,
            }
            for name, item in found.items()
        ]


def reason_of(error: RequestError) -> str:
    """Return why a request showed nothing, without a word of the server."""
    if isinstance(error, ApiError):
        return f"status {error.status}"
    if isinstance(error, ContractError):
        return "a response of an unexpected form"
    return "no response"


def type_of(value: Any) -> str:
    """Return the JSON type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "integer" if isinstance(value, int) else "number"
    if isinstance(value, str):
        return "string"
    return "list" if isinstance(value, list) else "object"


def name_of(key: str) -> str:
    """Return the name of a property; a name that no API would choose may be a value, and is replaced."""
    return key if _NAME.fullmatch(key) else "(another name)"


def shape_of(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Return a JSON value with types instead of values, and one entry for all entries of a list."""
    if isinstance(value, Mapping) and depth:
        named = list(value.items())[:MAX_PROPERTIES]
        return {name_of(key): shape_of(item, depth - 1) for key, item in named}
    if isinstance(value, list) and depth:
        shapes = [shape_of(item, depth - 1) for item in value]
        return [shape for position, shape in enumerate(shapes) if shape not in shapes[:position]][:MAX_DEPTH]
    return type_of(value)
