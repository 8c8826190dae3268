# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text for messages: always one printable line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

_MAX_TEXT_LENGTH = 500


def one_line(value: Any, max_length: int = _MAX_TEXT_LENGTH) -> str:
    """Return ``value`` as one printable line of at most ``max_length`` characters."""
    # Cut before anything else: the text of a server may be megabytes.
    start = str(value)[: 4 * max_length]
    text = " ".join("".join(char if char.isprintable() else " " for char in start).split())
    return text if len(text) <= max_length else text[: max_length - 1] + "…"


def closest_matches(text: str, known: Iterable[str], default: Iterable[str] = ()) -> str:
    """Return the known texts that resemble ``text``, else ``default``, as the end of a sentence; "" for none."""
    found = difflib.get_close_matches(text, sorted(known)) or list(default)
    return f"; closest matches: {', '.join(map(one_line, found))}" if found else ""


def describe_failures(failures: Iterable[tuple[str, str]], max_named: int) -> str:
    """Return failures, each a label and a reason, as a sentence; those with one reason share its words."""
    labels: dict[str, list[str]] = {}
    for label, reason in failures:
        labels.setdefault(reason, []).append(label)
    sentences = []
    for reason, names in list(labels.items())[:max_named]:
        more = f" and {len(names) - max_named} more" if len(names) > max_named else ""
        sentences.append(f"{', '.join(names[:max_named])}{more}: {reason}")
    return "; ".join(sentences) + ("; …" if len(labels) > max_named else "")


def describe_errors(errors: list[dict[str, str]]) -> str:
    """Return errors as words: ``token (message); token (message)``."""
    words = []
    for error in errors:
        token, message = error["token"], error["message"]
        words.append(f"{token} ({message})" if token and message else token or message)
    return "; ".join(words)
