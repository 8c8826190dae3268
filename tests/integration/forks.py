# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that have imported what takes long, and fork for each request."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.collection import ROOT

_LOOK = 2.0
"""Seconds between two looks at whether the process is still there that started the server."""


def start(module: str, *words: str, env: Mapping[str, str] | None = None) -> Path:
    """Run ``python -m MODULE SOCKET WORDS`` until this process ends. Return the socket, in a directory of its own."""
    directory = tempfile.TemporaryDirectory(prefix="microseg-fork-")
    path = Path(directory.name) / "socket"
    command = [sys.executable, "-m", module, str(path), *words]
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # ready

    def end() -> None:
        process.terminate()
        process.wait()
        directory.cleanup()

    atexit.register(end)
    return path


def listen(path: str, serve: Callable[[socket.socket], None]) -> None:
    """Fork for each connection to ``path``: the child serves it, and ends. Return when the parent has ended."""
    parent = os.getppid()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_arguments: sys.exit())
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(64)
        server.settimeout(_LOOK)
        print("ready", flush=True)
        while os.getppid() == parent:
            try:
                connection, _address = server.accept()
            except TimeoutError:
                continue
            if os.fork() == 0:
                server.close()
                atexit._clear()  # what the server registered is the server's
                for number in (signal.SIGCHLD, signal.SIGTERM):
                    signal.signal(number, signal.SIG_DFL)
                serve(connection)
                os._exit(0)
            connection.close()
