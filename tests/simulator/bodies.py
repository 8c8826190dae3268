"""The reading of request bodies: media type, JSON, schema (API page, Transport)."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from tests.simulator import errors, schema
from tests.simulator.state import Json


async def read(request: web.Request, schema_name: str) -> Json:
    """Return the body as an object that its schema accepts: 415 for another media type, 406 for all else."""
    body = await _read(request, schema_name)
    if not isinstance(body, dict):
        raise TypeError(f"the schema {schema_name} must ask for an object")
    return body


async def read_list(request: web.Request, schema_name: str) -> list[Json]:
    """Return the body as a list that its schema accepts, as `read` does an object."""
    body = await _read(request, schema_name)
    if not isinstance(body, list):
        raise TypeError(f"the schema {schema_name} must ask for a list")
    return body


async def _read(request: web.Request, schema_name: str) -> Any:
    if request.content_type != "application/json":
        raise errors.Refusal(415, "unsupported_media_type", "Content-Type must be application/json")
    try:
        body: Any = json.loads(await request.read(), parse_constant=_no_constant)
    except ValueError as error:
        raise errors.not_acceptable("invalid_json", "The body is not JSON") from error
    try:
        schema.check(schema_name, body)
    except schema.Invalid as error:
        raise errors.invalid(error) from error
    return body


def _no_constant(name: str) -> None:
    """NaN and Infinity, which Python reads, are no JSON."""
    raise ValueError(name)
