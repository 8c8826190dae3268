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
        "unknown workload with hostname 'wbe1'; closest matches: web1",
    ),
    ({"href": href(77), "enforcement_mode": "full"}, f"unknown workload {href(77)}"),
    ({"href": href(9), "enforcement_mode": "full"}, "has no VEN"),
    ({"href": "/orgs/1/vens/1"}, "href: must be the href of one of the workloads"),
    ({"hostname": "web1", "enforcement_mode": "fulll"}, "enforcement_mode"),
    ({"hostname": "web1", "labels": [{"role": "wbe"}]}, "labels: unknown label role=wbe; closest matches: role=web"),
    ({"hostname": "web1", "labels": [{"rol": "web"}], "create_labels": True}, "labels: label rol=web: key is unknown"),
    ({"hostname": "web1", "labels": [{"role": "web"}, {"role": "db"}]}, "more than one label of one key"),
    ({"hostname": "web1", "name": "x" * 256}, "name: must have at most 255"),
    ({"hostname": "web1", "labels": [{"href": "/orgs/1/labels/999"}]}, "labels: unknown label /orgs/1/labels/999"),
    ({"hostname": "web1", "labels": [WEB, {"href": "/orgs/1/labels/2"}]}, "labels: must not have more than one label"),
]


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
@pytest.mark.parametrize(("options", "message"), BAD, ids=str)
def test_bad_input_names_the_option_and_writes_nothing(
    simulator: Simulator, options: Json, message: str, check: bool
) -> None:
    result = run(simulator, "pce_workload", check=check, **options)
    assert result["failed"]
    assert message in result["msg"]
    assert not result.get("changed")
    assert writes(simulator) == []


def test_label_that_a_workload_has_already_is_kept(simulator: Simulator) -> None:
    """The PCE shows a label of a workload that its labels lack."""
    gone = {"href": "/orgs/1/labels/999"}
    simulator.seed(workloads=[workload(5, "odd1", WEB, gone)])
    result = run(simulator, "pce_workload", check=True, hostname="odd1", labels=[SHOP, gone])
    assert result["changed"]


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
        "unknown label env=tset",
    ),
    ({"selection": {"hostnames": [""]}, "values": {"enforcement_mode": "full"}}, "selection.hostnames: must not be"),
    (
        {"workloads": [{"hostname": "web1", "enforcement_mode": "full"}, {"hostname": "dbl"}]},
        "dbl: unknown workload with hostname 'dbl'; closest matches: db1",
    ),
    ({"workloads": [{"hostname": "web1"}, {"hostname": "web1"}]}, "workloads[1]: duplicates workloads[0]"),
    ({"workloads": [{"hostname": "web1"}, {"href": href(1)}]}, "workloads[1]: duplicates workloads[0]"),
    ({"workloads": [{"hostname": "web1", "labels": [{"role": "wbe"}]}]}, "unknown label role=wbe"),
    ({"workloads": [{"hostname": "web1", "enforcement_mode": "none"}]}, "enforcement_mode"),
    ({"workloads": [{"href": href(9), "enforcement_mode": "full"}]}, "has no VEN"),
    ({"workloads": [{"hostname": "web1", "labels": [{"href": "/orgs/1/labels/999"}]}]}, "/orgs/1/labels/999"),
    (
        {"selection": {"hostnames": ["web1", "wbe10"]}, "values": {"enforcement_mode": "full"}},
        "selection.hostnames: unknown workload with hostname 'wbe10'; closest matches: web10",
    ),
    (
        {"selection": {"hostnames": ["wbe10"]}, "values": {"enforcement_mode": "full"}, "allow_empty": True},
        "selection.hostnames: unknown workload with hostname 'wbe10'",
    ),
    (
        {"selection": {"labels": [{"role": "web"}]}, "values": {"labels": [{"role": "wbe"}]}},
        "values.labels: unknown label role=wbe; closest matches: role=web",
    ),
    (
        {"selection": {"labels": [{"role": "web"}]}, "values": {"labels": [{"rol": "web"}]}, "create_labels": True},
        "values.labels: label rol=web: key is unknown",
    ),
    ({"selection": {"online": True}, "values": {"labels": [{"role": 1}]}}, "values.labels: has an entry"),
    ({"selection": {"online": True}, "values": {"description": "x", "name": "x"}}, "name"),
]


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
@pytest.mark.parametrize(("options", "message"), BAD_MANY, ids=str)
def test_bad_list_names_the_entry_and_writes_nothing(
    simulator: Simulator, options: Json, message: str, check: bool
) -> None:
    result = run(simulator, "pce_workloads", check=check, **options)
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


def test_namesakes_in_a_selection_are_an_error(simulator: Simulator) -> None:
    simulator.seed(workloads=[workload(5, "web1")])
    result = run(simulator, "pce_workloads", selection={"hostnames": ["web1"]}, values={"enforcement_mode": "full"})
    assert "there are 2 workloads with hostname 'web1'" in result["msg"]
    assert writes(simulator) == []


@pytest.mark.parametrize("hostname", ["web1", "db1"])
def test_hostname_that_another_condition_leaves_out_is_no_error(simulator: Simulator, hostname: str) -> None:
    selection = {"hostnames": [hostname, "idle1"], "enforcement_mode": ["idle"]}
    result = run(simulator, "pce_workloads", selection=selection, values={"description": "x"})
    assert [item["hostname"] for item in result["outcomes"]] == ["idle1"]


def test_empty_selection_can_be_allowed(simulator: Simulator) -> None:
    options: Json = {"selection": {"labels": [{"env": "test"}]}, "values": {"enforcement_mode": "full"}}
    result = run(simulator, "pce_workloads", **options, allow_empty=True)
    assert (result["changed"], result["outcomes"]) == (False, [])


def test_list_with_a_misspelt_workload_skips_the_others(simulator: Simulator) -> None:
    modes = [{"hostname": name, "enforcement_mode": "full"} for name in ("web1", "db1", "dbl")]
    result = run(simulator, "pce_workloads", workloads=modes)
    assert [item["action"] for item in result["outcomes"]] == ["skipped", "nothing", "failed"]
    assert [item["changed"] for item in result["outcomes"]] == [False] * 3
    assert result["msg"].startswith("1 of 3 workloads failed: dbl: unknown workload with hostname")


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_workload_without_a_ven_is_refused_behind_a_paged_list(simulator: Simulator, check: bool) -> None:
    simulator.seed(generate={"workloads": 600, "prefix": "bulk-"})
    simulator.clear_journal()
    modes = [{"href": href(9), "enforcement_mode": "full"}, {"hostname": "bulk-7", "enforcement_mode": "full"}]
    result = run(simulator, "pce_workloads", check=check, workloads=modes)
    assert "has no VEN" in result["msg"]
    assert writes(simulator) == []


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_many_are_moved_within_the_usual_deadline(simulator: Simulator, check: bool) -> None:
    """Each request moves a thousand, so the rate limit allows for more than there are requests a deadline."""
    simulator.seed(generate={"workloads": 2500, "prefix": "bulk-"})
    selection = {"enforcement_mode": ["visibility_only", "idle"]}
    result = run(simulator, "pce_workloads", check=check, selection=selection, values={"enforcement_mode": "full"})
    assert sum(item["changed"] for item in result["outcomes"]) == 2503


ODD_ANSWERS = ("empty", "object", "unmentioned", "other_word", "odd_href")


@pytest.mark.parametrize("answer", ODD_ANSWERS)
@pytest.mark.parametrize("in_worker", [True, False], ids=["worker", "process"])
def test_unclear_answer_is_settled_by_what_the_pce_shows(simulator: Simulator, answer: str, in_worker: bool) -> None:
    simulator.settings(bulk_update_answer=answer)
    options: Json = {"selection": {"hostnames": ["web1", "web10"]}, "values": {"enforcement_mode": "full"}}
    result = run_module("pce_workloads", {**connection(simulator), **options}, in_worker=in_worker)
    assert not result.get("failed"), result
    assert [(item["action"], item["changed"]) for item in result["outcomes"]] == [("update", True)] * 2
    assert not result.get("warnings")


@pytest.mark.parametrize("answer", [*ODD_ANSWERS, "refused_whole"])
def test_workload_that_was_not_moved_is_named_whatever_the_answer(simulator: Simulator, answer: str) -> None:
    simulator.settings(bulk_update_answer=answer, odd_hosts={"web1": ["mode_refused"]})
    options: Json = {"selection": {"labels": [{"role": "web"}]}, "values": {"enforcement_mode": "full"}}
    result = run(simulator, "pce_workloads", **options)
    assert result["msg"].startswith("1 of 3 workloads failed: web1: ")
    outcomes = {item["hostname"]: item["action"] for item in result["outcomes"]}
    assert outcomes == {"web1": "failed", "web10": "update", "idle1": "update"}
    assert result["changed"]


def test_refused_list_is_halved_until_the_refused_ones_are_known(simulator: Simulator) -> None:
    simulator.seed(generate={"workloads": 1001, "prefix": "bulk-"})
    refused = {f"bulk-{number}": ["mode_refused"] for number in (7, 500, 900)}
    simulator.settings(bulk_update_answer="refused_whole", odd_hosts=refused)
    simulator.clear_journal()
    selection = {"enforcement_mode": ["visibility_only", "idle"]}
    result = run(simulator, "pce_workloads", selection=selection, values={"enforcement_mode": "full"})
    assert "3 of 1004 workloads failed: bulk-7: " in result["msg"]
    assert {item["hostname"] for item in result["outcomes"] if item["error"]} == set(refused)
    assert sum(item["changed"] for item in result["outcomes"]) == 1001
    assert len(writes(simulator)) <= 2 + 2 * 10 * len(refused)


def test_list_that_is_refused_for_all_is_not_halved_for_ever(simulator: Simulator) -> None:
    simulator.seed(generate={"workloads": 1001, "prefix": "bulk-"})
    simulator.fault("status", method="PUT", path="bulk_update", status=406, act=False, times=None)
    simulator.clear_journal()
    selection = {"enforcement_mode": ["visibility_only", "idle"]}
    result = run(simulator, "pce_workloads", selection=selection, values={"enforcement_mode": "full"})
    assert result["msg"].startswith("1004 of 1004 workloads failed: ")
    assert not result["changed"]
    assert len(writes(simulator)) <= 2 + 2 * 50
    assert len(result["msg"]) < 2000


def test_label_that_was_created_for_a_refused_workload_is_told(simulator: Simulator) -> None:
    simulator.settings(odd_hosts={"web1": ["mode_refused"]})
    entry = {"hostname": "web1", "labels": [{"app": "new"}], "enforcement_mode": "full"}
    result = run(simulator, "pce_workloads", workloads=[entry], create_labels=True)
    assert "Created before that: label app=new" in result["msg"]
    assert result["changed"]


def test_label_that_was_created_before_a_refused_request_is_told(simulator: Simulator) -> None:
    simulator.fault("status", method="PUT", path="bulk_update", status=403, act=False)
    entry = {"hostname": "web1", "labels": [{"app": "new"}]}
    result = run(simulator, "pce_workloads", workloads=[entry], create_labels=True)
    assert "Created before that: label app=new" in result["msg"]
    assert result["changed"]


def test_label_that_was_created_before_a_list_was_halved_is_told(simulator: Simulator) -> None:
    names = ("web1", "web10", "db1")
    refused = {name: ["mode_refused"] for name in names}
    simulator.settings(bulk_update_answer="refused_whole", odd_hosts=refused)
    entries = [{"hostname": name, "labels": [{"app": "new"}], "enforcement_mode": "selective"} for name in names]
    result = run(simulator, "pce_workloads", workloads=entries, create_labels=True)
    assert result["msg"].startswith("3 of 3 workloads failed")
    assert result["msg"].count("Created before that: label app=new") == 1
    assert result["changed"]


def test_deadline_is_that_of_the_whole_task(simulator: Simulator) -> None:
    """Two clients, each with a deadline of its own, would have time for both."""
    simulator.fault("status", status=429, method="GET", path="workloads", headers={"Retry-After": "2"})
    simulator.fault("status", status=429, method="PUT", path="bulk_update", headers={"Retry-After": "2"})
    options: Json = {"selection": {"hostnames": ["web1"]}, "values": {"enforcement_mode": "full"}, "deadline": 3}
    assert "deadline" in run(simulator, "pce_workloads", **options)["msg"]


def test_workload_without_a_hostname_is_named_by_its_href(simulator: Simulator) -> None:
    simulator.seed(workloads=[workload(6, "", WEB)])
    simulator.settings(odd_hosts={"": ["mode_refused"]})
    options: Json = {"selection": {"labels": [{"role": "web"}]}, "values": {"enforcement_mode": "full"}}
    assert (
        f"1 of 4 workloads failed: {href(6)}: the PCE refused it" in run(simulator, "pce_workloads", **options)["msg"]
    )


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
    assert "unknown label app=new" in run(simulator, "pce_workloads", **options)["msg"]
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
