"""What a VEN tells the PCE: its activation with a code, that it lives, is suspended, or goes.

What the page says of it is in "Pairing a host", "Pairing keys", and "Workloads and VENs".

The paths and bodies here are the simulator's own: they serve only the stand-in that pair.sh installs.
"""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from tests.simulator import bodies, errors
from tests.simulator.package import RELEASE
from tests.simulator.pce import Pce, pce_of
from tests.simulator.state import OLD_MODES, Json, Key, Store, digest, stamp

_MODES = {old: new for new, old in OLD_MODES.items()}
"""The deprecated `mode` in the words of `enforcement_mode` (Pairing profiles)."""


def add_routes(app: web.Application) -> None:
    """The VEN's own calls; no API key, the code or the VEN's token stands for it."""
    app.router.add_post("/api/v{nn:[0-9]+}/agents/activate", activate)
    app.router.add_post("/api/v{nn:[0-9]+}/agents/heartbeat", heartbeat)
    app.router.add_post("/api/v{nn:[0-9]+}/agents/status", set_status)
    app.router.add_post("/api/v{nn:[0-9]+}/agents/deactivate", deactivate)


async def activate(request: web.Request) -> web.Response:
    """Check the code, make or renew the workload, count the use; answers what the VEN must remember."""
    pce = pce_of(request)
    body = await bodies.read(request, "activate")
    key, profile = _authorised(pce, body["activation_code"])
    mode = _mode(profile, body.get("enforcement_mode"))
    labels = _labels(pce, profile, body.get("labels", {}))
    # Nothing is spent before everything has been checked.
    known = pce.store.workload_of_host(body["hostname"])
    workload = known or pce.store.add_workload(body["hostname"], [])
    workload["labels"] = labels
    pce.store.set_modes(workload, {"enforcement_mode": mode})
    ven = _bring_up(pce, workload)
    if profile.get("ven_type") in ("server", "endpoint"):
        pce.store.own_vens.setdefault(ven, {})["ven_type"] = profile["ven_type"]
    _count(pce, key, profile, workload, again=known is not None)
    token = pce.store.ven_tokens[ven] = secrets.token_hex(16)
    return web.json_response(
        {
            "workload": workload["href"],
            "ven": ven,
            "token": token,
            "enforcement_mode": mode,
            "status_delay": pce.settings.ven_status_delay,
        },
        status=201,
    )


async def deactivate(request: web.Request) -> web.Response:
    """The VEN goes: the workload stays as an unmanaged one, or is removed when the host unpairs."""
    store = pce_of(request).store
    body = await bodies.read(request, "deactivate")
    if not _known(store, body):
        raise errors.Refusal(403, "agent_not_known", "The VEN is not known", form="list")
    store.release_vens([body["ven"]], remove=body["remove"])
    return web.Response(status=204)


async def heartbeat(request: web.Request) -> web.Response:
    """204 for a VEN that is still paired; 410, which nothing else answers, for one that the PCE has unpaired."""
    pce = pce_of(request)
    body = await bodies.read(request, "agent_heartbeat")
    if not _known(pce.store, body):
        raise errors.Refusal(410, "agent_not_known", "The VEN has been unpaired")
    pce.store.heartbeats[body["ven"]] = pce.now()
    own = pce.store.own_vens.get(body["ven"], {})
    if own.get("upgrade_target_version"):
        pce.store.carry_out_upgrade(body["ven"])
    return web.Response(status=204)


async def set_status(request: web.Request) -> web.Response:
    """The host has suspended its VEN, or ended that (Pairing a host: suspend, unsuspend)."""
    store = pce_of(request).store
    body = await bodies.read(request, "agent_status")
    if not _known(store, body):
        raise errors.Refusal(403, "agent_not_known", "The VEN is not known", form="list")
    for workload in store.vens().get(body["ven"], []):
        store.set_ven_status(workload, body["status"])
    return web.Response(status=204)


def _known(store: Store, body: Json) -> bool:
    """The body's token is that of its VEN; a VEN of a seed has none."""
    token = store.ven_tokens.get(body["ven"])
    return token is not None and secrets.compare_digest(token.encode(), body["token"].encode())


def _bring_up(pce: Pce, workload: Json) -> str:
    """Make the VEN of a workload an active one, whatever it was before; its HREF."""
    moment = stamp(pce.now())
    # One moment: an activation is the first that the PCE hears of the VEN.
    heard = {"managed_since": moment, "last_heartbeat_on": moment}
    pce.store.set_ven_status(workload, "active", agent_version=RELEASE, **heard)
    ven: Json = workload["ven"]
    ven.update({"version": RELEASE, "hostname": workload["hostname"]})
    pce.store.set_online(workload, pce.settings.online_delay)
    ven["href"] = ven.get("href") or pce.store.new_ven_href(workload["href"].rsplit("/", 1)[-1])
    return str(ven["href"])


def _authorised(pce: Pce, code: str) -> tuple[Key, Json]:
    """The key and profile of a code that may be used now; a 406 that says why for any other."""
    key = pce.store.keys.get(digest(code))
    if key is None:
        raise errors.not_acceptable("activation_code_unknown", "The activation code is not known")
    if key.revoked:
        raise errors.not_acceptable("activation_code_revoked", "The activation code has been revoked")
    if key.expired(pce.now()):
        raise errors.not_acceptable("activation_code_expired", "The activation code has expired")
    if key.spent():
        raise errors.not_acceptable("activation_code_spent", "The activation code has been used as often as it may be")
    for profile in pce.store.profiles.values():
        if profile["href"] == key.profile and profile.get("enabled", True):
            return key, profile
    raise errors.not_acceptable("pairing_profile_disabled", "The pairing profile of the activation code is disabled")


def _mode(profile: Json, wanted: str | None) -> str:
    """The workload's enforcement mode: what the script asks for, unless the profile's lock is on."""
    own = profile.get("enforcement_mode") or _MODES.get(str(profile.get("mode")), "visibility_only")
    locked = profile.get("enforcement_mode_lock", profile.get("mode_lock"))
    return str(own if locked or wanted is None else wanted)


def _labels(pce: Pce, profile: Json, wanted: dict[str, str]) -> list[Json]:
    """The workload's labels: those of the profile, each replaced by what the script asks for unless it is locked."""
    by_key: dict[Any, Json] = {}
    for entry in profile.get("labels") or []:
        label = pce.store.label(entry["href"]) or {}
        by_key[label.get("key", entry["href"])] = {"href": entry["href"]}
    for key, value in wanted.items():
        if profile.get(f"{key}_label_lock"):
            continue
        chosen = pce.store.label_of(key, value)
        if chosen is None:
            raise errors.not_acceptable("label_not_found", f"There is no label {key}={value}")
        by_key[key] = {"href": chosen["href"]}
    return list(by_key.values())


def _count(pce: Pce, key: Key, profile: Json, workload: Json, *, again: bool) -> None:
    """Enter the use of a key; pairing a paired host again is a use as well."""
    key.used += 1
    moment = stamp(pce.now())
    profile["total_use_count"] = int(profile.get("total_use_count") or 0) + 1
    profile["last_pairing_at"] = moment
    pce.store.activations.append(
        {
            "hostname": workload["hostname"],
            "pairing_profile": profile["href"],
            "sha256": key.digest,
            "workload": workload["href"],
            "time": moment,
            "again": again,
        }
    )
