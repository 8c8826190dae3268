# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role's action plugins share: where one application of the role hands over, and values without Ansible."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ansible import constants

from .ven_handover import Handover


def handover_of(task: Any) -> Handover:
    """Return what the tasks of one application of the role share: those of one block.

    A file of tasks that is included again has new blocks, so that nothing of an earlier application is found. Ansible
    removes the directory above at the end of its run, however the role ends.
    """
    return Handover(os.path.join(str(constants.DEFAULT_LOCAL_TMP), f"ven-{task._parent._uuid}"))


def plain(value: Any) -> Any:
    """Return a templated value as JSON has it, without Ansible's own types such as vaulted texts."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not hasattr(value, "data"):
        return [plain(item) for item in value]
    return str(value)
