# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A transport whose server is a function, and sample objects of a PCE."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, Union

from plugins.module_utils._core.errors import ApiError, CollectionError, RequestError, UnknownOutcomeError
from plugins.module_utils._core.resource import Resource
from plugins.module_utils._http.client import HttpClient
from plugins.module_utils._http.endpoint import Endpoint
from plugins.module_utils._http.response import Response
from plugins.module_utils._pce import hrefs

EPOCH = 1_780_000_000.0
"""Seconds since the epoch when a FakeTransport is made."""

PROFILES = "/orgs/1/pairing_profiles"


@dataclass(frozen=True)
class Sent:
    """A request that a FakeTransport was asked to send."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    authenticate: bool = True


@dataclass(frozen=True)
class Reply:
    """An answer: ``value`` is its JSON, unless None; ``raw`` its body as it is."""

    status: int = 200
    value: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""

    def body(self) -> bytes:
        """Return the body's bytes."""
        return self.raw if self.value is None else json.dumps(self.value).encode()


Server = Callable[[Sent], Union[Reply, CollectionError]]


class FakeTransport(HttpClient):
    """Everything of a Transport but the network. Time passes only while it sleeps."""

    def __init__(self, serve: Server, deadline: float = 300.0) -> None:
        self.time = 0.0
        self.sent: list[Sent] = []
        self.slept: list[float] = []
        self._serve = serve
        super().__init__(
            Endpoint("https://pce.invalid:8443/api/v2", "PCE", "pce_host and pce_port", deadline=deadline),
            clock=lambda: self.time,
            now=lambda: EPOCH + self.time,
            sleep=self._pass,
        )

    def _pass(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any,
        headers: Mapping[str, str],
        authenticate: bool,
    ) -> Response:
        sent = Sent(method, path, dict(query or {}), body, dict(headers), authenticate)
        self.sent.append(sent)
        reply = self._serve(sent)
        if isinstance(reply, CollectionError):
            raise reply
        return Response(reply.status, reply.headers, reply.body(), method, path)

    def calls(self) -> list[str]:
        """Return what was sent, as ``METHOD path``."""
        return [f"{sent.method} {sent.path}" for sent in self.sent]


def check_reference(resource: Resource, reference: str) -> None:
    """Check a reference as the stores of organization 1 and of a connector do."""
    if resource.reference == "href":
        hrefs.check(reference, 1, resource)


def in_turn(*replies: Reply | CollectionError) -> Server:
    """Return a server that gives one reply after another, and fails the test when it is asked once more."""
    waiting: Iterator[Reply | CollectionError] = iter(replies)

    def serve(sent: Sent) -> Reply | CollectionError:
        reply = next(waiting, None)
        assert reply is not None, f"one request too many: {sent}"
        return reply

    return serve


def broken(method: str = "POST", path: str = PROFILES) -> UnknownOutcomeError:
    """Return the error of a connection that broke while a request was under way."""
    return UnknownOutcomeError(RequestError("the connection broke", method, path), may_be_under_way=True)


def refused(status: int = 406, token: str = "", message: str = "", method: str = "POST") -> ApiError:
    """Return the error of an answer with an error status."""
    return ApiError(
        f"the PCE answered {status}: {message}", method, PROFILES, status, [{"token": token, "message": message}]
    )


def raw_profile(number: int = 24, **properties: Any) -> dict[str, Any]:
    """Return a pairing profile as a PCE shows it, with ``properties`` in place of the sample's."""
    return {
        "href": f"{PROFILES}/{number}",
        "name": "PP",
        "description": "",
        "enabled": True,
        "enforcement_mode": "visibility_only",
        "visibility_level": "flow_summary",
        "key_lifespan": "unlimited",
        "allowed_uses_per_key": "unlimited",
        "labels": [],
        "caps": ["write", "generate_pairing_key"],
        **properties,
    }


def case_name(value: object, length: int = 40) -> str:
    """A value as the name of a case: pytest escapes backslashes anew each time, and mutmut asks for tests by name."""
    return ascii(value).replace("\\", "").replace("::", ":")[:length]
