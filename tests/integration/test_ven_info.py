"""pce_ven_info, pce_ven_compatibility_info and pce_ven_upgrade: what is known of VENs, and their releases."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from tests import documented
from tests.integration.runner import Result, connection, run_module
from tests.simulator.launch import Simulator
from tests.simulator.objects import OBJECTS

Json = dict[str, Any]
OLD, DEFAULT, NEW = "22.5.34-10", "23.2.20-157", "24.2.10-300"
"""The releases of the simulator."""


def href(number: int, kind: str = "vens") -> str:
    return f"/orgs/1/{kind}/00000000-0000-4000-8000-{number:012}"


def workload(number: int, hostname: str, mode: str = "visibility_only", version: str = DEFAULT, **more: Any) -> Json:
    return {
        "href": href(number, "workloads"),
        "hostname": hostname,
        "name": None,
        "managed": True,
        "online": True,
        "enforcement_mode": mode,
        "labels": [{"href": "/orgs/1/labels/1"}],
        "ven": {"href": href(number), "hostname": hostname, "status": "active", "version": version},
        "agent": {"status": {"status": "active", "agent_version": version}},
        **more,
    }


HOSTS = [
    workload(1, "web1"),
    workload(2, "web2", "idle", OLD),
    workload(3, "web3", "idle", labels=[]),
    workload(4, "web4", "full", NEW, online=False),
]


def run(simulator: Simulator, module: str, check: bool = False, **options: Any) -> Result:
    result = run_module(module, {**connection(simulator), **options}, check=check)
    if not result.get("failed"):
        documented.check_result(module, result)
    return result


def hostnames(simulator: Simulator, **options: Any) -> list[str]:
    result = run(simulator, "pce_ven_info", **options)
    assert not result.get("failed"), result
    return [ven["hostname"] for ven in result["vens"]]


def writes(simulator: Simulator) -> list[str]:
    return [f"{item['method']} {item['path']}" for item in simulator.journal() if item["mutating"]]


def upgrade(simulator: Simulator, check: bool = False, **options: Any) -> Result:
    return run(simulator, "pce_ven_upgrade", check, **options)


@pytest.fixture
def hosts(simulator: Simulator) -> Simulator:
    simulator.seed(workloads=HOSTS)
    simulator.clear_journal()
    return simulator


# The list of VENs.


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [1, 2, 3, 4]),
        ({"hostnames": ["web2", "web4"]}, [2, 4]),
        ({"hostname": "WEB1"}, [1]),
        ({"hostname": "WEB1", "exact": True}, []),
        ({"version": [OLD, NEW]}, [2, 4]),
        ({"labels": [{"role": "web"}]}, [1, 2, 4]),
        ({"status": ["suspended"]}, []),
        ({"ven_type": ["server"], "os_platform": ["linux"]}, [1, 2, 3, 4]),
        ({"problems": ["offline"]}, [4]),
        ({"problems": ["outdated"]}, []),
        ({"problems": ["outdated", "offline"], "outdated_before": "23.2.20"}, [2, 4]),
        ({"outdated_before": DEFAULT, "problems": ["outdated"]}, [2]),
        ({"href": href(3)}, [3]),
        ({"max_results": 1}, [1]),
    ],
    ids=str,
)
def test_filters_select_vens(hosts: Simulator, options: Json, expected: list[int]) -> None:
    assert hostnames(hosts, **options) == [f"web{number}" for number in expected]
    assert writes(hosts) == []


def test_filters_hold_where_a_pce_ignores_them(simulator: Simulator) -> None:
    """The simulator knows no filter by ven_type; the hours without a heartbeat are compared by the module too."""
    simulator.seed(**OBJECTS)
    assert hostnames(simulator, ven_type=["endpoint"]) == ["image-w11"]
    assert len(hostnames(simulator, offline_for=24)) == 8
    assert hostnames(simulator, offline_for=900_000) == []
    assert hostnames(simulator, heard_within=0.001) == []
    assert len(hostnames(simulator, heard_within=900_000)) == len(hostnames(simulator, offline_for=0.001))
    tampered = hostnames(simulator, conditions=["agent.tampering", "agent.other"])
    assert tampered == hostnames(simulator, problems=["tampered"])
    assert len(tampered) == 1
    assert hostnames(simulator, conditions=["tampering"]) == []


def test_ven_is_found_by_an_address_of_its_host(simulator: Simulator) -> None:
    simulator.seed(**OBJECTS)
    vens = run(simulator, "pce_ven_info")["vens"]
    address = next(ven["addresses"][0] for ven in vens if ven["addresses"])
    found = run(simulator, "pce_ven_info", ip_address=address)["vens"]
    assert found == [ven for ven in vens if address in ven["addresses"]]


def test_health_is_filtered_where_the_pce_shows_it(simulator: Simulator) -> None:
    simulator.seed(**OBJECTS)
    assert hostnames(simulator, health=["error"]) == []
    simulator.settings(ven_health="shown")
    assert hostnames(simulator, health=["error"]) == hostnames(simulator, problems=["error"]) != []


def test_duplicate_is_told_though_its_namesake_does_not_match(simulator: Simulator) -> None:
    """The VEN of a host that was reinstalled is silent, and the new one is not."""
    old, new = workload(1, "web1"), workload(2, "web1")
    old["ven"]["last_heartbeat_at"] = "2020-01-01T00:00:00Z"
    new["ven"]["last_heartbeat_at"] = datetime.now(timezone.utc).isoformat()
    simulator.seed(workloads=[old, new])
    (found,) = run(simulator, "pce_ven_info", offline_for=24)["vens"]
    assert (found["href"], found["problems"]) == (href(1), ["duplicate"])


def test_problems_of_real_shapes_are_named(simulator: Simulator) -> None:
    simulator.seed(**OBJECTS)
    result = run(simulator, "pce_ven_info", outdated_before="23.1")
    problems = {ven["href"][-2:]: ven["problems"] for ven in result["vens"] if ven["problems"]}
    assert problems == {
        "02": ["outdated"],
        "03": ["suspended", "duplicate"],
        "04": ["duplicate"],
        "09": ["offline", "error", "tampered"],
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outdated_before": "new"}, "outdated_before: must be a release such as 23.2.20"),
        ({"offline_for": 0}, "offline_for: must be a number of hours above 0"),
        ({"heard_within": -1}, "heard_within: must be a number of hours above 0"),
        ({"ip_address": "10.0.0"}, "ip_address: must be an IP address, not '10.0.0'"),
        ({"conditions": []}, "conditions: must not be an empty list"),
        ({"hostnames": []}, "hostnames: must not be an empty list"),
        ({"hostname": "web", "hostnames": ["web"]}, "mutually exclusive"),
        ({"problems": ["broken"]}, "problems"),
        ({"labels": [{"role": "wbe"}]}, "labels: unknown label role=wbe; closest matches: role=web"),
        ({"href": "/orgs/1/workloads/1"}, "href: must be the href of one of the vens"),
    ],
    ids=str,
)
def test_bad_filter_is_named(hosts: Simulator, options: Json, message: str) -> None:
    result = run(hosts, "pce_ven_info", **options)
    assert result["failed"]
    assert message in result["msg"]


# Compatibility.


def test_reports_are_read_of_idle_vens_only(hosts: Simulator) -> None:
    hosts.settings(compatibility_report="green", odd_hosts={"web2": ["red"]})
    reports = run(hosts, "pce_ven_compatibility_info")["compatibility_reports"]
    assert [(item["hostname"], item["status"]) for item in reports] == [("web2", "red"), ("web3", "green")]
    assert reports[0]["failed_tests"] == ["required_packages_missing: ipset"]
    assert sum(item["path"].endswith("compatibility_report") for item in hosts.journal()) == 2
    found = run(hosts, "pce_ven_compatibility_info", status=["red", "yellow"])["compatibility_reports"]
    assert [item["hostname"] for item in found] == ["web2"]


def test_missing_report_has_no_status(hosts: Simulator) -> None:
    reports = run(hosts, "pce_ven_compatibility_info", status=["none"], hostnames=["web1", "web2"])
    assert [(item["hostname"], item["status"]) for item in reports["compatibility_reports"]] == [("web2", None)]


def test_reports_that_do_not_fit_the_deadline_are_not_begun(hosts: Simulator) -> None:
    result = run(hosts, "pce_ven_compatibility_info", max_requests_per_minute=1, deadline=30)
    assert "deadline" in result["msg"]
    assert not any("compatibility_report" in item["path"] for item in hosts.journal())


# Upgrades.


@pytest.mark.parametrize("release", [DEFAULT, "23.2.20"])
def test_upgrade_is_ordered_once(hosts: Simulator, release: str) -> None:
    options: Json = {"hostnames": ["web1", "web2", "web3"], "release": release}
    foreseen = upgrade(hosts, check=True, **options)
    assert writes(hosts) == []
    done = upgrade(hosts, **options)
    for result in (foreseen, done):
        assert [(ven["hostname"], ven["changed"]) for ven in result["vens"]] == [
            ("web1", False),
            ("web2", True),
            ("web3", False),
        ]
    assert foreseen["diff"] == done["diff"] == {"before": {"web2": OLD}, "after": {"web2": DEFAULT}}
    assert writes(hosts) == ["PUT /api/v2/orgs/1/vens/upgrade"]
    hosts.clear_journal()
    # The upgrade is under way, and then done.
    for _look in range(2):
        for check in (True, False):
            assert upgrade(hosts, check=check, **options)["changed"] is False
        hosts.settings(upgrade_looks=0)
    assert writes(hosts) == []


def test_wait_ends_when_all_show_the_release(hosts: Simulator) -> None:
    hosts.settings(upgrade_looks=1)
    result = upgrade(hosts, hostnames=["web1", "web2"], release=NEW, wait_timeout=60)
    assert not result.get("failed"), result
    assert [ven["version"] for ven in result["vens"]] == [NEW, NEW]


@pytest.mark.parametrize(
    ("odd", "shown"), [("upgrade_fails", f"it shows {OLD}"), ("upgrade_offline", f"it shows {NEW}")]
)
def test_ven_that_fails_is_named_and_stops_the_batches(hosts: Simulator, odd: str, shown: str) -> None:
    hosts.settings(upgrade_looks=0, odd_hosts={"web2": [odd]})
    result = upgrade(hosts, hostnames=["web2", "web1", "web3"], release=NEW, wait_timeout=1, batch_size=1)
    assert result["failed"]
    assert result["changed"]
    assert "web2: it does not show release 24.2.10-300 and an online workload 1 seconds after" in result["msg"]
    assert shown in result["msg"]
    assert [ven["changed"] for ven in result["vens"]] == [True, False, False]
    assert "web1: skipped: an earlier batch had a failure" in result["msg"]
    assert len(writes(hosts)) == 1


def test_downgrade_requires_an_option(hosts: Simulator) -> None:
    options: Json = {"hostnames": ["web1", "web4"], "release": DEFAULT}
    result = upgrade(hosts, **options)
    assert "23.2.20-157 is older than the release of web4, or that is unknown; nothing was changed" in result["msg"]
    assert writes(hosts) == []
    assert upgrade(hosts, **options, allow_downgrade=True)["changed"]


@pytest.mark.parametrize("version", ["25.1.0-beta", "next"])
def test_unknown_release_is_not_downgraded(simulator: Simulator, version: str) -> None:
    simulator.seed(workloads=[workload(1, "web1", version=version)])
    assert "or that is unknown" in upgrade(simulator, hostnames=["web1"], release=OLD)["msg"]
    assert writes(simulator) == []


def test_failed_upgrade_does_not_turn_green_in_a_second_run(hosts: Simulator) -> None:
    options: Json = {"hostnames": ["web2"], "release": NEW, "wait_timeout": 1}
    for changed in (True, False):  # the order is under way, and no VEN carries it out
        result = upgrade(hosts, **options)
        assert (result["failed"], result["changed"]) == (True, changed)
        assert "web2: it does not show release 24.2.10-300" in result["msg"]
    assert len(writes(hosts)) == 1


def test_refusal_of_one_does_not_keep_the_others_from_their_order(hosts: Simulator) -> None:
    """The PCE answers 200 with an error for one VEN, and has ordered nothing: the others are ordered once more."""
    hosts.settings(odd_hosts={"web1": ["upgrade_refused"]})
    result = upgrade(hosts, hostnames=["web1", "web2"], release=NEW)
    assert (result["failed"], result["changed"]) == (True, True)
    assert [ven["changed"] for ven in result["vens"]] == [False, True]
    assert [ven["error"] is None for ven in result["vens"]] == [False, True]


@pytest.mark.parametrize("named", [{"hostnames": []}, {"hrefs": []}, {"hostnames": [], "hrefs": []}], ids=str)
def test_upgrade_of_no_ven_is_an_error_unless_allowed(hosts: Simulator, named: Json) -> None:
    told = upgrade(hosts, release=NEW, **named)["msg"]
    assert told == f"{next(iter(named))}: names no VEN; set allow_empty: true if that is intended"
    allowed = upgrade(hosts, release=NEW, allow_empty=True, **named)
    assert (allowed["changed"], allowed["vens"]) == (False, [])


def test_ven_that_is_upgraded_to_another_release_is_ordered_back(hosts: Simulator) -> None:
    assert upgrade(hosts, hostnames=["web1"], release=NEW)["changed"]
    foreseen = upgrade(hosts, hostnames=["web1"], release=DEFAULT, check=True)
    done = upgrade(hosts, hostnames=["web1"], release=DEFAULT)
    assert foreseen["changed"] is done["changed"] is True
    assert upgrade(hosts, hostnames=["web1"], release=DEFAULT)["changed"] is False


def test_dry_run_of_the_pce_changes_nothing(hosts: Simulator) -> None:
    options: Json = {"hostnames": ["web2"], "release": NEW, "dry_run": True}
    assert upgrade(hosts, check=True, **options)["changed"]
    assert writes(hosts) == []
    assert upgrade(hosts, **options)["changed"] is False
    assert all("upgrade_target_version" not in ven for ven in hosts.state()["vens"])


BAD: list[tuple[Json, str]] = [
    (
        {"hostnames": ["web1"], "release": "24.2.11"},
        "release: the PCE has no release 24.2.11; closest matches: 24.2.10-300",
    ),
    ({"hostnames": ["web1"], "release": "latest"}, "release: must be a release such as"),
    ({"hostnames": ["wbe1"], "release": NEW}, "no VEN with hostname wbe1 (exact match)"),
    ({"hrefs": [href(77)], "release": NEW}, f"no VEN with href {href(77)}"),
    ({"release": NEW}, "hostnames, hrefs"),
    ({"hostnames": ["web1"]}, "release"),
    ({"hostnames": ["web1"], "release": NEW, "batch_size": 0}, "batch_size: must be 1 to 25000"),
    ({"hostnames": ["web1"], "release": NEW, "wait_timeout": -1}, "wait_timeout: must be 0 or more"),
    ({"hostnames": ["web1"], "release": NEW, "wait_timeout": 900, "deadline": 60}, "wait_timeout: must be less than"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=str)
@pytest.mark.parametrize("check", [True, False])
def test_bad_upgrade_is_told_before_any_order(hosts: Simulator, options: Json, message: str, check: bool) -> None:
    result = upgrade(hosts, check=check, **options)
    assert result["failed"]
    assert message in result["msg"]
    assert not result.get("changed")
    assert writes(hosts) == []


def test_lost_answer_of_an_order_is_settled_by_a_look(hosts: Simulator) -> None:
    hosts.fault("reset_after", method="PUT", path="vens/upgrade", times=10)
    result = upgrade(hosts, hostnames=["web2"], release=NEW)
    assert not result.get("failed"), result
    assert [(ven["changed"], ven["error"]) for ven in result["vens"]] == [(True, None)]


def test_order_that_may_have_been_lost_is_unknown(hosts: Simulator) -> None:
    hosts.fault("reset_before", method="PUT", path="vens/upgrade", times=10)
    result = upgrade(hosts, hostnames=["web2"], release=NEW)
    assert result["failed"]
    assert result["changed"]
    assert "it is unknown whether the VEN was told to upgrade to" in result["vens"][0]["error"]
