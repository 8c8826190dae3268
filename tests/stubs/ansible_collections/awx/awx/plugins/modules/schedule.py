# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for the module schedule of awx.awx and ansible.controller."""

from __future__ import annotations

from ..module_utils.standin import run

if __name__ == "__main__":
    run("schedule")
