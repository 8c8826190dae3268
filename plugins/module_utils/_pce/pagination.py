# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a whole collection, however large (source: PCE REST API, Collections, and what others measured).

One rule decides whether a list is whole. Its limit is the ``max_results`` that was sent, or 500. Fewer objects than
that are the whole, and a page at the limit is not. With a filter the header X-Total-Count is ignored, since a PCE may
count all objects in it; without one, a list below the count is read once more and is then an error. So is a list that
lacks objects of the page before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .._core.errors import ContractError, RequestError
from .._core.store import QueryResult
from .._core.text import one_line
from .._http import retry
from .._http.client import HttpClient
from .._http.response import Response
from . import hrefs

PAGE = 500
"""Objects that a PCE returns to a GET that asks for no number."""

MAX_RESULTS = 200_000
"""Objects that are asked for at a time, of a collection that no job reads."""

_MAX_COUNT_DIGITS = 12  # a larger number cannot be a count of objects
_POLL_SECONDS = 0.01  # doubled with each look, so that a job that ends at once costs little, and no PCE is flooded
_MAX_POLL_SECONDS = 5.0
_CANCELED = ("cancel_requested", "cancelled", "canceled")
"""A job whose cancellation is requested can only end without a file, or with one that it stopped writing."""

Objects = list[dict[str, Any]]


class _CutOffError(ContractError):
    """A list is known to lack objects."""


def read_collection(
    http: HttpClient, path: str, parameters: Mapping[str, str], max_results: int | None = None
) -> QueryResult:
    """Return all objects of a collection that match the query ``parameters``, or the first ``max_results`` of them.

    Takes one request if they fit on a page. Otherwise a job of the PCE collects them.
    """
    try:
        return _read_once(http, path, parameters, max_results)
    except _CutOffError:
        # An object that was deleted or created meanwhile looks the same, but not twice.
        return _read_once(http, path, parameters, max_results)


def _read_once(http: HttpClient, path: str, parameters: Mapping[str, str], max_results: int | None) -> QueryResult:
    limit = PAGE
    sent = parameters
    if max_results is not None and max_results <= PAGE:
        limit = max_results
        sent = {**parameters, "max_results": str(limit)}
    response = http.get(path, sent)
    page = response.json_objects()
    if max_results is not None and len(page) >= max_results:
        return QueryResult(page[:max_results])
    count = None if parameters else _count_in(response)
    if len(page) < limit:
        _check_whole(response, page, [], count)
        return QueryResult(page)
    return QueryResult(_read_all(http, path, parameters, page, count)[:max_results], is_paged=True)


def _read_all(http: HttpClient, path: str, parameters: Mapping[str, str], page: Objects, count: int | None) -> Objects:
    """Return all objects of a collection whose first page, ``page``, is not the whole."""
    response = http.get(path, parameters, headers={"Prefer": "respond-async"})
    if response.status == 202:
        response = http.get(_wait_for_job(http, response))
        objects = response.json_objects()
    else:
        objects = response.json_objects()
        if len(objects) == PAGE:
            response = http.get(path, {**parameters, "max_results": str(MAX_RESULTS)})
            objects = response.json_objects()
            if len(objects) >= MAX_RESULTS or (len(objects) == PAGE and _count_in(response) != PAGE):
                raise _cut_off(response, f"{len(objects)} objects, which may not be all, and no job for the rest")
    _check_whole(response, objects, page, count)
    return objects


def _check_whole(response: Response, objects: Objects, page: Objects, count: int | None) -> None:
    """Raise an error if ``objects`` are known to be cut off: by the ``page`` before them, or by the server's count."""
    shown = _references_of(objects)
    lost = [href for href in _references_of(page) if href not in shown]
    if lost:
        raise _cut_off(response, f"the list lacks {one_line(next(iter(lost)))}, which the page before it shows")
    if count is not None and len(objects) < count:
        raise _cut_off(response, f"the list has {len(objects)} objects, and X-Total-Count says {count}")


def _references_of(objects: Sequence[Mapping[str, Any]]) -> dict[str, None]:
    return {raw["href"]: None for raw in objects if isinstance(raw.get("href"), str)}


def _cut_off(response: Response, problem: str) -> _CutOffError:
    error = response.contract_error(problem)
    return _CutOffError(str(error), error.method, error.path)


def _count_in(response: Response) -> int | None:
    """Return the X-Total-Count of a response, None where it is no count."""
    text = (response.header("X-Total-Count") or "").strip()
    return int(text) if re.fullmatch(rf"[0-9]{{1,{_MAX_COUNT_DIGITS}}}", text) else None


def _wait_for_job(http: HttpClient, response: Response) -> str:
    """Return the path of the file of the job that ``response`` has accepted.

    Raise DeadlineError for a job that does not end in time, and ContractError for one that ends without a file.
    """
    location = response.header("Location")
    if not location:
        raise response.contract_error("no Location of the job that collects the objects")
    job = _own_path(response, location)
    waiting = RequestError(f"the PCE's job {job} has not ended", "GET", job)
    pause = _POLL_SECONDS
    while True:
        http.pause(1, waiting, retry.retry_after(response.header("Retry-After"), http.now()) or pause)
        pause = min(_MAX_POLL_SECONDS, pause * 2)
        response = http.get(job)
        state = response.json_object()
        status, result = state.get("status"), state.get("result")
        result = result if isinstance(result, dict) else {}
        if status == "done":
            return _own_path(response, result.get("href"))
        if status == "failed" or status in _CANCELED:
            reason = one_line(result.get("message") or "no reason given")
            raise response.contract_error(f"the job ended as {status}: {reason}")


def _own_path(response: Response, location: object) -> str:
    """Return the path of a job or its file on this PCE, or raise ContractError."""
    path = hrefs.path_of(location) if isinstance(location, str) else ""
    organization = "/".join(response.path.split("/")[:3])
    if re.fullmatch(re.escape(organization) + r"/(?:jobs|datafiles)/[A-Za-z0-9][A-Za-z0-9_-]*", path) is None:
        raise response.contract_error(f"{one_line(location)} is not the path of a job or file of the PCE")
    return path
