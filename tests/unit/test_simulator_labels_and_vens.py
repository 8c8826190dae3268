"""The simulator against the API page: labels, VENs, and the workloads that show what became of them."""

from __future__ import annotations

import ast
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.simulator import package
from tests.simulator.launch import running
from tests.unit.test_simulator import DEFAULT, UUID, Client, Host, client_of, no_auth, tokens

LABELS = "/orgs/1/labels"
VENS = "/orgs/1/vens"
WORKLOADS = "/orgs/1/workloads"
ROOT = Path(__file__).resolve().parents[2]

Json = dict[str, Any]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One simulator for all tests of this file."""
    with running(tmp_path_factory.mktemp("simulator"), set=["job_retry_after=0"]) as simulator:
        client = client_of(simulator)
        with client.session:
            yield client


@pytest.fixture
def pce(started: Client) -> Client:
    """The simulator as it started."""
    started.simulator.reset()
    return started


@pytest.fixture
def host(pce: Client, tmp_path: Path) -> Host:
    """A host of the name web1."""
    return Host(pce, tmp_path, "web1")


def by_job(pce: Client, path: str, **parameters: Any) -> list[Json]:
    """The whole array of a collection, by a job."""
    answer = pce.ask("GET", path, params=parameters, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    location = answer.headers["Location"].partition("/api/v2")[2] or answer.headers["Location"]
    for _poll in range(5):
        job = pce.get(location)
        if job["status"] == "done":
            objects: list[Json] = pce.get(job["result"]["href"])
            return objects
    raise AssertionError(job)


def uuid_of(number: int) -> str:
    """A UUID for an object of a seed."""
    return f"00000000-0000-4000-8000-{number:012d}"


# Labels


def make_label(pce: Client, key: str, value: str, **more: Any) -> Json:
    """A new label."""
    response = pce.ask("POST", LABELS, json={"key": key, "value": value, **more})
    assert response.status_code == 201, response.text
    label: Json = response.json()
    return label


def pairs(labels: list[Json]) -> set[tuple[str, str]]:
    """Key and value of some labels."""
    return {(label["key"], label["value"]) for label in labels}


def test_creating_a_label_answers_the_whole_object(pce: Client) -> None:
    label = make_label(pce, "role", "cache", external_data_set="cmdb", external_data_reference="7")
    assert label == pce.get(label["href"])
    assert re.fullmatch(f"{LABELS}/[1-9][0-9]*", label["href"])
    moments = {label.pop("created_at"), label.pop("updated_at")}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", moment) for moment in moments)
    assert label == {
        "href": label["href"],
        "key": "role",
        "value": "cache",
        "external_data_set": "cmdb",
        "external_data_reference": "7",
        "created_by": {"href": "/users/1"},
        "updated_by": {"href": "/users/1"},
        "deleted": False,
    }
    # The labels of the start are as whole as that.
    assert {frozenset(item) for item in pce.get(LABELS)} == {frozenset([*label, "created_at", "updated_at"])}


READ_ONLY: list[tuple[str, Any]] = [
    ("href", f"{LABELS}/1"),
    ("deleted", False),
    ("created_at", "2015-11-01T01:20:06.135Z"),
    ("updated_at", "2015-11-01T01:20:06.135Z"),
    ("created_by", {"href": "/users/18"}),
    ("updated_by", {"href": "/users/18"}),
]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("unknown", 1),
        ("key", ""),
        ("key", None),
        ("key", 1),
        ("value", ""),
        ("value", None),
        ("value", 1),
        ("value", "x" * 256),
        ("external_data_set", 1),
        ("external_data_reference", []),
        *READ_ONLY,
    ],
)
def test_a_label_body_that_is_not_accepted_is_406(pce: Client, name: str, value: Any) -> None:
    before = pce.get(LABELS)
    created = pce.ask("POST", LABELS, json={"key": "role", "value": "new", name: value})
    assert tokens(created) == {"input_validation_error"}
    assert name in created.text
    assert tokens(pce.ask("PUT", f"{LABELS}/1", json={name: value})) == {"input_validation_error"}
    assert pce.get(LABELS) == before


@pytest.mark.parametrize("body", [{}, {"key": "role"}, {"value": "x"}])
def test_a_label_needs_key_and_value(pce: Client, body: Json) -> None:
    assert tokens(pce.ask("POST", LABELS, json=body)) == {"input_validation_error"}


def test_bodies_of_labels_and_vens_are_json(pce: Client) -> None:
    ven = paired(pce)["ven"]["href"]
    for method, path in (("POST", LABELS), ("PUT", f"{LABELS}/1"), ("PUT", ven), ("PUT", f"{VENS}/unpair")):
        assert pce.ask(method, path, data=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
        for data in (b"", b"{", b"[]"):
            assert tokens(pce.ask(method, path, data=data, headers={"Content-Type": "application/json"}))


def test_the_organisation_says_which_keys_there_are(pce: Client) -> None:
    for key in ("role", "app", "env", "loc", "os", "bu"):
        make_label(pce, key, "new")
    for key in ("zone", "Role", " role"):
        refused = pce.ask("POST", LABELS, json={"key": key, "value": "x"})
        assert tokens(refused) == {"label_key_not_supported"}
        assert refused.json()[0]["message"] == "Label key is not supported"
    pce.simulator.settings(label_keys=["role", "zone"])
    make_label(pce, "zone", "x")
    assert tokens(pce.ask("POST", LABELS, json={"key": "os", "value": "x"})) == {"label_key_not_supported"}
    pce.simulator.reset()
    make_label(pce, "os", "x")


def test_key_and_value_are_unique_among_the_live(pce: Client) -> None:
    assert tokens(pce.ask("POST", LABELS, json={"key": "role", "value": "web"})) == {"label_must_be_unique"}
    make_label(pce, "app", "web")
    make_label(pce, "role", "Web")
    assert pce.ask("DELETE", f"{LABELS}/1").status_code == 204
    again = make_label(pce, "role", "web")
    assert again["href"] not in {f"{LABELS}/{number}" for number in range(1, 9)}
    # The deleted one is still what it was.
    assert pce.get(f"{LABELS}/1")["deleted"] is True


def test_a_label_changes_in_part_and_its_key_never(pce: Client) -> None:
    before = make_label(pce, "role", "cache", external_data_set="cmdb")
    pce.simulator.settings(clock_offset=5)
    response = pce.ask("PUT", before["href"], json={"value": "proxy"})
    assert (response.status_code, response.content) == (204, b"")
    after = pce.get(before["href"])
    assert {name for name in before if before[name] != after[name]} == {"value", "updated_at"}
    assert pce.ask("PUT", before["href"], json={"external_data_set": None}).status_code == 204
    assert pce.ask("PUT", before["href"], json={}).status_code == 204
    assert pce.get(before["href"]).items() >= {"value": "proxy", "external_data_set": None}.items()
    refused = pce.ask("PUT", before["href"], json={"key": "role", "value": "x"})
    assert tokens(refused) == {"input_validation_error"}
    assert "read-only" in refused.text
    assert pce.get(before["href"])["value"] == "proxy"


def test_a_value_that_another_label_of_the_key_has(pce: Client) -> None:
    assert tokens(pce.ask("PUT", f"{LABELS}/2", json={"value": "web"})) == {"label_must_be_unique"}
    # Its own, that of another key, and that of a deleted label are free.
    assert pce.ask("PUT", f"{LABELS}/2", json={"value": "db"}).status_code == 204
    assert pce.ask("PUT", f"{LABELS}/2", json={"value": "shop"}).status_code == 204
    pce.ask("DELETE", f"{LABELS}/1")
    assert pce.ask("PUT", f"{LABELS}/2", json={"value": "web"}).status_code == 204
    # Older data may hold duplicates, which may keep theirs.
    twins = pce.simulator.seed(labels=[{"key": "env", "value": "twin"}] * 2)["labels"]
    assert pce.ask("PUT", twins[1]["href"], json={"value": "twin", "external_data_set": "x"}).status_code == 204


def test_deleting_a_label_is_soft(pce: Client) -> None:
    pce.ask("PUT", DEFAULT, json={"labels": [{"href": f"{LABELS}/1"}]})
    response = pce.ask("DELETE", f"{LABELS}/1")
    assert (response.status_code, response.content) == (204, b"")
    gone = pce.get(f"{LABELS}/1")
    assert (gone["deleted"], gone["value"]) == (True, "web")
    assert ("role", "web") not in pairs(pce.get(LABELS))
    assert pce.get(LABELS, key="role", value="web") == []
    # What has it keeps it, and nothing else gets it.
    assert pce.get(DEFAULT)["labels"] == [{"href": f"{LABELS}/1"}]
    assert tokens(pce.ask("PUT", DEFAULT, json={"labels": [{"href": f"{LABELS}/1"}]})) == {"invalid_label_reference"}
    assert pce.ask("PUT", f"{LABELS}/1", json={"value": "x"}).status_code == 404
    assert pce.ask("DELETE", f"{LABELS}/99").status_code == 404
    assert pce.ask("PUT", f"{LABELS}/99", json={"value": "x"}).status_code == 404


def test_the_collection_may_show_deleted_labels(pce: Client) -> None:
    pce.ask("DELETE", f"{LABELS}/1")
    assert len(pce.get(LABELS)) == 5
    pce.simulator.settings(show_deleted_labels=True)
    again = make_label(pce, "role", "web")
    found = pce.get(LABELS, key="role", value="web")
    assert {label["href"]: label["deleted"] for label in found} == {f"{LABELS}/1": True, again["href"]: False}


def test_labels_are_found_by_parts(pce: Client) -> None:
    pce.simulator.settings(label_keys=["role", "role2"])
    make_label(pce, "role", "webserver", external_data_set="cmdb", external_data_reference="1")
    make_label(pce, "role2", "web", external_data_set="cmdb2", external_data_reference="11")
    found = pce.get(LABELS, key="role", value="web")
    assert pairs(found) == {("role", "web"), ("role", "webserver"), ("role2", "web")}
    assert pairs(pce.get(LABELS, external_data_set="cmdb")) == {("role", "webserver")}
    assert pairs(pce.get(LABELS, external_data_reference="1")) == {("role", "webserver")}
    assert pce.get(LABELS, value="nothing of the kind") == []


def test_more_than_500_labels_are_a_job(pce: Client) -> None:
    pce.simulator.seed(labels=[{"key": "app", "value": f"app{number}"} for number in range(600)])
    first = pce.ask("GET", LABELS)
    assert (len(first.json()), first.headers["X-Total-Count"]) == (500, "606")
    assert len(by_job(pce, LABELS)) == 606
    assert len(by_job(pce, LABELS, value="app59")) == 11


def test_without_the_permission_labels_and_vens_stay(pce: Client) -> None:
    ven = paired(pce)["ven"]["href"]
    before = pce.simulator.state()
    pce.simulator.settings(permissions="read_only")
    for method, path, body in (
        ("POST", LABELS, {"key": "role", "value": "x"}),
        ("PUT", f"{LABELS}/1", {"value": "x"}),
        ("DELETE", f"{LABELS}/1", None),
        ("PUT", ven, {"status": "suspended"}),
        ("PUT", f"{VENS}/unpair", {"vens": [{"href": ven}]}),
    ):
        assert pce.ask(method, path, json=body).status_code == 403
        assert pce.ask(method, path, json=body, auth=no_auth).status_code == 401
    assert pce.simulator.state() == before


# VENs


def paired(pce: Client, hostname: str = "web1") -> Json:
    """The workload of a host that has been paired."""
    answer = pce.activate(pce.mint(), hostname)
    assert answer.status_code == 201, answer.text
    workload: Json = pce.get(answer.json()["workload"])
    return workload


def hostnames(things: list[Json]) -> list[str]:
    """The hostnames of VENs or workloads."""
    return [thing["hostname"] for thing in things]


def unpair(pce: Client, *hrefs: str, **more: Any) -> requests.Response:
    """One call of VEN unpair."""
    return pce.ask("PUT", f"{VENS}/unpair", json={"vens": [{"href": href} for href in hrefs], **more})


def test_a_ven_is_shown_as_its_workload_knows_it(pce: Client) -> None:
    workload = paired(pce)
    (ven,) = pce.get(VENS)
    paired_at = workload["agent"]["status"]["managed_since"]
    assert ven == {
        "href": workload["ven"]["href"],
        "name": None,
        "description": None,
        "hostname": "web1",
        "uid": None,
        "status": "active",
        "activation_type": "pairing_key",
        "ven_type": "server",
        "version": "23.2.20-157",
        "os_id": workload["os_id"],
        "os_detail": workload["os_detail"],
        "os_platform": "linux",
        "active_pce_fqdn": "pce.example.com",
        "target_pce_fqdn": None,
        "labels": workload["labels"],
        "interfaces": workload["interfaces"],
        "workloads": [
            {
                "href": workload["href"],
                "online": True,
                "enforcement_mode": "visibility_only",
                "mode": "illuminated",
            }
        ],
        "container_cluster": None,
        "secure_connect": None,
        "last_heartbeat_at": paired_at,
        "last_goodbye_at": None,
        "conditions": [],
        "unpair_allowed": True,
        "authentication_recovery": False,
        "golden_image": False,
        "upgrade_target_version": None,
        "upgrade_expires_at": None,
        "created_at": paired_at,
        "updated_at": workload["updated_at"],
        "created_by": {"href": "/users/1"},
        "updated_by": {"href": "/users/1"},
        "caps": ["write"],
    }
    assert pce.get(ven["href"]) == ven
    assert workload["agent"]["status"]["agent_version"] == workload["ven"]["version"] == "23.2.20-157"
    assert pce.ask("GET", f"{VENS}/{uuid_of(1)}").status_code == 404
    assert pce.ask("GET", f"{VENS}/1").status_code == 404


def test_which_workloads_have_a_ven(pce: Client) -> None:
    def href(number: int) -> str:
        return f"{VENS}/{uuid_of(number)}"

    pce.simulator.seed(
        workloads=[
            {"hostname": "agent", "managed": True, "ven": {"href": href(1), "status": "active", "version": "22.5.0"}},
            {"hostname": "plain", "managed": True, "ven": {"href": href(2), "hostname": "other"}, "agent": None},
            {"hostname": "left", "managed": False, "ven": {"href": href(3)}},
            {"hostname": "bare", "managed": False, "ven": None},
            {"hostname": "none", "managed": True},
            {
                "hostname": "said",
                "managed": True,
                "ven": {"href": href(4), "status": "active"},
                "agent": {"status": {"status": "stopped", "agent_version": "21.1"}},
            },
        ]
    )
    shown = {ven["hostname"]: (ven["status"], ven["version"]) for ven in pce.get(VENS)}
    assert shown == {"agent": ("active", "22.5.0"), "plain": ("active", None), "said": ("stopped", "21.1")}
    assert pce.ask("GET", href(3)).status_code == 404


def test_ven_filters_and_pages(pce: Client) -> None:
    for name in ("web1", "web10", "old-WEB1", "db1"):
        paired(pce, name)
    pce.ask("PUT", pce.get(VENS, hostname="web10")[0]["href"], json={"status": "suspended"})
    assert set(hostnames(pce.get(VENS, hostname="web1"))) == {"web1", "web10", "old-WEB1"}
    assert hostnames(pce.get(VENS, hostname="web1", status="suspended")) == ["web10"]
    assert pce.get(VENS, status="suspend") == []
    assert len(pce.get(VENS, name="1")) == 4
    pce.simulator.settings(unknown_filters="refuse")
    assert tokens(pce.ask("GET", VENS, params={"name": "1"}))
    pce.simulator.seed(generate={"workloads": 600})
    page = pce.ask("GET", VENS, params={"max_results": 3})
    assert (len(page.json()), page.headers["X-Total-Count"]) == (3, "604")
    assert len(by_job(pce, VENS, hostname="bulk-")) == 600


def test_marking_a_ven_as_suspended_and_back(pce: Client) -> None:
    workload = paired(pce)
    other = paired(pce, "web2")
    for status in ("suspended", "active"):
        response = pce.ask("PUT", workload["ven"]["href"], json={"status": status})
        assert (response.status_code, response.content) == (204, b"")
        after = pce.get(workload["href"])
        assert (after["ven"]["status"], after["agent"]["status"]["status"]) == (status, status)
        assert pce.get(workload["ven"]["href"])["status"] == status
        # Nothing else changes, and no other VEN.
        after["ven"], after["agent"]["status"]["status"] = workload["ven"], "active"
        assert {**after, "updated_at": None} == {**workload, "updated_at": None}
        assert pce.get(other["href"]) == other
        assert pce.ask("PUT", workload["ven"]["href"], json={}).status_code == 204
        assert pce.get(workload["ven"]["href"])["status"] == status
    assert pce.ask("PUT", f"{VENS}/{uuid_of(1)}", json={"status": "active"}).status_code == 404


@pytest.mark.parametrize(
    "body", [{"status": "stopped"}, {"status": None}, {"hostname": "x"}, {"status": "active", "x": 1}]
)
def test_a_ven_body_that_is_not_accepted_is_406(pce: Client, body: Json) -> None:
    workload = paired(pce)
    assert tokens(pce.ask("PUT", workload["ven"]["href"], json=body)) == {"input_validation_error"}
    assert pce.get(workload["href"]) == workload


def test_pairing_a_suspended_host_again_makes_it_active(pce: Client) -> None:
    workload = paired(pce)
    pce.ask("PUT", workload["ven"]["href"], json={"status": "suspended"})
    again = paired(pce)
    assert (again["href"], again["ven"]["href"]) == (workload["href"], workload["ven"]["href"])
    assert (again["ven"]["status"], again["agent"]["status"]["status"]) == ("active", "active")


def test_pairing_a_seeded_host_completes_its_workload(pce: Client) -> None:
    pce.simulator.seed(workloads=[{"hostname": "old", "managed": True, "ven": {"href": None}, "agent": None}])
    workload = paired(pce, "old")
    assert re.fullmatch(f"{VENS}/{UUID}", workload["ven"]["href"])
    assert workload["online"] is True
    assert hostnames(pce.get(VENS)) == ["old"]


# Unpairing


def test_unpairing_removes_the_workloads(pce: Client) -> None:
    answers = {name: pce.activate(pce.mint(), name).json() for name in ("web1", "web2", "web3")}
    response = unpair(pce, answers["web1"]["ven"], answers["web3"]["ven"], firewall_restore="saved")
    assert (response.status_code, response.content) == (204, b"")
    assert hostnames(pce.get(WORKLOADS)) == hostnames(pce.get(VENS)) == ["web2"]
    assert pce.ask("GET", answers["web1"]["workload"]).status_code == 404
    recorded = pce.simulator.state()["unpairings"]
    assert [(item["ven"], item["hostname"], item["firewall_restore"]) for item in recorded] == [
        (answers[name]["ven"], name, "saved") for name in ("web1", "web3")
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", item["time"]) for item in recorded)
    # Their tokens are worth nothing any more.
    for name, status in (("web1", 403), ("web2", 204)):
        body = {"ven": answers[name]["ven"], "token": answers[name]["token"], "remove": True}
        assert pce.send("POST", "/api/v25/agents/deactivate", json=body, auth=no_auth).status_code == status
    assert len(pce.simulator.state()["unpairings"]) == 2


def test_suspended_ven_named_twice_is_unpaired_once(pce: Client) -> None:
    pce.simulator.settings(suspended_unpair="allowed")
    ven = paired(pce)["ven"]["href"]
    pce.ask("PUT", ven, json={"status": "suspended"})
    assert unpair(pce, ven, ven).status_code == 204
    (item,) = pce.simulator.state()["unpairings"]
    assert item["firewall_restore"] == "default"
    assert tokens(unpair(pce, ven)) == {"invalid_ven_reference"}


def test_one_unknown_ven_and_nothing_is_done(pce: Client) -> None:
    workload = paired(pce)
    ven = workload["ven"]["href"]
    for other in (f"{VENS}/{uuid_of(1)}", workload["href"], ven.replace("/orgs/1/", "/orgs/2/"), ""):
        refused = unpair(pce, ven, other)
        assert tokens(refused) == {"invalid_ven_reference"}
        assert other in refused.json()[0]["message"]
    assert pce.get(WORKLOADS) == [workload]
    assert pce.simulator.state()["unpairings"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"vens": []},
        {"vens": None},
        {"vens": [f"{VENS}/{uuid_of(1)}"]},
        {"vens": [{}]},
        {"vens": [{"href": f"{VENS}/{uuid_of(1)}", "hostname": "x"}]},
        {"firewall_restore": "recommended"},
        {"firewall_restore": "open"},
        {"firewall_restore": None},
        {"force": True},
    ],
)
def test_an_unpair_body_that_is_not_accepted_is_406(pce: Client, change: Json) -> None:
    workload = paired(pce)
    body = {"vens": [{"href": workload["ven"]["href"]}], "firewall_restore": "saved", **change}
    assert tokens(pce.ask("PUT", f"{VENS}/unpair", json=body)) == {"input_validation_error"}
    assert tokens(pce.ask("PUT", f"{VENS}/unpair", json={"firewall_restore": "saved"})) == {"input_validation_error"}
    assert pce.get(WORKLOADS) == [workload]


def test_a_thousand_vens_a_call(pce: Client) -> None:
    made = pce.simulator.seed(generate={"workloads": 1001})["workloads"]
    hrefs = [workload["ven"]["href"] for workload in made]
    refused = unpair(pce, *hrefs)
    assert tokens(refused) == {"input_validation_error"}
    assert "1001" in refused.text
    assert "1000" in refused.text
    assert unpair(pce, *hrefs[:1000]).status_code == 204
    assert hostnames(pce.get(WORKLOADS)) == ["bulk-1001"]


def test_ten_unpair_calls_a_minute(pce: Client) -> None:
    hrefs = [item["ven"]["href"] for item in pce.simulator.seed(generate={"workloads": 12})["workloads"]]
    assert [unpair(pce, href).status_code for href in hrefs[:11]] == [204] * 10 + [429]
    refused = unpair(pce, hrefs[10])
    assert 55 <= int(refused.headers["Retry-After"]) <= 61
    assert "10" in refused.text
    # Other requests go on, and what was refused was not done.
    assert len(pce.get(WORKLOADS)) == 2
    pce.simulator.settings(clock_offset=61, retry_after=None)
    assert unpair(pce, hrefs[10]).status_code == 204
    pce.simulator.settings(unpair_rate_limit=1)
    assert "Retry-After" not in unpair(pce, hrefs[11]).headers
    pce.simulator.settings(unpair_rate_limit=0)
    assert unpair(pce, hrefs[11]).status_code == 204


def test_a_call_that_is_refused_counts_and_a_reset_forgets(pce: Client) -> None:
    pce.simulator.settings(unpair_rate_limit=1)
    assert unpair(pce, "nonsense").status_code == 406
    assert unpair(pce, "nonsense").status_code == 429
    unpaired = paired(pce)["ven"]["href"]
    pce.simulator.settings(unpair_rate_limit=0)
    unpair(pce, unpaired)
    pce.simulator.reset()
    assert pce.simulator.state()["unpairings"] == []
    pce.simulator.settings(unpair_rate_limit=1)
    assert unpair(pce, "nonsense").status_code == 406


# Workloads


def test_10000_workloads_are_made_and_read(pce: Client) -> None:
    made = pce.simulator.seed(generate={"workloads": 10_000, "prefix": "h"})["workloads"]
    everything = by_job(pce, WORKLOADS, managed="true")
    assert everything == made
    assert hostnames(made) == [f"h{number}" for number in range(1, 10_001)]
    assert len({item["href"] for item in made}) == len({item["ven"]["href"] for item in made}) == 10_000
    assert pce.ask("GET", WORKLOADS).headers["X-Total-Count"] == "10000"
    assert len(by_job(pce, WORKLOADS, hostname="h999")) == 11
    one = made[0]
    assert (one["managed"], one["online"], one["agent"]["status"]["status"]) == (True, True, "active")
    values = {label["href"]: (label["key"], label["value"]) for label in pce.get(LABELS)}
    first, second = ([values[label["href"]] for label in item["labels"]] for item in made[:2])
    assert first == [("role", "web"), ("app", "shop"), ("env", "prod"), ("loc", "office")]
    assert second == [("role", "db"), ("app", "shop"), ("env", "test"), ("loc", "office")]


def test_generated_workloads_have_no_deleted_label(pce: Client) -> None:
    for number in (1, 3):
        pce.ask("DELETE", f"{LABELS}/{number}")
    (made,) = pce.simulator.seed(generate={"workloads": 1})["workloads"]
    assert [label["href"] for label in made["labels"]] == [f"{LABELS}/{number}" for number in (2, 4, 6)]


def test_labels_of_workloads_in_full(pce: Client) -> None:
    label = make_label(pce, "app", "gone")
    pce.ask("DELETE", label["href"])
    hrefs = [{"href": f"{LABELS}/1"}, {"href": label["href"]}, {"href": f"{LABELS}/99"}]
    stored = pce.simulator.seed(workloads=[{"hostname": "a", "labels": hrefs}, {"hostname": "b", "labels": None}])
    first, second = stored["workloads"]
    assert pce.get(WORKLOADS) == [first, second]
    pce.simulator.settings(workload_labels="full")
    full = [
        {"href": f"{LABELS}/1", "key": "role", "value": "web"},
        {"href": label["href"], "key": "app", "value": "gone"},
        {"href": f"{LABELS}/99"},
    ]
    assert pce.get(WORKLOADS) == by_job(pce, WORKLOADS) == [{**first, "labels": full}, second]
    assert pce.get(first["href"])["labels"] == full
    assert pce.simulator.state()["workloads"] == [first, second]


def test_other_workload_filters_are_unknown(pce: Client) -> None:
    paired(pce)
    assert len(pce.get(WORKLOADS, name="nobody")) == 1
    pce.simulator.settings(unknown_filters="refuse")
    assert tokens(pce.ask("GET", WORKLOADS, params={"name": "nobody"}))


def online(pce: Client, **parameters: Any) -> list[tuple[str, bool]]:
    """Which workloads a GET shows, and as what."""
    return [(item["hostname"], item["online"]) for item in pce.get(WORKLOADS, **parameters)]


def test_a_new_ven_is_active_before_it_is_online(pce: Client) -> None:
    pce.simulator.settings(online_delay=2)
    web1 = paired(pce)
    assert (web1["online"], web1["agent"]["status"]["status"]) == (False, "active")
    # A GET of one does not count, nor does one for other hostnames, or one that is refused.
    for _turn in range(3):
        assert pce.get(web1["href"])["online"] is False
        assert online(pce, hostname="db") == []
        assert pce.ask("GET", WORKLOADS, params={"online": "yes"}).status_code == 406
    assert online(pce, hostname="web1") == [("web1", False)]
    paired(pce, "web10")
    assert online(pce, hostname="web1", online="true") == []
    assert online(pce, hostname="web1") == [("web1", True), ("web10", False)]
    assert online(pce, online="true") == [("web1", True), ("web10", True)]
    # A job is one GET.
    pce.simulator.settings(online_delay=1)
    paired(pce, "db1")
    assert {item["online"] for item in by_job(pce, WORKLOADS, hostname="db1")} == {False}
    assert online(pce, hostname="db1") == [("db1", True)]


def test_a_ven_that_is_never_online(pce: Client) -> None:
    pce.simulator.settings(online_delay=-1)
    paired(pce)
    assert {tuple(online(pce)) for _turn in range(5)} == {(("web1", False),)}
    assert hostnames(pce.get(VENS, status="active")) == ["web1"]
    pce.simulator.settings(online_delay=0)
    assert online(pce) == [("web1", False)]
    paired(pce)
    assert online(pce) == [("web1", True)]
    for wrong in (-2, 1.5, "never"):
        with pytest.raises(ValueError, match="the simulator refuses"):
            pce.simulator.settings(online_delay=wrong)


def test_a_ven_that_goes_waits_no_longer(pce: Client) -> None:
    pce.simulator.settings(online_delay=1)
    answer = pce.activate(pce.mint(), "web1").json()
    body = {"ven": answer["ven"], "token": answer["token"], "remove": False}
    assert pce.send("POST", "/api/v25/agents/deactivate", json=body, auth=no_auth).status_code == 204
    assert online(pce) == [("web1", False)]
    assert online(pce) == [("web1", False)]


# The stand-in


def output(host: Host) -> list[str]:
    """What `status` prints, without the variables of the environment."""
    return host.run(str(host.program), "status").stdout.splitlines()


def ven_of(pce: Client, hostname: str = "web1") -> str:
    """The HREF of a host's VEN."""
    (found,) = [ven for ven in pce.get(VENS) if ven["hostname"] == hostname]
    return str(found["href"])


def test_status_tells_version_and_pce(pce: Client, host: Host) -> None:
    host.pair(pce.mint())
    lines = output(host)
    assert "Version: 23.2.20-157" in lines
    assert f"PCE: {pce.simulator.host}:{pce.simulator.port}" in lines
    assert lines[-1] == "Agent State: illuminated"
    host.run(str(host.program), "deactivate")
    assert not any(line.startswith(("Version:", "PCE:")) for line in output(host))


def test_a_ven_that_the_pce_has_unpaired_removes_itself(pce: Client, host: Host, tmp_path: Path) -> None:
    host.pair(pce.mint())
    other = Host(pce, tmp_path, "web10")
    other.pair(pce.mint())
    assert unpair(pce, ven_of(pce), firewall_restore="disable").status_code == 204
    assert host.status() == (1, "Agent State: unpaired")
    assert not host.program.exists()
    assert not (tmp_path / "web1" / "data").exists()
    assert other.status() == (0, "Agent State: illuminated")
    # The host can be paired again.
    assert host.pair(pce.mint()).returncode == 0
    assert host.status() == (0, "Agent State: illuminated")
    assert sorted(hostnames(pce.get(WORKLOADS))) == ["web1", "web10"]


def test_a_heartbeat_changes_nothing_and_shows_no_token(pce: Client, host: Host) -> None:
    host.pair(pce.mint())
    before = pce.simulator.state()
    pce.simulator.clear_journal()
    host.status()
    (entry,) = pce.simulator.journal()
    assert (entry["method"], entry["path"], entry["status"]) == ("POST", "/api/v25/agents/heartbeat", 204)
    assert entry["mutating"] is False
    assert entry["body"] == {"ven": ven_of(pce), "token": "(redacted)"}
    assert pce.simulator.state() == before


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 403},
        {"kind": "status", "status": 404, "form": "html"},
        {"kind": "reset_before"},
        {"kind": "hang"},
    ],
)
def test_a_pce_that_is_away_changes_no_status(pce: Client, host: Host, fault: Json) -> None:
    host.pair(pce.mint())
    pce.simulator.fault(**fault, path="/agents/heartbeat")
    assert host.status() == (0, "Agent State: illuminated")
    assert host.program.exists()


def test_a_server_that_is_gone(host: Host, tmp_path: Path) -> None:
    with running(tmp_path / "other") as simulator:
        client = client_of(simulator)
        server = f"{simulator.host}:{simulator.port}"
        Host(client, tmp_path, "web1").pair(client.mint(), server=server)
        client.session.close()
    assert host.status() == (0, "Agent State: illuminated")
    done = host.run(str(host.program), "suspend")
    assert done.returncode == 0
    assert "WARNING: cannot reach" in done.stderr
    assert host.status() == (0, "Agent State: suspended")
    done = host.run(str(host.program), "unpair", "saved")
    assert (done.returncode, "WARNING" in done.stderr) == (0, True)
    assert not host.program.exists()


def test_suspending_on_the_host_is_shown_by_the_pce(pce: Client, host: Host) -> None:
    host.pair(pce.mint())
    for command, shown in (("suspend", "suspended"), ("unsuspend", "active")):
        done = host.run(str(host.program), command)
        assert (done.returncode, done.stderr) == (0, "")
        assert pce.get(ven_of(pce))["status"] == shown
        assert pce.get(WORKLOADS)[0]["agent"]["status"]["status"] == shown
    # The other way round the PCE only marks it.
    pce.ask("PUT", ven_of(pce), json={"status": "suspended"})
    assert host.status() == (0, "Agent State: illuminated")


def test_suspending_a_ven_that_the_pce_has_unpaired(pce: Client, host: Host) -> None:
    host.pair(pce.mint())
    unpair(pce, ven_of(pce))
    done = host.run(str(host.program), "suspend")
    assert (done.returncode, "WARNING: the PCE refused" in done.stderr) == (0, True)
    assert host.status() == (1, "Agent State: unpaired")


@pytest.mark.parametrize("action", ["heartbeat", "status", "deactivate"])
def test_a_ven_is_known_by_its_token(pce: Client, action: str) -> None:
    answer = pce.activate(pce.mint(), "web1").json()
    bodies: dict[str, Json] = {"heartbeat": {}, "status": {"status": "suspended"}, "deactivate": {"remove": True}}
    more = bodies[action]
    before = pce.simulator.state()
    for token in ("", "wrong", "é"):
        body = {"ven": answer["ven"], "token": token, **more}
        refused = pce.send("POST", f"/api/v25/agents/{action}", json=body, auth=no_auth)
        assert refused.status_code == (410 if action == "heartbeat" else 403)
    # A VEN of a seed has no token, and no token stands for that.
    seeded = pce.simulator.seed(generate={"workloads": 1})["workloads"][0]["ven"]["href"]
    body = {"ven": seeded, "token": "", **more}
    assert pce.send("POST", f"/api/v25/agents/{action}", json=body, auth=no_auth).status_code in (403, 410)
    assert pce.simulator.state()["workloads"][:1] == before["workloads"]
    assert len(pce.get(VENS)) == 2


@pytest.mark.parametrize("mode", ["recommended", "saved", "open"])
def test_every_way_to_unpair_on_the_host(pce: Client, host: Host, mode: str) -> None:
    host.pair(pce.mint())
    done = host.run(str(host.program), "unpair", mode)
    assert (done.returncode, done.stderr) == (0, "")
    assert not host.program.exists()
    assert pce.get(WORKLOADS) == []


def test_a_package_is_installed_and_activated_later(pce: Client, host: Host, tmp_path: Path) -> None:
    ca_pem = Path(pce.simulator.ca_path).read_text(encoding="utf-8")
    data = tmp_path / "web1" / "data"
    assert package.install(host.program.parent, data, ca_pem) == host.program
    assert host.status() == (1, "Agent State: unpaired")
    assert pce.get(WORKLOADS) == []
    server = f"{pce.simulator.host}:{pce.simulator.port}"
    activate = [str(host.program), "activate", "--management-server", server, "--activation-code"]
    assert host.run(*activate, "0" * 81).returncode == 1
    done = host.run(*activate, pce.mint())
    assert (done.returncode, done.stderr) == (0, "")
    assert hostnames(pce.get(WORKLOADS)) == ["web1"]
    # Installing it once more leaves the activation alone.
    package.install(host.program.parent, data, ca_pem)
    assert host.status() == (0, "Agent State: illuminated")
    assert host.run(str(host.program), "unpair", "open").returncode == 0
    assert not host.program.exists()


def test_the_script_and_the_package_install_the_same(pce: Client, host: Host, tmp_path: Path) -> None:
    host.pair(pce.mint())
    by_script = host.program.read_text(encoding="utf-8")
    assert not re.findall(r"@[A-Z_]+@", by_script)
    mode = host.program.stat().st_mode & 0o777
    installed = package.install(host.program.parent, tmp_path / "web1" / "data", "x")
    assert installed.read_text(encoding="utf-8") == by_script
    assert installed.stat().st_mode & 0o777 == mode == 0o755


def test_the_package_from_the_command_line(pce: Client, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.simulator.package", "--program-dir", f"{tmp_path}/p", "--data-dir"]
    ca_path = pce.simulator.ca_path
    done = subprocess.run(
        [*command, f"{tmp_path}/d", "--ca", ca_path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, f"{tmp_path}/p/illumio-ven-ctl")
    assert os.access(tmp_path / "p" / "illumio-ven-ctl", os.X_OK)
    assert (tmp_path / "d" / "etc" / "ca.pem").read_text() == Path(ca_path).read_text()
    done = subprocess.run(
        [*command, f"{tmp_path}/e", "--ca", f"{tmp_path}/nothing"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "cannot install" in done.stderr) == (1, True)
    assert not (tmp_path / "e").exists()


def test_the_stand_in_needs_no_newer_python_than_it_says() -> None:
    ast.parse(package.program(), feature_version=(3, 7))


def test_a_proxy_of_the_activation_is_that_of_the_heartbeat(pce: Client, host: Host, tmp_path: Path) -> None:
    host.pair(pce.mint())
    state = tmp_path / "web1" / "data" / "etc" / "state.json"
    stored = json.loads(state.read_text())
    with socket.create_server(("127.0.0.1", 0)) as closed:
        stored["connection"]["proxy"] = f"127.0.0.1:{closed.getsockname()[1]}"
    state.write_text(json.dumps(stored))
    unpair(pce, ven_of(pce))
    # Nobody answers at the proxy, so the VEN does not know.
    assert host.status() == (0, "Agent State: illuminated")
