"""Run a client of the package `illumio` for the tests, in its own environment: a call a line, an answer a line.

The first line says how to reach the PCE. Objects of the client travel as {"$class": NAME, ...}.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

_illumio: Any = importlib.import_module("illumio")
_json_object: Any = importlib.import_module("illumio.util").JsonObject


def decode(value: Any) -> Any:
    """Make objects of the client from what a test sends."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if isinstance(value, dict):
        given = {key: decode(item) for key, item in value.items() if key != "$class"}
        return getattr(_illumio, value["$class"])(**given) if "$class" in value else given
    return value


def encode(value: Any) -> Any:
    """Make JSON of what a call returns."""
    if isinstance(value, _json_object):
        return {"$class": type(value).__name__, **{name: encode(item) for name, item in vars(value).items()}}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    if hasattr(value, "status_code"):
        return {"status": value.status_code, "body": value.text}
    return value


def calls() -> list[str]:
    """Return the names of all calls that the client has: its own, and the generic ones of each kind of object."""
    apis = importlib.import_module("illumio.util.constants").PCE_APIS
    engine = _illumio.PolicyComputeEngine
    generic = [name for name in vars(engine._PCEObjectAPI) if not name.startswith("_")]
    own = [name for name, value in vars(engine).items() if not name.startswith("_") and callable(value)]
    return sorted([*own, *(f"{api}.{name}" for api in apis for name in generic)])


def connect(options: dict[str, Any]) -> Any:
    """Return a client of the PCE."""
    pce = _illumio.PolicyComputeEngine(options["host"], port=str(options["port"]), org_id=str(options["org_id"]))
    pce.set_credentials(options["api_key"], options["api_secret"])
    pce.set_tls_settings(verify=options["ca_path"])
    return pce


def answer(pce: Any, order: dict[str, Any]) -> dict[str, Any]:
    """Make one call; what it raises is an answer too."""
    if order["call"] == "$calls":
        return {"result": calls()}
    try:
        target = pce
        for name in order["call"].split("."):
            target = getattr(target, name)
        result = target(*decode(order["args"]), **decode(order["options"]))
    except Exception as error:
        return {"error": str(error), "type": type(error).__name__}
    return {"result": encode(result)}


def main() -> None:
    """Serve until the input ends."""
    pce = connect(json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        print(json.dumps(answer(pce, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
