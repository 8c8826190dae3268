# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a whole collection, however large (source: PCE REST API, Collections)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._core import retry
from .._core.answers import Answer, one_line
from .._core.errors import RequestError
from .._core.transport import Transport
from . import hrefs

PAGE = 500
"""The most objects that a synchronous GET returns."""

_MOST_DIGITS = 12  # a number of more can be no count of objects
_POLL = 0.5
_SLOWEST_POLL = 5.0


def read_all(
    transport: Transport, path: str, parameters: Mapping[str, str], most: int | None = None
) -> list[dict[str, Any]]:
    """Return all objects of a collection that match the query ``parameters``, or the first ``most`` of them.

    One request as long as they fit on a page; otherwise a job of the PCE collects them.
    """
    limited = {**parameters, "max_results": str(most)} if most is not None and most <= PAGE else parameters
    answer = transport.get(path, limited)
    objects = answer.json_objects()
    if most is not None and len(objects) >= most:
        return objects[:most]
    if _is_complete(answer, len(objects)):
        return objects
    return _read_by_job(transport, path, parameters)[:most]


def _is_complete(answer: Answer, count: int) -> bool:
    total = (answer.header("X-Total-Count") or "").strip()
    if re.fullmatch(r"[0-9]+", total):
        return len(total) <= _MOST_DIGITS and count >= int(total)
    return count < PAGE


def _read_by_job(transport: Transport, path: str, parameters: Mapping[str, str]) -> list[dict[str, Any]]:
    answer = transport.get(path, parameters, headers={"Prefer": "respond-async"})
    if answer.status != 202:
        objects = answer.json_objects()
        if _is_complete(answer, len(objects)):
            return objects
        raise answer.contract_error(f"{len(objects)} objects, which is not all, and no job for the rest")
    location = answer.header("Location")
    if not location:
        raise answer.contract_error("no Location of the job that collects the objects")
    datafile = _wait_for_job(transport, _own_path(answer, location), answer)
    return transport.get(datafile).json_objects()


def _wait_for_job(transport: Transport, job: str, answer: Answer) -> str:
    """Return the path of the file that a job made. Raise DeadlineError for a job that does not end in time."""
    waiting = RequestError(f"the PCE's job {job} has not ended", "GET", job)
    pause = _POLL
    while True:
        transport.pause(1, waiting, retry.retry_after(answer.header("Retry-After"), transport.now()) or pause)
        pause = min(_SLOWEST_POLL, pause * 1.5)
        answer = transport.get(job)
        state = answer.json_object()
        result = state.get("result")
        result = result if isinstance(result, dict) else {}
        if state.get("status") == "failed":
            raise answer.contract_error(f"the job failed: {one_line(result.get('message') or 'no reason given')}")
        if state.get("status") == "done":
            return _own_path(answer, result.get("href"))


def _own_path(answer: Answer, location: object) -> str:
    """Return the path of a job or its file on this PCE, or raise ContractError."""
    path = hrefs.path_of(location) if isinstance(location, str) else ""
    organisation = "/".join(answer.path.split("/")[:3])
    if re.fullmatch(re.escape(organisation) + r"/(?:jobs|datafiles)/[A-Za-z0-9][A-Za-z0-9_-]*", path) is None:
        raise answer.contract_error(f"{one_line(location)} leads to no job or file of the PCE")
    return path
