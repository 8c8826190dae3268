# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pairing keys: generated, remembered, revoked."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
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
from plugins.module_utils._pce import pairing_keys as pairing_key
from plugins.module_utils._pce.api import Pce, PceApi
from plugins.module_utils._pce.key_file import KeyFile

from .helpers import EPOCH, PROFILES, FakeTransport, Reply, Sent, broken, raw_profile

HREF = f"{PROFILES}/24"
SECRET = "c0de"


class FakePce:
    """A PCE with pairing profiles. It makes keys ``c0de1``, ``c0de2``, …, unless ``failures`` holds something else."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *profiles: dict[str, Any]) -> None:
        self.profiles = {raw["href"]: raw for raw in profiles or (raw_profile(24, key_lifespan=3600),)}
        self.made = 0
        self.failures: dict[int, Reply | CollectionError] = {}
        self.transport = FakeTransport(self._serve)
        self.server = "pce.invalid:8443"
        monkeypatch.setattr(PceApi, "connect", lambda _self, _params: Pce(self.transport, 1, self.server))

    def _serve(self, sent: Sent) -> Reply | CollectionError:
        if sent.path == PROFILES:
            assert sent.method == "GET"
            return Reply(200, [raw for raw in self.profiles.values() if sent.query.get("name", "") in raw["name"]])
        href, _slash, last = sent.path.partition("/pairing_key")
        if href not in self.profiles:
            return Reply(404)
        if not last and sent.path == href:
            return Reply(200, self.profiles[href])
        if (sent.method, sent.path) == ("DELETE", f"{href}/pairing_keys"):
            return Reply(204)
        assert (sent.method, sent.path, sent.body) == ("POST", f"{href}/pairing_key", {})
        self.made += 1
        return self.failures.get(self.made) or Reply(200, {"activation_code": f"{SECRET}{self.made}"})

    def mutating(self) -> list[str]:
        """Return the requests that change something, since the last time this was asked."""
        calls = [call for call in self.transport.calls() if not call.startswith("GET ")]
        self.transport.sent.clear()
        return calls


@pytest.fixture
def pce(monkeypatch: pytest.MonkeyPatch) -> FakePce:
    return FakePce(monkeypatch)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "key.json")


def keep(dry_run: bool = False, **params: Any) -> dict[str, Any]:
    """Run the module's work with these options and the defaults of the rest."""
    given = {"profile": None, "profile_href": None, "path": None, "count": 1, "state": "present", "pce_org_id": 1}
    if "profile_href" not in params:
        given["profile"] = "PP"
    return pairing_key.keep_keys({**given, **params}, dry_run)


def codes(result: Mapping[str, Any]) -> list[Any]:
    return [key["activation_code"] for key in result["pairing_keys"]]


MINT = f"POST {HREF}/pairing_key"
REVOKE = f"DELETE {HREF}/pairing_keys"


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
    assert asked == [(count, f"generating {count} pairing keys") for count in (2, 3, 1)]
    expected = [(1, 2), (2, 2), (1, 3), (2, 3), (3, 3), (1, 1)]
    assert told == [("pairing keys generated", done, most) for done, most in expected]


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


@pytest.mark.parametrize("about", [None, "x", {"href": f"{PROFILES}/25", "name": "PP"}])
def test_a_file_about_another_profile_is_not_used(pce: FakePce, path: str, about: Any) -> None:
    keep(path=path)
    known = json.loads(Path(path).read_text())
    known["pairing_profile"] = about
    Path(path).write_text(json.dumps(known))
    assert codes(keep(path=path)) == ["c0de2"]


def test_another_profile(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    FakePce(monkeypatch, raw_profile(24), raw_profile(25, name="other"))
    keep(path=path)
    result = keep(path=path, profile="other")
    assert (result["changed"], codes(result)) == (True, ["c0de2"])
    assert result["pairing_keys"][0]["pairing_profile"] == {"href": f"{PROFILES}/25", "name": "other"}
    assert json.loads(Path(path).read_text())["pairing_profile"]["name"] == "other"


def test_another_pce(pce: FakePce, path: str) -> None:
    """Another PCE numbers its profiles from 1 too."""
    keep(path=path)
    pce.server = "other.invalid:8443"
    result = keep(path=path)
    assert (result["changed"], codes(result)) == (True, ["c0de2"])


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
        ({"name": "PP2"}, "there is no pairing profile with name 'PP'; the nearest are 'PP2'"),
        (
            {"enabled": False},
            f"the pairing profile 'PP' ({HREF}) is disabled: the PCE accepts none of its keys; enable it first "
            "(pce_pairing_profile, enabled: true)$",
        ),
        ({"caps": ["write"]}, f"the API key may not generate pairing keys of the pairing profile 'PP' ({HREF})"),
        ({"caps": []}, "its caps do not list generate_pairing_key"),
    ],
)
def test_profile_that_gives_no_keys(
    pce: FakePce, path: str, dry_run: bool, with_path: bool, change: dict[str, Any], problem: str
) -> None:
    pce.profiles[HREF].update(change)
    pattern = problem.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(CollectionError, match=pattern) as caught:
        keep(dry_run, path=path if with_path else None)
    assert isinstance(caught.value, MissingReferenceError) is ("name" in change)
    assert pce.mutating() == []
    assert not Path(path).exists()


@pytest.mark.parametrize("caps", [None, "unheard of"])
def test_caps_that_are_not_shown_forbid_nothing(pce: FakePce, caps: Any) -> None:
    pce.profiles[HREF]["caps"] = caps
    assert codes(keep()) == ["c0de1"]


def test_caps_do_not_matter_while_nothing_is_generated(pce: FakePce, path: str) -> None:
    keep(path=path)
    pce.profiles[HREF]["caps"] = []
    assert codes(keep(path=path)) == ["c0de1"]


def test_href_of_nothing(pce: FakePce) -> None:
    with pytest.raises(MissingReferenceError, match=f"there is no pairing profile {PROFILES}/9$"):
        keep(profile_href=f"{PROFILES}/9")


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
        " The PCE holds as many keys of this pairing profile as it allows. Revoke them with state: absent, which makes "
        "every key of the profile useless, or use another profile"
    )
    assert "generated before" not in message
    assert caught.value.details()["request_id"] == "r1"
    assert not Path(path).exists()


@pytest.mark.parametrize("failure", [broken("POST", f"{HREF}/pairing_key"), Reply(500), Reply(503)])
def test_unknown_outcome_is_not_tried_again(pce: FakePce, path: str, failure: Reply | CollectionError) -> None:
    pce.failures[1] = failure
    with pytest.raises(UnknownOutcomeError, match=r"may have made a pairing key that nobody knows.*state: absent"):
        keep(path=path)
    assert pce.mutating() == [MINT]
    assert not Path(path).exists()


def test_rate_limit_is_waited_out(pce: FakePce) -> None:
    pce.failures[1] = Reply(429, headers={"Retry-After": "5"})
    assert codes(keep()) == ["c0de2"]
    assert pce.transport.slept == [5.0]


@pytest.mark.parametrize("failure", [LIMIT, broken(), Reply(500), Reply(200, {}), Reply(200, raw=b"<html>")])
def test_partial_failure_keeps_what_was_made(pce: FakePce, path: str, failure: Reply | CollectionError) -> None:
    pce.failures[3] = failure
    with pytest.raises(CollectionError) as caught:
        keep(path=path, count=5)
    assert f"2 keys that were generated before are in {path}" in str(caught.value)
    assert caught.value.changed
    assert SECRET not in str(caught.value)
    assert SECRET not in json.dumps(caught.value.details())
    assert [key["activation_code"] for key in json.loads(Path(path).read_text())["keys"]] == ["c0de1", "c0de2"]
    assert codes(keep(path=path, count=5)) == ["c0de1", "c0de2", "c0de4", "c0de5", "c0de6"]


def test_partial_failure_counts_what_was_made_now(pce: FakePce, path: str) -> None:
    keep(path=path, count=2)
    pce.failures[4] = LIMIT
    with pytest.raises(CollectionError, match=r"[^0-9]1 keys that were generated before are in"):
        keep(path=path, count=5)


def test_partial_failure_without_a_path(pce: FakePce) -> None:
    pce.failures[3] = LIMIT
    with pytest.raises(CollectionError, match="2 keys that were generated before are lost") as caught:
        keep(count=5)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "reply",
    [Reply(200, {}), Reply(200, {"activation_code": None}), Reply(200, {"activation_code": ""}), Reply(200, [SECRET])]
    + [Reply(200, {"activation_code": [SECRET]}), Reply(200, raw=f'{{"activation_code": "{SECRET}'.encode())],
)
def test_answer_without_a_code(pce: FakePce, reply: Reply) -> None:
    pce.failures[1] = reply
    with pytest.raises(ContractError) as caught:
        keep()
    assert SECRET not in str(caught.value)
    if isinstance(reply.value, dict):
        assert f"{MINT}: no activation_code. The PCE may" in str(caught.value)


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
        "an earlier run was interrupted while it generated a pairing key: if the PCE made that key, it is lost. "
        "It stays valid until it expires or all keys of the pairing profile are revoked (state: absent)"
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


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("params", [{"profile": "other"}, {"profile_href": f"{PROFILES}/25"}])
def test_absent_with_the_file_of_another_profile(
    monkeypatch: pytest.MonkeyPatch, path: str, params: dict[str, Any], dry_run: bool
) -> None:
    pce = FakePce(monkeypatch, raw_profile(24), raw_profile(25, name="other"))
    keep(path=path)
    pce.mutating()
    with pytest.raises(OptionError, match=rf"^path: holds keys of the pairing profile 'PP' \({HREF}\); nothing was"):
        keep(dry_run, path=path, state="absent", **params)
    assert pce.mutating() == []
    assert Path(path).exists()


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


UNKNOWN = "The PCE may have made a pairing key that nobody knows. It stays valid until it expires or all keys"


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
    assert "state: absent" in str(caught.value)
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
    assert "may have made" not in str(caught.value)
    assert "lost" not in str(caught.value)
    assert not Path(path).exists()


@pytest.mark.parametrize("state", ["present", "renewed"])
def test_a_key_that_cannot_be_written_is_lost(
    pce: FakePce, path: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(path=path)
    content = Path(path).read_bytes()

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CollectionError) as caught:
        keep(path=path, count=2, state=state)
    message = str(caught.value)
    assert f"{path} could not be written: No space left on device" in message
    assert "The pairing key that was just generated is lost. It stays valid until it expires" in message
    assert SECRET not in message
    assert caught.value.changed
    assert pce.mutating() == [MINT] * 2
    assert Path(path).read_bytes() == content


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("params", [{"profile": "PP"}, {"profile_href": HREF}])
def test_absent_with_the_file_of_another_pce(pce: FakePce, path: str, params: dict[str, Any], dry_run: bool) -> None:
    keep(path=path)
    pce.mutating()
    pce.server = "other.invalid:8443"
    with pytest.raises(OptionError, match=r"^path: holds keys of the PCE pce\.invalid:8443; nothing was revoked$"):
        keep(dry_run, path=path, state="absent", **params)
    assert pce.mutating() == []
    assert Path(path).exists()


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("about", [None, "x", [], {}, {"href": None, "name": None}])
def test_absent_with_a_file_that_does_not_tell_its_profile(pce: FakePce, path: str, about: Any, dry_run: bool) -> None:
    keep(path=path)
    known = json.loads(Path(path).read_text())
    if about is None:
        del known["pairing_profile"]
    else:
        known["pairing_profile"] = about
    Path(path).write_text(json.dumps(known))
    pce.mutating()
    with pytest.raises(OptionError, match=r"^path: holds keys of the pairing profile None \(None\); nothing was"):
        keep(dry_run, path=path, state="absent")
    assert pce.mutating() == []
    assert Path(path).exists()


@pytest.mark.parametrize("failure", [Reply(403), Reply(406), broken("POST", f"{HREF}/pairing_key"), late(sent=False)])
def test_a_failure_after_an_interrupted_run_tells_of_the_lost_key(
    pce: FakePce, path: str, failure: Reply | CollectionError
) -> None:
    (Path(path).parent / ".key.json.lock").write_bytes(b"generating\n")
    pce.failures[1] = failure
    with pytest.raises(CollectionError) as caught:
        keep(path=path)
    message = str(caught.value)
    assert "An earlier run was interrupted while it generated a pairing key" in message
    assert "it is lost" in message
    assert message.isprintable()
