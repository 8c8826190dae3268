# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of connector instances (source: pe-api.md, and the seed for the parameters of an instance)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._core.errors import AmbiguousError, ContractError
from .._core.fields import Field, Filter, server, text
from .._core.plan import Action, Plan
from .._core.reconcile import RENEW_ALWAYS, RENEW_ON_CREATE
from .._core.resource import ABSENT, Identity, Raw, Resource
from . import settings
from .controller import parse_controller, read_controller
from .json_names import NAMES

DEFAULT_CONTROLLER_PORT = 443


class _ConnectorInstance(Resource):
    """The table, with what is special about connector instances."""

    def desired(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """See Resource. Files are read here, and may be gone when their instance is deleted."""
        return super().desired({**params, settings.FILE: None} if params.get("state") == ABSENT else params)

    def plan(self, current: Raw | None, desired: Mapping[str, Any], state: str, renew: bool = False) -> Plan:
        """See Resource. A new instance has the settings that the task gives, and no others."""
        plan = super().plan(current, desired, state, renew)
        if plan.action is not Action.CREATE or plan.after is None:
            return plan
        return replace(plan, after={**plan.after, settings.PLAIN: plan.after[settings.PLAIN] or {}})

    def reference_of(self, raw: Raw) -> str:
        """See Resource. Many instances may be shown, so the error names the one without an id."""
        try:
            return super().reference_of(raw)
        except ContractError as error:
            names = {name: self.field(name).value_in(raw) for name in self.identity}
            if any(value is not None for value in names.values()):
                error.add(f"It is the {self.title} {Identity(names=names)}")
            raise

    def refuse_unreadable(self, shown: Sequence[Raw]) -> None:
        """See Resource. The JSON names of an instance are assumed, and each run might create one more."""
        count = sum(self.names_of(raw) is None for raw in shown)
        if count:
            raise ContractError(
                f"the connector server shows {count} of its {self.title}s without a readable {self.identity[0]}, "
                "and one of them may be this one; if the server has other JSON names, set json_names_path",
                "GET",
                self.plural,
            )

    def ambiguous(self, identity: Identity, found: Sequence[Raw]) -> AmbiguousError:
        """See Resource. A server that was slow to create one may have created another."""
        error = super().ambiguous(identity, found)
        error.add("Keep one and delete the others with pe_connector_instance, instance_id and state: absent")
        return error


def _read_id(value: Any) -> Any:
    """Return an id as text: servers count, or allot UUIDs."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _controller() -> Field:
    query = Filter({"type": "str"}, parse=parse_controller)
    return Field("controller", {"type": "str"}, parse_controller, read_controller, filters=(query,))


def _controller_port() -> Field:
    def parse(value: int) -> int:
        if not 1 <= value <= 65535:
            raise ValueError(f"must be 1 to 65535, not {value}")
        return value

    def read(value: Any) -> Any:
        if value in (None, ""):
            return DEFAULT_CONTROLLER_PORT
        return int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,10}", value) else value

    return Field("controller_port", {"type": "int"}, parse, read)


def _password() -> Field:
    return replace(text("controller_password", min_length=1), spec={"type": "str", "no_log": True}, secret=True)


def _name(name: str, is_filter: bool = True) -> Field:
    """Return a name that some connectors do not have: null there, and otherwise not empty."""

    def parse(value: str) -> str:
        if not value.strip():
            raise ValueError("must not be empty")
        return value

    def read(value: Any) -> str | None:
        # A server may show a name of digits as a number; nothing else that is no text can be a name.
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return value if isinstance(value, str) and value else None

    filters = (Filter({"type": "str"}, parse=parse),) if is_filter else ()
    return Field(name, {"type": "str"}, parse, read, filters=filters)


CONNECTOR_INSTANCE = _ConnectorInstance(
    title="connector instance",
    name="connector_instance",
    plural="connector_instances",
    path=NAMES.instances,
    id_pattern=r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}",
    identity=("controller", "address_space_name"),
    optional=("address_space_name",),
    reference="instance_id",
    on_create={"controller_port": DEFAULT_CONTROLLER_PORT},
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
        replace(server("instance_id"), read=_read_id),
        _controller(),
        _controller_port(),
        text("controller_username", min_length=1),
        _password(),
        # Not part of the identity: the API's own words make the pair of controller and address space the identity.
        _name("controller_context", is_filter=False),
        _name("address_space_type"),
        _name("address_space_name"),
        *settings.fields(),
    ),
)
