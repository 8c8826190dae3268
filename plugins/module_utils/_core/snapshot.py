# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All objects of a store, as one read showed them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .plan import Action, Plan
from .resource import BatchStore, CarefulStore, Identity, Raw, ResolvingStore, Resource, Store


class Snapshot:
    """Objects of a store as one read showed them. Changes go through to the store.

    All of them, or those that match query ``parameters``, or ``raws``, which somebody has read.
    """

    def __init__(
        self,
        resource: Resource,
        store: Store,
        parameters: Mapping[str, str] | None = None,
        raws: Sequence[Raw] | None = None,
    ) -> None:
        self._resource = resource
        self._store = store
        self._by_names: dict[tuple[Any, ...], list[Raw]] = {}
        self._by_reference: dict[str, Raw] = {}
        self.unknown: list[Raw] = []
        for raw in store.query(parameters or {}) if raws is None else raws:
            names = resource.names_of(raw)
            if names is None:
                self.unknown.append(raw)
            else:
                self._by_names.setdefault(names, []).append(raw)
            self._by_reference[resource.reference_of(raw)] = raw

    def find(self, identity: Identity) -> Raw | None:
        """Return the one object with this identity, or None. Raise AmbiguousError where there are several."""
        if identity.reference is not None:
            return self._by_reference.get(identity.reference)
        found = self._by_names.get(tuple(identity.names[name] for name in self._resource.identity), [])
        if len(found) > 1:
            raise self._resource.ambiguous(identity, found)
        if not found:
            self._resource.refuse_unreadable(self.unknown)
        return found[0] if found else None

    def query(self, parameters: Mapping[str, str], max_results: int | None = None) -> Sequence[Raw]:
        """Ask the store itself."""
        return self._store.query(parameters, max_results)

    def check(self, plan: Plan, current: Raw | None) -> None:
        """Let the store look at a plan, where it does that."""
        if isinstance(self._store, CarefulStore):
            self._store.check(plan, current)

    def resolve(self, values: Mapping[str, Any], create: bool | None) -> dict[str, Any]:
        """Let the store replace names by references, where it does that."""
        return self._store.resolve(values, create) if isinstance(self._store, ResolvingStore) else dict(values)

    def execute(self, plan: Plan, identity: Identity) -> Raw | None:
        """Do what the plan says. Return the object as the server shows it now, or, where the store can do without
        asking for each, an updated one as it should be.
        """
        current = self._by_reference.get(str(plan.reference))
        # What was not there when all was read is new, and has to be shown.
        if plan.action is Action.UPDATE and isinstance(self._store, BatchStore) and current is not None:
            return self._store.update(plan, current)
        return self._store.execute(plan, identity)

    def named(self) -> Iterator[tuple[tuple[Any, ...], Raw]]:
        """Give all objects whose names can be read, with their names."""
        for names, raws in self._by_names.items():
            for raw in raws:
                yield names, raw
