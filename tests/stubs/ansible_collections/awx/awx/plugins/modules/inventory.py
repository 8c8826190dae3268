# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in of our own for the module awx.awx.inventory: it writes down what it is asked for."""

from __future__ import annotations

from ansible_collections.awx.awx.plugins.module_utils.standin import run, spec

OPTIONS = spec(
    {"organization": {"required": True}, "kind": {"choices": ["", "smart", "constructed"]}},
    str="name new_name copy_from description organization kind host_filter",
    dict="variables",
    bool="prevent_instance_group_fallback",
    lists="instance_groups input_inventories",
)


def main() -> None:
    """Run the stand-in."""
    run("inventory", OPTIONS, {"organization": "organization"})


if __name__ == "__main__":
    main()
