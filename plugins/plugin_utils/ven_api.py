# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place where the role's tasks meet the API: in Ansible's worker, or as a module on another host."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ..module_utils._ansible.module import ansible_spec, missing_library
from ..module_utils._core.errors import (
    CollectionError,
    MissingLibraryError,
)
from ..module_utils._core.text import one_line
from ..module_utils._pce.api import PCE
from ..module_utils._pce.pairing_profile import PAIRING_PROFILE
from ..module_utils._pce.ven_batch import serve_batch

MODULE = "microseg.enforcement.pce_ven_batch"

_CONTROLLER = ("localhost", "127.0.0.1", "::1")
_MAX_MESSAGE_LENGTH = 4000
_UNTRUSTED = "validate_certs is false: traffic to the PCE can be intercepted and modified"
_IDENTITY = ("name", "href", "new_name")

Json = dict[str, Any]


class Api:
    """The API of PCEs for the batch of an action plugin's task."""

    def __init__(self, action: ActionBase, task_vars: Mapping[str, Any]) -> None:
        self._action = action
        self._task_vars = task_vars

    def serve(self, connection: Mapping[str, Any], step: str, hosts: Sequence[Json], dry_run: bool) -> Json:
        """Do one step at one PCE. Return its result, ``failed`` with ``msg`` where nothing could be done."""
        task = {"step": step, "hosts": list(hosts)}
        if not self._is_controller:
            given = {name: value for name, value in connection.items() if value not in (None, "")}
            return dict(
                self._action._execute_module(
                    module_name=MODULE, module_args={**given, **task}, task_vars=self._task_vars
                )
            )
        try:
            with self._environment():
                options = connection_options(connection)
                answer: Json = serve_batch({**options, **task}, dry_run)
        except MissingLibraryError as error:
            return {"failed": True, "msg": missing_library(error.library)}
        except (CollectionError, ValueError) as error:
            return {"failed": True, "msg": one_line(error, _MAX_MESSAGE_LENGTH)}
        except Exception as error:  # it must not end the play for hosts of other PCEs
            message = f"unexpected error, please report this bug: {error!r}"
            return {"failed": True, "changed": True, "msg": one_line(message, _MAX_MESSAGE_LENGTH)}
        if not options["validate_certs"]:
            answer["warnings"] = [*answer.get("warnings", ()), _UNTRUSTED]
        return answer

    @property
    def _is_controller(self) -> bool:
        to = self._action._task.delegate_to
        return to in (None, "", *_CONTROLLER) or self._action._connection.transport == "local"

    @contextmanager
    def _environment(self) -> Iterator[None]:
        """Apply the environment of the task: this process is the task's own."""
        before = dict(os.environ)
        for entry in self._action._task.environment or ():
            found = self._action._templar.template(entry)
            os.environ.update({str(name): str(value) for name, value in (found or {}).items()})
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def connection_options(given: Mapping[str, Any]) -> Json:
    """Return connection options of their types, with what the environment sets. Raise ValueError for a wrong one."""
    spec = {name: ansible_spec(item) for name, item in PCE.options.items()}
    found = ArgumentSpecValidator(spec).validate(
        {name: value for name, value in given.items() if value is not None and value != "" and name in spec}
    )
    missing = [name for name, item in PCE.options.items() if item.get("required") and not _is_set(found, name)]
    if missing:
        ways = [
            f"{name} (set {role_variable(name)}, or the environment variable {_variable(name)})" for name in missing
        ]
        raise ValueError(f"missing required arguments: {', '.join(ways)}")
    if found.error_messages:
        raise ValueError("; ".join(found.error_messages))
    options: Json = found.validated_parameters
    return options


def _is_set(found: Any, name: str) -> bool:
    return found.validated_parameters.get(name) is not None


def role_variable(option: str) -> str:
    """Return the role's variable for a connection option."""
    return f"ven_{option}" if option.startswith("pce_") else f"ven_pce_{option}"


def _variable(option: str) -> str:
    return str(PCE.options[option]["env"][0])


def profile_options(given: Mapping[str, Any]) -> Json:
    """Return the options of a pairing profile of their types, all that are not set None. Raise ValueError."""
    spec = {
        name: ansible_spec(item)
        for name, item in {**PAIRING_PROFILE.arguments(), **PAIRING_PROFILE.options}.items()
        if name not in _IDENTITY
    }
    # Defaults are the engine's: here only what is set counts.
    for item in spec.values():
        item.pop("default", None)
    found = ArgumentSpecValidator(spec).validate({name: value for name, value in given.items() if value is not None})
    if found.error_messages:
        raise ValueError("ven_pairing_profile_options: " + "; ".join(found.error_messages))
    return {name: found.validated_parameters.get(name) for name in spec}
