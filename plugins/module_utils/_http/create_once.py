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


def create_once(
    http: HttpClient, send: Callable[[], Raw], look_up: Callable[[], Raw | None], refuses_duplicates: bool = False
) -> Raw:
    """Return the new object: ``send`` makes it, ``look_up`` finds it by its identity.

    After an end that does not say whether the server acted, the object is looked up before anything is sent again. A
    server that was only slow may still act after that: nothing is sent again then, unless it ``refuses_doubles``.
    Raises the error of the request where the object is not there.
    """
    lost: list[UnknownOutcomeError] = []
    try:
        return _until_known(http, send, look_up, refuses_duplicates, lost)
    except CollectionError as error:
        if isinstance(error, RequestError):
            if any(failure.late for failure in lost) and not error.changed:  # the server may still be at it
                error.mark_outcome_unknown()
        elif lost:  # several are there, and one of them may be ours
            error.changed = True
        raise


def _until_known(
    http: HttpClient,
    send: Callable[[], Raw],
    look_up: Callable[[], Raw | None],
    refuses_duplicates: bool,
    lost: list[UnknownOutcomeError],
) -> Raw:
    """Send until it is known whether the object is there; all ends that do not say so go to ``lost``."""
    attempt = 0
    while True:
        attempt += 1
        try:
            return send()
        except UnknownOutcomeError as error:
            lost.append(error)
            found = look_up_after(error.cause, look_up)
            if found is None and error.late and not refuses_duplicates:
                found = _wait_for(http, error.cause, look_up)
            if found is not None:
                return found
            if not error.transient or attempt >= retry.ATTEMPTS:
                raise error.cause from error
            http.pause(attempt, error.cause)
        except DeadlineError as error:
            if error.sent:
                error.add("Whether the object was created is not known")
                error.changed = True
            raise
        except ApiError as error:
            # Refused at the second try: the first request may have been acted upon after it was looked for. Refused
            # as a double: somebody else made it just before.
            found = look_up_after(error, look_up) if attempt > 1 or error.has("must_be_unique") else None
            if found is None:
                raise
            return found


def _wait_for(http: HttpClient, failure: RequestError, look_up: Callable[[], Raw | None]) -> Raw:
    """Return the object once the server shows it. Raise ``failure`` if it does not in several looks."""
    for attempt in range(1, retry.ATTEMPTS):
        http.pause(attempt, failure)
        found = look_up_after(failure, look_up)
        if found is not None:
            return found
    failure.add("Whether the object was created is not known, since the server may still be at it. Run again later")
    failure.changed = True
    raise failure


def look_up_after(failure: RequestError, look_up: Callable[[], Raw | None]) -> Raw | None:
    """Return the object if the server shows it. Raise an error with both reasons where that cannot be found out."""
    try:
        return look_up()
    except RequestError as error:
        unknown = RequestError(
            f"{failure}; whether the object was created is not known, since looking it up failed too: {error}",
            failure.method,
            failure.path,
        )
        unknown.changed = True
        raise unknown from error
