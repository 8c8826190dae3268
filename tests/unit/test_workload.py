# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Workloads before a server that knows no filter, tells labels late, or answers what it should not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._core.errors import ContractError, MissingReferenceError, OptionError
from plugins.module_utils._core.listing import read_listing, select
from plugins.module_utils._pce.workload import WORKLOAD, is_reachable
from plugins.module_utils._pce.workload_store import WorkloadStore

from .helpers import FakeTransport, Reply, Sent, check_reference

WORKLOADS = "/orgs/1/workloads"
LABELS = "/orgs/1/labels"
KNOWN = [
    {"href": f"{LABELS}/{number}", "key": key, "value": value}
    for number, (key, value) in enumerate([("role", "web"), ("role", "db"), ("env", "prod")], start=1)
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def href(number: int) -> str:
    return f"{WORKLOADS}/00000000-0000-4000-8000-{number:012}"


def workload(number: int, hostname: str, *labels: int, **properties: Any) -> dict[str, Any]:
    shown = [{"href": f"{LABELS}/{label}"} for label in labels]
    return {"href": href(number), "hostname": hostname, "labels": shown, **properties}


class Server:
    """A PCE that ignores every filter."""

    def __init__(self, *workloads: Mapping[str, Any], labels: list[dict[str, Any]] | None = None) -> None:
        self.workloads = list(workloads)
        self.labels = KNOWN if labels is None else labels
        self.transport = FakeTransport(self._serve)
        self.store = WorkloadStore(self.transport, 1, WORKLOAD)

    def _serve(self, sent: Sent) -> Reply:
        if sent.path.startswith(WORKLOADS + "/"):
            found = [raw for raw in self.workloads if raw["href"] == sent.path]
            return Reply(value=found[0]) if found else Reply(404)
        every = list(self.workloads if sent.path == WORKLOADS else self.labels)
        return Reply(value=every[: int(sent.query.get("max_results", 500))], headers={"X-Total-Count": str(len(every))})

    def select(self, **params: Any) -> list[dict[str, Any]]:
        return select(WORKLOAD, self.store, read_listing(WORKLOAD, {**params}, check_reference))

    def hostnames(self, **params: Any) -> list[str]:
        return [entry["hostname"] for entry in self.select(**params)]


@pytest.mark.parametrize(
    ("params", "expected", "query"),
    [
        ({"hostname": "EB1"}, ["web1", "web10"], {"hostname": "EB1"}),
        ({"hostname": "web1", "exact": True}, ["web1"], {"hostname": "web1"}),
        ({"hostnames": ["web1"]}, ["web1"], {"hostname": "web1"}),
        ({"hostnames": ["web1", "db1"]}, ["web1", "db1"], {}),
        ({"name": "one"}, ["web1"], {}),
        ({"managed": True}, ["web1"], {"managed": "true"}),
        ({"managed": False}, ["web10", "db1"], {"managed": "false"}),
        ({"online": True}, ["db1"], {"online": "true"}),
        ({"enforcement_mode": ["full", "idle"]}, ["web10"], {}),
        ({"labels": [{"role": "web"}, {"env": "prod"}]}, ["web1"], {}),
        ({"max_results": 2}, ["web1", "web10"], {"max_results": "2"}),
        ({"managed": False, "max_results": 1}, ["web10"], {"managed": "false"}),
    ],
)
def test_a_server_may_ignore_every_filter(params: dict[str, Any], expected: list[str], query: dict[str, str]) -> None:
    server = Server(
        workload(1, "web1", 1, 3, name="The One", managed=True),
        workload(2, "web10", 1, enforcement_mode="full"),
        workload(3, "db1", 2, 3, online=True),
    )
    assert server.hostnames(**params) == expected
    assert server.transport.sent[0].query == query


@pytest.mark.parametrize(
    ("params", "calls"),
    [
        ({}, [WORKLOADS, LABELS]),
        ({"hostnames": ["bare"]}, [WORKLOADS]),
        ({"hostnames": ["full"]}, [WORKLOADS]),
        ({"hostnames": ["bare", "half"]}, [WORKLOADS, LABELS]),
        ({"hostnames": ["nothing like it"], "labels": [{"role": "web"}]}, [WORKLOADS, LABELS]),
        ({"href": href(1)}, [href(1)]),
        ({"href": href(3), "labels": [{"role": "web"}]}, [href(3), LABELS]),
    ],
)
def test_labels_are_read_once_and_only_if_they_are_needed(params: dict[str, Any], calls: list[str]) -> None:
    full, half = workload(2, "full"), workload(3, "half", 3)
    for raw in (full, half):
        raw["labels"] += [KNOWN[0]]
    server = Server(workload(1, "bare"), full, half)
    server.select(**params)
    assert [sent.path for sent in server.transport.sent] == calls


def test_a_label_that_was_made_between_the_two_reads_is_known() -> None:
    server = Server(workload(1, "web1", 7), labels=[{"href": f"{LABELS}/7", "key": "app", "value": "new"}])
    assert server.select(labels=[{"app": "new"}])[0]["labels"] == {"app": "new"}
    assert server.transport.calls() == [f"GET {WORKLOADS}", f"GET {LABELS}"]


def test_labels_that_the_pce_does_not_tell_are_counted_once() -> None:
    odd: list[dict[str, Any]] = [
        {"href": f"{LABELS}/9", "key": "app"},
        {"key": "env", "value": "x"},
        {"href": f"{LABELS}/7", "value": 1},
    ]
    server = Server(workload(1, "web1", 1, 9), workload(2, "web2", 8), workload(3, "web3", 3), labels=[*KNOWN, *odd])
    shown = server.select(labels=[{"role": "web"}])
    assert [entry["labels"] for entry in shown] == [{"role": "web"}]
    server.select()
    assert server.store.unknown_labels == {(href(1), f"{LABELS}/9"), (href(2), f"{LABELS}/8")}


def test_a_label_of_which_there_are_two_is_not_ambiguous() -> None:
    twin = {"href": f"{LABELS}/8", "key": "role", "value": "web"}
    server = Server(workload(1, "web1", 1), workload(2, "web2", 8), labels=[*KNOWN, twin])
    assert server.hostnames(labels=[{"role": "web"}]) == ["web1", "web2"]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([{"role": "we"}], "labels: unknown label role=we; closest matches: role=web, role=db"),
        ([{"key": "rol", "value": "web"}], "labels: unknown label rol=web; closest matches: role=web, role=db"),
        ([{"nothing": "like it"}], "labels: unknown label nothing=like it"),
        ([{"href": f"{LABELS}/99"}], "labels: unknown label /orgs/1/labels/99"),
        ([{"a\nb": "c"}], "labels: unknown label a b=c"),
    ],
)
def test_a_label_that_is_not_there(labels: list[dict[str, str]], message: str) -> None:
    with pytest.raises(MissingReferenceError) as caught:
        Server().select(labels=labels)
    assert str(caught.value) == message


def test_two_labels_of_one_key_by_href() -> None:
    with pytest.raises(OptionError, match="labels: must not have more than one label of one key: role=web and role=db"):
        Server().select(labels=[{"href": f"{LABELS}/1"}, {"href": f"{LABELS}/2"}])


@pytest.mark.parametrize(
    "name",
    ["name", "hostname", "description", "enforcement_mode", "visibility_level", "public_ip", "os_id", "os_detail"],
)
@pytest.mark.parametrize(("shown", "read"), [("x", "x"), ("", None), (None, None), (7, None), (["x"], None)])
def test_a_text_that_is_none_is_null(name: str, shown: Any, read: str | None) -> None:
    assert WORKLOAD.field(name).read(shown) == read


def test_one_href_is_one_workload() -> None:
    server = Server(workload(1, "web1"), workload(2, "web2"), workload(1, "web1"))
    assert server.hostnames() == ["web1", "web2"]


def test_deleted_workloads_do_not_count() -> None:
    server = Server(workload(1, "gone", 1, deleted=True), workload(2, "web1", 1), workload(3, "web2", 2))
    shown = server.select(max_results=2)
    assert [(entry["hostname"], entry["labels"]) for entry in shown] == [
        ("web1", {"role": "web"}),
        ("web2", {"role": "db"}),
    ]
    assert server.select(href=href(1)) == []


@pytest.mark.parametrize("wrong", [None, 7, "", "web1", "/orgs/2/workloads/x", f"{href(1)}/../2", "/orgs/1/labels/1"])
def test_a_wrong_href_is_told(wrong: Any) -> None:
    with pytest.raises(ContractError, match="the PCE shows a workload whose href"):
        Server({**workload(1, "web1"), "href": wrong}).select()


@given(
    st.dictionaries(
        st.sampled_from(
            [*(item.name for item in WORKLOAD.fields if item.name != "href"), "agent", "known", "deleted", "x"]
        ),
        JSON,
    )
)
def test_whatever_a_pce_shows_has_the_same_shape(raw: dict[str, Any]) -> None:
    server = Server({**raw, "href": href(1)})
    for entry in server.select():
        assert set(entry) == {item.name for item in WORKLOAD.fields}
        assert isinstance(entry["managed"], bool)
        assert entry["online"] in (True, False, None)
        assert all(isinstance(text, str) for pair in entry["labels"].items() for text in pair)
        assert all(set(item) == {"name", "address", "cidr_block"} for item in entry["interfaces"])
        assert entry["ven"] is None or set(entry["ven"]) == {"href", "status", "version"}
    server.select(name="x", hostname="y", enforcement_mode=["full"], labels=[{"role": "web"}], managed=True)
    server.select(name="x", hostname="y", exact=True, online=True)
    server.select(hostnames=["x", "y"], href=href(1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((text, True) for text in ("10.0.0.1", "192.0.2.1", "2001:db8::1", "::ffff:10.0.0.1")),
        *((text, False) for text in ("127.0.0.1", "::1", "169.254.0.1", "fe80::1%eth0", "0.0.0.0", "224.0.0.1")),
        *((text, False) for text in ("::ffff:127.0.0.1", "web1", "", "10.0.0.1/24")),
    ],
)
def test_reachable_addresses(text: str, expected: bool) -> None:
    assert is_reachable(text) is expected


def test_a_workload_is_shown_in_one_form() -> None:
    raw = workload(
        1,
        "web1",
        1,
        3,
        name="Web 1",
        description="first",
        enforcement_mode="full",
        visibility_level="flow_summary",
        public_ip="192.0.2.7",
        os_id="debian",
        os_detail="12",
        online=True,
        managed=True,
        interfaces=[
            {"name": "lo", "address": "127.0.0.1", "cidr_block": 8},
            {"name": "eth0", "address": "10.0.0.7", "cidr_block": 24, "link_state": "up"},
            {"name": "eth0", "address": "10.0.0.7", "cidr_block": "24"},
            {"name": "eth1", "address": None},
            "eth2",
        ],
        ven={"href": "/orgs/1/vens/1", "status": "suspended", "version": "20"},
        agent={"status": {"status": "active", "agent_version": "21"}},
    )
    assert WORKLOAD.to_result(Server(raw).store.query({})[0]) == {
        "href": href(1),
        "name": "Web 1",
        "hostname": "web1",
        "description": "first",
        "enforcement_mode": "full",
        "visibility_level": "flow_summary",
        "public_ip": "192.0.2.7",
        "os_id": "debian",
        "os_detail": "12",
        "managed": True,
        "online": True,
        "labels": {"role": "web", "env": "prod"},
        "interfaces": [
            {"name": "lo", "address": "127.0.0.1", "cidr_block": 8},
            {"name": "eth0", "address": "10.0.0.7", "cidr_block": 24},
            {"name": "eth0", "address": "10.0.0.7", "cidr_block": None},
            {"name": "eth1", "address": None, "cidr_block": None},
        ],
        "addresses": ["10.0.0.7"],
        "ven": {"href": "/orgs/1/vens/1", "status": "active", "version": "21"},
    }


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"ven": {"href": "/v/1", "status": "suspended", "version": "20"}}, ("suspended", "20")),
        (
            {"ven": {"href": "/v/1"}, "agent": {"status": {"status": "stopped", "agent_version": "21"}}},
            ("stopped", "21"),
        ),
        ({"ven": {"href": "/v/1"}, "agent": {"status": "stopped"}}, (None, None)),
        ({"ven": {"status": "active"}, "agent": {"status": {"status": "active"}}}, None),
        ({"agent": {"status": {"status": "active"}}}, None),
    ],
)
def test_what_newer_and_older_pces_say_of_the_ven(raw: dict[str, Any], expected: tuple[str | None, str | None]) -> None:
    shown = WORKLOAD.to_result(Server(workload(1, "web1", **raw)).store.query({})[0])
    assert shown is not None
    found = shown["ven"] and (shown["ven"]["status"], shown["ven"]["version"])
    assert found == expected
    assert shown["managed"] is (expected is not None)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"hostname": ""}, "hostname: must not be empty: everything would match"),
        ({"name": ""}, "name: must not be empty: everything would match"),
        ({"hostnames": []}, "hostnames: must not be an empty list or hold an empty text"),
        ({"hostnames": ["web1", ""]}, "hostnames: must not be an empty list or hold an empty text"),
        ({"labels": []}, "labels: must not be an empty list"),
    ],
)
def test_a_filter_that_asks_for_nothing_is_told(params: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=f"^{message}$"):
        read_listing(WORKLOAD, params, check_reference)
