"""VENs: reading, marking as suspended, unpairing (API page, Workloads and VENs)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.simulator import bodies, errors, paging
from tests.simulator.pce import pce_of
from tests.simulator.state import Json, stamp

FILTERS: dict[str, paging.Filter] = {
    "hostname": paging.partial("hostname"),
    "status": paging.exact("status"),
}

DEFAULT_RESTORE = "default"
"""The `firewall_restore` of a body that has none: the page does not say that it must be there."""


def add_routes(app: web.Application, base: str) -> None:
    """GET collection, GET one, PUT one, and unpair, under `base`, the organisation's path."""
    one = f"{base}/vens/{{id:[0-9a-fA-F-]{{36}}}}"
    app.router.add_get(f"{base}/vens", get_all, allow_head=False)
    app.router.add_put(f"{base}/vens/unpair", unpair)
    app.router.add_get(one, get_one, allow_head=False)
    app.router.add_put(one, update)


async def get_all(request: web.Request) -> web.Response:
    """GET of the collection; the hostname is partial."""
    vens = [_shown(href, workloads) for href, workloads in pce_of(request).store.vens().items()]
    return paging.collection(request, vens, FILTERS, "vens")


async def get_one(request: web.Request) -> web.Response:
    """GET of one."""
    return web.json_response(_shown(*_ven(request)))


async def update(request: web.Request) -> web.Response:
    """PUT: partial, 204. The PCE marks the VEN only; suspending is done on the host."""
    _href, workloads = _ven(request)
    changes = await bodies.read(request, "ven_update")
    if "status" in changes:
        for workload in workloads:
            pce_of(request).store.set_ven_status(workload, changes["status"])
    return web.Response(status=204)


async def unpair(request: web.Request) -> web.Response:
    """PUT: unpair all of these VENs, or none; 204. Ten calls a minute, a thousand VENs a call (Transport)."""
    pce = pce_of(request)
    pce.unpair_limiter.check(pce.identity.api_key, pce.now(), pce.settings.unpair_rate_limit, pce.settings.retry_after)
    body = await bodies.read(request, "ven_unpair")
    # One VEN may be there twice.
    hrefs = dict.fromkeys(ven["href"] for ven in body["vens"])
    known = pce.store.vens()
    for href in hrefs:
        if href not in known:
            raise errors.not_acceptable("invalid_ven_reference", f"The VEN {href} does not exist")
    pce.store.unpairings.extend(
        {
            "ven": href,
            "hostname": _shown(href, known[href])["hostname"],
            "firewall_restore": body.get("firewall_restore", DEFAULT_RESTORE),
            "time": stamp(pce.now()),
        }
        for href in hrefs
    )
    pce.store.release_vens(hrefs, remove=True)
    return web.Response(status=204)


def _ven(request: web.Request) -> tuple[str, list[Json]]:
    """The HREF of the VEN that the path names, and its workloads; 404 when there is none."""
    store = pce_of(request).store
    href = store.href("vens", request.match_info["id"])
    workloads = store.vens().get(href)
    if workloads is None:
        raise errors.no_object()
    return href, workloads


def _shown(href: str, workloads: list[Json]) -> Json:
    """A VEN as its workloads know it; the agent's status stands before the VEN's own."""
    first = workloads[0]
    ven: dict[str, Any] = first["ven"]
    agent = (first.get("agent") or {}).get("status")
    known: dict[str, Any] = agent if isinstance(agent, dict) else {}
    return {
        "href": href,
        "hostname": first.get("hostname") or ven.get("hostname"),
        "name": ven.get("name") or first.get("name"),
        "status": known.get("status") or ven.get("status") or "active",
        "version": ven.get("version") or known.get("agent_version"),
        "workloads": [{"href": workload["href"]} for workload in workloads],
        **{key: ven[key] for key in ("last_heartbeat_at", "unpair_allowed", "golden_image") if key in ven},
    }
