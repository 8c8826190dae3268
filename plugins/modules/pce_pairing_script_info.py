#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Get the pairing script of a PCE."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pce_pairing_script_info
short_description: Get the pairing script of an Illumio PCE
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Returns the script of a pairing profile that installs and activates a VEN on a host.
  - The script is the same for all hosts, so one request from the control node is enough. The role
    P(microseg.enforcement.ven#role) does this.
  - The PCE does not require credentials for the script, so none are sent.
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
      - The script to get, V(pair.sh) for Linux or V(pair.ps1) for Windows.
    type: str
    choices: [pair.sh, pair.ps1]
    default: pair.sh
  api_version:
    description:
      - The version in the URL of the script, as the web console of the PCE shows it in its pairing command. It depends
        on the release of the PCE (6, 18, 25, 26 and 27 have been seen).
    type: int
    default: 18
seealso:
  - module: microseg.enforcement.pce_pairing_key
"""

EXAMPLES = r"""
- name: Get the script for Linux hosts (connection from the environment)
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
      description: The name of the script.
      type: str
      returned: always
      sample: pair.sh
    content:
      description: Its text.
      type: str
      returned: always
      sample: "#!/bin/sh ..."
    management_server:
      description: The host and port of the PCE, which the script takes as an argument.
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
