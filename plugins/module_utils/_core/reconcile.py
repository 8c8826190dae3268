# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The only place that decides whether something is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .errors import CollectionError, OptionError
from .fields import parse_option
from .plan import Action, Plan
from .resource import ABSENT, PRESENT, Identity, Raw, Resource
from .store import CheckReference, Store
from .text import one_line

RENEW_ALWAYS = "always"
RENEW_ON_CREATE = "on_create"


@dataclass(frozen=True)
class Result:
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
class DesiredState:
    """What a task asks for: ``desired`` canonical values, of the object ``identity``, in ``state``.

    ``renew`` writes secret properties again, since they cannot be compared. ``create_missing`` creates objects that are
    referred to by name and do not exist. ``new_identity`` holds at least the name that changes. ``expected`` are values
    that the object must still have, for a task that has decided by them.
    """

    identity: Identity
    desired: Mapping[str, Any] = field(repr=False)
    state: str
    new_identity: Identity | None = None
    renew: bool = False
    create_missing: bool = False
    expected: Mapping[str, Any] = field(default_factory=dict)


def read_desired_state(resource: Resource, params: Mapping[str, Any], check_reference: CheckReference) -> DesiredState:
    """Return what the options ask for. Raise OptionError for wrong ones, and for some that cannot be combined."""
    state = params.get("state") or PRESENT
    desired = read_values(resource, params, check_reference)
    renew = params.get(resource.renew) == RENEW_ALWAYS
    create_missing = bool(params.get(resource.create_missing))
    reference, new_name = params.get(resource.reference), params.get(resource.rename)
    if reference is not None:
        parse_option(resource.reference, partial(check_reference, resource), reference)
    identity = Identity(reference) if reference is not None else _identity(resource, desired)
    if new_name is None:
        return DesiredState(identity, desired, state, None, renew, create_missing)
    renamed = resource.identity[-1]
    if state == ABSENT:
        raise OptionError(resource.rename, "cannot be combined with state: absent")
    new_name = parse_option(resource.rename, resource.field(renamed).parse, new_name)
    if new_name == desired.get(renamed):
        raise OptionError(resource.rename, f"must differ from {renamed}")
    new_identity = Identity(names={**identity.names, renamed: new_name})
    return DesiredState(identity, {**desired, renamed: new_name}, state, new_identity, renew, create_missing)


def _identity(resource: Resource, desired: Mapping[str, Any]) -> Identity:
    for name in resource.identity:
        # Ansible's own check lets a null pass, and an object without a name would answer to it.
        if desired.get(name) is None and name not in resource.optional:
            raise OptionError(name, f"one of {name} and {resource.reference} is required")
    return Identity(names={name: desired.get(name) for name in resource.identity})


def read_values(resource: Resource, params: Mapping[str, Any], check_reference: CheckReference) -> dict[str, Any]:
    """Return the canonical values that the options ask for. Raise OptionError for wrong ones."""
    desired = resource.desired(params)
    for item in resource.fields:
        if item.refers_to:
            for entry in desired.get(item.name, ()):
                if item.refers_to.reference in entry:
                    parse_option(item.name, partial(check_reference, item.refers_to), entry[resource.reference])
    return desired


@dataclass(frozen=True)
class Step:
    """A desired state with its plan, and the identity of the object afterwards."""

    desired_state: DesiredState
    plan: Plan
    identity: Identity


def reconcile(resource: Resource, store: Store, desired_state: DesiredState, dry_run: bool) -> Result:
    """Bring one object to its desired state, or return what that would take."""
    return apply(resource, store, prepare(resource, store, desired_state), dry_run)


def prepare(resource: Resource, store: Store, desired_state: DesiredState) -> Step:
    """Plan what brings an object to its desired state. Raise OptionError if that is impossible; nothing is written."""
    current, identity = _current(resource, store, desired_state)
    if current is None and not resource.can_create:
        raise store.missing(desired_state.identity)
    plan = resource.plan(current, _resolved(store, desired_state), desired_state.state, desired_state.renew)
    if plan.action is Action.CREATE and desired_state.identity.reference is not None:
        advice = f"to create one, set {' and '.join(resource.identity)} instead"
        raise OptionError(resource.reference, f"unknown {resource.title} {desired_state.identity}; {advice}")
    changed = next((name for name in resource.fixed if plan.action is Action.UPDATE and name in plan.changes), None)
    if changed is not None:
        shown = (plan.before or {})[changed]
        raise OptionError(changed, f"cannot be changed: {plan.reference} has {one_line(shown)}")
    if plan.is_change:
        _check_expected(desired_state.expected, plan.before or {})
        store.check(plan, current)
    return Step(desired_state, plan, identity)


def _check_expected(expected: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
    """Raise an error if the object was changed after the task has decided what to do with it."""
    for name, value in expected.items():
        if shown.get(name) != value:
            raise CollectionError(
                f"{name} was changed meanwhile, from {one_line(value)} to {one_line(shown.get(name))}"
            )


def apply(resource: Resource, store: Store, step: Step, dry_run: bool) -> Result:
    """Carry out the plan, unless it changes nothing or ``dry_run`` is set."""
    plan = step.plan
    if dry_run or not plan.is_change:
        return result_of(resource, plan, plan.after)
    after, left = _execute(resource, store, step)
    return result_of(resource, plan, resource.to_result(after), warnings_of(left))


def plan_left(resource: Resource, store: Store, step: Step, raw: Raw | None) -> Plan:
    """Return the plan that is left for an object as the server shows it after a write."""
    desired_state = step.desired_state
    return resource.plan(raw, store.resolve(desired_state.desired, create=True), desired_state.state)


def warnings_of(left: Plan) -> list[str]:
    """Return the warnings for what the plan that is left after a write would still change."""
    if not left.is_change:
        return []
    return [f"the server accepted {', '.join(sorted(left.changes))} but shows another value"]


def _resolved(store: Store, desired_state: DesiredState) -> Mapping[str, Any]:
    if desired_state.state == ABSENT:
        return desired_state.desired
    return store.resolve(desired_state.desired, desired_state.create_missing)


def _current(resource: Resource, store: Store, desired_state: DesiredState) -> tuple[Raw | None, Identity]:
    """Return the object as it is now, and its identity after the task.

    With a new name, an object that has it already is the renamed one.
    """
    current = store.find(desired_state.identity)
    # An object keeps its reference: one that is not there has not been renamed either.
    if desired_state.new_identity is None or (current is None and desired_state.identity.reference is not None):
        return current, desired_state.identity
    known = None if current is None else resource.names_of(current)
    # A reference alone does not tell the other names of an object that does not exist.
    names = {**dict(zip(resource.identity, known or ())), **desired_state.new_identity.names}
    if len(names) < len(resource.identity):
        return current, desired_state.identity
    identity = Identity(names={name: names[name] for name in resource.identity})
    holder = store.find(identity)
    if current is not None and holder is not None and resource.reference_of(current) != resource.reference_of(holder):
        raise OptionError(
            resource.rename,
            f"is taken by {resource.reference_of(holder)}; {resource.reference_of(current)} was not renamed",
        )
    return (current if current is not None else holder), identity


def _execute(resource: Resource, store: Store, step: Step) -> tuple[Raw | None, Plan]:
    """Carry out the plan. Return the object afterwards, and the plan that is left."""
    plan, desired_state, identity = step.plan, step.desired_state, step.identity
    after = store.execute(plan, identity)
    try:
        desired = _resolved(store, desired_state)
        left = resource.plan(after, desired, desired_state.state)
        if (
            plan.action is Action.CREATE
            and left.action is Action.UPDATE
            and not set(left.changes) & set(resource.identity)
        ):
            # Another user created an object of this name just before, or the server ignores properties on creation.
            after = store.execute(left, identity)
            left = resource.plan(after, desired, desired_state.state)
    except CollectionError as error:
        error.changed = True
        raise
    return after, left


def result_of(resource: Resource, plan: Plan, result: Mapping[str, Any] | None, warnings: Sequence[str] = ()) -> Result:
    """Return what a plan does, with the object as results show it."""
    before = resource.writable(plan.before)
    after = dict(plan.changes) if plan.action is Action.CREATE else resource.writable(plan.after)
    for name in plan.renewed:
        before[name], after[name] = "(not shown)", "(not shown, written again)"
    return Result(plan.is_change, result, before, after, warnings, plan.action)
