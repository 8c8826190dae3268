"""JSON Schema: the one place where bodies are checked. Each file in schemas/ names its source in `$comment`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError, validators

SCHEMAS = Path(__file__).parent / "schemas"


def _is_integer(_checker: object, value: object) -> bool:
    """5.0 and true are no JSON integers here, although JSON Schema takes the first for one."""
    return isinstance(value, int) and not isinstance(value, bool)


_Validator: Any = validators.extend(  # type: ignore[no-untyped-call]  # jsonschema leaves it untyped
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)


@dataclass(frozen=True)
class Finding:
    """One finding: `pointer` is the place in the body ("/labels/0/href", "" for the whole), `message` a sentence."""

    pointer: str
    message: str


class Invalid(Exception):  # noqa: N818 - what it says of the body matters, not that it is an error
    """A body that its schema refuses, with every finding."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = list(findings)
        super().__init__("; ".join(f"{item.pointer or 'body'}: {item.message}" for item in self.findings))


@cache
def _validator(name: str) -> Any:
    definition = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    _Validator.check_schema(definition)
    return _Validator(definition)


def _describe(error: ValidationError) -> Finding:
    pointer = "".join(f"/{part}" for part in error.absolute_path)
    if isinstance(error.schema, dict) and error.schema.get("readOnly"):
        return Finding(pointer, "the property is read-only")
    if error.validator == "anyOf" and isinstance(error.schema, dict) and "description" in error.schema:
        return Finding(pointer, f"{error.instance!r} is not {error.schema['description']}")
    if error.validator == "maxItems" and isinstance(error.instance, list):
        # jsonschema would put all the items first.
        return Finding(
            pointer, f"{len(error.instance)} items are too many, at most {error.validator_value} are allowed"
        )
    return Finding(pointer, error.message[:500])


def check(name: str, body: object) -> None:
    """Check a body against schemas/NAME.json; raises Invalid with all findings."""
    errors = sorted(_validator(name).iter_errors(body), key=lambda error: [str(part) for part in error.absolute_path])
    if errors:
        raise Invalid(_describe(error) for error in errors)
