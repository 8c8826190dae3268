# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a PCE is reached: the connection options, and what they lead to (source: PCE REST API, Transport)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .._core.errors import OptionError
from .._core.resource import Resource
from .._core.store import CheckReference
from .._http.client import HttpClient
from .._http.endpoint import Endpoint
from .._http.options import endpoint_options, shared_options
from . import hrefs
from .store import PceStore

_HINTS = {
    401: "api_key or api_secret is wrong",
    403: "the API key lacks the permission, or pce_org_id is not its organisation",
}

_MAX_REQUESTS_PER_MINUTE = 100000
"""Requests a minute. A PCE whose limit has been raised may take more than the usual 500."""


@dataclass(frozen=True)
class Pce:
    """A PCE within one organization. ``management_server`` is the HOST:PORT that VENs connect to."""

    http: HttpClient
    org_id: int
    management_server: str

    def store(self, resource: Resource) -> PceStore:
        """Return the store of ``resource`` in this organization."""
        return PceStore(self.http, self.org_id, resource)

    def check_reference(self, resource: Resource, option: str, value: str) -> None:
        """Raise OptionError unless ``value`` is an HREF of ``resource`` in this organization."""
        _check_reference(resource, self.org_id, option, value)


class PceApi:
    """The API of a PCE: its connection options, and what they lead to. ``store_class`` is that of its stores."""

    options: Mapping[str, Mapping[str, Any]] = {
        "pce_host": {"type": "str", "required": True, "env": ["PCE_HOST", "ILLUMIO_PCE_HOST"]},
        "pce_port": {"type": "int", "default": 8443, "env": ["PCE_PORT", "ILLUMIO_PCE_PORT"]},
        "pce_org_id": {"type": "int", "default": 1, "env": ["PCE_ORG_ID", "ILLUMIO_PCE_ORG_ID"]},
        "api_key": {
            "type": "str",
            "required": True,
            "no_log": False,
            "env": ["PCE_API_KEY", "ILLUMIO_API_KEY_USERNAME"],
        },
        "api_secret": {
            "type": "str",
            "required": True,
            "no_log": True,
            "env": ["PCE_API_SECRET", "ILLUMIO_API_KEY_SECRET"],
        },
        **shared_options("PCE"),
        "max_requests_per_minute": {"type": "int", "default": 450, "env": ["PCE_MAX_REQUESTS_PER_MINUTE"]},
    }

    def __init__(self, store_class: type[PceStore] = PceStore) -> None:
        self._store_class = store_class

    def connect(self, params: Mapping[str, Any], base: str = "/api/v2") -> Pce:
        """Return a client for the connection options in ``params``; paths follow ``base``. Raises OptionError."""
        server = management_server(params["pce_host"], params["pce_port"])
        org_id = _organization(params)
        for option in ("api_key", "api_secret"):
            if not params[option]:
                raise OptionError(option, "must not be empty")
        rate_limiter = params["max_requests_per_minute"]
        if not 1 <= rate_limiter <= _MAX_REQUESTS_PER_MINUTE:
            raise OptionError("max_requests_per_minute", f"must be 1 to {_MAX_REQUESTS_PER_MINUTE}, not {rate_limiter}")
        endpoint = Endpoint(
            url=f"https://{server}{base}",
            title="PCE",
            address_options="pce_host and pce_port",
            credential_options=("api_key", "api_secret"),
            user=params["api_key"],
            password=params["api_secret"],
            hints=_HINTS,
            max_requests_per_minute=rate_limiter,
            write_status=204,
            **endpoint_options(params),
        )
        return Pce(HttpClient(endpoint), org_id, server)

    def store(self, params: Mapping[str, Any], resource: Resource) -> PceStore:
        """Return the store of ``resource`` on the PCE that ``params`` lead to. Raise OptionError for wrong ones."""
        pce = self.connect(params)
        return self._store_class(pce.http, pce.org_id, resource)

    def reference_checker(self, params: Mapping[str, Any]) -> CheckReference:
        """Return the check of HREFs in options: they must be of the organization of ``params``."""
        org_id = _organization(params)
        return lambda resource, reference: hrefs.check(reference, org_id, resource)

    def check_reference(self, params: Mapping[str, Any], resource: Resource, option: str, value: str) -> None:
        """Raise OptionError unless ``value`` is an HREF of ``resource`` in the organization of ``params``."""
        _check_reference(resource, _organization(params), option, value)


PCE = PceApi()


def _check_reference(resource: Resource, org_id: int, option: str, value: str) -> None:
    try:
        hrefs.check(value, org_id, resource)
    except ValueError as error:
        raise OptionError(option, str(error)) from error


def management_server(host: str, port: int) -> str:
    """Return HOST:PORT of a PCE, an IPv6 address in brackets.

    ``host`` is a name, an address, or a URL, whose port wins over ``port``. Raise OptionError for anything else.
    """
    text = host.strip()
    if _is_ipv6(text.strip("[]")):
        text = f"[{text.strip('[]')}]"
    try:
        url = urlsplit(text if "//" in text else f"https://{text}")
        name, own_port = url.hostname or "", url.port
    except ValueError as error:
        raise OptionError("pce_host", f"is not a name, an address or a URL: {_without_credentials(host)!r}") from error
    if url.scheme != "https":
        raise OptionError("pce_host", "must be an https URL: every request to a PCE carries credentials")
    if url.username is not None or url.query or url.fragment or url.path.rstrip("/") not in ("", "/api/v2"):
        raise OptionError("pce_host", f"must hold nothing but a host and a port: {_without_credentials(host)!r}")
    if not _is_ipv6(name) and re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?", name) is None:
        raise OptionError("pce_host", f"is not a name, an address or a URL: {_without_credentials(host)!r}")
    chosen = port if own_port is None else own_port
    if not 1 <= chosen <= 65535:
        raise OptionError("pce_port" if own_port is None else "pce_host", f"the port must be 1 to 65535, not {chosen}")
    return f"[{name}]:{chosen}" if ":" in name else f"{name}:{chosen}"


def _organization(params: Mapping[str, Any]) -> int:
    org_id = int(params["pce_org_id"])
    if org_id < 1:
        raise OptionError("pce_org_id", f"must be 1 or more, not {org_id}")
    return org_id


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False


def _without_credentials(host: str) -> str:
    return re.sub(r"^(.*?//)?.*@", r"\1…@", host, flags=re.DOTALL)
