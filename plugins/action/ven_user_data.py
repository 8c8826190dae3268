# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Creates user data for a machine that pairs itself. The documentation is that of the module ven_user_data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.microseg.enforcement.plugins.plugin_utils import ven, ven_user_data


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """Creates text on the control node."""

    _supports_async = False

    SPEC: Mapping[str, Mapping[str, Any]] = {
        "format": {"type": "str", "choices": ["cloud-init", "powershell"], "default": "cloud-init"},
        "management_server": {"type": "str", "required": True},
        "activation_code": {"type": "str", "required": True, "no_log": True},
        "profile_href": {"type": "str", "required": True},
        "api_version": {"type": "int", "default": 18},
        "proxy_server": {"type": "str"},
        "insecure": {"type": "bool", "default": False},
        "enforcement_mode": {"type": "str", "choices": ["idle", "visibility_only", "selective", "full"]},
        "enforcement_mode_option": {"type": "str", "default": "--enforcement_mode"},
        "labels": {"type": "dict", "default": {}},
        "pairing_arguments": {"type": "list", "elements": "str", "default": []},
        "environment": {"type": "dict", "default": {}},
    }

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the action and return its result."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        spec = {key: dict(item) for key, item in self.SPEC.items()}
        _found, options = self.validate_argument_spec(argument_spec=spec)
        pairing = ven.Pairing(
            options["management_server"],
            options["proxy_server"] or "",
            options["insecure"],
            options["enforcement_mode"] or "",
            options["enforcement_mode_option"],
            {key: str(value) for key, value in options["labels"].items()},
            options["pairing_arguments"],
        )
        environment = {str(name): str(value) for name, value in options["environment"].items()}
        try:
            text = ven_user_data.user_data(
                options["format"],
                pairing,
                options["activation_code"],
                options["profile_href"],
                options["api_version"],
                environment,
            )
        except ValueError as error:
            return {**result, "failed": True, "msg": str(error)}
        # The text holds the activation code, so that no callback may show the result.
        return {**result, "changed": False, "user_data": text, "_ansible_no_log": True}
