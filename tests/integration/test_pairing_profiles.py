"""pce_pairing_profiles: many at once, in few requests, and never one too many."""

from __future__ import annotations

import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests import documented
from tests.integration.runner import Result, connection, run_ansible, run_module
from tests.simulator.launch import Simulator


def run(simulator: Simulator, *profiles: dict[str, Any], check: bool = False, **options: Any) -> Result:
    """Run the module on a list of profiles; what it returns is what it documents."""
    given = {**connection(simulator), "pairing_profiles": list(profiles), **options}
    result = run_module("pce_pairing_profiles", given, check=check)
    if not result.get("failed"):
        documented.check_result("pce_pairing_profiles", result)
    return result


def names(simulator: Simulator) -> list[str]:
    """The names of the profiles that there are, without the default one."""
    return sorted(item["name"] for item in simulator.state()["pairing_profiles"] if not item["is_default"])


def actions(result: Result) -> dict[str, str]:
    """What was done to each profile."""
    return {item["name"]: item["action"] for item in result["outcomes"]}


def requests(simulator: Simulator) -> Counter[str]:
    """How often each method was used."""
    return Counter(item["method"] for item in simulator.journal())


def raw(number: int, name: str, **properties: Any) -> dict[str, Any]:
    """A profile as the PCE stores it."""
    return {
        "href": f"/orgs/1/pairing_profiles/{number}",
        "name": name,
        "enabled": True,
        "is_default": False,
        **properties,
    }


SEED = [
    raw(24, "PP-WEB", enforcement_mode="full", external_data_set="cmdb"),
    raw(25, "PP-WEB-PROD", enforcement_mode="full", labels=[{"href": "/orgs/1/labels/4"}]),
    raw(26, "PP-DB", key_lifespan="60", allowed_uses_per_key="one_use"),
    raw(27, "OTHER"),
]

WANTED: list[dict[str, Any]] = [
    {"name": "PP-WEB", "enforcement_mode": "idle"},
    {"name": "PP-DB", "key_lifespan": 60, "allowed_uses_per_key": 1},
    {"name": "PP-NEW", "labels": [{"role": "web"}, {"env": "prod"}]},
    {"name": "PP-OLD", "state": "absent"},
    {"name": "OTHER", "new_name": "ANOTHER"},
    {"href": "/orgs/1/pairing_profiles/25", "description": "by its href", "labels": [{"role": "db"}]},
]
DONE = {
    "PP-WEB": "update",
    "PP-DB": "nothing",
    "PP-NEW": "create",
    "PP-OLD": "nothing",
    "OTHER": "update",
    "PP-WEB-PROD": "update",
}


@pytest.mark.parametrize("concurrency", [1, 4])
def test_check_apply_apply_check(simulator: Simulator, concurrency: int) -> None:
    simulator.seed(pairing_profiles=SEED)
    foreseen = run(simulator, *WANTED, check=True, concurrency=concurrency)
    assert set(requests(simulator)) == {"GET"}
    simulator.clear_journal()
    done = run(simulator, *WANTED, concurrency=concurrency)
    # One read of profiles, one of labels, one to read back; one write for each change.
    assert requests(simulator) == {"GET": 3, "PUT": 3, "POST": 1}
    assert actions(done) == actions(foreseen) == DONE
    assert done["diff"] == foreseen["diff"]
    assert done["changed"] is foreseen["changed"] is True
    assert names(simulator) == ["ANOTHER", "PP-DB", "PP-NEW", "PP-WEB", "PP-WEB-PROD"]
    shown = run_module("pce_pairing_profile_info", connection(simulator))["pairing_profiles"]
    assert [item["pairing_profile"] for item in done["outcomes"] if item["pairing_profile"]] == [
        next(entry for entry in shown if entry["name"] == name)
        for name in ("PP-WEB", "PP-NEW", "ANOTHER", "PP-WEB-PROD")
    ]
    hrefs = {item["name"]: item["href"] for item in shown}
    assert [item["href"] for item in done["outcomes"]] == [
        hrefs.get({"OTHER": "ANOTHER"}.get(item["name"], item["name"])) for item in done["outcomes"]
    ]
    simulator.clear_journal()
    for check in (False, True):
        again = run(simulator, *WANTED, check=check)
        assert again["changed"] is False
        assert again["diff"] == {"before": {}, "after": {}}
    assert requests(simulator) == {"GET": 4}


def test_bulk_of_all_that_a_page_holds_takes_one_request(simulator: Simulator) -> None:
    # With the default one there are 500, and a page of 500 is not the whole; but it is not asked for.
    simulator.seed(generate={"pairing_profiles": 499, "prefix": "bulk-"})
    profiles = [{"name": f"bulk-{number}", "enabled": True} for number in range(1, 500)]
    assert run(simulator, *profiles)["changed"] is False
    assert requests(simulator) == {"GET": 1}


def test_more_than_a_page_and_more_labels_than_a_page(simulator: Simulator) -> None:
    simulator.settings(rate_limit=0, job_retry_after=0)
    simulator.seed(
        generate={"pairing_profiles": 1200, "prefix": "bulk-"},
        labels=[{"key": "app", "value": f"app-{number}"} for number in range(600)],
    )
    profiles: list[dict[str, Any]] = [{"name": f"bulk-{number}"} for number in range(1, 1201)]
    profiles[7]["labels"] = [{"app": "app-599"}]
    profiles.append({"name": "bulk", "labels": [{"app": "app-5"}]})
    done = run(simulator, *profiles)
    assert Counter(actions(done).values()) == {"nothing": 1199, "update": 1, "create": 1}
    assert requests(simulator)["PUT"] == requests(simulator)["POST"] == 1


def test_labels_are_made_once_for_all(simulator: Simulator) -> None:
    profiles = [{"name": f"PP-{number}", "labels": [{"app": "new"}, {"os": "linux"}]} for number in range(12)]
    foreseen = run(simulator, *profiles, check=True, create_labels=True)
    done = run(simulator, *profiles, create_labels=True, concurrency=6)
    assert done["diff"] == foreseen["diff"]
    labels = [f"{item['key']}={item['value']}" for item in simulator.state()["labels"]]
    assert labels.count("app=new") == labels.count("os=linux") == 1
    assert run(simulator, *profiles, create_labels=True)["changed"] is False


def test_one_that_fails_does_not_stop_the_others(simulator: Simulator) -> None:
    simulator.seed(pairing_profiles=SEED)
    simulator.fault("status", method="PUT", path="/pairing_profiles/24", status=406, message="not this one", times=None)
    wanted = [*WANTED, {"name": "PP-BAD", "labels": [{"role": "wbe"}]}]
    failed = run(simulator, *wanted, purge=True, purge_scope={"name_prefix": "PP-"})
    assert failed["failed"]
    assert failed["changed"] is True
    assert "2 of 7 pairing profiles failed" in failed["msg"]
    assert "PP-WEB: the PCE answered 406" in failed["msg"]
    assert "not this one" in failed["msg"]
    assert "PP-BAD: labels: unknown label role=wbe; closest matches: role=web" in failed["msg"]
    assert actions(failed) == {**DONE, "PP-WEB": "failed", "PP-BAD": "failed"}
    assert {item["name"] for item in failed["outcomes"] if item["error"]} == {"PP-WEB", "PP-BAD"}
    simulator.clear_faults()
    again = run(simulator, *WANTED)
    assert Counter(actions(again).values())["update"] == 1


def test_nothing_is_purged_if_one_failed(simulator: Simulator) -> None:
    simulator.seed(pairing_profiles=SEED)
    simulator.fault("status", method="PUT", status=406, times=None)
    failed = run(simulator, WANTED[0], purge=True, purge_scope={"name_prefix": "PP-"})
    assert "1 of 1 pairing profiles failed; nothing was purged: PP-WEB" in failed["msg"]
    assert names(simulator) == ["OTHER", "PP-DB", "PP-WEB", "PP-WEB-PROD"]


@pytest.mark.parametrize(
    ("scope", "removed"),
    [
        ({"name_prefix": "PP-"}, ["PP-DB", "PP-WEB-PROD"]),
        ({"name_prefix": "PP-D"}, ["PP-DB"]),
        ({"name_prefix": "-"}, []),
        ({"name_prefix": "D"}, []),  # the default pairing profile is called Default
        ({"external_data_set": "cmdb"}, []),  # PP-WEB is listed
        ({"labels": [{"env": "prod"}]}, ["PP-WEB-PROD"]),
        ({"labels": [{"href": "/orgs/1/labels/4"}], "name_prefix": "PP-D"}, []),
    ],
    ids=str,
)
def test_purge_removes_what_is_in_scope_and_not_listed(
    simulator: Simulator, scope: dict[str, Any], removed: list[str]
) -> None:
    simulator.seed(pairing_profiles=SEED)
    everything = {"pairing_profiles": [{"name": "PP-WEB"}], "purge": True, "purge_scope": scope}
    options = {**connection(simulator), **everything}
    foreseen = run_module("pce_pairing_profiles", options, check=True)
    assert names(simulator) == ["OTHER", "PP-DB", "PP-WEB", "PP-WEB-PROD"]
    done = run_module("pce_pairing_profiles", options)
    assert done["diff"] == foreseen["diff"]
    assert [item["name"] for item in done["outcomes"] if item["action"] == "delete"] == sorted(
        removed, key=["PP-WEB-PROD", "PP-DB"].index
    )
    assert names(simulator) == sorted({"OTHER", "PP-DB", "PP-WEB", "PP-WEB-PROD"} - {*removed})
    assert run_module("pce_pairing_profiles", options)["changed"] is False
    assert any(item["is_default"] for item in simulator.state()["pairing_profiles"])


@pytest.mark.parametrize(
    "listed",
    [
        [{"href": "/orgs/1/pairing_profiles/24"}],
        [{"name": "PP-OLD-NAME", "new_name": "PP-WEB"}],
        [{"name": "PP-WEB", "new_name": "PP-WEB-2"}],
        [{"href": "/orgs/1/pairing_profiles/24", "new_name": "PP-WEB-2"}],
    ],
    ids=str,
)
def test_purge_keeps_what_is_listed_in_any_way(simulator: Simulator, listed: list[dict[str, Any]]) -> None:
    simulator.seed(pairing_profiles=[SEED[0]])
    for _run in range(2):
        done = run(simulator, *listed, purge=True, purge_scope={"name_prefix": "PP-"})
        assert "delete" not in actions(done).values()
    assert len(names(simulator)) == 1


@pytest.mark.parametrize(
    ("profiles", "options", "words"),
    [
        (
            [{"name": "A"}, {"name": "B"}, {"name": "A"}],
            {},
            "pairing_profiles[2]: duplicates pairing_profiles[0] (pairing profile with name 'A')",
        ),
        (
            [{"name": "A"}, {"name": "B", "new_name": "A"}],
            {},
            "pairing_profiles[1]: duplicates pairing_profiles[0] (pairing profile with name",
        ),
        (
            [{"name": "A", "new_name": "B"}, {"name": "B", "new_name": "C"}],
            {},
            "pairing_profiles[1]: duplicates pairing_profiles[0]",
        ),
        ([{"name": "A"}, {}], {}, "name, href"),
        ([{"name": ""}], {}, "pairing_profiles[0].name: must not be empty"),
        ([{"name": "A", "href": "/orgs/1/pairing_profiles/1"}], {}, "mutually exclusive"),
        ([{"name": "A", "key_lifespan": 0}], {}, "pairing_profiles[0].key_lifespan: must be"),
        ([{"name": "A", "labels": [{"key": "x"}]}], {}, "pairing_profiles[0].labels: has an entry"),
        ([{"name": "A", "colour": "red"}], {}, "colour"),
        ([{"name": "A"}], {"purge": True}, "purge_scope: is required with purge"),
        ([{"name": "A"}], {"purge": True, "purge_scope": {}}, "purge_scope: is required with purge"),
        ([], {"purge": True, "purge_scope": {"name_prefix": ""}}, "purge_scope.name_prefix: must be a text"),
        ([], {"purge": True, "purge_scope": {"labels": []}}, "purge_scope.labels: must be a list"),
        ([], {"purge": True, "purge_scope": {"prefix": "A"}}, "purge_scope.prefix: unknown; must be one of"),
        # A condition that is null was meant to be one.
        (
            [],
            {"purge": True, "purge_scope": {"name_prefix": "A", "labels": None}},
            "purge_scope.labels: must be a list",
        ),
        ([], {"purge": True, "purge_scope": {"external_data_set": None}}, "purge_scope.external_data_set: must be"),
        ([], {"purge": True, "purge_scope": {"labels": [{"href": "/orgs/2/labels/1"}]}}, "purge_scope.labels: belongs"),
        ([{"name": "A"}], {"concurrency": 0}, "concurrency: must be 1 to 10"),
        ([{"name": "A"}], {"max_requests_per_minute": 0}, "max_requests_per_minute: must be 1"),
        ([["A"]], {}, "pairing_profiles"),
    ],
    ids=str,
)
def test_bad_input_makes_no_request(simulator: Simulator, profiles: Any, options: dict[str, Any], words: str) -> None:
    given = {**connection(simulator), "pairing_profiles": profiles, **options}
    failed = run_module("pce_pairing_profiles", given)
    assert failed["failed"]
    assert words in failed["msg"]
    assert simulator.journal() == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"purge": True, "purge_scope": {"labels": [{"env": "prd"}]}},
            "purge_scope.labels: unknown label env=prd; closest matches",
        ),
        (
            {"pairing_profiles": [{"name": "PP-WEB"}, {"href": "/orgs/1/pairing_profiles/24"}]},
            "pairing_profiles[1]: duplicates pairing_profiles[0] (/orgs/1/pairing_profiles/24)",
        ),
        (
            {"pairing_profiles": [{"name": f"PP-{number}"} for number in range(30)], "max_requests_per_minute": 5},
            "deadline: changing 30 pairing profiles takes 30 requests, and so at least 360 seconds at 5 a minute",
        ),
    ],
    ids=["labels", "twice", "deadline"],
)
@pytest.mark.parametrize("check", [False, True])
def test_what_cannot_be_is_refused_before_anything_is_written(
    simulator: Simulator, options: dict[str, Any], words: str, check: bool
) -> None:
    simulator.seed(pairing_profiles=SEED)
    given = {**connection(simulator), "pairing_profiles": [{"name": "NEW"}], **options}
    failed = run_module("pce_pairing_profiles", given, check=check)
    assert failed["failed"]
    assert words in failed["msg"]
    assert set(requests(simulator)) == {"GET"}


def test_a_nameless_profile_in_scope_stops_the_purge(simulator: Simulator) -> None:
    simulator.seed(pairing_profiles=[{**raw(24, ""), "name": None, "external_data_set": "cmdb"}])
    failed = run(simulator, purge=True, purge_scope={"external_data_set": "cmdb"})
    assert "nothing was changed" in failed["msg"]
    assert "/orgs/1/pairing_profiles/24" in failed["msg"]
    assert run(simulator, purge=True, purge_scope={"name_prefix": "PP"})["changed"] is False


def test_two_profiles_of_one_name_fail_and_the_others_do_not(simulator: Simulator) -> None:
    simulator.seed(pairing_profiles=[*SEED, raw(28, "PP-WEB")])
    failed = run(simulator, {"name": "PP-WEB", "description": "x"}, {"name": "PP-DB", "description": "x"})
    assert "there are 2 pairing profiles with name 'PP-WEB'" in failed["msg"]
    assert actions(failed) == {"PP-WEB": "failed", "PP-DB": "update"}


def test_the_pace_keeps_the_run_under_the_limit_of_the_pce(simulator: Simulator) -> None:
    # A burst of 12 is within the limit of both; nothing is ever refused.
    simulator.settings(rate_limit=12)
    done = run(simulator, *[{"name": f"PP-{number}"} for number in range(11)], max_requests_per_minute=12)
    assert done["changed"] is True
    assert 429 not in {item["status"] for item in simulator.journal()}


def test_wrong_credentials_stop_at_once(simulator: Simulator) -> None:
    failed = run(simulator, *WANTED, api_secret="not-the-secret")
    assert "api_key or api_secret is wrong" in failed["msg"]
    assert len(simulator.journal()) == 1


def test_credentials_that_expire_meanwhile_stop_the_rest(simulator: Simulator) -> None:
    simulator.fault("status", method="POST", skip=2, status=401, times=None)
    failed = run(simulator, *[{"name": f"PP-{number}"} for number in range(20)], concurrency=1)
    assert "18 of 20 pairing profiles failed" in failed["msg"]
    assert "; PP-3, PP-4, " in failed["msg"]
    assert "7 more: skipped: the failure of PP-2 would affect every remaining object" in failed["msg"]
    assert requests(simulator)["POST"] == 3
    simulator.clear_faults()
    # What was done is not done again.
    again = run(simulator, *[{"name": f"PP-{number}"} for number in range(20)])
    assert Counter(actions(again).values()) == {"nothing": 2, "create": 18}


def test_lost_answers_make_nothing_twice(simulator: Simulator) -> None:
    simulator.fault("reset_after", method="POST", times=3, skip=1)
    simulator.fault("reset_after", method="PUT", times=1)
    simulator.seed(pairing_profiles=SEED)
    wanted = [{"name": f"NEW-{number}"} for number in range(6)]
    done = run(simulator, *wanted, {"name": "PP-WEB", "description": "x"})
    assert done["changed"] is True
    assert max(Counter(names(simulator)).values()) == 1
    assert len(names(simulator)) == 10


def test_a_value_that_the_pce_does_not_keep_is_told(simulator: Simulator) -> None:
    simulator.seed(pairing_profiles=SEED)
    simulator.fault("status", method="PUT", path="/pairing_profiles/24", status=204, times=None)
    done = run(simulator, {"name": "PP-WEB", "description": "x"})
    assert "PP-WEB: the server accepted description but shows another value" in str(done["warnings"])


def test_progress_is_shown_and_leaves_the_result_alone(simulator: Simulator) -> None:
    simulator.fault("hang", method="POST", seconds=3, skip=3)
    options = {**connection(simulator), "pairing_profiles": [{"name": f"PP-{number}"} for number in range(6)]}
    result, ended = run_ansible("pce_pairing_profiles", {**options, "concurrency": 1}, "-v")
    assert result["changed"] is True
    assert re.search(r"pce_pairing_profiles: [1-5] of 6 pairing profiles changed", ended.stderr), ended.stderr
    assert "pairing profiles changed" not in ended.stdout
    assert json.dumps(result)


def test_two_runs_at_a_time_end_with_one_of_each(simulator: Simulator) -> None:
    # The one that comes second finds what the first has made, or is refused and looks again.
    simulator.settings(rate_limit=0)
    profiles = [{"name": f"PP-{number}", "labels": [{"app": f"new-{number % 7}"}]} for number in range(60)]
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda text: run(simulator, *profiles, create_labels=True), "ab"))
    assert [result.get("msg") for result in done] == [None, None]
    assert max(Counter(names(simulator)).values()) == 1
    assert len(names(simulator)) == 60


def test_an_href_that_is_gone_is_not_the_one_that_has_the_new_name(simulator: Simulator) -> None:
    simulator.seed(pairing_profiles=SEED)
    before = simulator.state()
    wanted = {"href": "/orgs/1/pairing_profiles/999", "new_name": "PP-WEB", "enforcement_mode": "idle"}
    failed = run(simulator, wanted)
    assert "unknown pairing profile /orgs/1/pairing_profiles/999" in failed["msg"]
    single = run_module("pce_pairing_profile", {**connection(simulator), **wanted})
    assert "unknown pairing profile /orgs/1/pairing_profiles/999" in single["msg"]
    assert simulator.state() == before


def test_a_label_that_is_refused_is_asked_for_once(simulator: Simulator) -> None:
    simulator.settings(label_dimensions=False)
    profiles = [{"name": f"PP-{number}", "labels": [{"rolle": "web"}]} for number in range(20)]
    failed = run(simulator, *profiles, create_labels=True)
    assert "20 of 20 pairing profiles failed" in failed["msg"]
    assert requests(simulator)["POST"] == 1
    assert failed["changed"] is False


def test_a_scope_by_a_label_that_the_task_makes(simulator: Simulator) -> None:
    wanted = {"name": "PP-1", "labels": [{"app": "new"}]}
    options: dict[str, Any] = {"create_labels": True, "purge": True, "purge_scope": {"labels": [{"app": "new"}]}}
    assert run(simulator, wanted, **options)["changed"] is True
    assert run(simulator, {**wanted, "name": "PP-2"}, **options)["changed"] is True
    assert names(simulator) == ["PP-2"]


def test_the_task_can_run_asynchronously(simulator: Simulator, tmp_path: Path) -> None:
    options = {**connection(simulator), "pairing_profiles": [{"name": "PP-1"}]}
    # Without it, Ansible looks for the job elsewhere than it put it, where HOME is not what the system has as such.
    env = {"ANSIBLE_ASYNC_DIR": str(tmp_path)}
    result, _ended = run_ansible("pce_pairing_profiles", options, "-B", "60", "-P", "1", env=env)
    assert result["changed"] is True
    assert names(simulator) == ["PP-1"]
