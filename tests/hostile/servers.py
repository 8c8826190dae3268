"""A PCE and a connector server that answer as their API pages say, from a few objects that never change.

Enough to lead every module to each of its requests; what is stateful is the simulator's part.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

UUID = "3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e{:02d}"
CODE = "0123456789abcdef" * 5 + "0"
SHOWN_SECRET = "S3CR3T-that-a-server-shows"

Json = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """An answer before it is bytes; ``value`` is its JSON, unless ``raw`` is given."""

    status: int = 200
    value: Any = None
    raw: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def body(self) -> bytes:
        if self.raw is not None:
            return self.raw
        return b"" if self.value is None else json.dumps(self.value).encode()


@dataclass
class Objects:
    """What there is, by the last part of a collection's path."""

    org: int = 1
    stored: dict[str, list[Json]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        base = f"/orgs/{self.org}"
        user = {"href": "/users/1"}
        about = {"created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z", "created_by": user}
        self.stored = {
            "labels": [
                {"href": f"{base}/labels/{number}", "key": key, "value": value, "deleted": False, **about}
                for number, (key, value) in enumerate([("role", "web"), ("env", "prod"), ("role", "db")], start=1)
            ],
            "pairing_profiles": [
                {
                    "href": f"{base}/pairing_profiles/{number}",
                    "name": name,
                    "description": "what it is for",
                    "enabled": True,
                    "enforcement_mode": "visibility_only",
                    "visibility_level": "flow_summary",
                    "labels": [{"href": f"{base}/labels/1"}],
                    "key_lifespan": "3600",
                    "allowed_uses_per_key": "unlimited",
                    "agent_software_release": "Default (23.2.20-157)",
                    "external_data_set": None,
                    "is_default": number == 1,
                    "total_use_count": 3,
                    "caps": ["write", "generate_pairing_key"],
                    **about,
                }
                for number, name in enumerate(["Default", "PP", "PP-web"], start=1)
            ],
            "workloads": [
                {
                    "href": f"{base}/workloads/{UUID.format(number)}",
                    "name": None,
                    "hostname": f"web{number}",
                    "managed": True,
                    "online": True,
                    "enforcement_mode": "full" if number == 1 else "visibility_only",
                    "labels": [{"href": f"{base}/labels/1"}, {"href": f"{base}/labels/2"}],
                    "interfaces": [{"name": "eth0", "address": f"10.0.0.{number}", "cidr_block": 24}],
                    "os_id": "ubuntu",
                    "ven": {"href": f"{base}/vens/{UUID.format(number)}"},
                    "agent": {"status": {"status": "active", "agent_version": "23.2.20"}},
                }
                for number in (1, 2)
            ],
            "vens": [
                {
                    "href": f"{base}/vens/{UUID.format(number)}",
                    "hostname": f"web{number}",
                    "status": "active",
                    "version": "23.2.20",
                }
                for number in (1, 2)
            ],
            "instances": [
                {
                    "id": f"i-{number}",
                    "controller": {"ipAddress": f"192.0.2.{number}", "port": 443, "username": "admin"},
                    "endpointAddressSpace": {"type": "VPC", "name": f"space{number}"},
                    "additionalSettings": [
                        {"name": "SECURITY_GROUP_NAME", "value": "infected"},
                        {"name": "SRX_PASSWORD", "value": SHOWN_SECRET},
                    ],
                }
                for number in (1, 2)
            ],
        }


CONNECTOR = {
    "type": "Amazon Web Services",
    "controllerContexts": True,
    "capabilities": [{"name": "INFECTED_HOST_BLOCK"}],
    "additionalSettings": [
        {"name": "SECURITY_GROUP_NAME", "description": "The group", "type": "string", "required": True},
        {"name": "SRX_PASSWORD", "description": "The password", "type": "password", "required": False},
    ],
}


def below_organisation(path: str) -> tuple[str, str, list[str]]:
    """Return the organisation of a path, the name of its collection, and the parts after that.

    Collections of the policy have its version before their name: ``/orgs/1/sec_policy/draft/ip_lists/7``.
    """
    organisation, _slash, rest = path.partition("/orgs/")[2].partition("/")
    collection, *item = re.sub("^sec_policy/[a-z]+/", "", rest).split("/")
    return organisation, collection, item


def answer(objects: Objects, base: str, method: str, target: str, body: bytes, asked_for_job: bool) -> Reply:
    """Return what a server of the API answers. ``base`` is the path of a connector's API."""
    parts = urlsplit(target)
    if parts.path == base or parts.path.startswith(base + "/instances"):
        return _connector(objects, method, parts.path[len(base) :], body)
    if re.fullmatch(r"/api/v[0-9]+/software/ven/image", parts.path):
        return Reply(raw=b"#!/bin/sh\nexit 0\n", headers=(("Content-Type", "text/plain"),))
    organisation, collection, item = below_organisation(parts.path)
    known = objects.stored.get(collection, [])
    if collection == "jobs":
        done = {"href": f"/orgs/{organisation}/datafiles/f-{item[0]}"}
        return Reply(value={"status": "done", "result": done})
    if collection == "datafiles":
        return Reply(value=objects.stored.get(item[0].rpartition("-")[2], []))
    if (collection, item) == ("software", ["ven", "releases"]):
        return Reply(value=[{"release": "23.2.20-157", "default": True}, {"release": "24.2.10-300"}])
    if item == ["bulk_update"]:
        return Reply(value=[{"href": entry["href"], "status": "updated"} for entry in json.loads(body)])
    if item == ["upgrade"]:
        return Reply(value={"errors": []})
    if not item and method == "POST":
        return Reply(
            201, value={"href": f"{parts.path.partition('/api/v2')[2]}/99", "caps": ["write"], **json.loads(body)}
        )
    if not item:
        return _collection(collection, known, organisation, parts.query, asked_for_job)
    if item == ["unpair"]:
        return Reply(204)
    if item[1:] == ["pairing_key"]:
        return Reply(value={"activation_code": CODE})
    if method != "GET":
        return Reply(204)
    found = [raw for raw in known if raw["href"].endswith(f"/{item[0]}")]
    return Reply(value=found[0]) if found else Reply(404)


def _collection(name: str, known: list[Json], organisation: str, query: str, asked_for_job: bool) -> Reply:
    if asked_for_job:
        job = (("Location", f"/orgs/{organisation}/jobs/j-{name}"), ("Retry-After", "1"))
        return Reply(202, raw=b"", headers=job)
    wanted = dict(parse_qsl(query))
    found = [raw for raw in known if all(_is_in(raw, key, text) for key, text in wanted.items())]
    return Reply(value=found, headers=(("X-Total-Count", str(len(found))),))


def _is_in(raw: Json, key: str, text: str) -> bool:
    value = raw.get(key)
    return not isinstance(value, str) or text.lower() in value.lower()


def _connector(objects: Objects, method: str, path: str, body: bytes) -> Reply:
    known = objects.stored["instances"]
    ident = path.rpartition("/instances")[2].strip("/")
    if path == "":
        return Reply(value=CONNECTOR)
    if method == "POST":
        known.append({"id": "i-99", **json.loads(body)})
        return Reply(201, value={"id": "i-99"})
    if not ident:
        return Reply(value=list(known))
    found = [raw for raw in known if raw["id"] == ident]
    if not found:
        return Reply(404)
    return Reply(value=found[0]) if method == "GET" else Reply(204)
