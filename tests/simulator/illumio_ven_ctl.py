"""A stand-in for the VEN's control program (API page, Pairing a host). pair.sh and package.py install it.

It protects nothing: it activates with the simulated PCE, remembers that, and answers `status` like a VEN.
It runs on the hosts, so it uses the standard library only, that of Python 3.7 and later.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import ssl
import sys
from pathlib import Path
from typing import Any

PROGRAM_DIR = Path("@PROGRAM_DIR@")
DATA_DIR = Path("@DATA_DIR@")
API_VERSION = "@API_VERSION@"
RELEASE = "@RELEASE@"

STATE_FILE = DATA_DIR / "etc" / "state.json"
CA_FILE = DATA_DIR / "etc" / "ca.pem"
TIMEOUT = 30.0
"""Seconds for one request to the PCE."""
QUICK = 2.0
"""The same, for what the VEN can do without: a PCE that is away must not delay it."""
UNPAIRED = 410
"""What the PCE answers to the heartbeat of a VEN that it has unpaired, and to nothing else."""

PROCESSES = ("venAgentMgr", "venPlatformHandler", "venVtapServer", "AgentMonitor")
AGENT_STATES = {"idle": "idle", "visibility_only": "illuminated", "selective": "selective", "full": "enforced"}
"""What `status` calls each enforcement mode."""


class Failure(Exception):  # noqa: N818 - one sentence for standard error
    """Why the command could not be done; `status` is that of the PCE's answer, 0 without one."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def load() -> dict[str, Any] | None:
    """What activation left behind, None on a host that is not activated."""
    try:
        state = json.loads(STATE_FILE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return dict(state)


def save(state: dict[str, Any]) -> None:
    """Write the state whole or not at all, for the owner's eyes: it holds the VEN's token."""
    fresh = STATE_FILE.with_suffix(".new")
    descriptor = os.open(str(fresh), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(state, file)
    fresh.replace(STATE_FILE)


def split(address: str) -> tuple[str, int]:
    """HOST:PORT, or [IPv6]:PORT, as a pair; the port is 8443 unless given."""
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        host, port = address, "8443"
    if not port.isdigit():
        raise Failure(f"{address} is not HOST:PORT")
    return host.strip("[]"), int(port)


def call(connection: dict[str, Any], action: str, body: dict[str, Any], timeout: float = TIMEOUT) -> dict[str, Any]:
    """POST to the PCE; `connection` has server, proxy (or null) and insecure."""
    context = ssl.create_default_context(cafile=str(CA_FILE))
    if connection["insecure"]:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    host, port = split(connection["server"])
    first = split(connection["proxy"]) if connection["proxy"] else (host, port)
    https = http.client.HTTPSConnection(first[0], first[1], timeout=timeout, context=context)
    if connection["proxy"]:
        https.set_tunnel(host, port)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    try:
        https.request("POST", f"/api/v{API_VERSION}/agents/{action}", json.dumps(body), headers)
        answer = https.getresponse()
        text = answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise Failure(f"cannot reach the PCE {connection['server']}: {error}") from error
    finally:
        https.close()
    if answer.status >= 300:
        raise Failure(f"the PCE refused: {reason(text)} (HTTP {answer.status})", answer.status)
    try:
        return dict(json.loads(text)) if text else {}
    except ValueError as error:
        raise Failure("the PCE's answer is not understood") from error


def reason(text: str) -> str:
    """The message of an error body, whatever its form."""
    try:
        body = json.loads(text)
    except ValueError:
        return text.strip()[:200] or "no reason given"
    entry = body[0] if isinstance(body, list) and body else body
    if isinstance(entry, dict):
        return str(entry.get("message") or entry.get("error") or entry)
    return str(entry)


def activate(options: argparse.Namespace) -> int:
    """Activate with the code; on any failure the VEN stays what it was."""
    connection = {"server": options.management_server, "proxy": options.proxy_server, "insecure": options.insecure}
    labels = {key: getattr(options, key) for key in ("role", "app", "env", "loc") if getattr(options, key)}
    body = {
        "activation_code": options.activation_code,
        "hostname": os.environ.get("ILLUMIO_STANDIN_HOSTNAME") or socket.gethostname(),
        "labels": labels,
    }
    if options.enforcement_mode:
        body["enforcement_mode"] = options.enforcement_mode
    answer = call(connection, "activate", body)
    state = {
        "connection": connection,
        "ven": answer["ven"],
        "token": answer["token"],
        "enforcement_mode": answer["enforcement_mode"],
        "status_delay": answer["status_delay"],
        "running": True,
        "suspended": False,
    }
    save(state)
    print(f"Activated as {body['hostname']}, workload {answer['workload']}")
    return 0


def status(_options: argparse.Namespace) -> int:
    """Tell what runs and the agent's state; 0 when the VEN is activated and runs, else 1.

    A VEN that the PCE has unpaired removes itself first.
    """
    state = load()
    if state is not None and not still_paired(state):
        STATE_FILE.unlink()
        remove_program()
        state = None
    running = state is not None and state["running"]
    for number, process in enumerate(PROCESSES):
        print(f" - {process} (pid {4711 + number}) is running..." if running else f" - {process} is stopped")
    if state is not None:
        host, port = split(state["connection"]["server"])
        print(f"Version: {RELEASE}")
        print(f"PCE: [{host}]:{port}" if ":" in host else f"PCE: {host}:{port}")
    print(f"Agent State: {agent_state(state)}")
    return 0 if running else 1


def agent_state(state: dict[str, Any] | None) -> str:
    """One word; a VEN that is slow says "activating" as often as the PCE told it to."""
    if state is None:
        return "unpaired"
    if not state["running"]:
        return "stopped"
    if state["status_delay"] > 0:
        state["status_delay"] -= 1
        save(state)
        return "activating"
    return "suspended" if state["suspended"] else AGENT_STATES[state["enforcement_mode"]]


def still_paired(state: dict[str, Any]) -> bool:
    """False only when the PCE itself says that it has unpaired the VEN; a PCE that is away says nothing."""
    try:
        tell(state, "heartbeat", timeout=QUICK)
    except Failure as error:
        return error.status != UNPAIRED
    return True


def tell(state: dict[str, Any], action: str, timeout: float = TIMEOUT, **more: Any) -> None:
    """Say something to the PCE in the VEN's name."""
    call(state["connection"], action, {"ven": state["ven"], "token": state["token"], **more}, timeout)


def leave(remove: bool) -> None:
    """Tell the PCE that the VEN goes, and forget the activation; an unreachable PCE does not keep it."""
    state = load()
    if state is None:
        return
    try:
        tell(state, "deactivate", remove=remove)
    except Failure as error:
        print(f"WARNING: {error}", file=sys.stderr)
    STATE_FILE.unlink()


def deactivate(_options: argparse.Namespace) -> int:
    """End the activation; the program stays."""
    leave(remove=False)
    print("The VEN is deactivated")
    return 0


def unpair(_options: argparse.Namespace) -> int:
    """End the activation and remove the program."""
    leave(remove=True)
    remove_program()
    print("The VEN is unpaired")
    return 0


def remove_program() -> None:
    """Remove the program: only files that its installation made, never a directory as a whole."""
    CA_FILE.unlink()
    (PROGRAM_DIR / "illumio-ven-ctl").unlink()
    for directory in (DATA_DIR / "etc", DATA_DIR, PROGRAM_DIR):
        try:
            directory.rmdir()
        except OSError:
            continue


def switch(options: argparse.Namespace) -> int:
    """start, stop, restart, suspend, unsuspend: a note in the state; the PCE is told of the last two."""
    state = load()
    if state is None:
        raise Failure("the VEN is not activated")
    if options.command in ("suspend", "unsuspend"):
        state["suspended"] = options.command == "suspend"
    else:
        state["running"] = options.command != "stop"
    save(state)
    if options.command in ("suspend", "unsuspend"):
        try:
            tell(state, "status", timeout=QUICK, status="suspended" if state["suspended"] else "active")
        except Failure as error:
            print(f"WARNING: {error}", file=sys.stderr)
    print(f"{options.command}: done")
    return 0


def parser() -> argparse.ArgumentParser:
    """The commands that the API page names."""
    top = argparse.ArgumentParser(prog="illumio-ven-ctl", description="A stand-in for the VEN's control program.")
    commands = top.add_subparsers(dest="command", required=True)
    commands.add_parser("status").set_defaults(run=status)
    activation = commands.add_parser("activate", allow_abbrev=False)
    activation.add_argument("--management-server", required=True)
    activation.add_argument("--activation-code", required=True)
    for name in ("--proxy-server", "--enforcement_mode", "--role", "--app", "--env", "--loc"):
        activation.add_argument(name)
    activation.add_argument("--insecure", action="store_true")
    activation.set_defaults(run=activate)
    commands.add_parser("deactivate").set_defaults(run=deactivate)
    unpairing = commands.add_parser("unpair")
    unpairing.add_argument("mode", choices=("recommended", "saved", "open"))
    unpairing.set_defaults(run=unpair)
    for name in ("start", "stop", "restart", "suspend", "unsuspend"):
        commands.add_parser(name).set_defaults(run=switch)
    return top


def main(arguments: list[str]) -> int:
    """Run one command; its exit status."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except Failure as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
