"""The web application put together, and served over TLS with a certificate of the simulator's own CA."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

import trustme
from aiohttp import web

from tests.simulator import (
    access,
    activation,
    control,
    jobs,
    label_dimensions,
    labels,
    organisation,
    pairing_keys,
    pairing_profiles,
    pairing_script,
    vens,
    workloads,
)
from tests.simulator.pce import PCE, Pce

NAMES = ("localhost", "127.0.0.1", "::1")
"""What the server's certificate is valid for, beside the names given at the start."""


def application(pce: Pce) -> web.Application:
    """The PCE's application: one line per API area."""
    app = web.Application(middlewares=access.MIDDLEWARES, client_max_size=256 * 1024**2)
    app[PCE] = pce
    app.on_response_prepare.append(access.finish_headers)
    base = "/api/v2/orgs/{org}"
    organisation.add_routes(app, base)
    pairing_profiles.add_routes(app, base)
    pairing_keys.add_routes(app, base)
    labels.add_routes(app, base)
    label_dimensions.add_routes(app, base)
    workloads.add_routes(app, base)
    vens.add_routes(app, base)
    jobs.add_routes(app, base)
    pairing_script.add_routes(app)
    activation.add_routes(app)
    app.add_subapp(control.PREFIX, control.application())
    return app


@dataclass(frozen=True)
class Certificates:
    """The CA's certificate as PEM text, and the TLS set-up of a server that it vouches for."""

    ca_pem: str
    tls: ssl.SSLContext


def make_certificates(names: list[str]) -> Certificates:
    """A fresh CA and a server certificate for NAMES and the given names or addresses."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*dict.fromkeys([*NAMES, *names])).configure_cert(context)
    return Certificates(authority.cert_pem.bytes().decode(), context)


class Server:
    """One application on one port, over TLS unless there is no set-up for it."""

    def __init__(self, app: web.Application, tls: ssl.SSLContext | None) -> None:
        # Hanging requests must not delay the end.
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.2)
        self._tls = tls

    async def start(self, host: str, port: int) -> int:
        """Listen; port 0 means a free one. Returns the port."""
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, ssl_context=self._tls).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close the port and all connections."""
        await self._runner.cleanup()
