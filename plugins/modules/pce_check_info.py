#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check which assumptions of the collection hold on an Illumio PCE."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pce_check_info
short_description: Check which assumptions of the collection hold on an Illumio PCE
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - The collection was written from public documentation. This module shows, for each assumption that a look can
    confirm, whether it holds on your PCE.
  - Sends at most 60 requests, all of them GET, and changes nothing on the server.
  - The result contains no values of the server but numbers, words of the API, releases, the label keys of the API and
    names of properties. All other values are replaced by their types, so the result can be published.
  - What cannot be read, such as for lack of a permission, counts as V(not_seen). Wrong credentials are an error.
extends_documentation_fragment:
  - microseg.enforcement.pce
  - microseg.enforcement.attributes.info
  - microseg.enforcement.attributes.action_group_pce
seealso:
  - name: Assumptions about the APIs
    description: All assumptions, with their sources.
    link: https://example.com/microseg/enforcement/blob/main/docs/docsite/rst/assumptions.rst
"""

EXAMPLES = r"""
- name: Check the assumptions on the PCE
  microseg.enforcement.pce_check_info:
  register: pce
"""

RETURN = r"""
check:
  description: What was seen.
  type: dict
  returned: success
  contains:
      findings:
        description: One entry for each assumption.
        type: list
        elements: dict
        returned: always
        contains:
          id:
            description: The ID of the assumption.
            type: str
            returned: always
            sample: pce_count
          assumption:
            description: What the collection assumes.
            type: str
            returned: always
            sample: X-Total-Count is the number of all objects
          verdict:
            description: Whether the assumption V(holds) on this server, V(differs), or was V(not_seen).
            type: str
            returned: always
            sample: holds
          seen:
            description: What the server showed, without values.
            type: raw
            returned: always
            sample: {objects: 12, count: 12}
      requests:
        description: The number of looks at the server, each of which is one request unless it had to be repeated.
        type: int
        returned: always
        sample: 31
      milliseconds:
        description: The shortest, the median and the longest time of a look.
        type: dict
        returned: always
        sample: {min: 12, median: 20, max: 480}
      objects:
        description: How many objects of each kind the server has, null if it does not show that.
        type: dict
        returned: always
        sample: {profile: 6, label: 12, workload: 11, ven: 9}
"""

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.module import run
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.api import PCE
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.server_check import check_pce


def main() -> None:
    """Run the module."""
    run({}, PCE.options, lambda params, _check_mode: {"changed": False, "check": check_pce(params)})


if __name__ == "__main__":
    main()
