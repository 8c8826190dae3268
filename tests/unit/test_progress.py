# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The line that says how far a task is."""

from __future__ import annotations

import pytest

from plugins.module_utils._core import progress


def test_report_progress_shows_the_counts() -> None:
    lines: list[str] = []
    with progress.shown_by(lines.append):
        progress.report_progress("keys generated", 1, 3)
        progress.report_progress("profiles changed", 2, 9, 1)
    assert lines == ["1 of 3 keys generated", "2 of 9 profiles changed, 1 failed"]


def test_report_progress_outside_shows_nothing() -> None:
    lines: list[str] = []
    with pytest.raises(KeyError), progress.shown_by(lines.append):
        raise KeyError
    progress.report_progress("keys generated", 1, 1)
    assert lines == []
