# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of an organisation on a PCE (source: PCE REST API, Transport and Collections)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from .._core.errors import (
    ApiError,
    CollectionError,
    ContractError,
    MissingReferenceError,
    RequestError,
    explain_failed_lookup,
    explain_not_found,
)
from .._core.fields import common_part
from .._core.plan import Action, Plan
from .._core.references import References, called
from .._core.resource import Identity, Raw, Resource
from .._core.store import QueryResult, Store
from .._core.text import one_line
from .._http.client import HttpClient
from .._http.create_once import create_once, look_up_after_failure
from . import hrefs
from .listed_values import ListedValues
from .pagination import PAGE, read_collection


class PceStore(Store):
    """The objects of one resource in one organisation."""

    is_read_back_together = True

    def __init__(self, http: HttpClient, org_id: int, resource: Resource) -> None:
        self._http = http
        self._org_id = org_id
        self._resource = resource
        self._path = hrefs.collection(org_id, resource.path)
        self._references: dict[str, References] = {}
        self._listed_values = ListedValues(http, org_id, resource)

    def check(self, plan: Plan, current: Raw | None) -> None:
        """Raise an error for a new object with a value that the PCE does not list, or a label that does not exist."""
        if plan.action is Action.CREATE:
            self._listed_values.check(plan.changes)
        shown = self._resource.to_result(current) or {}
        for item in self._resource.fields:
            if item.refers_to is not None and item.name in plan.changes:
                self._known(item.refers_to).check(item, plan.changes[item.name], shown.get(item.name, ()))

    def find(self, identity: Identity) -> Raw | None:
        """Return the one object with this identity, or None. Raise AmbiguousError where several have the name."""
        if identity.reference is not None:
            return self._get(identity.reference)
        found = self._find_all(identity)
        if len(found) > 1:
            raise self._resource.ambiguous(identity, found)
        return found[0] if found else None

    def _find_all(self, identity: Identity) -> list[Raw]:
        """Return all objects that have the names of this identity."""
        # The PCE's filters match partially: they make the answer smaller, and the choice is made here.
        parameters = {name: str(value) for name, value in identity.names.items()}
        result = self.read(parameters)
        found = [raw for raw in result.objects if self._has(raw, identity)]
        if not found and result.is_paged:
            # No query is more exact than this one, so it is the one that confirms itself.
            found = [raw for raw in self.read(parameters).objects if self._has(raw, identity)]
        for raw in found:
            self.own_href(raw.get(self._resource.reference))
        return found

    def confirm_absences(self, identities: Sequence[Identity]) -> list[Raw]:
        """Return those of the objects that exist all the same, found by exact queries."""
        by_name = {str(identity): identity for identity in identities if identity.reference is None}
        found = [self._find_by_get(identity.reference) for identity in identities if identity.reference is not None]
        return [raw for raw in found if raw is not None] + self._find_group([*by_name.values()])

    def _find_by_get(self, href: str) -> Raw | None:
        try:
            return self._shown_by_get(href)
        except ApiError as error:
            # The list lacks it too, so this 404 is not a proxy's alone.
            if error.status != 404:
                raise
            return None

    def _find_group(self, identities: Sequence[Identity]) -> list[Raw]:
        """Return the objects that have these names. Names that begin alike share a query while its answer is whole."""
        first = self._resource.identity[0]
        can_share = len(self._resource.identity) == 1 and self._resource.is_filtered_by_part(first)
        if len(identities) < 2 or not can_share:
            return [raw for identity in identities for raw in self._find_all(identity)]
        common = common_part([identity.names[first] for identity in identities])
        page = self.query({first: common}, PAGE) if common else []
        if common and len(page) < PAGE:
            wanted = {(identity.names[first],) for identity in identities}
            return [raw for raw in page if self._resource.names_of(raw) in wanted]
        groups: dict[str, list[Identity]] = {}
        for identity in identities:
            groups.setdefault(identity.names[first][: len(common) + 1], []).append(identity)
        return [raw for group in groups.values() for raw in self._find_group(group)]

    def find_existing(self, identity: Identity) -> Raw:
        """Return the object with this identity. Raise MissingReferenceError with the closest names if there is none."""
        found = self.find(identity)
        if found is not None:
            return found
        raise self.missing(identity)

    def missing(self, identity: Identity) -> MissingReferenceError:
        """Return the error for an object that does not exist, with the closest names."""
        names: list[str] = []
        if identity.names:
            names = [str(raw.get(self._resource.identity[0])) for raw in self._all_for_advice()]
        return self._resource.missing(identity, names)

    def query(self, parameters: Mapping[str, str], max_results: int | None = None) -> Sequence[Raw]:
        """Return all objects that match query ``parameters`` on the PCE, or the first ``max_results`` of them."""
        return self._read(parameters, max_results).objects

    def read(self, parameters: Mapping[str, str]) -> QueryResult:
        """Return all objects that match query ``parameters`` on the PCE, and how they came."""
        return self._read(parameters, None)

    def _read(self, parameters: Mapping[str, str], max_results: int | None) -> QueryResult:
        result = read_collection(self._http, self._path, parameters, max_results)
        # One href is one object, however often an answer repeats it.
        kept: dict[Any, Raw] = {}
        for number, raw in enumerate(result.objects):
            if not _is_deleted(raw):
                href = raw.get(self._resource.reference)
                other = kept.setdefault(href if isinstance(href, str) else number, raw)
                if self._resource.names_of(other) != self._resource.names_of(raw):
                    # It is unknown which of them would be changed or deleted.
                    raise ContractError(
                        f"the PCE shows {one_line(href)} twice, under different names", "GET", self._path
                    )
        if max_results is not None and len(kept) < len(result.objects):
            whole = PceStore._read(self, parameters, None)
            return QueryResult(whole.objects[:max_results], whole.is_paged)
        return QueryResult(list(kept.values()), result.is_paged)

    def resolve(self, values: Mapping[str, Any], create: bool | None) -> dict[str, Any]:
        """Return canonical ``values`` with HREFs in place of names, over one read of each kind that is referred to.

        Raise MissingReferenceError for what does not exist; with ``create`` it stays a name, and ``execute`` makes it.
        None says that nothing could be made anyway, so that no error advises it.
        """
        option = "" if create is None else self._resource.create_missing
        resolved = dict(values)
        for item in self._resource.fields:
            if item.refers_to is not None and item.name in values:
                known = self._known(item.refers_to)
                resolved[item.name] = known.resolve(item, values[item.name], bool(create), option)
        return resolved

    def execute(self, plan: Plan, identity: Identity) -> Raw | None:
        """Do what the plan says. Return the object as the PCE shows it now, None where it is gone."""
        with self._complete(plan) as complete:
            if complete.action is Action.CREATE:
                return self._create_once(complete, identity)
            href = self.own_href(complete.reference)
            if complete.action is Action.DELETE:
                self._delete(href)
                return None
            self._put(href, complete)
            try:
                return self._updated(href)
            except CollectionError as error:
                error.changed = True
                error.add(f"The {self._resource.title} was updated before that")
                raise

    def update(self, plan: Plan, current: Raw) -> Raw:
        """Do what an update's plan says. Return ``current`` with what was written: a PCE answers nothing to a PUT."""
        with self._complete(plan) as complete:
            return {**current, **self._put(self.own_href(complete.reference), complete)}

    def ensure_within_deadline(self, count: int, purpose: str) -> None:
        """Raise OptionError where ``count`` requests cannot be sent before the deadline of the task."""
        self._http.ensure_within_deadline(count, purpose)

    @contextmanager
    def _complete(self, plan: Plan) -> Iterator[Plan]:
        """Yield a plan with HREFs in place of names. Errors within name the objects that were created for that."""
        made: list[str] = []
        try:
            yield replace(plan, changes=self._with_hrefs(plan.changes, made))
        except CollectionError as error:
            name_created(error, made)
            raise

    def _put(self, href: str, plan: Plan) -> dict[str, Any]:
        body = self._resource.body(plan.changes)
        with explain_not_found(self._resource.title):
            self._http.request("PUT", href, body=body)
        return body

    def _updated(self, href: str) -> Raw:
        updated = self._get(href)
        if updated is None:
            raise RequestError(f"GET {href} shows that another user has deleted it", "GET", href)
        return updated

    def _with_hrefs(self, changes: Mapping[str, Any], made: list[str]) -> dict[str, Any]:
        """Return ``changes`` with HREFs in place of names; what is made for that is entered in ``made``."""
        complete = dict(changes)
        for item in self._resource.fields:
            if item.refers_to is None:
                continue
            for entry in [entry for entry in complete.get(item.name, ()) if self._resource.reference not in entry]:
                href, is_new = self._known(item.refers_to).make(entry)
                if is_new:
                    made.append(f"{item.refers_to.title} {called(item.refers_to, entry)}")
                complete[item.name] = [
                    {self._resource.reference: href} if other == entry else other for other in complete[item.name]
                ]
        return complete

    def _known(self, resource: Resource) -> References:
        return self._references.setdefault(
            resource.plural, References(resource, PceStore(self._http, self._org_id, resource))
        )

    def _create_once(self, plan: Plan, identity: Identity) -> Raw:
        return create_once(
            self._http,
            lambda: self._create(plan, identity),
            lambda: self.find(identity),
            refuses_duplicates=self._resource.unique,
        )

    def _create(self, plan: Plan, identity: Identity) -> Raw:
        response = self._http.request("POST", self._path, body=self._resource.body(plan.changes))
        try:
            created = response.json_object()
            self.own_href(created.get(self._resource.reference))
        except ContractError as error:
            found = self._find_created(error, identity)
            if found is None:
                if response.status == 201:  # the PCE has accepted it, whatever it says of it
                    error.mark_outcome_unknown()
                raise
            return found
        return created

    def _find_created(self, failure: ContractError, identity: Identity) -> Raw | None:
        try:
            return look_up_after_failure(failure, lambda: self.find(identity))
        except CollectionError as error:
            error.changed = True
            raise

    def _delete(self, href: str) -> None:
        try:
            self._http.request("DELETE", href)
        except ApiError as error:
            if _says_deleted(error):
                return
            if error.status != 404:
                raise
            # Another run deleted it, or our first try did and its answer was lost.
            with explain_failed_lookup(f"a 404 to DELETE {href}", error.changed):
                found = self._get(href)
            if found is not None:
                raise

    def _get(self, href: str) -> Raw | None:
        return next(iter(self.shown([href])), None)

    def shown(self, references: Sequence[str]) -> list[Raw]:
        """Return those of the objects that exist, by a GET for each.

        A proxy may have sent a 404, so an object counts as absent only if the collection does not list it either. The
        collection is read once.
        """
        found: list[Raw] = []
        listed: set[Any] | None = None
        for reference in references:
            try:
                raw = self._shown_by_get(reference)
            except ApiError as error:
                if error.status != 404:
                    raise
                if listed is None:
                    listed = {raw.get(self._resource.reference) for raw in self.query({})}
                if reference in listed:
                    error.add("The PCE lists it all the same: a proxy may be answering instead of the PCE")
                    raise
                continue
            found += [] if raw is None else [raw]
        return found

    def _shown_by_get(self, reference: str) -> Raw | None:
        """Return an object by its HREF, None for one that is marked as deleted. Raise ApiError where there is none."""
        raw = self._http.get(reference).json_object()
        if raw.get(self._resource.reference) != reference:
            # What follows would be done to another object than the one that was asked for.
            raise ContractError(
                f"the PCE answered GET {reference} with {one_line(raw.get(self._resource.reference))}",
                "GET",
                reference,
            )
        return None if _is_deleted(raw) else raw

    def _has(self, raw: Raw, identity: Identity) -> bool:
        shown = self._resource.to_result(raw) or {}
        return all(shown[name] == value for name, value in identity.names.items())

    def own_href(self, href: Any) -> str:
        """Return ``href`` if it can be the HREF of such an object; a wrong one must never become a path."""
        try:
            hrefs.check(href, self._org_id, self._resource)
        except ValueError as error:
            raise ContractError(
                f"the PCE shows {self._resource.a_title} whose href {error}", "GET", self._path
            ) from error
        return str(href)

    def _all_for_advice(self) -> Sequence[Raw]:
        """Return all objects for an error's advice; that advice cannot be had is no second error."""
        try:
            return self.query({})
        except RequestError:
            return []


def name_created(error: CollectionError, made: Sequence[str]) -> None:
    """Add to an error the names of the objects that were created before it."""
    if made:
        error.changed = True
        error.add(f"Created before that: {', '.join(made)}")


def _says_deleted(error: ApiError) -> bool:
    """Return True if the PCE refused to delete an object because it is deleted (such as label_already_deleted)."""
    return error.status == 406 and any(item["token"].endswith("already_deleted") for item in error.errors)


def _is_deleted(raw: Raw) -> bool:
    """Return True for an object that a PCE shows as deleted: labels stay like that (PCE REST API, Labels)."""
    return raw.get("deleted") is True
