#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Get the type of a connector of a Policy Enforcer."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pe_connector_info
short_description: Get the type of a connector of a Juniper Policy Enforcer
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Returns the type of a connector of a Juniper Policy Enforcer, its capabilities, the settings of its instances, and
    whether they need a context of the controller.
extends_documentation_fragment:
  - microseg.enforcement.pe
  - microseg.enforcement.attributes.info
  - microseg.enforcement.attributes.action_group_pe
seealso:
  - module: microseg.enforcement.pe_connector_instance
"""

EXAMPLES = r"""
- name: Get the settings that an instance needs
  microseg.enforcement.pe_connector_info:
    connector_url: https://pe.example.com:7444
  register: aws
"""

RETURN = r"""
connector:
  description: The connector.
  type: dict
  returned: success
  contains:
    type:
      description: The type of the connector.
      type: str
      returned: always
      sample: Amazon Web Services
    controller_contexts:
      description:
        - Whether an instance needs a context of the controller in addition to its address, such as a region of AWS;
          null if the server does not say.
        - It does not say whether an instance has an address space.
      type: bool
      returned: always
      sample: true
    capabilities:
      description: The capabilities of the connector.
      type: list
      elements: str
      returned: always
      sample: [INFECTED_HOST_BLOCK, INFECTED_HOST_QUARANTINE]
    additional_settings:
      description: The settings of its instances.
      type: list
      elements: dict
      returned: always
      contains:
        name:
          description: The name of the setting.
          type: str
          returned: always
          sample: PRIVATE_KEY_FILE
        description:
          description: The description of the setting.
          type: str
          returned: always
          sample: SRX Authentication Key
        type:
          description: The type of its value, such as V(string) or V(file).
          type: str
          returned: always
          sample: file
        required:
          description: Whether an instance must have it.
          type: bool
          returned: always
          sample: true
"""

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.module import run
from ansible_collections.microseg.enforcement.plugins.module_utils._pe.api import Pe


def main() -> None:
    """Run the module."""
    run(
        {},
        Pe.options,
        lambda params, _check_mode: {"changed": False, "connector": Pe().connector(params).type().to_result()},
    )


if __name__ == "__main__":
    main()
