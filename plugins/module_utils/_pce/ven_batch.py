# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role ven needs of one PCE for a batch of hosts: profiles, keys, scripts, unpairing, and proof.

The hosts come as plain data, and each gets its own verdict: what is wrong with one host, or with the pairing profile of
some, is an ``error`` of those and of no others.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable

from .._core import progress
from .._core.errors import CollectionError, MissingReferenceError
from .._core.reconcile import read_desired_state, reconcile
from .._core.resource import PRESENT, Identity, Resource
from .api import PCE
from .pairing_keys import keep_keys
from .pairing_profile import PAIRING_PROFILE
from .pairing_script import fetch_script
from .unpair_guards import Guards, find_refusals
from .ven import VEN
from .ven_state import set_ven_state
from .workload import WORKLOAD
from .workload_store import WORKLOADS

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

Json = dict[str, Any]
Verdicts = dict[str, Json]


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
            known = _query(self.params, VEN, [host["hostname"] for host in suspects])
        except CollectionError as error:
            self.fail(suspects, f"the host is paired, and whether with this PCE could not be read: {error}")
            return
        for host in suspects:
            if not _is_known(known, host["hostname"]):
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
        return bool(host["pce"]) and _server_name(host["pce"]) in map(_server_name, names)

    def _found_elsewhere(self, host: Json) -> None:
        verdict, elsewhere = self._verdict(host), host["paired_elsewhere"]
        ours = _server_name(self.server)
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


def unpair(params: Mapping[str, Any], hosts: Sequence[Json], dry_run: bool) -> Json:
    """Unpair hosts through the PCE, unless a guard refuses that.

    Of a host: ``host``, ``hostname``, ``firewall_restore``, ``guards``, ``through`` ("pce", or "host": then only the
    guards are asked).
    """
    doubles = {name for name in (host["hostname"] for host in hosts) if _count(hosts, name) > 1}
    verdicts: Verdicts = {host["host"]: {"error": None, "changed": False} for host in hosts}
    warnings: list[str] = []
    asked = [host for host in hosts if host["hostname"] not in doubles]
    for host in hosts:
        if host["hostname"] in doubles:
            verdicts[host["host"]]["error"] = (
                f"several hosts of this batch have the hostname {host['hostname']}, so it is unknown which of them is "
                "meant; set ven_hostname"
            )
    changed = False
    try:
        refusals = _refusals(params, asked, dry_run)
        for host in asked:
            verdicts[host["host"]].update(refusals.get(host["host"], {}))
        left = [host for host in asked if not verdicts[host["host"]]["error"] and host["through"] == "pce"]
        for word in sorted({host["firewall_restore"] for host in left}):
            members = [host for host in left if host["firewall_restore"] == word]
            changed = _unpair_by(params, members, word, dry_run, verdicts, warnings) or changed
    except CollectionError as error:
        changed = changed or error.changed
        for host in asked:
            verdict = verdicts[host["host"]]
            if verdict["error"] is None and not verdict["changed"]:
                verdict["error"] = str(error)
    return {"changed": changed, "warnings": warnings, "hosts": verdicts}


def _refusals(params: Mapping[str, Any], hosts: Sequence[Json], dry_run: bool) -> dict[str, Json]:
    found: dict[str, Json] = {}
    by_guards: dict[str, list[Json]] = {}
    for host in hosts:
        by_guards.setdefault(json.dumps(host["guards"], sort_keys=True), []).append(host)
    for text, members in by_guards.items():
        guards = Guards.from_options(json.loads(text), "ven_unpair_")
        names = {host["hostname"]: host["host"] for host in members}
        for hostname, refusal in find_refusals(params, names, guards, dry_run).items():
            found[names[hostname]] = refusal
    return found


def _unpair_by(
    params: Mapping[str, Any],
    hosts: Sequence[Json],
    firewall_restore: str,
    dry_run: bool,
    verdicts: Verdicts,
    warnings: list[str],
) -> bool:
    """Unpair the hosts that want the same of their firewall. Enter what became of each, and return what changed."""
    asked = {"hostnames": [host["hostname"] for host in hosts], "hrefs": None, "state": "unpaired"}
    changed, shown = False, []
    try:
        outcome = set_ven_state(PCE.connect(params), {**asked, "firewall_restore": firewall_restore}, dry_run)
        changed, shown = outcome["changed"], outcome["vens"]
        warnings += outcome["warnings"]
    except CollectionError as error:
        details = error.details()
        changed, shown = error.changed, details.get("vens") or details.get("outcomes") or []
        if not shown:
            raise
    by_name = {ven["hostname"]: ven for ven in shown}
    for host in hosts:
        ven = by_name.get(host["hostname"])
        verdict = verdicts[host["host"]]
        if ven is None:
            verdict["error"] = "the PCE did not show what became of it"
        else:
            verdict.update(error=ven["error"], changed=ven["changed"], version=ven["version"] or "")
    return bool(changed)


def verify(params: Mapping[str, Any], hosts: Sequence[Json], _dry_run: bool) -> Json:
    """Wait until the PCE shows all hosts as paired and online, and return for each what is missing.

    Of a host: ``host``, ``hostname``, ``timeout`` and ``delay`` in seconds. The longest timeout counts for all.
    """
    until = time.monotonic() + max(host["timeout"] for host in hosts)
    delay = max(0.1, min(host["delay"] for host in hosts))
    while True:
        try:
            shown = _query(params, WORKLOAD, [host["hostname"] for host in hosts])
        except CollectionError as error:
            return {"changed": False, "hosts": {host["host"]: {"error": str(error)} for host in hosts}}
        verdicts = {host["host"]: _judge(host, hosts, shown) for host in hosts}
        missing = [verdict for verdict in verdicts.values() if verdict["error"]]
        progress.report_progress("hosts verified", len(hosts) - len(missing), len(hosts))
        if not any(verdict["may_come"] for verdict in missing) or time.monotonic() + delay > until:
            return {"changed": False, "hosts": verdicts}
        time.sleep(delay)


def _judge(host: Json, hosts: Sequence[Json], shown: Sequence[Mapping[str, Any]]) -> Json:
    """Return what is missing of one host, and what the PCE knows of its VEN."""
    name = host["hostname"]
    mine = _of_hostname(shown, name)
    # What a VEN that was there before has left behind is not managed any more, and does not count.
    mine = [raw for raw in mine if _value(WORKLOAD, raw, "managed")] or mine
    if _count(hosts, name) > 1:
        return _verdict(
            f"{_count(hosts, name)} hosts of this batch have the hostname '{name}', so the PCE cannot tell them "
            "apart; set ven_hostname"
        )
    if not mine:
        return _verdict(
            f"the PCE has no workload with hostname '{name}'; if the host pairs under another name, set ven_hostname",
            may_come=True,
        )
    if len(mine) > 1:
        hrefs = ", ".join(sorted(str(raw.get("href")) for raw in mine))
        return _verdict(f"the PCE has {len(mine)} workloads with hostname '{name}': {hrefs}", may_come=True)
    (found,) = mine
    ven = _value(WORKLOAD, found, "ven")
    reasons = [] if _value(WORKLOAD, found, "managed") else ["it is not managed"]
    if ven is not None and ven["status"] != "active":
        reasons.append(f"the status of its VEN is '{ven['status']}'")
    if not _value(WORKLOAD, found, "online"):
        reasons.append("it is not online")
    if ven is None:
        reasons = reasons or ["it has no VEN"]
    if reasons:
        shown_name = _value(WORKLOAD, found, "hostname")
        called = f"workload '{shown_name}'" + ("" if shown_name == name else f" (of '{name}', {found.get('href')})")
        return _verdict(f"{called} is not paired and alive: {', '.join(reasons)}", may_come=True)
    return {**_verdict(None), "version": (ven or {}).get("version") or "", "workload": found.get("href")}


def _verdict(error: str | None, may_come: bool = False) -> Json:
    return {"error": error, "may_come": may_come, "version": "", "workload": None}


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


def _query(params: Mapping[str, Any], resource: Resource, hostnames: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    """Return what the PCE shows of some hostnames: of one by its filter, of more by one read of all."""
    store = (WORKLOADS if resource is WORKLOAD else PCE).store(params, resource)
    if len(set(hostnames)) == 1 and not hostnames[0].startswith("/"):
        # Its filter matches a part, so that the short name finds the PCE's own name for the host.
        return store.query({"hostname": short_name(hostnames[0])})
    return store.query({})


def _value(resource: Resource, raw: Mapping[str, Any], name: str) -> Any:
    return resource.field(name).value_in(raw)


def _of_hostname(shown: Sequence[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """Return the objects of a hostname: exactly so, or else in other letters, or else with a domain or without."""
    if name.startswith("/orgs/"):
        return [raw for raw in shown if name in (raw.get("href"), (raw.get("ven") or {}).get("href"))]
    for is_same in (_is_exact, _is_same_text, _is_same_host):
        found = [raw for raw in shown if is_same(str(raw.get("hostname") or ""), name)]
        if found:
            return found
    return []


def _is_exact(shown: str, name: str) -> bool:
    return shown == name


def _is_same_text(shown: str, name: str) -> bool:
    return shown.casefold() == name.casefold()


def _is_same_host(shown: str, name: str) -> bool:
    """Return True for a short name and the same with a domain; two domains are two hosts."""
    one, other = shown.casefold(), name.casefold()
    return ("." in one) != ("." in other) and short_name(one) == short_name(other)


def short_name(name: str) -> str:
    """Return a hostname without its domain."""
    return name.partition(".")[0] or name


def _is_known(shown: Sequence[Mapping[str, Any]], name: str) -> bool:
    return any(raw.get("status") not in ("unpaired", "uninstalled") for raw in _of_hostname(shown, name))


def _count(hosts: Sequence[Json], hostname: str) -> int:
    return sum(host["hostname"] == hostname for host in hosts)


def _server_name(server: str) -> str:
    text = str(server).strip().lower().rpartition("//")[2].partition("/")[0]
    host = text.partition("]")[0].lstrip("[") if text.startswith("[") else text.partition(":")[0]
    return host.rstrip(".")
