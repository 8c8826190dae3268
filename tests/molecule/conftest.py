"""Where real hosts can be made, and the file system under them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.molecule import enclosure
from tests.molecule import rootfs as making

MUST_RUN = "CI_NEEDS_HOSTS"


@pytest.fixture(scope="session")
def rootfs() -> Path:
    """The file system under all hosts. Without it the tests are skipped, or fail where they must run."""
    obstacle = enclosure.obstacle()
    if not obstacle:
        try:
            return making.make()
        except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
            obstacle = f"their file system cannot be made: {error}"
    words = f"no hosts can be made here, so nothing is tested over SSH: {obstacle}"
    return (pytest.fail if os.environ.get(MUST_RUN) == "1" else pytest.skip)(words)
