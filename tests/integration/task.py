# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that runs one task by its action plugin, as Ansible's worker process does.

On standard input: module, options, check, in_worker. On standard output: the result, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins import loader as plugins
from ansible.template import Templar

NAMESPACE = "microseg.enforcement"


def run(module: str, options: dict[str, Any], check: bool, in_worker: bool) -> dict[str, Any]:
    """Run a task on localhost and return the result of its action plugin."""
    name = f"{NAMESPACE}.{module}"
    files, context = DataLoader(), PlayContext()
    files.set_basedir(os.getcwd())
    variables = {"inventory_hostname": "localhost", "microseg_run_in_worker": in_worker, "ansible_facts": {}}
    connection = plugins.connection_loader.get("ansible.builtin.local", context)
    connection.set_options(var_options={})
    action = plugins.action_loader.get(
        name,
        task=Task.load({name: options, "check_mode": check, "diff": True}, loader=files),
        connection=connection,
        play_context=context,
        loader=files,
        templar=Templar(files, variables),
        shared_loader_obj=plugins,
    )
    result: dict[str, Any] = action.run(task_vars=variables)
    # ansible-core 2.19 and later make an object of each error, with a traceback or without.
    traceback = getattr(getattr(result.get("exception"), "event", None), "formatted_traceback", "a text")
    if not traceback:
        del result["exception"]
    if not result.get("failed", True):
        del result["failed"]  # which ansible-core 2.21 adds
    return result


def as_json(value: Any) -> Any:
    """Return the text of what ansible-core 2.19 and later have as objects: warnings and errors."""
    return value.event.formatted_traceback or value.event.msg


def main() -> None:
    """Read the task, run it, and print its result."""
    print(json.dumps(run(**json.load(sys.stdin)), default=as_json))


if __name__ == "__main__":
    main()
