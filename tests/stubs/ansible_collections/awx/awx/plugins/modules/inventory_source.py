# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in of our own for the module awx.awx.inventory_source: it writes down what it is asked for."""

from __future__ import annotations

from ansible_collections.awx.awx.plugins.module_utils.standin import run, spec

SOURCES = [
    *("scm", "ec2", "gce", "azure_rm", "vmware", "satellite6", "openstack", "rhv", "controller", "insights"),
    *("terraform", "openshift_virtualization"),
]
OPTIONS = spec(
    {
        "inventory": {"required": True},
        "source": {"choices": SOURCES},
        "verbosity": {"choices": [0, 1, 2]},
    },
    str="name new_name description inventory source source_path enabled_var enabled_value host_filter limit credential"
    " execution_environment custom_virtualenv organization source_project scm_branch",
    dict="source_vars",
    bool="overwrite overwrite_vars update_on_launch",
    int="timeout verbosity update_cache_timeout",
    lists="notification_templates_started notification_templates_success notification_templates_error",
)
NAMES = {
    "organization": "organization",
    "inventory": "inventory",
    "source_project": "project",
    "credential": "credential",
}


def main() -> None:
    """Run the stand-in."""
    run("inventory_source", OPTIONS, NAMES)


if __name__ == "__main__":
    main()
