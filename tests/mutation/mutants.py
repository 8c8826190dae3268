# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All mutants of a file: mutmut's mutations, by the names that mutmut gives them."""

from __future__ import annotations

import difflib
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import libcst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.file_mutation import Mutation, create_mutations

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    str(path.relative_to(ROOT))
    for folder in ("_core", "_http", "_pce", "_pe")
    for path in (ROOT / "plugins" / "module_utils" / folder).glob("*.py")
    if path.name != "__init__.py"
)
"""What is mutated: the core, and the resource tables with what belongs to them."""

_NOTE_CALLS = """
import sys
found = set()
def note(frame, event, _argument):
    if event == "call":
        found.add((frame.f_code.co_filename, frame.f_code.co_name))
sys.setprofile(note)
for file in sys.argv[2:]:
    __import__(file[:-3].replace("/", "."))
sys.setprofile(None)
for filename, name in sorted(found):
    if filename.startswith(sys.argv[1]):
        print(filename[len(sys.argv[1]) + 1:], name)
"""


@dataclass(frozen=True)
class Mutant:
    """One change of one file.

    name: as mutmut has it, or file and number for what is in no function; function: qualified name, "" for none;
    at_import: it runs when the file is imported, so it is in force only in a process that imports it anew; lines: the
    first and the last of what is changed.
    """

    name: str
    path: str
    function: str
    at_import: bool
    lines: tuple[int, int]
    module: libcst.Module
    mutation: Mutation

    @property
    def text(self) -> str:
        """The whole file with the change in it."""
        changed = self.module.deep_replace(self.mutation.original_node, self.mutation.mutated_node)
        if not isinstance(changed, libcst.Module):
            raise TypeError("a mutation replaces a part of a module")
        return changed.code

    @property
    def change(self) -> str:
        """The change in one line: what was there, and what is there now."""
        whole = self.mutation.contained_by_top_level_function or self.module
        changed = whole.deep_replace(self.mutation.original_node, self.mutation.mutated_node)
        if not isinstance(changed, libcst.CSTNode):
            raise TypeError("a mutation leaves the function that it is in")
        before, after = (self.module.code_for_node(node).splitlines() for node in (whole, changed))
        parts: dict[str, list[str]] = {"-": [], "+": []}
        for line in list(difflib.unified_diff(before, after, n=0, lineterm=""))[3:]:
            parts.setdefault(line[:1], []).append(line[1:].strip())
        return f"{' '.join(parts['-'])} -> {' '.join(parts['+'])}"


def all_mutants(files: Sequence[str]) -> list[Mutant]:
    """Return the mutants of these files, in the order of the text."""
    called = _called_at_import()
    return [mutant for path in files for mutant in _mutants(path, called)]


def _mutants(path: str, called: set[tuple[str, str]]) -> Iterator[Mutant]:
    module, mutations, _classes, _functions = create_mutations(path, (ROOT / path).read_text())
    owners = _owners(module)
    positions = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    dotted = path[: -len(".py")].replace("/", ".")
    numbers: Counter[str] = Counter()
    for mutation in mutations:
        outer = mutation.contained_by_top_level_function
        owner, name = owners.get(outer, ("", "")) if outer is not None else ("", "")
        mangled = f"xǁ{owner}ǁ{name}" if owner else (f"x_{name}" if name else "")
        numbers[mangled] += 1
        position = positions[mutation.original_node]
        yield Mutant(
            name=f"{dotted}.{mangled}__mutmut_{numbers[mangled]}" if name else f"{dotted}:{numbers[mangled]}",
            path=path,
            function=f"{owner}.{name}" if owner else name,
            at_import=not name or (path, name) in called,
            lines=(position.start.line, position.end.line),
            module=module,
            mutation=mutation,
        )


def _owners(module: libcst.Module) -> dict[libcst.CSTNode, tuple[str, str]]:
    """Return for each function that mutmut replaces its class, "" for none, and its name."""
    found: dict[libcst.CSTNode, tuple[str, str]] = {}
    for statement in module.body:
        if isinstance(statement, libcst.FunctionDef):
            found[statement] = ("", statement.name.value)
        elif isinstance(statement, libcst.ClassDef):
            for part in statement.body.body:
                if isinstance(part, libcst.FunctionDef):
                    found[part] = (statement.name.value, part.name.value)
    return found


def _called_at_import() -> set[tuple[str, str]]:
    """Return the functions that are called while the files are imported, as (file, name)."""
    command = [sys.executable, "-c", _NOTE_CALLS, str(ROOT), *FILES]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {(line.partition(" ")[0], line.partition(" ")[2]) for line in ended.stdout.splitlines()}
