# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Creating an object without ever creating two."""

from __future__ import annotations

from typing import Callable

from .._core.errors import ApiError, CollectionError, DeadlineError, RequestError, UnknownOutcomeError
from .._core.resource import Raw
from . import retry
from .client import HttpClient

LookUp = Callable[[], "Raw | None"]

LOOKUP_PAUSES = (0.5, 1.0, 2.0, 4.0, 5.0)
"""Seconds between lookups while a server may still be working on a request: 12.5 seconds in all."""


def create_once(http: HttpClient, send: Callable[[], Raw], look_up: LookUp, refuses_duplicates: bool = False) -> Raw:
    """Return the new object: ``send`` creates it, ``look_up`` finds it by its identity.

    After an end that does not say whether the server acted, the object is looked up. If the server may still be working
    on the request, it is looked up several times; and the request is sent again only to a server that
    ``refuses_duplicates``. Raises the error of the request if the object does not appear: ``changed`` is True then if
    the server may still create it.
    """
    lost: list[UnknownOutcomeError] = []
    try:
        return _send_until_known(http, send, look_up, refuses_duplicates, lost)
    except CollectionError as error:
        _mark_unknown(error, lost)
        raise


def look_up_after_failure(failure: RequestError, look_up: LookUp) -> Raw | None:
    """Return the object if the server shows it. Raise an error with both reasons if the lookup fails too."""
    try:
        return look_up()
    except RequestError as error:
        both = RequestError(f"{failure}; looking it up failed too: {error}", failure.method, failure.path)
        both.mark_outcome_unknown()
        raise both from error


def _send_until_known(
    http: HttpClient,
    send: Callable[[], Raw],
    look_up: LookUp,
    refuses_duplicates: bool,
    lost: list[UnknownOutcomeError],
) -> Raw:
    """Send until it is known whether the object exists; each attempt that does not say so is added to ``lost``."""
    while True:
        try:
            return send()
        except UnknownOutcomeError as error:
            lost.append(error)
            may_repeat = refuses_duplicates and error.may_be_under_way and len(lost) < retry.ATTEMPTS
            pauses = LOOKUP_PAUSES if _may_appear(lost) and not may_repeat else ()
            found = _look_up_repeatedly(http, error.cause, look_up, pauses)
            if found is not None:
                return found
            if not may_repeat:
                raise error.cause from error
            http.pause(len(lost), error.cause)
        except ApiError as error:
            # A duplicate was created by another run just before, or by an attempt of ours that was lost.
            if not lost and not error.has("must_be_unique"):
                raise
            found = _look_up_repeatedly(http, error, look_up, LOOKUP_PAUSES if _may_appear(lost) else ())
            if found is None:
                raise
            return found


def _look_up_repeatedly(
    http: HttpClient, failure: RequestError, look_up: LookUp, pauses: tuple[float, ...]
) -> Raw | None:
    """Return the object as soon as the server shows it, None if it does not in a lookup now and after each pause."""
    found = look_up_after_failure(failure, look_up)
    for seconds in pauses:
        if found is not None:
            break
        http.pause(1, failure, seconds)
        found = look_up_after_failure(failure, look_up)
    return found


def _may_appear(lost: list[UnknownOutcomeError]) -> bool:
    return any(error.may_be_under_way for error in lost)


def _mark_unknown(error: CollectionError, lost: list[UnknownOutcomeError]) -> None:
    """Note in the error of a creation that the object may exist, or may still appear."""
    if not isinstance(error, RequestError):
        error.changed = error.changed or bool(lost)  # several exist, and one of them may be ours
    elif _may_appear(lost) or (isinstance(error, DeadlineError) and error.sent):
        error.add("The server may still be working on it: wait a minute before you run the task again")
        error.mark_outcome_unknown()
