"""What the modules' documentation says, for comparing it with what they do."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import yaml

MODULES = Path(__file__).resolve().parents[1] / "plugins" / "modules"


def names() -> list[str]:
    """The names of all modules."""
    return sorted(path.stem for path in MODULES.glob("*.py"))


def block(module: str, variable: str) -> Any:
    """The YAML of a module's DOCUMENTATION, EXAMPLES or RETURN."""
    for node in ast.parse((MODULES / f"{module}.py").read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == variable:
            return yaml.safe_load(ast.literal_eval(node.value))
    raise LookupError(f"{module} has no {variable}")


def check_result(module: str, result: dict[str, Any]) -> None:
    """Assert that every documented key occurs in a module's result, and none other."""
    common = {"changed", "diff", "warnings", "deprecations", "invocation"}
    _check(module, block(module, "RETURN"), {key: value for key, value in result.items() if key not in common})


def _check(where: str, documented: dict[str, Any], value: dict[str, Any]) -> None:
    assert set(value) == set(documented), f"{where}: documented {sorted(documented)}, returned {sorted(value)}"
    for key, about in documented.items():
        for entry in value[key] if isinstance(value[key], list) else [value[key]]:
            if "contains" in about and entry is not None:
                _check(f"{where}.{key}", about["contains"], entry)
