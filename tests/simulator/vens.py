"""VENs: reading, changing, unpairing, upgrading (API page, Workloads and VENs; What others measured)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from aiohttp import web

from tests.simulator import bodies, errors, paging
from tests.simulator.package import RELEASES
from tests.simulator.pce import Pce, pce_of
from tests.simulator.state import FQDN, OLD_MODES, USER, Json, stamp

DEFAULT_RESTORE = "default"
"""The `firewall_restore` of a body that has none: the page does not say that it must be there."""

UPGRADE_SECONDS = 24 * 3600
"""How long an upgrade waits for its VEN."""


def health(ven: Json) -> str:
    """Return the health of a VEN: the worst severity of its conditions."""
    severities = {str((item.get("latest_event") or {}).get("severity")) for item in ven.get("conditions") or []}
    if severities & {"emerg", "alert", "crit", "err", "error"}:
        return "error"
    return "warning" if "warning" in severities else "healthy"


def _has_condition(ven: Json, text: str) -> bool:
    events = [item.get("latest_event") or {} for item in ven.get("conditions") or []]
    return any(event.get("notification_type") == text for event in events)


def _has_address(ven: Json, text: str) -> bool:
    return any(text in str(interface.get("address") or "") for interface in ven.get("interfaces") or [])


def _heartbeat(compare: Callable[[datetime, datetime], bool]) -> paging.Filter:
    def matches(ven: Json, text: str) -> bool:
        limit = _moment(text)
        value = ven.get("last_heartbeat_at")
        return value is not None and compare(_moment(value), limit)

    return matches


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment


FILTERS: dict[str, paging.Filter] = {
    "hostname": paging.partial("hostname"),
    "status": paging.exact("status"),
    "health": lambda ven, text: health(ven) == text,
    "condition": _has_condition,
    "ip_address": _has_address,
    "version": paging.exact("version"),
    "labels": paging.labels,
    "os_platform": paging.exact("os_platform"),
    "last_heartbeat_at[lte]": _heartbeat(lambda value, limit: value <= limit),
    "last_heartbeat_at[gte]": _heartbeat(lambda value, limit: value >= limit),
}


def add_routes(app: web.Application, base: str) -> None:
    """Add GET collection, GET one, PUT one, unpair, upgrade and the report, under `base`, the organisation's path."""
    one = f"{base}/vens/{{id:[0-9a-fA-F-]{{36}}}}"
    app.router.add_get(f"{base}/vens", get_all, allow_head=False)
    app.router.add_put(f"{base}/vens/unpair", unpair)
    app.router.add_put(f"{base}/vens/upgrade", upgrade)
    app.router.add_get(one, get_one, allow_head=False)
    app.router.add_put(one, update)
    app.router.add_get(f"{one}/compatibility_report", get_compatibility_report, allow_head=False)


async def get_all(request: web.Request) -> web.Response:
    """Answer the collection; the hostname is partial."""
    pce = pce_of(request)
    _carry_out_upgrades(pce)
    vens = [_shown(pce, href, workloads) for href, workloads in pce.store.vens().items()]
    return paging.collection(request, vens, FILTERS, "vens")


async def get_one(request: web.Request) -> web.Response:
    """Answer one VEN."""
    return web.json_response(_shown(pce_of(request), *_ven(request)))


def _carry_out_upgrades(pce: Pce) -> None:
    """Carry out ordered upgrades that have been looked at often enough."""
    for href, own in list(pce.store.own_vens.items()):
        if own.get("upgrade_target_version") and pce.settings.upgrade_looks >= 0:
            looks = pce.store.upgrade_looks[href] = pce.store.upgrade_looks.get(href, 0) + 1
            if looks > pce.settings.upgrade_looks:
                pce.store.carry_out_upgrade(href)


async def update(request: web.Request) -> web.Response:
    """Change a VEN in part: 204. A status marks the VEN only; suspending is done on the host."""
    pce = pce_of(request)
    href, workloads = _ven(request)
    changes = await bodies.read(request, "ven_update")
    if "status" in changes:
        for workload in workloads:
            pce.store.set_ven_status(workload, changes["status"])
    own = pce.store.own_vens.setdefault(href, {})
    own.update({name: value for name, value in changes.items() if name != "status" or name in own})
    return web.Response(status=204)


async def unpair(request: web.Request) -> web.Response:
    """Unpair VENs. A VEN that does not exist is a 406; VENs that may not be unpaired are a 200 with errors."""
    pce = pce_of(request)
    pce.unpair_limiter.check(pce.identity.api_key, pce.now(), pce.settings.unpair_rate_limit, pce.settings.retry_after)
    body = await bodies.read(request, "ven_unpair")
    hrefs = _known(pce, body, pce.settings.unpair_max)
    known = pce.store.vens()
    shown = {href: _shown(pce, href, known[href]) for href in hrefs}
    refused = _refused(pce, shown.values())
    left = {href for entry in refused for href in entry["hrefs"]}
    if left and pce.settings.unpair_refusal == "none":
        return web.json_response({"errors": refused})
    done = [href for href in hrefs if href not in left]
    pce.store.unpairings.extend(
        {
            "ven": href,
            "hostname": shown[href]["hostname"],
            "firewall_restore": body.get("firewall_restore", DEFAULT_RESTORE),
            "time": stamp(pce.now()),
        }
        for href in done
    )
    pce.store.release_vens(done, remove=True)
    if refused or pce.settings.unpair_answer == "list":
        return web.json_response({"errors": refused})
    return web.Response(status=204)


def _refused(pce: Pce, vens: Iterable[Json]) -> list[Json]:
    """Return an entry for each reason for which some VENs cannot be unpaired."""
    suspended, forbidden = [], []
    for ven in vens:
        if ven.get("unpair_allowed") is False:
            forbidden.append(ven["href"])
        elif ven.get("status") == "suspended" and pce.settings.suspended_unpair == "refused":
            suspended.append(ven["href"])
    reasons = [
        ("unpair_not_allowed", "The VEN cannot be unpaired", forbidden),
        ("ven_suspended", "A suspended VEN cannot be unpaired", suspended),
    ]
    return [{"token": token, "message": message, "hrefs": hrefs} for token, message, hrefs in reasons if hrefs]


async def upgrade(request: web.Request) -> web.Response:
    """Order an upgrade, which each VEN carries out when it is heard of next; a dry run orders nothing."""
    pce = pce_of(request)
    body = await bodies.read(request, "ven_upgrade")
    refused = []
    if body["release"] not in RELEASES:
        hrefs = [ven["href"] for ven in body["vens"]]
        message = f"The release {body['release']} is not in the library"
        refused.append({"token": "invalid_release", "message": message, "hrefs": hrefs})
    known = pce.store.vens()
    unknown = [ven["href"] for ven in body["vens"] if ven["href"] not in known]
    if unknown:
        refused.append({"token": "invalid_ven_reference", "message": "The VEN does not exist", "hrefs": unknown})
    odd = pce.settings.odd_hosts
    forbidden = [
        ven["href"]
        for ven in body["vens"]
        if any("upgrade_refused" in odd.get(str(item.get("hostname")), []) for item in known.get(ven["href"], []))
    ]
    if forbidden:
        # Of a call that refuses some, none may be done (More from clients).
        refused.append({"token": "ven_upgrade_not_allowed", "message": "Not allowed", "hrefs": forbidden})
    if not refused and not body.get("dry_run"):
        expires = stamp(pce.now() + UPGRADE_SECONDS)
        for ven in body["vens"]:
            order = {"upgrade_target_version": body["release"], "upgrade_expires_at": expires}
            pce.store.own_vens.setdefault(ven["href"], {}).update(order)
    return web.json_response({"errors": refused})


async def get_compatibility_report(request: web.Request) -> web.Response:
    """Answer the report of a VEN in idle mode, {} while there is none."""
    pce = pce_of(request)
    limit = pce.settings.compatibility_rate_limit
    pce.compatibility_limiter.check(pce.identity.api_key, pce.now(), limit, pce.settings.retry_after)
    _href, workloads = _ven(request)
    odd = [word for item in workloads for word in pce.settings.odd_hosts.get(str(item.get("hostname")), [])]
    status = next((word for word in odd if word in ("green", "yellow", "red")), pce.settings.compatibility_report)
    if "no_report" in odd:
        status = "none"
    if status == "none" or not any(workload.get("enforcement_mode") == "idle" for workload in workloads):
        return web.json_response({})
    tests: list[Json] = [{"status": "green", "ipsec_service_enabled": None}]
    if status != "green":
        tests.append({"status": status, "required_packages_missing": ["ipset"]})
    results = {"qualify_tests": tests}
    return web.json_response({"last_updated_at": stamp(pce.now()), "qualify_status": status, "results": results})


def _known(pce: Pce, body: Json, most: int) -> list[str]:
    """Return the HREFs of the body's VENs, each once; a 406 for too many, or for one that does not exist."""
    if len(body["vens"]) > most:
        message = f"{len(body['vens'])} VENs are too many, at most {most} are allowed"
        raise errors.not_acceptable("input_validation_error", message)
    hrefs = list(dict.fromkeys(ven["href"] for ven in body["vens"]))
    known = pce.store.vens()
    for href in hrefs:
        if href not in known:
            raise errors.not_acceptable("invalid_ven_reference", f"The VEN {href} does not exist")
    return hrefs


def _ven(request: web.Request) -> tuple[str, list[Json]]:
    """The HREF of the VEN that the path names, and its workloads; 404 when there is none."""
    store = pce_of(request).store
    href = store.href("vens", request.match_info["id"])
    workloads = store.vens().get(href)
    if workloads is None:
        raise errors.no_object()
    return href, workloads


def _shown(pce: Pce, href: str, workloads: list[Json]) -> Json:
    """Return a VEN as a GET shows it: that of a seed as it was stored, any other as its workloads know it."""
    own = pce.store.own_vens.get(href, {})
    ven = {**own} if "href" in own else {**_of_workloads(pce, href, workloads), **own}
    if pce.settings.ven_health == "shown":
        ven["health"] = health(ven)
    return ven


def _of_workloads(pce: Pce, href: str, workloads: list[Json]) -> Json:
    """Return the whole VEN of some workloads; the agent's status stands before the VEN's own."""
    first = workloads[0]
    ven: dict[str, Any] = first["ven"]
    agent = first.get("agent") or {}
    status = agent.get("status") if isinstance(agent, dict) else None
    known: dict[str, Any] = status if isinstance(status, dict) else {}
    heartbeat = pce.store.heartbeats.get(href)
    return {
        "href": href,
        "name": ven.get("name") or first.get("name"),
        "description": None,
        "hostname": first.get("hostname") or ven.get("hostname"),
        "uid": known.get("uid"),
        "status": known.get("status") or ven.get("status") or "active",
        "activation_type": "pairing_key",
        "ven_type": "server",
        "version": ven.get("version") or known.get("agent_version"),
        "os_id": first.get("os_id"),
        "os_detail": first.get("os_detail"),
        "os_platform": "linux",
        "active_pce_fqdn": FQDN,
        "target_pce_fqdn": None,
        "labels": first.get("labels") or [],
        "interfaces": first.get("interfaces") or [],
        "workloads": [_workload(pce, workload) for workload in workloads],
        "container_cluster": None,
        "secure_connect": None,
        "last_heartbeat_at": known.get("last_heartbeat_on") if heartbeat is None else stamp(heartbeat),
        "last_goodbye_at": None,
        "conditions": [],
        "unpair_allowed": True,
        "authentication_recovery": False,
        "golden_image": False,
        "upgrade_target_version": None,
        "upgrade_expires_at": None,
        "created_at": known.get("managed_since") or first.get("created_at"),
        "updated_at": first.get("updated_at"),
        "created_by": dict(USER),
        "updated_by": dict(USER),
        "caps": ["write"],
        **{key: ven[key] for key in ("last_heartbeat_at", "unpair_allowed", "golden_image") if key in ven},
    }


def _workload(pce: Pce, workload: Json) -> Json:
    """Return a workload as its VEN shows it (More from clients: "carry `online`, `mode`")."""
    mode = workload.get("enforcement_mode")
    shown = {"href": workload["href"], "online": bool(workload.get("online")), "enforcement_mode": mode}
    if pce.settings.mode_names == "both" and mode in OLD_MODES:
        shown["mode"] = OLD_MODES[mode]
    return shown
