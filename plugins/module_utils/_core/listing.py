# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which objects an info module shows."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable

from .errors import OptionError
from .fields import Field, Filter, parse_option
from .resource import Identity, Raw, Resource
from .store import CheckReference, Store


@dataclass(frozen=True)
class Condition:
    """What one filter asks for: ``wanted`` of the property ``field``, as the option ``option`` says."""

    option: str
    field: Field
    query: Filter
    wanted: Any


@dataclass(frozen=True)
class Listing:
    """What a task asks for: the object ``reference``, or all objects for which all ``conditions`` hold.

    At most ``max_results`` of them. ``exact`` makes partial filters match the whole value.
    """

    reference: str | None
    conditions: Sequence[Condition] = ()
    max_results: int | None = None
    exact: bool = False


def read_listing(resource: Resource, params: Mapping[str, Any], check_reference: CheckReference) -> Listing:
    """Return what the filters in ``params`` ask for. Raise OptionError for a wrong one."""
    reference, max_results = params.get(resource.reference), params.get("max_results")
    if reference is not None:
        parse_option(resource.reference, partial(check_reference, resource), reference)
    if max_results is not None and max_results < 0:
        raise OptionError("max_results", "must be 0 or more")
    conditions: list[Condition] = []
    for item in resource.fields:
        for query in item.filters:
            option = query.name or item.name
            if params.get(option) is not None:
                wanted = parse_option(option, query.parse, params[option])
                if item.refers_to is not None:
                    _check_references(item.refers_to, option, wanted, check_reference)
                conditions.append(Condition(option, item, query, wanted))
    return Listing(reference, conditions, max_results, bool(params.get("exact")))


def _check_references(other: Resource, option: str, wanted: Any, check_reference: CheckReference) -> None:
    for entry in (entry for group in wanted for entry in group):
        if other.reference in entry:
            parse_option(option, partial(check_reference, other), entry[other.reference])


def select(resource: Resource, store: Store, listing: Listing) -> list[dict[str, Any]]:
    """Return the objects of a selection as results show them, in the server's order."""
    parameters: dict[str, str] = {}
    for condition in listing.conditions:
        if condition.query.encode is not None:
            parameters[condition.option] = condition.query.encode(_resolved(store, condition))
    checked_here = [condition for condition in listing.conditions if _is_checked_here(listing, condition)]
    if listing.reference is not None:
        found = store.find(Identity(listing.reference))
        raws: Sequence[Raw] = [] if found is None else [found]
    else:
        raws = store.query(parameters, None if checked_here else listing.max_results)
    # What no server filters by is looked up after the reading: what was made and referred to meanwhile is found then.
    checks = [_check(listing, condition, _resolved(store, condition)) for condition in checked_here]
    matching = [raw for raw in raws if all(check(raw) for check in checks)][: listing.max_results]
    return [entry for entry in map(resource.to_result, matching) if entry is not None]


def _resolved(store: Store, condition: Condition) -> Any:
    """Return what a condition asks for, with references in place of names."""
    if condition.field.refers_to is None:
        return condition.wanted
    name = condition.field.name
    return [store.resolve({name: group}, create=None)[name] for group in condition.wanted]


def _is_checked_here(listing: Listing, condition: Condition) -> bool:
    # One object is asked for by its reference, so no server has filtered it.
    whole = condition.query.partial and listing.exact
    return whole or listing.reference is not None or not condition.query.trusted


def _check(listing: Listing, condition: Condition, wanted: Any) -> Callable[[Raw], bool]:
    query = condition.query
    matches = operator.eq if query.partial and listing.exact else query.matches
    return lambda raw: bool(matches(wanted, condition.field.value_in(raw)))
