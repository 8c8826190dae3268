"""Every way in which the PCE says no (API page, Transport: "Error bodies vary")."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web

from tests.simulator import schema

FORMS = ("list", "single", "error", "number", "html", "empty")
"""The body forms that the page lists, by the names that settings and faults use."""

_NATURAL = {401: "single", 403: "list", 404: "empty", 405: "empty", 415: "error"}
"""The usual form per status; all others answer a list of tokens and messages."""


class Refusal(Exception):  # noqa: N818 - the PCE refuses; nothing is wrong with the simulator
    """An answer other than success: status, one entry per finding, and headers to send along."""

    def __init__(
        self,
        status: int,
        token: str,
        message: str,
        *,
        more: list[dict[str, Any]] | None = None,
        form: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.entries: list[dict[str, Any]] = more or [{"token": token, "message": message}]
        self.form = form
        self.headers = dict(headers or {})
        super().__init__(f"{status} {token}: {message}")


def not_acceptable(token: str, message: str) -> Refusal:
    """406: every validation or business error (Transport)."""
    return Refusal(406, token, message)


def invalid(error: schema.Invalid) -> Refusal:
    """406 with one `input_validation_error` per finding, naming the place in the body."""
    entries = [
        {
            "token": "input_validation_error",
            "message": f"Input validation failed. Details: {finding.pointer or 'body'}: {finding.message}",
            "pointer": finding.pointer,
        }
        for finding in error.findings
    ]
    return Refusal(406, "input_validation_error", str(error), more=entries)


def no_object() -> Refusal:
    """404 of an object that is not there: without a body (Transport: "404 has often no JSON body")."""
    return Refusal(404, "not_found", "Not Found", form="empty")


def body(status: int, entries: list[dict[str, Any]], form: str) -> tuple[str, str]:
    """One error body in one of FORMS: its text and its media type."""
    message = "; ".join(str(entry["message"]) for entry in entries)
    if form == "empty":
        return "", "text/plain"
    if form == "html":
        title = f"{status} {HTTPStatus(status).phrase}"
        head, text = (
            f"<head><title>{title}</title></head>",
            f"<body><h1>{title}</h1><p>{html.escape(message)}</p></body>",
        )
        return f"<html>{head}{text}</html>", "text/html"
    shapes: dict[str, Any] = {
        "list": entries,
        "single": entries[0],
        "error": [{"error": message}],
        "number": status,
    }
    return json.dumps(shapes[form]), "application/json"


def response(refusal: Refusal, form: str = "natural") -> web.Response:
    """The refusal as an HTTP response; `form` other than "natural" overrides the usual one."""
    chosen = form if form != "natural" else refusal.form or _NATURAL.get(refusal.status, "list")
    text, media = body(refusal.status, refusal.entries, chosen)
    if not text:
        return web.Response(status=refusal.status, headers=refusal.headers)
    return web.Response(status=refusal.status, headers=refusal.headers, text=text, content_type=media, charset="utf-8")
