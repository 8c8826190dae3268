"""The control path /_simulator/: what a test sees and changes beside the API. Loopback only, no authentication."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.simulator import schema
from tests.simulator.pce import Pce, pce_of

PREFIX = "/_simulator"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application() -> web.Application:
    """The control path as a sub-application."""
    app = web.Application(middlewares=[loopback_only, _complaints], client_max_size=256 * 1024**2)
    app.router.add_get("/journal", get_journal)
    app.router.add_delete("/journal", clear_journal)
    app.router.add_post("/reset", reset)
    app.router.add_post("/seed", seed)
    app.router.add_get("/state", get_state)
    app.router.add_get("/settings", get_settings)
    app.router.add_put("/settings", put_settings)
    app.router.add_post("/faults", add_fault)
    app.router.add_delete("/faults", clear_faults)
    app.router.add_post("/clock", advance_clock)
    return app


@web.middleware
async def loopback_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Nobody but this machine controls the simulator, whatever address it listens on."""
    address = ipaddress.ip_address((request.remote or "").split("%")[0] or "0.0.0.0")
    mapped = getattr(address, "ipv4_mapped", None)
    if not (mapped or address).is_loopback:
        raise web.HTTPForbidden(text="the control path answers this machine only\n")
    return await handler(request)


@web.middleware
async def _complaints(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A mistake of a test is told as a plain sentence."""
    try:
        return await handler(request)
    except (schema.Invalid, ValueError) as error:
        raise web.HTTPBadRequest(text=f"{request.path}: {error}\n") from error


async def get_journal(request: web.Request) -> web.Response:
    """All entries in the order of arrival; journal.py has their shape."""
    return web.json_response(pce_of(request).journal.entries)


async def clear_journal(request: web.Request) -> web.Response:
    """Forget all entries."""
    pce_of(request).journal.clear()
    return web.Response(status=204)


async def reset(request: web.Request) -> web.Response:
    """Back to how the simulator started."""
    pce_of(request).reset()
    return web.Response(status=204)


async def seed(request: web.Request) -> web.Response:
    """Store objects raw, whatever their shape; answers them with the HREFs that were allotted."""
    pce = pce_of(request)
    body = await _object(request)
    schema.check("seed", body)
    return web.json_response(
        {
            "labels": [pce.store.put_label(raw) for raw in body.get("labels", [])],
            "pairing_profiles": [
                *(pce.store.put_profile(raw) for raw in body.get("pairing_profiles", [])),
                *_generated_profiles(pce, body.get("generate", {})),
            ],
            "workloads": [
                *(pce.store.put_workload(raw) for raw in body.get("workloads", [])),
                *_generated_workloads(pce, body.get("generate", {})),
            ],
            "vens": [pce.store.put_ven(raw) for raw in body.get("vens", [])],
            **_seed_connectors(pce, body),
        }
    )


async def get_state(request: web.Request) -> web.Response:
    """Everything that is stored; keys as counts and digests, never the code."""
    pce = pce_of(request)
    now = pce.now()
    return web.json_response(
        {
            "pairing_profiles": list(pce.store.profiles.values()),
            "pairing_keys": [key.as_json(now) for key in pce.store.keys.values()],
            "labels": list(pce.store.labels.values()),
            "workloads": list(pce.store.workloads.values()),
            "vens": list(pce.store.own_vens.values()),
            "activations": pce.store.activations,
            "unpairings": pce.store.unpairings,
            "connector_instances": {name: connector.as_json() for name, connector in pce.connectors.items()},
        }
    )


async def get_settings(request: web.Request) -> web.Response:
    """All settings by name."""
    return web.json_response(pce_of(request).settings.as_json())


async def put_settings(request: web.Request) -> web.Response:
    """Change some settings; the others stay."""
    settings = pce_of(request).settings
    settings.update(await _object(request))
    return web.json_response(settings.as_json())


async def add_fault(request: web.Request) -> web.Response:
    """One more fault, after those that are there."""
    pce_of(request).faults.add(await _object(request))
    return web.Response(status=204)


async def clear_faults(request: web.Request) -> web.Response:
    """No faults any more."""
    pce_of(request).faults.clear()
    return web.Response(status=204)


async def advance_clock(request: web.Request) -> web.Response:
    """Let some seconds pass at once: the setting `clock_offset` grows, and what was due meanwhile is done."""
    pce = pce_of(request)
    seconds = (await _object(request)).get("seconds")
    if not isinstance(seconds, (int, float)) or seconds < 0:
        raise ValueError("seconds must be a number of at least 0")
    pce.settings.clock_offset += seconds
    await pce.faults.catch_up()
    return web.json_response({"clock_offset": pce.settings.clock_offset})


async def _object(request: web.Request) -> dict[str, Any]:
    body = json.loads(await request.read())
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")  # noqa: TRY004 - a ValueError becomes a 400
    return body


def _seed_connectors(pce: Pce, body: dict[str, Any]) -> dict[str, Any]:
    """Say what connectors are, and store instances; both by the connector's name. Answers the instances if any."""
    types, instances = body.get("connector_types", {}), body.get("connector_instances", {})
    unknown = {*types, *instances} - set(pce.connectors)
    if unknown:
        raise ValueError(f"there is no connector {', '.join(sorted(unknown))}")
    for name, about in types.items():
        pce.connectors[name].about = about
    if not instances:
        return {}
    return {
        "connector_instances": {name: [pce.connectors[name].put(raw) for raw in instances[name]] for name in instances}
    }


def _generated_profiles(pce: Pce, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """Many complete profiles with numbered names, from 1."""
    names = _numbered(wanted, "pairing_profiles")
    return [pce.store.add_profile({"name": name, "enabled": True}) for name in names]


def _generated_workloads(pce: Pce, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """Many paired workloads with numbered hostnames, from 1, that share out the labels of the start."""
    by_key = pce.store.first_labels()
    return [
        pce.store.add_workload(name, [{"href": hrefs[number % len(hrefs)]} for hrefs in by_key])
        for number, name in enumerate(_numbered(wanted, "workloads"))
    ]


def _numbered(wanted: dict[str, Any], kind: str) -> list[str]:
    """The names of what is to be generated of a kind."""
    return [f"{wanted.get('prefix', 'bulk-')}{number}" for number in range(1, wanted.get(kind, 0) + 1)]
