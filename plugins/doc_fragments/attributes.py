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
