# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which objects an info module shows."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from .errors import OptionError
from .fields import Field, Query, checked
from .kind import Identity, Kind, Raw, ResolvingStore, Store


@dataclass(frozen=True)
class Condition:
    """What one filter asks for: ``wanted`` of the property ``field``, as the option ``option`` says."""

    option: str
    field: Field
    query: Query
    wanted: Any


@dataclass(frozen=True)
class Selection:
    """What a task asks for: the object ``reference`` or all, for which all ``conditions`` hold, at most ``most`` of
    them. ``exact`` makes partial filters match the whole value.
    """

    reference: str | None
    conditions: Sequence[Condition] = ()
    most: int | None = None
    exact: bool = False


def selection_from(kind: Kind, params: Mapping[str, Any]) -> Selection:
    """Return what the filters in ``params`` ask for. Raise OptionError for a wrong one."""
    reference, most = params.get(kind.reference), params.get("max_results")
    if reference is not None:
        kind.api.check_reference(params, kind.plural, kind.reference, reference)
    if most is not None and most < 0:
        raise OptionError("max_results", "must be 0 or more")
    conditions: list[Condition] = []
    for item in kind.fields:
        for query in item.queries:
            option = query.name or item.name
            if params.get(option) is not None:
                wanted = checked(option, query.parse, params[option])
                if item.refers_to is not None:
                    _check_references(kind, item.refers_to, params, option, wanted)
                conditions.append(Condition(option, item, query, wanted))
    return Selection(reference, conditions, most, bool(params.get("exact")))


def _check_references(kind: Kind, other: Kind, params: Mapping[str, Any], option: str, wanted: Any) -> None:
    for entry in (entry for group in wanted for entry in group):
        if other.reference in entry:
            kind.api.check_reference(params, other.plural, option, entry[other.reference])


def select(kind: Kind, store: Store, selection: Selection) -> list[dict[str, Any]]:
    """Return the objects of a selection as results show them, in the server's order."""
    parameters: dict[str, str] = {}
    for condition in selection.conditions:
        if condition.query.encode is not None:
            parameters[condition.option] = condition.query.encode(_resolved(store, condition))
    checked_here = [condition for condition in selection.conditions if _is_checked_here(selection, condition)]
    if selection.reference is not None:
        found = store.find(Identity(selection.reference))
        raws: Sequence[Raw] = [] if found is None else [found]
    else:
        raws = store.query(parameters, None if checked_here else selection.most)
    # What no server filters by is looked up after the reading: what was made and referred to meanwhile is found then.
    checks = [_check(selection, condition, _resolved(store, condition)) for condition in checked_here]
    matching = [raw for raw in raws if all(check(raw) for check in checks)][: selection.most]
    return [entry for entry in map(kind.present, matching) if entry is not None]


def _resolved(store: Store, condition: Condition) -> Any:
    """Return what a condition asks for, with references in place of names."""
    if condition.field.refers_to is None or not isinstance(store, ResolvingStore):
        return condition.wanted
    name = condition.field.name
    return [store.resolve({name: group}, create=None)[name] for group in condition.wanted]


def _is_checked_here(selection: Selection, condition: Condition) -> bool:
    # One object is asked for by its reference, so no server has filtered it.
    whole = condition.query.partial and selection.exact
    return whole or selection.reference is not None or not condition.query.trusted


def _check(selection: Selection, condition: Condition, wanted: Any) -> Callable[[Raw], bool]:
    query = condition.query
    matches = operator.eq if query.partial and selection.exact else query.matches
    return lambda raw: bool(matches(wanted, condition.field.value_in(raw)))
