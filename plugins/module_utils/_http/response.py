# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Responses of a server, made readable whatever form they have."""

from __future__ import annotations

import html
import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Callable

from .._core.errors import ContractError
from .._core.text import one_line

_MAX_ERRORS = 10
_MAX_DEPTH = 60
"""Levels of objects and lists. No API comes near, and deeper ones cannot be handled safely everywhere."""
_MAX_MARKUP_LENGTH = 10_000
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Response:
    """One HTTP response: ``status``, ``headers`` (any case), ``body`` (bytes), and the request that it belongs to.

    ``hide`` removes secrets from a text of the server before it is shown.
    """

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        method: str,
        path: str,
        hide: Callable[[str], str] = str,
    ) -> None:
        self.status = status
        self.body = body
        self.method = method
        self.path = path
        self._hide = hide
        self._headers = {name.lower(): value for name, value in headers.items()}

    def header(self, name: str) -> str | None:
        """Return a header's value, or None; names are case-insensitive."""
        return self._headers.get(name.lower())

    @property
    def request_id(self) -> str | None:
        """The X-Request-Id, which support asks for, or None."""
        value = self.header("X-Request-Id")
        return one_line(self._hide(value)) if value else None

    def json(self) -> Any:
        """Return the decoded body. Raise ContractError if it is not JSON."""
        try:
            return decode_json(self.body)
        except (ValueError, RecursionError) as error:
            raise self.contract_error("the body is not valid JSON") from error

    def json_object(self) -> dict[str, Any]:
        """Return the decoded body. Raise ContractError if it is not a JSON object."""
        value = self.json()
        if not isinstance(value, dict):
            raise self.contract_error("the body is not a JSON object")
        return value

    def json_objects(self) -> list[dict[str, Any]]:
        """Return the decoded body of a list. Raise ContractError if it is not a JSON array of objects.

        Only 200 comes with the list: 206 comes with a part of it, and 202 with a promise.
        """
        value = self.json()
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.contract_error("the body is not a JSON array of objects")
        if self.status != 200:
            raise self.contract_error("a list comes with 200")
        return value

    def contract_error(self, problem: str) -> ContractError:
        """Return an error for a response that differs from what the API promises."""
        suffix = f" (X-Request-Id {self.request_id})" if self.request_id else ""
        return ContractError(
            f"unexpected answer {self.status} to {self.method} {self.path}: {self._hide(problem)}{suffix}",
            self.method,
            self.path,
        )


def decode_json(body: bytes) -> Any:
    """Return a body's JSON. Raise ValueError or RecursionError for JSON that not every program takes.

    Python takes more: numbers that are none, unpaired surrogates, any depth. They would be passed on to programs that
    do not. How many values there are is limited while the body is read.
    """
    value = json.loads(body.decode("utf-8-sig"), parse_constant=_number, parse_float=_number)
    _check_values(value, has_surrogates=_SURROGATE_ESCAPE.search(body) is not None)
    return value


def _check_values(value: Any, has_surrogates: bool) -> None:
    """Raise ValueError if ``value`` is too deep or has unpaired surrogates. Keeps one iterator a level, no copies."""
    levels: list[Iterator[Any]] = [iter((value,))]
    while levels:
        for item in levels[-1]:
            if isinstance(item, (dict, list)):
                if len(levels) > _MAX_DEPTH:
                    raise ValueError("too deep")
                levels.append(
                    _values_of(item) if has_surrogates else iter(item.values() if isinstance(item, dict) else item)
                )
                break
            if has_surrogates and isinstance(item, str) and not item.isascii() and _SURROGATE.search(item):
                raise ValueError("a text contains an unpaired surrogate")
        else:
            levels.pop()


def _values_of(item: dict[str, Any] | list[Any]) -> Iterator[Any]:
    """Return all that is in an object or list, the names of an object too."""
    return itertools.chain(item, item.values()) if isinstance(item, dict) else iter(item)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a number")
    return number


def parse_errors(body: bytes) -> list[dict[str, str]]:
    """Return the errors in a body as ``[{"token", "message"}]``; empty if there are none.

    Known forms (pce-api.md, Transport): a list of ``{"token", "message"}``, one such object, ``[{"error"}]``, a bare
    number or text, HTML, nothing.
    """
    text = body.decode("utf-8", errors="replace").strip()
    if not text:
        return []
    try:
        value = json.loads(text)
        entries = value if isinstance(value, list) else [value]
        return [error for error in map(_read_error, entries[:_MAX_ERRORS]) if error["token"] or error["message"]]
    except (ValueError, RecursionError):
        return [{"token": "", "message": _plain_text(text)}]


def _read_error(entry: Any) -> dict[str, str]:
    if not isinstance(entry, Mapping):
        return {"token": "", "message": "" if entry is None else one_line(entry)}
    message = entry.get("message") or entry.get("error") or ""
    token = entry.get("token") or ""
    if not message and not token:
        message = json.dumps(entry)
    return {"token": one_line(token), "message": one_line(message)}


def _plain_text(markup: str) -> str:
    """Return the words of an HTML page (its title where it has one) or of a plain text."""
    markup = markup[:_MAX_MARKUP_LENGTH]
    title = re.search(r"<title[^<>]*>([^<]*)</title>", markup, re.IGNORECASE)
    if title:
        return one_line(html.unescape(title.group(1)))
    return one_line(html.unescape(re.sub(r"<[^<>]*>", " ", markup)))
