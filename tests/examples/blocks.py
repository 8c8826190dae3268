"""The examples: code blocks of the guides and the Markdown documents, and EXAMPLES of the plugins."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.collection import ROOT
from tests.guides import code_blocks, guides

PLUGIN = "microseg.enforcement.pce_workloads"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE_NAME = re.compile(r"# ([\w./-]+\.ya?ml)\b")


@dataclass(frozen=True)
class Block:
    """An example.

    ``document`` is its path in the checkout, ``kind`` one of: file (its first line is a comment that names it), tasks,
    plays, variables (templates of a filter), shell, or other (JSON, words). ``name`` is a file's name.
    """

    document: str
    kind: str
    text: str
    name: str = ""

    @property
    def first_line(self) -> str:
        """What tells it from the others of its document."""
        return self.text.strip().splitlines()[0]

    def commands(self) -> list[str]:
        """The lines of a shell block, those that go on after a backslash as one."""
        return [line for line in self.text.replace("\\\n", " ").splitlines() if line.strip()]


def documents() -> dict[str, list[Block]]:
    """All blocks of all documents that have any, in their order."""
    found = {str(path.relative_to(ROOT)): list(_blocks(path)) for path in _paths()}
    return {document: blocks for document, blocks in found.items() if blocks}


def _paths() -> Iterator[Path]:
    yield ROOT / "README.md"
    yield from guides()
    yield from sorted((ROOT / "docs").glob("*.md"))
    yield from sorted((ROOT / "roles").glob("*/README.md"))
    for pattern in ("modules/*.py", "inventory/*.py", "filter/*.yml"):
        yield from sorted((ROOT / "plugins").glob(pattern))


def _blocks(path: Path) -> Iterator[Block]:
    document = str(path.relative_to(ROOT))
    if path.suffix == ".md":
        for language, text in _FENCE.findall(path.read_text()):
            yield _block(document, language or "bash", text)
    elif path.suffix == ".rst":
        for language, text in code_blocks(path):
            yield _block(document, language, text)
    elif path.suffix in (".py", ".yml"):
        text = _examples(path)
        for number, part in enumerate(re.split(r"^---$", text, flags=re.MULTILINE), 1):
            is_source = "plugin:" in part
            yield (
                Block(document, "file", part, f"{number}.pce_workloads.yml")
                if is_source
                else _block(document, "yaml", part)
            )


def _examples(path: Path) -> str:
    """The EXAMPLES of a plugin; empty if it has none."""
    if path.suffix == ".yml":
        return str(yaml.safe_load(path.read_text())["EXAMPLES"])
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "EXAMPLES":
            return str(ast.literal_eval(node.value))
    raise LookupError(f"{path} has no EXAMPLES")


def _block(document: str, language: str, text: str) -> Block:
    if language != "yaml":
        return Block(document, "shell" if language == "bash" else "other", text)
    named = _FILE_NAME.match(text)
    if named:
        return Block(document, "file", text, named.group(1))
    content: Any = yaml.safe_load(text)
    if isinstance(content, list):
        is_play = all(
            isinstance(item, dict) and {"hosts", "ansible.builtin.import_playbook"} & {*item} for item in content
        )
        return Block(document, "plays" if is_play else "tasks", text)
    return Block(document, "variables", text)
