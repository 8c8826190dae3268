#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Manage many pairing profiles on a PCE in one task."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pce_pairing_profiles
short_description: Manage many pairing profiles on an Illumio PCE in one task
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Does for a list of pairing profiles what M(microseg.enforcement.pce_pairing_profile) does for one, and can delete
    others.
  - The task reads all pairing profiles once and all labels at most once, and plans everything before it writes
    anything. It only writes differences, several pairing profiles at a time, at most O(max_requests_per_minute).
    Updated pairing profiles are read back together at the end.
  - A pairing profile is read again before it is deleted. One that another user has renamed meanwhile, or that is no
    longer in O(purge_scope), is not deleted, and a warning names it.
  - A pairing profile that fails does not stop the others. The task fails at the end and names those that failed.
  - Run an interrupted task again to complete it.
  - A pairing profile that is listed twice is an error, before any request.
  - A long run shows its progress every 30 seconds, and with C(-v) every 2, if the task runs on the control node.
extends_documentation_fragment:
  - microseg.enforcement.pce
  - microseg.enforcement.attributes
  - microseg.enforcement.attributes.action_group_pce
options:
  pairing_profiles:
    description:
      - The pairing profiles.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - The exact name of the pairing profile, 1 to 255 characters.
          - Exactly one of O(pairing_profiles[].name) and O(pairing_profiles[].href) is required.
        type: str
      href:
        description:
          - The HREF of an existing pairing profile, such as V(/orgs/1/pairing_profiles/24).
        type: str
      new_name:
        description:
          - The new name of the pairing profile, 1 to 255 characters.
          - A pairing profile that has it already counts as renamed. If neither name exists, one is created with it.
        type: str
      state:
        description:
          - V(present) creates the pairing profile, or updates it if it differs.
          - V(absent) deletes it. The default pairing profile of a PCE cannot be deleted.
        type: str
        choices: [present, absent]
        default: present
      description:
        description:
          - The description of the pairing profile. An empty string clears it.
        type: str
      enabled:
        description:
          - Whether hosts can pair with it. New pairing profiles are enabled by default.
        type: bool
      enforcement_mode:
        description:
          - The enforcement mode that a host gets when it is paired.
          - V(idle) does not control the host's firewall, V(visibility_only) blocks nothing, V(selective) blocks in the
            scope of selective rules, V(full) blocks everything that no rule allows.
          - A pairing profile that only has the older property C(mode) is compared by it (C(illuminated) is
            V(visibility_only), C(enforced) is V(full)).
        type: str
        choices: [idle, visibility_only, selective, full]
      enforcement_mode_lock:
        description:
          - Whether the pairing script cannot override O(pairing_profiles[].enforcement_mode).
        type: bool
      visibility_level:
        description:
          - Which traffic the VEN reports. V(flow_full_detail) is deprecated by the PCE.
        type: str
        choices: [flow_summary, flow_drops, flow_off, enhanced_data_collection, flow_full_detail]
      visibility_level_lock:
        description:
          - Whether the pairing script cannot override O(pairing_profiles[].visibility_level).
        type: bool
      log_traffic:
        description:
          - Whether the VEN logs traffic (legacy).
        type: bool
      log_traffic_lock:
        description:
          - Whether the pairing script cannot override O(pairing_profiles[].log_traffic) (legacy).
        type: bool
      labels:
        description:
          - The labels that a host gets, at most one of each key. Their order does not matter.
          - The list replaces the existing labels; an empty list removes them.
          - >-
            An entry is V({key: role, value: web}), or V({role: web}) for short, or V({href: /orgs/1/labels/7}). Key and
            value must match exactly, and must be texts: quote numbers in YAML, or append C(| string) in a template.
          - A label that does not exist is an error that names the closest labels, unless O(create_labels=true).
        type: list
        elements: dict
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
          - How many hosts can pair with one key, 1 to 2147483647, or V(unlimited). V(one_use) means V(1).
        type: str
      key_lifespan:
        description:
          - How many seconds a key is valid, 1 to 2147483647, or V(unlimited).
        type: str
      agent_software_release:
        description:
          - The VEN release that hosts get. An empty string follows the default of the PCE.
        type: str
      external_data_set:
        description:
          - The data set that the pairing profile comes from. An empty string clears it.
        type: str
      external_data_reference:
        description:
          - The name of the pairing profile in that data set. An empty string clears it.
        type: str
      ven_type:
        description:
          - The type of VEN. Older PCEs do not have this property.
        type: str
        choices: [server, endpoint, specified_during_activation]
  create_labels:
    description:
      - Whether to create O(pairing_profiles[].labels) that do not exist.
      - Check mode shows such a label by its key and value, since it has no HREF yet.
    type: bool
    default: false
  concurrency:
    description:
      - The number of pairing profiles to write at a time, 1 to 10.
    type: int
    default: 4
  purge:
    description:
      - Whether to delete pairing profiles in O(purge_scope) that are not listed, except the default one.
      - Nothing is deleted if one of the listed pairing profiles failed.
    type: bool
    default: false
  purge_scope:
    description:
      - The conditions for pairing profiles that O(purge) may delete, all of which must be true. At least one is
        required, and none may be null.
      - C(name_prefix), the beginning of the name.
      - C(external_data_set), the exact data set.
      - C(labels), a list of labels in the form of O(pairing_profiles[].labels), all of which the pairing profile has.
    type: dict
seealso:
  - module: microseg.enforcement.pce_pairing_profile
  - module: microseg.enforcement.pce_pairing_profile_info
"""

EXAMPLES = r"""
- name: Create a pairing profile for each team and delete others whose names begin with TEAM-
  microseg.enforcement.pce_pairing_profiles:
    pce_host: pce.example.com
    api_key: "{{ pce_api_key }}"
    api_secret: "{{ pce_api_secret }}"
    pairing_profiles:
      - name: TEAM-WEB
        enforcement_mode: visibility_only
        labels:
          - role: web
          - env: prod
      - name: TEAM-DB
        enforcement_mode: full
        labels:
          - role: db
          - env: prod
    purge: true
    purge_scope:
      name_prefix: TEAM-

- name: Create or update 5,000 pairing profiles from a file (connection from the environment)
  microseg.enforcement.pce_pairing_profiles:
    pairing_profiles: "{{ lookup('ansible.builtin.file', 'profiles.yml') | from_yaml }}"
    create_labels: true
    deadline: 1800
"""

RETURN = r"""
outcomes:
  description:
    - What was done, or in check mode would be done, with an entry for each pairing profile. The listed ones come first,
      in the order of the list, then those in O(purge_scope) that are not listed.
  type: list
  elements: dict
  returned: success, and when some of the pairing profiles failed
  contains:
    name:
      description: The name in the task or, if the task has an HREF, the name before the task.
      type: str
      returned: always
      sample: PP-WEB
    href:
      description: The HREF, also of a deleted pairing profile; null if there is none.
      type: str
      returned: always
      sample: /orgs/1/pairing_profiles/24
    action:
      description: What was done, one of V(nothing), V(create), V(update), V(delete) and V(failed).
      type: str
      returned: always
      sample: create
    changed:
      description: Whether it was changed, or may have been.
      type: bool
      returned: always
      sample: true
    error:
      description: Why it failed, or null.
      type: str
      returned: always
      sample: null
    pairing_profile:
      description: The pairing profile as the PCE shows it if it was changed, otherwise null.
      type: dict
      returned: always
      contains:
        href:
          description: The HREF of the pairing profile.
          type: str
          returned: when the pairing profile is present
          sample: /orgs/1/pairing_profiles/24
        name:
          description: The name.
          type: str
          returned: when the pairing profile is present
          sample: PP-WEB
        description:
          description: The description, empty if unset.
          type: str
          returned: when the pairing profile is present
          sample: Web servers
        enabled:
          description: Whether hosts can pair with it.
          type: bool
          returned: when the pairing profile is present
          sample: true
        enforcement_mode:
          description: The enforcement mode that a host gets. An older C(mode) is shown as its successor.
          type: str
          returned: when the pairing profile is present
          sample: visibility_only
        enforcement_mode_lock:
          description: Whether the pairing script cannot override the enforcement mode, also by its older name.
          type: bool
          returned: when the pairing profile is present
          sample: true
        visibility_level:
          description: Which traffic the VEN reports.
          type: str
          returned: when the pairing profile is present
          sample: flow_summary
        visibility_level_lock:
          description: Whether the pairing script cannot override the visibility level.
          type: bool
          returned: when the pairing profile is present
          sample: true
        log_traffic:
          description: Whether the VEN logs traffic (legacy).
          type: bool
          returned: when the pairing profile is present
          sample: false
        log_traffic_lock:
          description: Whether the pairing script cannot override C(log_traffic) (legacy).
          type: bool
          returned: when the pairing profile is present
          sample: false
        labels:
          description: The labels that a host gets, sorted by HREF.
          type: list
          elements: dict
          returned: when the pairing profile is present
          sample: [{"href": "/orgs/1/labels/7"}]
        env_label_lock:
          description: Whether the pairing script cannot override the label of key env.
          type: bool
          returned: when the pairing profile is present
          sample: true
        loc_label_lock:
          description: Whether the pairing script cannot override the label of key loc.
          type: bool
          returned: when the pairing profile is present
          sample: true
        role_label_lock:
          description: Whether the pairing script cannot override the label of key role.
          type: bool
          returned: when the pairing profile is present
          sample: true
        app_label_lock:
          description: Whether the pairing script cannot override the label of key app.
          type: bool
          returned: when the pairing profile is present
          sample: true
        allowed_uses_per_key:
          description: How many hosts can pair with one key, an integer or V(unlimited).
          type: raw
          returned: when the pairing profile is present
          sample: 5
        key_lifespan:
          description: How many seconds a key is valid, an integer or V(unlimited).
          type: raw
          returned: when the pairing profile is present
          sample: unlimited
        agent_software_release:
          description: The VEN release that hosts get, null if they follow the default of the PCE.
          type: str
          returned: when the pairing profile is present
          sample: 23.2.20-157
        external_data_set:
          description: The data set that the pairing profile comes from, or null.
          type: str
          returned: when the pairing profile is present
          sample: cmdb
        external_data_reference:
          description: The name of the pairing profile in that data set, or null.
          type: str
          returned: when the pairing profile is present
          sample: web-4711
        ven_type:
          description: The type of VEN, null on PCEs that do not have this property.
          type: str
          returned: when the pairing profile is present
          sample: server
        status:
          description: The status of a VEN when it activates, null if the PCE does not show it.
          type: str
          returned: when the pairing profile is present
          sample: null
        status_lock:
          description: Whether the pairing script cannot override the status.
          type: bool
          returned: when the pairing profile is present
          sample: false
        total_use_count:
          description: The number of times that hosts have paired with it.
          type: int
          returned: when the pairing profile is present
          sample: 12
        last_pairing_at:
          description: When a host last paired with it, or null.
          type: str
          returned: when the pairing profile is present
          sample: "2026-06-30T18:13:50.668Z"
        is_default:
          description: Whether it is the default pairing profile, which cannot be deleted.
          type: bool
          returned: when the pairing profile is present
          sample: false
        created_at:
          description: When it was created.
          type: str
          returned: when the pairing profile is present
          sample: "2026-06-08T23:13:29.019Z"
        updated_at:
          description: When it was last updated.
          type: str
          returned: when the pairing profile is present
          sample: "2026-06-08T23:18:36.150Z"
        created_by:
          description: The user who created it.
          type: dict
          returned: when the pairing profile is present
          sample: {"href": "/users/1"}
        updated_by:
          description: The user who last updated it.
          type: dict
          returned: when the pairing profile is present
          sample: {"href": "/users/1"}
        caps:
          description: What the API key may do with it, null if the PCE does not show it.
          type: list
          elements: str
          returned: when the pairing profile is present
          sample: ["write", "generate_pairing_key"]
"""

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.bulk import manage_all
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.api import PCE
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.pairing_profile import PAIRING_PROFILE


def main() -> None:
    """Run the module."""
    manage_all(PAIRING_PROFILE, PCE, {"concurrency": {"type": "int", "default": 4}})


if __name__ == "__main__":
    main()
