# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pytest plugin that runs modules in the process of the tests, so that a mutant is in force in them.

Tests that need a whole Ansible run, or any other process of the collection, are left out.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.plugin_utils import in_process
from tests.collection import ROOT
from tests.integration import nursery, runner

COLLECTION = "ansible_collections.microseg.enforcement."
_ONE_AT_A_TIME = threading.Lock()
"""Tests may start several at once, and there is one standard output."""

KEPT = ("MUTANT_UNDER_TEST", "PYTEST_CURRENT_TEST")
"""What mutmut and pytest say in the environment."""


def pytest_configure() -> None:
    """Take the place of the processes that tests start."""
    for folder in ("module_utils", "modules"):
        for path in sorted((ROOT / "plugins").glob(f"{folder}/**/*.py")):
            _know_as_part_of_the_collection(path)
    nursery.run = _run
    setattr(runner, "run", _no_process)  # noqa: B010  # mypy lets no function be assigned to


def _know_as_part_of_the_collection(path: Path) -> None:
    """Modules import each other by the collection's name, tests by the path: let both be one module."""
    dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts).replace(".__init__", "")
    sys.modules[COLLECTION + dotted] = importlib.import_module(dotted)


def _no_process(*_arguments: Any, **_options: Any) -> runner.Ended:
    pytest.skip("needs a process of its own")


def _run(module: str, text: str, environment: dict[str, str], timeout: float) -> tuple[str, str]:
    """Run the module of a task as nursery.run does, in this process."""
    assert module == runner.TASK
    task = json.loads(text)
    given = {**task["options"], "_ansible_check_mode": task["check"], "_ansible_diff": True}
    arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {**given, "_ansible_remote_tmp": "/tmp"}})
    main = sys.modules[f"{COLLECTION}plugins.modules.{task['module']}"].main
    with _ONE_AT_A_TIME, _environment(environment):
        ended = in_process.run_module(main, arguments.encode(), {}, os.getcwd())
    return ended.stdout, ended.stderr


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update({**{name: before[name] for name in KEPT if name in before}, **values})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
