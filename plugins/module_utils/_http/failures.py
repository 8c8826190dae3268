# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a failed exchange means: never sent, refused, or unknown. All of it becomes an error that a user can read."""

from __future__ import annotations

import re
import socket
import ssl
from typing import Any, Callable
from urllib.parse import urlsplit

from .._core.errors import ApiError, DeadlineError, RequestError, UnknownOutcomeError, UnreachableError, UntrustedError
from .._core.text import describe_errors, one_line
from .endpoint import Endpoint
from .exchange import Exchange
from .library import NOT_HTTP, requests, urllib3
from .response import Response, parse_errors

_NOT_IMPLEMENTED = 501
_MAX_REASON_LENGTH = (
    2000  # characters, of 4000 that a result shows: the hint that follows helps more than a tenth error
)
_HOSTNAME_MISMATCH, _IP_MISMATCH = 62, 64  # OpenSSL's codes for a certificate of another server
_REFUSED_BY_PROXY = "Tunnel connection failed: 4"


def may_have_been_applied(failure: RequestError) -> bool:
    """Return True if the server may have acted on a request that failed like this."""
    if isinstance(failure, ApiError):
        # A server that refuses a request answers 3xx or 4xx, one that does not know its method 501.
        return not 300 <= failure.status < 500 and failure.status != _NOT_IMPLEMENTED
    if isinstance(failure, DeadlineError):
        return failure.sent
    return not isinstance(failure, (UnreachableError, UntrustedError))


class FailureReader:
    """Makes errors of what went wrong with one server. ``hide`` removes secrets from a text."""

    def __init__(self, endpoint: Endpoint, hide: Callable[[str], str], uses_proxy: bool) -> None:
        self._endpoint = endpoint
        self._hide = hide
        self._uses_proxy = uses_proxy
        self._server = f"the {endpoint.title} at {endpoint.location}"

    def read_exception(self, error: Exception, exchange: Exchange[Any], method: str, path: str) -> RequestError:
        """Return the error of an exchange that ended without a whole response.

        Only what failed while it was connecting was never sent. The types of exceptions do not tell: urllib3 calls the
        loss of a response a ProxyError too.
        """
        reason = self._hide(describe_failure(error))  # a proxy can put anything into its status line
        if isinstance(error, _not_an_address()) and not exchange.is_sent:
            return UnreachableError(
                f"{self._server} cannot be asked for {path}: {reason}", method, path, is_permanent=True
            )
        is_at_proxy = exchange.is_connecting and self._uses_proxy and not exchange.has_passed_proxy
        if not is_at_proxy and _is_tls_refusal(error, exchange.is_connecting):
            return UntrustedError(
                f"the TLS connection to {self._server} failed: {reason}{self._tls_advice(error)}", method, path
            )
        if is_at_proxy:
            is_final = reason.startswith(_REFUSED_BY_PROXY) or _find_verification_error(error) is not None
            return UnreachableError(
                f"the proxy did not connect to {self._server}: {reason}; see proxy", method, path, is_final
            )
        if exchange.is_connecting:
            advice = f"see {self._endpoint.address_options}"
            return UnreachableError(f"{self._server} cannot be reached: {reason}; {advice}", method, path)
        broken = RequestError(f"the connection to {self._server} broke during {method} {path}: {reason}", method, path)
        return UnknownOutcomeError(broken, may_be_under_way=True)

    def read_response(self, response: Response) -> ApiError:
        """Return the error of a response that is no success."""
        errors = self._errors_in(response) if response.status >= 400 else []
        reason = one_line(describe_errors(errors), _MAX_REASON_LENGTH)
        if 300 <= response.status < 400:
            # The host alone: the rest may be a link that was made for one login.
            target = _host_in(self._hide(response.header("Location") or ""))
            reason = f"a redirect to {target} is not followed; see {self._endpoint.address_options}"
        parts = [f"the {self._endpoint.title} answered {response.status} to {response.method} {response.path}"]
        parts += [part for part in (reason, self._endpoint.hints.get(response.status)) if part]
        suffix = f" (X-Request-Id {response.request_id})" if response.request_id else ""
        return ApiError(
            ": ".join(parts) + suffix, response.method, response.path, response.status, errors, response.request_id
        )

    def _errors_in(self, response: Response) -> list[dict[str, str]]:
        """Return what the body of an error says, without secrets.

        They are removed before it is read, since long texts are cut then, and after, since reading unwraps texts.
        """
        text = response.body.decode("utf-8", errors="replace")
        errors = parse_errors(self._hide(text).encode())
        return [{key: self._hide(text) for key, text in error.items()} for error in errors]

    def _tls_advice(self, error: Exception) -> str:
        verification = _find_verification_error(error)
        # urllib3 1.26 compares names itself, and its error has no code.
        code = getattr(verification, "verify_code", _HOSTNAME_MISMATCH)
        if verification is not None and code not in (_HOSTNAME_MISMATCH, _IP_MISMATCH):
            return "; set ca_path to a PEM file with the CA to trust"
        return f"; see {self._endpoint.address_options}"


def describe_failure(error: BaseException) -> str:
    """Return the innermost reason of a connection error in a few words."""
    verification = _find_verification_error(error)
    if verification is not None:
        return one_line(getattr(verification, "verify_message", "") or verification)
    chain = _exception_chain(error)
    if any(isinstance(item, (requests.Timeout, urllib3.exceptions.ReadTimeoutError, socket.timeout)) for item in chain):
        return "no answer in time"
    if any(isinstance(item, NOT_HTTP) and not isinstance(item, OSError) for item in chain):
        return "the response is not HTTP"  # the exceptions quote it, and it may hold secrets
    for item in reversed(chain):
        if isinstance(item, OSError) and item.strerror and not isinstance(item, requests.RequestException):
            return one_line(item.strerror)
    # The URL of a proxy may be quoted in any other text.
    return one_line(re.sub(r"//\S*@", "//…@", str(chain[-1]))) or type(chain[-1]).__name__


def _not_an_address() -> tuple[type[Exception], ...]:
    return (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, urllib3.exceptions.LocationParseError)


def _is_tls_refusal(error: BaseException, is_connecting: bool) -> bool:
    """Return True if a TLS error means that no connection was allowed, and so that nothing was carried out.

    With TLS 1.3 the server's alert about the client certificate comes when the request may have been written already,
    but before the server looks at it. A TLS connection that was cut off is no refusal.
    """
    faults = [item for item in _exception_chain(error) if isinstance(item, ssl.SSLError)]
    if any(map(_is_certificate_alert, faults)):
        return True
    if any(isinstance(item, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) for item in faults):
        return False
    has_name_mismatch = isinstance(error, requests.exceptions.SSLError) and not faults  # of urllib3 1.26
    return is_connecting and (bool(faults) or has_name_mismatch)


def _is_certificate_alert(fault: ssl.SSLError) -> bool:
    reason = str(getattr(fault, "reason", None))  # urllib3 1.26 makes one without
    return "_ALERT_" in reason and any(word in reason for word in ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED"))


def _find_verification_error(error: BaseException) -> ssl.SSLCertVerificationError | None:
    return next((item for item in _exception_chain(error) if isinstance(item, ssl.SSLCertVerificationError)), None)


def _exception_chain(error: BaseException) -> list[BaseException]:
    """Return ``error`` and all that is behind it, outermost first: requests and urllib3 wrap in several ways."""
    found: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting:
        item = waiting.pop(0)
        if isinstance(item, BaseException) and not any(item is known for known in found):
            found.append(item)
            waiting += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]
    return found


def _host_in(location: str) -> str:
    """Return the host of a Location header in a few words."""
    try:
        return one_line(urlsplit(location).netloc.rpartition("@")[2]) or "nowhere"
    except ValueError:
        return "nowhere"
