"""Processes that start fast: forked from one that has imported Ansible and the collection, as Ansible's workers are.

Each run has a process of its own, with its own environment and standard streams; nothing of it is left for the next.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import socket
import sys
import tempfile
import traceback
from functools import lru_cache
from typing import Any

from tests import documented
from tests.collection import without_settings
from tests.integration import forks, interpreter

_MODULE = "tests.integration.nursery"

ALSO: list[str] = []
"""What is imported for the processes besides. It counts until the first is run."""


def run(module: str, text: str, environment: dict[str, str], timeout: float) -> tuple[str, str]:
    """Run a Python module as ``__main__`` with ``text`` on standard input. Return its output and error output."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(_address())
        request = {"module": module, "text": text, "environment": environment}
        connection.sendall(json.dumps(request).encode())
        connection.shutdown(socket.SHUT_WR)
        answer = json.loads(_receive(connection))
    return answer["stdout"], answer["stderr"]


@lru_cache
def _address() -> str:
    """Start the parent of all processes. Return the socket at which it listens; it ends with this process."""
    settings = {**without_settings(), **interpreter.variables(), "ANSIBLE_LOCALHOST_WARNING": "false"}
    return str(forks.start(_MODULE, *ALSO, env=settings))


def _receive(connection: socket.socket) -> bytes:
    chunks = []
    while chunk := connection.recv(65536):
        chunks.append(chunk)
    return b"".join(chunks)


def main(path: str, *also: str) -> None:
    """Listen at ``path``, and fork for each request."""
    from ansible.plugins import loader

    loader.init_plugin_loader()
    for name in documented.names():
        loader.action_loader.get(f"microseg.enforcement.{name}", class_only=True)
    for name in ("tests.integration.task", "ansible.plugins.connection.local", "ansible.plugins.shell.sh", *also):
        importlib.import_module(name)
    forks.listen(path, _serve)


def _serve(connection: socket.socket) -> None:
    """Be the process of one run, and end."""
    request: dict[str, Any] = json.loads(_receive(connection))
    os.environ.clear()
    os.environ.update(request["environment"])
    streams = [tempfile.TemporaryFile() for _turn in range(3)]  # noqa: SIM115  # they live as long as the process
    streams[0].write(request["text"].encode())
    streams[0].seek(0)
    for number, stream in enumerate(streams):
        os.dup2(stream.fileno(), number)
    sys.argv = [request["module"]]
    try:
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    except SystemExit:
        pass
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    answer = {}
    for name, stream in zip(("stdout", "stderr"), streams[1:]):
        stream.seek(0)
        answer[name] = stream.read().decode(errors="replace")
    connection.sendall(json.dumps(answer).encode())
    connection.close()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
