#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""List the compatibility reports of VENs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pce_ven_compatibility_info
short_description: List the compatibility reports of VENs on an Illumio PCE
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - A VEN in the enforcement mode idle reports every 24 hours whether its host is ready for another mode. This module
    returns the reports of the selected VENs in idle mode. VENs in other modes have none, and are left out.
  - Each report takes one request, so O(deadline) must be long enough for many VENs. The task fails before it reads the
    first if it is not.
extends_documentation_fragment:
  - microseg.enforcement.pce
  - microseg.enforcement.attributes.info
  - microseg.enforcement.attributes.action_group_pce
options:
  href:
    description:
      - The HREF of one VEN, such as V(/orgs/1/vens/3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f).
    type: str
  hostnames:
    description:
      - Exact hostnames, one of which the VEN must have.
    type: list
    elements: str
  labels:
    description:
      - Labels, all of which the workload of the VEN must have.
      - >-
        An entry is V({key: role, value: web}), or V({role: web}) for short, or V({href: /orgs/1/labels/7}). Key and
        value must match exactly, and must be texts: quote numbers in YAML, or append C(| string) in a template.
      - A label that does not exist is an error, so that a misspelled one does not look like an empty result.
      - A workload has at most one label of each key, so two labels of one key are an error.
    type: list
    elements: dict
  status:
    description:
      - Statuses, one of which the report must have; V(none) is a VEN without a report.
    type: list
    elements: str
    choices: [green, yellow, red, none]
seealso:
  - module: microseg.enforcement.pce_ven_info
"""

EXAMPLES = r"""
- name: List the web servers that are not ready (connection from the environment)
  microseg.enforcement.pce_ven_compatibility_info:
    labels:
      - role: web
    status: [yellow, red, none]
"""

RETURN = r"""
compatibility_reports:
  description: An entry for each selected VEN in idle mode.
  type: list
  elements: dict
  returned: success
  contains:
    href:
      description: The HREF of the VEN.
      type: str
      returned: always
      sample: /orgs/1/vens/3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f
    hostname:
      description: The hostname of the VEN, or null.
      type: str
      returned: always
      sample: web1.example.com
    status:
      description: V(green), V(yellow) or V(red), null if there is no report.
      type: str
      returned: always
      sample: yellow
    updated_at:
      description: The time of the report, or null.
      type: str
      returned: always
      sample: '2026-01-15T10:11:12.131Z'
    failed_tests:
      description: What the tests found that are not green.
      type: list
      elements: str
      returned: always
      sample: ["required_packages_missing: ipset"]
"""

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.module import run
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.api import PCE
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.compatibility import OPTIONS, list_reports


def main() -> None:
    """Run the module."""
    run(
        OPTIONS,
        PCE.options,
        lambda params, _check_mode: {"changed": False, "compatibility_reports": list_reports(params)},
    )


if __name__ == "__main__":
    main()
