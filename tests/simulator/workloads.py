"""Workloads (API page, Workloads and VENs; What others measured; More from clients)."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from tests.simulator import bodies, errors, paging, schema
from tests.simulator.pairing_profiles import check_labels
from tests.simulator.pce import Pce, pce_of
from tests.simulator.state import Json, stamp, ven_of

FILTERS: dict[str, paging.Filter] = {
    "hostname": paging.partial("hostname"),
    "managed": paging.boolean("managed"),
    "online": paging.boolean("online"),
    "enforcement_mode": paging.exact("enforcement_mode"),
}

MAX_BULK = 1000
"""Workloads in a bulk operation (What others measured)."""


def add_routes(app: web.Application, base: str) -> None:
    """Add GET collection, POST, GET one, PUT one, DELETE one, and what changes many, under the organisation's path."""
    one = f"{base}/workloads/{{id:[0-9a-fA-F-]{{36}}}}"
    app.router.add_get(f"{base}/workloads", get_all, allow_head=False)
    app.router.add_post(f"{base}/workloads", create)
    app.router.add_put(f"{base}/workloads/bulk_create", bulk_create)
    app.router.add_put(f"{base}/workloads/bulk_update", bulk_update)
    app.router.add_put(f"{base}/workloads/bulk_delete", bulk_delete)
    app.router.add_put(f"{base}/workloads/set_labels", set_labels)
    app.router.add_put(f"{base}/workloads/remove_labels", remove_labels)
    app.router.add_get(one, get_one, allow_head=False)
    app.router.add_put(one, update)
    app.router.add_delete(one, delete)


async def get_all(request: web.Request) -> web.Response:
    """Answer the collection; the hostname is partial, as every text filter."""
    pce = pce_of(request)
    full = pce.settings.workload_labels == "full" or "labels" in request.query.get("include", "").split(",")
    shown = [_shown(pce, workload, full=full) for workload in pce.store.workloads.values()]
    answer = paging.collection(request, shown, FILTERS, "workloads", switches=("include", "include_deleted"))
    # A GET for other hostnames says nothing of a VEN that waits to be online.
    hostname = request.query.get("hostname", "")
    pce.store.count_listing(lambda workload: FILTERS["hostname"](workload, hostname))
    return answer


async def get_one(request: web.Request) -> web.Response:
    """Answer one workload."""
    pce = pce_of(request)
    return web.json_response(_shown(pce, _workload(request), full=pce.settings.workload_labels == "full"))


async def create(request: web.Request) -> web.Response:
    """Create a workload that has no VEN: 201 with the whole object."""
    pce = pce_of(request)
    given = await bodies.read(request, "workload")
    check_labels(pce, given.get("labels", []))
    return web.json_response(pce.store.add_unmanaged(given), status=201)


async def update(request: web.Request) -> web.Response:
    """Change a workload in part: 204."""
    pce = pce_of(request)
    workload = _workload(request)
    changes = await bodies.read(request, "workload")
    check_labels(pce, changes.get("labels", []))
    pce.store.change_workload(workload, changes)
    return web.Response(status=204)


async def delete(request: web.Request) -> web.Response:
    """Delete a workload that has no VEN: 204."""
    _delete(pce_of(request), _workload(request))
    return web.Response(status=204)


async def bulk_create(request: web.Request) -> web.Response:
    """Create workloads that have no VEN; the answer has an entry for each."""

    def one(pce: Pce, body: Json) -> Json:
        _check(pce, body)
        return {"href": pce.store.add_unmanaged(body)["href"], "status": "created"}

    return await _bulk(request, "workload_bulk_create", one)


async def bulk_update(request: web.Request) -> web.Response:
    """Change workloads in part; the answer has an entry for each, those that were refused too."""

    def one(pce: Pce, body: Json) -> Json:
        changes = {name: value for name, value in body.items() if name != "href"}
        workload = _of_href(pce, body["href"])
        _check(pce, changes)
        pce.store.change_workload(workload, changes)
        return {"href": body["href"], "status": "updated"}

    pce = pce_of(request)
    before = copy.deepcopy(pce.store.workloads) if pce.settings.bulk_update_answer == "refused_whole" else {}
    whole = await _bulk(request, "workload_references", one)
    entries: list[Json] = json.loads(whole.text or "[]")
    refused = [entry for entry in entries if entry["status"] != "updated"]
    if before and refused:
        pce.store.workloads = before
        raise errors.not_acceptable(refused[0]["token"], refused[0]["message"])
    return _bulk_update_answer(pce.settings.bulk_update_answer, entries)


def _bulk_update_answer(form: str, entries: list[Json]) -> web.Response:
    if form == "empty":
        return web.Response(status=204)
    words = {"updated": "success"}
    bodies_by_form: dict[str, object] = {
        "object": {"errors": []},
        "unmentioned": [],
        "other_word": [{**entry, "status": words.get(entry["status"], "failed")} for entry in entries],
        "odd_href": [{**entry, "href": [entry["href"]]} for entry in entries],
    }
    return web.json_response(bodies_by_form.get(form, entries))


async def bulk_delete(request: web.Request) -> web.Response:
    """Delete workloads that have no VEN; the answer has an entry for each that was refused."""

    def one(pce: Pce, body: Json) -> None:
        _delete(pce, _of_href(pce, body["href"]))

    return await _bulk(request, "workload_references", one)


async def set_labels(request: web.Request) -> web.Response:
    """Give labels to workloads, each in the place of the one that has its key: 204."""
    pce = pce_of(request)
    body = await bodies.read(request, "workload_set_labels")
    check_labels(pce, body["labels"])
    workloads = [_of_href(pce, entry["href"]) for entry in body["workloads"]]
    given = [{"href": label["href"]} for label in body["labels"]]
    keys = {_key(pce, label) for label in given} | set(body.get("delete_existing_keys", []))
    for workload in workloads:
        kept = [label for label in workload.get("labels") or [] if _key(pce, label) not in keys]
        pce.store.change_workload(workload, {"labels": given if body.get("delete_existing") else [*kept, *given]})
    return web.Response(status=204)


async def remove_labels(request: web.Request) -> web.Response:
    """Take labels from workloads, by their keys or one by one: 204."""
    pce = pce_of(request)
    body = await bodies.read(request, "workload_remove_labels")
    workloads = [_of_href(pce, entry["href"]) for entry in body["workloads"]]
    hrefs = {label["href"] for label in body.get("labels", [])}
    keys = set(body.get("keys", []))
    for workload in workloads:
        labels = workload.get("labels") or []
        kept = [label for label in labels if label["href"] not in hrefs and _key(pce, label) not in keys]
        pce.store.change_workload(workload, {"labels": kept})
    return web.Response(status=204)


async def _bulk(request: web.Request, schema_name: str, one: Callable[[Pce, Json], Json | None]) -> web.Response:
    """Do something with each entry of a body; a Refusal becomes the entry's answer."""
    pce = pce_of(request)
    entries = await bodies.read_list(request, schema_name)
    if len(entries) > MAX_BULK:
        message = f"{len(entries)} workloads are too many, at most {MAX_BULK} are allowed"
        raise errors.not_acceptable("input_validation_error", message)
    answers = []
    async with _alone(pce):
        for entry in entries:
            try:
                answers.append(one(pce, entry))
            except errors.Refusal as refusal:
                first = refusal.entries[0]
                invalid = first["token"] == "input_validation_error"
                status = "validation_failure" if invalid else "error"
                answers.append({"href": entry.get("href"), "status": status, **first})
    return web.json_response([answer for answer in answers if answer is not None])


@asynccontextmanager
async def _alone(pce: Pce) -> AsyncIterator[None]:
    """Keep other bulk operations out: a second one in an organisation is a 429 (More from clients)."""
    if pce.bulk_running:
        raise errors.Refusal(429, "too_many_requests_error", "Another bulk operation is running")
    pce.bulk_running = True
    try:
        await asyncio.sleep(pce.settings.bulk_seconds)
        yield
    finally:
        pce.bulk_running = False


def _check(pce: Pce, body: Json) -> None:
    try:
        schema.check("workload", body)
    except schema.Invalid as error:
        raise errors.invalid(error) from error
    check_labels(pce, body.get("labels", []))


def _delete(pce: Pce, workload: Json) -> None:
    if workload.get("managed"):
        message = "A workload that has a VEN cannot be deleted: unpair it"
        raise errors.not_acceptable("workload_managed_cannot_be_deleted", message)
    del pce.store.workloads[workload["href"].rsplit("/", 1)[-1]]


def _of_href(pce: Pce, href: str) -> Json:
    """Return the workload of an HREF in a body; a 406 when there is none."""
    workload = pce.store.workloads.get(href.rsplit("/", 1)[-1])
    if workload is None or workload["href"] != href:
        raise errors.not_acceptable("invalid_uri", f"The workload {href} does not exist")
    return workload


def _workload(request: web.Request) -> Json:
    """Return the stored workload that the path names; 404 when there is none."""
    workload = pce_of(request).store.workloads.get(request.match_info["id"])
    if workload is None:
        raise errors.no_object()
    return workload


def _shown(pce: Pce, workload: Json, *, full: bool) -> Json:
    """Return the workload as it is stored, with its VEN's last heartbeat, and its labels in full if asked for."""
    changes: Json = {}
    heartbeat = pce.store.heartbeats.get(str(ven_of(workload).get("href")))
    if heartbeat is not None:
        agent = workload.get("agent") or {}
        status = agent.get("status") or {}
        changes["agent"] = {**agent, "status": {**status, "last_heartbeat_on": stamp(heartbeat)}}
    if full and workload.get("labels"):
        changes["labels"] = [_full(pce, label) for label in workload["labels"]]
    return {**workload, **changes} if changes else workload


def _full(pce: Pce, label: Json) -> Json:
    """A label of a workload with key and value, one that has been deleted too."""
    known = pce.store.label_ever(str(label.get("href"))) or {}
    return {**label, **{name: known[name] for name in ("key", "value") if name in known}}


def _key(pce: Pce, label: Json) -> str | None:
    return (pce.store.label_ever(str(label.get("href"))) or {}).get("key")
