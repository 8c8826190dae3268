# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the playbook pairing_report makes of hosts, workloads and pairing profiles.

Between tasks the data is one JSON text without template markers: older Ansible would evaluate those of a hostname.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable

from ansible.errors import AnsibleFilterError

Row = dict[str, Any]

SCHEMA = 1
STATES = ("online", "inactive", "offline", "ambiguous", "unmanaged", "failed", "not_paired")
"""Each row has one of them. A host is paired in the first three, and in the fourth if a workload of it has a VEN."""

_PCE = ("ven_pce_host", "ven_pce_port", "ven_pce_org_id", "ven_pce_api_key", "ven_delegate_to")
_FAILED = "it failed or could not be reached earlier in this run, whose output says why"
_OF_PROFILE = ("enabled", "enforcement_mode", "allowed_uses_per_key", "key_lifespan", "total_use_count")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def pairing_report_hosts(
    names: Iterable[str], hostvars: Mapping[str, Any], active: Iterable[str], fallback: str
) -> dict[str, Any]:
    """Return what Ansible knows of hosts, as JSON text, and for each PCE the first host that leads to it.

    active: the hosts that have not failed in this run; fallback: the host whose variables count where there are none.
    """
    alive, asked, known = set(active), dict[str, str](), []
    for name in map(str, names):
        own = _Variables(name, hostvars[name])
        pce = asked.setdefault(json.dumps([own.text(variable) for variable in _PCE]), name)
        failure = own.text("ven_failure") or ("" if name in alive else _FAILED)
        # A user and a password in it are refused later, and shown nowhere before.
        address, port = re.sub(r"^.*@", "…@", own.text("ven_pce_host")), own.text("ven_pce_port")
        known.append(
            {
                "host": name,
                "hostname": own.text("ven_hostname") or own.of_role("hostname") or _nodename(own) or name,
                "asked_by": pce,
                "pce": f"{address}:{port}" if address and port else address,
                "pairing_profile": own.text("ven_pairing_profile") or own.of_role("pairing_profile") or None,
                # Hidden as in the role's messages: it may be an activation code.
                "failure": re.sub(r"[0-9a-fA-F]{40,}", "…", failure).strip(),
                "wanted_mode": own.text("ven_enforcement_mode") or own.of_role("enforcement_mode") or None,
            }
        )
    return {"text": _inert(json.dumps(known)), "asked_by": list(asked.values()) or [fallback]}


def pairing_report(
    known: str,
    workloads: Mapping[str, Sequence[Mapping[str, Any]]],
    profiles: Mapping[str, Sequence[Mapping[str, Any]]],
    all_workloads: bool,
    previous: str,
    now: str,
    vens: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> dict[str, Any]:
    """Return the report as JSON text, its counts, and whether anything but the time of the check has changed.

    known: of pairing_report_hosts; workloads, profiles and vens: by the host that they were asked for; previous: the
    text of the last report.
    """
    hosts = json.loads(known)
    by_hostname: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for asked_by, found in workloads.items():
        for workload in found:
            by_hostname.setdefault(asked_by, {}).setdefault(workload["hostname"], []).append(workload)
    problems = {
        workload: list(ven["problems"])
        for found in (vens or {}).values()
        for ven in found
        for workload in ven["workloads"]
    }
    rows = [
        _row(host, by_hostname.get(host["asked_by"], {}).get(host["hostname"], []), profiles, problems)
        for host in hosts
    ]
    if all_workloads:
        pces = {host["asked_by"]: host["pce"] for host in hosts}
        mine = {(host["asked_by"], host["hostname"]) for host in hosts}
        for asked_by, found in workloads.items():
            others = (item for item in found if (asked_by, item["hostname"]) not in mine)
            rows += [
                _row(_other_host(item, asked_by, pces.get(asked_by, "")), [item], profiles, problems) for item in others
            ]
    rows.sort(key=lambda row: (_natural(row["host"] or row["hostname"] or ""), row["workload"] or ""))
    report = {
        "counts": _counts(rows),
        "hosts": rows,
        "pairing_profiles": _used_profiles(hosts, profiles),
        "schema": SCHEMA,
    }
    since = _unchanged_since(report, previous, now)
    return {
        "text": _inert(_lines({**report, "unchanged_since": since, "checked_at": now})),
        "counts": report["counts"],
        "is_changed": since == now,
    }


def csp_source(text: str) -> str:
    """Return the source expression by which a Content-Security-Policy lets exactly this text in."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


class _Variables:
    """The variables of a host. An error tells which one it was."""

    def __init__(self, host: str, values: Mapping[str, Any]) -> None:
        self._host = host
        self._values = values

    def get(self, name: str) -> Any:
        """Return the value of a variable, None if it is not given."""
        try:
            return self._values.get(name)
        except Exception as error:  # whatever its template raises
            raise AnsibleFilterError(f"{name} of host {self._host} cannot be worked out: {error}") from error

    def text(self, name: str) -> str:
        """Return a variable as text, empty if it is not given."""
        value = self.get(name)
        return "" if value is None else str(value)

    def of_role(self, name: str) -> str:
        """Return what the role ven has found in this run, empty if it was not applied to the host.

        The role's variables may be those of a play, which no other play sees.
        """
        found = self.get("__ven")
        return str(found.get(name) or "") if isinstance(found, Mapping) else ""


def _nodename(own: _Variables) -> str:
    """Return what the command hostname printed when facts were gathered; on Windows that is another name."""
    facts = own.get("ansible_facts")
    if not isinstance(facts, Mapping) or facts.get("os_family") == "Windows":
        return ""
    return str(facts.get("nodename") or "")


def _other_host(workload: Mapping[str, Any], asked_by: str, pce: str) -> dict[str, Any]:
    """Return what is known of a workload that is no host of the play."""
    empty = {"host": None, "pairing_profile": None, "failure": "", "wanted_mode": None}
    return {**empty, "hostname": workload["hostname"] or workload["name"], "asked_by": asked_by, "pce": pce}


def _row(
    host: Mapping[str, Any],
    named: Sequence[Mapping[str, Any]],
    profiles: Mapping[str, Sequence[Mapping[str, Any]]],
    problems: Mapping[str, Sequence[str]],
) -> Row:
    # What a VEN that was there before has left behind is not managed any more, and does not count.
    mine = [item for item in named if item["managed"]] or list(named)
    one = mine[0] if len(mine) == 1 else None
    ven = (one or {}).get("ven") or {}
    state, reasons = _state(host, mine)
    fitting = _fitting(host, profiles)
    expected = host["wanted_mode"] or (fitting[0]["enforcement_mode"] if len(fitting) == 1 else None)
    mode = one["enforcement_mode"] if one else None
    differs = bool(one and one["managed"] and expected and mode and mode != expected)
    if differs:
        source = "ven_enforcement_mode" if host["wanted_mode"] else "its pairing profile"
        reasons.append(f"runs in {mode}, {source} says {expected}")
    if host["pairing_profile"] and len(fitting) != 1:
        count = f"{len(fitting)} pairing profiles" if fitting else "no pairing profile"
        reasons.append(f"the PCE has {count} '{host['pairing_profile']}'")
    # Those of all its workloads: a host with several is the one that has a duplicate.
    shown = list(dict.fromkeys(problem for item in mine for problem in problems.get(item["href"], ())))
    # The state tells the others.
    further = [problem for problem in shown if problem not in ("offline", "suspended")]
    if further:
        reasons.append(f"its VEN is reported as {', '.join(further)}")
    return {
        "enforcement_mode": mode,
        "expected_mode": expected,
        "host": host["host"],
        "hostname": host["hostname"],
        "labels": dict(sorted(one["labels"].items())) if one else {},
        "mode_differs": differs,
        "online": bool(one["online"]) if one and one["managed"] else None,
        "paired": any(item["managed"] for item in mine),
        "pairing_profile": host["pairing_profile"],
        "pce": host["pce"],
        "problems": shown,
        "reason": "; ".join(reasons),
        "state": state,
        "ven_status": ven.get("status"),
        "ven_version": ven.get("version"),
        "workload": one["href"] if one else None,
    }


def _state(host: Mapping[str, Any], mine: Sequence[Mapping[str, Any]]) -> tuple[str, list[str]]:
    """Return the state, and why it is not online. The PCE's word counts; a failure of this run is told beside it."""
    failed = [f"failed in this run: {host['failure']}"] if host["failure"] else []
    if not any(item["managed"] for item in mine) and host["failure"]:
        return "failed", [host["failure"]]
    if not mine:
        return "not_paired", [f"the PCE has no workload with hostname '{host['hostname']}'"]
    if len(mine) > 1:
        hrefs = ", ".join(sorted(item["href"] for item in mine))
        return "ambiguous", [*failed, f"the PCE has {len(mine)} workloads with hostname '{host['hostname']}': {hrefs}"]
    found = mine[0]
    if not found["managed"]:
        return "unmanaged", ["its workload has no VEN"]
    status = (found["ven"] or {}).get("status")
    if status not in (None, "active"):
        return "inactive", [*failed, f"the status of its VEN is '{status}'"]
    return ("online", failed) if found["online"] else ("offline", [*failed, "its VEN is not online"])


def _fitting(
    host: Mapping[str, Any], profiles: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Sequence[Mapping[str, Any]]:
    return [item for item in profiles.get(host["asked_by"], []) if item["name"] == host["pairing_profile"]]


def _used_profiles(hosts: Sequence[Row], profiles: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Row]:
    used = Counter(
        (host["pce"], host["pairing_profile"], host["asked_by"]) for host in hosts if host["pairing_profile"]
    )
    shown = []
    for (pce, name, asked_by), count in sorted(used.items()):
        fitting = _fitting({"asked_by": asked_by, "pairing_profile": name}, profiles)
        about = fitting[0] if len(fitting) == 1 else {}
        limits = {key: about.get(key) for key in _OF_PROFILE}
        shown.append({"found": len(fitting), "hosts": count, "name": name, "pce": pce, **limits})
    return shown


def _counts(rows: Sequence[Row]) -> dict[str, Any]:
    states = Counter(row["state"] for row in rows)
    return {
        "hosts": sum(row["host"] is not None for row in rows),
        "mode_differs": sum(row["mode_differs"] for row in rows),
        "online": states["online"],
        "other_workloads": sum(row["host"] is None for row in rows),
        "paired": sum(row["paired"] for row in rows),
        "problems": dict(sorted(Counter(problem for row in rows for problem in row["problems"]).items())),
        "rows": len(rows),
        "states": {state: states[state] for state in STATES},
    }


def _unchanged_since(report: Mapping[str, Any], previous: str, now: str) -> str:
    """Return when the report became what it is."""
    try:
        last = json.loads(previous)
    except ValueError:
        return now
    if not isinstance(last, dict):
        return now
    since, _checked = str(last.pop("unchanged_since", "")), last.pop("checked_at", "")
    return since if _TIME.fullmatch(since) and last == json.loads(json.dumps(report)) else now


def _lines(report: Mapping[str, Any]) -> str:
    """Return JSON with one row a line, so that two reports can be compared line by line."""
    parts = []
    for key, value in sorted(report.items()):
        if isinstance(value, list) and value:
            body = "[\n" + ",\n".join(json.dumps(item, sort_keys=True) for item in value) + "\n]"
        else:
            body = json.dumps(value, sort_keys=True)
        parts.append(f"{json.dumps(key)}: {body}")
    return "{\n" + ",\n".join(parts) + "\n}"


def _inert(text: str) -> str:
    """Return the same JSON without what HTML or a template would act upon, none of which occurs outside of texts."""
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return re.sub(r"\{(?=[{%#])", r"\\u007b", text)


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Return a key by which web2 comes before web10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return [(0, int(part), "") if part[0] in "0123456789" else (1, 0, part.casefold()) for part in parts]


class FilterModule:
    """The filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {
            "csp_source": csp_source,
            "pairing_report": pairing_report,
            "pairing_report_hosts": pairing_report_hosts,
        }
