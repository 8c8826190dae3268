# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which requests were never sent: those that failed while connecting, directly or through a proxy, and no others."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Callable

import pytest

from plugins.module_utils._core.errors import (
    ApiError,
    RequestError,
    UnknownOutcomeError,
    UnreachableError,
    UntrustedError,
)
from plugins.module_utils._http import session
from plugins.module_utils._http.retry import ATTEMPTS

from .clients import Clock, Pki, make
from .loopback import (
    CONNECTED,
    Behaviour,
    Canned,
    Handler,
    Loopback,
    answer_and_hang_up,
    hang_up,
    reset,
    say_nothing,
    serving,
    truncate,
    tunnel,
    tunnel_and_reset,
    write,
)

WRITES = ["PUT", "DELETE"]


def lost(client: Any, method: str) -> RequestError:
    """Return the error of a request whose response is lost, after the checks that hold for all of them."""
    with pytest.raises(RequestError) as caught:
        client.request(method, "/x", body={})
    assert not isinstance(caught.value, (UnreachableError, UntrustedError))
    assert caught.value.changed
    if method == "POST":
        assert isinstance(caught.value, UnknownOutcomeError)
        assert caught.value.may_be_under_way
    else:
        assert "It is unknown whether the change was applied" in str(caught.value)
    return caught.value


def never_sent(client: Any, method: str) -> UnreachableError:
    """Return the error of a request that was never sent, after the checks that hold for all of them."""
    with pytest.raises(UnreachableError) as caught:
        client.request(method, "/x", body={})
    assert not caught.value.changed
    assert "unknown" not in str(caught.value)
    return caught.value


# A response that is lost.


@pytest.mark.parametrize("place", ["option", "environment"])
@pytest.mark.parametrize("tunneling", [tunnel, tunnel_and_reset])
@pytest.mark.parametrize("ending", [hang_up, reset, truncate])
@pytest.mark.parametrize("method", [*WRITES, "POST"])
def test_response_lost_in_a_tunnel_is_unknown(
    tls_server: Loopback,
    pki: Pki,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    ending: Any,
    tunneling: Any,
    place: str,
) -> None:
    """The server carried the request out. urllib3 calls this a ProxyError, as if the proxy could not be reached."""
    tls_server.script = [ending]
    with serving() as proxy:
        proxy.script = [tunneling]
        if place == "environment":
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        options = {"proxy": proxy.url} if place == "option" else {}
        error = lost(make(tls_server.url, clock, ca_path=pki.ca, **options), method)
    assert "broke during" in str(error)
    assert len(tls_server.seen) == (1 if method == "POST" else ATTEMPTS)


@pytest.mark.parametrize("ending", [hang_up, reset, truncate, say_nothing])
@pytest.mark.parametrize("method", [*WRITES, "POST"])
def test_response_lost_by_a_forwarding_proxy_is_unknown(
    server: Loopback, clock: Clock, method: str, ending: Any
) -> None:
    server.script = [ending]
    timeout = 1.0 if ending is say_nothing else 5.0
    lost(make("http://pce.invalid", clock, proxy=server.url, timeout=timeout), method)
    assert len(server.seen) == (1 if method == "POST" else ATTEMPTS)


@pytest.mark.parametrize("ending", [hang_up, reset, truncate])
@pytest.mark.parametrize("method", [*WRITES, "POST"])
def test_response_lost_without_a_proxy_is_unknown(server: Loopback, clock: Clock, method: str, ending: Any) -> None:
    server.script = [ending]
    lost(make(server.url, clock), method)
    assert len(server.seen) == (1 if method == "POST" else ATTEMPTS)


@pytest.mark.parametrize("status", [502, 503, 504])
@pytest.mark.parametrize("method", [*WRITES, "POST"])
def test_gateway_error_of_a_forwarding_proxy_is_unknown(
    server: Loopback, clock: Clock, method: str, status: int
) -> None:
    """A proxy for a plain HTTP server says this of the connect or of the response: the client cannot tell."""
    server.script = [Canned(status, {"Retry-After": "1"})]
    lost(make("http://pce.invalid", clock, proxy=server.url), method)


@pytest.mark.parametrize("status", [403, 407])
@pytest.mark.parametrize("method", [*WRITES, "POST"])
def test_refusal_of_a_forwarding_proxy_is_no_change(server: Loopback, clock: Clock, method: str, status: int) -> None:
    server.script = [Canned(status)]
    with pytest.raises(ApiError) as caught:
        make("http://pce.invalid", clock, proxy=server.url).request(method, "/x", body={})
    assert not caught.value.changed
    assert len(server.seen) == 1


def test_post_answered_429_is_sent_again(server: Loopback, clock: Clock) -> None:
    """Nothing looked at the request, so that nothing is unknown."""
    server.script = [Canned(429, {"Retry-After": "1"}), Canned(201)]
    assert make(server.url, clock).request("POST", "/x", body={}).status == 201


# A connection that never stands.


def _connected_and_cut(handler: Handler) -> None:
    write(CONNECTED)(handler)


def _connected_and_reset(handler: Handler) -> None:
    write(CONNECTED, reset)(handler)


@pytest.mark.parametrize(
    "behaviour",
    [Canned(502), Canned(503), Canned(504), hang_up, reset, write(b"junk\r\n\r\n"), write(b"HTTP/1.1 2")]
    + [_connected_and_cut, _connected_and_reset],
    ids=["502", "503", "504", "fin", "rst", "junk", "half a line", "fin before TLS", "rst before TLS"],
)
@pytest.mark.parametrize("method", [*WRITES, "POST", "GET"])
def test_failed_connect_of_a_proxy_was_never_sent(
    server: Loopback, clock: Clock, method: str, behaviour: Behaviour
) -> None:
    server.script = [behaviour]
    never_sent(make("https://pce.invalid", clock, proxy=server.url), method)
    assert [seen.method for seen in server.seen] == ["CONNECT"] * ATTEMPTS


@pytest.mark.parametrize("method", [*WRITES, "POST"])
def test_silent_proxy_was_never_sent(server: Loopback, clock: Clock, method: str) -> None:
    server.script = [say_nothing]
    error = never_sent(make("https://pce.invalid", clock, proxy=server.url, timeout=0.1), method)
    assert "the proxy did not connect to the PCE at pce.invalid: no answer in time; see proxy" in str(error)


@pytest.mark.parametrize("method", [*WRITES, "POST"])
def test_cut_tls_handshake_was_never_sent(tls_server: Loopback, pki: Pki, clock: Clock, method: str) -> None:
    tls_server.cut_handshakes = ATTEMPTS
    error = never_sent(make(tls_server.url, clock, ca_path=pki.ca), method)
    assert "cannot be reached" in str(error)
    assert tls_server.connections == ATTEMPTS


def test_post_after_a_failed_connect_is_sent_once(tls_server: Loopback, pki: Pki, clock: Clock) -> None:
    with serving() as proxy:
        proxy.script = [Canned(503), hang_up, tunnel]
        client = make(tls_server.url, clock, ca_path=pki.ca, proxy=proxy.url)
        assert client.request("POST", "/x", body={}).status == 200
    assert len(tls_server.seen) == 1


def test_untrusted_target_of_a_tunnel_is_no_fault_of_the_proxy(tls_server: Loopback, pki: Pki, clock: Clock) -> None:
    with serving() as proxy:
        proxy.script = [tunnel]
        with pytest.raises(UntrustedError, match="set ca_path to a PEM file with the CA to trust"):
            make(tls_server.url, clock, ca_path=pki.other_ca, proxy=proxy.url).request("POST", "/x", body={})
    assert tls_server.seen == []


def test_untrusted_proxy_is_reported_as_the_proxy(tls_server: Loopback, pki: Pki, clock: Clock) -> None:
    error = never_sent(make("https://pce.invalid", clock, ca_path=pki.other_ca, proxy=tls_server.url), "POST")
    assert "the proxy did not connect to the PCE at pce.invalid" in str(error)
    assert tls_server.seen == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=str)
@pytest.mark.parametrize("shown", [False, True], ids=["no certificate", "foreign certificate"])
@pytest.mark.parametrize("through_proxy", [False, True])
@pytest.mark.parametrize("method", [*WRITES, "POST"])
def test_refused_client_certificate_is_no_change(
    pki: Pki,
    clock: Clock,
    tmp_path: Path,
    method: str,
    through_proxy: bool,
    shown: bool,
    version: ssl.TLSVersion,
) -> None:
    """With TLS 1.3 the refusal comes when the request is written already; the server has not looked at it."""
    options: dict[str, Any] = {"ca_path": pki.ca}
    if shown:
        both = pki.other_authority.issue_cert("client").private_key_and_cert_chain_pem
        both.write_to_path(str(tmp_path / "both.pem"))
        options["client_cert"] = str(tmp_path / "both.pem")
    context = pki.context()
    context.minimum_version = context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    pki.authority.configure_trust(context)
    with serving(context) as server, serving() as proxy:
        proxy.script = [tunnel]
        if through_proxy:
            options["proxy"] = proxy.url
        with pytest.raises(UntrustedError) as caught:
            make(server.url, clock, **options).request(method, "/x", body={})
        assert not caught.value.changed
        assert server.seen == []
        assert server.connections == 1


# A connection that was kept.


@pytest.mark.parametrize("tls", [False, True])
def test_post_after_an_idle_connection_closed_is_sent_once(clock: Clock, pki: Pki, tls: bool) -> None:
    with serving(pki.context() if tls else None) as server:
        server.script = [answer_and_hang_up, Canned(201)]
        client = make(server.url, clock, ca_path=pki.ca)
        client.get("/x")
        assert server.hung_up.wait(10)
        assert client.request("POST", "/x", body={}).status == 201
        assert [seen.method for seen in server.seen] == ["GET", "POST"]
        assert server.connections == 2


def test_kept_connection_that_ends_with_the_post_is_unknown(server: Loopback, clock: Clock) -> None:
    """Whether the server closed it before or after it read the request cannot be told."""
    server.script = [Canned(), hang_up]
    client = make(server.url, clock)
    client.get("/x")
    lost(client, "POST")
    assert server.connections == 1
    assert [seen.method for seen in server.seen] == ["GET", "POST"]


@pytest.mark.parametrize(("method", "connections"), [("POST", 2), ("GET", 1), ("PUT", 1), ("DELETE", 1)])
def test_post_takes_no_connection_that_was_idle_for_long(
    server: Loopback, clock: Clock, monkeypatch: pytest.MonkeyPatch, method: str, connections: int
) -> None:
    client = make(server.url, clock)
    client.get("/x")
    monkeypatch.setattr(session, "MAX_IDLE_SECONDS", -1.0)
    client.request(method, "/x")
    assert server.connections == connections


# Interim responses.

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"


@pytest.mark.parametrize(
    "interim", [HINTS, HINTS * 3, b"HTTP/1.1 100 Continue\r\n\r\n" + HINTS, b"HTTP/1.1 102 x\r\n\r\n"]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_interim_response_is_skipped(server: Loopback, clock: Clock, method: str, interim: bytes) -> None:
    server.script = [write(interim, Canned(201, {}, b'{"a": 1}')), Canned()]
    client = make(server.url, clock)
    response = client.request(method, "/x")
    assert (response.status, response.json(), response.header("Link")) == (201, {"a": 1}, None)
    client.get("/y")
    assert server.connections == 1


def test_interim_response_to_a_connect_is_skipped(tls_server: Loopback, pki: Pki, clock: Clock) -> None:
    with serving() as proxy:
        proxy.script = [write(HINTS, tunnel)]
        assert make(tls_server.url, clock, ca_path=pki.ca, proxy=proxy.url).get("/x").status == 200


@pytest.mark.parametrize("ending", [hang_up, reset])
def test_end_after_an_interim_response_is_unknown(
    server: Loopback, clock: Clock, ending: Callable[[Handler], None]
) -> None:
    server.script = [write(HINTS, ending)]
    lost(make(server.url, clock), "POST")
    assert len(server.seen) == 1


def test_switching_protocols_is_no_interim_response(server: Loopback, clock: Clock) -> None:
    server.script = [write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")]
    with pytest.raises(ApiError, match="answered 101"):
        make(server.url, clock).get("/x")
