"""What cannot be written into a case, or would make it unreadable: a text of JSON in its place says what it stands for.

``"@@long 10000000@@"`` is a string of so many letters, ``"@@deep 900@@"`` so many lists in each other, ``"@@digits
30@@"`` a number of so many digits, and ``"@@raw NaN@@"`` the JSON NaN.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r'"@@(long|deep|digits|raw) ([^@"]*)@@"')


def expanded(text: str) -> str:
    """Return JSON text with what its tokens stand for."""

    def meant(found: re.Match[str]) -> str:
        kind, what = found.groups()
        if kind == "long":
            return '"' + "long-" * (int(what) // 5) + '"'
        if kind == "deep":
            return "[" * int(what) + "]" * int(what)
        return "9" * int(what) if kind == "digits" else what

    return _TOKEN.sub(meant, text)
