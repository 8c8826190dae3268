# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All objects of a store, as one read showed them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .errors import MissingReferenceError
from .plan import Action, Plan
from .resource import Identity, Raw, Resource
from .store import QueryResult, Store


class Snapshot(Store):
    """Objects of a store as one read showed them: ``result``. Changes go through to the store.

    An object that a paged read lacks is looked for by an exact query before it counts as absent.
    """

    def __init__(self, resource: Resource, store: Store, result: QueryResult) -> None:
        self._resource = resource
        self._store = store
        self._is_paged = result.is_paged
        self._by_names: dict[tuple[Any, ...], list[Raw]] = {}
        self._by_reference: dict[str, Raw] = {}
        self._confirmed: set[str] = set()
        self.unknown: list[Raw] = []
        for raw in result.objects:
            self._enter(raw)

    def _enter(self, raw: Raw) -> None:
        names, reference = self._resource.names_of(raw), self._resource.reference_of(raw)
        if names is None:
            self.unknown.append(raw)
        elif all(self._resource.reference_of(other) != reference for other in self._by_names.get(names, ())):
            self._by_names.setdefault(names, []).append(raw)
        self._by_reference[reference] = raw

    def find(self, identity: Identity) -> Raw | None:
        """Return the one object with this identity, or None. Raise AmbiguousError where there are several."""
        self.confirm_absences([identity])
        found = self._find_listed(identity)
        if len(found) > 1:
            raise self._resource.ambiguous(identity, found)
        if not found and identity.reference is None:
            self._resource.refuse_unreadable(self.unknown)
        return found[0] if found else None

    def confirm_absences(self, identities: Sequence[Identity]) -> list[Raw]:
        """Look for those of the objects that a paged read lacks; several at a time take fewer queries."""
        if not self._is_paged:
            return []
        absent = [identity for identity in identities if not self._find_listed(identity)]
        absent = [identity for identity in absent if str(identity) not in self._confirmed]
        self._confirmed |= {str(identity) for identity in absent}
        found = self._store.confirm_absences(absent) if absent else []
        for raw in found:
            self._enter(raw)
        return found

    def _find_listed(self, identity: Identity) -> Sequence[Raw]:
        if identity.reference is not None:
            raw = self._by_reference.get(identity.reference)
            return [] if raw is None else [raw]
        return self._by_names.get(tuple(identity.names[name] for name in self._resource.identity), [])

    def query(self, parameters: Mapping[str, str], max_results: int | None = None) -> Sequence[Raw]:
        """Ask the store itself."""
        return self._store.query(parameters, max_results)

    def check(self, plan: Plan, current: Raw | None) -> None:
        """Pass a plan to the check of the store."""
        self._store.check(plan, current)

    def missing(self, identity: Identity) -> MissingReferenceError:
        """Pass the question for the closest names to the store."""
        return self._store.missing(identity)

    def resolve(self, values: Mapping[str, Any], create: bool | None) -> dict[str, Any]:
        """Replace names by references with the store."""
        return self._store.resolve(values, create)

    def execute(self, plan: Plan, identity: Identity) -> Raw | None:
        """Carry out the plan. Return the object as the server shows it, or as it should be if it is read back later."""
        current = self._by_reference.get(str(plan.reference))
        # A new object is not in the read, so the server must show it.
        if plan.action is Action.UPDATE and self._store.is_read_back_together and current is not None:
            return self._store.update(plan, current)
        return self._store.execute(plan, identity)

    def named(self) -> Iterator[tuple[tuple[Any, ...], Raw]]:
        """Return all objects whose names can be read, with their names."""
        for names, raws in self._by_names.items():
            for raw in raws:
                yield names, raw
