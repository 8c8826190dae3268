# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the core imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UTILS = ROOT / "plugins" / "module_utils"
CORE = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in UTILS.rglob("*.py")
    if path.parent.name != "_ansible"
)

# A finder that comes first refuses a package wherever it is installed, and all that is in it.
BLOCK = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError("blocked: " + name, name=name)
sys.meta_path.insert(0, Refuse())
"""


def run(blocked: set[str], code: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a fresh process in which some packages cannot be imported."""
    script = BLOCK.format(names=blocked) + code
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_core_needs_no_ansible() -> None:
    assert len(CORE) > 15
    imports = "\n".join(f"import {name}" for name in CORE)
    done = run({"ansible", "ansible_collections"}, imports)
    assert done.returncode == 0, done.stderr


def test_the_block_works() -> None:
    done = run({"ansible", "ansible_collections"}, "import plugins.module_utils._ansible.module")
    assert "blocked: ansible" in done.stderr


def test_without_requests_the_core_imports_and_says_what_is_missing() -> None:
    code = "\n".join(f"import {name}" for name in CORE) + (
        "\nfrom plugins.module_utils._core.errors import MissingLibraryError"
        "\nfrom plugins.module_utils._http.client import HttpClient"
        "\nfrom plugins.module_utils._http.endpoint import Endpoint"
        "\ntry:"
        "\n    HttpClient(Endpoint('https://pce.invalid', 'PCE', 'pce_host'))"
        "\nexcept MissingLibraryError as error:"
        "\n    print(error.library, '|', error, '|', 'blocked: requests' in error.traceback)"
    )
    done = run({"ansible", "requests"}, code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "requests | Failed to import the required Python library (requests) | True"


@pytest.mark.parametrize(("package", "file"), [("ansible", "module.py"), ("requests", "library.py")])
def test_one_file_imports_it(package: str, file: str) -> None:
    starts = (f"import {package}", f"from {package}")
    found = [
        path.name
        for path in UTILS.rglob("*.py")
        if any(line.strip().startswith(starts) for line in path.read_text(encoding="utf-8").splitlines())
    ]
    assert found == [file]
