"""Pairing keys (API page, Pairing keys)."""

from __future__ import annotations

from aiohttp import web

from tests.simulator import bodies, errors
from tests.simulator.pairing_profiles import ID, demand_cap, profile_of
from tests.simulator.pce import pce_of


def add_routes(app: web.Application, base: str) -> None:
    """Minting and revoking, below a profile's path."""
    app.router.add_post(f"{base}/pairing_profiles/{ID}/pairing_key", mint)
    app.router.add_delete(f"{base}/pairing_profiles/{ID}/pairing_keys", revoke)


async def mint(request: web.Request) -> web.Response:
    """POST with the body `{}`: a new activation code, unless the profile or the hard limit forbids it."""
    pce = pce_of(request)
    profile = profile_of(request)
    demand_cap(profile, "generate_pairing_key")
    await bodies.read(request, "pairing_key")
    if pce.settings.disabled_profile_keys == "refused" and not profile.get("enabled", True):
        raise errors.not_acceptable("pairing_profile_disabled", f"The pairing profile {profile['href']} is not enabled")
    if len(pce.store.live_keys(profile)) >= pce.settings.hard_limit:
        raise errors.not_acceptable(
            "pairing_key_hard_limit_reached", f"Pairing keys: hard limit reached ({pce.settings.hard_limit})"
        )
    return web.json_response({"activation_code": pce.store.mint_key(profile)}, status=201)


async def revoke(request: web.Request) -> web.Response:
    """DELETE: all keys of the profile, 204."""
    profile = profile_of(request)
    demand_cap(profile, "write")
    pce_of(request).store.revoke_keys(profile)
    return web.Response(status=204)
