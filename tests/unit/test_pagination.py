# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole collections, and one object among them."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.module_utils._core.errors import (
    AmbiguousError,
    ApiError,
    CollectionError,
    ContractError,
    DeadlineError,
    MissingReferenceError,
    RequestError,
)
from plugins.module_utils._core.resource import Identity, Raw
from plugins.module_utils._pce.pagination import read_collection
from plugins.module_utils._pce.pairing_profile import PAIRING_PROFILE
from plugins.module_utils._pce.store import PceStore

from .helpers import PROFILES, FakeTransport, Reply, Sent, in_turn, raw_profile

JOB = "/orgs/1/jobs/3f0e4a6c"
FILE = "/orgs/1/datafiles/77aa"


def profiles(count: int) -> list[dict[str, Any]]:
    return [raw_profile(number, name=f"PP{number}") for number in range(1, count + 1)]


def page(count: int, total: int | None = None, header: str = "X-Total-Count") -> Reply:
    return Reply(200, profiles(count), {} if total is None else {header: str(total)})


def accepted(location: str = JOB, **headers: str) -> Reply:
    return Reply(202, headers={"Location": location, **headers})


def job(status: str, **result: Any) -> Reply:
    return Reply(200, {"href": JOB, "job_type": ":illumio/async_requests", "result": result, "status": status})


def read(transport: FakeTransport, most: int | None = None, **parameters: str) -> list[Raw]:
    return list(read_collection(transport, PROFILES, parameters, most).objects)


def by_job(file: Reply) -> list[Reply]:
    """The answers of a PCE whose job makes this file."""
    return [accepted(), job("done", href=FILE), file]


@pytest.mark.parametrize(
    "reply",
    [page(0, 0), page(3, 3), page(499, 700), page(3, 700, "x-total-count"), page(0), page(499), page(3, 2)],
    ids=["none", "three", "count of all", "header in lower case", "no header", "no header, 499", "one was deleted"],
)
def test_read_page_below_limit_with_filter_is_whole(reply: Reply) -> None:
    transport = FakeTransport(in_turn(reply))
    found = read_collection(transport, PROFILES, {"name": "P"})
    assert (found.objects, found.is_paged) == (reply.value, False)
    assert transport.sent == [Sent("GET", PROFILES, {"name": "P"})]


@pytest.mark.parametrize("reply", [page(3, 3), page(3), page(3, 2), Reply(200, profiles(3), {"X-Total-Count": "many"})])
def test_read_page_below_limit_without_filter_is_whole(reply: Reply) -> None:
    transport = FakeTransport(in_turn(reply))
    assert read(transport) == reply.value
    assert len(transport.sent) == 1


def test_read_page_below_its_count_is_read_once_more() -> None:
    transport = FakeTransport(in_turn(page(3, 4), page(4, 4)))
    assert len(read(transport)) == 4
    assert transport.sent == [Sent("GET", PROFILES)] * 2


@pytest.mark.parametrize(("most", "count"), [(None, 3), (10, 3), (0, None), (3, None)])
def test_read_page_below_its_count_twice_is_an_error(most: int | None, count: int | None) -> None:
    transport = FakeTransport(in_turn(*[page(min(3, 3 if most is None else most), 4)] * 2))
    if count is None:  # as many as were asked for
        assert len(read(transport, most)) == most
        return
    with pytest.raises(ContractError, match=r"the list has 3 objects, and X-Total-Count says 4$"):
        read(transport, most)
    assert len(transport.sent) == 2


@pytest.mark.parametrize("parameters", [{}, {"name": "PP"}])
@pytest.mark.parametrize("kept", [(1, 601), (500, 601), (0, 0)], ids=["last of the page", "first of the page", "all"])
def test_read_file_without_objects_of_its_page_is_an_error(parameters: dict[str, str], kept: tuple[int, int]) -> None:
    """X-Total-Count 600, first page 500, and a file that lacks one of them, or all."""
    first, end = kept
    file = Reply(200, [raw for raw in profiles(end) if raw["href"] != f"{PROFILES}/{first}"])
    transport = FakeTransport(in_turn(*[page(500, 600), *by_job(file)] * 2))
    with pytest.raises(ContractError, match=r"the list lacks /orgs/1/pairing_profiles/\d+, which the page") as caught:
        read_collection(transport, PROFILES, parameters)
    assert caught.value.path == FILE
    assert len(transport.sent) == 8


def test_read_object_deleted_after_the_page_is_no_error() -> None:
    """The page is read anew with the job, so that it does not show what has been deleted meanwhile."""
    rest = [raw for raw in profiles(600) if raw["href"] != f"{PROFILES}/7"]
    replies = [page(500, 600), *by_job(Reply(200, rest)), Reply(200, rest[:500]), *by_job(Reply(200, rest))]
    assert len(read(FakeTransport(in_turn(*replies)))) == 599


def test_read_file_below_the_count_of_the_same_set_is_an_error() -> None:
    replies = [page(500, 600), *by_job(page(550))] * 2
    with pytest.raises(ContractError, match=r"the list has 550 objects, and X-Total-Count says 600$"):
        read(FakeTransport(in_turn(*replies)))
    # A count may ignore filters.
    assert len(read(FakeTransport(in_turn(*replies)), name="PP")) == 550
    assert (
        len(read(FakeTransport(in_turn(page(500, 600), *by_job(page(550)), page(500, 600), *by_job(page(600)))))) == 600
    )


@pytest.mark.parametrize("total", [None, 500, 700])
def test_read_page_at_the_limit_is_not_whole(total: int | None) -> None:
    transport = FakeTransport(in_turn(page(500, total), *by_job(page(700))))
    found = read_collection(transport, PROFILES, {})
    assert (len(found.objects), found.is_paged) == (700, True)


@pytest.mark.parametrize("status", ["cancel_requested", "cancelled", "canceled", "failed"])
def test_read_job_that_ends_without_a_file_is_not_waited_for(status: str) -> None:
    transport = FakeTransport(in_turn(page(500, 700), accepted(), job("pending"), job(status)))
    with pytest.raises(ContractError, match=f"the job ended as {status}: no reason given$"):
        read(transport)
    assert transport.time < 5


def test_read_job_of_unknown_words_is_waited_for() -> None:
    words = [job("pending"), job("queued"), Reply(200, {"status": None}), Reply(200, {"status": ["done"]})]
    transport = FakeTransport(in_turn(page(500, 700), accepted(), *words, job("done", href=FILE), page(700)))
    assert len(read(transport)) == 700


def test_read_collection_without_jobs_asks_for_a_larger_page() -> None:
    transport = FakeTransport(in_turn(page(500, 700), page(500, 700), page(700, 700)))
    found = read_collection(transport, PROFILES, {"name": "P"})
    assert (len(found.objects), found.is_paged) == (700, True)
    assert transport.sent[2] == Sent("GET", PROFILES, {"name": "P", "max_results": "200000"})


def test_read_exactly_a_page_of_a_collection_without_jobs() -> None:
    assert len(read(FakeTransport(in_turn(*[page(500, 500)] * 3)))) == 500


@pytest.mark.parametrize("parameters", [{}, {"name": "P"}])
@pytest.mark.parametrize("total", [None, 700])
def test_read_collection_that_never_shows_more_is_an_error(parameters: dict[str, str], total: int | None) -> None:
    transport = FakeTransport(lambda _sent: page(500, total))
    with pytest.raises(ContractError, match="500 objects, which may not be all, and no job for the rest"):
        read_collection(transport, PROFILES, parameters)
    assert len(transport.sent) == 6


def test_read_answer_at_once_is_held_against_the_page() -> None:
    assert len(read(FakeTransport(in_turn(page(500, 700), page(700, 700))))) == 700
    for short in (page(450, 450), page(650, 650)):
        with pytest.raises(ContractError, match=r"the list (lacks|has)"):
            read(FakeTransport(in_turn(*[page(500, 700), short] * 2)))


@pytest.mark.parametrize("first", [page(500, 700), page(500), Reply(200, profiles(500), {"X-Total-Count": "many"})])
@pytest.mark.parametrize(
    "location",
    [JOB, f"https://pce.invalid:8443/api/v2{JOB}", f"/api/v2{JOB}", f"https://other.invalid/api/v2{JOB}"],
)
def test_the_rest_is_collected_by_a_job(first: Reply, location: str) -> None:
    transport = FakeTransport(
        in_turn(first, accepted(location), job("running"), job("done", href=FILE), Reply(200, profiles(700)))
    )
    assert len(read(transport, name="P")) == 700
    assert transport.sent[1] == Sent("GET", PROFILES, {"name": "P"}, None, {"Prefer": "respond-async"})
    assert transport.calls()[2:] == [f"GET {JOB}", f"GET {JOB}", f"GET {FILE}"]


def test_datafile_as_a_url() -> None:
    replies = (page(500, 700), accepted(), job("done", href=f"https://x.invalid/api/v2{FILE}"), page(700))
    transport = FakeTransport(in_turn(*replies))
    assert len(read(transport)) == 700
    assert transport.calls()[-1] == f"GET {FILE}"


@pytest.mark.parametrize("ident", ["J", "a", "7", "J0b_7-x"])
def test_what_a_job_may_be_called(ident: str) -> None:
    path = f"/orgs/1/jobs/{ident}"
    transport = FakeTransport(in_turn(page(500, 700), accepted(path), job("done", href=FILE), page(700)))
    assert len(read(transport)) == 700
    assert transport.calls()[2] == f"GET {path}"


def test_polling_follows_retry_after() -> None:
    replies = (
        *(page(500, 700), accepted(**{"Retry-After": "7"}), job("running")),
        *(Reply(200, {"status": "running"}, {"retry-after": "3"}), job("done", href=FILE), page(700)),
    )
    transport = FakeTransport(in_turn(*replies))
    read(transport)
    assert transport.slept == [7.0, 0.02, 3.0]


def test_polling_without_retry_after_is_soon_patient() -> None:
    running = [job("running")] * 8
    transport = FakeTransport(in_turn(page(500, 700), accepted(), *running, job("done", href=FILE), page(700)))
    read(transport)
    assert transport.slept == [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56]


def test_retry_after_zero_does_not_flood() -> None:
    running = [Reply(200, {"status": "running"}, {"Retry-After": "0"})] * 8
    replies = (page(500, 700), accepted(**{"Retry-After": "0"}), *running, job("done", href=FILE), page(700))
    transport = FakeTransport(in_turn(*replies))
    read(transport)
    assert transport.slept == [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56]


def test_job_that_never_ends() -> None:
    def serve(sent: Sent) -> Reply:
        if sent.headers.get("Prefer"):
            return accepted()
        return page(500, 700) if sent.path == PROFILES else job("running")

    transport = FakeTransport(serve, deadline=60.0)
    with pytest.raises(DeadlineError, match=f"the PCE's job {JOB} has not ended.*deadline of 60 s") as caught:
        read(transport)
    assert caught.value.details() == {"method": "GET", "path": JOB}
    assert 50 < transport.time <= 60


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (job("failed", message="out of\nspace"), "the job ended as failed: out of space"),
        (job("failed"), "the job ended as failed: no reason given"),
        (Reply(200, {"status": "failed", "result": None}), "the job ended as failed: no reason given"),
        (Reply(200, {"status": "failed", "result": ["x"]}), "the job ended as failed: no reason given"),
        (job("done"), "None is not the path of a job or file"),
        (Reply(200, {"status": "done", "result": "x"}), "None is not the path of a job or file"),
        (job("done", href=5), "5 is not the path of a job or file"),
        (job("done", href="/orgs/1/labels"), "/orgs/1/labels is not the path of a job or file"),
        (job("done", href="/orgs/1/datafiles/../labels"), "is not the path of a job or file"),
        (job("done", href="/orgs/1/datafiles/a%2f..%2fb"), "is not the path of a job or file"),
        (job("done", href="/orgs/1/datafiles/.."), "is not the path of a job or file"),
        (job("done", href="/orgs/2/datafiles/77aa"), "is not the path of a job or file"),
        (job("done", href="https://[bad/orgs/1/datafiles/x"), "is not the path of a job or file"),
        (Reply(200, ["running"]), "the body is not a JSON object"),
        (Reply(200, raw=b"<html>"), "the body is not valid JSON"),
    ],
)
def test_job_that_ends_badly(state: Reply, reason: str) -> None:
    with pytest.raises(ContractError) as caught:
        read(FakeTransport(in_turn(page(500, 700), accepted(), state)))
    assert reason in str(caught.value)
    assert caught.value.path == JOB


@pytest.mark.parametrize(
    "location",
    ["/orgs/1/pairing_profiles/24", "https://evil.invalid/steal", "/orgs/1/jobs/", "/orgs/1/jobs/a/b", "/", "jobs/a"]
    + ["/orgs/x/jobs/a", "/software/ven", "https://[bad/orgs/1/jobs/x", "//[bad/orgs/1/jobs/x"]
    + ["/orgs/1/jobs/..", "/orgs/1/jobs/.", "/orgs/1/jobs/-", "/orgs/2/jobs/a", "/orgs/11/jobs/a"],
)
def test_location_that_leads_elsewhere(location: str) -> None:
    transport = FakeTransport(in_turn(page(500, 700), accepted(location)))
    with pytest.raises(ContractError, match="is not the path of a job or file of the PCE"):
        read(transport)
    assert len(transport.sent) == 2


def test_no_location() -> None:
    with pytest.raises(ContractError, match=r"202 to GET .*: no Location of the job that collects the objects$"):
        read(FakeTransport(in_turn(page(500, 700), Reply(202))))


@pytest.mark.parametrize("body", [{"a": 1}, ["a"], 5])
def test_collection_of_another_shape(body: Any) -> None:
    with pytest.raises(ContractError, match="not a JSON array of objects"):
        read(FakeTransport(in_turn(Reply(200, body))))


def test_datafile_of_another_shape() -> None:
    with pytest.raises(ContractError, match="not a JSON array of objects") as caught:
        read(FakeTransport(in_turn(page(500, 700), accepted(), job("done", href=FILE), Reply(200, {}))))
    assert caught.value.path == FILE


@pytest.mark.parametrize(
    ("most", "reply", "count"),
    [(0, page(0, 700), 0), (3, page(3, 700), 3), (3, page(2, 700), 2), (500, page(500, 700), 500), (3, page(5, 5), 3)],
)
def test_max_results_of_a_page(most: int, reply: Reply, count: int) -> None:
    transport = FakeTransport(in_turn(reply))
    assert len(read(transport, most, name="P")) == count
    assert transport.sent == [Sent("GET", PROFILES, {"name": "P", "max_results": str(most)})]


def test_max_results_beyond_a_page() -> None:
    replies = (page(500, 700), accepted(), job("done", href=FILE), page(700))
    transport = FakeTransport(in_turn(*replies))
    assert len(read(transport, 600)) == 600
    assert "max_results" not in transport.sent[0].query
    assert "max_results" not in transport.sent[1].query


# One object, among the whole collection.


def store(*replies: Reply | CollectionError) -> PceStore:
    return PceStore(FakeTransport(in_turn(*replies)), 1, PAIRING_PROFILE)


NAMED = Identity(names={"name": "PP"})


def test_exact_name_among_partial_matches() -> None:
    found = store(Reply(200, [raw_profile(1, name="PP-prod"), raw_profile(2), raw_profile(3, name="pp")])).find(NAMED)
    assert found is not None
    assert found["href"] == f"{PROFILES}/2"


def test_find_costs_one_request_if_counts_ignore_filters() -> None:
    for rows in ([], [raw_profile(2)], [raw_profile(1, name="PP-prod")]):
        transport = FakeTransport(in_turn(Reply(200, rows, {"X-Total-Count": "700"})))
        found = PceStore(transport, 1, PAIRING_PROFILE).find(NAMED)
        assert (found is not None) == any(raw["name"] == "PP" for raw in rows)


def test_find_absence_from_several_pages_is_confirmed() -> None:
    first = [page(500, 600), *by_job(page(600))]
    assert store(*first, *first).find(NAMED) is None
    found = store(*first, Reply(200, [raw_profile(2)])).find(NAMED)
    assert found == raw_profile(2)


def test_confirm_absences_asks_for_each_object() -> None:
    identity = Identity(f"{PROFILES}/2")
    assert store(Reply(404)).confirm_absences([identity]) == []
    assert store(Reply(200, raw_profile(2))).confirm_absences([identity]) == [raw_profile(2)]
    assert store(Reply(200, raw_profile(2, deleted=True))).confirm_absences([identity]) == []
    with pytest.raises(ApiError, match="500"):
        store(Reply(500)).confirm_absences([identity])
    assert store(Reply(200, [raw_profile(2)])).confirm_absences([NAMED]) == [raw_profile(2)]
    odd = [raw_profile(2, name=["PP"]), raw_profile(3)]
    named = [NAMED, Identity(names={"name": "PQ"})]
    assert store(Reply(200, odd)).confirm_absences(named) == [raw_profile(3)]


def test_exact_name_beyond_the_first_page() -> None:
    datafile = Reply(200, [*profiles(650), raw_profile(651)])
    found = store(page(500, 651), accepted(), job("done", href=FILE), datafile).find(NAMED)
    assert found is not None
    assert found["href"] == f"{PROFILES}/651"


def test_two_of_one_name() -> None:
    with pytest.raises(AmbiguousError) as caught:
        store(Reply(200, [raw_profile(2), raw_profile(3)])).find(NAMED)
    assert caught.value.references == [f"{PROFILES}/2", f"{PROFILES}/3"]


def test_by_href() -> None:
    assert store(Reply(200, raw_profile(2))).find(Identity(f"{PROFILES}/2")) == raw_profile(2)
    others = Reply(200, [raw_profile(3)])
    assert store(Reply(404, raw=b"<html>gone</html>"), others).find(Identity(f"{PROFILES}/2")) is None


def test_a_404_of_what_is_listed_is_an_error() -> None:
    with pytest.raises(ApiError, match=r"404 to GET .*/2: not here.* The PCE lists it all the same: a proxy may"):
        store(Reply(404, raw=b"<html>not here</html>"), Reply(200, [raw_profile(2)])).find(Identity(f"{PROFILES}/2"))


def test_a_404_of_everything_is_an_error() -> None:
    with pytest.raises(ApiError, match=f"404 to GET {PROFILES}$"):
        store(Reply(404), Reply(404)).find(Identity(f"{PROFILES}/2"))


def test_several_are_looked_for_over_one_read() -> None:
    rows = [raw_profile(2), raw_profile(3)]
    replies = [Reply(200, rows[0]), Reply(404), Reply(200, rows), Reply(404), Reply(200, rows[1])]
    found = store(*replies).shown([f"{PROFILES}/{number}" for number in (2, 8, 9, 3)])
    assert found == rows


@pytest.mark.parametrize("status", [401, 403, 406, 500])
def test_by_href_with_another_error(status: int) -> None:
    with pytest.raises(ApiError) as caught:
        store(Reply(status)).find(Identity(f"{PROFILES}/2"))
    assert caught.value.status == status


@pytest.mark.parametrize("href", [None, "", "/orgs/2/pairing_profiles/1", "/orgs/1/labels/1", "/orgs/1/users/../x", 5])
def test_href_of_a_server_never_becomes_any_path(href: Any) -> None:
    with pytest.raises(ContractError, match=r"the PCE shows a pairing profile whose href must|whose href belongs"):
        store(Reply(200, [raw_profile(href=href)])).find(NAMED)


def test_errors_of_the_list_name_its_request() -> None:
    for rows, words in (
        ([raw_profile(href="/x")], "the PCE shows a pairing profile whose href must "),
        ([raw_profile(2), raw_profile(2, name="other")], f"the PCE shows {PROFILES}/2 twice, under different names"),
    ):
        with pytest.raises(ContractError) as caught:
            store(Reply(200, rows)).find(NAMED)
        assert str(caught.value).startswith(words)
        assert caught.value.details() == {"method": "GET", "path": PROFILES}


def test_an_href_that_shows_another_object() -> None:
    with pytest.raises(ContractError) as caught:
        store(Reply(200, raw_profile(3))).find(Identity(f"{PROFILES}/2"))
    assert str(caught.value) == f"the PCE answered GET {PROFILES}/2 with {PROFILES}/3"
    assert caught.value.details() == {"method": "GET", "path": f"{PROFILES}/2"}


def test_existing() -> None:
    names = Reply(200, [raw_profile(1, name="PP1"), raw_profile(2, name="elsewhere")])
    with pytest.raises(MissingReferenceError, match="unknown pairing profile with name 'PP'; closest matches: PP1"):
        store(Reply(200, []), names).find_existing(NAMED)
    with pytest.raises(MissingReferenceError, match=f"unknown pairing profile {PROFILES}/9$"):
        store(Reply(404), Reply(200, [])).find_existing(Identity(f"{PROFILES}/9"))
    assert store(Reply(200, [raw_profile()])).find_existing(NAMED) == raw_profile()


def test_advice_that_cannot_be_had() -> None:
    with pytest.raises(MissingReferenceError, match=r"'PP'$"):
        store(Reply(200, []), Reply(403)).find_existing(NAMED)


def executed(
    raw: Raw, state: str, *replies: Reply | CollectionError, **desired: Any
) -> tuple[Raw | None, FakeTransport]:
    transport = FakeTransport(in_turn(*replies))
    plan = PAIRING_PROFILE.plan(raw, desired, state)
    return PceStore(transport, 1, PAIRING_PROFILE).execute(plan, NAMED), transport


def test_update_sends_changes_and_reads_again() -> None:
    after = raw_profile(enabled=False)
    shown, transport = executed(raw_profile(), "present", Reply(204), Reply(200, after), enabled=False, description="")
    assert shown == after
    assert transport.sent == [Sent("PUT", after["href"], {}, {"enabled": False}), Sent("GET", after["href"])]


def test_update_of_what_vanishes() -> None:
    with pytest.raises(RequestError, match=r"another user has deleted it\. The pairing profile was updated") as caught:
        executed(raw_profile(), "present", Reply(204), Reply(404), Reply(200, []), enabled=False)
    assert caught.value.changed
    assert caught.value.details() == {"method": "GET", "path": f"{PROFILES}/24"}


def test_update_that_cannot_be_read_back() -> None:
    with pytest.raises(ApiError, match=r"500 to GET .* The pairing profile was updated before that$") as caught:
        executed(raw_profile(), "present", Reply(204), Reply(500), enabled=False)
    assert caught.value.changed


def test_delete() -> None:
    shown, transport = executed(raw_profile(), "absent", Reply(204))
    assert shown is None
    assert transport.sent == [Sent("DELETE", f"{PROFILES}/24")]


@pytest.mark.parametrize("form", [dict, list])
@pytest.mark.parametrize("token", ["label_already_deleted", "pairing_profile_already_deleted"])
def test_delete_of_what_is_deleted_already_is_done(token: str, form: type) -> None:
    error = {"token": token, "message": "Label is already deleted"}
    shown, transport = executed(raw_profile(), "absent", Reply(406, error if form is dict else [error]))
    assert shown is None
    assert transport.calls() == [f"DELETE {PROFILES}/24"]


def test_delete_of_what_is_gone() -> None:
    shown, _transport = executed(raw_profile(), "absent", Reply(404), Reply(404), Reply(200, []))
    assert shown is None


def test_delete_whose_404_is_not_true() -> None:
    with pytest.raises(ApiError, match="404 to DELETE"):
        executed(raw_profile(), "absent", Reply(404), Reply(200, raw_profile()))


def test_delete_that_is_refused() -> None:
    reply = Reply(406, [{"token": "cannot_delete_default", "message": "The default profile stays"}])
    with pytest.raises(ApiError, match=r"cannot_delete_default \(The default profile stays\)"):
        executed(raw_profile(is_default=True), "absent", reply)
