"""A process that runs modules, one case after another: options in, servers that answer as the case says, outcome out.

Each case is a line of JSON on standard input, as `cases.Case` writes it; each outcome is a line on standard output.
A module runs as in Ansible's worker, with Ansible's module part as it is; the network ends in wire.py, and time passes
only while the module sleeps.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import random
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from tests.hostile import faults, properties, servers, wire
from tests.hostile.tokens import expanded

COLLECTION = "ansible_collections.microseg.enforcement.plugins"
EPOCH = 1_780_000_000.0
MOST_REQUESTS = 3000
"""More in one run of a module would be an endless loop."""


class Clock:
    """Time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.time = 0.0

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def main() -> None:
    """Serve cases until standard input ends."""
    cases, outcomes = sys.stdin, sys.stdout
    sys.stdin = io.StringIO()
    sys.path.insert(0, os.environ["ANSIBLE_COLLECTIONS_PATH"])
    with tempfile.TemporaryDirectory(prefix="microseg-hostile-") as directory:
        # Deep, so that a path with a few ".." stays within.
        home = Path(directory, *"abcdefgh")
        home.mkdir(parents=True)
        os.chdir(home)
        for line in cases:
            case = json.loads(line)
            outcome = _specs(case["specs"]) if "specs" in case else run(case)
            for left in home.iterdir():
                left.unlink()
            outcomes.write(json.dumps(outcome) + "\n")
            outcomes.flush()
        os.chdir("/")


def run(case: Mapping[str, Any]) -> dict[str, Any]:
    """Run a case. Return ``problems`` (sentences), ``result``, ``requests``, and ``entered``."""
    from ansible.module_utils import basic

    random.seed(0)
    clock = Clock()
    log: list[str] = []
    entered: list[bool] = []
    exchanges: list[properties.Exchange] = []
    objects = servers.Objects()
    base = "/api/v2/connector"
    options = {name: value for name, value in case["options"].items() if value != "@@left out@@"}
    text = expanded(json.dumps({"ANSIBLE_MODULE_ARGS": {**options, **_settings(case, options)}}))
    given = json.loads(text)["ANSIBLE_MODULE_ARGS"]

    def answer(sent: wire.Sent) -> bytes:
        if len(exchanges) >= MOST_REQUESTS:
            raise RuntimeError("an endless loop of requests")
        asked_for_job = ("Prefer", "respond-async") in sent.headers
        where = properties.connector_base(given, base)
        reply = servers.answer(objects, where, sent.method, sent.target, sent.body, asked_for_job)
        reply = faults.applied(case.get("faults", []), len(exchanges), reply)
        exchanges.append(properties.Exchange(sent, reply))
        return wire.response(reply.status, list(reply.headers), reply.body())

    def entering(self: Any, *arguments: Any, **more: Any) -> None:
        real(self, *arguments, **more)
        entered.append(True)

    failure = ""

    def main() -> None:
        nonlocal failure
        try:
            module.main()
        except Exception:
            failure = traceback.format_exc()
            raise

    module = importlib.import_module(f"{COLLECTION}.modules.{case['module']}")
    client = importlib.import_module(f"{COLLECTION}.module_utils._http.client").HttpClient
    in_process = importlib.import_module(f"{COLLECTION}.plugin_utils.in_process")
    real = basic.AnsibleModule.__init__
    with (
        wire.connected(answer),
        mock.patch.object(basic.AnsibleModule, "__init__", entering),
        mock.patch.object(basic.AnsibleModule, "_log_to_syslog", lambda _self, words: log.append(str(words))),
        mock.patch.object(
            client.__init__, "__defaults__", (lambda: clock.time, lambda: EPOCH + clock.time, clock.sleep)
        ),
    ):
        printed = in_process.run_module(main, text.encode(), {}, os.getcwd())
    ended = properties.Ended(
        case["module"],
        given,
        bool(case.get("faults")),
        bool(entered),
        printed.stdout,
        printed.stderr,
        failure,
        printed.status,
        log,
        exchanges,
    )
    problems = properties.broken(ended)
    return {
        "problems": problems,
        "entered": ended.entered,
        "failed": bool(ended.result().get("failed")),
        "msg": str(ended.result().get("msg", ""))[:2000],
        "requests": [f"{item.sent.method} {item.sent.target[:300]}" for item in exchanges[:20]],
        "output": ended.stdout[:3000] if problems else "",
        "traceback": failure[-3000:],
    }


def _settings(case: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return Ansible's own arguments. A key file outside of the home of the cases is looked at and not written."""
    check = bool(case.get("check"))
    path = options.get("path")
    if isinstance(path, str):
        place = os.path.abspath(os.path.expanduser(os.path.expandvars(path)))
        check = check or not place.startswith(os.getcwd())
    elif path is not None:
        check = True
    return {"_ansible_check_mode": check, "_ansible_diff": True, "_ansible_remote_tmp": os.getcwd()}


def _specs(names: list[str]) -> dict[str, Any]:
    """Return the argument spec of each module, without what is no JSON."""
    found: dict[str, Any] = {}
    edge = importlib.import_module(f"{COLLECTION}.module_utils._ansible.module")
    for name in names:
        module = importlib.import_module(f"{COLLECTION}.modules.{name}")

        def capture(name: str = name, **arguments: Any) -> None:
            found[name] = arguments["argument_spec"]
            raise SystemExit

        with mock.patch.object(edge, "Module", capture):
            try:
                module.main()
            except SystemExit:
                continue
    return dict(json.loads(json.dumps(found, default=lambda _value: None)))


if __name__ == "__main__":
    main()
