#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""List workloads on a PCE."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pce_workload_info
short_description: List workloads on an Illumio PCE
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Returns the workloads on an Illumio Policy Compute Engine (PCE) that match all given filters, in the form of the
    variable C(pce_workload) of the inventory plugin P(microseg.enforcement.pce_workloads#inventory).
  - The module reads all workloads by one request, and all labels by another one if O(labels) is set or the PCE shows
    labels of workloads without their keys and values.
  - If there are more than 500, a job of the PCE collects them, so the list is always complete.
  - The module itself applies filters that the PCE does not have.
extends_documentation_fragment:
  - microseg.enforcement.pce
  - microseg.enforcement.attributes.info
  - microseg.enforcement.attributes.action_group_pce
options:
  href:
    description:
      - The HREF of one workload, such as V(/orgs/1/workloads/3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f). The list is empty
        if it does not exist.
    type: str
  name:
    description:
      - The name or a part of it, case-insensitively. With O(exact=true) the exact name.
    type: str
  hostname:
    description:
      - The hostname or a part of it, case-insensitively, as the PCE compares. So V(web1) matches C(web10) too.
      - With O(exact=true) the exact hostname.
    type: str
  hostnames:
    description:
      - Exact hostnames, one of which the workload must have. One request reads all of them.
      - Two workloads with the same hostname, such as a reinstalled host and its former workload, are both returned.
      - Cannot be combined with O(hostname), and must not be empty.
    type: list
    elements: str
  exact:
    description:
      - Whether O(name) and O(hostname) must match the whole text, case-sensitively, instead of a part of it.
    type: bool
    default: false
  managed:
    description:
      - Whether the workload has a VEN.
    type: bool
  online:
    description:
      - Whether its VEN is online. A VEN can be active without being online. A workload for which the PCE does not show
        this matches neither value.
    type: bool
  enforcement_mode:
    description:
      - Enforcement modes, one of which the workload must have.
    type: list
    elements: str
    choices: [idle, visibility_only, selective, full]
  labels:
    description:
      - Labels, all of which the workload must have.
      - >-
        An entry is V({key: role, value: web}), or V({role: web}) for short, or V({href: /orgs/1/labels/7}). Key and
        value must match exactly, and must be texts: quote numbers in YAML, or append C(| string) in a template.
      - A label that does not exist is an error, so that a misspelled one does not look like an empty result.
      - A workload has at most one label of each key, so two labels of one key are an error.
    type: list
    elements: dict
  max_results:
    description:
      - The maximum number of workloads to return, 0 or more. Default is all of them.
    type: int
seealso:
  - plugin: microseg.enforcement.pce_workloads
    plugin_type: inventory
    description: An inventory of workloads.
"""

EXAMPLES = r"""
- name: List the web servers in prod that are not in full enforcement (connection from the environment)
  microseg.enforcement.pce_workload_info:
    labels:
      - role: web
      - env: prod
    enforcement_mode: [idle, visibility_only, selective]
  register: later

- name: Get the workload web1, but not web10
  microseg.enforcement.pce_workload_info:
    pce_host: pce.example.com
    api_key: "{{ pce_api_key }}"
    api_secret: "{{ pce_api_secret }}"
    hostname: web1
    exact: true

- name: Wait until all hosts of the play are paired and online
  microseg.enforcement.pce_workload_info:
    hostnames: "{{ ansible_play_hosts }}"
    managed: true
    online: true
  register: paired
  until: >-
    paired.workloads | selectattr('ven.status', 'equalto', 'active') | map(attribute='hostname') | unique | length
    == ansible_play_hosts | length
  retries: 10
  delay: 6
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
workloads:
  description: The workloads that match, in the order of the PCE; empty if there are none.
  type: list
  elements: dict
  returned: success
  contains:
    href:
      description: The HREF of the workload.
      type: str
      returned: always
      sample: /orgs/1/workloads/3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f
    name:
      description: The name that a user gave it, or null.
      type: str
      returned: always
      sample: Web server 1
    hostname:
      description: The hostname that the host reports, or null.
      type: str
      returned: always
      sample: web1.example.com
    description:
      description: The description, or null.
      type: str
      returned: always
      sample: Serves the shop
    enforcement_mode:
      description: The enforcement mode, or null if the PCE does not show it.
      type: str
      returned: always
      sample: visibility_only
    visibility_level:
      description: Which traffic the VEN reports, or null.
      type: str
      returned: always
      sample: flow_summary
    public_ip:
      description: The address that the PCE sees, or null.
      type: str
      returned: always
      sample: 192.0.2.1
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
    managed:
      description: Whether it has a VEN.
      type: bool
      returned: always
      sample: true
    online:
      description: Whether its VEN is online, null if the PCE does not show it.
      type: bool
      returned: always
      sample: true
    labels:
      description: Its labels, values by keys. A label whose key and value the PCE does not show is left out.
      type: dict
      returned: always
      sample: {"role": "web", "env": "prod"}
    interfaces:
      description: Its interfaces. Properties that the PCE does not show are null.
      type: list
      elements: dict
      returned: always
      contains:
        name:
          description: The name.
          type: str
          returned: always
          sample: eth0
        address:
          description: The address, IPv4 or IPv6.
          type: str
          returned: always
          sample: 10.0.0.1
        cidr_block:
          description: The length of the network's prefix.
          type: int
          returned: always
          sample: 24
    addresses:
      description: Those addresses of the interfaces that other hosts can reach, neither loopback nor link-local.
      type: list
      elements: str
      returned: always
      sample: ["10.0.0.1"]
    ven:
      description: The VEN, null if there is none.
      type: dict
      returned: always
      contains:
        href:
          description: The HREF of the VEN.
          type: str
          returned: always
          sample: /orgs/1/vens/3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f
        status:
          description: Its status, or null. A VEN can be C(active) without being online.
          type: str
          returned: always
          sample: active
        version:
          description: Its version, or null.
          type: str
          returned: always
          sample: 23.2.20-157
"""

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.info import inspect
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.workload import WORKLOAD
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.workload_store import WORKLOADS


def main() -> None:
    """Run the module."""
    inspect(WORKLOAD, WORKLOADS, mutually_exclusive=[("hostname", "hostnames")])


if __name__ == "__main__":
    main()
