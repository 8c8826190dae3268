# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of connector instances (source: pe-api.md, and the seed for what an instance is made of)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .._core.fields import Field, Filter, server, text
from .._core.reconcile import RENEW_ALWAYS, RENEW_ON_CREATE
from .._core.resource import ABSENT, Resource
from . import settings
from .json_names import NAMES, JsonNames


def address(value: Any) -> str:
    """Return an IP address in its one spelling. Raise ValueError, in words, for anything else.

    An IPv4 address that is written as an IPv6 one (::ffff:192.0.2.1) is the IPv4 address.
    """
    try:
        found = ipaddress.ip_address(str(value).strip())
    except ValueError as error:
        raise ValueError(f"must be an IPv4 or IPv6 address, not {value!r}") from error
    return str(getattr(found, "ipv4_mapped", None) or found)


class _Instances(Resource):
    """The table, for which a task that removes an instance needs no files."""

    def desired(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """See Kind. Files are read here, and may be gone when their instance is to go."""
        return super().desired({**params, settings.FILE: None} if params.get("state") == ABSENT else params)


def connector_instance(names: JsonNames = NAMES) -> Resource:
    """Return the table, for servers that use ``names``."""
    return _Instances(
        title="connector instance",
        name="connector_instance",
        plural="connector_instances",
        path=names.instances,
        id_pattern=r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}",
        identity=("controller_ip", "address_space_name"),
        optional=("address_space_name",),
        reference="instance_id",
        on_create={"controller_port": 443},
        options={
            "update_password": {
                "type": "str",
                "choices": [RENEW_ALWAYS, RENEW_ON_CREATE],
                "default": RENEW_ON_CREATE,
                "no_log": False,
            },
            "recreate": {"type": "bool", "default": False},
        },
        renew="update_password",
        fields=(
            replace(server("instance_id"), path=names.id, read=_id),
            _controller_ip(names),
            _controller_port(names),
            replace(text("controller_username", min_length=1), path=names.controller_username),
            _password(names),
            _address_space("address_space_type", names.address_space_type),
            _address_space("address_space_name", names.address_space_name),
            *settings.fields(names),
        ),
    )


def _id(value: Any) -> Any:
    """Return an id as text: servers count, or allot UUIDs."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _controller_ip(names: JsonNames) -> Field:
    def read(value: Any) -> str | None:
        if not isinstance(value, str):
            return None
        decimal = re.fullmatch(r"[0-9.]+", value.strip()) is not None
        try:
            # Python refuses leading zeros, which some take for octal numbers; servers that show them mean decimal ones.
            return address(re.sub(r"(?<![0-9])0+(?=[0-9])", "", value) if decimal else value)
        except ValueError:
            return value  # a host name that somebody gave a server that takes it

    query = Filter({"type": "str"}, parse=address)
    return Field("controller_ip", {"type": "str"}, address, read, path=names.controller_ip, filters=(query,))


def _controller_port(names: JsonNames) -> Field:
    def parse(value: int) -> int:
        if not 1 <= value <= 65535:
            raise ValueError(f"must be 1 to 65535, not {value}")
        return value

    def read(value: Any) -> Any:
        return int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,10}", value) else value

    return Field("controller_port", {"type": "int"}, parse, read, path=names.controller_port)


def _password(names: JsonNames) -> Field:
    base = replace(text("controller_password", min_length=1), path=names.controller_password, secret=True)
    return replace(base, spec={"type": "str", "no_log": True})


def _address_space(name: str, path: tuple[str, ...]) -> Field:
    """Return a part of the address space: null for connectors without one, and otherwise not empty."""

    def parse(value: str) -> str:
        if not value.strip():
            raise ValueError("must not be empty")
        return value

    def read(value: Any) -> str | None:
        # A server may show a name of digits as a number; nothing else that is no text can be a name.
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return value if isinstance(value, str) and value else None

    query = Filter({"type": "str"}, parse=parse)
    return Field(name, {"type": "str"}, parse, read, path=path, filters=(query,))


CONNECTOR_INSTANCE = connector_instance()
