# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file with the modes that workloads had before a roll-out, by which it goes back."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from .._core.errors import OptionError
from .._core.text import one_line
from .pairing_profile import ENFORCEMENT_MODES
from .wave_progress import describe_hosts
from .waves import Host

Modes = Mapping[str, Mapping[str, Any]]
"""By HREF: hostname, enforcement_mode and visibility_level of a workload."""

MAX_FILE_BYTES = 64 * 1024 * 1024
_KEYS = {"hostname", "enforcement_mode", "visibility_level"}


class EarlierState:
    """The file at ``path``, an option of the task. ``origin`` names the PCE and the organization.

    Its modes stay until all workloads have gone back to them; the next roll-out then begins anew.
    """

    def __init__(self, path: str, origin: str) -> None:
        if path.endswith(os.sep):
            raise OptionError("path", f"{path} must be a file")
        self.path = os.path.realpath(os.path.expanduser(path))
        self._origin = origin

    def read(self) -> dict[str, Mapping[str, Any]]:
        """Return the modes in the file, none if it does not exist. Raise OptionError for any other file."""
        return dict(self._read().get("workloads", {}))

    def add(self, hosts: Sequence[Host]) -> None:
        """Add the present modes of hosts. Those that the file has stay: it leads back to before the first wave.

        The file is replaced at once or not at all, and only its owner can read it.
        """
        with self._locked():
            known = self._kept()
            added = {host.href: _modes_of(host) for host in hosts if host.href not in known}
            if added:
                self._write({"workloads": {**known, **added}})

    def warn_of_kept(self, hosts: Sequence[Host]) -> list[str]:
        """Return a warning if hosts will go back to other modes than their present ones."""
        known = self._kept()
        kept = {
            host.href: f"{known[host.href]['enforcement_mode']}, not {host.enforcement_mode}"
            for host in hosts
            if known.get(host.href, {}).get("enforcement_mode", host.enforcement_mode) != host.enforcement_mode
        }
        if not kept:
            return []
        described = describe_hosts({host.href: host.label for host in hosts}, kept)
        return [
            f"the way back of {len(kept)} hosts leads to the modes that {self.path} has from an earlier roll-out "
            f"({described}); use a new path for another roll-out"
        ]

    def mark_gone_back(self) -> None:
        """Note that all workloads have gone back, so that the next roll-out begins anew."""
        with self._locked():
            known = self._read()
            if not known.get("gone_back"):
                self._write({"workloads": known["workloads"], "gone_back": True})

    def check_writable(self) -> None:
        """Raise OptionError if the file could not be written later."""
        self.read()
        directory = os.path.dirname(self.path)
        if not os.path.isdir(directory):
            raise OptionError("path", f"there is no directory {directory}")
        if not os.access(directory, os.W_OK):
            raise OptionError("path", f"the directory {directory} cannot be written to")

    def _kept(self) -> dict[str, Mapping[str, Any]]:
        """Return the modes to which a roll-out of now would go back."""
        known = self._read()
        return {} if known.get("gone_back") else dict(known.get("workloads", {}))

    def _read(self) -> Mapping[str, Any]:
        try:
            about = os.stat(self.path)
            if about.st_size > MAX_FILE_BYTES or not stat.S_ISREG(about.st_mode):
                raise OptionError("path", f"{self.path} is not a file of a roll-out")
            self._check_owner(about)
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
        return known

    def _check_owner(self, about: os.stat_result) -> None:
        """Raise OptionError if another user could have written the modes."""
        if about.st_uid not in (os.geteuid(), 0):
            raise OptionError("path", f"{self.path} belongs to the user {about.st_uid}, not to {os.geteuid()}")
        if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise OptionError("path", f"{self.path} can be written by others than its owner; run chmod go-w on it")

    def _check(self, href: str, entry: object) -> None:
        """Raise OptionError for an entry that no roll-out has written, before it reaches the PCE."""
        if not isinstance(entry, dict) or set(entry) != _KEYS:
            raise OptionError("path", f"{self.path} is not a file of a roll-out")
        mode, level = entry["enforcement_mode"], entry["visibility_level"]
        # The level is the PCE's word, which may be newer than those that are known here; its mode never is.
        if mode not in ENFORCEMENT_MODES or not isinstance(level, (str, type(None))):
            found = f"{one_line(href)} has enforcement_mode {one_line(mode)} and visibility_level {one_line(level)}"
            raise OptionError("path", f"{self.path} was modified: {found}, which no roll-out writes")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Lock the file against other roll-outs of this machine. Without locks (NFS), the last one wins."""
        handle = None
        with suppress(OSError):
            handle = os.open(os.path.dirname(self.path), os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            if handle is not None:
                os.close(handle)

    def _write(self, content: Mapping[str, Any]) -> None:
        text = json.dumps({"origin": self._origin, **content}, indent=1, sort_keys=True)
        try:
            handle, temporary = tempfile.mkstemp(dir=os.path.dirname(self.path), prefix=".roll-out-")
        except OSError as error:
            raise OptionError("path", f"{self.path} cannot be written: {_reason(error)}") from error
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        except OSError as error:
            with suppress(OSError):
                os.unlink(temporary)
            raise OptionError("path", f"{self.path} cannot be written: {_reason(error)}") from error


def _modes_of(host: Host) -> Mapping[str, Any]:
    return {
        "hostname": host.hostname,
        "enforcement_mode": host.enforcement_mode,
        "visibility_level": host.visibility_level,
    }


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or "it is not valid JSON"
