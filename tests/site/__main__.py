"""Builds the site in .cache/site/html, with every warning an error, and without the network.

The guides are not copied into another form: the sources of the site are laid out as the checkout is, so that a link
that works on a code host works in the site.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

from tests.collection import ROOT, make_findable

SITE = ROOT / ".cache" / "site"
SOURCES = SITE / "src"
_HERE = Path(__file__).resolve().parent
_PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "roles/ven/README.md", "tests/simulator/README.md")
"""What guides link to and is no guide itself; and then all of docs/."""

_CONFIG = "reference_appendices/config.html"
_FOREIGN = {
    "action_plugins": ("label", "plugins/action.html#action-plugins"),
    "ansible_configuration_settings": ("label", f"{_CONFIG}#ansible-configuration-settings"),
    "common_return_values": ("label", "reference_appendices/common_return_values.html#common-return-values"),
    "ANSIBLE_CACHE_PLUGIN": ("envvar", f"{_CONFIG}#envvar-ANSIBLE_CACHE_PLUGIN"),
    "ANSIBLE_CACHE_PLUGIN_CONNECTION": ("envvar", f"{_CONFIG}#envvar-ANSIBLE_CACHE_PLUGIN_CONNECTION"),
    "ANSIBLE_CACHE_PLUGIN_PREFIX": ("envvar", f"{_CONFIG}#envvar-ANSIBLE_CACHE_PLUGIN_PREFIX"),
    "ANSIBLE_CACHE_PLUGIN_TIMEOUT": ("envvar", f"{_CONFIG}#envvar-ANSIBLE_CACHE_PLUGIN_TIMEOUT"),
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": (
        "envvar",
        f"{_CONFIG}#envvar-ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED",
    ),
}
"""What the generated pages refer to in Ansible's own documentation. Its inventory is on a server; no build asks one."""


def main() -> int:
    """Check the documentation, lay out the sources, and build. Return the status of what failed."""
    shutil.rmtree(SITE, ignore_errors=True)
    SOURCES.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="microseg-site-") as directory:
        make_findable(Path(directory))
        status = _run("antsibull-docs", "lint-collection-docs", "--plugin-docs", ".") or _lay_out()
        return status or _run("sphinx-build", "-q", "-W", "--keep-going", "-c", str(_HERE), str(SOURCES), _html())


def _html() -> str:
    return str(SITE / "html")


def _lay_out() -> int:
    """Bring everything that the site is made of to its place. Return the status of antsibull-docs."""
    for name in _PAGES:
        (SOURCES / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, SOURCES / name)
    shutil.copytree(ROOT / "docs", SOURCES / "docs")
    shutil.copy(ROOT / "LICENSE", SOURCES / "LICENSE")
    shutil.copy(_HERE / "index.md", SOURCES / "index.md")
    (SITE / "ansible.inv").write_bytes(_foreign_inventory())
    collection = SOURCES / "collection"
    collection.mkdir(mode=0o700)  # antsibull-docs refuses a directory that others may look into
    options = ("--use-current", "--squash-hierarchy", "--fail-on-error", "--dest-dir", str(collection))
    settings = ("--config-file", str(_HERE / "antsibull.cfg"))
    return _run("antsibull-docs", *settings, "collection", *options, "microseg.enforcement")


def _foreign_inventory() -> bytes:
    """The places in Ansible's documentation, as Sphinx keeps such an inventory."""
    lines = [f"{name} std:{kind} -1 {place} -\n" for name, (kind, place) in sorted(_FOREIGN.items())]
    head = "# Sphinx inventory version 2\n# Project: Ansible\n# Version: devel\n"
    head += "# The remainder of this file is compressed using zlib.\n"
    return head.encode() + zlib.compress("".join(lines).encode())


def _run(program: str, *arguments: str) -> int:
    """Run a program of this environment in the checkout. Return its status."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "PATH": path}, check=False).returncode


if __name__ == "__main__":
    status = main()
    if not status:
        print(f"The site is {SITE.relative_to(ROOT)}/html/index.html")
    sys.exit(status)
