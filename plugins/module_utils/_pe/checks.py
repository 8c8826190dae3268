# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be known to be wrong with a plan for an instance before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._core.errors import OptionError
from .._core.plan import Plan
from .._core.resource import Raw, Resource
from .._core.text import one_line
from . import bodies
from .connector_type import Connector
from .settings import FILE, OPTIONS, PLAIN, SECRET, is_masked

CONTROLLER = "controller"
SPACE_NAME = "address_space_name"
USERNAME = "controller_username"
PASSWORD = "controller_password"  # noqa: S105  # an option's name

_MAX_NAMED = 10


def check_create(resource: Resource, connector: Connector, plan: Plan) -> None:
    """Raise OptionError unless the connector can have such a new instance."""
    given, after = {**plan.changes, **plan.secrets}, plan.after or {}
    for option in (USERNAME, PASSWORD):
        if given.get(option) is None:
            raise OptionError(option, f"is required to create {resource.a_title}")
    connector_type = connector.type()
    connector_type.check_context(after["controller_context"])
    connector_type.check_address_space(after["address_space_type"], after[SPACE_NAME])
    connector_type.check_settings(_setting_names(given))


def check_update(resource: Resource, connector: Connector, plan: Plan, current: Raw) -> None:
    """Raise OptionError unless the connector can have an instance like that, and nothing gets lost."""
    check_not_shown(resource, connector, plan, current)
    after = plan.after or {}
    if "address_space_type" in plan.changes:
        connector.type().check_address_space(after["address_space_type"], after[SPACE_NAME])
    kept = () if PLAIN in plan.changes else after.get(PLAIN) or ()
    connector.type().check_settings(_setting_names({**plan.changes, **plan.secrets}), kept)


def check_not_shown(resource: Resource, connector: Connector, plan: Plan, current: Raw) -> None:
    """Raise OptionError for what an update has to send, and neither the task gives nor the server shows.

    It is not known whether a PUT may leave something out, so it carries the whole configuration; and since no server
    shows the password, one that the task does not have would be lost.
    """
    changes = ", ".join([*plan.changes, *plan.renewed])
    reason = f"an update sends the whole {resource.title}, and the server does not show this"
    if PASSWORD not in plan.secrets:
        raise OptionError(PASSWORD, f"is required to change {changes}: {reason}")
    username = resource.field(USERNAME).value_in(current)
    if USERNAME not in plan.changes and (not username or is_masked(username)):
        raise OptionError(USERNAME, f"is required to change {changes}: {reason}")
    given = {name for option in (SECRET, FILE) for name in plan.secrets.get(option) or ()}
    given |= set(plan.changes.get(PLAIN) or ())
    for setting in bodies.settings_of(current):
        known = None if setting.name in given else connector.type().setting(setting.name)
        # What the type lists no longer cannot be given either.
        if known is None or not (setting.is_concealed or (setting.value is None and known.is_secret)):
            continue
        if known.option != PLAIN or PLAIN not in plan.changes:
            raise OptionError(known.option, f"{setting.name} is required too to change {changes}: {reason}")


def check_absent(resource: Resource, wanted: str, option: str, shown: Sequence[Raw]) -> None:
    """Raise OptionError where a task leaves out which address space of the controller ``wanted`` is to be absent.

    ``option`` would name it; ``shown`` are the properties of all instances.
    """
    controller, space = resource.field(CONTROLLER), resource.field(SPACE_NAME)
    names = [space.value_in(item) for item in shown if controller.value_in(item) == wanted]
    if names and None not in names:
        listed = ", ".join(repr(one_line(name)) for name in names[:_MAX_NAMED])
        more = ", …" if len(names) > _MAX_NAMED else ""
        raise OptionError(
            option, f"is required: all instances of controller {wanted} have an address space ({listed}{more})"
        )


def _setting_names(given: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    return {option: list(given.get(option) or ()) for option in OPTIONS}
