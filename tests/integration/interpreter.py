# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Python for Ansible's modules that starts fast: a program that lets a process which has imported Ansible's own
module_utils and requests fork, and run the module's script there.

Most of what a task costs on a host that is a directory is that import. The script, its arguments, its environment and
its standard streams are those that Ansible gives; the collection's own files come from the script's archive, as ever.
What is no script of a module runs with the Python of the tests.
"""

from __future__ import annotations

import atexit
import marshal
import os
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
import types
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

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
    if len(given) > 1 or given and not os.path.isfile(given[0]):
        raise OSError("no script of a module")
    connection.connect({path!r})
except OSError:
    os.execv({python!r}, [{python!r}, *given])
streams = b"".join(number.to_bytes(4, sys.byteorder) for number in range(3))
connection.sendmsg([b" "], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
connection.sendall(marshal.dumps((given, os.getcwd(), dict(os.environ))))
connection.shutdown(_socket.SHUT_WR)
os._exit(int(connection.recv(4) or 255))
"""


@lru_cache
def variables() -> dict[str, str]:
    """The environment in which Ansible takes the fast Python for its own; its server ends with this process."""
    directory = tempfile.TemporaryDirectory(prefix="microseg-interpreter-")
    path, program = Path(directory.name) / "socket", Path(directory.name) / "python"
    program.write_text(_PROGRAM.format(python=sys.executable, flags=_FLAGS, path=str(path)))
    program.chmod(0o755)
    process = subprocess.Popen([sys.executable, "-m", _MODULE, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # ready

    def end() -> None:
        process.kill()
        process.wait()
        directory.cleanup()

    atexit.register(end)
    return {
        "ANSIBLE_PYTHON_INTERPRETER": str(program),
        "PYTHONPATH": str(_CUSTOMIZE),
        "MICROSEG_PYTHON": str(program),
    }


def main(path: str) -> None:
    """Listen at ``path``, and fork for each script."""
    import ansible.module_utils.basic
    import ansible.module_utils.common.json
    import requests  # noqa: F401  # these are imported for the children

    assert ansible.module_utils.basic
    with suppress(ImportError):  # ansible-core 2.19 and later
        import ansible.module_utils._internal._ansiballz._loader
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(64)
        print("ready", flush=True)
        while True:
            connection, _address = server.accept()
            if os.fork() == 0:
                server.close()
                _serve(connection)
            connection.close()


def _serve(connection: socket.socket) -> None:
    """Be the process of a script, and end."""
    _space, streams, _flags, _address = socket.recv_fds(connection, 1, 3)
    chunks = []
    while chunk := connection.recv(65536):
        chunks.append(chunk)
    arguments, directory, environment = marshal.loads(b"".join(chunks))  # noqa: S302  # from the program above
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    status = _run(arguments)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    connection.sendall(str(status).encode())
    os._exit(status)


def _run(arguments: list[str]) -> int:
    """Run the script that is named, or that stands on standard input. Return its exit status."""
    main = types.ModuleType("__main__")
    if arguments:
        main.__file__ = arguments[0]
    sys.modules["__main__"] = main
    sys.argv = arguments or [""]
    try:
        script = Path(arguments[0]).read_bytes() if arguments else sys.stdin.buffer.read()
        exec(compile(script, arguments[0] if arguments else "<stdin>", "exec"), main.__dict__)  # noqa: S102
    except SystemExit as ended:
        return _status(ended.code)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        atexit._run_exitfuncs()
    return 0


def _status(code: Any) -> int:
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)
    return 1


if __name__ == "__main__":
    main(*sys.argv[1:])
