"""ansible-lint over a checkout: it has to see the collection under its own name, so it gets a tree with a link."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.collection import ROOT, make_findable


def main() -> int:
    """Run ansible-lint with the profile production. Return its status."""
    with tempfile.TemporaryDirectory(prefix="microseg-lint-") as directory:
        make_findable(Path(directory))
        command = [str(Path(sys.executable).with_name("ansible-lint")), "--offline", "--profile", "production"]
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return subprocess.run(command, cwd=ROOT, env={**os.environ, "PATH": path}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
