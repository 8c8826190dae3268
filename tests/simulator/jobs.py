"""Jobs and data files: the rest of an asynchronous collection (API page, Collections)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.simulator import errors, paging
from tests.simulator.pce import Pce, pce_of
from tests.simulator.state import USER, Job, stamp

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def add_routes(app: web.Application, base: str) -> None:
    """Add the jobs and the data files under `base`, the organisation's path."""
    app.router.add_get(f"{base}/jobs", get_all, allow_head=False)
    app.router.add_get(f"{base}/jobs/{{id:{_UUID}}}", get_job, allow_head=False)
    app.router.add_get(f"{base}/datafiles/{{id:{_UUID}}}", get_datafile, allow_head=False)


async def get_all(request: web.Request) -> web.Response:
    """Answer the collection; that is no poll of any job."""
    pce = pce_of(request)
    return paging.collection(request, [_shown(pce, job) for job in pce.store.jobs.values()], {}, "jobs")


async def get_job(request: web.Request) -> web.Response:
    """Answer one poll of a job."""
    pce = pce_of(request)
    job = pce.store.jobs.get(request.match_info["id"])
    if job is None:
        raise errors.no_object()
    job.polls += 1
    _end(pce, job)
    return web.json_response(_shown(pce, job))


async def get_datafile(request: web.Request) -> web.Response:
    """The whole array. Its HREF is known from a job that is done only."""
    pce = pce_of(request)
    for job in pce.store.jobs.values():
        if job.datafile == request.match_info["id"]:
            return web.json_response(job.objects)
    raise errors.no_object()


def _end(pce: Pce, job: Job) -> None:
    """End the job if its time has come."""
    early = job.polls <= pce.settings.job_polls or pce.now() < job.requested_at + pce.settings.job_seconds
    if not (job.outcome or early or pce.settings.job_outcome == "never"):
        job.outcome = pce.settings.job_outcome
        job.terminated_at = pce.now()


def _shown(pce: Pce, job: Job) -> dict[str, Any]:
    words = pce.settings.job_words
    results: dict[str, dict[str, Any]] = {
        "": {},
        "done": {"href": pce.store.href("datafiles", job.datafile)},
    }
    return {
        "href": job.href,
        "job_type": ":illumio/async_requests",
        "description": job.description,
        "result": results.get(job.outcome, {"message": "the collection could not be put together"}),
        "status": job.outcome or words[max(job.polls - 1, 0) % len(words)],
        "created_at": stamp(job.requested_at),
        "requested_at": stamp(job.requested_at),
        "terminated_at": None if job.terminated_at is None else stamp(job.terminated_at),
        "requested_by": dict(USER),
    }
