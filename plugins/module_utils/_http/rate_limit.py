# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Staying under a server's limit of requests a minute, instead of running into it."""

from __future__ import annotations

import threading
from collections import deque
from typing import Callable

WINDOW = 60.0
"""Seconds over which a server counts."""


class RateLimiter:
    """Lets at most ``limit`` requests begin within any minute, whichever threads they come from.

    ``clock`` gives monotonic seconds. A burst up to the limit is not delayed; what follows waits for its turn.
    """

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self.limit = limit
        self._clock = clock
        self._turns: deque[float] = deque(maxlen=limit)
        self._lock = threading.Lock()

    def take(self, max_length: float) -> float | None:
        """Take a turn and return the seconds until it comes. None, and no turn, if that is ``max_length`` or more."""
        with self._lock:
            now = self._clock()
            turn = self._next(self._turns, now)
            if turn - now >= max_length:
                return None
            self._turns.append(turn)
            return turn - now

    def seconds_for(self, count: int) -> float:
        """Return the seconds until the last of ``count`` further requests can begin."""
        with self._lock:
            turns, now = self._turns.copy(), self._clock()
        for _request in range(count):
            turns.append(self._next(turns, now))
        return max(0.0, turns[-1] - now) if turns else 0.0

    def _next(self, turns: deque[float], now: float) -> float:
        return max(now, turns[0] + WINDOW) if len(turns) == self.limit else now
