# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pytest plugin that notes which test runs which line of module_utils, and how long it takes.

The file that MICROSEG_TRACE names becomes {"seconds": [...], "tests": [...], "lines": {file: {line: [test number]}}}.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

from tests.collection import ROOT


class _Tracer:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._tests: dict[str, int] = {}
        self._seconds: list[float] = []
        self._coverage = coverage.Coverage(data_file=None, include=[str(ROOT / "plugins" / "module_utils" / "*")])
        self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._tests[item.nodeid] = len(self._tests)
        self._coverage.switch_context(item.nodeid)
        begun = time.monotonic()
        try:
            return (yield)
        finally:
            self._seconds.append(time.monotonic() - begun)
            self._coverage.switch_context("")

    def pytest_sessionfinish(self) -> None:
        self._coverage.stop()
        data = self._coverage.get_data()
        lines = {
            str(Path(name).relative_to(ROOT)): {
                line: [self._tests[test] for test in tests if test]
                for line, tests in data.contexts_by_lineno(name).items()
            }
            for name in data.measured_files()
        }
        self._file.write_text(json.dumps({"seconds": self._seconds, "tests": [*self._tests], "lines": lines}))


def pytest_configure(config: pytest.Config) -> None:
    """Begin before the collection's files are imported."""
    config.pluginmanager.register(_Tracer(Path(os.environ["MICROSEG_TRACE"])))
