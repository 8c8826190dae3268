"""pce_pairing_key and pce_pairing_script_info."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests import documented
from tests.integration.runner import (
    Result,
    connection,
    environment,
    module_name,
    run_ansible,
    run_module,
    run_playbook,
)
from tests.simulator.launch import Simulator

HREF = "/orgs/1/pairing_profiles/24"
PROFILE: dict[str, Any] = {
    "href": HREF,
    "name": "PP-WEB",
    "enabled": True,
    "is_default": False,
    "key_lifespan": 3600,
    "allowed_uses_per_key": 5,
    "caps": ["write", "generate_pairing_key"],
}
CODE = re.compile(r"[0-9a-f]{81}")


def keep(simulator: Simulator, check: bool = False, **options: Any) -> Result:
    """Run the module for PP-WEB and check what holds for every result."""
    known = {"profile": "PP-WEB", **connection(simulator), **options}
    result = run_module("pce_pairing_key", {key: value for key, value in known.items() if value is not None}, check)
    if not result.get("failed"):
        documented.check_result("pce_pairing_key", result)
    assert not CODE.search(json.dumps({key: value for key, value in result.items() if key != "pairing_keys"}))
    return result


def codes(result: Result) -> list[str]:
    """The activation codes of a result."""
    return [key["activation_code"] for key in result["pairing_keys"]]


def mutating(simulator: Simulator) -> list[str]:
    """The requests that change something, and forget all requests so far."""
    found = [f"{entry['method']} {entry['path']}" for entry in simulator.journal() if entry["mutating"]]
    simulator.clear_journal()
    return found


def known_codes(simulator: Simulator) -> set[str]:
    """The SHA-256 of all codes that the PCE accepts."""
    return {key["sha256"] for key in simulator.state()["pairing_keys"] if not key["revoked"]}


@pytest.fixture(autouse=True)
def _profile(simulator: Simulator) -> None:
    prod = {**PROFILE, "href": "/orgs/1/pairing_profiles/23", "name": "PP-WEB-PROD"}
    simulator.seed(pairing_profiles=[prod, PROFILE])


def test_check_apply_apply_check(simulator: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    foreseen = keep(simulator, check=True, path=str(path))
    assert foreseen["changed"]
    assert codes(foreseen) == [None]
    assert not path.exists()
    assert mutating(simulator) == []

    done = keep(simulator, path=str(path))
    assert done["changed"]
    assert done["diff"] == foreseen["diff"]
    assert done["management_server"] == f"{simulator.host}:{simulator.port}"
    assert known_codes(simulator) == {hashlib.sha256(code.encode()).hexdigest() for code in codes(done)}
    assert mutating(simulator) == [f"POST /api/v2{HREF}/pairing_key"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    for check in (False, True):
        again = keep(simulator, check=check, path=str(path))
        assert not again["changed"]
        assert again["pairing_keys"] == done["pairing_keys"]
        assert len(simulator.journal()) == 1
        assert mutating(simulator) == []
    assert [item.name for item in tmp_path.iterdir()] == ["key.json"]


def test_the_key_that_is_made_has_the_profile_and_its_expiry(simulator: Simulator) -> None:
    (key,) = keep(simulator, profile=None, profile_href=HREF)["pairing_keys"]
    assert key["pairing_profile"] == {"href": HREF, "name": "PP-WEB"}
    assert key["allowed_uses_per_key"] == 5
    made, expires = (int(key[name][14:16]) + 60 * int(key[name][11:13]) for name in ("created_at", "expires_at"))
    assert (expires - made) % (24 * 60) == 60


def test_without_a_path_each_run_generates(simulator: Simulator) -> None:
    first, second = keep(simulator, count=2), keep(simulator, count=2)
    assert first["changed"]
    assert second["changed"]
    assert len({*codes(first), *codes(second)}) == 4


def test_count_generates_what_is_missing(simulator: Simulator, tmp_path: Path) -> None:
    path = str(tmp_path / "key.json")
    one = keep(simulator, path=path)
    three = keep(simulator, path=path, count=3)
    assert three["changed"]
    assert codes(three)[:1] == codes(one)
    fewer = keep(simulator, path=path, count=2)
    assert not fewer["changed"]
    assert codes(fewer) == codes(three)[:2]
    assert len(known_codes(simulator)) == 3


def test_renewed_generates_in_any_case(simulator: Simulator, tmp_path: Path) -> None:
    path = str(tmp_path / "key.json")
    first = keep(simulator, path=path)
    renewed = keep(simulator, path=path, state="renewed")
    assert renewed["changed"]
    assert codes(renewed) != codes(first)
    assert codes(keep(simulator, path=path)) == codes(renewed)


def test_an_expired_key_is_replaced(simulator: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    first = keep(simulator, path=str(path))
    known = json.loads(path.read_text())
    known["keys"][0]["expires_at"] = "2020-01-01T00:00:00Z"
    path.write_text(json.dumps(known))
    second = keep(simulator, path=str(path))
    assert second["changed"]
    assert codes(second) != codes(first)
    assert len(json.loads(path.read_text())["keys"]) == 1


def test_a_profile_that_was_made_anew_is_another_one(simulator: Simulator, tmp_path: Path) -> None:
    path = str(tmp_path / "key.json")
    first = keep(simulator, path=path)
    simulator.reset()
    simulator.seed(pairing_profiles=[{**PROFILE, "href": "/orgs/1/pairing_profiles/30"}])
    second = keep(simulator, path=path)
    assert second["changed"]
    assert codes(second) != codes(first)


def test_a_file_that_others_can_read_is_made_private(simulator: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    first = keep(simulator, path=str(path))
    path.chmod(0o644)
    assert keep(simulator, check=True, path=str(path))["changed"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    second = keep(simulator, path=str(path))
    assert second["changed"]
    assert codes(second) == codes(first)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("with_path", [True, False])
def test_absent_revokes_all_keys_and_removes_the_file(simulator: Simulator, tmp_path: Path, with_path: bool) -> None:
    path = tmp_path / "key.json"
    keep(simulator, path=str(path))
    keep(simulator)
    mutating(simulator)
    options: dict[str, Any] = {"state": "absent", "path": str(path) if with_path else None}
    foreseen = keep(simulator, check=True, **options)
    assert foreseen["changed"]
    assert path.exists()
    assert mutating(simulator) == []
    done = keep(simulator, **options)
    assert done["changed"]
    assert done["pairing_keys"] == []
    assert known_codes(simulator) == set()
    assert path.exists() is not with_path
    mutating(simulator)
    again = keep(simulator, **options)
    # Nothing remembers an earlier revocation without the file, and revoking too often is better than too rarely.
    assert again["changed"] is not with_path
    assert (mutating(simulator) == []) is with_path


def test_absent_removes_the_file_of_a_profile_that_is_gone(simulator: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    keep(simulator, path=str(path))
    simulator.reset()
    assert keep(simulator, path=str(path), state="absent")["changed"]
    assert not path.exists()


def test_absent_refuses_the_file_of_another_profile(simulator: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    keep(simulator, path=str(path))
    mutating(simulator)
    result = keep(simulator, profile="PP-WEB-PROD", path=str(path), state="absent")
    assert result["failed"]
    assert "path" in result["msg"]
    assert mutating(simulator) == []
    assert path.exists()


BAD_INPUT = [
    ("profile", {"profile": None}),
    ("profile", {"profile_href": HREF}),
    ("profile", {"profile": ""}),
    ("profile", {"profile": "x" * 256}),
    ("profile_href", {"profile": None, "profile_href": "/orgs/2/pairing_profiles/1"}),
    ("profile_href", {"profile": None, "profile_href": "/orgs/1/labels/1"}),
    ("count", {"count": 0}),
    ("count", {"count": -1}),
    ("count", {"count": 10001}),
    ("count", {"count": "many"}),
    ("state", {"state": "gone"}),
    ("path", {"path": "/does/not/exist/key.json"}),
    ("path", {"path": "/dev/null"}),
    ("path", {"path": "/tmp"}),
    ("path", {"path": str(Path(__file__))}),
]


@pytest.mark.parametrize(("option", "options"), BAD_INPUT, ids=str)
def test_bad_input_names_the_option_and_sends_nothing(
    simulator: Simulator, option: str, options: dict[str, Any]
) -> None:
    result = keep(simulator, **options)
    assert result["failed"]
    assert option in result["msg"]
    assert simulator.journal() == []


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"caps": ["write"]}, "generate_pairing_key"),
    ],
    ids=str,
)
def test_check_mode_fails_where_the_run_would(
    simulator: Simulator, check: bool, raw: dict[str, Any], words: str
) -> None:
    simulator.seed(pairing_profiles=[{**PROFILE, **raw}])
    result = keep(simulator, check=check)
    assert result["failed"]
    assert words in result["msg"]
    assert mutating(simulator) == []


def test_missing_profile_is_a_warning_in_check_mode_only(simulator: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    foreseen = keep(simulator, check=True, profile="PP-WBE", path=str(path))
    assert foreseen["changed"]
    assert codes(foreseen) == [None]
    assert "unknown pairing profile with name 'PP-WBE'; closest matches: PP-WEB" in str(foreseen["warnings"])
    done = keep(simulator, profile="PP-WBE", path=str(path))
    assert done["failed"]
    assert "closest matches: PP-WEB" in done["msg"]
    assert list(tmp_path.iterdir()) == []
    assert mutating(simulator) == []


def test_disabled_profile_is_left_to_the_pce(simulator: Simulator, tmp_path: Path) -> None:
    """Whether a PCE refuses has no source, so its own words count (this one refuses)."""
    simulator.settings(disabled_profile_keys="refused")
    simulator.seed(pairing_profiles=[{**PROFILE, "enabled": False}])
    foreseen = keep(simulator, check=True)
    assert foreseen["changed"]
    assert "is disabled: the PCE may refuse" in str(foreseen["warnings"])
    done = keep(simulator, path=str(tmp_path / "key.json"))
    assert done["failed"]
    assert not done["changed"]
    assert "pairing_profile_disabled" in done["msg"]
    assert "is disabled: the PCE may refuse" in done["msg"]
    assert mutating(simulator) == [f"POST /api/v2{HREF}/pairing_key"]
    assert list(tmp_path.iterdir()) == []


def test_a_pce_that_does_not_tell_caps_is_believed_to_allow(simulator: Simulator) -> None:
    simulator.seed(pairing_profiles=[{key: value for key, value in PROFILE.items() if key != "caps"}])
    assert len(codes(keep(simulator))) == 1


def test_keys_made_before_the_hard_limit_are_kept(simulator: Simulator, tmp_path: Path) -> None:
    simulator.settings(hard_limit=2)
    path = tmp_path / "key.json"
    result = keep(simulator, path=str(path), count=3)
    assert result["failed"]
    assert result["status"] == 406
    assert "state: absent" in result["msg"]
    assert f"2 pairing keys that were created before are in {path}" in result["msg"]
    kept = keep(simulator, path=str(path), count=2)
    assert not kept["changed"]


LOST = [
    {"kind": "reset_before"},
    {"kind": "reset_after"},
    {"kind": "truncate"},
    {"kind": "invalid_json"},
    *({"kind": "status", "status": status, "act": act} for status in (500, 502, 503, 504) for act in (False, True)),
]


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: "-".join(map(str, fault.values())))
def test_unknown_end_fails_at_once(simulator: Simulator, tmp_path: Path, fault: dict[str, Any]) -> None:
    """The PCE may have created a key: it is not asked again, and the message says how to revoke that key."""
    simulator.fault(method="POST", times=None, **fault)
    path = tmp_path / "key.json"
    result = keep(simulator, path=str(path))
    assert result["failed"]
    assert result["changed"]
    assert f"may have created a pairing key of the pairing profile 'PP-WEB' ({HREF}) that was never" in result["msg"]
    assert "are revoked (pce_pairing_key, state: absent, without path)" in result["msg"]
    assert mutating(simulator) == [f"POST /api/v2{HREF}/pairing_key"]
    assert list(tmp_path.iterdir()) == []
    # What the message says works.
    simulator.clear_faults()
    assert keep(simulator, state="absent")["changed"]
    assert known_codes(simulator) == set()
    assert keep(simulator, path=str(path))["changed"]


def test_two_profiles_with_one_file_create_one_key(simulator: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    first = keep(simulator, path=str(path))
    mutating(simulator)
    for state in ("present", "renewed", "absent"):
        for check in (False, True):
            refused = keep(simulator, check=check, profile="PP-WEB-PROD", path=str(path), state=state)
            assert refused["failed"]
            assert refused["msg"].startswith(
                f"path: {path} holds keys of the pairing profile 'PP-WEB' ({HREF}), not of"
            )
    assert mutating(simulator) == []
    assert codes(keep(simulator, path=str(path))) == codes(first)


def test_two_names_of_one_pce_create_one_key(simulator: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    first = keep(simulator, path=str(path))
    mutating(simulator)
    renamed = keep(simulator, path=str(path), pce_host="localhost")
    assert renamed["failed"]
    server = f"{simulator.host}:{simulator.port}"
    assert f"holds keys of the PCE {server}, not of localhost:{simulator.port}" in renamed["msg"]
    assert mutating(simulator) == []
    path.write_text(path.read_text().replace(server, f"localhost:{simulator.port}"))
    accepted = keep(simulator, path=str(path), pce_host="localhost")
    assert not accepted["changed"]
    assert codes(accepted) == codes(first)


def test_two_runs_at_once_generate_one_key(simulator: Simulator, tmp_path: Path) -> None:
    path = str(tmp_path / "key.json")
    results: list[Result] = []
    threads = [threading.Thread(target=lambda: results.append(keep(simulator, path=path))) for _turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result["changed"] for result in results) == [False, False, False, True]
    assert len({code for result in results for code in codes(result)}) == 1
    assert len(simulator.state()["pairing_keys"]) == 1


def test_a_killed_run_is_told_of_by_the_next(simulator: Simulator, tmp_path: Path) -> None:
    path = str(tmp_path / "key.json")
    simulator.fault("hang", method="POST", seconds=60)
    options = {**connection(simulator), "profile": "PP-WEB", "path": path}
    env = {**environment(), "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]}
    command = [sys.executable, "-m", module_name("pce_pairing_key")]
    child = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert child.stdin is not None
    child.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
    child.stdin.close()
    marker = tmp_path / ".key.json.lock"
    for _turn in range(200):
        if marker.exists() and marker.read_text():
            break
        threading.Event().wait(0.05)
    else:
        pytest.fail("the run never came to generating a key")
    child.kill()
    child.wait()
    simulator.clear_faults()  # where the run was killed before its request came
    result = keep(simulator, path=path)
    assert result["changed"]
    # ansible-core has two forms of a warning in a result.
    assert "interrupted" in json.dumps(result["warnings"])
    assert [item.name for item in tmp_path.iterdir()] == ["key.json"]


def test_a_run_with_no_log_prints_no_code(simulator: Simulator, tmp_path: Path) -> None:
    options = {**connection(simulator), "profile": "PP-WEB"}
    _result, plain = run_ansible("pce_pairing_key", options, "-vvvv")
    assert CODE.search(plain.output)  # the result is shown: the search can find a code
    assert simulator.api_secret not in plain.output
    task = {"microseg.enforcement.pce_pairing_key": options, "register": "keys", "no_log": True}
    check = {"ansible.builtin.assert": {"that": "keys.pairing_keys[0].activation_code | length == 81"}}
    playbook = tmp_path / "play.json"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task, check]}]))
    quiet = run_playbook(playbook, "-vvvv")
    assert quiet.status == 0, quiet.output
    assert not CODE.search(quiet.output)
    assert simulator.api_secret not in quiet.output


def test_no_code_gets_into_the_file_of_an_asynchronous_task(simulator: Simulator, tmp_path: Path) -> None:
    options = {**connection(simulator), "profile": "PP-WEB"}
    task = {"microseg.enforcement.pce_pairing_key": options, "async": 60, "poll": 0, "no_log": True}
    playbook = tmp_path / "play.json"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    ended = run_playbook(playbook, "-vvvv", env={"ANSIBLE_ASYNC_DIR": str(tmp_path / "async")})
    assert ended.status != 0
    assert "does not support async" in ended.output or "the output has been hidden" in ended.output
    assert not (tmp_path / "async").exists()
    assert mutating(simulator) == []


def test_the_script_is_fetched_without_credentials(simulator: Simulator) -> None:
    options = {**connection(simulator), "profile_href": HREF}
    result = run_module("pce_pairing_script_info", options)
    documented.check_result("pce_pairing_script_info", result)
    assert result["pairing_script"]["content"].startswith("#!")
    (entry,) = simulator.journal()
    assert entry["authenticated"] is False
    assert entry["user"] is None


@pytest.mark.parametrize(
    ("options", "fault", "words"),
    [
        ({"profile_href": "/orgs/1/labels/1"}, None, "profile_href"),
        ({"profile_href": HREF, "api_version": 0}, None, "api_version"),
        ({"profile_href": HREF, "script": "pair.py"}, None, "script"),
        ({"profile_href": "/orgs/1/pairing_profiles/999"}, None, "has no pair.sh for /orgs/1/pairing_profiles/999"),
        ({"profile_href": HREF}, "status", "the body is not pair.sh"),
    ],
    ids=str,
)
def test_what_is_no_script_is_never_returned(
    simulator: Simulator, options: dict[str, Any], fault: str | None, words: str
) -> None:
    if fault:
        simulator.fault(fault, status=200, form="html")
    result = run_module("pce_pairing_script_info", {**connection(simulator), **options})
    assert result["failed"]
    assert words in result["msg"]
