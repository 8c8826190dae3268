"""A copy of what git tracks, as the collection: for tools that take no link for it, or would take in all that lies
there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.collection import ROOT


def copy_to(directory: Path) -> Path:
    """Copy each file that git tracks or would add. Return its `ansible_collections/microseg/enforcement`."""
    copy = directory / "ansible_collections" / "microseg" / "enforcement"
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    # What git tracks may be deleted and not committed yet.
    for name in filter(lambda name: (ROOT / name).is_file(), set(names.split("\0")) - {""}):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)
    return copy
