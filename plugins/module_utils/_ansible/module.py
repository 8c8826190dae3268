# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The edge to Ansible, and the only file that imports it: options in, results, warnings and failures out."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Callable
from urllib.parse import unquote

from ansible.module_utils.basic import AnsibleFallbackNotFound, AnsibleModule, missing_required_lib
from ansible.module_utils.common.parameters import remove_values

from .._core.errors import CollectionError, MissingLibraryError
from .._core.resource import ABSENT, PRESENT
from .._core.text import closest_matches, one_line

Spec = Mapping[str, Mapping[str, Any]]
ModuleResult = dict[str, Any]

_ADDRESSES = ("pce_host", "connector_url", "proxy")
"""The options that lead to a server, of any API: users may put a user and a password into them."""

STATE = {"type": "str", "choices": [PRESENT, ABSENT], "default": PRESENT}

INSECURE_WARNING = "validate_certs is false: traffic can be intercepted and modified"

_MAX_MESSAGE_LENGTH = 4000
"""In characters: enough for ten objects that failed, each with its reason."""


def run(
    options: Spec, connection: Spec, work: Callable[[Mapping[str, Any], bool], ModuleResult], **constraints: Any
) -> None:
    """Run ``work(params, check_mode)`` as an Ansible module, and exit with its result.

    ``constraints`` are those of AnsibleModule. A result may hold ``warnings``, and ``diff`` with ``before`` and
    ``after``, which is left out unless the user asked for it.
    """
    spec = {name: ansible_spec(item) for name, item in {**options, **connection}.items()}
    module = Module(argument_spec=spec, supports_check_mode=True, **constraints)
    if not module.params["validate_certs"]:
        module.warn(INSECURE_WARNING)
    for item in connection.values():
        warning = item["warning"](module.params) if "warning" in item else None
        if warning is not None:
            module.warn(warning)
    try:
        result = work(module.params, module.check_mode)
    except MissingLibraryError as error:
        module.fail_json(msg=missing_library(error.library), exception=error.traceback)
    except CollectionError as error:
        for warning in error.warnings:
            module.warn(one_line(warning, _MAX_MESSAGE_LENGTH))
        module.fail_json(msg=one_line(error, _MAX_MESSAGE_LENGTH), changed=error.changed, **error.details())
    for warning in result.pop("warnings", ()):
        module.warn(one_line(warning, _MAX_MESSAGE_LENGTH))
    if not module._diff:  # the only way that AnsibleModule has to ask for it
        result.pop("diff", None)
    module.exit_json(**result)


class Module(AnsibleModule):  # type: ignore[misc]  # Ansible has no types
    """An AnsibleModule that also hides what Ansible's own no_log does not."""

    def log(self, msg: str, log_args: Mapping[str, Any] | None = None) -> None:
        """Write to the system's log, without lists of entries that contain secrets.

        Ansible writes such a list as Python does and then removes the secrets as they are, so it would miss one that
        contains a quotation mark, a backslash or a line break.
        """
        if log_args:
            hidden = {name: "NOT_LOGGING_PARAMETER" for name, item in self.argument_spec.items() if _has_secrets(item)}
            log_args = {**log_args, **hidden}
            msg = "Invoked with " + " ".join(f"{name}={value}" for name, value in log_args.items())
        super().log(msg, log_args)

    def warn(self, warning: str, **kwargs: Any) -> None:
        """Add a warning to the result, without secrets: ansible-core 2.19 and later do not mask those of warnings."""
        self._hide_credentials()
        super().warn(remove_values(warning, self.no_log_values), **kwargs)

    def exit_json(self, **result: Any) -> None:
        """Print a result and exit."""
        self._hide_credentials()
        super().exit_json(**result)

    def fail_json(self, msg: str, **kwargs: Any) -> None:
        """Print a failed result and exit.

        Ansible collects the values to mask while it validates the options, and collects none if an entry of a list has
        a wrong type; but the result that reports it repeats all options.
        """
        self._hide_credentials()
        self.no_log_values.update(_texts_of(self.params, set(_secret_names(self.argument_spec))))
        super().fail_json(explain(msg, self.argument_spec, self.params), **kwargs)

    def _hide_credentials(self) -> None:
        """Mask a user and password in an address: a result repeats all options, invalid ones too."""
        for name in _ADDRESSES:
            value = self.params.get(name)
            if isinstance(value, str):
                found = _credentials_in(value)
                # A proxy may have a user without a password: no secret, and perhaps a word of the result.
                self.no_log_values.update(found if name != "proxy" or len(found) > 1 else ())


def _has_secrets(item: Mapping[str, Any]) -> bool:
    return any(option.get("no_log") for option in item.get("options", {}).values())


def _credentials_in(address: str) -> set[str]:
    """Return the user and password before the last @ of an address, and the password alone."""
    before, _at, _rest = address.rpartition("@")
    _scheme, slashes, credentials = before.rpartition("//")
    if not slashes and ":" not in before:
        return set()
    password = credentials.partition(":")[2]
    return {credentials, password, unquote(password)} - {""}


def _secret_names(spec: Spec) -> Iterator[str]:
    """Yield the names of all options that hold secrets, including suboptions."""
    for name, item in spec.items():
        if item.get("no_log"):
            yield name
        yield from _secret_names(item.get("options") or {})


def _texts_of(value: Any, names: Collection[str], is_hidden: bool = False) -> Iterator[str]:
    """Yield all texts below any of ``names``, at any depth of a value."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _texts_of(item, names, is_hidden or name in names)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts_of(item, names, is_hidden)
    elif is_hidden and value is not None and not isinstance(value, bool) and str(value):
        yield str(value)


def ansible_spec(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an option's argument spec, with its environment variables as Ansible's fallback.

    ``warning`` of an option is our own too: called with all options, it returns a warning or None.
    """
    spec = {key: value for key, value in item.items() if key not in ("env", "warning")}
    if "env" in item:
        spec["fallback"] = (_from_environment, list(item["env"]))
    return spec


def explain(message: str, spec: Spec, params: Mapping[str, Any]) -> str:
    """Return Ansible's message with what it lacks: variables that set missing options, and names like unknown ones."""
    if message.startswith("missing required arguments"):
        missing = [item for name, item in sorted(spec.items()) if item.get("required") and params.get(name) is None]
        variables = [item["fallback"][1][0] for item in missing if "fallback" in item]
        return f"{message}; set them, or the environment variables {', '.join(variables)}" if variables else message
    unknown = re.match(r"Unsupported parameters for .*?: (.+?)\. Supported parameters include: (.+)", message)
    if unknown is None:
        return message
    known = re.findall(r"\w+", unknown[2])
    names = [name.rpartition(".")[2] for name in unknown[1].split(", ")]
    return message.rstrip(".") + "".join(closest_matches(name, known) for name in names)


def missing_library(library: str) -> str:
    """Return Ansible's message about a missing library, and the command that installs it."""
    return f"{missing_required_lib(library)}; install it with: {sys.executable} -m pip install {library}"


def _from_environment(*names: str) -> str:
    """Return the first of the variables that is set and not empty."""
    for name in names:
        if os.environ.get(name):
            return os.environ[name]
    raise AnsibleFallbackNotFound
