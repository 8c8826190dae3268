"""The rows of the matrix: what networks, proxies and servers do to a request."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

WRITING = ("POST", "PUT", "DELETE")

TARGET = "TARGET"
"""Stands for the URL that a redirect leads to."""

_SHORT = 3.0
"""Seconds of a task's deadline where a fault lasts: so long each such cell takes at most."""

_LONG = 60.0
"""Seconds of a task's deadline where a fault passes: nothing waits that long, also on a machine under load."""

_PATIENCE = 20.0
_IMPATIENCE = 1.0
"""Seconds of ``timeout``; the short one where silence is the fault."""

_DATE = "DATE"

_FORMS = {
    "list": "a list of tokens and messages",
    "single": "one object",
    "error": "a list of errors",
    "number": "a number",
    "html": "HTML",
    "empty": "nothing",
}

_RETRY_AFTER = {"seconds": "1", "an HTTP date": _DATE, "nonsense": "soon"}

_HUGE = 256 * 1024 * 1024 + 2


@dataclass(frozen=True)
class Fault:
    """A row: what happens (``group``), and in which way (``variant``).

    ``values`` is the simulator's fault, None where there is none; ``lasting`` says that it hits every request of its
    kind until somebody takes it away. ``settings`` are the simulator's. ``closed`` sends the task to a port that nobody
    listens on. ``methods`` are those that the fault makes sense for. One that is not ``everywhere`` is like another for
    the requests that only look.
    """

    group: str
    variant: str = ""
    values: Mapping[str, Any] | None = None
    lasting: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)
    closed: bool = False
    methods: tuple[str, ...] = ("GET", *WRITING)
    everywhere: bool = True
    deadline: float = _SHORT
    timeout: float = _PATIENCE

    @property
    def name(self) -> str:
        return f"{self.group}, {self.variant}" if self.variant else self.group

    @property
    def needs_job(self) -> bool:
        """Whether there is this fault only where a PCE collects objects by a job."""
        return "job_outcome" in self.settings

    @property
    def is_bare(self) -> bool:
        """Whether it is a success without a body."""
        return self.values is not None and (self.values.get("status"), self.values.get("form")) == (200, "empty")

    def rule(self, target: str) -> dict[str, Any] | None:
        """What the simulator is told; ``target`` is where redirects lead to."""
        if self.values is None:
            return None
        rule = {**self.values, "times": None if self.lasting else 1}
        if rule.get("url") == TARGET:
            rule["url"] = target
        if rule.get("headers", {}).get("Retry-After") == _DATE:
            rule["headers"] = {"Retry-After": formatdate(time.time() + 2, usegmt=True)}
        return rule


def _passing(group: str, variant: str, values: Mapping[str, Any], **more: Any) -> Fault:
    return Fault(group, variant, values, lasting=False, deadline=_LONG, **more)


def _both(group: str, values: Mapping[str, Any], variant: str = "", **more: Any) -> Iterator[Fault]:
    """The fault that passes, and the one that stays."""
    lead = f"{variant}, " if variant else ""
    yield _passing(group, f"{lead}once", values, **more)
    yield Fault(group, f"{lead}again and again", values, **more)


def _status(status: int, form: str = "list", **more: Any) -> dict[str, Any]:
    return {"kind": "status", "status": status, "form": form, **more}


def _all() -> Iterator[Fault]:
    yield Fault("connection refused", closed=True)
    yield from _both("connection reset before the server acted", {"kind": "reset_before"})
    yield from _both("connection reset after the server acted", {"kind": "reset_after"}, methods=WRITING)
    yield from _both("no answer", {"kind": "hang", "seconds": 30}, timeout=_IMPATIENCE)
    yield Fault("answer a byte at a time", values={"kind": "slow", "head": True, "seconds": 0.2})
    yield from _both("body cut off", {"kind": "truncate"})
    yield Fault("invalid JSON", values={"kind": "invalid_json"})
    yield Fault("200 that the API does not know", "a proxy's page in HTML", _status(200, "html"))
    yield Fault("200 that the API does not know", "no body", _status(200, "empty"))
    yield Fault("larger than 256 MB", values={"kind": "huge", "size": _HUGE, "packed": True}, deadline=_LONG)
    yield Fault("redirect to another host", values={"kind": "redirect", "url": TARGET, "status": 307})
    yield Fault("401", values=_status(401, "single"))
    yield Fault("403", values=_status(403))
    yield Fault("404", "no body", _status(404, "empty"))
    yield Fault("404", "a proxy's page in HTML", _status(404, "html"))
    for form, words in _FORMS.items():
        yield Fault("406", words, _status(406, form), everywhere=form == "list")
    yield _passing("429", "no Retry-After", _status(429))
    for words, value in _RETRY_AFTER.items():
        headers = {"Retry-After": value}
        yield _passing("429", f"Retry-After: {words}", _status(429, headers=headers), everywhere=False)
    yield Fault("429", "Retry-After: a day", _status(429, headers={"Retry-After": "86400"}))
    # So long that the deadline comes in a wait and not, now and then, in a request, whose end would be unknown.
    yield Fault("429", "again and again", _status(429, headers={"Retry-After": "2"}))
    yield Fault("500", "not carried out", _status(500))
    yield Fault("500", "carried out", _status(500, act=True), methods=WRITING)
    for status in (502, 503, 504):
        form, everywhere = "html" if status == 502 else "list", status == 503
        yield from _both(str(status), _status(status, form), "not carried out", everywhere=everywhere)
        yield from _both(str(status), _status(status, form, act=True), "carried out", methods=WRITING)
    yield Fault("a job of the PCE", "fails", settings={"job_outcome": "failed"}, methods=("GET",))
    yield Fault("a job of the PCE", "never ends", settings={"job_outcome": "never"}, methods=("GET",))


FAULTS: tuple[Fault, ...] = tuple(_all())
