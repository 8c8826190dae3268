# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base of the action plugins for the VEN of their host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase

from . import ven
from .ven_host import Package, VenError, VenHost, refuse_kept_files, remove_temporary


class VenAction(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """An action plugin for the VEN of its host. A subclass says in C(act) what it does."""

    _supports_async = False

    SPEC: Mapping[str, Mapping[str, Any]] = {
        "platform": {"type": "str", "choices": [ven.LINUX, ven.WINDOWS]},
        "program_directory": {"type": "str"},
        "data_directory": {"type": "str"},
    }

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the action and return its result."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        self.facts = dict.fromkeys(("status", "version", "pce", "hostname"), "")
        _found, options = self.validate_argument_spec(
            argument_spec={key: dict(item) for key, item in self.SPEC.items()}
        )
        try:
            if options.get("activation_code"):
                refuse_kept_files()
            result.update(self.act(self._host(options, task_vars or {}), options))
        except VenError as error:
            result.update(failed=True, changed=error.changed, msg=str(error))
        finally:
            remove_temporary(self)
        return {"changed": False, **result, **self.facts}

    def act(self, host: VenHost, options: dict[str, Any]) -> dict[str, Any]:
        """Do the work, and return what is to be in the result."""
        raise NotImplementedError

    def package(self, options: dict[str, Any]) -> Package:
        """Return the package that the options name."""
        return Package()

    def _host(self, options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> VenHost:
        platform = options["platform"] or self._platform()
        is_windows = platform == ven.WINDOWS
        program = options["program_directory"] or (r"C:\Program Files\Illumio" if is_windows else "/opt/illumio_ven")
        data = options["data_directory"] or (r"C:\ProgramData\Illumio" if is_windows else "/opt/illumio_ven_data")
        environment = {str(name): str(value) for name, value in options.get("environment", {}).items()}
        return VenHost(
            self,
            task_vars,
            platform,
            ven.Program(program, data, environment, options.get("script_timeout", 1800)),
            ven.Patterns.compile({}),
            self.package(dict(options)),
            options.get("activation_timeout", 120),
            options.get("activation_delay", 3),
        )

    def _platform(self) -> str:
        is_windows = getattr(self._connection._shell, "_IS_WINDOWS", False) or self._connection._shell.SHELL_FAMILY in (
            "powershell",
            "cmd",
        )
        return str(ven.WINDOWS if is_windows else ven.LINUX)
