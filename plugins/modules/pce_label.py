#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep a label of a PCE as declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pce_label
short_description: Manage labels on an Illumio PCE
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Creates, updates and deletes labels of an Illumio Policy Compute Engine (PCE), and changes their values.
  - Key and value are compared exactly and over all labels, although the PCE's own filter matches partially. Two labels
    of one key and value are an error, and nothing is changed.
  - A PCE keeps a deleted label and marks it. Such a label counts as absent, and can be created again.
extends_documentation_fragment:
  - microseg.enforcement.pce
  - microseg.enforcement.attributes
  - microseg.enforcement.attributes.action_group_pce
options:
  key:
    description:
      - The key of the label, such as V(role), V(app), V(env), V(loc), or one of the organisation's own. The key of a
        label cannot be changed.
      - Either O(key) and O(value) or O(href) are needed.
    type: raw
  value:
    description:
      - The exact value of the label, 1 to 255 characters.
    type: raw
  href:
    description:
      - The HREF of an existing label, such as V(/orgs/1/labels/7).
    type: str
  new_value:
    description:
      - The value that the label shall have, 1 to 255 characters. Whatever carries the label keeps it.
      - A label that already has it counts as changed. If neither exists, one is created with it.
    type: raw
  external_data_set:
    description:
      - The data set that the label comes from. An empty text clears it.
    type: str
  external_data_reference:
    description:
      - What the label is called in that data set. An empty text clears it.
    type: str
  state:
    description:
      - V(present) makes sure that the label is there, as declared.
      - V(absent) makes sure that it is not there.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: microseg.enforcement.pce_label_info
"""

EXAMPLES = r"""
- name: Have the label env=prod
  microseg.enforcement.pce_label:
    pce_host: pce.example.com
    api_key: "{{ pce_api_key }}"
    api_secret: "{{ pce_api_secret }}"
    key: env
    value: prod

- name: Call it production from now on (connection from the environment)
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
    - The label as the PCE has it after the task, null where it is absent.
    - In check mode it is what it would be; what only the PCE decides is null then.
  type: dict
  returned: success
  contains:
    href:
      description: The HREF, by which the PCE calls the label.
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
      description: What the label is called in that data set, or null.
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
      description: Who created it.
      type: dict
      returned: when the label is present
      sample: {"href": "/users/1"}
    updated_by:
      description: Who last updated it.
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
