"""Lets a plain checkout be used as the collection that it is: `ansible_collections/microseg/enforcement`."""

from __future__ import annotations

import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def make_findable(directory: Path) -> None:
    """Make Ansible, in this process and its children, find this checkout: by a link in `directory`, if it has to be."""
    if ROOT.parts[-3:] == ("ansible_collections", "microseg", "enforcement"):
        os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT.parents[2])
        return
    link = directory / "ansible_collections" / "microseg" / "enforcement"
    link.parent.mkdir(parents=True)
    link.symlink_to(ROOT)
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(directory)


def without_settings() -> dict[str, str]:
    """This environment without anything that could lead to a PCE, or change how Ansible works."""
    empty = {"ANSIBLE_CONFIG": str(ROOT / "tests" / "ansible.cfg")}
    foreign = re.compile(r"(PCE|PE|ILLUMIO)_|ANSIBLE_(?!COLLECTIONS_PATH$)|.*_proxy$", re.IGNORECASE)
    return {**{name: value for name, value in os.environ.items() if not foreign.match(name)}, **empty}
