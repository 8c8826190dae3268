# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a request is tried again, and after how long: pure decisions, without clock, sleep or network."""

from __future__ import annotations

import random
from datetime import timezone
from email.utils import parsedate_to_datetime

ATTEMPTS = 4
"""How often a request is sent at most if connections break or a gateway answers 502, 503 or 504."""

MAX_WAIT_SECONDS = 60.0
"""Seconds: the rate limit of a PCE counts by the minute, so no longer pause is worth waiting for."""

_GATEWAY = frozenset({502, 503, 504})
_RATE_LIMITED = 429
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})


def is_repeatable(method: str) -> bool:
    """Return True if sending ``method`` twice has the effect of sending it once."""
    return method in _REPEATABLE


def is_transient(status: int) -> bool:
    """Return True if an error status is about the moment, not about the request."""
    return status == _RATE_LIMITED or status in _GATEWAY


def is_rate_limit(status: int) -> bool:
    """Return True if the server refused to look at the request at all, because too many came."""
    return status == _RATE_LIMITED


def backoff(attempt: int, jitter: float | None = None) -> float:
    """Return seconds to wait before attempt number ``attempt`` + 1: doubling from half a second, spread by a quarter.

    ``jitter`` (0 to 1) replaces the random spread.
    """
    spread = random.random() if jitter is None else jitter  # noqa: S311  # spreads load, protects nothing
    return float(min(MAX_WAIT_SECONDS, 0.5 * 2 ** min(attempt - 1, 10)) * (0.75 + 0.5 * spread))


def jitter() -> float:
    """Return up to half a second, at random, by which clients that wait for the same moment spread."""
    return random.random() * 0.5  # noqa: S311  # spreads load, protects nothing


def retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds that a Retry-After header asks for, at least 0 and at most ``MAX_WAIT_SECONDS``.

    ``value`` is a number of seconds or an HTTP date, ``now`` the time in seconds since the epoch. Anything else,
    a missing header included, gives None: the caller then uses its own backoff.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        # A number with more digits than any clock is clamped before it is converted.
        return MAX_WAIT_SECONDS if len(text) > 9 else min(MAX_WAIT_SECONDS, float(text))
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return min(MAX_WAIT_SECONDS, max(0.0, moment.timestamp() - now))
