"""Tests, without a process or a server, of plugins that run on the control node and so import ansible-core."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _collections() -> Iterator[None]:
    """Let Python import the plugins by the collection's name, as they import each other."""
    path = os.environ["ANSIBLE_COLLECTIONS_PATH"]
    sys.path.insert(0, path)
    yield
    sys.path.remove(path)
    for name in [name for name in sys.modules if name.startswith("ansible_collections.microseg")]:
        del sys.modules[name]
