#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generate, keep and revoke pairing keys of a PCE."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pce_pairing_key
short_description: Generate, keep and revoke pairing keys of an Illumio PCE
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Generates pairing keys (activation codes) of a pairing profile, with which hosts pair with the PCE.
  - The PCE shows a pairing key once and never again, and it cannot list them. With O(path) the keys are kept in a file,
    and the same ones are returned until they expire. B(Without) O(path) B(each run generates new keys), and reports a
    change each time.
  - How often a key can be used, and for how long, is what the pairing profile said when the key was generated. The PCE
    does not tell how many uses are left of a key, so the file does not know either.
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
      - Without O(path) each run generates, or with O(state=absent) revokes, since nothing remembers the run before.
options:
  profile:
    description:
      - The exact name of the pairing profile. It has to be enabled.
      - Exactly one of O(profile) and O(profile_href) is needed.
    type: str
  profile_href:
    description:
      - The HREF of the pairing profile, such as V(/orgs/1/pairing_profiles/24).
    type: str
  path:
    description:
      - A file on the host that runs the module, in which the keys are kept. Its directory has to exist.
      - It is written with mode 0600, whole or not at all; a second run waits until the first is done with it.
      - Its keys are used until they expire, or until O(profile) is another one than theirs.
    type: path
  count:
    description:
      - How many keys are wanted, 1 to 10000. Missing ones are generated; those that are there are not generated again.
    type: int
    default: 1
  state:
    description:
      - V(present) returns O(count) keys.
      - V(renewed) generates new ones in any case. Those that it replaces in the file stay valid at the PCE.
      - V(absent) revokes B(all) keys of the pairing profile, whoever generated them, since the PCE cannot revoke one,
        and removes the file. If O(path) is given and does not exist, that counts as done.
    type: str
    choices: [present, renewed, absent]
    default: present
notes:
  - The result holds the activation codes. Register it, and set C(no_log) on the task, so that they are not shown.
  - It does not run with C(async), since Ansible keeps the result of such a task in a file that everybody can read.
  - In check mode nothing is generated; what would be has null for its RV(pairing_keys[].activation_code). Check mode
    fails where the run itself would, for a pairing profile that is missing, disabled, or not the API key's to use.
seealso:
  - module: microseg.enforcement.pce_pairing_profile
"""

EXAMPLES = r"""
- name: Have a pairing key, the same one in every run
  microseg.enforcement.pce_pairing_key:
    pce_host: pce.example.com
    api_key: "{{ pce_api_key }}"
    api_secret: "{{ pce_api_secret }}"
    profile: PP-WEB
    path: ~/pairing-key-web.json
  register: pairing_key
  no_log: true

- name: Generate three keys that are kept nowhere (connection from the environment)
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
      description: The activation code, a secret. Null in check mode where it would be generated.
      type: str
      returned: always
      sample: "********"
    pairing_profile:
      description: The pairing profile that the key belongs to, by C(href) and C(name).
      type: dict
      returned: always
      sample: {"href": "/orgs/1/pairing_profiles/24", "name": "PP-WEB"}
    allowed_uses_per_key:
      description: How many hosts can pair with the key, an integer or V(unlimited).
      type: raw
      returned: always
      sample: 5
    created_at:
      description: When the key was generated, by the clock of the host that ran the module (UTC).
      type: str
      returned: always
      sample: "2026-06-08T23:13:29Z"
    expires_at:
      description: When the key expires, by the same clock; null if it does not.
      type: str
      returned: always
      sample: "2026-06-09T00:13:29Z"
management_server:
  description: The host and port of the PCE, as VENs are told it.
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
