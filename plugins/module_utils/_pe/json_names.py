# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one table of the paths and JSON names of a connector server.

Change a value here when your server calls a thing otherwise; nothing else in the collection holds a name. What stands
under "assumed" is in no public page: it follows the style of the bodies that are (pe-api.md). A name with dots in the
API's own documentation, such as controller.ipAddress, is a tuple here: ("controller", "ipAddress").
"""

from __future__ import annotations

from dataclasses import dataclass

Path = tuple[str, ...]


@dataclass(frozen=True)
class JsonNames:
    """Where things are and what they are called."""

    # Documented: the API's address on a connector server, and what lies below it.
    base: str = "/api/v2/connector"
    connector: str = ""
    instances: str = "/instances"

    # Documented: what GET of the connector answers.
    type: str = "type"
    contexts: str = "controllerContexts"
    capabilities: str = "capabilities"
    capability_name: str = "name"
    type_settings: str = "additionalSettings"
    type_setting_name: str = "name"
    type_setting_description: str = "description"
    type_setting_type: str = "type"
    type_setting_required: str = "required"

    # Assumed: an instance, as it is sent and shown.
    id: Path = ("id",)
    controller_ip: Path = ("controller", "ipAddress")
    controller_port: Path = ("controller", "port")
    controller_username: Path = ("controller", "username")
    controller_password: Path = ("controller", "password")
    address_space_type: Path = ("endpointAddressSpace", "type")
    address_space_name: Path = ("endpointAddressSpace", "name")
    settings: Path = ("additionalSettings",)
    setting_name: str = "name"
    setting_value: str = "value"


NAMES = JsonNames()
