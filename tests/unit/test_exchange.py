# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An exchange ends with the deadline, wherever it hangs, and leaves nothing behind."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable

import pytest

from plugins.module_utils._core.errors import DeadlineError, OptionError, RequestError, UnreachableError
from plugins.module_utils._http.exchange import AbortedError, Exchange, LateError

from .clients import Clock, Pki, make, make_timed
from .loopback import Canned, Loopback, drip, hang_up, say_nothing, serving, write

PATIENCE = 60.0
"""Seconds that no wait of these tests takes; each ends with an event that comes much sooner."""

LOOKS = 6000


def exchanges() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if isinstance(thread, Exchange)]


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds. Raise AssertionError if it never does."""
    for _look in range(LOOKS):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError(f"{condition} does not hold")


@contextmanager
def listening() -> Iterator[str]:
    """Give the address of a server that accepts connections and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def endless(data: bytes) -> Callable[[Any], None]:
    """Return a behaviour that sends these bytes again and again, so that no timeout of a socket passes."""

    def behave(handler: Any) -> None:
        handler.close_connection = True
        while not handler.server.stopping.wait(0.01):
            try:
                handler.wfile.write(data)
            except OSError:
                break

    return behave


INTERIM = b"HTTP/1.1 103 Early Hints\r\n\r\n"


@pytest.mark.parametrize(
    "behaviour",
    [say_nothing, drip, endless(INTERIM), write(b"HTTP/1.1 200 OK\r\n", endless(b"X: y\r\n"))],
    ids=["silence", "drip", "endless interim responses", "drip of headers"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_deadline_ends_the_thread_of_a_hanging_exchange(server: Loopback, behaviour: Any, method: str) -> None:
    server.script = [behaviour]
    with pytest.raises(RequestError):
        make_timed(server.url, deadline=0.3).request(method, "/x")
    wait_until(lambda: exchanges() == [])
    assert not server.stopping.is_set()


@pytest.mark.parametrize("place", ["handshake", "proxy"])
def test_deadline_ends_the_thread_while_connecting(place: str) -> None:
    with listening() as address:
        options = {"proxy": f"http://{address}"} if place == "proxy" else {}
        url = "https://pce.invalid" if place == "proxy" else f"https://{address}"
        with pytest.raises((DeadlineError, UnreachableError)) as caught:
            make_timed(url, deadline=0.3, **options).request("POST", "/x", body={})
        assert not caught.value.changed
        wait_until(lambda: exchanges() == [])


def test_drip_of_a_proxy_ends_with_the_deadline_never_sent() -> None:
    with serving() as proxy:
        proxy.script = [write(b"HTTP/1.1 200 OK\r\n", endless(b"X: y\r\n"))]
        with pytest.raises(DeadlineError) as caught:
            make_timed("https://pce.invalid", deadline=0.3, proxy=proxy.url).request("POST", "/x", body={})
        assert not caught.value.sent
        assert not caught.value.changed
        wait_until(lambda: exchanges() == [])


@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
def test_nothing_is_sent_after_the_deadline(server: Loopback, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """A name lookup that hangs cannot be ended; its request must not leave when it answers at last."""
    resolved, resolve = threading.Event(), socket.getaddrinfo

    def hang(*arguments: Any, **options: Any) -> Any:
        assert resolved.wait(PATIENCE)
        return resolve(*arguments, **options)

    monkeypatch.setattr("socket.getaddrinfo", hang)
    with pytest.raises(DeadlineError, match="did not answer") as caught:
        make_timed(server.url, deadline=0.2).request(method, "/x", body={})
    assert not caught.value.sent
    assert not caught.value.changed
    assert exchanges() != []
    resolved.set()
    wait_until(lambda: exchanges() == [])
    assert server.seen == []


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_deadline_after_the_request_left_is_unknown(server: Loopback, method: str) -> None:
    server.script = [drip]
    with pytest.raises(DeadlineError) as caught:
        make_timed(server.url, deadline=1.5).request(method, "/x", body={})
    assert caught.value.sent
    assert caught.value.changed


def test_interrupted_wait_ends_the_exchange(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ansible ends a task by an exception out of a signal handler, in the thread that waits."""
    server.script = [say_nothing]

    def interrupted(self: threading.Thread, _seconds: float | None = None) -> None:
        wait_until(lambda: server.seen != [])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Exchange, "join", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make_timed(server.url).get("/x")
    wait_until(lambda: exchanges() == [])


def test_close_ends_a_request_of_another_thread(server: Loopback) -> None:
    server.script = [say_nothing]
    client = make_timed(server.url, timeout=PATIENCE * 2, deadline=PATIENCE * 4)
    failures: list[Exception] = []

    def request() -> None:
        try:
            client.request("POST", "/x", body={})
        except RequestError as error:
            failures.append(error)

    thread = threading.Thread(target=request)
    thread.start()
    wait_until(lambda: server.seen != [])
    client.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert [error.changed for error in failures if isinstance(error, RequestError)] == [True]
    wait_until(lambda: exchanges() == [])


def test_closed_client_sends_nothing(server: Loopback, clock: Clock) -> None:
    with make(server.url, clock) as client:
        client.get("/x")
    client.close()
    with pytest.raises(UnreachableError, match=r"^POST /y was not sent: the client is closed$") as caught:
        client.request("POST", "/y", body={})
    assert not caught.value.changed
    assert len(server.seen) == 1
    assert clock.slept == []


@pytest.mark.parametrize("tls", [False, True])
def test_many_clients_leave_no_thread_and_no_descriptor(pki: Pki, clock: Clock, tls: bool) -> None:
    behaviours: list[Any] = [Canned(200), Canned(204), Canned(404), hang_up, write(b"junk\r\n\r\n")]
    with serving(pki.context() if tls else None) as server:
        before = descriptors()
        for _round in range(8):
            for behaviour in behaviours:
                server.script = [behaviour]
                with make(server.url, clock, ca_path=pki.ca, deadline=10000.0) as client:
                    for method in ("GET", "POST"):
                        with (
                            pytest.raises(RequestError)
                            if behaviour.__class__ is not Canned or behaviour.status == 404
                            else _nothing()
                        ):
                            client.request(method, "/x", body={})
        wait_until(lambda: exchanges() == [])
        # Those of the server are closed by threads of their own.
        wait_until(lambda: descriptors() <= before)


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def test_exchange_that_was_aborted_sends_and_reads_nothing() -> None:
    started, seen = threading.Event(), []

    def work(exchange: Exchange[str]) -> str:
        started.set()
        while True:
            for step in (exchange.ensure_running, exchange.begin_connecting, exchange.begin_sending):
                try:
                    step()
                except AbortedError:
                    seen.append(step.__name__)
            if len(seen) >= 3:
                return "late"

    exchange = Exchange(work)
    with pytest.raises(LateError):
        exchange.wait(0.05)
    exchange.join(PATIENCE)
    assert {*seen} == {"ensure_running", "begin_connecting", "begin_sending"}


# Files that hang, or are none.


@pytest.mark.parametrize("option", ["ca_path", "client_cert", "client_key"])
@pytest.mark.parametrize("kind", ["fifo", "directory", "device"])
def test_file_option_must_be_a_regular_file(pki: Pki, clock: Clock, tmp_path: Path, option: str, kind: str) -> None:
    path = tmp_path / "file"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    options = {"client_cert": pki.ca, option: str(path)}
    with pytest.raises(OptionError, match=f"^{option}: {path} is not a regular file$"):
        make("https://pce.invalid", clock, **options)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_ca_bundle_of_the_environment_must_be_no_fifo(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.setenv(name, str(tmp_path / "fifo"))
    with pytest.raises(OptionError, match=f"^ca_path: is not set, and {name} names a file that cannot be read$"):
        make("https://pce.invalid", clock)
    monkeypatch.setenv(name, str(tmp_path))  # a directory of CAs
    make("https://pce.invalid", clock)
