# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waves: who belongs to which, what counts as reached, and what is too much."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils._core.errors import OptionError
from plugins.module_utils._pce.earlier_state import EarlierState
from plugins.module_utils._pce.ven_release import parse_release
from plugins.module_utils._pce.waves import Host, Target, Wave, assign, judge, read_percentage, take_share

FULL = Target("full", shown="full")
RELEASE = Target(release=parse_release("23.2.20"), shown="23.2.20-157")
MODES = {"hostname": "web1", "enforcement_mode": "idle", "visibility_level": None}


def host(number: int = 1, mode: str | None = "idle", **more: Any) -> Host:
    values: dict[str, Any] = {"labels": {"role": "web"}, "visibility_level": "flow_summary", "online": True, **more}
    return Host(
        f"/orgs/1/workloads/{number}", f"/orgs/1/vens/{number}", f"web{number}", enforcement_mode=mode, **values
    )


def test_host_belongs_to_the_first_wave_that_has_it() -> None:
    hosts = [host(number) for number in range(4)]
    waves = [
        Wave("one", FULL, hostnames=frozenset({"web0"})),
        Wave("upgrade", RELEASE),
        Wave("two", FULL, labels=[{"key": "role", "value": "web"}], hrefs=frozenset({hosts[0].href, hosts[1].href})),
        Wave("three", FULL, labels=[{"key": "role", "value": "db"}]),
        Wave("rest", FULL),
    ]
    found = [[item.hostname for item in members] for members in assign(waves, hosts)]
    assert found == [["web0"], ["web0", "web1", "web2", "web3"], ["web1"], [], ["web2", "web3"]]


@pytest.mark.parametrize(("share", "count"), [(0.01, 1), (1, 3), (10, 20), (99.9, 199), (100, 200)])
def test_share_is_stable(share: float, count: int) -> None:
    hosts = [host(number) for number in range(200)]
    taken = take_share(hosts, share)
    assert len(taken) == count
    assert take_share(hosts[::-1], share) == taken
    assert take_share(hosts, share / 2) <= taken
    assert taken != {item.href for item in hosts[:count]} or count == 200
    # A new host moves no other, unless no hash is small enough for the share.
    more = [*hosts, *(host(number) for number in range(200, 400))]
    assert count == 1 or take_share(more, share) & {item.href for item in hosts} == taken


def test_share_of_nothing_is_empty() -> None:
    assert take_share([], 50) == set()


@pytest.mark.parametrize(
    ("target", "own", "is_reached"),
    [
        (FULL, host(mode="selective"), False),
        (FULL, host(mode="full"), True),
        (Target("selective"), host(mode="full"), True),
        (FULL, host(mode=None), False),
        (Target("idle", "flow_off"), host(mode="idle"), False),
        (Target("idle", "flow_off"), host(mode="full"), True),
        (Target("idle", "flow_summary"), host(mode="idle"), True),
        (RELEASE, host(release="23.2.20-157"), True),
        (RELEASE, host(release="24.1.0"), True),
        (RELEASE, host(release="22.5.34-10"), False),
        (RELEASE, host(release=None), False),
    ],
)
def test_stricter_mode_and_newer_release_count_as_reached(target: Target, own: Host, is_reached: bool) -> None:
    assert target.is_reached(own) is is_reached


def test_upgrade_under_way_is_that_to_the_release() -> None:
    assert RELEASE.is_under_way(host(upgrading_to="23.2.20-157"))
    assert RELEASE.is_under_way(host(upgrading_to="24.2.10-300"))
    assert not RELEASE.is_under_way(host(upgrading_to="22.5.34-10"))
    assert not FULL.is_under_way(host(upgrading_to="23.2.20-157"))


def test_offline_host_fails_although_the_mode_is_reached() -> None:
    verdict = judge([host(1, "full"), host(2, "full", online=False), host(3, "full", online=None), host(4)], FULL)
    assert [item.hostname for item in verdict.reached] == ["web1", "web3"]
    assert verdict.failed == {host(2).href: "is not online", host(4).href: "has enforcement mode idle"}


def test_host_with_an_error_fails_although_the_mode_is_reached() -> None:
    verdict = judge([host(1, "full", problems=["error", "tampered"]), host(2, "full", problems=["outdated"])], FULL)
    assert [item.hostname for item in verdict.reached] == ["web2"]
    assert verdict.failed == {host(1).href: "has a VEN with the problem error and tampered"}


@pytest.mark.parametrize(
    ("failed", "hosts", "budget", "exceeds"),
    [
        *[(0, 0, 0, False), (0, 9, 0, False), (1, 100, 0, True), (1, 10, 10, False), (2, 10, 10, True)],
        *[(5, 5, 100, False), (323, 1000, 32.3, False), (324, 1000, 32.3, True)],
    ],
)
def test_budget_is_a_percentage_of_the_wave(failed: int, hosts: int, budget: float, exceeds: bool) -> None:
    assert Wave("wave", FULL, error_budget=budget).is_over_budget(failed, hosts) is exceeds


@pytest.mark.parametrize("value", [-1, 100.5, 0])
def test_percentage_out_of_range_is_an_error(value: float) -> None:
    with pytest.raises(OptionError, match="must be a percentage from 1 to 100"):
        read_percentage("share", value, minimum=1)


# The file with the earlier modes.


def test_file_keeps_what_it_has(tmp_path: Path) -> None:
    state = EarlierState(str(tmp_path / "earlier.json"), "pce organization 1")
    first, second = host(1, visibility_level=None), host(2, visibility_level=None)
    state.add([first])
    state.add([host(1, "full"), second])
    assert state.read() == {first.href: MODES, second.href: {**MODES, "hostname": "web2"}}
    assert os.stat(state.path).st_mode & 0o777 == 0o600
    assert [item.name for item in tmp_path.iterdir()] == ["earlier.json"]


def _file_with(**entry: object) -> str:
    return json.dumps({"origin": "pce organization 1", "workloads": {"a": {**MODES, **entry}}})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "is not a file of a roll-out"),
        ("{", "cannot be read: it is not valid JSON"),
        (json.dumps({"origin": "pce organization 1", "workloads": {"a": {}}}), "is not a file of a roll-out"),
        (json.dumps({"origin": "other", "workloads": {}}), "belongs to other, not to pce organization 1"),
        ("[" * 100000, "cannot be read: it is not valid JSON"),
        (_file_with(enforcement_mode="fulll"), "was modified: a has enforcement_mode fulll and"),
        (_file_with(enforcement_mode=["full"]), r"was modified: a has enforcement_mode \['full'\] and"),
        (_file_with(enforcement_mode=None), "was modified: a has enforcement_mode None and"),
        (_file_with(visibility_level=3), "and visibility_level 3, which no roll-out writes"),
    ],
)
def test_other_file_is_refused_and_kept(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "earlier.json"
    path.write_text(content)
    state = EarlierState(str(path), "pce organization 1")
    with pytest.raises(OptionError, match=message):
        state.add([host()])
    assert path.read_text() == content


def test_file_that_others_can_write_is_refused(tmp_path: Path) -> None:
    state = EarlierState(str(tmp_path / "earlier.json"), "pce organization 1")
    state.add([host()])
    os.chmod(state.path, 0o620)
    with pytest.raises(OptionError, match="can be written by others than its owner; run chmod go-w on it"):
        state.read()


def test_link_to_the_file_stays(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "earlier.json")
    EarlierState(str(tmp_path / "link.json"), "pce organization 1").add([host()])
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "earlier.json").is_file()


def test_file_begins_anew_after_all_have_gone_back(tmp_path: Path) -> None:
    state = EarlierState(str(tmp_path / "earlier.json"), "pce organization 1")
    state.add([host(), host(2)])
    (warning,) = state.warn_of_kept([host(1, "selective"), host(2)])
    assert "the way back of 1 hosts leads to the modes" in warning
    assert "(web1: idle, not selective)" in warning
    state.mark_gone_back()
    assert len(state.read()) == 2
    assert state.warn_of_kept([host(1, "selective")]) == []
    state.add([host(1, "selective")])
    assert [entry["enforcement_mode"] for entry in state.read().values()] == ["selective"]


def test_missing_directory_is_told_before_a_write(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="there is no directory"):
        EarlierState(str(tmp_path / "none" / "earlier.json"), "pce").check_writable()


def test_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = EarlierState(str(tmp_path / "earlier.json"), "pce organization 1")
    state.add([host()])
    about = list(os.stat(state.path))
    about[4] = os.geteuid() + 7
    monkeypatch.setattr("plugins.module_utils._pce.earlier_state.os.stat", lambda _path: os.stat_result(about))
    with pytest.raises(OptionError, match=f"belongs to the user {about[4]}, not to {os.geteuid()}"):
        state.read()


def test_file_waits_for_another_roll_out_that_writes_it(tmp_path: Path) -> None:
    state = EarlierState(str(tmp_path / "earlier.json"), "pce organization 1")
    directory = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(directory, fcntl.LOCK_EX)
    writer = threading.Thread(target=state.add, args=([host()],))
    writer.start()
    writer.join(0.2)
    assert (writer.is_alive(), state.read()) == (True, {})
    os.close(directory)
    writer.join()
    assert len(state.read()) == 1
