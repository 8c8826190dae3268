"""The messages that the guide quotes are those that users get: each part of them stands in the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

import pytest
from docutils import nodes

from tests.collection import ROOT
from tests.guides import DIRECTORY, table_rows

GUIDE = DIRECTORY / "troubleshooting.rst"


@lru_cache
def code() -> str:
    """All texts in the code: literals of Python, with a gap where a value goes in, and YAML with single spaces."""
    texts: list[str] = []
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        texts += _literals(ast.parse(path.read_text()))
    for pattern in ("roles/*/tasks/*.yml", "playbooks/*.yml"):
        texts += [re.sub(r"\s+", " ", path.read_text()) for path in sorted(ROOT.glob(pattern))]
    return "\n".join(texts)


def _literals(tree: ast.Module) -> Iterator[str]:
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
            yield node.value


def quoted() -> list[str]:
    """The messages in the first column of the guide's tables."""
    return [literal.astext() for cells in table_rows(GUIDE) for literal in cells[0].findall(nodes.literal)]


@pytest.mark.parametrize("message", quoted())
def test_a_quoted_message_is_in_the_code(message: str) -> None:
    parts = [part.strip(" :;,()") for part in message.split("…")]
    assert any(parts), message
    missing = [part for part in parts if part and part not in code()]
    assert missing == []


def test_there_are_messages() -> None:
    assert len(quoted()) > 50
    assert len({*quoted()}) == len(quoted())
