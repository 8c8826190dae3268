"""Workloads, as far as pairing needs them: reading (API page, Workloads and VENs)."""

from __future__ import annotations

from aiohttp import web

from tests.simulator import errors, paging
from tests.simulator.pce import Pce, pce_of
from tests.simulator.state import Json

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
    pce = pce_of(request)
    shown = (_shown(pce, workload) for workload in pce.store.workloads.values())
    answer = paging.collection(request, shown, FILTERS, "workloads")
    # A GET for other hostnames says nothing of a VEN that waits to be online.
    hostname = request.query.get("hostname", "")
    pce.store.count_listing(lambda workload: FILTERS["hostname"](workload, hostname))
    return answer


async def get_one(request: web.Request) -> web.Response:
    """GET of one."""
    pce = pce_of(request)
    workload = pce.store.workloads.get(request.match_info["id"])
    if workload is None:
        raise errors.no_object()
    return web.json_response(_shown(pce, workload))


def _shown(pce: Pce, workload: Json) -> Json:
    """The workload as it is stored, or with key and value of its labels when the setting asks for them."""
    if pce.settings.workload_labels != "full" or not workload.get("labels"):
        return workload
    return {**workload, "labels": [_full(pce, label) for label in workload["labels"]]}


def _full(pce: Pce, label: Json) -> Json:
    """A label of a workload with key and value, one that has been deleted too."""
    known = pce.store.label_ever(str(label.get("href"))) or {}
    return {**label, **{name: known[name] for name in ("key", "value") if name in known}}
