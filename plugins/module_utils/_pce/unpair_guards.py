# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards against unpairing a VEN that should stay (source: PCE REST API, Workloads and VENs, What others measured)."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from .._core.errors import CollectionError, OptionError
from .._core.references import parse_entry
from .._core.text import one_line
from .api import PCE
from .label import LABEL
from .unpairing import MAY_BE_SUSPENDED
from .ven import VEN
from .ven_state import set_ven_state
from .ven_target import UNPAIRED
from .workload import WORKLOAD
from .workload_store import WORKLOADS

FAIL = "fail"
UNSUSPEND = "unsuspend"

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "only_offline_for": {"type": "float"},
    "never_hostnames": {"type": "list", "elements": "str", "default": []},
    "never_labels": {"type": "list", "elements": "dict", "default": []},
    "suspended": {"type": "str", "choices": [FAIL, UNSUSPEND], "default": FAIL},
    "golden_images": {"type": "list", "elements": "str", "default": []},
    "maximum": {"type": "int"},
}
"""Those of a module that unpairs VENs."""

_MAX_NAMED = 10
_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class Guards:
    """What must hold for a VEN to be unpaired.

    ``only_offline_for`` are hours without a heartbeat; ``never_hostnames`` may have wildcards; a workload that has one
    of ``never_labels`` stays; ``golden_images`` are the hostnames of golden images that may be unpaired.
    """

    only_offline_for: float | None = None
    never_hostnames: Sequence[str] = ()
    never_labels: Sequence[Mapping[str, Any]] = ()
    suspended: str = FAIL
    golden_images: Sequence[str] = ()
    prefix: str = ""
    """What the names of the options begin with."""

    @staticmethod
    def from_options(options: Mapping[str, Any], prefix: str = "") -> Guards:
        """Return the guards of options. Raise OptionError for a wrong one."""
        hours = options.get("only_offline_for")
        if hours is not None and not hours > 0:
            raise OptionError("only_offline_for", f"must be a number of hours above 0, not {hours}")
        try:
            labels = [parse_entry(LABEL, entry) for entry in options.get("never_labels") or ()]
        except ValueError as error:
            raise OptionError("never_labels", str(error)) from error
        return Guards(
            hours,
            list(options.get("never_hostnames") or ()),
            labels,
            options.get("suspended") or FAIL,
            list(options.get("golden_images") or ()),
            prefix,
        )

    @property
    def need_labels(self) -> bool:
        """Return True if the labels of workloads must be read."""
        return bool(self.never_labels)


def set_guarded_ven_state(params: Mapping[str, Any], dry_run: bool) -> dict[str, Any]:
    """Bring VENs to the wanted state as set_ven_state does, unless a guard refuses to unpair any of them.

    Raise CollectionError that names those that stay; nothing is changed then.
    """
    if params["state"] != UNPAIRED:
        return set_ven_state(PCE.connect(params), params, dry_run)
    guards = Guards.from_options(params)
    maximum = params["maximum"]
    if maximum is not None and maximum < 0:
        raise OptionError("maximum", f"must be 0 or more, not {maximum}")
    # Whatever is wrong with the task itself is found here, before anything is asked for the guards.
    foreseen = set_ven_state(PCE.connect(params), {**params, MAY_BE_SUSPENDED: True}, True)
    pending = [ven for ven in foreseen["vens"] if ven["changed"]]
    if maximum is not None and len(pending) > maximum:
        raise CollectionError(f"nothing was unpaired: {len(pending)} VENs would be, and maximum is {maximum}")
    names = {str(ven["hostname"]): str(ven["hostname"]) for ven in pending if ven["hostname"]}
    refusals = find_refusals(params, names, guards, True)
    if refusals:
        several = "; ".join(f"{one_line(name)}: {refusal['error']}" for name, refusal in refusals.items())
        raise CollectionError(f"nothing was unpaired, since {len(refusals)} VENs must stay: {one_line(several, 3000)}")
    if dry_run:
        return foreseen
    if guards.suspended == UNSUSPEND:
        find_refusals(params, names, guards, False)
    return set_ven_state(PCE.connect(params), params, False)


def find_refusals(
    params: Mapping[str, Any], hostnames: Mapping[str, str], guards: Guards, dry_run: bool
) -> dict[str, dict[str, Any]]:
    """Return why hosts stay, by their hostnames; those that are suspended are unsuspended first where that is set.

    ``hostnames`` leads to the name of each host in the inventory: a pattern of either keeps it.
    """
    if not hostnames:
        return {}
    refusals = {
        name: {"error": f"{pattern!r} in {guards.prefix}never_hostnames keeps this host from being unpaired"}
        for name, host in hostnames.items()
        for pattern in guards.never_hostnames
        if any(fnmatch.fnmatchcase(text.casefold(), pattern.casefold()) for text in (name, host))
    }
    suspended = []
    for raw in PCE.connect(params).store(VEN).query(_query(hostnames)):
        name = str(raw.get("hostname"))
        if name not in hostnames or name in refusals:
            continue
        reason = _refusal(raw, name, guards)
        if reason:
            refusals[name] = {"error": reason}
        elif raw.get("status") == "suspended":
            suspended.append(name)
    for name, label in _kept_by_label(params, [name for name in hostnames if name not in refusals], guards).items():
        refusals[name] = {
            "error": f"the label {label} in {guards.prefix}never_labels keeps this host from being unpaired"
        }
    _unsuspend(params, [name for name in suspended if name not in refusals], dry_run)
    return refusals


def _query(hostnames: Mapping[str, str]) -> dict[str, str]:
    return {"hostname": next(iter(hostnames))} if len(hostnames) == 1 else {}


def _refusal(raw: Mapping[str, Any], name: str, guards: Guards) -> str | None:
    """Return why the VEN must not be unpaired, None if it may."""
    if raw.get("status") == "suspended" and guards.suspended == FAIL:
        return f"its VEN is suspended, and a PCE unpairs no suspended VEN; set {guards.prefix}suspended to unsuspend"
    if raw.get("unpair_allowed") is False:
        return "the PCE does not allow this VEN to be unpaired (unpair_allowed is false)"
    if raw.get("golden_image") is True and name not in guards.golden_images:
        return f"its VEN belongs to a golden image; name it in {guards.prefix}golden_images to unpair it"
    if guards.only_offline_for is None:
        return None
    silent = _hours_since(raw.get("last_heartbeat_at"))
    if silent is None:
        return f"the PCE does not show its last heartbeat, so {guards.prefix}only_offline_for keeps it"
    if silent < guards.only_offline_for:
        return (
            f"its last heartbeat was {silent:.1f} hours ago, and {guards.prefix}only_offline_for is "
            f"{guards.only_offline_for:g} hours"
        )
    return None


def _hours_since(moment: Any) -> float | None:
    if not isinstance(moment, str):
        return None
    try:
        seen = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    except ValueError:
        return None
    if seen.tzinfo is None:
        seen = seen.replace(tzinfo=timezone.utc)
    return (datetime.now(timezone.utc) - seen).total_seconds() / _SECONDS_PER_HOUR


def _kept_by_label(params: Mapping[str, Any], hostnames: Sequence[str], guards: Guards) -> dict[str, str]:
    """Return the label that keeps each workload."""
    if not guards.need_labels or not hostnames:
        return {}
    store = WORKLOADS.store(params, WORKLOAD)
    kept: dict[str, str] = {}
    for raw in store.query({}):
        name = str(raw.get("hostname"))
        if name not in hostnames:
            continue
        labels = WORKLOAD.field("labels").value_in(raw)
        hrefs = {entry.get("href") for entry in raw.get("labels") or [] if isinstance(entry, dict)}
        for entry in guards.never_labels:
            if entry.get("href") in hrefs or ("key" in entry and labels.get(entry["key"]) == entry["value"]):
                kept[str(name)] = one_line(entry.get("href") or f"{entry['key']}={entry['value']}")
    return kept


def _unsuspend(params: Mapping[str, Any], hostnames: Sequence[str], dry_run: bool) -> None:
    if not hostnames:
        return
    try:
        asked = {"hostnames": hostnames, "hrefs": None, "state": "active", "firewall_restore": "saved"}
        set_ven_state(PCE.connect(params), {**params, **asked}, dry_run)
    except CollectionError as error:
        error.add("The VENs were to be unsuspended before they are unpaired")
        raise
