# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of pairing profiles (source: PCE REST API, Pairing profiles)."""

from __future__ import annotations

import operator
import re
from typing import Any

from .._core.fields import Field, choice, exact_text, flag, limit, partial_text, server, text
from .._core.references import Entry, parse_entries, references
from .._core.resource import Resource, Scope
from .hrefs import NUMBER
from .label import LABEL, user

ENFORCEMENT_MODES = ("idle", "visibility_only", "selective", "full")
VISIBILITY_LEVELS = ("flow_summary", "flow_drops", "flow_off", "enhanced_data_collection", "flow_full_detail")

OLD_MODES = {"idle": "idle", "illuminated": "visibility_only", "enforced": "full"}
"""The deprecated ``mode`` in words of ``enforcement_mode``."""


def _release() -> Field:
    """Return agent_software_release: null follows the PCE's default, shown as "Default (23.2.20-157)"."""

    def pinned(value: Any) -> Any:
        if isinstance(value, str) and re.match(r"default\b", value, re.IGNORECASE):
            return None
        return value or None

    return Field("agent_software_release", {"type": "str"}, pinned, pinned, filters=(exact_text(trusted=True),))


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text that is not empty")
    return value


def _labels(value: Any) -> list[Entry]:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list that is not empty")
    return parse_entries(LABEL, value, one_per="key")


PAIRING_PROFILE = Resource(
    title="pairing profile",
    name="pairing_profile",
    plural="pairing_profiles",
    path="pairing_profiles",
    id_pattern=NUMBER,
    id_example="24",
    identity=("name",),
    unique=True,
    rename="new_name",
    reference="href",
    on_create={"enabled": True},
    options={"create_labels": {"type": "bool", "default": False}},
    create_missing="create_labels",
    scopes={
        "name_prefix": Scope("name", _text, lambda wanted, name: str(name or "").startswith(wanted), is_prefix=True),
        "external_data_set": Scope("external_data_set", _text, operator.eq),
        "labels": Scope("labels", _labels, lambda wanted, labels: all(entry in labels for entry in wanted)),
    },
    protected="is_default",
    fields=(
        server("href"),
        text("name", min_length=1, max_length=255, query=partial_text()),
        text("description", query=partial_text()),
        flag("enabled"),
        choice("enforcement_mode", ENFORCEMENT_MODES, legacy=("mode", OLD_MODES)),
        flag("enforcement_mode_lock", legacy="mode_lock"),
        choice("visibility_level", VISIBILITY_LEVELS),
        flag("visibility_level_lock"),
        flag("log_traffic"),
        flag("log_traffic_lock"),
        references("labels", LABEL, one_per="key"),
        flag("env_label_lock"),
        flag("loc_label_lock"),
        flag("role_label_lock"),
        flag("app_label_lock"),
        limit("allowed_uses_per_key", {"one_use": 1}, query="allowed_user_per_key"),
        limit("key_lifespan"),
        _release(),
        text("external_data_set", nullable=True, query=exact_text()),
        text("external_data_reference", nullable=True, query=exact_text()),
        choice("ven_type", ["server", "endpoint", "specified_during_activation"], encode=str),
        server("status", {"type": "str"}),
        server("status_lock", {"type": "bool"}),
        server("total_use_count", {"type": "int"}),
        server("last_pairing_at", {"type": "str"}),
        server("is_default", {"type": "bool"}),
        server("created_at", {"type": "str"}),
        server("updated_at", {"type": "str"}),
        user("created_by"),
        user("updated_by"),
        server("caps"),
    ),
)
