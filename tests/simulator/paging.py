"""Collections: filters, pages, counts, and the asynchronous way (API page, Collections)."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping

from aiohttp import web

from tests.simulator import errors
from tests.simulator.pce import Pce, pce_of
from tests.simulator.state import Job, Json

PAGE = 500
"""How many objects a synchronous GET returns unless it asks for another number."""

Filter = Callable[[Json, str], bool]
"""Whether an object matches the text of a query parameter; raises Refusal when the text makes no sense."""


def partial(name: str) -> Filter:
    """Matches a part of a text property, in either case (Pairing profiles: "match **partially**")."""
    return lambda thing, text: text.casefold() in str(thing.get(name) or "").casefold()


def exact(name: str) -> Filter:
    """Matches a text property as a whole."""
    return lambda thing, text: thing.get(name) == text


def boolean(name: str) -> Filter:
    """Match a boolean property against true and false."""
    return lambda thing, text: bool(thing.get(name)) is truth(text)


def truth(text: str) -> bool:
    """Return the boolean of a query; clients write True and False too (What others measured)."""
    return {"true": True, "false": False}[text.lower()]


def asked(request: web.Request, name: str) -> bool:
    """Return the boolean of a query parameter that is no filter, false where it is missing."""
    text = request.query.get(name, "false")
    try:
        return truth(text)
    except KeyError as error:
        raise _not_understood(name, text) from error


def labels(thing: Json, text: str) -> bool:
    """`[[a, b], [c]]` = (a and b) or c, as a JSON list of lists of HREFs (Pairing profiles)."""
    wanted = json.loads(text)
    if not isinstance(wanted, list) or not all(isinstance(group, list) for group in wanted):
        raise ValueError("labels takes a JSON list of lists of HREFs")
    if not all(isinstance(href, str) for group in wanted for href in group):
        raise ValueError("labels takes a JSON list of lists of HREFs")
    own = {label.get("href") for label in thing.get("labels") or []}
    return not wanted or any(set(group) <= own for group in wanted)


def collection(
    request: web.Request,
    things: Iterable[Json],
    filters: Mapping[str, Filter],
    kind: str,
    *,
    switches: Collection[str] = (),
) -> web.Response:
    """Answer a GET of a collection, at once or by a job.

    kind: the collection's name; switches: the query parameters that the caller has seen to.
    """
    pce = pce_of(request)
    wanted = _wanted(request, filters, pce, switches)
    limit = _max_results(request, pce)
    everything = list(things)
    matching = [thing for thing in everything if _matches(thing, wanted)]
    headers = {}
    if pce.settings.count_header != "absent":
        counted = everything if pce.settings.count_header == "all" else matching
        headers["X-Total-Count"] = str(len(counted))
    if not _asynchronous(request) or kind in pce.settings.without_jobs:
        return web.json_response(matching[:limit], headers=headers)
    if pce.settings.respond_async == "at_once":
        return web.json_response(matching, headers=headers)
    return _accepted(request, pce, pce.store.add_job(f"/orgs/{pce.identity.org_id}/{kind}", matching))


def _wanted(
    request: web.Request, filters: Mapping[str, Filter], pce: Pce, switches: Collection[str]
) -> list[tuple[str, Filter, str]]:
    """The filters of the query as (name, filter, text); tried on an empty object, so that bad values are refused."""
    wanted = []
    for name, text in request.query.items():
        if name == "max_results" or name in switches:
            continue
        if name in filters:
            wanted.append((name, filters[name], text))
        elif pce.settings.unknown_filters == "refuse":
            raise errors.not_acceptable("input_validation_error", f"{name} is not a filter of this collection")
    _matches({}, wanted, every=True)
    return wanted


def _matches(thing: Json, wanted: list[tuple[str, Filter, str]], *, every: bool = False) -> bool:
    """The object passes every filter; with `every` none is left out after a first miss."""
    verdicts = []
    for name, matches, text in wanted:
        try:
            verdicts.append(matches(thing, text))
        except (ValueError, KeyError) as error:
            raise _not_understood(name, text) from error
        if not every and not verdicts[-1]:
            return False
    return all(verdicts)


def _not_understood(name: str, text: str) -> errors.Refusal:
    return errors.not_acceptable("input_validation_error", f"{name}: {text!r} is not understood")


def _max_results(request: web.Request, pce: Pce) -> int:
    """The page's size; 0 is a page of none, and the setting says what becomes of more than PAGE."""
    text = request.query.get("max_results", str(PAGE))
    if not (text.isascii() and text.isdigit()):
        raise errors.not_acceptable("input_validation_error", "max_results is not a number of objects")
    return min(int(text), PAGE) if pce.settings.large_pages == "clamp" else int(text)


def _asynchronous(request: web.Request) -> bool:
    preferences = ",".join(request.headers.getall("Prefer", [])).lower().split(",")
    return any(preference.split(";")[0].strip() == "respond-async" for preference in preferences)


def _accepted(request: web.Request, pce: Pce, job: Job) -> web.Response:
    """202 without a body; the Location is an HREF or an absolute URL."""
    pce.jobs_started += 1
    form = pce.settings.job_location
    if form == "alternate":
        form = "href" if pce.jobs_started % 2 else "absolute"
    location = job.href if form == "href" else f"https://{request.host}/api/v2{job.href}"
    headers = {"Location": location}
    if pce.settings.job_retry_after is not None:
        headers["Retry-After"] = str(pce.settings.job_retry_after)
    return web.Response(status=202, headers=headers)
