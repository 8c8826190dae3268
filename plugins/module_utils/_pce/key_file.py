# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file that remembers pairing keys, since a PCE never shows one again.

The file is a secret: mode 0600, replaced as a whole or not at all. A lock file beside it keeps a second run out; it
lives only as long as the run, and what it holds after a crash tells that a key may have been lost.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Callable

from .._core.errors import CollectionError, OptionError

_VERSION = 1
_MARK = b"generating\n"


class KeyFile:
    """The key file at ``path``. Raises OptionError, naming ``path``, for a place where no such file can be."""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        directory, name = os.path.split(self.path)
        self._directory = directory
        self._temporary = os.path.join(directory, f".{name}.new")
        self._lock = os.path.join(directory, f".{name}.lock")
        if not os.path.isdir(directory):
            raise OptionError("path", f"{directory} is not a directory")
        if not os.access(directory, os.W_OK | os.X_OK):
            raise OptionError("path", f"{directory} is not writable")

    def read(self) -> Mapping[str, Any] | None:
        """Return what is known, None where the file does not exist. Raise OptionError for a file of another kind."""
        try:
            with open(os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), encoding="utf-8") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise OptionError("path", f"{self.path} is not a regular file")
                known = json.load(file)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise OptionError("path", f"{self.path} cannot be read as a key file: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise self._foreign() from error
        if not isinstance(known, dict) or known.get("version") != _VERSION or not _are_keys(known.get("keys")):
            raise self._foreign()
        return known

    def is_exposed(self) -> bool:
        """Say whether the file is there and others than its owner have rights on it."""
        try:
            return bool(stat.S_IMODE(os.lstat(self.path).st_mode) & 0o077)
        except FileNotFoundError:
            return False

    def write(self, known: Mapping[str, Any]) -> None:
        """Replace the file. Only under the lock."""
        with suppress(FileNotFoundError):
            os.unlink(self._temporary)  # left by a run that was killed
        try:
            handle = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with open(handle, "w", encoding="utf-8") as file:
                json.dump({"version": _VERSION, **known}, file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            os.replace(self._temporary, self.path)
        except OSError as error:
            with suppress(OSError):
                os.unlink(self._temporary)
            raise CollectionError(f"{self.path} could not be written: {error.strerror}") from error

    def remove(self) -> None:
        """Remove the file. Only under the lock."""
        for path in (self._temporary, self.path):
            with suppress(FileNotFoundError):
                os.unlink(path)

    @contextmanager
    def locked(self, remaining: Callable[[], float]) -> Iterator[Lock]:
        """Hold the lock. Raise CollectionError if another run holds it until ``remaining()`` seconds are used up."""
        handle = self._take(remaining)
        try:
            interrupted = os.read(handle, len(_MARK)) != b""
            os.ftruncate(handle, 0)
            yield Lock(handle, interrupted)
        finally:
            # Unlinked while it is held: who waits for it sees that the name leads elsewhere, and takes the new one.
            # A mark that is there now was left by an interruption, and is for the next run.
            if os.pread(handle, 1, 0) == b"":
                with suppress(FileNotFoundError):
                    os.unlink(self._lock)
            os.close(handle)

    def _take(self, remaining: Callable[[], float]) -> int:
        while True:
            try:
                handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise OptionError("path", f"{self._lock} cannot be made: {error.strerror}") from error
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(handle).st_ino == os.stat(self._lock).st_ino:
                    return handle
            except BlockingIOError:
                if remaining() <= 0:
                    os.close(handle)
                    raise CollectionError(f"path: another run has held the lock {self._lock} for too long") from None
                time.sleep(0.05)
            except FileNotFoundError:
                pass  # its holder has just removed it
            os.close(handle)

    def _foreign(self) -> OptionError:
        return OptionError("path", f"{self.path} exists and is not a key file of this module; it is left as it is")


@dataclass(frozen=True)
class Lock:
    """A held lock. ``interrupted`` says that an earlier run ended while it generated a key."""

    handle: int
    interrupted: bool

    @contextmanager
    def generating(self) -> Iterator[None]:
        """Mark, for whoever comes after a crash, that a key exists at the PCE and not yet in the file."""
        os.pwrite(self.handle, _MARK, 0)
        try:
            yield
        except Exception:
            os.ftruncate(self.handle, 0)  # the failure itself says what is known
            raise
        os.ftruncate(self.handle, 0)


def _are_keys(keys: Any) -> bool:
    return isinstance(keys, list) and all(
        isinstance(key, dict) and isinstance(key.get("activation_code"), str) for key in keys
    )
