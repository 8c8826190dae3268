# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that start fast: a Python for Ansible's modules, and ansible-playbook.

Most of what a task costs on a host that is a directory, and a quarter of what a short playbook does, is the import of
Ansible's own files. So these programs let a process that has imported them fork, and run there what they are asked for:
with the arguments, the environment, the directory and the standard streams that they are given. The collection's own
files are read anew each time. What is no script of a module runs with the Python of the tests.
"""

from __future__ import annotations

import atexit
import importlib
import marshal
import os
import socket
import sys
import traceback
import types
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from tests.integration import forks

_MODULE = "tests.integration.interpreter"
_CUSTOMIZE = Path(__file__).parent / "customize"
_FLAGS = "-ISu"

# It imports next to nothing, since each task starts it.
_PROGRAM = """\
#!{python} {flags}
import _socket, marshal, os, sys
given = sys.argv[1:]
connection = _socket.socket(_socket.AF_UNIX)
try:
    if {what!r} == "module" and (len(given) > 1 or given and not os.path.isfile(given[0])):
        raise OSError("no script of a module")
    connection.connect({path!r})
except OSError:
    os.execv({otherwise!r}, [{otherwise!r}, *given])
streams = b"".join(number.to_bytes(4, sys.byteorder) for number in range(3))
connection.sendmsg([b" "], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
connection.sendall(marshal.dumps((given, os.getcwd(), dict(os.environ))))
connection.shutdown(_socket.SHUT_WR)
os._exit(int(connection.recv(4) or 255))
"""

_IMPORTED = {
    "module": ["ansible.module_utils.basic", "ansible.module_utils._internal._ansiballz._loader", "requests"],
    "playbook": [
        "ansible.cli.playbook",
        *(
            f"ansible.plugins.{plugin}"
            for plugin in (
                *("strategy.linear", "callback.default", "connection.local", "shell.sh", "become.sudo"),
                *("action.normal", "action.assert", "action.command", "action.set_fact", "action.include_vars"),
                *("filter.core", "filter.mathstuff", "filter.urls", "filter.urlsplit", "test.core", "test.mathstuff"),
                *("inventory.yaml", "inventory.host_list", "inventory.auto", "lookup.template", "vars.host_group_vars"),
            )
        ),
    ],
}
"""What a program has imported; a name that an ansible-core does not have is none of its files."""


@lru_cache
def variables() -> dict[str, str]:
    """The environment in which Ansible takes the fast Python for its own; its server ends with this process."""
    program = _program("module", sys.executable, dict(os.environ))
    return {
        "ANSIBLE_PYTHON_INTERPRETER": program,
        "PYTHONPATH": str(_CUSTOMIZE),
        "MICROSEG_PYTHON": program,
    }


class Playbook:
    """ansible-playbook, for runs whose environment has the settings of `environment`: Ansible has read those."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._settings = _settings(environment)
        command = str(Path(sys.executable).with_name("ansible-playbook"))
        self._fast = _program("playbook", command, environment)

    def command(self, command: list[str], environment: dict[str, str]) -> list[str]:
        """Return the command to run in the place of `command`, the same unless it is ansible-playbook."""
        is_fast = command[0] == "ansible-playbook" and _settings(environment) == self._settings
        return [self._fast, *command[1:]] if is_fast else command


def _settings(environment: dict[str, str]) -> dict[str, str]:
    """What Ansible and Python read of an environment when they start."""
    read = ("ANSIBLE_", "PYTHON", "LANG", "LC_", "HOME", "TMPDIR", "COLUMNS")
    return {name: value for name, value in environment.items() if name.startswith(read)}


def _program(what: str, otherwise: str, environment: dict[str, str]) -> str:
    """Start a server, and return the path of the program that asks it; ``otherwise`` runs what it does not."""
    path = forks.start(_MODULE, what, env=environment)
    program = path.with_name(Path(otherwise).name)
    words = {"what": what, "otherwise": otherwise, "path": str(path)}
    program.write_text(_PROGRAM.format(python=sys.executable, flags=_FLAGS, **words))
    program.chmod(0o755)
    return str(program)


def main(path: str, what: str) -> None:
    """Listen at ``path``, and fork for each script or playbook."""
    for name in _IMPORTED[what]:
        with suppress(ImportError):
            importlib.import_module(name)
    forks.listen(path, partial(_serve, what))


def _serve(what: str, connection: socket.socket) -> None:
    """Be the process of a script or a playbook, and end."""
    _space, streams, _flags, _address = socket.recv_fds(connection, 1, 3)
    chunks = []
    while chunk := connection.recv(65536):
        chunks.append(chunk)
    arguments, directory, environment = marshal.loads(b"".join(chunks))  # noqa: S302  # from the program above
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    status = _run(_script if what == "module" else _playbook, arguments)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    connection.sendall(str(status).encode())
    os._exit(status)


def _run(act: Callable[[list[str]], None], arguments: list[str]) -> int:
    """Do as Python does with a program. Return its exit status."""
    try:
        act(arguments)
    except SystemExit as ended:
        return _status(ended.code)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        atexit._run_exitfuncs()
    return 0


def _script(arguments: list[str]) -> None:
    """Run the script that is named, or that stands on standard input."""
    main = types.ModuleType("__main__")
    if arguments:
        main.__file__ = arguments[0]
    sys.modules["__main__"] = main
    sys.argv = arguments or [""]
    script = Path(arguments[0]).read_bytes() if arguments else sys.stdin.buffer.read()
    code = compile(script, arguments[0] if arguments else "<stdin>", "exec")
    exec(code, main.__dict__)  # noqa: S102  # in the place of the Python that Ansible asked for


def _playbook(arguments: list[str]) -> None:
    """Run ansible-playbook."""
    sys.argv = ["ansible-playbook", *arguments]
    importlib.import_module("ansible.cli.playbook").main()


def _status(code: Any) -> int:
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)
    return 1


if __name__ == "__main__":
    main(*sys.argv[1:])
