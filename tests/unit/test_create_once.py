# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Creating without ever creating two."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable

import pytest

from plugins.module_utils._core.errors import (
    AmbiguousError,
    ApiError,
    CollectionError,
    ContractError,
    DeadlineError,
    RequestError,
    UnknownOutcomeError,
    UnreachableError,
)
from plugins.module_utils._core.resource import Identity, Raw, Resource
from plugins.module_utils._http.create_once import LOOKUP_PAUSES, create_once
from plugins.module_utils._http.retry import ATTEMPTS
from plugins.module_utils._pce.label import LABEL
from plugins.module_utils._pce.pairing_profile import PAIRING_PROFILE
from plugins.module_utils._pce.store import PceStore

from .helpers import PROFILES, FakeTransport, Reply, Sent, broken, in_turn, raw_profile, refused

MADE = raw_profile(24)


class Steps:
    """What sending and looking up give, one after another. ``taken`` records the order."""

    def __init__(self, *steps: tuple[str, Raw | CollectionError | None]) -> None:
        self.taken: list[str] = []
        self._steps: Iterator[tuple[str, Raw | CollectionError | None]] = iter(steps)

    def _next(self, name: str) -> Any:
        self.taken.append(name)
        expected, result = next(self._steps, ("nothing more", None))
        assert name == expected
        if isinstance(result, CollectionError):
            raise result
        return result

    def send(self) -> Raw:
        result: Raw = self._next("send")
        return result

    def look_up(self) -> Raw | None:
        result: Raw | None = self._next("look up")
        return result


def create(
    *steps: tuple[str, Raw | CollectionError | None], deadline: float = 300.0
) -> tuple[Raw, Steps, FakeTransport]:
    """Create with these steps on a server that refuses duplicates. Return the object, the steps and the client."""
    taken = Steps(*steps)
    transport = FakeTransport(in_turn(), deadline)
    return create_once(transport, taken.send, taken.look_up, refuses_duplicates=True), taken, transport


def server_fault() -> UnknownOutcomeError:
    """Return the error of a POST that ended with a plain 500."""
    return UnknownOutcomeError(refused(500, message="internal"), may_be_under_way=False)


def test_create_once_returns_what_was_created() -> None:
    made, steps, transport = create(("send", MADE))
    assert made == MADE
    assert steps.taken == ["send"]
    assert transport.slept == []


@pytest.mark.parametrize("failure", [broken(), server_fault()], ids=["broken", "500"])
def test_create_once_finds_the_object_after_unknown_outcome(failure: UnknownOutcomeError) -> None:
    made, steps, transport = create(("send", failure), ("look up", MADE))
    assert made == MADE
    assert steps.taken == ["send", "look up"]
    assert transport.slept == []


def test_create_once_sends_again_if_nothing_is_found() -> None:
    made, _steps, transport = create(("send", broken()), ("look up", None), ("send", MADE))
    assert made == MADE
    assert len(transport.slept) == 1


def test_plain_500_is_not_sent_again() -> None:
    with pytest.raises(ApiError, match="internal") as caught:
        create(("send", server_fault()), ("look up", None))
    assert caught.value.status == 500


def test_create_once_gives_up_after_all_attempts_and_lookups() -> None:
    steps: list[tuple[str, Raw | CollectionError | None]] = [("send", broken()), ("look up", None)]
    with pytest.raises(RequestError, match="the connection broke") as caught:
        create(*steps * ATTEMPTS, *[("look up", None)] * len(LOOKUP_PAUSES))
    assert caught.type is RequestError
    assert caught.value.changed


def test_create_once_does_not_look_up_after_a_refusal() -> None:
    with pytest.raises(ApiError, match="in use"):
        create(("send", refused(406, "input_validation_error", "in use")))


def test_create_once_finds_the_duplicate_of_another_run() -> None:
    made, _steps, _transport = create(("send", refused(406, "name_must_be_unique")), ("look up", MADE))
    assert made == MADE


def test_create_once_fails_if_the_duplicate_is_not_found() -> None:
    with pytest.raises(ApiError, match="in use"):
        create(("send", refused(406, "name_must_be_unique", "in use")), ("look up", None))


def test_create_once_finds_the_duplicate_of_its_own() -> None:
    """The first request was acted upon after it had been looked for."""
    steps = (("send", broken()), ("look up", None), ("send", refused(406, "name_must_be_unique")), ("look up", MADE))
    made, taken, _transport = create(*steps)
    assert made == MADE
    assert taken.taken == ["send", "look up", "send", "look up"]


def test_create_once_looks_up_repeatedly_after_a_late_refusal() -> None:
    start: list[tuple[str, Raw | CollectionError | None]] = [
        ("send", broken()),
        ("look up", None),
        ("send", refused(406, "t", "in use")),
    ]
    looks: list[tuple[str, Raw | CollectionError | None]] = [("look up", None)] * len(LOOKUP_PAUSES)
    made, _steps, _transport = create(*start, *looks, ("look up", MADE))
    assert made == MADE
    with pytest.raises(ApiError, match="in use") as caught:
        create(*start, *looks, ("look up", None))
    assert caught.value.changed


@pytest.mark.parametrize(
    "before", [(), (("look up", None), ("send", refused(406, "t", "in use")))], ids=["broken", "refused"]
)
def test_failed_lookup_is_unknown(before: tuple[tuple[str, Any], ...]) -> None:
    down = UnreachableError("the PCE cannot be reached", "GET", PROFILES)
    with pytest.raises(RequestError) as caught:
        create(("send", broken()), *before, ("look up", down))
    message = str(caught.value)
    assert "looking it up failed too: the PCE cannot be reached" in message
    assert message.count("It is unknown whether the change was applied") == 1
    assert ("in use" if before else "the connection broke") in message
    assert caught.value.changed
    assert caught.value.details() == {"method": "POST", "path": PROFILES}


def test_several_objects_after_unknown_outcome_are_a_change() -> None:
    twice = PAIRING_PROFILE.ambiguous(Identity(names={"name": "PP"}), [MADE, raw_profile(25)])
    with pytest.raises(AmbiguousError) as caught:
        create(("send", broken()), ("look up", twice))
    assert caught.value.changed


def test_several_objects_after_a_refusal_are_no_change() -> None:
    twice = PAIRING_PROFILE.ambiguous(Identity(names={"name": "PP"}), [MADE, raw_profile(25)])
    with pytest.raises(AmbiguousError) as caught:
        create(("send", refused(406, "name_must_be_unique")), ("look up", twice))
    assert not caught.value.changed


def test_create_once_does_not_look_up_what_was_never_sent() -> None:
    with pytest.raises(UnreachableError):
        create(("send", UnreachableError("no", "POST", PROFILES)))


def test_create_once_pauses_within_the_deadline() -> None:
    with pytest.raises(DeadlineError, match=r"the connection broke.*deadline of 0.1 s"):
        create(("send", broken()), ("look up", None), deadline=0.1)


# The same through the store of a PCE, whose identity is the exact name.

STORE_CASES: dict[str, tuple[list[Reply | CollectionError], list[str]]] = {
    "201": ([Reply(201, MADE)], ["POST"]),
    "found after a broken connection": ([broken(), Reply(200, [raw_profile(3, name="PP2"), MADE])], ["POST", "GET"]),
    "found after 504": ([Reply(504), Reply(200, [MADE])], ["POST", "GET"]),
    "sent again after 503": ([Reply(503), Reply(200, []), Reply(201, MADE)], ["POST", "GET", "POST"]),
    "a partial match is not it": (
        [broken(), Reply(200, [raw_profile(3, name="PP2")]), Reply(201, MADE)],
        ["POST", "GET", "POST"],
    ),
    "a 201 without an object": ([Reply(201, {}), Reply(200, [MADE])], ["POST", "GET"]),
    "a 201 without a body": ([Reply(201), Reply(200, [MADE])], ["POST", "GET"]),
    "a 201 that is no JSON": ([Reply(201, raw=b"<html>"), Reply(200, [MADE])], ["POST", "GET"]),
    "a 201 with a list": ([Reply(201, [MADE]), Reply(200, [MADE])], ["POST", "GET"]),
    "a 201 with a foreign href": ([Reply(201, raw_profile(href="/x")), Reply(200, [MADE])], ["POST", "GET"]),
    "429 and then made": ([Reply(429), Reply(201, MADE)], ["POST", "POST"]),
}


@pytest.mark.parametrize("case", STORE_CASES)
def test_store_creates_one(case: str) -> None:
    replies, methods = STORE_CASES[case]
    transport = FakeTransport(in_turn(*replies))
    plan = PAIRING_PROFILE.plan(None, {"name": "PP"}, "present")
    made = PceStore(transport, 1, PAIRING_PROFILE).execute(plan, Identity(names={"name": "PP"}))
    assert made == MADE
    assert [sent.method for sent in transport.sent] == methods
    posts = [sent for sent in transport.sent if sent.method == "POST"]
    assert all((sent.path, sent.body) == (PROFILES, {"enabled": True, "name": "PP"}) for sent in posts)


def store_error(*replies: Reply | CollectionError) -> Callable[[], Raw | None]:
    plan = PAIRING_PROFILE.plan(None, {"name": "PP"}, "present")
    return lambda: PceStore(FakeTransport(in_turn(*replies)), 1, PAIRING_PROFILE).execute(
        plan, Identity(names={"name": "PP"})
    )


def test_store_passes_a_refusal_on() -> None:
    reply = Reply(406, [{"token": "name_must_be_unique", "message": "Name is taken"}], {"x-request-id": "r1"})
    with pytest.raises(ApiError) as caught:
        store_error(reply, Reply(200, []))()
    assert str(caught.value) == (
        f"the PCE answered 406 to POST {PROFILES}: name_must_be_unique (Name is taken) (X-Request-Id r1)"
    )


def test_store_of_a_plain_500() -> None:
    with pytest.raises(ApiError, match="answered 500"):
        store_error(Reply(500), Reply(200, []))()


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("before", [(), (("send", broken()), ("look up", None))], ids=["first", "second"])
def test_deadline_error_says_if_it_may_be_applied(sent: bool, before: tuple[tuple[str, Any], ...]) -> None:
    late = DeadlineError("no answer within the deadline of 3 s", "POST", PROFILES, sent=sent)
    with pytest.raises(DeadlineError, match="no answer within the deadline of 3 s") as caught:
        create(*before, ("send", late))
    may_be_applied = sent or bool(before)
    assert ("It is unknown whether the change was applied" in str(caught.value)) is may_be_applied
    assert caught.value.changed is may_be_applied


@pytest.mark.parametrize("body", [Reply(201), Reply(201, {}), Reply(201, raw=b"<html>")])
def test_store_fails_if_a_201_created_nothing(body: Reply) -> None:
    with pytest.raises(ContractError):
        store_error(body, Reply(200, []))()


UNKNOWN = (
    "The server may still be working on it: wait a minute before you run the task again. "
    "It is unknown whether the change was applied; run the task again to verify"
)


class SlowServer:
    """A server that loses each response, and shows the object only ``delay`` seconds after a request."""

    def __init__(self, delay: float, deadline: float = 300.0) -> None:
        self.transport = FakeTransport(in_turn(), deadline)
        self.sent: list[float] = []
        self._delay = delay

    def send(self) -> Raw:
        self.sent.append(self.transport.time)
        raise broken()

    def look_up(self) -> Raw | None:
        return MADE if self.transport.time - self.sent[0] >= self._delay else None


@pytest.mark.parametrize("delay", [0.0, 0.5, 2.0, 10.0])
@pytest.mark.parametrize("refuses_duplicates", [False, True])
def test_create_once_finds_what_appears_late(delay: float, refuses_duplicates: bool) -> None:
    server = SlowServer(delay)
    assert create_once(server.transport, server.send, server.look_up, refuses_duplicates) == MADE
    if not refuses_duplicates:
        assert len(server.sent) == 1


def test_create_once_spreads_lookups_with_growing_pauses() -> None:
    server = SlowServer(1000.0)
    with pytest.raises(RequestError) as caught:
        create_once(server.transport, server.send, server.look_up)
    assert server.transport.slept == sorted(server.transport.slept)
    assert server.transport.slept[0] <= 0.5
    assert sum(server.transport.slept) > 10
    assert len(server.sent) == 1
    assert str(caught.value).endswith(f"the connection broke. {UNKNOWN}")
    assert caught.value.changed


@pytest.mark.parametrize("refuses_duplicates", [False, True])
def test_create_once_looks_up_until_the_deadline(refuses_duplicates: bool) -> None:
    server = SlowServer(1000.0, deadline=5.0)
    with pytest.raises(DeadlineError, match=r"the connection broke \(gave up: .*deadline of 5 s") as caught:
        create_once(server.transport, server.send, server.look_up, refuses_duplicates)
    assert str(caught.value).endswith(UNKNOWN)
    assert caught.value.changed


@pytest.mark.parametrize(("kind", "posts"), [(LABEL, 1), (PAIRING_PROFILE, ATTEMPTS)], ids=["label", "profile"])
def test_store_sends_again_only_if_duplicates_are_refused(kind: Resource, posts: int) -> None:
    sent: list[str] = []

    def serve(request: Sent) -> Reply | CollectionError:
        sent.append(request.method)
        return broken() if request.method == "POST" else Reply(200, [])

    names = dict.fromkeys(kind.identity, "x")
    with pytest.raises(RequestError, match="It is unknown"):
        PceStore(FakeTransport(serve), 1, kind).execute(kind.plan(None, names, "present"), Identity(names=names))
    assert sent.count("POST") == posts


def test_store_reports_a_failed_lookup_after_an_odd_response() -> None:
    with pytest.raises(RequestError, match=r"looking it up failed too: .* 403 to GET") as caught:
        store_error(Reply(200, raw=b"<html>"), Reply(403))()
    assert caught.value.changed


@pytest.mark.parametrize(
    "last",
    [
        lambda: UnreachableError("cannot be reached", "POST", PROFILES),
        lambda: refused(401, message="who?"),
        lambda: refused(406, "t", "in use"),
        server_fault,
        lambda: DeadlineError("no answer within the deadline", "POST", PROFILES, sent=True),
        lambda: DeadlineError("no answer within the deadline", "POST", PROFILES),
    ],
    ids=["unreachable", "401", "406", "500", "deadline", "deadline before"],
)
def test_create_once_remembers_a_lost_attempt_however_it_ends(last: Callable[[], CollectionError]) -> None:
    look: list[tuple[str, Raw | CollectionError | None]] = [("look up", None)] * (1 + len(LOOKUP_PAUSES))
    steps = Steps(("send", broken()), look[0], ("send", last()), *look)
    with pytest.raises(RequestError) as caught:
        create_once(FakeTransport(in_turn()), steps.send, steps.look_up, refuses_duplicates=True)
    assert caught.value.changed
    assert str(caught.value).count("It is unknown") == 1
