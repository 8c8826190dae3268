# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server on loopback that misbehaves as it is told."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Union
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Canned:
    """An answer of the server."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"


@dataclass(frozen=True)
class Seen:
    """A request as it arrived; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Behaviour = Union[Canned, Callable[["Handler"], None]]


class Handler(BaseHTTPRequestHandler):
    """Records a request and behaves as the server's script says; its last line is said again and again."""

    protocol_version = "HTTP/1.1"
    server: Loopback
    received: Seen

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.received = Seen(self.command, self.path, headers, body)
        with self.server.guard:
            self.server.seen.append(self.received)
            script = self.server.script
            behaviour = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(behaviour, Canned):
            self.answer(behaviour)
        else:
            behaviour(self)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_CONNECT = _serve  # noqa: N815  # http.server's names

    def answer(self, canned: Canned) -> None:
        """Send an answer in good order."""
        self.send_response(canned.status)
        body = b"" if canned.status == 204 else canned.body
        for name, value in {"Content-Length": str(len(body)), **canned.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


class Loopback(ThreadingHTTPServer):
    """The server. ``script`` says what it does, ``seen`` what it got, ``connections`` how many were made to it;
    as many as ``cut_handshakes`` says are closed as soon as TLS begins.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Behaviour] = [Canned()]
        self.seen: list[Seen] = []
        self.connections = 0
        self.cut_handshakes = 0
        self.guard = threading.Lock()
        self.stopping = threading.Event()
        self.hung_up = threading.Event()
        self.resets: list[socket.socket] = []
        self._context = context
        self.address = f"127.0.0.1:{self.server_address[1]}"
        self.url = f"{'https' if context else 'http'}://{self.address}"

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.connections += 1
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.cut_handshakes:
            self.cut_handshakes -= 1
            connection.recv(1)
            connection.shutdown(socket.SHUT_RDWR)
        elif self._context is not None:  # the handshake is the handler thread's, on its first read
            connection = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        if any(request is connection for connection in self.resets):
            self.close_request(request)  # without the FIN of an orderly end
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that break: breaking them is what the tests are for."""


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Loopback]:
    """Run a server for a while."""
    server = Loopback(context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# Behaviours.


def hang_up(handler: Handler) -> None:
    """Close the connection without an answer."""
    handler.close_connection = True
    with suppress(OSError):
        handler.connection.shutdown(socket.SHUT_RDWR)
    handler.server.hung_up.set()


def reset(handler: Handler) -> None:
    """End the connection without an answer, and with an RST."""
    handler.close_connection = True
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.server.resets.append(handler.connection)


def answer_and_hang_up(handler: Handler) -> None:
    """Answer as if the connection were kept, and close it while it is idle."""
    handler.answer(Canned())
    hang_up(handler)


def write(data: bytes, and_then: Behaviour | None = None) -> Callable[[Handler], None]:
    """Return a behaviour that sends these bytes, which need not be HTTP, and goes on."""

    def behave(handler: Handler) -> None:
        handler.wfile.write(data)
        handler.wfile.flush()
        if isinstance(and_then, Canned):
            handler.answer(and_then)
        else:
            (and_then or hang_up)(handler)

    return behave


def truncate(handler: Handler) -> None:
    """Promise more than is sent."""
    handler.answer(Canned(headers={"Content-Length": "1000"}, body=b'{"half'))
    hang_up(handler)


def garble(handler: Handler) -> None:
    """Take the request, and answer with a TLS record that cannot be decrypted."""
    os.write(handler.connection.fileno(), b"\x17\x03\x03\x00\x40" + b"x" * 64)
    handler.close_connection = True


def garble_body(handler: Handler) -> None:
    """Begin an answer in good order, and go on with a TLS record that cannot be decrypted."""
    handler.answer(Canned(headers={"Content-Length": "1000"}, body=b'{"half'))
    garble(handler)


def say_nothing(handler: Handler) -> None:
    """Take the request and never answer."""
    handler.server.stopping.wait(30)
    handler.close_connection = True


def drip(handler: Handler) -> None:
    """Answer a byte at a time, for ever, so that no timeout of a socket ever passes."""
    handler.answer(Canned(headers={"Content-Length": "1000000"}, body=b""))
    while not handler.server.stopping.wait(0.02):
        try:
            handler.wfile.write(b" ")
        except OSError:
            break
    handler.close_connection = True


CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def tunnel(handler: Handler, ending: Callable[[Handler], None] | None = None, target_address: str = "") -> None:
    """Do what a proxy does: connect, and pass on what comes from either side, until the target ends.

    The target is ``target_address``, host and port, where that is set.
    """
    host, _colon, port = (target_address or handler.path).rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as target:
        handler.wfile.write(CONNECTED)

        def carry(source: socket.socket, sink: socket.socket) -> None:
            with suppress(OSError):
                while data := source.recv(65536):
                    sink.sendall(data)
            with suppress(OSError):
                if ending is None or sink is target:
                    sink.shutdown(socket.SHUT_WR)
                else:
                    handler.connection.shutdown(socket.SHUT_RD)

        answers = threading.Thread(target=carry, args=(target, handler.connection), daemon=True)
        answers.start()
        carry(handler.connection, target)
        answers.join(10)
    handler.close_connection = True
    if ending is not None:
        ending(handler)


def tunnel_and_reset(handler: Handler) -> None:
    """Do what a proxy does, and end with an RST when the target ends."""
    tunnel(handler, reset)


def forward(handler: Handler) -> None:
    """Do what a proxy does for HTTP without TLS: pass on the request, and answer 502 where no whole answer comes."""
    parts, received = urlsplit(handler.path), handler.received
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    headers = {name: value for name, value in received.headers.items() if not name.startswith("proxy-")}
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request(received.method, target, received.body, headers)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException):
        handler.answer(Canned(502, {"Content-Type": "text/html"}, b"<html><h1>502 Bad Gateway</h1></html>"))
        return
    finally:
        connection.close()
    kept = {name: value for name, value in response.getheaders() if name.lower() not in _OF_ONE_CONNECTION}
    handler.answer(Canned(response.status, kept, body))


_OF_ONE_CONNECTION = ("connection", "content-length", "transfer-encoding", "server", "date")


@contextmanager
def proxying() -> Iterator[Loopback]:
    """Run a proxy for a while."""
    with serving() as server:
        server.script = [tunnel]
        yield server
