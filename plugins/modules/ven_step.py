#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin ven_step; it runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ven_step
short_description: Run one step of the role ven for a host
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Runs on the control node, and reaches the host by M(ansible.builtin.command) or
    M(ansible.windows.win_powershell). It reads the variables of the role P(microseg.enforcement.ven#role).
  - Only that role uses it. For playbooks of your own there is M(microseg.enforcement.ven).
extends_documentation_fragment:
  - microseg.enforcement.attributes
options:
  step:
    description:
      - V(inspect) checks the role's variables and gets the status of the VEN; V(apply) pairs or unpairs the host;
        V(conclude) reports the outcome.
    type: str
    choices: [inspect, apply, conclude]
    required: true
seealso:
  - module: microseg.enforcement.ven
"""

EXAMPLES = r"""
- name: Get the status of the VEN (the role runs this module)
  microseg.enforcement.ven_step:
    step: inspect
"""

RETURN = r"""
status:
  description: The status of the VEN in its own word, V(unpaired), or empty if unknown.
  type: str
  returned: always
  sample: illuminated
version:
  description: The version of the VEN, or empty if unknown.
  type: str
  returned: always
  sample: 23.2.20-157
pce:
  description: The host and port of the PCE that the host is paired with, or empty if unknown.
  type: str
  returned: always
  sample: pce.example.com:8443
hostname:
  description: The hostname that the host reports, or empty if it was not asked.
  type: str
  returned: always
  sample: web1.example.com
pairing_profile:
  description: The pairing profile that the role's variables name, or empty.
  type: str
  returned: always
  sample: PP-WEB
enforcement_mode:
  description: The enforcement mode that the role's variables set instead of the pairing profile's, or empty.
  type: str
  returned: always
  sample: ""
"""
