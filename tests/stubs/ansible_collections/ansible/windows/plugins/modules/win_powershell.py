# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stub of our own for the module ansible.windows.win_powershell: no Windows, and no PowerShell.

It has the documented options and result of that module, as far as the role ven uses them, and does what the role's
ven.ps1 says of its actions, with a VEN that is a directory under MICROSEG_WINDOWS. It activates with the simulator.
Every call is written to `calls.json` there, with secrets as SHA-256.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import ssl
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

STATES = {"idle": "idle", "visibility_only": "illuminated", "selective": "selective", "full": "enforced"}


class Host:
    """One host: the directory that stands for its C:, and what its VEN remembers."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        parts = [part for part in parameters["ProgramDirectory"][3:].split("\\") if part]
        self.home = Path(os.environ["MICROSEG_WINDOWS"], *parts)
        self.name = parts[-2]
        self.state_file = self.home / "state.json"
        self.parameters = parameters

    def state(self) -> dict[str, Any]:
        return dict(json.loads(self.state_file.read_text())) if self.state_file.exists() else {}

    def call(self, server: str, action: str, body: dict[str, Any]) -> dict[str, Any]:
        context = ssl.create_default_context(cafile=os.environ["MICROSEG_CA"])
        https = http.client.HTTPSConnection(server, timeout=30, context=context)
        try:
            https.request("POST", f"/api/v25/agents/{action}", json.dumps(body), {"Content-Type": "application/json"})
            answer = https.getresponse()
            text = answer.read().decode()
        finally:
            https.close()
        if answer.status >= 300:
            raise RuntimeError(f"the PCE refused: {text}")
        return dict(json.loads(text)) if text else {}

    def status(self) -> dict[str, Any]:
        lines = [f"microseg-hostname={self.name}"]
        state = self.state()
        if not state:
            lines += ["microseg-program=missing", "Agent State: uninstalled"]
        else:
            lines += ["Version: 23.2.20-157", f"PCE: {state['server']}", f"Agent State: {STATES[state['mode']]}"]
        return {"rc": 0 if state else 1, "said": "\n".join(lines) + "\n"}

    def pair(self, code: str) -> dict[str, Any]:
        if (self.home / "broken").exists():
            return {"rc": 3, "said": f"msiexec ended with 1603; called with {code}\n"}
        server = self.parameters["ManagementServer"]
        options = self.parameters.get("Options") or {}
        labels = {key: options[key] for key in ("role", "app", "env", "loc") if key in options}
        body = {"activation_code": code, "hostname": self.name, "labels": labels}
        if "enforcement_mode" in options:
            body["enforcement_mode"] = options["enforcement_mode"]
        try:
            answer = self.call(server, "activate", body)
        except (OSError, RuntimeError) as error:
            return {"rc": 1, "said": f"{error}; called with {code}\n"}
        self.home.mkdir(parents=True, exist_ok=True)
        known = {"server": server, "mode": answer["enforcement_mode"], "ven": answer["ven"], "token": answer["token"]}
        self.state_file.write_text(json.dumps(known))
        return {"rc": 0, "said": "VEN has been SUCCESSFULLY paired with Illumio\n"}

    def unpair(self) -> dict[str, Any]:
        if (self.home / "broken").exists():
            return {"rc": 5, "said": "tampering protected\n"}
        state = self.state()
        self.call(state["server"], "deactivate", {"ven": state["ven"], "token": state["token"], "remove": True})
        self.state_file.unlink()
        return {"rc": 0, "said": "The VEN is unpaired\n"}


def main() -> None:
    """Run the stub."""
    sensitive = {"name": {"type": "str", "required": True}, "value": {"type": "str", "no_log": True}}
    module = AnsibleModule(
        argument_spec={
            "script": {"type": "str", "required": True},
            "parameters": {"type": "dict"},
            "sensitive_parameters": {"type": "list", "elements": "dict", "options": sensitive},
        },
        supports_check_mode=True,
    )
    empty: dict[str, Any] = {"result": {}, "host_out": "", "host_err": "", "output": [], "error": []}
    # As documented: in check mode only a script that says SupportsShouldProcess runs.
    if module.check_mode and "SupportsShouldProcess" not in module.params["script"]:
        module.exit_json(changed=True, msg="skipped, running in check mode", **empty)
    parameters = module.params["parameters"] or {}
    secrets = {entry["name"]: entry["value"] for entry in module.params["sensitive_parameters"] or []}
    host = Host(parameters)
    calls = Path(os.environ["MICROSEG_WINDOWS"], f"calls-{host.name}.json")
    known = json.loads(calls.read_text()) if calls.exists() else []
    hashed = {name: hashlib.sha256(value.encode()).hexdigest() for name, value in secrets.items()}
    entry = {**parameters, "sensitive": hashed, "script": hashlib.sha256(module.params["script"].encode()).hexdigest()}
    calls.write_text(json.dumps([*known, entry]))
    action = parameters["Action"]
    if action == "status":
        result = host.status()
    elif action == "pair":
        result = host.pair(secrets["ActivationCode"])
    else:
        result = host.unpair()
    module.exit_json(**{**empty, "result": result, "changed": action != "status"})


if __name__ == "__main__":
    main()
