# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of what modules support."""

from __future__ import annotations


class ModuleDocFragment:
    """What the modules have in common."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and say what it would change, without changing anything.
    support: full
  diff_mode:
    description: Shows what it changed, or in check mode would change, when run with C(--diff).
    support: full
  idempotent:
    description: When run twice in a row, the second run changes nothing.
    support: full
  action:
    description: Has an action plugin that runs the module in Ansible's worker if the target is the control node.
    support: full
    details:
      - The target is the control node if its name is C(localhost), C(127.0.0.1) or C(::1), delegated or not,
        or if its C(ansible_connection) is V(local).
      - >-
        The module runs in a process of its own, with the same result, on other targets, with C(async), if
        C(ansible_python_interpreter) is not the Python of Ansible, if that Python has no requests library, if the
        control node runs macOS, and if the variable C(microseg_run_in_worker) is V(false). It then reports no progress.
        With C(-vvv), Ansible shows which way the task takes, and why.
  async:
    description: Supports being used with the C(async) keyword.
    support: full
  become:
    description: Is usable alongside C(become) keywords.
    support: partial
    details:
      - On the control node, C(become) is ignored, as are connection and shell variables such as C(ansible_connection)
        and C(ansible_shell_type), since they are often set for the managed nodes. The task runs as the user of
        Ansible. C(environment) applies.
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode; it changes nothing anyway.
    support: full
  diff_mode:
    description: Shows what it changed when run with C(--diff).
    support: N/A
    details: It changes nothing.
  idempotent:
    description: When run twice in a row, the second run changes nothing.
    support: full
  action:
    description: Has an action plugin that runs the module in Ansible's worker if the target is the control node.
    support: full
    details:
      - The target is the control node if its name is C(localhost), C(127.0.0.1) or C(::1), delegated or not,
        or if its C(ansible_connection) is V(local).
      - >-
        The module runs in a process of its own, with the same result, on other targets, with C(async), if
        C(ansible_python_interpreter) is not the Python of Ansible, if that Python has no requests library, if the
        control node runs macOS, and if the variable C(microseg_run_in_worker) is V(false). It then reports no progress.
        With C(-vvv), Ansible shows which way the task takes, and why.
  async:
    description: Supports being used with the C(async) keyword.
    support: full
  become:
    description: Is usable alongside C(become) keywords.
    support: partial
    details:
      - On the control node, C(become) is ignored, as are connection and shell variables such as C(ansible_connection)
        and C(ansible_shell_type), since they are often set for the managed nodes. The task runs as the user of
        Ansible. C(environment) applies.
"""

    ACTION_GROUP_PCE = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/microseg.enforcement.pce) in C(module_defaults) for the connection options of all modules.
    support: full
    membership:
      - microseg.enforcement.pce
"""

    ACTION_GROUP_PE = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/microseg.enforcement.pe) in C(module_defaults) for the connection options of all modules.
    support: full
    membership:
      - microseg.enforcement.pe
"""
