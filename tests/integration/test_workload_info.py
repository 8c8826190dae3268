"""pce_workload_info: which workloads it finds, how it shows them, and what that costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import documented
from tests.integration.runner import NAMESPACE, Result, connection, run, run_module
from tests.simulator.launch import Simulator

MODULE = "pce_workload_info"
PREFIX = "/api/v2/orgs/1"
# The labels that the simulator starts with.
WEB, DB, SHOP, PROD, TEST = (f"/orgs/1/labels/{number}" for number in range(1, 6))

Json = dict[str, Any]


def href(number: int, collection: str = "workloads") -> str:
    return f"/orgs/1/{collection}/00000000-0000-4000-8000-{number:012}"


def workload(number: int, hostname: str | None, *labels: str, **properties: Any) -> Json:
    """A paired workload as a PCE shows it; `labels` are hrefs."""
    return {
        "href": href(number),
        "name": None,
        "hostname": hostname,
        "managed": True,
        "online": True,
        "enforcement_mode": "visibility_only",
        "labels": [{"href": label} for label in labels],
        "ven": {"href": href(number, "vens")},
        "agent": {"status": {"status": "active", "agent_version": "23.2.20-157"}},
        **properties,
    }


WEB1 = workload(1, "web1", WEB, PROD, name="Web One")
WEB10 = workload(2, "web10", WEB, PROD, enforcement_mode="full", name="web one, second")
WEB100 = workload(3, "web100", WEB, TEST, enforcement_mode="selective", online=False)
DB1 = workload(4, "db1", DB, PROD, enforcement_mode="idle")
PRINTER = workload(5, None, PROD, name="printer", managed=False, online=False, ven=None, agent={})
STALE = workload(6, "web1", WEB, online=False)
"""What is left of web1 from before it was reinstalled."""

ALL = ["web1", "web10", "web100", "db1", None, "web1"]


def seed(simulator: Simulator, *workloads: Json) -> None:
    simulator.seed(workloads=list(workloads or (WEB1, WEB10, WEB100, DB1, PRINTER, STALE)))
    simulator.clear_journal()


def info(simulator: Simulator, **options: Any) -> list[Json]:
    """The workloads that the module finds."""
    result = run_module(MODULE, {**connection(simulator), **options})
    assert not result.get("failed"), result
    assert result["changed"] is False
    documented.check_result(MODULE, result)
    found: list[Json] = result["workloads"]
    return found


def hostnames(simulator: Simulator, **options: Any) -> list[str | None]:
    return [item["hostname"] for item in info(simulator, **options)]


def failure(simulator: Simulator, **options: Any) -> Result:
    """The result of a module that fails, as one readable line."""
    result = run_module(MODULE, {**connection(simulator), **options})
    assert result.get("failed"), result
    assert "\n" not in result["msg"]
    assert "exception" not in result
    return result


def requests(simulator: Simulator) -> list[str]:
    """The collections and objects that were asked for, with their queries."""
    return [entry["path"].removeprefix(PREFIX) for entry in simulator.journal()]


@pytest.mark.parametrize("labels", ["href", "full"])
def test_the_shape_is_that_of_the_inventory(simulator: Simulator, tmp_path: Path, labels: str) -> None:
    simulator.settings(workload_labels=labels)
    more = {
        "description": "Serves the shop",
        "visibility_level": "flow_summary",
        "public_ip": "192.0.2.1",
        "interfaces": [
            {"name": "lo", "address": "127.0.0.1", "cidr_block": 8, "default_gateway_address": None},
            {"name": "eth0", "address": "10.0.0.1", "cidr_block": 24},
        ],
        "os_id": "ubuntu-x86_64-22.04",
        "os_detail": "5.15.0",
        "created_at": "2026-06-08T23:13:29.019Z",
    }
    seed(simulator, {**WEB1, **more}, PRINTER)
    found = info(simulator)
    assert found[0] == {
        "href": href(1),
        "name": "Web One",
        "hostname": "web1",
        "description": "Serves the shop",
        "enforcement_mode": "visibility_only",
        "visibility_level": "flow_summary",
        "public_ip": "192.0.2.1",
        "os_id": "ubuntu-x86_64-22.04",
        "os_detail": "5.15.0",
        "managed": True,
        "online": True,
        "labels": {"role": "web", "env": "prod"},
        "interfaces": [
            {"name": "lo", "address": "127.0.0.1", "cidr_block": 8},
            {"name": "eth0", "address": "10.0.0.1", "cidr_block": 24},
        ],
        "addresses": ["10.0.0.1"],
        "ven": {"href": href(1, "vens"), "status": "active", "version": "23.2.20-157"},
    }
    path = tmp_path / "pce_workloads.yml"
    options = {"managed": "any", "hostnames": ["uuid"]}
    path.write_text(json.dumps({"plugin": f"{NAMESPACE}.pce_workloads", **connection(simulator), **options}))
    listed = json.loads(run(["ansible-inventory", "-i", str(path), "--list"]).stdout)["_meta"]["hostvars"]
    shown = [_plain(variables["pce_workload"]) for _name, variables in sorted(listed.items())]
    assert shown == found


def _plain(value: Any) -> Any:
    """A value of `ansible-inventory --list` without the marks of texts that are no templates."""
    if isinstance(value, dict):
        return value.get("__ansible_unsafe", {key: _plain(item) for key, item in value.items()})
    return [_plain(item) for item in value] if isinstance(value, list) else value


FILTERS: list[tuple[Json, list[str | None]]] = [
    ({}, ALL),
    ({"hostname": "WEB1"}, ["web1", "web10", "web100", "web1"]),
    ({"hostname": "web1", "exact": True}, ["web1", "web1"]),
    ({"hostname": "Web1", "exact": True}, []),
    ({"hostname": "eb10", "exact": True}, []),
    ({"hostnames": ["web1"]}, ["web1", "web1"]),
    ({"hostnames": ["web10", "web1", "web10", "nothing like it"]}, ["web1", "web10", "web1"]),
    ({"hostnames": ["web"]}, []),
    ({"hostnames": ["WEB10"]}, []),
    ({"hostnames": "db1"}, ["db1"]),
    ({"name": "web ONE"}, ["web1", "web10"]),
    ({"name": "Web One", "exact": True}, ["web1"]),
    ({"managed": True}, ["web1", "web10", "web100", "db1", "web1"]),
    ({"managed": False}, [None]),
    ({"online": True}, ["web1", "web10", "db1"]),
    ({"online": False, "managed": True}, ["web100", "web1"]),
    ({"enforcement_mode": "full"}, ["web10"]),
    ({"enforcement_mode": ["idle", "selective"]}, ["web100", "db1"]),
    ({"labels": [{"role": "web"}]}, ["web1", "web10", "web100", "web1"]),
    ({"labels": [{"role": "web"}, {"key": "env", "value": "prod"}]}, ["web1", "web10"]),
    ({"labels": [{"href": WEB}, {"env": "test"}]}, ["web100"]),
    ({"labels": [{"href": PROD}]}, ["web1", "web10", "db1", None]),
    ({"labels": [{"app": "shop"}]}, []),
    ({"labels": [{"role": "web"}, {"href": WEB}]}, ["web1", "web10", "web100", "web1"]),
    ({"href": href(2)}, ["web10"]),
    ({"href": href(2), "labels": [{"role": "web"}], "hostnames": ["web10"], "managed": True}, ["web10"]),
    ({"href": href(2), "labels": [{"role": "db"}]}, []),
    ({"href": href(2), "hostnames": ["web1"]}, []),
    ({"href": href(2), "enforcement_mode": "idle"}, []),
    ({"href": href(2), "online": False}, []),
    ({"href": href(99)}, []),
    ({"max_results": 2}, ["web1", "web10"]),
    ({"max_results": 0}, []),
    ({"labels": [{"env": "prod"}], "hostname": "1", "max_results": 2}, ["web1", "web10"]),
    ({"hostnames": ["db1", "web100"], "max_results": 1}, ["web100"]),
]


@pytest.mark.parametrize(("options", "expected"), FILTERS, ids=str)
def test_filters(simulator: Simulator, options: Json, expected: list[str | None]) -> None:
    # What is sent must be what the page names.
    simulator.settings(unknown_filters="refuse")
    seed(simulator)
    assert hostnames(simulator, **options) == expected


@pytest.mark.parametrize("options", [{"labels": [{"role": "web"}]}, {"labels": [{"href": WEB}]}], ids=str)
def test_labels_that_the_pce_tells_beside_their_hrefs(simulator: Simulator, options: Json) -> None:
    simulator.settings(workload_labels="full")
    seed(simulator)
    assert hostnames(simulator, **options) == ["web1", "web10", "web100", "web1"]
    assert len(simulator.journal()) == 2


COSTS: list[tuple[str, Json, list[str]]] = [
    ("href", {}, ["/workloads", "/labels"]),
    ("full", {}, ["/workloads"]),
    ("full", {"labels": [{"env": "prod"}]}, ["/workloads", "/labels"]),
    ("href", {"labels": [{"env": "prod"}, {"href": WEB}]}, ["/workloads", "/labels"]),
    # No workload that is shown has labels.
    ("href", {"hostnames": ["web10", "nothing like it"], "enforcement_mode": "idle"}, ["/workloads"]),
    ("href", {"hostnames": ["bare", "nothing like it"]}, ["/workloads"]),
    ("href", {"hostname": "web1", "managed": True, "online": True},
     ["/workloads?hostname=web1&managed=true&online=true", "/labels"]),
    ("href", {"hostnames": ["web1"]}, ["/workloads?hostname=web1", "/labels"]),
    ("href", {"hostnames": ["web1", "web1"]}, ["/workloads?hostname=web1", "/labels"]),
    ("href", {"hostnames": ["web1", "db1"], "name": "x", "max_results": 1}, ["/workloads"]),
    ("href", {"max_results": 1}, ["/workloads?max_results=1", "/labels"]),
    ("href", {"max_results": 0}, ["/workloads?max_results=0"]),
    ("href", {"href": href(1)}, [href(1).removeprefix("/orgs/1"), "/labels"]),
    # A 404 may be a proxy's word, so the list is asked too.
    ("href", {"href": href(99)}, [href(99).removeprefix("/orgs/1"), "/workloads"]),
]  # fmt: skip


@pytest.mark.parametrize(("labels", "options", "expected"), COSTS, ids=str)
def test_what_is_asked_of_the_pce(simulator: Simulator, labels: str, options: Json, expected: list[str]) -> None:
    simulator.settings(workload_labels=labels)
    seed(simulator, WEB1, WEB10, DB1, workload(7, "bare"))
    info(simulator, **options)
    assert requests(simulator) == expected


def test_fifty_hosts_cost_two_requests(simulator: Simulator) -> None:
    seed(simulator, *[workload(number, f"host{number}", WEB, PROD) for number in range(1, 101)])
    wanted = [f"host{number}" for number in range(1, 51)]
    assert hostnames(simulator, hostnames=wanted, managed=True, online=True) == wanted
    assert requests(simulator) == ["/workloads?managed=true&online=true", "/labels"]


@pytest.mark.parametrize(("hosts", "jobs"), [(499, 0), (500, 1), (501, 1), (1100, 1)])
def test_a_page_of_500_or_more_is_collected_by_one_job(simulator: Simulator, hosts: int, jobs: int) -> None:
    simulator.seed(generate={"workloads": hosts, "prefix": "bulk"})
    simulator.clear_journal()
    found = info(simulator, managed=True)
    assert [item["hostname"] for item in found] == [f"bulk{number}" for number in range(1, hosts + 1)]
    assert found[-1]["labels"]["app"] == "shop"
    assert len([path for path in requests(simulator) if "/datafiles/" in path]) == jobs
    assert len([path for path in requests(simulator) if path.startswith("/labels")]) == 1
    assert hostnames(simulator, labels=[{"role": "web"}], max_results=3) == ["bulk1", "bulk3", "bulk5"]


def test_more_than_500_labels_are_read_once(simulator: Simulator) -> None:
    labels = simulator.seed(labels=[{"key": "app", "value": f"app{number}"} for number in range(600)])["labels"]
    seed(simulator, *[workload(number, f"host{number}", item["href"]) for number, item in enumerate(labels)])
    found = info(simulator)
    assert [item["labels"] for item in found] == [{"app": f"app{number}"} for number in range(600)]
    assert len([path for path in requests(simulator) if "/datafiles/" in path]) == 2


@pytest.mark.parametrize("options", [{}, {"href": href(1)}, {"hostnames": ["nothing like it"]}], ids=str)
def test_a_misspelt_label_is_an_error_with_the_nearest(simulator: Simulator, options: Json) -> None:
    seed(simulator, WEB1)
    result = failure(simulator, labels=[{"role": "wbe"}, {"env": "prod"}], **options)
    assert result["msg"] == "labels: unknown label role=wbe; closest matches: role=web, role=db"
    result = failure(simulator, labels=[{"href": "/orgs/1/labels/4711"}], **options)
    assert result["msg"].startswith("labels: unknown label /orgs/1/labels/4711")


def test_two_labels_of_one_key_by_href_are_an_error(simulator: Simulator) -> None:
    seed(simulator)
    for labels in ([{"href": WEB}, {"role": "db"}], [{"href": WEB}, {"href": DB}]):
        message = failure(simulator, labels=labels)["msg"]
        assert message.startswith("labels: must not have more than one label of one key: ")
        assert "role=web" in message
        assert "role=db" in message


@pytest.mark.parametrize("shown", [True, False])
def test_deleted_labels_and_workloads_are_gone(simulator: Simulator, shown: bool) -> None:
    simulator.settings(show_deleted_labels=shown)
    old: Json = {"href": "/orgs/1/labels/90", "key": "app", "value": "old", "deleted": True}
    simulator.seed(labels=[old])
    seed(simulator, workload(1, "web1", WEB, old["href"]), workload(2, "gone", WEB, deleted=True))
    (found,) = info(simulator)
    assert (found["hostname"], found["labels"]) == ("web1", {"role": "web"})
    assert info(simulator, href=href(2)) == []
    assert hostnames(simulator, labels=[{"role": "web"}]) == ["web1"]
    assert "unknown label app=old" in failure(simulator, labels=[{"app": "old"}])["msg"]
    assert "unknown label /orgs/1/labels/90" in failure(simulator, labels=[{"href": old["href"]}])["msg"]
    # A new label of the same key and value is another.
    simulator.seed(labels=[{"key": "app", "value": "old"}])
    assert hostnames(simulator, labels=[{"app": "old"}]) == []


def test_a_deleted_workload_does_not_count_as_a_result(simulator: Simulator) -> None:
    gone = [workload(number, "gone", deleted=True) for number in (1, 3)]
    seed(simulator, gone[0], workload(2, "web1"), gone[1], workload(4, "web2", WEB))
    assert [(item["hostname"], item["labels"]) for item in info(simulator, max_results=2)] == [
        ("web1", {}),
        ("web2", {"role": "web"}),
    ]


BAD_INPUT: list[tuple[str, Json]] = [
    ("hostnames", {"hostnames": []}),
    ("hostnames", {"hostnames": ["web1", ""]}),
    ("hostnames", {"hostnames": ""}),
    ("hostnames", {"hostnames": ["web1"], "hostname": "web1"}),
    ("hostname", {"hostnames": ["web1"], "hostname": ""}),
    ("hostname", {"hostname": ""}),
    ("name", {"name": ""}),
    ("hostnames", {"hostnames": {"web1": 1}}),
    ("managed", {"managed": "any"}),
    ("online", {"online": "perhaps"}),
    ("enforcement_mode", {"enforcement_mode": ["enforced"]}),
    ("enforcement_mode", {"enforcement_mode": []}),
    ("labels", {"labels": []}),
    ("labels", {"labels": {"role": "web"}}),
    ("labels", {"labels": ["role"]}),
    ("labels", {"labels": [{}]}),
    ("labels", {"labels": [{"role": "web", "env": "prod"}]}),
    ("labels", {"labels": [{"key": "role"}]}),
    ("labels", {"labels": [{"role": ["web", "db"]}]}),
    ("labels", {"labels": [{"role": True}]}),
    ("labels", {"labels": [{"role": ""}]}),
    ("labels", {"labels": [{"role": "web"}, {"role": "db"}]}),
    ("labels", {"labels": [{"href": href(1)}]}),
    ("labels", {"labels": [{"href": "/orgs/2/labels/1"}]}),
    ("labels", {"labels": [{"href": 1, "key": "role"}]}),
    ("max_results", {"max_results": -1}),
    ("max_results", {"max_results": "many"}),
    ("href", {"href": WEB}),
    ("href", {"href": "/orgs/2/workloads/00000000-0000-4000-8000-000000000001"}),
    ("href", {"href": f"{href(1)}/../x"}),
    ("label", {"label": [{"role": "web"}]}),
    ("api_secret", {"api_secret": ""}),
    ("pce_org_id", {"pce_org_id": 0}),
]


@pytest.mark.parametrize(("option", "options"), BAD_INPUT, ids=str)
def test_bad_input_names_the_option_and_sends_nothing(simulator: Simulator, option: str, options: Json) -> None:
    assert option in failure(simulator, **options)["msg"]
    assert simulator.journal() == []


ODD: list[Json] = [
    {"hostname": "bare"},
    {"hostname": "nulls", "name": None, "managed": None, "online": None, "labels": None, "interfaces": None,
     "ven": None, "agent": None, "enforcement_mode": None, "description": None, "deleted": None},
    {"hostname": "texts", "managed": "true", "online": "true", "labels": "role=web", "interfaces": "eth0",
     "ven": "yes", "agent": "active", "name": 7, "enforcement_mode": ["full"], "deleted": "false"},
    {"hostname": "lists", "labels": [1, None, {"href": 7}, {"href": None}, {"key": "role", "value": None},
                                     {"href": "/orgs/1/labels/9", "key": "app", "value": "x"}],
     "interfaces": [None, {"address": "fe80::1%eth0"}, {"address": 1, "cidr_block": "24"}, {"address": "2001:db8::7"}],
     "ven": {"href": "/orgs/1/vens/1", "status": "suspended", "version": "24.2.10"}, "agent": {"status": "active"}},
    {"hostname": 7, "ven": {"href": None, "status": "active"}, "agent": {"status": None}},
]  # fmt: skip


def test_shapes_that_the_page_does_not_know(simulator: Simulator) -> None:
    seed(simulator, *[{"href": href(number), **raw} for number, raw in enumerate(ODD, start=1)])
    bare, nulls, texts, lists, number = info(simulator)
    empty: Json = {"managed": False, "online": None, "labels": {}, "interfaces": [], "addresses": [], "ven": None}
    unset = dict.fromkeys(
        ("name", "description", "enforcement_mode", "visibility_level", "public_ip", "os_id", "os_detail")
    )
    for entry, name in ((bare, "bare"), (nulls, "nulls"), (texts, "texts"), (number, None)):
        assert {**entry, "href": ""} == {**empty, **unset, "hostname": name, "href": ""}
    assert lists["labels"] == {"app": "x"}
    assert lists["interfaces"][1:] == [
        {"name": None, "address": None, "cidr_block": None},
        {"name": None, "address": "2001:db8::7", "cidr_block": None},
    ]
    assert lists["addresses"] == ["2001:db8::7"]
    assert lists["ven"] == {"href": "/orgs/1/vens/1", "status": "suspended", "version": "24.2.10"}
    options: list[Json] = [
        {"hostname": "x"},
        {"hostname": "x", "exact": True},
        {"name": "x", "exact": True},
        {"hostnames": ["x", "y"]},
        {"enforcement_mode": "full"},
        {"labels": [{"role": "web"}]},
        {"managed": False, "online": True},
    ]
    for given in options:
        assert hostnames(simulator, **given) in ([], ["texts"])


def test_a_workload_without_a_usable_href_is_an_error(simulator: Simulator) -> None:
    seed(simulator, WEB1, {**WEB10, "href": "/orgs/2/workloads/00000000-0000-4000-8000-000000000002"})
    assert "the PCE shows a workload whose href belongs to organisation 2" in failure(simulator)["msg"]


def test_faults_of_both_reads_are_told(simulator: Simulator) -> None:
    seed(simulator)
    for collection in ("workloads", "labels"):
        simulator.fault("status", path=f"/{collection}", status=403, message="no permission")
        assert f"GET /orgs/1/{collection}" in failure(simulator)["msg"]
    simulator.fault("status", path="/labels", status=503)
    assert hostnames(simulator) == ALL
