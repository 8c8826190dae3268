"""The journal: what was asked of the simulator, for tests to count and to look at. No secret enters it."""

from __future__ import annotations

import json
import re
from typing import Any

_SECRETS = frozenset(["activation_code", "token", "password"])
_CODE = re.compile(r"\b[0-9a-f]{81}\b")


class Journal:
    """The requests in the order of their arrival, except those to the control path."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self._count = 0

    def begin(
        self,
        *,
        time: str,
        method: str,
        path: str,
        body: bytes,
        server: str = "pce",
        secrets: frozenset[str] = frozenset(),
    ) -> dict[str, Any]:
        """Enter a request when it arrives, so that one that is never answered is seen too.

        The entry: n, time, server (pce, or the name of a connector), method, path (with its query), status (null until
        answered), authenticated, user, mutating (a write under /api/ other than a VEN's heartbeat), body (JSON, or
        text, null when empty), request_id, fault (its kind or null). secrets: names whose values it must not show.
        """
        self._count += 1
        entry: dict[str, Any] = {
            "n": self._count,
            "time": time,
            "server": server,
            "method": method,
            "path": path,
            "status": None,
            "authenticated": False,
            "user": None,
            "mutating": method in ("POST", "PUT", "PATCH", "DELETE")
            and path.startswith("/api/")
            and not path.endswith("/agents/heartbeat"),
            "body": _readable(body, _SECRETS | secrets),
            "request_id": None,
            "fault": None,
        }
        self.entries.append(entry)
        return entry

    def clear(self) -> None:
        """Forget everything, and count from 1 again."""
        self.entries.clear()
        self._count = 0


def _readable(body: bytes, secrets: frozenset[str]) -> Any:
    if not body:
        return None
    try:
        return _redacted(json.loads(body), secrets)
    except ValueError:
        return _CODE.sub("(redacted)", body[:1000].decode("utf-8", "replace"))


def _redacted(value: Any, secrets: frozenset[str]) -> Any:
    """The same value without activation codes, tokens, passwords and the values of settings."""
    if isinstance(value, dict):
        here = secrets | {"value"} if set(value) == {"name", "value"} else secrets
        return {key: "(redacted)" if key in here else _redacted(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [_redacted(item, secrets) for item in value]
    return value
