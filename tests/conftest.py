"""Makes the checkout a collection for all tests."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from tests.collection import make_findable

_TREE = Path(tempfile.mkdtemp(prefix="microseg-tree-"))
atexit.register(shutil.rmtree, _TREE, ignore_errors=True)
make_findable(_TREE)
