# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role ven does for one host: asks for its VEN, brings it to its state, and says what came of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.microseg.enforcement.plugins.plugin_utils import ven, ven_role
from ansible_collections.microseg.enforcement.plugins.plugin_utils.ven_api import profile_options
from ansible_collections.microseg.enforcement.plugins.plugin_utils.ven_handover import HandoverError
from ansible_collections.microseg.enforcement.plugins.plugin_utils.ven_host import (
    Package,
    VenError,
    VenHost,
    refuse_kept_files,
    remove_temporary,
)
from ansible_collections.microseg.enforcement.plugins.plugin_utils.ven_tasks import handover_of, plain

Json = dict[str, Any]

_UNKNOWN = {"status": "", "version": "", "pce": "", "hostname": ""}


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """Runs one step for its host. The steps of one application of the role share a Handover."""

    _supports_async = False

    def run(self, tmp: Any = None, task_vars: Json | None = None) -> Json:
        """Run the step and return its result."""
        result: Json = super().run(tmp, task_vars)
        del tmp
        self._vars: Json = task_vars or {}
        self._name = str(self._vars["inventory_hostname"])
        self._handover = handover_of(self._task)
        self._facts = dict(_UNKNOWN)
        self._wanted: Json = {}
        steps = {"inspect": self._inspect, "apply": self._apply, "conclude": self._conclude}
        try:
            result.update(steps[str(self._task.args.get("step"))]())
        except KeyError as error:
            return {**result, "failed": True, "msg": f"step must be inspect, apply or conclude, not {error}"}
        except (VenError, HandoverError) as error:
            is_changed = getattr(error, "changed", False)
            result.update(failed=True, changed=is_changed, msg=str(error))
        finally:
            remove_temporary(self)
        return {"changed": False, **result, **self._facts, **self._wanted}

    def _inspect(self) -> Json:
        values = self._values()
        try:
            options = ven_role.read_options(values)
            options["pairing_profile_options"] = self._profile_options(options)
            host = self._host(options)
        except ValueError as error:
            if values.get("state") == "unpaired":
                # It is not easily made good again: what is wrong for one host keeps all others from being unpaired.
                self._handover.put("stop", f"{self._name}: {error}")
            raise VenError(str(error)) from error
        self._wanted = _wanted(options)
        asks_host = options["state"] != "unpaired" or options["unpair_through"] == "host"
        status = host.status() if asks_host else ven.Status()
        if status.is_package_missing and status.is_unpaired and not status.is_installed:
            raise VenError(f"ven_package: there is no file {options['package']} on the host")
        self._facts = status.facts()
        hostname = options["hostname"] or (status.hostname if asks_host else self._name)
        wish = {
            "host": self._name,
            "options": options,
            "hostname": hostname,
            "asks_host": asks_host,
            "status": vars(status),
            "locks": ven_role.asked_locks(options),
            "connection": _connection(options),
        }
        self._handover.put(f"host {self._name}", wish)
        warnings = ven_role.near_misses(map(str, self._vars))
        return {"warnings": warnings} if warnings else {}

    def _values(self) -> Json:
        values = {}
        for name in ven_role.VARIABLES:
            variable = f"ven_{name}"
            if variable in self._vars:
                try:
                    values[name] = plain(self._templar.template(self._vars[variable]))
                except AnsibleError as error:
                    raise VenError(f"{variable}: {getattr(error, 'message', error)}") from error
        return values

    def _profile_options(self, options: Json) -> Json | None:
        if options["pairing_profile_options"] is None or options["state"] != "paired":
            return None
        found: Json = profile_options(options["pairing_profile_options"])
        contradiction = set(ven_role.asked_locks(options)) & set(ven_role.declared_locks(found))
        if contradiction:
            raise ValueError("ven_enforcement_mode and ven_labels must not set what ven_pairing_profile_options locks")
        return found

    def _host(self, options: Json) -> VenHost:
        if options["state"] == "paired":
            refuse_kept_files()
        package = options["package"]
        files = [*options["package_dependencies"], package] if package else []
        if not options["package_remote"]:
            files = [os.path.realpath(os.path.expanduser(file)) for file in files]
        return VenHost(
            self,
            self._vars,
            str(options["platform"]),
            ven.Program(
                str(options["program_directory"]),
                str(options["data_directory"]),
                options["script_environment"],
                options["script_timeout"],
            ),
            ven.Patterns.compile({f"ven_{name}": options[name] for name in options}, "ven_"),
            Package(files, options["package_remote"], options["package_command"]),
            options["activation_timeout"],
            options["activation_delay"],
            "ven_",
        )

    def _apply(self) -> Json:
        wish, verdict = self._wish(), self._handover.take(f"verdict {self._name}")
        if verdict is None:
            raise VenError("the task that serves the batch has not served this host")
        if verdict["error"]:
            raise VenError(verdict["error"], changed=bool(verdict.get("changed")))
        options, status = wish["options"], ven.Status(**wish["status"])
        warnings = {"warnings": verdict["warnings"]} if verdict.get("warnings") else {}
        done: Json
        if options["state"] == "paired":
            done = self._pair(wish, status, verdict) if verdict["is_wanted"] else {}
        elif options["state"] == "prepared":
            done = {} if status.is_installed else self._prepare(wish, status)
        elif wish["asks_host"]:
            done = {} if status.is_unpaired else self._unpair(wish, verdict)
        else:
            done = self._unpaired_by_pce(wish, verdict)
        return {**done, **warnings}

    def _wish(self) -> Json:
        wish: Any = self._handover.get(f"host {self._name}")
        if wish is None:
            before = self._vars.get("__ven")
            if isinstance(before, Mapping) and before.get("unreachable"):
                raise VenError(f"it cannot be reached: {before.get('msg')}")
            raise VenError("the task that asks the host for its VEN has not run")
        self._facts = ven.Status(**wish["status"]).facts()
        self._wanted = _wanted(wish["options"])
        return dict(wish)

    def _pair(self, wish: Json, status: ven.Status, verdict: Json) -> Json:
        options = wish["options"]
        if self._task.check_mode:
            return _shown(True, f"{self._name} would be paired by {options['pairing_profile']}")
        method = ven.method_of(options["platform"], options["package"])
        script = self._handover.get(f"script {verdict['script']}") if verdict["script"] else ""
        host, pairing = self._host(options), _pairing(options, verdict["management_server"])
        installed = status.is_installed
        if verdict["is_moved"]:
            host.unpair("saved", *_token(options))
            installed = host.status().is_installed
        now = host.pair(pairing, verdict["activation_code"], script, method, installed)
        self._facts = {**now.facts(), "pce": now.pce or pairing.server}
        wish.update(status=vars(now), is_new=True, profile_href=verdict["profile_href"], server=pairing.server)
        self._handover.put(f"host {self._name}", wish)
        return {"changed": True, "msg": f"{self._name} is paired by {options['pairing_profile']}"}

    def _prepare(self, wish: Json, status: ven.Status) -> Json:
        if not self._task.check_mode:
            self._host(wish["options"]).prepare(wish["options"]["pairing_arguments"], status.is_installed)
        would = "would be" if self._task.check_mode else "is"
        return _shown(True, f"{self._name} {would} prepared for an image")

    def _unpair(self, wish: Json, verdict: Json) -> Json:
        options = wish["options"]
        mode = options["unpair_mode"]
        if self._task.check_mode:
            return _shown(True, f"{self._name} would be unpaired ({mode})")
        now = self._host(options).unpair(mode, *_token(options), unsuspend=verdict["unsuspend"])
        self._facts = now.facts()
        wish["status"] = vars(now)
        self._handover.put(f"host {self._name}", wish)
        return {"changed": True, "msg": f"{self._name} is unpaired ({mode})"}

    def _unpaired_by_pce(self, wish: Json, verdict: Json) -> Json:
        is_foreseen = verdict["changed"] and self._task.check_mode
        self._facts = {**_UNKNOWN, "hostname": wish["hostname"], "status": "" if is_foreseen else ven.UNPAIRED}
        if is_foreseen:
            self._facts["version"] = verdict.get("version", "")
        said = "is unpaired" if verdict["changed"] else "is unpaired already"
        wish["facts"] = self._facts
        self._handover.put(f"host {self._name}", wish)
        return _shown(verdict["changed"], f"{self._name} {'would be unpaired' if is_foreseen else said}")

    def _conclude(self) -> Json:
        wish = self._wish()
        options, seen = wish["options"], self._handover.take(f"seen {self._name}")
        self._facts = {**self._facts, **wish.get("facts", {})}
        if wish.get("is_new") and not self._facts["pce"]:
            self._facts["pce"] = wish["server"]
        if seen is None:
            return {}
        if seen["error"]:
            raise VenError(
                f"{seen['error']} (ven_verify_timeout is {options['verify_timeout']:g}; a later run verifies it "
                "only with ven_verify=all)"
            )
        self._facts["version"] = seen["version"] or self._facts["version"]
        self._facts["pce"] = self._facts["pce"] or options["management_server"] or seen["server"]
        return {"warnings": seen["warnings"]} if seen.get("warnings") else {}


def _wanted(options: Json) -> Json:
    """Return what a report of the pairing shows beside the status."""
    return {name: options[name] or "" for name in ("pairing_profile", "enforcement_mode")}


def _shown(changed: Any, message: str) -> Json:
    """Return a result whose message is shown at any verbosity: nothing of it can be seen on the host."""
    return {"changed": bool(changed), "msg": message, "_ansible_verbose_always": True}


def _pairing(options: Json, server: str) -> ven.Pairing:
    return ven.Pairing(
        options["management_server"] or server,
        options["proxy_server"],
        options["insecure"],
        options["enforcement_mode"],
        options["enforcement_mode_option"],
        options["labels"],
        options["pairing_arguments"],
    )


def _token(options: Json) -> tuple[list[str], str]:
    """Return the words that hand the maintenance token over, and the token."""
    token = str(options["maintenance_token"] or "")
    return ([options["maintenance_token_option"], token] if token else []), token


def _connection(options: Json) -> Json:
    """Return the connection options that the role's variables set, by the names of the modules' options."""
    return {_option(name): options[name] for name in ven_role.CONNECTION}


def _option(name: str) -> str:
    return name if name in ("pce_host", "pce_port", "pce_org_id") else name[len("pce_") :]
