#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Manage many workloads on a PCE."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pce_workloads
short_description: Manage many workloads on an Illumio PCE in one task
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Sets properties of many workloads with a VEN on an Illumio Policy Compute Engine (PCE), such as their enforcement
    mode, by requests that update up to 1,000 workloads each.
  - All workloads are looked up before anything is written. A hostname that no workload has is an error that names the
    nearest ones, and nothing is changed then.
  - If the PCE refuses some workloads, the others are changed, the task names those that were refused, and fails. Run
    the task again for what is left.
  - If the response of the PCE does not say that a workload was updated, the module reads the workload to find out.
extends_documentation_fragment:
  - microseg.enforcement.pce
  - microseg.enforcement.attributes
  - microseg.enforcement.attributes.action_group_pce
options:
  workloads:
    description:
      - Workloads, each with its values.
      - Either O(workloads), or O(selection) and O(values), are required.
    type: list
    elements: dict
    suboptions:
      hostname:
        description:
          - The exact hostname, as the PCE shows it. Two managed workloads with the same hostname are an error.
          - Either O(workloads[].hostname) or O(workloads[].href) is required.
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
  selection:
    description:
      - Which workloads get O(values). All conditions must hold, and at least one is required.
      - A selection without a workload is an error, unless O(allow_empty=true).
    type: dict
    suboptions:
      hostnames:
        description:
          - Exact hostnames, one of which the workload must have. A hostname that no managed workload has, or several
            have, is an error.
        type: list
        elements: str
      name:
        description:
          - A part of the name, case-insensitively.
        type: str
      online:
        description:
          - Whether its VEN is online.
        type: bool
      enforcement_mode:
        description:
          - Enforcement modes, one of which the workload must have.
        type: list
        elements: str
        choices: [idle, visibility_only, selective, full]
      labels:
        description:
          - Labels, all of which the workload must have, in the form of O(workloads[].labels).
          - A label that does not exist is an error.
        type: list
        elements: dict
  values:
    description:
      - What all workloads of O(selection) get. At least one value is required.
    type: dict
    suboptions:
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
  allow_empty:
    description:
      - Whether O(workloads) and O(selection) may contain no workload.
    type: bool
    default: false
  create_labels:
    description:
      - Whether to create labels that do not exist.
    type: bool
    default: false
seealso:
  - module: microseg.enforcement.pce_workload
  - module: microseg.enforcement.pce_workload_info
"""

EXAMPLES = r"""
- name: Move all web servers in test to selective enforcement (connection from the environment)
  microseg.enforcement.pce_workloads:
    selection:
      labels:
        - role: web
        - env: test
    values:
      enforcement_mode: selective

- name: Set different modes
  microseg.enforcement.pce_workloads:
    workloads:
      - hostname: web1
        enforcement_mode: full
      - hostname: db1
        enforcement_mode: visibility_only
"""

RETURN = r"""
outcomes:
  description: An entry for each workload, in the order of the task or of the PCE.
  type: list
  elements: dict
  returned: success, and when some of them failed
  contains:
    hostname:
      description: The hostname.
      type: str
      returned: always
      sample: web1.example.com
    href:
      description: The HREF, null if no workload has the hostname of the task.
      type: str
      returned: always
      sample: /orgs/1/workloads/3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f
    action:
      description: >-
        What the task did, or in check mode would do, one of V(nothing), V(update), V(failed), and V(skipped) for a
        change that was not tried because another workload of the task does not exist.
      type: str
      returned: always
      sample: update
    changed:
      description: Whether it was changed, or may have been.
      type: bool
      returned: always
      sample: true
    error:
      description: Why it failed, or null. The task fails if any workload failed, and still returns all entries.
      type: str
      returned: always
      sample: null
    workload:
      description: The workload as in the result of M(microseg.enforcement.pce_workload) if it was changed, or null.
      type: dict
      returned: always
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

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.module import run
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.api import PCE
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.workload_bulk import OPTIONS, change_workloads


def main() -> None:
    """Run the module."""
    run(
        OPTIONS,
        PCE.options,
        change_workloads,
        required_one_of=[("workloads", "selection")],
        mutually_exclusive=[("workloads", "selection"), ("workloads", "values")],
        required_together=[("selection", "values")],
    )


if __name__ == "__main__":
    main()
