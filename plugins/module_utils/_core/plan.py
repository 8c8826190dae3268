# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans: the change of an object, decided before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Action(Enum):
    """What a plan does."""

    NOTHING = "nothing"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True)
class Plan:
    """One object's plan.

    ``changes`` holds the canonical values to write; ``reference`` addresses the object that exists. ``before`` and
    ``after`` are the whole object as results show it, None where there is none: ``after`` is what the server will
    show, except for what only the server decides. ``secrets`` are the values that the task has for properties that
    are never shown; ``renewed`` names those that this plan writes again although they cannot be compared.
    """

    action: Action
    reference: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)
    renewed: Sequence[str] = ()

    @property
    def is_change(self) -> bool:
        """Return True if this plan changes anything."""
        return self.action is not Action.NOTHING
