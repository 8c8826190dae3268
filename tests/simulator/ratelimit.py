"""Rate limits: so many requests, or VEN unpair calls, a minute per API key, then 429 (API page, Transport)."""

from __future__ import annotations

from collections import defaultdict, deque
from email.utils import formatdate

from tests.simulator.errors import Refusal

WINDOW = 60.0
"""Seconds over which requests are counted."""


class RateLimiter:
    """Counts requests per API key over the last minute; refused requests do not count."""

    def __init__(self) -> None:
        self._times: dict[str, deque[float]] = defaultdict(deque)

    def clear(self) -> None:
        """Forget all requests."""
        self._times.clear()

    def check(self, user: str, now: float, limit: int, retry_after: int | str | None) -> None:
        """Count one request of the key, or raise the 429.

        now: seconds; limit: requests a minute, 0 for any number; retry_after: the setting of that name.
        """
        times = self._times[user]
        while times and times[0] <= now - WINDOW:
            times.popleft()
        if limit and len(times) >= limit:
            wait = int(times[0] + WINDOW - now) + 1
            raise Refusal(
                429,
                "too_many_requests_error",
                f"Rate limit of {limit} requests a minute exceeded",
                headers=_retry_after(retry_after, wait, now),
            )
        times.append(now)


def _retry_after(setting: int | str | None, wait: int, now: float) -> dict[str, str]:
    """The Retry-After header in the form that the setting asks for; `wait` is the true time in seconds."""
    if setting is None:
        return {}
    forms = {"auto": str(wait), "date": formatdate(now + wait, usegmt=True), "nonsense": "soon"}
    return {"Retry-After": forms.get(setting, str(setting)) if isinstance(setting, str) else str(setting)}
