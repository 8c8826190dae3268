"""Pairing profiles (API page, Pairing profiles)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.simulator import bodies, errors, paging
from tests.simulator.pce import Pce, pce_of
from tests.simulator.state import Json

ID = "{id:[1-9][0-9]{0,17}}"
"""The id in a path: a positive integer (Transport)."""

FILTERS: dict[str, paging.Filter] = {
    "name": paging.partial("name"),
    "description": paging.partial("description"),
    "agent_software_release": paging.exact("agent_software_release"),
    "external_data_set": paging.exact("external_data_set"),
    "external_data_reference": paging.exact("external_data_reference"),
    "ven_type": paging.exact("ven_type"),
    "labels": paging.labels,
}
"""The filters that the page names; max_results belongs to all collections."""


def add_routes(app: web.Application, base: str) -> None:
    """GET collection, GET one, POST, PUT, DELETE under `base`, the organisation's path."""
    app.router.add_get(f"{base}/pairing_profiles", get_all, allow_head=False)
    app.router.add_post(f"{base}/pairing_profiles", create)
    app.router.add_get(f"{base}/pairing_profiles/{ID}", get_one, allow_head=False)
    app.router.add_put(f"{base}/pairing_profiles/{ID}", update)
    app.router.add_delete(f"{base}/pairing_profiles/{ID}", delete)


def profile_of(request: web.Request) -> Json:
    """The stored profile that the path names; 404 when there is none."""
    profile = pce_of(request).store.profiles.get(int(request.match_info["id"]))
    if profile is None:
        raise errors.no_object()
    return profile


def demand_cap(profile: Json, cap: str) -> None:
    """403 unless the profile's caps hold it; a profile without caps, in an old shape, allows everything."""
    if cap not in (profile.get("caps", [cap]) or []):
        raise errors.Refusal(403, "permission_denied", f"Missing capability {cap} on {profile['href']}")


async def get_all(request: web.Request) -> web.Response:
    """GET of the collection."""
    return paging.collection(request, pce_of(request).store.profiles.values(), FILTERS, "pairing_profiles")


async def get_one(request: web.Request) -> web.Response:
    """GET of one."""
    return web.json_response(profile_of(request))


async def create(request: web.Request) -> web.Response:
    """POST: 201 with the whole object."""
    pce = pce_of(request)
    given = await bodies.read(request, "pairing_profile_create")
    _check_name(pce, given, current=None)
    check_labels(pce, given.get("labels", []))
    return web.json_response(pce.store.add_profile(given), status=201)


async def update(request: web.Request) -> web.Response:
    """PUT: partial, 204."""
    pce = pce_of(request)
    profile = profile_of(request)
    demand_cap(profile, "write")
    changes = await bodies.read(request, "pairing_profile_update")
    _check_name(pce, changes, current=profile)
    check_labels(pce, changes.get("labels", []))
    pce.store.change_profile(profile, changes)
    return web.Response(status=204)


async def delete(request: web.Request) -> web.Response:
    """DELETE: 204; never of the default profile."""
    profile = profile_of(request)
    demand_cap(profile, "write")
    if profile.get("is_default"):
        raise errors.not_acceptable(
            "pairing_profile_default_cannot_be_deleted", "The default pairing profile cannot be deleted"
        )
    pce_of(request).store.remove_profile(int(request.match_info["id"]))
    return web.Response(status=204)


def _check_name(pce: Pce, body: Json, current: Json | None) -> None:
    """The name is unique; older data may hold duplicates, which may keep theirs."""
    name = body.get("name")
    if name is None or (current is not None and current.get("name") == name):
        return
    if any(profile.get("name") == name for profile in pce.store.profiles.values()):
        raise errors.not_acceptable("name_must_be_unique", f"Name must be unique: {name!r} is taken")


def check_labels(pce: Pce, labels: list[Json]) -> None:
    """Raise a 406 unless the labels exist, and there is at most one per key."""
    seen: dict[Any, str] = {}
    for href in (label["href"] for label in labels):
        label = pce.store.label(href)
        if label is None:
            raise errors.not_acceptable("invalid_label_reference", f"The label {href} does not exist")
        if label.get("key") in seen:
            raise errors.not_acceptable(
                "duplicate_label_key", f"Labels {seen[label['key']]} and {href} have the same key {label['key']!r}"
            )
        seen[label.get("key")] = href
