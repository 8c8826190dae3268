"""The columns of the matrix: a task, and which of its requests the fault hits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PASSWORD = "Corr3ct-Horse&Battery"
BULK = ("pce_pairing_profiles", "pe_connector_instances")
KEY_FILE = "KEY_FILE"
"""Stands for the path of a key file of the cell's own."""

CONNECTOR = "contrail"
PLAIN_CONNECTOR = "plain"
"""A connector server that speaks HTTP without TLS."""

_PROFILES = "/orgs/1/pairing_profiles"
_INSTANCE = "8f0b2b0e-6d58-4c5e-9c7c-0f5d3c1f7a10"
_CROWD = 501
"""One more than a PCE shows at a time."""

Objects = Mapping[str, Any]
Setup = Sequence[tuple[str, Mapping[str, Any]]]


@dataclass(frozen=True)
class Operation:
    """A column. Of the task's requests the fault hits those of ``method`` in whose path the regular expression ``path``
    is found, after the first ``skip`` of them.

    ``seed`` is what the server holds before, ``setup`` are module runs before, ``also`` are faults that hit the run
    besides. ``crowd`` is a further seed, with which a PCE reads the objects by a job. ``entries`` is the key of the
    result that has an entry for each object; where there is none, the task is about one object.
    """

    module: str
    column: str
    method: str
    path: str
    options: Mapping[str, Any]
    seed: Objects
    skip: int = 0
    setup: Setup = ()
    also: Sequence[Mapping[str, Any]] = ()
    crowd: Objects | None = None
    entries: str | None = None
    server: str = "pce"

    @property
    def name(self) -> str:
        return f"{self.module}, {self.column}"

    @property
    def has_parts(self) -> bool:
        """Whether the task may end between what it was and what it shall be: many objects, or keys and their file."""
        return self.entries is not None or KEY_FILE in self.options.values()

    @property
    def is_further_look(self) -> bool:
        """Whether the fault hits a GET beside the one that tasks begin with, so that a part of the faults will do."""
        return self.method == "GET" and self.column != "GET"

    @property
    def is_connector(self) -> bool:
        return self.server != "pce"

    @property
    def has_fixed_order(self) -> bool:
        """Whether the requests before the one that is hit are always the same: threads send the others at a time."""
        return not self.is_further_look and (self.column == "GET" or self.module not in BULK)

    @property
    def represents_others(self) -> bool:
        """Whether the operation stands for all with its method at its API, where only the client counts.

        The client is told the method, and whether the server refuses duplicates, or whether what a POST has created can
        be looked up: that makes five kinds of requests at a PCE, and four at a connector server.
        """
        is_first = self.column in ("GET", "POST", "PUT", "DELETE")
        kinds = ("pce_pairing_profile", "pe_connector_instance")
        return (self.module in kinds and is_first) or (self.module, self.method) == ("pce_pairing_key", "POST")

    def rule(self) -> dict[str, Any]:
        """Which requests of the simulator are meant."""
        return {"method": self.method, "path": self.path, "skip": self.skip, "server": self.server}


def _profile(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {
        "href": f"{_PROFILES}/{number}",
        "name": name,
        "description": "Old",
        "enabled": True,
        "is_default": False,
        "key_lifespan": 3600,
        "allowed_uses_per_key": 5,
        "caps": ["write", "generate_pairing_key"],
        **more,
    }


def _single_profile() -> Iterator[Operation]:
    old = {"name": "PP-OLD", "description": "New"}
    new = {"name": "PP-NEW", "description": "New"}
    seed = {"pairing_profiles": [_profile(24, "PP-OLD"), _profile(25, "PP-OLD-2"), _profile(26, "MY PP-OLD")]}
    crowd = {"generate": {"pairing_profiles": _CROWD, "prefix": "PP-OLD-n"}}
    one, all_of_them = r"pairing_profiles/24$", r"pairing_profiles\?"

    def column(title: str, method: str, path: str, options: Mapping[str, Any], **more: Any) -> Operation:
        return Operation("pce_pairing_profile", title, method, path, options, seed, **more)

    yield column("GET", "GET", all_of_them, old, crowd=crowd)
    yield column("POST", "POST", r"pairing_profiles$", new)
    lost = {"kind": "reset_after", "method": "POST"}
    yield column("GET after a POST without answer", "GET", all_of_them, new, skip=1, also=[lost])
    yield column("PUT", "PUT", one, old)
    yield column("GET after the PUT", "GET", one, old)
    yield column("DELETE", "DELETE", one, {"name": "PP-OLD", "state": "absent"})
    yield column("GET by HREF", "GET", one, {"href": f"{_PROFILES}/24", "state": "absent"})


def _label(number: int, value: str, key: str = "env") -> dict[str, Any]:
    return {"href": f"/orgs/1/labels/{number}", "key": key, "value": value, "deleted": False}


def _single_label() -> Iterator[Operation]:
    seed = {"labels": [_label(41, "old"), _label(42, "older"), _label(43, "old", "role")]}
    crowd = {"labels": [_label(1000 + number, f"old-{number}") for number in range(_CROWD)]}
    known, one = {"key": "env", "value": "old"}, r"labels/41$"
    renamed = {**known, "new_value": "renamed"}

    def column(title: str, method: str, path: str, options: Mapping[str, Any], **more: Any) -> Operation:
        return Operation("pce_label", title, method, path, options, seed, **more)

    yield column("GET", "GET", r"labels\?", renamed, crowd=crowd)
    yield column("POST", "POST", r"labels$", {"key": "env", "value": "new"})
    yield column("PUT", "PUT", one, renamed)
    yield column("DELETE", "DELETE", one, {**known, "state": "absent"})


def _many_profiles() -> Iterator[Operation]:
    seed = {
        "pairing_profiles": [
            _profile(24, "PP-OLD"),
            _profile(25, "PP-OLDER"),
            _profile(26, "PP-GONE", external_data_set="cmdb"),
            _profile(27, "PP-GONE-2", external_data_set="cmdb"),
            _profile(28, "PP-OTHER"),
        ]
    }
    # One at a time, an update and a creation in turns: what is done before a fault does not depend on a race.
    names = ("PP-OLD", "PP-NEW", "PP-OLDER", "PP-NEWER")
    options = {
        "pairing_profiles": [{"name": name, "description": "New"} for name in names],
        "concurrency": 1,
        "purge": True,
        "purge_scope": {"external_data_set": "cmdb"},
    }
    crowd = {"generate": {"pairing_profiles": _CROWD, "prefix": "PP-OLD-n"}}

    def column(title: str, method: str, path: str, **more: Any) -> Operation:
        return Operation("pce_pairing_profiles", title, method, path, options, seed, entries="outcomes", **more)

    yield column("GET", "GET", r"pairing_profiles", crowd=crowd)
    yield column("POST", "POST", r"pairing_profiles$")
    yield column("PUT", "PUT", r"pairing_profiles/2[45]$")
    yield column("DELETE", "DELETE", r"pairing_profiles/2[67]$")
    yield column("GET in the end", "GET", r"pairing_profiles", skip=1)


def _keys() -> Iterator[Operation]:
    seed = {"pairing_profiles": [_profile(24, "PP-OLD"), _profile(25, "PP-OLD-2")]}
    crowd = {"generate": {"pairing_profiles": _CROWD, "prefix": "PP-OLD-n"}}
    options = {"profile": "PP-OLD", "path": KEY_FILE}
    module = "pce_pairing_key"
    others: Setup = [(module, {"profile": "PP-OLD-2"})]
    own: Setup = [*others, (module, options)]
    revoke = {**options, "state": "absent"}
    by_href = {"profile_href": f"{_PROFILES}/24", "path": KEY_FILE, "state": "absent"}
    yield Operation(module, "GET", "GET", r"pairing_profiles\?", options, seed, setup=others, crowd=crowd)
    yield Operation(module, "POST", "POST", r"pairing_key$", options, seed, setup=others)
    yield Operation(module, "DELETE", "DELETE", r"pairing_keys$", revoke, seed, setup=own)
    yield Operation(module, "GET by HREF before a DELETE", "GET", r"profiles/24$", by_href, seed, setup=own)


def _workload(number: int, hostname: str) -> dict[str, Any]:
    return {
        "href": f"/orgs/1/workloads/00000000-0000-4000-9000-{number:012d}",
        "hostname": hostname,
        "managed": True,
        "online": True,
        "ven": {"href": _ven(number), "hostname": hostname, "status": "active"},
        "agent": {"status": {"status": "active"}},
    }


def _ven(number: int) -> str:
    return f"/orgs/1/vens/00000000-0000-4000-8000-{number:012d}"


def _vens() -> Iterator[Operation]:
    hostnames = ("web1", "web10", "my-web1", "db1")
    seed = {"workloads": [_workload(number, hostname) for number, hostname in enumerate(hostnames, 1)]}
    crowd = {"workloads": [_workload(1000 + number, f"web1-{number}") for number in range(_CROWD)]}
    unpair = {"hostnames": ["web1", "db1"], "state": "unpaired"}
    by_href = {"hrefs": [_ven(1), _ven(4)], "state": "unpaired"}
    mark = {"hostnames": ["web1", "db1"], "state": "suspended"}

    def column(title: str, method: str, path: str, options: Mapping[str, Any], **more: Any) -> Operation:
        return Operation("pce_ven", title, method, path, options, seed, entries="vens", **more)

    yield column("GET", "GET", r"/vens\?", unpair, crowd=crowd)
    yield column("GET by HREF", "GET", r"/vens/[0-9a-f-]+$", by_href)
    yield column("PUT that unpairs", "PUT", r"/vens/unpair$", unpair)
    yield column("GET after it", "GET", r"/vens", unpair, skip=2)
    yield column("PUT that marks", "PUT", r"/vens/[0-9a-f-]+$", mark)


def _changed_workloads() -> Iterator[Operation]:
    hosts = [
        {**_workload(number, name), "enforcement_mode": "visibility_only"} for number, name in enumerate(("a", "b"))
    ]
    seed = {"workloads": hosts}
    one = {"hostname": "a", "enforcement_mode": "full"}
    many = {"workloads": [{"hostname": name, "enforcement_mode": "full"} for name in ("a", "b")]}
    crowd = {"workloads": [_workload(1000 + number, f"a-{number}") for number in range(_CROWD)]}

    def column(title: str, method: str, path: str, **more: Any) -> Operation:
        return Operation("pce_workloads", title, method, path, many, seed, entries="outcomes", **more)

    yield Operation("pce_workload", "PUT", "PUT", r"/workloads/[0-9a-f-]+$", one, seed)
    yield column("GET", "GET", r"/workloads", crowd=crowd)
    yield column("PUT that changes many", "PUT", r"/workloads/bulk_update$")
    yield column("GET in the end", "GET", r"/workloads", skip=1)


def _upgraded_vens() -> Iterator[Operation]:
    seed = {"workloads": [_workload(number, name) for number, name in enumerate(("a", "b"))]}
    options = {"hostnames": ["a", "b"], "release": "24.2.10", "wait_timeout": 0}
    yield Operation("pce_ven_upgrade", "PUT that orders", "PUT", r"/vens/upgrade$", options, seed, entries="vens")


def _instance(name: str, ident: str, ip: str = "10.92.82.18") -> dict[str, Any]:
    login = {"ipAddress": ip, "port": 443, "username": "admin", "password": PASSWORD}
    return {"id": ident, "controller": login, "endpointAddressSpace": {"type": "Project", "name": name}}


def _task(name: str, **more: Any) -> dict[str, Any]:
    login = {"controller_username": "admin", "controller_password": PASSWORD}
    return {
        "controller": "10.92.82.18",
        "address_space_name": name,
        "address_space_type": "Project",
        **login,
        **more,
    }


def _single_instance(server: str = CONNECTOR) -> Iterator[Operation]:
    others = [_instance("demo2", "demo2"), _instance("Demo", "capital"), _instance("demo", "other", "10.92.82.19")]
    seed = {"connector_instances": {server: [_instance("demo", _INSTANCE), *others]}}
    change, new = _task("demo", controller_port=8443), _task("new")
    one, all_of_them = rf"instances/{_INSTANCE}$", r"instances$"

    def column(title: str, method: str, path: str, options: Mapping[str, Any], **more: Any) -> Operation:
        return Operation("pe_connector_instance", title, method, path, options, seed, server=server, **more)

    yield column("GET", "GET", all_of_them, change)
    yield column("POST", "POST", all_of_them, new)
    lost = {"kind": "reset_after", "method": "POST"}
    yield column("GET after a POST without answer", "GET", all_of_them, new, skip=1, also=[lost])
    yield column("PUT", "PUT", one, change)
    # The first GET of it is the one before the PUT.
    yield column("GET after the PUT", "GET", one, change, skip=1)
    yield column("DELETE", "DELETE", one, _task("demo", state="absent"))
    by_id = {"instance_id": _INSTANCE, "state": "absent"}
    yield column("GET by id", "GET", one, by_id)


def _many_instances() -> Iterator[Operation]:
    kept = [_instance("demo", "one"), _instance("demo2", "two")]
    purged = [_instance("gone", "three"), _instance("gone2", "four")]
    seed = {"connector_instances": {CONNECTOR: [*kept, *purged]}}
    wanted = [_task("new"), _task("newer"), _task("demo", controller_port=8443), _task("demo2", controller_port=8443)]
    options = {"connector_instances": wanted, "purge": True}

    def column(title: str, path: str) -> Operation:
        module = "pe_connector_instances"
        return Operation(module, title, title, path, options, seed, entries="outcomes", server=CONNECTOR)

    yield column("GET", r"instances$")
    yield column("POST", r"instances$")
    yield column("PUT", r"instances/(one|two)$")
    yield column("DELETE", r"instances/(three|four)$")


OPERATIONS: tuple[Operation, ...] = (
    *_single_profile(),
    *_single_label(),
    *_many_profiles(),
    *_keys(),
    *_vens(),
    *_changed_workloads(),
    *_upgraded_vens(),
    *_single_instance(),
    *_many_instances(),
)

PLAIN_OPERATIONS: tuple[Operation, ...] = tuple(
    operation for operation in _single_instance(PLAIN_CONNECTOR) if operation.represents_others
)
"""Some of them without TLS: there a proxy sees each request, and answers in the server's place where it breaks."""
