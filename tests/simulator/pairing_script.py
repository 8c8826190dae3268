"""The script library: pair.sh, and a few words in place of pair.ps1 (API page, Pairing a host)."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from tests.simulator import errors, package
from tests.simulator.pce import pce_of

OLDEST_VERSION = 6
"""The lowest NN of /api/vNN/software/ven/image that the page has seen."""

_HERE = Path(__file__).parent


def add_routes(app: web.Application) -> None:
    """One path without authentication, for every API version."""
    app.router.add_get("/api/v{nn:[0-9]{1,4}}/software/ven/image", get_image, allow_head=False)


async def get_image(request: web.Request) -> web.Response:
    """The script for a profile; 404 for a profile, a script or a version that is not there."""
    pce = pce_of(request)
    version = int(request.match_info["nn"])
    ident = request.query.get("profile_id", "")
    known = ident.isascii() and ident.isdigit() and int(ident) in pce.store.profiles
    if version < OLDEST_VERSION or not known:
        raise errors.no_object()
    script = request.query.get("pair_script")
    if script == "pair.sh":
        return web.Response(text=pair_sh(pce.identity.ca_pem, version), content_type="text/plain")
    if script == "pair.ps1":
        return web.Response(text="# The simulator pairs no Windows hosts.\n", content_type="text/plain")
    raise errors.no_object()


def pair_sh(ca_pem: str, version: int) -> str:
    """The script with the program it installs and the CA certificate inside, so that a host needs no set-up."""
    script = (_HERE / "pair.sh").read_text(encoding="utf-8")
    for mark, text in (
        ("@CONTROL_PROGRAM@", package.program(version).rstrip("\n")),
        ("@CA_CERTIFICATE@", ca_pem.strip()),
    ):
        script = script.replace(mark, text)
    return script
