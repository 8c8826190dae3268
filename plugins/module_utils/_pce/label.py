# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of labels (source: PCE REST API, Labels)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .._core.fields import Field, Filter, exact_text, partial_text, require_text, server, text
from .._core.resource import Resource
from .hrefs import NUMBER


def user(name: str) -> Field:
    """Return a property that shows a user as ``{"href"}``; its filter takes the HREF."""

    def matches(wanted: Any, value: Any) -> bool:
        return isinstance(value, dict) and bool(value.get("href") == wanted)

    return server(name, {"type": "str"}, matches)


def _key() -> Field:
    # "key" in a name makes Ansible suspect a secret.
    spec = {"type": "raw", "no_log": False}
    query = Filter(spec, parse=require_text, encode=str)
    return replace(text("key", min_length=1, is_strict=True), spec=spec, filters=(query,))


LABEL = Resource(
    title="label",
    name="label",
    plural="labels",
    path="labels",
    id_pattern=NUMBER,
    id_example="7",
    identity=("key", "value"),
    fixed=("key",),
    rename="new_value",
    reference="href",
    listed_values={"key": "label_dimensions"},
    fields=(
        server("href"),
        _key(),
        text("value", min_length=1, max_length=255, is_strict=True, query=partial_text(is_strict=True)),
        text("external_data_set", nullable=True, query=exact_text()),
        text("external_data_reference", nullable=True, query=exact_text()),
        server("created_at", {"type": "str"}),
        server("updated_at", {"type": "str"}),
        user("created_by"),
        user("updated_by"),
    ),
)
