# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transport, against real sockets on loopback."""

from __future__ import annotations

import base64
import gzip
import importlib.util
import json
import re
import socket
import ssl
import sys
import threading
import warnings
from email.utils import formatdate
from http.client import BadStatusLine
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import serialization

from plugins.module_utils._core.errors import (
    ApiError,
    CollectionError,
    ContractError,
    DeadlineError,
    MissingLibraryError,
    OptionError,
    RequestError,
    UnknownOutcomeError,
    UnreachableError,
    UntrustedError,
)
from plugins.module_utils._core.text import one_line
from plugins.module_utils._http import body as body_module
from plugins.module_utils._http import failures, library, session
from plugins.module_utils._http.client import HttpClient
from plugins.module_utils._http.endpoint import Endpoint
from plugins.module_utils._http.retry import ATTEMPTS

from .clients import NOW, Clock, Pki, make, make_timed
from .loopback import Canned, Loopback, closed_port, drip, garble, garble_body, hang_up, say_nothing, serving, truncate

REPEATABLE = ["GET", "PUT", "DELETE"]


def test_request_and_answer(server: Loopback, clock: Clock) -> None:
    server.script = [Canned(201, {"X-Request-Id": "r1"}, b'{"a": 1}')]
    client = make(f"{server.url}/api/v2", clock)
    answer = client.request(
        "POST", "/orgs/1/labels", {"name": "a b&c", "x": "ü"}, {"b": "ü"}, {"Prefer": "respond-async"}
    )
    assert (answer.status, answer.json(), answer.request_id) == (201, {"a": 1}, "r1")
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/api/v2/orgs/1/labels?name=a+b%26c&x=%C3%BC")
    assert json.loads(seen.body) == {"b": "ü"}
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["accept"] == "application/json"
    assert seen.headers["user-agent"] == "microseg.enforcement"
    assert seen.headers["prefer"] == "respond-async"
    assert seen.headers["authorization"] == "Basic " + base64.b64encode(b"api_1:s3cret").decode()
    assert clock.slept == []


def test_empty_object_is_a_body_and_none_is_not(server: Loopback, clock: Clock) -> None:
    client = make(server.url, clock)
    client.request("POST", "/", body={})
    client.get("/")
    assert [seen.body for seen in server.seen] == [b"{}", b""]
    assert "content-type" not in server.seen[1].headers


# Which requests are sent again.


@pytest.mark.parametrize("status", [502, 503, 504])
@pytest.mark.parametrize("method", REPEATABLE)
def test_gateway_error_is_tried_again(server: Loopback, clock: Clock, method: str, status: int) -> None:
    server.script = [Canned(status), Canned(200)]
    assert make(server.url, clock).request(method, "/x").status == 200
    assert len(server.seen) == 2
    assert len(clock.slept) == 1


@pytest.mark.parametrize("method", REPEATABLE)
def test_gateway_error_each_time_fails(server: Loopback, clock: Clock, method: str) -> None:
    server.script = [Canned(503, body=b"<title>Maintenance</title>")]
    with pytest.raises(ApiError, match=f"the PCE answered 503 to {method} /x: Maintenance"):
        make(server.url, clock).request(method, "/x")
    assert len(server.seen) == ATTEMPTS == 4
    assert [0.3 < slept < 3 for slept in clock.slept] == [True] * 3
    assert clock.slept == sorted(clock.slept)


@pytest.mark.parametrize("status", [304, 400, 401, 403, 404, 405, 406, 408, 409, 500, 501, 505])
@pytest.mark.parametrize("method", REPEATABLE)
def test_other_errors_are_final(server: Loopback, clock: Clock, method: str, status: int) -> None:
    server.script = [Canned(status, body=b"" if status == 304 else b"{}")]
    with pytest.raises(ApiError) as caught:
        make(server.url, clock).request(method, "/x")
    assert caught.value.status == status
    assert len(server.seen) == 1
    assert clock.slept == []


@pytest.mark.parametrize("method", [*REPEATABLE, "POST"])
def test_rate_limit_is_waited_out_until_the_deadline(server: Loopback, clock: Clock, method: str) -> None:
    server.script = [*[Canned(429)] * (ATTEMPTS + 2), Canned(200)]
    assert make(server.url, clock).request(method, "/x").status == 200
    assert len(server.seen) == ATTEMPTS + 3


def test_rate_limit_beyond_the_deadline_raises_deadline_error(server: Loopback, clock: Clock) -> None:
    server.script = [Canned(429, {"Retry-After": "20"}, b'[{"token": "too_many", "message": "slow down"}]')]
    with pytest.raises(DeadlineError) as caught:
        make(server.url, clock, deadline=50.0).request("POST", "/x")
    assert str(caught.value) == (
        "the PCE answered 429 to POST /x: too_many (slow down) "
        "(gave up: waiting 20 s more would pass the deadline of 50 s)"
    )
    assert [20 <= slept <= 20.5 for slept in clock.slept] == [True, True]
    assert caught.value.details() == {"method": "POST", "path": "/x"}


@pytest.mark.parametrize(
    ("status", "may_be_under_way"),
    # A gateway answers these, and the server behind it may still be working on the request.
    [(500, False), (505, False), (502, True), (503, True), (504, True)],
)
def test_post_answered_by_a_server_error_is_unknown(
    server: Loopback, clock: Clock, status: int, may_be_under_way: bool
) -> None:
    server.script = [Canned(status)]
    with pytest.raises(UnknownOutcomeError) as caught:
        make(server.url, clock).request("POST", "/x", body={})
    assert caught.value.may_be_under_way is may_be_under_way
    assert caught.value.changed
    assert isinstance(caught.value.cause, ApiError)
    assert caught.value.details()["status"] == status
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 406, 501])
def test_post_refused_is_final(server: Loopback, clock: Clock, status: int) -> None:
    server.script = [Canned(status)]
    with pytest.raises(ApiError):
        make(server.url, clock).request("POST", "/x", body={})
    assert len(server.seen) == 1


@pytest.mark.parametrize("method", REPEATABLE)
@pytest.mark.parametrize("behaviour", [hang_up, truncate])
def test_broken_connection_is_repeated(server: Loopback, clock: Clock, method: str, behaviour: Any) -> None:
    server.script = [behaviour, Canned(200)]
    assert make(server.url, clock).request(method, "/x").status == 200
    assert len(server.seen) == 2


@pytest.mark.parametrize("behaviour", [hang_up, truncate])
def test_connection_broken_each_time_fails(server: Loopback, clock: Clock, behaviour: Any) -> None:
    server.script = [behaviour]
    with pytest.raises(
        RequestError, match=f"the connection to the PCE at {server.address} broke during GET /x"
    ) as caught:
        make(server.url, clock).get("/x")
    assert caught.type is RequestError
    assert len(server.seen) == ATTEMPTS


@pytest.mark.parametrize("behaviour", [hang_up, truncate])
def test_post_on_a_broken_connection_is_unknown(server: Loopback, clock: Clock, behaviour: Any) -> None:
    server.script = [behaviour]
    with pytest.raises(UnknownOutcomeError) as caught:
        make(server.url, clock).request("POST", "/x", body={})
    assert caught.value.may_be_under_way
    assert len(server.seen) == 1
    assert clock.slept == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_refused_connection_is_unreachable(clock: Clock, method: str) -> None:
    port = closed_port()
    with pytest.raises(UnreachableError) as caught:
        make(f"http://127.0.0.1:{port}", clock).request(method, "/x")
    assert str(caught.value) == (
        f"the PCE at 127.0.0.1:{port} cannot be reached: Connection refused; see pce_host and pce_port"
    )
    assert len(clock.slept) == ATTEMPTS - 1


@pytest.mark.parametrize(
    ("method", "kind", "times"), [("GET", RequestError, ATTEMPTS), ("POST", UnknownOutcomeError, 1)]
)
def test_request_without_response_in_time_fails(
    server: Loopback, clock: Clock, method: str, kind: type[RequestError], times: int
) -> None:
    server.script = [say_nothing]
    with pytest.raises(kind, match=r"broke during .* /x: no answer in time") as caught:
        make(server.url, clock, timeout=0.05).request(method, "/x")
    assert caught.type is kind
    assert len(server.seen) == times


# How long is waited.


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (formatdate(NOW + 9, usegmt=True), 9.0),
        ("0", 0.5),
        (formatdate(NOW - 9, usegmt=True), 0.5),
        ("86400", 60.0),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after(server: Loopback, clock: Clock, status: int, value: str, seconds: float) -> None:
    server.script = [Canned(status, {"retry-after": value}), Canned()]
    make(server.url, clock).get("/x")
    (slept,) = clock.slept
    # Runs that share an API key spread after a 429; a server that is restarted says when it is ready.
    assert slept - seconds <= (0.5 if status == 429 else 0)
    assert slept >= seconds


def test_retry_after_in_no_known_form(server: Loopback, clock: Clock) -> None:
    server.script = [Canned(429, {"Retry-After": "soon"}), Canned()]
    make(server.url, clock).get("/x")
    assert 0.375 <= clock.slept[0] <= 0.625


def test_the_deadline_is_for_all_requests_together(server: Loopback, clock: Clock) -> None:
    client = make(server.url, clock, deadline=10.0)
    client.get("/x")
    clock.time = 10.0
    with pytest.raises(DeadlineError, match="did not answer GET /y within the deadline of 10 s") as caught:
        client.get("/y")
    assert not caught.value.sent
    assert len(server.seen) == 1


@pytest.mark.parametrize("behaviour", [drip, say_nothing])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_deadline_holds_whatever_the_server_does(server: Loopback, behaviour: Any, method: str) -> None:
    server.script = [behaviour]
    with pytest.raises(RequestError) as caught:
        make_timed(server.url, deadline=0.3).request(method, "/x")
    assert isinstance(caught.value, (DeadlineError, UnknownOutcomeError))
    # A thread that is left behind does not hold the process.
    assert all(thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread())
    if behaviour is drip:
        assert str(caught.value) == (
            f"the PCE at {server.address} did not answer {method} /x within the deadline of 0.3 s"
        )
        assert isinstance(caught.value, DeadlineError)
        assert caught.value.sent


def test_the_deadline_holds_while_nobody_shakes_hands() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with pytest.raises(RequestError):
            make_timed(f"https://127.0.0.1:{listener.getsockname()[1]}", deadline=0.3).get("/x")


def test_the_deadline_holds_during_retries(server: Loopback) -> None:
    server.script = [say_nothing]
    with pytest.raises(DeadlineError, match=r"deadline of 0.4 s"):
        make_timed(server.url, timeout=0.05, deadline=0.4).get("/x")


# TLS.


UNTRUSTED = (
    r"failed: (unable to get local issuer|self.signed) certificate[a-z ]*; set ca_path to a PEM file with the CA"
)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_untrusted_certificate_is_final(tls_server: Loopback, clock: Clock, pki: Pki, method: str) -> None:
    with pytest.raises(UntrustedError, match=UNTRUSTED) as caught:
        make(tls_server.url, clock, ca_path=pki.other_ca).request(method, "/x")
    assert str(caught.value).startswith(f"the TLS connection to the PCE at {tls_server.address} failed: ")
    assert tls_server.connections == 1
    assert tls_server.seen == []
    assert clock.slept == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_certificate_of_another_name(pki: Pki, clock: Clock, host: str) -> None:
    with serving(pki.context("pce.example.com")) as server:
        with pytest.raises(UntrustedError, match=host) as caught:
            make(server.url.replace("127.0.0.1", host), clock, ca_path=pki.ca).get("/x")
        assert str(caught.value).endswith("; see pce_host and pce_port")
        assert server.seen == []


def test_trusted_certificate(tls_server: Loopback, clock: Clock, pki: Pki) -> None:
    assert make(tls_server.url, clock, ca_path=pki.ca).get("/x").status == 200


def test_server_without_tls(server: Loopback, clock: Clock) -> None:
    with pytest.raises(UntrustedError) as caught:
        make(server.url.replace("http:", "https:"), clock).get("/x")
    assert "ca_path" not in str(caught.value)
    assert clock.slept == []


def test_cut_tls_connection_is_repeated(tls_server: Loopback, clock: Clock, pki: Pki) -> None:
    tls_server.cut_handshakes = 1
    tls_server.script = [hang_up, truncate, Canned()]
    assert make(tls_server.url, clock, ca_path=pki.ca).get("/x").status == 200
    assert len(tls_server.seen) == 3
    assert len(clock.slept) == 3


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=str)
@pytest.mark.parametrize("behaviour", [garble, garble_body])
def test_tls_fault_after_sending_is_unknown(pki: Pki, clock: Clock, behaviour: Any, version: ssl.TLSVersion) -> None:
    context = pki.context()
    context.minimum_version = context.maximum_version = version
    with serving(context) as server:
        server.script = [behaviour]
        client = make(server.url, clock, ca_path=pki.ca)
        with pytest.raises(UnknownOutcomeError, match=rf"the connection to the PCE at {server.address} broke during"):
            client.request("POST", "/x", body={})
        assert len(server.seen) == 1
        with pytest.raises(RequestError, match=UNKNOWN) as caught:
            client.request("PUT", "/x", body={})
        assert caught.value.changed
        assert len(server.seen) == 1 + ATTEMPTS
        server.script = [behaviour, Canned()]
        assert client.get("/x").status == 200


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", UntrustedError),
        ("TLSV1_ALERT_UNKNOWN_CA", UntrustedError),
        ("SSLV3_ALERT_CERTIFICATE_REVOKED", UntrustedError),
        ("TLSV1_ALERT_INTERNAL_ERROR", UnknownOutcomeError),
        ("WRONG_VERSION_NUMBER", UnknownOutcomeError),
        (None, UnknownOutcomeError),
    ],
)
def test_only_a_certificate_alert_is_a_refusal_after_sending(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, reason: str | None, kind: type[RequestError]
) -> None:
    """With TLS 1.3 a server looks at a client certificate after the client may send."""
    error = ssl.SSLError(1, "a fault")
    error.reason = reason  # type: ignore[assignment]

    def fail(*_arguments: Any, **_options: Any) -> None:
        raise requests.exceptions.SSLError(error)

    monkeypatch.setattr("requests.Session.request", fail)
    with pytest.raises(RequestError) as caught:
        make("https://pce.invalid", clock).request("POST", "/x")
    assert caught.type is kind


@pytest.mark.parametrize("option", ["ca_path", "client_cert"])
def test_file_option_without_certificates_is_refused(
    tls_server: Loopback, clock: Clock, tmp_path: Path, option: str
) -> None:
    (tmp_path / "junk.pem").write_text("junk")
    with pytest.raises(OptionError, match=f"^{option}: is not a usable PEM file"):
        make(tls_server.url, clock, **{option: str(tmp_path / "junk.pem")})
    assert tls_server.seen == []


def test_client_certificate(pki: Pki, clock: Clock, tmp_path: Path) -> None:
    issued = pki.authority.issue_cert("client")
    issued.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
    context = pki.context()
    context.verify_mode = ssl.CERT_REQUIRED
    pki.authority.configure_trust(context)
    with serving(context) as server:
        both: dict[str, Any] = {"client_cert": str(tmp_path / "cert.pem"), "client_key": str(tmp_path / "key.pem")}
        for options in (both, {"client_cert": str(tmp_path / "both.pem")}):
            assert make(server.url, clock, ca_path=pki.ca, **options).get("/x").status == 200
        with pytest.raises(RequestError):
            make(server.url, clock, ca_path=pki.ca, deadline=1.0).get("/x")
        assert len(server.seen) == 2


# The environment: what the task leaves open, and nothing else.


@pytest.mark.parametrize(
    ("options", "environment", "trusted"),
    [
        ({}, {}, False),
        ({}, {"REQUESTS_CA_BUNDLE": "ca"}, True),
        ({}, {"CURL_CA_BUNDLE": "ca"}, True),
        ({}, {"REQUESTS_CA_BUNDLE": "ca", "CURL_CA_BUNDLE": "other_ca"}, True),
        ({}, {"REQUESTS_CA_BUNDLE": "other_ca", "CURL_CA_BUNDLE": "ca"}, False),
        ({}, {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": "ca"}, True),
        ({"ca_path": "ca"}, {"REQUESTS_CA_BUNDLE": "other_ca", "CURL_CA_BUNDLE": "other_ca"}, True),
        ({"ca_path": "other_ca"}, {"REQUESTS_CA_BUNDLE": "ca", "CURL_CA_BUNDLE": "ca"}, False),
        ({"validate_certs": False}, {}, True),
        ({"validate_certs": False}, {"REQUESTS_CA_BUNDLE": "other_ca"}, True),
        ({"validate_certs": False, "ca_path": "other_ca"}, {}, True),
    ],
)
def test_ca_precedence(
    tls_server: Loopback,
    clock: Clock,
    pki: Pki,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    environment: dict[str, str],
    trusted: bool,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, getattr(pki, value) if value else "")
    given = {name: getattr(pki, value) if name == "ca_path" else value for name, value in options.items()}
    client = make(tls_server.url, clock, **given)
    if trusted:
        assert client.get("/x").status == 200
    else:
        with pytest.raises(UntrustedError):
            client.get("/x")


@pytest.mark.parametrize(
    ("options", "environment", "used"),
    [
        ({}, {}, None),
        ({}, {"https_proxy": "env"}, "env"),
        ({}, {"HTTPS_PROXY": "env"}, "env"),
        ({}, {"all_proxy": "env"}, "env"),
        ({}, {"http_proxy": "env"}, None),
        ({}, {"https_proxy": "env", "no_proxy": "127.0.0.1"}, None),
        ({}, {"https_proxy": "env", "NO_PROXY": "127.0.0.1"}, None),
        ({}, {"https_proxy": "env", "no_proxy": "pce.example.com"}, "env"),
        ({"use_proxy": False}, {"https_proxy": "env"}, None),
        ({"proxy": "task"}, {}, "task"),
        ({"proxy": "task"}, {"https_proxy": "env"}, "task"),
        ({"proxy": "task"}, {"no_proxy": "*"}, "task"),
    ],
)
def test_proxy_precedence(
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    environment: dict[str, str],
    used: str | None,
) -> None:
    """A proxy that refuses shows by that who was asked; the target itself is a closed port."""
    with serving() as env, serving() as task:
        proxies = {"env": env, "task": task}
        for proxy in proxies.values():
            proxy.script = [Canned(403)]
        for name, value in environment.items():
            monkeypatch.setenv(name, proxies[value].url if value in proxies else value)
        given = {name: proxies[value].url if name == "proxy" else value for name, value in options.items()}
        target = f"127.0.0.1:{closed_port()}"
        client = make(f"https://{target}", clock, **given)
        with pytest.raises(UnreachableError, match="proxy did not connect" if used else "cannot be reached"):
            client.get("/x")
        for name, proxy in proxies.items():
            assert [(seen.method, seen.path) for seen in proxy.seen] == ([("CONNECT", target)] if name == used else [])


@pytest.mark.parametrize(("status", "times"), [(403, 1), (407, 1), (502, ATTEMPTS), (503, ATTEMPTS)])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_proxy_that_does_not_connect(server: Loopback, clock: Clock, method: str, status: int, times: int) -> None:
    """The request did not get to the PCE, so that a POST is as safe to repeat as a GET."""
    server.script = [Canned(status)]
    client = make("https://pce.invalid:8443", clock, proxy=f"http://joe:pr0xy@{server.address}")
    with pytest.raises(UnreachableError, match=f"the proxy did not connect to .* {status} .*; see proxy") as caught:
        client.request(method, "/x")
    assert "pr0xy" not in str(caught.value)
    assert len(server.seen) == times
    # The proxy learns its own credentials, and nothing of the PCE's.
    expected = "Basic " + base64.b64encode(b"joe:pr0xy").decode()
    assert all(seen.headers["proxy-authorization"] == expected for seen in server.seen)
    assert all("authorization" not in seen.headers for seen in server.seen)


def test_proxy_that_is_not_there(clock: Clock) -> None:
    with pytest.raises(UnreachableError, match=r"the proxy did not connect to the PCE at pce.invalid:8443") as caught:
        make("https://pce.invalid:8443", clock, proxy=f"http://joe:pr0xy@127.0.0.1:{closed_port()}").get("/x")
    assert "pr0xy" not in str(caught.value)


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "all_proxy"])
@pytest.mark.parametrize(
    "proxy",
    [
        "http://joe:pr0xy@127.0.0.1:99999",
        "joe:pr0xy@127.0.0.1:99999",
        "http://joe:pr0xy@[::1",
        "http://joe:pr0xy@",
        "http://joe:pr/0xy@127.0.0.1:1",
        "socks5://joe:pr0xy@127.0.0.1:1",
        "socks5h://joe:pr0xy@127.0.0.1:1",
    ],
)
def test_proxy_of_environment_unusable_fails_at_once(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, name: str, proxy: str
) -> None:
    # Whether requests can speak SOCKS depends on what else is installed; without that it cannot.
    monkeypatch.setattr("requests.adapters.SOCKSProxyManager", _no_socks)
    monkeypatch.setenv(name, proxy)
    with pytest.raises(CollectionError) as caught:
        make("https://pce.invalid:8443", clock).get("/x")
    message = str(caught.value)
    assert message == "proxy: is not set, and the proxy of the environment is not an http or https URL"
    assert "broke" not in message
    assert clock.slept == []


def _no_socks(*_arguments: Any, **_options: Any) -> None:
    raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("place", ["option", "environment"])
def test_what_a_proxy_may_be(clock: Clock, monkeypatch: pytest.MonkeyPatch, scheme: str, place: str) -> None:
    url = f"{scheme}://127.0.0.1:{closed_port()}"
    if place == "environment":
        monkeypatch.setenv("https_proxy", url.replace("http://", ""))  # of HTTP where it says nothing
    given = {"proxy": url} if place == "option" else {}
    with pytest.raises(UnreachableError, match="the proxy did not connect"):
        make("https://pce.invalid:8443", clock, **given).get("/x")


def test_proxy_of_environment_gets_a_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "proxy.invalid:3128")
    monkeypatch.setenv("all_proxy", "https://other.invalid:3128")
    proxies = session.find_proxies(Endpoint("https://pce.invalid", "PCE", "pce_host"))
    assert proxies == {"https": "http://proxy.invalid:3128", "all": "https://other.invalid:3128"}


def test_a_server_without_tls_is_asked_through_the_proxy_too(clock: Clock) -> None:
    with serving() as proxy:
        make("http://pce.invalid:8443", clock, proxy=proxy.url).get("/x")
        assert [seen.path for seen in proxy.seen] == ["http://pce.invalid:8443/x"]


def test_secret_beyond_latin_1(server: Loopback, clock: Clock) -> None:
    make(server.url, clock, user="api_ü", password="pässwörd-日本-€").get("/x")
    _scheme, _space, token = server.seen[0].headers["authorization"].partition(" ")
    assert base64.b64decode(token).decode("utf-8") == "api_ü:pässwörd-日本-€"


@pytest.mark.parametrize(
    ("options", "authenticate", "expected"),
    [
        ({}, True, "Basic " + base64.b64encode(b"api_1:s3cret").decode()),
        ({}, False, None),
        ({"password": None}, True, "Basic " + base64.b64encode(b"api_1:").decode()),
        ({"user": None}, True, None),
        ({"user": None}, False, None),
    ],
)
def test_credentials_are_those_of_the_task(
    server: Loopback,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    authenticate: bool,
    expected: str | None,
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login netrc password netrc\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    make(server.url, clock, **options).get("/x", authenticate=authenticate)
    assert server.seen[0].headers.get("authorization") == expected


# Answers that are not what they should be.


@pytest.mark.parametrize("behaviour", [say_nothing, hang_up, truncate])
def test_post_without_a_clear_response_may_be_under_way(server: Loopback, clock: Clock, behaviour: Any) -> None:
    server.script = [behaviour]
    with pytest.raises(UnknownOutcomeError) as caught:
        make(server.url, clock, timeout=0.05).request("POST", "/x", body={})
    assert caught.value.may_be_under_way
    assert caught.value.changed


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_redirect_is_not_followed(server: Loopback, clock: Clock, method: str, status: int) -> None:
    with serving() as other:
        target = f"http://joe:pw@{other.address}/login?token=t0ken"
        server.script = [Canned(status, {"Location": target})]
        with pytest.raises(ApiError) as caught:
            make(server.url, clock).request(method, "/x")
        assert str(caught.value) == (
            f"the PCE answered {status} to {method} /x: "
            f"a redirect to {other.address} is not followed; see pce_host and pce_port"
        )
        assert other.seen == []
        assert other.connections == 0
    assert len(server.seen) == 1


@pytest.mark.parametrize("headers", [{}, {"Location": ""}, {"Location": "/elsewhere"}])
def test_redirect_to_nowhere(server: Loopback, clock: Clock, headers: dict[str, str]) -> None:
    server.script = [Canned(302, headers)]
    with pytest.raises(ApiError, match="a redirect to nowhere is not followed"):
        make(server.url, clock).get("/x")
    assert len(server.seen) == 1


@pytest.mark.parametrize("location", ["https://[bad/x", "//[bad", "https://joe:pw@[bad/x"])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_redirect_to_what_is_no_address(server: Loopback, clock: Clock, method: str, location: str) -> None:
    server.script = [Canned(302, {"Location": location})]
    with pytest.raises(ApiError, match=f"answered 302 to {method} /x: a redirect to nowhere is not followed; see pce"):
        make(server.url, clock).request(method, "/x")
    assert len(server.seen) == 1
    assert clock.slept == []


@pytest.mark.parametrize(("timeout", "connect", "read"), [(30.0, 10.0, 30.0), (5.0, 5.0, 5.0), (300.0, 10.0, 60.0)])
def test_how_long_a_connection_may_be_silent(
    server: Loopback,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    timeout: float,
    connect: float,
    read: float,
) -> None:
    seen: dict[str, Any] = {}
    send = requests.Session.request

    def watched(session: requests.Session, *arguments: Any, **options: Any) -> requests.Response:
        seen.update(options)
        return send(session, *arguments, **options)

    monkeypatch.setattr(requests.Session, "request", watched)
    client = make(server.url, clock, timeout=timeout, deadline=60.0)
    client.get("/x")
    assert seen["timeout"] == (connect, read)
    clock.time += 57.0
    client.get("/x")
    assert seen["timeout"] == (3.0, 3.0)
    assert seen["stream"] is True  # what is too large is not read to its end
    assert seen["allow_redirects"] is False


def test_body_of_several_chunks_is_whole(server: Loopback, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    body = bytes(range(256)) * 1024  # several chunks
    server.script = [Canned(200, {}, body)]
    assert make(server.url, clock).get("/x").body == body
    monkeypatch.setattr(body_module, "MAX_RESPONSE_BYTES", len(body) - 1)
    with pytest.raises(ContractError, match="is larger than"):
        make(server.url, clock).get("/x")


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
def test_body_above_the_limit_is_refused(
    server: Loopback, clock: Clock, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    monkeypatch.setattr(body_module, "MAX_RESPONSE_BYTES", 1000)
    for size in (1000, 1001):
        body = b" " * size
        server.script = [Canned(200, headers, gzip.compress(body) if headers else body)]
        client = make(server.url, clock)
        if size == 1000:
            assert client.get("/x").body == body
        else:
            with pytest.raises(ContractError, match="the response to GET /x is larger than 1000 bytes"):
                client.get("/x")
    assert len(server.seen) == 2


def test_query_with_a_surrogate_is_refused_before_sending(server: Loopback, clock: Clock) -> None:
    with pytest.raises(OptionError, match=r"^name: contains an unpaired surrogate: a$"):
        make(server.url, clock).get("/x", {"name": "a\ud83d"})
    assert server.seen == []


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (requests.exceptions.InvalidURL("Failed to parse: http://joe:pw@x/y"), "Failed to parse: http://…@x/y"),
        (ValueError(), "ValueError"),
        (requests.exceptions.ConnectionError(OSError(113, "No route to host")), "No route to host"),
        (requests.exceptions.ConnectionError(requests.exceptions.ReadTimeout("x")), "no answer in time"),
        (requests.exceptions.ConnectionError(BadStatusLine("s3cret")), "the response is not HTTP"),
    ],
)
def test_the_reason_of_a_connection_error(failure: Exception, reason: str) -> None:
    assert failures.describe_failure(failure) == reason
    outer = RuntimeError("outer //joe:pw@x")
    outer.__cause__ = failure
    assert failures.describe_failure(outer) == reason


def test_bytes_that_are_no_text_are_shown_all_the_same(server: Loopback, clock: Clock) -> None:
    server.script = [Canned(406, {}, b"not \xff here")]
    with pytest.raises(ApiError, match=r"406 to GET /x: not \ufffd here$"):
        make(server.url, clock).get("/x")


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_request_to_an_invalid_host_is_not_repeated(clock: Clock, method: str) -> None:
    with pytest.raises(
        UnreachableError, match=r"^the PCE at a\.\.b cannot be asked for /x: .*label empty( or too long)?$"
    ):
        make("https://a..b", clock).request(method, "/x")
    assert clock.slept == []


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"user": "a:b"}, "user: must not contain a colon: for a server the password begins there"),
        ({"user": "a\n"}, "user: must not contain control characters or unpaired surrogates"),
        ({"password": "a\x7f"}, "password: must not contain control characters or unpaired surrogates"),
        ({"password": "\ud83d"}, "password: must not contain control characters or unpaired surrogates"),
    ],
)
def test_credentials_that_cannot_be_sent_are_refused(clock: Clock, given: dict[str, str], problem: str) -> None:
    with pytest.raises(OptionError) as caught:
        make("https://pce.invalid", clock, **given)
    assert str(caught.value) == problem


def test_unverified_certificate_gives_no_warning_of_urllib3(tls_server: Loopback, clock: Clock) -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        make(tls_server.url, clock, validate_certs=False).get("/x")
    assert [str(item.message) for item in warned if "nverified" in str(item.message)] == []
    assert len(tls_server.seen) == 1


def test_post_with_too_large_a_response_is_unknown(
    server: Loopback, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_module, "MAX_RESPONSE_BYTES", 1000)
    server.script = [Canned(201, {}, b" " * 1001)]
    with pytest.raises(UnknownOutcomeError, match="larger than 1000 bytes") as caught:
        make(server.url, clock).request("POST", "/x", body={})
    assert not caught.value.may_be_under_way


# What a PUT or DELETE did that failed.

UNKNOWN = "It is unknown whether the change was applied; run the task again to verify"


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize(
    ("script", "unknown"),
    [
        ([Canned(500)], True),
        ([Canned(501)], False),
        ([Canned(503)], True),
        ([hang_up], True),
        ([truncate], True),
        ([Canned(403)], False),
        ([hang_up, Canned(403)], True),
        ([Canned(504), Canned(404)], True),
        ([Canned(429, {"Retry-After": "1"}), Canned(406)], False),
        ([Canned(429, {"Retry-After": "86400"})], False),
        ([Canned(300)], False),
        ([Canned(307, {"Location": "https://elsewhere.invalid/"})], False),
        ([Canned(200, {}, b"<html>Please log in</html>")], True),
    ],
)
def test_failed_write_says_if_it_may_be_applied(
    server: Loopback, clock: Clock, method: str, script: list[Any], unknown: bool
) -> None:
    server.script = list(script)
    with pytest.raises(RequestError) as caught:
        make(server.url, clock, deadline=50.0).request(method, "/x", body={})
    assert str(caught.value).endswith(UNKNOWN) is unknown
    assert caught.value.changed is unknown
    caught.value.add("More of it")
    assert ("More of it. " + UNKNOWN in str(caught.value)) is unknown


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_write_never_sent_is_no_change(clock: Clock, method: str) -> None:
    with pytest.raises(UnreachableError) as caught:
        make(f"http://127.0.0.1:{closed_port()}", clock).request(method, "/x", body={})
    assert not caught.value.changed
    assert UNKNOWN not in str(caught.value)


def test_put_ended_by_the_deadline_is_unknown(server: Loopback) -> None:
    server.script = [drip]
    with pytest.raises(DeadlineError, match=UNKNOWN) as caught:
        make_timed(server.url, deadline=0.3).request("PUT", "/x", body={})
    assert caught.value.changed


PAGE = b" <html>Please log in</html>"


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b""), (200, b" "), (200, b"OK"), (200, b"[]"), (200, PAGE), (200, b'{"error": "login required"}')]
    + [(200, b'{"message": "log in"}'), (200, b'{"token": "t"}'), (200, b"{no JSON"), (202, b"{}"), (206, b"{}")],
)
def test_write_with_another_success_status_is_unknown(
    server: Loopback, clock: Clock, method: str, status: int, body: bytes
) -> None:
    server.script = [Canned(204), Canned(status, {}, body)]
    client = make(server.url, clock, write_status=204)
    assert client.request(method, "/x").status == 204
    with pytest.raises(ContractError, match=f"unexpected answer {status} to {method} /x: 204 was expected. {UNKNOWN}"):
        client.request(method, "/x")
    assert len(server.seen) == 2


@pytest.mark.parametrize("body", [b"{}", b'{"errors": [{"token": "t"}]}', b'{"href": "/x"}'])
def test_object_answers_a_put_but_not_a_delete(server: Loopback, clock: Clock, body: bytes) -> None:
    server.script = [Canned(200, {}, body)]
    client = make(server.url, clock, write_status=204)
    assert client.request("PUT", "/x").body == body
    with pytest.raises(ContractError, match=r"204 was expected\. It is unknown"):
        client.request("DELETE", "/x")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("body", [b"", b" ", b"OK", b"{}", b'"done"', b'{"message": "done"}', PAGE])
def test_write_without_a_known_status_refuses_only_a_page(
    server: Loopback, clock: Clock, method: str, body: bytes
) -> None:
    server.script = [Canned(200, {}, body)]
    client = make(server.url, clock)
    if body == PAGE:
        with pytest.raises(ContractError, match=r"the body is a page, not JSON\. It is unknown"):
            client.request(method, "/x")
    else:
        assert client.request(method, "/x").body == body


def test_error_with_many_reasons_keeps_its_hint(server: Loopback, clock: Clock) -> None:
    errors = [{"token": "t" * 400, "message": "m" * 400}] * 10
    server.script = [Canned(500, {"X-Request-Id": "r1"}, json.dumps(errors).encode())]
    with pytest.raises(ApiError) as caught:
        make(server.url, clock, hints={500: "a hint"}).request("PUT", "/x", body={})
    shown = one_line(caught.value, 4000)
    assert shown.endswith(f"…: a hint (X-Request-Id r1). {UNKNOWN}")
    assert 2000 < len(shown) < 2200
    assert len(caught.value.errors) == 10


def test_error_is_readable(server: Loopback, clock: Clock) -> None:
    body = b'[{"token": "name_must_be_unique", "message": "Name is taken"}]'
    server.script = [Canned(406, {"x-request-id": "r1", "Content-Type": "application/json; charset=utf-8"}, body)]
    with pytest.raises(ApiError) as caught:
        make(server.url, clock).request("PUT", "/orgs/1/labels/3", {"secret": "query"}, {"a": 1})
    assert str(caught.value) == (
        "the PCE answered 406 to PUT /orgs/1/labels/3: name_must_be_unique (Name is taken) (X-Request-Id r1)"
    )
    assert caught.value.details() == {
        "method": "PUT",
        "path": "/orgs/1/labels/3",
        "status": 406,
        "errors": [{"token": "name_must_be_unique", "message": "Name is taken"}],
        "request_id": "r1",
    }


def test_hints(server: Loopback, clock: Clock) -> None:
    server.script = [Canned(401, body=b""), Canned(403, body=b"<title>No</title>")]
    client = make(server.url, clock, hints={401: "api_key or api_secret is wrong", 403: "no permission"})
    with pytest.raises(ApiError, match=r"^the PCE answered 401 to GET /x: api_key or api_secret is wrong$"):
        client.get("/x")
    with pytest.raises(ApiError, match=r"^the PCE answered 403 to GET /x: No: no permission$"):
        client.get("/x")


@pytest.mark.parametrize("behaviour", [Canned(401), Canned(500), Canned(302), hang_up, truncate, say_nothing])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_error_holds_a_credential(server: Loopback, clock: Clock, method: str, behaviour: Any) -> None:
    server.script = [behaviour]
    with pytest.raises(RequestError) as caught:
        make(server.url, clock, timeout=0.05).request(method, "/x", {"q": "s3cret"})
    said = f"{caught.value} {caught.value.details()}"
    assert "s3cret" not in said
    assert base64.b64encode(b"api_1:s3cret").decode() not in said


# How many connections.


@pytest.mark.parametrize("tls", [False, True])
def test_one_connection_for_all_requests(clock: Clock, pki: Pki, tls: bool) -> None:
    with serving(pki.context() if tls else None) as server:
        server.script = [Canned(200), Canned(204), Canned(406), Canned(404), Canned(201)]
        client = make(server.url, clock, ca_path=pki.ca)
        client.get("/1")
        client.request("PUT", "/2", body={"a": 1})
        for path in ("/3", "/4"):
            with pytest.raises(ApiError):
                client.get(path)
        client.request("POST", "/5", body={})
        assert [seen.path for seen in server.seen] == ["/1", "/2", "/3", "/4", "/5"]
        assert server.connections == 1


def test_no_connection_without_work(server: Loopback, clock: Clock) -> None:
    make(server.url, clock)
    assert server.connections == 0


def test_wrong_options_are_told_before_any_request(server: Loopback, clock: Clock) -> None:
    with pytest.raises(OptionError, match=r"^timeout: "):
        make(server.url, clock, timeout=0.0)
    assert server.connections == 0


def test_credentials_that_a_server_repeats_are_not_shown(server: Loopback, clock: Clock) -> None:
    token = base64.b64encode(b"api_1:s3cret").decode()
    server.script = [Canned(406, {}, f"<pre>Authorization: Basic {token} password=s3cret</pre>".encode())]
    with pytest.raises(ApiError) as caught:
        make(server.url, clock).get("/x")
    shown = str(caught.value) + str(caught.value.details())
    assert "Authorization: Basic ********" in shown
    assert token not in shown
    assert "s3cret" not in shown


def test_requests_are_held_back_before_the_server_refuses_them(server: Loopback, clock: Clock) -> None:
    client = make(server.url, clock, max_requests_per_minute=3)
    for _request in range(7):
        client.get("/x")
    assert clock.slept == [60.0, 60.0]
    assert len(server.seen) == 7


def test_a_request_that_is_tried_again_counts_again(server: Loopback, clock: Clock) -> None:
    server.script = [Canned(503), Canned(503), Canned()]
    client = make(server.url, clock, max_requests_per_minute=3)
    client.get("/x")
    client.get("/x")
    assert clock.time == pytest.approx(60.0)


def test_a_request_that_would_be_held_back_too_long_is_not_sent(server: Loopback, clock: Clock) -> None:
    client = make(server.url, clock, max_requests_per_minute=1, deadline=50.0)
    client.get("/x")
    with pytest.raises(DeadlineError, match=r"max_requests_per_minute \(1\) delayed GET /x until"):
        client.get("/x")
    clock.time = 49.5
    with pytest.raises(DeadlineError, match="delayed"):
        client.get("/x")
    assert len(server.seen) == 1
    clock.time = 0.0
    with pytest.raises(OptionError) as refused:
        client.ensure_within_deadline(2, "all this")
    assert str(refused.value) == (
        "deadline: all this takes 2 requests, and so at least 120 seconds at 1 a minute (max_requests_per_minute); "
        "nothing was changed"
    )


def test_a_further_limit_of_requests(server: Loopback, clock: Clock) -> None:
    client = make(server.url, clock)
    pace = client.rate_limiter(2)
    late = DeadlineError("too late", "PUT", "/x")
    for _turn in range(5):
        client.wait_for_turn(pace, late)
    assert clock.slept == [60.0, 60.0]
    clock.time += 59.5
    client.wait_for_turn(pace, late)
    client.wait_for_turn(pace, late)
    assert clock.slept[2:] == [0.5]
    clock.time += 90.0
    client.wait_for_turn(pace, late)
    client.wait_for_turn(pace, late)
    with pytest.raises(DeadlineError, match="too late"):
        client.wait_for_turn(pace, late)
    client.ensure_within_deadline(1000, "no limit")
    with pytest.raises(
        OptionError, match=r"^deadline: this takes 1000 .* at 2 a minute \(the server's limit\); nothing"
    ):
        client.ensure_within_deadline(1000, "this", pace)


def test_what_would_end_with_the_deadline_is_too_late(server: Loopback, clock: Clock) -> None:
    server.script = [Canned(429, {"Retry-After": "10"}), Canned()]
    assert make(server.url, clock, deadline=19.0).get("/x").status == 200
    server.script = [Canned(429, {"Retry-After": "10"}), Canned()]
    with pytest.raises(DeadlineError, match=r"gave up: waiting 10 s more would pass the deadline of 10 s"):
        make(server.url, clock, deadline=10.0).get("/x")
    client = make(server.url, clock, max_requests_per_minute=1, deadline=60.0)
    client.get("/x")
    with pytest.raises(OptionError, match="so at least 60 seconds"):
        client.ensure_within_deadline(1, "this")


def test_no_part_of_an_answer_shows_a_credential(server: Loopback, clock: Clock) -> None:
    token = base64.b64encode(b"api_1:s3cret").decode()
    said = [
        Canned(406, {"X-Request-Id": f"{token} s3cret"}, b"[]"),
        Canned(302, {"Location": f"https://{token}/"}, b""),
        Canned(200, {"X-Request-Id": token}, b"no JSON"),
    ]
    for answer in said:
        server.script = [answer]
        with pytest.raises(RequestError) as caught:
            make(server.url, clock).get("/x").json()
        shown = str(caught.value) + str(caught.value.details())
        assert "********" in shown
        assert token not in shown
        assert "s3cret" not in shown


@pytest.mark.parametrize("by", ["option", "environment"])
def test_what_a_proxy_says_shows_no_credential(clock: Clock, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    with serving() as proxy:
        url = f"http://joe:p%40ss%2Fword@{proxy.address}"
        token = base64.b64encode(b"joe:p@ss/word").decode()
        proxy.script = [lambda handler: handler.send_error(407, f"joe:p@ss/word p%40ss%2Fword {token}")]
        if by == "environment":
            monkeypatch.setenv("https_proxy", url)
        with pytest.raises(UnreachableError) as caught:
            make("https://pce.invalid", clock, **({"proxy": url} if by == "option" else {})).get("/x")
        shown = str(caught.value)
        assert "407 ******** ******** ********" in shown


def test_each_proxys_credentials_are_kept_out(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as proxy:
        monkeypatch.setenv("http_proxy", "http://first:f1rst:w@rd@127.0.0.1:1")
        monkeypatch.setenv("https_proxy", f"http://second:s3cond@{proxy.address}")
        empty = base64.b64encode(b"api_1:").decode()
        proxy.script = [lambda handler: handler.send_error(407, f"f1rst:w@rd second:s3cond s3cond {empty} //api")]
        with pytest.raises(UnreachableError, match=re.escape("407 ******** ******** ******** ******** //api")):
            make("https://pce.invalid", clock, password=None).get("/x")


def test_client_key_unusable_is_named(pki: Pki, clock: Clock, tmp_path: Path) -> None:
    issued, other = pki.authority.issue_cert("client"), pki.authority.issue_cert("other")
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"word")
    )
    certificate, path = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(issued.cert_chain_pems[0].bytes())
    for content, problem in (
        (encrypted, "is encrypted; use a key without a passphrase$"),
        (other.private_key_pem.bytes(), "is not the key of client_cert$"),
        (b"no PEM", r"is not a usable PEM file: \[SSL"),
    ):
        path.write_bytes(content)
        with pytest.raises(OptionError, match=f"^client_key: {problem}"):
            make("https://pce.invalid", clock, client_cert=str(certificate), client_key=str(path))
    for content, problem in (
        (encrypted, "is encrypted; use a key without a passphrase$"),
        (other.private_key_pem.bytes(), "holds a key of another certificate$"),
        (b"", r"is not a usable PEM file: \[SSL"),
    ):
        path.write_bytes(certificate.read_bytes() + content)
        with pytest.raises(OptionError, match=f"^client_cert: {problem}"):
            make("https://pce.invalid", clock, client_cert=str(path))


def test_a_secret_within_three_bodies_is_not_shown(server: Loopback, clock: Clock) -> None:
    secret = 's3cr\\et "word"'
    quoted = json.dumps({"sent": json.dumps({"password": secret})})
    server.script = [Canned(406, {}, json.dumps([{"message": quoted}]).encode())]
    client = make(server.url, clock)
    client.hide([secret])
    with pytest.raises(ApiError) as caught:
        client.get("/x")
    assert "********" in str(caught.value)
    assert "s3cr" not in str(caught.value)


def test_the_oldest_urllib3_that_requests_takes_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 1.26 it has no error for the length of a chunk that is no number."""
    monkeypatch.delattr("urllib3.exceptions.InvalidChunkLength", raising=False)
    spec = importlib.util.find_spec(library.__name__)
    assert spec is not None
    assert spec.loader is not None
    old = importlib.util.module_from_spec(spec)
    # What dataclasses look their module up by.
    monkeypatch.setitem(sys.modules, spec.name, old)
    spec.loader.exec_module(old)
    assert old.REQUESTS_IMPORT_ERROR is None
    not_http = old.NOT_HTTP
    assert not_http == (BadStatusLine, ValueError)


def test_client_without_requests_raises_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "requests"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "requests", None)
    spec = importlib.util.find_spec(library.__name__)
    assert spec is not None
    assert spec.loader is not None
    lacking = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lacking)
    monkeypatch.setattr(session, "REQUESTS_IMPORT_ERROR", lacking.REQUESTS_IMPORT_ERROR)
    with pytest.raises(MissingLibraryError) as caught:
        HttpClient(Endpoint("https://pce.invalid", "PCE", "pce_host"))
    assert str(caught.value) == "Failed to import the required Python library (requests)"
    assert caught.value.library == "requests"
    assert "ModuleNotFoundError" in caught.value.traceback


def test_chunk_length_that_is_no_number_is_not_quoted(server: Loopback, clock: Clock) -> None:
    def answer(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"quoted\r\n")
        hang_up(handler)

    server.script = [answer]
    with pytest.raises(RequestError, match="the response is not HTTP") as caught:
        make(server.url, clock).get("/x")
    assert "quoted" not in str(caught.value)
