#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unpair, suspend and unsuspend VENs through a PCE."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pce_ven
short_description: Unpair, suspend and unsuspend VENs through an Illumio PCE
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Unpairs VENs through the Policy Compute Engine (PCE), for hosts that cannot be reached, or marks them as suspended
    or active.
  - VENs are matched by their exact hostname, although the PCE's own filter matches parts of a hostname. Two VENs with
    the same hostname are an error. All VENs are looked up first; if one is ambiguous, missing, or cannot be unpaired,
    nothing is changed.
  - A task can have many VENs. Up to five are looked up one by one, more by one request for all VENs. A request unpairs
    at most 1,000 VENs, and at most 10 such requests are sent a minute, as the PCE requires.
  - If the PCE refuses some VENs, the result shows the status that the PCE shows for each VEN afterwards.
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
  state:
    description:
      - V(unpaired) uninstalls the VENs. A VEN that does not exist counts as unpaired; a warning names VENs whose
        hostname differs in case or domain only.
      - A suspended VEN cannot be unpaired, nor one for which the PCE shows C(unpair_allowed) false. Either is an error.
      - V(suspended) marks the VENs as suspended, so that the PCE keeps their hosts in its policy although they do not
        report. To suspend the VEN itself, run C(illumio-ven-ctl suspend) on its host.
      - V(active) marks suspended VENs as active again.
      - With V(suspended) and V(active) a VEN that does not exist is an error.
    type: str
    choices: [unpaired, suspended, active]
    required: true
  firewall_restore:
    description:
      - How the VEN restores the firewall of the host when it is unpaired. C(illumio-ven-ctl unpair) has other names for
        these values.
    type: str
    choices: [saved, default, disable]
    default: default
  only_offline_for:
    description:
      - Unpair only VENs without a heartbeat for so many hours. If one of them has had a heartbeat since, none is
        unpaired.
    type: float
  never_hostnames:
    description:
      - Hostnames that are never unpaired; the wildcards C(*) and C(?) are allowed, and case does not matter.
    type: list
    elements: str
    default: []
  never_labels:
    description:
      - 'Labels whose workloads are never unpaired, each a dictionary such as V({role: db}).'
    type: list
    elements: dict
    default: []
  maximum:
    description:
      - The number of VENs above which nothing is unpaired.
    type: int
  suspended:
    description:
      - Whether a suspended VEN, which a PCE does not unpair, is an error, or is unsuspended first.
    type: str
    choices: [fail, unsuspend]
    default: fail
  golden_images:
    description:
      - Hostnames of golden images that may be unpaired.
    type: list
    elements: str
    default: []
notes:
  - If a guard refuses to unpair one of the VENs, or the PCE shows that one must not be unpaired (C(unpair_allowed) is
    false), all that stay are named and none is unpaired.
  - A request that fails does not undo those before it. Run the task again to complete it.
seealso:
  - module: microseg.enforcement.pce_workload_info
"""

EXAMPLES = r"""
- name: Unpair two hosts that no longer exist
  microseg.enforcement.pce_ven:
    pce_host: pce.example.com
    api_key: "{{ pce_api_key }}"
    api_secret: "{{ pce_api_secret }}"
    hostnames: [web1.example.com, web2.example.com]
    state: unpaired
    firewall_restore: saved

- name: List the workloads in env test that are not online (connection from the environment)
  microseg.enforcement.pce_workload_info:
    managed: true
    online: false
    labels:
      - env: test
  register: silent

- name: Unpair these workloads
  microseg.enforcement.pce_ven:
    hrefs: "{{ silent.workloads | map(attribute='ven.href') | list }}"
    state: unpaired
"""

RETURN = r"""
vens:
  description: The VENs of the task, in its order, each once.
  type: list
  elements: dict
  returned: success, and when some of them failed
  contains:
    hostname:
      description: The hostname, null if the task has an HREF and the VEN does not exist.
      type: str
      returned: always
      sample: web1.example.com
    href:
      description: The HREF, null if no VEN has this hostname.
      type: str
      returned: always
      sample: /orgs/1/vens/3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f
    version:
      description: The version of the VEN, null if the PCE does not show it.
      type: str
      returned: always
      sample: 23.2.20-157
    status:
      description: The status after the task, or in check mode the expected one; C(unpaired) if the VEN does not exist.
      type: str
      returned: always
      sample: unpaired
    changed:
      description: Whether the task changed it, or may have changed it, or in check mode would change it.
      type: bool
      returned: always
      sample: true
    error:
      description:
        - Why the PCE refused it, or that it is unknown whether it was changed, or null.
        - The task fails if any VEN has an error, and still returns all entries.
      type: str
      returned: always
      sample: null
"""

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.module import run
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.api import PCE
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.unpair_guards import OPTIONS as GUARDS
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.unpair_guards import set_guarded_ven_state
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.ven_state import OPTIONS


def main() -> None:
    """Run the module."""
    run({**OPTIONS, **GUARDS}, PCE.options, set_guarded_ven_state, required_one_of=[("hostnames", "hrefs")])


if __name__ == "__main__":
    main()
