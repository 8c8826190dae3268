# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients of servers on loopback, a clock that stands still, and certificates."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import trustme

from plugins.module_utils._http.client import HttpClient
from plugins.module_utils._http.endpoint import Endpoint

NOW = 1_780_000_000.0


class Clock:
    """Time that passes only during a sleep."""

    def __init__(self) -> None:
        self.time = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


class Pki:
    """A CA, another one, and the certificate of a server on loopback by the first."""

    def __init__(self, directory: Path) -> None:
        self.authority = trustme.CA()
        self.ca = self._file(self.authority, directory / "ca.pem")
        self.other_authority = trustme.CA()
        self.other_ca = self._file(self.other_authority, directory / "other.pem")

    @staticmethod
    def _file(authority: trustme.CA, path: Path) -> str:
        authority.cert_pem.write_to_path(str(path))
        return str(path)

    def context(self, name: str = "127.0.0.1") -> ssl.SSLContext:
        """Return what a server needs that has a certificate for ``name``."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(name).configure_cert(context)
        return context


def make(url: str, clock: Clock, **options: Any) -> HttpClient:
    """Return a client whose clock stands still, with credentials unless told otherwise."""
    given = {"user": "api_1", "password": "s3cret", "timeout": 5.0, **options}
    endpoint = Endpoint(url, "PCE", "pce_host and pce_port", **given)
    return HttpClient(endpoint, clock=clock, now=lambda: NOW + clock.time, sleep=clock.sleep)


def make_timed(url: str, **options: Any) -> HttpClient:
    """Return a client with the real clock."""
    return HttpClient(Endpoint(url, "PCE", "pce_host and pce_port", **options))
