# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A proposal for the file of JSON names, from the instances that a server shows (source: pe-api.md, assumed names)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .json_names import JsonNames, Path

_PATTERNS: Mapping[str, str] = {
    "id": r"^(?:instance[._]?)?(?:id|uuid|guid)$",
    "controller": r"(?:ip_?address|host_?name|controller_?ip|controller_?address|address|host|url|fqdn|ip)$",
    "controller_port": r"port$",
    "controller_username": r"(?:user_?name|user|login)$",
    "controller_password": r"(?:password|passwd|secret)$",
    "controller_context": r"(?:context|region)(?:_?name)?$",
    "address_space_type": r"(?:space_?type|space.*\.type|tenant_?type)$",
    "address_space_name": r"(?:space_?name|space.*\.name|project|vpc|tenant)(?:_?name)?$",
}
"""What the path of a value ends with, in lower case with dots, for each entry of the table."""


def propose_names(names: JsonNames, instances: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the entries of a file of JSON names that would fit these instances; no entry where the table fits.

    An entry has a path only where exactly one matches, so that a wrong guess is unlikely.
    """
    paths = list(dict.fromkeys(path for raw in instances for path in paths_of(raw)))
    proposed = {}
    for entry, pattern in _PATTERNS.items():
        if getattr(names, entry) in paths:
            continue
        near = [path for path in paths if re.search(pattern, ".".join(path).lower())]
        if len(near) == 1:
            proposed[entry] = ".".join(near[0])
    return {**proposed, **_propose_settings(names, instances)}


def paths_of(raw: Mapping[str, Any], prefix: Path = ()) -> list[Path]:
    """Return the paths of all values in an object; a list is one value."""
    found: list[Path] = []
    for key, value in raw.items():
        path = (*prefix, str(key))
        found += paths_of(value, path) if isinstance(value, Mapping) and value else [path]
    return found


def _propose_settings(names: JsonNames, instances: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return where settings are: a list of objects that have two properties each, one of which is called a name."""
    for raw in instances:
        for path in paths_of(raw):
            value: Any = raw
            for key in path:
                value = value[key]
            entry = value[0] if isinstance(value, list) and value and isinstance(value[0], Mapping) else {}
            called = [key for key in entry if re.search(r"(?:name|key)$", str(key).lower())]
            if len(entry) == 2 and len(called) == 1:
                other = next(key for key in entry if key != called[0])
                found = {"settings": ".".join(path), "setting_name": called[0], "setting_value": other}
                own = {"settings": ".".join(names.settings), "setting_name": names.setting_name}
                own["setting_value"] = names.setting_value
                return {key: text for key, text in found.items() if own[key] != text}
    return {}
