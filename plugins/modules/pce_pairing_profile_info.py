#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""List pairing profiles on a PCE."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pce_pairing_profile_info
short_description: List pairing profiles on an Illumio PCE
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Returns the pairing profiles on an Illumio Policy Compute Engine (PCE) that match all given filters.
  - If there are more than 500, a job of the PCE collects them, so the list is always complete.
  - The module itself applies filters that the PCE does not have.
extends_documentation_fragment:
  - microseg.enforcement.pce
  - microseg.enforcement.attributes.info
  - microseg.enforcement.attributes.action_group_pce
options:
  href:
    description:
      - The HREF of one pairing profile, such as V(/orgs/1/pairing_profiles/24). The list is empty if it does not exist.
    type: str
  name:
    description:
      - The name or a part of it, as the PCE compares. With O(exact=true) the whole name.
    type: str
  description:
    description:
      - The description or a part of it, as the PCE compares. With O(exact=true) the whole description.
    type: str
  exact:
    description:
      - Whether O(name) and O(description) must match the whole text, case-sensitively, instead of a part of it.
    type: bool
    default: false
  labels:
    description:
      - Labels, as a list of lists. A pairing profile matches if it has all labels of at least one of the lists. A plain
        list of labels counts as one such list.
      - >-
        An entry is V({key: role, value: web}), or V({role: web}) for short, or an HREF such as V(/orgs/1/labels/7). Key
        and value must be texts: quote numbers in YAML, or append C(| string) in a template. A label that does not exist
        is an error that names the closest labels.
    type: list
    elements: raw
  enabled:
    description:
      - Whether hosts can pair with it.
    type: bool
  enforcement_mode:
    description:
      - The enforcement mode. Pairing profiles that only have the older property C(mode) match too.
    type: str
    choices: [idle, visibility_only, selective, full]
  enforcement_mode_lock:
    description:
      - Whether the pairing script cannot override the enforcement mode.
    type: bool
  mode:
    description:
      - The enforcement mode by its older name.
    type: str
    choices: [idle, illuminated, enforced]
  mode_lock:
    description:
      - The older name of O(enforcement_mode_lock).
    type: bool
  visibility_level:
    description:
      - Which traffic the VEN reports.
    type: str
    choices: [flow_summary, flow_drops, flow_off, enhanced_data_collection, flow_full_detail]
  visibility_level_lock:
    description:
      - Whether the pairing script cannot override the visibility level.
    type: bool
  log_traffic:
    description:
      - Whether the VEN logs traffic (legacy).
    type: bool
  log_traffic_lock:
    description:
      - Whether the pairing script cannot override C(log_traffic) (legacy).
    type: bool
  env_label_lock:
    description:
      - Whether the pairing script cannot override the label of key env.
    type: bool
  loc_label_lock:
    description:
      - Whether the pairing script cannot override the label of key loc.
    type: bool
  role_label_lock:
    description:
      - Whether the pairing script cannot override the label of key role.
    type: bool
  app_label_lock:
    description:
      - Whether the pairing script cannot override the label of key app.
    type: bool
  allowed_uses_per_key:
    description:
      - How many hosts can pair with one key, 1 to 2147483647, or V(unlimited).
    type: str
    aliases: [allowed_user_per_key]
  key_lifespan:
    description:
      - How many seconds a key is valid, 1 to 2147483647, or V(unlimited).
    type: str
  agent_software_release:
    description:
      - The VEN release, as the PCE compares.
    type: str
  external_data_set:
    description:
      - The data set that the pairing profile comes from.
    type: str
  external_data_reference:
    description:
      - The name of the pairing profile in that data set.
    type: str
  ven_type:
    description:
      - The type of VEN.
    type: str
    choices: [server, endpoint, specified_during_activation]
  status:
    description:
      - The status of a VEN when it activates.
    type: str
  status_lock:
    description:
      - Whether the pairing script cannot override the status.
    type: bool
  total_use_count:
    description:
      - The number of times that hosts have paired with it.
    type: int
  last_pairing_at:
    description:
      - When a host last paired with it, exactly as the PCE shows it.
    type: str
  is_default:
    description:
      - Whether it is the default pairing profile.
    type: bool
  created_at:
    description:
      - When it was created, exactly as the PCE shows it.
    type: str
  updated_at:
    description:
      - When it was last updated, exactly as the PCE shows it.
    type: str
  created_by:
    description:
      - The HREF of the user who created it, such as V(/users/1).
    type: str
  updated_by:
    description:
      - The HREF of the user who last updated it.
    type: str
  max_results:
    description:
      - The maximum number of pairing profiles to return, 0 or more. Default is all of them.
    type: int
seealso:
  - module: microseg.enforcement.pce_pairing_profile
"""

EXAMPLES = r"""
- name: List all pairing profiles
  microseg.enforcement.pce_pairing_profile_info:
    pce_host: pce.example.com
    api_key: "{{ pce_api_key }}"
    api_secret: "{{ pce_api_secret }}"
  register: all

- name: Get the pairing profile PP-WEB, but not PP-WEB-PROD (connection from the environment)
  microseg.enforcement.pce_pairing_profile_info:
    name: PP-WEB
    exact: true

- name: List pairing profiles in full enforcement with the labels role=web and env=prod, or with label 9
  microseg.enforcement.pce_pairing_profile_info:
    enforcement_mode: full
    labels:
      - [{role: web}, {env: prod}]
      - [/orgs/1/labels/9]
"""

RETURN = r"""
pairing_profiles:
  description: The pairing profiles that match, in the order of the PCE; empty if there are none.
  type: list
  elements: dict
  returned: success
  contains:
    href:
      description: The HREF of the pairing profile.
      type: str
      returned: always
      sample: /orgs/1/pairing_profiles/24
    name:
      description: The name.
      type: str
      returned: always
      sample: PP-WEB
    description:
      description: The description, empty if unset.
      type: str
      returned: always
      sample: Web servers
    enabled:
      description: Whether hosts can pair with it.
      type: bool
      returned: always
      sample: true
    enforcement_mode:
      description: The enforcement mode that a host gets. An older C(mode) is shown as its successor.
      type: str
      returned: always
      sample: visibility_only
    enforcement_mode_lock:
      description: Whether the pairing script cannot override the enforcement mode. An older C(mode_lock) is shown here.
      type: bool
      returned: always
      sample: true
    visibility_level:
      description: Which traffic the VEN reports.
      type: str
      returned: always
      sample: flow_summary
    visibility_level_lock:
      description: Whether the pairing script cannot override the visibility level.
      type: bool
      returned: always
      sample: true
    log_traffic:
      description: Whether the VEN logs traffic (legacy).
      type: bool
      returned: always
      sample: false
    log_traffic_lock:
      description: Whether the pairing script cannot override C(log_traffic) (legacy).
      type: bool
      returned: always
      sample: false
    labels:
      description: The labels that a host gets, sorted by HREF.
      type: list
      elements: dict
      returned: always
      sample: [{"href": "/orgs/1/labels/7"}]
    env_label_lock:
      description: Whether the pairing script cannot override the label of key env.
      type: bool
      returned: always
      sample: true
    loc_label_lock:
      description: Whether the pairing script cannot override the label of key loc.
      type: bool
      returned: always
      sample: true
    role_label_lock:
      description: Whether the pairing script cannot override the label of key role.
      type: bool
      returned: always
      sample: true
    app_label_lock:
      description: Whether the pairing script cannot override the label of key app.
      type: bool
      returned: always
      sample: true
    allowed_uses_per_key:
      description: How many hosts can pair with one key, an integer or V(unlimited).
      type: raw
      returned: always
      sample: 5
    key_lifespan:
      description: How many seconds a key is valid, an integer or V(unlimited).
      type: raw
      returned: always
      sample: unlimited
    agent_software_release:
      description: The VEN release that hosts get, null if they follow the default of the PCE.
      type: str
      returned: always
      sample: 23.2.20-157
    external_data_set:
      description: The data set that the pairing profile comes from, or null.
      type: str
      returned: always
      sample: cmdb
    external_data_reference:
      description: The name of the pairing profile in that data set, or null.
      type: str
      returned: always
      sample: web-4711
    ven_type:
      description: The type of VEN, null on PCEs that do not have this property.
      type: str
      returned: always
      sample: server
    status:
      description: The status of a VEN when it activates, null if the PCE does not show it.
      type: str
      returned: always
      sample: null
    status_lock:
      description: Whether the pairing script cannot override the status.
      type: bool
      returned: always
      sample: false
    total_use_count:
      description: The number of times that hosts have paired with it.
      type: int
      returned: always
      sample: 12
    last_pairing_at:
      description: When a host last paired with it, or null.
      type: str
      returned: always
      sample: "2026-06-30T18:13:50.668Z"
    is_default:
      description: Whether it is the default pairing profile, which cannot be deleted.
      type: bool
      returned: always
      sample: false
    created_at:
      description: When it was created.
      type: str
      returned: always
      sample: "2026-06-08T23:13:29.019Z"
    updated_at:
      description: When it was last updated.
      type: str
      returned: always
      sample: "2026-06-08T23:18:36.150Z"
    created_by:
      description: The user who created it.
      type: dict
      returned: always
      sample: {"href": "/users/1"}
    updated_by:
      description: The user who last updated it.
      type: dict
      returned: always
      sample: {"href": "/users/1"}
    caps:
      description: What the API key may do with it, null if the PCE does not show it.
      type: list
      elements: str
      returned: always
      sample: ["write", "generate_pairing_key"]
"""

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.info import inspect
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.api import PCE
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.pairing_profile import PAIRING_PROFILE


def main() -> None:
    """Run the module."""
    inspect(PAIRING_PROFILE, PCE)


if __name__ == "__main__":
    main()
