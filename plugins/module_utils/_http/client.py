# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to one server, repeated where that is safe, within one deadline for all that a task does."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Callable
from urllib.parse import urlencode

from .._core.errors import (
    ApiError,
    ContractError,
    DeadlineError,
    OptionError,
    RequestError,
    UnknownOutcomeError,
    UnreachableError,
)
from .._core.text import one_line
from . import retry
from .endpoint import Endpoint, is_sendable
from .exchange import LateError
from .failures import may_have_been_applied
from .rate_limit import RateLimiter
from .response import Response
from .session import Request, Session

_MIN_WAIT_SECONDS = 0.5  # a server that says "Retry-After: 0" again and again must not be flooded


class HttpClient:
    """Sends requests to one server, within one deadline that starts now. Several threads may use one.

    Use it as a context manager, or call ``close``, so that no connection and no thread outlives it. ``clock``
    (monotonic seconds), ``now`` (seconds since the epoch) and ``sleep`` are injected by tests.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.endpoint = endpoint
        self.now = now
        self._session = Session(endpoint)
        self._clock = clock
        self._sleep = sleep
        self._end = clock() + endpoint.deadline
        limit = endpoint.max_requests_per_minute
        self._rate_limiter = RateLimiter(limit, clock) if limit else None
        self._requests_left: float = math.inf

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections, and end all requests that other threads wait for."""
        self._session.close()

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
        """Send a request until it has a response below 300, and return that response.

        ``path`` follows the endpoint's URL and is already valid in a URL; ``query`` is encoded here; ``body`` is sent
        as JSON unless None. GET, PUT and DELETE are repeated on broken connections, 429, 502, 503 and 504; POST on 429
        and if it was never sent. Raises UnknownOutcomeError for a POST that may have been applied, else ApiError,
        UnreachableError, UntrustedError, ContractError or DeadlineError. The error of a PUT or DELETE says so if one
        of the attempts may have been applied.
        """
        failures: list[RequestError] = []
        try:
            return self._send_until_answered(failures, method, path, query, body, headers or {}, authenticate)
        except RequestError as error:
            if method != "GET" and any(map(may_have_been_applied, [*failures, error])):
                if retry.is_repeatable(method):
                    error.mark_outcome_unknown()
                error.changed = True
            raise

    def hide(self, secrets: Iterable[str]) -> None:
        """Redact these texts in all errors from now on: a server may repeat what it was sent."""
        self._session.secrets.add(secrets)

    def limit_requests(self, count: int) -> None:
        """Allow ``count`` more requests, each attempt counted; the next one raises DeadlineError."""
        self._requests_left = count

    def pause(self, attempt: int, failure: RequestError, wait: float | None = None) -> None:
        """Wait before the next attempt: ``wait`` seconds, or a backoff. Raise DeadlineError if time is too short."""
        seconds = retry.backoff(attempt) if wait is None else wait
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
        """Raise OptionError if ``count`` more requests cannot be sent before the deadline. ``what`` they are for.

        ``rate_limiter`` is the limit that they are under, by default that of all requests.
        """
        limit = rate_limiter or self._rate_limiter
        needed = limit.seconds_for(count) if limit else 0.0
        if limit and needed >= self.remaining():
            reason = "the server's limit" if rate_limiter else "max_requests_per_minute"
            raise OptionError(
                "deadline",
                f"{what} takes {count} requests, and so at least {needed:.0f} seconds at {limit.limit} a minute "
                f"({reason}); nothing was changed",
            )

    def wait_for_turn(self, rate_limiter: RateLimiter, late: DeadlineError) -> None:
        """Wait until ``rate_limiter`` lets a request begin. Raise ``late`` if that would pass the deadline."""
        if not self._has_waited(rate_limiter):
            raise late

    def _has_waited(self, rate_limiter: RateLimiter) -> bool:
        """Wait until ``rate_limiter`` lets a request begin. Return False, at once, if that would pass the deadline."""
        seconds = rate_limiter.take(self.remaining())
        if seconds:
            self._sleep(seconds)
        return seconds is not None

    def _send_until_answered(self, failures: list[RequestError], method: str, path: str, *rest: Any) -> Response:
        """Send a request until it has a response below 300; each attempt that failed is added to ``failures``."""
        attempt = 0
        while True:
            attempt += 1
            try:
                response = self._send(method, path, *rest)
                if 200 <= response.status < 300:
                    self._check_write_response(response)
                    return response
                failure: RequestError = self._session.failures.read_response(response)
                wait = retry.retry_after(response.header("Retry-After"), self.now())
                if wait is not None:
                    wait = max(wait, _MIN_WAIT_SECONDS)
                    if retry.is_rate_limit(response.status):
                        # Runs that share an API key are refused, and may come back, in the same second.
                        wait += retry.jitter()
            except (UnreachableError, UnknownOutcomeError) as error:
                failure, wait = error, None
            failures.append(failure)
            if not _may_repeat(method, failure, attempt):
                raise _final_error(method, failure)
            self.pause(attempt, failure, wait)

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any,
        headers: Mapping[str, str],
        authenticate: bool,
    ) -> Response:
        """Send a request once, as soon as the rate limit lets it begin."""
        target = path + ("?" + _encode(query) if query else "")
        data = None if body is None else json.dumps(body).encode()
        if self.remaining() > 0 and self._rate_limiter and not self._has_waited(self._rate_limiter):
            raise DeadlineError(
                f"max_requests_per_minute ({self._rate_limiter.limit}) delayed {method} {path} until the deadline of "
                f"{self.endpoint.deadline:g} s",
                method,
                path,
            )
        remaining = self.remaining()
        if remaining <= 0:
            raise self._late_error(method, path, sent=False)
        if self._requests_left < 1:
            raise DeadlineError(f"{method} {path} was not sent: all allowed requests were sent before", method, path)
        self._requests_left -= 1
        try:
            return self._session.exchange(Request(method, path, target, data, headers, authenticate), remaining)
        except LateError as error:
            raise self._late_error(method, path, error.is_sent) from None

    def _late_error(self, method: str, path: str, sent: bool) -> DeadlineError:
        return DeadlineError(
            f"the {self.endpoint.title} at {self.endpoint.location} did not answer {method} {path} within the deadline "
            f"of {self.endpoint.deadline:g} s",
            method,
            path,
            sent,
        )

    def _check_write_response(self, response: Response) -> None:
        """Raise ContractError if a PUT or DELETE was answered by something else than the API: a proxy's page.

        Where the endpoint's ``write_status`` is known, a PUT may also be answered 200 with an object that is no error,
        or with an entry for each object of a bulk operation: a PCE does so, and the caller reads it. Where it is not
        known, only what is plainly a page is refused, since the caller reads everything else.
        """
        expected = self.endpoint.write_status
        if response.method not in ("PUT", "DELETE") or response.status == expected:
            return
        if expected is None:
            if response.body.lstrip().startswith(b"<"):
                raise response.contract_error("the body is a page, not JSON")
        elif response.method != "PUT" or response.status != 200 or not _is_plain_object(response):
            raise response.contract_error(f"{expected} was expected")


def _may_repeat(method: str, failure: RequestError, attempt: int) -> bool:
    """Return True if a request may be sent again after its attempt number ``attempt`` failed."""
    if isinstance(failure, ApiError) and retry.is_rate_limit(failure.status):
        return True
    if attempt >= retry.ATTEMPTS:
        return False
    if isinstance(failure, UnreachableError):
        return not failure.is_permanent
    if isinstance(failure, UnknownOutcomeError):
        return retry.is_repeatable(method) and failure.may_be_under_way
    return isinstance(failure, ApiError) and retry.is_transient(failure.status) and retry.is_repeatable(method)


def _final_error(method: str, failure: RequestError) -> RequestError:
    """Return the error to raise for a request that is not sent again."""
    if isinstance(failure, UnknownOutcomeError):
        return failure.cause if retry.is_repeatable(method) else failure
    if isinstance(failure, ApiError) and may_have_been_applied(failure) and not retry.is_repeatable(method):
        return UnknownOutcomeError(failure, may_be_under_way=retry.is_transient(failure.status))
    return failure


def _is_plain_object(response: Response) -> bool:
    """Return True if a body is a JSON object without the words of an error, or a list of answers about objects."""
    try:
        value = response.json()
    except ContractError:
        return False
    if isinstance(value, list):
        return bool(value) and all(isinstance(entry, dict) and "href" in entry for entry in value)
    return isinstance(value, dict) and not {"error", "message", "token"} & set(value)


def _encode(query: Mapping[str, str]) -> str:
    """Return a query string. Raise OptionError for what cannot be sent."""
    for name, text in query.items():
        if not is_sendable(text):
            raise OptionError(name, f"contains an unpaired surrogate: {one_line(text)}")
    return urlencode(query)
