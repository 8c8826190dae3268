# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The only place that decides whether something is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import CollectionError, OptionError
from .fields import checked
from .kind import ABSENT, CarefulStore, Identity, Kind, Raw, ResolvingStore, Store
from .plan import Action, Plan

RENEW_ALWAYS = "always"
RENEW_ON_CREATE = "on_create"


@dataclass(frozen=True)
class Outcome:
    """What a task did, or in check mode would do.

    ``result`` is the object as results show it, None where it is absent; ``before`` and ``after`` are the two sides of
    a diff. ``action`` is what changes, or would change.
    """

    changed: bool
    result: Mapping[str, Any] | None
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    action: Action = Action.NOTHING


@dataclass(frozen=True)
class Request:
    """What a task asks for: ``desired`` canonical values, of the object ``identity``, in ``state``.

    ``renew`` writes secret properties again, though nobody can see whether they differ. ``create_missing`` makes the
    objects that are referred to by name and do not exist. ``new_identity`` holds at least the name that changes.
    """

    identity: Identity
    desired: Mapping[str, Any] = field(repr=False)
    state: str
    new_identity: Identity | None = None
    renew: bool = False
    create_missing: bool = False


def request_from(kind: Kind, params: Mapping[str, Any]) -> Request:
    """Return what the options ask for. Raise OptionError for what is wrong in them or contradicts itself."""
    state = params["state"]
    desired = kind.desired(params)
    renew = params.get(kind.renew) == RENEW_ALWAYS
    create_missing = bool(params.get(kind.create_missing))
    reference, new_name = params.get(kind.reference), params.get(kind.rename)
    if reference is not None:
        kind.api.check_reference(params, kind.plural, kind.reference, reference)
    _check_references(kind, params, desired)
    identity = Identity(reference) if reference is not None else _identity(kind, desired)
    if new_name is None:
        return Request(identity, desired, state, None, renew, create_missing)
    renamed = kind.identity[-1]
    if state == ABSENT:
        raise OptionError(kind.rename, "contradicts state: absent")
    new_name = checked(kind.rename, kind.field(renamed).parse, new_name)
    if new_name == desired.get(renamed):
        raise OptionError(kind.rename, f"is the same as {renamed}")
    new_identity = Identity(names={**identity.names, renamed: new_name})
    return Request(identity, {**desired, renamed: new_name}, state, new_identity, renew, create_missing)


def _identity(kind: Kind, desired: Mapping[str, Any]) -> Identity:
    for name in kind.identity:
        # Ansible's own check lets a null pass, and an object without a name would answer to it.
        if desired.get(name) is None and name not in kind.optional:
            raise OptionError(name, f"is needed, or {kind.reference}")
    return Identity(names={name: desired.get(name) for name in kind.identity})


def _check_references(kind: Kind, params: Mapping[str, Any], desired: Mapping[str, Any]) -> None:
    for item in kind.fields:
        if item.refers_to:
            for entry in desired.get(item.name, ()):
                if kind.reference in entry:
                    kind.api.check_reference(params, item.refers_to.plural, item.name, entry[kind.reference])


@dataclass(frozen=True)
class Step:
    """A request that has been planned: what is to be done, and what the object is called after it."""

    request: Request
    plan: Plan
    identity: Identity


def reconcile(kind: Kind, store: Store, request: Request, dry_run: bool) -> Outcome:
    """Bring one object to its wanted state, or say what that would take."""
    return carry_out(kind, store, prepare(kind, store, request), dry_run)


def prepare(kind: Kind, store: Store, request: Request) -> Step:
    """Return what a request takes. Raise OptionError for what cannot be done; nothing is written."""
    current, identity = _current(kind, store, request)
    plan = kind.plan(current, _resolved(store, request), request.state, request.renew)
    if plan.action is Action.CREATE and request.identity.reference is not None:
        advice = f"to create one, give {' and '.join(kind.identity)} instead"
        raise OptionError(kind.reference, f"there is no {kind.title} {request.identity}; {advice}")
    if plan.is_change and isinstance(store, CarefulStore):
        store.check(plan, current)
    return Step(request, plan, identity)


def carry_out(kind: Kind, store: Store, step: Step, dry_run: bool) -> Outcome:
    """Do what was planned, unless that is nothing or ``dry_run`` asks what would be done."""
    plan = step.plan
    if dry_run or not plan.is_change:
        return _outcome(kind, plan, plan.after)
    after, left = _execute(kind, store, step)
    return _outcome(kind, plan, kind.present(after), warnings_of(left))


def warnings_of(left: Plan) -> list[str]:
    """Return what to say of a plan that is left to do after all was done."""
    if not left.is_change:
        return []
    return [f"the server accepted {', '.join(sorted(left.changes))} but shows another value"]


def _resolved(store: Store, request: Request) -> Mapping[str, Any]:
    if request.state == ABSENT or not isinstance(store, ResolvingStore):
        return request.desired
    return store.resolve(request.desired, request.create_missing)


def _current(kind: Kind, store: Store, request: Request) -> tuple[Raw | None, Identity]:
    """Return the object as it is now, and what it is called after the task.

    With a new name, an object that has it already is the renamed one.
    """
    current = store.find(request.identity)
    # An object keeps its reference: one that is not there has not been renamed either.
    if request.new_identity is None or (current is None and request.identity.reference is not None):
        return current, request.identity
    known = None if current is None else kind.names_of(current)
    # By its reference alone nobody has said what else the object is called.
    names = {**dict(zip(kind.identity, known or ())), **request.new_identity.names}
    if len(names) < len(kind.identity):
        return current, request.identity
    identity = Identity(names={name: names[name] for name in kind.identity})
    holder = store.find(identity)
    if current is not None and holder is not None and kind.reference_of(current) != kind.reference_of(holder):
        raise OptionError(
            kind.rename,
            f"is taken by {kind.reference_of(holder)}; {kind.reference_of(current)} was not renamed",
        )
    return (current if current is not None else holder), identity


def _execute(kind: Kind, store: Store, step: Step) -> tuple[Raw | None, Plan]:
    """Do what the plan says. Return the object then, and what is still left to do."""
    plan, request, identity = step.plan, step.request, step.identity
    after = store.execute(plan, identity)
    try:
        desired = _resolved(store, request)
        left = kind.plan(after, desired, request.state)
        if plan.action is Action.CREATE and left.action is Action.UPDATE and not set(left.changes) & set(kind.identity):
            # Somebody else made an object of this name just before, or the server leaves something out when it creates.
            after = store.execute(left, identity)
            left = kind.plan(after, desired, request.state)
    except CollectionError as error:
        error.changed = True
        raise
    return after, left


def _outcome(kind: Kind, plan: Plan, result: Mapping[str, Any] | None, warnings: Sequence[str] = ()) -> Outcome:
    before = kind.writable(plan.before)
    after = dict(plan.changes) if plan.action is Action.CREATE else kind.writable(plan.after)
    for name in plan.renewed:
        before[name], after[name] = "(not shown)", "(not shown, written again)"
    return Outcome(plan.is_change, result, before, after, warnings, plan.action)
