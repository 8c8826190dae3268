# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pairs a host, or unpairs it, by its VEN. The documentation is that of the module ven."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.microseg.enforcement.plugins.plugin_utils import ven
from ansible_collections.microseg.enforcement.plugins.plugin_utils.ven_action import VenAction
from ansible_collections.microseg.enforcement.plugins.plugin_utils.ven_host import Package, VenError, VenHost

Json = dict[str, Any]


class ActionModule(VenAction):  # type: ignore[misc]  # imported by the collection's name
    """Brings the VEN to its state."""

    SPEC: Mapping[str, Mapping[str, Any]] = {
        **VenAction.SPEC,
        "state": {"type": "str", "choices": ["paired", "unpaired"], "default": "paired"},
        "management_server": {"type": "str"},
        "activation_code": {"type": "str", "no_log": True},
        "pairing_script": {"type": "str"},
        "package": {"type": "str"},
        "package_remote": {"type": "bool", "default": False},
        "package_command": {"type": "list", "elements": "str", "default": []},
        "proxy_server": {"type": "str"},
        "insecure": {"type": "bool", "default": False},
        "enforcement_mode": {"type": "str", "choices": ["idle", "visibility_only", "selective", "full"]},
        "enforcement_mode_option": {"type": "str", "default": "--enforcement_mode"},
        "labels": {"type": "dict", "default": {}},
        "pairing_arguments": {"type": "list", "elements": "str", "default": []},
        "unpair_mode": {"type": "str", "choices": list(ven.UNPAIR_MODES), "default": "saved"},
        "unsuspend": {"type": "bool", "default": False},
        "maintenance_token": {"type": "str", "no_log": True},
        "maintenance_token_option": {"type": "str"},
        "environment": {"type": "dict", "default": {}},
        "script_timeout": {"type": "int", "default": 1800},
        "activation_timeout": {"type": "int", "default": 120},
        "activation_delay": {"type": "int", "default": 3},
    }

    def act(self, host: VenHost, options: Json) -> Json:
        """Bring the VEN of the host to its state, and return the result."""
        status = host.status()
        self.facts = status.facts()
        if options["state"] == "paired":
            return self._pair(host, status, options) if status.is_unpaired else {}
        return {} if status.is_unpaired else self._unpair(host, status, options)

    def package(self, options: Json) -> Package:
        """Return the package that the options name."""
        files = [options["package"]] if options.get("package") else []
        return Package(files, options.get("package_remote", False), options.get("package_command", []))

    def _pair(self, host: VenHost, status: ven.Status, options: Json) -> Json:
        for name in ("management_server", "activation_code"):
            if not options[name]:
                raise VenError(f"{name} is required to pair a host")
        if bool(options["pairing_script"]) == bool(options["package"]):
            raise VenError("one of pairing_script and package is required to pair a host")
        if host.is_windows and options["package"]:
            raise VenError("package requires a host with a POSIX shell, not Windows")
        if options["package"] and not ven.package_command(options["package"], options["package_command"]):
            raise VenError("package: it is unknown how to install it; set package_command")
        if self._task.check_mode:
            return {"changed": True}
        method = ven.PACKAGE if options["package"] else ven.PAIR_PS1 if host.is_windows else ven.PAIR_SH
        pairing = ven.Pairing(
            options["management_server"],
            options["proxy_server"] or "",
            options["insecure"],
            options["enforcement_mode"] or "",
            options["enforcement_mode_option"],
            {key: str(value) for key, value in options["labels"].items()},
            options["pairing_arguments"],
        )
        now = host.pair(pairing, options["activation_code"], options["pairing_script"], method, status.is_installed)
        self.facts = {**now.facts(), "pce": now.pce or options["management_server"]}
        return {"changed": True}

    def _unpair(self, host: VenHost, status: ven.Status, options: Json) -> Json:
        if options["unpair_mode"] == "unmanaged" and not host.is_windows:
            raise VenError("unpair_mode unmanaged requires a Windows host")
        if options["maintenance_token"] and not options["maintenance_token_option"]:
            raise VenError("maintenance_token requires maintenance_token_option")
        if status.is_suspended and not options["unsuspend"]:
            raise VenError("the VEN is suspended; set unsuspend to unpair it")
        if not self._task.check_mode:
            token = options["maintenance_token"] or ""
            words = [options["maintenance_token_option"], token] if token else []
            self.facts = host.unpair(options["unpair_mode"], words, token, status.is_suspended).facts()
        return {"changed": True}
