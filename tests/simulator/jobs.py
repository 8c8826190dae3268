"""Jobs and data files: the rest of an asynchronous collection (API page, Collections)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.simulator import errors
from tests.simulator.pce import Pce, pce_of
from tests.simulator.state import USER, Job, stamp

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def add_routes(app: web.Application, base: str) -> None:
    """Both kinds of object under `base`, the organisation's path."""
    app.router.add_get(f"{base}/jobs/{{id:{_UUID}}}", get_job, allow_head=False)
    app.router.add_get(f"{base}/datafiles/{{id:{_UUID}}}", get_datafile, allow_head=False)


async def get_job(request: web.Request) -> web.Response:
    """One poll of a job: running, done, or failed."""
    pce = pce_of(request)
    job = pce.store.jobs.get(request.match_info["id"])
    if job is None:
        raise errors.no_object()
    status, result = _progress(pce, job)
    return web.json_response(
        {
            "href": job.href,
            "job_type": ":illumio/async_requests",
            "description": job.description,
            "result": result,
            "status": status,
            "requested_at": stamp(job.requested_at),
            "requested_by": dict(USER),
        }
    )


async def get_datafile(request: web.Request) -> web.Response:
    """The whole array. Its HREF is known from a job that is done only."""
    pce = pce_of(request)
    for job in pce.store.jobs.values():
        if job.datafile == request.match_info["id"]:
            return web.json_response(job.objects)
    raise errors.no_object()


def _progress(pce: Pce, job: Job) -> tuple[str, dict[str, Any]]:
    """Count a poll; the job's status and result after it."""
    job.polls += 1
    early = job.polls <= pce.settings.job_polls or pce.now() < job.requested_at + pce.settings.job_seconds
    if not job.done and (early or pce.settings.job_outcome == "never"):
        return "running", {}
    if pce.settings.job_outcome == "failed":
        return "failed", {"message": "the collection could not be put together"}
    job.done = True
    return "done", {"href": pce.store.href("datafiles", job.datafile)}
