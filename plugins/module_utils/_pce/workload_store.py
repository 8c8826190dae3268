# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Workloads of an organization on a PCE, with their labels by key and value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._core.resource import Raw
from .api import PceApi
from .labeled_store import LabeledStore
from .shapes import object_of, text_of


class WorkloadStore(LabeledStore):
    """The workloads of an organization."""

    def complete(self, raws: Sequence[Raw]) -> list[dict[str, Any]]:
        """Return whether each workload has a VEN, and what the PCE shows of it."""
        found = []
        for raw in raws:
            ven, managed = _ven(raw), raw.get("managed")
            found.append({"managed": managed if isinstance(managed, bool) else ven is not None, "ven": ven})
        return found


def _ven(raw: Raw) -> dict[str, Any] | None:
    ven, agent = object_of(raw.get("ven")), object_of(raw.get("agent"))
    href = text_of(ven.get("href"))
    if href is None:
        return None
    status = object_of(agent.get("status"))
    return {
        "href": href,
        "status": text_of(status.get("status")) or text_of(ven.get("status")),
        "version": text_of(status.get("agent_version")) or text_of(ven.get("version")),
    }


WORKLOADS = PceApi(WorkloadStore)
"""The API of a PCE with stores of workloads."""
