# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module that runs in this process: what it is given, what it returns, and that it leaves nothing behind."""

from __future__ import annotations

import gc
import json
import locale
import os
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils._ansible.module import Module
from plugins.plugin_utils import in_process

OPTIONS = {"word": {"type": "str"}, "secret": {"type": "str", "no_log": True}}


@pytest.fixture(autouse=True)
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a process of the controller, where ansible-core 2.19 and later show warnings at once."""
    if in_process.HAS_PROFILES:
        monkeypatch.setattr("ansible.module_utils._internal.is_controller", True)


def run(main: Any, options: dict[str, Any], environment: dict[str, str] | None = None) -> in_process.Ended:
    arguments = {**options, "_ansible_remote_tmp": "/tmp"}
    text = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    return in_process.run_module(main, text, environment or {}, "/")


def module(**result: Any) -> None:
    """Return its word, a warning and a result, and change what a process may change."""
    made = Module(argument_spec=OPTIONS)
    made.warn(f"{made.params['word']}: beware of {made.params['secret']}")
    os.environ["LEFT_BEHIND"] = "x"
    made.exit_json(word=made.params["word"], directory=os.getcwd(), variable=os.environ.get("VARIABLE"), **result)


def test_run_module_returns_what_it_printed() -> None:
    ended = run(module, {"word": "ü", "secret": "hidden"}, {"VARIABLE": "1"})
    result = json.loads(ended.stdout)
    assert (ended.status, ended.stderr) == (0, "")
    assert (result["word"], result["directory"], result["variable"]) == ("ü", "/", "1")
    assert "hidden" not in ended.stdout
    assert "beware of" in str(result["warnings"])


def test_run_module_leaves_the_process_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def state() -> tuple[Any, ...]:
        streams = (sys.stdout, sys.stderr, sys.stdin, sys.argv)
        return dict(os.environ), os.getcwd(), locale.setlocale(locale.LC_ALL), *map(id, streams)

    before = state()
    run(module, {"word": "x", "secret": "hidden"}, {"VARIABLE": "1", "LC_ALL": "C"})
    assert state() == before


def test_run_module_forgets_the_warnings_of_the_last_run() -> None:
    for word in ("first", "second"):
        result = json.loads(run(module, {"word": word, "secret": word}).stdout)
        assert len(result["warnings"]) == 1


def test_run_module_reports_a_failure_by_its_status() -> None:
    ended = run(module, {"wrod": "x"})
    assert ended.status == 1
    assert "wrod" in json.loads(ended.stdout)["msg"]


def test_run_module_reports_an_exception() -> None:
    def crash() -> None:
        raise ZeroDivisionError("the reason")

    ended = run(crash, {})
    assert ended.status == 1
    assert "the reason" in ended.stdout + ended.stderr


def test_run_module_releases_what_a_failure_held() -> None:
    """It must not wait for the garbage collector: an item of a loop may hold a connection."""

    class Connection:
        pass

    known: list[weakref.ref[Connection]] = []

    def fail() -> None:
        connection = Connection()
        known.append(weakref.ref(connection))
        error = ValueError("held by its own traceback")
        try:
            raise error
        except ValueError:
            Module(argument_spec=OPTIONS).fail_json(msg="failed")

    gc.disable()
    try:
        assert run(fail, {}).status == 1
        assert known[0]() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit])
def test_run_module_raises_what_ends_the_process(error: type[BaseException]) -> None:
    before = dict(os.environ), sys.stdout

    def interrupted() -> None:
        os.environ["LEFT_BEHIND"] = "x"
        raise error

    with pytest.raises(error):
        run(interrupted, {})
    assert (dict(os.environ), sys.stdout) == before


def test_run_module_works_in_a_deleted_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert run(module, {"word": "x"}).status == 0


def test_missing_names_nothing_of_this_core() -> None:
    assert in_process.MISSING == []
