# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that options name."""

from __future__ import annotations

import os
import stat


def read_regular_file(path: str, max_bytes: int) -> bytes:
    """Return what a file contains. Raise ValueError, in words that follow its name, for a file that cannot be one.

    Anything but a regular file is refused before it is opened: a FIFO would block, a device may never end.
    """
    path = os.path.expanduser(path)
    try:
        is_regular = stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError) as error:  # ValueError: a character that no path can have
        raise ValueError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not is_regular:
        raise ValueError("is not a regular file")
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    if not content:
        raise ValueError("is empty")
    if len(content) > max_bytes:
        raise ValueError(f"is larger than {max_bytes} bytes")
    return content


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file, even a FIFO that took its place just now, without waiting for a writer."""
    return os.open(path, flags | os.O_NONBLOCK)
