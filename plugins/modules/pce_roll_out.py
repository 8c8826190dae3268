#!/usr/bin/python
# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Roll out an enforcement mode or a VEN release in waves."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pce_roll_out
short_description: Roll out enforcement modes or VEN releases in waves
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Moves workloads to an enforcement mode, or their VENs to a release, in waves. After each wave the module looks at
    its hosts for O(settle_time) seconds, and stops if more of them failed than O(waves[].error_budget) allows.
  - All options are checked and all waves are planned before anything is written. Check mode shows the plan, and fails
    where a wave would stop. Compatibility reports are read for the first wave that has something to do.
  - Before a wave, each of its hosts that must be changed is checked. A host that is not online, whose VEN has an error
    or was tampered with, or that would leave idle mode with a red compatibility report or without one, is not changed
    and counts as failed.
  - After a wave, a host that is not in the mode or does not have the release, is not online, no longer has a VEN, or
    whose VEN has an error or was tampered with, counts as failed.
  - A host whose mode changes between the check and the change of this task stays as it is. So does one with an unknown
    mode or release, since it may be stricter or newer.
  - The only state is what the PCE shows. A second run continues where the first ended, and a wave that had to stop
    stops again without a change, unless O(continue_past) names it.
  - A stricter mode or a newer release than the target counts as reached.
extends_documentation_fragment:
  - microseg.enforcement.pce
  - microseg.enforcement.attributes
  - microseg.enforcement.attributes.action_group_pce
options:
  state:
    description:
      - V(present) carries out O(waves).
      - V(back) sets the enforcement modes and visibility levels that O(path) contains, of the workloads in O(selection)
        if it is set. Releases are not restored.
      - A workload that is in a less strict mode than O(path) contains stays there, with a warning.
    type: str
    choices: [present, back]
    default: present
  path:
    description:
      - A file on the host that runs the module, in which the earlier mode and visibility level of each workload is
        stored before it is changed. Only its owner can read it. A file that others can write is an error.
      - Entries that the file has are kept, so that V(back) leads to the state before the first wave. Use a new file for
        another roll-out; a warning names hosts whose entry differs from their present mode. After all workloads went
        back, the next roll-out stores them again.
    type: path
    required: true
  waves:
    description:
      - The waves, in their order. Required with O(state=present).
      - A host belongs to the first wave that has it, for modes and for releases separately.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the wave, in results and messages. Each wave needs its own.
        type: str
        required: true
      hostnames:
        description:
          - Exact hostnames, one of which a host must have.
        type: list
        elements: str
      hrefs:
        description:
          - HREFs of workloads, one of which a host must have.
        type: list
        elements: str
      labels:
        description:
          - >-
            Labels, all of which a host must have. An entry is V({key: role, value: web}), or V({role: web}) for short,
            or V({href: /orgs/1/labels/7}).
        type: list
        elements: dict
      share:
        description:
          - The approximate percentage of the whole selection from which hosts are taken, at least one, by a hash of
            their HREFs, so that they are the same in each run and new hosts move no other. A larger share contains a
            smaller one.
        type: float
        default: 100.0
      enforcement_mode:
        description:
          - The enforcement mode. Either O(waves[].enforcement_mode) or O(waves[].release) is required.
        type: str
        choices: [idle, visibility_only, selective, full]
      visibility_level:
        description:
          - The visibility level. Requires O(waves[].enforcement_mode).
        type: str
        choices: [flow_summary, flow_drops, flow_off, enhanced_data_collection, flow_full_detail]
      release:
        description:
          - The release of the VENs, such as V(24.2.10). The PCE must have it.
        type: str
      error_budget:
        description:
          - The percentage of the hosts of this wave that may fail. Defaults to O(error_budget).
        type: float
  selection:
    description:
      - The workloads that take part. All conditions must hold, and at least one is required. Without O(selection), all
        workloads with a VEN take part.
    type: dict
    suboptions:
      hostnames:
        description:
          - Exact hostnames, one of which a workload must have.
        type: list
        elements: str
      hrefs:
        description:
          - HREFs of workloads, one of which a workload must have.
        type: list
        elements: str
      labels:
        description:
          - >-
            Labels, all of which a workload must have. An entry is V({key: role, value: web}), or V({role: web}) for
            short, or V({href: /orgs/1/labels/7}).
        type: list
        elements: dict
  error_budget:
    description:
      - The percentage of the hosts of a wave that may fail, 0 to 100.
    type: float
    default: 0.0
  settle_time:
    description:
      - The seconds for which the hosts of a wave are observed after their modes were changed. With
        O(waves[].release), the maximum time until they have the release. A PCE shows only after some minutes that a VEN
        is offline; to stop at such hosts, set a longer time. O(deadline) must be more than the sum over all waves.
    type: int
    default: 60
  continue_past:
    description:
      - The names of waves that do not stop those that follow if they fail.
    type: list
    elements: str
    default: []
  allow_incompatible:
    description:
      - Whether hosts leave idle mode although their compatibility report is red or missing.
    type: bool
    default: false
  allow_empty:
    description:
      - Whether a wave may have no host. Otherwise that is an error.
    type: bool
    default: false
seealso:
  - module: microseg.enforcement.pce_workloads
  - module: microseg.enforcement.pce_ven_upgrade
"""

EXAMPLES = r"""
- name: Move the web servers to full enforcement, first one in ten (connection from the environment)
  microseg.enforcement.pce_roll_out:
    path: roll-out-web.json
    selection:
      labels:
        - role: web
    settle_time: 120
    error_budget: 5
    deadline: 1800
    waves:
      - name: canary
        share: 10
        enforcement_mode: full
        error_budget: 0
      - name: others
        enforcement_mode: full

- name: Go back to the earlier modes
  microseg.enforcement.pce_roll_out:
    path: roll-out-web.json
    state: back
"""

RETURN = r"""
restored:
  description:
    - The number of workloads whose earlier modes were restored, or in check mode would be. 0 with O(state=present).
  type: int
  returned: success
  sample: 12
waves:
  description: The waves, in their order; empty with O(state=back).
  type: list
  elements: dict
  returned: success, and when a wave had to stop
  contains:
    name:
      description: The name of the wave.
      type: str
      returned: always
      sample: canary
    target:
      description: The enforcement mode, with the visibility level if the wave has one, or the release.
      type: str
      returned: always
      sample: full
    state:
      description:
        - V(planned) in check mode, V(unchanged) if there was nothing to do, V(done), V(stopped) if too many hosts
          failed or would fail, or V(not_started) after a wave that had to stop.
      type: str
      returned: always
      sample: done
    hosts:
      description: The number of its hosts.
      type: int
      returned: always
      sample: 10
    pending:
      description: The number of hosts that had to be changed.
      type: int
      returned: always
      sample: 4
    changed:
      description: The number of hosts that were changed, or may have been, or in check mode would be.
      type: int
      returned: always
      sample: 4
    failed:
      description: The number of hosts that failed.
      type: int
      returned: always
      sample: 0
    error_budget:
      description: The percentage of hosts that may fail.
      type: float
      returned: always
      sample: 5.0
    workloads:
      description: An entry for each host.
      type: list
      elements: dict
      returned: always
      contains:
        hostname:
          description: The hostname.
          type: str
          returned: always
          sample: web1.example.com
        href:
          description: The HREF of the workload.
          type: str
          returned: always
          sample: /orgs/1/workloads/3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f
        before:
          description: The mode or release before the wave.
          type: str
          returned: always
          sample: visibility_only
        now:
          description: The mode or release that the PCE showed last.
          type: str
          returned: always
          sample: full
        online:
          description: Whether it is online, or null.
          type: bool
          returned: always
          sample: true
        changed:
          description: Whether it was changed, or may have been, or in check mode would be.
          type: bool
          returned: always
          sample: true
        problem:
          description: Why it failed or was not changed, or null.
          type: str
          returned: always
          sample: null
        warning:
          description: What to look at, such as a yellow compatibility report, or null.
          type: str
          returned: always
          sample: null
"""

from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.module import run
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.api import PCE
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.roll_out_module import roll_out
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.roll_out_options import OPTIONS


def main() -> None:
    """Run the module."""
    run(OPTIONS, PCE.options, roll_out, required_if=[("state", "present", ["waves"])])


if __name__ == "__main__":
    main()
