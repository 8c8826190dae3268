"""How Sphinx builds the site (`make docs`). antsibull-docs writes the sources, from the plugins and docs/docsite."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = yaml.safe_load((ROOT / "galaxy.yml").read_text())["repository"]
ANSIBLE = "https://docs.ansible.com/projects/ansible/devel/"

project = html_title = html_short_title = "microseg.enforcement"
copyright = "The microseg.enforcement contributors"  # noqa: A001  # Sphinx wants this name
extensions = ["sphinx_antsibull_ext"]
nitpicky = True
default_role = "any"
pygments_style = "ansible"
highlight_language = "text"
html_theme = "sphinx_ansible_theme"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_use_smartypants = False
html_use_modindex = False
html_use_index = False
html_copy_source = False

IN_ANSIBLE = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}
"""Pages of Ansible's documentation to which generated pages refer. A build must not need the network to find them."""


def setup(app: Sphinx) -> None:
    """Connect the functions below to Sphinx."""
    app.connect("doctree-read", resolve_links)
    app.connect("missing-reference", refer_to_ansible)
    app.connect("env-updated", shorten_titles)


def resolve_links(app: Sphinx, doctree: nodes.document) -> None:
    """Point links that work on a code host to the pages of the site, and to the repository for what is not in it."""
    for node in doctree.findall(nodes.reference):
        path, separator, fragment = node.get("refuri", "").partition("#")
        if path.startswith("../../../"):
            node["refuri"] = f"{REPOSITORY}/blob/main/{path.removeprefix('../../../')}{separator}{fragment}"
        elif path.endswith(".rst") and "/" not in path:
            node["refuri"] = f"{path.removesuffix('.rst')}.html{separator}{fragment}"
            if not (Path(app.env.doc2path(app.env.docname)).parent / path).exists():
                logging.getLogger(__name__).warning("no guide %s", path, location=node)


def shorten_titles(_app: Sphinx, env: BuildEnvironment) -> None:
    """Reduce the titles of plugin pages to name and kind where other pages list them: the sidebar has no more room."""
    for contents in env.tocs.values():
        for title in list(contents.findall(nodes.reference))[:1]:
            if title.astext().startswith(f"{project}."):
                title.children = [nodes.Text(title.astext().removeprefix(f"{project}.").partition(" \N{EN DASH} ")[0])]


def refer_to_ansible(_app: Sphinx, _env: Any, node: nodes.Element, text: nodes.Element) -> nodes.reference | None:
    """Return a link to Ansible's documentation for a label or environment variable that is defined there."""
    target = node["reftarget"]
    module = re.fullmatch(r"ansible_collections\.ansible\.(\w+)\.(\w+_module)", target)
    if module:
        return nodes.reference("", "", text, refuri=f"{ANSIBLE}collections/ansible/{module[1]}/{module[2]}.html")
    page = "reference_appendices/config.html" if target.startswith("ANSIBLE_") else IN_ANSIBLE.get(target)
    anchor = f"envvar-{target}" if target.startswith("ANSIBLE_") else target.replace("_", "-")
    return nodes.reference("", "", text, refuri=f"{ANSIBLE}{page}#{anchor}") if page else None
