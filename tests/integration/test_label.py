"""pce_label and its info twin, and labels by key and value where other modules take them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ansible.release
import pytest

from tests import documented
from tests.integration.invariants import Case, Resource, check_case
from tests.integration.runner import connection, run_module, run_playbook
from tests.simulator.launch import Simulator

LABEL = Resource("pce_label", "pce_label_info", "label", "labels", stored_name="value")
PROFILE = Resource("pce_pairing_profile", "pce_pairing_profile_info", "pairing_profile", "pairing_profiles")

HREF = "/orgs/1/labels/40"
APP: dict[str, Any] = {"href": HREF, "key": "app", "value": "APP", "external_data_set": "cmdb", "deleted": False}
WEB_APP = {**APP, "href": "/orgs/1/labels/39", "value": "WEB-APP"}
OTHER_KEY = {**APP, "href": "/orgs/1/labels/41", "key": "role"}
GONE = {**APP, "deleted": True}


def _labels(*raws: dict[str, Any]) -> dict[str, Any]:
    return {"labels": list(raws)}


NAMED = {"key": "app", "value": "APP"}

CASES = [
    Case("create", NAMED, result=NAMED),
    Case("create beside longer values and other keys", NAMED, seed=_labels(WEB_APP, OTHER_KEY), untouched=("WEB-APP",),
         result=NAMED),
    Case("create with everything", {**NAMED, "external_data_set": "cmdb", "external_data_reference": "4711"},
         result={**NAMED, "external_data_set": "cmdb", "external_data_reference": "4711"}),
    Case("create with strange characters", {"key": "loc", "value": "Zürich & Söhne/../?\"'%2f"},
         result={"key": "loc", "value": "Zürich & Söhne/../?\"'%2f"}),
    Case("create with a key of the organisation's own", {"key": "os", "value": "linux"}, result={"key": "os"}),
    Case("create again what was deleted", NAMED, seed=_labels(GONE), result=NAMED),
    Case("create again what was deleted and is shown", NAMED, seed=_labels(GONE),
         settings={"show_deleted_labels": True}, result=NAMED),
    Case("unchanged", NAMED, changed=False, seed=_labels(WEB_APP, APP), reads=1, result={"href": HREF}),
    Case("unchanged by href", {"href": HREF, "external_data_set": "cmdb"}, changed=False, seed=_labels(APP), reads=1,
         result=NAMED),
    Case("clear the data set", {**NAMED, "external_data_set": ""}, seed=_labels(APP),
         result={**NAMED, "external_data_set": None}),
    Case("change the value", {**NAMED, "new_value": "APP-2"}, seed=_labels(APP, WEB_APP, OTHER_KEY),
         untouched=("WEB-APP",), result={"href": HREF, "key": "app", "value": "APP-2"}),
    Case("change the value by href", {"href": HREF, "new_value": "APP-2"}, seed=_labels(APP),
         result={"href": HREF, "key": "app", "value": "APP-2"}),
    Case("change the value to one that another key has", {"href": HREF, "new_value": "prod"}, seed=_labels(APP),
         result={"href": HREF, "key": "app", "value": "prod"}),
    Case("changed already", {**NAMED, "new_value": "WEB-APP"}, changed=False, seed=_labels(WEB_APP),
         result={"href": WEB_APP["href"]}),
    Case("change the value of what does not exist", {**NAMED, "new_value": "APP-2"}, result={"value": "APP-2"}),
    Case("change the value to that of a deleted one", {**NAMED, "new_value": "OLD"},
         seed=_labels(APP, {**GONE, "href": "/orgs/1/labels/42", "value": "OLD"}),
         result={"href": HREF, "value": "OLD"}),
    Case("absent", {**NAMED, "state": "absent"}, seed=_labels(APP, WEB_APP, OTHER_KEY), untouched=("WEB-APP",),
         result=None),
    Case("absent by href", {"href": HREF, "state": "absent"}, seed=_labels(APP), result=None),
    Case("absent where there is none", {**NAMED, "state": "absent"}, changed=False, seed=_labels(WEB_APP, OTHER_KEY),
         untouched=("WEB-APP",), result=None),
    Case("absent where it is deleted", {**NAMED, "state": "absent"}, changed=False, seed=_labels(GONE),
         settings={"show_deleted_labels": True}, result=None),
    Case("absent by the href of a deleted one", {"href": HREF, "state": "absent"}, changed=False, seed=_labels(GONE),
         result=None),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_label(simulator: Simulator, case: Case) -> None:
    check_case(simulator, LABEL, case)


@pytest.mark.parametrize(
    ("options", "seed", "words"),
    [
        ({}, [], "key, href"),
        ({"key": "app"}, [], "key, value"),
        ({"value": "APP"}, [], "key, value"),
        ({"key": None, "value": "APP"}, [], "key"),
        ({"key": "app", "value": ""}, [], "value: must not be empty"),
        ({"key": "app", "value": "x" * 256}, [], "value: must have at most 255"),
        ({"key": "role", "value": "APP", "href": HREF}, [APP], f"key: cannot be changed: {HREF} has app"),
        ({**NAMED, "href": HREF}, [], f"href: unknown label {HREF}"),
        ({**NAMED, "new_value": ""}, [], "new_value: must not be empty"),
        ({**NAMED, "new_value": "APP"}, [], "new_value: must differ from value"),
        ({**NAMED, "new_value": "B", "state": "absent"}, [], "new_value: cannot be combined with state: absent"),
        ({"href": "/orgs/1/pairing_profiles/1"}, [], "href: must be the href of one of the labels"),
        ({"href": "/orgs/2/labels/1"}, [], "href: belongs to organisation 2"),
        ({"key": "rol", "value": "red"}, [], "key: is unknown to the PCE: 'rol'; closest matches: role"),
        ({**NAMED, "new_value": "WEB-APP"}, [APP, WEB_APP], f"new_value: is taken by {WEB_APP['href']}"),
        ({"href": HREF, "new_value": "WEB-APP"}, [APP, WEB_APP], f"new_value: is taken by {WEB_APP['href']}"),
        ({"href": HREF, "external_data_set": "x"}, [GONE], f"href: unknown label {HREF}"),
        (NAMED, [APP, {**APP, "href": "/orgs/1/labels/42"}], "2 labels with key 'app' and value 'APP'"),
    ],
    ids=str,
)
def test_bad_input_changes_nothing(
    simulator: Simulator, options: dict[str, Any], seed: list[dict[str, Any]], words: str
) -> None:
    simulator.seed(labels=seed)
    before = simulator.state()["labels"]
    failed = run_module("pce_label", {**connection(simulator), **options})
    assert failed["failed"]
    assert words in failed["msg"]
    assert simulator.state()["labels"] == before


def _found(simulator: Simulator, **options: Any) -> list[str]:
    result = run_module("pce_label_info", {**connection(simulator), **options})
    documented.check_result("pce_label_info", result)
    return [f"{entry['key']}={entry['value']}" for entry in result["labels"]]


@pytest.mark.parametrize("shown", [False, True])
def test_info(simulator: Simulator, shown: bool) -> None:
    simulator.settings(show_deleted_labels=shown)
    simulator.seed(labels=[APP, WEB_APP, {**GONE, "href": "/orgs/1/labels/38", "value": "OLD-APP"}])
    assert _found(simulator, key="app") == ["app=shop", "app=APP", "app=WEB-APP"]
    assert _found(simulator, value="app") == ["app=APP", "app=WEB-APP"]
    assert _found(simulator, value="APP", exact=True) == ["app=APP"]
    assert _found(simulator, key="ap") == []
    assert _found(simulator, external_data_set="cmdb") == ["app=APP", "app=WEB-APP"]
    assert _found(simulator, href="/orgs/1/labels/38") == []
    assert len(_found(simulator)) == 8
    assert len(_found(simulator, max_results=7)) == 7


OLD = {"href": "/orgs/1/pairing_profiles/24", "name": "PP", "enabled": True, "labels": [{"href": "/orgs/1/labels/5"}]}
WEB_SHOP = [{"href": "/orgs/1/labels/1"}, {"href": "/orgs/1/labels/3"}]

PROFILE_CASES = [
    Case("create with labels by name", {"name": "PP", "labels": [{"app": "shop"}, {"key": "role", "value": "web"}]},
         result={"labels": WEB_SHOP}),
    Case("update, in any form", {"name": "PP", "labels": [{"href": "/orgs/1/labels/1"}, {"app": "shop"}]},
         seed={"pairing_profiles": [OLD]}, result={"labels": WEB_SHOP}),
    Case("unchanged, with one read of labels", {"name": "PP", "labels": [{"env": "test"}]}, changed=False,
         seed={"pairing_profiles": [OLD]}, reads=2, result={"labels": OLD["labels"]}),
    Case("longer values are others", {"name": "PP", "labels": [{"app": "APP"}]}, seed=_labels(WEB_APP, APP),
         result={"labels": [{"href": HREF}]}),
    Case("missing ones are made",
         {"name": "PP", "labels": [{"role": "web"}, {"app": "new"}, {"os": "ü"}], "create_labels": True},
         result={"labels": [{"href": f"/orgs/1/labels/{number}"} for number in (1, 7, 8)]}, unforeseen=("labels",)),
    Case("missing ones are made for an update", {"name": "PP", "labels": [{"app": "new"}], "create_labels": True},
         seed={"pairing_profiles": [OLD]}, result={"labels": [{"href": "/orgs/1/labels/7"}]}, unforeseen=("labels",)),
    Case("a deleted one is made again", {"name": "PP", "labels": [{"app": "APP"}], "create_labels": True},
         seed=_labels(GONE), settings={"show_deleted_labels": True},
         result={"labels": [{"href": "/orgs/1/labels/41"}]}, unforeseen=("labels",)),
    Case("absent asks for no labels", {"name": "PP", "labels": [{"app": "nowhere"}], "state": "absent"},
         seed={"pairing_profiles": [OLD]}, result=None),
]  # fmt: skip


@pytest.mark.parametrize("case", PROFILE_CASES, ids=lambda case: case.name)
def test_labels_of_profiles(simulator: Simulator, case: Case) -> None:
    check_case(simulator, PROFILE, case)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (
            [{"role": "wbe"}],
            "labels: unknown label role=wbe; closest matches: role=web, role=db; set create_labels: true",
        ),
        ([{"app": "APP"}], "labels: unknown label app=APP; closest matches: app=WEB-APP"),
        ([{"role": "web"}, {"role": "db"}], "labels: must not have more than one label of one key"),
        ([{"role": "db"}, {"href": "/orgs/1/labels/1"}], "labels: must not have more than one label of one key"),
        (
            [{"key": "role"}],
            'labels: has an entry {"key": "role"}; it must be {href: …}, {key: …, value: …}, or one key',
        ),
        ([{"role": "web", "app": "shop"}], "labels: has an entry"),
        ([{"role": None}], 'labels: has an entry {"role": null} whose value is not a text: null'),
        ([{}], "labels: has an entry {}"),
        ([{"href": "/orgs/2/labels/1"}], "labels: belongs to organisation 2"),
        ("role=web,role=db", "labels: must not have more than one"),
    ],
    ids=str,
)
@pytest.mark.parametrize("check", [False, True])
def test_wrong_labels_change_nothing(simulator: Simulator, labels: Any, words: str, check: bool) -> None:
    simulator.seed(labels=[WEB_APP])
    before = simulator.state()
    failed = run_module("pce_pairing_profile", {**connection(simulator), "name": "PP", "labels": labels}, check=check)
    assert failed["failed"]
    assert words in failed["msg"]
    assert simulator.state() == before


ADVICE = 'not a text; quote it in YAML, or append "| string" in a template'


@pytest.mark.parametrize("option", ["key", "value", "new_value"])
def test_label_option_that_is_a_number_is_refused(simulator: Simulator, option: str) -> None:
    options = {**connection(simulator), "key": "loc", "value": "x", option: 83}
    assert run_module("pce_label", options)["msg"] == f"{option}: is the number 83, {ADVICE}"
    if option != "new_value":
        found = run_module("pce_label_info", {**connection(simulator), option: True})
        assert found["msg"] == f"{option}: is the boolean true, {ADVICE}"
    assert simulator.journal() == []


FORMS = {
    "pce_label": "key: loc, value: {value}",
    "pce_pairing_profile": "name: PP, create_labels: true, labels: [{{loc: {value}}}]",
    "pce_workload_info": "labels: [{{key: loc, value: {value}}}]",
}


@pytest.mark.parametrize(("text", "number"), [("0123", 83), ("12:30", 750), ("1_000", 1000)])
@pytest.mark.parametrize("module", FORMS)
def test_label_of_unquoted_yaml_is_refused(
    simulator: Simulator, tmp_path: Path, module: str, text: str, number: int
) -> None:
    """Run by Ansible itself, since its YAML and its templates are what loses the text."""

    def play(value: str) -> str:
        given = json.dumps(connection(simulator))[1:-1]
        task = f"microseg.enforcement.{module}: {{{given}, {FORMS[module].format(value=value)}}}"
        path = tmp_path / "play.yml"
        path.write_text(
            f"- hosts: localhost\n  gather_facts: false\n  vars: {{number: {text}}}\n  tasks:\n    - {task}\n"
        )
        return run_playbook(path).output

    refused = f"is the number {number}, not a text; quote it in YAML"
    assert refused in play(text)
    assert simulator.journal() == []
    assert refused in play('"{{ number }}"')
    # An expression makes a number from ansible-core 2.19 on, and a text that looks like one before.
    version = tuple(map(int, ansible.release.__version__.split(".")[:2]))
    assert (refused in play('"{{ number + 0 }}"')) is (version >= (2, 19))
    simulator.clear_journal()
    for value in ('"{{ number | string }}"', f'"{text}"'):
        assert "not a text" not in play(value)
    assert simulator.journal() != []


@pytest.mark.parametrize("check", [True, False])
def test_misspelt_label_key_is_named_before_any_write(simulator: Simulator, check: bool) -> None:
    options = {**connection(simulator), "name": "PP", "labels": [{"app": "new"}, {"rol": "web"}], "create_labels": True}
    failed = run_module("pce_pairing_profile", options, check=check)
    message = "labels: label rol=web: key is unknown to the PCE: 'rol'; closest matches: role"
    assert failed["msg"] == message
    assert not failed["changed"]
    assert not any(entry["mutating"] for entry in simulator.journal())
    entries = [{"name": "PP-B", "labels": [{"rol": "web"}]}]
    several = {**connection(simulator), "pairing_profiles": entries, "create_labels": True}
    assert message in run_module("pce_pairing_profiles", several, check=check)["msg"]
    assert not any(entry["mutating"] for entry in simulator.journal())


def test_label_keys_are_read_only_before_a_creation(simulator: Simulator) -> None:
    label = {**connection(simulator), "key": "bu", "value": "retail"}
    asked = []
    for _run in range(2):
        simulator.clear_journal()
        run_module("pce_label", label)
        asked.append(sum(entry["path"].endswith("/label_dimensions") for entry in simulator.journal()))
    assert asked == [1, 0]


@pytest.mark.parametrize("status", [404, 403])
def test_label_keys_that_cannot_be_read_are_left_to_the_pce(simulator: Simulator, status: int) -> None:
    simulator.fault("status", status=status, method="GET", path="/label_dimensions", times=10)
    assert run_module("pce_label", {**connection(simulator), "key": "bu", "value": "retail"})["changed"]
    failed = run_module("pce_label", {**connection(simulator), "key": "rol", "value": "web"})
    assert "label_key_not_supported" in failed["msg"]


def test_a_label_that_cannot_be_made_is_told_and_leaves_no_profile(simulator: Simulator) -> None:
    simulator.settings(label_dimensions=False)
    labels = [{"app": "new"}, {"colour": "red"}]
    options = {**connection(simulator), "name": "PP", "labels": labels, "create_labels": True}
    failed = run_module("pce_pairing_profile", options)
    assert failed["failed"]
    assert "label_key_not_supported" in failed["msg"]
    assert "Created before that: label app=new" in failed["msg"]
    assert failed["changed"] is True
    assert [item["name"] for item in simulator.state()["pairing_profiles"]] == ["Default"]
    again = run_module("pce_pairing_profile", {**options, "labels": labels[:1]})
    assert again["changed"] is True
    assert [item["value"] for item in simulator.state()["labels"]].count("new") == 1


def test_a_label_is_not_made_twice_when_its_answer_is_lost(simulator: Simulator) -> None:
    simulator.fault("reset_after", method="POST", path="/labels")
    done = run_module("pce_label", {**connection(simulator), **NAMED})
    assert done["changed"] is True
    assert [item["value"] for item in simulator.state()["labels"]].count("APP") == 1


def test_profiles_by_labels(simulator: Simulator) -> None:
    simulator.seed(
        pairing_profiles=[OLD, {**OLD, "href": "/orgs/1/pairing_profiles/25", "name": "B", "labels": WEB_SHOP}]
    )

    def names(*groups: list[Any]) -> list[str]:
        found = run_module("pce_pairing_profile_info", {**connection(simulator), "labels": list(groups)})
        assert not found.get("failed"), found
        return [entry["name"] for entry in found["pairing_profiles"]]

    assert names([{"role": "web"}, {"app": "shop"}]) == ["B"]
    assert names([{"role": "web"}, {"env": "test"}]) == []
    simulator.clear_journal()
    assert names([{"role": "web"}, "/orgs/1/labels/3"], [{"key": "env", "value": "test"}]) == ["PP", "B"]
    assert len(simulator.journal()) == 2
    failed = run_module("pce_pairing_profile_info", {**connection(simulator), "labels": [[{"role": "wbe"}]]})
    assert "labels: unknown label role=wbe; closest matches: role=web" in failed["msg"]


def test_more_labels_than_a_page(simulator: Simulator) -> None:
    simulator.settings(rate_limit=0)
    simulator.seed(labels=[{"key": "app", "value": f"shop-{number}"} for number in range(600)])
    options = {**connection(simulator), "name": "PP", "labels": [{"app": "shop"}, {"env": "prod"}]}
    done = run_module("pce_pairing_profile", options)
    assert done["pairing_profile"]["labels"] == [{"href": "/orgs/1/labels/3"}, {"href": "/orgs/1/labels/4"}]
