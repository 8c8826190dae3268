# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of the role ven: read, checked, and told apart from misspelt ones. Pure functions over values."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from . import ven, ven_packages

CONNECTION = (
    "pce_host",
    "pce_port",
    "pce_org_id",
    "pce_api_key",
    "pce_api_secret",
    "pce_validate_certs",
    "pce_ca_path",
    "pce_client_cert",
    "pce_client_key",
    "pce_proxy",
    "pce_use_proxy",
    "pce_timeout",
    "pce_deadline",
    "pce_max_requests_per_minute",
)
"""The variables, without ``ven_``, that lead to a PCE."""

VARIABLES = (
    "state",
    "platform",
    "hostname",
    "pairing_profile",
    "pairing_profile_options",
    *CONNECTION,
    "delegate_to",
    "pair_script_api_version",
    "management_server",
    "pce_aliases",
    "paired_elsewhere",
    "revoke_keys",
    "proxy_server",
    "insecure",
    "enforcement_mode",
    "enforcement_mode_option",
    "labels",
    "pairing_arguments",
    "package",
    "package_remote",
    "package_command",
    "package_dependencies",
    "program_directory",
    "data_directory",
    "script_environment",
    "script_timeout",
    "activation_timeout",
    "activation_delay",
    "verify",
    "verify_timeout",
    "verify_delay",
    "unpair_through",
    "unpair_mode",
    "unpair_only_offline_for",
    "unpair_never_hostnames",
    "unpair_never_labels",
    "unpair_maximum",
    "unpair_suspended",
    "unpair_golden_images",
    "maintenance_token",
    "maintenance_token_option",
    "unpaired_pattern",
    "active_pattern",
    "status_pattern",
    "version_pattern",
    "pce_pattern",
)
"""The role's variables without ``ven_``. Their documentation is roles/ven/meta/argument_specs.yml."""

OTHERS = ("hosts", "serial", "become", "failure", "status", "version", "pce")
"""Variables of the playbooks, and facts that the role sets, without ``ven_``."""

BOOLEANS = ("insecure", "package_remote", "revoke_keys")
INTEGERS = ("pair_script_api_version", "script_timeout")
NUMBERS = ("activation_timeout", "activation_delay", "verify_timeout", "verify_delay")
TEXTS = (
    "hostname",
    "package",
    "management_server",
    "proxy_server",
    "enforcement_mode",
    "enforcement_mode_option",
    "maintenance_token_option",
)
LISTS = ("pairing_arguments", "package_command", "package_dependencies", "pce_aliases")
LISTS_OF_GUARDS = ("unpair_never_hostnames", "unpair_never_labels", "unpair_golden_images")

_TRUE = ("true", "yes", "on", "1", "y", "t", "1.0")
_FALSE = ("false", "no", "off", "0", "n", "f", "0.0", "")
_POSIX_DIRECTORY = re.compile(r"(?!.*/[.][.]?(/|$))(/[^/]+){2,}", re.DOTALL)
_WINDOWS_DIRECTORY = re.compile(r'[A-Za-z]:(\\(?![.]{1,2}(\\|$))[^\\/:*?"<>|]+){2,}')
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LOCK = "_lock"


def near_misses(names: Iterable[str]) -> list[str]:
    """Return a warning for each variable that looks like a misspelt one of the role."""
    known = [f"ven_{name}" for name in (*VARIABLES, *OTHERS)]
    found = []
    for name in sorted(names):
        if name.startswith("ven_") and name not in known and not name.startswith("ven__"):
            near = difflib.get_close_matches(name, known, 1, 0.8)
            found += [f"unknown variable {name}; did you mean {near[0]}?"] if near else []
    return found


def to_bool(value: Any) -> bool:
    """Return a boolean, also of a text. Raise ValueError for any other value."""
    text = str(value).strip().lower()
    if isinstance(value, bool):
        return value
    if text in _TRUE:
        return True
    if text in _FALSE or value is None:
        return False
    raise ValueError(f"is not a boolean: {value!r}")


def read_options(values: Mapping[str, Any], is_file: Callable[[str], bool] = os.path.isfile) -> dict[str, Any]:
    """Return the options of the role, of their types. Raise ValueError that names all that is wrong.

    ``values`` are the variables without ``ven_``; one that is missing or null is not set.
    """
    problems: list[str] = []
    found = dict.fromkeys(VARIABLES) | dict(values)
    for names, parse, empty in (
        (BOOLEANS, to_bool, False),
        (INTEGERS, _integer, 0),
        (NUMBERS, _number, 0.0),
        (TEXTS, _text, ""),
        (LISTS, _texts, []),
        (LISTS_OF_GUARDS, _list, []),
    ):
        for name in names:
            try:
                found[name] = empty if found[name] is None else parse(found[name])
            except ValueError as error:
                problems.append(f"ven_{name} {error}")
                found[name] = empty
    for name, parse_number in (("unpair_only_offline_for", _number), ("unpair_maximum", _integer)):
        try:
            found[name] = None if found[name] in (None, "") else parse_number(found[name])
        except ValueError as error:
            problems.append(f"ven_{name} {error}")
    given: Mapping[str, Any]
    for name in ("pairing_profile_options", "labels", "script_environment"):
        if found[name] is not None and not isinstance(found[name], Mapping):
            problems.append(f"ven_{name} must be a dictionary")
            found[name] = None
    given = found["labels"] or {}
    found["labels"] = {key: str(value) for key, value in given.items() if value not in (None, "")}
    given = found["script_environment"] or {}
    found["script_environment"] = dict(given)
    if found["unpair_only_offline_for"] is not None:
        found["unpair_through"] = "pce"
    problems += _problems(found, is_file)
    if problems:
        raise ValueError("; ".join(problems))
    found["script_environment"] = {name: str(value) for name, value in given.items()}
    return found


def _problems(options: Mapping[str, Any], is_file: Callable[[str], bool]) -> list[str]:
    """Return what is wrong with the options together. All of it stands here, so that nothing runs before."""
    is_windows = options["platform"] == ven.WINDOWS
    checks = [
        (
            options["state"] == "paired" and not options["pairing_profile"],
            "ven_pairing_profile is required to pair hosts",
        ),
        (
            "@" in str(options["pce_host"] or ""),
            "ven_pce_host must be a host with or without a port, without a user and a password",
        ),
        (
            any(not _NAME.fullmatch(str(name)) for name in options["script_environment"])
            or None in options["script_environment"].values(),
            "ven_script_environment must have names of letters, digits and _, and no value that is null",
        ),
        *_directory_problems(options, is_windows),
        *_unpair_problems(options, is_windows),
    ]
    if options["state"] in ("paired", "prepared"):
        checks += _package_problems(options, is_windows, is_file)
    return [words for is_wrong, words in checks if is_wrong]


def _directory_problems(options: Mapping[str, Any], is_windows: bool) -> list[tuple[bool, str]]:
    pattern = _WINDOWS_DIRECTORY if is_windows else _POSIX_DIRECTORY
    directories = [str(options[name] or "") for name in ("program_directory", "data_directory")]
    return [
        (
            any(pattern.fullmatch(directory) is None for directory in directories),
            "ven_program_directory and ven_data_directory must be absolute paths of at least two parts on "
            f"{options['platform']}",
        )
    ]


def _unpair_problems(options: Mapping[str, Any], is_windows: bool) -> list[tuple[bool, str]]:
    mode, is_by_host = options["unpair_mode"], options["unpair_through"] == "host"
    modes = ven.UNPAIR_MODES if is_windows and is_by_host else ven.UNPAIR_MODES[:-1]
    is_unpairing = options["state"] == "unpaired"
    token = options["maintenance_token"]
    return [
        (
            is_unpairing and mode not in modes,
            f"ven_unpair_mode must be {', '.join(modes[:-1])} or {modes[-1]}, not {mode!r}",
        ),
        (
            bool(token) and not options["maintenance_token_option"],
            "ven_maintenance_token requires ven_maintenance_token_option, the name of the program's option",
        ),
        (
            is_unpairing and (options["unpair_maximum"] or 0) < 0,
            "ven_unpair_maximum must be 0 or more",
        ),
        (
            options["unpair_suspended"] not in (None, "fail", "unsuspend"),
            f"ven_unpair_suspended must be fail or unsuspend, not {options['unpair_suspended']!r}",
        ),
    ]


def _package_problems(
    options: Mapping[str, Any], is_windows: bool, is_file: Callable[[str], bool]
) -> list[tuple[bool, str]]:
    package, is_remote, command = options["package"], options["package_remote"], options["package_command"]
    files = [*options["package_dependencies"], package] if package else []
    missing = [file for file in files if not is_remote and not is_file(os.path.expanduser(file))]
    unknown = [file for file in files if not ven_packages.package_command(file, command if file == package else ())]
    return [
        (options["state"] == "prepared" and not package, "ven_package is required for ven_state prepared"),
        (is_windows and bool(package), "ven_package requires a host with a POSIX shell, not Windows"),
        (bool(missing), f"ven_package: there is no file {', '.join(missing)} on the control node"),
        (
            bool(is_remote) and any(not file.startswith("/") or file.endswith("/") for file in files),
            "ven_package must be an absolute path if ven_package_remote is true",
        ),
        (
            bool(unknown),
            f"ven_package: it is unknown how to install {', '.join(map(os.path.basename, unknown))} (known are "
            f"{', '.join(ven_packages.PACKAGE_COMMANDS)}); set ven_package_command",
        ),
        (
            bool(command) and not any("{package}" in word for word in command),
            "ven_package_command must contain the word {package}",
        ),
    ]


def asked_locks(options: Mapping[str, Any]) -> list[str]:
    """Return the locks of a pairing profile that would keep the host from what it asks for."""
    locks = [f"{key}_label{_LOCK}" for key in options["labels"]]
    return [*locks, f"enforcement_mode{_LOCK}"] if options["enforcement_mode"] else locks


def declared_locks(profile_options: Mapping[str, Any] | None) -> list[str]:
    """Return the locks that ven_pairing_profile_options sets."""
    options = profile_options or {}
    return [name for name, value in options.items() if name.endswith(_LOCK) and value is not None and to_bool(value)]


def _integer(value: Any) -> int:
    try:
        return int(str(value).strip())
    except ValueError:
        raise ValueError(f"must be an integer, not {value!r}") from None


def _number(value: Any) -> float:
    try:
        return float(str(value).strip())
    except ValueError:
        raise ValueError(f"must be a number, not {value!r}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a string, not {value!r}")  # noqa: TRY004  # it is about what the user wrote
    return value


def _list(value: Any) -> list[Any]:
    if isinstance(value, (str, Mapping)):
        return [value] if value else []
    if not isinstance(value, list):
        raise ValueError(f"must be a list, not {value!r}")  # noqa: TRY004  # as above
    return value


def _texts(value: Any) -> list[str]:
    return [str(entry) for entry in _list(value)]
