"""Every call of the foreign clients that has to do with this collection's resources, at the simulator."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from tests.foreign.conftest import CLIENTS, Foreign, ForeignError
from tests.foreign.table import VERDICTS, rows
from tests.simulator.launch import Simulator
from tests.simulator.objects import OBJECTS

Json = dict[str, Any]
Case = Callable[[Foreign, Simulator], None]

PROFILES, LABELS, WORKLOADS, VENS = (f"/orgs/1/{name}" for name in ("pairing_profiles", "labels", "workloads", "vens"))
MANY = 620
"""More than fit on a page that does not ask for more."""


# The generic calls, for each kind of object


@dataclass(frozen=True)
class Kind:
    """One kind of object.

    seed: makes this many objects, whose names end in a number from 1 if they have names; new: what create is given;
    change: what update is given; query and found: a filter, and how many of 12 objects it finds.
    """

    name: str
    seed: Callable[[Foreign, Simulator, int], None]
    new: Json = field(default_factory=dict)
    change: Json = field(default_factory=dict)
    query: Json = field(default_factory=dict)
    found: int = 0
    named: bool = False

    def call(self, client: Foreign, method: str, *arguments: Any, **options: Any) -> Any:
        """Make one of the client's calls for this kind."""
        return client.call(f"{self.name}.{method}", *arguments, **options)


def _profiles(_client: Foreign, simulator: Simulator, count: int) -> None:
    simulator.seed(generate={"pairing_profiles": count, "prefix": "made-"})


def _labels(_client: Foreign, simulator: Simulator, count: int) -> None:
    simulator.seed(labels=[{"key": "bu", "value": f"made-{number}"} for number in range(1, count + 1)])


def _dimensions(_client: Foreign, simulator: Simulator, count: int) -> None:
    simulator.settings(label_keys=["role", *(f"made-{number}" for number in range(1, count + 1))])


def _workloads(_client: Foreign, simulator: Simulator, count: int) -> None:
    made = simulator.seed(generate={"workloads": count, "prefix": "made-"})["workloads"]
    simulator.seed(workloads=[{**workload, "name": workload["hostname"]} for workload in made])


def _jobs(client: Foreign, _simulator: Simulator, count: int) -> None:
    for _turn in range(min(count, 12)):
        client.call("labels.get_async")


KINDS = [
    Kind(
        "pairing_profiles",
        _profiles,
        new={
            "$class": "PairingProfile",
            "name": "new",
            "enabled": True,
            "enforcement_mode": "full",
            "key_lifespan": "60",
        },
        change={"$class": "PairingProfile", "enabled": False, "labels": [{"href": f"{LABELS}/1"}]},
        query={"name": "made-1"},
        found=4,
        named=True,
    ),
    Kind(
        "labels",
        _labels,
        new={"$class": "Label", "key": "role", "value": "new"},
        change={"$class": "Label", "value": "changed"},
        query={"key": "bu", "include_deleted": True},
        found=12,
    ),
    Kind(
        "label_dimensions",
        _dimensions,
        new={"$class": "LabelDimension", "key": "zone", "display_name": "Zone"},
        change={"$class": "LabelDimension", "display_name": "Changed"},
        query={"key": "made-1"},
        found=4,
    ),
    Kind(
        "workloads",
        _workloads,
        new={
            "$class": "Workload",
            "name": "new",
            "hostname": "new.example.com",
            "interfaces": [{"$class": "Interface", "name": "lo0", "address": "127.0.0.1", "link_state": "up"}],
            "enforcement_mode": "selective",
        },
        change={"$class": "Workload", "enforcement_mode": "full", "labels": [{"href": f"{LABELS}/1"}]},
        query={"managed": True, "enforcement_mode": "visibility_only"},
        found=12,
        named=True,
    ),
    Kind(
        "vens",
        _workloads,
        change={"$class": "VEN", "name": "changed", "status": "suspended"},
        query={"hostname": "made-1"},
        found=4,
        named=True,
    ),
    Kind("jobs", _jobs, query={"max_results": 3}, found=3),
]


def _hrefs(objects: list[Json]) -> set[str]:
    return {item["href"] for item in objects}


def check_get(kind: Kind, client: Foreign, simulator: Simulator) -> None:
    """Read a page, and what a filter finds."""
    kind.seed(client, simulator, 12)
    assert len(kind.call(client, "get")) >= 12
    assert len(kind.call(client, "get", params=kind.query)) == kind.found


def check_get_all(kind: Kind, client: Foreign, simulator: Simulator) -> None:
    """Read the whole collection in two requests: the count, and a page of so many."""
    kind.seed(client, simulator, MANY)
    objects = kind.call(client, "get_all")
    assert len(_hrefs(objects)) == len(objects)
    assert len(objects) >= (12 if kind.name == "jobs" else MANY)


def check_get_async(kind: Kind, client: Foreign, simulator: Simulator) -> None:
    """Read the whole collection by a job."""
    kind.seed(client, simulator, MANY)
    objects = kind.call(client, "get_async")
    assert len(_hrefs(objects)) == len(objects) >= (12 if kind.name == "jobs" else MANY)
    simulator.settings(job_outcome="failed")
    with pytest.raises(ForeignError):
        kind.call(client, "get_async")


def check_get_by_name(kind: Kind, client: Foreign, simulator: Simulator) -> None:
    """Find one object by its name; none where objects have no names."""
    kind.seed(client, simulator, 12)
    found = kind.call(client, "get_by_name", "made-1")
    assert found["name"] == "made-1" if kind.named else found is None
    assert kind.call(client, "get_by_name", "made") is None


def check_get_by_reference(kind: Kind, client: Foreign, simulator: Simulator) -> None:
    """Read one object by its HREF, and by what was read before."""
    kind.seed(client, simulator, 1)
    first = kind.call(client, "get")[0]
    assert kind.call(client, "get_by_reference", first["href"])["href"] == first["href"]
    assert kind.call(client, "get_by_reference", {"href": first["href"]})["href"] == first["href"]
    with pytest.raises(ForeignError, match="404"):
        kind.call(client, "get_by_reference", f"{first['href'][:-1]}x")


def check_create(kind: Kind, client: Foreign, simulator: Simulator) -> None:
    """Create an object of the client's own class, and read it back."""
    created = kind.call(client, "create", kind.new)
    assert _matches(created, {**kind.new, "key_lifespan": 60} if "key_lifespan" in kind.new else kind.new)
    assert kind.call(client, "get_by_reference", created["href"]) == created


def _matches(shown: Any, given: Any) -> bool:
    """Return True if what is shown has all that was given, however deep."""
    if isinstance(given, dict):
        return all(_matches(shown[name], value) for name, value in given.items())
    if isinstance(given, list):
        return len(shown) == len(given) and all(map(_matches, shown, given))
    return bool(shown == given)


def check_update(kind: Kind, client: Foreign, simulator: Simulator) -> None:
    """Change an object in part."""
    kind.seed(client, simulator, 1)
    before = kind.call(client, "get")[0]
    assert kind.call(client, "update", before["href"], kind.change) is None
    after = kind.call(client, "get_by_reference", before["href"])
    for name in kind.change.keys() - {"$class", "labels"}:
        assert after[name] == kind.change[name] != before[name]
    if "labels" in kind.change:
        assert _hrefs(after["labels"]) == _hrefs(kind.change["labels"])
    assert after["created_at"] == before["created_at"]


def check_delete(kind: Kind, client: Foreign, simulator: Simulator) -> None:
    """Delete an object."""
    created = kind.call(client, "create", kind.new)
    assert kind.call(client, "delete", created["href"]) is None
    assert created["href"] not in _hrefs(kind.call(client, "get"))


GENERIC: dict[str, Callable[[Kind, Foreign, Simulator], None]] = {
    "get": check_get,
    "get_all": check_get_all,
    "get_async": check_get_async,
    "get_by_name": check_get_by_name,
    "get_by_reference": check_get_by_reference,
    "create": check_create,
    "update": check_update,
    "delete": check_delete,
}

CASES: dict[str, Case] = {
    f"{kind.name}.{method}": partial(check, kind)
    for kind in KINDS
    for method, check in GENERIC.items()
    if (kind.new or method not in ("create", "delete")) and (kind.change or method != "update")
}
"""What tests a call, by its name."""


def case(name: str) -> Callable[[Case], Case]:
    """Enter a function as what tests a call."""

    def enter(function: Case) -> Case:
        CASES[name] = function
        return function

    return enter


# The other calls


@case("workloads.bulk_create")
def check_bulk_create(client: Foreign, simulator: Simulator) -> None:
    """Create workloads, and learn which were refused."""
    bad = {"$class": "Workload", "hostname": "bad", "labels": [{"href": f"{LABELS}/99"}]}
    good = {"$class": "Workload", "hostname": "good"}
    first, second = client.call("workloads.bulk_create", [good, bad])
    assert (first["href"][: len(WORKLOADS)], first["errors"]) == (WORKLOADS, [])
    assert [error["token"] for error in second["errors"]] == ["invalid_label_reference"]
    assert [item["hostname"] for item in simulator.state()["workloads"]] == ["good"]


@case("workloads.bulk_update")
def check_bulk_update(client: Foreign, simulator: Simulator) -> None:
    """Move more workloads than a request takes to another mode, as the vendor's SDK does it."""
    made = simulator.seed(generate={"workloads": 1001})["workloads"]
    changes = [{"$class": "Workload", "href": item["href"], "enforcement_mode": "full"} for item in made]
    unknown = {"$class": "Workload", "href": f"{WORKLOADS}/00000000-0000-4000-8000-000000000000"}
    results = client.call("workloads.bulk_update", [*changes, unknown])
    assert [result["errors"] for result in results[:-1]] == [[]] * 1001
    assert results[-1]["errors"][0]["message"]
    assert {item["enforcement_mode"] for item in simulator.state()["workloads"]} == {"full"}


@case("workloads.bulk_delete")
def check_bulk_delete(client: Foreign, simulator: Simulator) -> None:
    """Delete workloads without a VEN."""
    created = client.call("workloads.bulk_create", [{"hostname": "a"}, {"hostname": "b"}])
    assert client.call("workloads.bulk_delete", [{"href": item["href"]} for item in created]) == []
    assert simulator.state()["workloads"] == []


@case("org_settings.get")
@case("org_settings.get_by_reference")
def check_org_settings(client: Foreign, simulator: Simulator) -> None:
    """Learn whether a host needs a maintenance token."""
    simulator.settings(ven_maintenance_token_required=True)
    read = client.call("org_settings.get")
    assert read["ven_maintenance_token_required"] is True
    assert client.call("org_settings.get_by_reference", "/orgs/1/settings") == read


@case("workload_settings.get")
@case("workload_settings.get_by_reference")
def check_workload_settings(client: Foreign, _simulator: Simulator) -> None:
    """Read the timeouts of workloads."""
    read = client.call("workload_settings.get")
    assert read["workload_disconnected_timeout_seconds"][0]["value"] == 3600
    assert client.call("workload_settings.get_by_reference", "/orgs/1/settings/workloads") == read


@case("check_connection")
@case("must_connect")
def check_connection(client: Foreign, simulator: Simulator) -> None:
    """Check the connection, which asks for the health and for the settings of workloads."""
    simulator.clear_journal()
    assert client.call("check_connection") is True
    assert client.call("must_connect") is None
    paths = [entry["path"] for entry in simulator.journal()]
    assert paths == ["/api/v2/health", "/api/v2/orgs/1/settings/workloads"] * 2
    simulator.settings(health="absent")
    assert client.call("check_connection") is False


@case("generate_pairing_key")
def check_pairing_key(client: Foreign, simulator: Simulator) -> None:
    """Make two keys, one of a disabled profile."""
    keys = {client.call("generate_pairing_key", f"{PROFILES}/1")}
    client.call("pairing_profiles.update", f"{PROFILES}/1", {"enabled": False})
    keys.add(client.call("generate_pairing_key", f"{PROFILES}/1"))
    assert [len(key) for key in keys] == [81, 81]
    assert len(simulator.state()["pairing_keys"]) == 2


@case("get")
@case("post")
@case("put")
@case("delete")
def check_requests(client: Foreign, _simulator: Simulator) -> None:
    """Make, read, change and delete a label by plain requests."""
    assert client.call("post", "/labels", json={"key": "role", "value": "new"})["status"] == 201
    (label,) = [item for item in client.call("labels.get") if item["value"] == "new"]
    assert client.call("put", label["href"], json={"value": "changed"})["status"] == 204
    assert '"changed"' in client.call("get", label["href"])["body"]
    assert client.call("delete", label["href"])["status"] == 204


@case("get_collection")
def check_get_collection(client: Foreign, simulator: Simulator) -> None:
    """Read a collection by a job, with a plain request."""
    _profiles(client, simulator, 12)
    body = json.loads(client.call("get_collection", "/pairing_profiles", params={"name": "made-"})["body"])
    assert [profile["name"] for profile in body] == [f"made-{number}" for number in range(1, 13)]


@case("unpair_vens")
def check_unpair(client: Foreign, simulator: Simulator) -> None:
    """Unpair VENs; the client reads an answer only where there is one."""
    simulator.settings(unpair_answer="list", suspended_unpair="refused")
    made = simulator.seed(generate={"workloads": 2})["workloads"]
    first, second = (item["ven"]["href"] for item in made)
    client.call("vens.update", first, {"status": "suspended"})
    answer = client.call("unpair_vens", [first, second], firewall_restore="saved")
    assert [error["hrefs"] for error in answer["errors"]] == [[first]]
    assert [item["ven"] for item in simulator.state()["unpairings"]] == [second]
    client.call("vens.update", first, {"status": "active"})
    assert client.call("unpair_vens", [first]) == {"errors": []}


@case("upgrade_vens")
@case("get_ven_software_releases")
def check_upgrade(client: Foreign, simulator: Simulator) -> None:
    """Upgrade a VEN to the newest release that there is."""
    (made,) = simulator.seed(generate={"workloads": 1})["workloads"]
    release = client.call("get_ven_software_releases")[-1]["release"]
    assert client.call("upgrade_vens", [made["ven"]["href"]], release) == {"errors": []}
    assert client.call("vens.get")[0]["upgrade_target_version"] == release
    (error,) = client.call("upgrade_vens", [made["ven"]["href"]], "0.0")["errors"]
    assert error["token"] == "invalid_release"


@case("get_product_version")
def check_product_version(client: Foreign, _simulator: Simulator) -> None:
    """Read the PCE's release."""
    assert client.call("get_product_version")["version"].count(".") == 2


@case("get_node_available")
def check_node_available(client: Foreign, _simulator: Simulator) -> None:
    """Learn that the node is available."""
    assert client.call("get_node_available") == {}


SERVED = sorted({row.call for row in rows() if row.verdict == "served"})


@pytest.mark.parametrize(
    ("client", "name"),
    [(client, row.call) for row in rows() if row.verdict == "served" for client in row.clients],
    indirect=["client"],
)
def test_served_call_works(client: Foreign, simulator: Simulator, name: str) -> None:
    """Run what tests the call, and see that it made the call."""
    CASES[name](client, simulator)
    assert name in client.called


# The table


@pytest.mark.parametrize("name", CLIENTS)
def test_table_has_each_call_of_a_client(started: tuple[Simulator, dict[str, Foreign]], name: str) -> None:
    assert started[1][name].call("$calls") == sorted(row.call for row in rows() if name in row.clients)


def test_served_calls_have_a_test_and_others_a_reason() -> None:
    assert sorted(CASES) == SERVED
    assert len({row.call for row in rows()}) == len(rows())
    for row in rows():
        assert row.verdict in VERDICTS
        assert bool(row.reason) is (row.verdict != "served"), row


# What a client makes of errors, and of real objects


def test_client_reads_the_token_of_an_error(client: Foreign, simulator: Simulator) -> None:
    with pytest.raises(ForeignError, match="label_key_not_supported: Label key is not supported"):
        client.call("labels.create", {"key": "colour", "value": "red"})
    # It compares the media type as a whole, so that it reads nothing here.
    simulator.settings(media_type="charset")
    with pytest.raises(ForeignError, match="406 Client Error"):
        client.call("labels.create", {"key": "colour", "value": "red"})


@pytest.mark.parametrize("name", ["labels", "pairing_profiles", "workloads", "vens"])
def test_client_reads_objects_of_real_shape(client: Foreign, simulator: Simulator, name: str) -> None:
    simulator.seed(**OBJECTS)
    parameters = {"include_deleted": True} if name == "labels" else {}
    read = {item["href"]: item for item in client.call(f"{name}.get", params=parameters)}
    for item in OBJECTS[name]:
        found = read[item["href"]]
        assert found.keys() >= item.keys()
        plain = {key: value for key, value in item.items() if not isinstance(value, (dict, list))}
        assert found.items() >= plain.items()
