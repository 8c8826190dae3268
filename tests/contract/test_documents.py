"""The documents: guides that a code host renders too, and links that lead somewhere wherever they are read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest
import yaml
from docutils import nodes

from plugins.module_utils._pce import assumptions as pce_assumptions
from plugins.module_utils._pe import server_check as pe_check
from tests.collection import ROOT
from tests.guides import DIRECTORY, guides, parse

GALAXY = yaml.safe_load((ROOT / "galaxy.yml").read_text())
REPOSITORY: str = GALAXY["repository"]
FILES = f"{REPOSITORY}/blob/main/"
"""Where a code host shows a file of the repository."""
ON_GALAXY = [ROOT / "README.md", *sorted(ROOT.glob("roles/*/README.md"))]
"""Galaxy and automation hub show these on pages of their own, where relative links lead nowhere."""
MARKDOWN = [
    path for pattern in ("*.md", "docs/*.md", "roles/*/*.md", "tests/*/README.md") for path in ROOT.glob(pattern)
]

PROSE = [*(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY", "CHANGELOG")), *guides()]
FOREIGN_WORDS = re.compile(
    r"\b(somebody|anybody|nobody|everybody|whoever|shall|ha(s|ve) to|(is|are) to be|unless given|left alone)\b",
    re.IGNORECASE,
)
"""What readers stumble over: name the actor, write must or may, default, not changed."""


@lru_cache
def anchors(path: Path) -> set[str]:
    """Return the fragments that a code host offers for a document, and for a guide Sphinx too."""
    if path.suffix == ".rst":
        return {identifier for section in parse(path).findall(nodes.section) for identifier in section["ids"]}
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def is_there(directory: Path, link: str) -> bool:
    """Return True if a relative link leads to a file of the repository, and its fragment to a heading."""
    path, _separator, fragment = link.partition("#")
    target = (directory / path).resolve()
    return target.is_relative_to(ROOT) and target.exists() and (not fragment or fragment in anchors(target))


def links(path: Path) -> Iterator[str]:
    """Yield the links of a document, without those to its own headings in a guide, which docutils resolves."""
    if path.suffix == ".rst":
        yield from (node["refuri"] for node in parse(path).findall(nodes.reference) if "refuri" in node)
        yield from (node["uri"] for node in parse(path).findall(nodes.image))
    else:
        yield from re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", guides(), ids=lambda path: path.stem)
def test_guide_renders_without_sphinx(path: Path) -> None:
    sections = [node for node in parse(path).children if isinstance(node, nodes.section)]
    assert len(sections) == 1, "a guide has one title"


def test_extra_docs_lists_every_guide_once() -> None:
    sections = yaml.safe_load((DIRECTORY.parent / "extra-docs.yml").read_text())["sections"]
    assert sorted(name for section in sections for name in section["toctree"]) == sorted(path.stem for path in guides())


@pytest.mark.parametrize("path", guides(), ids=lambda path: path.stem)
def test_guide_links_work_on_a_code_host_and_in_the_site(path: Path) -> None:
    """`make docs` turns NAME.rst into a page, and ../../../FILE into an address of the repository."""
    for link in links(path):
        if link.startswith("https://"):
            assert not link.startswith(REPOSITORY), f"{link}: write a relative link"
        else:
            assert is_there(DIRECTORY, link), link
            target = link.partition("#")[0]
            assert "/" not in target or re.match(r"\.\./\.\./\.\./\w", target), f"{link}: start at the root"


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_markdown_links_lead_somewhere(path: Path) -> None:
    for link in links(path):
        if link.startswith(FILES):
            assert is_there(ROOT, link.removeprefix(FILES)), link
        elif not link.startswith("https://"):
            assert is_there(path.parent, link if not link.startswith("#") else f"{path.name}{link}"), link


@pytest.mark.parametrize("path", ON_GALAXY, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_on_galaxy_are_absolute(path: Path) -> None:
    """The address of the repository stands in galaxy.yml; every link to one of its files begins with it."""
    found = [*links(path)]
    assert found
    for link in found:
        assert link.startswith(("https://", "#")), link

    host = re.escape(REPOSITORY.split("/")[2])
    addresses = re.findall(rf"https?://{host}[^\s)>\]]*", path.read_text(encoding="utf-8"))
    assert [url for url in addresses if not url.startswith((FILES, f"{REPOSITORY}/issues", f"{REPOSITORY}.git"))] == []


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.name)
def test_document_avoids_foreign_words(path: Path) -> None:
    """Literals are not prose: some of them are messages."""
    text = re.sub(r"(`+).+?\1", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert [found.group() for found in FOREIGN_WORDS.finditer(text)] == []


def test_addresses_in_galaxy_yml_belong_to_the_repository() -> None:
    assert GALAXY["issues"] == f"{REPOSITORY}/issues"
    assert GALAXY["homepage"] == REPOSITORY
    assert is_there(ROOT, GALAXY["documentation"].removeprefix(FILES))


def test_readme_shows_a_task_within_the_first_30_lines() -> None:
    head = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:30]
    assert any(re.match(r"\s+microseg\.enforcement\.\w+:$", line) for line in head)
    assert any(line.startswith("ansible-playbook ") for line in head)


def test_readme_leads_to_every_guide() -> None:
    found = {*links(ROOT / "README.md")}
    assert [path.stem for path in guides() if f"{FILES}{path.relative_to(ROOT)}" not in found] == []


def test_the_guide_lists_the_assumptions_that_are_checked() -> None:
    """The playbook check_server shows IDs and sentences that the guide explains."""
    text = (DIRECTORY / "assumptions.rst").read_text(encoding="utf-8")
    listed = dict(re.findall(r"    \* - ``(p\w+)``\n      - (.*)\n", text))
    tables = {"pce": pce_assumptions.ASSUMPTIONS, "pe": pe_check.ASSUMPTIONS}
    checked = {f"{api}_{name}": sentence for api, table in tables.items() for name, sentence in table.items()}
    assert listed == checked
