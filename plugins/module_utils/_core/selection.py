# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which objects an info module shows."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

from .errors import OptionError
from .fields import checked
from .kind import Identity, Kind, Raw, Store

Check = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True)
class Selection:
    """What a task asks for: the object ``reference`` or all, filtered by the server (``parameters``) and here
    (``checks``), at most ``most`` of them.
    """

    reference: str | None
    parameters: Mapping[str, str] = field(default_factory=dict)
    checks: Sequence[Check] = ()
    most: int | None = None


def selection_from(kind: Kind, params: Mapping[str, Any]) -> Selection:
    """Return what the filters in ``params`` ask for. Raise OptionError for a wrong one."""
    reference, most = params.get(kind.reference), params.get("max_results")
    if reference is not None:
        kind.api.check_reference(params, kind.plural, kind.reference, reference)
    if most is not None and most < 0:
        raise OptionError("max_results", "must be 0 or more")
    parameters: dict[str, str] = {}
    checks: list[Check] = []
    for item in kind.fields:
        for query in item.queries:
            option = query.name or item.name
            if params.get(option) is None:
                continue
            wanted = checked(option, query.parse, params[option])
            for entry in (entry for group in wanted for entry in group) if item.refers_to else ():
                kind.api.check_reference(params, item.refers_to, option, entry)
            if query.encode is not None:
                parameters[option] = query.encode(wanted)
            whole = query.partial and bool(params.get("exact"))
            # One object is asked for by its reference, so no server has filtered it.
            if whole or reference is not None or not query.trusted:
                checks.append(_check(item.name, operator.eq if whole else query.matches, wanted))
    return Selection(reference, parameters, checks, most)


def select(kind: Kind, store: Store, selection: Selection) -> list[dict[str, Any]]:
    """Return the objects of a selection as results show them, in the server's order."""
    if selection.reference is not None:
        found = store.find(Identity(selection.reference))
        raws: Sequence[Raw] = [] if found is None else [found]
    else:
        raws = store.query(selection.parameters, None if selection.checks else selection.most)
    shown = [entry for entry in map(kind.present, raws) if entry is not None]
    return [entry for entry in shown if all(check(entry) for check in selection.checks)][: selection.most]


def _check(name: str, matches: Callable[[Any, Any], bool], wanted: Any) -> Check:
    return lambda entry: bool(matches(wanted, entry[name]))
