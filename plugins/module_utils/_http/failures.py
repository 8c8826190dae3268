# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a failed exchange means: never sent, refused, or unknown."""

from __future__ import annotations

import re
import ssl
import traceback
from typing import Any

from .._core.errors import ApiError, DeadlineError, RequestError, UnreachableError, UntrustedError
from .._core.text import one_line
from .library import NOT_HTTP, requests, urllib3

_NOT_IMPLEMENTED = 501


def may_have_been_applied(failure: RequestError) -> bool:
    """Say whether the server may have acted on a request that ended like this."""
    if isinstance(failure, ApiError):
        # A server that refuses says so with 4xx, one that cannot do such a thing at all with 501.
        return not 300 <= failure.status < 500 and failure.status != _NOT_IMPLEMENTED
    if isinstance(failure, DeadlineError):
        return failure.sent
    return not isinstance(failure, (UnreachableError, UntrustedError))


def exception_chain(error: BaseException) -> list[BaseException]:
    """Return ``error`` and all that lies behind it, outermost first: requests and urllib3 wrap in several ways."""
    found: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting:
        item = waiting.pop(0)
        if isinstance(item, BaseException) and not any(item is known for known in found):
            found.append(item)
            waiting += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]
    return found


def find_verification_error(error: BaseException) -> ssl.SSLCertVerificationError | None:
    return next((item for item in exception_chain(error) if isinstance(item, ssl.SSLCertVerificationError)), None)


def is_refusal(error: BaseException) -> bool:
    """Say whether a TLS error means that nothing was carried out, since the connection never stood.

    That is known where it came up while urllib3 connected. With TLS 1.3 the server's word on a client certificate comes
    later, but before it looks at a request. Any other fault may be one of the answer.
    """
    for item in exception_chain(error):
        if any(frame.f_code.co_name == "connect" for frame, _line in traceback.walk_tb(item.__traceback__)):
            return True
        reason = str(getattr(item, "reason", None)) if isinstance(item, ssl.SSLError) else ""
        if "_ALERT_" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
            return True
    return find_verification_error(error) is not None


def is_cut_off(error: BaseException) -> bool:
    """Say whether a TLS error is a connection that ended too early, not a refusal."""
    return any(isinstance(item, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) for item in exception_chain(error))


def has_never_connected(error: BaseException) -> bool:
    return any(
        isinstance(item, (urllib3.exceptions.NewConnectionError, requests.exceptions.ConnectTimeout))
        for item in exception_chain(error)
    )


def describe_failure(error: BaseException) -> str:
    """Return the innermost reason of a connection error in a few words."""
    verification = find_verification_error(error)
    if verification is not None:
        return one_line(getattr(verification, "verify_message", "") or verification)
    chain = exception_chain(error)
    if any(isinstance(item, requests.exceptions.Timeout) for item in chain):
        return "no answer in time"
    if any(isinstance(item, NOT_HTTP) and not isinstance(item, OSError) for item in chain):
        return "what it sent is not HTTP"  # the exceptions quote it, and it may hold secrets
    for item in reversed(chain):
        if isinstance(item, OSError) and item.strerror and not isinstance(item, requests.RequestException):
            return one_line(item.strerror)
    # What is left may quote the URL of a proxy.
    return one_line(re.sub(r"//\S*@", "//…@", str(chain[-1]))) or type(chain[-1]).__name__
