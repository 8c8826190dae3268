"""The files and entries that a module of a resource needs: each missing one is named, with what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import yaml

from tests import documented
from tests.collection import ROOT

_CALL = re.compile(r"^    (?:manage|inspect)\(\w+, ", re.MULTILINE)


def _read(path: str) -> str:
    file = ROOT / path
    return file.read_text() if file.exists() else ""


def _resources() -> dict[str, str]:
    """Return the names of the resources in the tables, each with the file of its table."""
    found = {}
    for api in ("_pce", "_pe"):
        for path in sorted((ROOT / "plugins" / "module_utils" / api).glob("*.py")):
            for name in re.findall(r"^([A-Z_]+) = Resource\($", path.read_text(), re.MULTILINE):
                found[name] = str(path.relative_to(ROOT))
    return found


RESOURCES = _resources()
MODULES = [name for name in documented.names() if _CALL.search(_read(f"plugins/modules/{name}.py"))]


def _missing(module: str) -> Iterator[str]:
    group = module.partition("_")[0]
    quoted = f'"{module}"'
    twin = "pce_label_info" if module.endswith("_info") else "pce_label"
    tests = module.partition("_")[2].removesuffix("_info")
    if not _read(f"plugins/action/{module}.py"):
        yield f"plugins/action/{module}.py does not exist; copy that of {twin} and change the module's name"
    if module not in yaml.safe_load(_read("meta/runtime.yml"))["action_groups"][group]:
        yield f"meta/runtime.yml: action_groups.{group} has no {module}"
    if f"`{module}`" not in _read("README.md"):
        yield f"README.md: the table of modules has no line for `{module}`"
    if f"{quoted}:" not in _read("tests/hostile/values.py"):
        yield f"tests/hostile/values.py: TASKS has no {quoted}; add a list of valid options, without the connection"
    if not any(quoted in path.read_text() for path in (ROOT / "tests" / "integration").glob("test_*.py")):
        yield f"tests/integration: no test names {quoted}; add it to test_{tests}.py, as in test_label.py"


@pytest.mark.parametrize("module", MODULES)
def test_module_of_a_resource_has_all_its_parts(module: str) -> None:
    missing = list(_missing(module))
    assert not missing, "\n".join([f"{module} is incomplete:", *missing])


def test_missing_parts_are_named_for_an_unknown_module() -> None:
    files = [sentence.partition(":")[0].partition(" ")[0] for sentence in _missing("pce_nothing")]
    assert files == [
        "plugins/action/pce_nothing.py",
        "meta/runtime.yml",
        "README.md",
        "tests/hostile/values.py",
        "tests/integration",
    ]


@pytest.mark.parametrize("resource", RESOURCES)
def test_resource_is_used_by_another_file(resource: str) -> None:
    table = RESOURCES[resource]
    files = [path for path in (ROOT / "plugins").rglob("*.py") if str(path.relative_to(ROOT)) != table]
    assert any(re.search(rf"import [\w, ]*\b{resource}\b", path.read_text()) for path in files), (
        f"{table}: nothing imports {resource}; write a module with manage({resource}, …) and an info module"
    )
