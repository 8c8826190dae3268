# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module pce_roll_out: a roll-out in waves, or the way back (see roll_out.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._core.errors import CollectionError, OptionError
from .api import PCE, Pce
from .earlier_state import EarlierState
from .fleet import read_fleet
from .roll_out import MAX_NAMED, RollOut, set_modes
from .roll_out_options import BACK, read_waves


def roll_out(params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Carry out a roll-out, or go back, and return the module's result.

    Everything that is wrong with the options is told before anything is written. Raise RollOutError at a wave that
    has to stop.
    """
    pce = PCE.connect(params)
    earlier = EarlierState(params["path"], f"{pce.management_server} organization {pce.org_id}")
    if params["state"] == BACK:
        return _go_back(pce, earlier, check_mode)
    earlier.check_writable()
    limits = (params["settle_time"], params["continue_past"], params["allow_incompatible"])
    run = RollOut(pce, read_waves(pce, params), earlier, *limits)
    run.plan()
    planned = run.results()
    before = _changes(planned, "now")
    diff = {"before": before, "after": {name: _target(planned, name) for name in before}}
    if not check_mode:
        run.forget_plan()
        run.run()
    return {"changed": run.is_changed, "waves": run.results(), "diff": diff, "warnings": run.warnings}


def _changes(waves: Sequence[Mapping[str, Any]], name: str) -> dict[str, Any]:
    return {
        f"{wave['name']}: {entry['hostname'] or entry['href']}": entry[name]
        for wave in waves
        for entry in wave["workloads"]
        if entry["changed"]
    }


def _target(waves: Sequence[Mapping[str, Any]], name: str) -> str:
    return next(str(wave["target"]) for wave in waves if name.startswith(f"{wave['name']}: "))


def _go_back(pce: Pce, earlier: EarlierState, check_mode: bool) -> dict[str, Any]:
    """Set the modes that the file has; those that no longer have a VEN are a warning."""
    known = earlier.read()
    if not known:
        raise OptionError("path", f"there is no file {earlier.path} of a roll-out")
    shown = {host.href: host for host in read_fleet(pce)}
    gone = sorted(str(entry["hostname"] or href) for href, entry in known.items() if href not in shown)
    values = {
        href: {name: entry[name] for name in ("enforcement_mode", "visibility_level") if entry[name] is not None}
        for href, entry in known.items()
        if href in shown
    }
    changed, errors = set_modes(pce, values, check_mode) if values else (set(), {})
    if errors:
        several = "; ".join(f"{shown[href].label}: {error}" for href, error in list(errors.items())[:MAX_NAMED])
        failed = CollectionError(f"{len(errors)} of {len(values)} workloads did not go back: {several}")
        failed.changed = bool(changed)
        raise failed
    names = ", ".join(gone[:MAX_NAMED])
    return {
        "changed": bool(changed),
        "waves": [],
        "diff": {
            "before": {shown[href].label: shown[href].enforcement_mode for href in sorted(changed)},
            "after": {shown[href].label: known[href]["enforcement_mode"] for href in sorted(changed)},
        },
        "warnings": [f"{len(gone)} workloads of {earlier.path} no longer have a VEN: {names}"] if gone else [],
    }
