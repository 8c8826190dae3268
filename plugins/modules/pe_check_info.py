#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check which assumptions of the collection hold on a connector server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pe_check_info
short_description: Check which assumptions of the collection hold on a connector server
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - The JSON names of a connector instance are in no public documentation. This module shows whether those of the
    collection fit your connector server, and proposes the entries of a file for O(json_names_path) if they do not.
  - Sends at most 60 requests, all of them GET, and changes nothing on the server.
  - The result contains no values of the server but numbers, words of the API, releases, the label keys of the API and
    names of properties. All other values are replaced by their types, so the result can be published.
  - What cannot be read, such as for lack of a permission, counts as V(not_seen). Wrong credentials are an error.
extends_documentation_fragment:
  - microseg.enforcement.pe
  - microseg.enforcement.attributes.info
  - microseg.enforcement.attributes.action_group_pe
seealso:
  - name: Assumptions about the APIs
    description: All assumptions, with their sources.
    link: https://example.com/microseg/enforcement/blob/main/docs/docsite/rst/assumptions.rst
"""

EXAMPLES = r"""
- name: Check the assumptions on the connector server
  microseg.enforcement.pe_check_info:
    connector_url: https://pe.example.com:7444
  register: connector
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
            sample: pe_instances
          assumption:
            description: What the collection assumes.
            type: str
            returned: always
            sample: The instances can be listed
          verdict:
            description: Whether the assumption V(holds) on this server, V(differs), or was V(not_seen).
            type: str
            returned: always
            sample: holds
          seen:
            description: What the server showed, without values.
            type: raw
            returned: always
            sample: 2
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
        sample: {instance: 2}
      instance_shape:
        description: The connector instances with the types of the values, one entry for each form.
        type: raw
        returned: always
        sample: [{id: string, controller: {ipAddress: string, port: integer}}]
      proposed_names:
        description: The entries of a file for O(json_names_path) that would fit, as far as they can be recognized.
        type: dict
        returned: always
        sample: {controller: target.address}
"""

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.module import run
from ansible_collections.microseg.enforcement.plugins.module_utils._pe.api import Pe
from ansible_collections.microseg.enforcement.plugins.module_utils._pe.server_check import check_connector


def main() -> None:
    """Run the module."""
    run({}, Pe.options, lambda params, _check_mode: {"changed": False, "check": check_connector(params)})


if __name__ == "__main__":
    main()
