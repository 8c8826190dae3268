"""The playbooks pairing_report and pair_and_report: whole runs against the simulator, and what they write."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.directory_hosts import pce_variables, write_inventory
from tests.integration.runner import Ended, recap, run_playbook
from tests.integration.test_workload_info import workload
from tests.simulator.launch import Simulator
from tests.simulator.objects import OBJECTS

PLAYBOOK = "microseg.enforcement.pairing_report"
WITH_PAIRING = "microseg.enforcement.pair_and_report"
HOSTS = ["web1", "web2", "web10", "db1"]
# Nothing answers there, and no SSH client is needed to find that out.
# Without pipelining it is the connection that fails, and not a module.
AWAY = {"ansible_connection": "ssh", "ansible_ssh_executable": "false", "ansible_pipelining": False}
HOSTILE = "{{ 7*7 }}{% raw %}</script><script>alert(1)</script>\u2028"

Json = dict[str, Any]
Report = Callable[..., Ended]


@pytest.fixture
def report(simulator: Simulator, tmp_path: Path) -> Report:
    """Run a playbook on some hosts, with further variables for all of them, for one (`own`) and with flags."""

    def run(
        *flags: str,
        playbook: str | Path = PLAYBOOK,
        hosts: list[str] | None = None,
        own: dict[str, Json] | None = None,
        **variables: Any,
    ) -> Ended:
        known = {**pce_variables(simulator), "report_path": str(page(tmp_path)), **variables}
        path = write_inventory(tmp_path, HOSTS if hosts is None else hosts, known)
        inventory = json.loads(path.read_text())
        for host, values in (own or {}).items():
            inventory["all"]["hosts"].setdefault(host, {}).update(values)
        path.write_text(json.dumps(inventory))
        return run_playbook(playbook, "-i", str(path), *flags, cwd=tmp_path)

    return run


def page(directory: Path) -> Path:
    return directory / "out" / "report.html"


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path) -> None:
    page(tmp_path).parent.mkdir()


def read(directory: Path) -> Json:
    """The report as JSON, which the page carries too."""
    text = page(directory).with_suffix(".json").read_text()
    found: Json = json.loads(text)
    embedded = re.search(r'<script id="report-data" [^>]*>(.*?)</script>', page(directory).read_text(), re.DOTALL)
    assert embedded
    assert json.loads(embedded[1]) == found
    return found


def by_host(directory: Path) -> dict[str, Json]:
    return {row["host"]: row for row in read(directory)["hosts"]}


def changed(ended: Ended) -> int:
    return sum(counts["changed"] for counts in recap(ended).values())


PROFILE = {
    "href": "/orgs/1/pairing_profiles/24",
    "name": "PP-TEST",
    "enabled": True,
    "enforcement_mode": "full",
    "allowed_uses_per_key": 5,
    "key_lifespan": "unlimited",
}


def test_the_states_that_a_host_can_be_in(simulator: Simulator, report: Report, tmp_path: Path) -> None:
    simulator.seed(
        pairing_profiles=[PROFILE, {**PROFILE, "href": "/orgs/1/pairing_profiles/25", "name": "PP-TEST-2"}],
        workloads=[
            workload(1, "web1", "/orgs/1/labels/1", enforcement_mode="full"),
            workload(2, "web2", online=False, enforcement_mode="full"),
            workload(3, "web10", enforcement_mode="idle"),
            workload(4, "plain", managed=False, online=False, ven=None, agent={}),
            workload(5, "twice", online=False),
            workload(6, "twice"),
            workload(7, "again"),
            workload(8, "again", managed=False, online=False, ven=None, agent={}),
            workload(9, "asleep", agent={"status": {"status": "suspended", "agent_version": "23.2.20-157"}}),
            workload(10, "real.example.com"),
            workload(11, "elsewhere"),
        ],
    )
    hosts = ["web1", "web2", "web10", "plain", "twice", "again", "asleep", "alias", "none", "misspelt"]
    own = {
        "alias": {"ven_hostname": "real.example.com", "ven_enforcement_mode": "visibility_only"},
        "misspelt": {"ven_pairing_profile": "PP-TSET"},
        "plain": AWAY,
    }
    simulator.clear_journal()
    done = report(hosts=hosts, own=own, ven_pairing_profile="PP-TEST")
    assert done.status == 0, done.output
    assert len(simulator.journal()) == 5  # workloads, their labels, pairing profiles
    rows = by_host(tmp_path)
    assert list(rows) == ["again", "alias", "asleep", "misspelt", "none", "plain", "twice", "web1", "web2", "web10"]
    assert {host: row["state"] for host, row in rows.items()} == {
        "again": "online",
        "alias": "online",
        "asleep": "inactive",
        "misspelt": "not_paired",
        "none": "not_paired",
        "plain": "unmanaged",
        "twice": "ambiguous",
        "web1": "online",
        "web2": "offline",
        "web10": "online",
    }
    assert rows["web1"] == {
        "enforcement_mode": "full",
        "expected_mode": "full",
        "host": "web1",
        "hostname": "web1",
        "labels": {"role": "web"},
        "mode_differs": False,
        "online": True,
        "paired": True,
        "pairing_profile": "PP-TEST",
        "pce": f"{simulator.host}:{simulator.port}",
        "reason": "",
        "state": "online",
        "ven_status": "active",
        "problems": [],
        "ven_version": "23.2.20-157",
        "workload": "/orgs/1/workloads/00000000-0000-4000-8000-000000000001",
    }
    assert rows["web10"]["mode_differs"]
    assert rows["web10"]["reason"] == "runs in idle, its pairing profile says full"
    assert not rows["alias"]["mode_differs"]
    assert rows["alias"]["hostname"] == "real.example.com"
    assert rows["web2"]["reason"] == "its VEN is not online"
    assert "'suspended'" in rows["asleep"]["reason"]
    assert "2 workloads" in rows["twice"]["reason"]
    assert rows["twice"]["labels"] == {}
    assert "the PCE has no pairing profile 'PP-TSET'" in rows["misspelt"]["reason"]
    found = read(tmp_path)
    assert found["counts"] == {
        "hosts": 10,
        "mode_differs": 3,
        "online": 4,
        "other_workloads": 0,
        "paired": 7,
        "problems": {"duplicate": 1, "offline": 2, "suspended": 1},
        "rows": 10,
        "states": {
            "ambiguous": 1,
            "failed": 0,
            "inactive": 1,
            "not_paired": 2,
            "offline": 1,
            "online": 4,
            "unmanaged": 1,
        },
    }
    assert [item["name"] for item in found["pairing_profiles"]] == ["PP-TEST", "PP-TSET"]
    assert found["pairing_profiles"][0]["allowed_uses_per_key"] == 5
    assert found["pairing_profiles"][0]["key_lifespan"] == "unlimited"
    assert found["pairing_profiles"][1]["found"] == 0
    assert "10 hosts: 7 paired" in done.output.replace("\n", " ")
    assert str(page(tmp_path)) in done.output

    again = report(hosts=hosts, own=own, ven_pairing_profile="PP-TEST", report_all_workloads=True)
    assert again.status == 0, again.output
    (other,) = [row for row in read(tmp_path)["hosts"] if row["host"] is None]
    assert (other["hostname"], other["state"]) == ("elsewhere", "online")


def test_a_second_run_changes_nothing(simulator: Simulator, report: Report, tmp_path: Path) -> None:
    simulator.seed(workloads=[workload(1, "web1")])
    foreseen = report("--check", "--diff")
    assert foreseen.status == 0, foreseen.output
    assert changed(foreseen) == 1
    assert list(page(tmp_path).parent.iterdir()) == []
    assert changed(report()) == 1
    files = [page(tmp_path), page(tmp_path).with_suffix(".json")]
    assert sorted(page(tmp_path).parent.iterdir()) == sorted(files)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    before = read(tmp_path)
    again = report()
    assert changed(again) == 0, again.output
    after = read(tmp_path)
    assert after.pop("checked_at") > before.pop("checked_at") >= before["unchanged_since"]
    assert after == before
    assert not any(entry["mutating"] for entry in simulator.journal())

    # What is there is replaced, whatever it is, and its mode is not widened.
    simulator.seed(workloads=[{**workload(1, "web1"), "online": False}])
    files[0].chmod(0o644)
    files[1].write_text("no JSON")
    assert changed(report()) == 1
    assert by_host(tmp_path)["web1"]["state"] == "offline"
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o640, 0o600]


def test_values_are_neither_templates_nor_html(simulator: Simulator, report: Report, tmp_path: Path) -> None:
    simulator.seed(labels=[{"key": "app", "value": HOSTILE}], pairing_profiles=[{**PROFILE, "name": HOSTILE}])
    (app,) = [label["href"] for label in simulator.state()["labels"] if label["value"] == HOSTILE]
    simulator.seed(workloads=[workload(1, "web1", app, name=HOSTILE), workload(2, HOSTILE)])
    raw = {"ven_hostname": {"__ansible_unsafe": HOSTILE}, "ven_pairing_profile": {"__ansible_unsafe": HOSTILE}}
    done = report(own={"web2": raw}, hosts=["web1", "web2"], report_all_workloads=True)
    assert done.status == 0, done.output
    rows = by_host(tmp_path)
    assert rows["web1"]["labels"] == {"app": HOSTILE}
    assert rows["web2"]["hostname"] == HOSTILE
    assert rows["web2"]["pairing_profile"] == HOSTILE
    assert "alert(1)</script>" not in page(tmp_path).read_text()


def test_hosts_that_fail_in_the_same_run_are_told_with_the_reason(
    simulator: Simulator, report: Report, tmp_path: Path
) -> None:
    (tmp_path / "hosts" / "web1").mkdir(parents=True)
    (tmp_path / "hosts" / "web1" / "opt").write_text("in the way")
    options = {"enforcement_mode": "full"}
    done = report(
        "-e",
        "ven_hosts=all:!spare",
        "-e",
        "ven_serial=3",
        playbook=WITH_PAIRING,
        own={"away": AWAY, "spare": {}},
        ven_pairing_profile="PP-NEW",
        ven_pairing_profile_options=options,
    )
    assert done.status == 2, done.output
    assert {host for host, counts in recap(done).items() if counts["failed"]} == {"web1", "away"}
    rows = by_host(tmp_path)
    assert {host: row["state"] for host, row in rows.items()} == {
        "away": "failed",
        "db1": "online",
        "web1": "failed",
        "web2": "online",
        "web10": "online",
    }
    assert "The pairing script ended with" in rows["web1"]["reason"]
    assert "it cannot be reached" in rows["away"]["reason"]
    assert not re.search(r"[0-9a-f]{81}", page(tmp_path).read_text())


def test_a_report_is_written_if_all_hosts_fail(report: Report, tmp_path: Path) -> None:
    done = report(playbook=WITH_PAIRING, ven_pairing_profile="PP-NONE")
    assert done.status == 2, done.output
    rows = by_host(tmp_path)
    assert {row["state"] for row in rows.values()} == {"failed"}
    assert all("unknown pairing profile with name 'PP-NONE'" in row["reason"] for row in rows.values()), rows


def test_hosts_that_failed_in_a_play_before_are_failed(report: Report, tmp_path: Path) -> None:
    (tmp_path / "hosts" / "web1").mkdir(parents=True)
    (tmp_path / "hosts" / "web1" / "opt").write_text("in the way")
    both = [{"ansible.builtin.import_playbook": name} for name in ("microseg.enforcement.pair_vens", PLAYBOOK)]
    (tmp_path / "both.json").write_text(json.dumps(both))
    done = report(playbook=tmp_path / "both.json", ven_pairing_profile="Default", own={"away": AWAY})
    assert done.status != 0
    rows = by_host(tmp_path)
    assert {host for host, row in rows.items() if row["state"] == "failed"} == {"web1", "away"}
    assert "this run" in rows["away"]["reason"]


def test_a_limit_counts_and_no_hosts_are_a_report_too(simulator: Simulator, report: Report, tmp_path: Path) -> None:
    simulator.seed(workloads=[workload(1, "web1"), workload(2, "web10")])
    assert report("--limit", "web1*", "-e", "report_hosts=web*").status == 0
    assert list(by_host(tmp_path)) == ["web1", "web10"]
    simulator.clear_journal()
    done = report("-e", "report_hosts=nobody")
    assert done.status == 0, done.output
    assert read(tmp_path)["counts"]["rows"] == 0
    assert simulator.journal() == []


def test_each_host_is_looked_up_in_its_own_pce(simulator: Simulator, report: Report, tmp_path: Path) -> None:
    simulator.seed(workloads=[workload(1, "web1"), workload(2, "web2")])
    other = {"ven_pce_host": "localhost"}
    done = report(own={"web2": other}, ven_pairing_profile="Default")
    assert done.status == 0, done.output
    rows = by_host(tmp_path)
    assert rows["web1"]["state"] == rows["web2"]["state"] == "online"
    assert len({row["pce"] for row in rows.values()}) == 2
    assert len(read(tmp_path)["pairing_profiles"]) == 2
    assert simulator.api_secret not in done.output


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"report_path": "/nowhere/at/all.html"}, "there is no directory /nowhere/at"),
        ({"report_path": "/tmp"}, "must be a file, and not a directory"),
        ({"report_path": "report.json"}, "must not end with .json"),
        ({"report_all_workloads": "some"}, "report_all_workloads must be true or false"),
        ({"ven_pce_api_secret": "not-the-secret"}, "api_key or api_secret is wrong"),
        ({"ven_pce_port": 1}, "cannot be reached"),
        ({"ven_hostname": "{{ missing_variable }}"}, "missing_variable"),
    ],
    ids=str,
)
def test_bad_input_writes_nothing(report: Report, tmp_path: Path, variables: Json, words: str) -> None:
    done = report(**variables)
    assert done.status != 0
    assert words in " ".join(done.output.split())
    assert "Traceback" not in done.output
    assert list(page(tmp_path).parent.iterdir()) == []
    assert not list(tmp_path.glob("*.html"))


def test_problems_of_vens_are_counted_and_named(simulator: Simulator, report: Report, tmp_path: Path) -> None:
    simulator.seed(**OBJECTS)
    done = report(hosts=["db_1"], report_all_workloads=True, report_outdated_before="23.1")
    assert done.status == 0, done.output
    found = read(tmp_path)
    assert found["counts"]["problems"] == {
        "duplicate": 2,
        "error": 1,
        "offline": 1,
        "outdated": 1,
        "suspended": 1,
        "tampered": 1,
    }
    reasons = [row["reason"] for row in found["hosts"]]
    assert any("its VEN is reported as error, tampered" in reason for reason in reasons)
    assert "<dt>Tampered VENs</dt><dd>1</dd>" in page(tmp_path).read_text()
    (twice,) = [row for row in found["hosts"] if row["host"] is None and "duplicate" in row["problems"]][:1]
    assert report(hosts=[twice["hostname"]], report_outdated_before="23.1").status == 0
    (row,) = read(tmp_path)["hosts"]
    assert row["state"] == "ambiguous"
    assert "duplicate" in row["problems"]
    simulator.clear_journal()
    assert report(hosts=["db_1"], report_ven_problems=False).status == 0
    assert not any(entry["path"].endswith("/vens") for entry in simulator.journal())
