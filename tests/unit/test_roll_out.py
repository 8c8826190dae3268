# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A roll-out whose hosts change between two looks of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils._pce import roll_out
from plugins.module_utils._pce.compatibility import CompatibilityReport
from plugins.module_utils._pce.earlier_state import EarlierState
from plugins.module_utils._pce.roll_out import RollOut
from plugins.module_utils._pce.wave_progress import Progress, RollOutError
from plugins.module_utils._pce.waves import Host, Target, Wave

IDLE = Host("/orgs/1/workloads/1", "/orgs/1/vens/1", "web1", {}, "idle", None, True)
FULL = replace(IDLE, enforcement_mode="full")


class FakePce:
    """Shows the next list of hosts at each look, the last one again and again. It has no time left."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *looks: Sequence[Host]) -> None:
        self._looks = list(looks)
        self.http = self
        monkeypatch.setattr(roll_out, "read_fleet", FakePce.look)
        report = CompatibilityReport(IDLE.href, IDLE.hostname, "green", None, [])
        monkeypatch.setattr(roll_out, "read_reports", lambda _pce, vens: [report] * len(vens))

    def look(self) -> Sequence[Host]:
        return self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]

    def remaining(self) -> float:
        return 100.0


def a_roll_out(pce: Any, path: Path, *waves: Progress, **more: Any) -> RollOut:
    return RollOut(pce, waves, EarlierState(str(path / "earlier.json"), "pce"), 0, **more)


def wave(name: str = "canary") -> Progress:
    return Progress(Wave(name, Target("selective", shown="selective")), [IDLE])


def test_wave_without_any_host_stops(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = a_roll_out(FakePce(monkeypatch, []), tmp_path, wave(), wave("others"))
    with pytest.raises(RollOutError, match="none of its 1 hosts has a VEN any more; 1 later waves") as caught:
        run.run()
    assert [entry["state"] for entry in caught.value.waves] == ["stopped", "not_started"]
    past = a_roll_out(FakePce(monkeypatch, []), tmp_path, wave(), continue_past=["canary"])
    past.run()
    assert past.results()[0]["state"] == "stopped"
    assert past.warnings == ["wave canary: none of its 1 hosts has a VEN any more"]


def test_host_that_was_raised_meanwhile_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The compatibility reports of idle hosts may take minutes."""
    run = a_roll_out(FakePce(monkeypatch, [IDLE], [FULL]), tmp_path, wave())
    run.run()
    (result,) = run.results()
    assert (result["state"], result["changed"], result["failed"]) == ("unchanged", 0, 0)
    assert os.listdir(tmp_path) == []
