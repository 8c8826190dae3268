#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Manage all connector instances of a connector server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pe_connector_instances
short_description: Manage all connector instances of a connector server of a Juniper Policy Enforcer
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Does for many instances of one connector what M(microseg.enforcement.pe_connector_instance) does for one, with a
    single read of the server, and can delete all others.
  - If one instance fails, the others are still processed. The task fails in the end and names those that failed.
  - An instance that is listed twice is an error, before any request. So is a setting in
    O(connector_instances[].additional_settings) of one entry that is a secret or a file in another.
  - The playbook C(microseg.enforcement.connector_instances) does this for several connector servers.
extends_documentation_fragment:
  - microseg.enforcement.pe
  - microseg.enforcement.attributes
  - microseg.enforcement.attributes.action_group_pe
attributes:
  idempotent:
    support: partial
    details: "With O(update_password=always) secrets are written each time."
options:
  connector_instances:
    description:
      - The instances.
    type: list
    elements: dict
    required: true
    suboptions:
      controller:
        description:
          - The address of the external controller system, as the connector server shows it. An IP address
            (V(10.92.82.18), V(2001:db8::18)), a host name (V(www.aws.amazon.com)) or a URL
            (V(https://controller.example.com:8443/api)).
          - Different spellings of one address are the same controller. Upper and lower case of a host name, a dot at
            its end, the forms of an IPv6 address, and the default port of a URL make no difference. A URL and a host
            name without C(https://) are different controllers.
          - Together with O(connector_instances[].address_space_name) it identifies an instance, so it cannot be
            changed.
        type: str
        required: true
      address_space_name:
        description:
          - The name of the endpoint address space, such as the name of a Contrail project or the ID of an AWS VPC. It
            is compared exactly.
          - Omit it for an instance without an address space, as for threat remediation (ClearPass, Cisco ISE).
          - Required with O(connector_instances[].state=absent) if every instance of the controller has an address
            space.
        type: str
      address_space_type:
        description:
          - The type of the address space. It must be V(Project) for Contrail and V(VPC) for AWS; any value is accepted
            for other connectors.
          - Required with O(connector_instances[].address_space_name) to create an instance.
        type: str
      controller_context:
        description:
          - A context of the controller, which some connectors require in addition to its address, such as the region
            V(us-east-1) of AWS.
          - Required to create an instance if the connector's type says that a context is required
            (RV(microseg.enforcement.pe_connector_info#module:connector.controller_contexts)).
          - It does not identify an instance. The API identifies an instance by controller and address space.
        type: str
      controller_port:
        description:
          - The port of the controller, 1 to 65535.
          - A new instance has port 443 by default.
        type: int
      controller_username:
        description:
          - The user name with which the connector logs in to the controller. For ClearPass it is the client ID.
          - Required to create an instance, and to change an instance if the server does not show the user name.
        type: str
      controller_password:
        description:
          - The password of O(connector_instances[].controller_username). For ClearPass it is the client secret.
          - Required to create an instance and to change anything in it (see O(update_password)).
        type: str
      additional_settings:
        description:
          - The settings of the connector's type, by name, that are not secret.
          - M(microseg.enforcement.pe_connector_info) lists the settings of a connector. They are checked against that
            list before anything is written. A required setting must be set, an unknown setting is an error.
          - If set, it replaces all settings that are not secret; an empty dictionary removes them. If omitted, the
            existing settings are kept.
        type: dict
      secret_settings:
        description:
          - The settings of the connector's type, by name, that are secret. A setting whose type or name says that it
            is a secret must be set here.
          - They are written as O(update_password) says, and never returned.
        type: dict
      file_settings:
        description:
          - The settings of the connector's type that are files, such as C(PRIVATE_KEY_FILE), by name. The value is the
            path of a text file on the host that runs the module; its content is sent.
          - It must be a regular file of at most 1 MiB. The file is not read with O(connector_instances[].state=absent).
          - They are written as O(update_password) says, and never returned.
        type: dict
      state:
        description:
          - Whether the instance must be present or absent.
        type: str
        choices: [present, absent]
        default: present
  purge:
    description:
      - Whether to delete all instances of the connector that are not listed. With an empty list these are all
        instances.
      - Nothing is deleted if one of the listed instances failed.
    type: bool
    default: false
  update_password:
    description:
      - When O(connector_instances[].controller_password), O(connector_instances[].secret_settings) and
        O(connector_instances[].file_settings) are written.
      - Servers do not show them, so they cannot be compared. With V(on_create) they are written to a new instance, and
        to an instance in which something else changes. A difference in them alone is not detected.
      - With V(always) they are written each time, and the task always reports a change.
    type: str
    choices: [always, on_create]
    default: on_create
  recreate:
    description:
      - Whether to delete and create an instance again if the connector server does not support changing it (it responds
        to a PUT with 404, 405 or 501). The instance gets a new ID. Without this option such a change is an error.
    type: bool
    default: false
seealso:
  - module: microseg.enforcement.pe_connector_instance
  - module: microseg.enforcement.pe_connector_info
"""

EXAMPLES = r"""
- name: Create instances for two projects of one controller and delete all others
  microseg.enforcement.pe_connector_instances:
    connector_url: https://pe.example.com:7443
    connector_instances:
      - controller: 10.92.82.18
        controller_username: admin
        controller_password: "{{ contrail_password }}"
        address_space_type: Project
        address_space_name: red
      - controller: 10.92.82.18
        controller_username: admin
        controller_password: "{{ contrail_password }}"
        address_space_type: Project
        address_space_name: blue
    purge: true

- name: Create an instance of the Azure connector (the controller is the address that the Policy Enforcer shows)
  microseg.enforcement.pe_connector_instances:
    connector_url: https://pe.example.com:7445
    connector_instances:
      - controller: "{{ azure_controller }}"
        controller_context: westeurope
        controller_username: "{{ azure_user }}"
        controller_password: "{{ azure_password }}"
        address_space_type: VNet
        address_space_name: production
"""

RETURN = r"""
outcomes:
  description:
    - What was done, or in check mode would be done, an entry for each instance. The listed instances come first, in the
      order of the list, then those that were deleted because they are not listed.
  type: list
  elements: dict
  returned: success, and when some of the instances failed
  contains:
    controller:
      description: The address of the controller.
      type: str
      returned: always
      sample: 10.92.82.18
    address_space_name:
      description: The name of the address space, or null if the instance has none.
      type: str
      returned: always
      sample: demo
    instance_id:
      description: The ID, also of a deleted instance; null if there is no instance, or none yet.
      type: str
      returned: always
      sample: 8f0b2b0e-6d58-4c5e-9c7c-0f5d3c1f7a10
    action:
      description: What was done, one of V(nothing), V(create), V(update), V(delete) and V(failed).
      type: str
      returned: always
      sample: create
    changed:
      description: Whether the instance was changed.
      type: bool
      returned: always
      sample: true
    error:
      description: Why the instance failed, or null.
      type: str
      returned: always
      sample: null
    connector_instance:
      description: The instance as the server shows it if it was changed, else null. It never contains a secret.
      type: dict
      returned: always
      contains:
        instance_id:
          description: The ID that the server assigned.
          type: str
          returned: when the instance is present
          sample: 8f0b2b0e-6d58-4c5e-9c7c-0f5d3c1f7a10
        controller:
          description: The address of the controller.
          type: str
          returned: when the instance is present
          sample: 10.92.82.18
        controller_port:
          description: The port of the controller.
          type: int
          returned: when the instance is present
          sample: 443
        controller_username:
          description: The user name with which the connector logs in to the controller.
          type: str
          returned: when the instance is present
          sample: admin
        controller_context:
          description: The context of the controller, or null if it has none.
          type: str
          returned: when the instance is present
          sample: us-east-1
        address_space_type:
          description: The type of the address space, or null if the instance has none.
          type: str
          returned: when the instance is present
          sample: Project
        address_space_name:
          description: The name of the address space, or null if the instance has none.
          type: str
          returned: when the instance is present
          sample: demo
        additional_settings:
          description: The settings that are not secret, by name. Secrets and files are omitted.
          type: dict
          returned: when the instance is present
          sample: {"SRX_USERNAME": "security"}
"""

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.bulk import manage_all
from ansible_collections.microseg.enforcement.plugins.module_utils._pe.api import Pe
from ansible_collections.microseg.enforcement.plugins.module_utils._pe.connector_instance import CONNECTOR_INSTANCE


def main() -> None:
    """Run the module."""
    manage_all(CONNECTOR_INSTANCE, Pe())


if __name__ == "__main__":
    main()
