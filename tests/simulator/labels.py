"""Labels, as far as pairing needs them: reading (API page, Labels)."""

from __future__ import annotations

from aiohttp import web

from tests.simulator import errors, paging
from tests.simulator.pairing_profiles import ID
from tests.simulator.pce import pce_of

FILTERS: dict[str, paging.Filter] = {
    "key": paging.exact("key"),
    "value": paging.partial("value"),
    "external_data_set": paging.exact("external_data_set"),
    "external_data_reference": paging.exact("external_data_reference"),
}


def add_routes(app: web.Application, base: str) -> None:
    """GET collection and GET one."""
    app.router.add_get(f"{base}/labels", get_all, allow_head=False)
    app.router.add_get(f"{base}/labels/{ID}", get_one, allow_head=False)


async def get_all(request: web.Request) -> web.Response:
    """GET of the collection, without deleted labels."""
    present = [label for label in pce_of(request).store.labels.values() if not label.get("deleted")]
    return paging.collection(request, present, FILTERS, "labels")


async def get_one(request: web.Request) -> web.Response:
    """GET of one; a deleted label stays, with `deleted: true`."""
    label = pce_of(request).store.labels.get(int(request.match_info["id"]))
    if label is None:
        raise errors.no_object()
    return web.json_response(label)
