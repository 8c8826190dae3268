# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stand-ins for modules of awx.awx and ansible.controller: an AWX that is a file.

They take the arguments of awx-arguments.json, which MICROSEG_AWX_ARGUMENTS names. An object that another one refers to
must exist, in check mode too, as with the real modules. They write the file MICROSEG_AWX: `asked` is every call,
`objects` the result. Values of credentials are in it as SHA-256 only.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

BUILT_IN = {"organization": ["Default"], "credential_type": ["Machine"]}
"""What a new AWX has."""

REFERENCES: Mapping[str, Mapping[str, str]] = {
    "credential": {"organization": "organization", "credential_type": "credential_type"},
    "credential_type": {},
    "inventory": {"organization": "organization"},
    "inventory_source": {
        "organization": "organization",
        "inventory": "inventory",
        "source_project": "project",
        "credential": "credential",
    },
    "job_template": {
        "organization": "organization",
        "inventory": "inventory",
        "project": "project",
        "credentials": "credential",
    },
    "project": {
        "organization": "organization",
        "credential": "credential",
        "signature_validation_credential": "credential",
    },
    "schedule": {"organization": "organization", "unified_job_template": "job_template"},
}
"""The options by which an object refers to objects of other kinds."""


def run(kind: str) -> None:
    """Run as the module `kind`."""
    table = json.loads(Path(os.environ["MICROSEG_AWX_ARGUMENTS"]).read_text())
    module = AnsibleModule(argument_spec={**table["connection"], **table[kind]}, supports_check_mode=True)
    connection = table["connection"]
    given = {key: value for key, value in module.params.items() if value is not None and key not in connection}
    if "inputs" in given and kind == "credential":
        given["inputs"] = {
            key: hashlib.sha256(str(value).encode()).hexdigest() for key, value in given["inputs"].items()
        }
    path = Path(os.environ["MICROSEG_AWX"])
    awx: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"asked": [], "objects": {}}
    awx["asked"].append({"module": kind, "check_mode": module.check_mode, "options": given})
    objects = awx["objects"]
    for option, other in REFERENCES[kind].items():
        for name in [given[option]] if isinstance(given.get(option), str) else given.get(option, []):
            if name not in objects.get(other, {}) and name not in BUILT_IN.get(other, []):
                module.fail_json(msg=f"AWX has no {other} {name!r}, which {option} of {kind} {given['name']!r} names")
    there = objects.setdefault(kind, {})
    before = there.get(given["name"])
    after = {**(before or {}), **{key: value for key, value in given.items() if key not in ("state", "update_secrets")}}
    if before is None:
        is_changed = True
    elif given["state"] == "exists":
        is_changed = False
    elif kind == "credential" and "inputs" in given:
        # What is encrypted cannot be compared: it is written always, or where something else differs.
        is_changed = given["update_secrets"] or _seen(before, objects) != _seen(after, objects)
    else:
        is_changed = before != after
    if is_changed and not module.check_mode:
        there[given["name"]] = after
    path.write_text(json.dumps(awx, indent=1))
    module.exit_json(changed=is_changed, id=1)


def _seen(credential: Mapping[str, Any], objects: Mapping[str, Any]) -> dict[str, Any] | None:
    """The values of a credential that AWX shows; None of one that has none yet."""
    if "inputs" not in credential:
        return None
    fields = (
        objects.get("credential_type", {}).get(credential["credential_type"], {}).get("inputs", {}).get("fields", [])
    )
    secret = {field["id"] for field in fields if field.get("secret")}
    return {key: value for key, value in credential["inputs"].items() if key not in secret}
