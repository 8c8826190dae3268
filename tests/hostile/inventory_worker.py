"""A process that reads inventories with the plugin pce_workloads, one case after another; see worker.py.

A process of its own, since Ansible's loader of plugins imports the collection in its own way.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from tests.hostile import faults, properties, servers, wire
from tests.hostile.tokens import expanded
from tests.hostile.worker import EPOCH, Clock

PLUGIN = "microseg.enforcement.pce_workloads"
_RESERVED = re.compile(r"all|ungrouped|localhost[46]?(\..*)?|[0-9]+|127\..*", re.IGNORECASE)


def main() -> None:
    """Serve cases until standard input ends."""
    from ansible.plugins.loader import init_plugin_loader

    outcomes, sys.stdout = sys.stdout, sys.stderr
    init_plugin_loader([])
    with tempfile.TemporaryDirectory(prefix="microseg-hostile-") as directory:
        os.chdir(directory)
        for line in sys.stdin:
            outcomes.write(json.dumps(run(json.loads(line))) + "\n")
            outcomes.flush()
        os.chdir("/")


def run(case: Mapping[str, Any]) -> dict[str, Any]:
    """Read an inventory. Return ``problems``, ``msg``, ``requests`` and ``hosts``."""
    from ansible.errors import AnsibleError
    from ansible.inventory.data import InventoryData
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import inventory_loader
    from ansible.utils.display import Display

    text = expanded(json.dumps({"plugin": PLUGIN, **case["options"]}))
    path = Path("x.pce_workloads.yml").absolute()
    path.write_text(text)
    exchanges: list[properties.Exchange] = []
    said: list[str] = []
    objects, clock = servers.Objects(), Clock()

    def answer(sent: wire.Sent) -> bytes:
        asked_for_job = ("Prefer", "respond-async") in sent.headers
        reply = servers.answer(objects, "/none", sent.method, sent.target, sent.body, asked_for_job)
        reply = faults.applied(case.get("faults", []), len(exchanges), reply)
        exchanges.append(properties.Exchange(sent, reply))
        return wire.response(reply.status, list(reply.headers), reply.body())

    plugin = inventory_loader.get(PLUGIN)
    transport = sys.modules["ansible_collections.microseg.enforcement.plugins.module_utils._http.client"].HttpClient
    inventory, message, failure = InventoryData(), "", ""
    times = (lambda: clock.time, lambda: EPOCH + clock.time, clock.sleep)
    with (
        wire.connected(answer),
        mock.patch.object(transport.__init__, "__defaults__", times),
        mock.patch.object(Display, "warning", lambda _self, msg, *_rest, **_more: said.append(str(msg))),
        mock.patch.object(Display, "display", lambda _self, msg, *_rest, **_more: said.append(str(msg))),
    ):
        try:
            plugin.parse(inventory, DataLoader(), str(path), cache=False)
        except AnsibleError as error:
            message = str(error)
        except BaseException:
            failure = traceback.format_exc()
    ended = properties.Ended(PLUGIN, json.loads(text), True, True, "", "", "", 0, [message, *said], exchanges)
    problems = [*_of_words(message, said, failure), *_of_inventory(inventory), *properties.of_requests(ended)]
    problems += list(properties.of_secrets(ended))
    return {
        "problems": problems,
        "msg": message[:2000],
        "requests": [f"{item.sent.method} {item.sent.target[:300]}" for item in exchanges[:20]],
        "hosts": sorted(inventory.hosts),
        "traceback": failure[-3000:],
    }


def _of_words(message: str, said: list[str], failure: str) -> Iterator[str]:
    if failure:
        yield f"an unexpected exception: {failure.strip().splitlines()[-1][:300]}"
    for text in [message, *said]:
        yield from (f"{problem}: {text[:200]!r}" for problem in properties.of_line(text))


def _of_inventory(inventory: Any) -> Iterator[str]:
    for name, host in inventory.hosts.items():
        if not re.fullmatch(r"[\w.@: -]{1,330}", name) or _RESERVED.fullmatch(name):
            yield f"a host called {name[:100]!r}"
        known = set(host.vars) - {"inventory_file", "inventory_dir"}
        if known != {"pce_workload"}:
            yield f"variables {sorted(known)} of {name}"
    for name in inventory.groups:
        if not re.fullmatch(r"[^\W\d]\w*", name):
            yield f"a group called {name[:100]!r}"


if __name__ == "__main__":
    main()
