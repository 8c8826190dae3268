# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs pce_label on the control node without a process of its own."""

from __future__ import annotations

from ansible_collections.microseg.enforcement.plugins.modules import pce_label
from ansible_collections.microseg.enforcement.plugins.plugin_utils.direct import ApiAction


class ActionModule(ApiAction):  # type: ignore[misc]  # imported by the collection's name
    """Runs the module."""

    module = pce_label
