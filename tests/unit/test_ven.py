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
from plugins.module_utils._core.errors import CollectionError, OptionError, RequestError
from plugins.module_utils._http.client import HttpClient
from plugins.module_utils._http.endpoint import Endpoint
from plugins.module_utils._pce import unpairing
from plugins.module_utils._pce.api import Pce
from plugins.module_utils._pce.ven_state import VenError, set_ven_state

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


def test_the_eleventh_request_waits_for_its_minute(server: Loopback) -> None:
    slept: list[float] = []
    transport = HttpClient(Endpoint(server.url, "PCE", "pce_host"), clock=lambda: sum(slept), sleep=slept.append)
    pce = UnpairingPce(10_500)
    server.script = [pce]
    options: dict[str, Any] = {"hostnames": None, "hrefs": [*pce.vens]}
    done = set_ven_state(
        Pce(transport, 1, "pce:8443"), {**options, "state": "unpaired", "firewall_restore": "saved"}, dry_run=False
    )
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


def _keep(pce: Pair, state: str, **given: Any) -> dict[str, Any]:
    transport = FakeTransport(pce)
    options = {"hostnames": ["h0", "h1"], "hrefs": None, "firewall_restore": "saved", **given}
    return set_ven_state(Pce(transport, 1, "pce:8443"), {**options, "state": state}, dry_run=False)


def _failed(pce: Pair, state: str) -> tuple[str, bool, list[tuple[bool, Any]]]:
    """The message, ``changed``, and both VENs' ``changed`` and ``error``."""
    with pytest.raises(VenError) as caught:
        _keep(pce, state)
    entries = caught.value.details()["vens"]
    return str(caught.value), caught.value.changed, [(item["changed"], item["error"]) for item in entries]


UNKNOWN = "it is unknown whether the VEN was unpaired"
UNKNOWN_MARK = "it is unknown whether the VEN was marked as suspended"


def _unknown_end() -> str:
    """Return the sentence of an error whose outcome is unknown."""
    error = RequestError("", "PUT", "/")
    error.mark_outcome_unknown()
    return str(error).removeprefix(". ")


UNKNOWN_END = _unknown_end()
TIMEOUTS = [(Reply(504), "")] * 4


def test_a_mark_whose_end_is_not_known_may_have_changed_the_ven() -> None:
    pce = Pair((broken("PUT"), ""), (Reply(406), ""), (Reply(204), ""))
    message, changed, entries = _failed(pce, "suspended")
    assert changed
    assert entries[0] == (True, f"the PCE answered 406 to PUT {_href(0)}. {UNKNOWN_END}")
    assert entries[1] == (True, None)
    assert message.count(UNKNOWN_END) == 1


def test_a_refused_mark_changed_nothing() -> None:
    _message, changed, entries = _failed(Pair(*[(Reply(406), "")] * 2), "suspended")
    assert not changed
    assert [entry[0] for entry in entries] == [False, False]


def test_a_mark_that_fails_tells_what_is_done_and_what_is_not_known() -> None:
    pce = Pair((Reply(204), ""), *TIMEOUTS)
    message, changed, entries = _failed(pce, "suspended")
    told = "1 of 2 VENs were marked as suspended before"
    assert message == f"the PCE answered 504 to PUT {_href(1)}. {told}. {UNKNOWN_END}"
    assert changed
    assert entries == [(True, None), (True, UNKNOWN_MARK)]


def test_vens_that_are_still_shown_may_be_unpaired_yet() -> None:
    message, changed, entries = _failed(Pair(*TIMEOUTS), "unpaired")
    assert changed
    assert entries == [(True, UNKNOWN)] * 2
    assert message == f"the PCE answered 504 to PUT /orgs/1/vens/unpair. {UNKNOWN_END}"


def test_unpair_sent_again_is_done_where_all_vens_are_gone() -> None:
    """The response of the first request was lost; the second names VENs that are gone, which the PCE refuses."""
    pce = Pair((broken("PUT"), "01"), (Reply(406), ""))
    assert _keep(pce, "unpaired")["changed"]
    assert len(pce.puts) == 2


def test_what_the_second_request_leaves_open_is_told() -> None:
    pce = Pair((Reply(406), "0"), *TIMEOUTS)
    message, changed, entries = _failed(pce, "unpaired")
    assert changed
    assert entries == [(True, None), (True, UNKNOWN)]
    assert message.endswith(f"unpair. 1 of 2 VENs were unpaired before. {UNKNOWN_END}")


def test_a_look_that_fails_is_told_in_one_sentence() -> None:
    message, changed, entries = _failed(Pair(*TIMEOUTS, looks=2), "unpaired")
    assert changed
    assert entries == [(True, UNKNOWN)] * 2
    assert "Looking up which of 2 VENs were unpaired failed too: the PCE answered 500 to GET" in message
    assert message.count(UNKNOWN_END) == 1


def test_a_refused_unpairing_advises_to_run_again() -> None:
    message, changed, entries = _failed(Pair((Reply(406), "")), "unpaired")
    assert not changed
    assert entries == [(False, None)] * 2
    assert message.endswith("0 of 2 VENs were unpaired before; run the task again for the others")


def test_a_hostname_that_is_a_number_is_no_name_to_look_for() -> None:
    pce = Pair((Reply(204), "0"), hostname=7)
    done = _keep(pce, "unpaired", hostnames=None, hrefs=[_href(0)])
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
def test_errors_in_an_answer_of_success_are_those_of_the_vens_that_are_left(body: Any) -> None:
    pce = Pair((Reply(200, body), "0"))
    message, changed, entries = _failed(pce, "unpaired")
    assert changed
    assert entries[0] == (True, None)
    assert entries[1][0] is False
    assert "200 to PUT /orgs/1/vens/unpair: ven_busy (try later xx" in entries[1][1]
    assert len(entries[1][1]) <= 500
    assert message.startswith("1 of 2 VENs failed: h1: ")
    assert len(pce.puts) == 1


REFUSED_1 = Reply(200, {"errors": [{**ERROR, "hrefs": [_href(1)]}]})


def test_unpair_refusal_of_one_ven_tries_the_other_alone() -> None:
    """The PCE names h1 and unpairs none."""
    pce = Pair((REFUSED_1, ""), (Reply(204), "0"))
    _message, changed, entries = _failed(pce, "unpaired")
    assert changed
    assert entries[0] == (True, None)
    assert entries[1][0] is False
    assert "ven_busy" in entries[1][1]
    assert [[item["href"] for item in put["vens"]] for put in pce.puts] == [[_href(0), _href(1)], [_href(0)]]


@pytest.mark.parametrize("href", [_href(0), _href(1), None])
def test_unpair_refusal_of_all_leaves_all_unchanged(href: str | None) -> None:
    """What the PCE still shows is not reported as unpaired, whichever VEN its errors name."""
    second = Reply(200, {"errors": [{**ERROR, "hrefs": [href]}]})
    pce = Pair((REFUSED_1, ""), (second, ""))
    with pytest.raises(VenError) as caught:
        _keep(pce, "unpaired")
    assert not caught.value.changed
    entries = caught.value.details()["vens"]
    assert [(entry["status"], entry["changed"]) for entry in entries] == [("active", False)] * 2
    assert all("ven_busy" in entry["error"] for entry in entries)


def test_unpair_refusal_names_vens_that_it_does_not_mean() -> None:
    """Of three VENs each refusal names another one: the third is still paired, and says why."""
    pce = ShownVens(*_numbered("h0", "h1", "h2"))
    ends = [Reply(200, {"errors": [{**ERROR, "hrefs": [_href(number)]}]}) for number in (0, 1)]

    def serve(sent: Sent) -> Reply:
        return ends.pop(0) if sent.method == "PUT" else pce(sent)

    options = {"hostnames": ["h0", "h1", "h2"], "hrefs": None, "state": "unpaired", "firewall_restore": "saved"}
    with pytest.raises(VenError) as caught:
        set_ven_state(Pce(FakeTransport(serve), 1, "pce:8443"), options, dry_run=False)
    assert [entry["changed"] for entry in caught.value.vens] == [False] * 3
    assert caught.value.vens[2]["error"].startswith("the PCE still shows the VEN, and refused others with it: ")


def test_unpair_success_that_is_not_shown_keeps_the_shown_status() -> None:
    done = _keep(Pair((Reply(204), "0")), "unpaired")
    assert [(entry["status"], entry["changed"]) for entry in done["vens"]] == [("unpaired", True), ("active", True)]
    assert done["diff"]["after"] == {"h0": "unpaired", "h1": "active"}
    assert done["warnings"] == ["the PCE accepted the unpairing of h1 but still shows the VEN"]


@pytest.mark.parametrize(
    "body",
    [{}, [], {"errors": []}, {"errors": None}, 1, {"errors": [ERROR]}],
    ids=lambda body: str(body).replace("\\", ""),
)
def test_an_answer_of_success_is_believed_where_all_are_gone(body: Any) -> None:
    done = _keep(Pair((Reply(200, body), "01")), "unpaired")
    assert done["changed"]
    assert [item["error"] for item in done["vens"]] == [None, None]


def test_errors_that_could_not_be_looked_after_leave_all_open() -> None:
    message, changed, entries = _failed(Pair((Reply(200, {"errors": [ERROR]}), ""), looks=2), "unpaired")
    assert changed
    assert entries == [(True, UNKNOWN)] * 2
    assert "500 to GET" in message
    assert "The VENs were looked up after this: unexpected answer 200 to PUT /orgs/1/vens/unpair: ven_busy" in message


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
            for item in self.known:
                item.update(sent.body if item["href"] == sent.path else {})
            self.known = [item for item in self.known if item["href"] not in gone]
            return Reply(204)
        if sent.path.startswith("/orgs/1/vens/"):
            found = [item for item in self.known if item["href"] == sent.path]
            return Reply(value=found[0]) if found else Reply(404)
        return Reply(value=self.known, headers={"X-Total-Count": str(len(self.known))})


WEB = {"href": _href(0), "hostname": "web", "status": "active"}
DB = {"href": _href(1), "hostname": "db", "status": "stopped"}
IDLE = {"href": _href(2), "hostname": "idle", "status": "suspended"}


def _entry(raw: dict[str, Any], status: str, changed: bool) -> dict[str, Any]:
    found = {"hostname": raw["hostname"], "href": raw["href"], "version": "21.2", "status": status}
    return {**found, "changed": changed, "error": None}


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_is_returned_of_an_unpairing(dry_run: bool) -> None:
    pce = ShownVens(WEB, DB)
    transport = FakeTransport(pce)
    options = {"hostnames": ["web", "web", "gone"], "hrefs": [_href(1)], "firewall_restore": "saved"}
    done = set_ven_state(Pce(transport, 1, "pce:8443"), {**options, "state": "unpaired"}, dry_run)
    assert done == {
        "changed": True,
        "vens": [
            _entry(WEB, "unpaired", changed=True),
            {"hostname": "gone", "href": None, "version": None, "status": "unpaired", "changed": False, "error": None},
            _entry(DB, "unpaired", changed=True),
        ],
        "diff": {"before": {"web": "active", "db": "stopped"}, "after": {"web": "unpaired", "db": "unpaired"}},
        "warnings": [],
    }
    body = {"vens": [{"href": _href(0)}, {"href": _href(1)}], "firewall_restore": "saved"}
    assert pce.puts == ([] if dry_run else [body])


def test_what_is_returned_of_a_mark() -> None:
    pce = ShownVens(WEB, IDLE)
    done = _keep(pce, "suspended", hostnames=["web", "idle"])
    assert pce.puts == [{"status": "suspended"}]
    assert done == {
        "changed": True,
        "vens": [_entry(WEB, "suspended", changed=True), _entry(IDLE, "suspended", changed=False)],
        "diff": {"before": {"web": "active"}, "after": {"web": "suspended"}},
        "warnings": [],
    }
    again = _keep(ShownVens({**WEB, "status": "stopped"}), "active", hostnames=["web"])
    assert (again["changed"], again["vens"][0]["status"]) == (False, "stopped")


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (
            IDLE,
            "a suspended VEN cannot be unpaired: idle; nothing was changed. Mark it as active first (state: active)",
        ),
        (
            {**WEB, "href": _href(2), "hostname": "idle", "unpair_allowed": False},
            "the PCE does not allow unpairing idle (unpair_allowed is false); nothing was changed",
        ),
    ],
    ids=["suspended", "not allowed"],
)
def test_unpair_of_what_cannot_be_unpaired_changes_nothing(raw: dict[str, Any], words: str, dry_run: bool) -> None:
    pce = ShownVens(WEB, raw)
    options = {"hostnames": ["web", "idle"], "hrefs": None, "state": "unpaired", "firewall_restore": "saved"}
    with pytest.raises(CollectionError) as caught:
        set_ven_state(Pce(FakeTransport(pce), 1, "pce:8443"), options, dry_run)
    assert str(caught.value).startswith(words)
    assert not caught.value.changed
    assert pce.puts == []


def test_unpair_where_it_is_allowed_or_not_said_works() -> None:
    vens: list[dict[str, Any]] = [{**WEB, "unpair_allowed": True}, {**DB, "unpair_allowed": None}]
    assert _keep(ShownVens(*vens), "unpaired", hostnames=["web", "db"])["changed"]
    gone = ShownVens({**WEB, "status": "unpaired", "unpair_allowed": False})
    assert not _keep(gone, "unpaired", hostnames=["web"])["changed"]


def test_mark_that_is_not_shown_keeps_the_shown_status() -> None:
    class Forgetful(ShownVens):
        def __call__(self, sent: Sent) -> Reply:
            return Reply(204) if sent.method == "PUT" else super().__call__(sent)

    done = _keep(Forgetful(WEB), "suspended", hostnames=["web"])
    assert (done["vens"][0]["status"], done["vens"][0]["changed"]) == ("active", True)
    assert done["warnings"] == ["the PCE accepted status suspended but shows another value: web"]


def test_mark_that_cannot_be_read_afterwards_is_a_warning() -> None:
    done = _keep(Pair((Reply(204), ""), looks=1), "suspended", hostnames=["h0"])
    assert done["vens"][0]["status"] == "suspended"
    assert done["warnings"][0].startswith("the PCE accepted the status, but the VENs could not be read afterwards: ")


def test_warnings_survive_a_failure() -> None:
    pce = Pair((Reply(406), ""))
    with pytest.raises(VenError) as caught:
        _keep(pce, "unpaired", hostnames=["h1", "H0"])
    assert caught.value.warnings == ["the PCE shows no VEN with hostname H0, but one with h0"]


def test_missing_vens_are_named_as_the_task_names_them() -> None:
    with pytest.raises(CollectionError) as caught:
        _keep(ShownVens(WEB), "active", hostnames=["gone"], hrefs=[_href(7)])
    assert str(caught.value).startswith(f"no VEN with hostname gone or href {_href(7)} (exact match); ")


def test_vens_of_one_hostname_have_their_hrefs_in_the_diff() -> None:
    pce = ShownVens(WEB, {**DB, "hostname": "web"})
    done = _keep(pce, "unpaired", hostnames=None, hrefs=[_href(0), _href(1)])
    assert done["diff"]["before"] == {f"web ({_href(0)})": "active", f"web ({_href(1)})": "stopped"}


@pytest.mark.parametrize("other", ["WEB", "web.example.com", "Web.Other.example"])
def test_another_spelling_of_a_hostname_is_warned_of(other: str) -> None:
    pce = ShownVens({**WEB, "hostname": other}, {**DB, "hostname": "webdb"}, {**DB, "href": _href(2), "hostname": None})
    done = _keep(pce, "unpaired", hostnames=["web"])
    assert not done["changed"]
    assert done["warnings"] == [f"the PCE shows no VEN with hostname web, but one with {other}"]


def test_missing_vens_are_named_before_anything_is_marked() -> None:
    pce = ShownVens(WEB)
    for count, more in ((10, ""), (12, " and 2 more")):
        names = [f"n{number}" for number in range(count)]
        with pytest.raises(CollectionError) as caught:
            _keep(pce, "suspended", hostnames=["web", *names])
        listed = ", ".join(names[:10])
        assert str(caught.value) == f"no VEN with hostname {listed}{more} (exact match); nothing was changed"
    assert pce.puts == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hostnames": None}, "hostnames: one of hostnames and hrefs is required"),
        ({"hostnames": ["web", ""]}, "hostnames: '' is not a hostname"),
        ({"hostnames": [" web"]}, "hostnames: ' web' is not a hostname"),
        ({"hostnames": None, "hrefs": ["/orgs/2/vens/1"]}, "hrefs: "),
    ],
)
def test_bad_input_is_named(given: dict[str, Any], message: str) -> None:
    pce = ShownVens(WEB)
    with pytest.raises(OptionError) as caught:
        _keep(pce, "unpaired", **given)
    assert str(caught.value).startswith(message)
    assert pce.puts == []


# What is asked, and how often.


def _numbered(*hostnames: Any) -> list[dict[str, Any]]:
    return [{"href": _href(place), "hostname": name, "status": "active"} for place, name in enumerate(hostnames)]


def _reads(count: int, longest: int = 1, **given: Any) -> tuple[list[tuple[str, str | None]], list[dict[str, Any]]]:
    """The path and hostname of each GET while so many VENs are unpaired, and what the PCE shows of them."""
    vens = _numbered(*(f"{number}" + "h" * (longest - 1) for number in range(count)))
    transport = FakeTransport(ShownVens(*vens))
    named = {"hostnames": [item["hostname"] for item in vens], "hrefs": None, **given}
    done = set_ven_state(
        Pce(transport, 1, "pce:8443"), {"firewall_restore": "saved", "state": "unpaired", **named}, dry_run=False
    )
    assert done["changed"]
    return [(sent.path, sent.query.get("hostname")) for sent in transport.sent if sent.method == "GET"], vens


def test_few_vens_are_asked_for_one_by_one() -> None:
    asked, vens = _reads(5, longest=255)
    assert asked == [("/orgs/1/vens", item["hostname"]) for item in vens] * 2
    asked, vens = _reads(2, hostnames=None, hrefs=[_href(0), _href(1)])
    assert asked == [(_href(0), None), (_href(1), None), ("/orgs/1/vens", "0"), ("/orgs/1/vens", "1")]


def test_more_vens_are_read_at_once() -> None:
    asked, _vens = _reads(6)
    assert asked == [("/orgs/1/vens", None)] * 2


@pytest.mark.parametrize("hostname", ["h" * 256, "", None])
def test_what_is_no_hostname_to_look_for_is_looked_for_in_all(hostname: Any) -> None:
    transport = FakeTransport(ShownVens(*_numbered(hostname)))
    options = {"hostnames": None, "hrefs": [_href(0)], "firewall_restore": "saved"}
    assert set_ven_state(Pce(transport, 1, "pce:8443"), {**options, "state": "unpaired"}, dry_run=False)["changed"]
    asked = [(sent.path, dict(sent.query)) for sent in transport.sent if sent.method == "GET"]
    assert [path for path, _query in asked] == [_href(0), "/orgs/1/vens"]
    assert "hostname" not in asked[1][1]


def test_more_vens_than_the_deadline_allows_are_refused_before_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpairing, "MAX_BATCH", 2)
    pce = ShownVens(*_numbered(*"abcdefghijklmnopqrstuvw"))
    for count, enough in ((20, True), (21, False)):
        transport = FakeTransport(pce, deadline=50.0)
        options = {"hostnames": [*"abcdefghijklmnopqrstuvw"[:count]], "hrefs": None}
        given = {**options, "state": "unpaired", "firewall_restore": "saved"}
        if enough:
            assert set_ven_state(Pce(transport, 1, "pce:8443"), given, dry_run=True)["changed"]
        else:
            with pytest.raises(OptionError) as caught:
                set_ven_state(Pce(transport, 1, "pce:8443"), given, dry_run=False)
            assert str(caught.value) == (
                "deadline: unpairing 21 VENs takes 11 requests, and so at least 60 seconds at 10 a minute "
                "(the server's limit); nothing was changed"
            )
    assert pce.puts == []


def test_one_batch_that_was_done_is_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpairing, "MAX_BATCH", 1)
    message, changed, entries = _failed(Pair((Reply(204), "0"), (Reply(403), "")), "unpaired")
    assert changed
    assert [entry[0] for entry in entries] == [True, False]
    assert message.endswith("1 of 2 VENs were unpaired before; run the task again for the others")


def test_all_that_an_answer_of_success_says_is_told() -> None:
    body = [{"errors": [{"token": "first"}]}, {"errors": [{"token": "second"}]}]
    message, _changed, entries = _failed(Pair((Reply(200, body), "")), "unpaired")
    assert [entry[1].rpartition(": ")[2] for entry in entries] == ["first; second"] * 2
    assert message.startswith("2 of 2 VENs failed: h0: unexpected answer 200 ")
    assert "; h1: unexpected answer 200 " in message
    _message, _changed, entries = _failed(Pair((Reply(200, {"errors": [None]}), "")), "unpaired")
    assert [entry[1].rpartition(": ")[2] for entry in entries] == ["it has errors"] * 2


def test_an_empty_answer_of_success_says_nothing_against_it() -> None:
    done = _keep(Pair((Reply(200, {}), "0")), "unpaired")
    assert [item["error"] for item in done["vens"]] == [None, None]
    assert done["warnings"] == ["the PCE accepted the unpairing of h1 but still shows the VEN"]


@pytest.mark.parametrize("status", ["unpaired", "uninstalled"])
def test_a_ven_that_is_shown_as_gone_is_gone(status: str) -> None:
    pce = ShownVens({**WEB, "status": status})
    done = _keep(pce, "unpaired", hostnames=["web"])
    assert (done["changed"], done["warnings"], pce.puts) == (False, [], [])
    with pytest.raises(CollectionError, match=r"^no VEN with hostname web "):
        _keep(pce, "suspended", hostnames=["web"])


def test_a_mark_that_ends_the_task_counts_those_before() -> None:
    with pytest.raises(
        CollectionError, match="1 of 2 VENs were marked as suspended before; run the task again"
    ) as caught:
        _keep(Pair((Reply(204), ""), (Reply(403), "")), "suspended")
    assert caught.value.changed


@pytest.mark.parametrize(("status", "told"), [(404, True), (406, True), (405, False), (403, False)])
def test_which_refusals_of_a_mark_leave_the_others_to_be_marked(status: int, told: bool) -> None:
    pce = Pair((Reply(status), ""), (Reply(204), ""))
    with pytest.raises(CollectionError) as caught:
        _keep(pce, "suspended")
    assert isinstance(caught.value, VenError)
    assert caught.value.details().get("status") == (None if told else status)
    assert len(pce.puts) == (2 if told else 1)
    assert caught.value.changed is told


def test_progress_is_told_for_each_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(progress, "report_progress", lambda *words: told.append(words))
    vens = [{"href": _href(number), "hostname": f"h{number}", "status": "active"} for number in range(1200)]
    _keep(ShownVens(*vens), "unpaired", hostnames=[item["hostname"] for item in vens])
    assert told == [("VENs unpaired", 0, 1200), ("VENs unpaired", 1000, 1200)]
