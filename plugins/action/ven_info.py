# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gets the status of the VEN of a host. The documentation is that of the module ven_info."""

from __future__ import annotations

from typing import Any

from ansible_collections.microseg.enforcement.plugins.plugin_utils.ven_action import VenAction
from ansible_collections.microseg.enforcement.plugins.plugin_utils.ven_host import VenHost


class ActionModule(VenAction):  # type: ignore[misc]  # imported by the collection's name
    """Asks the host, and changes nothing."""

    def act(self, host: VenHost, options: dict[str, Any]) -> dict[str, Any]:
        """Return the status of the VEN."""
        status = host.status()
        self.facts = status.facts()
        return {"is_paired": not status.is_unpaired, "is_active": status.is_active}
