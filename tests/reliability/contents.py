"""What a server and a key file hold, in a form in which two runs can be compared."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.simulator.state import digest

Contents = dict[str, list[dict[str, Any]]]
"""The objects by what a user calls them. More than one of a name is a duplicate."""

_VARYING = ("created_at", "updated_at", "time", "last_pairing_at")
_NEW = "new"


def read(state: Mapping[str, Any], key_file: Path, seeded: frozenset[str]) -> Contents:
    """Return what is there. ``state`` is the simulator's, ``seeded`` the references that there were at the start:
    another one was allotted in the run and says nothing.
    """
    found: Contents = {}

    def enter(name: str, item: Mapping[str, Any]) -> None:
        kept = {key: value for key, value in item.items() if key not in _VARYING}
        for key in ("href", "id"):
            if key in kept and kept[key] not in seeded:
                kept[key] = _NEW
        found.setdefault(name, []).append(kept)

    for profile in state["pairing_profiles"]:
        enter(f"pairing profile {profile['name']}", profile)
    for label in state["labels"]:
        gone = " (deleted)" if label.get("deleted") else ""
        enter(f"label {label['key']}={label['value']}{gone}", label)
    for workload in state["workloads"]:
        enter(f"workload {workload['hostname']}", workload)
    for unpairing in state["unpairings"]:
        enter(f"unpairing of {unpairing['hostname']}", unpairing)
    for name, instances in state["connector_instances"].items():
        for instance in instances:
            where = instance["controller"]["ipAddress"], instance["endpointAddressSpace"]["name"]
            enter(f"instance {' '.join(where)} of {name}", instance)
    _enter_keys(found, state["pairing_keys"], key_file)
    return found


def references(state: Mapping[str, Any]) -> frozenset[str]:
    """Return the references of all objects."""
    found = {item["href"] for kind in ("pairing_profiles", "labels", "workloads") for item in state[kind]}
    found |= {item["id"] for instances in state["connector_instances"].values() for item in instances}
    return frozenset(found)


def codes(key_file: Path) -> list[str]:
    """Return the activation codes of a key file."""
    return [key["activation_code"] for key in json.loads(key_file.read_text())["keys"]] if key_file.exists() else []


def _enter_keys(found: Contents, keys: list[Mapping[str, Any]], key_file: Path) -> None:
    """Enter how many keys each profile has, and of how many of them the file knows the code."""
    kept = {digest(code) for code in codes(key_file)}
    counts: dict[str, Counter[str]] = {}
    for key in keys:
        count = counts.setdefault(f"pairing keys of {key['profile']}", Counter(valid=0, known=0, revoked=0))
        count["revoked" if key["revoked"] else "valid"] += 1
        count["known"] += key["sha256"] in kept and not key["revoked"]
    for name, count in counts.items():
        found[name] = [dict(count)]
    if key_file.exists():
        found["key file"] = [{"keys": len(kept), "mode": oct(key_file.stat().st_mode & 0o777)}]
    beside = sorted(path.name for path in key_file.parent.iterdir() if path != key_file)
    if beside:
        found["files beside the key file"] = [{"names": beside}]


def orphans(contents: Contents, before: Contents) -> int:
    """Return how many valid pairing keys there are more than before that no file knows."""
    return sum(_unknown(contents, name) - _unknown(before, name) for name in contents if name.startswith("pairing key"))


def without_orphans(contents: Contents, before: Contents) -> Contents:
    """Return the contents as if the keys that nobody knows had not been made."""
    kept: Contents = {}
    for name, items in contents.items():
        if name.startswith("pairing key"):
            number = _unknown(contents, name) - _unknown(before, name)
            left = [{**item, "valid": item["valid"] - number} for item in items]
            items = left if any(left[0].values()) else []
        if items:
            kept[name] = items
    return kept


def _unknown(contents: Contents, name: str) -> int:
    return sum(item["valid"] - item["known"] for item in contents.get(name, []))
