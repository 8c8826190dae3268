"""The rows of the matrix: what networks, proxies and servers do to a request."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

MAX_RESPONSE_BYTES = 4 * 1024 * 1024
"""The client's bound on a response in the processes of task.py, so that passing it costs little."""

WRITING = ("POST", "PUT", "DELETE")

TARGET = "TARGET"
"""Stands for the URL that a redirect leads to."""

_DEADLINE = 300.0
"""Seconds of a task's deadline, by the clock of task.py: all attempts and lookups have the time that they need, also
those of several threads, whose pauses add up there.
"""

_SHORT_DEADLINE = 20.0
"""Where a fault would have the client go on as long as it has time."""

_REAL_DEADLINE = 3.0
"""Where the time passes within one exchange, so that it really passes."""

_PATIENCE = 20.0
_IMPATIENCE = 1.0
"""Seconds of ``timeout``, which really pass; the short one where silence is the fault."""

_DELAYS = (0.5, 2.0, 10.0)
"""Seconds after which a server acts that has already ended the connection, or whose gateway has answered."""

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

_MAX_DELAY = 400.0
"""Seconds after which a server acts when the task has ended, whatever its deadline is."""

_UNCLEAR_KINDS = ("reset_before", "reset_after", "hang", "slow")
_GATEWAY = (502, 503, 504)

CERTIFICATE = "certificate"
CUT = "cut"


@dataclass(frozen=True)
class Fault:
    """A row: what happens (``group``), and in which way (``variant``).

    ``values`` is the simulator's fault, None where there is none; ``lasting`` says that it hits every request of its
    kind until it is removed; ``then`` is a second one, which hits all requests of the kind afterwards. ``settings`` are
    the simulator's. ``closed`` sends the task to a port where no server listens. ``at_proxy`` is what a proxy does in
    place of connecting for the request: a status, CUT, or CERTIFICATE, with which it connects to a server that refuses
    clients without a certificate. ``methods`` are those that the fault makes sense for. One that is not ``everywhere``
    is like another for all but the operations that represent the others.
    """

    group: str
    variant: str = ""
    values: Mapping[str, Any] | None = None
    lasting: bool = True
    then: Mapping[str, Any] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    closed: bool = False
    at_proxy: int | str = ""
    methods: tuple[str, ...] = ("GET", *WRITING)
    everywhere: bool = True
    deadline: float = _DEADLINE
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

    @property
    def takes_real_time(self) -> bool:
        """Whether the client waits within an exchange."""
        return (self.values or {}).get("kind") in ("hang", "slow")

    @property
    def may_differ_in_tunnel(self) -> bool:
        """Whether it hits a request, in a way for which one status stands for all: within TLS no proxy sees it."""
        values = self.values or {}
        return self.values is not None and (values["kind"] != "status" or values["status"] in (401, 503))

    @property
    def is_unclear(self) -> bool:
        """Whether the client cannot know what the server has done, or will do."""
        values = self.values or {}
        return values.get("kind") in _UNCLEAR_KINDS or values.get("status") in _GATEWAY

    def rules(self, target: str) -> Iterator[dict[str, Any]]:
        """What the simulator is told; ``target`` is where redirects lead to."""
        if self.values is None:
            return
        rule = {**self.values, "times": None if self.lasting else 1}
        if rule.get("url") == TARGET:
            rule["url"] = target
        if rule.get("headers", {}).get("Retry-After") == _DATE:
            rule["headers"] = {"Retry-After": formatdate(time.time() + 2, usegmt=True)}
        yield rule
        if self.then is not None:
            yield {**self.then, "times": None}


def _passing(group: str, variant: str, values: Mapping[str, Any], **more: Any) -> Fault:
    return Fault(group, variant, values, lasting=False, **more)


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
    later = "connection reset, and the server acts later"
    for seconds in _DELAYS:
        cut = {"kind": "reset_after", "delay": seconds}
        yield from _both(later, cut, f"after {seconds:g} s", methods=WRITING)
    cut = {"kind": "reset_after", "delay": _MAX_DELAY}
    yield Fault(later, "when the task has ended, again and again", cut, methods=WRITING)
    yield _passing(later, "when the task has ended; 406 until then", cut, then=_status(406), methods=WRITING)
    yield Fault("connection closed while idle", values={"kind": "close_idle"})
    yield from _both("no answer", {"kind": "hang"}, timeout=_IMPATIENCE)
    slow = {"kind": "slow", "head": True, "seconds": 0.2}
    yield Fault("answer a byte at a time", values=slow, deadline=_REAL_DEADLINE)
    yield from _both("body cut off", {"kind": "truncate"})
    yield Fault("invalid JSON", values={"kind": "invalid_json"})
    yield Fault("200 that the API does not know", "a proxy's page in HTML", _status(200, "html"))
    yield Fault("200 that the API does not know", "no body", _status(200, "empty"))
    yield Fault("larger than the client reads", values={"kind": "huge", "size": MAX_RESPONSE_BYTES + 2, "packed": True})
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
    for variant, value in (("Retry-After: a day", "86400"), ("again and again", "2")):
        busy = _status(429, headers={"Retry-After": value})
        yield Fault("429", variant, busy, deadline=_SHORT_DEADLINE)
    yield Fault("500", "not carried out", _status(500))
    yield Fault("500", "carried out", _status(500, act=True), methods=WRITING)
    for status, seconds in zip(_GATEWAY, _DELAYS):
        # Which of these it is makes no difference to the client.
        some: dict[str, Any] = {"everywhere": status == 503}
        form = "html" if status == 502 else "list"
        yield from _both(str(status), _status(status, form), "not carried out", **some)
        yield from _both(str(status), _status(status, form, act=True), "carried out", methods=WRITING, **some)
        late = _status(status, form, act=True, delay=seconds)
        yield from _both(str(status), late, f"carried out {seconds:g} s later", methods=WRITING)
    yield Fault("a job of the PCE", "fails", settings={"job_outcome": "failed"}, methods=("GET",))
    never = {"job_outcome": "never"}
    yield Fault("a job of the PCE", "never ends", settings=never, methods=("GET",), deadline=_SHORT_DEADLINE)
    yield Fault("CONNECT answered by the proxy", "502, once", at_proxy=502, lasting=False, everywhere=False)
    yield Fault("CONNECT answered by the proxy", "502, again and again", at_proxy=502)
    yield Fault("CONNECT answered by the proxy", "503, again and again", at_proxy=503, everywhere=False)
    yield Fault("CONNECT answered by the proxy", "407", at_proxy=407)
    yield Fault("CONNECT cut by the proxy", "once", at_proxy=CUT, lasting=False, everywhere=False)
    yield Fault("CONNECT cut by the proxy", "again and again", at_proxy=CUT)
    yield Fault("client certificate refused (TLS 1.3)", at_proxy=CERTIFICATE)


FAULTS: tuple[Fault, ...] = tuple(_all())
