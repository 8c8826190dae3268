# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A read-only look at a connector server: which assumptions of the collection hold there (source: pe-api.md)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from .._core.errors import ApiError
from .._core.findings import MAX_REQUESTS, Findings, name_of, shape_of, type_of
from .._http.response import Response
from . import names_proposal
from .api import Pe, check_id
from .connector_instance import CONNECTOR_INSTANCE
from .connector_type import Connector
from .json_names import JsonNames, Path

Json = Mapping[str, Any]

ASSUMPTIONS: Mapping[str, str] = {
    "media_type": "JSON comes as application/json without parameters",
    "type": "The connector shows its type",
    "contexts": "The connector shows whether a controller needs a context, as a boolean",
    "capabilities": "The capabilities of a connector are objects with a name",
    "type_settings": "The settings of a connector are objects with a name, a description, a type and required",
    "instances": "The instances can be listed",
    "instance_names": "Instances have the JSON names of the collection, or those of json_names_path",
    "instance_properties": "Instances have no other properties",
    "instance": "An instance can be read by its ID, with the same properties",
    "identity": "The controller and the address space identify an instance",
    "secrets": "The server masks passwords, or does not return them",
    "not_found": "A request for an instance that does not exist returns 404",
}
"""All assumptions by their IDs. The guide on assumptions lists the same sentences."""

TYPES = ("Amazon Web Services", "Contrail", "CiscoISE", "HPClearPass", "ForeScout", "Microsoft Azure")
"""Types that are published. Another type is shown as a type only."""

CAPABILITIES = (
    "INFECTED_HOST_BLOCK",
    "INFECTED_HOST_QUARANTINE",
    "ENFORCEMENT_SUBNET_INFO",
    "ENDPOINT_TAGGING_INFO",
    "ENFORCEMENT_POINT_INFO",
)
"""Capabilities that are published."""

SETTING_TYPES = ("string", "file", "password", "secret", "integer", "boolean")

_NO_INSTANCE = "00000000-0000-4000-8000-000000000000"
_MASKS = frozenset("*•xX.")


def check_connector(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the findings at the connector server that ``params`` lead to, and a proposal for the file of JSON names.

    Only GET requests are sent. Raise an error only if the server cannot be reached or does not accept the credentials.
    """
    connector = Pe().connector(params)
    with connector.http as http:
        http.limit_requests(MAX_REQUESTS)
        check = _Check(connector)
        check.run()
    return check.to_result()


class _Check:
    def __init__(self, connector: Connector) -> None:
        self.findings = Findings(ASSUMPTIONS, "pe_")
        self._http = connector.http
        self._names: JsonNames = connector.names
        self._seconds: list[float] = []
        self._media_types: set[str] = set()
        self._instances: Sequence[Json] = []

    def run(self) -> None:
        """Look at everything, each look by itself."""
        look = self.findings.look
        # First, so that a wrong address or wrong credentials are one error.
        raw = self._get(self._names.connector).json_object()
        self._look_at_type(raw)
        look(["instances"], self._look_at_instances)
        look(["instance"], self._look_at_instance)
        look(["not_found"], self._look_at_not_found)
        if self._instances:
            self._look_at_names()
        self.findings.add("media_type", self._media_types == {"application/json"}, sorted(self._media_types))

    def to_result(self) -> dict[str, Any]:
        """Return the findings, the shape of an instance, and what a file of names would have to say."""
        times = sorted(round(seconds * 1000) for seconds in self._seconds)
        return {
            "findings": self.findings.to_result(),
            "requests": len(times),
            "milliseconds": {"min": times[0], "median": times[len(times) // 2], "max": times[-1]},
            "objects": {"instance": len(self._instances)},
            "instance_shape": shape_of(list(self._instances)),
            "proposed_names": names_proposal.propose_names(self._names, self._instances),
        }

    def _get(self, path: str) -> Response:
        begin = time.monotonic()
        try:
            response = self._http.get(path)
        finally:
            self._seconds.append(time.monotonic() - begin)
        kind, semicolon, _parameters = (response.header("Content-Type") or "").lower().partition(";")
        known = kind.strip() if kind.strip() in ("application/json", "text/html", "text/plain") else "another type"
        self._media_types.add(f"{known} with parameters" if semicolon else known)
        return response

    def _look_at_type(self, raw: Json) -> None:
        names, add = self._names, self.findings.add
        value = raw.get(names.type)
        add("type", isinstance(value, str) and bool(value), value if value in TYPES else type_of(value))
        contexts = raw.get(names.contexts)
        add("contexts", isinstance(contexts, bool), contexts if isinstance(contexts, bool) else type_of(contexts))
        words = [_name_in(item, names.capability_name) for item in _entries(raw.get(names.capabilities))]
        known = [word for word in words if word in CAPABILITIES]
        add("capabilities", None not in words, {"known": known, "others": len(words) - len(known)})
        settings = _entries(raw.get(names.type_settings))
        expected = {
            names.type_setting_name,
            names.type_setting_description,
            names.type_setting_type,
            names.type_setting_required,
        }
        types = [_name_in(item, names.type_setting_type) for item in settings]
        seen = {
            "settings": len(settings),
            "properties": sorted({name_of(name) for item in settings if isinstance(item, dict) for name in item}),
            "types": sorted({item if item in SETTING_TYPES else type_of(item) for item in types}),
        }
        is_complete = all(isinstance(item, dict) and set(item) == expected for item in settings)
        add("type_settings", is_complete if settings else None, seen)

    def _look_at_instances(self) -> None:
        self._instances = self._get(self._names.instances).json_objects()
        self.findings.add("instances", True, len(self._instances))

    def _look_at_instance(self) -> None:
        reference = next((value for value in map(self._id_in, self._instances) if value is not None), None)
        if reference is None:
            return
        listed = next(raw for raw in self._instances if self._id_in(raw) == reference)
        one = self._get(f"{self._names.instances}/{reference}").json_object()
        is_same = shape_of(one) == shape_of(listed)
        self.findings.add("instance", is_same, "as listed" if is_same else shape_of(one))

    def _look_at_not_found(self) -> None:
        try:
            self._get(f"{self._names.instances}/{_NO_INSTANCE}")
        except ApiError as error:
            self.findings.add("not_found", error.status == 404, {"status": error.status, "errors": len(error.errors)})
        else:
            self.findings.add("not_found", False, "status 200")

    def _look_at_names(self) -> None:
        names, add = self._names, self.findings.add
        required = {"id": names.id, "controller": names.controller}
        missing = [
            entry for entry, path in required.items() if any(value_at(raw, path) is None for raw in self._instances)
        ]
        add("instance_names", not missing, {"missing": missing})
        others = sorted({".".join(map(name_of, path)) for raw in self._instances for path in self._unknown_paths(raw)})
        add("instance_properties", not others, others)
        places = (names.controller, names.address_space_type, names.address_space_name)
        keys = [tuple(str(value_at(raw, path)) for path in places) for raw in self._instances]
        has_names = not missing
        add(
            "identity",
            len(set(keys)) == len(keys) if has_names else None,
            {"instances": len(keys), "identities": len(set(keys))},
        )
        passwords = [value_at(raw, names.controller_password) for raw in self._instances]
        shown = sum(isinstance(value, str) and not set(value) <= _MASKS for value in passwords)
        add(
            "secrets",
            not shown if has_names else None,
            {"instances": len(passwords), "with a readable password": shown},
        )

    def _unknown_paths(self, raw: Json) -> list[Path]:
        known = [value for value in vars(self._names).values() if isinstance(value, tuple)]
        return [path for path in names_proposal.paths_of(raw) if not any(path[: len(item)] == item for item in known)]

    def _id_in(self, raw: Json) -> str | None:
        value = value_at(raw, self._names.id)
        try:
            check_id(CONNECTOR_INSTANCE, str(value))
        except ValueError:
            return None
        return str(value)


def value_at(raw: Any, path: Path) -> Any:
    """Return the value at a path of keys, None where there is none."""
    for key in path:
        raw = raw.get(key) if isinstance(raw, Mapping) else None
    return raw


def _entries(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _name_in(item: Any, name: str) -> Any:
    return item.get(name) if isinstance(item, Mapping) else None
