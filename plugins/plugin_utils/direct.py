# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugin of all modules that speak to an API.

Where the task's target is the controller, the module runs in Ansible's worker process: nothing is packed, sent,
started or imported for it, and no copy of its arguments is on a disk. `ActionBase._execute_module` does everything else
as ever; only the module's process is replaced. On other hosts the module runs as any other.
"""

from __future__ import annotations

import json
import os
import sys
import time
from types import ModuleType
from typing import Any, Callable

from ansible import constants as C  # noqa: N812  # its name everywhere in Ansible
from ansible.errors import AnsibleActionFail
from ansible.executor import module_common
from ansible.module_utils.common import json as ansible_json
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import connection_loader
from ansible.utils.display import Display
from ansible_collections.microseg.enforcement.plugins.module_utils._core.progress import shown_by
from ansible_collections.microseg.enforcement.plugins.module_utils._http.library import REQUESTS_IMPORT_ERROR

from . import in_process

_BuiltModule: Any = getattr(module_common, "_BuiltModule", None)
_REPLACED = ("_configure_module", "_low_level_execute_command", "_compute_environment_string", "_is_pipelining_enabled")

MISSING = [*in_process.MISSING, *(name for name in _REPLACED if not hasattr(ActionBase, name))]
"""The private names of ansible-core that the worker's way needs and this ansible-core lacks."""
if in_process.HAS_PROFILES and _BuiltModule is None:
    MISSING.append("_BuiltModule")

SWITCH = "microseg_run_in_worker"
"""The variable that, when false, has all modules run in processes of their own."""

PROGRESS_INTERVAL, PROGRESS_INTERVAL_VERBOSE = 30.0, 2.0
"""Seconds between two lines of progress, the second with C(-v)."""

display = Display()


class ApiAction(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """Run ``module`` in the worker process, or where that is not possible in a process of its own."""

    module: ModuleType

    _connection: Any
    _play_context: Any

    _supports_async = True
    _requires_connection = False

    _is_on_controller = False
    _is_in_worker = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module and return its result."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        self._is_on_controller = self._targets_controller(variables)
        if self._is_on_controller:
            self._leave_connection()
        obstacle = self._obstacle(variables)
        self._is_in_worker = not obstacle
        self._log(f"runs in a process of its own: {obstacle}" if obstacle else f"runs in the worker ({sys.executable})")
        wrap_async = self._task.async_val and not getattr(self._connection, "has_native_async", False)
        result.update(self._execute_module(task_vars=task_vars, wrap_async=wrap_async))
        return result

    def _targets_controller(self, variables: dict[str, Any]) -> bool:
        """Return True if the task runs on the control node, whatever connection variables of managed nodes say."""
        host = self._task.delegate_to or variables.get("inventory_hostname")
        return host in C.LOCALHOST or self._connection.transport == "local"

    def _leave_connection(self) -> None:
        """Use a local connection without become and with the shell sh, whatever the variables of managed nodes are."""
        connection, context = self._connection, self._play_context
        if connection.become or context.become:
            self._log("ignores become: on the control node it runs as the user of Ansible")
        is_plain = connection.transport == "local" and connection._shell.SHELL_FAMILY == "sh"
        if is_plain and not connection.become and context.executable == C.DEFAULT_EXECUTABLE:
            return
        self._play_context = context = context.copy()
        context.become, context.shell, context.executable = False, "sh", C.DEFAULT_EXECUTABLE
        local = connection_loader.get("ansible.builtin.local", context)
        local.set_options(var_options={})
        local._shell.set_options(var_options={})
        if not self._task.async_val:
            self._connection = local
        elif connection.transport == "local":
            # Ansible asks for the job by the connection that it made itself.
            connection._shell, connection._play_context = local._shell, context
            connection.set_become_plugin(None)
        else:
            raise AnsibleActionFail(
                f"async requires ansible_connection: local on the control node, where it is {connection.transport}"
            )

    def _obstacle(self, variables: dict[str, Any]) -> str:
        """Return why the module cannot run in the worker process, empty if it can."""
        if not self._is_on_controller:
            return "the target is not the controller"
        if self._task.async_val:
            return "async"
        if sys.platform == "darwin":
            return "macOS ends a forked process that asks for the system's proxies"
        switch = self._templar.template(variables.get(SWITCH, True))
        try:
            if not boolean(switch):
                return f"{SWITCH} is false"
        except TypeError as error:
            raise AnsibleActionFail(f"{SWITCH}: must be true or false, not {switch!r}") from error
        interpreter = self._interpreter(variables)
        if interpreter:
            return f"ansible_python_interpreter is {interpreter}, Ansible's own is {sys.executable}"
        if REQUESTS_IMPORT_ERROR:
            return f"{sys.executable} has no requests"
        if MISSING:
            return f"this ansible-core lacks {', '.join(MISSING)}"
        return ""

    def _interpreter(self, variables: dict[str, Any]) -> str:
        """Return the Python that the user asks for, empty if it is left to Ansible or is Ansible's own."""
        if self._task.delegate_to:
            variables = variables["ansible_delegated_vars"][self._task.delegate_to]
        value = C.config.get_config_value("INTERPRETER_PYTHON", variables=variables)
        interpreter = str(self._templar.template(value) or "").strip()
        if not interpreter or interpreter.startswith("auto") or _is_own(interpreter):
            return ""
        return interpreter

    def _log(self, message: str) -> None:
        display.vvv(f"{self._task.action} {message}", host=self._task.delegate_to or None)

    def _is_pipelining_enabled(self, module_style: str, wrap_async: bool = False) -> bool:
        """On the controller the module's arguments go through a pipe, and never into a file."""
        if self._is_on_controller and not wrap_async:
            return bool(module_style == "new")
        return bool(super()._is_pipelining_enabled(module_style, wrap_async))

    def _configure_module(self, module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]) -> Any:
        """Return what is sent to the module's process. In the worker that is its arguments."""
        if not self._is_in_worker:
            return super()._configure_module(module_name, module_args, task_vars)
        arguments = {"ANSIBLE_MODULE_ARGS": module_args}
        shebang, path = f"#!{sys.executable}", self.module.__file__
        if not in_process.HAS_PROFILES:
            text = json.dumps(arguments, cls=ansible_json.AnsibleJSONEncoder, vault_to_text=True)
            return "new", shebang, text.encode(), path
        direction = ansible_json.Direction.CONTROLLER_TO_MODULE
        encoder = ansible_json.get_module_encoder(in_process.PROFILE, direction)
        built = _BuiltModule(
            b_module_data=json.dumps(arguments, cls=encoder).encode(),
            module_style="new",
            shebang=shebang,
            serialization_profile=in_process.PROFILE,
        )
        return built, path

    def _low_level_execute_command(self, cmd: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Run a command. In the worker there is one: the module."""
        if not self._is_in_worker:
            return dict(super()._low_level_execute_command(cmd, *args, **kwargs))
        environment: dict[str, Any] = {}
        self._compute_environment_string(environment)
        variables = {name: str(value) for name, value in environment.items()}
        with shown_by(self._progress()):
            ended = in_process.run_module(self.module.main, kwargs["in_data"], variables, self._loader.get_basedir())
        return {
            "rc": ended.status,
            "stdout": ended.stdout,
            "stdout_lines": ended.stdout.splitlines(),
            "stderr": ended.stderr,
            "stderr_lines": ended.stderr.splitlines(),
        }

    def _progress(self) -> Callable[[str], None]:
        """Return what shows a line of progress now and then, on standard error: callbacks may print JSON."""
        interval = PROGRESS_INTERVAL_VERBOSE if display.verbosity else PROGRESS_INTERVAL
        last = time.monotonic()

        def show(line: str) -> None:
            nonlocal last
            if time.monotonic() - last >= interval:
                last = time.monotonic()
                display.display(f"{self._task.action.rpartition('.')[2]}: {line}", stderr=True)

        return show


def _is_own(interpreter: str) -> bool:
    """Return True if a path is the Python that runs Ansible: the same program in the same virtual environment."""

    def place(path: str) -> tuple[str, str]:
        return os.path.realpath(os.path.dirname(path)), os.path.realpath(path)

    return place(interpreter) == place(sys.executable)
