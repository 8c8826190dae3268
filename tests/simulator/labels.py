"""Labels (API page, Labels)."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from tests.simulator import bodies, errors, paging
from tests.simulator.pairing_profiles import ID
from tests.simulator.pce import Pce, pce_of
from tests.simulator.state import Json

ALL_OF_A_KEY = ("All Applications", "All Environments", "All Locations")
"""Values that no label can have, since the PCE has them itself (More from clients)."""

FILTERS: dict[str, paging.Filter] = {
    "key": paging.partial("key"),
    "value": paging.partial("value"),
    "external_data_set": paging.exact("external_data_set"),
    "external_data_reference": paging.exact("external_data_reference"),
}


def add_routes(app: web.Application, base: str) -> None:
    """GET collection, GET one, POST, PUT, DELETE under `base`, the organisation's path."""
    app.router.add_get(f"{base}/labels", get_all, allow_head=False)
    app.router.add_post(f"{base}/labels", create)
    app.router.add_get(f"{base}/labels/{ID}", get_one, allow_head=False)
    app.router.add_put(f"{base}/labels/{ID}", update)
    app.router.add_delete(f"{base}/labels/{ID}", delete)


async def get_all(request: web.Request) -> web.Response:
    """Answer the collection, without deleted labels unless the query or the setting asks for them."""
    pce = pce_of(request)
    every = pce.settings.show_deleted_labels or paging.asked(request, "include_deleted")
    present = [label for label in pce.store.labels.values() if every or not label.get("deleted")]
    if paging.asked(request, "usage"):
        present = _with_usage(pce, present)
    return paging.collection(request, present, FILTERS, "labels", switches=("include_deleted", "usage"))


async def get_one(request: web.Request) -> web.Response:
    """GET of one; a deleted label stays, with `deleted: true`."""
    label = pce_of(request).store.labels.get(int(request.match_info["id"]))
    if label is None:
        raise errors.no_object()
    return web.json_response(label)


async def create(request: web.Request) -> web.Response:
    """POST: 201 with the whole object."""
    pce = pce_of(request)
    given = await bodies.read(request, "label_create")
    if given["key"] not in pce.settings.label_keys:
        raise errors.not_acceptable("label_key_not_supported", "Label key is not supported")
    _check_value(given)
    _check_unique(pce, given["key"], given["value"])
    return web.json_response(pce.store.add_label(given), status=201)


async def update(request: web.Request) -> web.Response:
    """PUT: partial, 204; the key cannot change."""
    pce = pce_of(request)
    label = _live(request)
    changes = await bodies.read(request, "label_update")
    _check_value(changes)
    if "value" in changes and changes["value"] != label.get("value"):
        _check_unique(pce, label.get("key"), changes["value"])
    pce.store.change_label(label, changes)
    return web.Response(status=204)


async def delete(request: web.Request) -> web.Response:
    """Mark the label as deleted: 204, and the object stays (Labels: "soft")."""
    pce = pce_of(request)
    label = pce.store.labels.get(int(request.match_info["id"]), {})
    if label.get("deleted") and pce.settings.deleted_again == "refused":
        raise errors.Refusal(406, "label_already_deleted", "Label has been deleted already", form="single")
    pce.store.change_label(_live(request), {"deleted": True})
    return web.Response(status=204)


def _live(request: web.Request) -> Json:
    """The stored label that the path names; 404 for one that is deleted, too."""
    label = pce_of(request).store.labels.get(int(request.match_info["id"]))
    if label is None or label.get("deleted"):
        raise errors.no_object()
    return label


def _check_value(body: Json) -> None:
    if body.get("value") in ALL_OF_A_KEY:
        raise errors.not_acceptable(
            "input_validation_error", f"{body['value']!r} is a value that the PCE keeps to itself"
        )


def _with_usage(pce: Pce, labels: list[Json]) -> list[Json]:
    """Return the labels with what uses them (More from clients: usage=true); rules and scopes are not simulated."""
    profiles = _hrefs(pce.store.profiles.values())
    workloads = _hrefs(pce.store.workloads.values())
    nothing = dict.fromkeys(_NOT_SIMULATED, False)
    return [
        {
            **label,
            "usage": {
                **nothing,
                "pairing_profile": label["href"] in profiles,
                "workload": label["href"] in workloads,
            },
        }
        for label in labels
    ]


_NOT_SIMULATED = ("label_group", "ruleset", "rule", "static_policy_scopes", "enforcement_boundary")


def _hrefs(things: Iterable[Json]) -> set[str]:
    return {label["href"] for thing in things for label in thing.get("labels") or [] if "href" in label}


def _check_unique(pce: Pce, key: str | None, value: str) -> None:
    """No other live label has the key and the value; a deleted one does not count."""
    if key is not None and pce.store.label_of(key, value) is not None:
        raise errors.not_acceptable("label_must_be_unique", f"Label must be unique: {key}={value} exists")
