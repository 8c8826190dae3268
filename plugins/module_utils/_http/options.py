# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connection options that every API has: TLS, proxy, time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path"},
    "proxy": {"type": "str", "no_log": True},
    "use_proxy": {"type": "bool", "default": True},
    "timeout": {"type": "float", "default": 30},
    "deadline": {"type": "float", "default": 300},
}


def shared_options(prefix: str) -> dict[str, dict[str, Any]]:
    """Return the argument spec of the shared options, with fallbacks ``PREFIX_VALIDATE_CERTS`` and so on."""
    return {name: {**spec, "env": [f"{prefix}_{name.upper()}"]} for name, spec in _OPTIONS.items()}


def endpoint_options(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the shared options of ``params`` as keyword arguments of an Endpoint; empty texts count as not given."""
    return {name: None if params[name] == "" else params[name] for name in _OPTIONS}
