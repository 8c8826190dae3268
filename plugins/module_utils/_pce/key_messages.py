# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sentences about pairing keys and their profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def called(profile: Mapping[str, Any]) -> str:
    """Return what the pairing profile of a key is called in a sentence."""
    return f"the pairing profile {name_and_href(profile)}"


def name_and_href(profile: Mapping[str, Any]) -> str:
    """Return the name and the HREF of a pairing profile."""
    return f"{profile.get('name')!r} ({profile['href']})"


def how_to_revoke(profile: Mapping[str, Any]) -> str:
    """Return how a pairing key that nothing holds becomes invalid."""
    return (
        f"It stays valid until it expires or all keys of {called(profile)} are revoked (pce_pairing_key, state: "
        "absent, without path)"
    )
