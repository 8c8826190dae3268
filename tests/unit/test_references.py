# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects that others refer to, by href or by key and value."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest

from plugins.module_utils._core.errors import AmbiguousError, CollectionError, MissingReferenceError, OptionError
from plugins.module_utils._core.listing import read_listing
from plugins.module_utils._core.plan import Plan
from plugins.module_utils._core.reconcile import read_desired_state
from plugins.module_utils._core.references import References, parse_entry, references
from plugins.module_utils._core.resource import Identity, Raw
from plugins.module_utils._core.store import Store
from plugins.module_utils._pce.label import LABEL
from plugins.module_utils._pce.pairing_profile import PAIRING_PROFILE
from plugins.module_utils._pce.workload import WORKLOAD

FIELD = references("labels", LABEL, one_per="key")
WEB = {"href": "/orgs/1/labels/1", "key": "role", "value": "web"}
DB = {"href": "/orgs/1/labels/2", "key": "role", "value": "db"}
PROD = {"href": "/orgs/1/labels/3", "key": "env", "value": "prod"}
WEB_APP = {"href": "/orgs/1/labels/4", "key": "app", "value": "WEB-APP"}
from .helpers import check_reference


class LabelStore(Store):
    """Labels in memory; counts what it is asked."""

    def __init__(self, *labels: Raw) -> None:
        self.labels = list(labels)
        self.reads = 0

    def find(self, identity: Identity) -> Raw | None:
        return next(
            (raw for raw in self.labels if all(raw[key] == identity.names[key] for key in LABEL.identity)), None
        )

    def query(self, parameters: Mapping[str, str], max_results: int | None = None) -> Sequence[Raw]:
        self.reads += 1
        return self.labels

    def execute(self, plan: Plan, identity: Identity) -> Raw | None:
        made = {"href": f"/orgs/1/labels/{len(self.labels) + 1}", **plan.changes}
        self.labels.append(made)
        return made


def resolved(store: LabelStore, *entries: Any, create: bool = False) -> list[dict[str, str]]:
    """What the option `labels` with these entries refers to."""
    return References(LABEL, store).resolve(FIELD, FIELD.parse(list(entries)), create, "create_labels")


@pytest.mark.parametrize(
    ("entry", "canonical"),
    [
        ({"href": "/orgs/1/labels/1"}, {"href": "/orgs/1/labels/1"}),
        ({"key": "role", "value": "web"}, {"key": "role", "value": "web"}),
        ({"role": "web"}, {"key": "role", "value": "web"}),
        ({"os": "Ünix/ 7"}, {"key": "os", "value": "Ünix/ 7"}),
        ({"loc": "0123"}, {"key": "loc", "value": "0123"}),
        ({"key": "value", "value": "key"}, {"key": "value", "value": "key"}),
        # As pce_label returns it.
        ({"href": "/orgs/1/labels/1", "key": "role", "value": "web"}, {"href": "/orgs/1/labels/1"}),
    ],
)
def test_entries(entry: dict[str, Any], canonical: dict[str, str]) -> None:
    assert parse_entry(LABEL, entry) == canonical


@pytest.mark.parametrize(
    "entry",
    [
        *({}, None, "role", 5, [], {"href": ""}, {"href": None}, {"href": 5}, {"key": "role"}, {"value": "web"}),
        *({"key": "role", "value": ""}, {"key": "", "value": "web"}, {"role": ""}, {"": "web"}, {"role": None}),
        *({"role": True}, {"role": ["web"]}, {"role": {"x": 1}}, {"role": 1.5}, {"role": "web", "env": "prod"}),
        *({"kye": "role", "value": "web"}, {"role": "x" * 256}),
    ],
    ids=str,
)
def test_entries_that_do_not_say_what_is_meant(entry: Any) -> None:
    with pytest.raises(ValueError, match="has an entry"):
        parse_entry(LABEL, entry)


ADVICE = 'not a text; quote it in YAML, or append "| string" in a template'
LOST = [(83, "number 83"), (750, "number 750"), (1000, "number 1000"), (1.5, "number 1.5"), (True, "boolean true")]


@pytest.mark.parametrize(("value", "shown"), LOST, ids=str)
def test_label_value_that_yaml_made_a_number_is_refused(value: Any, shown: str) -> None:
    """0123 is 83, 12:30 is 750, 1_000 is 1000: the text that the user wrote is lost."""
    problem = f"is the {shown}, {ADVICE}"
    for entry in ({"loc": value}, {"key": "loc", "value": value}):
        with pytest.raises(ValueError, match="has an entry") as caught:
            parse_entry(LABEL, entry)
        assert str(caught.value) == f"has an entry {json.dumps(entry)} whose value {problem}"
    with pytest.raises(ValueError, match="has an entry") as caught:
        parse_entry(LABEL, {value: "web"})
    assert f"whose key {problem}" in str(caught.value)
    for option in ("key", "value"):
        with pytest.raises(OptionError) as refused:
            LABEL.desired({"key": "loc", "value": "x", option: value})
        assert str(refused.value) == f"{option}: {problem}"
        with pytest.raises(OptionError) as refused:
            read_listing(LABEL, {option: value}, check_reference)
        assert str(refused.value) == f"{option}: {problem}"
    params = {"state": "present", "key": "loc", "value": "x", "new_value": value}
    with pytest.raises(OptionError) as refused:
        read_desired_state(LABEL, params, check_reference)
    assert str(refused.value) == f"new_value: {problem}"
    with pytest.raises(OptionError, match="whose value is the"):
        read_listing(WORKLOAD, {"labels": [{"loc": value}]}, check_reference)
    with pytest.raises(OptionError, match="whose value is the"):
        read_listing(PAIRING_PROFILE, {"labels": [[{"loc": value}]]}, check_reference)


def test_the_forms_of_an_entry_are_named() -> None:
    with pytest.raises(ValueError, match="has an entry") as caught:
        parse_entry(LABEL, {"kye": date(2026, 1, 2), "value": "web"})
    assert str(caught.value) == (
        'has an entry {"kye": "2026-01-02", "value": "web"}; '
        "it must be {href: …}, {key: …, value: …}, or one key with its value"
    )
    with pytest.raises(ValueError, match=r"^has an entry 5; it must be \{href: …\}, \{name: …\}$"):
        parse_entry(PAIRING_PROFILE, 5)
    with pytest.raises(ValueError, match=r'^has an entry \{"role": \[1\]\} whose value is not a text: \[1\]$'):
        parse_entry(LABEL, {"role": [1]})


@pytest.mark.parametrize(
    "raw",
    [
        [{"href": "/b"}, {"href": "/a"}],
        [{"href": "/a"}, {"href": "/b"}],
        [{"href": "/a"}, {"href": "/b"}, {"href": "/a"}],
        [{"href": "/a", "key": "role", "value": "web"}, {"href": "/b"}, None, {}, "junk"],
    ],
)
def test_what_a_server_shows_is_a_set(raw: list[Any]) -> None:
    assert FIELD.value_in({"labels": raw}) == [{"href": "/a"}, {"href": "/b"}]


def test_entries_by_href_need_no_read() -> None:
    store = LabelStore()
    assert resolved(store, {"href": "/b"}, {"href": "/a"}, {"href": "/b"}) == [{"href": "/a"}, {"href": "/b"}]
    assert resolved(store) == []
    assert store.reads == 0


def test_all_entries_by_name_take_one_read() -> None:
    store = LabelStore(WEB, DB, PROD, WEB_APP)
    found = resolved(store, {"role": "db"}, {"key": "env", "value": "prod"}, {"href": WEB_APP["href"]})
    assert found == [{"href": raw["href"]} for raw in (DB, PROD, WEB_APP)]
    assert store.reads == 1


def test_one_label_by_two_names_is_one() -> None:
    store = LabelStore(WEB)
    wanted = [{"href": WEB["href"]}]
    assert resolved(store, {"role": "web"}, {"key": "role", "value": "web"}, {"href": WEB["href"]}) == wanted


@pytest.mark.parametrize(
    "entries",
    [
        [{"role": "web"}, {"role": "db"}],
        [{"role": "web"}, {"key": "role", "value": "new"}],
    ],
)
def test_two_values_of_one_key_are_refused_before_anything_is_read(entries: list[Any]) -> None:
    with pytest.raises(ValueError, match="more than one label of one key: role="):
        FIELD.parse(entries)


def test_two_values_of_one_key_are_refused_where_one_is_by_href() -> None:
    with pytest.raises(OptionError, match=r"^labels: must not have more than one label of one key"):
        resolved(LabelStore(WEB, DB), {"role": "db"}, {"href": WEB["href"]})


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"app": "APP"}, "unknown label app=APP; closest matches: app=WEB-APP"),
        ({"role": "wbe"}, "unknown label role=wbe; closest matches: role=web"),
        ({"role": "Web"}, "unknown label role=Web; closest matches: role=web"),
        ({"xxxxxx": "yyyyyyyy"}, "unknown label xxxxxx=yyyyyyyy; set create_labels: true to create it"),
    ],
)
def test_a_label_that_is_not_there(entry: dict[str, str], words: str) -> None:
    store = LabelStore(WEB, DB, PROD, WEB_APP)
    with pytest.raises(MissingReferenceError) as caught:
        resolved(store, entry)
    assert str(caught.value).startswith(f"labels: {words}")
    assert store.labels == [WEB, DB, PROD, WEB_APP]


def test_two_labels_of_one_name_are_an_error() -> None:
    with pytest.raises(AmbiguousError, match="/orgs/1/labels/1, /orgs/1/labels/9"):
        resolved(LabelStore(WEB, {**WEB, "href": "/orgs/1/labels/9"}), {"role": "web"})


def test_missing_labels_stay_by_name_until_they_are_made() -> None:
    store = LabelStore(WEB)
    known = References(LABEL, store)
    entries = FIELD.parse([{"role": "web"}, {"env": "new"}])
    new = {"key": "env", "value": "new"}
    foreseen = known.resolve(FIELD, entries, create=True)
    assert foreseen == [{"href": WEB["href"]}, new]
    assert store.labels == [WEB]
    assert known.make(new) == ("/orgs/1/labels/2", True)
    assert known.make(new) == ("/orgs/1/labels/2", False)
    assert known.resolve(FIELD, entries, create=True) == [{"href": WEB["href"]}, {"href": "/orgs/1/labels/2"}]
    assert store.reads == 1


def test_what_could_not_be_made_is_not_tried_again() -> None:
    class Refusing(LabelStore):
        def execute(self, plan: Plan, identity: Identity) -> Raw | None:
            self.labels.append({})
            raise CollectionError("not today")

    store = Refusing()
    known = References(LABEL, store)
    for _attempt in range(3):
        with pytest.raises(CollectionError, match="not today"):
            known.make({"key": "env", "value": "new"})
    assert store.labels == [{}]


def test_threads_make_a_label_once() -> None:
    store = LabelStore(*[{**WEB, "href": f"/orgs/1/labels/{number}", "value": f"v{number}"} for number in range(300)])
    known = References(LABEL, store)
    mixed = FIELD.parse([{"href": "/orgs/1/labels/299"}, {"env": "new"}])

    def use(number: int) -> bool:
        new = {"key": "env", "value": f"new-{number % 20}"}
        known.resolve(FIELD, [*mixed, new][:2], create=True)
        return known.make(new)[1]

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(use, range(200)))
    assert sum(made) == 20
    assert len(store.labels) == 320
    assert store.reads == 1


def test_what_cannot_be_read_is_nobodys_label() -> None:
    odd: list[Raw] = [{"href": "/orgs/1/labels/8", "key": None, "value": "web"}, {"href": "/orgs/1/labels/9"}]
    with pytest.raises(MissingReferenceError):
        resolved(LabelStore(*odd), {"role": "web"})
