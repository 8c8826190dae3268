# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows how far pce_pairing_key is."""

from __future__ import annotations

from ansible_collections.microseg.enforcement.plugins.plugin_utils.progress import ProgressAction


class ActionModule(ProgressAction):  # type: ignore[misc]  # imported by the collection's name
    """Runs the module, and never asynchronously: its result would be in a file that everybody can read."""

    _supports_async = False
