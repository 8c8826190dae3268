# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep secrets out of what is shown."""

from __future__ import annotations

import base64
import html
import json
import threading
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

_MIN_LINE_LENGTH = 8  # shorter lines of a key file reveal nothing, and replacing them would garble ordinary words


class Secrets:
    """Texts to be kept out of what is shown. Several threads may use one.

    Each is known in every form that a server may repeat it in: plain, JSON, HTML, URL, base64; one of several lines
    line by line too. The forms are made once, and not before something is to be shown: most runs show nothing.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._new = set(texts)
        self._known: set[str] = set()
        self._forms: list[str] = []  # the longest first: a shorter one may be a part of it

    def add(self, texts: Iterable[str]) -> None:
        """Redact these texts too from now on."""
        with self._lock:
            self._new |= set(texts) - self._known

    def without(self, text: str) -> str:
        """Return the text of a server with every secret replaced by asterisks."""
        with self._lock:
            if self._new:
                forms = {form for secret in self._new for form in _all_forms(secret)}
                self._forms = sorted([*self._forms, *forms], key=len, reverse=True)
                self._known |= self._new
                self._new = set()
            known = self._forms
        for form in known:
            text = text.replace(form, "********")
        return text


def _all_forms(secret: str) -> set[str]:
    """Return all texts that reveal a secret, wherever it is repeated."""
    found: set[str] = set()
    lines = [line for line in secret.splitlines() if len(line) >= _MIN_LINE_LENGTH]
    for part in {secret, secret.strip(), " ".join(secret.split()), *lines}:
        for form in _forms(part):
            escaped = html.escape(form)
            found |= {form, escaped, html.escape(form, quote=False)}
            found |= {escaped.replace("&#x27;", apostrophe) for apostrophe in ("'", "&#39;", "&apos;")}
    return found - {""}


def _forms(secret: str) -> set[str]:
    encoded = base64.b64encode(secret.encode(errors="surrogateescape")).decode()
    found = {secret, repr(secret)[1:-1], encoded}
    found |= {quote(secret, safe="", errors="replace"), quote_plus(secret, errors="replace")}
    for ascii_only in (True, False):
        once = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        # A server that quotes a body of JSON in a message of JSON escapes it twice.
        found |= {once, *(json.dumps(once, ensure_ascii=again)[1:-1] for again in (True, False))}
    return found
