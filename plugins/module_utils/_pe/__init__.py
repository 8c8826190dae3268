# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connector servers of a Policy Enforcer: how they are reached, and the table of their instances.

Source: the Policy Enforcer Connector API. Its pages leave much open; ``names`` holds what is assumed.
"""
