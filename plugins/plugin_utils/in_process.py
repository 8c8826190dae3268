# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module in this process, as its own process would.

The module gets its arguments where AnsibleModule looks for them, and its output is returned. This is the one file that
knows the private names of ansible-core by which that works; `MISSING` names those that this ansible-core lacks.
"""

from __future__ import annotations

import io
import locale
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any, Callable, NamedTuple

from ansible.module_utils import basic
from ansible.module_utils.common import warnings

PROFILE = "legacy"
"""How ansible-core 2.19 and later encode the arguments and the result of a module that does not say otherwise."""

HAS_PROFILES = hasattr(basic, "_ANSIBLE_PROFILE")

_needed = [(basic, "_ANSIBLE_ARGS"), (warnings, "_global_warnings"), (warnings, "_global_deprecations")]
if HAS_PROFILES:
    try:
        from ansible.module_utils import _internal
        from ansible.module_utils._internal._ansiballz import _loader
    except ImportError:
        _internal = _loader = None
    _needed += [(_internal, "is_controller"), (_loader, "_handle_exception")]

MISSING = sorted({name for owner, name in _needed if not hasattr(owner, name)})


class Ended(NamedTuple):
    """What a module's process would have left: its exit status, and what it printed."""

    status: int
    stdout: str
    stderr: str


def run_module(main: Callable[[], None], arguments: bytes, environment: Mapping[str, str], directory: str) -> Ended:
    """Run ``main`` with ``arguments``, the JSON that the module's process would get, and return what it printed.

    An exception that ``main`` does not handle is reported as a module's process reports it. Task timeouts and Ctrl-C
    are no Exception and are raised.
    """
    stdout, stderr = io.StringIO(), io.StringIO()
    status = 0
    with _process(arguments, environment, directory), redirect_stdout(stdout), redirect_stderr(stderr):
        try:
            try:
                main()
            except Exception as error:
                if not HAS_PROFILES:
                    raise
                _loader._handle_exception(error, PROFILE)
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 1
            _clear_frames(ended)
        except Exception:
            traceback.print_exc()
            status = 1
    return Ended(status, stdout.getvalue(), stderr.getvalue())


@contextmanager
def _process(arguments: bytes, environment: Mapping[str, str], directory: str) -> Iterator[None]:
    """Set what a module's process has of its own, and restore it: one worker process may run many items of a loop."""
    warnings._global_warnings.clear()
    warnings._global_deprecations.clear()
    before, place, language = dict(os.environ), _current_directory(), locale.setlocale(locale.LC_ALL)
    values: list[tuple[Any, str, Any]] = [(basic, "_ANSIBLE_ARGS", arguments), (sys, "argv", [sys.argv[0]])]
    if HAS_PROFILES:
        # As on a managed node: warnings go into the result, where secrets are removed from them.
        values += [(basic, "_ANSIBLE_PROFILE", PROFILE), (_internal, "is_controller", False)]
    replaced = [(owner, name, getattr(owner, name)) for owner, name, _value in values]
    try:
        for owner, name, value in values:
            setattr(owner, name, value)
        os.environ.update(environment)
        os.chdir(directory)
        yield
    finally:
        for owner, name, value in replaced:
            setattr(owner, name, value)
        os.environ.clear()
        os.environ.update(before)
        with suppress(OSError):
            os.chdir(place)
        with suppress(locale.Error):
            locale.setlocale(locale.LC_ALL, language)


def _clear_frames(error: BaseException | None) -> None:
    """Release what the functions of a failure still hold, such as connections: a process of its own would end."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__


def _current_directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        return "/"  # it was deleted
