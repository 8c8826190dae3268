#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create, save and revoke pairing keys of a PCE."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pce_pairing_key
short_description: Manage pairing keys on an Illumio PCE
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Creates pairing keys (activation codes) of a pairing profile, with which hosts pair with the PCE.
  - A PCE shows a pairing key once and never again, and cannot list its keys. With O(path) the keys are saved in a file,
    and the same keys are returned until they expire. B(Without) O(path) B(each run creates new keys) and reports a
    change.
  - The pairing profile decides, when a key is created, how many hosts can pair with the key and when the key expires.
    The PCE does not show how many uses of a key are left.
extends_documentation_fragment:
  - microseg.enforcement.pce
  - microseg.enforcement.attributes
  - microseg.enforcement.attributes.action_group_pce
attributes:
  async:
    support: none
  idempotent:
    support: partial
    details:
      - With O(path) the second run changes nothing, unless O(state=renewed).
      - Without O(path) each run creates keys, or with O(state=absent) revokes them, since there is no record of the
        run before.
options:
  profile:
    description:
      - The exact name of the pairing profile.
      - Exactly one of O(profile) and O(profile_href) is required.
    type: str
  profile_href:
    description:
      - The HREF of the pairing profile, such as V(/orgs/1/pairing_profiles/24).
    type: str
  path:
    description:
      - The file, on the host that runs the module, in which the keys are saved. Its directory must exist, on a file
        system with locks.
      - The file is written with mode 0600, as a whole or not at all. A second run waits until the first has finished.
        No key is created unless there is space to save it.
      - One file holds the keys of one pairing profile. The task fails, and changes nothing, if the file holds keys of
        another pairing profile or of another PCE, belongs to a user other than the user of the task and root, or is
        writable by other users.
    type: path
  count:
    description:
      - How many keys to return, 1 to 10000. With O(path) only the missing ones are created.
    type: int
    default: 1
  state:
    description:
      - V(present) returns O(count) keys.
      - V(renewed) creates new keys in any case. The keys that they replace in the file stay valid on the PCE.
      - V(absent) revokes B(all) keys of the pairing profile, including those that other users created, since a PCE
        cannot revoke a single key, and deletes the file. If O(path) is set and the file does not exist, nothing is
        done.
    type: str
    choices: [present, renewed, absent]
    default: present
notes:
  - The result contains the activation codes, which are secrets. Register it, and set C(no_log) on the task.
  - The module does not run with C(async), since Ansible saves the result of such a task in a file that other users can
    read.
  - If the connection breaks while a key is being created, the task fails at once and reports a change, since the PCE
    may have created a key that was never received. The request is not sent again. The message says how to revoke the
    key.
  - A disabled pairing profile is a warning. If the PCE refuses to create keys of it, the task fails with the reason
    that the PCE gives.
  - In check mode no key is created, and RV(pairing_keys[].activation_code) of a key that would be created is null. A
    pairing profile that O(profile) names and that does not exist is then a warning, since an earlier task of the play
    may create it.
seealso:
  - module: microseg.enforcement.pce_pairing_profile
"""

EXAMPLES = r"""
- name: Create a pairing key and return the same one in each run
  microseg.enforcement.pce_pairing_key:
    pce_host: pce.example.com
    api_key: "{{ pce_api_key }}"
    api_secret: "{{ pce_api_secret }}"
    profile: PP-WEB
    path: ~/pairing-key-web.json
  register: pairing_key
  no_log: true

- name: Create three keys without saving them (connection from the environment)
  microseg.enforcement.pce_pairing_key:
    profile: PP-WEB
    count: 3
  register: pairing_keys
  no_log: true

- name: Revoke all keys of the pairing profile
  microseg.enforcement.pce_pairing_key:
    profile: PP-WEB
    path: ~/pairing-key-web.json
    state: absent
"""

RETURN = r"""
pairing_keys:
  description: The pairing keys, O(count) of them; empty with O(state=absent).
  type: list
  elements: dict
  returned: success
  contains:
    activation_code:
      description: The activation code, a secret. Null in check mode for a key that would be created.
      type: str
      returned: always
      sample: "********"
    pairing_profile:
      description:
        - The C(href) and C(name) of the pairing profile that the key belongs to. The C(href) is null in check mode if
          the pairing profile does not exist.
      type: dict
      returned: always
      sample: {"href": "/orgs/1/pairing_profiles/24", "name": "PP-WEB"}
    allowed_uses_per_key:
      description: How many hosts can pair with the key, an integer or V(unlimited).
      type: raw
      returned: always
      sample: 5
    created_at:
      description: When the key was created, by the clock of the host that ran the module (UTC).
      type: str
      returned: always
      sample: "2026-06-08T23:13:29Z"
    expires_at:
      description: When the key expires, by the same clock; null if it does not expire.
      type: str
      returned: always
      sample: "2026-06-09T00:13:29Z"
management_server:
  description: The host and port of the PCE, in the form that VENs expect.
  type: str
  returned: success
  sample: pce.example.com:8443
"""

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.module import run
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.api import PCE
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.pairing_keys import OPTIONS, keep_keys


def main() -> None:
    """Run the module."""
    names = ("profile", "profile_href")
    run(OPTIONS, PCE.options, keep_keys, required_one_of=[names], mutually_exclusive=[names])


if __name__ == "__main__":
    main()
