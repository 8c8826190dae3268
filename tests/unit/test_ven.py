# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unpairing at the PCE's pace, with a clock that passes only while somebody sleeps; and what is told of each VEN."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from plugins.module_utils._core import progress
from plugins.module_utils._core.errors import CollectionError, OptionError
from plugins.module_utils._http.client import HttpClient
from plugins.module_utils._http.endpoint import Endpoint
from plugins.module_utils._pce import ven
from plugins.module_utils._pce.api import Pce, PceApi

from .helpers import FakeTransport, Reply, Sent, broken
from .loopback import Canned, Handler, Loopback, serving


def _href(number: int) -> str:
    return f"/orgs/1/vens/00000000-0000-4000-8000-{number:012d}"


class UnpairingPce:
    """A PCE with VENs that are there until they are unpaired; all are shown in one page."""

    def __init__(self, count: int) -> None:
        self.vens = {_href(number): f"h{number}" for number in range(count)}
        self.batches: list[int] = []

    def __call__(self, handler: Handler) -> None:
        body = handler.server.seen[-1].body
        if handler.command == "PUT":
            given = [item["href"] for item in json.loads(body)["vens"]]
            self.batches.append(len(given))
            for href in given:
                del self.vens[href]
            handler.answer(Canned(204))
            return
        shown = [{"href": href, "hostname": name, "status": "active"} for href, name in self.vens.items()]
        handler.answer(Canned(200, {"X-Total-Count": str(len(shown))}, json.dumps(shown).encode()))


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serving() as running:
        yield running


def test_the_eleventh_request_waits_for_its_minute(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    transport = HttpClient(Endpoint(server.url, "PCE", "pce_host"), clock=lambda: sum(slept), sleep=slept.append)
    monkeypatch.setattr(PceApi, "connect", lambda *_arguments: Pce(transport, 1, "pce:8443"))
    pce = UnpairingPce(10_500)
    server.script = [pce]
    options: dict[str, Any] = {"hostnames": None, "hrefs": [*pce.vens], "pce_org_id": 1}
    done = ven.keep_vens({**options, "state": "unpaired", "firewall_restore": "saved"}, dry_run=False)
    assert done["changed"] is True
    assert pce.batches == [1000] * 10 + [500]
    assert slept == [60.0]
    assert pce.vens == {}
    assert done["warnings"] == []


class Pair:
    """A PCE with the VENs h0 and h1. Its PUTs end with these, each with the numbers of the VENs that are gone then."""

    def __init__(self, *ends: tuple[Reply | CollectionError, str], hostname: Any = "h0", looks: int = 99) -> None:
        self.vens: dict[str, Any] = {_href(0): hostname, _href(1): "h1"}
        self.puts: list[Any] = []
        self._ends = [*ends]
        self._looks = looks

    def __call__(self, sent: Sent) -> Reply | CollectionError:
        if sent.method == "PUT":
            self.puts.append(sent.body)
            end, gone = self._ends.pop(0)
            for number in gone:
                del self.vens[_href(int(number))]
            return end
        if sent.path in self.vens:
            return Reply(value=self._shown(sent.path))
        self._looks -= 1
        return Reply(value=[self._shown(href) for href in self.vens]) if self._looks >= 0 else Reply(500)

    def _shown(self, href: str) -> dict[str, Any]:
        return {"href": href, "hostname": self.vens[href], "status": "active"}


def _keep(pce: Pair, monkeypatch: pytest.MonkeyPatch, state: str, **given: Any) -> dict[str, Any]:
    transport = FakeTransport(pce)
    monkeypatch.setattr(PceApi, "connect", lambda *_arguments: Pce(transport, 1, "pce:8443"))
    options = {"hostnames": ["h0", "h1"], "hrefs": None, "pce_org_id": 1, "firewall_restore": "saved", **given}
    return ven.keep_vens({**options, "state": state}, dry_run=False)


def _failed(pce: Pair, monkeypatch: pytest.MonkeyPatch, state: str) -> tuple[str, bool, list[tuple[bool, Any]]]:
    """The message, ``changed``, and both VENs' ``changed`` and ``error``."""
    with pytest.raises(ven.VenError) as caught:
        _keep(pce, monkeypatch, state)
    entries = caught.value.details()["vens"]
    return str(caught.value), caught.value.changed, [(item["changed"], item["error"]) for item in entries]


UNKNOWN = "whether it was unpaired is not known"
NOT_KNOWN = "It is unknown whether the change was applied; run the task again to verify"
TIMEOUTS = [(Reply(504), "")] * 4


def test_a_mark_whose_end_is_not_known_may_have_changed_the_ven(monkeypatch: pytest.MonkeyPatch) -> None:
    pce = Pair((broken("PUT"), ""), (Reply(406), ""), (Reply(204), ""))
    message, changed, entries = _failed(pce, monkeypatch, "suspended")
    assert changed
    assert entries[0] == (True, f"the PCE answered 406 to PUT {_href(0)}. {NOT_KNOWN}")
    assert entries[1] == (True, None)
    assert message.count("It is unknown") == 1


def test_a_refused_mark_changed_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    _message, changed, entries = _failed(Pair(*[(Reply(406), "")] * 2), monkeypatch, "suspended")
    assert not changed
    assert [entry[0] for entry in entries] == [False, False]


def test_a_mark_that_fails_tells_what_is_done_and_what_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    pce = Pair((Reply(204), ""), *TIMEOUTS)
    with pytest.raises(CollectionError, match=f"1 of 2 VENs were marked as suspended before. {NOT_KNOWN}$") as caught:
        _keep(pce, monkeypatch, "suspended")
    assert caught.value.changed


def test_vens_that_are_still_shown_may_be_unpaired_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    message, changed, entries = _failed(Pair(*TIMEOUTS), monkeypatch, "unpaired")
    assert changed
    assert entries == [(True, UNKNOWN)] * 2
    assert message == f"the PCE answered 504 to PUT /orgs/1/vens/unpair. {NOT_KNOWN}"


def test_what_the_second_request_leaves_open_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pce = Pair((Reply(406), "0"), *TIMEOUTS)
    message, changed, entries = _failed(pce, monkeypatch, "unpaired")
    assert changed
    assert entries == [(True, None), (True, UNKNOWN)]
    assert message.endswith(f"unpair. 1 of 2 VENs were unpaired before. {NOT_KNOWN}")


def test_a_look_that_fails_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    message, changed, entries = _failed(Pair(*TIMEOUTS, looks=2), monkeypatch, "unpaired")
    assert changed
    assert entries == [(True, UNKNOWN)] * 2
    assert "Looking which of 2 VENs were unpaired failed too: the PCE answered 500 to GET" in message
    assert message.count("It is unknown") == message.count("run the task again") == 1


def test_a_refused_unpairing_advises_to_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    message, changed, entries = _failed(Pair((Reply(406), "")), monkeypatch, "unpaired")
    assert not changed
    assert entries == [(False, None)] * 2
    assert message.endswith("0 of 2 VENs were unpaired before; run again for the others")


def test_a_hostname_that_is_a_number_is_no_name_to_look_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pce = Pair((Reply(204), "0"), hostname=7)
    done = _keep(pce, monkeypatch, "unpaired", hostnames=None, hrefs=[_href(0)])
    assert done["changed"]
    assert done["warnings"] == []


ERROR = {"token": "ven_busy", "message": "try\nlater " + "x" * 9000}


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [ERROR]},
        [{"errors": [{**ERROR, "hrefs": []}]}],
        [ERROR],
        {"errors": ERROR},
        {"errors": [{**ERROR, "hrefs": [_href(1)]}]},
        {"errors": [{**ERROR, "hrefs": ["/another"]}]},
        {"errors": [{**ERROR, "hrefs": [None, 7]}]},
    ],
    ids=lambda body: json.dumps(body).replace("x", "").replace("\\", ""),
)
def test_errors_in_an_answer_of_success_are_those_of_the_vens_that_are_left(
    body: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pce = Pair((Reply(200, body), "0"))
    message, changed, entries = _failed(pce, monkeypatch, "unpaired")
    assert changed
    assert entries[0] == (True, None)
    assert entries[1][0] is False
    assert "200 to PUT /orgs/1/vens/unpair: ven_busy (try later xx" in entries[1][1]
    assert len(entries[1][1]) <= 500
    assert message.startswith("1 of 2 VENs failed: h1: ")
    assert len(pce.puts) == 1


def test_a_ven_that_is_left_and_not_named_by_an_error_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    pce = Pair((Reply(200, {"errors": [{**ERROR, "hrefs": [_href(1)]}]}), ""))
    _message, changed, entries = _failed(pce, monkeypatch, "unpaired")
    assert changed
    assert entries[0] == (True, None)
    assert "ven_busy" in entries[1][1]


@pytest.mark.parametrize(
    "body",
    [{}, [], {"errors": []}, {"errors": None}, 1, {"errors": [ERROR]}],
    ids=lambda body: str(body).replace("\\", ""),
)
def test_an_answer_of_success_is_believed_where_all_are_gone(body: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    done = _keep(Pair((Reply(200, body), "01")), monkeypatch, "unpaired")
    assert done["changed"]
    assert [item["error"] for item in done["vens"]] == [None, None]


def test_errors_that_could_not_be_looked_after_leave_all_open(monkeypatch: pytest.MonkeyPatch) -> None:
    message, changed, entries = _failed(Pair((Reply(200, {"errors": [ERROR]}), ""), looks=2), monkeypatch, "unpaired")
    assert changed
    assert entries == [(True, UNKNOWN)] * 2
    assert "500 to GET" in message
    assert "looked for after this: unexpected answer 200 to PUT /orgs/1/vens/unpair: ven_busy" in message


# What is returned, where all goes well.


class ShownVens(Pair):
    """A PCE that shows these VENs, whatever it is asked for, and takes every PUT."""

    def __init__(self, *vens: dict[str, Any]) -> None:
        super().__init__()
        self.known = [{"version": "21.2", **item} for item in vens]

    def __call__(self, sent: Sent) -> Reply:
        if sent.method == "PUT":
            self.puts.append(sent.body)
            gone = [item["href"] for item in sent.body.get("vens", [])]
            self.known = [item for item in self.known if item["href"] not in gone]
            return Reply(204)
        if sent.path.startswith("/orgs/1/vens/"):
            found = [item for item in self.known if item["href"] == sent.path]
            return Reply(value=found[0]) if found else Reply(404)
        return Reply(value=self.known, headers={"X-Total-Count": str(len(self.known))})


WEB = {"href": _href(0), "hostname": "web", "status": "active"}
DB = {"href": _href(1), "hostname": "db", "status": "suspended"}


def _entry(raw: dict[str, Any], status: str, changed: bool) -> dict[str, Any]:
    found = {"hostname": raw["hostname"], "href": raw["href"], "version": "21.2", "status": status}
    return {**found, "changed": changed, "error": None}


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_is_returned_of_an_unpairing(monkeypatch: pytest.MonkeyPatch, dry_run: bool) -> None:
    pce = ShownVens(WEB, DB)
    transport = FakeTransport(pce)
    monkeypatch.setattr(PceApi, "connect", lambda *_arguments: Pce(transport, 1, "pce:8443"))
    options = {"hostnames": ["web", "web", "gone"], "hrefs": [_href(1)], "pce_org_id": 1, "firewall_restore": "saved"}
    done = ven.keep_vens({**options, "state": "unpaired"}, dry_run)
    assert done == {
        "changed": True,
        "vens": [
            _entry(WEB, "unpaired", changed=True),
            {"hostname": "gone", "href": None, "version": None, "status": "unpaired", "changed": False, "error": None},
            _entry(DB, "unpaired", changed=True),
        ],
        "diff": {"before": {"web": "active", "db": "suspended"}, "after": {"web": "unpaired", "db": "unpaired"}},
        "warnings": [],
    }
    body = {"vens": [{"href": _href(0)}, {"href": _href(1)}], "firewall_restore": "saved"}
    assert pce.puts == ([] if dry_run else [body])


def test_what_is_returned_of_a_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    pce = ShownVens(WEB, DB)
    done = _keep(pce, monkeypatch, "suspended", hostnames=["web", "db"])
    assert pce.puts == [{"status": "suspended"}]
    assert done == {
        "changed": True,
        "vens": [_entry(WEB, "suspended", changed=True), _entry(DB, "suspended", changed=False)],
        "diff": {"before": {"web": "active"}, "after": {"web": "suspended"}},
        "warnings": [],
    }
    again = _keep(ShownVens({**WEB, "status": "stopped"}), monkeypatch, "active", hostnames=["web"])
    assert (again["changed"], again["vens"][0]["status"]) == (False, "stopped")


def test_vens_of_one_hostname_have_their_hrefs_in_the_diff(monkeypatch: pytest.MonkeyPatch) -> None:
    pce = ShownVens(WEB, {**DB, "hostname": "web"})
    done = _keep(pce, monkeypatch, "unpaired", hostnames=None, hrefs=[_href(0), _href(1)])
    assert done["diff"]["before"] == {f"web ({_href(0)})": "active", f"web ({_href(1)})": "suspended"}


@pytest.mark.parametrize("other", ["WEB", "web.example.com", "Web.Other.example"])
def test_another_spelling_of_a_hostname_is_warned_of(monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    pce = ShownVens({**WEB, "hostname": other}, {**DB, "hostname": "webdb"}, {**DB, "href": _href(2), "hostname": None})
    done = _keep(pce, monkeypatch, "unpaired", hostnames=["web"])
    assert not done["changed"]
    assert done["warnings"] == [f"the PCE shows no VEN of web, but one of {other}"]


def test_missing_vens_are_named_before_anything_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    pce = ShownVens(WEB)
    for count, more in ((10, ""), (12, " and 2 more")):
        names = [f"n{number}" for number in range(count)]
        with pytest.raises(CollectionError) as caught:
            _keep(pce, monkeypatch, "suspended", hostnames=["web", *names])
        listed = ", ".join(names[:10])
        assert str(caught.value) == f"there is no VEN of {listed}{more} (compared exactly); nothing was changed"
    assert pce.puts == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hostnames": None}, "hostnames: is needed, or hrefs"),
        ({"hostnames": ["web", ""]}, "hostnames: has an entry that is no hostname: ''"),
        ({"hostnames": [" web"]}, "hostnames: has an entry that is no hostname: ' web'"),
        ({"hostnames": None, "hrefs": ["/orgs/2/vens/1"]}, "hrefs: "),
    ],
)
def test_bad_input_is_named(monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], message: str) -> None:
    pce = ShownVens(WEB)
    with pytest.raises(OptionError) as caught:
        _keep(pce, monkeypatch, "unpaired", **given)
    assert str(caught.value).startswith(message)
    assert pce.puts == []


# What is asked, and how often.


def _numbered(*hostnames: Any) -> list[dict[str, Any]]:
    return [{"href": _href(place), "hostname": name, "status": "active"} for place, name in enumerate(hostnames)]


def _reads(
    monkeypatch: pytest.MonkeyPatch, count: int, longest: int = 1, **given: Any
) -> tuple[list[tuple[str, str | None]], list[dict[str, Any]]]:
    """The path and hostname of each GET while so many VENs are unpaired, and what the PCE shows of them."""
    vens = _numbered(*(f"{number}" + "h" * (longest - 1) for number in range(count)))
    transport = FakeTransport(ShownVens(*vens))
    monkeypatch.setattr(PceApi, "connect", lambda *_arguments: Pce(transport, 1, "pce:8443"))
    named = {"hostnames": [item["hostname"] for item in vens], "hrefs": None, **given}
    done = ven.keep_vens({"pce_org_id": 1, "firewall_restore": "saved", "state": "unpaired", **named}, dry_run=False)
    assert done["changed"]
    return [(sent.path, sent.query.get("hostname")) for sent in transport.sent if sent.method == "GET"], vens


def test_few_vens_are_asked_for_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, vens = _reads(monkeypatch, 5, longest=255)
    assert asked == [("/orgs/1/vens", item["hostname"]) for item in vens] * 2
    asked, vens = _reads(monkeypatch, 2, hostnames=None, hrefs=[_href(0), _href(1)])
    assert asked == [(_href(0), None), (_href(1), None), ("/orgs/1/vens", "0"), ("/orgs/1/vens", "1")]


def test_more_vens_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, _vens = _reads(monkeypatch, 6)
    assert asked == [("/orgs/1/vens", None)] * 2


@pytest.mark.parametrize("hostname", ["h" * 256, "", None])
def test_what_is_no_hostname_to_look_for_is_looked_for_in_all(monkeypatch: pytest.MonkeyPatch, hostname: Any) -> None:
    transport = FakeTransport(ShownVens(*_numbered(hostname)))
    monkeypatch.setattr(PceApi, "connect", lambda *_arguments: Pce(transport, 1, "pce:8443"))
    options = {"hostnames": None, "hrefs": [_href(0)], "pce_org_id": 1, "firewall_restore": "saved"}
    assert ven.keep_vens({**options, "state": "unpaired"}, dry_run=False)["changed"]
    asked = [(sent.path, dict(sent.query)) for sent in transport.sent if sent.method == "GET"]
    assert [path for path, _query in asked] == [_href(0), "/orgs/1/vens"]
    assert "hostname" not in asked[1][1]


def test_more_vens_than_the_deadline_allows_are_refused_before_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ven, "_BATCH", 2)
    pce = ShownVens(*_numbered(*"abcdefghijklmnopqrstuvw"))
    for count, enough in ((20, True), (21, False)):
        transport = FakeTransport(pce, deadline=50.0)
        monkeypatch.setattr(PceApi, "connect", lambda *_arguments, transport=transport: Pce(transport, 1, "pce:8443"))
        options = {"hostnames": [*"abcdefghijklmnopqrstuvw"[:count]], "hrefs": None, "pce_org_id": 1}
        given = {**options, "state": "unpaired", "firewall_restore": "saved"}
        if enough:
            assert ven.keep_vens(given, dry_run=True)["changed"]
        else:
            with pytest.raises(OptionError) as caught:
                ven.keep_vens(given, dry_run=False)
            assert str(caught.value) == (
                "deadline: unpairing 21 VENs takes 11 requests, and so at least 60 seconds at 10 a minute "
                "(the server's limit); nothing was changed"
            )
    assert pce.puts == []


def test_one_batch_that_was_done_is_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ven, "_BATCH", 1)
    message, changed, entries = _failed(Pair((Reply(204), "0"), (Reply(403), "")), monkeypatch, "unpaired")
    assert changed
    assert [entry[0] for entry in entries] == [True, False]
    assert message.endswith("1 of 2 VENs were unpaired before; run again for the others")


def test_all_that_an_answer_of_success_says_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    body = [{"errors": [{"token": "first"}]}, {"errors": [{"token": "second"}]}]
    message, _changed, entries = _failed(Pair((Reply(200, body), "")), monkeypatch, "unpaired")
    assert [entry[1].rpartition(": ")[2] for entry in entries] == ["first; second"] * 2
    assert message.startswith("2 of 2 VENs failed: h0: unexpected answer 200 ")
    assert "; h1: unexpected answer 200 " in message
    _message, _changed, entries = _failed(Pair((Reply(200, {"errors": [None]}), "")), monkeypatch, "unpaired")
    assert [entry[1].rpartition(": ")[2] for entry in entries] == ["it has errors"] * 2


def test_an_empty_answer_of_success_says_nothing_against_it(monkeypatch: pytest.MonkeyPatch) -> None:
    done = _keep(Pair((Reply(200, {}), "0")), monkeypatch, "unpaired")
    assert [item["error"] for item in done["vens"]] == [None, None]
    assert done["warnings"] == ["the PCE accepted the unpairing of h1 but still shows the VEN"]


@pytest.mark.parametrize("status", ["unpaired", "uninstalled"])
def test_a_ven_that_is_shown_as_gone_is_gone(monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    pce = ShownVens({**WEB, "status": status})
    done = _keep(pce, monkeypatch, "unpaired", hostnames=["web"])
    assert (done["changed"], done["warnings"], pce.puts) == (False, [], [])
    with pytest.raises(CollectionError, match=r"^there is no VEN of web "):
        _keep(pce, monkeypatch, "suspended", hostnames=["web"])


def test_a_mark_that_ends_the_task_counts_those_before(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CollectionError, match="1 of 2 VENs were marked as suspended before; run again") as caught:
        _keep(Pair((Reply(204), ""), (Reply(403), "")), monkeypatch, "suspended")
    assert caught.value.changed


@pytest.mark.parametrize(("status", "told"), [(404, True), (406, True), (405, False), (403, False)])
def test_which_refusals_of_a_mark_leave_the_others_to_be_marked(
    monkeypatch: pytest.MonkeyPatch, status: int, told: bool
) -> None:
    pce = Pair((Reply(status), ""), (Reply(204), ""))
    with pytest.raises(CollectionError) as caught:
        _keep(pce, monkeypatch, "suspended")
    assert isinstance(caught.value, ven.VenError) is told
    assert len(pce.puts) == (2 if told else 1)
    assert caught.value.changed is told


def test_progress_is_told_for_each_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(progress, "report_progress", lambda *words: told.append(words))
    vens = [{"href": _href(number), "hostname": f"h{number}", "status": "active"} for number in range(1200)]
    _keep(ShownVens(*vens), monkeypatch, "unpaired", hostnames=[item["hostname"] for item in vens])
    assert told == [("VENs unpaired", 0, 1200), ("VENs unpaired", 1000, 1200)]
