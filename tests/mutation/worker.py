# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that runs tests with one file of the collection replaced, until one fails.

On standard input: path, text, tests, seconds, and cache, a directory for bytecode. On standard output: pytest's exit
status, the test that failed, and the end of what pytest printed.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import json
import signal
import sys
import types
from collections.abc import Sequence

import pytest


class _Replaced(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a given text, and nothing else."""

    def __init__(self, name: str, path: str, text: str) -> None:
        self._name = name
        self._path = path
        self._text = text

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=self)

    def exec_module(self, module: types.ModuleType) -> None:
        exec(compile(self._text, self._path, "exec"), module.__dict__)  # noqa: S102  # as every import does


class _Failure:
    """A pytest plugin that knows which test failed."""

    test: str | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.test = report.nodeid


def main() -> None:
    """Read the job, and print how it ended."""
    job = json.load(sys.stdin)
    signal.alarm(job["seconds"])
    path = job["path"]
    sys.dont_write_bytecode, sys.pycache_prefix = False, job["cache"]
    sys.meta_path.insert(0, _Replaced(path[: -len(".py")].replace("/", "."), path, job["text"]))
    failure = _Failure()
    plugins = [word for name in ("no:cacheprovider", "no:xdist", "tests.mutation.inside") for word in ("-p", name)]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        status = pytest.main(["-x", "-q", *plugins, *job["tests"]], plugins=[failure])
    print(json.dumps({"status": int(status), "test": failure.test, "said": said.getvalue()[-2000:]}))


if __name__ == "__main__":
    main()
