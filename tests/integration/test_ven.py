"""pce_ven: unpairing, suspending and unsuspending through the PCE."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests import documented
from tests.integration.runner import Result, connection, run_module
from tests.simulator.launch import Simulator

HOSTS = ["web1", "web10", "my-web1", "db1"]


def _ven(number: int) -> str:
    return f"/orgs/1/vens/00000000-0000-4000-8000-{number:012d}"


def _workload(number: int, hostname: str, **properties: Any) -> dict[str, Any]:
    return {
        "href": f"/orgs/1/workloads/00000000-0000-4000-9000-{number:012d}",
        "hostname": hostname,
        "managed": True,
        "online": True,
        "ven": {"href": _ven(number), "hostname": hostname, "status": "active"},
        "agent": {"status": {"status": "active", "agent_version": "23.2.20-157"}},
        **properties,
    }


@pytest.fixture(autouse=True)
def _hosts(simulator: Simulator) -> None:
    simulator.seed(workloads=[_workload(number, hostname) for number, hostname in enumerate(HOSTS, 1)])


def run(simulator: Simulator, check: bool = False, **options: Any) -> Result:
    """Run the module; what it returns is what it documents."""
    result = run_module("pce_ven", {**connection(simulator), **options}, check=check)
    if not result.get("failed"):
        documented.check_result("pce_ven", result)
    return result


def paired(simulator: Simulator) -> list[str]:
    """The hostnames of the managed workloads."""
    return [item["hostname"] for item in simulator.state()["workloads"] if item["managed"]]


def statuses(simulator: Simulator) -> dict[str, str]:
    """What the PCE says of each VEN."""
    return {item["hostname"]: item["ven"]["status"] for item in simulator.state()["workloads"]}


def writes(simulator: Simulator) -> list[str]:
    """The requests that change something."""
    return [f"{item['method']} {item['path']}" for item in simulator.journal() if item["mutating"]]


GONE = [f"gone{number}" for number in range(5)]


@pytest.mark.parametrize(
    ("state", "options", "changed"),
    [
        ("unpaired", {"hostnames": ["web1"]}, ["web1"]),
        ("unpaired", {"hostnames": ["db1", "web1", "db1"]}, ["db1", "web1"]),
        ("unpaired", {"hrefs": [_ven(2), _ven(2)]}, ["web10"]),
        ("unpaired", {"hostnames": ["web1"], "hrefs": [_ven(1), _ven(4)]}, ["web1", "db1"]),
        ("unpaired", {"hostnames": ["web1", *GONE]}, ["web1"]),
        ("unpaired", {"hostnames": ["web", "WEB1"], "hrefs": [_ven(77)]}, []),
        ("unpaired", {"hostnames": []}, []),
        ("unpaired", {"hostnames": HOSTS, "hrefs": [_ven(1), _ven(2)], "firewall_restore": "saved"}, HOSTS),
        ("suspended", {"hostnames": ["web1"]}, ["web1"]),
        ("suspended", {"hostnames": HOSTS, "hrefs": [_ven(1), _ven(2)]}, HOSTS),
        ("active", {"hostnames": HOSTS}, []),
    ],
    ids=str,
)
def test_check_apply_apply_check(simulator: Simulator, state: str, options: dict[str, Any], changed: list[str]) -> None:
    foreseen = run(simulator, check=True, state=state, **options)
    assert writes(simulator) == []
    done = run(simulator, state=state, **options)
    assert done["changed"] is foreseen["changed"] is bool(changed)
    assert done["diff"] == foreseen["diff"]
    assert done["diff"]["before"] == dict.fromkeys(changed, "active")
    assert done["diff"]["after"] == dict.fromkeys(changed, state)
    assert done["vens"] == foreseen["vens"]
    assert [item["hostname"] for item in done["vens"] if item["changed"]] == changed
    left = [hostname for hostname in HOSTS if hostname not in changed]
    if state == "unpaired":
        assert paired(simulator) == left
        restored = simulator.state()["unpairings"]
        assert Counter(item["hostname"] for item in restored) == Counter(changed)
        assert {item["firewall_restore"] for item in restored} <= {options.get("firewall_restore", "default")}
    else:
        assert statuses(simulator) == {host: state if host in changed else "active" for host in HOSTS}
    simulator.clear_journal()
    for check in (False, True):
        again = run(simulator, check=check, state=state, **options)
        assert again["changed"] is False
        assert again["diff"] == {"before": {}, "after": {}}
    assert writes(simulator) == []


def test_active_unsuspends_what_is_suspended_and_nothing_else(simulator: Simulator) -> None:
    stopped = {"agent": {"status": {"status": "stopped"}}, "ven": {"href": _ven(3), "status": "stopped"}}
    simulator.seed(workloads=[_workload(3, "my-web1", **stopped)])
    assert run(simulator, hostnames=["web1", "web10"], state="suspended")["changed"]
    done = run(simulator, hostnames=HOSTS, state="active")
    assert [item["hostname"] for item in done["vens"] if item["changed"]] == ["web1", "web10"]
    assert statuses(simulator) == {"web1": "active", "web10": "active", "my-web1": "stopped", "db1": "active"}
    assert not run(simulator, hostnames=HOSTS, state="active")["changed"]


def test_a_failure_keeps_its_warnings(simulator: Simulator) -> None:
    simulator.fault("status", method="PUT", path="/vens/unpair", status=406, message="not today", times=None)
    failed = run(simulator, hostnames=["DB1", "web1"], state="unpaired")
    assert failed["failed"]
    assert "the PCE shows no VEN with hostname DB1, but one with db1" in str(failed["warnings"])


def test_a_suspended_ven_is_unsuspended_if_asked(simulator: Simulator) -> None:
    assert run(simulator, hostnames=["web1"], state="suspended")["changed"]
    failed = run(simulator, hostnames=["web1", "db1"], state="unpaired")
    assert "web1: its VEN is suspended" in failed["msg"]
    assert "set suspended to unsuspend" in failed["msg"]
    assert paired(simulator) == HOSTS
    assert run(simulator, check=True, hostnames=["web1"], state="unpaired", suspended="unsuspend")["changed"]
    assert statuses(simulator)["web1"] == "suspended"
    assert run(simulator, hostnames=["web1"], state="unpaired", suspended="unsuspend")["changed"]
    assert paired(simulator) == HOSTS[1:]


GUARDS: list[tuple[dict[str, Any], str]] = [
    ({"maximum": 1}, "nothing was unpaired: 2 VENs would be, and maximum is 1"),
    ({"maximum": -1}, "maximum: must be 0 or more"),
    ({"never_hostnames": ["DB*"]}, "db1: 'DB*' in never_hostnames keeps this host"),
    ({"never_labels": [{"role": "db"}]}, "db1: the label role=db in never_labels keeps this host"),
    ({"never_labels": [{"a": 1, "b": 2}]}, "never_labels"),
    ({"only_offline_for": 24}, "the PCE does not show its last heartbeat, so only_offline_for keeps it"),
    ({"only_offline_for": 0}, "only_offline_for: must be a number of hours above 0"),
]


@pytest.mark.parametrize(("guards", "words"), GUARDS, ids=str)
@pytest.mark.parametrize("check", [False, True])
def test_a_guard_keeps_all_vens(simulator: Simulator, guards: dict[str, Any], words: str, check: bool) -> None:
    (label,) = [item["href"] for item in simulator.state()["labels"] if item["value"] == "db"]
    simulator.seed(workloads=[_workload(4, "db1", labels=[{"href": label}])])
    failed = run(simulator, check, hostnames=["web1"], hrefs=[_ven(4)], state="unpaired", **guards)
    assert words in failed["msg"]
    assert paired(simulator) == HOSTS
    assert writes(simulator) == []


def test_vens_that_no_guard_keeps_are_unpaired(simulator: Simulator) -> None:
    guards: dict[str, Any] = {"maximum": 2, "never_hostnames": ["my-*"], "never_labels": [{"role": "db"}]}
    assert run(simulator, hostnames=["web1", "db1", "gone"], state="unpaired", **guards)["changed"]
    assert paired(simulator) == ["web10", "my-web1"]


@pytest.mark.parametrize("state", ["suspended", "active"])
def test_a_ven_that_is_not_there_cannot_be_marked(simulator: Simulator, state: str) -> None:
    failed = run(simulator, hostnames=["web1", "web", "gone"], hrefs=[_ven(77)], state=state)
    assert f"no VEN with hostname web, gone or href {_ven(77)}" in failed["msg"]
    assert writes(simulator) == []


@pytest.mark.parametrize("others", [[], ["db1", "web10", "my-web1", "gone1", "gone2"]], ids=["few", "many"])
def test_two_vens_of_one_hostname_are_an_error(simulator: Simulator, others: list[str]) -> None:
    simulator.seed(workloads=[_workload(5, "web1")])
    failed = run(simulator, hostnames=["web1", *others], state="unpaired")
    assert f"there are 2 VENs with hostname 'web1': {_ven(1)}, {_ven(5)}" in failed["msg"]
    assert failed["candidates"] == [_ven(1), _ven(5)]
    assert writes(simulator) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "hostnames, hrefs"),
        ({"hostnames": None}, "hostnames"),
        ({"hostnames": [""]}, "hostnames: '' is not a hostname"),
        ({"hostnames": [" web1"]}, "hostnames: ' web1' is not a hostname"),
        ({"hrefs": ["web1"]}, "hrefs: must be an href such as /orgs/1/vens/"),
        ({"hrefs": [f"{_ven(1)}/../../labels/1"]}, "hrefs: must be an href"),
        ({"hrefs": [_ven(1).replace("vens", "workloads")]}, "hrefs: must be the href of one of the vens"),
        ({"hrefs": [_ven(1).replace("/1/", "/2/")]}, "hrefs: belongs to organisation 2"),
        ({"hostnames": ["web1"], "state": "gone"}, "state"),
        ({"hostnames": ["web1"], "state": None}, "state"),
        ({"hostnames": ["web1"], "firewall_restore": "recommended"}, "firewall_restore"),
    ],
    ids=str,
)
def test_bad_input_makes_no_request(simulator: Simulator, options: dict[str, Any], words: str) -> None:
    failed = run(simulator, **{"state": "unpaired", **options})
    assert failed["failed"]
    assert words in failed["msg"]
    assert simulator.journal() == []


def _seed_many(simulator: Simulator, count: int) -> list[str]:
    simulator.settings(rate_limit=0, job_retry_after=0)
    simulator.seed(generate={"workloads": count, "prefix": "many"})
    return [f"many{number}" for number in range(1, count + 1)]


def test_batches_of_a_thousand(simulator: Simulator) -> None:
    hosts = _seed_many(simulator, 2300)
    done = run(simulator, hostnames=hosts, state="unpaired")
    assert done["changed"] is True
    assert paired(simulator) == HOSTS
    assert len(writes(simulator)) == 3
    assert not run(simulator, hostnames=hosts, state="unpaired")["changed"]


def test_no_more_than_ten_requests_a_minute(simulator: Simulator) -> None:
    hosts = _seed_many(simulator, 10_001)
    failed = run(simulator, hostnames=hosts, state="unpaired", deadline=50)
    assert "deadline: unpairing 10001 VENs takes 11 requests, and so at least 60 seconds at 10" in failed["msg"]
    assert writes(simulator) == []
    # The same under the limit is not held back.
    done = run(simulator, hostnames=hosts[:10_000], state="unpaired", deadline=50)
    assert done["changed"] is True
    assert len(writes(simulator)) == 10
    assert paired(simulator) == [*HOSTS, "many10001"]


def test_a_lost_answer_does_not_fail_the_task(simulator: Simulator) -> None:
    # The request is sent again, and then names a VEN that is gone.
    simulator.fault("reset_after", method="PUT", path="/vens/unpair")
    done = run(simulator, hostnames=["web1", "db1"], state="unpaired")
    assert done["changed"] is True
    assert paired(simulator) == ["web10", "my-web1"]


def test_somebody_else_unpaired_one_meanwhile(simulator: Simulator) -> None:
    # The PCE refuses the request as if web1 were gone, and then web1 is gone.
    simulator.fault("status", method="PUT", path="/vens/unpair", status=406, act=True, message="no such VEN")
    done = run(simulator, hostnames=["web1", "db1"], state="unpaired")
    assert done["changed"] is True
    assert paired(simulator) == ["web10", "my-web1"]


def test_a_refused_batch_says_what_was_done_before(simulator: Simulator) -> None:
    hosts = _seed_many(simulator, 1500)
    simulator.fault("status", method="PUT", path="/vens/unpair", skip=1, status=406, message="not today", times=None)
    failed = run(simulator, hostnames=hosts, state="unpaired")
    assert "not today" in failed["msg"]
    assert "1000 of 1500 VENs were unpaired before" in failed["msg"]
    assert failed["changed"] is True
    simulator.clear_faults()
    assert run(simulator, hostnames=hosts, state="unpaired")["changed"] is True
    assert paired(simulator) == HOSTS


def test_a_pce_that_goes_on_showing_a_ven_is_told(simulator: Simulator) -> None:
    simulator.fault("status", method="PUT", path="/vens/unpair", status=204, times=None)
    done = run(simulator, hostnames=["web1"], state="unpaired")
    assert "the PCE accepted the unpairing of web1 but still shows the VEN" in str(done["warnings"])


def test_one_that_is_refused_does_not_stop_the_others(simulator: Simulator) -> None:
    simulator.fault("status", method="PUT", path=_ven(2), status=406, message="not this one", times=None)
    failed = run(simulator, hostnames=HOSTS, state="suspended")
    assert failed["failed"]
    assert failed["changed"] is True
    assert "1 of 4 VENs failed: web10: " in failed["msg"]
    assert "not this one" in failed["msg"]
    assert statuses(simulator) == {"web1": "suspended", "web10": "active", "my-web1": "suspended", "db1": "suspended"}
    assert [item["error"] is None for item in failed["vens"]] == [True, False, True, True]


def test_wrong_credentials_stop_at_once(simulator: Simulator) -> None:
    failed = run(simulator, hostnames=["web1"], state="unpaired", api_secret="not-the-secret")
    assert "api_key or api_secret is wrong" in failed["msg"]
    assert len(simulator.journal()) == 1
    simulator.settings(permissions="read_only")
    failed = run(simulator, hostnames=HOSTS, state="suspended")
    assert "the API key lacks the permission" in failed["msg"]
    assert failed["changed"] is False
    assert len(writes(simulator)) == 1


@pytest.mark.parametrize("others", [[], ["gone1", "gone2", "gone3", "gone4", "gone5"]], ids=["few", "many"])
def test_a_hostname_in_other_letters_is_told(simulator: Simulator, others: list[str]) -> None:
    simulator.seed(workloads=[_workload(5, "app1.example.com")])
    done = run(simulator, hostnames=["DB1", "app1", "web", *others], state="unpaired")
    assert done["changed"] is False
    told = str(done["warnings"])
    assert "the PCE shows no VEN with hostname DB1, but one with db1" in told
    assert "the PCE shows no VEN with hostname app1, but one with app1.example.com" in told
    assert "hostname web," not in told


def test_two_vens_of_one_hostname_by_href(simulator: Simulator) -> None:
    simulator.seed(workloads=[_workload(5, "web1")])
    done = run(simulator, hrefs=[_ven(1), _ven(5)], state="suspended")
    assert done["diff"]["after"] == {f"web1 ({_ven(1)})": "suspended", f"web1 ({_ven(5)})": "suspended"}


def test_what_cannot_be_read_afterwards_is_told(simulator: Simulator) -> None:
    simulator.fault("status", method="GET", path="/vens", skip=3, status=500, times=None)
    done = run(simulator, hostnames=["web1"], state="unpaired")
    assert done["changed"] is True
    assert "could not be read afterwards" in str(done["warnings"])
    assert paired(simulator) == HOSTS[1:]
