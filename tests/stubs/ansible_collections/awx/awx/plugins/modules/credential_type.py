# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in of our own for the module awx.awx.credential_type: it writes down what it is asked for."""

from __future__ import annotations

from ansible_collections.awx.awx.plugins.module_utils.standin import run, spec

OPTIONS = spec(
    {"kind": {"choices": ["ssh", "vault", "net", "scm", "cloud", "insights"]}},
    str="name new_name description kind",
    dict="inputs injectors",
)


def main() -> None:
    """Run the stand-in."""
    run("credential_type", OPTIONS, {})


if __name__ == "__main__":
    main()
