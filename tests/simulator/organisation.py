"""What a PCE says of itself and of the organisation (API page, More from clients)."""

from __future__ import annotations

from aiohttp import web

from tests.simulator import errors, paging
from tests.simulator.package import RELEASE, RELEASES
from tests.simulator.pce import pce_of
from tests.simulator.state import FQDN

VERSION = RELEASE.partition("-")[0]
BUILD = "135"


def add_routes(app: web.Application, base: str) -> None:
    """Add what needs no organisation, and the settings and VEN releases under `base`, the organisation's path."""
    app.router.add_get("/api/v2/health", get_health, allow_head=False)
    app.router.add_get("/api/v2/product_version", get_product_version, allow_head=False)
    app.router.add_get("/api/v2/node_available", get_node_available, allow_head=False)
    app.router.add_get(f"{base}/settings", get_settings, allow_head=False)
    app.router.add_get(f"{base}/settings/workloads", get_workload_settings, allow_head=False)
    app.router.add_get(f"{base}/software/ven/releases", get_releases, allow_head=False)


async def get_health(request: web.Request) -> web.Response:
    """Answer the list of clusters; 404 where the setting says that there is no such path."""
    status = pce_of(request).settings.health
    if status == "absent":
        raise errors.Refusal(404, "not_found", "Not Found", form="html")
    node = {"hostname": "core0.example.com", "ip_address": "192.0.2.10", "runlevel": 5, "uptime_seconds": 86400}
    cluster = {
        "fqdn": FQDN,
        "type": "standalone",
        "status": status,
        "nodes": [node],
        "network": {},
        "notifications": [],
    }
    return web.json_response([cluster])


async def get_product_version(_request: web.Request) -> web.Response:
    """Answer the PCE's own release."""
    return web.json_response(
        {
            "version": VERSION,
            "build": BUILD,
            "long_display": f"{VERSION}-{BUILD}",
            "short_display": VERSION,
            "engineering_info": "",
        }
    )


async def get_node_available(_request: web.Request) -> web.Response:
    """Answer that the node is available."""
    return web.json_response({})


async def get_settings(request: web.Request) -> web.Response:
    """Answer the organisation's settings."""
    pce = pce_of(request)
    return web.json_response(
        {
            "href": f"/orgs/{pce.identity.org_id}/settings",
            "ven_maintenance_token_required": pce.settings.ven_maintenance_token_required,
            "clone_detection_enabled": True,
            "automatic_clone_reactivation": "server",
            "max_explorer_query_timespan_days": 90,
            "advanced_ruleset_display": False,
            "label_display": "name",
        }
    )


async def get_workload_settings(request: web.Request) -> web.Response:
    """Answer the timeouts of workloads: this is what the vendor's SDK asks for to check a connection."""
    organisation = pce_of(request).identity.org_id
    return web.json_response(
        {
            "href": f"/orgs/{organisation}/settings/workloads",
            "workload_disconnected_timeout_seconds": [{"scope": [], "value": 3600}],
            "workload_goodbye_timeout_seconds": 900,
        }
    )


async def get_releases(request: web.Request) -> web.Response:
    """Answer the VEN releases that the PCE has."""
    pce = pce_of(request)
    releases = [
        {"href": pce.store.href("software/ven/releases", release), "release": release, "default": release == RELEASE}
        for release in RELEASES
    ]
    return paging.collection(request, releases, {}, "releases")
