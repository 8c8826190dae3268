#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetch the pairing script of a PCE."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pce_pairing_script_info
short_description: Get the pairing script of an Illumio PCE
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Returns the script that installs and activates a VEN on a host, as the PCE hands it out for a pairing profile.
  - It is the same for all hosts, so one request serves all of them, from the host that reaches the PCE's API. The role
    P(microseg.enforcement.ven#role) does so.
  - The PCE asks no credentials for the script, and none are sent.
extends_documentation_fragment:
  - microseg.enforcement.pce
  - microseg.enforcement.attributes.info
  - microseg.enforcement.attributes.action_group_pce
options:
  profile_href:
    description:
      - The HREF of the pairing profile, such as V(/orgs/1/pairing_profiles/24).
    type: str
    required: true
  script:
    description:
      - Which script, V(pair.sh) for Linux or V(pair.ps1) for Windows.
    type: str
    choices: [pair.sh, pair.ps1]
    default: pair.sh
  api_version:
    description:
      - The version in the script's address, as the PCE's own web console shows it in its pairing command. PCEs differ
        in those that they know (seen are 6, 18, 25, 26 and 27).
    type: int
    default: 18
seealso:
  - module: microseg.enforcement.pce_pairing_key
"""

EXAMPLES = r"""
- name: Fetch the script for Linux hosts (connection from the environment)
  microseg.enforcement.pce_pairing_script_info:
    profile_href: /orgs/1/pairing_profiles/24
  register: script
"""

RETURN = r"""
pairing_script:
  description: The script.
  type: dict
  returned: success
  contains:
    name:
      description: Which script it is.
      type: str
      returned: always
      sample: pair.sh
    content:
      description: Its text.
      type: str
      returned: always
      sample: "#!/bin/sh ..."
    management_server:
      description: The host and port of the PCE, as the script is told it.
      type: str
      returned: always
      sample: pce.example.com:8443
"""

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.module import run
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.api import PCE
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.pairing_script import OPTIONS, fetch_script


def main() -> None:
    """Run the module."""
    run(OPTIONS, PCE.options, lambda params, _check_mode: fetch_script(PCE.connect(params, base=""), params))


if __name__ == "__main__":
    main()
