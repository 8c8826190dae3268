"""Workloads, as far as pairing needs them: reading (API page, Workloads and VENs)."""

from __future__ import annotations

from aiohttp import web

from tests.simulator import errors, paging
from tests.simulator.pce import pce_of

FILTERS: dict[str, paging.Filter] = {
    "hostname": paging.partial("hostname"),
    "managed": paging.boolean("managed"),
    "online": paging.boolean("online"),
}


def add_routes(app: web.Application, base: str) -> None:
    """GET collection and GET one."""
    app.router.add_get(f"{base}/workloads", get_all, allow_head=False)
    app.router.add_get(f"{base}/workloads/{{id:[0-9a-fA-F-]{{36}}}}", get_one, allow_head=False)


async def get_all(request: web.Request) -> web.Response:
    """GET of the collection; the hostname is partial, as every text filter."""
    return paging.collection(request, pce_of(request).store.workloads.values(), FILTERS, "workloads")


async def get_one(request: web.Request) -> web.Response:
    """GET of one."""
    workload = pce_of(request).store.workloads.get(request.match_info["id"])
    if workload is None:
        raise errors.no_object()
    return web.json_response(workload)
