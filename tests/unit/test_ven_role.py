# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of the role ven, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.plugin_utils import ven_role

LINUX = {
    "state": "paired",
    "platform": "linux",
    "pairing_profile": "PP",
    "program_directory": "/opt/illumio_ven",
    "data_directory": "/opt/illumio_ven_data",
    "unpair_through": "host",
    "unpair_mode": "saved",
}
WINDOWS = {
    **LINUX,
    "platform": "windows",
    "program_directory": r"C:\Program Files\Illumio",
    "data_directory": r"C:\ProgramData\Illumio",
}
UNPAIRED = {**LINUX, "state": "unpaired", "pairing_profile": None}


def read(base: dict[str, Any], **values: Any) -> dict[str, Any]:
    return ven_role.read_options({**base, **values}, is_file=lambda path: path.startswith("/there/"))


@pytest.mark.parametrize("base", [LINUX, WINDOWS, UNPAIRED])
def test_read_options_takes_what_is_valid(base: dict[str, Any]) -> None:
    found = read(base)
    assert set(found) == set(ven_role.VARIABLES)
    assert found["insecure"] is False
    assert found["labels"] == {}


def test_read_options_takes_texts_of_the_command_line() -> None:
    found = read(
        LINUX,
        insecure="false",
        revoke_keys="yes",
        script_timeout=" 60 ",
        activation_timeout="1.5",
        unpair_maximum="7",
        unpair_only_offline_for="",
        pairing_arguments="--one",
        labels={"role": "web", "env": ""},
        script_environment={"A": 1},
    )
    assert (found["insecure"], found["revoke_keys"]) == (False, True)
    assert (found["script_timeout"], found["activation_timeout"], found["unpair_maximum"]) == (60, 1.5, 7)
    assert found["unpair_only_offline_for"] is None
    assert found["pairing_arguments"] == ["--one"]
    assert found["labels"] == {"role": "web"}
    assert found["script_environment"] == {"A": "1"}


def test_offline_hours_imply_unpairing_through_the_pce() -> None:
    assert read(UNPAIRED, unpair_only_offline_for=24)["unpair_through"] == "pce"
    assert read(UNPAIRED)["unpair_through"] == "host"


WRONG: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (LINUX, {"pairing_profile": ""}, "ven_pairing_profile is required"),
    (LINUX, {"pce_host": "user:word@pce"}, "ven_pce_host must be a host"),
    (LINUX, {"hostname": ["a"]}, "ven_hostname must be a string"),
    (LINUX, {"labels": "web"}, "ven_labels must be a dictionary"),
    (LINUX, {"pairing_profile_options": "{}"}, "ven_pairing_profile_options must be a dictionary"),
    (LINUX, {"script_environment": {"A;b": "x"}}, "ven_script_environment must have names"),
    (LINUX, {"script_environment": {"A": None}}, "ven_script_environment must have names"),
    (LINUX, {"insecure": "perhaps"}, "ven_insecure is not a boolean: 'perhaps'"),
    (LINUX, {"script_timeout": "long"}, "ven_script_timeout must be an integer, not 'long'"),
    (LINUX, {"verify_delay": "1; x"}, "ven_verify_delay must be a number"),
    (LINUX, {"unpair_maximum": "many"}, "ven_unpair_maximum must be an integer"),
    (UNPAIRED, {"unpair_maximum": -1}, "ven_unpair_maximum must be 0 or more"),
    (LINUX, {"program_directory": "/"}, "must be absolute paths of at least two parts on linux"),
    (LINUX, {"data_directory": "/var/../etc"}, "must be absolute paths"),
    (LINUX, {"data_directory": "$(touch x)"}, "must be absolute paths"),
    (WINDOWS, {"program_directory": "/opt/illumio_ven"}, "at least two parts on windows"),
    (WINDOWS, {"data_directory": r"C:\a\..\b"}, "must be absolute paths"),
    (WINDOWS, {"package": "/there/ven.rpm"}, "ven_package requires a host with a POSIX shell"),
    (UNPAIRED, {"unpair_mode": "closed"}, "ven_unpair_mode must be saved, recommended or open, not 'closed'"),
    (UNPAIRED, {"unpair_mode": "unmanaged"}, "ven_unpair_mode must be saved, recommended or open, not 'unmanaged'"),
    (
        {**WINDOWS, "state": "unpaired"},
        {"unpair_mode": "unmanaged", "unpair_through": "pce"},
        "must be saved, recommended or open",
    ),
    (UNPAIRED, {"maintenance_token": "t"}, "ven_maintenance_token requires ven_maintenance_token_option"),
    (UNPAIRED, {"unpair_suspended": "perhaps"}, "ven_unpair_suspended must be fail or unsuspend"),
    (LINUX, {"package": "/gone/ven.rpm"}, "there is no file /gone/ven.rpm on the control node"),
    (LINUX, {"package": "/there/ven.tar"}, "it is unknown how to install ven.tar"),
    (LINUX, {"package": "/there/ven.rpm", "package_command": ["rpm"]}, "must contain the word {package}"),
    (LINUX, {"package": "ven.rpm", "package_remote": True}, "must be an absolute path if ven_package_remote"),
    (LINUX, {"package": "/there/v.bff", "package_dependencies": ["/gone/ipfl.bff"]}, "no file /gone/ipfl.bff"),
    ({**LINUX, "state": "prepared"}, {}, "ven_package is required for ven_state prepared"),
]


@pytest.mark.parametrize(("base", "values", "words"), WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_read_options_names_what_is_wrong(base: dict[str, Any], values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match="ven_") as caught:
        read(base, **values)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_read_options_names_all_that_is_wrong() -> None:
    with pytest.raises(ValueError, match=r"ven_insecure.*; ven_pairing_profile is required"):
        read(LINUX, pairing_profile=None, insecure="perhaps")


def test_windows_hosts_may_be_unmanaged_by_their_own_program() -> None:
    assert read({**WINDOWS, "state": "unpaired"}, unpair_mode="unmanaged")["unpair_mode"] == "unmanaged"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("ven_verfy", "ven_verify"), ("ven_pce_hots", "ven_pce_host"), ("ven_unpair_mod", "ven_unpair_mode")],
)
def test_near_misses_name_the_nearest(name: str, nearest: str) -> None:
    assert ven_role.near_misses([name]) == [f"unknown variable {name}; did you mean {nearest}?"]


def test_near_misses_leave_other_variables_alone() -> None:
    known = [f"ven_{name}" for name in (*ven_role.VARIABLES, *ven_role.OTHERS)]
    assert ven_role.near_misses([*known, "ven_my_site", "verify", "ansible_host"]) == []


@pytest.mark.parametrize(
    ("value", "is_true"),
    [
        (True, True),
        (False, False),
        ("false", False),
        ("False", False),
        ("yes", True),
        ("0", False),
        (1, True),
        ("", False),
    ],
)
def test_to_bool_reads_texts(value: Any, is_true: bool) -> None:
    assert ven_role.to_bool(value) is is_true


def test_a_lock_of_text_false_is_no_lock() -> None:
    options: dict[str, Any] = {
        "role_label_lock": "false",
        "env_label_lock": "true",
        "enforcement_mode_lock": None,
        "labels": [],
    }
    assert ven_role.declared_locks(options) == ["env_label_lock"]
    assert ven_role.declared_locks(None) == []


def test_asked_locks_follow_what_is_set() -> None:
    found = read(LINUX, labels={"role": "web", "app": ""}, enforcement_mode="idle")
    assert ven_role.asked_locks(found) == ["role_label_lock", "enforcement_mode_lock"]
    assert ven_role.asked_locks(read(LINUX)) == []
