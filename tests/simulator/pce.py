"""The simulated PCE as one object, which every request handler gets from its application."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from tests.simulator.connectors import Connector

from tests.simulator.faults import Faults
from tests.simulator.journal import Journal
from tests.simulator.ratelimit import RateLimiter
from tests.simulator.settings import Settings
from tests.simulator.state import Store


@dataclass(frozen=True)
class Identity:
    """Who may ask, and for which organisation; `ca_pem` is the certificate of the simulator's own CA."""

    api_key: str
    api_secret: str = field(repr=False)
    org_id: int
    ca_pem: str = field(repr=False)


class Pce:
    """State, behaviour and records of one PCE. `clock` gives seconds since the epoch."""

    def __init__(self, identity: Identity, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.identity = identity
        self.settings = settings
        self._initial = replace(settings)
        self._clock = clock
        self._started = clock()
        self.journal = Journal()
        self.faults = Faults(self.now)
        self.limiter = RateLimiter()
        self.unpair_limiter = RateLimiter()
        self.compatibility_limiter = RateLimiter()
        self.bulk_running = False
        self.store = Store(identity.org_id, self.now, self.settings)
        self.jobs_started = 0
        self.connectors: dict[str, Connector] = {}
        self.store.clear()

    def now(self) -> float:
        """The PCE's time in seconds since the epoch."""
        return (self._started if self.settings.clock_stopped else self._clock()) + self.settings.clock_offset

    def reset(self) -> None:
        """Everything as it was at the start; the credentials stay."""
        self.settings.replace(self._initial)
        self.journal.clear()
        self.faults.reset()
        self.limiter.clear()
        self.unpair_limiter.clear()
        self.compatibility_limiter.clear()
        self.jobs_started = 0
        self.store.clear()
        for connector in self.connectors.values():
            connector.clear()


PCE: web.AppKey[Pce] = web.AppKey("pce", Pce)
"""Where an application keeps its PCE."""


def pce_of(request: web.Request) -> Pce:
    """The PCE that a request is for, also within a sub-application."""
    return request.config_dict[PCE]
