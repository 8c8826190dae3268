"""Who may import what: the core knows neither Ansible nor, but for one file, the network (docs/architecture.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.collection import ROOT

UTILS = ROOT / "plugins" / "module_utils"
FILES = sorted(UTILS.rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))


def imports(path: Path) -> set[str]:
    """The top-level names of all that a file imports, relative imports as `.package`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                package = path.relative_to(UTILS).parts[: -node.level]
                found.add("." + ".".join([*package, module]).strip("."))
            else:
                found.add(module.partition(".")[0])
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(UTILS)))
def test_layers(path: Path) -> None:
    name = path.relative_to(UTILS).as_posix()
    used = imports(path)
    if not name.startswith("_ansible/"):
        assert not used & {"ansible", "ansible_collections"}
        assert not any(item.startswith("._ansible") for item in used)
    if name != "_http/library.py":
        assert not used & {"requests", "urllib3", "http"}
    for room in ("_core", "_http"):
        if name.startswith(f"{room}/"):
            assert not any(item.startswith(("._pce", "._pe")) for item in used)
    if name.startswith("_pce/"):
        assert not any(item.startswith("._pe.") for item in used)
    if name.startswith("_pe/"):
        assert not any(item.startswith("._pce") for item in used)


MAX_LINES = 350
"""Of a file of plugins. What ansible-doc shows is not counted."""


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_longer_than_a_reader_bears(path: Path) -> None:
    text = path.read_text()
    shown = 0
    for node in ast.parse(text).body:
        names = {target.id for target in getattr(node, "targets", ()) if isinstance(target, ast.Name)}
        if names & {"DOCUMENTATION", "EXAMPLES", "RETURN"}:
            shown += (node.end_lineno or node.lineno) - node.lineno + 1
    assert len(text.splitlines()) - shown <= MAX_LINES


TABLES = [
    "_pce/label.py",
    "_pce/pairing_profile.py",
    "_pce/ven.py",
    "_pce/workload.py",
    "_pe/connector_instance.py",
]


@pytest.mark.parametrize("name", TABLES)
def test_table_names_no_api_and_no_store(name: str) -> None:
    rooms = ("._ansible", "._http", "._pce.api", "._pe.api", "._core.store")
    used = imports(UTILS / name)
    assert not any(item.startswith(rooms) or item.endswith("store") for item in used), used


def test_there_are_layers_to_test() -> None:
    assert {"_ansible/module.py", "_http/library.py"} <= {path.relative_to(UTILS).as_posix() for path in FILES}
