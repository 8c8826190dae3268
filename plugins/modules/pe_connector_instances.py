#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep many connector instances of a Policy Enforcer as declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pe_connector_instances
short_description: Keep many connector instances of a Juniper Policy Enforcer as declared
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Does for many instances of one connector what M(microseg.enforcement.pe_connector_instance) does for one, with a
    single read of the server, and can remove all others.
  - One instance that fails does not stop the others. The task fails in the end and names those that failed.
  - An instance that is listed twice is an error, before any request. So is a setting that stands in
    O(connector_instances[].additional_settings) of one entry and is a secret or a file in another.
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
      controller_ip:
        description:
          - The address of the external controller system, IPv4 or IPv6. Two spellings of one address are one address.
          - Together with O(connector_instances[].address_space_name) it says which instance is meant.
        type: str
        required: true
      address_space_name:
        description:
          - The name of the endpoint address space, such as the name of a Contrail project. It is compared exactly.
          - Leave it out for connectors without address spaces, such as those for threat remediation (ClearPass, ISE).
        type: str
      address_space_type:
        description:
          - What an address space is in the controller system, V(Project) for Contrail and V(VPC) for AWS, which is
            checked; other connectors are not known here, and take what you write.
          - Needed to create an instance of a connector that has address spaces.
        type: str
      controller_port:
        description:
          - The port of the controller, 1 to 65535. A new instance has 443 unless this says otherwise.
        type: int
      controller_username:
        description:
          - The user that the connector logs in to the controller as. Needed to create an instance, and to
            change anything of it where the server does not show the user.
        type: str
      controller_password:
        description:
          - The password of O(connector_instances[].controller_username). Needed to create an instance and to change
            anything of it (see O(update_password)).
        type: str
      additional_settings:
        description:
          - The settings of the connector's type, name and value, that everybody may see.
          - The connector says which settings there are (M(microseg.enforcement.pe_connector_info)). Before anything
            is written, they are held against that. Required ones have to be there, unknown ones are refused.
          - Given, it replaces all settings of this sort; an empty dictionary removes them. Not given, they are kept.
        type: dict
      secret_settings:
        description:
          - The settings of the connector's type, name and value, that nobody may see. A setting whose type or name
            says that it is a secret has to be given here.
          - They are written as O(update_password) says, and never returned.
        type: dict
      file_settings:
        description:
          - The settings of the connector's type that are files, such as C(PRIVATE_KEY_FILE). The value is the path of
            a text file on the host that runs the module, and what it contains is sent.
          - The file is not read with O(connector_instances[].state=absent).
          - They are written as O(update_password) says, and never returned.
        type: dict
      state:
        description:
          - Whether the instance has to be there, as declared, or must not be there.
        type: str
        choices: [present, absent]
        default: present
  purge:
    description:
      - Whether all instances of the connector that are not listed are removed. With an empty list these are all.
      - Nothing is removed if one of the listed instances failed.
    type: bool
    default: false
  update_password:
    description:
      - When O(connector_instances[].controller_password), O(connector_instances[].secret_settings) and
        O(connector_instances[].file_settings) are written.
      - No server shows them, so they cannot be compared. With V(on_create) a new instance gets them, and so does an
        instance in which something else changes. A difference in them alone is not seen.
      - With V(always) they are written each time, and the task always reports a change.
    type: str
    choices: [always, on_create]
    default: on_create
  recreate:
    description:
      - Whether an instance may be deleted and created again where the connector server does not let it be changed (it
        answers 404, 405 or 501 to a PUT). It gets another id then. Without this such a change is an error.
    type: bool
    default: false
seealso:
  - module: microseg.enforcement.pe_connector_instance
  - module: microseg.enforcement.pe_connector_info
"""

EXAMPLES = r"""
- name: Have two projects of one controller, and no other instance
  microseg.enforcement.pe_connector_instances:
    connector_url: https://pe.example.com:7443
    connector_instances:
      - controller_ip: 10.92.82.18
        controller_username: admin
        controller_password: "{{ contrail_password }}"
        address_space_type: Project
        address_space_name: red
      - controller_ip: 10.92.82.18
        controller_username: admin
        controller_password: "{{ contrail_password }}"
        address_space_type: Project
        address_space_name: blue
    purge: true
"""

RETURN = r"""
outcomes:
  description:
    - What was done, or in check mode would be, an entry for each instance. The listed ones come first, in the order
      of the list, then those that were removed because they are not listed.
  type: list
  elements: dict
  returned: success, and when some of the instances failed
  contains:
    controller_ip:
      description: The address of the controller system.
      type: str
      returned: always
      sample: 10.92.82.18
    address_space_name:
      description: The name of the address space, or null where the connector has none.
      type: str
      returned: always
      sample: demo
    instance_id:
      description: The id, also of what was deleted; null where there is none, or none yet.
      type: str
      returned: always
      sample: 8f0b2b0e-6d58-4c5e-9c7c-0f5d3c1f7a10
    action:
      description: What was done, one of V(nothing), V(create), V(update), V(delete) and V(failed).
      type: str
      returned: always
      sample: create
    changed:
      description: Whether it was changed.
      type: bool
      returned: always
      sample: true
    error:
      description: Why it failed, or null.
      type: str
      returned: always
      sample: null
    connector_instance:
      description: The instance as the server has it if it was changed, else null. It never holds a secret.
      type: dict
      returned: always
      contains:
        instance_id:
          description: The id that the server allotted.
          type: str
          returned: when the instance is present
          sample: 8f0b2b0e-6d58-4c5e-9c7c-0f5d3c1f7a10
        controller_ip:
          description: The address of the controller system.
          type: str
          returned: when the instance is present
          sample: 10.92.82.18
        controller_port:
          description: Its port.
          type: int
          returned: when the instance is present
          sample: 443
        controller_username:
          description: The user that the connector logs in as.
          type: str
          returned: when the instance is present
          sample: admin
        address_space_type:
          description: What the address space is, or null where the connector has none.
          type: str
          returned: when the instance is present
          sample: Project
        address_space_name:
          description: The name of the address space, or null where the connector has none.
          type: str
          returned: when the instance is present
          sample: demo
        additional_settings:
          description: The settings that may be seen, name and value. Secrets and files are left out.
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
