"""Run the simulator alone: `python -m tests.simulator --help`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.simulator import connectors, schema
from tests.simulator.pce import Identity, Pce
from tests.simulator.server import Certificates, Server, application, make_certificates
from tests.simulator.settings import Settings

_DESCRIPTION = """\
A simulated PCE over HTTPS, with its own CA: try playbooks against it without a PCE.

It keeps pairing profiles, pairing keys, labels and workloads in memory, and is as strict as a PCE. When it is ready
it writes ca.pem and simulator.json (host, port, ca_path, api_key, api_secret, org_id, pid) into the directory,
and prints the variables that point the collection's modules at it. It runs until it is interrupted.
"""

_EXAMPLE = """\
example:
  python -m tests.simulator --directory /tmp/pce --port 8443
  python -m tests.simulator --directory /tmp/pce --rate-limit 20 --set job_outcome=never

All settings that --set takes, and the control path for tests, are in tests/simulator/README.md.
"""

_PARENT_CHECK = 0.5
"""Seconds between two looks at whether the parent process is still there."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="python -m tests.simulator",
        description=_DESCRIPTION,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = top.add_argument
    add("--directory", type=Path, help="where ca.pem and simulator.json go (a fresh temporary directory)")
    add("--host", default="127.0.0.1", help="the address to listen on, IPv6 too (127.0.0.1)")
    add("--port", type=int, default=0, help="the port to listen on, 0 for a free one (0)")
    add("--name", action="append", default=[], help="one more name or address in the certificate; repeat for more")
    add("--org-id", type=int, default=1, help="the organisation's number (1)")
    add("--api-key", help="the API key's name, api_... (random)")
    add("--api-secret", help="the API key's secret (random)")
    add("--rate-limit", type=int, help="requests a minute per API key, 0 for no limit (500)")
    add("--hard-limit", type=int, help="pairing keys per profile (1000)")
    add("--unknown-filters", choices=("ignore", "refuse"), help="query parameters that the PCE does not know (ignore)")
    add("--set", action="append", default=[], metavar="NAME=VALUE", help="any other setting; repeat for more")
    add(
        "--connectors",
        action="append",
        default=[],
        metavar=f"[{connectors.PLAIN}][NAME=]TYPE[:PORT]",
        help=f"a connector server of a Policy Enforcer ({', '.join(connectors.TYPES)}), with {connectors.PLAIN} one"
        " without TLS; repeat for more",
    )
    add("--exit-with-parent", action="store_true", help="end when the process that started this one ends")
    return top


def settings_of(options: argparse.Namespace) -> Settings:
    """The settings that the options ask for; raises schema.Invalid."""
    values: dict[str, Any] = {}
    for text in options.set:
        name, _equals, value = text.partition("=")
        try:
            values[name] = json.loads(value)
        except ValueError:
            values[name] = value
    for name in ("rate_limit", "hard_limit", "unknown_filters"):
        if getattr(options, name) is not None:
            values[name] = getattr(options, name)
    settings = Settings()
    settings.update(values)
    return settings


def write_private(path: Path, text: str) -> None:
    """Write a file whole, readable by its owner only."""
    fresh = path.with_name(f"{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)


def greeting(ready: dict[str, Any]) -> str:
    """What to type to use the simulator."""
    urls = "".join(f"\n  {name}: {url}" for name, url in ready["connectors"].items())
    more = (
        f"\n\nConnector servers of a Policy Enforcer (PE_CONNECTOR_URL, with PE_CA_PATH as above):{urls}"
        if urls
        else ""
    )
    return f"""\
The PCE simulator listens on https://{_bracketed(ready["host"])}:{ready["port"]}. Point playbooks at it with:

  export PCE_HOST={ready["host"]}
  export PCE_PORT={ready["port"]}
  export PCE_ORG_ID={ready["org_id"]}
  export PCE_API_KEY={ready["api_key"]}
  export PCE_API_SECRET={ready["api_secret"]}
  export PCE_CA_PATH={ready["ca_path"]}{more}

It forgets everything when it ends (Ctrl-C)."""


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


async def _watch_parent(stop: asyncio.Event) -> None:
    """Set the event when the parent process is another one than at the start."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(_PARENT_CHECK)
    stop.set()


async def _serve(options: argparse.Namespace, pce: Pce, certificates: Certificates) -> None:
    """Serve until a signal, or the end of the parent when that was asked for."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = Server(application(pce), certificates.tls)
    port = await server.start(options.host, options.port)
    ca_path = options.directory / "ca.pem"
    ca_path.write_text(certificates.ca_pem, encoding="utf-8")
    ready: dict[str, Any] = {
        # Nobody can connect to "all addresses".
        "host": {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(options.host, options.host),
        "port": port,
        "ca_path": str(ca_path),
        "api_key": pce.identity.api_key,
        "api_secret": pce.identity.api_secret,
        "org_id": pce.identity.org_id,
        "pid": os.getpid(),
        "connectors": {},
    }
    servers = [server]
    for text in options.connectors:
        name, kind, wanted = connectors.named(text)
        pce.connectors[name] = connectors.Connector(name, kind)
        plain = text.startswith(connectors.PLAIN)
        app = connectors.application(pce, pce.connectors[name])
        servers.append(Server(app, None if plain else certificates.tls))
        own = await servers[-1].start(options.host, wanted)
        ready["connectors"][name] = f"{'http' if plain else 'https'}://{_bracketed(ready['host'])}:{own}"
    write_private(options.directory / "simulator.json", json.dumps(ready, indent=2) + "\n")
    print(greeting(ready), flush=True)
    watch = asyncio.create_task(_watch_parent(stop)) if options.exit_with_parent else None
    await stop.wait()
    if watch is not None:
        watch.cancel()
    for server in servers:
        await server.stop()


def main(arguments: list[str]) -> int:
    """Run the simulator; its exit status."""
    top = parser()
    options = top.parse_args(arguments)
    try:
        settings = settings_of(options)
        connectors.check_names(options.connectors)
    except (schema.Invalid, ValueError) as error:
        top.error(str(error))
    options.directory = (options.directory or Path(tempfile.mkdtemp(prefix="pce-simulator-"))).resolve()
    options.directory.mkdir(parents=True, exist_ok=True)
    certificates = make_certificates(options.name)
    identity = Identity(
        api_key=options.api_key or f"api_{secrets.token_hex(8)}",
        api_secret=options.api_secret or secrets.token_hex(32),
        org_id=options.org_id,
        ca_pem=certificates.ca_pem,
    )
    try:
        asyncio.run(_serve(options, Pce(identity, settings), certificates))
    except OSError as error:
        print(f"cannot listen on {options.host} port {options.port}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
