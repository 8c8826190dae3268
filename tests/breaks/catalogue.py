# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The list of breaks, breaks.yml, and how one is applied to a copy of the tree."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

LIST = Path(__file__).with_name("breaks.yml")


class CatalogueError(Exception):
    """The list is wrong, in words."""


@dataclass(frozen=True)
class Break:
    """One deliberate break: in ``file``, ``find`` becomes ``replace``, and one of ``tests`` must fail.

    ``find`` is a text that is in the file exactly once, so that a break survives what moves lines. ``tests`` are
    names of pytest: as few and as fast ones as notice.
    """

    name: str
    file: str
    find: str
    replace: str
    tests: tuple[str, ...]

    def problem(self, root: Path) -> str | None:
        """Return why this break cannot be tried in the tree at ``root``, or None."""
        path = root / self.file
        if not path.is_file():
            return f"{self.file} does not exist"
        count = path.read_text(encoding="utf-8").count(self.find)
        if count != 1:
            return f"its text is {count} times in {self.file}, not once"
        if self.find == self.replace:
            return "it changes nothing"
        missing = [test for test in self.tests if not _has_test(root, test)]
        return f"there is no test {', '.join(missing)}" if missing else None

    @contextmanager
    def applied(self, root: Path, number: int) -> Iterator[None]:
        """Break the tree at ``root``. See ``replaced`` for ``number``."""
        path = root / self.file
        with replaced(path, path.read_text(encoding="utf-8").replace(self.find, self.replace), number):
            yield


@contextmanager
def replaced(path: Path, text: str, number: int) -> Iterator[None]:
    """Put another text into a file. Each ``number`` makes a time of its own, by which Python compiles the file."""
    whole, status = path.read_text(encoding="utf-8"), path.stat()
    path.write_text(text, encoding="utf-8")
    moment = status.st_mtime_ns + 2_000_000_000 * (number + 1)
    os.utime(path, ns=(moment, moment))
    try:
        yield
    finally:
        path.write_text(whole, encoding="utf-8")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def load(path: Path = LIST) -> list[Break]:
    """Return the breaks of a list. Raise CatalogueError where it is no list of breaks with names of their own."""
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(entries, list) or not entries:
        raise CatalogueError(f"{path} must be a list of breaks")
    breaks = [_read(entry) for entry in entries]
    double = sorted(name for name, count in Counter(item.name for item in breaks).items() if count > 1)
    if double:
        raise CatalogueError(f"two breaks have one name: {', '.join(double)}")
    return breaks


def _read(entry: object) -> Break:
    keys = {"name", "file", "find", "replace", "tests"}
    if not isinstance(entry, dict) or set(entry) != keys:
        raise CatalogueError(f"a break must have {', '.join(sorted(keys))}: {entry!r}")
    texts = {key: entry[key] for key in ("name", "file", "find", "replace")}
    tests = entry["tests"]
    if not all(isinstance(text, str) for text in texts.values()) or not texts["find"]:
        raise CatalogueError(f"{entry['name']}: name, file, find and replace must be texts")
    if not isinstance(tests, list) or not tests or not all(isinstance(test, str) for test in tests):
        raise CatalogueError(f"{entry['name']}: tests must be a list of names of tests")
    return Break(**texts, tests=tuple(tests))


def all_tests(breaks: Sequence[Break]) -> list[str]:
    """Return the tests that the breaks name, each once."""
    return sorted({test for item in breaks for test in item.tests})


def _has_test(root: Path, test: str) -> bool:
    """Return True if the file of a test exists and defines its function."""
    name, _colons, function = test.partition("::")
    path = root / name
    if not path.is_file():
        return False
    defined = re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    return not function or function.partition("[")[0] in defined
