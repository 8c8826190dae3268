"""Lets Ansible take another Python for its modules on the control node than the one that it runs with itself."""

from __future__ import annotations

import os
import sys

sys.executable = os.environ.get("MICROSEG_PYTHON", sys.executable)
