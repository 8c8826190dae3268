# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The line that says how far a module is."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.module_utils._core import progress


class Watch:
    """A clock that stands still until it is told, and the file that is watched."""

    def __init__(self, path: Path) -> None:
        self.now = 100.0
        self.path = path

    def told(self) -> str:
        """What was written since the last look."""
        text = self.path.read_text() if self.path.exists() else ""
        self.path.write_text("")
        return text


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watch:
    made = Watch(tmp_path / "progress")
    monkeypatch.setenv(progress.VARIABLE, str(made.path))
    monkeypatch.setattr(progress, "_last", [0.0])
    monkeypatch.setattr("plugins.module_utils._core.progress.time.monotonic", lambda: made.now)
    return made


def test_it_is_told_every_half_second_and_in_the_end(watch: Watch) -> None:
    progress.report_progress("keys generated", 1, 3)
    assert watch.told() == "1 of 3 keys generated\n"
    watch.now += 0.4
    progress.report_progress("keys generated", 2, 3)
    assert watch.told() == ""
    watch.now += 0.1
    progress.report_progress("keys generated", 2, 3)
    assert watch.told() == "2 of 3 keys generated\n"
    progress.report_progress("keys generated", 3, 3)
    assert watch.told() == "3 of 3 keys generated\n"


def test_failures_are_told(watch: Watch) -> None:
    progress.report_progress("profiles changed", 2, 9, 1)
    assert watch.told() == "2 of 9 profiles changed, 1 failed\n"


def test_nothing_is_told_where_nobody_asks(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(progress.VARIABLE)
    progress.report_progress("keys generated", 1, 1)
    assert watch.told() == ""


def test_whoever_watches_may_be_gone(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(progress.VARIABLE, str(watch.path / "gone"))
    progress.report_progress("keys generated", 1, 1)
    assert watch.told() == ""
