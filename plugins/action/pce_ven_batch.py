# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role ven does once for a batch of hosts: decides, and does all of the API's work."""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.microseg.enforcement.plugins.plugin_utils import ven
from ansible_collections.microseg.enforcement.plugins.plugin_utils.ven_api import Api
from ansible_collections.microseg.enforcement.plugins.plugin_utils.ven_handover import HandoverError
from ansible_collections.microseg.enforcement.plugins.plugin_utils.ven_tasks import handover_of

Json = dict[str, Any]

_PCE_HOST = ("PCE_HOST", "ILLUMIO_PCE_HOST")


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """Runs one step for all hosts of the batch at once.

    It never fails for the trouble of a host, since that would end the play for all others: each host finds its verdict
    where the step of its own looks.
    """

    BYPASS_HOST_LOOP = True
    _supports_async = False

    def run(self, tmp: Any = None, task_vars: Json | None = None) -> Json:
        """Run the step and return its result."""
        result: Json = super().run(tmp, task_vars)
        del tmp
        self._vars: Json = task_vars or {}
        self._handover = handover_of(self._task)
        self._api = Api(self, self._vars)
        self._changed = False
        self._warnings: list[str] = []
        step = str(self._task.args.get("step"))
        if step == "finish":
            self._handover.remove()
            return {**result, "changed": False}
        try:
            wishes = self._wishes()
            if step == "prepare":
                verdicts = self._prepare(wishes)
            elif step == "verify":
                verdicts = self._verify(wishes)
            else:
                return {**result, "failed": True, "msg": f"step must be prepare, verify or finish, not {step!r}"}
        except HandoverError as error:
            return {**result, "failed": True, "msg": str(error)}
        errors = {name: verdict["error"] for name, verdict in verdicts.items() if verdict["error"]}
        result.update(changed=self._changed, errors=errors)
        return {**result, "warnings": self._warnings} if self._warnings else result

    def _wishes(self) -> dict[str, Json]:
        found = {str(name): self._handover.get(f"host {name}") for name in self._vars["ansible_play_batch"]}
        return {name: wish for name, wish in found.items() if wish is not None}

    def _prepare(self, wishes: Mapping[str, Json]) -> dict[str, Json]:
        verdicts = {name: _verdict() for name in wishes}
        states = {
            state: [wish for wish in wishes.values() if wish["options"]["state"] == state]
            for state in ("paired", "unpaired")
        }
        self._prepare_pairing(states["paired"], verdicts)
        self._prepare_unpairing(states["unpaired"], verdicts)
        for name, verdict in verdicts.items():
            self._handover.put(f"verdict {name}", verdict)
        return verdicts

    def _prepare_pairing(self, wishes: list[Json], verdicts: dict[str, Json]) -> None:
        for connection, members in _by_connection(wishes):
            answer = self._serve(connection, "prepare", [_for_pairing(wish) for wish in members], verdicts)
            for place, text in answer.get("scripts", {}).items():
                self._handover.put(f"script {place}", text)
            for wish in members:
                verdict = verdicts[wish["host"]]
                verdict["management_server"] = answer.get("management_server", "")
                kept = _kept_by_name(wish) if verdict.get("is_moved") and not verdict["error"] else None
                if kept:
                    verdict.update(error=kept, activation_code=None)

    def _prepare_unpairing(self, wishes: list[Json], verdicts: dict[str, Json]) -> None:
        stop = self._handover.get("stop")
        for wish in wishes:
            verdict = verdicts[wish["host"]]
            verdict["error"] = f"nothing was unpaired: {stop}" if stop else _refused_here(wish)
            verdict["unsuspend"] = _is_suspended(wish)
        ready = [wish for wish in wishes if not verdicts[wish["host"]]["error"]]
        asked = [wish for wish in ready if _needs_pce(wish)]
        if self._exceeds_maximum(ready, asked, verdicts):
            return
        for connection, members in _by_connection(asked):
            self._serve(connection, "unpair", [_for_unpairing(wish) for wish in members], verdicts)

    def _exceeds_maximum(self, wishes: list[Json], asked: list[Json], verdicts: dict[str, Json]) -> bool:
        """Return True, and enter it, where more hosts would be unpaired than the user allows for the whole run."""
        limits = [limit for limit in (wish["options"]["unpair_maximum"] for wish in wishes) if limit is not None]
        if not limits:
            return False
        batch, whole = self._vars["ansible_play_batch"], self._vars["ansible_play_hosts_all"]
        if len(whole) > len(batch) and self._vars.get("ansible_play_hosts") != batch:
            # With serial, what later batches hold is unknown: each host of the play counts.
            count, counted = len(whole), "the play has"
        else:
            foreseen = {wish["host"]: _verdict() for wish in asked}
            for connection, members in _by_connection(asked):
                self._serve(connection, "unpair", [_for_unpairing(wish) for wish in members], foreseen, dry_run=True)
            here = [wish for wish in wishes if wish["asks_host"] and not wish["status"]["is_unpaired"]]
            there = [wish for wish in asked if not wish["asks_host"] and foreseen[wish["host"]].get("changed")]
            count, counted = len(here) + len(there), "this run would unpair"
        if count <= min(limits):
            return False
        for wish in wishes:
            verdicts[wish["host"]]["error"] = (
                f"nothing was unpaired: {counted} {count} hosts, and ven_unpair_maximum is {min(limits)}"
            )
        return True

    def _verify(self, wishes: Mapping[str, Json]) -> dict[str, Json]:
        verdicts: dict[str, Json] = {}
        wanted = [wish for wish in wishes.values() if _is_verified(wish)]
        for connection, members in _by_connection(wanted):
            hosts = [
                {
                    "host": wish["host"],
                    "hostname": wish["hostname"],
                    "timeout": wish["options"]["verify_timeout"],
                    "delay": wish["options"]["verify_delay"],
                }
                for wish in members
            ]
            found = {wish["host"]: _verdict() for wish in members}
            self._serve(connection, "verify", hosts, found)
            verdicts.update(found)
            for wish in members:
                options = wish["options"]
                found[wish["host"]]["server"] = (
                    f"{options['pce_host']}:{options['pce_port'] or 8443}" if options["pce_host"] else ""
                )
        self._revoke(list(wishes.values()), verdicts)
        for name, verdict in verdicts.items():
            self._handover.put(f"seen {name}", verdict)
        return verdicts

    def _revoke(self, wishes: list[Json], verdicts: dict[str, Json]) -> None:
        """Revoke the keys of the profiles that hosts were paired with, where that is asked for."""
        asked = [wish for wish in wishes if wish["options"]["revoke_keys"] and wish.get("profile_href")]
        if not asked:
            return
        if self._has_later_batches():
            self._warnings.append(
                "ven_revoke_keys: no pairing keys were revoked, since hosts of later batches may still need them"
            )
            return
        for connection, members in _by_connection(asked):
            hosts = [{"host": wish["host"], "profile_href": wish["profile_href"]} for wish in members]
            found = {wish["host"]: _verdict() for wish in members}
            self._serve(connection, "revoke", hosts, found)
            self._warnings += sorted({verdict["error"] for verdict in found.values() if verdict["error"]})

    def _has_later_batches(self) -> bool:
        order = {name: number for number, name in enumerate(self._vars["ansible_play_hosts_all"])}
        last = max(order[name] for name in self._vars["ansible_play_batch"])
        return any(order[name] > last for name in self._vars["ansible_play_hosts"])

    def _serve(
        self, connection: Json, step: str, hosts: list[Json], verdicts: dict[str, Json], dry_run: bool = False
    ) -> Json:
        """Do one step at one PCE, and enter the verdicts."""
        defaults = {name: value for name, value in self._task.args.items() if name not in ("step", "hosts")}
        given = {name: value for name, value in connection.items() if value not in (None, "")}
        answer: Json = self._api.serve({**defaults, **given}, step, hosts, dry_run or bool(self._task.check_mode))
        if not dry_run:
            # What is unpaired is a change of its host, and not of the one that this task runs for.
            self._changed = self._changed or (step != "unpair" and bool(answer.get("changed")))
            self._warnings += [text for text in answer.get("warnings") or () if text not in self._warnings]
        for host in hosts:
            verdict = (answer.get("hosts") or {}).get(host["host"])
            if verdict is None:
                verdict = {"error": str(answer.get("msg") or "the PCE was not asked")}
            verdicts[host["host"]].update(verdict)
        return answer


def _verdict() -> Json:
    return {
        "error": None,
        "is_wanted": False,
        "is_moved": False,
        "changed": False,
        "unsuspend": False,
        "version": "",
        "warnings": [],
        "activation_code": None,
        "script": None,
        "profile_href": None,
        "management_server": "",
    }


def _by_connection(wishes: Iterable[Json]) -> list[tuple[Json, list[Json]]]:
    groups: dict[str, list[Json]] = {}
    for wish in wishes:
        groups.setdefault(json.dumps(wish["connection"], sort_keys=True), []).append(wish)
    return [(json.loads(text), members) for text, members in groups.items()]


def _for_pairing(wish: Json) -> Json:
    options, status = wish["options"], wish["status"]
    return {
        "host": wish["host"],
        "hostname": wish["hostname"],
        "is_unpaired": status["is_unpaired"],
        "method": ven.method_of(options["platform"], options["package"]),
        "profile": options["pairing_profile"],
        "profile_options": options["pairing_profile_options"],
        "locks": wish["locks"],
        "api_version": options["pair_script_api_version"],
        "pce": status["pce"],
        "aliases": [*options["pce_aliases"], *filter(None, [options["management_server"]])],
        "paired_elsewhere": options["paired_elsewhere"],
    }


def _for_unpairing(wish: Json) -> Json:
    options = wish["options"]
    names = ("only_offline_for", "never_hostnames", "never_labels", "suspended", "golden_images")
    return {
        "host": wish["host"],
        "hostname": wish["hostname"],
        "through": "host" if wish["asks_host"] else "pce",
        "firewall_restore": ven.FIREWALL_RESTORE.get(options["unpair_mode"], "saved"),
        "guards": {name: options[f"unpair_{name}"] for name in names},
        "has_token": bool(options["maintenance_token"]),
        "is_optional": not _requires_pce(wish),
    }


def _needs_pce(wish: Json) -> bool:
    """Return True if the PCE is asked before a host is unpaired: wherever the task knows one, for what it protects."""
    return _requires_pce(wish) or (_knows_pce(wish) and not wish["status"]["is_unpaired"])


def _requires_pce(wish: Json) -> bool:
    """Return True if a host must not be unpaired without an answer of the PCE."""
    return not wish["asks_host"] or (bool(wish["options"]["unpair_never_labels"]) and not wish["status"]["is_unpaired"])


def _knows_pce(wish: Json) -> bool:
    return bool(wish["options"]["pce_host"] or any(os.environ.get(name) for name in _PCE_HOST))


def _kept_by_name(wish: Json) -> str | None:
    for pattern in wish["options"]["unpair_never_hostnames"]:
        for name in (wish["hostname"], wish["host"]):
            if fnmatch.fnmatchcase(name.casefold(), str(pattern).casefold()):
                return f"{pattern!r} in ven_unpair_never_hostnames keeps this host from being unpaired"
    return None


def _refused_here(wish: Json) -> str | None:
    """Return why a host must not be unpaired, as far as the PCE need not be asked for it."""
    if wish["asks_host"] and wish["status"]["is_unpaired"]:
        return None
    kept = _kept_by_name(wish)
    if kept is None and _is_suspended(wish) and wish["options"]["unpair_suspended"] != "unsuspend":
        return "its VEN is suspended; set ven_unpair_suspended to unsuspend to unpair it"
    return kept


def _is_suspended(wish: Json) -> bool:
    return bool(wish["asks_host"] and wish["status"]["word"].lower() == ven.SUSPENDED)


def _is_paired(wish: Json) -> bool:
    return not wish["status"]["is_unpaired"]


def _is_verified(wish: Json) -> bool:
    if wish["options"]["state"] != "paired" or not _is_paired(wish):
        return False
    verify = wish["options"]["verify"]
    return bool(verify == "all" or (verify == "new" and wish.get("is_new")))
