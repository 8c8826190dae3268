#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Manage a workload on a PCE."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pce_workload
short_description: Manage a workload on an Illumio PCE
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Sets the enforcement mode, the labels and other properties of a workload with a VEN on an Illumio Policy Compute
    Engine (PCE).
  - A host creates its workload when it is paired, so this module creates none. A workload that does not exist is an
    error that names the closest hostnames.
  - Options that are not set are not changed.
  - To move many workloads, use M(microseg.enforcement.pce_workloads).
extends_documentation_fragment:
  - microseg.enforcement.pce
  - microseg.enforcement.attributes
  - microseg.enforcement.attributes.action_group_pce
options:
  hostname:
    description:
      - The exact hostname, as the PCE shows it. Two managed workloads with the same hostname are an error.
      - Either O(hostname) or O(href) is required.
    type: str
  href:
    description:
      - The HREF, such as V(/orgs/1/workloads/3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f).
    type: str
  name:
    description:
      - The name that the PCE shows instead of the hostname, at most 255 characters. An empty string clears it.
    type: str
  description:
    description:
      - The description. An empty string clears it.
    type: str
  enforcement_mode:
    description:
      - The enforcement mode.
    type: str
    choices: [idle, visibility_only, selective, full]
  visibility_level:
    description:
      - Which traffic the VEN reports to the PCE.
    type: str
    choices: [flow_summary, flow_drops, flow_off, enhanced_data_collection, flow_full_detail]
  labels:
    description:
      - All labels of the workload, at most one of each key. Labels that are not listed are removed from it.
      - >-
        An entry is V({key: role, value: web}), or V({role: web}) for short, or V({href: /orgs/1/labels/7}). Key and
        value must match exactly, and must be texts.
      - A label that does not exist is an error that names the closest labels, unless O(create_labels=true).
    type: list
    elements: dict
  external_data_set:
    description:
      - The data set that the workload comes from. An empty string clears it.
    type: str
  external_data_reference:
    description:
      - The name of the workload in that data set. An empty string clears it.
    type: str
  create_labels:
    description:
      - Whether to create labels that do not exist.
    type: bool
    default: false
seealso:
  - module: microseg.enforcement.pce_workloads
  - module: microseg.enforcement.pce_workload_info
"""

EXAMPLES = r"""
- name: Move a workload to full enforcement (connection from the environment)
  microseg.enforcement.pce_workload:
    hostname: web1
    enforcement_mode: full

- name: Set the labels of a workload
  microseg.enforcement.pce_workload:
    hostname: web1
    labels:
      - role: web
      - env: prod
"""

RETURN = r"""
workload:
  description: The workload, as the PCE shows it, or in check mode as it would be.
  type: dict
  returned: success
  contains:
    href:
      description: The HREF of the workload.
      type: str
      returned: always
      sample: /orgs/1/workloads/3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f
    hostname:
      description: The hostname.
      type: str
      returned: always
      sample: web1.example.com
    name:
      description: The name, or null.
      type: str
      returned: always
      sample: null
    description:
      description: The description, or null.
      type: str
      returned: always
      sample: null
    enforcement_mode:
      description: The enforcement mode.
      type: str
      returned: always
      sample: selective
    visibility_level:
      description: The visibility level.
      type: str
      returned: always
      sample: flow_summary
    labels:
      description: The labels. In check mode, a label that would be created has C(key) and C(value), no C(href).
      type: list
      elements: dict
      returned: always
      sample: [{href: /orgs/1/labels/7}]
    external_data_set:
      description: The data set, or null.
      type: str
      returned: always
      sample: null
    external_data_reference:
      description: The name in the data set, or null.
      type: str
      returned: always
      sample: null
    online:
      description: Whether its VEN is online.
      type: bool
      returned: always
      sample: true
"""

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.resource import manage
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.managed_workload import (
    MANAGED_WORKLOAD,
    MANAGED_WORKLOADS,
)


def main() -> None:
    """Run the module."""
    manage(MANAGED_WORKLOAD, MANAGED_WORKLOADS)


if __name__ == "__main__":
    main()
