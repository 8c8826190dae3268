# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a module is, told to whoever looks at the run.

A module's output reaches Ansible at its end. So it writes a line to a file of the controller now and then, which the
action plugin of the module (plugins/action) reads and shows.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

VARIABLE = "MICROSEG_PROGRESS_FILE"
"""The environment variable by which the action plugin names the file; without it nothing is written."""

_INTERVAL = 0.5
_last = [0.0]


def report_progress(what: str, done: int, total: int, failed: int = 0) -> None:
    """Say that ``done`` of ``total`` ``what`` ("pairing keys generated") are done, ``failed`` of them in vain."""
    path = os.environ.get(VARIABLE)
    now = time.monotonic()
    if not path or (now - _last[0] < _INTERVAL and done < total):
        return
    _last[0] = now
    line = f"{done} of {total} {what}" + (f", {failed} failed" if failed else "")
    # Whoever watches may be gone, and that is no reason to fail.
    with suppress(OSError), open(path, "w", encoding="utf-8") as file:
        file.write(line + "\n")
