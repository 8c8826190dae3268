"""The simulator against the API page: what others measured or publish, each variant by its setting."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.simulator.launch import running
from tests.simulator.objects import OBJECTS
from tests.simulator.settings import Settings
from tests.unit.test_simulator import DEFAULT, PROFILES, Client, client_of, names, no_auth, start_job, tokens
from tests.unit.test_simulator_labels_and_vens import (
    LABELS,
    VENS,
    WORKLOADS,
    hostnames,
    make_label,
    paired,
    pairs,
    unpair,
    uuid_of,
)

Json = dict[str, Any]

README = Path(__file__).parents[1] / "simulator" / "README.md"
DIMENSIONS = "/orgs/1/label_dimensions"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Start one simulator for all tests of this file."""
    with running(tmp_path_factory.mktemp("simulator"), set=["job_retry_after=0"]) as simulator:
        client = client_of(simulator)
        with client.session:
            yield client


@pytest.fixture
def pce(started: Client) -> Client:
    """Return the simulator as it started."""
    started.simulator.reset()
    return started


# Collections


def count(response: requests.Response) -> tuple[int, str | None]:
    """Return the objects of a page, and what its header counts."""
    assert response.status_code == 200, response.text
    return len(response.json()), response.headers.get("X-Total-Count")


def test_count_header_ignores_filters_when_set(pce: Client) -> None:
    pce.simulator.seed(workloads=[{"hostname": "a", "managed": True}, {"hostname": "b", "managed": False}])
    counted = {}
    for setting in ("matching", "all", "absent"):
        pce.simulator.settings(count_header=setting)
        answers = [pce.ask("GET", WORKLOADS, params=query) for query in ({"managed": "true"}, {})]
        counted[setting] = [count(answer) for answer in answers]
    assert counted == {"matching": [(1, "1"), (2, "2")], "all": [(1, "2"), (2, "2")], "absent": [(1, None), (2, None)]}


def test_count_header_leaves_out_deleted_labels(pce: Client) -> None:
    pce.simulator.settings(count_header="all")
    pce.ask("DELETE", f"{LABELS}/1")
    assert count(pce.ask("GET", LABELS, params={"key": "role"})) == (1, "5")


@pytest.mark.parametrize(("setting", "expected"), [("honour", 621), ("clamp", 500)])
def test_max_results_above_500_is_honoured_or_clamped(pce: Client, setting: str, expected: int) -> None:
    pce.simulator.seed(generate={"pairing_profiles": 620})
    pce.simulator.settings(large_pages=setting)
    assert count(pce.ask("GET", PROFILES, params={"max_results": 9999})) == (expected, "621")
    assert count(pce.ask("GET", PROFILES)) == (500, "621")


def test_respond_async_is_answered_at_once_when_set(pce: Client) -> None:
    pce.simulator.seed(generate={"pairing_profiles": 620})
    pce.simulator.settings(respond_async="at_once", large_pages="clamp")
    answer = pce.ask("GET", PROFILES, params={"name": "bulk-"}, headers={"Prefer": "respond-async"})
    assert count(answer) == (620, "620")
    assert pce.get("/orgs/1/jobs") == []


def test_respond_async_is_ignored_without_jobs(pce: Client) -> None:
    pce.simulator.seed(generate={"pairing_profiles": 620})
    pce.simulator.settings(without_jobs=["pairing_profiles"])
    preferred = {"headers": {"Prefer": "respond-async"}}
    assert count(pce.ask("GET", PROFILES, **preferred)) == (500, "621")
    assert count(pce.ask("GET", PROFILES, params={"max_results": 1000}, **preferred)) == (621, "621")
    assert pce.ask("GET", LABELS, **preferred).status_code == 202


# Jobs


@pytest.mark.parametrize("outcome", ["failed", "cancel_requested", "cancelled", "canceled"])
def test_job_ends_without_a_result_by_its_outcome(pce: Client, outcome: str) -> None:
    pce.simulator.settings(job_polls=0, job_outcome=outcome)
    job = pce.get(start_job(pce).headers["Location"])
    assert (job["status"], list(job["result"])) == (outcome, ["message"])
    assert job["terminated_at"]


def test_running_job_shows_each_word_in_turn(pce: Client) -> None:
    pce.simulator.settings(job_polls=4, job_words=["pending", "running", "queued_somewhere"])
    location = start_job(pce).headers["Location"]
    shown = [pce.get(location)["status"] for _turn in range(5)]
    assert shown == ["pending", "running", "queued_somewhere", "pending", "done"]


def test_location_is_relative_by_default(pce: Client) -> None:
    assert all(start_job(pce).headers["Location"].startswith("/orgs/1/jobs/") for _turn in range(2))
    pce.simulator.settings(job_location="absolute")
    assert start_job(pce).headers["Location"].startswith("https://")


def test_jobs_are_listed_without_a_poll(pce: Client) -> None:
    first, second = (start_job(pce).headers["Location"] for _turn in range(2))
    pce.get(first)
    assert pce.get(first)["status"] == "done"
    for _turn in range(3):
        assert {job["href"]: job["status"] for job in pce.get("/orgs/1/jobs")} == {first: "done", second: "running"}


# Transport


def test_media_type_is_bare_or_has_a_charset(pce: Client) -> None:
    def media() -> set[str]:
        answers = [
            pce.ask("GET", PROFILES),
            pce.ask("GET", DEFAULT),
            pce.ask("POST", LABELS, json={}),
            pce.ask("GET", DEFAULT, auth=no_auth),
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 406, 401]
        return {answer.headers["Content-Type"] for answer in answers}

    assert media() == {"application/json"}
    pce.simulator.settings(media_type="charset")
    assert media() == {"application/json; charset=utf-8"}
    pce.simulator.settings(error_form="html")
    assert pce.ask("POST", LABELS, json={}).headers["Content-Type"].startswith("text/html")


def test_too_many_requests_is_a_list_with_the_token(pce: Client) -> None:
    pce.simulator.settings(rate_limit=1)
    assert [pce.ask("GET", DEFAULT).status_code for _turn in range(2)] == [200, 429]
    (entry,) = pce.ask("GET", DEFAULT).json()
    assert entry["token"] == "too_many_requests_error"
    assert entry["message"]


def test_query_booleans_may_be_capitalised(pce: Client) -> None:
    pce.simulator.seed(workloads=[{"hostname": "a", "managed": True}, {"hostname": "b", "managed": False}])
    assert hostnames(pce.get(WORKLOADS, managed="True")) == ["a"]
    assert hostnames(pce.get(WORKLOADS, managed="False")) == ["b"]
    assert tokens(pce.ask("GET", LABELS, params={"include_deleted": "maybe"})) == {"input_validation_error"}


# What a PCE says of itself


def test_health_is_a_list_of_clusters(pce: Client) -> None:
    for status in ("normal", "warning", "error"):
        pce.simulator.settings(health=status)
        (cluster,) = pce.get("/health")
        assert (cluster["status"], cluster["fqdn"]) == (status, "pce.example.com")
        assert cluster["nodes"]
    pce.simulator.settings(health="absent")
    assert pce.ask("GET", "/health").status_code == 404


def test_product_version_has_its_five_parts(pce: Client) -> None:
    about = pce.get("/product_version")
    assert set(about) == {"version", "build", "long_display", "short_display", "engineering_info"}
    assert about["long_display"] == f"{about['version']}-{about['build']}"


def test_node_is_available(pce: Client) -> None:
    assert pce.get("/node_available") == {}


def test_settings_tell_of_the_maintenance_token(pce: Client) -> None:
    assert pce.get("/orgs/1/settings")["ven_maintenance_token_required"] is False
    pce.simulator.settings(ven_maintenance_token_required=True)
    settings = pce.get("/orgs/1/settings")
    assert settings["ven_maintenance_token_required"] is True
    assert settings.keys() >= {"clone_detection_enabled", "automatic_clone_reactivation"}


def test_workload_settings_are_those_of_the_organisation(pce: Client) -> None:
    settings = pce.get("/orgs/1/settings/workloads")
    assert settings["href"] == "/orgs/1/settings/workloads"
    assert settings["workload_disconnected_timeout_seconds"] == [{"scope": [], "value": 3600}]


def test_ven_releases_have_one_default(pce: Client) -> None:
    releases = pce.get("/orgs/1/software/ven/releases")
    assert [item["release"] for item in releases if item["default"]] == ["23.2.20-157"]
    assert len({item["release"] for item in releases}) == len(releases) > 1


# Label dimensions and labels


def test_label_dimensions_are_the_label_keys(pce: Client) -> None:
    pce.simulator.settings(label_keys=["role", "bu"])
    role, bu = pce.get(DIMENSIONS)
    assert (role["key"], role["display_name"], role["usage"]["labels"], role["caps"]) == (
        "role",
        "Role",
        True,
        ["write"],
    )
    assert (bu["key"], bu["usage"]["labels"], bu["caps"]) == ("bu", False, ["write", "delete"])
    assert role["href"].removeprefix(f"{DIMENSIONS}/").count("-") == 4
    assert pce.get(role["href"]) == role
    assert pce.get(DIMENSIONS, key="bu") == [bu]
    assert pce.ask("GET", f"{DIMENSIONS}/{uuid_of(1)}").status_code == 404


def test_old_pce_has_no_label_dimensions(pce: Client) -> None:
    pce.simulator.settings(label_dimensions=False)
    assert pce.ask("GET", DIMENSIONS).status_code == 404
    assert pce.ask("POST", DIMENSIONS, json={"key": "zone", "display_name": "Zone"}).status_code == 404
    make_label(pce, "os", "linux")


def test_new_label_dimension_gives_labels_a_key(pce: Client) -> None:
    new = {"key": "zone", "display_name": "Zone", "display_info": {"initial": "Z"}}
    created = pce.ask("POST", DIMENSIONS, json=new)
    assert created.status_code == 201
    dimension = created.json()
    assert dimension.items() >= new.items()
    label = make_label(pce, "zone", "dmz")
    assert tokens(pce.ask("POST", DIMENSIONS, json=new)) == {"label_dimension_must_be_unique"}
    assert pce.ask("PUT", dimension["href"], json={"display_name": "Area"}).status_code == 204
    assert pce.get(dimension["href"])["display_name"] == "Area"
    assert tokens(pce.ask("PUT", dimension["href"], json={"key": "x"})) == {"input_validation_error"}
    assert tokens(pce.ask("DELETE", dimension["href"])) == {"label_dimension_in_use"}
    pce.ask("DELETE", label["href"])
    assert pce.ask("DELETE", dimension["href"]).status_code == 204
    assert tokens(pce.ask("POST", LABELS, json={"key": "zone", "value": "x"})) == {"label_key_not_supported"}
    assert pce.ask("DELETE", pce.get(DIMENSIONS)[0]["href"]).status_code == 403


def test_deleting_a_deleted_label_is_refused_or_missing(pce: Client) -> None:
    pce.ask("DELETE", f"{LABELS}/1")
    refused = pce.ask("DELETE", f"{LABELS}/1")
    assert (refused.status_code, refused.json()["token"]) == (406, "label_already_deleted")
    pce.simulator.settings(deleted_again="missing")
    assert pce.ask("DELETE", f"{LABELS}/1").status_code == 404


def test_include_deleted_lists_deleted_labels(pce: Client) -> None:
    pce.ask("DELETE", f"{LABELS}/1")
    pce.simulator.settings(unknown_filters="refuse")
    for text, expected in (("true", 6), ("True", 6), ("false", 5)):
        assert len(pce.get(LABELS, include_deleted=text)) == expected
    assert pairs(pce.get(LABELS, include_deleted="true", value="web")) == {("role", "web")}


def test_usage_tells_what_has_a_label(pce: Client) -> None:
    pce.ask("PUT", DEFAULT, json={"labels": [{"href": f"{LABELS}/1"}]})
    pce.simulator.seed(workloads=[{"hostname": "a", "labels": [{"href": f"{LABELS}/4"}]}])
    used = {label["href"]: label["usage"] for label in pce.get(LABELS, usage="true")}
    assert [href for href, usage in used.items() if usage["pairing_profile"]] == [f"{LABELS}/1"]
    assert [href for href, usage in used.items() if usage["workload"]] == [f"{LABELS}/4"]
    assert not any(usage["rule"] for usage in used.values())
    assert all("usage" not in label for label in pce.get(LABELS))


@pytest.mark.parametrize("value", ["All Applications", "All Environments", "All Locations"])
def test_label_value_of_the_pce_itself_is_refused(pce: Client, value: str) -> None:
    assert tokens(pce.ask("POST", LABELS, json={"key": "app", "value": value})) == {"input_validation_error"}
    assert tokens(pce.ask("PUT", f"{LABELS}/3", json={"value": value})) == {"input_validation_error"}
    make_label(pce, "app", f"{value} but one")


# Pairing profiles


def test_new_profile_has_old_and_new_names_of_its_mode(pce: Client) -> None:
    both = pce.create(name="both", enforcement_mode="full", enforcement_mode_lock=True)
    assert (both["mode"], both["mode_lock"]) == ("enforced", True)
    assert pce.ask("PUT", both["href"], json={"enforcement_mode": "visibility_only"}).status_code == 204
    assert pce.get(both["href"])["mode"] == "illuminated"
    # The old name has no word for this.
    pce.ask("PUT", both["href"], json={"enforcement_mode": "selective"})
    assert "mode" not in pce.get(both["href"])
    pce.simulator.settings(mode_names="new")
    assert not {"mode", "mode_lock"} & set(pce.create(name="new"))


# Workloads


def test_new_workload_has_the_properties_of_the_page(pce: Client) -> None:
    profile = pce.create(name="p", enforcement_mode="idle")
    pce.activate(pce.mint(profile["href"]), "web1")
    (workload,) = pce.get(WORKLOADS)
    listed = {"deleted", "description", "visibility_level", "interfaces", "os_id", "caps", "external_data_set"}
    assert workload.keys() >= listed
    assert workload["agent"]["href"].startswith("/orgs/1/agents/")
    assert workload["agent"]["config"].items() >= {"mode": "idle", "visibility_level": "flow_summary"}.items()
    pce.simulator.settings(mode_names="new")
    (made,) = pce.simulator.seed(generate={"workloads": 1})["workloads"]
    assert "mode" not in made["agent"]["config"]


@pytest.mark.parametrize(("setting", "same"), [("shared", True), ("own", False)])
def test_ven_and_workload_share_a_uuid_or_not(pce: Client, setting: str, same: bool) -> None:
    pce.simulator.settings(ven_uuid=setting)
    (made,) = pce.simulator.seed(generate={"workloads": 1})["workloads"]
    for workload in (made, paired(pce)):
        ids = {href.rsplit("/", 1)[-1] for href in (workload["href"], workload["ven"]["href"])}
        assert (len(ids) == 1) is same


def test_workloads_are_filtered_by_enforcement_mode(pce: Client) -> None:
    pce.simulator.seed(workloads=[{"hostname": mode, "enforcement_mode": mode} for mode in ("idle", "full")])
    pce.simulator.settings(unknown_filters="refuse")
    assert hostnames(pce.get(WORKLOADS, enforcement_mode="full")) == ["full"]


def test_include_labels_shows_labels_of_workloads_in_full(pce: Client) -> None:
    pce.simulator.seed(workloads=[{"hostname": "a", "labels": [{"href": f"{LABELS}/1"}]}])
    pce.simulator.settings(unknown_filters="refuse")
    assert pce.get(WORKLOADS, include="labels")[0]["labels"] == [{"href": f"{LABELS}/1", "key": "role", "value": "web"}]
    assert pce.get(WORKLOADS, include_deleted="true")[0]["labels"] == [{"href": f"{LABELS}/1"}]


CHANGES: Json = {
    "enforcement_mode": "full",
    "visibility_level": "flow_off",
    "labels": [{"href": f"{LABELS}/1"}],
    "name": "Web 1",
    "description": "front end",
    "external_data_set": "cmdb",
    "external_data_reference": "7",
}


@pytest.mark.parametrize("name", CHANGES)
def test_put_of_a_workload_changes_one_property(pce: Client, name: str) -> None:
    before = paired(pce)
    answer = pce.ask("PUT", before["href"], json={name: CHANGES[name]})
    assert (answer.status_code, answer.content) == (204, b"")
    after = pce.get(before["href"])
    assert after[name] == CHANGES[name] != before[name]
    places = {name, "updated_at"} | ({"agent"} if name in ("enforcement_mode", "visibility_level") else set())
    assert {key for key in before if before[key] != after[key]} <= places


def test_put_of_a_mode_reaches_agent_and_ven(pce: Client) -> None:
    workload = paired(pce)
    pce.ask("PUT", workload["href"], json={"enforcement_mode": "full", "visibility_level": "flow_off"})
    config = pce.get(workload["href"])["agent"]["config"]
    assert (config["mode"], config["visibility_level"]) == ("enforced", "flow_off")
    (shown,) = pce.get(workload["ven"]["href"])["workloads"]
    assert (shown["mode"], shown["enforcement_mode"]) == ("enforced", "full")


@pytest.mark.parametrize(
    ("body", "token"),
    [
        ({"enforcement_mode": "enforced"}, "input_validation_error"),
        ({"visibility_level": "all"}, "input_validation_error"),
        ({"managed": False}, "input_validation_error"),
        ({"unknown": 1}, "input_validation_error"),
        ({"labels": [{"href": f"{LABELS}/99"}]}, "invalid_label_reference"),
        ({"labels": [{"href": f"{LABELS}/1"}, {"href": f"{LABELS}/2"}]}, "duplicate_label_key"),
    ],
)
def test_workload_body_that_is_not_valid_is_406(pce: Client, body: Json, token: str) -> None:
    before = paired(pce)
    assert tokens(pce.ask("PUT", before["href"], json=body)) == {token}
    assert tokens(pce.ask("POST", WORKLOADS, json=body)) == {token}
    assert pce.get(WORKLOADS) == [before]
    assert pce.ask("PUT", f"{WORKLOADS}/{uuid_of(1)}", json={}).status_code == 404


def test_unmanaged_workload_is_created_and_deleted(pce: Client) -> None:
    new = {"name": "printer", "hostname": "lp1", "labels": [{"href": f"{LABELS}/1"}], "enforcement_mode": "idle"}
    created = pce.ask("POST", WORKLOADS, json=new)
    assert created.status_code == 201
    workload = created.json()
    assert workload.items() >= {**new, "managed": False, "online": False, "ven": None}.items()
    assert pce.get(workload["href"]) == workload
    assert pce.get(VENS) == []
    managed = paired(pce)
    assert tokens(pce.ask("DELETE", managed["href"])) == {"workload_managed_cannot_be_deleted"}
    assert pce.ask("DELETE", workload["href"]).status_code == 204
    assert pce.ask("DELETE", workload["href"]).status_code == 404


def bulk(pce: Client, what: str, body: Any) -> list[Json]:
    """Return the entries of a bulk operation's answer."""
    answer = pce.ask("PUT", f"{WORKLOADS}/bulk_{what}", json=body)
    assert answer.status_code == 200, answer.text
    entries: list[Json] = answer.json()
    return entries


def test_bulk_update_answers_an_entry_for_each(pce: Client) -> None:
    good, bad = paired(pce, "web1"), paired(pce, "web2")
    missing = f"{WORKLOADS}/{uuid_of(1)}"
    entries = bulk(
        pce,
        "update",
        [
            {"href": good["href"], "enforcement_mode": "full"},
            {"href": bad["href"], "enforcement_mode": "enforced"},
            {"href": missing, "name": "x"},
        ],
    )
    assert [entry["href"] for entry in entries] == [good["href"], bad["href"], missing]
    assert [entry["status"] for entry in entries] == ["updated", "validation_failure", "error"]
    assert all(entry["token"] and entry["message"] for entry in entries[1:])
    modes = {item["hostname"]: item["enforcement_mode"] for item in pce.get(WORKLOADS)}
    assert modes == {"web1": "full", "web2": "visibility_only"}


def test_bulk_update_takes_1000_workloads(pce: Client) -> None:
    made = pce.simulator.seed(generate={"workloads": 1001})["workloads"]
    body = [{"href": workload["href"], "name": "n"} for workload in made]
    refused = pce.ask("PUT", f"{WORKLOADS}/bulk_update", json=body)
    assert tokens(refused) == {"input_validation_error"}
    assert "1001" in refused.text
    assert {entry["status"] for entry in bulk(pce, "update", body[:1000])} == {"updated"}
    assert tokens(pce.ask("PUT", f"{WORKLOADS}/bulk_update", json=[])) == {"input_validation_error"}
    assert tokens(pce.ask("PUT", f"{WORKLOADS}/bulk_update", json={"href": "x"})) == {"input_validation_error"}


def test_second_bulk_operation_is_429(pce: Client) -> None:
    hrefs = [paired(pce, name)["href"] for name in ("web1", "web2")]
    pce.simulator.settings(bulk_seconds=1)

    def update(href: str) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            session.verify, session.auth = pce.simulator.ca_path, pce.session.auth
            return Client(pce.simulator, session).ask(
                "PUT", f"{WORKLOADS}/bulk_update", json=[{"href": href, "name": "n"}]
            )

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(update, hrefs))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert [len(refused), len(answers)] == [1, 2]
    assert refused[0].json()[0]["token"] == "too_many_requests_error"
    pce.simulator.settings(bulk_seconds=0)
    assert [update(href).status_code for href in hrefs] == [200, 200]


def test_bulk_create_and_delete_of_unmanaged_workloads(pce: Client) -> None:
    created = bulk(
        pce, "create", [{"hostname": "a"}, {"hostname": "b", "labels": [{"href": f"{LABELS}/99"}]}, {"x": 1}]
    )
    assert [entry["status"] for entry in created] == ["created", "error", "validation_failure"]
    assert hostnames(pce.get(WORKLOADS)) == ["a"]
    managed = paired(pce)
    (entry,) = bulk(pce, "delete", [{"href": created[0]["href"]}, {"href": managed["href"]}])
    assert (entry["href"], entry["token"]) == (managed["href"], "workload_managed_cannot_be_deleted")
    assert hostnames(pce.get(WORKLOADS)) == ["web1"]


def labels_of(pce: Client, workload: Json) -> list[int]:
    """Return the numbers of a workload's labels."""
    return [int(label["href"].rsplit("/", 1)[-1]) for label in pce.get(workload["href"])["labels"]]


def test_set_labels_replaces_those_of_the_same_key(pce: Client) -> None:
    workload = paired(pce)

    def put(*numbers: int, **more: Any) -> int:
        labels = [{"href": f"{LABELS}/{number}"} for number in numbers]
        body = {"workloads": [{"href": workload["href"]}], "labels": labels, **more}
        return pce.ask("PUT", f"{WORKLOADS}/set_labels", json=body).status_code

    assert put(1, 3) == 204
    assert put(2) == 204
    assert labels_of(pce, workload) == [3, 2]
    assert put(4, delete_existing_keys=["app"]) == 204
    assert labels_of(pce, workload) == [2, 4]
    assert put(6, delete_existing=True) == 204
    assert labels_of(pce, workload) == [6]
    assert put(99) == put(1, 2) == 406
    assert labels_of(pce, workload) == [6]


def test_remove_labels_by_key_or_reference(pce: Client) -> None:
    workload = paired(pce)
    pce.ask("PUT", workload["href"], json={"labels": [{"href": f"{LABELS}/{number}"} for number in (1, 3, 4)]})

    def remove(**what: Any) -> int:
        body = {"workloads": [{"href": workload["href"]}], **what}
        return pce.ask("PUT", f"{WORKLOADS}/remove_labels", json=body).status_code

    assert remove(keys=["role"]) == 204
    assert labels_of(pce, workload) == [3, 4]
    assert remove(labels=[{"href": f"{LABELS}/4"}]) == 204
    assert labels_of(pce, workload) == [3]
    assert remove() == 406
    unknown = {"workloads": [{"href": f"{WORKLOADS}/{uuid_of(1)}"}], "keys": ["app"]}
    assert tokens(pce.ask("PUT", f"{WORKLOADS}/remove_labels", json=unknown)) == {"invalid_uri"}


# VENs

CONDITION = {
    "first_reported_timestamp": "2026-01-02T03:04:05.678Z",
    "latest_event": {"notification_type": "agent.missed_heartbeats", "severity": "warning"},
}


def seed_vens(pce: Client) -> None:
    """Store three VENs that differ in all that a filter looks at."""
    common = {"status": "active", "workloads": []}
    pce.simulator.seed(
        vens=[
            {
                **common,
                "hostname": "a",
                "version": "22.5.34-10",
                "os_platform": "linux",
                "labels": [{"href": f"{LABELS}/1"}],
                "interfaces": [{"name": "eth0", "address": "192.0.2.1"}],
                "conditions": [],
                "last_heartbeat_at": "2026-01-01T00:00:00.000Z",
            },
            {
                **common,
                "hostname": "b",
                "version": "24.2.10-300",
                "os_platform": "windows",
                "labels": [{"href": f"{LABELS}/4"}],
                "interfaces": [{"name": "eth0", "address": "198.51.100.1"}, {"name": "lo", "address": None}],
                "conditions": [CONDITION],
                "last_heartbeat_at": "2026-01-03T00:00:00.000Z",
            },
            {**common, "hostname": "c", "conditions": [{"latest_event": {"severity": "err"}}], "labels": None},
        ]
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"health": "healthy"}, "a"),
        ({"health": "warning"}, "b"),
        ({"health": "error"}, "c"),
        ({"condition": "agent.missed_heartbeats"}, "b"),
        ({"ip_address": "192.0.2.1"}, "a"),
        ({"ip_address": "198.51."}, "b"),
        ({"version": "24.2.10-300"}, "b"),
        ({"version": "24.2"}, ""),
        ({"labels": json.dumps([[f"{LABELS}/1"], [f"{LABELS}/4"]])}, "ab"),
        ({"os_platform": "windows"}, "b"),
        ({"last_heartbeat_at[lte]": "2026-01-02T00:00:00Z"}, "a"),
        ({"last_heartbeat_at[gte]": "2026-01-02T00:00:00+00:00"}, "b"),
        ({"last_heartbeat_at[gte]": "2026-01-01T00:00:00.000Z", "health": "healthy"}, "a"),
    ],
)
def test_vens_are_filtered(pce: Client, query: dict[str, str], expected: str) -> None:
    seed_vens(pce)
    pce.simulator.settings(unknown_filters="refuse")
    assert "".join(sorted(hostnames(pce.get(VENS, **query)))) == expected


@pytest.mark.parametrize("query", [{"last_heartbeat_at[lte]": "yesterday"}, {"labels": "role"}])
def test_ven_filter_that_is_not_valid_is_406(pce: Client, query: dict[str, str]) -> None:
    seed_vens(pce)
    assert tokens(pce.ask("GET", VENS, params=query)) == {"input_validation_error"}


def test_seeded_ven_is_shown_as_it_is(pce: Client) -> None:
    seed_vens(pce)
    stored = pce.simulator.state()["vens"]
    assert pce.get(VENS) == stored
    assert [pce.get(ven["href"]) for ven in stored] == stored
    (workload,) = pce.simulator.seed(
        workloads=[{"hostname": "a", "managed": True, "ven": {"href": stored[0]["href"]}, "agent": None}]
    )["workloads"]
    assert pce.ask("PUT", stored[0]["href"], json={"status": "suspended"}).status_code == 204
    assert pce.get(stored[0]["href"]) == {**stored[0], "status": "suspended"}
    assert pce.get(workload["href"])["ven"]["status"] == "suspended"
    # Pairing the host again makes it active, here too.
    paired(pce, "a")
    assert pce.get(stored[0]["href"]) == stored[0]
    assert unpair(pce, stored[0]["href"]).status_code == 204
    assert hostnames(pce.get(VENS)) == ["b", "c"]
    assert pce.get(WORKLOADS) == []


def test_ven_shows_its_health_when_set(pce: Client) -> None:
    seed_vens(pce)
    assert not any("health" in ven for ven in pce.get(VENS))
    pce.simulator.settings(ven_health="shown")
    assert {ven["hostname"]: ven["health"] for ven in pce.get(VENS)} == {"a": "healthy", "b": "warning", "c": "error"}


def test_put_of_a_ven_takes_name_description_status(pce: Client) -> None:
    before = paired(pce)["ven"]["href"]
    shown = pce.get(before)
    body = {"name": "Web 1", "description": "front end", "status": "suspended"}
    assert pce.ask("PUT", before, json=body).status_code == 204
    after = pce.get(before)
    assert {key for key in shown if shown[key] != after[key]} <= {*body, "updated_at"}
    assert after.items() >= body.items()
    assert pce.ask("PUT", before, json={"description": None}).status_code == 204
    assert pce.get(before).items() >= {**body, "description": None}.items()
    assert tokens(pce.ask("PUT", before, json={"hostname": "x"})) == {"input_validation_error"}


def test_type_of_a_ven_is_that_of_its_profile(pce: Client) -> None:
    profile = pce.create(name="laptops", ven_type="endpoint")
    pce.activate(pce.mint(profile["href"]), "laptop1")
    paired(pce, "web1")
    assert {ven["hostname"]: ven["ven_type"] for ven in pce.get(VENS)} == {"laptop1": "endpoint", "web1": "server"}


def heartbeat(pce: Client, answer: Json) -> None:
    """Let a VEN be heard of."""
    body = {"ven": answer["ven"], "token": answer["token"]}
    assert pce.send("POST", "/api/v25/agents/heartbeat", json=body, auth=no_auth).status_code == 204


def test_heartbeat_moves_the_time_of_the_last_one(pce: Client) -> None:
    answer = pce.activate(pce.mint(), "web1").json()
    before = pce.get(answer["ven"])["last_heartbeat_at"]
    pce.simulator.settings(clock_offset=60)
    heartbeat(pce, answer)
    after = pce.get(answer["ven"])["last_heartbeat_at"]
    assert after > before
    assert pce.get(answer["workload"])["agent"]["status"]["last_heartbeat_on"] == after


def test_suspended_ven_cannot_be_unpaired_when_set(pce: Client) -> None:
    suspended, active = (paired(pce, name)["ven"]["href"] for name in ("web1", "web2"))
    pce.ask("PUT", suspended, json={"status": "suspended"})
    pce.simulator.settings(suspended_unpair="refused")
    answer = unpair(pce, suspended, active)
    assert answer.status_code == 200
    (entry,) = answer.json()["errors"]
    assert (entry["token"], entry["hrefs"]) == ("ven_suspended", [suspended])
    assert entry["message"]
    assert hostnames(pce.get(VENS)) == ["web1"]
    assert [item["ven"] for item in pce.simulator.state()["unpairings"]] == [active]
    pce.ask("PUT", suspended, json={"status": "active"})
    assert unpair(pce, suspended).status_code == 204


def test_ven_with_unpair_allowed_false_stays(pce: Client) -> None:
    (golden,) = pce.simulator.seed(vens=[{"hostname": "image", "unpair_allowed": False, "golden_image": True}])["vens"]
    answer = unpair(pce, golden["href"])
    assert answer.status_code == 200
    assert answer.json()["errors"][0]["hrefs"] == [golden["href"]]
    assert hostnames(pce.get(VENS)) == ["image"]


def test_refusal_of_one_ven_keeps_all_paired_when_set(pce: Client) -> None:
    golden = pce.simulator.seed(vens=[{"hostname": "image", "unpair_allowed": False}])["vens"][0]["href"]
    other = paired(pce)["ven"]["href"]
    pce.simulator.settings(unpair_refusal="none")
    answer = unpair(pce, other, golden)
    assert [entry["hrefs"] for entry in answer.json()["errors"]] == [[golden]]
    assert sorted(hostnames(pce.get(VENS))) == ["image", "web1"]
    assert pce.simulator.state()["unpairings"] == []


def test_unpair_answers_an_empty_list_when_set(pce: Client) -> None:
    pce.simulator.settings(unpair_answer="list")
    answer = unpair(pce, paired(pce)["ven"]["href"])
    assert (answer.status_code, answer.json()) == (200, {"errors": []})
    assert pce.get(VENS) == []


def test_unpair_limit_of_a_call_can_be_lowered(pce: Client) -> None:
    hrefs = [paired(pce, name)["ven"]["href"] for name in ("web1", "web2")]
    pce.simulator.settings(unpair_max=1)
    assert tokens(unpair(pce, *hrefs)) == {"input_validation_error"}
    assert unpair(pce, hrefs[0]).status_code == 204


def upgrade(pce: Client, *hrefs: str, release: str = "24.2.10-300", **more: Any) -> list[Json]:
    """Return the errors of an upgrade."""
    body = {"vens": [{"href": href} for href in hrefs], "release": release, **more}
    answer = pce.ask("PUT", f"{VENS}/upgrade", json=body)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["errors"]
    errors: list[Json] = answer.json()["errors"]
    return errors


def test_upgrade_is_done_when_the_ven_is_heard_of(pce: Client) -> None:
    answer = pce.activate(pce.mint(), "web1").json()
    ven = answer["ven"]
    assert upgrade(pce, ven, dry_run=True) == []
    assert pce.get(ven)["upgrade_target_version"] is None
    assert upgrade(pce, ven) == []
    waiting = pce.get(ven)
    assert (waiting["version"], waiting["upgrade_target_version"]) == ("23.2.20-157", "24.2.10-300")
    assert waiting["upgrade_expires_at"]
    heartbeat(pce, answer)
    done = pce.get(ven)
    assert (done["version"], done["upgrade_target_version"], done["upgrade_expires_at"]) == ("24.2.10-300", None, None)
    assert pce.get(answer["workload"])["agent"]["status"]["agent_version"] == "24.2.10-300"


def test_upgrade_tells_what_cannot_be_upgraded(pce: Client) -> None:
    ven = paired(pce)["ven"]["href"]
    other = f"{VENS}/{uuid_of(1)}"
    for dry_run in (True, False):
        (entry,) = upgrade(pce, ven, other, dry_run=dry_run)
        assert (entry["token"], entry["hrefs"]) == ("invalid_ven_reference", [other])
        (entry,) = upgrade(pce, ven, release="99.0", dry_run=dry_run)
        assert (entry["token"], entry["hrefs"]) == ("invalid_release", [ven])
    assert pce.get(ven)["upgrade_target_version"] is None


def test_upgrade_takes_25000_vens(pce: Client) -> None:
    vens = [{"href": "x"}] * 25_001
    refused = pce.ask("PUT", f"{VENS}/upgrade", json={"vens": vens, "release": "24.2.10-300"})
    assert tokens(refused) == {"input_validation_error"}
    assert "25001" in refused.text
    assert pce.ask("PUT", f"{VENS}/upgrade", json={"vens": vens[1:], "release": "24.2.10-300"}).status_code == 200


def test_compatibility_report_is_empty_until_there_is_one(pce: Client) -> None:
    workload = paired(pce)
    href = f"{workload['ven']['href']}/compatibility_report"
    assert pce.get(href) == {}
    pce.simulator.settings(compatibility_report="yellow")
    assert pce.get(href) == {}
    pce.ask("PUT", workload["href"], json={"enforcement_mode": "idle"})
    reports = {}
    for status in ("green", "yellow", "red"):
        pce.simulator.settings(compatibility_report=status)
        reports[status] = pce.get(href)
    assert {status: report["qualify_status"] for status, report in reports.items()} == {key: key for key in reports}
    tests = {status: report["results"]["qualify_tests"] for status, report in reports.items()}
    assert "required_packages_missing" not in json.dumps(tests["green"])
    assert [item["status"] for item in tests["red"]] == ["green", "red"]
    assert tests["red"][1]["required_packages_missing"]
    assert pce.ask("GET", f"{VENS}/{uuid_of(1)}/compatibility_report").status_code == 404


def test_compatibility_reports_have_a_rate_limit_of_their_own(pce: Client) -> None:
    href = f"{paired(pce)['ven']['href']}/compatibility_report"
    pce.simulator.settings(compatibility_rate_limit=2)
    assert [pce.ask("GET", href).status_code for _turn in range(3)] == [200, 200, 429]
    assert pce.ask("GET", VENS).status_code == 200


# Objects in the shape of real ones


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_of_real_shape_are_kept_as_they_are(pce: Client, name: str) -> None:
    stored = pce.simulator.seed(**OBJECTS)
    assert stored[name] == OBJECTS[name]
    collection = OBJECTS[name][0]["href"].rpartition("/")[0]
    shown = {item["href"]: item for item in pce.get(collection, include_deleted="true")}
    for item in OBJECTS[name]:
        assert shown[item["href"]] == pce.get(item["href"]) == item


def test_objects_of_real_shape_pass_each_filter(pce: Client) -> None:
    pce.simulator.seed(**OBJECTS)
    assert sorted(hostnames(pce.get(VENS, hostname="LOCALHOST"))) == ["localhost.localdomain"] * 2
    assert hostnames(pce.get(VENS, health="error")) == ["a" * 63 + ".example.com"]
    assert hostnames(pce.get(VENS, condition="agent.missed_heartbeats")) == ["db_1"]
    assert hostnames(pce.get(VENS, ip_address="2001:db8::5")) == ["db_1"]
    assert len(pce.get(VENS, **{"last_heartbeat_at[gte]": "2020-01-01T00:00:00Z"})) == 8
    assert len(pce.get(VENS, labels=f'[["{LABELS}/1001"]]')) == 5
    assert len(pce.get(WORKLOADS, managed="false")) == 2
    assert hostnames(pce.get(WORKLOADS, enforcement_mode="selective")) == ["WIN-7KQ2.Corp.Example.COM"]


# Mistakes


@pytest.mark.parametrize(
    "wrong",
    [
        {"count_header": "some"},
        {"respond_async": "never"},
        {"without_jobs": ["rules"]},
        {"job_words": []},
        {"large_pages": 1000},
        {"connector_names": {"unknown": "x"}},
        {"connector_names": {"id": "a..b"}},
    ],
)
def test_setting_that_is_not_valid_is_refused(pce: Client, wrong: Json) -> None:
    with pytest.raises(ValueError, match="the simulator refuses"):
        pce.simulator.settings(**wrong)


def test_readme_lists_every_setting() -> None:
    text = README.read_text(encoding="utf-8")
    section = text.partition("## Settings")[2].partition("\n## ")[0]
    listed = [name for row in re.findall(r"^\| ([a-z_, ]+) \|", section, re.M) for name in row.split(", ")]
    assert sorted(name for name in listed if name != "name") == sorted(Settings().as_json())


def test_reset_brings_back_label_keys_and_vens(pce: Client) -> None:
    seed_vens(pce)
    pce.ask("POST", DIMENSIONS, json={"key": "zone", "display_name": "Zone"})
    pce.simulator.reset()
    assert "zone" not in {item["key"] for item in pce.get(DIMENSIONS)}
    assert pce.get(VENS) == []
    assert names(pce.get(PROFILES)) == {"Default"}
