# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How tasks of one run hand secrets over to each other, without a variable that outlives them.

Each task runs in a process of its own, and all of them are forked from the process that has imported this file. So only
they know the key below: another process can read the files, but not what is in them, not even where a run is killed
and cannot remove them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import shutil
from contextlib import suppress
from typing import Any

_KEY = secrets.token_bytes(32)
_NONCE = 16
_TAG = 32


class HandoverError(Exception):
    """What was left cannot be read. ``str(error)`` is one line."""


class Handover:
    """A directory of this run's user alone, with an entry for each name. Its path begins with ``prefix``.

    What another run has left is at another path, even where that run was killed.
    """

    def __init__(self, prefix: str) -> None:
        self._directory = f"{prefix}-{hashlib.sha256(_KEY).hexdigest()[:16]}"

    def put(self, name: str, value: Any) -> None:
        """Leave a value of JSON under ``name``, in place of an earlier one."""
        os.makedirs(self._directory, 0o700, exist_ok=True)
        nonce = secrets.token_bytes(_NONCE)
        hidden = _combine(nonce, json.dumps(value).encode())
        path = self._path(name)
        fresh = f"{path}.{secrets.token_hex(8)}"
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(nonce + _tag(nonce, hidden) + hidden)
        os.replace(fresh, path)

    def get(self, name: str) -> Any:
        """Return what was left under ``name``, None if there is nothing. Raise HandoverError for a foreign file."""
        try:
            with open(self._path(name), "rb") as file:
                found = file.read()
        except FileNotFoundError:
            return None
        nonce, tag, hidden = found[:_NONCE], found[_NONCE : _NONCE + _TAG], found[_NONCE + _TAG :]
        if not hmac.compare_digest(tag, _tag(nonce, hidden)):
            raise HandoverError("a task of another process left what this one cannot read; run the playbook again")
        return json.loads(_combine(nonce, hidden))

    def take(self, name: str) -> Any:
        """Return what was left under ``name``, and remove it."""
        found = self.get(name)
        with suppress(FileNotFoundError):
            os.unlink(self._path(name))
        return found

    def remove(self) -> None:
        """Remove all that was left."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._directory)

    def _path(self, name: str) -> str:
        # A host may be called anything, "../x" too.
        return os.path.join(self._directory, hashlib.sha256(name.encode()).hexdigest())


def _combine(nonce: bytes, text: bytes) -> bytes:
    """Return ``text`` combined with a stream that only this key and ``nonce`` make: hidden from plain, and back."""
    stream = hashlib.shake_256(_KEY + nonce).digest(len(text))
    return (int.from_bytes(text, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(text), "big")


def _tag(nonce: bytes, hidden: bytes) -> bytes:
    return hmac.new(_KEY, nonce + hidden, hashlib.sha256).digest()
