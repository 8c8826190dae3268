"""Connector servers of a Policy Enforcer, each with its own port (API page: pe-api.md).

What the page leaves open is a setting, or is said in README.md.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import ipaddress
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.simulator import access, connector_names, errors, schema
from tests.simulator.pce import PCE, Pce, pce_of
from tests.simulator.state import Json, digest

BASE = "/api/v2/connector"
MASK = "********"

PLAIN = "http://"
"""What stands before the name of a connector that speaks HTTP without TLS (What else is public)."""

DEFAULT_PORT = 443
"""The port of a controller whose port is left out (What else is public)."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TYPES: dict[str, Json] = {
    "contrail": {
        "type": "Juniper Contrail",
        "controllerContexts": False,
        "capabilities": [{"name": "ENFORCEMENT_SUBNET_INFO"}, {"name": "ENDPOINT_TAGGING_INFO"}],
        "additionalSettings": [],
    },
    # As the page has it, word for word.
    "aws": {
        "type": "Amazon Web Services",
        "controllerContexts": True,
        "capabilities": [
            {"name": "INFECTED_HOST_BLOCK"},
            {"name": "INFECTED_HOST_QUARANTINE"},
            {"name": "ENFORCEMENT_SUBNET_INFO"},
            {"name": "ENDPOINT_TAGGING_INFO"},
            {"name": "ENFORCEMENT_POINT_INFO"},
        ],
        "additionalSettings": [
            {
                "name": "SECURITY_GROUP_NAME",
                "description": "Infected Host Security Group",
                "type": "string",
                "required": True,
            },
            {"name": "SRX_ID_TAG", "description": "SRX Identifier Tag", "type": "string", "required": True},
            {"name": "SRX_USERNAME", "description": "SRX Username", "type": "string", "required": True},
            {"name": "PRIVATE_KEY_FILE", "description": "SRX Authentication Key", "type": "file", "required": True},
        ],
    },
    # Threat remediation, as ISE does it: hosts are blocked wherever they are.
    "clearpass": {
        "type": "HPClearPass",
        "controllerContexts": False,
        "capabilities": [{"name": "INFECTED_HOST_BLOCK"}, {"name": "INFECTED_HOST_QUARANTINE"}],
        "additionalSettings": [],
    },
    # A test says what it is: {"connector_types": {"free": {...}}} in a seed.
    "free": {"type": "Example Cloud", "controllerContexts": False, "capabilities": [], "additionalSettings": []},
}
"""What GET of the connector answers, by the names that the command line takes."""


@dataclass
class Connector:
    """One connector server: what it is, and its instances by id, as they were sent."""

    name: str
    kind: str
    about: Json = field(default_factory=dict)
    instances: dict[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """As it was at the start."""
        self.about = copy.deepcopy(TYPES[self.kind])
        self.instances.clear()

    def put(self, raw: Json) -> Json:
        """Store an instance as it is; an id is allotted where there is none."""
        instance = copy.deepcopy(raw)
        ident = str(instance.setdefault("id", str(uuid.uuid4())))
        self.instances[ident] = instance
        return instance

    def as_json(self) -> list[Json]:
        """All instances for the control path: secrets as SHA-256 digests, so that a test can compare them."""
        return [self._with_secrets(instance, digest) for instance in self.instances.values()]

    def shown(self, instance: Json, secrets: str) -> Json:
        """An instance as GET shows it: secrets masked, echoed or absent."""
        if secrets == "echoed":
            return copy.deepcopy(instance)
        return self._with_secrets(instance, None if secrets == "absent" else lambda _value: MASK)

    def secret_settings(self) -> set[str]:
        """The names of the settings that a server does not show."""
        return {item["name"] for item in self.about.get("additionalSettings", []) if item.get("type") != "string"}

    def _with_secrets(self, instance: Json, put: Callable[[str], str] | None) -> Json:
        """A copy in which `put` has been applied to each secret, or without secrets where it is None."""
        copied = copy.deepcopy(instance)
        controller = copied.get("controller")
        if isinstance(controller, dict) and "password" in controller:
            password = controller.pop("password")
            if put is not None:
                controller["password"] = put(str(password))
        settings, hidden = [], self.secret_settings()
        for entry in copied.get("additionalSettings") or []:
            if entry.get("name") not in hidden:
                settings.append(entry)
            elif put is not None:
                settings.append({**entry, "value": put(str(entry.get("value")))})
        if copied.get("additionalSettings") is not None:
            copied["additionalSettings"] = settings
        return copied


CONNECTOR: web.AppKey[Connector] = web.AppKey("connector", Connector)
"""Where an application keeps its connector."""


def named(text: str) -> tuple[str, str, int]:
    """Return name, type and port from `[http://][NAME=]TYPE[:PORT]`; raise ValueError for anything else."""
    name, _equals, rest = text.removeprefix(PLAIN).rpartition("=")
    kind, _colon, port = rest.partition(":")
    if kind not in TYPES:
        raise ValueError(f"{kind!r} is none of the connector types {', '.join(TYPES)}")
    return name or kind, kind, int(port or 0)


def check_names(texts: list[str]) -> None:
    """ValueError unless `named` understands all of them, and each has its own name."""
    names = [named(text)[0] for text in texts]
    if len(set(names)) < len(names):
        raise ValueError("two connectors have the same name: give them others, NAME=TYPE")


def application(pce: Pce, connector: Connector) -> web.Application:
    """A connector server; journal, faults and settings are those of the PCE."""
    app = web.Application(middlewares=[access.journal, access.faulty, access.refusals, _credentials, _failures])
    app[PCE] = pce
    app[CONNECTOR] = connector
    app[access.SERVER] = connector.name
    app.on_response_prepare.append(access.finish_headers)
    app.router.add_get(BASE, get_connector, allow_head=False)
    app.router.add_get(f"{BASE}/instances", get_all, allow_head=False)
    app.router.add_post(f"{BASE}/instances", create)
    app.router.add_get(f"{BASE}/instances/{{id}}", get_one, allow_head=False)
    app.router.add_put(f"{BASE}/instances/{{id}}", update)
    app.router.add_delete(f"{BASE}/instances/{{id}}", delete)
    return app


@web.middleware
async def _credentials(request: web.Request, handler: Handler) -> web.StreamResponse:
    """HTTP Basic with the key and secret of the PCE, where the setting asks for it."""
    pce = pce_of(request)
    if pce.settings.connector_auth:
        token = base64.b64encode(f"{pce.identity.api_key}:{pce.identity.api_secret}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {token}":
            raise errors.Refusal(401, "not_authenticated", "Authentication failed")
        request["entry"]["authenticated"] = True
    return await handler(request)


@web.middleware
async def _failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    """500 for any failure of a POST (page), and the body again where the setting wants a careless server."""
    try:
        return await handler(request)
    except errors.Refusal as refusal:
        status = 500 if request.method == "POST" else refusal.status
        message = str(refusal)
        if pce_of(request).settings.connector_errors == "echo":
            message += " in " + (await request.read()).decode("utf-8", "replace")
        raise errors.Refusal(status, "", message, form="error") from refusal


def _connector(request: web.Request) -> Connector:
    return request.config_dict[CONNECTOR]


def _answer(request: web.Request, instance: Json) -> Json:
    settings = pce_of(request).settings
    return connector_names.to_wire(
        _connector(request).shown(instance, settings.connector_secrets), settings.connector_names
    )


def _instance(request: web.Request) -> tuple[str, Json]:
    ident = request.match_info["id"]
    instance = _connector(request).instances.get(ident)
    if instance is None:
        raise errors.Refusal(404, "not_found", f"There is no instance {ident}")
    return ident, instance


async def get_connector(request: web.Request) -> web.Response:
    """What the connector is."""
    return web.json_response(_connector(request).about)


async def get_all(request: web.Request) -> web.Response:
    """A list of configurations."""
    return web.json_response([_answer(request, item) for item in _connector(request).instances.values()])


async def get_one(request: web.Request) -> web.Response:
    """One configuration."""
    return web.json_response(_answer(request, _instance(request)[1]))


async def create(request: web.Request) -> web.Response:
    """POST: 200, not 201."""
    body = await _read(request)
    if _is_taken(request, body):
        raise errors.Refusal(400, "duplicate", "An instance of this controller and address space exists")
    return web.json_response(_answer(request, _connector(request).put(body)))


async def update(request: web.Request) -> web.Response:
    """PUT: assumed, 200; what the body leaves out is gone, so it must not leave out anything."""
    status = pce_of(request).settings.put_status
    if status:
        raise errors.Refusal(status, "", "PUT is not known here")
    ident, _old = _instance(request)
    body = await _read(request)
    if _is_taken(request, body, ident):
        raise errors.Refusal(400, "duplicate", "Another instance has this controller and address space")
    return web.json_response(_answer(request, _connector(request).put({**body, "id": ident})))


async def delete(request: web.Request) -> web.Response:
    """DELETE: assumed, 204."""
    ident, _old = _instance(request)
    del _connector(request).instances[ident]
    return web.Response(status=204)


def _is_taken(request: web.Request, body: Json, ident: str | None = None) -> bool:
    """Another instance than that with this id has the identity of the body, and the server minds."""
    if pce_of(request).settings.connector_duplicates == "allowed":
        return False
    others = [raw for other, raw in _connector(request).instances.items() if other != ident]
    return any(_identity(raw) == _identity(body) for raw in others)


def _identity(instance: Json) -> tuple[Any, Any]:
    """The pair that identifies an instance (seed): the controller's address and the address space's name."""
    address = (instance.get("controller") or {}).get("ipAddress")
    with contextlib.suppress(ValueError):
        address = str(ipaddress.ip_address(str(address)))
    return address, (instance.get("endpointAddressSpace") or {}).get("name")


async def _read(request: web.Request) -> Json:
    """The body of a POST or PUT; a Refusal for what the schema, the type or the settings do not allow."""
    if request.content_type != "application/json":
        raise errors.Refusal(415, "unsupported_media_type", "Content-Type must be application/json")
    settings = pce_of(request).settings
    try:
        body = json.loads(await request.read())
        if isinstance(body, dict):
            body = connector_names.from_wire(body, settings.connector_names)
        schema.check("connector_instance", body)
    except (ValueError, schema.Invalid) as error:
        raise errors.Refusal(400, "invalid", str(error)) from error
    body["controller"].setdefault("port", DEFAULT_PORT)
    connector = _connector(request)
    contexts = bool(connector.about.get("controllerContexts"))
    if settings.connector_spaces == "by_contexts" and contexts != ("endpointAddressSpace" in body):
        raise errors.Refusal(400, "invalid", "endpointAddressSpace does not fit the connector")
    if settings.connector_contexts == "required" and contexts and "context" not in body["controller"]:
        raise errors.Refusal(400, "invalid", "the connector needs a context of the controller")
    given = [entry["name"] for entry in body.get("additionalSettings", [])]
    known = {item["name"]: item for item in connector.about.get("additionalSettings", [])}
    unknown = [name for name in given if name not in known or given.count(name) > 1]
    missing = [name for name, item in known.items() if item.get("required") and name not in given]
    if unknown or missing:
        raise errors.Refusal(400, "invalid", f"additionalSettings: unknown or double {unknown}, missing {missing}")
    result: Json = body
    return result
