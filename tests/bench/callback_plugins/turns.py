# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A callback that writes what each task of a playbook cost: seconds by the clock, and seconds of processors."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: turns
type: aggregate
short_description: What each task costs
description: For the benchmark.
"""

_TICKS = os.sysconf("SC_CLK_TCK")


def used(pid: int) -> float:
    """Return the seconds of processors that a process and all below it used, also those that ended already."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0  # it has been waited for meanwhile, and counts for its parent
    return sum(map(int, fields[11:15])) / _TICKS + sum(used(int(child)) for child in children)


class CallbackModule(CallbackBase):  # type: ignore[misc]  # Ansible has no types
    """Notes the cost of a task when the next begins."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "turns"

    def __init__(self) -> None:
        super().__init__()
        self._costs: list[tuple[str, float, float]] = []
        self._running: tuple[str, float, float] | None = None

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._end()
        self._running = task.action, time.monotonic(), used(os.getpid())

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._end()
        Path(os.environ["MICROSEG_TURNS"]).write_text(json.dumps(self._costs))

    def _end(self) -> None:
        if self._running is not None:
            action, clock, processor = self._running
            self._costs.append((action, time.monotonic() - clock, used(os.getpid()) - processor))
