# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task asks of many objects: their desired states, and which others are purged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from .errors import OptionError, within_option
from .fields import parse_option
from .reconcile import DesiredState, read_desired_state
from .resource import PRESENT, Resource, Scope
from .store import CheckReference

PURGE = "purge"
PURGE_SCOPE = "purge_scope"

MAX_CONCURRENCY = 10
"""Objects that are written at a time. More would not raise the rate limit of a PCE."""


@dataclass(frozen=True)
class Purge:
    """Which objects that are not listed are deleted: those for which all conditions hold."""

    conditions: Sequence[tuple[Scope, Any]] = ()


@dataclass(frozen=True)
class Bulk:
    """What a task asks for. ``concurrency`` objects are written at a time.

    ``stops_at_missing``: nothing is written where an object that cannot be created does not exist. A user who has
    misspelt one may not mean the rest of the list either.
    """

    desired_states: Sequence[DesiredState]
    purge: Purge | None = None
    concurrency: int = 1
    stops_at_missing: bool = False


def read_bulk(resource: Resource, params: Mapping[str, Any], check_reference: CheckReference) -> Bulk:
    """Return what the options ask for. Raise OptionError, naming the entry, for a wrong one."""
    concurrency = params.get("concurrency", 1)
    if not 1 <= concurrency <= MAX_CONCURRENCY:
        raise OptionError("concurrency", f"must be 1 to {MAX_CONCURRENCY}, not {concurrency}")
    desired_states = read_desired_states(resource, params, check_reference)
    purge = _read_purge(resource, params, check_reference)
    return Bulk(desired_states, purge, concurrency, stops_at_missing=not resource.can_create)


def read_desired_states(
    resource: Resource, params: Mapping[str, Any], check_reference: CheckReference
) -> list[DesiredState]:
    """Return the desired states of the objects that ``params`` lists.

    Raise OptionError naming the entry for a wrong one, and for an object that is listed twice: the two would undo each
    other in every run.
    """
    desired_states: list[DesiredState] = []
    seen: dict[Any, int] = {}
    for position, entry in enumerate(params[resource.plural]):
        where = f"{resource.plural}[{position}]"
        with within_option(where):
            own = {**params, **entry, "state": entry.get("state") or PRESENT}
            desired_state = read_desired_state(resource, own, check_reference)
        for identity in filter(None, (desired_state.identity, desired_state.new_identity)):
            called = identity.reference or tuple(identity.names.items())
            if called in seen:
                raise OptionError(where, f"duplicates {resource.plural}[{seen[called]}] ({resource.title} {identity})")
            seen[called] = position
        desired_states.append(desired_state)
    return desired_states


def _read_purge(resource: Resource, params: Mapping[str, Any], check_reference: CheckReference) -> Purge | None:
    if not params[PURGE]:
        return None
    given = params.get(PURGE_SCOPE) or {}
    known = ", ".join(resource.scopes)
    if resource.scopes and not given:
        raise OptionError(PURGE_SCOPE, f"is required with purge: which {resource.title}s may be deleted ({known})")
    conditions = []
    for name, value in given.items():
        where = f"{PURGE_SCOPE}.{name}"
        if name not in resource.scopes:
            raise OptionError(where, f"unknown; must be one of {known}")
        scope = resource.scopes[name]
        # A condition that is null was meant to be one: without it, more would be deleted.
        wanted = parse_option(where, scope.parse, value)
        other = resource.field(scope.field).refers_to
        for entry in wanted if other is not None else ():
            if other is not None and other.reference in entry:
                parse_option(where, partial(check_reference, other), entry[other.reference])
        conditions.append((scope, wanted))
    return Purge(conditions)
