# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which settings of instances may be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._core.resource import Raw, Resource
from . import bodies
from .connector_type import Connector
from .settings import PLAIN, is_masked, looks_secret


class Visibility:
    """Distinguishes settings that may be shown from secrets, by the task's options and else by the connector's type.

    ``plain`` holds the settings that the task itself shows, by the reference or the names of the instance that has
    them; ``hidden`` names those that it does not show, of any instance.
    """

    def __init__(
        self, connector: Connector, resource: Resource, plain: Mapping[Any, Mapping[str, str]], hidden: frozenset[str]
    ) -> None:
        self._connector = connector
        self._resource = resource
        self._plain = plain
        self._hidden = hidden

    def show(self, raw: Raw, entries: Sequence[Raw]) -> Raw:
        """Return the properties of an instance, without the values of secrets. ``entries`` are its settings."""
        properties = bodies.read_properties(self._connector.names, raw)
        plain = self.plain_of(properties)
        settings = bodies.conceal_settings(
            self._connector.names, entries, lambda name, value: self.is_secret(name, value, plain)
        )
        return {**properties, PLAIN: settings}

    def plain_of(self, properties: Raw) -> Mapping[str, str]:
        """Return the settings that the task shows for this instance."""
        names = tuple(self._resource.field(name).value_in(properties) for name in self._resource.identity)
        reference = self._resource.field(self._resource.reference).value_in(properties)
        return self._plain.get(names) or (self._plain.get(reference) if isinstance(reference, str) else None) or {}

    def is_secret(self, name: str, value: Any, plain: Mapping[str, str]) -> bool:
        """Return True if a setting must not be shown. Where nothing else tells, the connector's type is requested.

        ``plain`` are the settings that the task shows for this instance. It may mean what looks like a mask.
        """
        if name in self._hidden or looks_secret(name):
            return True
        if is_masked(value):
            return name not in plain or plain[name] != value
        if name in plain:
            return False
        known = self._connector.type().setting(name)
        return known is not None and known.is_secret
