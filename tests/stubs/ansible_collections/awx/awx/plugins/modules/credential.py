# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in of our own for the module awx.awx.credential: it writes down what it is asked for."""

from __future__ import annotations

from ansible_collections.awx.awx.plugins.module_utils.standin import run, spec

OPTIONS = spec(
    {
        "credential_type": {"required": True},
        "inputs": {"no_log": True},
        "update_secrets": {"default": True, "no_log": False},
    },
    str="name new_name copy_from description organization credential_type user team",
    dict="inputs",
    bool="update_secrets",
)


def main() -> None:
    """Run the stand-in."""
    run("credential", OPTIONS, {"organization": "organization", "credential_type": "credential_type"})


if __name__ == "__main__":
    main()
