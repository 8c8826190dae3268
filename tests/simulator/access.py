"""What stands before every handler: journal, faults, error bodies, credentials, rate limit (API page, Transport)."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import uuid
from collections.abc import Awaitable, Callable

from aiohttp import web

from tests.simulator import connector_names, control, errors, faults
from tests.simulator.pce import pce_of
from tests.simulator.state import stamp

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


_READING = ("GET", "HEAD", "OPTIONS")

SERVER: web.AppKey[str] = web.AppKey("server", str)
"""Where an application of another server than the PCE keeps its name, for the journal and the faults."""


def _server(request: web.Request) -> str:
    return request.config_dict.get(SERVER, "pce")


async def finish_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add X-Request-Id to every response, and bring a JSON media type into its form, before the headers go out."""
    if response.headers.get("Content-Type", "").startswith("application/json"):
        bare = pce_of(request).settings.media_type == "bare"
        response.headers["Content-Type"] = "application/json" if bare else "application/json; charset=utf-8"
    response.headers["X-Request-Id"] = request.get("request_id") or str(uuid.uuid4())
    response.headers["Server"] = "nginx"
    if not pce_of(request).settings.keep_alive:
        response.headers["Connection"] = "close"
        response.force_close()


def _is_control(request: web.Request) -> bool:
    return request.path.startswith(f"{control.PREFIX}/")


@web.middleware
async def journal(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Enter the request, and its status when it has one."""
    request["request_id"] = str(uuid.uuid4())
    if _is_control(request):
        return await handler(request)
    pce = pce_of(request)
    entry = pce.journal.begin(
        time=stamp(pce.now()),
        method=request.method,
        path=request.path_qs,
        body=await request.read(),
        server=_server(request),
        secrets=connector_names.secret_names(pce.settings.connector_names),
    )
    entry["request_id"] = request["request_id"]
    request["entry"] = entry
    response = await handler(request)
    # A connection that a fault has ended gave the client no status.
    if request.transport is not None and not request.transport.is_closing():
        entry["status"] = response.status
    return response


@web.middleware
async def faulty(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let the first fault that is for this request have it."""
    if _is_control(request):
        return await handler(request)
    rule = pce_of(request).faults.take(request.method, request.path_qs, _server(request))
    if rule is None:
        return await handler(request)
    request["entry"]["fault"] = rule.kind
    return await faults.apply(rule, request, lambda: handler(request), pce_of(request).faults)


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what handlers and the router refuse into one of the error bodies."""
    form = "natural" if _is_control(request) else pce_of(request).settings.error_form
    try:
        return await handler(request)
    except errors.Refusal as refusal:
        return errors.response(refusal, form)
    except web.HTTPException as problem:
        if _is_control(request):
            raise
        allow = problem.headers.get("Allow")
        turned = errors.Refusal(
            problem.status,
            "not_found" if problem.status == 404 else "request_error",
            problem.reason,
            form="html" if problem.status == 404 else None,
            headers={"Allow": allow} if allow else None,
        )
        return errors.response(turned, form)


@web.middleware
async def credentials(request: web.Request, handler: Handler) -> web.StreamResponse:
    """401 without the right key and secret, 403 for another organisation or a missing permission, 429 for too many."""
    if not request.path.startswith("/api/v2/"):
        return await handler(request)
    pce = pce_of(request)
    user, secret = _basic(request.headers.get("Authorization", ""))
    request["entry"]["user"] = user
    known = secrets.compare_digest((user or "").encode(), pce.identity.api_key.encode())
    if not (known and secrets.compare_digest(secret.encode(), pce.identity.api_secret.encode())):
        raise errors.Refusal(
            401, "not_authenticated", "Authentication failed", headers={"WWW-Authenticate": 'Basic realm="PCE"'}
        )
    request["entry"]["authenticated"] = True
    pce.limiter.check(pce.identity.api_key, pce.now(), pce.settings.rate_limit, pce.settings.retry_after)
    organisation = re.match(r"/api/v2/orgs/([^/]*)", request.path)
    if organisation and organisation[1] != str(pce.identity.org_id):
        raise errors.Refusal(403, "forbidden_error", f"No permission for organisation {organisation[1]}")
    if pce.settings.permissions == "read_only" and request.method not in _READING:
        raise errors.Refusal(403, "forbidden_error", "The API key has no permission to write")
    return await handler(request)


def _basic(header: str) -> tuple[str | None, str]:
    """User and password of HTTP Basic auth; (None, "") for anything else."""
    scheme, _space, token = header.partition(" ")
    if scheme.lower() != "basic":
        return None, ""
    try:
        user, _colon, password = base64.b64decode(token.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None, ""
    return user, password


MIDDLEWARES = (journal, faulty, refusals, credentials)
"""From the outermost to the innermost."""
