# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a connector server is reached: the connection options, and where they lead (source: pe-api.md)."""

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
from .checks import CONTROLLER, SPACE_NAME
from .connector_type import Connector
from .json_names import OPTION as JSON_NAMES_PATH
from .json_names import read_json_names
from .store import PeStore

_ALLOW_HTTP = "allow_http"


def warn_of_http(params: Mapping[str, Any]) -> str | None:
    """Return the warning of a connection without TLS, None where there is nothing to warn of."""
    if not params[_ALLOW_HTTP] or not _is_http(params["connector_url"]):
        return None
    return (
        "connector_url is http: connector_password, controller_password and secret settings are sent unencrypted, and "
        "traffic can be intercepted and modified"
    )


class Pe:
    """The API of a connector server: its connection options, and what they lead to."""

    options: Mapping[str, Mapping[str, Any]] = {
        "connector_url": {"type": "str", "required": True, "env": ["PE_CONNECTOR_URL"]},
        "connector_user": {"type": "str", "env": ["PE_CONNECTOR_USER"]},
        "connector_password": {"type": "str", "no_log": True, "env": ["PE_CONNECTOR_PASSWORD"]},
        _ALLOW_HTTP: {"type": "bool", "default": False, "env": ["PE_ALLOW_HTTP"], "warning": warn_of_http},
        JSON_NAMES_PATH: {"type": "path", "env": ["PE_JSON_NAMES"]},
        **shared_options("PE"),
    }

    def connector(self, params: Mapping[str, Any]) -> Connector:
        """Return the connector that the connection options in ``params`` lead to. Raises OptionError."""
        user, password = params["connector_user"] or None, params["connector_password"] or None
        if (user is None) != (password is None):
            missing, given = "connector_user", "connector_password"
            if password is None:
                missing, given = given, missing
            raise OptionError(missing, f"is required with {given}")
        names = read_json_names(params[JSON_NAMES_PATH])
        endpoint = Endpoint(
            url=api_url(params["connector_url"], names.base, params[_ALLOW_HTTP]),
            title="connector server",
            address_options="connector_url",
            credential_options=("connector_user", "connector_password"),
            user=user,
            password=password,
            hints={
                401: "connector_user or connector_password is missing or wrong",
                404: f"a path in connector_url replaces {names.base}",
            },
            **endpoint_options(params),
        )
        return Connector(HttpClient(endpoint), names)

    def reference_checker(self, _params: Mapping[str, Any]) -> CheckReference:
        """Return the check of ids in options: they become parts of paths."""
        return check_id

    def store(self, params: Mapping[str, Any], resource: Resource) -> PeStore:
        """Return the store of ``resource`` on the connector server that ``params`` lead to. Raises OptionError."""
        listed = params.get(resource.plural)
        tasks = [params] if listed is None else listed
        where = [""] if listed is None else [f"{resource.plural}[{position}]." for position in range(len(listed))]
        for entry, prefix in zip(tasks, where):
            settings.check_apart(entry, prefix)
        settings.check_together(tasks, resource.plural)
        return PeStore(
            self.connector(params),
            resource,
            recreate=bool(params.get("recreate")),
            plain=find_plain(tasks, resource),
            hidden=settings.find_names(tasks, settings.SECRET, settings.FILE),
            absent={
                resource.field(CONTROLLER).parse(entry[CONTROLLER]): prefix + SPACE_NAME
                for entry, prefix in zip(tasks, where)
                if entry.get("state") == ABSENT and entry.get(CONTROLLER) and not entry.get(SPACE_NAME)
            },
        )


def find_plain(tasks: Sequence[Mapping[str, Any]], resource: Resource) -> dict[Any, dict[str, str]]:
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
    """Raise ValueError unless ``value`` can be the id of an object of ``resource``: it becomes a part of a path."""
    if re.fullmatch(resource.id_pattern, value) is None:
        raise ValueError(f"is no id of {resource.a_title}: {value!r}")


def api_url(url: str, base: str, allow_http: bool = False) -> str:
    """Return the address of the API of a connector server.

    The API is at ``base``, and a path in ``url`` replaces it: so both https://HOST:PORT and the whole address of the
    API can be given, and a proxy may have it anywhere. Raise OptionError for a value that is not such a URL.
    """
    text = url.strip()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise OptionError("connector_url", f"is not a valid URL: {error}") from error
    if parts.scheme == "http" and not allow_http:
        raise OptionError(
            "connector_url",
            "is http, which would send the passwords of controllers unencrypted; use https, or set allow_http: true",
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise OptionError("connector_url", "must be a URL such as https://pe.example.com:7443")
    if parts.username is not None or parts.query or parts.fragment:
        raise OptionError("connector_url", "must contain only a host, a port and a path")
    if port == 0:
        raise OptionError("connector_url", "the port must be 1 to 65535, not 0")
    if re.search(r"[^!-~]", text) or re.fullmatch(r"[A-Za-z0-9._:%-]+", parts.hostname) is None:
        raise OptionError("connector_url", "contains a character that a URL cannot have")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or base}"


def _is_http(url: str) -> bool:
    return url.strip().lower().startswith("http:")
