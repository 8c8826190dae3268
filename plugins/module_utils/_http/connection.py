# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections that report to their exchange how far a request came, for urllib3 1.26 and 2."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from .exchange import current_exchange
from .library import (
    HTTPAdapter,
    HTTPConnection,
    HTTPConnectionPool,
    HTTPResponse,
    HTTPSConnection,
    HTTPSConnectionPool,
    parse_headers,
)

_SWITCHING_PROTOCOLS = 101


class _FinalResponse(HTTPResponse):
    """A response that skips all interim ones before it, such as 103; http.client skips 100 alone."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            line: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            if not 100 <= line[1] < 200 or line[1] == _SWITCHING_PROTOCOLS:
                return line
            parse_headers(self.fp)


class _ReportingConnection:
    """What HTTP and HTTPS connections have in common. All of it runs in the thread of an exchange."""

    response_class: Any = _FinalResponse
    auto_open: int
    sock: Any
    _is_connecting = False

    def connect(self) -> None:
        current_exchange().begin_connecting()
        self._is_connecting = True
        try:
            super().connect()  # type: ignore[misc]
        finally:
            self._is_connecting = False

    def _new_conn(self) -> Any:
        connection = super()._new_conn()  # type: ignore[misc]
        current_exchange().use_socket(connection.fileno())
        return connection

    def _tunnel(self) -> None:
        super()._tunnel()  # type: ignore[misc]
        current_exchange().has_passed_proxy = True

    def send(self, data: Any) -> None:
        if self.sock is None and self.auto_open:
            self.connect()
        if not self._is_connecting and self.sock is not None:  # while connecting, it is the CONNECT for a proxy
            current_exchange().use_socket(self.sock.fileno())
            current_exchange().begin_sending()
        try:
            super().send(data)  # type: ignore[misc]
        except OSError as error:
            if not isinstance(error, socket.timeout):
                self._raise_alert()
            raise

    def _raise_alert(self) -> None:
        """Raise the TLS alert that the server sent before it closed the connection, if there is one.

        With TLS 1.3 that is how it refuses a client certificate. If the request is written too late to be sent, only
        reading tells why.
        """
        if isinstance(self.sock, ssl.SSLSocket):
            self.sock.recv(1)


class _Connection(_ReportingConnection, HTTPConnection):
    pass


class _TlsConnection(_ReportingConnection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}


class ReportingAdapter(HTTPAdapter):
    """Gives a session of requests such connections, directly and through a proxy."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*arguments, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager
