# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Releases of VENs, such as 23.2.20 or, with a build, 23.2.20-157 (source: PCE REST API, VEN upgrade)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .._core.errors import OptionError
from .._core.text import closest_matches
from . import hrefs
from .api import Pce
from .pagination import read_collection

RELEASES = "software/ven/releases"
"""The collection of the releases that a PCE can install, below the organization."""

_PATTERN = re.compile(r"(\d{1,5}(?:\.\d{1,5}){1,4})(?:-(\d{1,9}))?")


@dataclass(frozen=True, order=True)
class Release:
    """A release. ``build`` is -1 if it is not said; such a release is the same as any build of its version."""

    version: tuple[int, ...]
    build: int = -1

    def is_same(self, other: Release) -> bool:
        """Return True if the two may be one release."""
        return self.version == other.version and (-1 in (self.build, other.build) or self.build == other.build)

    def is_older(self, other: Release) -> bool:
        """Return True if this release is certainly older."""
        return not self.is_same(other) and self < other


def parse_release(text: Any) -> Release | None:
    """Return the release in a text, None for any other value."""
    match = _PATTERN.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        return None
    version = tuple(int(number) for number in match.group(1).split("."))
    return Release(version, int(match.group(2)) if match.group(2) else -1)


def require_release(option: str, text: str) -> Release:
    """Return the release in an option. Raise OptionError if it is not one."""
    release = parse_release(text)
    if release is None:
        raise OptionError(option, f"must be a release such as 23.2.20 or 23.2.20-157, not {text!r}")
    return release


def find_release(pce: Pce, option: str, text: str) -> str:
    """Return the release of the PCE that an option means, with its build.

    Raise OptionError, with the closest, for one that the PCE does not have, and for a version of which it has several
    builds.
    """
    wanted = require_release(option, text)
    listed = read_collection(pce.http, hrefs.collection(pce.org_id, RELEASES), {}).objects
    known = [str(item["release"]) for item in listed if parse_release(item.get("release")) is not None]
    found = [name for name in known if wanted.is_same(parse_release(name) or wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        raise OptionError(option, f"{text} is not one release of the PCE, but {', '.join(found)}")
    advice = closest_matches(text, known, known[:10]) or "; the PCE has no releases in its library"
    raise OptionError(option, f"the PCE has no release {text}{advice}")
