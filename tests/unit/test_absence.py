# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No write and no verdict rests on an object's absence from a list of several pages: one exact query confirms it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from plugins.module_utils._core.bulk import read_bulk
from plugins.module_utils._core.bulk_result import BulkError, BulkResult
from plugins.module_utils._core.bulk_run import reconcile_all
from plugins.module_utils._core.errors import MissingReferenceError
from plugins.module_utils._core.references import References, references
from plugins.module_utils._core.resource import Identity, Resource
from plugins.module_utils._core.snapshot import Snapshot
from plugins.module_utils._pce.api import Pce
from plugins.module_utils._pce.label import LABEL
from plugins.module_utils._pce.pairing_profile import PAIRING_PROFILE
from plugins.module_utils._pce.store import PceStore
from plugins.module_utils._pce.ven import VEN
from plugins.module_utils._pce.ven_state import VenError, set_ven_state

from .helpers import PROFILES, FakeTransport, Reply, Sent, check_reference, raw_profile

LABELS = "/orgs/1/labels"
FILE = "/orgs/1/datafiles/1"


class CutOffPce:
    """A PCE with more objects than a page holds, whose jobs leave out the ``lost`` and the updated ones."""

    def __init__(
        self, path: str, objects: Iterable[dict[str, Any]], lost: Iterable[str] = (), deadline: float = 300
    ) -> None:
        self.path = path
        self.objects = {raw["href"]: raw for raw in objects}
        self.lost = set(lost)
        self.transport = FakeTransport(self._serve, deadline)

    def _serve(self, sent: Sent) -> Reply:
        if sent.headers.get("Prefer"):
            return Reply(202, headers={"Location": "/orgs/1/jobs/1"})
        if sent.path == "/orgs/1/jobs/1":
            return Reply(200, {"status": "done", "result": {"href": FILE}})
        if sent.path == FILE:
            return Reply(200, [raw for href, raw in self.objects.items() if href not in self.lost])
        if sent.method == "POST":
            href = f"{sent.path}/9999"
            self.objects[href] = {**sent.body, "href": href}
            return Reply(201, self.objects[href])
        if sent.path.endswith("/unpair"):
            for ven in sent.body["vens"]:
                self.objects.pop(ven["href"], None)
            return Reply(204)
        if sent.method == "PUT":
            self.objects[sent.path].update(sent.body)
            self.lost.add(sent.path)
            return Reply(204)
        if sent.method == "DELETE":
            del self.objects[sent.path]
            return Reply(204)
        if sent.path != self.path:
            return Reply(200, self.objects[sent.path]) if sent.path in self.objects else Reply(404)
        filters = {name: text for name, text in sent.query.items() if name != "max_results"}
        found = [raw for raw in self.objects.values() if all(text in raw[name] for name, text in filters.items())]
        return Reply(200, found[:500], {"X-Total-Count": str(len(self.objects) - len(self.lost))})

    def store(self, resource: Resource) -> PceStore:
        """Return the store of its objects."""
        return PceStore(self.transport, 1, resource)

    def writes(self) -> list[str]:
        """Return what was sent to change something."""
        return [call for call in self.transport.calls() if not call.startswith("GET")]

    def asked(self, name: str) -> list[str]:
        """Return the texts of this filter."""
        return [sent.query[name] for sent in self.transport.sent if name in sent.query]


def profiles(*lost: int, deadline: float = 300) -> CutOffPce:
    """Return a PCE of 600 pairing profiles whose lists lack those with these numbers."""
    raws = [raw_profile(number, name=f"PP-{number}") for number in range(1, 601)]
    return CutOffPce(PROFILES, raws, [f"{PROFILES}/{number}" for number in lost], deadline)


def keep(pce: CutOffPce, *entries: dict[str, Any], dry_run: bool = False) -> BulkResult:
    params = {"pairing_profiles": [*entries, {"name": "other", "state": "absent"}], "purge": False}
    return reconcile_all(
        PAIRING_PROFILE, pce.store(PAIRING_PROFILE), read_bulk(PAIRING_PROFILE, params, check_reference), dry_run
    )


def actions(result: BulkResult) -> list[str]:
    return [entry["action"] for entry in result.outcomes[:-1]]


@pytest.mark.parametrize("dry_run", [False, True])
def test_bulk_does_not_create_a_profile_that_the_list_lacks(dry_run: bool) -> None:
    pce = profiles(555)
    result = keep(pce, {"name": "PP-555"}, {"name": "PP-1"}, dry_run=dry_run)
    assert actions(result) == ["nothing", "nothing"]
    assert pce.writes() == []
    assert pce.asked("name") == ["PP-555", "other"]


def test_bulk_deletes_a_profile_that_the_list_lacks() -> None:
    pce = profiles(555, 556)
    absent = [{"name": "PP-555", "state": "absent"}, {"href": f"{PROFILES}/556", "state": "absent"}]
    assert actions(keep(pce, *absent, {"name": "PP-557", "state": "absent"})) == ["delete"] * 3
    assert pce.writes() == [f"DELETE {PROFILES}/{number}" for number in (555, 556, 557)]


def test_bulk_creates_what_is_confirmed_to_be_absent() -> None:
    pce = profiles()
    assert actions(keep(pce, {"name": "new"})) == ["create"]
    assert pce.asked("name") == ["new", "other"]


def test_bulk_reads_back_an_update_that_the_list_lacks() -> None:
    pce = profiles()
    result = keep(pce, {"name": "PP-555", "enabled": False})
    assert (actions(result), result.warnings) == (["update"], [])
    assert result.outcomes[0]["pairing_profile"]["enabled"] is False
    assert pce.transport.calls()[-1] == f"GET {PROFILES}/555"


@pytest.mark.parametrize("common", ["zz-", "P"])
def test_bulk_confirms_many_names_by_few_queries(common: str) -> None:
    pce = profiles(555, 556)
    names = [f"{common}{number:03}" for number in range(256)]
    result = keep(pce, *({"name": name} for name in [*names, "PP-555", "PP-556"]), dry_run=True)
    assert actions(result) == ["create"] * 256 + ["nothing"] * 2
    assert len(pce.asked("name")) < 16
    assert "Prefer" not in [name for sent in pce.transport.sent if sent.query for name in sent.headers]


def test_bulk_confirms_names_that_share_no_beginning() -> None:
    pce = profiles()
    names = ["\u00e4", "b", "c", "d"]
    assert actions(keep(pce, *({"name": name} for name in names))) == ["create"] * 4
    assert sorted(pce.asked("name")) == sorted([*names, "other"])


def labels(*lost: int) -> CutOffPce:
    """Return a PCE of 600 labels whose lists lack those with these numbers."""
    raws = [{"href": f"{LABELS}/{number}", "key": "app", "value": f"a{number}"} for number in range(1, 601)]
    return CutOffPce(LABELS, raws, [f"{LABELS}/{number}" for number in lost])


FIELD = references("labels", LABEL, one_per="key")


def test_references_find_a_label_that_the_list_lacks() -> None:
    pce = labels(7 + 500)
    known = References(LABEL, pce.store(LABEL))
    for _time in range(2):
        assert known.resolve(FIELD, FIELD.parse([{"app": "a507"}]), create=True) == [{"href": f"{LABELS}/507"}]
    assert known.names({"href": f"{LABELS}/507"}) == {"key": "app", "value": "a507"}
    assert pce.asked("value") == ["a507"]


def test_references_find_the_names_of_a_label_that_the_list_lacks() -> None:
    pce = labels(507)
    known = References(LABEL, pce.store(LABEL))
    assert known.names({"href": f"{LABELS}/507"}) == {"key": "app", "value": "a507"}
    for _time in range(2):
        assert known.names({"href": f"{LABELS}/700"}) is None
    assert pce.transport.calls()[-2:] == [f"GET {LABELS}/507", f"GET {LABELS}/700"]


def test_references_confirm_that_a_label_is_missing_once() -> None:
    pce = labels()
    known = References(LABEL, pce.store(LABEL))
    for _time in range(2):
        with pytest.raises(MissingReferenceError, match="unknown label app=new"):
            known.resolve(FIELD, FIELD.parse([{"app": "new"}]), create=False)
    assert pce.asked("value") == ["new"]
    assert known.make({"key": "app", "value": "new"}) == (f"{LABELS}/9999", True)
    assert known.resolve(FIELD, FIELD.parse([{"app": "new"}]), create=False) == [{"href": f"{LABELS}/9999"}]


def test_references_of_one_page_need_no_second_query() -> None:
    pce = CutOffPce(LABELS, [{"href": f"{LABELS}/1", "key": "app", "value": "a1"}])
    with pytest.raises(MissingReferenceError):
        References(LABEL, pce.store(LABEL)).resolve(FIELD, FIELD.parse([{"app": "new"}]), create=False)
    assert len(pce.transport.sent) == 1


def test_bulk_names_what_fails_to_be_confirmed() -> None:
    pce = profiles()
    pce.objects[f"{PROFILES}/1001"] = raw_profile(1001, name="twin")
    pce.objects[f"{PROFILES}/1002"] = raw_profile(1002, name="twin")
    pce.lost |= {f"{PROFILES}/1001", f"{PROFILES}/1002"}
    with pytest.raises(BulkError, match="there are 2 pairing profiles with name 'twin'"):
        keep(pce, {"name": "twin"})


def vens(*lost: int) -> tuple[CutOffPce, list[str]]:
    """Return a PCE of 600 VENs whose lists lack those with these numbers, and the hostnames of those."""
    hrefs = [f"/orgs/1/vens/00000000-0000-4000-8000-{number:012d}" for number in range(1, 601)]
    raws = [{"href": href, "hostname": f"h{number}.", "status": "active"} for number, href in enumerate(hrefs, 1)]
    return CutOffPce("/orgs/1/vens", raws, [hrefs[number - 1] for number in lost]), [f"h{number}." for number in lost]


def unpair(pce: CutOffPce, hostnames: list[str], dry_run: bool = False) -> dict[str, Any]:
    options = {"hostnames": hostnames, "hrefs": None, "state": "unpaired", "firewall_restore": "saved"}
    return set_ven_state(Pce(pce.transport, 1, "pce:8443"), options, dry_run)


@pytest.mark.parametrize("dry_run", [False, True])
def test_unpair_finds_active_vens_that_the_list_lacks(dry_run: bool) -> None:
    pce, hostnames = vens(*range(591, 601))
    done = unpair(pce, [*hostnames, "gone"], dry_run)
    assert [entry["changed"] for entry in done["vens"]] == [True] * 10 + [False]
    assert len(pce.objects) == (600 if dry_run else 590)
    assert pce.asked("hostname") == ["h", "h59", "h600.", "gone"]


def test_unpair_after_a_refusal_confirms_what_the_list_lacks() -> None:
    """The PCE refuses one of six VENs and unpairs none; its lists lack the others from then on."""
    pce, _none = vens()
    hostnames = [f"h{number}." for number in range(595, 601)]
    hrefs = {raw["hostname"]: raw["href"] for raw in pce.objects.values()}
    serve = pce.transport._serve

    def refusing(sent: Sent) -> Any:
        if sent.method != "PUT":
            return serve(sent)
        pce.lost |= {hrefs[hostname] for hostname in hostnames}
        return Reply(200, {"errors": [{"token": "busy", "hrefs": [hrefs["h600."]]}]})

    pce.transport._serve = refusing
    with pytest.raises(VenError) as caught:
        unpair(pce, hostnames)
    assert [(entry["status"], entry["changed"]) for entry in caught.value.vens] == [("active", False)] * 6


def test_snapshot_find_confirms_an_absence_once() -> None:
    pce = profiles(555)
    store = pce.store(PAIRING_PROFILE)
    snapshot = Snapshot(PAIRING_PROFILE, store, store.read({}))
    for _time in range(2):
        found = snapshot.find(Identity(names={"name": "PP-555"}))
        assert found is not None
        assert found["href"] == f"{PROFILES}/555"
        assert snapshot.find(Identity(names={"name": "gone"})) is None
    assert pce.asked("name") == ["PP-555", "gone"]


def test_confirm_absences_of_one_name_twice_ends() -> None:
    pce, _none = vens()
    for raw in pce.objects.values():
        raw["hostname"] = "one"
    twice = [Identity(names={"hostname": "one"})] * 2
    assert len(pce.store(VEN).confirm_absences(twice)) == 600
