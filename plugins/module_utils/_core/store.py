# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where objects live: the one interface between the core and an API."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable, Protocol

from .errors import CollectionError, MissingReferenceError
from .plan import Plan
from .resource import Identity, Raw, Resource

CheckReference = Callable[[Resource, str], None]
"""Raises ValueError, in words, unless a text can be the reference of such an object on the server of a task."""


@dataclass(frozen=True)
class QueryResult:
    """Objects as one query showed them.

    ``is_paged`` means that they came in several pages. Such a list may lack an object, so its absence is only known
    after ``Store.confirm_absences``.
    """

    objects: Sequence[Raw]
    is_paged: bool = False


class Store(ABC):
    """The objects of one resource on one server. An API implements the abstract methods and what it needs of the rest.

    ``is_read_back_together`` means that ``update`` returns what the server should show without asking it, and that a
    bulk run reads all updated objects at once when it ends.
    """

    is_read_back_together = False
    max_updates = 1
    """Objects that ``update_many`` takes; with 1, objects are updated one by one."""

    @abstractmethod
    def find(self, identity: Identity) -> Raw | None:
        """Return the one object with this identity, or None. Raise AmbiguousError where there are several."""

    @abstractmethod
    def query(self, parameters: Mapping[str, str], max_results: int | None = None) -> Sequence[Raw]:
        """Return all objects that match query ``parameters`` on the server, or the first ``max_results`` of them."""

    @abstractmethod
    def execute(self, plan: Plan, identity: Identity) -> Raw | None:
        """Carry out the plan and return the object as the server shows it afterwards, None where it is deleted."""

    def read(self, parameters: Mapping[str, str]) -> QueryResult:
        """Return all objects that match query ``parameters`` on the server, and how they came."""
        return QueryResult(self.query(parameters))

    def confirm_absences(self, identities: Sequence[Identity]) -> list[Raw]:
        """Return those of the objects that exist all the same, found by exact queries.

        Called for objects that a paged list lacks, before a write or a verdict rests on their absence.
        """
        found = [self.find(identity) for identity in identities]
        return [raw for raw in found if raw is not None]

    def check(self, plan: Plan, current: Raw | None) -> None:  # noqa: B027  # most stores take every plan
        """Raise OptionError for a plan that the server cannot carry out. Called in check mode too."""

    def resolve(self, values: Mapping[str, Any], create: bool | None) -> dict[str, Any]:
        """Return canonical ``values`` with references in place of names.

        Raise MissingReferenceError for an object that does not exist; with ``create`` it stays a name, and ``execute``
        creates it. None means that nothing can be created, so that no error advises it.
        """
        del create
        return dict(values)

    def update(self, plan: Plan, current: Raw) -> Raw | None:
        """Carry out an update. Return ``current`` with its changes if ``is_read_back_together``, else what is shown."""
        del current
        return self.execute(plan, Identity(plan.reference))

    def update_many(self, changes: Sequence[tuple[Plan, Raw]]) -> list[Raw | CollectionError]:
        """Carry out updates by one request. Return, for each, its object as in ``update``, or why it was refused."""
        raise NotImplementedError

    def missing(self, identity: Identity) -> MissingReferenceError:
        """Return the error for an object that does not exist and cannot be created."""
        raise NotImplementedError

    def ensure_within_deadline(self, count: int, purpose: str) -> None:  # noqa: B027  # not all servers have a limit
        """Raise OptionError where ``count`` requests cannot be sent before the deadline of the task."""


class Api(Protocol):
    """The API of a server: its connection options, and what they lead to."""

    options: Mapping[str, Mapping[str, Any]]

    def reference_checker(self, params: Mapping[str, Any]) -> CheckReference:
        """Return the check of references in options, which become parts of paths on the server of ``params``."""

    def store(self, params: Mapping[str, Any], resource: Resource) -> Store:
        """Return the store of ``resource`` on the server that ``params`` lead to. Raise OptionError for wrong ones."""
