# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of VENs for the info module, and their store (source: PCE REST API, Workloads and VENs)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from .._core.fields import Field, Filter
from .._core.listing import Listing, select
from .._core.resource import Raw, Resource
from .api import PceApi
from .filters import LABELS_FILTER, any_of, filled, part, part_of
from .label import LABEL
from .labeled_store import LabeledStore
from .pairing_profile import OLD_MODES
from .shapes import object_of, objects_of, text_of
from .ven import VEN
from .ven_release import parse_release, require_release
from .workload import address_of, read_addresses

OFFLINE, SUSPENDED, ERROR, TAMPERED, OUTDATED, DUPLICATE = PROBLEMS = (
    "offline",
    "suspended",
    "error",
    "tampered",
    "outdated",
    "duplicate",
)
"""What may be wrong with a VEN, as its documentation explains."""

OUTDATED_BEFORE = "outdated_before"
"""The option with the release before which a VEN is outdated."""

_SEVERE = ("err", "error", "crit", "critical", "alert", "emerg")
_TEXT_FILTER = Filter({"type": "str"}, parse=part, matches=part_of, encode=str, partial=True)


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _conditions(value: Any) -> list[dict[str, Any]]:
    return [
        {
            "type": text_of(object_of(item.get("latest_event")).get("notification_type")),
            "severity": text_of(object_of(item.get("latest_event")).get("severity")),
            "reported_at": text_of(item.get("first_reported_timestamp")),
        }
        for item in objects_of(value)
    ]


def _mode_of(workload: Mapping[str, Any]) -> str | None:
    """Return the enforcement mode of a workload as its VEN shows it; older PCEs show the old name only."""
    old = text_of(workload.get("mode"))
    return text_of(workload.get("enforcement_mode")) or (OLD_MODES.get(old) if old else None)


def moment_of(text: Any) -> datetime | None:
    """Return the moment in a text of a PCE, None for any other value. Without a time zone it is UTC."""
    if not isinstance(text, str):
        return None
    # Python before 3.11 reads fractions of three or six digits only.
    shortened = re.sub(r"\.\d+", "", text.replace("Z", "+00:00"))
    try:
        moment = datetime.fromisoformat(shortened)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)


def _hours(value: float) -> float:
    if not 0 < value < 1_000_000:
        raise ValueError(f"must be a number of hours above 0, not {value:g}")
    return value


def _before(hours: float) -> datetime:
    return datetime.now(timezone.utc) - timedelta(hours=hours)


def _is_silent(hours: float, value: Any) -> bool:
    moment = moment_of(value)
    return moment is not None and moment <= _before(hours)


def _is_heard(hours: float, value: Any) -> bool:
    moment = moment_of(value)
    return moment is not None and moment > _before(hours)


# The PCE is not asked for them: of the VENs that it would leave out, another may have the same hostname.
_OFFLINE_FOR = Filter({"type": "float"}, "offline_for", _hours, _is_silent)
_HEARD_WITHIN = Filter({"type": "float"}, "heard_within", _hours, _is_heard)
_CONDITIONS = Filter(
    {"type": "list", "elements": "str"},
    parse=filled,
    matches=lambda wanted, value: any(item["type"] in wanted for item in value),
)


def _address(value: str) -> str:
    address = address_of(value)
    if address is None:
        raise ValueError(f"must be an IP address, not {value!r}")
    return str(address)


_IP_ADDRESS = Filter(
    {"type": "str"}, "ip_address", _address, lambda wanted, value: wanted in (str(address_of(text)) for text in value)
)

VEN_INFO = replace(
    VEN,
    fields=(
        Field("href"),
        Field("name", read=text_of),
        Field("description", read=text_of),
        Field(
            "hostname",
            read=text_of,
            filters=(
                _TEXT_FILTER,
                any_of("hostnames", encode=lambda wanted: next(iter(wanted)) if len(wanted) == 1 else ""),
            ),
        ),
        Field("status", read=text_of, filters=(any_of(),)),
        Field("version", read=text_of, filters=(any_of(),)),
        Field("ven_type", read=text_of, filters=(any_of(),)),
        Field("activation_type", read=text_of),
        Field("os_id", read=text_of),
        Field("os_detail", read=text_of),
        Field("os_platform", read=text_of, filters=(any_of(),)),
        Field("active_pce_fqdn", read=text_of),
        Field("target_pce_fqdn", read=text_of),
        Field(
            "labels",
            path=("known", "labels"),
            read=lambda look_up: look_up(),
            filters=(LABELS_FILTER,),
            refers_to=LABEL,
        ),
        Field("addresses", path=("interfaces",), read=read_addresses, filters=(_IP_ADDRESS,)),
        Field("online", path=("known", "online")),
        Field("enforcement_mode", path=("known", "enforcement_mode")),
        Field("workloads", path=("known", "workloads")),
        Field("last_heartbeat_at", read=text_of, filters=(_OFFLINE_FOR, _HEARD_WITHIN)),
        Field("last_goodbye_at", read=text_of),
        Field("conditions", read=_conditions, filters=(_CONDITIONS,)),
        Field("health", read=text_of, filters=(any_of(),)),
        Field(
            "problems",
            path=("known", "problems"),
            filters=(
                Filter(
                    {"type": "list", "elements": "str", "choices": list(PROBLEMS)},
                    matches=lambda wanted, value: bool(set(wanted) & set(value)),
                ),
            ),
        ),
        Field("unpair_allowed", read=_boolean),
        Field("golden_image", read=_boolean),
        Field("upgrade_target_version", read=text_of),
        Field("upgrade_expires_at", read=text_of),
    ),
)


class VenStore(LabeledStore):
    """The VENs of an organization. ``outdated_before`` is the release before which a VEN is outdated."""

    outdated_before: str | None = None

    def complete(self, raws: Sequence[Raw]) -> list[dict[str, Any]]:
        """Return what each VEN shows of its workloads, and its problems; duplicates are among the VENs of one read."""
        counts = Counter(text_of(raw.get("hostname")) for raw in raws)
        return [self._summary(raw, counts[text_of(raw.get("hostname"))]) for raw in raws]

    def _summary(self, raw: Raw, namesakes: int) -> dict[str, Any]:
        workloads = objects_of(raw.get("workloads"))
        shown = [workload["online"] for workload in workloads if isinstance(workload.get("online"), bool)]
        online = any(shown) if shown else None
        return {
            "online": online,
            "enforcement_mode": next((_mode_of(workload) for workload in workloads), None),
            "workloads": [href for href in (text_of(workload.get("href")) for workload in workloads) if href],
            "problems": self._problems(raw, online, namesakes),
        }

    def _problems(self, raw: Raw, online: bool | None, namesakes: int) -> list[str]:
        conditions = _conditions(raw.get("conditions"))
        types = " ".join(str(item["type"]) for item in conditions)
        status, release = raw.get("status"), parse_release(raw.get("version"))
        oldest = parse_release(self.outdated_before)
        is_severe = any(item["severity"] in _SEVERE for item in conditions) or raw.get("health") == "error"
        found = {
            OFFLINE: online is False and status != "suspended",
            SUSPENDED: status == "suspended",
            ERROR: is_severe,
            TAMPERED: "tamper" in types,
            OUTDATED: release is not None and oldest is not None and release.is_older(oldest),
            DUPLICATE: text_of(raw.get("hostname")) is not None and namesakes > 1,
        }
        return [problem for problem in PROBLEMS if found[problem]]


class VenApi(PceApi):
    """The API of a PCE with stores of VENs."""

    def store(self, params: Mapping[str, Any], resource: Resource) -> VenStore:
        """Return the store of VENs. Raise OptionError for wrong options."""
        if params.get(OUTDATED_BEFORE) is not None:
            require_release(OUTDATED_BEFORE, params[OUTDATED_BEFORE])
        pce = self.connect(params)
        store = VenStore(pce.http, pce.org_id, resource)
        store.outdated_before = params.get(OUTDATED_BEFORE)
        return store


VENS = VenApi()
"""The API of a PCE with stores of VENs."""


def add_problems(params: Mapping[str, Any], workloads: Sequence[dict[str, Any]]) -> None:
    """Add the problems of their VENs to workloads that the info module shows, by one list of all VENs."""
    vens = {ven["href"]: ven for ven in select(VEN_INFO, VENS.store(params, VEN_INFO), Listing(None))}
    for workload in workloads:
        if workload["ven"] is not None:
            ven = vens.get(workload["ven"]["href"], {})
            own = {name: ven.get(name) for name in ("conditions", "last_heartbeat_at")}
            workload["ven"] = {**workload["ven"], **own, "problems": list(ven.get("problems", ()))}
