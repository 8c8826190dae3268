#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin ven; it runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ven
short_description: Pair a host with an Illumio PCE, or unpair it, by its VEN
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Installs and activates the VEN of a host, or unpairs it with the VEN's own program. A host that is already in its
    state is not changed.
  - Its logic runs on the control node. It reaches the host by M(ansible.builtin.command), with a POSIX shell script on
    standard input, or by M(ansible.windows.win_powershell), so the host requires no Python newer than its
    ansible-core does.
  - It does not use the PCE's REST API. Get an activation code from M(microseg.enforcement.pce_pairing_key) and the
    script from M(microseg.enforcement.pce_pairing_script_info). The role P(microseg.enforcement.ven#role) does all
    of it for many hosts.
extends_documentation_fragment:
  - microseg.enforcement.attributes
options:
  state:
    description:
      - Whether the host should be paired or unpaired.
    type: str
    choices: [paired, unpaired]
    default: paired
  management_server:
    description:
      - The HOST:PORT of the PCE as the host connects to it. Required to pair.
    type: str
  activation_code:
    description:
      - The activation code of a pairing key. Required to pair.
      - It reaches the host on standard input and is written to no file. The command line of the pairing script, or of
        the VEN's program, shows it to users who may list the processes of the host while it runs.
    type: str
  pairing_script:
    description:
      - The content of the PCE's pairing script, C(pair.sh) or on Windows C(pair.ps1).
      - One of O(pairing_script) and O(package) is required to pair.
    type: str
  package:
    description:
      - A package file on the control node, or with O(package_remote=true) on the host, to install the VEN from. Where
        its program is installed already, it is only activated.
    type: str
  package_remote:
    description:
      - Whether O(package) is on the host already.
    type: bool
    default: false
  package_command:
    description:
      - The command that installs O(package), with C({package}) in place of its path.
      - Defaults to C(rpm), C(dpkg), C(installp) or C(pkgadd), by the end of its name.
    type: list
    elements: str
    default: []
  proxy_server:
    description:
      - The HOST:PORT of the proxy from the host to the PCE.
    type: str
  insecure:
    description:
      - Whether the VEN skips validating the PCE's certificate when it is activated.
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
      - Further arguments for the pairing script, or for C(illumio-ven-ctl activate).
    type: list
    elements: str
    default: []
  unpair_mode:
    description:
      - What becomes of the host's firewall when it is unpaired.
      - V(saved) restores the rules from before the VEN, V(recommended) leaves only SSH and ICMP open, V(open) leaves no
        rules. V(unmanaged) is for Windows.
    type: str
    choices: [saved, recommended, open, unmanaged]
    default: saved
  unsuspend:
    description:
      - Whether a suspended VEN is unsuspended before it is unpaired. Otherwise it is an error.
    type: bool
    default: false
  maintenance_token:
    description:
      - The token of a VEN with tampering protection.
    type: str
  maintenance_token_option:
    description:
      - The name of the option of C(illumio-ven-ctl unpair) for O(maintenance_token). Required with it.
    type: str
  platform:
    description:
      - The platform of the host; V(linux) means any host with a POSIX shell.
      - Defaults to V(windows) if the shell of the connection is PowerShell or cmd.
    type: str
    choices: [linux, windows]
  program_directory:
    description:
      - The directory of the VEN's programs. Defaults to V(/opt/illumio_ven), on Windows to
        C(C:\Program Files\Illumio).
    type: str
  data_directory:
    description:
      - The directory of the VEN's data. Defaults to V(/opt/illumio_ven_data), on Windows to
        C(C:\ProgramData\Illumio).
    type: str
  environment:
    description:
      - Environment variables for the programs.
    type: dict
    default: {}
  script_timeout:
    description:
      - Seconds that each program may take, on hosts that have the command C(timeout), and on Windows.
    type: int
    default: 1800
  activation_timeout:
    description:
      - Seconds for the VEN to become active, or unpaired, after the program has ended successfully.
    type: int
    default: 120
  activation_delay:
    description:
      - Seconds between two checks of the VEN.
    type: int
    default: 3
seealso:
  - module: microseg.enforcement.ven_info
  - module: microseg.enforcement.pce_ven
"""

EXAMPLES = r"""
- name: Pair a host with an activation code
  microseg.enforcement.ven:
    management_server: pce.example.com:8443
    activation_code: "{{ keys.pairing_keys[0].activation_code }}"
    pairing_script: "{{ script.pairing_script.content }}"
  become: true

- name: Unpair a host and restore the firewall rules from before the VEN
  microseg.enforcement.ven:
    state: unpaired
  become: true
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
  description: The hostname that the host reports.
  type: str
  returned: always
  sample: web1.example.com
"""
