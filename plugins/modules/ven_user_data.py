#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin ven_user_data; it runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ven_user_data
short_description: Create user data with which a new machine pairs itself with an Illumio PCE
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Creates user data for a cloud instance. At its first boot it downloads the PCE's pairing script and runs it.
  - Generate a pairing key of few uses and a short lifespan for it. The activation code stays in the user data. Users
    of the cloud's API, and on many clouds all processes of the instance, can read it there.
  - The result is hidden at any verbosity. Use it with C(register).
extends_documentation_fragment:
  - microseg.enforcement.attributes.info
options:
  format:
    description:
      - The form of the user data. V(cloud-init) is a cloud-config for Linux, V(powershell) a script for Windows, as EC2
        and cloudbase-init run it.
    type: str
    choices: [cloud-init, powershell]
    default: cloud-init
  management_server:
    description:
      - The HOST:PORT of the PCE as the machine connects to it. Its certificate must be trusted by the machine.
    type: str
    required: true
  activation_code:
    description:
      - The activation code of a pairing key.
    type: str
    required: true
  profile_href:
    description:
      - The HREF of the pairing profile, such as V(/orgs/1/pairing_profiles/24).
    type: str
    required: true
  api_version:
    description:
      - The version in the URL of the pairing script, as the PCE's own pairing command shows it.
    type: int
    default: 18
  proxy_server:
    description:
      - The HOST:PORT of the proxy from the machine to the PCE.
    type: str
  insecure:
    description:
      - Whether the machine skips validating the PCE's certificate. On Windows the download of the script validates it
        all the same.
    type: bool
    default: false
  enforcement_mode:
    description:
      - The enforcement mode to use instead of the pairing profile's.
    type: str
    choices: [idle, visibility_only, selective, full]
  enforcement_mode_option:
    description:
      - The name of the option for O(enforcement_mode).
    type: str
    default: --enforcement_mode
  labels:
    description:
      - Label values to use instead of the pairing profile's, by label key.
    type: dict
    default: {}
  pairing_arguments:
    description:
      - Further arguments for the pairing script.
    type: list
    elements: str
    default: []
  environment:
    description:
      - Environment variables for the pairing script, on Linux.
    type: dict
    default: {}
seealso:
  - module: microseg.enforcement.pce_pairing_key
  - module: microseg.enforcement.ven
"""

EXAMPLES = r"""
- name: Generate a pairing key for one machine (connection from the environment)
  microseg.enforcement.pce_pairing_key:
    profile: PP-FIRST-BOOT
  delegate_to: localhost
  register: keys
  no_log: true

- name: Create user data for it
  microseg.enforcement.ven_user_data:
    management_server: "{{ keys.management_server }}"
    activation_code: "{{ keys.pairing_keys[0].activation_code }}"
    profile_href: "{{ keys.pairing_keys[0].pairing_profile.href }}"
  register: first_boot
"""

RETURN = r"""
user_data:
  description: The user data, at most 16 KB. It holds the activation code.
  type: str
  returned: success
  sample: "#cloud-config ..."
"""
