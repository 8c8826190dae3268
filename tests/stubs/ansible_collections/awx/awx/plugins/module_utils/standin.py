# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the stand-ins for modules of awx.awx have in common: an AWX that is a file, and no more.

They are our own, and take the options that the documentation of awx.awx 24.6.1 lists, by name, type and choices. An
object that another one names has to be there, in check mode too, as with the real ones. What is written is the file
MICROSEG_AWX: `asked` is every call, `objects` what came of them. Values of credentials are in it as SHA-256 only.
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

Spec = dict[str, dict[str, Any]]


def spec(more: Spec | None = None, **types: str) -> Spec:
    """An argument spec from words: the options of each type, lists of texts as `lists`; `more` is said of some."""
    found: Spec = {}
    for kind, names in types.items():
        about = {"type": "list", "elements": "str"} if kind == "lists" else {"type": kind}
        found.update({name: dict(about) for name in names.split()})
    found["name"]["required"] = True
    found["state"] = {"type": "str", "choices": ["present", "absent", "exists"], "default": "present"}
    for name, about in (more or {}).items():
        found[name].update(about)
    return found


CONNECTION: Spec = {
    "controller_host": {"type": "str", "aliases": ["tower_host"]},
    "controller_username": {"type": "str", "aliases": ["tower_username"]},
    "controller_password": {"type": "str", "no_log": True, "aliases": ["tower_password"]},
    "controller_oauthtoken": {"type": "raw", "no_log": True, "aliases": ["tower_oauthtoken"]},
    "controller_config_file": {"type": "path", "aliases": ["tower_config_file"]},
    "validate_certs": {"type": "bool", "aliases": ["tower_verify_ssl"]},
    "request_timeout": {"type": "float"},
}


def run(kind: str, options: Spec, names: Mapping[str, str]) -> None:
    """Be the module `kind`. `names` are the options by which it names objects of other kinds."""
    module = AnsibleModule(argument_spec={**CONNECTION, **options}, supports_check_mode=True)
    given = {key: value for key, value in module.params.items() if value is not None and key not in CONNECTION}
    if "inputs" in given and kind == "credential":
        given["inputs"] = {
            key: hashlib.sha256(str(value).encode()).hexdigest() for key, value in given["inputs"].items()
        }
    path = Path(os.environ["MICROSEG_AWX"])
    awx: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"asked": [], "objects": {}}
    awx["asked"].append({"module": kind, "check_mode": module.check_mode, "options": given})
    objects = awx["objects"]
    for option, other in names.items():
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
