# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one way to a server: one HTTP session per module run. The only file that imports requests.

What the options of a task say always wins over the environment. requests would let REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE,
``*_proxy`` and .netrc override a session's settings, so the session does not look at the environment at all; those
variables are read here, and only for what the task leaves open.
"""

from __future__ import annotations

import base64
import json
import os
import re
import ssl
import threading
import time
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.client import BadStatusLine
from typing import Any, Callable, TypeVar
from urllib.parse import unquote, urlencode, urlsplit

from . import retry
from .answers import Answer, Secrets, describe, one_line, read_errors
from .errors import (
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
from .pace import Pace

REQUESTS_IMPORT_ERROR: str | None
try:
    import requests
    import urllib3.exceptions
    from requests.utils import get_environ_proxies, select_proxy
    from urllib3 import disable_warnings
    from urllib3.exceptions import HTTPError, InsecureRequestWarning, LocationParseError, NewConnectionError
except ImportError:
    REQUESTS_IMPORT_ERROR = traceback.format_exc()
else:
    REQUESTS_IMPORT_ERROR = None
    # urllib3 before 1.26 passes on what Python says of a length that is no number.
    _NOT_HTTP = (BadStatusLine, getattr(urllib3.exceptions, "InvalidChunkLength", ValueError))

Result = TypeVar("Result")

USER_AGENT = "microseg.enforcement"
LARGEST_ANSWER = 256 * 1024 * 1024
"""Bytes. No collection of a PCE comes near; an endless answer must not eat the controller's memory."""

_CONNECT_TIMEOUT = 10.0
_GATEWAY_TIMEOUT = 504
_NOT_IMPLEMENTED = 501
_SHORTEST_WAIT = 0.5  # a server that says "Retry-After: 0" again and again is not to be flooded
_CHUNK = 64 * 1024
_LONGEST_REASON = 2000  # characters, of 4000 that a result shows: what follows says more than the tenth error
_HOSTNAME_MISMATCH, _IP_MISMATCH = 62, 64  # OpenSSL's codes for a certificate of another server


@dataclass(frozen=True)
class Endpoint:
    """Where a server is and how to speak to it.

    ``url`` is the base of all paths, ``title`` the server's name in messages ("PCE"), ``address_options`` the options
    that say where it is, ``credential_options`` those that are ``user`` and ``password``. ``user`` None means no
    authentication. ``ca_path`` None means: the environment's CA bundle,
    else the one of requests. ``timeout`` and ``deadline`` are seconds: of silence on a connection, and for all that
    the task does. ``max_requests_per_minute`` 0 means no limit. ``hints`` gives for an HTTP status what its user should
    look at. ``bare_success`` is the one status below 300 that says, without a body, that a PUT or DELETE was done,
    None where that is not known.
    """

    url: str
    title: str
    address_options: str
    credential_options: tuple[str, str] = ("user", "password")
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    validate_certs: bool = True
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    proxy: str | None = field(default=None, repr=False)
    use_proxy: bool = True
    timeout: float = 30.0
    deadline: float = 300.0
    max_requests_per_minute: int = 0
    hints: Mapping[int, str] = field(default_factory=dict)
    bare_success: int | None = None

    def check(self) -> None:
        """Raise OptionError for what can be known to be wrong before any request."""
        self._check_credentials()
        for option in ("timeout", "deadline"):
            if not 0 < getattr(self, option) <= 86400:
                raise OptionError(option, "must be a number of seconds above 0 and at most 86400")
        for option in ("ca_path", "client_cert", "client_key"):
            path = getattr(self, option)
            if path and not _is_readable(path):
                raise OptionError(option, f"{path} does not exist or cannot be read")
        if self.client_key and not self.client_cert:
            raise OptionError("client_key", "needs client_cert beside it")
        self._check_certificates()
        if self.proxy:
            if not self.use_proxy:
                raise OptionError("proxy", "contradicts use_proxy: false")
            if not _is_web_address(self.proxy):
                raise OptionError("proxy", "must be a URL such as http://proxy.example.com:3128")
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            if self.validate_certs and not self.ca_path and not _is_readable(os.environ.get(name) or "/"):
                raise OptionError("ca_path", f"is not given, and {name} names a file that cannot be read")

    def _check_credentials(self) -> None:
        """Raise OptionError for what basic authentication cannot carry (RFC 7617): a server would read it otherwise."""
        user_option, password_option = self.credential_options
        for option, text in ((user_option, self.user or ""), (password_option, self.password or "")):
            if not _is_sendable(text) or any(ord(char) < 32 or ord(char) == 127 for char in text):
                raise OptionError(option, "must not have control characters or halves of characters")
        if ":" in (self.user or ""):
            raise OptionError(user_option, "must not have a colon: for a server the password begins there")

    def _check_certificates(self) -> None:
        """Raise OptionError for files that hold no certificates or keys: OpenSSL's own words name no option."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        asked: list[bool] = []

        def passphrase() -> str:
            asked.append(True)
            return ""

        option = "ca_path"
        try:
            if self.ca_path:
                context.load_verify_locations(cafile=self.ca_path)
            if self.client_cert:
                option = "client_cert"
                context.load_verify_locations(cafile=self.client_cert)  # the certificate alone
                option = "client_key" if self.client_key else "client_cert"
                context.load_cert_chain(self.client_cert, self.client_key, password=passphrase)
        except OSError as error:
            problem = f"is no usable PEM file: {one_line(error)}"
            if asked:
                problem = "is encrypted, and there is nobody to ask: give a key without a passphrase"
            elif getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
                problem = "is not the key of client_cert" if self.client_key else "holds a key of another certificate"
            raise OptionError(option, problem) from error


class Transport:
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
        self._pace = Pace(endpoint.max_requests_per_minute, clock) if endpoint.max_requests_per_minute else None
        self._session = requests.Session()
        self._session.trust_env = False
        # requests would take a redirect apart even though it does not follow it, and fail at what is no URL.
        self._session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
        self._session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})
        self._verify = _verify(endpoint)
        self._cert = _client_certificate(endpoint)
        self._proxies = _proxies(endpoint)
        self._secrets = Secrets(_credentials(endpoint, self._proxies.values()))
        if not endpoint.validate_certs:
            disable_warnings(InsecureRequestWarning)  # the module warns once, in its own words

    def get(self, path: str, query: Mapping[str, str] | None = None, **options: Any) -> Answer:
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
    ) -> Answer:
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
            if method in ("PUT", "DELETE") and any(map(_may_be_done, [*failures, error])):
                error.leave_open()
            raise

    def _until_answered(self, failures: list[RequestError], method: str, path: str, *rest: Any) -> Answer:
        """Send a request until it has an answer below 300; all other ends of it go to ``failures``."""
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = self._send(method, path, *rest)
                if 200 <= answer.status < 300:
                    self._check_bare(answer)
                    return answer
                failure: RequestError = self._api_error(answer)
                wait = retry.retry_after(answer.header("Retry-After"), self.now())
            except (UnreachableError, UnknownOutcomeError) as error:
                failure, wait = error, None
            failures.append(failure)
            if not self._is_repeatable(method, failure, attempt):
                raise self._outcome(method, failure)
            self.pause(attempt, failure, wait)

    def _check_bare(self, answer: Answer) -> None:
        """Raise ContractError where a PUT or DELETE was answered by something else than the API: a proxy's page.

        Where the status is known, a PUT may also be answered 200 with an object that is no error: a PCE does so, and
        what is in it is the caller's. Where it is not known, only what is plainly a page is refused, since the caller
        looks after all else.
        """
        expected = self.endpoint.bare_success
        if answer.method not in ("PUT", "DELETE") or answer.status == expected:
            return
        if expected is None:
            if answer.body.lstrip().startswith(b"<"):
                raise answer.contract_error("the body is a page, not JSON")
        elif answer.method != "PUT" or answer.status != 200 or not _is_plain_object(answer):
            raise answer.contract_error(f"{expected} was expected")

    def hide(self, secrets: Iterable[str]) -> None:
        """Keep these texts out of all errors from now on: a server may repeat what it was sent."""
        self._secrets.add(secrets)

    def pause(self, attempt: int, failure: RequestError, wait: float | None = None) -> None:
        """Wait before the next attempt: ``wait`` seconds, or a backoff. Raise DeadlineError if time is too short."""
        seconds = retry.backoff(attempt) if wait is None else max(wait, _SHORTEST_WAIT)
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

    def pace(self, limit: int) -> Pace:
        """Return a further limit of requests a minute, for those that a server counts apart."""
        return Pace(limit, self._clock)

    def demand_time(self, count: int, what: str, pace: Pace | None = None) -> None:
        """Raise OptionError where ``count`` more requests cannot be made before the deadline. ``what`` they are for.

        ``pace`` is the limit that they are under, that of all requests unless given.
        """
        limit, reason = (pace, "the server's limit") if pace else (self._pace, "max_requests_per_minute")
        needed = limit.seconds_for(count) if limit else 0.0
        if limit and needed >= self.remaining():
            raise OptionError(
                "deadline",
                f"{what} takes {count} requests, and so at least {needed:.0f} seconds at {limit.limit} a minute "
                f"({reason}); nothing was changed",
            )

    def wait_for_turn(self, pace: Pace, late: DeadlineError) -> None:
        """Wait until ``pace`` lets a request begin. Raise ``late`` where that would pass the deadline."""
        seconds = pace.take(self.remaining())
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
        if isinstance(failure, ApiError) and _may_be_done(failure) and not retry.is_repeatable(method):
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
    ) -> Answer:
        late = DeadlineError(
            f"the {self.endpoint.title} at {self._where()} did not answer {method} {path} within the deadline of "
            f"{self.endpoint.deadline:g} s",
            method,
            path,
        )
        if self._pace is not None and self.remaining() > 0:
            words = f"max_requests_per_minute ({self._pace.limit}) held back {method} {path} until the deadline of "
            held_back = DeadlineError(f"{words}{self.endpoint.deadline:g} s", method, path)
            self.wait_for_turn(self._pace, held_back)
        remaining = self.remaining()
        if remaining <= 0:
            raise late
        url = self.endpoint.url + path + ("?" + _encoded(query) if query else "")
        data = None if body is None else json.dumps(body).encode()
        sent_headers = {**headers, **({"Content-Type": "application/json"} if data is not None else {})}
        if authenticate and self.endpoint.user:
            sent_headers["Authorization"] = _basic(self.endpoint.user, self.endpoint.password or "")

        def exchange() -> Answer:
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
                return Answer(response.status_code, response.headers, read, method, path, self._secrets.without)

        try:
            return _within(remaining, exchange)
        except TimeoutError:
            late.sent = True
            raise late from None
        except ContractError as error:
            if retry.is_repeatable(method):
                raise
            raise UnknownOutcomeError(error, transient=False) from error
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:  # old requests let urllib3's pass
            raise self._connection_error(error, method, path) from error

    def _connection_error(self, error: Exception, method: str, path: str) -> RequestError:
        where = f"the {self.endpoint.title} at {self._where()}"
        reason = self._secrets.without(_reason(error))  # a proxy can put anything into the line of its status
        if isinstance(error, requests.exceptions.SSLError) and not _is_cut_off(error) and _is_refusal(error):
            verification = _verification_error(error)
            # urllib3 1 compares names itself, and its error has no code.
            mismatch = getattr(verification, "verify_code", _HOSTNAME_MISMATCH) in (_HOSTNAME_MISMATCH, _IP_MISMATCH)
            advice = f"; see {self.endpoint.address_options}"
            if verification is not None and not mismatch:
                advice = "; ca_path names the CA to trust"
            return UntrustedError(f"the TLS connection to {where} failed: {reason}{advice}", method, path)
        if isinstance(error, requests.exceptions.ProxyError):
            refused = "Tunnel connection failed: 4" in reason
            return UnreachableError(f"the proxy did not connect to {where}: {reason}; see proxy", method, path, refused)
        if _never_connected(error):
            return UnreachableError(
                f"{where} cannot be reached: {reason}; see {self.endpoint.address_options}", method, path
            )
        if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, LocationParseError)):
            return UnreachableError(f"{where} cannot be asked for {path}: {reason}", method, path, permanent=True)
        broken = RequestError(f"the connection to {where} broke during {method} {path}: {reason}", method, path)
        late = any(isinstance(item, requests.exceptions.Timeout) for item in _chain(error))
        return UnknownOutcomeError(broken, transient=True, late=late)

    def _where(self) -> str:
        return urlsplit(self.endpoint.url).netloc

    def _api_error(self, answer: Answer) -> ApiError:
        errors = []
        # What comes with another status is no error but perhaps an object, with secrets of its own.
        if answer.status >= 400:
            # Before it is read, since long texts are cut there; and after, since reading takes away what wraps them.
            body = self._secrets.without(answer.body.decode("utf-8", errors="replace")).encode()
            errors = [{key: self._secrets.without(text) for key, text in error.items()} for error in read_errors(body)]
        said = one_line(describe(errors), _LONGEST_REASON)
        if 300 <= answer.status < 400:
            # Only the host: what follows it may be a link made for one login.
            target = _host_in(self._secrets.without(answer.header("Location") or ""))
            said = f"a redirect to {target} is not followed; see {self.endpoint.address_options}"
        parts = [f"the {self.endpoint.title} answered {answer.status} to {answer.method} {answer.path}"]
        parts += [part for part in (said, self.endpoint.hints.get(answer.status)) if part]
        suffix = f" (X-Request-Id {answer.request_id})" if answer.request_id else ""
        return ApiError(": ".join(parts) + suffix, answer.method, answer.path, answer.status, errors, answer.request_id)


def _is_plain_object(answer: Answer) -> bool:
    """Say whether a body is a JSON object without the words of an error."""
    try:
        return not {"error", "message", "token"} & set(answer.json_object())
    except ContractError:
        return False


def _may_be_done(failure: RequestError) -> bool:
    """Say whether the server may have acted on a request that ended like this."""
    if isinstance(failure, ApiError):
        # A server that refuses says so with 4xx, one that cannot do such a thing at all with 501.
        return not 300 <= failure.status < 500 and failure.status != _NOT_IMPLEMENTED
    if isinstance(failure, DeadlineError):
        return failure.sent
    return not isinstance(failure, (UnreachableError, UntrustedError))


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
        if size > LARGEST_ANSWER:
            raise ContractError(f"the answer to {method} {path} is larger than {LARGEST_ANSWER} bytes", method, path)
        chunks.append(chunk)
    return b"".join(chunks)


def _encoded(query: Mapping[str, str]) -> str:
    """Return a query string. Raise OptionError for what cannot be sent."""
    for name, text in query.items():
        if not _is_sendable(text):
            raise OptionError(name, f"has half of a character: {one_line(text)}")
    return urlencode(query)


def _is_sendable(text: str) -> bool:
    """Say whether a text is one of whole characters. Python's texts and JSON's escapes may hold halves of them."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _basic(user: str, password: str) -> str:
    """Return the header of basic authentication in UTF-8, which requests would not do."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _credentials(endpoint: Endpoint, proxies: Iterable[str]) -> set[str]:
    """Return what a server or a proxy may repeat of how requests are authenticated."""
    found = {endpoint.password} if endpoint.password else set()
    if endpoint.user:
        found.add(_basic(endpoint.user, endpoint.password or "").partition(" ")[2])
    for proxy in proxies:
        login = proxy.rpartition("@")[0].rpartition("//")[2]
        found |= {login, unquote(login), unquote(login.partition(":")[2])}
    return found - {""}


def _is_readable(path: str) -> bool:
    """Say whether there is something to be read at ``path``."""
    try:
        return os.access(path, os.R_OK)
    except ValueError:  # a character that no path has
        return False


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _host_in(location: str) -> str:
    """Return the host that a Location header leads to, in a few words."""
    try:
        return one_line(urlsplit(location).netloc.rpartition("@")[2]) or "nowhere"
    except ValueError:
        return "nowhere"


def _verify(endpoint: Endpoint) -> bool | str:
    if not endpoint.validate_certs:
        return False
    return endpoint.ca_path or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True


def _client_certificate(endpoint: Endpoint) -> str | tuple[str, str] | None:
    if endpoint.client_cert and endpoint.client_key:
        return endpoint.client_cert, endpoint.client_key
    return endpoint.client_cert


def _proxies(endpoint: Endpoint) -> dict[str, str]:
    if endpoint.proxy:
        return {"http": endpoint.proxy, "https": endpoint.proxy}
    if not endpoint.use_proxy:
        return {}
    found = get_environ_proxies(endpoint.url, no_proxy=None)
    # Old requests take no proxy without a scheme.
    proxies = {name: url if "://" in url else f"http://{url}" for name, url in found.items()}
    chosen = select_proxy(endpoint.url, proxies)
    if chosen and not _is_web_address(chosen):
        raise OptionError("proxy", "is not given, and the environment names a proxy that is no http or https URL")
    return proxies


def _chain(error: BaseException) -> list[BaseException]:
    """Return ``error`` and all that lies behind it, outermost first: requests and urllib3 wrap in several ways."""
    found: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting:
        item = waiting.pop(0)
        if isinstance(item, BaseException) and not any(item is known for known in found):
            found.append(item)
            waiting += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]
    return found


def _verification_error(error: BaseException) -> ssl.SSLCertVerificationError | None:
    return next((item for item in _chain(error) if isinstance(item, ssl.SSLCertVerificationError)), None)


def _is_refusal(error: BaseException) -> bool:
    """Say whether a TLS error means that nothing was carried out, since the connection never stood.

    That is known where it came up while urllib3 connected. With TLS 1.3 the server's word on a client certificate comes
    later, but before it looks at a request. Any other fault may be one of the answer.
    """
    for item in _chain(error):
        if any(frame.f_code.co_name == "connect" for frame, _line in traceback.walk_tb(item.__traceback__)):
            return True
        reason = str(getattr(item, "reason", None)) if isinstance(item, ssl.SSLError) else ""
        if "_ALERT_" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
            return True
    return _verification_error(error) is not None


def _is_cut_off(error: BaseException) -> bool:
    """Say whether a TLS error is a connection that ended too early, not a refusal."""
    return any(isinstance(item, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) for item in _chain(error))


def _never_connected(error: BaseException) -> bool:
    return any(isinstance(item, (NewConnectionError, requests.exceptions.ConnectTimeout)) for item in _chain(error))


def _reason(error: BaseException) -> str:
    """Return the innermost reason of a connection error in a few words."""
    verification = _verification_error(error)
    if verification is not None:
        return one_line(getattr(verification, "verify_message", "") or verification)
    chain = _chain(error)
    if any(isinstance(item, requests.exceptions.Timeout) for item in chain):
        return "no answer in time"
    if any(isinstance(item, _NOT_HTTP) and not isinstance(item, OSError) for item in chain):
        return "what it sent is not HTTP"  # the exceptions quote it, and it may hold secrets
    for item in reversed(chain):
        if isinstance(item, OSError) and item.strerror and not isinstance(item, requests.RequestException):
            return one_line(item.strerror)
    # What is left may quote the URL of a proxy.
    return one_line(re.sub(r"//\S*@", "//…@", str(chain[-1]))) or type(chain[-1]).__name__
