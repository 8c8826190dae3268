"""Lets a plain checkout be used as the collection that it is: `ansible_collections/microseg/enforcement`."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def make_findable(directory: Path) -> None:
    """Make Ansible, in this process and its children, find this checkout: by a link in `directory`, if it has to be."""
    if "ansible_collections" in ROOT.parts:
        return
    link = directory / "ansible_collections" / "microseg" / "enforcement"
    link.parent.mkdir(parents=True)
    link.symlink_to(ROOT)
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(directory)
