# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When an API task cannot run in the worker: what real runs here do not meet (tests/integration/test_worker.py)."""

from __future__ import annotations

import importlib
import os
import sys
from types import SimpleNamespace
from typing import Any

import pytest


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(os.environ["ANSIBLE_COLLECTIONS_PATH"])
    return importlib.import_module("ansible_collections.microseg.enforcement.plugins.plugin_utils.direct")


def obstacle(direct: Any) -> str:
    """Return why a task on the control node, with nothing special about it, cannot run in the worker."""
    action = SimpleNamespace(
        _is_on_controller=True,
        _task=SimpleNamespace(async_val=0),
        _templar=SimpleNamespace(template=lambda value: value),
        _interpreter=lambda _variables: "",
    )
    return str(direct.ApiAction._obstacle(action, {}))


def test_obstacle_is_empty_for_a_plain_task(direct: Any) -> None:
    assert obstacle(direct) == ""
    assert direct.MISSING == []


def test_obstacle_is_a_name_that_this_core_lacks(direct: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct, "MISSING", ["_global_warnings", "_configure_module"])
    assert obstacle(direct) == "this ansible-core lacks _global_warnings, _configure_module"


def test_obstacle_is_macos(direct: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "macOS" in obstacle(direct)


def test_is_own_compares_the_virtual_environment_too(direct: Any, tmp_path: Any) -> None:
    assert direct._is_own(sys.executable)
    other = tmp_path / "python"
    other.symlink_to(sys.executable)
    assert not direct._is_own(str(other))
    beside = os.path.join(os.path.dirname(sys.executable), ".", os.path.basename(sys.executable))
    assert direct._is_own(beside)
