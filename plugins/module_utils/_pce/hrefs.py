# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HREFs: what the PCE calls its objects, such as ``/orgs/1/pairing_profiles/24`` (source: PCE REST API, Transport)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_NUMBER = r"[1-9][0-9]{0,18}"
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_IDS = {
    "pairing_profiles": (_NUMBER, "24"),
    "labels": (_NUMBER, "7"),
    "workloads": (_UUID, "3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f"),
    "vens": (_UUID, "3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f"),
}


def collection(org_id: int, name: str) -> str:
    """Return the path of an organisation's collection."""
    return f"/orgs/{org_id}/{name}"


def check(value: object, org_id: int, name: str) -> None:
    """Raise ValueError, in words, unless ``value`` is the HREF of an object of collection ``name`` in ``org_id``."""
    pattern, example = _IDS[name]
    parts = re.fullmatch(r"/orgs/([1-9][0-9]{0,9})/([a-z_]+)/([^/?#]+)", value) if isinstance(value, str) else None
    if parts is None:
        raise ValueError(f"must be an href such as {collection(org_id, name)}/{example}, not {value!r}")
    if parts.group(2) != name:
        raise ValueError(f"must be the href of one of the {name}, not of the {parts.group(2)}: {value!r}")
    if int(parts.group(1)) != org_id:
        raise ValueError(f"belongs to organisation {parts.group(1)}, while pce_org_id is {org_id}: {value!r}")
    if re.fullmatch(pattern, parts.group(3)) is None:
        raise ValueError(f"has no valid id; an example is {collection(org_id, name)}/{example}: {value!r}")


def number(href: str) -> str:
    """Return the last part of an HREF."""
    return href.rpartition("/")[2]


def path_of(location: str) -> str:
    """Return the path that a Location header leads to, from the organisation on.

    Both an HREF and an absolute URL occur. Only the path counts: requests go to the PCE of the task, nowhere else.
    What is no address at all leads to the empty path.
    """
    try:
        path = urlsplit(location.strip()).path
    except ValueError:
        return ""
    _base, marker, rest = path.partition("/api/v2/")
    return "/" + rest if marker else path
