# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A read-only look at a PCE: which assumptions of the collection hold there (source: PCE REST API, all sections)."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from .._core.errors import ApiError, ContractError, RequestError
from .._core.findings import MAX_REQUESTS, Findings, reason_of, shape_of, type_of
from .._http.client import HttpClient
from .._http.response import Response
from . import hrefs
from .api import PCE
from .assumptions import ASSUMPTIONS, LABEL_KEYS, SCRIPT_VERSIONS
from .object_check import look_at_objects

Json = Mapping[str, Any]

_PAGE = 500
SAMPLE = 20
"""Objects of each kind that are looked at."""

_LOOKS_AT_A_JOB = 3
_COLLECTIONS = {"profile": "pairing_profiles", "label": "labels", "workload": "workloads", "ven": "vens"}
_RELEASE = re.compile(r"\d{1,3}(?:\.\d{1,3}){1,3}(?:-\d{1,6})?")
_HEALTH = ("normal", "warning", "error", "critical")
_JOB_ENDS = ("done", "failed", "cancel_requested", "cancelled", "canceled")
_NO_LABEL = 2**31 - 1
"""The ID of a label that no PCE has."""


def check_pce(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the findings at the PCE that ``params`` lead to, and how many requests of which duration that took.

    Only GET requests are sent, at most ``MAX_REQUESTS``. Raise an error only if the PCE cannot be reached or does not
    accept the credentials: a look that fails is a finding.
    """
    pce = PCE.connect(params, base="")
    with pce.http as http:
        http.limit_requests(MAX_REQUESTS)
        check = _Check(http, pce.org_id)
        check.run()
    return {"findings": check.findings.to_result(), **check.statistics()}


class _Check:
    def __init__(self, http: HttpClient, org_id: int) -> None:
        self.findings = Findings(ASSUMPTIONS, "pce_")
        self._http = http
        self._base = f"/api/v2/orgs/{org_id}"
        self._seconds: list[float] = []
        self._media_types: set[str] = set()
        self._request_ids: set[bool] = set()
        self._samples: dict[str, Sequence[Json]] = {}
        self._counts: dict[str, int | None] = {}

    def run(self) -> None:
        """Look at everything, each look by itself: what fails does not keep the others from being seen."""
        look = self.findings.look
        # First, so that a wrong address or wrong credentials are one error.
        self._get_samples()
        look(["release"], self._look_at_release)
        look(["health"], self._look_at_health)
        look(["max_results", "max_results_zero", "count"], self._look_at_count)
        look(["count_with_filter", "filter"], self._look_at_filter)
        look(["partial_filter"], self._look_at_partial_filter)
        look(["unknown_filter"], self._look_at_unknown_filter)
        look(["page", "large_page"], self._look_at_pages)
        look(["not_found"], self._look_at_not_found)
        look(["bad_query"], self._look_at_bad_query)
        look(["settings"], self._look_at_settings)
        look(["workload_settings"], self._look_at_workload_settings)
        look(["releases"], self._look_at_releases)
        look(["label_dimensions"], self._look_at_dimensions)
        look(["pairing_script"], self._look_at_script)
        look(["compatibility_report"], self._look_at_compatibility)
        look(["job", "job_location", "job_retry_after", "job_running", "job_end"], self._look_at_jobs)
        look_at_objects(self.findings, self._samples)
        self.findings.add("media_type", self._media_types == {"application/json"}, sorted(self._media_types))
        self.findings.add(
            "request_id", self._request_ids == {True}, "in each" if self._request_ids == {True} else "not in each"
        )

    def statistics(self) -> dict[str, Any]:
        """Return the number of requests, and their durations in milliseconds."""
        times = sorted(round(seconds * 1000) for seconds in self._seconds)
        return {
            "requests": len(times),
            "milliseconds": {"min": times[0], "median": times[len(times) // 2], "max": times[-1]},
            "objects": {kind: self._counts.get(kind) for kind in _COLLECTIONS},
        }

    def _get(self, path: str, query: Mapping[str, str] | None = None, **options: Any) -> Response:
        """Return the response to a GET, and note what all responses show."""
        begin = time.monotonic()
        try:
            response = self._http.get(path, query, **options)
        except ApiError as error:
            self._request_ids.add(error.request_id is not None)
            raise
        finally:
            self._seconds.append(time.monotonic() - begin)
        self._request_ids.add(response.request_id is not None)
        media_type = response.header("Content-Type")
        if response.body and path.startswith(self._base):
            self._media_types.add(_known_media_type(media_type or ""))
        return response

    def _of_organization(self, path: str, query: Mapping[str, str] | None = None, **options: Any) -> Response:
        return self._get(f"{self._base}/{path}", query, **options)

    def _get_samples(self) -> None:
        failure: RequestError | None = None
        for kind, path in _COLLECTIONS.items():
            try:
                response = self._of_organization(path, {"max_results": str(SAMPLE)})
                self._samples[kind] = response.json_objects()
                self._counts[kind] = _count_in(response)
            except ApiError as error:
                if error.status == 401:
                    raise
                failure = error
            except ContractError as error:
                failure = error
        if not self._samples and failure is not None:
            raise failure

    def _look_at_release(self) -> None:
        version = self._get("/api/v2/product_version").json_object().get("version")
        is_release = isinstance(version, str) and _RELEASE.fullmatch(version) is not None
        self.findings.add("release", is_release, version if is_release else type_of(version))

    def _look_at_health(self) -> None:
        clusters = self._get("/api/v2/health").json_objects()
        words = [_word(cluster.get("status"), _HEALTH) for cluster in clusters]
        self.findings.add("health", bool(words) and set(words) <= {"normal"}, sorted(set(words)))

    def _look_at_count(self) -> None:
        labels = self._samples.get("label", [])
        response = self._of_organization("labels", {"max_results": "1"})
        page, count = response.json_objects(), _count_in(response)
        self.findings.add("max_results", len(page) == 1 if len(labels) > 1 else None, len(page))
        is_known = None if len(labels) >= SAMPLE else count == len(labels)
        self.findings.add(
            "count",
            False if count is None else is_known if is_known is not None else count >= SAMPLE,
            _count_words(count, len(labels)),
        )
        response = self._of_organization("labels", {"max_results": "0"})
        empty, count_again = response.json_objects(), _count_in(response)
        self.findings.add(
            "max_results_zero",
            not empty and count_again == count,
            {"objects": len(empty), "count": type_of(count_again)},
        )

    def _look_at_filter(self) -> None:
        """Ask for the labels of one key, where there are labels of several."""
        keys = [label.get("key") for label in self._samples.get("label", [])]
        key = next((key for key in LABEL_KEYS if key in keys and any(other != key for other in keys)), None)
        if key is None:
            return
        response = self._of_organization("labels", {"key": key})
        found, count = response.json_objects(), _count_in(response)
        others = sum(label.get("key") != key for label in found)
        self.findings.add("filter", not others, {"objects": len(found), "not matching": others})
        if len(found) < _PAGE and not others:
            holds = None if count is None else count == len(found)
            self.findings.add("count_with_filter", holds, {"objects": len(found), "count": count})

    def _look_at_partial_filter(self) -> None:
        values = [label.get("value") for label in self._samples.get("label", [])]
        value = next((value for value in values if isinstance(value, str) and len(value) > 2 and value.isascii()), None)
        if value is None:
            return
        found = self._of_organization("labels", {"value": value[:-1].swapcase()}).json_objects()
        is_found = any(label.get("value") == value for label in found)
        self.findings.add("partial_filter", is_found, "finds the label" if is_found else "does not find the label")

    def _look_at_unknown_filter(self) -> None:
        try:
            self._of_organization("labels", {"max_results": "1", "not_a_filter": "1"})
        except ApiError as error:
            self.findings.add("unknown_filter", False, f"status {error.status}")
        else:
            self.findings.add("unknown_filter", True, "ignored")

    def _look_at_pages(self) -> None:
        """Pages can only be seen where a collection has more objects than a page."""
        kind = next((kind for kind, count in self._counts.items() if count is not None and count > _PAGE), None)
        if kind is None:
            return
        total = self._counts[kind] or 0
        page = len(self._of_organization(_COLLECTIONS[kind]).json_objects())
        self.findings.add("page", page == _PAGE, page)
        large = len(self._of_organization(_COLLECTIONS[kind], {"max_results": str(_PAGE + 1)}).json_objects())
        self.findings.add("large_page", large == min(_PAGE + 1, total), large)

    def _look_at_not_found(self) -> None:
        try:
            self._of_organization(f"labels/{_NO_LABEL}")
        except ApiError as error:
            self.findings.add("not_found", error.status == 404 and not error.errors, _error_form(error))

    def _look_at_bad_query(self) -> None:
        try:
            self._of_organization("labels", {"max_results": "many"})
        except ApiError as error:
            is_list = bool(error.errors) and all(item["token"] and item["message"] for item in error.errors)
            self.findings.add("bad_query", error.status == 406 and is_list, _error_form(error))
        else:
            self.findings.add("bad_query", False, "accepted")

    def _look_at_settings(self) -> None:
        value = self._of_organization("settings").json_object().get("ven_maintenance_token_required")
        self.findings.add("settings", isinstance(value, bool), type_of(value))

    def _look_at_workload_settings(self) -> None:
        self.findings.add(
            "workload_settings", True, shape_of(self._of_organization("settings/workloads").json_object(), 1)
        )

    def _look_at_releases(self) -> None:
        releases = [item.get("release") for item in self._of_organization("software/ven/releases").json_objects()]
        known = [value for value in releases if isinstance(value, str) and _RELEASE.fullmatch(value)]
        self.findings.add("releases", len(known) == len(releases), known[:SAMPLE])

    def _look_at_dimensions(self) -> None:
        keys = [item.get("key") for item in self._of_organization("label_dimensions").json_objects()]
        known = [key for key in LABEL_KEYS if key in keys]
        self.findings.add("label_dimensions", bool(keys), {"keys": known, "other keys": len(keys) - len(known)})

    def _look_at_script(self) -> None:
        """Download the pairing script without credentials, as hosts do, with each version until one is right."""
        references = [raw.get("href") for raw in self._samples.get("profile", [])]
        reference = next((href for href in references if isinstance(href, str)), None)
        if reference is None:
            return
        seen: dict[str, str] = {}
        for version in SCRIPT_VERSIONS:
            query = {"pair_script": "pair.sh", "profile_id": hrefs.id_of(reference)}
            try:
                body = self._get(f"/api/v{version}/software/ven/image", query, authenticate=False).body
                seen[str(version)] = "a script" if body.startswith(b"#!") else "another text"
            except RequestError as error:
                seen[str(version)] = reason_of(error)
            if seen[str(version)] == "a script":
                break
        self.findings.add("pairing_script", seen.get(str(SCRIPT_VERSIONS[0])) == "a script", seen)

    def _look_at_compatibility(self) -> None:
        idle = [raw for raw in self._samples.get("workload", []) if raw.get("enforcement_mode") == "idle"]
        references = [raw["ven"].get("href") for raw in idle if isinstance(raw.get("ven"), dict)]
        reference = next((href for href in references if isinstance(href, str) and href.startswith("/orgs/")), None)
        if reference is None:
            return
        report = self._get(f"/api/v2{reference}/compatibility_report").json_object()
        words = ("green", "yellow", "red")
        holds = not report or report.get("qualify_status") in words
        self.findings.add(
            "compatibility_report", holds, _word(report.get("qualify_status"), words) if report else "empty"
        )

    def _look_at_jobs(self) -> None:
        """Request each collection as a job; a PCE may also answer at once."""
        answers: dict[str, str] = {}
        locations: set[str] = set()
        waits: set[bool] = set()
        running: set[str] = set()
        ends: set[str] = set()
        for kind, path in _COLLECTIONS.items():
            try:
                response = self._of_organization(path, headers={"Prefer": "respond-async"})
                answers[kind] = "job" if response.status == 202 else "answered at once"
                if response.status != 202:
                    continue
                location = response.header("Location") or ""
                locations.add(_location_form(location))
                waits.add(
                    response.header("Retry-After") is not None and (response.header("Retry-After") or "").isdigit()
                )
                word = self._job_status(hrefs.path_of(location), running)
                ends.add(word)
            except RequestError as error:
                answers[kind] = reason_of(error)
        self.findings.add("job", set(answers.values()) == {"job"}, answers)
        if locations:
            self.findings.add("job_location", locations == {"HREF"}, sorted(locations))
            self.findings.add("job_retry_after", waits == {True}, "in each" if waits == {True} else "not in each")
        if running:
            self.findings.add("job_running", running <= {"running", "pending"}, sorted(running))
        if ends:
            self.findings.add("job_end", ends == {"done"}, sorted(ends))

    def _job_status(self, path: str, running: set[str]) -> str:
        """Return the word with which a job ends; other words are added to ``running``."""
        for attempt in range(_LOOKS_AT_A_JOB):
            if attempt:
                self._http.pause(1, RequestError("the job has not ended", "GET", path), 1)
            job = self._get(f"/api/v2{path}").json_object()
            word = _word(job.get("status"), ("running", "pending", *_JOB_ENDS))
            if word in _JOB_ENDS:
                return word
            running.add(word)
        return "not ended yet"


def _word(value: Any, known: Sequence[str]) -> str:
    """Return a word of the API, the type of any other value."""
    return value if isinstance(value, str) and value in known else type_of(value)


def _count_in(response: Response) -> int | None:
    text = response.header("X-Total-Count") or ""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def _count_words(count: int | None, objects: int) -> dict[str, Any]:
    return {"objects": f"{objects} or more" if objects >= SAMPLE else objects, "count": count}


def _known_media_type(text: str) -> str:
    kind, _semicolon, parameters = (part.strip() for part in text.lower().partition(";"))
    if kind not in ("application/json", "text/html", "text/plain"):
        kind = "another type"
    return f"{kind} with parameters" if parameters else kind


def _location_form(location: str) -> str:
    if location.startswith("/orgs/"):
        return "HREF"
    if location.startswith("/"):
        return "path with the version"
    return "URL" if location.startswith("https://") else "another form"


def _error_form(error: ApiError) -> dict[str, Any]:
    return {
        "status": error.status,
        "errors": len(error.errors),
        "with token": sum(bool(item["token"]) for item in error.errors),
        "with message": sum(bool(item["message"]) for item in error.errors),
    }
