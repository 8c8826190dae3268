# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key file, in which pairing keys are saved, since a PCE never shows one again.

The file is a secret: mode 0600, replaced as a whole or not at all. All that can hinder saving a key comes up before
the key is created. A lock file beside it keeps a second run out; it exists only as long as the run, and a mark that a
crash leaves in it means that a key may have been lost.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pwd
import re
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Callable

from .._core.errors import CollectionError, OptionError

MAX_CODE_LENGTH = 4096
"""Characters of an activation code. A PCE's have 81; a program's arguments have no room for many more than these."""

_CODE = re.compile(r"[!-~]*")
_VERSION = 1
_MARK = b"generating\n"
_MAX_FILE_BYTES = 128 * 1024 * 1024
"""Bytes. 10,000 keys whose codes are all as long as can be take less."""

_CANNOT_ALLOCATE = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
"""What a file system answers that cannot reserve space; a full one answers otherwise."""


def find_code_problem(code: Any) -> str | None:
    """Return what is wrong with an activation code, in words that do not quote it; None for one that can be valid."""
    if not isinstance(code, str):
        return "no activation_code"
    if not code:
        return "the activation_code is empty"
    if len(code) > MAX_CODE_LENGTH:
        return f"the activation_code is longer than {MAX_CODE_LENGTH} characters"
    if _CODE.fullmatch(code) is None:
        return "the activation_code contains characters other than printable ASCII without blanks"
    return None


class KeyFile:
    """The key file at ``path``. Raises OptionError, naming ``path``, where such a file cannot be."""

    def __init__(self, path: str) -> None:
        if not _is_path(path):
            raise OptionError("path", "must not contain null characters or unpaired surrogates")
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
        """Return the content, or None if the file does not exist. Raise OptionError for a file of another kind."""
        try:
            with open(self.path, "rb", opener=_open_no_link) as file:
                self._check_file(os.fstat(file.fileno()))
                content = file.read(_MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            reason = "symbolic links are not followed" if error.errno == errno.ELOOP else _reason(error)
            raise OptionError("path", f"{self.path} cannot be read as a key file: {reason}") from error
        try:
            known = json.loads(content.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise self._foreign() from error
        if len(content) > _MAX_FILE_BYTES or not _is_key_file(known):
            raise self._foreign()
        return dict(known)

    def is_exposed(self) -> bool:
        """Return True if the file exists and users other than its owner have rights on it."""
        with self._naming_path(self.path, "cannot be read"), suppress(FileNotFoundError):
            return bool(stat.S_IMODE(os.lstat(self.path).st_mode) & 0o077)
        return False

    def write(self, known: Mapping[str, Any]) -> None:
        """Replace the file. Only under the lock."""
        with self._new_file() as handle:
            self._replace(handle, known)

    @contextmanager
    def reserved(self, largest: Mapping[str, Any]) -> Iterator[Callable[[Mapping[str, Any]], None]]:
        """Reserve the space of ``largest``, and give a function that replaces the file. Only under the lock.

        A full disk thus comes up here, before there is anything to lose.
        """
        with self._new_file() as handle:
            with self._naming_path(self.path, "cannot be written"):
                _allocate(handle, len(_encode(largest)))
                os.fsync(handle)
            yield lambda known: self._replace(handle, known)

    @contextmanager
    def replaceable(self, empty: Mapping[str, Any]) -> Iterator[None]:
        """Replace the file by what it holds, or by ``empty``, before keys are created within. Only under the lock.

        What forbids replacing it thus comes up before there is anything to lose: another owner in a sticky directory,
        a directory that cannot grow. A new file is removed again if no key was saved in it.
        """
        known = self.read()
        self.write(known or empty)
        try:
            yield
        finally:
            with suppress(CollectionError):
                if known is None and not (self.read() or empty)["keys"]:
                    self.remove()

    def remove(self) -> None:
        """Remove the file. Only under the lock."""
        for path in (self._temporary, self.path):
            with self._naming_path(path, "cannot be deleted"), suppress(FileNotFoundError):
                os.unlink(path)

    @contextmanager
    def locked(self, remaining: Callable[[], float]) -> Iterator[Lock]:
        """Hold the lock. Raise CollectionError if another run holds it until ``remaining()`` seconds are used up."""
        handle = self._take(remaining)
        try:
            with self._naming_path(self._lock, "cannot be used"):
                interrupted = os.read(handle, len(_MARK)) != b""
                os.ftruncate(handle, 0)
            yield Lock(handle, interrupted, self._lock)
        finally:
            # Unlinked while it is held: a run that waits for it sees that the name leads elsewhere, and takes the new
            # one. A mark that is there now was left by an interruption, and is for the next run.
            with suppress(OSError):
                if os.pread(handle, 1, 0) == b"":
                    os.unlink(self._lock)
            os.close(handle)

    def _take(self, remaining: Callable[[], float]) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        while True:
            with self._naming_path(self._lock, "cannot be created"):
                handle = os.open(self._lock, flags, 0o600)
            is_taken = False
            try:
                is_taken = self._try_lock(handle, remaining)
            finally:
                if not is_taken:
                    os.close(handle)
            if is_taken:
                return handle

    def _try_lock(self, handle: int, remaining: Callable[[], float]) -> bool:
        """Return True if the lock is taken, False if it must be tried again."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return os.fstat(handle).st_ino == os.stat(self._lock).st_ino
        except BlockingIOError:
            if remaining() <= 0:
                raise CollectionError(
                    f"path: timed out waiting for the lock {self._lock}, which another run holds"
                ) from None
            time.sleep(0.05)
        except FileNotFoundError:
            pass  # its holder has just removed it
        except OSError as error:
            raise CollectionError(
                f"path: {self._lock} cannot be locked: {_reason(error)}; set a path on a file system with locks"
            ) from error
        return False

    @contextmanager
    def _new_file(self) -> Iterator[int]:
        """Yield a handle of a new temporary file, which is removed in the end."""
        with self._naming_path(self.path, "cannot be written"):
            with suppress(FileNotFoundError):
                os.unlink(self._temporary)  # left by a run that was killed
            handle = os.open(
                self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
        try:
            with self._naming_path(self._temporary, "cannot be read"):
                owner = os.fstat(handle).st_uid
            if owner not in (os.geteuid(), 0):  # a server's share may map users
                raise OptionError(
                    "path",
                    f"files in {self._directory} are created as {_user(owner)}, not as {_user(os.geteuid())}; "
                    "set a path where the user of this task owns its files",
                )
            yield handle
        finally:
            os.close(handle)
            with suppress(OSError):
                os.unlink(self._temporary)

    def _replace(self, handle: int, known: Mapping[str, Any]) -> None:
        content = _encode(known)
        with self._naming_path(self.path, "cannot be written"):
            _write(handle, content)
            os.ftruncate(handle, len(content))
            os.fsync(handle)
            os.replace(self._temporary, self.path)

    def _check_file(self, status: os.stat_result) -> None:
        """Raise OptionError for a file whose content may come from another user, or is no text."""
        if not stat.S_ISREG(status.st_mode):
            raise OptionError("path", f"{self.path} is not a regular file")
        if status.st_uid not in (os.geteuid(), 0):
            raise OptionError(
                "path",
                f"{self.path} is owned by {_user(status.st_uid)}, while this task runs as {_user(os.geteuid())}: its "
                "keys are not used; delete the file, or set another path",
            )
        if status.st_mode & 0o022:
            raise OptionError(
                "path",
                f"{self.path} is writable by other users (mode {stat.S_IMODE(status.st_mode):04o}): its keys are not "
                "used; delete the file, or set another path",
            )

    @contextmanager
    def _naming_path(self, path: str, problem: str) -> Iterator[None]:
        """Turn an OSError into one line that names the option and the file."""
        try:
            yield
        except OSError as error:
            raise CollectionError(f"path: {path} {problem}: {_reason(error)}") from error

    def _foreign(self) -> OptionError:
        return OptionError("path", f"{self.path} exists and is not a key file of this module; it is not changed")


@dataclass(frozen=True)
class Lock:
    """A held lock. ``interrupted`` is True if an earlier run ended while it created a key."""

    handle: int
    interrupted: bool
    path: str

    @contextmanager
    def creating_key(self) -> Iterator[None]:
        """Leave a mark for the next run, if this one is killed, that a key may exist at the PCE and not in the file."""
        try:
            os.pwrite(self.handle, _MARK, 0)
        except OSError as error:
            raise CollectionError(f"path: {self.path} cannot be written: {_reason(error)}") from error
        try:
            yield
        except Exception:
            self._remove_mark()  # the failure itself says what is known
            raise
        self._remove_mark()

    def _remove_mark(self) -> None:
        # If it stays, the next run warns without need, which is no reason to fail after a key was saved.
        with suppress(OSError):
            os.ftruncate(self.handle, 0)


def _open_no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _is_path(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _is_key_file(known: Any) -> bool:
    if not isinstance(known, dict) or known.get("version") != _VERSION:
        return False
    about, keys = known.get("pairing_profile"), known.get("keys")
    return (
        isinstance(known.get("management_server"), str)
        and isinstance(about, dict)
        and isinstance(about.get("href"), str)
        and isinstance(keys, list)
        and all(isinstance(key, dict) and find_code_problem(key.get("activation_code")) is None for key in keys)
    )


def _encode(known: Mapping[str, Any]) -> bytes:
    """Return the content of the file, one key a line: thousands of keys are encoded thousands of times."""
    others = {name: value for name, value in known.items() if name != "keys"}
    head = json.dumps({"version": _VERSION, **others, "keys": []}, indent=2)
    start, _empty, end = head.rpartition("[]")
    lines = ",\n".join(f"    {json.dumps(key)}" for key in known["keys"])
    return (f"{start}[\n{lines}\n  ]{end}\n" if lines else f"{head}\n").encode()


def _allocate(handle: int, size: int) -> None:
    """Reserve ``size`` bytes of the file system for a new file. Raise OSError if it has no room."""
    try:
        os.posix_fallocate(handle, 0, size)
    except AttributeError:  # macOS has no such call
        _write(handle, b"\0" * size)
    except OSError as error:
        if error.errno not in _CANNOT_ALLOCATE:
            raise
        _write(handle, b"\0" * size)


def _write(handle: int, content: bytes) -> None:
    """Write all of ``content`` from the beginning of a file on."""
    done = 0
    while done < len(content):
        done += os.pwrite(handle, content[done:], done)


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _user(uid: int) -> str:
    """Return what a user is called: name and number."""
    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"an unknown user (uid {uid})"
