#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Manage labels on a PCE."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pce_label
short_description: Manage labels on an Illumio PCE
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Creates, updates and deletes labels on an Illumio Policy Compute Engine (PCE), and changes their values.
  - Labels are matched by their exact key and value, although the PCE's own filter matches parts of a value. Two labels
    with the same key and value are an error, and nothing is changed.
  - A PCE keeps deleted labels and marks them. Such a label counts as absent and can be created again.
extends_documentation_fragment:
  - microseg.enforcement.pce
  - microseg.enforcement.attributes
  - microseg.enforcement.attributes.action_group_pce
options:
  key:
    description:
      - The key of the label, such as V(role), V(app), V(env), V(loc), or a custom key of the organization. The key of a
        label cannot be changed.
      - O(key) and O(value), or O(href), are required.
      - It must be a text. A number or boolean is refused; quote it in YAML.
      - Before a label is created, the keys that the PCE lists are read, if it lists any. Another key is an error that
        names the closest.
    type: raw
  value:
    description:
      - The exact value of the label, 1 to 255 characters.
      - It must be a text, because YAML reads an unquoted V(0123) as 83 and V(12:30) as 750. Quote such a value in YAML,
        or append C(| string) in a template.
    type: raw
  href:
    description:
      - The HREF of an existing label, such as V(/orgs/1/labels/7). With O(value), this label gets that value.
    type: str
  new_value:
    description:
      - The new value of the label, 1 to 255 characters, a text like O(value). Objects with the label keep it.
      - If a label with O(key) and O(new_value) exists and none with O(value), nothing is renamed. If neither exists,
        a label is created with O(new_value).
    type: raw
  external_data_set:
    description:
      - The data set that the label comes from. An empty string clears it.
    type: str
  external_data_reference:
    description:
      - The name of the label in that data set. An empty string clears it.
    type: str
  state:
    description:
      - V(present) creates the label, or updates it if it differs.
      - V(absent) deletes it.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: microseg.enforcement.pce_label_info
"""

EXAMPLES = r"""
- name: Create the label env=prod
  microseg.enforcement.pce_label:
    pce_host: pce.example.com
    api_key: "{{ pce_api_key }}"
    api_secret: "{{ pce_api_secret }}"
    key: env
    value: prod

- name: Change its value to production (connection from the environment)
  microseg.enforcement.pce_label:
    key: env
    value: prod
    new_value: production

- name: Delete the label env=test
  microseg.enforcement.pce_label:
    key: env
    value: test
    state: absent
"""

RETURN = r"""
label:
  description:
    - The label as the PCE shows it after the task, null if it is absent.
    - In check mode it is the expected label; properties that the PCE sets are null if it is new.
  type: dict
  returned: success
  contains:
    href:
      description: The HREF of the label.
      type: str
      returned: when the label is present
      sample: /orgs/1/labels/7
    key:
      description: The key.
      type: str
      returned: when the label is present
      sample: role
    value:
      description: The value.
      type: str
      returned: when the label is present
      sample: web
    external_data_set:
      description: The data set that the label comes from, or null.
      type: str
      returned: when the label is present
      sample: cmdb
    external_data_reference:
      description: The name of the label in that data set, or null.
      type: str
      returned: when the label is present
      sample: web-4711
    created_at:
      description: When it was created.
      type: str
      returned: when the label is present
      sample: "2026-06-08T23:13:29.019Z"
    updated_at:
      description: When it was last updated.
      type: str
      returned: when the label is present
      sample: "2026-06-08T23:18:36.150Z"
    created_by:
      description: The user who created it.
      type: dict
      returned: when the label is present
      sample: {"href": "/users/1"}
    updated_by:
      description: The user who last updated it.
      type: dict
      returned: when the label is present
      sample: {"href": "/users/1"}
"""

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.resource import manage
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.api import PCE
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.label import LABEL


def main() -> None:
    """Run the module."""
    manage(LABEL, PCE)


if __name__ == "__main__":
    main()
