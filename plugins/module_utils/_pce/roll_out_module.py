# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module pce_roll_out: a roll-out in waves, or the way back (see roll_out.py and roll_out_back.py)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from .api import PCE
from .earlier_state import EarlierState
from .roll_out import RollOut
from .roll_out_back import go_back
from .roll_out_options import BACK, read_waves
from .wave_progress import Progress


def roll_out(params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Carry out a roll-out, or go back, and return the module's result.

    Everything that is wrong with the options is told before anything is written. Raise RollOutError at a wave that
    has to stop, in check mode too where that can be foreseen.
    """
    pce = PCE.connect(params)
    earlier = EarlierState(params["path"], f"{pce.management_server} organization {pce.org_id}")
    if params["state"] == BACK:
        return go_back(pce, params, earlier, check_mode)
    earlier.check_writable()
    limits = (params["settle_time"], params["continue_past"], params["allow_incompatible"])
    run = RollOut(pce, read_waves(pce, params), earlier, *limits)
    problem = run.plan()
    if problem and check_mode:
        raise run.stop(problem)
    diff = _diff(run.waves)
    if not check_mode:
        run.forget_plan()
        run.run()
    result = {"changed": run.is_changed, "waves": run.results(), "restored": 0}
    return {**result, "diff": diff, "warnings": run.warnings}


def _diff(waves: Sequence[Progress]) -> dict[str, Any]:
    """Return what the plan changes: for each host what it has, and what its wave brings it to."""
    changes = [(wave, host) for wave in waves for host in wave.hosts if host.href in wave.changed]
    labels = Counter(f"{wave.wave.name}: {host.label}" for wave, host in changes)
    before, after = {}, {}
    for wave, host in changes:
        label = f"{wave.wave.name}: {host.label}"
        key = label if labels[label] == 1 else f"{label} ({host.href})"
        before[key], after[key] = wave.wave.target.find_in(host), wave.wave.target.shown
    return {"before": before, "after": after}
