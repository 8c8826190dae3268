# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a long task is, for the code that runs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Callable, Optional

_show: Optional[Callable[[str], None]] = None


@contextmanager
def shown_by(show: Callable[[str], None]) -> Iterator[None]:
    """Pass each line of progress within to ``show``. A module in a process of its own shows none."""
    global _show
    before, _show = _show, show
    try:
        yield
    finally:
        _show = before


def report_progress(what: str, done: int, total: int, failed: int = 0) -> None:
    """Report that ``done`` of ``total`` ``what`` ("pairing keys generated") are done, ``failed`` of them in vain."""
    if _show is not None:
        _show(f"{done} of {total} {what}" + (f", {failed} failed" if failed else ""))
