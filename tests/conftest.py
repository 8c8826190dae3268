"""Lets a plain checkout be used as the collection that it is: `ansible_collections/microseg/enforcement`."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

if "ansible_collections" not in ROOT.parts:
    TREE = Path(tempfile.mkdtemp(prefix="microseg-tree-"))
    atexit.register(shutil.rmtree, TREE, ignore_errors=True)
    LINK = TREE / "ansible_collections" / "microseg" / "enforcement"
    LINK.parent.mkdir(parents=True)
    LINK.symlink_to(ROOT)
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(TREE)
