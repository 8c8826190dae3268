# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a request is tried again, and after how long."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._http import retry

NOW = 1_780_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("60", 60.0),
        ("61", 60.0),
        ("86400", 60.0),
        ("9" * 5000, 60.0),
        ("000000007", 7.0),
        ("0000000007", 60.0),
        (formatdate(NOW + 20, usegmt=True), 20.0),
        (formatdate(NOW + 20), 20.0),
        (formatdate(NOW + 86400, usegmt=True), 60.0),
        (formatdate(NOW - 20, usegmt=True), 0.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("\u0667", None),
        ("\u00b2", None),
        ("Thu, 99 Jan 2030 99:00:00 GMT", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry.retry_after(value, NOW) == seconds


def test_date_without_a_zone_is_one_of_utc_wherever_this_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    date = formatdate(NOW + 20, usegmt=True).replace(" GMT", "")
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "JST-9")
        time.tzset()
        assert retry.retry_after(date, NOW) == 20.0
    time.tzset()


date_like = st.from_regex(
    r"[A-Z][a-z]{2}, [0-9]{1,3} (Jan|Feb|Dec) [0-9]{1,6} [0-9]{1,3}:[0-9]{2}:[0-9]{2} (GMT|[+-][0-9]{1,6}|)",
    fullmatch=True,
)


@given(st.one_of(st.text(), date_like))
def test_retry_after_is_never_a_crash(value: str) -> None:
    seconds = retry.retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= retry.MAX_WAIT_SECONDS


@pytest.mark.parametrize(("attempt", "middle"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (8, 60.0), (2000, 60.0)])
def test_backoff_doubles_up_to_the_longest_wait(attempt: int, middle: float) -> None:
    assert retry.backoff(attempt, jitter=0.5) == middle
    assert retry.backoff(attempt, jitter=0) == middle * 0.75
    assert retry.backoff(attempt, jitter=1) == middle * 1.25


def test_backoff_is_spread() -> None:
    waits = {retry.backoff(3) for _turn in range(50)}
    assert len(waits) > 1
    assert all(1.5 <= wait <= 2.5 for wait in waits)


@pytest.mark.parametrize(
    ("method", "repeatable"), [("GET", True), ("HEAD", True), ("PUT", True), ("DELETE", True), ("POST", False)]
)
def test_repeatable(method: str, repeatable: bool) -> None:
    assert retry.is_repeatable(method) is repeatable


def test_statuses() -> None:
    assert [status for status in range(200, 600) if retry.is_transient(status)] == [429, 502, 503, 504]
    assert [status for status in range(200, 600) if retry.is_rate_limit(status)] == [429]
