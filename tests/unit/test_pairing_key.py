# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pairing keys: create, save in a file, revoke."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils._core import progress
from plugins.module_utils._core.errors import (
    ApiError,
    CollectionError,
    ContractError,
    DeadlineError,
    MissingReferenceError,
    OptionError,
    UnknownOutcomeError,
)
from plugins.module_utils._pce.key_file import KeyFile

from .helpers import EPOCH, PROFILES, Reply, Sent, broken, case_name, raw_profile
from .pairing_key_pce import HREF, MINT, REVOKE, REVOKE_ALL, SECRET, UNKNOWN, FakePce, codes, keep

DRY_RUNS = pytest.mark.parametrize("dry_run", [False, True])


@pytest.fixture
def pce(monkeypatch: pytest.MonkeyPatch) -> FakePce:
    return FakePce(monkeypatch)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "key.json")


def test_result(pce: FakePce, path: str) -> None:
    assert keep(path=path) == {
        "changed": True,
        "pairing_keys": [
            {
                "activation_code": "c0de1",
                "pairing_profile": {"href": HREF, "name": "PP"},
                "allowed_uses_per_key": "unlimited",
                "created_at": "2026-05-28T20:26:40Z",
                "expires_at": "2026-05-28T21:26:40Z",
            }
        ],
        "management_server": "pce.invalid:8443",
        "diff": {"before": {"pairing_keys": 0}, "after": {"pairing_keys": 1}},
        "warnings": [],
    }
    assert pce.mutating() == [MINT]


@pytest.fixture
def far_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A controller nine hours ahead of UTC."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_east")
def test_times_do_not_depend_on_the_controllers_zone(pce: FakePce, path: str) -> None:
    (key,) = keep(path=path)["pairing_keys"]
    assert (key["created_at"], key["expires_at"]) == ("2026-05-28T20:26:40Z", "2026-05-28T21:26:40Z")
    pce.transport.time += 3599
    assert not keep(path=path)["changed"]
    pce.transport.time += 1
    assert keep(path=path)["changed"]


def test_the_lock_says_what_is_done_under_it(pce: FakePce, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed run leaves behind tells the next one whether a key may be lost."""
    lock = Path(path).parent / ".key.json.lock"
    serve, seen = pce._serve, []

    def look(sent: Sent) -> Reply | CollectionError:
        seen.append((sent.method, lock.read_bytes() != b"" if lock.exists() else None))
        return serve(sent)

    monkeypatch.setattr(pce.transport, "_serve", look)
    keep(path=path)
    keep(path=path, state="absent")
    assert [entry for entry in seen if entry[0] != "GET"] == [("POST", True), ("DELETE", False)]
    assert not lock.exists()
    lock.write_bytes(b"generating\n")
    seen.clear()
    keep(path=path, count=2)
    assert [entry for entry in seen if entry[0] != "GET"] == [("POST", True)] * 2


def test_time_is_asked_for_what_is_missing(pce: FakePce, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    told: list[Any] = []
    monkeypatch.setattr(pce.transport, "ensure_within_deadline", lambda *arguments: asked.append(arguments))
    monkeypatch.setattr(progress, "report_progress", lambda *arguments: told.append(arguments))
    keep(path=path, count=2)
    keep(path=path, count=2)
    keep(path=path, count=5)
    keep(path=path, count=6)
    assert asked == [(count, f"creating {count} pairing keys") for count in (2, 3, 1)]
    expected = [(1, 2), (2, 2), (1, 3), (2, 3), (3, 3), (1, 1)]
    assert told == [("pairing keys created", done, most) for done, most in expected]


@pytest.mark.parametrize("lifespan", [1, 2147483647])
def test_the_shortest_and_the_longest_lifespan(pce: FakePce, lifespan: int) -> None:
    pce.profiles[HREF]["key_lifespan"] = lifespan
    expires = {1: "2026-05-28T20:26:41Z", 2147483647: "2094-06-15T23:40:47Z"}
    assert keep()["pairing_keys"][0]["expires_at"] == expires[lifespan]


def test_the_most_that_options_take(pce: FakePce) -> None:
    for name in ("P", "P" * 255):
        pce.profiles[HREF]["name"] = name
        assert len(codes(keep(True, profile=name, count=10000))) == 10000


@pytest.mark.parametrize("params", [{"profile": "PP"}, {"profile_href": HREF}])
def test_second_run_reuses(pce: FakePce, path: str, params: dict[str, Any]) -> None:
    first = keep(path=path, **params)
    pce.mutating()
    pce.transport.time += 3599
    second = keep(path=path, **params)
    assert (second["changed"], second["pairing_keys"]) == (False, first["pairing_keys"])
    assert len(pce.transport.sent) == 1
    assert pce.mutating() == []


def test_without_a_path_each_run_generates(pce: FakePce) -> None:
    assert codes(keep()) == ["c0de1"]
    assert codes(keep(count=2)) == ["c0de2", "c0de3"]
    assert pce.mutating() == [MINT] * 3


def test_an_expired_key_is_replaced(pce: FakePce, path: str) -> None:
    keep(path=path)
    pce.transport.time += 3600
    result = keep(path=path)
    assert (result["changed"], codes(result)) == (True, ["c0de2"])
    assert [key["activation_code"] for key in json.loads(Path(path).read_text())["keys"]] == ["c0de2"]


@pytest.mark.parametrize("lifespan", ["unlimited", None, "60s", 0, 2**40])
def test_a_key_without_a_known_lifespan_does_not_expire(pce: FakePce, path: str, lifespan: Any) -> None:
    pce.profiles[HREF]["key_lifespan"] = lifespan
    assert keep(path=path)["pairing_keys"][0]["expires_at"] is None
    pce.transport.time += 10**9
    assert not keep(path=path)["changed"]


def test_a_lifespan_as_a_text_counts(pce: FakePce, path: str) -> None:
    pce.profiles[HREF]["key_lifespan"] = "60"
    assert keep(path=path)["pairing_keys"][0]["expires_at"] == "2026-05-28T20:27:40Z"


@pytest.mark.parametrize("expires", ["soon", 5, "2026-05-28", ["x"]])
def test_a_key_whose_expiry_cannot_be_read_is_replaced(pce: FakePce, path: str, expires: Any) -> None:
    keep(path=path)
    known = json.loads(Path(path).read_text())
    known["keys"][0]["expires_at"] = expires
    Path(path).write_text(json.dumps(known))
    assert codes(keep(path=path)) == ["c0de2"]


def test_renewed(pce: FakePce, path: str) -> None:
    keep(path=path, count=3)
    result = keep(path=path, count=2, state="renewed")
    assert (result["changed"], codes(result)) == (True, ["c0de4", "c0de5"])
    assert codes(keep(path=path, count=2)) == ["c0de4", "c0de5"]


def test_count_up_and_down(pce: FakePce, path: str) -> None:
    assert codes(keep(path=path)) == ["c0de1"]
    up = keep(path=path, count=3)
    assert (up["changed"], codes(up)) == (True, ["c0de1", "c0de2", "c0de3"])
    assert up["diff"] == {"before": {"pairing_keys": 1}, "after": {"pairing_keys": 3}}
    down = keep(path=path, count=2)
    assert (down["changed"], codes(down)) == (False, ["c0de1", "c0de2"])
    assert down["diff"] == {"before": {"pairing_keys": 3}, "after": {"pairing_keys": 3}}
    assert codes(keep(path=path, count=3)) == ["c0de1", "c0de2", "c0de3"]
    assert pce.mutating() == [MINT] * 3


@pytest.mark.parametrize("state", ["present", "renewed", "absent"])
def test_check_mode_says_what_would_be_and_does_nothing(pce: FakePce, path: str, state: str) -> None:
    keep(path=path)
    content = Path(path).read_bytes()
    pce.mutating()
    parse_option = keep(True, path=path, count=2, state=state)
    assert pce.mutating() == []
    assert Path(path).read_bytes() == content
    assert [entry.name for entry in Path(path).parent.iterdir()] == ["key.json"]
    done = keep(path=path, count=2, state=state)
    assert {name: done[name] for name in ("changed", "diff")} == {
        name: parse_option[name] for name in ("changed", "diff")
    }
    assert len(parse_option["pairing_keys"]) == len(done["pairing_keys"])
    assert codes(parse_option) == {"present": ["c0de1", None], "renewed": [None, None], "absent": []}[state]


def test_check_mode_on_a_first_run(pce: FakePce, path: str) -> None:
    parse_option = keep(True, path=path)
    assert parse_option["changed"]
    assert parse_option["pairing_keys"][0] == {
        "activation_code": None,
        "pairing_profile": {"href": HREF, "name": "PP"},
        "allowed_uses_per_key": "unlimited",
        "created_at": None,
        "expires_at": None,
    }
    assert list(Path(path).parent.iterdir()) == []


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("with_path", [False, True])
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"caps": ["write"]}, f"the API key may not create keys of the pairing profile 'PP' ({HREF}): its caps"),
        ({"caps": []}, "its caps do not list generate_pairing_key"),
    ],
)
def test_profile_that_gives_no_keys(
    pce: FakePce, path: str, dry_run: bool, with_path: bool, change: dict[str, Any], problem: str
) -> None:
    pce.profiles[HREF].update(change)
    pattern = problem.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(CollectionError, match=pattern):
        keep(dry_run, path=path if with_path else None)
    assert pce.mutating() == []
    assert not Path(path).exists()


@pytest.mark.parametrize("with_path", [False, True])
def test_missing_profile_fails_and_names_the_nearest(pce: FakePce, path: str, with_path: bool) -> None:
    pce.profiles[HREF]["name"] = "PP2"
    with pytest.raises(MissingReferenceError, match=r"with name 'PP'; closest matches: PP2$"):
        keep(path=path if with_path else None)
    assert pce.mutating() == []
    assert list(Path(path).parent.iterdir()) == []


@pytest.mark.parametrize("with_path", [False, True])
def test_missing_profile_in_check_mode_is_a_warning(pce: FakePce, path: str, with_path: bool) -> None:
    """An earlier task of the play may create it, which it does not in check mode."""
    pce.profiles[HREF]["name"] = "PP2"
    result = keep(True, path=path if with_path else None, count=2)
    assert result["changed"]
    assert result["diff"] == {"before": {"pairing_keys": 0}, "after": {"pairing_keys": 2}}
    key = {"allowed_uses_per_key": None, "created_at": None, "expires_at": None, "activation_code": None}
    assert result["pairing_keys"] == [{"pairing_profile": {"href": None, "name": "PP"}, **key}] * 2
    assert result["warnings"] == [
        "unknown pairing profile with name 'PP'; closest matches: PP2. The task fails unless an earlier task "
        "creates it, as check mode cannot see"
    ]
    assert pce.mutating() == []
    assert list(Path(path).parent.iterdir()) == []


@DRY_RUNS
def test_missing_href_fails_in_check_mode_too(pce: FakePce, dry_run: bool) -> None:
    """What does not exist yet has no HREF."""
    with pytest.raises(MissingReferenceError, match=f"unknown pairing profile {PROFILES}/9$"):
        keep(dry_run, profile_href=f"{PROFILES}/9")


DISABLED = (
    f"the pairing profile 'PP' ({HREF}) is disabled: the PCE may refuse to create keys, and hosts to pair with them; "
    "enable it first (pce_pairing_profile, enabled: true)"
)


@DRY_RUNS
def test_disabled_profile_is_a_warning(pce: FakePce, path: str, dry_run: bool) -> None:
    pce.profiles[HREF]["enabled"] = False
    result = keep(dry_run, path=path)
    assert (result["changed"], result["warnings"]) == (True, [DISABLED])
    assert pce.mutating() == ([] if dry_run else [MINT])
    if not dry_run:
        again = keep(path=path)
        assert (again["changed"], again["warnings"]) == (False, [DISABLED])


def test_disabled_profile_that_is_refused_fails(pce: FakePce, path: str) -> None:
    pce.profiles[HREF]["enabled"] = False
    pce.failures[1] = Reply(406, [{"token": "not_enabled", "message": "The profile is not enabled"}])
    with pytest.raises(ApiError) as caught:
        keep(path=path)
    assert str(caught.value) == (
        f"the PCE answered 406 to {MINT}: not_enabled (The profile is not enabled). {DISABLED[0].upper()}{DISABLED[1:]}"
    )
    assert not caught.value.changed
    assert list(Path(path).parent.iterdir()) == []


@pytest.mark.parametrize("caps", [None, "unheard of"])
def test_caps_that_are_not_shown_forbid_nothing(pce: FakePce, caps: Any) -> None:
    pce.profiles[HREF]["caps"] = caps
    assert codes(keep()) == ["c0de1"]


def test_caps_do_not_matter_while_nothing_is_generated(pce: FakePce, path: str) -> None:
    keep(path=path)
    pce.profiles[HREF]["caps"] = []
    assert codes(keep(path=path)) == ["c0de1"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"count": 0}, "count: must be 1 to 10000, not 0"),
        ({"count": -1}, "count: must be 1 to 10000, not -1"),
        ({"count": 10001}, "count: must be 1 to 10000, not 10001"),
        ({"profile": ""}, "profile: must have 1 to 255 characters"),
        ({"profile": "x" * 256}, "profile: must have 1 to 255 characters"),
        ({"profile_href": "/orgs/1/labels/3"}, "profile_href: must be the href of one of the pairing_profiles"),
        ({"profile_href": "/orgs/2/pairing_profiles/3"}, "profile_href: belongs to organisation 2"),
        ({"profile_href": ""}, "profile_href: must be an href such as"),
        ({"path": "/nonexistent/key.json"}, "path: /nonexistent is not a directory"),
        ({"path": ""}, "path: must not be empty"),
        ({"path": "", "state": "absent"}, "path: must not be empty"),
    ],
)
def test_wrong_options(pce: FakePce, params: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        keep(**params)
    assert str(caught.value).startswith(message)
    assert pce.transport.sent == []


@pytest.mark.parametrize("state", ["present", "renewed", "absent"])
def test_a_file_of_another_kind_is_refused_before_any_request(pce: FakePce, path: str, state: str) -> None:
    Path(path).write_text("precious")
    with pytest.raises(OptionError, match="is not a key file of this module"):
        keep(path=path, state=state)
    assert pce.transport.sent == []
    assert Path(path).read_text() == "precious"


LIMIT = Reply(406, [{"token": "pairing_key_limit", "message": "Hard limit reached"}], {"X-Request-Id": "r1"})


def test_hard_limit_says_what_to_do(pce: FakePce, path: str) -> None:
    pce.failures[1] = LIMIT
    with pytest.raises(ApiError) as caught:
        keep(path=path)
    message = str(caught.value)
    assert message.startswith(f"the PCE answered 406 to {MINT}: pairing_key_limit (Hard limit reached)")
    assert message.endswith(
        f" The PCE holds as many keys of the pairing profile 'PP' ({HREF}) as it allows. Use another profile, or "
        "revoke all keys of this one (state: absent, without path)"
    )
    assert "created before" not in message
    assert caught.value.details()["request_id"] == "r1"
    assert not Path(path).exists()


@pytest.mark.parametrize(
    "failure", [broken("POST", f"{HREF}/pairing_key"), Reply(500), Reply(502), Reply(503), Reply(504)]
)
def test_unknown_outcome_fails_at_once(pce: FakePce, path: str, failure: Reply | CollectionError) -> None:
    pce.failures[1] = failure
    with pytest.raises(UnknownOutcomeError) as caught:
        keep(path=path)
    assert UNKNOWN in str(caught.value)
    assert caught.value.changed
    assert pce.mutating() == [MINT]
    assert list(Path(path).parent.iterdir()) == []


def test_rate_limit_is_waited_out(pce: FakePce) -> None:
    pce.failures[1] = Reply(429, headers={"Retry-After": "5"})
    assert codes(keep()) == ["c0de2"]
    (slept,) = pce.transport.slept
    assert 5 <= slept <= 5.5


@pytest.mark.parametrize("failure", [LIMIT, broken(), Reply(500), Reply(200, {}), Reply(200, raw=b"<html>")])
def test_partial_failure_keeps_what_was_made(pce: FakePce, path: str, failure: Reply | CollectionError) -> None:
    pce.failures[3] = failure
    with pytest.raises(CollectionError) as caught:
        keep(path=path, count=5)
    assert f"2 pairing keys that were created before are in {path}" in str(caught.value)
    assert caught.value.changed
    assert SECRET not in str(caught.value)
    assert SECRET not in json.dumps(caught.value.details())
    assert [key["activation_code"] for key in json.loads(Path(path).read_text())["keys"]] == ["c0de1", "c0de2"]
    assert codes(keep(path=path, count=5)) == ["c0de1", "c0de2", "c0de4", "c0de5", "c0de6"]


def test_partial_failure_counts_what_was_made_now(pce: FakePce, path: str) -> None:
    keep(path=path, count=2)
    pce.failures[4] = LIMIT
    with pytest.raises(CollectionError, match=r"[^0-9]1 pairing keys that were created before are in"):
        keep(path=path, count=5)


def test_partial_failure_without_a_path(pce: FakePce) -> None:
    pce.failures[3] = LIMIT
    with pytest.raises(CollectionError, match="2 pairing keys that were created before are lost") as caught:
        keep(count=5)
    assert SECRET not in str(caught.value)


NOT_PRINTABLE = "the activation_code contains characters other than printable ASCII without blanks"


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        (None, "no activation_code"),
        ([SECRET], "no activation_code"),
        (5, "no activation_code"),
        ("", "the activation_code is empty"),
        *((f"{SECRET}{character}{SECRET}", NOT_PRINTABLE) for character in " \t\n\0\x1b\x7f\u00e9\u2028"),
        (f"{SECRET}\n", NOT_PRINTABLE),
        (SECRET + "0" * (4097 - len(SECRET)), "the activation_code is longer than 4096 characters"),
        (SECRET * 250_000, "the activation_code is longer than 4096 characters"),
    ],
    ids=case_name,
)
def test_code_that_cannot_be_one_is_an_error(pce: FakePce, path: str, code: Any, problem: str) -> None:
    """It may be a code all the same, and so is not shown."""
    pce.failures[1] = Reply(201, {"activation_code": code})
    with pytest.raises(ContractError) as caught:
        keep(path=path)
    assert f"to {MINT}: {problem}. {UNKNOWN}" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert SECRET not in json.dumps(caught.value.details())
    assert caught.value.changed
    assert pce.mutating() == [MINT]
    assert list(Path(path).parent.iterdir()) == []


@pytest.mark.parametrize("code", ["!", "~", "0" * 4096, '"\\' * 2048])
def test_code_at_the_bounds_is_saved(pce: FakePce, path: str, code: str) -> None:
    pce.failures[1] = Reply(201, {"activation_code": code})
    assert codes(keep(path=path)) == codes(keep(path=path)) == [code]


@pytest.mark.parametrize(
    "reply", [Reply(200, [SECRET]), Reply(200, raw=f'{{"activation_code": "{SECRET}'.encode()), Reply(201)]
)
def test_response_without_a_code_is_an_error(pce: FakePce, reply: Reply) -> None:
    pce.failures[1] = reply
    with pytest.raises(ContractError) as caught:
        keep()
    assert UNKNOWN in str(caught.value)
    assert SECRET not in str(caught.value)


def test_code_that_the_pce_repeats_is_hidden(pce: FakePce, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that an earlier run has saved."""
    hidden: set[str] = set()
    monkeypatch.setattr(pce.transport, "hide", hidden.update)
    pce.failures[1], pce.failures[2] = (Reply(201, {"activation_code": letter * 81}) for letter in "ab")
    keep(path=path)
    assert hidden == {"a" * 81}
    hidden.clear()
    keep(path=path, count=2)
    assert hidden == {"a" * 81, "b" * 81}


def test_exposed_file_is_made_safe(pce: FakePce, path: str) -> None:
    keep(path=path)
    Path(path).chmod(0o644)
    assert keep(True, path=path)["changed"]
    assert Path(path).stat().st_mode & 0o777 == 0o644
    result = keep(path=path)
    assert (result["changed"], codes(result)) == (True, ["c0de1"])
    assert Path(path).stat().st_mode & 0o777 == 0o600
    assert not keep(path=path)["changed"]


def test_interrupted_run_is_told_of(pce: FakePce, path: str) -> None:
    lock = Path(path).parent / ".key.json.lock"
    lock.write_bytes(b"generating\n")
    (warning,) = keep(path=path)["warnings"]
    assert warning == (
        "an earlier run was interrupted while it created a pairing key: if the PCE created that key, it was not saved. "
        f"{REVOKE_ALL}"
    )
    assert not lock.exists()
    assert keep(path=path)["warnings"] == []


def test_file_is_written_by_a_second_run_in_between(pce: FakePce, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is what the file holds once the lock is held."""
    real = KeyFile.locked

    def locked(self: KeyFile, remaining: Any) -> Any:
        monkeypatch.setattr(KeyFile, "locked", real)
        keep(path=path)
        return real(self, remaining)

    monkeypatch.setattr(KeyFile, "locked", locked)
    result = keep(path=path)
    assert (result["changed"], codes(result)) == (False, ["c0de1"])


def test_absent(pce: FakePce, path: str) -> None:
    keep(path=path, count=2)
    pce.mutating()
    result = keep(path=path, state="absent")
    assert (result["changed"], result["pairing_keys"]) == (True, [])
    assert result["diff"] == {"before": {"pairing_keys": 2}, "after": {"pairing_keys": 0}}
    assert pce.mutating() == [REVOKE]
    assert list(Path(path).parent.iterdir()) == []
    again = keep(path=path, state="absent")
    assert not again["changed"]
    assert again["diff"] == {"before": {"pairing_keys": 0}, "after": {"pairing_keys": 0}}
    assert pce.transport.sent == []


def test_absent_without_a_path_revokes_each_time(pce: FakePce) -> None:
    result = keep(state="absent")
    assert result["changed"]
    # How many there are is not shown anywhere.
    assert result["diff"] == {"before": {"pairing_keys": 0}, "after": {"pairing_keys": 0}}
    assert keep(state="absent", profile_href=HREF)["changed"]
    assert pce.mutating() == [REVOKE] * 2


def test_absent_of_a_disabled_profile(pce: FakePce) -> None:
    pce.profiles[HREF].update(enabled=False, caps=[])
    assert keep(state="absent")["changed"]
    assert pce.mutating() == [REVOKE]


@pytest.mark.parametrize("params", [{"profile": "PP"}, {"profile_href": HREF}])
def test_absent_of_a_profile_that_is_gone(pce: FakePce, path: str, params: dict[str, Any]) -> None:
    keep(path=path)
    pce.profiles.clear()
    pce.mutating()
    assert not keep(state="absent", **params)["changed"]
    assert keep(path=path, state="absent", **params)["changed"]
    assert pce.mutating() == []
    assert not Path(path).exists()


@pytest.mark.parametrize("now", ["PP", "renamed"])
def test_absent_after_the_profile_was_renamed_or_made_anew(
    monkeypatch: pytest.MonkeyPatch, path: str, now: str
) -> None:
    pce = FakePce(monkeypatch, raw_profile(24))
    keep(path=path)
    pce.profiles = {f"{PROFILES}/30": raw_profile(30)} if now == "PP" else {HREF: raw_profile(24, name=now)}
    assert keep(path=path, state="absent", profile=now)["changed"]
    assert pce.mutating()[-1] == f"DELETE {next(iter(pce.profiles))}/pairing_keys"


def test_absent_that_is_refused_keeps_the_file(pce: FakePce, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(path=path)
    serve = pce._serve
    monkeypatch.setattr(pce.transport, "_serve", lambda sent: Reply(403) if sent.method == "DELETE" else serve(sent))
    with pytest.raises(ApiError, match="answered 403"):
        keep(path=path, state="absent")
    assert Path(path).exists()


def test_created_at_is_never_too_young(pce: FakePce, monkeypatch: pytest.MonkeyPatch) -> None:
    """The moment is taken before the request, so that a slow PCE makes no key look younger than it is."""

    def slow(sent: Sent) -> Reply | CollectionError:
        pce.transport.time += 100
        return pce._serve(sent)

    monkeypatch.setattr(pce.transport, "_serve", slow)
    key = keep()["pairing_keys"][0]
    assert pce.transport.now() == EPOCH + 200
    assert key["created_at"] == "2026-05-28T20:28:20Z"


def late(sent: bool) -> DeadlineError:
    """Return the error of a request that the deadline ended, under way or before."""
    return DeadlineError("no answer within the deadline of 3 s", "POST", f"{HREF}/pairing_key", sent=sent)


@pytest.mark.parametrize(
    "failure",
    [late(sent=True), Reply(201, {}), Reply(201), Reply(201, [1]), Reply(201, raw=b"<html>Login</html>"), Reply(502)]
    + [Reply(201, {"activation_code": ""}), Reply(201, {"activation_code": 5})],
)
def test_a_key_that_nobody_knows_is_told_of(pce: FakePce, path: str, failure: Reply | CollectionError) -> None:
    pce.failures[1] = failure
    with pytest.raises(CollectionError) as caught:
        keep(path=path)
    assert UNKNOWN in str(caught.value)
    assert caught.value.changed
    assert pce.mutating() == [MINT]


@pytest.mark.parametrize("failure", [late(sent=False), Reply(429, headers={"Retry-After": "1"}), LIMIT, Reply(403)])
def test_a_key_that_was_never_made_is_not_told_of(
    pce: FakePce, path: str, failure: Reply | CollectionError, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PCE that answers 429 until the deadline has looked at no request."""
    serve = pce._serve
    monkeypatch.setattr(pce.transport, "_serve", lambda sent: failure if sent.method == "POST" else serve(sent))
    with pytest.raises((DeadlineError, ApiError)) as caught:
        keep(path=path)
    assert "may have created" not in str(caught.value)
    assert not caught.value.changed
    assert "lost" not in str(caught.value)
    assert not Path(path).exists()


@pytest.mark.parametrize("failure", [Reply(403), Reply(406), broken("POST", f"{HREF}/pairing_key"), late(sent=False)])
def test_failure_after_an_interrupted_run_names_the_lost_key(
    pce: FakePce, path: str, failure: Reply | CollectionError
) -> None:
    (Path(path).parent / ".key.json.lock").write_bytes(b"generating\n")
    pce.failures[1] = failure
    with pytest.raises(CollectionError) as caught:
        keep(path=path)
    message = str(caught.value)
    assert "An earlier run was interrupted while it created a pairing key: if the PCE created" in message
    assert message.isprintable()
