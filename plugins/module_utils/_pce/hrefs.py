# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HREFs: a PCE's references to objects, such as ``/orgs/1/pairing_profiles/24`` (source: PCE REST API, Transport)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from .._core.resource import Resource

NUMBER = r"[1-9][0-9]{0,18}"
UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
UUID_EXAMPLE = "3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f"


def collection(org_id: int, path: str) -> str:
    """Return the path of a collection of an organization."""
    return f"/orgs/{org_id}/{path}"


def check(value: object, org_id: int, resource: Resource) -> None:
    """Raise ValueError, in words, unless ``value`` is the HREF of an object of ``resource`` in ``org_id``."""
    example = f"{collection(org_id, resource.path)}/{resource.id_example}"
    pattern = r"/orgs/([1-9][0-9]{0,9})/([a-z_]+(?:/[a-z_]+)*)/([^/?#]+)"
    parts = re.fullmatch(pattern, value) if isinstance(value, str) else None
    if parts is None:
        raise ValueError(f"must be an href such as {example}, not {value!r}")
    if parts.group(2) != resource.path:
        raise ValueError(f"must be the href of one of the {resource.path}, not of the {parts.group(2)}: {value!r}")
    if int(parts.group(1)) != org_id:
        raise ValueError(f"belongs to organisation {parts.group(1)}, while pce_org_id is {org_id}: {value!r}")
    if re.fullmatch(resource.id_pattern, parts.group(3)) is None:
        raise ValueError(f"has no valid id; an example is {example}: {value!r}")


def id_of(href: str) -> str:
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
