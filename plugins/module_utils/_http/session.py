# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connections to one server: each request is one exchange within a given time, and is never repeated here.

What the options of a task say always wins over the environment. requests would let REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE,
``*_proxy`` and .netrc override a session's settings, so the session does not look at the environment at all; those
variables are read here, and only for options that the task does not set.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from .._core.errors import (
    ContractError,
    MissingLibraryError,
    OptionError,
    RequestError,
    UnknownOutcomeError,
    UnreachableError,
)
from .body import ACCEPTED_ENCODING, BrokenBodyError, RefusedBodyError, read_body
from .connection import ReportingAdapter
from .endpoint import (
    Endpoint,
    basic_authorization,
    client_certificate,
    find_credentials,
    is_web_address,
    verify_argument,
)
from .exchange import AbortedError, Exchange
from .failures import FailureReader
from .library import REQUESTS_IMPORT_ERROR, HTTPException, get_environ_proxies, requests, select_proxy, urllib3
from .redact import Secrets
from .response import Response
from .retry import is_repeatable

USER_AGENT = "microseg.enforcement"

MAX_IDLE_SECONDS = 2.0
"""After this long a POST takes a new connection: a server may be about to close an idle one, after 5 s and more."""

_CONNECT_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Request:
    """One HTTP request: ``target`` is its ``path`` with the query, ``data`` its body as JSON, or None."""

    method: str
    path: str
    target: str
    data: bytes | None
    headers: Mapping[str, str]
    authenticate: bool


class Session:
    """Connections to one server, which are kept for further requests. Several threads may use one."""

    def __init__(self, endpoint: Endpoint) -> None:
        if REQUESTS_IMPORT_ERROR is not None:
            raise MissingLibraryError("requests", REQUESTS_IMPORT_ERROR)
        endpoint.check()
        proxies = find_proxies(endpoint)
        self.secrets = Secrets(find_credentials(endpoint, proxies.values()))
        self.failures = FailureReader(endpoint, self.secrets.without, bool(select_proxy(endpoint.url, proxies)))
        self._endpoint = endpoint
        self._session = _open_session(endpoint, proxies)
        self._last_use = time.monotonic()
        self._lock = threading.Lock()
        self._is_closed = False
        self._running: set[Exchange[Response]] = set()

    def exchange(self, request: Request, seconds: float) -> Response:
        """Send one request and return its response, whatever its status.

        Raises LateError after ``seconds``, else UnreachableError, UntrustedError, UnknownOutcomeError, or
        ContractError for a response that cannot be read.
        """
        exchange = Exchange(lambda running: self._read(running, request, seconds))
        self._enter(exchange, request)
        try:
            return exchange.wait(seconds)
        # Old requests let exceptions of urllib3 pass, and urllib3 those of http.client.
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            HTTPException,
            OSError,
            ValueError,
            BrokenBodyError,
            AbortedError,
        ) as error:
            raise self.failures.read_exception(error, exchange, request.method, request.path) from error
        finally:
            self._last_use = time.monotonic()
            with self._lock:
                self._running.discard(exchange)

    def close(self) -> None:
        """Close all connections. A request that another thread waits for ends as if the connection broke."""
        with self._lock:
            self._is_closed = True
            running = list(self._running)
        for exchange in running:
            exchange.abort()
        self._session.close()

    def _enter(self, exchange: Exchange[Response], request: Request) -> None:
        """Add an exchange to those that run. Raise UnreachableError if the session is closed."""
        with self._lock:
            if self._is_closed:
                words = f"{request.method} {request.path} was not sent: the client is closed"
                raise UnreachableError(words, request.method, request.path, is_permanent=True)
            is_idle = not self._running and time.monotonic() - self._last_use > MAX_IDLE_SECONDS
            if is_idle and not is_repeatable(request.method):
                self._session.close()  # its connections; requests opens new ones
            self._running.add(exchange)

    def _read(self, exchange: Exchange[Response], request: Request, seconds: float) -> Response:
        silence = min(self._endpoint.timeout, seconds)
        response = self._session.request(
            request.method,
            self._endpoint.url + request.target,
            data=request.data,
            headers=self._headers(request),
            timeout=(min(_CONNECT_TIMEOUT_SECONDS, silence), silence),
            allow_redirects=False,  # credentials must not follow to another host
            stream=True,
        )
        with response:
            try:
                body = read_body(response.raw, exchange.ensure_running)
            except RefusedBodyError as error:
                raise _refusal(request, error) from None
            status, headers = response.status_code, response.headers
            return Response(status, headers, body, request.method, request.path, self.secrets.without)

    def _headers(self, request: Request) -> dict[str, str]:
        headers = dict(request.headers)
        if request.data is not None:
            headers["Content-Type"] = "application/json"
        if request.authenticate and self._endpoint.user:
            headers["Authorization"] = basic_authorization(self._endpoint.user, self._endpoint.password or "")
        return headers


def _refusal(request: Request, error: RefusedBodyError) -> RequestError:
    refused = ContractError(f"the response to {request.method} {request.path} {error}", request.method, request.path)
    return refused if is_repeatable(request.method) else UnknownOutcomeError(refused, may_be_under_way=False)


def find_proxies(endpoint: Endpoint) -> dict[str, str]:
    """Return the proxies by the schemes that they are for. Raise OptionError for one that cannot be used."""
    if endpoint.proxy:
        return {"http": endpoint.proxy, "https": endpoint.proxy}
    if not endpoint.use_proxy:
        return {}
    found = get_environ_proxies(endpoint.url, no_proxy=None)
    # Old requests take no proxy without a scheme.
    proxies = {name: url if "://" in url else f"http://{url}" for name, url in found.items()}
    chosen = select_proxy(endpoint.url, proxies)
    if chosen and not is_web_address(chosen):
        raise OptionError("proxy", "is not set, and the proxy of the environment is not an http or https URL")
    return proxies


def _open_session(endpoint: Endpoint, proxies: Mapping[str, str]) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    # requests would take a redirect apart even though it does not follow it, and fail at what is no URL.
    session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
    for scheme in ("http://", "https://"):
        session.mount(scheme, ReportingAdapter())
    session.headers.update(
        {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": ACCEPTED_ENCODING}
    )
    session.proxies.update(proxies)
    session.verify = verify_argument(endpoint)
    session.cert = client_certificate(endpoint)
    if not endpoint.validate_certs:
        # The module warns once, in its own words.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    return session
