# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A PCE that creates pairing keys, for the tests of pce_pairing_key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils._core.errors import CollectionError
from plugins.module_utils._pce import pairing_keys
from plugins.module_utils._pce.api import Pce, PceApi

from .helpers import PROFILES, FakeTransport, Reply, Sent, raw_profile

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


def keep(dry_run: bool = False, **params: Any) -> dict[str, Any]:
    """Run the module's work with these options and the defaults of the rest."""
    given = {"profile": None, "profile_href": None, "path": None, "count": 1, "state": "present", "pce_org_id": 1}
    if "profile_href" not in params:
        given["profile"] = "PP"
    return pairing_keys.keep_keys({**given, **params}, dry_run)


def codes(result: Mapping[str, Any]) -> list[Any]:
    return [key["activation_code"] for key in result["pairing_keys"]]


def saved(path: str) -> list[str]:
    """Return the codes in the file."""
    return [key["activation_code"] for key in json.loads(Path(path).read_text())["keys"]] if Path(path).exists() else []


MINT = f"POST {HREF}/pairing_key"
REVOKE_ALL = (
    f"It stays valid until it expires or all keys of the pairing profile 'PP' ({HREF}) are revoked (pce_pairing_key, "
    "state: absent, without path)"
)
UNKNOWN = (
    f"The PCE may have created a pairing key of the pairing profile 'PP' ({HREF}) that was never received. {REVOKE_ALL}"
)
REVOKE = f"DELETE {HREF}/pairing_keys"
