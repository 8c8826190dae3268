"""Collections: filters, pages, counts, and the asynchronous way (API page, Collections)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from aiohttp import web

from tests.simulator import errors
from tests.simulator.pce import Pce, pce_of
from tests.simulator.state import Job, Json

PAGE = 500
"""How many objects a synchronous GET returns at most."""

Filter = Callable[[Json, str], bool]
"""Whether an object matches the text of a query parameter; raises Refusal when the text makes no sense."""


def partial(name: str) -> Filter:
    """Matches a part of a text property, in either case (Pairing profiles: "match **partially**")."""
    return lambda thing, text: text.casefold() in str(thing.get(name) or "").casefold()


def exact(name: str) -> Filter:
    """Matches a text property as a whole."""
    return lambda thing, text: thing.get(name) == text


def boolean(name: str) -> Filter:
    """Matches a boolean property; takes true and false only."""

    def matches(thing: Json, text: str) -> bool:
        return bool(thing.get(name)) is {"true": True, "false": False}[text]

    return matches


def labels(thing: Json, text: str) -> bool:
    """`[[a, b], [c]]` = (a and b) or c, as a JSON list of lists of HREFs (Pairing profiles)."""
    wanted = json.loads(text)
    if not isinstance(wanted, list) or not all(isinstance(group, list) for group in wanted):
        raise ValueError("labels takes a JSON list of lists of HREFs")
    if not all(isinstance(href, str) for group in wanted for href in group):
        raise ValueError("labels takes a JSON list of lists of HREFs")
    own = {label.get("href") for label in thing.get("labels") or []}
    return not wanted or any(set(group) <= own for group in wanted)


def collection(request: web.Request, things: Iterable[Json], filters: Mapping[str, Filter], kind: str) -> web.Response:
    """Answer a GET of a collection, at once or by a job; `kind` is for the job's description."""
    pce = pce_of(request)
    wanted = _wanted(request, filters, pce)
    limit = _max_results(request)
    matching = [thing for thing in things if _matches(thing, wanted)]
    if _asynchronous(request):
        return _accepted(request, pce, pce.store.add_job(f"/orgs/{pce.identity.org_id}/{kind}", matching))
    return web.json_response(matching[:limit], headers={"X-Total-Count": str(len(matching))})


def _wanted(request: web.Request, filters: Mapping[str, Filter], pce: Pce) -> list[tuple[str, Filter, str]]:
    """The filters of the query as (name, filter, text); tried on an empty object, so that bad values are refused."""
    wanted = []
    for name, text in request.query.items():
        if name == "max_results":
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
            raise errors.not_acceptable("input_validation_error", f"{name}: {text!r} is not understood") from error
        if not every and not verdicts[-1]:
            return False
    return all(verdicts)


def _max_results(request: web.Request) -> int:
    """The page's size: max_results can only lower it; 0 is a page of none."""
    text = request.query.get("max_results", str(PAGE))
    if not (text.isascii() and text.isdigit()):
        raise errors.not_acceptable("input_validation_error", "max_results is not a number of objects")
    return min(int(text), PAGE)


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
