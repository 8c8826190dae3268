#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""List VENs on a PCE."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pce_ven_info
short_description: List VENs on an Illumio PCE
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Returns the VENs on an Illumio Policy Compute Engine (PCE) that match all given filters, with their problems.
  - The module reads all VENs by one request, and all labels by another one if O(labels) is set or the PCE shows labels
    without their keys and values.
  - If there are more than 500, a job of the PCE collects them, so the list is always complete.
  - The module itself applies the filters, since a PCE may ignore one.
extends_documentation_fragment:
  - microseg.enforcement.pce
  - microseg.enforcement.attributes.info
  - microseg.enforcement.attributes.action_group_pce
options:
  href:
    description:
      - The HREF of one VEN, such as V(/orgs/1/vens/3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f). The list is empty if it does
        not exist.
    type: str
  hostname:
    description:
      - The hostname or a part of it, case-insensitively, as the PCE compares. So V(web1) matches C(web10) too.
      - With O(exact=true) the exact hostname.
    type: str
  hostnames:
    description:
      - Exact hostnames, one of which the VEN must have. One request reads all of them.
      - Cannot be combined with O(hostname), and must not be empty.
    type: list
    elements: str
  exact:
    description:
      - Whether O(hostname) must match the whole text, case-sensitively, instead of a part of it.
    type: bool
    default: false
  status:
    description:
      - Statuses, one of which the VEN must have, such as V(active), V(suspended) or V(stopped).
    type: list
    elements: str
  version:
    description:
      - Releases, one of which the VEN must have, exactly as the PCE shows them.
    type: list
    elements: str
  ven_type:
    description:
      - Types, one of which the VEN must have, such as V(server) or V(endpoint).
    type: list
    elements: str
  os_platform:
    description:
      - Platforms, one of which the VEN must have, such as V(linux) or V(windows).
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
  offline_for:
    description:
      - The hours for which the VEN must have sent no heartbeat. A VEN whose heartbeats the PCE does not show does not
        match.
    type: float
  heard_within:
    description:
      - The hours within which the VEN must have sent a heartbeat. A VEN whose heartbeats the PCE does not show does not
        match.
    type: float
  ip_address:
    description:
      - An IP address that the host must have.
    type: str
  health:
    description:
      - Values of its health, one of which the VEN must have, such as V(error) or V(warning). Not all PCEs show it.
    type: list
    elements: str
  conditions:
    description:
      - Types of conditions, one of which the VEN must have, such as V(agent.tampering).
    type: list
    elements: str
  outdated_before:
    description:
      - A release, such as V(23.2.20). A VEN of an older release has the problem V(outdated).
    type: str
  problems:
    description:
      - Problems, one of which the VEN must have.
      - V(offline) is a VEN none of whose workloads is online, unless it is suspended.
      - V(suspended) is a VEN with this status.
      - V(error) is a VEN with a condition of the severity error or worse, or whose health is V(error).
      - V(tampered) is a VEN with a condition about tampering.
      - V(outdated) is a VEN of a release older than O(outdated_before).
      - V(duplicate) is a VEN whose hostname another VEN has too, such as that of a host that was reinstalled.
        It is looked for among the VENs that the module reads, so not with O(href) or O(max_results) alone.
    type: list
    elements: str
    choices: [offline, suspended, error, tampered, outdated, duplicate]
  max_results:
    description:
      - The maximum number of VENs to return, 0 or more. Default is all of them.
    type: int
seealso:
  - module: microseg.enforcement.pce_ven
  - module: microseg.enforcement.pce_workload_info
"""

EXAMPLES = r"""
- name: List the VENs that have a problem (connection from the environment)
  microseg.enforcement.pce_ven_info:
    outdated_before: 23.2.20
    problems: [offline, error, tampered, outdated, duplicate]
  register: vens

- name: List the VENs in prod that have sent no heartbeat for a week
  microseg.enforcement.pce_ven_info:
    labels:
      - env: prod
    offline_for: 168
"""

RETURN = r"""
vens:
  description: The VENs that match, in the order of the PCE; empty if there are none.
  type: list
  elements: dict
  returned: success
  contains:
    href:
      description: The HREF of the VEN.
      type: str
      returned: always
      sample: /orgs/1/vens/3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f
    name:
      description: The name that a user gave it, or null.
      type: str
      returned: always
      sample: Web server 1
    description:
      description: The description, or null.
      type: str
      returned: always
      sample: Serves the shop
    hostname:
      description: The hostname that the host reports, or null.
      type: str
      returned: always
      sample: web1.example.com
    status:
      description: Its status, such as V(active), V(suspended) or V(stopped), or null.
      type: str
      returned: always
      sample: active
    version:
      description: Its release, or null.
      type: str
      returned: always
      sample: 23.2.20-157
    ven_type:
      description: Its type, such as V(server) or V(endpoint), or null.
      type: str
      returned: always
      sample: server
    activation_type:
      description: How it was activated, or null.
      type: str
      returned: always
      sample: pairing_key
    os_id:
      description: The operating system, or null.
      type: str
      returned: always
      sample: ubuntu-x86_64-22.04
    os_detail:
      description: The operating system in more detail, or null.
      type: str
      returned: always
      sample: 5.15.0-105-generic
    os_platform:
      description: The platform, such as V(linux) or V(windows), or null.
      type: str
      returned: always
      sample: linux
    active_pce_fqdn:
      description: The PCE that it reports to, or null.
      type: str
      returned: always
      sample: pce.example.com
    target_pce_fqdn:
      description: The PCE that it should report to, or null.
      type: str
      returned: always
      sample: null
    labels:
      description: The labels of its workload, values by keys.
      type: dict
      returned: always
      sample: {"role": "web", "env": "prod"}
    addresses:
      description: Those addresses of the interfaces that other hosts can reach, neither loopback nor link-local.
      type: list
      elements: str
      returned: always
      sample: ["10.0.0.1"]
    online:
      description: Whether a workload of the VEN is online, null if the PCE does not show it.
      type: bool
      returned: always
      sample: true
    enforcement_mode:
      description: The enforcement mode of its workload, or null.
      type: str
      returned: always
      sample: visibility_only
    workloads:
      description: The HREFs of its workloads.
      type: list
      elements: str
      returned: always
      sample: [/orgs/1/workloads/3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f]
    last_heartbeat_at:
      description: The time of its last heartbeat, or null.
      type: str
      returned: always
      sample: '2026-01-15T10:11:12.131Z'
    last_goodbye_at:
      description: The time at which it last stopped as intended, or null.
      type: str
      returned: always
      sample: null
    conditions:
      description: What the PCE reports about it. Properties that the PCE does not show are null.
      type: list
      elements: dict
      returned: always
      contains:
        type:
          description: The type of the event.
          type: str
          returned: always
          sample: agent.missed_heartbeats
        severity:
          description: Its severity.
          type: str
          returned: always
          sample: warning
        reported_at:
          description: When it was first reported.
          type: str
          returned: always
          sample: '2026-01-15T10:11:12.131Z'
    health:
      description: Its health as the PCE shows it, null if the PCE does not show it.
      type: str
      returned: always
      sample: null
    problems:
      description: Its problems; see the option O(problems).
      type: list
      elements: str
      returned: always
      sample: [offline]
    unpair_allowed:
      description: Whether the PCE allows unpairing it, or null.
      type: bool
      returned: always
      sample: true
    golden_image:
      description: Whether it belongs to a golden image, or null.
      type: bool
      returned: always
      sample: false
    upgrade_target_version:
      description: The release that it is upgraded to, null if no upgrade is under way.
      type: str
      returned: always
      sample: null
    upgrade_expires_at:
      description: When that upgrade expires, or null.
      type: str
      returned: always
      sample: null
"""

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.info import inspect
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.ven_info import OUTDATED_BEFORE, VEN_INFO, VENS


def main() -> None:
    """Run the module."""
    inspect(VEN_INFO, VENS, {OUTDATED_BEFORE: {"type": "str"}}, mutually_exclusive=[("hostname", "hostnames")])


if __name__ == "__main__":
    main()
