# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server answered, made readable whatever form it has."""

from __future__ import annotations

import base64
import html
import json
import math
import re
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Callable
from urllib.parse import quote, quote_plus

from .errors import ContractError

_MOST_ERRORS = 10
_LONGEST_TEXT = 500
_DEEPEST = 60
"""Objects and lists in each other. No API comes near, and what is deeper cannot be handled safely everywhere."""
_LONGEST_MARKUP = 10_000
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_SHORTEST_LINE = 8  # shorter lines of a key file say nothing, and would take letters out of ordinary words


class Answer:
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
            return decoded(self.body)
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


class Secrets:
    """Texts to be kept out of what is shown. Several threads may use one.

    Each is known in every form that a server may repeat it in: plain, JSON, HTML, URL, base64; one of several lines
    line by line too. The forms are made once, and not before something is to be shown: most runs show nothing.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._new = set(texts)
        self._known: set[str] = set()
        self._forms: list[str] = []  # the longest first: a shorter one may be a part of it

    def add(self, texts: Iterable[str]) -> None:
        """Keep these out as well from now on."""
        with self._lock:
            self._new |= set(texts) - self._known

    def without(self, text: str) -> str:
        """Return what a server said with every secret taken out."""
        with self._lock:
            if self._new:
                forms = {form for secret in self._new for form in _all_forms(secret)}
                self._forms = sorted([*self._forms, *forms], key=len, reverse=True)
                self._known |= self._new
                self._new = set()
            known = self._forms
        for form in known:
            text = text.replace(form, "********")
        return text


def _all_forms(secret: str) -> set[str]:
    """Return all that gives a secret away, wherever it is repeated."""
    found: set[str] = set()
    lines = [line for line in secret.splitlines() if len(line) >= _SHORTEST_LINE]
    for part in {secret, secret.strip(), " ".join(secret.split()), *lines}:
        for form in _forms(part):
            escaped = html.escape(form)
            found |= {form, escaped, html.escape(form, quote=False)}
            found |= {escaped.replace("&#x27;", apostrophe) for apostrophe in ("'", "&#39;", "&apos;")}
    return found - {""}


def _forms(secret: str) -> set[str]:
    encoded = base64.b64encode(secret.encode(errors="surrogateescape")).decode()
    found = {secret, repr(secret)[1:-1], encoded}
    found |= {quote(secret, safe="", errors="replace"), quote_plus(secret, errors="replace")}
    for ascii_only in (True, False):
        once = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        # A server that quotes a body of JSON in a message of JSON escapes it twice.
        found |= {once, *(json.dumps(once, ensure_ascii=again)[1:-1] for again in (True, False))}
    return found


def decoded(body: bytes) -> Any:
    """Return a body's JSON. Raise ValueError or RecursionError for what is no JSON that every program takes.

    Python takes more: numbers that are none, halves of characters. They would be passed on to programs that do not.
    """
    value = json.loads(body.decode("utf-8-sig"), parse_constant=_number, parse_float=_number)
    if _HALF.search(body) and _HALF_CHARACTER.search(json.dumps(value, ensure_ascii=False)):
        raise ValueError("a text has half of a character")
    level = [value]
    for _depth in range(_DEEPEST):
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


def one_line(value: Any, longest: int = _LONGEST_TEXT) -> str:
    """Return ``value`` as one printable line of at most ``longest`` characters."""
    # Cut before it is looked at: a server may say megabytes.
    start = str(value)[: 4 * longest]
    text = " ".join("".join(char if char.isprintable() else " " for char in start).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def read_errors(body: bytes) -> list[dict[str, str]]:
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
        return [error for error in map(_read_error, entries[:_MOST_ERRORS]) if error["token"] or error["message"]]
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
    markup = markup[:_LONGEST_MARKUP]
    title = re.search(r"<title[^<>]*>([^<]*)</title>", markup, re.IGNORECASE)
    if title:
        return one_line(html.unescape(title.group(1)))
    return one_line(html.unescape(re.sub(r"<[^<>]*>", " ", markup)))


def describe(errors: list[dict[str, str]]) -> str:
    """Return errors as words: ``token (message); token (message)``."""
    words = []
    for error in errors:
        token, message = error["token"], error["message"]
        words.append(f"{token} ({message})" if token and message else token or message)
    return "; ".join(words)
