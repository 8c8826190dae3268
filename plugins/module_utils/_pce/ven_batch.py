# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role ven needs of one PCE for a batch of hosts: profiles, keys, scripts, unpairing, and proof.

The hosts come as plain data, and each gets its own verdict: what is wrong with one host, or with the pairing profile of
some, is an ``error`` of those and of no others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable

from .._core.errors import CollectionError, MissingReferenceError
from .._core.reconcile import read_desired_state, reconcile
from .._core.resource import PRESENT, Identity
from .api import PCE
from .batch_hosts import Json, Verdicts, is_known, query_hostnames, server_name
from .batch_unpairing import unpair
from .batch_verification import verify
from .pairing_keys import keep_keys
from .pairing_profile import PAIRING_PROFILE
from .pairing_script import fetch_script
from .ven import VEN

PREPARE = "prepare"
UNPAIR = "unpair"
VERIFY = "verify"
REVOKE = "revoke"

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "step": {"type": "str", "choices": [PREPARE, UNPAIR, VERIFY, REVOKE], "required": True},
    "hosts": {"type": "list", "elements": "dict", "required": True},
}

_SCRIPTS = ("pair.sh", "pair.ps1")
_MAX_USES = 2147483647
_LOCK = "_lock"


def serve_batch(params: Mapping[str, Any], dry_run: bool) -> Json:
    """Do one step for all hosts of a batch and return the result, with a verdict for each host by its name."""
    steps: Mapping[str, Callable[[Mapping[str, Any], Sequence[Json], bool], Json]] = {
        PREPARE: prepare,
        UNPAIR: unpair,
        VERIFY: verify,
        REVOKE: revoke,
    }
    return steps[params["step"]](params, params["hosts"], dry_run)


def prepare(params: Mapping[str, Any], hosts: Sequence[Json], dry_run: bool) -> Json:
    """Bring the pairing profiles to their state, and get a key and a script for each host that is to be paired.

    Of a host: ``host``, ``hostname``, ``is_unpaired``, ``method``, ``profile``, ``profile_options`` (None: it must
    exist), ``locks`` (those of the profile that would keep the host from what it asks for), ``api_version``, ``pce``
    (that manages it, where that is known), ``aliases``, ``paired_elsewhere``.
    """
    batch = _Pairing(params, dry_run)
    batch.look_elsewhere(hosts)
    groups: dict[str, list[Json]] = {}
    for host in hosts:
        groups.setdefault(host["profile"], []).append(host)
    for name, members in groups.items():
        try:
            batch.serve(name, members)
        except CollectionError as error:
            batch.changed = batch.changed or error.changed
            batch.fail(members, str(error))
    return batch.result()


class _Pairing:
    """What has been found and done for the hosts that are to be paired."""

    def __init__(self, params: Mapping[str, Any], dry_run: bool) -> None:
        self.params = params
        self.dry_run = dry_run
        self.changed = False
        self.warnings: list[str] = []
        self.verdicts: Verdicts = {}
        self.scripts: dict[str, str] = {}
        self.server = PCE.connect(params).management_server

    def result(self) -> Json:
        """Return the result of the step."""
        return {
            "changed": self.changed,
            "warnings": self.warnings,
            "hosts": self.verdicts,
            "scripts": self.scripts,
            "management_server": self.server,
        }

    def fail(self, hosts: Iterable[Json], error: str) -> None:
        """Enter an error of those hosts that have none yet."""
        for host in hosts:
            verdict = self._verdict(host)
            if verdict["error"] is None:
                verdict.update(error=error, activation_code=None)

    def look_elsewhere(self, hosts: Sequence[Json]) -> None:
        """Find the hosts that another PCE manages, and enter what that means for them."""
        suspects = [host for host in hosts if not host["is_unpaired"] and not self._is_ours(host)]
        if not suspects:
            return
        try:
            known = query_hostnames(self.params, VEN, [host["hostname"] for host in suspects])
        except CollectionError as error:
            self.fail(suspects, f"the host is paired, and whether with this PCE could not be read: {error}")
            return
        for host in suspects:
            if not is_known(known, host["hostname"]):
                self._found_elsewhere(host)

    def serve(self, name: str, members: Sequence[Json]) -> None:
        """Prepare the hosts that want one pairing profile."""
        served = [host for host in members if self._verdict(host)["error"] is None]
        wanted = [host for host in served if self._wants_key(host)]
        options = [host["profile_options"] for host in members]
        if len({json.dumps(item, sort_keys=True) for item in options}) > 1:
            # Two groups of hosts that want one profile differently would change it for each other in every run.
            self.fail(members, f"hosts of this batch differ in the ven_pairing_profile_options of {name}")
            return
        if not served or (options[0] is None and not wanted):
            return
        profile = self._profile(name, options[0])
        ready = [host for host in wanted if self._is_free(host, profile or {}, name)]
        if profile is not None and profile.get("href") and ready:
            self._generate(profile, ready)
            self._fetch(profile, [host for host in ready if self._verdict(host)["error"] is None])

    def _verdict(self, host: Json) -> Json:
        verdict: Json = {
            "error": None,
            "is_wanted": bool(host["is_unpaired"]),
            "is_moved": False,
            "profile_href": None,
            "activation_code": None,
            "script": None,
            "warnings": [],
        }
        return self.verdicts.setdefault(host["host"], verdict)

    def _wants_key(self, host: Json) -> bool:
        return bool(self._verdict(host)["is_wanted"])

    def _is_ours(self, host: Json) -> bool:
        names = [self.server, *host["aliases"]]
        return bool(host["pce"]) and server_name(host["pce"]) in map(server_name, names)

    def _found_elsewhere(self, host: Json) -> None:
        verdict, elsewhere = self._verdict(host), host["paired_elsewhere"]
        ours = server_name(self.server)
        if not host["pce"]:
            verdict["warnings"].append(
                f"the host is paired, but its VEN does not show with which PCE, and {ours} shows no VEN with hostname "
                f"{host['hostname']!r}; check ven_hostname"
            )
            return
        about = f"the host is paired with {host['pce']}, not with {ours}"
        if elsewhere == "move":
            verdict.update(is_wanted=True, is_moved=True)
        elif elsewhere == "warn":
            verdict["warnings"].append(about)
        else:
            verdict["error"] = (
                f"{about}; add it to ven_pce_aliases if this is another name of the same PCE, or set "
                "ven_paired_elsewhere to move or warn"
            )

    def _profile(self, name: str, options: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """Return the pairing profile, None where check mode would create it or assumes that another task does."""
        if options is not None:
            asked = {**options, "name": name, "href": None, "state": PRESENT}
            desired = read_desired_state(PAIRING_PROFILE, asked, PCE.reference_checker(self.params))
            store = PCE.connect(self.params).store(PAIRING_PROFILE)
            outcome = reconcile(PAIRING_PROFILE, store, desired, self.dry_run)
            self.changed = self.changed or outcome.changed
            self.warnings += outcome.warnings
            return outcome.result
        store = PCE.connect(self.params).store(PAIRING_PROFILE)
        try:
            return PAIRING_PROFILE.to_result(store.find_existing(Identity(names={"name": name})))
        except MissingReferenceError as error:
            if not self.dry_run:
                raise
            self.warnings.append(f"{error}; check mode assumes that an earlier task creates it")
            return None

    def _is_free(self, host: Json, profile: Mapping[str, Any], name: str) -> bool:
        locked = [lock for lock in host["locks"] if profile.get(lock) is True]
        if locked:
            words = ", ".join(lock[: -len(_LOCK)] for lock in locked)
            self.fail(
                [host],
                f"the pairing profile {name} locks {words}, so ven_enforcement_mode and ven_labels cannot set it",
            )
        return not locked

    def _generate(self, profile: Mapping[str, Any], hosts: Sequence[Json]) -> None:
        limit = profile.get("allowed_uses_per_key") or 1
        uses = limit if isinstance(limit, int) else _MAX_USES
        task = {"profile": None, "profile_href": profile["href"], "path": None, "state": PRESENT}
        outcome = keep_keys({**self.params, **task, "count": -(-len(hosts) // uses)}, self.dry_run)
        self.changed = self.changed or outcome["changed"]
        self.warnings += outcome.get("warnings", [])
        for number, host in enumerate(hosts):
            key = outcome["pairing_keys"][number // uses]
            self._verdict(host).update(activation_code=key["activation_code"], profile_href=profile["href"])

    def _fetch(self, profile: Mapping[str, Any], hosts: Sequence[Json]) -> None:
        for name in _SCRIPTS:
            users = [host for host in hosts if host["method"] == name]
            if not users or self.dry_run:
                continue
            task = {"profile_href": profile["href"], "script": name, "api_version": users[0]["api_version"]}
            try:
                pce = PCE.connect(self.params, base="")  # the whole path is the script's
                script = fetch_script(pce, task)["pairing_script"]["content"]
            except CollectionError as error:
                self.fail(users, str(error))
                continue
            place = f"{profile['href']} {name}"
            self.scripts[place] = script
            for host in users:
                self._verdict(host)["script"] = place


def revoke(params: Mapping[str, Any], hosts: Sequence[Json], dry_run: bool) -> Json:
    """Revoke all keys of the pairing profiles of these hosts. Of a host: ``host``, ``profile_href``."""
    verdicts: Verdicts = {host["host"]: {"error": None} for host in hosts}
    changed = False
    for href in sorted({host["profile_href"] for host in hosts}):
        task = {"profile": None, "profile_href": href, "path": None, "state": "absent", "count": 1}
        try:
            changed = keep_keys({**params, **task}, dry_run)["changed"] or changed
        except CollectionError as error:
            changed = changed or error.changed
            for host in hosts:
                if host["profile_href"] == href:
                    verdicts[host["host"]]["error"] = f"the pairing keys were not revoked: {error}"
    return {"changed": changed, "hosts": verdicts}
