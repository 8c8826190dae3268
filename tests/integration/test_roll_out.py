"""pce_roll_out: waves, what is held, error budgets, and the way back."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests import documented
from tests.directory_hosts import pce_variables
from tests.integration.runner import Ended, Result, connection, run_module, run_playbook
from tests.integration.test_ven_info import DEFAULT, NEW, OLD, href, workload, writes
from tests.simulator.launch import Simulator

Json = dict[str, Any]

HOSTS = [
    workload(1, "web1"),
    workload(2, "web2"),
    workload(3, "web3", "selective"),
    workload(4, "web4", "full"),
    workload(5, "db1", "idle", labels=[]),
    workload(6, "db2", "visibility_only", OLD, labels=[]),
]
WEB: Json = {"labels": [{"role": "web"}]}
CANARY: Json = {"name": "canary", "hostnames": ["web1"], "enforcement_mode": "full"}
OTHERS: Json = {"name": "others", **WEB, "enforcement_mode": "full"}


@pytest.fixture(autouse=True)
def _hosts(simulator: Simulator) -> None:
    simulator.settings(compatibility_report="green", upgrade_looks=0)
    simulator.seed(workloads=HOSTS)
    simulator.clear_journal()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "earlier.json")


def run(simulator: Simulator, path: str, *waves: Json, check: bool = False, **options: Any) -> Result:
    given = {"path": path, "settle_time": 0, **options, **({"waves": list(waves)} if waves else {})}
    result = run_module("pce_roll_out", {**connection(simulator), **given}, check=check)
    if not result.get("failed"):
        documented.check_result("pce_roll_out", result)
    return result


def states(result: Result) -> list[tuple[str, int]]:
    return [(wave["state"], wave["changed"]) for wave in result["waves"]]


def modes(simulator: Simulator) -> str:
    """The first letters of the modes of all hosts, in their order."""
    return "".join(item["enforcement_mode"][0] for item in simulator.state()["workloads"])


def test_waves_move_all_once(simulator: Simulator, path: str) -> None:
    foreseen = run(simulator, path, CANARY, OTHERS, check=True)
    assert writes(simulator) == []
    assert not Path(path).exists()
    assert states(foreseen) == [("planned", 1), ("planned", 2)]
    done = run(simulator, path, CANARY, OTHERS)
    assert states(done) == [("done", 1), ("done", 2)]
    assert foreseen["diff"] == done["diff"]
    assert foreseen["diff"]["before"] == {
        "canary: web1": "visibility_only",
        "others: web2": "visibility_only",
        "others: web3": "selective",
    }
    assert modes(simulator) == "ffffiv"
    assert len(writes(simulator)) == 2
    simulator.clear_journal()
    for check in (True, False):
        again = run(simulator, path, CANARY, OTHERS, check=check)
        assert (again["changed"], states(again)) == (False, [("unchanged", 0), ("unchanged", 0)])
    assert writes(simulator) == []


def test_earlier_state_is_kept_and_leads_back(simulator: Simulator, path: str) -> None:
    run(simulator, path, {**OTHERS, "enforcement_mode": "selective"})
    run(simulator, path, CANARY, OTHERS)
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    assert modes(simulator) == "ffffiv"
    before = Path(path).read_bytes()
    foreseen = run(simulator, path, state="back", check=True)
    assert Path(path).read_bytes() == before
    assert modes(simulator) == "ffffiv"
    done = run(simulator, path, state="back")
    assert foreseen["changed"] is done["changed"] is True
    assert foreseen["diff"] == done["diff"]
    assert modes(simulator) == "vvsfiv"
    simulator.clear_journal()
    before = Path(path).read_bytes()
    assert run(simulator, path, state="back")["changed"] is False
    assert writes(simulator) == []
    assert Path(path).read_bytes() == before
    # The next roll-out begins anew.
    run_module("pce_workload", {**connection(simulator), "hostname": "web1", "enforcement_mode": "selective"})
    anew = run(simulator, path, OTHERS)
    assert "earlier roll-out" not in str(anew.get("warnings"))
    run(simulator, path, state="back")
    assert modes(simulator) == "svsfiv"


def test_workload_without_a_ven_does_not_go_back(simulator: Simulator, path: str) -> None:
    run(simulator, path, CANARY, OTHERS)
    run_module("pce_ven", {**connection(simulator), "hostnames": ["web1"], "state": "unpaired"})
    back = run(simulator, path, state="back")
    assert "1 workloads of" in str(back["warnings"])
    assert "web1" in str(back["warnings"])
    assert modes(simulator) == "vsfiv"


def test_wave_over_its_budget_stops_and_stops_again(simulator: Simulator, path: str) -> None:
    simulator.settings(odd_hosts={"web1": ["mode_offline"]})
    result = run(simulator, path, CANARY, OTHERS)
    assert result["failed"]
    assert result["changed"]
    assert result["msg"] == (
        "wave canary: 1 of 1 hosts failed, more than error_budget (0 %) allows: web1: is not online; "
        "1 later waves were not started"
    )
    assert states(result) == [("stopped", 1), ("not_started", 0)]
    assert modes(simulator) == "fvsfiv"
    simulator.clear_journal()
    again = run(simulator, path, CANARY, OTHERS)
    assert again["failed"]
    assert again["changed"] is False
    assert "Nothing of this wave was changed" in again["msg"]
    assert writes(simulator) == []
    told = run(simulator, path, CANARY, OTHERS, continue_past=["canary"])
    assert not told.get("failed"), told
    assert "wave canary: 1 of 1 hosts failed" in str(told["warnings"])
    assert modes(simulator) == "ffffiv"


def test_budget_allows_some_failures(simulator: Simulator, path: str) -> None:
    simulator.settings(odd_hosts={"web2": ["mode_refused"]})
    assert run(simulator, path, OTHERS, error_budget=24)["failed"]
    result = run(simulator, path, {**OTHERS, "error_budget": 25})
    assert not result.get("failed"), result
    assert result["waves"][0]["failed"] == 1
    (problem,) = [item["problem"] for item in result["waves"][0]["workloads"] if item["problem"]]
    assert "enforcement_mode_not_allowed" in problem


@pytest.mark.parametrize(
    ("odd", "problem"),
    [(["red"], "is incompatible (required_packages_missing: ipset)"), (["no_report"], "has no compatibility report")],
)
def test_incompatible_host_stays_in_idle_mode(simulator: Simulator, path: str, odd: list[str], problem: str) -> None:
    simulator.settings(odd_hosts={"db1": odd})
    wave: Json = {"name": "databases", "hostnames": ["db1", "db2"], "enforcement_mode": "selective"}
    result = run(simulator, path, wave)
    assert f"db1: {problem}" in result["msg"]
    assert result["changed"] is False
    assert writes(simulator) == []
    half = run(simulator, path, {**wave, "error_budget": 50})
    assert not half.get("failed"), half
    assert modes(simulator) == "vvsfis"
    told = run(simulator, path, wave, allow_incompatible=True)
    assert not told.get("failed"), told
    assert modes(simulator) == "vvsfss"


def test_yellow_report_is_a_warning(simulator: Simulator, path: str) -> None:
    simulator.settings(odd_hosts={"db1": ["yellow"]})
    result = run(simulator, path, {"name": "db", "hostnames": ["db1"], "enforcement_mode": "visibility_only"})
    assert "db1 has a yellow compatibility report (required_packages_missing: ipset)" in str(result["warnings"])
    assert modes(simulator) == "vvsfvv"


def test_only_idle_hosts_of_the_wave_are_asked_for_reports(simulator: Simulator, path: str) -> None:
    run(simulator, path, CANARY)
    assert not any("compatibility" in entry["path"] for entry in simulator.journal())


def test_offline_host_is_not_changed(simulator: Simulator, path: str) -> None:
    simulator.seed(workloads=[workload(7, "web7", online=False)])
    result = run(simulator, path, OTHERS)
    assert "web7: is not online" in result["msg"]
    assert result["changed"] is False


def test_share_is_the_same_in_each_run(simulator: Simulator, path: str) -> None:
    simulator.seed(generate={"workloads": 200, "prefix": "bulk-"})
    shares = {}
    for share in (5, 20, 100):
        wave = {"name": "share", "share": share, "enforcement_mode": "full"}
        result = run(simulator, path, wave, check=True, error_budget=100)
        shares[share] = {item["href"] for item in result["waves"][0]["workloads"]}
    assert shares[5] < shares[20] < shares[100]
    assert 4 <= len(shares[5]) <= 20
    assert 25 <= len(shares[20]) <= 60
    assert len(shares[100]) == 206


def test_release_is_rolled_out(simulator: Simulator, path: str) -> None:
    waves: list[Json] = [
        {"name": "canary", "hostnames": ["db2"], "release": DEFAULT},
        {"name": "others", "release": "23.2.20"},
    ]
    foreseen = run(simulator, path, *waves, check=True)
    done = run(simulator, path, *waves, settle_time=30)
    assert foreseen["diff"] == done["diff"] == {"before": {"canary: db2": OLD}, "after": {"canary: db2": DEFAULT}}
    assert states(done) == [("done", 1), ("unchanged", 0)]
    assert not Path(path).exists()
    simulator.settings(odd_hosts={"web1": ["upgrade_fails"]})
    failed = run(simulator, path, {"name": "new", "hostnames": ["web1", "web2"], "release": NEW})
    assert f"web1: has release {DEFAULT}" in failed["msg"]


def test_upgrade_under_way_is_waited_for(simulator: Simulator, path: str) -> None:
    simulator.settings(upgrade_looks=-1)
    wave: Json = {"name": "new", "hostnames": ["web1"], "release": NEW}
    first = run(simulator, path, wave)
    assert first["failed"]
    simulator.clear_journal()
    again = run(simulator, path, wave)
    assert (again["failed"], again["changed"]) == (True, False)
    assert writes(simulator) == []
    simulator.settings(upgrade_looks=0)
    done = run(simulator, path, wave, settle_time=30)
    assert (done.get("failed"), done["changed"]) == (None, False)
    assert writes(simulator) == []


BAD: list[tuple[list[Json], Json, str]] = [
    ([], {}, "waves"),
    ([], {"waves": []}, "waves: requires at least one wave"),
    ([CANARY, CANARY], {}, "waves: has two waves with the name 'canary'"),
    ([{"name": "x"}], {}, "waves[0]: requires either enforcement_mode or release"),
    ([{**CANARY, "release": NEW}], {}, "waves[0]: requires either enforcement_mode or release"),
    ([{"name": "x", "release": NEW, "visibility_level": "flow_off"}], {}, "waves[0].visibility_level: requires"),
    ([{"name": "x", "release": "24.2.11"}], {}, "waves[0].release: the PCE has no release 24.2.11; closest matches: "),
    ([{**CANARY, "hostnames": ["wbe1"]}], {}, "waves[0].hostnames: unknown workload wbe1; closest matches: web1"),
    ([{**CANARY, "hostnames": []}], {}, "waves[0].hostnames: must not be an empty list"),
    ([{**CANARY, "hrefs": ["/orgs/1/vens/1"]}], {}, "waves[0].hrefs: must be the href of one of the workloads"),
    ([{**OTHERS, "labels": [{"role": "wbe"}]}], {}, "waves[0].labels: unknown label role=wbe; closest matches: "),
    ([{**OTHERS, "labels": [{"env": "test"}]}], {}, "waves[0]: others has no host; set allow_empty"),
    ([{**OTHERS, "share": 0}], {}, "waves[0].share: must be a percentage from 0.01 to 100, not 0"),
    ([{**OTHERS, "error_budget": 101}], {}, "waves[0].error_budget: must be a percentage from 0 to 100, not 101"),
    ([OTHERS], {"error_budget": -1}, "error_budget: must be a percentage"),
    ([{**OTHERS, "name": " "}], {}, "waves[0].name: must not be empty"),
    ([OTHERS], {"selection": {}}, "selection: requires at least one of hostnames, hrefs, labels"),
    ([OTHERS], {"selection": {"labels": None}}, "selection: requires at least one of hostnames, hrefs, labels"),
    ([OTHERS], {"path": "/tmp/"}, "path: /tmp/ must be a file"),
    ([OTHERS], {"settle_time": -1}, "settle_time: must be 0 or more"),
    ([OTHERS], {"settle_time": 400}, "deadline: must be more than settle_time for all waves together (400 seconds)"),
    ([OTHERS], {"continue_past": ["other"]}, "continue_past: unknown wave 'other'; closest matches: others"),
    ([OTHERS], {"selection": {"hostnames": ["gone"]}}, "selection.hostnames: unknown workload gone"),
    ([{**OTHERS, "enforcement_mode": "none"}], {}, "enforcement_mode"),
    ([OTHERS], {"path": "/does/not/exist/x.json"}, "path: there is no directory /does/not/exist"),
    ([OTHERS], {"path": "/etc/passwd"}, "path: /etc/passwd cannot be read: it is not valid JSON"),
    ([], {"state": "back"}, "path: there is no file"),
]


@pytest.mark.parametrize(("waves", "options", "message"), BAD, ids=str)
@pytest.mark.parametrize("check", [True, False])
def test_bad_input_is_told_before_any_write(
    simulator: Simulator, path: str, waves: list[Json], options: Json, message: str, check: bool
) -> None:
    own = {name: value for name, value in options.items() if name != "path"}
    result = run(simulator, options.get("path", path), *waves, check=check, **own)
    assert result["failed"]
    assert message in result["msg"]
    assert not result.get("changed")
    assert writes(simulator) == []


def test_file_of_another_pce_is_refused(simulator: Simulator, path: str) -> None:
    Path(path).write_text(json.dumps({"origin": "other:8443 organization 1", "workloads": {}}))
    result = run(simulator, path, OTHERS)
    assert "belongs to other:8443 organization 1" in result["msg"]
    assert writes(simulator) == []


def test_lost_response_of_a_wave_is_settled_by_a_look(simulator: Simulator, path: str) -> None:
    wave: Json = {"name": "all", "hrefs": [href(1, "workloads"), href(2, "workloads")], "enforcement_mode": "full"}
    simulator.fault("reset_after", method="PUT", path="bulk_update", times=1)
    assert not run(simulator, path, wave).get("failed")


def test_host_that_goes_offline_while_its_wave_settles_stops_the_next(simulator: Simulator, path: str) -> None:
    simulator.settings(odd_hosts={"web1": ["mode_offline_late"]})
    result = run(simulator, path, CANARY, OTHERS, settle_time=3)
    assert "web1: is not online" in result["msg"]
    assert states(result) == [("stopped", 1), ("not_started", 0)]
    assert modes(simulator) == "fvsfiv"


def test_check_mode_foresees_what_stops_a_wave(simulator: Simulator, path: str) -> None:
    simulator.seed(workloads=[workload(7, "web7", online=False)])
    foreseen = run(simulator, path, CANARY, OTHERS, check=True)
    done = run(simulator, path, CANARY, OTHERS)
    assert foreseen["msg"] == done["msg"]
    assert states(foreseen) == [("planned", 1), ("stopped", 0)]
    assert states(done) == [("done", 1), ("stopped", 0)]
    assert [wave["failed"] for wave in done["waves"]] == [0, 1]


def test_way_back_leaves_a_host_in_a_less_strict_mode(simulator: Simulator, path: str) -> None:
    run(simulator, path, {**OTHERS, "hostnames": ["web2", "web3"]})
    run_module("pce_workload", {**connection(simulator), "hostname": "web3", "enforcement_mode": "idle"})
    back = run(simulator, path, state="back")
    assert "1 workloads stay in a less strict mode than" in str(back["warnings"])
    assert "web3: idle, not selective" in str(back["warnings"])
    assert modes(simulator) == "vvifiv"


def test_way_back_of_a_selection(simulator: Simulator, path: str) -> None:
    run(simulator, path, OTHERS)
    before = Path(path).read_bytes()
    run(simulator, path, state="back", selection={"hostnames": ["web1"]})
    assert modes(simulator) == "vfffiv"
    assert Path(path).read_bytes() == before


def test_unknown_level_in_the_file_is_told_before_any_write(simulator: Simulator, path: str) -> None:
    run(simulator, path, OTHERS)
    state = json.loads(Path(path).read_text())
    state["workloads"][href(1, "workloads")]["visibility_level"] = "bogus"
    Path(path).write_text(json.dumps(state))
    simulator.clear_journal()
    back = run(simulator, path, state="back")
    assert back["msg"].startswith(f"path: {path}: {href(1, 'workloads')} has the unknown level bogus")
    assert writes(simulator) == []


def test_kept_modes_of_an_earlier_roll_out_are_warned_of(simulator: Simulator, path: str) -> None:
    run(simulator, path, {**OTHERS, "enforcement_mode": "selective"})
    for check in (True, False):
        result = run(simulator, path, OTHERS, check=check)
        assert "the way back of 2 hosts leads to the modes that" in str(result["warnings"])
        assert "(web1, web2: visibility_only, not selective); use a new path" in str(result["warnings"])


def test_release_that_cannot_be_read_is_held(simulator: Simulator, path: str) -> None:
    simulator.seed(workloads=[workload(7, "web7", "full", "99.1.0-100-dev")])
    result = run(simulator, path, {"name": "new", "hostnames": ["web7"], "release": DEFAULT})
    assert "web7: has an unknown release" in result["msg"]
    assert writes(simulator) == []


def test_newer_release_under_way_is_waited_for(simulator: Simulator, path: str) -> None:
    simulator.settings(upgrade_looks=-1)
    run(simulator, path, {"name": "new", "hostnames": ["web1"], "release": NEW})
    simulator.clear_journal()
    run(simulator, path, {"name": "older", "hostnames": ["web1"], "release": DEFAULT})
    assert writes(simulator) == []


def test_refused_ven_does_not_keep_the_others_from_their_release(simulator: Simulator, path: str) -> None:
    simulator.settings(odd_hosts={"web1": ["upgrade_refused"]})
    wave: Json = {"name": "new", "hostnames": ["web1", "web2", "web3", "web4"], "release": NEW, "error_budget": 25}
    result = run(simulator, path, wave)
    assert not result.get("failed"), result
    assert (result["waves"][0]["changed"], result["waves"][0]["failed"]) == (3, 1)


def test_canary_that_loses_its_ven_stops_the_roll_out(simulator: Simulator, path: str) -> None:
    simulator.settings(odd_hosts={"web1": ["mode_unpaired"]})
    result = run(simulator, path, CANARY, OTHERS)
    assert "web1: no longer has a VEN" in result["msg"]
    assert states(result) == [("stopped", 1), ("not_started", 0)]


def test_deadline_that_ends_while_a_wave_settles_names_hosts(simulator: Simulator, path: str) -> None:
    simulator.settings(odd_hosts={"web1": ["mode_offline"]}, bulk_seconds=2)
    result = run(simulator, path, {**OTHERS, "error_budget": 50}, settle_time=3, deadline=4)
    assert "wave others: deadline: it ends before the wave has settled; web1: is not online" in result["msg"]
    assert result["changed"]


def test_report_escapes_names_and_has_all_waves(simulator: Simulator, tmp_path: Path) -> None:
    simulator.seed(workloads=[workload(8, "<script>alert(1)</script>")])
    waves = [{"name": "<b>canary</b>", "hostnames": ["<script>alert(1)</script>"], "enforcement_mode": "full"}, OTHERS]
    (tmp_path / "variables.json").write_text(json.dumps({**pce_variables(simulator), "roll_out_waves": waves}))
    arguments = ["-e", f"@{tmp_path}/variables.json", "-e", "roll_out_settle_time=1"]
    done = run_playbook("microseg.enforcement.roll_out", *arguments, cwd=tmp_path)
    assert done.status == 0, done.output
    text = (tmp_path / "roll-out.html").read_text()
    assert "<script" not in text
    assert "<b>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert text.count("<caption>") == 2
    data = json.loads((tmp_path / "roll-out-report.json").read_text())
    assert [wave["name"] for wave in data["waves"]] == ["<b>canary</b>", "others"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("roll-out*")} == {0o600}


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "roll_out_waves must be a list of waves"),
        ({"roll_out_waves": "name: x"}, "roll_out_waves must be a list of waves"),
        ({"roll_out_waves": [OTHERS], "roll_out_selection": ["web"]}, "roll_out_selection must be a dictionary"),
        ({"roll_out_waves": [OTHERS], "roll_out_selection": None}, "roll_out_selection must be a dictionary"),
        (
            {"roll_out_waves": [OTHERS], "roll_out_selecton": WEB},
            "roll_out_selecton: this playbook has no such",
        ),
        ({"roll_out_waves": [{**OTHERS, "hostnames": None}]}, "roll_out_waves: hostnames, hrefs or labels of a wave"),
        ({"roll_out_waves": [OTHERS], "roll_out_back": "ture"}, "roll_out_back must be true or false, not ture"),
        ({"roll_out_waves": [OTHERS], "roll_out_settle_time": "2 minutes"}, "roll_out_settle_time must be a number of"),
        ({"roll_out_waves": [OTHERS], "roll_out_report_path": "x.json"}, "roll_out_report_path must be a file"),
        ({"roll_out_waves": [OTHERS], "roll_out_report_path": "/no/x.html"}, "there is no directory /no"),
    ],
    ids=str,
)
def test_wrong_variable_is_told_before_any_request(
    simulator: Simulator, tmp_path: Path, variables: Json, message: str
) -> None:
    (tmp_path / "variables.json").write_text(json.dumps({**pce_variables(simulator), **variables}))
    done = run_playbook("microseg.enforcement.roll_out", "-e", f"@{tmp_path}/variables.json", cwd=tmp_path)
    assert done.status != 0
    assert message in done.output
    assert simulator.journal() == []


def play(simulator: Simulator, directory: Path, *flags: str, **variables: Any) -> Ended:
    (directory / "variables.json").write_text(
        json.dumps({**pce_variables(simulator), "roll_out_settle_time": 0, **variables})
    )
    return run_playbook("microseg.enforcement.roll_out", "-e", "@variables.json", *flags, cwd=directory)


def test_playbook_tells_why_a_wave_stops_without_a_report(simulator: Simulator, tmp_path: Path) -> None:
    simulator.settings(odd_hosts={"web1": ["mode_offline"]})
    done = play(simulator, tmp_path, roll_out_waves=[CANARY], roll_out_report_path="/proc/report.html")
    assert done.status != 0
    assert "canary, web1: is not online" in done.output
    assert "wave canary: 1 of 1 hosts failed" in done.output
    assert "<html" not in done.output
    unwritten = play(
        simulator,
        tmp_path,
        roll_out_waves=[{**CANARY, "hostnames": ["web2"]}],
        roll_out_report_path="/proc/report.html",
    )
    assert unwritten.status != 0
    assert "roll_out_report_path: /proc/report.html could not be written" in unwritten.output


def test_playbook_tells_how_many_workloads_go_back(simulator: Simulator, tmp_path: Path) -> None:
    assert play(simulator, tmp_path, roll_out_waves=[OTHERS]).status == 0
    foreseen = play(simulator, tmp_path, "--check", "-e", "roll_out_back=y", roll_out_waves="not: [yaml")
    assert "3 workloads would go back to their earlier modes" in foreseen.output, foreseen.output
    assert "3 workloads went back" in play(simulator, tmp_path, roll_out_back=True).output
    assert modes(simulator) == "vvsfiv"
