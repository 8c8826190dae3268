"""The network of a module, at its lowest: what would go into a socket is recorded and answered here.

All of requests, urllib3 and http.client is at work, so a request line is the one that a server would get, and an
answer's bytes are parsed as those of a server. Only TLS and the socket itself are left out.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable
from unittest import mock

import urllib3.connection


@dataclass(frozen=True)
class Sent:
    """A request as it left: ``host`` and ``port`` of whom it was for, the raw ``target`` of its first line."""

    host: str
    port: int
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


Answer = Callable[[Sent], bytes]
"""What gives the whole bytes of an answer, from the status line on."""


class _Socket:
    """As much of a socket as http.client uses."""

    def __init__(self, answer: Answer, host: str, port: int) -> None:
        self._answer = answer
        self._to = (host, port)
        self._sent = bytearray()

    def sendall(self, data: bytes) -> None:
        self._sent += data

    def makefile(self, _mode: str, *_rest: Any) -> io.BytesIO:
        raw, self._sent = bytes(self._sent), bytearray()
        return io.BytesIO(self._answer(_parsed(raw, *self._to)))

    def fileno(self) -> int:
        return -1

    def settimeout(self, _seconds: float | None) -> None:
        pass

    def shutdown(self, _how: int) -> None:
        pass

    def close(self) -> None:
        pass


def _parsed(raw: bytes, host: str, port: int) -> Sent:
    head, _mark, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    method, target, version = first.decode("latin-1").split(" ")  # a space in a target would be a request of its own
    assert version == "HTTP/1.1", first
    parts = (line.decode("latin-1").partition(": ") for line in lines)
    headers = tuple((name, value) for name, _colon, value in parts)
    return Sent(host, port, method, target, headers, body)


@contextmanager
def connected(answer: Answer) -> Iterator[None]:
    """Let every connection of this process lead to ``answer``."""

    def connect(connection: Any) -> None:
        tunnelled = getattr(connection, "_tunnel_host", None)
        host = tunnelled or connection.host
        port = (connection._tunnel_port if tunnelled else connection.port) or 443
        connection.sock = _Socket(answer, host, port)
        connection.is_verified = True

    with (
        mock.patch.object(urllib3.connection.HTTPSConnection, "connect", connect),
        mock.patch.object(urllib3.connection.HTTPConnection, "connect", connect),
    ):
        yield


def response(status: int, headers: list[tuple[str, str]], body: bytes) -> bytes:
    """Return an answer's bytes. A header may be anything that fits into a line."""
    lines = [f"HTTP/1.1 {status} x", "Connection: close", *[f"{name}: {value}" for name, value in headers]]
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body
