"""Write awx-arguments.json, the arguments of the modules of awx.awx that awx_setup uses, from a checkout of AWX.

`python -m tests.stubs.arguments CHECKOUT`. The stand-ins take these arguments, with their types and choices, and no
others. ansible.controller is built from the same source.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("awx-arguments.json")
MODULES = Path(__file__).parent / "ansible_collections" / "awx" / "awx" / "plugins" / "modules"
KEPT = ("type", "elements", "required", "default", "choices", "aliases", "no_log")


def derive(checkout: Path) -> dict[str, Any]:
    """Return the table: the revision of AWX, the arguments of the connection, and those of each module."""
    plugins = checkout / "awx_collection" / "plugins"
    command = ["git", "-C", str(checkout), "log", "-1", "--format=%H %cs"]
    revision = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return {
        "awx": revision,
        "connection": _spec(plugins / "module_utils" / "controller_api.py", "AUTH_ARGSPEC"),
        **{path.stem: _spec(plugins / "modules" / path.name, "argument_spec") for path in sorted(MODULES.glob("*.py"))},
    }


def _spec(path: Path, variable: str) -> dict[str, dict[str, Any]]:
    """Return the argument spec that a file assigns to a variable."""
    assigned = {
        target.id: node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return {
        str(option.arg): _properties(option.value, assigned)
        for option in assigned[variable].keywords  # type: ignore[attr-defined]  # a call of dict
    }


def _properties(call: Any, assigned: dict[str, ast.expr]) -> dict[str, Any]:
    found = {item.arg: _value(item.value, assigned) for item in call.keywords if item.arg in KEPT}
    return {key: found[key] for key in KEPT if key in found}


def _value(node: Any, assigned: dict[str, ast.expr]) -> Any:
    """Return the value of a literal, or of `list(NAME.keys())`."""
    if isinstance(node, ast.Call):
        return [*ast.literal_eval(assigned[node.args[0].func.value.id])]  # type: ignore[attr-defined]
    return ast.literal_eval(node)


def write(table: dict[str, Any]) -> str:
    """Return the table as JSON with a line for each argument."""
    sections = []
    for name, spec in table.items():
        if isinstance(spec, str):
            sections.append(f"{json.dumps(name)}: {json.dumps(spec)}")
        else:
            lines = ",\n".join(f"  {json.dumps(option)}: {json.dumps(about)}" for option, about in spec.items())
            sections.append(f"{json.dumps(name)}: {{\n{lines}\n}}")
    return "{\n" + ",\n".join(sections) + "\n}\n"


if __name__ == "__main__":
    TABLE.write_text(write(derive(Path(sys.argv[1]))))
