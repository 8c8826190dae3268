#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Upgrade VENs through a PCE."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pce_ven_upgrade
short_description: Upgrade VENs through an Illumio PCE
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Brings VENs to a release through the Policy Compute Engine (PCE). A VEN that has the release, or whose upgrade to it
    is under way, is not changed.
  - The PCE orders the upgrade, and each VEN carries it out when it reports next. With O(wait_timeout) the task waits
    until the PCE shows the release and the VEN is online.
  - VENs are matched by their exact hostname. Two VENs with the same hostname are an error. All VENs are looked up
    first; if one is ambiguous or missing, nothing is changed.
  - Check mode compares the releases and sends nothing.
extends_documentation_fragment:
  - microseg.enforcement.pce
  - microseg.enforcement.attributes
  - microseg.enforcement.attributes.action_group_pce
options:
  hostnames:
    description:
      - The exact hostnames of the VENs, as the PCE shows them. At least one of O(hostnames) and O(hrefs) is required.
    type: list
    elements: str
  hrefs:
    description:
      - The HREFs of the VENs, such as V(/orgs/1/vens/3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f). B(Not) those of workloads.
    type: list
    elements: str
  release:
    description:
      - The release, such as V(23.2.20-157). Without a build, such as V(23.2.20), the PCE must have one build of it.
      - V(23.2.20) and V(23.2.20-157) are the same release. A release that the PCE does not have is an error.
    type: str
    required: true
  allow_downgrade:
    description:
      - Whether VENs of a newer release are brought to O(release) too. Otherwise they are an error.
    type: bool
    default: false
  dry_run:
    description:
      - Whether the PCE is only asked whether it would upgrade the VENs. The task changes nothing, and fails if the PCE
        would refuse one.
      - Not sent in check mode, since a PCE that does not know it would upgrade the VENs.
    type: bool
    default: false
  batch_size:
    description:
      - How many VENs are upgraded at a time, 1 to 25000. A batch with a failure stops those that follow.
    type: int
    default: 25000
  wait_timeout:
    description:
      - The seconds to wait, after each batch, until its VENs show the release and are online. If some do not, the task
        names them and fails. It must be less than O(deadline).
      - V(0) does not wait.
    type: int
    default: 0
  allow_empty:
    description:
      - Whether O(hostnames) and O(hrefs) may name no VEN.
    type: bool
    default: false
seealso:
  - module: microseg.enforcement.pce_ven_info
"""

EXAMPLES = r"""
- name: List the VENs in test of an older release (connection from the environment)
  microseg.enforcement.pce_ven_info:
    labels:
      - env: test
    outdated_before: 24.2.10
    problems: [outdated]
  register: outdated

- name: Upgrade them, ten at a time
  microseg.enforcement.pce_ven_upgrade:
    hrefs: "{{ outdated.vens | map(attribute='href') | list }}"
    release: 24.2.10
    batch_size: 10
    wait_timeout: 600
    deadline: 3600
    allow_empty: true
"""

RETURN = r"""
vens:
  description: The VENs of the task, in its order, each once.
  type: list
  elements: dict
  returned: success, and when some of them failed
  contains:
    hostname:
      description: The hostname, or null.
      type: str
      returned: always
      sample: web1.example.com
    href:
      description: The HREF.
      type: str
      returned: always
      sample: /orgs/1/vens/3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f
    version:
      description: The release that the PCE showed last.
      type: str
      returned: always
      sample: 23.2.20-157
    status:
      description: The status of the VEN.
      type: str
      returned: always
      sample: active
    changed:
      description: Whether the task ordered its upgrade, or may have, or in check mode would.
      type: bool
      returned: always
      sample: true
    error:
      description:
        - Why it was not upgraded, or null. The task fails if any VEN has an error, and still returns all entries.
      type: str
      returned: always
      sample: null
"""

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.module import run
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.api import PCE
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.ven_upgrade import OPTIONS, upgrade_vens


def main() -> None:
    """Run the module."""
    run(OPTIONS, PCE.options, upgrade_vens, required_one_of=[("hostnames", "hrefs")])


if __name__ == "__main__":
    main()
