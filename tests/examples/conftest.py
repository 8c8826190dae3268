"""The examples run against the simulator of the integration tests, as new for each document."""

from __future__ import annotations

from tests.integration.conftest import _simulator, simulator

__all__ = ["_simulator", "simulator"]
