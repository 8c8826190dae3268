"""pce_pairing_profile and its info twin."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.invariants import Case, Resource, check_case
from tests.integration.runner import connection, run_module
from tests.simulator.launch import Simulator

PROFILE = Resource("pce_pairing_profile", "pce_pairing_profile_info", "pairing_profile", "pairing_profiles")
HREF = "/orgs/1/pairing_profiles/24"
LABELS = [{"href": "/orgs/1/labels/1"}, {"href": "/orgs/1/labels/3"}]

OLD: dict[str, Any] = {
    # As PCEs before enforcement_mode stored it (seed, Response Body), with the odd forms that the API page lists.
    "href": HREF,
    "name": "PP-WEB",
    "description": "",
    "enabled": True,
    "is_default": False,
    "mode": "illuminated",
    "mode_lock": True,
    "key_lifespan": "60",
    "allowed_uses_per_key": "one_use",
    "labels": None,
    "visibility_level": "flow_summary",
    "external_data_set": None,
}
NEW: dict[str, Any] = {
    "href": HREF,
    "name": "PP-WEB",
    "description": "Web servers",
    "enabled": True,
    "is_default": False,
    "enforcement_mode": "full",
    "enforcement_mode_lock": True,
    "key_lifespan": 3600,
    "allowed_uses_per_key": 5,
    "labels": list(reversed(LABELS)),
    "role_label_lock": True,
    "visibility_level": "flow_summary",
    "visibility_level_lock": True,
    "log_traffic": False,
    "agent_software_release": "Default (23.2.20-157)",
    "external_data_set": "cmdb",
    "external_data_reference": "web-4711",
    "total_use_count": 3,
    "caps": ["write", "generate_pairing_key"],
    "created_at": "2026-06-08T23:13:29.019Z",
    "updated_at": "2026-06-08T23:18:36.150Z",
    "created_by": {"href": "/users/1"},
    "updated_by": {"href": "/users/1"},
}
PROD = {**NEW, "href": "/orgs/1/pairing_profiles/23", "name": "PP-WEB-PROD"}
OTHER = {**NEW, "href": "/orgs/1/pairing_profiles/25", "name": "pp-web"}
DOUBLE = {**NEW, "href": "/orgs/1/pairing_profiles/26"}

EVERY_OPTION: dict[str, Any] = {
    "description": "Everything",
    "enabled": False,
    "enforcement_mode": "selective",
    "enforcement_mode_lock": True,
    "visibility_level": "enhanced_data_collection",
    "visibility_level_lock": True,
    "log_traffic": True,
    "log_traffic_lock": True,
    "labels": LABELS,
    "env_label_lock": True,
    "loc_label_lock": True,
    "role_label_lock": True,
    "app_label_lock": True,
    "allowed_uses_per_key": 5,
    "key_lifespan": 3600,
    "agent_software_release": "23.2.20-157",
    "external_data_set": "cmdb",
    "external_data_reference": "web-4711",
    "ven_type": "server",
}

MANY = {"generate": {"pairing_profiles": 600, "prefix": "PP-1-"}, "pairing_profiles": [{**NEW, "name": "PP-1"}]}


def _one(raw: dict[str, Any]) -> dict[str, Any]:
    return {"pairing_profiles": [raw]}


def _unchanged(name: str, options: dict[str, Any], raw: dict[str, Any] | None = None) -> Case:
    return Case(name, {"name": "PP-WEB", **options}, changed=False, seed=_one(raw or NEW), reads=1)


def _update(name: str, options: dict[str, Any], result: dict[str, Any], raw: dict[str, Any] | None = None) -> Case:
    raw = raw or NEW
    kept: dict[str, Any] = {key: raw[key] for key in ("href", "name", "description", "enabled") if key in raw}
    return Case(name, {"name": "PP-WEB", **options}, seed=_one(raw), result={**kept, **result})


CASES = [
    Case("create", {"name": "PP-WEB"}, result={"name": "PP-WEB", "enabled": True, "is_default": False}),
    Case("create disabled", {"name": "PP-WEB", "enabled": False}, result={"enabled": False}),
    Case("create with every option", {"name": "PP-WEB", **EVERY_OPTION}, result=EVERY_OPTION),
    Case("create with text limits", {"name": "x" * 255, "allowed_uses_per_key": "2147483647", "key_lifespan": "1"},
         result={"allowed_uses_per_key": 2147483647, "key_lifespan": 1}),
    Case("create beside a longer name", {"name": "PP-WEB"}, seed=_one(PROD), untouched=("PP-WEB-PROD",),
         result={"name": "PP-WEB"}),
    Case("create with strange characters", {"name": "a&b=c %2e/../ü \"'#?", "description": "<script>"},
         result={"name": "a&b=c %2e/../ü \"'#?", "description": "<script>"}),
    # Seed, "Create a Pairing Profile": its body names what only the server writes; the rest is a valid task.
    Case("create the seed's Limited Pairing",
         {"name": "Limited Pairing", "description": "", "enabled": True, "enforcement_mode": "visibility_only",
          "key_lifespan": "unlimited", "allowed_uses_per_key": "unlimited",
          "labels": [{"href": "/orgs/1/labels/1"}, {"href": "/orgs/1/labels/3"}, {"href": "/orgs/1/labels/4"},
                     {"href": "/orgs/1/labels/6"}],
          "env_label_lock": False, "loc_label_lock": False, "role_label_lock": False, "app_label_lock": False,
          "enforcement_mode_lock": True, "visibility_level": "flow_summary", "visibility_level_lock": True},
         result={"name": "Limited Pairing", "key_lifespan": "unlimited", "allowed_uses_per_key": "unlimited",
                 "enforcement_mode_lock": True}),
    _unchanged("unchanged without options", {}),
    _unchanged("unchanged integer", {"allowed_uses_per_key": 5, "key_lifespan": 3600}),
    _unchanged("unchanged numeric text", {"allowed_uses_per_key": "5", "key_lifespan": "3600"}),
    _unchanged("unchanged label order", {"labels": LABELS}),
    _unchanged("unchanged default release", {"agent_software_release": ""}),
    _unchanged("unchanged default release in words", {"agent_software_release": "Default (23.2.20-157)"}),
    _unchanged("unchanged old mode", {"enforcement_mode": "visibility_only", "enforcement_mode_lock": True}, OLD),
    _unchanged("unchanged odd limits", {"allowed_uses_per_key": 1, "key_lifespan": 60}, OLD),
    _unchanged("unchanged one_use", {"allowed_uses_per_key": "one_use"}, OLD),
    _unchanged("unchanged null labels", {"labels": []}, OLD),
    _unchanged("unchanged missing lock", {"role_label_lock": False, "log_traffic": False}, OLD),
    _unchanged("unchanged null text", {"external_data_set": "", "external_data_reference": ""}, OLD),
    _update("omitted keeps", {"description": "New"},
            {"description": "New", "allowed_uses_per_key": 5, "labels": LABELS, "external_data_set": "cmdb"}),
    _update("empty clears", {"description": "", "labels": [], "external_data_set": ""},
            {"description": "", "labels": [], "external_data_set": None, "external_data_reference": "web-4711"}),
    _update("update the deprecated mode", {"enforcement_mode": "full", "enforcement_mode_lock": False},
            {"enforcement_mode": "full", "enforcement_mode_lock": False, "key_lifespan": 60}, OLD),
    _update("pin a release", {"agent_software_release": "22.5.1-4"}, {"agent_software_release": "22.5.1-4"}),
    _update("follow the default release", {"agent_software_release": ""}, {"agent_software_release": None},
            {**NEW, "agent_software_release": "22.5.1-4"}),
    # Seed, "Update a Pairing Profile": allowed_uses_per_key "one_use".
    _update("update to the seed's one_use", {"allowed_uses_per_key": "one_use"}, {"allowed_uses_per_key": 1}),
    _update("update every option", EVERY_OPTION, EVERY_OPTION),
    Case("update by href", {"href": HREF, "description": "New"}, seed=_one(NEW), result={"description": "New"}),
    Case("update beside longer, other-case and preceding names", {"name": "PP-WEB", "enabled": False},
         seed={"pairing_profiles": [PROD, OTHER, NEW]}, untouched=("PP-WEB-PROD", "pp-web"),
         result={"href": HREF, "enabled": False}),
    Case("rename", {"name": "PP-WEB", "new_name": "PP-NEW"}, seed=_one(NEW),
         result={"href": HREF, "name": "PP-NEW", "allowed_uses_per_key": 5}),
    Case("rename by href", {"href": HREF, "new_name": "PP-NEW"}, seed=_one(NEW), result={"name": "PP-NEW"}),
    Case("rename to another case", {"name": "PP-WEB", "new_name": "pp-Web"}, seed=_one(NEW), result={"name": "pp-Web"}),
    Case("renamed already", {"name": "PP-OLD", "new_name": "PP-WEB"}, changed=False, seed=_one(NEW),
         result={"href": HREF}),
    Case("rename what is not there", {"name": "PP-OLD", "new_name": "PP-NEW"}, result={"name": "PP-NEW"}),
    Case("delete", {"name": "PP-WEB", "state": "absent"}, seed=_one(NEW), result=None),
    Case("delete by href", {"href": HREF, "state": "absent"}, seed=_one(NEW), result=None),
    Case("delete beside a longer name that comes first", {"name": "PP-WEB", "state": "absent"},
         seed={"pairing_profiles": [PROD, NEW, OTHER]}, untouched=("PP-WEB-PROD", "pp-web"), result=None),
    Case("absent although a longer name is there", {"name": "PP-WEB", "state": "absent"}, changed=False,
         seed=_one(PROD), untouched=("PP-WEB-PROD",), result=None, reads=1),
    # A 404 may be a proxy's word, so the list is asked too.
    Case("absent by href of what is gone", {"href": HREF, "state": "absent"}, changed=False, result=None, reads=2),
    Case("found among more than 500 that match", {"name": "PP-1"}, changed=False, result={"name": "PP-1"},
         seed=MANY),
    Case("deleted among more than 500 that match", {"name": "PP-1", "state": "absent"}, result=None,
         seed=MANY,
         settings={"job_location": "absolute"}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(simulator: Simulator, case: Case) -> None:
    check_case(simulator, PROFILE, case)


BAD_INPUT = [
    ("enforcement_mode", {"name": "X", "enforcement_mode": "enforced"}),
    ("visibility_level", {"name": "X", "visibility_level": "none"}),
    ("ven_type", {"name": "X", "ven_type": "laptop"}),
    ("state", {"name": "X", "state": "gone"}),
    ("enabled", {"name": "X", "enabled": "perhaps"}),
    *[
        (option, {"name": "X", option: value})
        for option in ("allowed_uses_per_key", "key_lifespan")
        for value in (0, -1, 2147483648, "abc", "", 1.5, True, "99999999999999999999")
    ],
    ("name", {"name": "x" * 256}),
    ("name", {"name": ""}),
    ("new_name", {"name": "X", "new_name": "x" * 256}),
    ("new_name", {"name": "X", "new_name": ""}),
    ("new_name", {"name": "X", "new_name": "X"}),
    ("new_name", {"name": "X", "new_name": "Y", "state": "absent"}),
    ("name", {"description": "neither name nor href"}),
    ("href", {"href": "/orgs/1/labels/24"}),
    ("href", {"href": "/orgs/2/pairing_profiles/24"}),
    ("href", {"href": "24"}),
    ("href", {"href": "/orgs/1/pairing_profiles/24/../23"}),
    ("href", {"href": "/orgs/1/pairing_profiles/24?x=1", "state": "absent"}),
    ("href", {"href": "", "state": "absent"}),
    ("labels", {"name": "X", "labels": [{"key": "role", "value": ""}]}),
    ("href", {"name": "X", "labels": [{}]}),
    ("labels", {"name": "X", "labels": [{"href": HREF}]}),
    ("labels", {"name": "X", "labels": [{"href": "/orgs/2/labels/1"}]}),
    ("labels", {"name": "X", "labels": [{"href": ""}]}),
    ("unknown", {"name": "X", "unknown": 1}),
    ("pce_port", {"name": "X", "pce_port": 0}),
    ("pce_port", {"name": "X", "pce_port": 65536}),
    ("pce_org_id", {"name": "X", "pce_org_id": 0}),
    ("pce_host", {"name": "X", "pce_host": "http://pce.example.com"}),
    ("pce_host", {"name": "X", "pce_host": "pce example"}),
    ("pce_host", {"name": "X", "pce_host": ""}),
    ("api_secret", {"name": "X", "api_secret": ""}),
    ("ca_path", {"name": "X", "ca_path": "/does/not/exist.pem"}),
    ("client_key", {"name": "X", "client_key": "/dev/null"}),
    ("timeout", {"name": "X", "timeout": 0}),
    ("deadline", {"name": "X", "deadline": -1}),
    ("proxy", {"name": "X", "proxy": "not a url"}),
    ("proxy", {"name": "X", "proxy": "http://127.0.0.1:1", "use_proxy": False}),
]


@pytest.mark.parametrize(("option", "options"), BAD_INPUT, ids=str)
def test_bad_input_names_the_option_and_sends_nothing(
    simulator: Simulator, option: str, options: dict[str, Any]
) -> None:
    result = run_module("pce_pairing_profile", {**connection(simulator), **options})
    assert result["failed"]
    assert option in result["msg"]
    assert "\n" not in result["msg"]
    assert "exception" not in result
    assert simulator.journal() == []


def test_two_of_one_name_are_an_error_that_names_both(simulator: Simulator) -> None:
    simulator.seed(pairing_profiles=[NEW, PROD, DOUBLE])
    for options in ({"description": "New"}, {"state": "absent"}, {"new_name": "PP-NEW"}):
        result = run_module("pce_pairing_profile", {**connection(simulator), "name": "PP-WEB", **options})
        assert result["failed"]
        assert result["candidates"] == [NEW["href"], DOUBLE["href"]]
        assert all(href in result["msg"] for href in result["candidates"])
    assert not any(entry["mutating"] for entry in simulator.journal())
    one = run_module("pce_pairing_profile", {**connection(simulator), "href": HREF, "state": "absent"})
    assert one["changed"]
    assert {"PP-WEB", "PP-WEB-PROD"} <= {item["name"] for item in simulator.state()["pairing_profiles"]}


@pytest.mark.parametrize("check", [True, False])
def test_a_name_that_is_taken_is_not_given_again(simulator: Simulator, check: bool) -> None:
    simulator.seed(pairing_profiles=[NEW, PROD])
    options = {"name": "PP-WEB", "new_name": "PP-WEB-PROD"}
    result = run_module("pce_pairing_profile", {**connection(simulator), **options}, check=check)
    assert result["failed"]
    assert "new_name" in result["msg"]
    assert PROD["href"] in result["msg"]
    assert not any(entry["mutating"] for entry in simulator.journal())


def test_present_by_href_of_what_is_gone_is_an_error(simulator: Simulator) -> None:
    result = run_module("pce_pairing_profile", {**connection(simulator), "href": HREF, "enabled": True})
    assert result["failed"]
    assert "href" in result["msg"]
    assert not any(entry["mutating"] for entry in simulator.journal())


def test_the_refusal_to_delete_the_default_profile_is_passed_on(simulator: Simulator) -> None:
    result = run_module("pce_pairing_profile", {**connection(simulator), "name": "Default", "state": "absent"})
    assert result["failed"]
    assert result["status"] == 406
    assert "default" in result["msg"].lower()
    assert result["request_id"] in result["msg"]


def test_only_what_was_given_or_changed_is_sent(simulator: Simulator) -> None:
    run_module("pce_pairing_profile", {**connection(simulator), "name": "PP-WEB", "key_lifespan": "60"})
    run_module("pce_pairing_profile", {**connection(simulator), "name": "PP-WEB", "key_lifespan": 60, "labels": LABELS})
    sent = [(entry["method"], entry["body"]) for entry in simulator.journal() if entry["mutating"]]
    assert sent == [
        ("POST", {"name": "PP-WEB", "enabled": True, "key_lifespan": 60}),
        ("PUT", {"labels": LABELS}),
    ]


def _info(simulator: Simulator, **options: Any) -> list[str]:
    result = run_module("pce_pairing_profile_info", {**connection(simulator), **options})
    assert not result.get("failed"), result
    assert result["changed"] is False
    return [item["name"] for item in result["pairing_profiles"]]


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"name": "web"}, ["PP-WEB-PROD", "PP-WEB", "pp-web"]),
    ({"name": "PP-WEB", "exact": True}, ["PP-WEB"]),
    ({"name": "nothing like it"}, []),
    ({"href": HREF}, ["PP-WEB"]),
    ({"href": HREF, "name": "web"}, ["PP-WEB"]),
    ({"href": HREF, "name": "prod"}, []),
    ({"href": "/orgs/1/pairing_profiles/999"}, []),
    ({"description": "servers"}, ["PP-WEB-PROD", "PP-WEB"]),
    ({"enforcement_mode": "visibility_only", "name": "web"}, ["pp-web"]),
    ({"mode": "illuminated", "name": "web"}, ["pp-web"]),
    ({"mode_lock": True, "name": "web"}, ["PP-WEB-PROD", "PP-WEB", "pp-web"]),
    ({"allowed_uses_per_key": 5}, ["PP-WEB-PROD", "PP-WEB"]),
    ({"allowed_user_per_key": "one_use"}, ["pp-web"]),
    ({"key_lifespan": 60}, ["pp-web"]),
    ({"labels": [["/orgs/1/labels/1", "/orgs/1/labels/3"]]}, ["PP-WEB-PROD", "PP-WEB"]),
    ({"labels": [["/orgs/1/labels/1", "/orgs/1/labels/2"]]}, []),
    ({"labels": [["/orgs/1/labels/2"], ["/orgs/1/labels/3"]]}, ["PP-WEB-PROD", "PP-WEB"]),
    ({"external_data_set": "cmdb", "external_data_reference": "web-4711"}, ["PP-WEB-PROD", "PP-WEB"]),
    ({"role_label_lock": True}, ["PP-WEB-PROD", "PP-WEB"]),
    ({"total_use_count": 3}, ["PP-WEB-PROD", "PP-WEB"]),
    ({"is_default": True}, ["Default"]),
    ({"created_at": "2026-06-08T23:13:29.019Z", "updated_by": "/users/1"}, ["PP-WEB-PROD", "PP-WEB"]),
    ({"created_by": "/users/2"}, []),
    ({"enabled": False}, []),
    ({"name": "web", "max_results": 2}, ["PP-WEB-PROD", "PP-WEB"]),
    ({"key_lifespan": 3600, "max_results": 1}, ["PP-WEB-PROD"]),
    ({"max_results": 0}, []),
]


@pytest.mark.parametrize("unknown_filters", ["ignore", "refuse"])
@pytest.mark.parametrize(("options", "expected"), FILTERS, ids=str)
def test_filters(simulator: Simulator, options: dict[str, Any], expected: list[str], unknown_filters: str) -> None:
    simulator.settings(unknown_filters=unknown_filters)
    simulator.seed(pairing_profiles=[PROD, NEW, {**OLD, "href": OTHER["href"], "name": "pp-web"}])
    assert _info(simulator, **options) == expected


BAD_FILTERS = [
    ("labels", {"labels": [["/orgs/1/pairing_profiles/1"]]}),
    ("labels", {"labels": [[]]}),
    ("max_results", {"max_results": -1}),
    ("href", {"href": "/orgs/2/pairing_profiles/1"}),
    ("key_lifespan", {"key_lifespan": 0}),
    ("mode", {"mode": "full"}),
]


@pytest.mark.parametrize(("option", "options"), BAD_FILTERS, ids=str)
def test_a_bad_filter_names_the_option_and_sends_nothing(
    simulator: Simulator, option: str, options: dict[str, Any]
) -> None:
    result = run_module("pce_pairing_profile_info", {**connection(simulator), **options})
    assert result["failed"]
    assert option in result["msg"]
    assert simulator.journal() == []


@pytest.mark.parametrize("location", ["href", "absolute"])
def test_more_than_500_are_collected_whole(simulator: Simulator, location: str) -> None:
    simulator.settings(job_location=location, job_retry_after=None)
    simulator.seed(generate={"pairing_profiles": 1203, "prefix": "bulk-"})
    assert len(set(_info(simulator, name="bulk-"))) == 1203


def test_a_job_that_fails_or_never_ends_is_an_error_in_time(simulator: Simulator) -> None:
    simulator.seed(generate={"pairing_profiles": 501, "prefix": "bulk-"})
    for outcome, words in (("failed", "the job ended as failed"), ("never", "deadline of 3 s")):
        simulator.settings(job_outcome=outcome)
        result = run_module("pce_pairing_profile_info", {**connection(simulator), "deadline": 3})
        assert result["failed"]
        assert words in result["msg"]
