"""The playbook enforce: the mode of a pairing profile, and who still runs in another one."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.directory_hosts import pce_variables
from tests.integration.runner import Ended, connection, recap, run_module, run_playbook
from tests.simulator.launch import Simulator

PLAYBOOK = "microseg.enforcement.enforce"
HOSTILE = "{{ 7*7 }}'"

Play = Callable[..., Ended]


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def workload(number: int, hostname: str, mode: str, *labels: int, **more: Any) -> dict[str, Any]:
    return {
        "href": f"/orgs/1/workloads/{uuid(number)}",
        "hostname": hostname,
        "managed": True,
        "online": True,
        "enforcement_mode": mode,
        "labels": [{"href": f"/orgs/1/labels/{label}"} for label in labels],
        "ven": {"href": f"/orgs/1/vens/{uuid(number)}", "status": "active"},
        **more,
    }


@pytest.fixture
def seeded(simulator: Simulator) -> Simulator:
    """A pairing profile with the labels role=web and env=prod, and workloads that carry them or not."""
    ids = {(item["key"], item["value"]): int(item["href"].rpartition("/")[2]) for item in simulator.state()["labels"]}
    web, prod, db = ids["role", "web"], ids["env", "prod"], ids["role", "db"]
    hrefs = [{"href": f"/orgs/1/labels/{label}"} for label in (web, prod)]
    profile = {"enabled": True, "enforcement_mode": "visibility_only"}
    simulator.seed(
        pairing_profiles=[
            {**profile, "href": "/orgs/1/pairing_profiles/24", "name": "PP-WEB", "labels": hrefs},
            {**profile, "href": "/orgs/1/pairing_profiles/25", "name": "PP-ALL", "labels": []},
        ],
        workloads=[
            workload(1, "web2", "visibility_only", web, prod),
            workload(2, "web10", "idle", web, prod),
            workload(3, "web1", "full", web, prod),
            workload(4, "web3", "idle", web),
            workload(7, HOSTILE, "idle", web, prod),
            workload(5, "db1", "selective", db, prod),
            workload(6, "old", "idle", web, prod, managed=False, ven=None),
        ],
    )
    simulator.clear_journal()
    return simulator


@pytest.fixture
def play(simulator: Simulator, tmp_path: Path) -> Play:
    """Run the playbook."""

    def run(*flags: str, **variables: Any) -> Ended:
        known = {**pce_variables(simulator), "ven_pairing_profile": "PP-WEB", "ven_enforcement_mode": "full"}
        given = {key: value for key, value in {**known, **variables}.items() if value is not None}
        (tmp_path / "variables.json").write_text(json.dumps(given))
        env = {"ANSIBLE_SHOW_CUSTOM_STATS": "true"}
        return run_playbook(PLAYBOOK, "-e", f"@{tmp_path}/variables.json", *flags, env=env, cwd=tmp_path)

    return run


def mode(simulator: Simulator, name: str) -> str:
    (found,) = [item for item in simulator.state()["pairing_profiles"] if item["name"] == name]
    return str(found["enforcement_mode"])


def lines(ended: Ended) -> list[str]:
    """The lines of the report."""
    return re.findall(r'^ +"(.* (?:runs?|run) in .*)",?$', ended.stdout.partition("PLAY RECAP")[0], re.MULTILINE)


def stats(ended: Ended) -> dict[str, Any]:
    """What later steps of a workflow get."""
    found = re.search(r"RUN: (\{.*\})", ended.stdout, re.DOTALL)
    assert found, ended.output
    report: dict[str, Any] = json.loads(found.group(1))["enforce_report"]
    return report


def test_check_set_and_set_again(seeded: Simulator, play: Play) -> None:
    foreseen = play("--check", "--diff")
    assert foreseen.status == 0, foreseen.output
    assert recap(foreseen)["localhost"]["changed"] == 1
    assert mode(seeded, "PP-WEB") == "visibility_only"
    assert not any(entry["mutating"] for entry in seeded.journal())

    done = play()
    assert done.status == 0, done.output
    assert mode(seeded, "PP-WEB") == "full"
    assert (
        lines(done)
        == lines(foreseen)
        == [
            "web10 runs in idle",
            "web2 runs in visibility_only",
            f"{HOSTILE} runs in idle",
            "3 of 4 run in another mode than full (all managed workloads that carry all labels of the pairing profile)",
        ]
    )
    report = stats(done)
    assert report == stats(foreseen)
    assert {name: int(report[name]) for name in ("workloads", "in_mode", "in_other_mode")} == {
        "workloads": 4,
        "in_mode": 1,
        "in_other_mode": 3,
    }
    assert report["others"][0] == {
        "hostname": "web10",
        "href": f"/orgs/1/workloads/{uuid(2)}",
        "enforcement_mode": "idle",
    }
    again = play()
    assert recap(again)["localhost"]["changed"] == 0
    # The workloads are reported, and not moved.
    assert {item["hostname"]: item["enforcement_mode"] for item in seeded.state()["workloads"]}["web10"] == "idle"


def test_other_labels_and_none_at_all(seeded: Simulator, play: Play) -> None:
    done = play(enforce_labels=[{"role": "web"}], ven_enforcement_mode="idle")
    assert lines(done) == [
        "web1 runs in full",
        "web2 runs in visibility_only",
        "2 of 5 run in another mode than idle (all managed workloads that carry all labels of enforce_labels)",
    ]
    for name, value in {"ven_pairing_profile": "PP-ALL", "enforce_labels": []}.items():
        done = play(**{name: value})
        assert done.status == 0, done.output
        assert lines(done)[-1] == (
            "5 of 6 run in another mode than full (all managed workloads of the PCE, since no labels were given)"
        )
    nobody = play(enforce_labels=[{"role": "web"}, {"env": "test"}])
    assert lines(nobody)[-1].startswith("0 of 0 run in another mode")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"ven_pairing_profile": "PP-WEV"}, "the nearest are 'PP-WEB'"),
        ({"ven_pairing_profile": ""}, "ven_pairing_profile must be the name"),
        ({"ven_pairing_profile": None}, "ven_pairing_profile must be the name"),
        ({"ven_pairing_profile": ["PP-WEB"]}, "ven_pairing_profile must be the name"),
        ({"ven_enforcement_mode": "enforced"}, "ven_enforcement_mode must be one of idle, visibility_only"),
        ({"ven_enforcement_mode": ["full"]}, "ven_enforcement_mode must be one of"),
        ({"ven_enforcement_mode": None}, "ven_enforcement_mode must be one of"),
        ({"enforce_labels": "role=web"}, "enforce_labels must be a list of labels"),
        ({"enforce_labels": {"role": "web"}}, "enforce_labels must be a list of labels"),
        ({"enforce_labels": ["web"]}, "enforce_labels must be a list of labels"),
        ({"enforce_labels": 7}, "enforce_labels must be a list of labels"),
        ({"ven_pce_api_secret": "not-the-secret"}, "api_key or api_secret"),
    ],
    ids=str,
)
def test_bad_input_sets_nothing(seeded: Simulator, play: Play, variables: dict[str, Any], said: str) -> None:
    done = play(**variables)
    assert done.status != 0
    assert said in re.sub(r"\s+", " ", done.output)
    assert "Traceback" not in done.output
    assert not any(entry["mutating"] for entry in seeded.journal())
    assert len(seeded.state()["pairing_profiles"]) == 3


def test_missing_profile_is_one_line(seeded: Simulator, play: Play) -> None:
    done = play(ven_pairing_profile="PP-WEV")
    assert done.status != 0
    said = re.sub(r"\s+", " ", done.output)
    assert "there is no pairing profile with name 'PP-WEV'; the warning names the nearest" in said
    assert "the nearest are 'PP-WEB'" in said
    assert "Unknown error" not in said


def test_a_label_that_does_not_exist_is_an_error_before_anything_is_set(seeded: Simulator, play: Play) -> None:
    done = play(enforce_labels=[{"role": "wev"}])
    assert done.status != 0
    assert mode(seeded, "PP-WEB") == "visibility_only"


def test_two_pairing_profiles_of_one_name_are_not_guessed(seeded: Simulator, play: Play) -> None:
    seeded.seed(pairing_profiles=[{"href": "/orgs/1/pairing_profiles/26", "name": "PP-WEB", "enabled": True}])
    done = play()
    assert done.status != 0
    assert "2 pairing profiles with name 'PP-WEB'" in re.sub(r"\s+", " ", done.output)
    assert not any(entry["mutating"] for entry in seeded.journal())


def test_deleted_profile_is_not_created_again(seeded: Simulator, play: Play) -> None:
    """Another user deletes it between the look-up and the change, which goes by its HREF."""
    seeded.fault("hang", path="/workloads", seconds=3)
    looked_up = "pairing_profiles"

    def delete() -> None:
        while not any(looked_up in entry["path"] for entry in seeded.journal()):
            time.sleep(0.05)
        run_module("pce_pairing_profile", {**connection(seeded), "name": "PP-WEB", "state": "absent"})

    with ThreadPoolExecutor(1) as pool:
        deleted = pool.submit(delete)
        done = play()
        deleted.result()
    assert done.status != 0
    assert "PP-WEB" not in [item["name"] for item in seeded.state()["pairing_profiles"]]
