# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one way to a server: one HTTP session per module run.

What the options of a task say always wins over the environment. requests would let REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE,
``*_proxy`` and .netrc override a session's settings, so the session does not look at the environment at all; those
variables are read here, and only for what the task leaves open.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any, Callable, TypeVar
from urllib.parse import urlencode, urlsplit

from .._core.errors import (
    ApiError,
    ContractError,
    DeadlineError,
    MissingLibraryError,
    OptionError,
    RequestError,
    UnknownOutcomeError,
    UnreachableError,
    UntrustedError,
)
from .._core.text import describe_errors, one_line
from . import retry
from .endpoint import (
    Endpoint,
    basic_authorization,
    client_certificate,
    find_credentials,
    is_sendable,
    is_web_address,
    verify_argument,
)
from .failures import (
    describe_failure,
    exception_chain,
    find_verification_error,
    has_never_connected,
    is_cut_off,
    is_refusal,
    may_have_been_applied,
)
from .library import REQUESTS_IMPORT_ERROR, get_environ_proxies, requests, select_proxy, urllib3
from .rate_limit import RateLimiter
from .redact import Secrets
from .response import Response, parse_errors

Result = TypeVar("Result")

USER_AGENT = "microseg.enforcement"
MAX_RESPONSE_BYTES = 256 * 1024 * 1024
"""Bytes. No collection of a PCE comes near; an endless answer must not eat the controller's memory."""

_CONNECT_TIMEOUT = 10.0
_GATEWAY_TIMEOUT = 504
_MIN_WAIT_SECONDS = 0.5  # a server that says "Retry-After: 0" again and again is not to be flooded
_CHUNK = 64 * 1024
_MAX_REASON_LENGTH = 2000  # characters, of 4000 that a result shows: what follows says more than the tenth error
_HOSTNAME_MISMATCH, _IP_MISMATCH = 62, 64  # OpenSSL's codes for a certificate of another server


class HttpClient:
    """Sends requests to one server, within one deadline that starts now. Several threads may use one.

    ``clock`` (monotonic seconds), ``now`` (seconds since the epoch) and ``sleep`` are injected by tests.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if REQUESTS_IMPORT_ERROR is not None:
            raise MissingLibraryError("requests", REQUESTS_IMPORT_ERROR)
        endpoint.check()
        self.endpoint = endpoint
        self.now = now
        self._clock = clock
        self._sleep = sleep
        self._end = clock() + endpoint.deadline
        self._rate_limiter = (
            RateLimiter(endpoint.max_requests_per_minute, clock) if endpoint.max_requests_per_minute else None
        )
        self._session = requests.Session()
        self._session.trust_env = False
        # requests would take a redirect apart even though it does not follow it, and fail at what is no URL.
        self._session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
        self._session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})
        self._verify = verify_argument(endpoint)
        self._cert = client_certificate(endpoint)
        self._proxies = _proxies(endpoint)
        self._secrets = Secrets(find_credentials(endpoint, self._proxies.values()))
        if not endpoint.validate_certs:
            urllib3.disable_warnings(
                urllib3.exceptions.InsecureRequestWarning
            )  # the module warns once, in its own words

    def get(self, path: str, query: Mapping[str, str] | None = None, **options: Any) -> Response:
        """Send a GET. See ``request``."""
        return self.request("GET", path, query=query, **options)

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        authenticate: bool = True,
    ) -> Response:
        """Send a request until it has an answer below 300, and return that answer.

        ``path`` follows the endpoint's URL and is already valid in a URL; ``query`` is encoded here; ``body`` is sent
        as JSON unless None. GET, PUT and DELETE are repeated on broken connections, 429, 502, 503 and 504; POST on 429
        and where no connection came about. Raises UnknownOutcomeError where a POST may have been acted upon, else
        ApiError, UnreachableError, UntrustedError, ContractError or DeadlineError; that of a PUT or DELETE says so
        where one of its tries may have been acted upon.
        """
        failures: list[RequestError] = []
        try:
            return self._until_answered(failures, method, path, query, body, headers or {}, authenticate)
        except RequestError as error:
            if method in ("PUT", "DELETE") and any(map(may_have_been_applied, [*failures, error])):
                error.mark_outcome_unknown()
            raise

    def _until_answered(self, failures: list[RequestError], method: str, path: str, *rest: Any) -> Response:
        """Send a request until it has an answer below 300; all other ends of it go to ``failures``."""
        attempt = 0
        while True:
            attempt += 1
            try:
                response = self._send(method, path, *rest)
                if 200 <= response.status < 300:
                    self._check_bare(response)
                    return response
                failure: RequestError = self._api_error(response)
                wait = retry.retry_after(response.header("Retry-After"), self.now())
            except (UnreachableError, UnknownOutcomeError) as error:
                failure, wait = error, None
            failures.append(failure)
            if not self._is_repeatable(method, failure, attempt):
                raise self._outcome(method, failure)
            self.pause(attempt, failure, wait)

    def _check_bare(self, response: Response) -> None:
        """Raise ContractError where a PUT or DELETE was answered by something else than the API: a proxy's page.

        Where the status is known, a PUT may also be answered 200 with an object that is no error: a PCE does so, and
        what is in it is the caller's. Where it is not known, only what is plainly a page is refused, since the caller
        looks after all else.
        """
        expected = self.endpoint.bare_success
        if response.method not in ("PUT", "DELETE") or response.status == expected:
            return
        if expected is None:
            if response.body.lstrip().startswith(b"<"):
                raise response.contract_error("the body is a page, not JSON")
        elif response.method != "PUT" or response.status != 200 or not _is_plain_object(response):
            raise response.contract_error(f"{expected} was expected")

    def hide(self, secrets: Iterable[str]) -> None:
        """Keep these texts out of all errors from now on: a server may repeat what it was sent."""
        self._secrets.add(secrets)

    def pause(self, attempt: int, failure: RequestError, wait: float | None = None) -> None:
        """Wait before the next attempt: ``wait`` seconds, or a backoff. Raise DeadlineError if time is too short."""
        seconds = retry.backoff(attempt) if wait is None else max(wait, _MIN_WAIT_SECONDS)
        if seconds >= self.remaining():
            raise DeadlineError(
                f"{failure} (gave up: waiting {seconds:.0f} s more would pass the deadline of "
                f"{self.endpoint.deadline:g} s)",
                failure.method,
                failure.path,
            )
        self._sleep(seconds)

    def remaining(self) -> float:
        """Return the seconds that are left for the task."""
        return self._end - self._clock()

    def rate_limiter(self, limit: int) -> RateLimiter:
        """Return a further limit of requests a minute, for those that a server counts apart."""
        return RateLimiter(limit, self._clock)

    def ensure_within_deadline(self, count: int, what: str, rate_limiter: RateLimiter | None = None) -> None:
        """Raise OptionError where ``count`` more requests cannot be made before the deadline. ``what`` they are for.

        ``pace`` is the limit that they are under, that of all requests unless given.
        """
        limit, reason = (
            (rate_limiter, "the server's limit") if rate_limiter else (self._rate_limiter, "max_requests_per_minute")
        )
        needed = limit.seconds_for(count) if limit else 0.0
        if limit and needed >= self.remaining():
            raise OptionError(
                "deadline",
                f"{what} takes {count} requests, and so at least {needed:.0f} seconds at {limit.limit} a minute "
                f"({reason}); nothing was changed",
            )

    def wait_for_turn(self, rate_limiter: RateLimiter, late: DeadlineError) -> None:
        """Wait until ``pace`` lets a request begin. Raise ``late`` where that would pass the deadline."""
        seconds = rate_limiter.take(self.remaining())
        if seconds is None:
            raise late
        if seconds > 0:
            self._sleep(seconds)

    def _is_repeatable(self, method: str, failure: RequestError, attempt: int) -> bool:
        if isinstance(failure, ApiError):
            if retry.is_rate_limit(failure.status):
                return True
            passing = retry.is_transient(failure.status)
            never_sent = False
        else:
            never_sent = isinstance(failure, UnreachableError)
            passing = not (isinstance(failure, UnreachableError) and failure.permanent)
        return passing and attempt < retry.ATTEMPTS and (never_sent or retry.is_repeatable(method))

    def _outcome(self, method: str, failure: RequestError) -> RequestError:
        """Return the error to raise: what a POST did that ended with a server's fault is not known."""
        if isinstance(failure, UnknownOutcomeError):
            return failure.cause if retry.is_repeatable(method) else failure
        if isinstance(failure, ApiError) and may_have_been_applied(failure) and not retry.is_repeatable(method):
            late = failure.status == _GATEWAY_TIMEOUT
            return UnknownOutcomeError(failure, transient=retry.is_transient(failure.status), late=late)
        return failure

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any,
        headers: Mapping[str, str],
        authenticate: bool,
    ) -> Response:
        late = DeadlineError(
            f"the {self.endpoint.title} at {self._where()} did not answer {method} {path} within the deadline of "
            f"{self.endpoint.deadline:g} s",
            method,
            path,
        )
        if self._rate_limiter is not None and self.remaining() > 0:
            words = (
                f"max_requests_per_minute ({self._rate_limiter.limit}) held back {method} {path} until the deadline of "
            )
            held_back = DeadlineError(f"{words}{self.endpoint.deadline:g} s", method, path)
            self.wait_for_turn(self._rate_limiter, held_back)
        remaining = self.remaining()
        if remaining <= 0:
            raise late
        url = self.endpoint.url + path + ("?" + _encoded(query) if query else "")
        data = None if body is None else json.dumps(body).encode()
        sent_headers = {**headers, **({"Content-Type": "application/json"} if data is not None else {})}
        if authenticate and self.endpoint.user:
            sent_headers["Authorization"] = basic_authorization(self.endpoint.user, self.endpoint.password or "")

        def exchange() -> Response:
            response = self._session.request(
                method,
                url,
                data=data,
                headers=sent_headers,
                timeout=(
                    min(_CONNECT_TIMEOUT, self.endpoint.timeout, remaining),
                    min(self.endpoint.timeout, remaining),
                ),
                allow_redirects=False,  # credentials must not follow to another host
                stream=True,
                proxies=self._proxies,
                verify=self._verify,
                cert=self._cert,
            )
            with response:
                read = _read_body(response, method, path)
                return Response(response.status_code, response.headers, read, method, path, self._secrets.without)

        try:
            return _within(remaining, exchange)
        except TimeoutError:
            late.sent = True
            raise late from None
        except ContractError as error:
            if retry.is_repeatable(method):
                raise
            raise UnknownOutcomeError(error, transient=False) from error
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
            ValueError,
        ) as error:  # old requests let urllib3's pass
            raise self._connection_error(error, method, path) from error

    def _connection_error(self, error: Exception, method: str, path: str) -> RequestError:
        where = f"the {self.endpoint.title} at {self._where()}"
        reason = self._secrets.without(describe_failure(error))  # a proxy can put anything into the line of its status
        if isinstance(error, requests.exceptions.SSLError) and not is_cut_off(error) and is_refusal(error):
            verification = find_verification_error(error)
            # urllib3 1 compares names itself, and its error has no code.
            mismatch = getattr(verification, "verify_code", _HOSTNAME_MISMATCH) in (_HOSTNAME_MISMATCH, _IP_MISMATCH)
            advice = f"; see {self.endpoint.address_options}"
            if verification is not None and not mismatch:
                advice = "; ca_path names the CA to trust"
            return UntrustedError(f"the TLS connection to {where} failed: {reason}{advice}", method, path)
        if isinstance(error, requests.exceptions.ProxyError):
            refused = "Tunnel connection failed: 4" in reason
            return UnreachableError(f"the proxy did not connect to {where}: {reason}; see proxy", method, path, refused)
        if has_never_connected(error):
            return UnreachableError(
                f"{where} cannot be reached: {reason}; see {self.endpoint.address_options}", method, path
            )
        if isinstance(
            error,
            (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, urllib3.exceptions.LocationParseError),
        ):
            return UnreachableError(f"{where} cannot be asked for {path}: {reason}", method, path, permanent=True)
        broken = RequestError(f"the connection to {where} broke during {method} {path}: {reason}", method, path)
        late = any(isinstance(item, requests.exceptions.Timeout) for item in exception_chain(error))
        return UnknownOutcomeError(broken, transient=True, late=late)

    def _where(self) -> str:
        return urlsplit(self.endpoint.url).netloc

    def _api_error(self, response: Response) -> ApiError:
        errors = []
        # What comes with another status is no error but perhaps an object, with secrets of its own.
        if response.status >= 400:
            # Before it is read, since long texts are cut there; and after, since reading takes away what wraps them.
            body = self._secrets.without(response.body.decode("utf-8", errors="replace")).encode()
            errors = [{key: self._secrets.without(text) for key, text in error.items()} for error in parse_errors(body)]
        said = one_line(describe_errors(errors), _MAX_REASON_LENGTH)
        if 300 <= response.status < 400:
            # Only the host: what follows it may be a link made for one login.
            target = _host_in(self._secrets.without(response.header("Location") or ""))
            said = f"a redirect to {target} is not followed; see {self.endpoint.address_options}"
        parts = [f"the {self.endpoint.title} answered {response.status} to {response.method} {response.path}"]
        parts += [part for part in (said, self.endpoint.hints.get(response.status)) if part]
        suffix = f" (X-Request-Id {response.request_id})" if response.request_id else ""
        return ApiError(
            ": ".join(parts) + suffix, response.method, response.path, response.status, errors, response.request_id
        )


def _is_plain_object(response: Response) -> bool:
    """Say whether a body is a JSON object without the words of an error."""
    try:
        return not {"error", "message", "token"} & set(response.json_object())
    except ContractError:
        return False


def _within(seconds: float, exchange: Callable[[], Result]) -> Result:
    """Return what ``exchange`` returns, or raise TimeoutError after ``seconds``.

    The timeouts of a socket start anew with every byte, and a name look-up has none, so only a second thread can hold
    a deadline against a server that answers a byte at a time. Left behind, it ends with the process.
    """
    results: list[Result] = []
    failures: list[Exception] = []

    def run() -> None:
        try:
            results.append(exchange())
        except Exception as error:  # handed to the waiting thread, which sorts it
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if not results:
        raise TimeoutError
    return results[0]


def _read_body(response: requests.Response, method: str, path: str) -> bytes:
    # urllib3 1 takes an answer that ends too early for a whole one, unless it is told.
    response.raw.enforce_content_length = True
    chunks: list[bytes] = []
    size = 0
    for chunk in response.iter_content(_CHUNK):
        size += len(chunk)
        if size > MAX_RESPONSE_BYTES:
            raise ContractError(
                f"the answer to {method} {path} is larger than {MAX_RESPONSE_BYTES} bytes", method, path
            )
        chunks.append(chunk)
    return b"".join(chunks)


def _encoded(query: Mapping[str, str]) -> str:
    """Return a query string. Raise OptionError for what cannot be sent."""
    for name, text in query.items():
        if not is_sendable(text):
            raise OptionError(name, f"has half of a character: {one_line(text)}")
    return urlencode(query)


def _host_in(location: str) -> str:
    """Return the host that a Location header leads to, in a few words."""
    try:
        return one_line(urlsplit(location).netloc.rpartition("@")[2]) or "nowhere"
    except ValueError:
        return "nowhere"


def _proxies(endpoint: Endpoint) -> dict[str, str]:
    if endpoint.proxy:
        return {"http": endpoint.proxy, "https": endpoint.proxy}
    if not endpoint.use_proxy:
        return {}
    found = get_environ_proxies(endpoint.url, no_proxy=None)
    # Old requests take no proxy without a scheme.
    proxies = {name: url if "://" in url else f"http://{url}" for name, url in found.items()}
    chosen = select_proxy(endpoint.url, proxies)
    if chosen and not is_web_address(chosen):
        raise OptionError("proxy", "is not given, and the environment names a proxy that is no http or https URL")
    return proxies
