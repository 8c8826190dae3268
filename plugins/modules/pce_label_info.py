#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""List labels on a PCE."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pce_label_info
short_description: List labels on an Illumio PCE
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Returns the labels on an Illumio Policy Compute Engine (PCE) that match all given filters, without deleted ones.
  - If there are more than 500, a job of the PCE collects them, so the list is always complete.
extends_documentation_fragment:
  - microseg.enforcement.pce
  - microseg.enforcement.attributes.info
  - microseg.enforcement.attributes.action_group_pce
options:
  href:
    description:
      - The HREF of one label, such as V(/orgs/1/labels/7). The list is empty if it does not exist.
    type: str
  key:
    description:
      - The exact key, a text.
    type: raw
  value:
    description:
      - The value or a part of it, as the PCE compares. With O(exact=true) the exact value. It must be a text.
    type: raw
  exact:
    description:
      - Whether O(value) must match the whole value, case-sensitively, instead of a part of it.
    type: bool
    default: false
  external_data_set:
    description:
      - The data set that the label comes from.
    type: str
  external_data_reference:
    description:
      - The name of the label in that data set.
    type: str
  created_at:
    description:
      - When it was created, as the PCE shows it.
    type: str
  updated_at:
    description:
      - When it was last updated, as the PCE shows it.
    type: str
  created_by:
    description:
      - The HREF of the user who created it.
    type: str
  updated_by:
    description:
      - The HREF of the user who last updated it.
    type: str
  max_results:
    description:
      - The maximum number of labels to return, 0 or more. Default is all of them.
    type: int
seealso:
  - module: microseg.enforcement.pce_label
"""

EXAMPLES = r"""
- name: List all labels of key env (connection from the environment)
  microseg.enforcement.pce_label_info:
    key: env
  register: environments

- name: Get the label role=web, but not role=web-frontend
  microseg.enforcement.pce_label_info:
    key: role
    value: web
    exact: true
"""

RETURN = r"""
labels:
  description: The labels that match, in the order of the PCE; empty if there are none.
  type: list
  elements: dict
  returned: success
  contains:
    href:
      description: The HREF of the label.
      type: str
      returned: always
      sample: /orgs/1/labels/7
    key:
      description: The key.
      type: str
      returned: always
      sample: role
    value:
      description: The value.
      type: str
      returned: always
      sample: web
    external_data_set:
      description: The data set that the label comes from, or null.
      type: str
      returned: always
      sample: cmdb
    external_data_reference:
      description: The name of the label in that data set, or null.
      type: str
      returned: always
      sample: web-4711
    created_at:
      description: When it was created.
      type: str
      returned: always
      sample: "2026-06-08T23:13:29.019Z"
    updated_at:
      description: When it was last updated.
      type: str
      returned: always
      sample: "2026-06-08T23:18:36.150Z"
    created_by:
      description: The user who created it.
      type: dict
      returned: always
      sample: {"href": "/users/1"}
    updated_by:
      description: The user who last updated it.
      type: dict
      returned: always
      sample: {"href": "/users/1"}
"""

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.info import inspect
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.api import PCE
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.label import LABEL


def main() -> None:
    """Run the module."""
    inspect(LABEL, PCE)


if __name__ == "__main__":
    main()
