# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of unit tests: mutmut collects them once, and then asks for them by name in the same process."""

from __future__ import annotations

import subprocess
import sys

from tests.collection import ROOT

COLLECT_TWICE = """
import contextlib, io, sys
import pytest

class Names:
    def pytest_collection_finish(self, session):
        self.found = [item.nodeid for item in session.items]

def collect(*arguments):
    names = Names()
    with contextlib.redirect_stdout(io.StringIO()) as output, contextlib.redirect_stderr(output):
        status = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *arguments], plugins=[names])
    if status:
        sys.exit("\\n".join(line for line in output.getvalue().splitlines() if line.startswith("ERROR")))
    return names.found

first = collect("tests/unit")
print(len(first) == len(collect(*first)) > 1000)
"""


def test_unit_tests_are_found_by_their_names() -> None:
    command = [sys.executable, "-c", COLLECT_TWICE]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("True\n", "", 0)
