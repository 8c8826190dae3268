# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compatibility reports of VENs in idle mode (source: PCE REST API, Compatibility report)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .._core import progress
from .._core.errors import ApiError
from .._core.listing import read_listing, select
from .._core.text import one_line
from .api import PCE, Pce
from .shapes import object_of, objects_of, text_of
from .ven_info import VEN_INFO, VENS

GREEN, YELLOW, RED = STATUSES = ("green", "yellow", "red")

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    **{name: spec for name, spec in VEN_INFO.filters().items() if name in ("hostnames", "labels")},
    "href": {"type": "str"},
    "status": {"type": "list", "elements": "str", "choices": [*STATUSES, "none"]},
}

_MAX_TEST_LENGTH = 200


@dataclass(frozen=True)
class CompatibilityReport:
    """The report of one VEN: ``status`` is green, yellow or red, None while there is no report.

    ``failed_tests`` are the tests that are not green, with what they found.
    """

    href: str
    hostname: str | None
    status: str | None
    updated_at: str | None
    failed_tests: Sequence[str]


def read_reports(pce: Pce, vens: Sequence[Mapping[str, Any]]) -> list[CompatibilityReport]:
    """Return the reports of VENs, each given by ``href`` and ``hostname``, by one request for each.

    Raise OptionError if so many requests do not fit into the deadline.
    """
    pce.http.ensure_within_deadline(len(vens), f"reading the compatibility reports of {len(vens)} VENs")
    reports = []
    for number, ven in enumerate(vens):
        progress.report_progress("compatibility reports read", number, len(vens))
        reports.append(_read(pce, str(ven["href"]), ven.get("hostname")))
    return reports


def list_reports(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the reports of the VENs in idle mode that the filters in ``params`` select, as results show them."""
    # The status that is filtered by is that of the report, not that of the VEN.
    listing = read_listing(VEN_INFO, {**params, "status": None}, PCE.reference_checker(params))
    vens = select(VEN_INFO, VENS.store(params, VEN_INFO), listing)
    idle = [ven for ven in vens if ven["enforcement_mode"] == "idle"]
    reports = read_reports(PCE.connect(params), idle)
    wanted = params["status"] or [*STATUSES, "none"]
    return [asdict(report) for report in reports if (report.status or "none") in wanted]


def _read(pce: Pce, href: str, hostname: str | None) -> CompatibilityReport:
    try:
        raw = pce.http.get(f"{href}/compatibility_report").json_object()
    except ApiError as error:
        # An older PCE has the report elsewhere, and a VEN may have been unpaired meanwhile.
        if error.status != 404:
            raise
        raw = {}
    status = raw.get("qualify_status")
    tests = objects_of(object_of(raw.get("results")).get("qualify_tests"))
    return CompatibilityReport(
        href,
        hostname,
        status if status in STATUSES else None,
        text_of(raw.get("last_updated_at")),
        [words for test in tests if test.get("status") != GREEN for words in _findings(test)],
    )


def _findings(test: Mapping[str, Any]) -> list[str]:
    """Return what a test found: each property but its status that says anything."""
    found = {name: value for name, value in test.items() if name != "status" and value not in (None, [], {}, "")}
    return [one_line(f"{name}: {_words(value)}", _MAX_TEST_LENGTH) for name, value in found.items()]


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
