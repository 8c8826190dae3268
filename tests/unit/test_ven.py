# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unpairing at the PCE's pace, with a clock that passes only while somebody sleeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from plugins.module_utils._core.transport import Endpoint, Transport
from plugins.module_utils._pce import ven
from plugins.module_utils._pce.connection import Client, Pce

from .loopback import Canned, Handler, Loopback, serving


def _href(number: int) -> str:
    return f"/orgs/1/vens/00000000-0000-4000-8000-{number:012d}"


class UnpairingPce:
    """A PCE with VENs that are there until they are unpaired; all are shown in one page."""

    def __init__(self, count: int) -> None:
        self.vens = {_href(number): f"h{number}" for number in range(count)}
        self.batches: list[int] = []

    def __call__(self, handler: Handler) -> None:
        body = handler.server.seen[-1].body
        if handler.command == "PUT":
            given = [item["href"] for item in json.loads(body)["vens"]]
            self.batches.append(len(given))
            for href in given:
                del self.vens[href]
            handler.answer(Canned(204))
            return
        shown = [{"href": href, "hostname": name, "status": "active"} for href, name in self.vens.items()]
        handler.answer(Canned(200, {"X-Total-Count": str(len(shown))}, json.dumps(shown).encode()))


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serving() as running:
        yield running


def test_the_eleventh_request_waits_for_its_minute(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    transport = Transport(Endpoint(server.url, "PCE", "pce_host"), clock=lambda: sum(slept), sleep=slept.append)
    monkeypatch.setattr(Pce, "client", lambda *_arguments: Client(transport, 1, "pce:8443"))
    pce = UnpairingPce(10_500)
    server.script = [pce]
    options: dict[str, Any] = {"hostnames": None, "hrefs": [*pce.vens], "pce_org_id": 1}
    done = ven.keep_vens({**options, "state": "unpaired", "firewall_restore": "saved"}, dry_run=False)
    assert done["changed"] is True
    assert pce.batches == [1000] * 10 + [500]
    assert slept == [60.0]
    assert pce.vens == {}
    assert done["warnings"] == []
