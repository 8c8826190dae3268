# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards against unpairing a VEN that should stay."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from plugins.module_utils._core.errors import CollectionError, OptionError
from plugins.module_utils._pce import unpair_guards
from plugins.module_utils._pce.unpair_guards import Guards, find_refusals

HOSTS = {"web1.example.com": "web1", "db1.example.com": "db1"}


class FakePce:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.vens: dict[str, dict[str, Any]] = {name: {"hostname": name, "status": "active"} for name in HOSTS}
        self.workloads: list[dict[str, Any]] = []
        self.queries: list[dict[str, str]] = []
        self.marked: list[tuple[Any, ...]] = []
        store = SimpleNamespace(query=self.query)
        monkeypatch.setattr(
            unpair_guards, "PCE", SimpleNamespace(connect=lambda _params: SimpleNamespace(store=lambda _item: store))
        )
        shown = SimpleNamespace(query=lambda _query: self.workloads)
        monkeypatch.setattr(unpair_guards, "WORKLOADS", SimpleNamespace(store=lambda _params, _item: shown))
        table = SimpleNamespace(field=lambda _name: SimpleNamespace(value_in=lambda raw: raw["named"]))
        monkeypatch.setattr(unpair_guards, "WORKLOAD", table)
        monkeypatch.setattr(unpair_guards, "set_ven_state", self.set_ven_state)

    def query(self, query: dict[str, str]) -> list[dict[str, Any]]:
        self.queries.append(query)
        return list(self.vens.values())

    def set_ven_state(self, _pce: Any, params: dict[str, Any], dry_run: bool) -> None:
        self.marked.append((params["hostnames"], params["state"], dry_run))
        if dry_run is None:
            raise CollectionError("refused")


@pytest.fixture
def pce(monkeypatch: pytest.MonkeyPatch) -> FakePce:
    return FakePce(monkeypatch)


def refusals(dry_run: Any = False, hosts: dict[str, str] | None = None, **options: Any) -> dict[str, str]:
    found = find_refusals({}, HOSTS if hosts is None else hosts, Guards.from_options(options, "ven_unpair_"), dry_run)
    return {name: refusal["error"] for name, refusal in found.items()}


def test_without_guards_all_may_go(pce: FakePce) -> None:
    assert refusals() == {}
    assert pce.queries == [{}]
    assert refusals(hosts={"web1.example.com": "web1"}) == {}
    assert pce.queries[1:] == [{"hostname": "web1.example.com"}]
    assert refusals(hosts={}) == {}
    assert len(pce.queries) == 2


@pytest.mark.parametrize("pattern", ["DB?", "db1.*", "db1.example.com"])
def test_a_pattern_keeps_hosts_of_either_name(pce: FakePce, pattern: str) -> None:
    found = refusals(never_hostnames=[pattern])
    assert list(found) == ["db1.example.com"]
    assert repr(pattern) in found["db1.example.com"]


@pytest.mark.parametrize(
    ("shown", "options", "words"),
    [
        ({"status": "suspended"}, {}, "its VEN is suspended"),
        ({"unpair_allowed": False}, {}, "unpair_allowed is false"),
        ({"golden_image": True}, {"golden_images": ["web1.example.com"]}, "ven_unpair_golden_images"),
        ({}, {"only_offline_for": 1}, "does not show its last heartbeat"),
        ({"last_heartbeat_at": "yesterday"}, {"only_offline_for": 1}, "does not show its last heartbeat"),
    ],
)
def test_what_the_pce_shows_keeps_a_ven(pce: FakePce, shown: dict[str, Any], options: Any, words: str) -> None:
    pce.vens = {"db1.example.com": {**pce.vens["db1.example.com"], **shown}}
    found = refusals(**options)
    assert list(found) == ["db1.example.com"]
    assert words in found["db1.example.com"]


@pytest.mark.parametrize("shown", [{"unpair_allowed": None}, {"golden_image": None}, {"golden_image": True}])
def test_what_is_not_said_or_named_keeps_nothing(pce: FakePce, shown: dict[str, Any]) -> None:
    pce.vens["db1.example.com"].update(shown)
    assert refusals(golden_images=["db1.example.com"]) == {}


@pytest.mark.parametrize(("hours", "is_kept"), [(1.5, False), (0.5, True), (-1, True)])
def test_only_a_ven_that_is_silent_long_enough_goes(pce: FakePce, hours: float, is_kept: bool) -> None:
    seen = datetime.now(timezone.utc) - timedelta(hours=hours)
    for form in ("%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S+00:00"):
        for ven in pce.vens.values():
            ven["last_heartbeat_at"] = seen.strftime(form)
        assert bool(refusals(only_offline_for=1)) is is_kept


def test_a_label_keeps_its_workloads(pce: FakePce) -> None:
    labels = [{"href": "/orgs/1/labels/2"}]
    pce.workloads = [
        {"hostname": "db1.example.com", "labels": labels, "named": {"role": "db"}},
        {"hostname": "other", "labels": labels, "named": {"role": "db"}},
        {"hostname": "web1.example.com", "labels": [], "named": {"role": "web"}},
    ]
    for label in ({"role": "db"}, {"key": "role", "value": "db"}, {"href": "/orgs/1/labels/2"}):
        assert list(refusals(never_labels=[label])) == ["db1.example.com"]
    assert refusals(never_labels=[{"role": "app"}]) == {}


def test_suspended_vens_are_unsuspended_if_asked(pce: FakePce) -> None:
    for ven in pce.vens.values():
        ven["status"] = "suspended"
    assert refusals(suspended="unsuspend", never_hostnames=["web1"], dry_run=True).keys() == {"web1.example.com"}
    assert pce.marked == [(["db1.example.com"], "active", True)]


@pytest.mark.parametrize(
    ("options", "words"),
    [({"only_offline_for": 0}, "only_offline_for"), ({"never_labels": [{"a": 1, "b": 2}]}, "never_labels")],
)
def test_wrong_guards_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        Guards.from_options(options)
