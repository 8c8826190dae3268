# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a connector is: its type, its capabilities, and the settings that its instances need (source: pe-api.md)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .._core.errors import OptionError
from .._http.client import HttpClient
from .._http.response import Response
from .json_names import JsonNames
from .settings import FILE, OPTIONS, PLAIN, SECRET, looks_secret

_AWS = r"(?<![a-z])aws(?![a-z])|\bamazon web services\b"
_SPACE_TYPES = ((r"(?<![a-z])contrail(?![a-z])", "Project"), (_AWS, "VPC"))
"""What an address space is called in connectors whose type matches (seed: "Specify Project for Contrail and VPC for
AWS"). Other types are free."""

_FILE_TYPE = "file"
_SECRET_TYPES = frozenset([_FILE_TYPE, "password", "secret"])


@dataclass(frozen=True)
class TypeSetting:
    """A setting that instances of a connector have: ``type`` is ``string``, ``file`` or another word of the server."""

    name: str
    description: str
    type: str
    required: bool

    @property
    def is_secret(self) -> bool:
        """Return True if its value must not be shown."""
        return self.type.lower() in _SECRET_TYPES or looks_secret(self.name)

    @property
    def option(self) -> str:
        """Return the option that it belongs in."""
        if self.type.lower() == _FILE_TYPE:
            return FILE
        return SECRET if self.is_secret else PLAIN


@dataclass(frozen=True)
class ConnectorType:
    """A connector.

    ``contexts`` is True if a controller has to be given with a context, such as a region of AWS; None where the server
    does not say. It has nothing to do with address spaces.
    """

    type: str
    contexts: bool | None
    capabilities: tuple[str, ...]
    settings: tuple[TypeSetting, ...]

    def to_result(self) -> dict[str, Any]:
        """Return it as results show it."""
        return {
            "type": self.type,
            "controller_contexts": self.contexts,
            "capabilities": list(self.capabilities),
            "additional_settings": [
                {"name": item.name, "description": item.description, "type": item.type, "required": item.required}
                for item in self.settings
            ],
        }

    def setting(self, name: str) -> TypeSetting | None:
        """Return a setting by its name, or None."""
        return next((item for item in self.settings if item.name == name), None)

    def check_context(self, context: str | None) -> None:
        """Raise OptionError if a new instance of this connector needs a context and has none."""
        if self.contexts and context is None:
            advice = ", such as us-east-1" if self._is_a(_AWS) else ""
            raise OptionError("controller_context", f"is required by a connector of type {self.type}{advice}")

    def check_address_space(self, space_type: str | None, name: str | None) -> None:
        """Raise OptionError unless an instance of this connector can have such an address space, or none."""
        expected = next((word for pattern, word in _SPACE_TYPES if self._is_a(pattern)), None)
        if name is not None and space_type is None:
            advice = f" ({expected} for a connector of type {self.type})" if expected else ""
            raise OptionError("address_space_type", f"is required with address_space_name{advice}")
        if space_type is not None and name is None:
            raise OptionError("address_space_name", "is required with address_space_type")
        if expected and space_type is not None and space_type != expected:
            raise OptionError(
                "address_space_type", f"must be {expected} for a connector of type {self.type}, not {space_type!r}"
            )

    def check_settings(self, given: Mapping[str, Iterable[str]], kept: Iterable[str] = ()) -> None:
        """Raise OptionError unless these are the settings of an instance.

        ``given`` holds names by option. ``kept`` are those that an instance has and keeps: the type may have lost them.
        """
        for option in OPTIONS:
            for name in given[option]:
                self._check_setting(option, name)
        names = {name for option in OPTIONS for name in given[option]}.union(kept)
        for item in self.settings:
            if item.required and item.name not in names:
                raise OptionError(
                    item.option, f"{item.name} ({item.description}) is required by a connector of type {self.type}"
                )

    def _check_setting(self, option: str, name: str) -> None:
        item = self.setting(name)
        if item is None:
            folded = {item.name.casefold(): item.name for item in self.settings}
            near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.4)
            known = ", ".join(folded.values()) or "none"
            advice = f"did you mean {folded[near[0]]}?" if near else f"known settings are {known}"
            raise OptionError(option, f"a connector of type {self.type} has no setting {name}; {advice}")
        # The content of a file may as well come from a variable.
        if item.option != option and not (item.option == FILE and option == SECRET):
            raise OptionError(option, f"{name} is of type {item.type}; set it in {item.option}")

    def _is_a(self, pattern: str) -> bool:
        return re.search(pattern, self.type, re.IGNORECASE) is not None


class Connector:
    """A connector server. Its type is requested when it is first needed, and once."""

    def __init__(self, http: HttpClient, names: JsonNames) -> None:
        self.http = http
        self.names = names
        self._type: ConnectorType | None = None

    def type(self) -> ConnectorType:
        """Return what the connector is."""
        if self._type is None:
            self._type = read_connector_type(self.names, self.http.get(self.names.connector))
        return self._type


def read_connector_type(names: JsonNames, response: Response) -> ConnectorType:
    """Return the connector that a GET of it shows. Raise ContractError where it does not show its type."""
    raw = response.json_object()
    type_name = raw.get(names.type)
    if not isinstance(type_name, str) or not type_name:
        raise response.contract_error(f"no {names.type} of the connector")
    contexts = raw.get(names.contexts)
    capabilities = [item.get(names.capability_name) for item in _objects(raw.get(names.capabilities))]
    settings = [
        TypeSetting(
            name=str(item[names.type_setting_name]),
            description=str(item.get(names.type_setting_description) or ""),
            type=str(item.get(names.type_setting_type) or "string"),
            required=str(item.get(names.type_setting_required)).lower() == "true",
        )
        for item in _objects(raw.get(names.type_settings))
        if item.get(names.type_setting_name)
    ]
    return ConnectorType(
        type_name,
        contexts if isinstance(contexts, bool) else None,
        tuple(str(name) for name in capabilities if name),
        tuple(settings),
    )


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
