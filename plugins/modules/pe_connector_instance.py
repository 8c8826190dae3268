#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep a connector instance of a Policy Enforcer as declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pe_connector_instance
short_description: Keep a connector instance of a Juniper Policy Enforcer as declared
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Creates, changes and deletes an instance of a connector of a Juniper Policy Enforcer.
  - A connector links the Policy Enforcer to an external controller system, such as Contrail or AWS. It needs an
    instance for each address space, since addresses may overlap between two of them.
  - The address of the controller and the name of the address space together say which instance is meant. The same
    name at two controllers, or two names at one controller, are different instances.
  - An option that is not given keeps its value.
  - A change is sent as the whole configuration, since it is not known what a server makes of a part of one. Secrets
    cannot be read back, so O(controller_password) and the secret settings have to be given for any change; without
    them nothing is changed, and the error says what is missing.
extends_documentation_fragment:
  - microseg.enforcement.pe
  - microseg.enforcement.attributes
  - microseg.enforcement.attributes.action_group_pe
attributes:
  idempotent:
    support: partial
    details: "With O(update_password=always) secrets are written each time."
options:
  controller_ip:
    description:
      - The address of the external controller system, IPv4 or IPv6. Two spellings of one address are one address.
      - Together with O(address_space_name) it says which instance is meant.
      - Exactly one of O(controller_ip) and O(instance_id) is needed.
    type: str
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
      - The password of O(controller_username). Needed to create an instance and to change anything of it (see
        O(update_password)).
    type: str
  additional_settings:
    description:
      - The settings of the connector's type, name and value, that everybody may see.
      - The connector says which settings there are (M(microseg.enforcement.pe_connector_info)). Before anything is
        written, they are held against that. Required ones have to be there, unknown ones are refused.
      - Given, it replaces all settings of this sort; an empty dictionary removes them. Not given, they are kept.
    type: dict
  secret_settings:
    description:
      - The settings of the connector's type, name and value, that nobody may see. A setting whose type or name says
        that it is a secret has to be given here.
      - They are written as O(update_password) says, and never returned.
    type: dict
  file_settings:
    description:
      - The settings of the connector's type that are files, such as C(PRIVATE_KEY_FILE). The value is the path of a
        text file on the host that runs the module, and what it contains is sent.
      - The file is not read with O(state=absent).
      - They are written as O(update_password) says, and never returned.
    type: dict
  instance_id:
    description:
      - The id of an existing instance, instead of O(controller_ip) and O(address_space_name).
    type: str
  state:
    description:
      - V(present) makes sure that the instance is there, as declared.
      - V(absent) makes sure that it is not there.
    type: str
    choices: [present, absent]
    default: present
  update_password:
    description:
      - When O(controller_password), O(secret_settings) and O(file_settings) are written.
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
  - module: microseg.enforcement.pe_connector_instance_info
  - module: microseg.enforcement.pe_connector_instances
  - module: microseg.enforcement.pe_connector_info
"""

EXAMPLES = r"""
- name: Have an instance of the Contrail connector for the project demo
  microseg.enforcement.pe_connector_instance:
    connector_url: https://pe.example.com:7443
    controller_ip: 10.92.82.18
    controller_username: admin
    controller_password: "{{ contrail_password }}"
    address_space_type: Project
    address_space_name: demo

- name: Have one of the AWS connector, with the settings that it asks for
  microseg.enforcement.pe_connector_instance:
    connector_url: https://pe.example.com:7444
    controller_ip: 192.0.2.10
    controller_username: "{{ aws_access }}"
    controller_password: "{{ aws_secret }}"
    address_space_type: VPC
    address_space_name: vpc-0a1b2c3d
    additional_settings:
      SECURITY_GROUP_NAME: infected-hosts
      SRX_ID_TAG: srx
      SRX_USERNAME: security
    file_settings:
      PRIVATE_KEY_FILE: /etc/keys/srx.pem

- name: Write a new password (connection from the environment)
  microseg.enforcement.pe_connector_instance:
    controller_ip: 10.92.82.18
    address_space_name: demo
    controller_password: "{{ new_contrail_password }}"
    update_password: always

- name: Use another port, also if the server has no other way than to make the instance anew
  microseg.enforcement.pe_connector_instance:
    controller_ip: 10.92.82.18
    address_space_name: demo
    controller_port: 8443
    controller_password: "{{ contrail_password }}"
    recreate: true

- name: Delete it
  microseg.enforcement.pe_connector_instance:
    controller_ip: 10.92.82.18
    address_space_name: demo
    state: absent
"""

RETURN = r"""
connector_instance:
  description:
    - The instance as the server has it after the task, null where it is absent. It never holds a secret.
    - In check mode it is what it would be; what only the server decides is null then.
  type: dict
  returned: success
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

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.resource import manage
from ansible_collections.microseg.enforcement.plugins.module_utils._pe.api import Pe
from ansible_collections.microseg.enforcement.plugins.module_utils._pe.connector_instance import CONNECTOR_INSTANCE


def main() -> None:
    """Run the module."""
    manage(CONNECTOR_INSTANCE, Pe())


if __name__ == "__main__":
    main()
