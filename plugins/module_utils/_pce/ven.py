# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of VENs (source: PCE REST API, Workloads and VENs)."""

from __future__ import annotations

from .._core.fields import partial_text, server, text
from .._core.resource import Resource
from .hrefs import UUID, UUID_EXAMPLE

VEN = Resource(
    title="VEN",
    name="ven",
    plural="vens",
    path="vens",
    id_pattern=UUID,
    id_example=UUID_EXAMPLE,
    identity=("hostname",),
    reference="href",
    fields=(
        server("href"),
        text("hostname", query=partial_text()),
        server("status"),
        server("version"),
        server("unpair_allowed"),
        server("upgrade_target_version"),
        server("workloads"),
    ),
)
