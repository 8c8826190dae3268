# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file with the modes that workloads had before a roll-out, by which it goes back."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from .._core.errors import OptionError
from .._core.text import one_line
from .pairing_profile import ENFORCEMENT_MODES

Modes = Mapping[str, Mapping[str, Any]]
"""By HREF: hostname, enforcement_mode and visibility_level of a workload."""

MAX_FILE_BYTES = 64 * 1024 * 1024
_KEYS = {"hostname", "enforcement_mode", "visibility_level"}


class EarlierState:
    """The file at ``path``, an option of the task. ``origin`` names the PCE and the organization."""

    def __init__(self, path: str, origin: str) -> None:
        self.path = os.path.abspath(os.path.expanduser(path))
        self._origin = origin

    def read(self) -> dict[str, Mapping[str, Any]]:
        """Return the modes in the file, none if it does not exist. Raise OptionError for any other file."""
        try:
            if os.stat(self.path).st_size > MAX_FILE_BYTES or not os.path.isfile(self.path):
                raise OptionError("path", f"{self.path} is not a file of a roll-out")
            with open(self.path, encoding="utf-8") as file:
                known = json.load(file)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            raise OptionError("path", f"{self.path} cannot be read: {_reason(error)}") from error
        if not isinstance(known, dict) or not isinstance(known.get("workloads"), dict):
            raise OptionError("path", f"{self.path} is not a file of a roll-out")
        if known.get("origin") != self._origin:
            raise OptionError("path", f"{self.path} belongs to {known.get('origin')}, not to {self._origin}")
        for href, entry in known["workloads"].items():
            self._check(href, entry)
        return dict(known["workloads"])

    def _check(self, href: str, entry: object) -> None:
        """Raise OptionError for an entry that no roll-out has written, before it reaches the PCE."""
        if not isinstance(entry, dict) or set(entry) != _KEYS:
            raise OptionError("path", f"{self.path} is not a file of a roll-out")
        mode, level = entry["enforcement_mode"], entry["visibility_level"]
        # The level is the PCE's word, which may be newer than those that are known here; its mode never is.
        if mode not in ENFORCEMENT_MODES or not isinstance(level, (str, type(None))):
            found = f"{one_line(href)} has enforcement_mode {one_line(mode)} and visibility_level {one_line(level)}"
            raise OptionError("path", f"{self.path} was modified: {found}, which no roll-out writes")

    def add(self, modes: Modes) -> None:
        """Add modes to the file. Those that it has stay: going back leads to before the first wave.

        The file is replaced at once or not at all, and only its owner can read it.
        """
        known = self.read()
        added = {href: entry for href, entry in modes.items() if href not in known}
        if not added:
            return
        content = json.dumps({"origin": self._origin, "workloads": {**known, **added}}, indent=1, sort_keys=True)
        directory = os.path.dirname(self.path)
        try:
            handle, temporary = tempfile.mkstemp(dir=directory, prefix=".roll-out-")
        except OSError as error:
            raise OptionError("path", f"{self.path} cannot be written: {_reason(error)}") from error
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(content + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        except OSError as error:
            with suppress(OSError):
                os.unlink(temporary)
            raise OptionError("path", f"{self.path} cannot be written: {_reason(error)}") from error

    def check_writable(self) -> None:
        """Raise OptionError if the file could not be written later."""
        self.read()
        directory = os.path.dirname(self.path)
        if not os.path.isdir(directory):
            raise OptionError("path", f"there is no directory {directory}")
        if not os.access(directory, os.W_OK):
            raise OptionError("path", f"the directory {directory} cannot be written to")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or "it is not valid JSON"
