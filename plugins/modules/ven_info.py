#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin ven_info; it runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ven_info
short_description: Get the status of the VEN of a host
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Asks the host for its VEN, without the PCE's REST API. See M(microseg.enforcement.ven) for how it reaches the host.
extends_documentation_fragment:
  - microseg.enforcement.attributes.info
options:
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
seealso:
  - module: microseg.enforcement.ven
  - module: microseg.enforcement.pce_workload_info
"""

EXAMPLES = r"""
- name: Get the status of the VEN
  microseg.enforcement.ven_info:
  become: true
  register: ven
"""

RETURN = r"""
status:
  description: The status of the VEN in its own word, or V(unpaired).
  type: str
  returned: success
  sample: illuminated
version:
  description: The version of the VEN, or empty if unknown.
  type: str
  returned: success
  sample: 23.2.20-157
pce:
  description: The host and port of the PCE that the host is paired with, or empty if unknown.
  type: str
  returned: success
  sample: pce.example.com:8443
hostname:
  description: The hostname that the host reports.
  type: str
  returned: success
  sample: web1.example.com
is_paired:
  description: Whether the host is paired.
  type: bool
  returned: success
  sample: true
is_active:
  description: Whether the VEN is active.
  type: bool
  returned: success
  sample: true
"""
