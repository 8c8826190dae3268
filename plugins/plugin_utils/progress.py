# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An action plugin that runs a module and shows meanwhile how far it is."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.microseg.enforcement.plugins.module_utils._core.progress import VARIABLE

display = Display()

_LOOK = 0.5
_EVERY = 30.0
_EVERY_VERBOSE = 2.0


class ProgressAction(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """Runs the module of its name. Every 30 seconds, with C(-v) every 2, a line on standard error tells how far it is.

    Standard error, so that callbacks that print JSON are not disturbed. The module writes to a file of the controller,
    so only a module that runs there can be watched; others run without.
    """

    _supports_async = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module and return its result."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        wrap_async = self._task.async_val and not self._connection.has_native_async
        with self._watched():
            result.update(self._execute_module(task_vars=task_vars, wrap_async=wrap_async))
        return result

    @contextmanager
    def _watched(self) -> Iterator[None]:
        if self._connection.transport != "local" or self._task.async_val:
            yield
            return
        over = threading.Event()
        with tempfile.TemporaryDirectory(prefix="microseg-") as directory:
            path = os.path.join(directory, "progress")
            self._task.environment = [*(self._task.environment or []), {VARIABLE: path}]
            watcher = threading.Thread(target=self._watch, args=(path, over), daemon=True)
            watcher.start()
            try:
                yield
            finally:
                over.set()
                watcher.join()

    def _watch(self, path: str, over: threading.Event) -> None:
        every = _EVERY_VERBOSE if display.verbosity else _EVERY
        shown, last = "", time.monotonic()
        while not over.wait(_LOOK):
            if time.monotonic() - last < every:
                continue
            try:
                with open(path, encoding="utf-8") as file:
                    line = file.read().strip()
            except OSError:
                continue  # nothing to tell yet
            if line and line != shown:
                display.display(f"{self._task.action.rpartition('.')[2]}: {line}", stderr=True)
                shown, last = line, time.monotonic()
