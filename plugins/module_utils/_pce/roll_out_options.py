# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a roll-out: its waves, and the hosts of each (see roll_out.py)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from .._core.errors import MissingReferenceError, OptionError
from .._core.references import parse_entries
from .._core.resource import PRESENT
from .._core.text import closest_matches
from .api import Pce
from .fleet import read_fleet
from .label import LABEL
from .pairing_profile import ENFORCEMENT_MODES, VISIBILITY_LEVELS
from .ven_release import find_release, parse_release
from .wave_progress import Progress
from .waves import Host, Target, Wave, assign, read_percentage
from .workload import WORKLOAD
from .workload_store import WorkloadStore

BACK = "back"

_CONDITIONS: Mapping[str, Mapping[str, Any]] = {
    "hostnames": {"type": "list", "elements": "str"},
    "hrefs": {"type": "list", "elements": "str"},
    "labels": {"type": "list", "elements": "dict"},
}

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "state": {"type": "str", "choices": [PRESENT, BACK], "default": PRESENT},
    "path": {"type": "path", "required": True},
    "waves": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            **_CONDITIONS,
            "share": {"type": "float", "default": 100.0},
            "enforcement_mode": {"type": "str", "choices": list(ENFORCEMENT_MODES)},
            "visibility_level": {"type": "str", "choices": list(VISIBILITY_LEVELS)},
            "release": {"type": "str"},
            "error_budget": {"type": "float"},
        },
    },
    "selection": {"type": "dict", "options": dict(_CONDITIONS)},
    "error_budget": {"type": "float", "default": 0.0},
    "settle_time": {"type": "int", "default": 60},
    "continue_past": {"type": "list", "elements": "str", "default": []},
    "allow_incompatible": {"type": "bool", "default": False},
    "allow_empty": {"type": "bool", "default": False},
}


def read_waves(pce: Pce, params: Mapping[str, Any]) -> list[Progress]:
    """Return the waves of the options with their hosts. Raise OptionError, naming the entry, for a wrong one."""
    entries = params["waves"] or []
    if not entries:
        raise OptionError("waves", "requires at least one wave")
    for position, entry in enumerate(entries):
        if not entry["name"].strip():
            raise OptionError(f"waves[{position}].name", "must not be empty")
    counts = Counter(entry["name"] for entry in entries)
    double = next((name for name, count in counts.items() if count > 1), None)
    if double is not None:
        raise OptionError("waves", f"has two waves with the name {double!r}")
    unknown = [name for name in params["continue_past"] if name not in counts]
    if unknown:
        raise OptionError("continue_past", f"unknown wave {unknown[0]!r}{closest_matches(unknown[0], counts)}")
    if params["settle_time"] < 0:
        raise OptionError("settle_time", f"must be 0 or more seconds, not {params['settle_time']}")
    needed = len(entries) * params["settle_time"]
    if needed >= pce.http.remaining():
        raise OptionError("deadline", f"must be more than settle_time for all waves together ({needed} seconds)")
    read_percentage("error_budget", params["error_budget"])
    waves = [_read_wave(pce, params, entry, f"waves[{position}]") for position, entry in enumerate(entries)]
    return _assign(pce, params, waves)


def _read_wave(pce: Pce, params: Mapping[str, Any], entry: Mapping[str, Any], where: str) -> Wave:
    budget, option = params["error_budget"], "error_budget"
    if entry["error_budget"] is not None:
        budget, option = entry["error_budget"], f"{where}.error_budget"
    return Wave(
        entry["name"],
        _read_target(pce, entry, where),
        **_read_conditions(pce, entry, f"{where}."),
        share=read_percentage(f"{where}.share", entry["share"], minimum=0.01),
        error_budget=read_percentage(option, budget),
    )


def _read_target(pce: Pce, entry: Mapping[str, Any], where: str) -> Target:
    mode, level, release = entry["enforcement_mode"], entry["visibility_level"], entry["release"]
    if (mode is None) == (release is None):
        raise OptionError(where, "requires either enforcement_mode or release")
    if level is not None and mode is None:
        raise OptionError(f"{where}.visibility_level", "requires enforcement_mode")
    if release is None:
        return Target(mode, level, shown=mode if level is None else f"{mode}, {level}")
    name = find_release(pce, f"{where}.release", release)
    return Target(release=parse_release(name), shown=name)


def _read_conditions(pce: Pce, entry: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the conditions of a wave or of the selection. Raise OptionError for a wrong one."""
    for name in _CONDITIONS:
        if entry[name] is not None and not entry[name]:
            raise OptionError(where + name, "must not be an empty list")
    for href in entry["hrefs"] or ():
        pce.check_reference(WORKLOAD, f"{where}hrefs", href)
    labels = None
    if entry["labels"] is not None:
        try:
            parsed = parse_entries(LABEL, entry["labels"], one_per="key")
            labels = WorkloadStore(pce.http, pce.org_id, WORKLOAD).resolve({"labels": parsed}, None)["labels"]
        except MissingReferenceError as error:
            problem = str(error).partition(": ")[2]
            raise OptionError(f"{where}labels", problem) from error
        except ValueError as error:
            raise OptionError(f"{where}labels", str(error)) from error
    names = {name: None if entry[name] is None else frozenset(entry[name]) for name in ("hostnames", "hrefs")}
    return {**names, "labels": labels}


def read_selection(pce: Pce, given: Mapping[str, Any], fleet: Sequence[Host]) -> Wave:
    """Return the conditions of ``selection``. Raise OptionError if it has none, or a name that no host has."""
    if all(value is None for value in given.values()):
        # Lines that are not indented, or a variable that is empty, must not select everything.
        raise OptionError("selection", f"requires at least one of {', '.join(_CONDITIONS)}")
    selection = Wave("selection", Target(), **_read_conditions(pce, given, "selection."))
    _check_names("selection", selection, fleet)
    return selection


def _assign(pce: Pce, params: Mapping[str, Any], waves: Sequence[Wave]) -> list[Progress]:
    """Return each wave with its hosts. Raise OptionError for a name that no host has, and for a wave without hosts."""
    fleet = chosen = read_fleet(pce)
    if params["selection"] is not None:
        selection = read_selection(pce, params["selection"], fleet)
        chosen = [host for host in fleet if selection.has(host)]
    found = [Progress(wave, hosts) for wave, hosts in zip(waves, assign(waves, chosen))]
    for position, wave in enumerate(found):
        _check_names(f"waves[{position}]", wave.wave, chosen)
        if not wave.hosts and not params["allow_empty"]:
            name = wave.wave.name
            raise OptionError(f"waves[{position}]", f"{name} has no host; set allow_empty: true if that is intended")
    return found


def _check_names(where: str, wave: Wave, hosts: Sequence[Host]) -> None:
    for option, wanted, known in (
        ("hostnames", wave.hostnames, [host.hostname for host in hosts]),
        ("hrefs", wave.hrefs, [host.href for host in hosts]),
    ):
        missing = sorted((wanted or frozenset()) - set(known))
        if missing:
            raise OptionError(f"{where}.{option}", f"unknown workload {missing[0]}{closest_matches(missing[0], known)}")
