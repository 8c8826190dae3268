# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the objects of a PCE show of the assumptions about their properties (source: PCE REST API, all sections)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._core.findings import Findings, name_of, shape_of, type_of
from . import hrefs
from .assumptions import PROPERTIES, REQUIRED
from .shapes import object_of, objects_of

_MODES_OF_BOTH = ("idle", "visibility_only", "full")
"""The modes that have an old name too."""

Samples = Mapping[str, Sequence[Mapping[str, Any]]]
"""Objects of a PCE by their kind."""


def look_at_objects(findings: Findings, samples: Samples) -> None:
    """Add what objects show: their properties and types, and what values say of a PCE."""
    for kind, sample in samples.items():
        if sample:
            _look_at_properties(findings, kind, sample)
    _look_at_labels(findings, samples.get("label", ()))
    _look_at_mode_names(findings, samples.get("profile", ()))
    _look_at_workloads(findings, samples.get("workload", ()))


def _look_at_properties(findings: Findings, kind: str, sample: Sequence[Mapping[str, Any]]) -> None:
    known = PROPERTIES[kind]
    shown = {name for raw in sample for name in raw}
    unknown = {
        name_of(name): shape_of([raw[name] for raw in sample if name in raw]) for name in sorted(shown - set(known))
    }
    missing = [name for name in REQUIRED[kind] if name not in shown]
    findings.add(f"{kind}_properties", not unknown and not missing, {"unknown": unknown, "missing": missing})
    types = {name: sorted({type_of(raw[name]) for raw in sample if name in raw}) for name in sorted(shown & set(known))}
    wrong = {name: words for name, words in types.items() if not set(words) <= set(known[name].split())}
    findings.add(f"{kind}_types", not wrong, wrong)


def _look_at_labels(findings: Findings, labels: Sequence[Mapping[str, Any]]) -> None:
    deleted = sum(label.get("deleted") is True for label in labels)
    findings.add("deleted_labels", not deleted if labels else None, deleted)


def _look_at_mode_names(findings: Findings, profiles: Sequence[Mapping[str, Any]]) -> None:
    named = [raw for raw in profiles if raw.get("enforcement_mode") in _MODES_OF_BOTH]
    both = sum("mode" in raw for raw in named)
    findings.add("mode_names", both == len(named) if named else None, {"objects": len(named), "with both": both})


def _look_at_workloads(findings: Findings, workloads: Sequence[Mapping[str, Any]]) -> None:
    names = sorted({name_of(name) for raw in workloads for item in objects_of(raw.get("labels")) for name in item})
    findings.add("workload_labels", {"key", "value"} <= {*names} if names else None, names)
    managed = [raw for raw in workloads if object_of(raw.get("ven"))]
    shared = sum(_id_in(raw) == _id_in(object_of(raw.get("ven"))) for raw in managed)
    findings.add(
        "ven_uuid", shared == len(managed) if managed else None, {"VENs": len(managed), "with the same UUID": shared}
    )


def _id_in(raw: Mapping[str, Any]) -> str:
    return hrefs.id_of(str(raw.get("href")))
