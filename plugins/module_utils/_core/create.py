# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Creating an object without ever creating two."""

from __future__ import annotations

from typing import Callable

from . import retry
from .errors import ApiError, DeadlineError, RequestError, UnknownOutcomeError
from .kind import Raw
from .transport import Transport


def create_once(transport: Transport, send: Callable[[], Raw], look_up: Callable[[], Raw | None]) -> Raw:
    """Return the new object: ``send`` makes it, ``look_up`` finds it by its identity.

    After an end that does not say whether the server acted, the object is looked up before anything is sent again.
    Raises the error of the request where the object is not there.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            return send()
        except UnknownOutcomeError as error:
            found = _look_up_after(error.cause, look_up)
            if found is not None:
                return found
            if not error.transient or attempt >= retry.ATTEMPTS:
                raise error.cause from error
            transport.pause(attempt, error.cause)
        except DeadlineError as error:
            if error.sent:
                error.add("Whether the object was created is not known")
            raise
        except ApiError as error:
            # Refused at the second try: the first request may have been acted upon after it was looked for.
            found = _look_up_after(error, look_up) if attempt > 1 else None
            if found is None:
                raise
            return found


def _look_up_after(failure: RequestError, look_up: Callable[[], Raw | None]) -> Raw | None:
    try:
        return look_up()
    except RequestError as error:
        raise RequestError(
            f"{failure}; whether the object was created is not known, since looking it up failed too: {error}",
            failure.method,
            failure.path,
        ) from error
