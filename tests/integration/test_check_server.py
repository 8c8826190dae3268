"""check_server: which assumptions hold on a server, each single difference, and no value of it in the output."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.directory_hosts import pce_variables
from tests.integration.runner import Ended, connection, connector, run_module, run_playbook
from tests.integration.test_connector_instance import OTHER_NAMES, VPC
from tests.integration.test_connector_instance import SETTINGS as AWS_SETTINGS
from tests.simulator.launch import Simulator
from tests.simulator.objects import OBJECTS, PROFILES, WORKLOADS

PLAYBOOK = "microseg.enforcement.check_server"
MAX_REQUESTS = 60
INSTANCE = {
    "controller": "10.92.82.18",
    "controller_username": "admin",
    "controller_password": "the password of the controller",
    "address_space_type": "Project",
    "address_space_name": "demo",
}

Json = dict[str, Any]


def check_pce(simulator: Simulator, **options: Any) -> Json:
    """Return the findings at the PCE by their IDs."""
    simulator.clear_journal()
    result = run_module("pce_check_info", {**connection(simulator), **options})
    assert not result.get("failed"), result
    assert result["changed"] is False
    return by_id(result)


def check_connector(simulator: Simulator, name: str = "contrail", **options: Any) -> Json:
    """Return the result of a check of a connector server."""
    result = run_module("pe_check_info", {**connector(simulator, name), **options})
    assert not result.get("failed"), result
    found: Json = result["check"]
    return found


def by_id(result: Json) -> Json:
    return {item["id"]: item for item in result["check"]["findings"]}


def differing(findings: Json) -> set[str]:
    return {name for name, item in findings.items() if item["verdict"] == "differs"}


def test_default_pce_shows_no_difference(simulator: Simulator) -> None:
    simulator.seed(**OBJECTS)
    findings = check_pce(simulator)
    assert differing(findings) == set()
    unseen = {name for name, item in findings.items() if item["verdict"] == "not_seen"}
    assert unseen == {"pce_page", "pce_large_page"}  # 12 labels show nothing of a page of 500
    journal = simulator.journal()
    assert len(journal) <= MAX_REQUESTS
    assert {entry["method"] for entry in journal} == {"GET"}


SETTINGS: list[tuple[str, Json, set[str]]] = [
    ("a media type with a charset", {"media_type": "charset"}, {"media_type"}),
    ("a count that ignores filters", {"count_header": "all"}, {"count_with_filter"}),
    ("no count", {"count_header": "absent"}, {"count"}),
    ("unknown filters that are refused", {"unknown_filters": "refuse"}, {"unknown_filter"}),
    ("URLs of jobs", {"job_location": "absolute"}, {"job_location"}),
    ("jobs without Retry-After", {"job_retry_after": None}, {"job_retry_after"}),
    ("jobs with an unknown word", {"job_words": ["queued"]}, {"job_running"}),
    ("jobs that fail", {"job_outcome": "failed"}, {"job_end"}),
    ("jobs that are canceled", {"job_outcome": "canceled"}, {"job_end"}),
    ("no jobs, but answers at once", {"respond_async": "at_once"}, {"job"}),
    ("no jobs for VENs", {"without_jobs": ["vens"]}, {"job"}),
    ("no label dimensions", {"label_dimensions": False}, {"label_dimensions"}),
    ("deleted labels that are listed", {"show_deleted_labels": True}, {"deleted_labels"}),
    ("errors with a page", {"error_form": "html"}, {"not_found", "bad_query"}),
    ("errors with a number", {"error_form": "number"}, {"not_found", "bad_query"}),
    ("a cluster with a warning", {"health": "warning"}, {"health"}),
    ("no health", {"health": "absent"}, {"health"}),
    ("VENs with their health", {"ven_health": "shown"}, {"ven_properties"}),
]
"""Settings of the simulator, one at a time, and the assumptions that do not hold then."""


@pytest.mark.parametrize(("settings", "expected"), [pytest.param(*case[1:], id=case[0]) for case in SETTINGS])
def test_one_setting_is_the_only_difference(simulator: Simulator, settings: Json, expected: set[str]) -> None:
    simulator.seed(**OBJECTS)
    simulator.settings(**settings)
    assert differing(check_pce(simulator)) == {f"pce_{name}" for name in expected}


def without(raw: Mapping[str, Any], *names: str) -> Json:
    return {name: value for name, value in raw.items() if name not in names}


MANAGED = [raw for raw in WORKLOADS if raw["managed"]]

CHANGES: list[tuple[str, Json, set[str]]] = [
    ("an unknown property", {"pairing_profiles": [{**PROFILES[0], "new_flag": True}]}, {"profile_properties"}),
    ("a property of another type", {"pairing_profiles": [{**PROFILES[0], "enabled": "yes"}]}, {"profile_types"}),
    ("a missing property", {"workloads": [without(raw, "online") for raw in MANAGED]}, {"workload_properties"}),
    ("no old name of a mode", {"pairing_profiles": [without(PROFILES[0], "mode")]}, {"mode_names"}),
    (
        "labels by HREF only",
        {"workloads": [{**raw, "labels": [{"href": "/orgs/1/labels/1001"}]} for raw in MANAGED]},
        {"workload_labels"},
    ),
    (
        "VENs with other UUIDs",
        {"workloads": [{**MANAGED[0], "ven": {"href": OBJECTS["vens"][1]["href"]}}]},
        {"ven_uuid"},
    ),
]
"""Objects in the place of others, and the assumptions that do not hold then."""


@pytest.mark.parametrize(("objects", "expected"), [pytest.param(*case[1:], id=case[0]) for case in CHANGES])
def test_one_object_is_the_only_difference(simulator: Simulator, objects: Json, expected: set[str]) -> None:
    simulator.seed(**{**OBJECTS, **objects})
    assert differing(check_pce(simulator)) == {f"pce_{name}" for name in expected}


@pytest.mark.parametrize(("large_pages", "expected"), [("honour", set()), ("clamp", {"pce_large_page"})])
def test_pages_are_seen_with_more_than_500_objects(simulator: Simulator, large_pages: str, expected: set[str]) -> None:
    simulator.seed(generate={"workloads": 501, "prefix": "bulk"})
    simulator.settings(large_pages=large_pages)
    findings = check_pce(simulator)
    assert findings["pce_page"] == {**findings["pce_page"], "verdict": "holds", "seen": 500}
    assert {name for name in differing(findings) if "page" in name} == expected


def test_unknown_property_is_named_with_its_type(simulator: Simulator) -> None:
    simulator.seed(**{**OBJECTS, "pairing_profiles": [{**PROFILES[0], "new": [{"of_type": 7}], "10.0.0.1": None}]})
    seen = check_pce(simulator)["pce_profile_properties"]["seen"]
    assert seen["unknown"]["new"] == [[{"of_type": "integer"}]]
    assert "10.0.0.1" not in json.dumps(seen)
    assert seen["unknown"]["(another name)"] == ["null"]


def test_read_only_key_sees_the_same(simulator: Simulator) -> None:
    simulator.seed(**OBJECTS)
    simulator.settings(permissions="read_only")
    assert differing(check_pce(simulator)) == set()


def test_forbidden_collection_was_not_seen(simulator: Simulator) -> None:
    simulator.seed(**OBJECTS)
    simulator.fault("status", status=403, method="GET", path="/vens", times=100)
    findings = check_pce(simulator)
    assert findings["pce_ven_properties"]["verdict"] == "not_seen"
    assert findings["pce_workload_properties"]["verdict"] == "holds"


def test_wrong_secret_is_one_error(simulator: Simulator) -> None:
    result = run_module("pce_check_info", {**connection(simulator), "api_secret": "not that"})
    assert result["failed"]
    assert "api_key or api_secret is wrong" in result["msg"]
    assert "\n" not in result["msg"]


def test_failing_server_ends_the_check_at_the_limit(simulator: Simulator) -> None:
    simulator.seed(**OBJECTS)
    simulator.fault("status", status=503, method="GET", path="/product_version", times=100)
    simulator.fault("status", status=503, method="GET", path="/labels", times=500)
    findings = check_pce(simulator)
    assert len(simulator.journal()) <= MAX_REQUESTS
    assert findings["pce_release"]["verdict"] == "not_seen"


# Connector servers.


def seed_instance(simulator: Simulator) -> None:
    result = run_module("pe_connector_instance", {**connector(simulator, "contrail"), **INSTANCE})
    assert not result.get("failed"), result


def seed_aws_instance(simulator: Simulator, directory: Path, names: Json) -> None:
    """Create an instance with settings on a server that has other ``names``."""
    (directory / "names.json").write_text(json.dumps(names))
    (directory / "key.pem").write_text("the key")
    simulator.settings(connector_names=names)
    options = {"file_settings": {"PRIVATE_KEY_FILE": str(directory / "key.pem")}, "additional_settings": AWS_SETTINGS}
    aws = {**connector(simulator, "aws"), "json_names_path": str(directory / "names.json")}
    result = run_module("pe_connector_instance", {**aws, **VPC, **options})
    assert not result.get("failed"), result


def test_default_connector_shows_no_difference(simulator: Simulator) -> None:
    seed_instance(simulator)
    simulator.clear_journal()
    check = check_connector(simulator)
    assert differing(by_id({"check": check})) == set()
    assert check["proposed_names"] == {}
    assert {entry["method"] for entry in simulator.journal()} == {"GET"}


def test_connector_without_instances_is_seen_in_part(simulator: Simulator) -> None:
    findings = by_id({"check": check_connector(simulator)})
    assert differing(findings) == set()
    assert findings["pe_instance_names"]["verdict"] == "not_seen"


def test_echoed_password_is_a_difference(simulator: Simulator) -> None:
    seed_instance(simulator)
    simulator.settings(connector_secrets="echoed")
    check = check_connector(simulator)
    assert differing(by_id({"check": check})) == {"pe_secrets"}
    assert "the password of the controller" not in json.dumps(check)


def test_proposed_names_lead_to_the_instances(simulator: Simulator, tmp_path: Path) -> None:
    own = {"id": "uuid", "controller": "target.address", "controller_username": "login.user", "settings": "options"}
    own |= {"address_space_name": "tenant.name", "address_space_type": "tenant.type", "setting_name": "key"}
    seed_aws_instance(simulator, tmp_path, own)
    check = check_connector(simulator, "aws")
    assert "pe_instance_names" in differing(by_id({"check": check}))
    proposed = check["proposed_names"]
    assert {name: text for name, text in proposed.items() if own.get(name) != text} == {}
    assert {"id", "controller", "settings", "setting_name"} <= {*proposed}
    path = tmp_path / "proposed.yml"
    path.write_text(yaml.safe_dump(proposed))
    again = by_id({"check": check_connector(simulator, "aws", json_names_path=str(path))})
    assert differing(again) <= {"pe_instance_properties"}


def test_names_without_a_clue_are_not_proposed(simulator: Simulator, tmp_path: Path) -> None:
    seed_aws_instance(simulator, tmp_path, OTHER_NAMES)
    proposed = check_connector(simulator, "aws")["proposed_names"]
    assert {name: text for name, text in proposed.items() if OTHER_NAMES[name] != text} == {}
    assert "setting_name" in proposed


# The playbook.


def play(simulator: Simulator, tmp_path: Path, *flags: str, **variables: Any) -> Ended:
    given = {**pce_variables(simulator), **variables}
    (tmp_path / "variables.json").write_text(json.dumps(given))
    return run_playbook(PLAYBOOK, "-e", f"@{tmp_path}/variables.json", *flags, cwd=tmp_path)


VALUES = re.compile(
    r"10\.92\.82\.18|demo|SRX_USERNAME|joe|example\.com|PP-|R-Web|192\.0\.2|web-01|localhost|cmdb|CI000"
)
"""What only values of the servers say."""


def test_playbook_writes_a_page_without_values(simulator: Simulator, tmp_path: Path) -> None:
    simulator.seed(**OBJECTS)
    seed_instance(simulator)
    own = connector(simulator, "contrail")
    ended = play(simulator, tmp_path, pe_connector_url=own["connector_url"], pe_ca_path=own["ca_path"])
    assert ended.status == 0, ended.output
    assert "Up to 60 requests are sent to the PCE and up to 60 to the connector server" in ended.output
    assert re.search(r"\d+ assumptions hold, 0 differ \(none\)", ended.output)
    page, data = (tmp_path / "check-server.md"), (tmp_path / "check-server.json")
    assert {oct(file.stat().st_mode & 0o777) for file in (page, data)} == {"0o600"}
    assert set(json.loads(data.read_text())) == {"PCE", "Connector server"}
    text = page.read_text() + data.read_text()
    assert VALUES.findall(text) == []
    assert len(text) < 60_000
    assert page.read_text().count("\n| ") > 40


def test_playbook_in_check_mode_writes_nothing(simulator: Simulator, tmp_path: Path) -> None:
    ended = play(simulator, tmp_path, "--check")
    assert ended.status == 0, ended.output
    assert not list(tmp_path.glob("check-server*"))


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"ven_pce_host": ""}, "ven_pce_host (or PCE_HOST) or pe_connector_url (or PE_CONNECTOR_URL) is required"),
        ({"check_server_path": "x.json"}, "check_server_path must not end with .json"),
        ({"check_server_path": "/does/not/exist.md"}, "check_server_path: there is no directory /does/not"),
        ({"check_server_path": "/tmp"}, "check_server_path must be a file, and not a directory"),
    ],
    ids=str,
)
def test_wrong_variable_is_named_before_any_request(
    simulator: Simulator, tmp_path: Path, variables: Json, message: str
) -> None:
    simulator.clear_journal()
    ended = play(simulator, tmp_path, **variables)
    assert ended.status != 0
    assert message in ended.output
    assert simulator.journal() == []
