# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a whole collection, however large (source: PCE REST API, Collections)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._core.errors import RequestError
from .._core.text import one_line
from .._http import retry
from .._http.client import HttpClient
from .._http.response import Response
from . import hrefs

PAGE = 500
"""The most objects that a synchronous GET returns."""

_MAX_COUNT_DIGITS = 12  # a number of more can be no count of objects
_POLL = 0.5
_SLOWEST_POLL = 5.0


def read_collection(
    http: HttpClient, path: str, parameters: Mapping[str, str], max_results: int | None = None
) -> list[dict[str, Any]]:
    """Return all objects of a collection that match the query ``parameters``, or the first ``most`` of them.

    One request as long as they fit on a page; otherwise a job of the PCE collects them.
    """
    limited = (
        {**parameters, "max_results": str(max_results)}
        if max_results is not None and max_results <= PAGE
        else parameters
    )
    response = http.get(path, limited)
    objects = response.json_objects()
    if max_results is not None and len(objects) >= max_results:
        return objects[:max_results]
    if _is_complete(response, len(objects)):
        return objects
    return _read_by_job(http, path, parameters)[:max_results]


def _is_complete(response: Response, count: int) -> bool:
    total = (response.header("X-Total-Count") or "").strip()
    if re.fullmatch(r"[0-9]+", total):
        return len(total) <= _MAX_COUNT_DIGITS and count >= int(total)
    return count < PAGE


def _read_by_job(http: HttpClient, path: str, parameters: Mapping[str, str]) -> list[dict[str, Any]]:
    response = http.get(path, parameters, headers={"Prefer": "respond-async"})
    if response.status != 202:
        objects = response.json_objects()
        if _is_complete(response, len(objects)):
            return objects
        raise response.contract_error(f"{len(objects)} objects, which is not all, and no job for the rest")
    location = response.header("Location")
    if not location:
        raise response.contract_error("no Location of the job that collects the objects")
    datafile = _wait_for_job(http, _own_path(response, location), response)
    return http.get(datafile).json_objects()


def _wait_for_job(http: HttpClient, job: str, response: Response) -> str:
    """Return the path of the file that a job made. Raise DeadlineError for a job that does not end in time."""
    waiting = RequestError(f"the PCE's job {job} has not ended", "GET", job)
    pause = _POLL
    while True:
        http.pause(1, waiting, retry.retry_after(response.header("Retry-After"), http.now()) or pause)
        pause = min(_SLOWEST_POLL, pause * 1.5)
        response = http.get(job)
        state = response.json_object()
        result = state.get("result")
        result = result if isinstance(result, dict) else {}
        if state.get("status") == "failed":
            raise response.contract_error(f"the job failed: {one_line(result.get('message') or 'no reason given')}")
        if state.get("status") == "done":
            return _own_path(response, result.get("href"))


def _own_path(response: Response, location: object) -> str:
    """Return the path of a job or its file on this PCE, or raise ContractError."""
    path = hrefs.path_of(location) if isinstance(location, str) else ""
    organisation = "/".join(response.path.split("/")[:3])
    if re.fullmatch(re.escape(organisation) + r"/(?:jobs|datafiles)/[A-Za-z0-9][A-Za-z0-9_-]*", path) is None:
        raise response.contract_error(f"{one_line(location)} leads to no job or file of the PCE")
    return path
