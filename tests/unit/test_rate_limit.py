# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests that begin within any minute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._http.rate_limit import WINDOW, RateLimiter


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_a_burst_up_to_the_limit_is_not_held_back() -> None:
    pace = RateLimiter(3, Clock())
    assert [pace.take(300) for _turn in range(5)] == [0, 0, 0, WINDOW, WINDOW]


def test_nothing_takes_no_time() -> None:
    pace = RateLimiter(1, Clock())
    assert pace.seconds_for(0) == 0
    pace.take(1)
    assert pace.seconds_for(0) == 0
    assert pace.seconds_for(2) == 2 * WINDOW


def test_a_turn_that_comes_too_late_is_not_taken() -> None:
    clock = Clock()
    pace = RateLimiter(1, clock)
    assert pace.take(10) == 0
    assert pace.take(60) is None
    assert pace.take(60.1) == 60
    clock.time += 60
    assert pace.take(1) is None


@given(
    limit=st.integers(1, 7),
    pauses=st.lists(st.floats(0, 100, allow_nan=False), max_size=40),
)
def test_no_minute_has_more_than_the_limit(limit: int, pauses: list[float]) -> None:
    clock = Clock()
    pace = RateLimiter(limit, clock)
    begun = []
    for pause in pauses:
        clock.time += pause
        wait = pace.take(1e9)
        assert wait is not None
        clock.time += wait
        begun.append(clock.time)
    for first, last in zip(begun, begun[limit:]):
        assert last - first >= WINDOW - 1e-6


@given(limit=st.integers(1, 5), before=st.integers(0, 9), count=st.integers(1, 20), pause=st.floats(0, 70))
def test_the_foreseen_time_is_the_time_it_takes(limit: int, before: int, count: int, pause: float) -> None:
    clock = Clock()
    pace = RateLimiter(limit, clock)
    for _turn in range(before):
        clock.time += pace.take(1e9) or 0
    clock.time += pause
    foreseen = pace.seconds_for(count)
    start = clock.time
    for _turn in range(count):
        clock.time += pace.take(1e9) or 0
    assert abs(clock.time - start - foreseen) < 1e-6
