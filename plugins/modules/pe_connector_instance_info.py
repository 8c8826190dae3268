#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""List connector instances of a Policy Enforcer."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pe_connector_instance_info
short_description: List connector instances of a Juniper Policy Enforcer
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Returns the instances of a connector of a Juniper Policy Enforcer that match all given filters.
  - Passwords and secret settings are never returned, even if the server shows them. If the name of a setting does not
    say whether it is a secret, the connector is asked for the types of its settings.
extends_documentation_fragment:
  - microseg.enforcement.pe
  - microseg.enforcement.attributes.info
  - microseg.enforcement.attributes.action_group_pe
options:
  instance_id:
    description:
      - The ID of one instance. The result is empty if it does not exist.
    type: str
  controller:
    description:
      - The address of the controller, in any spelling (see
        O(microseg.enforcement.pe_connector_instance#module:controller)).
    type: str
  address_space_type:
    description:
      - The type of the address space, such as V(Project) (exact match).
    type: str
  address_space_name:
    description:
      - The name of the address space (exact match).
    type: str
  max_results:
    description:
      - The maximum number of instances to return.
    type: int
seealso:
  - module: microseg.enforcement.pe_connector_instance
"""

EXAMPLES = r"""
- name: List all instances of a connector
  microseg.enforcement.pe_connector_instance_info:
    connector_url: https://pe.example.com:7443
  register: all

- name: List the instances of one controller (connection from the environment)
  microseg.enforcement.pe_connector_instance_info:
    controller: 10.92.82.18
"""

RETURN = r"""
connector_instances:
  description:
    - The instances that match, in the order of the server; empty if there are none. They never contain a secret.
  type: list
  elements: dict
  returned: success
  contains:
    instance_id:
      description: The ID that the server assigned.
      type: str
      returned: always
      sample: 8f0b2b0e-6d58-4c5e-9c7c-0f5d3c1f7a10
    controller:
      description: The address of the controller.
      type: str
      returned: always
      sample: 10.92.82.18
    controller_port:
      description: The port of the controller.
      type: int
      returned: always
      sample: 443
    controller_username:
      description: The user name with which the connector logs in to the controller.
      type: str
      returned: always
      sample: admin
    controller_context:
      description: The context of the controller, or null if it has none.
      type: str
      returned: always
      sample: us-east-1
    address_space_type:
      description: The type of the address space, or null if the instance has none.
      type: str
      returned: always
      sample: Project
    address_space_name:
      description: The name of the address space, or null if the instance has none.
      type: str
      returned: always
      sample: demo
    additional_settings:
      description: The settings that are not secret, by name. Secrets and files are omitted.
      type: dict
      returned: always
      sample: {"SRX_USERNAME": "security"}
"""

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.info import inspect
from ansible_collections.microseg.enforcement.plugins.module_utils._pe.api import Pe
from ansible_collections.microseg.enforcement.plugins.module_utils._pe.connector_instance import CONNECTOR_INSTANCE


def main() -> None:
    """Run the module."""
    inspect(CONNECTOR_INSTANCE, Pe())


if __name__ == "__main__":
    main()
