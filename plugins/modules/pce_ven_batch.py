#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Do what the role ven needs of a PCE for a batch of hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pce_ven_batch
short_description: Run one step of the role ven for a batch of hosts on an Illumio PCE
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Does once for all hosts of a batch what the role P(microseg.enforcement.ven#role) needs of the PCE's REST API.
    It creates or updates pairing profiles, generates pairing keys, fetches pairing scripts, unpairs VENs, and verifies
    that hosts are paired and online.
  - Only that role uses it. For playbooks of your own there are M(microseg.enforcement.pce_pairing_profile),
    M(microseg.enforcement.pce_pairing_key), M(microseg.enforcement.pce_pairing_script_info),
    M(microseg.enforcement.pce_ven) and M(microseg.enforcement.pce_workload_info).
  - The task runs once for all hosts of the batch, so it cannot be used with the strategy C(free).
extends_documentation_fragment:
  - microseg.enforcement.pce
  - microseg.enforcement.attributes
  - microseg.enforcement.attributes.action_group_pce
options:
  step:
    description:
      - What to do. In tasks of the role also V(finish), which removes what the tasks handed over to each other.
    type: str
    choices: [prepare, unpair, verify, revoke]
    required: true
  hosts:
    description:
      - The hosts, as the role describes them.
    type: list
    elements: dict
    required: true
seealso:
  - module: microseg.enforcement.ven
"""

EXAMPLES = r"""
- name: Pair hosts (the role runs this module)
  microseg.enforcement.pce_ven_batch:
    step: prepare
    hosts: []
"""

RETURN = r"""
hosts:
  description: A verdict for each host, by its name in the inventory.
  type: dict
  returned: success
  sample: {web1: {error: null}}
"""

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.module import run
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.api import PCE
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.ven_batch import OPTIONS, serve_batch


def main() -> None:
    """Run the module."""
    run(OPTIONS, PCE.options, serve_batch)


if __name__ == "__main__":
    main()
