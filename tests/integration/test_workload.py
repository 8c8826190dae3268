"""pce_workload and pce_workloads: properties of managed workloads, one by one and many by one request."""

from __future__ import annotations

from typing import Any

import pytest

from tests import documented
from tests.integration.runner import Result, connection, run_module
from tests.simulator.launch import Simulator
from tests.simulator.objects import OBJECTS

WEB, SHOP, PROD = ({"href": f"/orgs/1/labels/{number}"} for number in (1, 3, 4))
"""Labels that the simulator starts with: role=web, app=shop, env=prod."""

Json = dict[str, Any]


def href(number: int) -> str:
    return f"/orgs/1/workloads/00000000-0000-4000-8000-{number:012}"


def workload(number: int, hostname: str, *labels: Json, **more: Any) -> Json:
    ven = {"href": href(number).replace("workloads", "vens"), "hostname": hostname, "status": "active"}
    return {
        "href": href(number),
        "hostname": hostname,
        "name": None,
        "managed": True,
        "online": True,
        "enforcement_mode": "visibility_only",
        "visibility_level": "flow_summary",
        "labels": list(labels),
        "ven": ven,
        "agent": {"config": {"mode": "illuminated"}, "status": {"status": "active"}},
        **more,
    }


HOSTS = [
    workload(1, "web1", WEB, PROD),
    workload(2, "web10", WEB, PROD),
    workload(3, "db1", PROD, enforcement_mode="full"),
    workload(4, "idle1", WEB, enforcement_mode="idle"),
]
GONE = workload(9, "web1", WEB, managed=False, ven=None)
"""What is left of web1 from before it was reinstalled."""


@pytest.fixture(autouse=True)
def _hosts(simulator: Simulator) -> None:
    simulator.seed(workloads=[*HOSTS, GONE])
    simulator.clear_journal()


def run(simulator: Simulator, module: str, check: bool = False, **options: Any) -> Result:
    result = run_module(module, {**connection(simulator), **options}, check=check)
    if not result.get("failed"):
        documented.check_result(module, result)
    return result


def writes(simulator: Simulator) -> list[str]:
    return [f"{item['method']} {item['path']}" for item in simulator.journal() if item["mutating"]]


def stored(simulator: Simulator, number: int) -> Json:
    (found,) = [item for item in simulator.state()["workloads"] if item["href"] == href(number)]
    return dict(found)


# One workload.

CASES: list[tuple[Json, Json]] = [
    ({"hostname": "web1", "enforcement_mode": "full"}, {"enforcement_mode": "full"}),
    ({"href": href(1), "visibility_level": "flow_drops"}, {"visibility_level": "flow_drops"}),
    ({"hostname": "web1", "labels": [{"role": "web"}, {"app": "shop"}]}, {"labels": [WEB, SHOP]}),
    ({"hostname": "web1", "labels": []}, {"labels": []}),
    ({"hostname": "web1", "name": "Web", "description": "x"}, {"name": "Web", "description": "x"}),
    (
        {"hostname": "web1", "external_data_set": "cmdb", "external_data_reference": "7"},
        {"external_data_set": "cmdb", "external_data_reference": "7"},
    ),
]


@pytest.mark.parametrize(("options", "expected"), CASES, ids=str)
def test_workload_is_changed_once(simulator: Simulator, options: Json, expected: Json) -> None:
    foreseen = run(simulator, "pce_workload", check=True, **options)
    assert writes(simulator) == []
    done = run(simulator, "pce_workload", **options)
    assert foreseen["changed"] is done["changed"] is True
    assert foreseen["diff"] == done["diff"]
    assert foreseen["workload"] == done["workload"]
    assert writes(simulator) == [f"PUT /api/v2{href(1)}"]
    assert {name: stored(simulator, 1)[name] for name in expected} == expected
    simulator.clear_journal()
    for check in (True, False):
        again = run(simulator, "pce_workload", check=check, **options)
        assert again["changed"] is False
        assert again["workload"] == done["workload"]
    assert writes(simulator) == []


def test_both_ways_give_the_same_result(simulator: Simulator) -> None:
    options = {**connection(simulator), "hostname": "web1", "enforcement_mode": "full"}
    ways = [run_module("pce_workload", options, check=True, in_worker=in_worker) for in_worker in (True, False)]
    assert ways[0] == ways[1]


BAD: list[tuple[Json, str]] = [
    ({}, "hostname, href"),
    ({"hostname": "web1", "href": href(1)}, "mutually exclusive"),
    ({"hostname": ""}, "hostname: must not be empty"),
    (
        {"hostname": "wbe1", "enforcement_mode": "full"},
        "there is no workload with hostname 'wbe1'; the nearest are 'web1'",
    ),
    ({"href": href(77), "enforcement_mode": "full"}, f"there is no workload {href(77)}"),
    ({"href": href(9), "enforcement_mode": "full"}, "has no VEN"),
    ({"href": "/orgs/1/vens/1"}, "href: must be the href of one of the workloads"),
    ({"hostname": "web1", "enforcement_mode": "fulll"}, "enforcement_mode"),
    ({"hostname": "web1", "labels": [{"role": "wbe"}]}, "labels: there is no label role=wbe; the nearest are role=web"),
    ({"hostname": "web1", "labels": [{"rol": "web"}], "create_labels": True}, "labels: label rol=web: key is unknown"),
    ({"hostname": "web1", "labels": [{"role": "web"}, {"role": "db"}]}, "more than one label of one key"),
    ({"hostname": "web1", "name": "x" * 256}, "name: must have at most 255"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=str)
def test_bad_input_names_the_option_and_writes_nothing(simulator: Simulator, options: Json, message: str) -> None:
    result = run(simulator, "pce_workload", **options)
    assert result["failed"]
    assert message in result["msg"]
    assert not result.get("changed")
    assert writes(simulator) == []


def test_two_managed_namesakes_are_an_error(simulator: Simulator) -> None:
    simulator.seed(workloads=[workload(5, "web1")])
    result = run(simulator, "pce_workload", hostname="web1", enforcement_mode="full")
    assert "there are 2 workloads with hostname 'web1'" in result["msg"]
    assert writes(simulator) == []


def test_refused_mode_is_passed_on(simulator: Simulator) -> None:
    simulator.settings(odd_hosts={"web1": ["mode_refused"]})
    result = run(simulator, "pce_workload", hostname="web1", enforcement_mode="full")
    assert "enforcement_mode_not_allowed" in result["msg"]
    assert not result["changed"]


# Many workloads.


MANY: list[tuple[Json, list[str]]] = [
    ({"selection": {"labels": [{"role": "web"}]}, "values": {"enforcement_mode": "full"}}, ["web1", "web10", "idle1"]),
    ({"selection": {"hostnames": ["web1", "db1"]}, "values": {"enforcement_mode": "full"}}, ["web1"]),
    ({"selection": {"enforcement_mode": ["idle"]}, "values": {"labels": [{"app": "shop"}]}}, ["idle1"]),
    (
        {
            "workloads": [
                {"hostname": "web1", "enforcement_mode": "full"},
                {"href": href(3), "enforcement_mode": "idle"},
            ]
        },
        ["web1", "db1"],
    ),
    ({"workloads": [{"hostname": "db1", "enforcement_mode": "full"}]}, []),
]


@pytest.mark.parametrize(("options", "changed"), MANY, ids=str)
def test_many_are_moved_by_one_request(simulator: Simulator, options: Json, changed: list[str]) -> None:
    foreseen = run(simulator, "pce_workloads", check=True, **options)
    assert writes(simulator) == []
    done = run(simulator, "pce_workloads", **options)
    for result in (foreseen, done):
        assert [item["hostname"] for item in result["outcomes"] if item["changed"]] == changed
        assert result["changed"] is bool(changed)
    assert foreseen["diff"] == done["diff"]
    assert writes(simulator) == ["PUT /api/v2/orgs/1/workloads/bulk_update"] * bool(changed)
    simulator.clear_journal()
    again = run(simulator, "pce_workloads", **options, allow_empty=True)
    assert again["changed"] is False
    assert writes(simulator) == []


BAD_MANY: list[tuple[Json, str]] = [
    ({}, "workloads, selection"),
    ({"workloads": []}, "workloads: selects no workload; set allow_empty"),
    ({"selection": {"labels": [{"env": "test"}]}, "values": {"enforcement_mode": "full"}}, "selection: selects no"),
    ({"selection": {}, "values": {"enforcement_mode": "full"}}, "selection: requires at least one of"),
    ({"selection": {"online": True}, "values": {}}, "values: requires at least one of"),
    ({"selection": {"online": True}}, "values"),
    (
        {"selection": {"labels": [{"env": "tset"}]}, "values": {"enforcement_mode": "full"}},
        "there is no label env=tset",
    ),
    ({"selection": {"hostnames": [""]}, "values": {"enforcement_mode": "full"}}, "selection.hostnames: must not be"),
    (
        {"workloads": [{"hostname": "web1", "enforcement_mode": "full"}, {"hostname": "dbl"}]},
        "dbl: there is no workload with hostname 'dbl'; the nearest are 'db1'",
    ),
    ({"workloads": [{"hostname": "web1"}, {"hostname": "web1"}]}, "workloads[1]: duplicates workloads[0]"),
    ({"workloads": [{"hostname": "web1"}, {"href": href(1)}]}, "workloads[1]: duplicates workloads[0]"),
    ({"workloads": [{"hostname": "web1", "labels": [{"role": "wbe"}]}]}, "there is no label role=wbe"),
    ({"workloads": [{"hostname": "web1", "enforcement_mode": "none"}]}, "enforcement_mode"),
]


@pytest.mark.parametrize(("options", "message"), BAD_MANY, ids=str)
def test_bad_list_names_the_entry_and_writes_nothing(simulator: Simulator, options: Json, message: str) -> None:
    result = run(simulator, "pce_workloads", **options)
    assert result["failed"]
    assert message in result["msg"]
    assert not result.get("changed")
    assert writes(simulator) == []


def test_one_refused_of_many_leaves_the_others_done(simulator: Simulator) -> None:
    simulator.seed(generate={"workloads": 1001, "prefix": "bulk-"})
    simulator.settings(odd_hosts={"bulk-7": ["mode_refused"]})
    simulator.clear_journal()
    options: Json = {
        "selection": {"enforcement_mode": ["visibility_only", "idle"]},
        "values": {"enforcement_mode": "full"},
    }
    result = run(simulator, "pce_workloads", **options)
    assert result["failed"]
    assert result["changed"]
    assert (
        "1 of 1004 workloads failed: bulk-7: the PCE refused it (error): enforcement_mode_not_allowed" in result["msg"]
    )
    assert writes(simulator) == ["PUT /api/v2/orgs/1/workloads/bulk_update"] * 2
    left = [item["hostname"] for item in simulator.state()["workloads"] if item["enforcement_mode"] != "full"]
    assert left == ["web1", "bulk-7"]  # the first one is not managed
    simulator.settings(odd_hosts={})
    simulator.clear_journal()
    again = run(simulator, "pce_workloads", **options)
    assert [item["hostname"] for item in again["outcomes"]] == ["bulk-7"]
    assert again["changed"]


def test_busy_pce_is_asked_again(simulator: Simulator) -> None:
    simulator.fault("status", status=429, method="PUT", path="bulk_update", times=2)
    options: Json = {"selection": {"hostnames": ["web1"]}, "values": {"enforcement_mode": "full"}}
    assert run(simulator, "pce_workloads", **options)["changed"]
    assert stored(simulator, 1)["enforcement_mode"] == "full"


def test_lost_answer_is_settled_by_what_the_pce_shows(simulator: Simulator) -> None:
    """The PCE carries the request out each time, and no answer arrives."""
    simulator.fault("reset_after", method="PUT", path="bulk_update", times=10)
    options: Json = {"selection": {"hostnames": ["web1", "web10"]}, "values": {"enforcement_mode": "full"}}
    result = run(simulator, "pce_workloads", **options)
    assert not result.get("failed"), result
    assert [item["changed"] for item in result["outcomes"]] == [True, True]


def test_request_that_had_no_effect_may_have_changed_something(simulator: Simulator) -> None:
    simulator.fault("reset_before", method="PUT", path="bulk_update", times=10)
    options: Json = {"selection": {"hostnames": ["web1", "web10"]}, "values": {"enforcement_mode": "full"}}
    result = run(simulator, "pce_workloads", **options)
    assert result["failed"]
    assert result["changed"]
    assert "It is unknown whether the change was applied" in result["msg"]
    assert stored(simulator, 1)["enforcement_mode"] == "visibility_only"


def test_labels_are_created_before_the_workloads_change(simulator: Simulator) -> None:
    options: Json = {"selection": {"hostnames": ["web1", "db1"]}, "values": {"labels": [{"app": "new"}]}}
    assert "there is no label app=new" in run(simulator, "pce_workloads", **options)["msg"]
    done = run(simulator, "pce_workloads", **options, create_labels=True)
    assert done["changed"]
    assert [item["value"] for item in simulator.state()["labels"]].count("new") == 1
    assert stored(simulator, 1)["labels"] == stored(simulator, 3)["labels"] != []


def test_real_shapes_are_moved(simulator: Simulator) -> None:
    simulator.reset()
    simulator.seed(**OBJECTS)
    options: Json = {
        "selection": {"enforcement_mode": ["visibility_only"]},
        "values": {"enforcement_mode": "selective"},
    }
    result = run(simulator, "pce_workloads", **options)
    assert not result.get("failed"), result
    assert sum(item["changed"] for item in result["outcomes"]) == 6
