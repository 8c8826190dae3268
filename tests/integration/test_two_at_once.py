# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two controllers that work on the same pairing profiles and share a key file, and runs that are killed.

`make races` runs many more rounds; each prints the seed by which it can be had again.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.integration.runner import Result, connection, environment, module_name, run_module
from tests.simulator.launch import Simulator

ROUNDS = int(os.environ.get("MICROSEG_ROUNDS", "21"))
SEED = int(os.environ.get("MICROSEG_SEED", "1"))
NAMES = ("PP-RED", "PP-BLUE")
BYSTANDER = {
    "href": "/orgs/1/pairing_profiles/90",
    "name": "PP-RED-PROD",
    "enabled": True,
    "is_default": False,
    "description": "not to be touched",
}
TOLD = (
    # What one run may end with when the other was quicker: each says what has happened to the object.
    r"(somebody else|another user) has (probably )?deleted it",
    r"another user deleted .* just after it was updated",
    r"is taken by /orgs/1/pairing_profiles/\d+; /orgs/1/pairing_profiles/\d+ was not renamed",
    r"name_must_be_unique",
    r"unknown pairing profile with name 'PP-(RED|BLUE)'",
)

Task = tuple[str, dict[str, Any]]


def profile_task(chance: random.Random) -> Task:
    """Something to do to one of the profiles: create or update it, rename it, or delete it."""
    name = chance.choice(NAMES)
    wish = {"description": f"wish {chance.randrange(10**6)}"}
    kind = chance.choice(["keep", "keep", "rename", "absent"])
    if kind == "absent":
        return "pce_pairing_profile", {"name": name, "state": "absent"}
    if kind == "rename":
        other = NAMES[1 - NAMES.index(name)]
        return "pce_pairing_profile", {"name": name, "new_name": other, **wish}
    return "pce_pairing_profile", {"name": name, **wish}


def bulk_task(chance: random.Random) -> Task:
    """The same to both profiles, by one task."""
    profiles = [{"name": name, "description": f"wish {chance.randrange(10**6)}"} for name in NAMES]
    for item in profiles:
        if chance.random() < 0.3:
            item.update(state="absent")
            del item["description"]
    return "pce_pairing_profiles", {"pairing_profiles": profiles}


def at_once(simulator: Simulator, *tasks: Task) -> list[Result]:
    """Run tasks at the same time, each in a process of its own."""
    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(lambda task: run_module(task[0], {**connection(simulator), **task[1]}), tasks))


def profiles(simulator: Simulator) -> dict[str, dict[str, Any]]:
    """The profiles by their names, of which there are no two; the one that is nobody's business is as it was."""
    found = [item for item in simulator.state()["pairing_profiles"] if not item["is_default"]]
    names = Counter(item["name"] for item in found)
    assert max(names.values()) == 1, names
    by_name = {item["name"]: item for item in found}
    assert by_name.pop(BYSTANDER["name"]).items() >= BYSTANDER.items()
    return by_name


def assert_told(result: Result) -> None:
    """Assert that a run ended well, or with a line that tells what the other did."""
    if result.get("failed"):
        assert any(re.search(words, result["msg"]) for words in TOLD), result["msg"]
        assert "\n" not in result["msg"]


def test_profiles(simulator: Simulator) -> None:
    simulator.settings(rate_limit=0)
    simulator.seed(pairing_profiles=[BYSTANDER])
    ends: Counter[str] = Counter()
    for number in range(ROUNDS):
        seed = f"{SEED}-{number}"
        chance = random.Random(seed)
        print(f"seed {seed}")
        before = profiles(simulator)
        tasks = [chance.choice([profile_task, profile_task, profile_task, bulk_task])(chance) for _turn in range(2)]
        results = at_once(simulator, *tasks)
        for result in results:
            assert_told(result)
            ends["failed" if result.get("failed") else "ok"] += 1
        after = profiles(simulator)
        assert set(after) <= set(NAMES)
        assert {item["description"] for item in after.values()} <= wishes(tasks) | {
            item["description"] for item in before.values()
        }
        # Whoever comes last, and alone, gets what was asked for, and then has nothing to do.
        last, options = tasks[1]
        if "new_name" in options and set(after) == set(NAMES):
            continue
        assert not at_once(simulator, (last, options))[0].get("failed")
        assert not at_once(simulator, (last, options))[0]["changed"]
        assert_state(profiles(simulator), options)
    print(dict(ends))
    assert ends["ok"] > ROUNDS


def wishes(tasks: list[Task]) -> set[str]:
    """The descriptions that tasks ask for."""
    return set(re.findall(r"wish \d+", json.dumps(tasks)))


def assert_state(now: dict[str, dict[str, Any]], options: dict[str, Any]) -> None:
    """Assert that profiles are as a task wants them."""
    for wanted in options.get("pairing_profiles", [options]):
        name = wanted.get("new_name", wanted["name"])
        if wanted.get("state") == "absent":
            assert name not in now
        else:
            assert now[name]["description"] == wanted["description"]


@pytest.mark.parametrize(("method", "name"), [("PUT", "pce_pairing_profile"), ("POST", "pce_pairing_key")])
def test_what_is_deleted_between_two_requests(simulator: Simulator, method: str, name: str) -> None:
    assert not at_once(simulator, ("pce_pairing_profile", {"name": "PP-RED"}))[0].get("failed")
    simulator.fault("status", method=method, status=404)
    options = {"profile": "PP-RED"} if name == "pce_pairing_key" else {"name": "PP-RED", "description": "new"}
    result = at_once(simulator, (name, options))[0]
    assert result["failed"]
    assert "The pairing profile was found just before; another user has probably deleted it" in result["msg"]


def test_one_key_file(simulator: Simulator, tmp_path: Path) -> None:
    simulator.settings(rate_limit=0, hard_limit=100000)
    path = tmp_path / "keys.json"
    make: Task = ("pce_pairing_profile", {"name": "PP-RED", "enabled": True})
    remove: Task = ("pce_pairing_profile", {"name": "PP-RED", "state": "absent"})
    for number in range(ROUNDS):
        chance = random.Random(f"{SEED}-{number}")
        print(f"seed {SEED}-{number}")
        assert not at_once(simulator, make)[0].get("failed")
        tasks: list[Task] = [
            key_task(chance, path),
            chance.choice([key_task(chance, path), key_task(chance, path), remove]),
        ]
        for result in at_once(simulator, *tasks):
            assert_told(result)
        assert_whole(path)
        # Alone, a run then has a file with keys that the PCE accepts.
        assert not at_once(simulator, make)[0].get("failed")
        result = at_once(simulator, ("pce_pairing_key", {"profile": "PP-RED", "path": str(path), "count": 2}))[0]
        assert not result.get("failed"), result
        assert digests(keys_in(path)) <= accepted(simulator)
        assert len(keys_in(path)) >= 2


def key_task(chance: random.Random, path: Path) -> Task:
    """Something to do with the shared key file."""
    state = chance.choice(["present", "present", "renewed", "absent"])
    options: dict[str, Any] = {"profile": "PP-RED", "path": str(path), "state": state}
    if state != "absent":
        options["count"] = chance.choice([1, 1, 2])
    return "pce_pairing_key", options


def keys_in(path: Path) -> list[str]:
    """The activation codes in a key file."""
    return [key["activation_code"] for key in json.loads(path.read_text())["keys"]] if path.exists() else []


def digests(codes: list[str]) -> set[str]:
    """Activation codes as the simulator tells of them."""
    return {hashlib.sha256(code.encode()).hexdigest() for code in codes}


def accepted(simulator: Simulator) -> set[str]:
    """The keys that the PCE accepts, as digests."""
    return {key["sha256"] for key in simulator.state()["pairing_keys"] if not key["revoked"]}


def assert_whole(path: Path) -> None:
    """Assert that a key file is not torn and nobody else's to read, and that no other file is left beside it."""
    assert [item.name for item in path.parent.iterdir()] in ([], [path.name])
    if path.exists():
        assert keys_in(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


class Killed:
    """A module in a process of its own, which is killed after some seconds unless it has ended by then."""

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        env = {**environment(), "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]}
        self._process = subprocess.Popen(
            [sys.executable, "-m", module_name(name)],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode())
        self._process.stdin.close()

    def after(self, seconds: float) -> bool:
        """Wait, kill it, and say whether it was still running."""
        try:
            self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
        return self._process.wait() == -signal.SIGKILL


def seconds_of(name: str, options: dict[str, Any]) -> float:
    """How long a run takes that is not killed."""
    begun = time.monotonic()
    assert not Killed(name, options).after(120)
    return time.monotonic() - begun


@pytest.mark.parametrize("state", ["present", "renewed"])
def test_key_generation_that_is_killed(simulator: Simulator, tmp_path: Path, state: str) -> None:
    simulator.settings(rate_limit=0, hard_limit=100000)
    assert not at_once(simulator, ("pce_pairing_profile", {"name": "PP-RED", "enabled": True}))[0].get("failed")
    directory = tmp_path / "keys"
    directory.mkdir()
    path = directory / "keys.json"
    options = {**connection(simulator), "profile": "PP-RED", "path": str(path), "count": 4, "state": state}
    slow_down(simulator)
    whole = seconds_of("pce_pairing_key", options)
    killed = Counter[str]()
    for number in range(max(ROUNDS // 3, 1)):
        chance = random.Random(f"{SEED}-{number}")
        path.unlink(missing_ok=True)
        slow_down(simulator)
        known = digests(keys_in(path))
        made = accepted(simulator)
        was_killed = Killed("pce_pairing_key", options).after(chance.uniform(whole / 3, whole))
        simulator.clear_faults()
        lost = accepted(simulator) - made - digests(keys_in(path))
        result = run_module("pce_pairing_key", {**options, "state": "present"})
        assert not result.get("failed"), result
        warned = "interrupted" in json.dumps(result.get("warnings", []))
        assert warned or not lost, f"{len(lost)} keys were lost, and nobody says so"
        assert was_killed or not lost
        assert len(keys_in(path)) == 4
        assert digests(keys_in(path)) <= accepted(simulator)
        assert_whole(path)
        assert known <= accepted(simulator)
        killed["lost" if lost else ("killed" if was_killed else "ended")] += 1
    print(dict(killed))
    assert killed["lost"]


def slow_down(simulator: Simulator) -> None:
    """Let the PCE take its time between making a key and telling it, so that many a kill falls between the two."""
    simulator.fault("slow", method="POST", path="pairing_key$", times=None, seconds=0.005)


def test_bulk_that_is_killed(simulator: Simulator) -> None:
    simulator.settings(rate_limit=0)
    simulator.seed(pairing_profiles=[BYSTANDER])
    wanted: list[dict[str, Any]] = [
        {"name": f"PP-{number:02}", "description": "wanted", "labels": [{"role": "web"}]} for number in range(40)
    ]
    options: dict[str, Any] = {**connection(simulator), "pairing_profiles": wanted}
    whole = seconds_of("pce_pairing_profiles", options)
    killed = 0
    for number in range(max(ROUNDS // 3, 1)):
        chance = random.Random(f"{SEED}-{number}")
        now = [{**item, "description": f"round {number}"} for item in wanted]
        for item in chance.sample(now, 15):
            item.clear()
            item.update(name=f"PP-{chance.randrange(40, 80)}", description=f"round {number}")
        unique = list({item["name"]: item for item in now}.values())
        options = {**connection(simulator), "pairing_profiles": unique}
        # Well before its end, also where the machine was busier while the whole was measured.
        killed += Killed("pce_pairing_profiles", options).after(chance.uniform(whole / 8, whole / 2))
        result = run_module("pce_pairing_profiles", options)
        assert not result.get("failed"), result
        after = profiles(simulator)
        assert {after[item["name"]]["description"] for item in unique} == {f"round {number}"}
        assert not run_module("pce_pairing_profiles", options)["changed"]
    assert killed


@pytest.mark.parametrize("retry_after", [1, None], ids=["Retry-After", "backoff"])
def test_five_runs_share_the_rate_limit_of_one_key(simulator: Simulator, retry_after: int | None) -> None:
    """Each run creates labels of its own; all wait out the 429s, and nothing is created twice."""
    simulator.settings(rate_limit=15, retry_after=retry_after)
    ended = threading.Event()
    clock = threading.Thread(target=_hurry, args=(simulator, ended))
    clock.start()
    try:
        tasks = [
            ("pce_pairing_profiles", {"pairing_profiles": [{"name": f"PP-{run}-{number}"} for number in range(6)]})
            for run in range(5)
        ]
        results = at_once(simulator, *tasks)
    finally:
        ended.set()
        clock.join()
    assert [result.get("msg") for result in results] == [None] * 5
    statuses = Counter(entry["status"] for entry in simulator.journal() if not entry["path"].startswith("/_"))
    assert statuses[429] > 0
    assert statuses[201] == 30
    # A run asks again after a second or so: fewer than ten times in a minute of the simulator, which lasts six seconds.
    minutes = 1 + (statuses.total() - statuses[429]) // 15
    assert statuses[429] < 5 * 10 * (minutes + 1)
    names = Counter(item["name"] for item in simulator.state()["pairing_profiles"])
    assert max(names.values()) == 1


def _hurry(simulator: Simulator, ended: threading.Event) -> None:
    """Let the simulator's clock run ten times as fast as the machine's."""
    offset = 0.0
    while not ended.wait(0.5):
        offset += 4.5
        simulator.settings(clock_offset=offset)
