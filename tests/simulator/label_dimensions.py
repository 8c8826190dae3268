"""Label dimensions: the keys that labels can have (API page, What others measured; More from clients)."""

from __future__ import annotations

import uuid

from aiohttp import web

from tests.simulator import bodies, errors, paging
from tests.simulator.pce import Pce, pce_of
from tests.simulator.state import USER, Json, stamp

FILTERS: dict[str, paging.Filter] = {
    "key": paging.partial("key"),
    "display_name": paging.partial("display_name"),
}

_NAMES = {"role": "Role", "app": "Application", "env": "Environment", "loc": "Location"}
"""The dimensions that each PCE has; they cannot be deleted."""


def add_routes(app: web.Application, base: str) -> None:
    """Add GET collection, GET one, POST, PUT, DELETE under `base`, the organisation's path."""
    one = f"{base}/label_dimensions/{{id:[0-9a-f-]{{36}}}}"
    app.router.add_get(f"{base}/label_dimensions", get_all, allow_head=False)
    app.router.add_post(f"{base}/label_dimensions", create)
    app.router.add_get(one, get_one, allow_head=False)
    app.router.add_put(one, update)
    app.router.add_delete(one, delete)


async def get_all(request: web.Request) -> web.Response:
    """Answer the collection."""
    return paging.collection(request, _all(pce_of(request)), FILTERS, "label_dimensions")


async def get_one(request: web.Request) -> web.Response:
    """Answer one dimension."""
    return web.json_response(_one(request))


async def create(request: web.Request) -> web.Response:
    """Create a dimension, and with it the key that labels can have: 201 with the whole object."""
    pce = pce_of(request)
    _all(pce)  # a 404 where there are no dimensions
    given = await bodies.read(request, "label_dimension_create")
    for name in ("key", "display_name"):
        if any(given[name] == other[name] for other in _all(pce)):
            raise errors.not_acceptable("label_dimension_must_be_unique", f"The {name} {given[name]!r} is taken")
    dimension = _new(pce, given["key"])
    dimension.update(given)
    pce.store.dimensions[given["key"]] = dimension
    pce.settings.label_keys = [*pce.settings.label_keys, given["key"]]
    return web.json_response(dimension, status=201)


async def update(request: web.Request) -> web.Response:
    """Change a dimension in part: 204; the key cannot change."""
    pce = pce_of(request)
    dimension = _one(request)
    dimension.update(await bodies.read(request, "label_dimension_update"))
    dimension["updated_at"] = stamp(pce.now())
    return web.Response(status=204)


async def delete(request: web.Request) -> web.Response:
    """Delete a dimension that no label has: 204."""
    pce = pce_of(request)
    dimension = _one(request)
    if "delete" not in dimension["caps"]:
        raise errors.Refusal(403, "permission_denied", f"Missing capability delete on {dimension['href']}")
    if dimension["usage"]["labels"]:
        raise errors.not_acceptable("label_dimension_in_use", f"Labels have the key {dimension['key']!r}")
    pce.settings.label_keys = [key for key in pce.settings.label_keys if key != dimension["key"]]
    del pce.store.dimensions[dimension["key"]]
    return web.Response(status=204)


def _all(pce: Pce) -> list[Json]:
    """Return one dimension for each key; 404 where the PCE is too old to have any."""
    if not pce.settings.label_dimensions:
        raise errors.Refusal(404, "not_found", "Not Found", form="html")
    used = {label.get("key") for label in pce.store.labels.values() if not label.get("deleted")}
    dimensions = []
    for key in pce.settings.label_keys:
        dimension = pce.store.dimensions.setdefault(key, _new(pce, key))
        dimension["usage"] = {"labels": key in used, "label_groups": False}
        dimensions.append(dimension)
    return dimensions


def _new(pce: Pce, key: str) -> Json:
    moment = stamp(pce.now())
    name = _NAMES.get(key, key.capitalize())
    return {
        "href": pce.store.href("label_dimensions", uuid.uuid4()),
        "key": key,
        "display_name": name,
        "display_info": {
            "icon": key if key in _NAMES else None,
            "initial": name[0],
            "sort_ordinal": 1_000_000 * (1 + len(pce.store.dimensions)),
            "background_color": "#818286",
            "foreground_color": "#ffffff",
            "display_name_plural": f"{name}s",
        },
        "external_data_set": None,
        "external_data_reference": None,
        "created_at": moment,
        "updated_at": moment,
        "created_by": dict(USER),
        "updated_by": dict(USER),
        "deleted": False,
        "deleted_at": None,
        "deleted_by": None,
        "usage": {"labels": False, "label_groups": False},
        "caps": ["write"] if key in _NAMES else ["write", "delete"],
    }


def _one(request: web.Request) -> Json:
    """Return the dimension that the path names; 404 when there is none."""
    pce = pce_of(request)
    href = pce.store.href("label_dimensions", request.match_info["id"])
    for dimension in _all(pce):
        if dimension["href"] == href:
            return dimension
    raise errors.no_object()
