# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server answered, made readable whatever form it has."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Mapping
from typing import Any, Callable

from .._core.errors import ContractError
from .._core.text import one_line

_MAX_ERRORS = 10
_MAX_DEPTH = 60
"""Objects and lists in each other. No API comes near, and what is deeper cannot be handled safely everywhere."""
_MAX_MARKUP_LENGTH = 10_000
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


class Response:
    """One HTTP answer: ``status``, ``headers`` (any case), ``body`` (bytes), and the request that it belongs to.

    ``hide`` takes secrets out of a text of the server before it is shown.
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
        """Return the decoded body. Raise ContractError where it is not JSON."""
        try:
            return decode_json(self.body)
        except (ValueError, RecursionError) as error:
            raise self.contract_error("the body is not valid JSON") from error

    def json_object(self) -> dict[str, Any]:
        """Return the decoded body. Raise ContractError where it is not a JSON object."""
        value = self.json()
        if not isinstance(value, dict):
            raise self.contract_error("the body is not a JSON object")
        return value

    def json_objects(self) -> list[dict[str, Any]]:
        """Return the decoded body of a list. Raise ContractError where it is not a JSON array of objects.

        Only 200 stands for what there is: 206 is a part of it, and 202 a promise.
        """
        value = self.json()
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.contract_error("the body is not a JSON array of objects")
        if self.status != 200:
            raise self.contract_error("a list comes with 200")
        return value

    def contract_error(self, problem: str) -> ContractError:
        """Return an error that says how this answer differs from what the API promises."""
        suffix = f" (X-Request-Id {self.request_id})" if self.request_id else ""
        return ContractError(
            f"unexpected answer {self.status} to {self.method} {self.path}: {self._hide(problem)}{suffix}",
            self.method,
            self.path,
        )


def decode_json(body: bytes) -> Any:
    """Return a body's JSON. Raise ValueError or RecursionError for what is no JSON that every program takes.

    Python takes more: numbers that are none, halves of characters. They would be passed on to programs that do not.
    """
    value = json.loads(body.decode("utf-8-sig"), parse_constant=_number, parse_float=_number)
    if _HALF.search(body) and _HALF_CHARACTER.search(json.dumps(value, ensure_ascii=False)):
        raise ValueError("a text has half of a character")
    level = [value]
    for _depth in range(_MAX_DEPTH):
        level = [
            inner
            for item in level
            for inner in (item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return value
    raise ValueError("too deep")


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number")
    return number


def parse_errors(body: bytes) -> list[dict[str, str]]:
    """Return what an error's body says, as ``[{"token", "message"}]``; empty where it says nothing.

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
