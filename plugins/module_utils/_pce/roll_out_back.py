# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back of a roll-out: the modes that workloads had before its first wave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._core.errors import CollectionError, OptionError
from .api import Pce
from .earlier_state import EarlierState, Modes
from .fleet import read_fleet
from .pairing_profile import ENFORCEMENT_MODES, VISIBILITY_LEVELS
from .roll_out import set_modes
from .roll_out_options import read_selection
from .wave_progress import MAX_NAMED, describe_hosts
from .waves import Host


def go_back(pce: Pce, params: Mapping[str, Any], earlier: EarlierState, check_mode: bool) -> dict[str, Any]:
    """Set the modes that the file has, and return the module's result.

    Workloads that no longer have a VEN, and those that are in a less strict mode now, are warnings: the way back never
    blocks more than the present mode does. Raise OptionError for a file that is none, before anything is
    written, and CollectionError if workloads did not go back.
    """
    known = earlier.read()
    if not known:
        raise OptionError("path", f"there is no file {earlier.path} of a roll-out")
    fleet = read_fleet(pce)
    if params["selection"] is not None:
        selection = read_selection(pce, params["selection"], fleet)
        known = {
            href: known[href] for href in known if any(host.href == href and selection.has(host) for host in fleet)
        }
    _check_levels(earlier, known, fleet)
    shown = {host.href: host for host in fleet if host.href in known}
    milder = [host for host in shown.values() if _is_milder(host, known[host.href])]
    back = [host for href, host in shown.items() if host not in milder]
    wanted = [(host, _values(known[host.href])) for host in back]
    changed, errors = set_modes(pce, wanted, check_mode) if wanted else (set(), {})
    labels = {host.href: host.label for host in fleet}
    if errors:
        failed = CollectionError(
            f"{len(errors)} of {len(back)} workloads did not go back: {describe_hosts(labels, errors)}"
        )
        failed.changed = bool(changed)
        raise failed
    if not check_mode and params["selection"] is None:
        earlier.mark_gone_back()
    names = {host.href: _key(host, back) for host in back if host.href in changed}
    return {
        "changed": bool(changed),
        "waves": [],
        "restored": len(changed),
        "diff": {
            "before": {key: shown[href].enforcement_mode for href, key in names.items()},
            "after": {key: known[href]["enforcement_mode"] for href, key in names.items()},
        },
        "warnings": [*_gone(earlier, known, shown), *_left(earlier, known, milder)],
    }


def _check_levels(earlier: EarlierState, known: Modes, fleet: Sequence[Host]) -> None:
    """Raise OptionError for a visibility level that neither the API documents nor the PCE shows."""
    levels = {None, *VISIBILITY_LEVELS, *(host.visibility_level for host in fleet)}
    for href, entry in known.items():
        if entry["visibility_level"] not in levels:
            raise OptionError("path", f"{earlier.path}: {href} has the unknown level {entry['visibility_level']}")


def _is_milder(host: Host, entry: Mapping[str, Any]) -> bool:
    mode = host.enforcement_mode
    if mode not in ENFORCEMENT_MODES:
        return True
    return ENFORCEMENT_MODES.index(mode) < ENFORCEMENT_MODES.index(entry["enforcement_mode"])


def _values(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in ("enforcement_mode", "visibility_level") if entry[name] is not None}


def _key(host: Host, hosts: Sequence[Host]) -> str:
    has_namesake = any(other.label == host.label and other is not host for other in hosts)
    return f"{host.label} ({host.href})" if has_namesake else host.label


def _gone(earlier: EarlierState, known: Modes, shown: Mapping[str, Host]) -> list[str]:
    gone = sorted(str(entry["hostname"] or href) for href, entry in known.items() if href not in shown)
    names = ", ".join(gone[:MAX_NAMED])
    return [f"{len(gone)} workloads of {earlier.path} no longer have a VEN: {names}"] if gone else []


def _left(earlier: EarlierState, known: Modes, milder: Sequence[Host]) -> list[str]:
    reasons = {host.href: f"{host.enforcement_mode}, not {known[host.href]['enforcement_mode']}" for host in milder}
    described = describe_hosts({host.href: host.label for host in milder}, reasons)
    words = f"{len(milder)} workloads stay in a less strict mode than {earlier.path} has: {described}"
    return [words] if milder else []
