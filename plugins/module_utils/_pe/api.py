# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a connector server is reached: the connection options, and what they lead to (source: pe-api.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from .._core.errors import OptionError
from .._core.resource import ABSENT, Resource
from .._core.store import CheckReference
from .._http.client import HttpClient
from .._http.endpoint import Endpoint
from .._http.options import endpoint_options, shared_options
from . import settings
from .json_names import NAMES, JsonNames
from .store import Connector, PeStore

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}")


class Pe:
    """The API of a connector server: its connection options, and what they lead to."""

    options: Mapping[str, Mapping[str, Any]] = {
        "connector_url": {"type": "str", "required": True, "env": ["PE_CONNECTOR_URL"]},
        "connector_user": {"type": "str", "env": ["PE_CONNECTOR_USER"]},
        "connector_password": {"type": "str", "no_log": True, "env": ["PE_CONNECTOR_PASSWORD"]},
        **shared_options("PE"),
    }

    def __init__(self, names: JsonNames = NAMES) -> None:
        self._names = names

    def connector(self, params: Mapping[str, Any]) -> Connector:
        """Return the connector that the connection options in ``params`` lead to. Raises OptionError."""
        user, password = params["connector_user"] or None, params["connector_password"] or None
        if (user is None) != (password is None):
            missing = "connector_user" if user is None else "connector_password"
            raise OptionError(missing, "is missing: user and password are given together or not at all")
        endpoint = Endpoint(
            url=api_url(params["connector_url"], self._names.base),
            title="connector server",
            address_options="connector_url",
            credential_options=("connector_user", "connector_password"),
            user=user,
            password=password,
            hints={
                401: "connector_user or connector_password is missing or wrong",
                404: f"a path in connector_url takes the place of {self._names.base}",
            },
            **endpoint_options(params),
        )
        return Connector(HttpClient(endpoint), self._names)

    def reference_checker(self, _params: Mapping[str, Any]) -> CheckReference:
        """Return the check of ids in options: they become parts of paths."""
        return check_id

    def store(self, params: Mapping[str, Any], resource: Resource) -> PeStore:
        """Return the store of ``kind`` on the connector server that ``params`` lead to. Raises OptionError."""
        listed = params.get(resource.plural)
        tasks = [params] if listed is None else listed
        for position, entry in enumerate(tasks):
            settings.check_apart(entry, "" if listed is None else f"{resource.plural}[{position}].")
        settings.check_together(tasks, resource.plural)
        return PeStore(
            self.connector(params),
            resource,
            recreate=bool(params.get("recreate")),
            plain=plain_settings(tasks, resource),
            hidden=settings.named(tasks, settings.SECRET, settings.FILE),
        )


def plain_settings(tasks: Sequence[Mapping[str, Any]], resource: Resource) -> dict[Any, dict[str, str]]:
    """Return the settings that tasks show themselves, by the reference or the names of the instance that has them.

    A task that removes an instance says nothing of its settings.
    """
    found: dict[Any, dict[str, str]] = {}
    for params in tasks:
        if params.get(settings.PLAIN) and params.get("state") != ABSENT:
            names = {name: params.get(name) for name in resource.identity}
            parsed = [None if value is None else resource.field(name).parse(value) for name, value in names.items()]
            key = params.get(resource.reference) or tuple(parsed)
            found[key] = resource.field(settings.PLAIN).parse(params[settings.PLAIN])
    return found


def check_id(resource: Resource, value: str) -> None:
    """Raise ValueError unless ``value`` can be the id of an object of ``resource``."""
    if not is_id(value):
        raise ValueError(f"is no id of a {resource.title}: {value!r}")


def is_id(value: str) -> bool:
    """Say whether a text can be the id of an instance, and a part of a path without being encoded."""
    return _ID.fullmatch(value) is not None


def api_url(url: str, base: str) -> str:
    """Return the address of the API of a connector server.

    The API is at ``base``, and a path in ``url`` takes its place: so both https://HOST:PORT and the whole address of
    the API can be given, and a proxy may have it anywhere. Raise OptionError for what is no such URL.
    """
    text = url.strip()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise OptionError("connector_url", f"is no URL: {error}") from error
    if parts.scheme != "https" or not parts.hostname:
        # The passwords of controllers are sent to it.
        raise OptionError("connector_url", "must be a URL such as https://pe.example.com:7443")
    if parts.username is not None or parts.query or parts.fragment:
        raise OptionError("connector_url", "must hold nothing but a host, a port and a path")
    if port == 0:
        raise OptionError("connector_url", "the port must be 1 to 65535, not 0")
    if re.search(r"[^!-~]", text) or re.fullmatch(r"[A-Za-z0-9._:%-]+", parts.hostname) is None:
        raise OptionError("connector_url", "has a character that a URL must not have")
    return f"https://{parts.netloc}{parts.path.rstrip('/') or base}"
