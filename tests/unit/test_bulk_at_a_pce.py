# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many pairing profiles with labels at a PCE: what is resolved, written without a look, and read back at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

import pytest

from plugins.module_utils._core.bulk import read_bulk
from plugins.module_utils._core.bulk_result import BulkError, BulkResult
from plugins.module_utils._core.bulk_run import reconcile_all
from plugins.module_utils._core.errors import CollectionError, MissingReferenceError
from plugins.module_utils._pce.pairing_profile import PAIRING_PROFILE
from plugins.module_utils._pce.store import PceStore

from .helpers import PROFILES, FakeTransport, Reply, Sent, check_reference, raw_profile

LABELS = "/orgs/1/labels"
WEB, DB, PROD = (
    {"href": f"{LABELS}/{number}", "key": key, "value": value}
    for number, key, value in ((1, "role", "web"), (2, "role", "db"), (3, "env", "prod"))
)


class Pce:
    """A PCE in memory. ``after_put`` may change what it holds after each PUT; ``wrong`` answers instead, if it does."""

    def __init__(self, *profiles: dict[str, Any]) -> None:
        self.objects: dict[str, dict[str, Any]] = {raw["href"]: dict(raw) for raw in [*profiles, WEB, DB, PROD]}
        self.after_put: Callable[[str], None] = lambda _href: None
        self.wrong: Callable[[Sent], Reply | None] = lambda _sent: None
        self.transport = FakeTransport(self._serve)

    def _serve(self, sent: Sent) -> Reply | CollectionError:
        wrong = self.wrong(sent)
        if wrong is not None:
            return wrong
        if sent.method == "POST":
            href = f"{sent.path}/{100 + len(self.objects)}"
            base = raw_profile() if sent.path == PROFILES else {}
            self.objects[href] = {**base, **sent.body, "href": href}
            return Reply(201, self.objects[href])
        if sent.path in (PROFILES, LABELS):
            part = sent.query.get("name", "")
            found = [raw for href, raw in self.objects.items() if href.rpartition("/")[0] == sent.path]
            return Reply(200, [raw for raw in found if part in raw.get("name", "")])
        if sent.path not in self.objects:
            return Reply(404)
        if sent.method == "GET":
            return Reply(200, self.objects[sent.path])
        if sent.method == "DELETE":
            del self.objects[sent.path]
            return Reply(204)
        self.objects[sent.path].update(sent.body)
        self.after_put(sent.path)
        return Reply(204)

    def keep(self, *entries: dict[str, Any], dry_run: bool = False, **params: Any) -> BulkResult:
        """Do what the module does."""
        given = {"pairing_profiles": [*entries], "purge": False, **params}
        store = PceStore(self.transport, 1, PAIRING_PROFILE)
        return reconcile_all(PAIRING_PROFILE, store, read_bulk(PAIRING_PROFILE, given, check_reference), dry_run)

    def written(self) -> list[tuple[str, str, Any]]:
        """Method, path and body of what was sent to change something."""
        return [(sent.method, sent.path, sent.body) for sent in self.transport.sent if sent.method != "GET"]


def entry(name: str, number: int, action: str, shown: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a result holds of one profile."""
    result = None if shown is None else PAIRING_PROFILE.to_result(shown)
    base = {"name": name, "href": f"{PROFILES}/{number}", "action": action, "changed": action != "nothing"}
    return {**base, "error": None, "pairing_profile": result}


def test_what_is_returned() -> None:
    a, b, c = (raw_profile(number, name=name) for number, name in enumerate(("PP-A", "PP-B", "PP-C"), 1))
    pce = Pce(a, b, c)
    pce.objects[a["href"]]["labels"] = [{"href": WEB["href"]}]
    labels = [{"role": "web"}, {"env": "prod"}]
    outcome = pce.keep({"name": "PP-A", "labels": labels}, {"name": "PP-B"}, {"name": "PP-C", "state": "absent"})
    hrefs = [{"href": WEB["href"]}, {"href": PROD["href"]}]
    assert outcome.outcomes == [
        entry("PP-A", 1, "update", {**a, "labels": hrefs}),
        entry("PP-B", 2, "nothing", None),
        entry("PP-C", 3, "delete", None),
    ]
    assert outcome.warnings == []
    assert (set(outcome.before), set(outcome.after)) == ({"PP-A", "PP-C"}, {"PP-A"})
    assert (outcome.before["PP-A"]["labels"], outcome.after["PP-A"]["labels"]) == (hrefs[:1], hrefs)
    assert outcome.before["PP-C"]["name"] == "PP-C"
    assert pce.written() == [("PUT", a["href"], {"labels": hrefs}), ("DELETE", c["href"], None)]
    reads = [(sent.path, dict(sent.query).get("name")) for sent in pce.transport.sent if sent.method == "GET"]
    assert reads == [(PROFILES, "PP-"), (LABELS, None), (c["href"], None), (PROFILES, "PP-")]


def test_what_a_pce_does_not_keep_is_warned_of() -> None:
    pce = Pce(raw_profile(1, name="PP-A"))
    pce.after_put = lambda href: pce.objects[href].update(description="theirs", enabled=True)
    outcome = pce.keep({"name": "PP-A", "description": "ours", "enabled": False, "labels": [{"role": "web"}]})
    assert outcome.warnings == ["PP-A: the server accepted description, enabled but shows another value"]
    assert outcome.outcomes[0]["pairing_profile"]["description"] == "theirs"
    assert outcome.changed


def test_what_is_deleted_just_after_it_was_updated_is_told() -> None:
    pce = Pce(raw_profile(1, name="PP-A"), raw_profile(2, name="PP-B"))

    def vanish(href: str) -> None:
        if href.endswith("/1"):
            del pce.objects[href]

    pce.after_put = vanish
    with pytest.raises(BulkError) as caught:
        pce.keep({"name": "PP-A", "enabled": False}, {"name": "PP-B", "enabled": False})
    told = f"another user deleted {PROFILES}/1 just after it was updated"
    assert str(caught.value) == f"1 of 2 pairing profiles failed: PP-A: {told}"
    assert caught.value.changed
    failed, updated = caught.value.outcomes
    assert failed == {**entry("PP-A", 1, "failed", None), "error": told}
    assert updated["action"] == "update"


def test_what_cannot_be_read_back_is_warned_of() -> None:
    pce = Pce(raw_profile(1, name="PP-A"))
    pce.wrong = lambda sent: Reply(403) if sent.method == "GET" and pce.written() else None
    outcome = pce.keep({"name": "PP-A", "enabled": False})
    (warning,) = outcome.warnings
    assert warning.startswith("updated objects could not be read back: the PCE answered 403 to GET")
    assert outcome.outcomes[0]["pairing_profile"]["enabled"] is False


def test_time_is_asked_for_all_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    pce = Pce(*(raw_profile(number, name=f"PP-{number}") for number in range(1, 4)))
    asked: list[Any] = []
    monkeypatch.setattr(pce.transport, "ensure_within_deadline", lambda *arguments: asked.append(arguments))
    entries: list[dict[str, Any]] = [{"name": "PP-1", "enabled": False}, {"name": "PP-2"}]
    purge: dict[str, Any] = {"purge": True, "purge_scope": {"name_prefix": "PP-"}}
    pce.keep(*entries, dry_run=True, **purge)
    pce.keep({"name": "PP-2"})
    assert asked == [(3, "changing 2 pairing profiles")]  # what is deleted is read again before


def test_labels_are_made_where_that_is_wanted() -> None:
    pce = Pce(raw_profile(1, name="PP-A"))
    wanted = {"name": "PP-A", "labels": [{"role": "cache"}, {"href": PROD["href"]}]}
    with pytest.raises(BulkError, match=r"unknown label role=cache.*; set create_labels: true to create it"):
        pce.keep(wanted)
    foreseen = pce.keep(wanted, create_labels=True, dry_run=True)
    assert pce.written() == []
    assert {"key": "role", "value": "cache"} in foreseen.after["PP-A"]["labels"]
    pce.keep(wanted, {"name": "PP-N", "labels": [{"role": "cache"}]}, create_labels=True)
    made = next(href for href, raw in pce.objects.items() if raw.get("value") == "cache")
    assert [call[:2] for call in pce.written()] == [("POST", LABELS), ("PUT", f"{PROFILES}/1"), ("POST", PROFILES)]
    assert sorted(item["href"] for item in pce.objects[f"{PROFILES}/1"]["labels"]) == [made, PROD["href"]]
    assert pce.written()[-1][2]["labels"] == [{"href": made}]


def test_a_scope_by_labels() -> None:
    web, both, db = (
        raw_profile(number, name=f"PP-{number}", labels=[{"href": raw["href"]} for raw in raws])
        for number, raws in ((1, [WEB]), (2, [WEB, PROD]), (3, [DB, PROD]))
    )
    pce = Pce(web, both, db)
    scope: dict[str, Any] = {"purge": True, "purge_scope": {"labels": [{"role": "web"}, {"href": PROD["href"]}]}}
    outcome = pce.keep(**scope)
    assert [item["href"] for item in outcome.outcomes] == [both["href"]]
    scope["purge_scope"] = {"labels": [{"role": "gone"}]}
    with pytest.raises(MissingReferenceError) as caught:
        pce.keep(**scope)
    assert str(caught.value).startswith("purge_scope.labels: unknown label role=gone")
    assert "would create it" not in str(caught.value)
    # What this task makes is on nothing yet.
    made = pce.keep({"name": "PP-1", "labels": [{"role": "gone"}]}, create_labels=True, **scope)
    assert [item["action"] for item in made.outcomes] == ["update"]


def test_the_default_profile_is_never_purged() -> None:
    pce = Pce(raw_profile(1, name="PP-1", is_default=True), raw_profile(2, name="PP-2", is_default=False))
    outcome = pce.keep(purge=True, purge_scope={"name_prefix": "PP-"})
    assert [item["href"] for item in outcome.outcomes] == [f"{PROFILES}/2"]


SCOPE: dict[str, Any] = {"purge": True, "purge_scope": {"name_prefix": "PP-", "external_data_set": "cmdb"}}
LISTED = {"name": "PP-A", "enabled": False}


def changing(**changes: Any) -> Pce:
    """Return a PCE on which another user changes PP-B after PP-A was updated."""
    names = ("PP-A", "PP-B", "PP-C")
    pce = Pce(*(raw_profile(number, name=name, external_data_set="cmdb") for number, name in enumerate(names, 1)))
    pce.after_put = lambda _href: pce.objects[f"{PROFILES}/2"].update(changes)
    return pce


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "other"}, "it has been renamed since it was read"),
        ({"name": "PP-X"}, "it has been renamed since it was read"),
        ({"external_data_set": "hand-made"}, "it is no longer in purge_scope"),
        ({"is_default": True}, "it is no longer in purge_scope"),
    ],
)
def test_purge_spares_a_profile_that_changed_meanwhile(changes: dict[str, Any], reason: str) -> None:
    pce = changing(**changes)
    result = pce.keep(LISTED, **SCOPE)
    assert [item["action"] for item in result.outcomes] == ["update", "nothing", "delete"]
    assert result.warnings == [f"PP-B: it was not deleted: {reason}"]
    assert set(result.before) == {"PP-A", "PP-C"}
    assert f"{PROFILES}/2" in pce.objects


def test_purge_of_a_profile_that_changed_within_the_scope_deletes_it() -> None:
    result = changing(description="new").keep(LISTED, **SCOPE)
    assert [item["action"] for item in result.outcomes] == ["update", "delete", "delete"]


def test_purge_of_a_profile_that_vanished_meanwhile_does_nothing() -> None:
    pce = changing()
    pce.after_put = lambda _href: pce.objects.__delitem__(f"{PROFILES}/2")
    result = pce.keep(LISTED, **SCOPE)
    assert [(item["action"], item["changed"]) for item in result.outcomes[1:]] == [("nothing", False), ("delete", True)]
    assert result.warnings == []


@pytest.mark.parametrize(("by", "action"), [({"name": "PP-B"}, "nothing"), ({"href": f"{PROFILES}/2"}, "delete")])
def test_bulk_deletes_by_name_only_what_still_has_it(by: dict[str, Any], action: str) -> None:
    pce = changing(name="other")
    result = pce.keep(LISTED, {**by, "state": "absent"})
    assert result.outcomes[1]["action"] == action
    assert (f"{PROFILES}/2" in pce.objects) == (action == "nothing")


def test_bulk_failure_keeps_the_warnings_of_the_others() -> None:
    pce = changing(name="other")
    pce.wrong = lambda sent: Reply(406) if sent.method == "DELETE" else None
    with pytest.raises(BulkError) as caught:
        pce.keep(LISTED, **SCOPE)
    assert caught.value.warnings == ["PP-B: it was not deleted: it has been renamed since it was read"]


def test_purge_that_cannot_look_again_deletes_nothing() -> None:
    pce = changing()
    pce.wrong = lambda sent: Reply(500) if sent.path.startswith(f"{PROFILES}/") and sent.method == "GET" else None
    with pytest.raises(BulkError, match="2 of 3 pairing profiles failed"):
        pce.keep(LISTED, **SCOPE)
    assert [method for method, _path, _body in pce.written()] == ["PUT"]
