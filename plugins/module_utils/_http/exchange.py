# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One exchange with a server, in a thread of its own, so that a deadline can end it wherever it hangs."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from typing import Callable, Generic, TypeVar, cast

Result = TypeVar("Result")


class AbortedError(Exception):
    """The exchange was aborted, so that nothing more may be sent or read."""

    def __init__(self) -> None:
        super().__init__("the client was closed")


class LateError(Exception):
    """An exchange did not end in time. ``is_sent`` is False if the request was never sent, and never will be."""

    def __init__(self, is_sent: bool) -> None:
        self.is_sent = is_sent
        super().__init__()


class Exchange(threading.Thread, Generic[Result]):
    """The thread that sends one request and reads its response, and how far it has come.

    The timeouts of a socket begin anew with every byte, and a name lookup has none, so that only a second thread can
    hold a deadline against a server that sends one byte at a time. The connections report their progress here. A
    request counts as never sent only if its exchange ended while ``is_connecting``.
    """

    def __init__(self, work: Callable[[Exchange[Result]], Result]) -> None:
        super().__init__(daemon=True, name="microseg.enforcement exchange")
        self.is_connecting = False
        self.has_passed_proxy = False
        self.is_sent = False
        self._work = work
        self._lock = threading.Lock()
        self._is_aborted = False
        self._socket: socket.socket | None = None
        self._results: list[Result] = []
        self._failures: list[Exception] = []

    def wait(self, seconds: float) -> Result:
        """Run, and return the result. Raise LateError after ``seconds``; nothing more is sent or read then."""
        try:
            self.start()
            self.join(seconds)
            is_late = self.is_alive()
        finally:
            self.abort()
        if is_late:
            raise LateError(self.is_sent)
        if self._failures:
            raise self._failures.pop()
        return self._results.pop()

    def run(self) -> None:
        try:
            self._results.append(self._work(self))
        except Exception as error:  # raised again by the waiting thread
            self._failures.append(error)
        finally:
            self._close_socket()

    def abort(self) -> None:
        """End the exchange if it still runs: its connection is shut down, so that the thread ends too."""
        with self._lock:
            self._is_aborted = True
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)

    def ensure_running(self) -> None:
        """Raise AbortedError if the exchange was aborted."""
        if self._is_aborted:
            raise AbortedError

    def begin_connecting(self) -> None:
        """Note that a connection is being made: TCP, the CONNECT of a proxy, TLS."""
        self.ensure_running()
        self.is_connecting = True

    def use_socket(self, fileno: int) -> None:
        """Store a second handle of a connection, by which ``abort`` can shut it down, also in the middle of TLS."""
        self._close_socket()
        with self._lock, suppress(OSError):
            self.ensure_running()
            self._socket = socket.socket(fileno=os.dup(fileno))

    def begin_sending(self) -> None:
        """Note that the request leaves: from here on the server may act on it. Raise AbortedError if it must not."""
        with self._lock:
            self.ensure_running()
            self.is_connecting = False
            self.is_sent = True

    def _close_socket(self) -> None:
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None


def current_exchange() -> Exchange[object]:
    """Return the exchange that the current thread runs."""
    return cast("Exchange[object]", threading.current_thread())
