"""Makes every Python process of a watched run note what it logs, what it starts, and what it removes.

Python imports a module of this name at its start, wherever PYTHONPATH leads to it. So nothing depends on how short a
process or a file lives, and the syslog of the machine is not touched. `tests/integration/watched.py` reads the notes.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import syslog
import time
from typing import Any

_NOTES = os.environ["MICROSEG_WATCH"]
_busy = False


def _note(place: str, text: str) -> None:
    path = os.path.join(_NOTES, place, f"{os.getpid()}-{time.monotonic_ns()}")
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)


def _text(value: Any) -> str:
    return os.fsdecode(value) if isinstance(value, bytes) else str(value)


def _started(args: Any, env: Any) -> None:
    args = [args] if isinstance(args, (str, bytes)) else list(args)
    _note("arguments", json.dumps([_text(item) for item in args]))
    given = os.environ if env is None else env
    _note("environment", json.dumps({_text(name): _text(value) for name, value in given.items()}))


def _keep(path: Any) -> None:
    """Copy what is about to be removed, with its permissions."""
    path = os.path.abspath(_text(path))
    copy = os.path.join(_NOTES, "removed", f"{os.getpid()}-{time.monotonic_ns()}")
    mode = os.lstat(path).st_mode
    os.mkdir(copy, 0o755)
    target = os.path.join(copy, os.path.basename(path))
    if stat.S_ISDIR(mode):
        shutil.copytree(path, target, symlinks=True)
    elif stat.S_ISREG(mode):
        shutil.copy2(path, target)


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    global _busy
    if _busy or event not in ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.remove", "shutil.rmtree"):
        return
    _busy = True
    try:
        if event == "subprocess.Popen":
            _started(arguments[1], arguments[3])
        elif event in ("os.posix_spawn", "os.exec"):
            _started(arguments[1], arguments[2])
        elif not _text(arguments[0]).startswith(_NOTES):
            _keep(arguments[0])
    except OSError:
        pass  # it is gone already
    finally:
        _busy = False


def _logged(*arguments: Any) -> None:
    _note("syslog", str(arguments[-1]))


sys.modules["systemd"] = None  # type: ignore[assignment]  # without it Ansible logs by the module syslog
syslog.syslog = _logged  # type: ignore[assignment]  # a priority comes first or not
sys.addaudithook(_watch)
