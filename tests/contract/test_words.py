"""The words that users read: one form for each kind of text, and no word that makes readers stumble."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import documented
from tests.collection import ROOT

PLUGINS = ROOT / "plugins"
SOURCES = sorted(path for path in PLUGINS.rglob("*.py") if path.stat().st_size)
DOCUMENTED = [
    *sorted(PLUGINS.glob("modules/*.py")),
    *sorted(PLUGINS.glob("inventory/*.py")),
    *sorted(PLUGINS.glob("filter/*.yml")),
]

VERBS = ("Check", "Collect", "Create", "Get", "List", "Manage", "Pair", "Roll", "Run", "Unpair", "Upgrade", "Use")
"""What a short description begins with."""

AVOIDED = re.compile(
    r"""\b(
        somebody | anybody | nobody | everybody | someone | anyone | whoever | whatever
      | shall | has\ to | have\ to | is\ to\ be | are\ to\ be
      | if\ not\ given | unless\ given | (is|are)\ needed | left\ alone | is\ no\ secret
      | anew | befell | befall | contradicts | stands\ in | in\ its\ place | held\ back
    )\b""",
    re.VERBOSE | re.IGNORECASE,
)
"""Name the actor; write must, may, default, required, not changed, cannot be combined with."""

VAGUE_VERBS = ("Give", "Hand", "Have", "Keep", "Let", "Make", "Say", "Serve", "Tell")
"""What neither a docstring of a function nor the name of an example begins with."""

NO_LIMIT = re.compile(r"(?:\b|_)(?:MOST|LEAST|(?:LONG|SHORT|LARG|SMALL|BIGG|DEEP|FAST|SLOW|FEW)EST)(?:\b|_)")
MAX_TEST_NAME_LENGTH = 60
LONG_TEST_NAMES = 35
"""Tests with longer names, from before this rule: their number may only fall."""


def shown(path: Path) -> str:
    """Return a path as it is in this file."""
    return path.relative_to(ROOT).as_posix()


@lru_cache
def documentation(path: Path) -> dict[str, Any]:
    """Return the DOCUMENTATION of a plugin."""
    text = path.read_text()
    if path.suffix == ".py":
        text = next(iter(re.findall(r'^DOCUMENTATION = r"""(.*?)^"""', text, re.DOTALL | re.MULTILINE)))
        return dict(yaml.safe_load(text))
    return dict(yaml.safe_load(text)["DOCUMENTATION"])


def texts(path: Path) -> Iterator[str]:
    """Yield what users may see of a source file: its documentation and messages, no docstrings and no comments."""
    if path.suffix != ".py":
        yield path.read_text()
        return
    tree = ast.parse(path.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    """Yield all functions and methods of a source file."""
    yield from (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("path", DOCUMENTED, ids=lambda path: path.stem)
def test_short_description_begins_with_a_verb(path: Path) -> None:
    text = documentation(path)["short_description"]
    assert text.split()[0].rstrip(",") in VERBS, f"{text!r} must begin with one of {', '.join(VERBS)}"
    assert not text.endswith(".")


@pytest.mark.parametrize("path", DOCUMENTED, ids=lambda path: path.stem)
def test_changelog_has_the_short_description(path: Path) -> None:
    """Each release lists the plugins that are new in it, once; one that is not released is in none."""
    changelog = yaml.safe_load((ROOT / "changelogs" / "changelog.yaml").read_text())["releases"]
    releases = changelog.values()
    kind = path.parent.name
    listed = [
        entry["description"]
        for release in releases
        for entry in (release.get("modules", []) if kind == "modules" else release.get("plugins", {}).get(kind, []))
        if entry["name"] == path.stem
    ]
    documented = documentation(path)
    expected = [documented["short_description"]] if documented["version_added"] in changelog else []
    assert listed == expected, "changelogs/changelog.yaml, which `antsibull-changelog release` writes"


@pytest.mark.parametrize("name", documented.names())
def test_readme_has_the_short_description(name: str) -> None:
    row = f"| `{name}` | {documentation(PLUGINS / 'modules' / f'{name}.py')['short_description']} |"
    assert row in (ROOT / "README.md").read_text().splitlines(), f"README.md lacks the row {row}"


@pytest.mark.parametrize("name", documented.names())
def test_example_name_is_an_instruction(name: str) -> None:
    for task in documented.block(name, "EXAMPLES"):
        first = task["name"].split()[0]
        assert first[0].isupper(), task["name"]
        assert first not in VAGUE_VERBS, f"{name}: {task['name']!r}: name what the task does"
        assert not task["name"].endswith("."), task["name"]


@pytest.mark.parametrize("path", [*SOURCES, *sorted(PLUGINS.glob("filter/*.yml"))], ids=shown)
def test_text_for_users_avoids_words(path: Path) -> None:
    assert [match.group() for text in texts(path) for match in AVOIDED.finditer(text)] == []


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_docstring_names_what_the_function_does(path: Path) -> None:
    """The mood is held by ruff (D401)."""
    first = [(ast.get_docstring(node) or "Return").split()[0].rstrip(",.:") for node in functions(path)]
    assert [word for word in first if word in VAGUE_VERBS] == []


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_limit_is_named_for_what_it_limits(path: Path) -> None:
    """Limits are MAX_, MIN_ or DEFAULT_."""
    for node in ast.parse(path.read_text()).body:
        for target in node.targets if isinstance(node, ast.Assign) else []:
            if isinstance(target, ast.Name) and target.id.isupper():
                assert not NO_LIMIT.search(target.id), f"{target.id}: use MAX_ or MIN_"


def test_long_test_names_do_not_increase() -> None:
    names = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in functions(path)
        if node.name.startswith("test_") and len(node.name) > MAX_TEST_NAME_LENGTH
    }
    assert len(names) <= LONG_TEST_NAMES, sorted(names)
