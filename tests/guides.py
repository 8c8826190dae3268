"""The guides of docs/docsite/rst, read as a code host reads them: by docutils alone, without Sphinx."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from docutils import nodes
from docutils.core import publish_doctree

from tests.collection import ROOT

DIRECTORY = ROOT / "docs" / "docsite" / "rst"
_SETTINGS = {
    "doctitle_xform": False,
    "file_insertion_enabled": False,
    "halt_level": 2,
    "raw_enabled": False,
    "report_level": 2,
    "syntax_highlight": "none",
}


def guides() -> list[Path]:
    """Return the files of all guides."""
    return sorted(DIRECTORY.glob("*.rst"))


@lru_cache
def parse(path: Path) -> nodes.document:
    """Return a guide's document tree. Raise SystemMessage for a role or directive that only Sphinx knows."""
    tree = publish_doctree(path.read_text(encoding="utf-8"), source_path=str(path), settings_overrides=_SETTINGS)
    assert isinstance(tree, nodes.document)
    return tree


def code_blocks(path: Path) -> list[tuple[str, str]]:
    """Return the language and the text of each code block of a guide."""
    blocks = parse(path).findall(lambda node: isinstance(node, nodes.literal_block))
    return [(block["classes"][-1], f"{block.astext()}\n") for block in blocks]


def table_rows(path: Path) -> list[list[nodes.entry]]:
    """Return the cells of all rows of all tables of a guide, without the heads of the tables."""
    bodies = parse(path).findall(nodes.tbody)
    return [list(row.findall(nodes.entry)) for body in bodies for row in body.findall(nodes.row)]
