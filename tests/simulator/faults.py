"""Faults on demand: what networks, proxies and busy servers do, each at a chosen request."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from aiohttp import web

from tests.simulator import errors, schema

Act = Callable[[], Awaitable[web.StreamResponse]]
"""Lets the PCE do what was asked, and gives its answer."""


@dataclass
class Rule:
    """One fault: which requests it hits, and what happens to them. README.md has the kinds.

    method: of the request, None for all; path: a regular expression searched in path and query, None for all;
    server: "pce" or the name of a connector, None for all;
    skip: how many matching requests pass first; times: how many it hits then, None for all;
    seconds: of a hang (600 unless given), or between two bytes of a slow answer (1 unless given).
    head: a slow answer is slow from its status line on, so that one without a body is slow too.
    delay: for what answers without the work or ends the connection after it: the work is done this many seconds later.
    packed: a huge body travels compressed, so that it costs the sender nothing.
    """

    kind: str
    method: str | None = None
    path: str | None = None
    server: str | None = None
    skip: int = 0
    times: int | None = 1
    status: int = 503
    form: str = "list"
    message: str = "a fault that was asked for"
    headers: dict[str, str] = field(default_factory=dict)
    act: bool = False
    seconds: float | None = None
    url: str = ""
    size: int = 100_000_000
    head: bool = False
    packed: bool = False
    delay: float | None = None

    def matches(self, method: str, path: str, server: str = "pce") -> bool:
        """The request is one that the rule is for, whether it is its turn or not."""
        if self.times == 0 or self.method not in (None, method) or self.server not in (None, server):
            return False
        return self.path is None or re.search(self.path, path) is not None


@dataclass
class _Late:
    """Work that is done when the clock says ``due``."""

    due: float
    act: Act
    waiting: asyncio.Task[None] | None = None


class Faults:
    """The rules in force, in the order in which they were given, and the work that is still to be done late.

    ``now`` is the PCE's clock in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._rules: list[Rule] = []
        self._late: list[_Late] = []

    def add(self, values: dict[str, Any]) -> None:
        """Take a rule from the control path; raises schema.Invalid, also for a path that is no regular expression."""
        schema.check("fault", values)
        try:
            re.compile(values.get("path") or "")
        except re.error as error:
            raise schema.Invalid([schema.Finding("/path", f"is no regular expression: {error}")]) from error
        self._rules.append(Rule(**values))

    def clear(self) -> None:
        """Remove all rules. The work that is late is still done."""
        self._rules.clear()

    def reset(self) -> None:
        """Remove all rules, and drop the work that is late."""
        self._rules.clear()
        for late in self._late:
            if late.waiting is not None:
                late.waiting.cancel()
        self._late.clear()

    def act_later(self, act: Act, seconds: float) -> Act:
        """Return what has `act` done `seconds` later, by the PCE's clock, and gives an answer for nobody."""

        async def schedule() -> web.StreamResponse:
            late = _Late(self._now() + seconds, act)
            self._late.append(late)
            late.waiting = asyncio.create_task(self._wait(late))
            return web.Response(status=202)

        return schedule

    async def catch_up(self) -> None:
        """Do the work that the clock, which has moved, now asks for."""
        for late in sorted(self._late, key=lambda item: item.due):
            if late.due <= self._now() and late in self._late:
                self._late.remove(late)
                if late.waiting is not None:
                    late.waiting.cancel()
                await late.act()

    async def _wait(self, late: _Late) -> None:
        while (seconds := late.due - self._now()) > 0:
            await asyncio.sleep(seconds)
        self._late.remove(late)
        await late.act()

    def take(self, method: str, path: str, server: str = "pce") -> Rule | None:
        """The rule that hits this request, if any; counts the request."""
        for rule in self._rules:
            if not rule.matches(method, path, server):
                continue
            if rule.skip:
                rule.skip -= 1
                continue
            if rule.times is not None:
                rule.times -= 1
            return rule
        return None


async def apply(rule: Rule, request: web.Request, act: Act, faults: Faults) -> web.StreamResponse:
    """Answer the request as the rule says."""
    if rule.delay is not None:
        act = faults.act_later(act, rule.delay)
    return await _KINDS[rule.kind](rule, request, act)


async def _status(rule: Rule, _request: web.Request, act: Act) -> web.StreamResponse:
    """A status of choice; with `act` the PCE did the work all the same (a gateway that gave up too early)."""
    if rule.act:
        await act()
    refusal = errors.Refusal(rule.status, "simulated_fault", rule.message, headers=rule.headers)
    return errors.response(refusal, rule.form)


async def _reset_before(_rule: Rule, request: web.Request, _act: Act) -> web.StreamResponse:
    """The connection is reset, and nothing was done."""
    return _reset(request)


async def _reset_after(_rule: Rule, request: web.Request, act: Act) -> web.StreamResponse:
    """The PCE did the work, and the connection is reset before the answer: the client cannot know."""
    await act()
    return _reset(request)


async def _hang(rule: Rule, request: web.Request, _act: Act) -> web.StreamResponse:
    """No answer for `seconds`, then the connection ends."""
    await asyncio.sleep(600 if rule.seconds is None else rule.seconds)
    return _reset(request)


async def _slow(rule: Rule, request: web.Request, act: Act) -> web.StreamResponse:
    """The headers at once unless `head` says otherwise, then one byte of the body every `seconds`."""
    pause = 1 if rule.seconds is None else rule.seconds
    answer, body = await _acted(act)
    if rule.head:
        return await _slow_from_the_start(pause, request, answer, body)
    out = await _started(request, answer, len(body))
    for position in range(len(body)):
        await asyncio.sleep(pause)
        await out.write(body[position : position + 1])
    return out


async def _slow_from_the_start(
    pause: float, request: web.Request, answer: web.Response, body: bytes
) -> web.StreamResponse:
    """One byte of everything every `pause` seconds, past aiohttp, which sends headers as a whole."""
    headers = {**answer.headers, "Content-Length": str(len(body)), "Connection": "close"}
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in headers.items())]
    for byte in "\r\n".join([*lines, "", ""]).encode() + body:
        await asyncio.sleep(pause)
        if request.transport is None or request.transport.is_closing():
            break
        request.transport.write(bytes([byte]))
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)  # reaches nobody


async def _truncate(_rule: Rule, request: web.Request, act: Act) -> web.StreamResponse:
    """Half of the announced body, then the connection ends."""
    answer, body = await _acted(act)
    out = await _started(request, answer, max(len(body), 2))
    await out.write(body[: len(body) // 2] or b"[")
    if request.transport is not None:
        request.transport.close()
    return out


async def _close_idle(_rule: Rule, request: web.Request, act: Act) -> web.StreamResponse:
    """A whole answer that keeps the connection, which ends all the same before the next request."""
    answer, body = await _acted(act)
    sock = request.transport.get_extra_info("socket") if request.transport is not None else None
    if sock is not None and hasattr(socket, "TCP_CORK"):
        # The end travels with the answer, so that no client can send a request before it knows.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    out = await _started(request, answer, len(body))
    await out.write(body)
    await out.write_eof()
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
    return out


async def _invalid_json(_rule: Rule, _request: web.Request, act: Act) -> web.StreamResponse:
    """A complete answer of the right type that is no JSON."""
    answer, body = await _acted(act)
    return web.Response(
        status=answer.status, body=b'{"href": ' + body[: len(body) // 2] + b"<!--", content_type="application/json"
    )


async def _redirect(rule: Rule, _request: web.Request, _act: Act) -> web.StreamResponse:
    """A redirection to `url`; `status` 302 unless it is another 3xx."""
    status = rule.status if 300 <= rule.status < 400 else 302
    return web.Response(status=status, headers={"Location": rule.url})


async def _huge(rule: Rule, request: web.Request, _act: Act) -> web.StreamResponse:
    """A body of `size` bytes without an announced length: a JSON list with nothing but spaces in it."""
    out = web.StreamResponse(headers={"Content-Type": "application/json"})
    if rule.packed:
        out.headers["Content-Encoding"] = "gzip"
    await out.prepare(request)
    for block in _packed(rule.size) if rule.packed else _blank_list(rule.size):
        await out.write(block)
    return out


def _blank_list(size: int) -> Iterator[bytes]:
    yield b"["
    block = b" " * 65536
    for sent in range(0, size - 2, len(block)):
        yield block[: size - 2 - sent]
    yield b"]"


@lru_cache(maxsize=4)
def _packed(size: int) -> list[bytes]:
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)  # with the head and foot of gzip
    return [packed for block in _blank_list(size) if (packed := packer.compress(block))] + [packer.flush()]


_KINDS: dict[str, Callable[[Rule, web.Request, Act], Awaitable[web.StreamResponse]]] = {
    "status": _status,
    "reset_before": _reset_before,
    "reset_after": _reset_after,
    "hang": _hang,
    "slow": _slow,
    "truncate": _truncate,
    "close_idle": _close_idle,
    "invalid_json": _invalid_json,
    "redirect": _redirect,
    "huge": _huge,
}


async def _acted(act: Act) -> tuple[web.Response, bytes]:
    answer = await act()
    if not isinstance(answer, web.Response):
        raise TypeError("only plain answers can be spoilt")
    body = answer.body
    return answer, bytes(body) if isinstance(body, (bytes, bytearray)) else b""


async def _started(request: web.Request, answer: web.Response, length: int) -> web.StreamResponse:
    """An answer like the given one whose headers have been sent and whose body has not."""
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
    out = web.StreamResponse(status=answer.status, headers=headers)
    out.content_length = length
    await out.prepare(request)
    return out


def _reset(request: web.Request) -> web.Response:
    """End the connection by a TCP reset; the response that is returned reaches nobody."""
    transport = request.transport
    if transport is not None:
        sock = transport.get_extra_info("socket")
        if sock is not None:
            # Lingering for zero seconds turns the close into a reset.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=500)
