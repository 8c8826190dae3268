# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options and server values as canonical values."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.module_utils._core.errors import OptionError
from plugins.module_utils._core.fields import Field, flag, limit, parse_option, text
from plugins.module_utils._pce.label import LABEL
from plugins.module_utils._pce.pairing_profile import PAIRING_PROFILE

FIELDS = {item.name: item for item in PAIRING_PROFILE.fields}


def read(name: str, **raw: Any) -> Any:
    """Return what a result shows for property ``name`` of a server's object."""
    return FIELDS[name].value_in(raw)


@pytest.mark.parametrize(
    ("given", "canonical"),
    [("5", 5), ("1", 1), ("2147483647", 2147483647), ("unlimited", "unlimited"), ("one_use", 1), ("007", 7)],
)
def test_limit_takes_integers_and_words(given: str, canonical: Any) -> None:
    field = FIELDS["allowed_uses_per_key"]
    assert field.parse(given) == canonical
    assert type(field.write(field.parse(given))) is type(canonical)


@pytest.mark.parametrize(
    "given",
    # The last ones are digits to int(), but no JSON integer's: Arabic-Indic, fullwidth, superscript.
    [
        "0",
        "-1",
        "2147483648",
        "99999999999999999999",
        "abc",
        "5.0",
        "1e3",
        "",
        " 5",
        "5\n",
        "+5",
        "\u0665",
        "\uff15",
        "\u00b2",
    ]
    + ["Unlimited", "True"],
)
@pytest.mark.parametrize("name", ["allowed_uses_per_key", "key_lifespan"])
def test_limit_refuses(name: str, given: str) -> None:
    with pytest.raises(OptionError, match=f"^{name}: must be an integer from 1 to 2147483647 or unlimited"):
        PAIRING_PROFILE.desired({name: given})


def test_one_use_is_a_word_of_uses_only() -> None:
    with pytest.raises(ValueError, match="must be an integer"):
        FIELDS["key_lifespan"].parse("one_use")


@pytest.mark.parametrize(
    ("shown", "canonical"),
    [(5, 5), ("5", 5), ("60", 60), ("unlimited", "unlimited"), ("one_use", 1), (None, None), ("odd", "odd")],
)
def test_limit_reads_what_servers_show(shown: Any, canonical: Any) -> None:
    assert limit("uses", {"one_use": 1}).value_in({"uses": shown}) == canonical


def test_limit_missing_is_null() -> None:
    assert read("key_lifespan") is None


@pytest.mark.parametrize(
    ("length", "problem"), [(0, "must not be empty"), (256, "must have at most 255 characters, not 256")]
)
def test_name_length_is_checked(length: int, problem: str) -> None:
    with pytest.raises(OptionError) as caught:
        PAIRING_PROFILE.desired({"name": "ü" * length})
    assert str(caught.value) == f"name: {problem}"


@pytest.mark.parametrize("length", [1, 255])
def test_name_of_allowed_length(length: int) -> None:
    assert PAIRING_PROFILE.desired({"name": "ü" * length}) == {"name": "ü" * length}


def test_text_with_a_least_length_says_it() -> None:
    with pytest.raises(ValueError, match="at least 3 characters"):
        text("code", min_length=3).parse("ab")


def test_text_that_is_unset() -> None:
    assert read("description") == ""
    assert read("description", description=None) == ""
    assert FIELDS["description"].parse("") == ""


def test_properties_of_a_label() -> None:
    shown = LABEL.to_result({"href": "/orgs/1/labels/1", "key": "role", "value": "web", "external_data_set": ""})
    assert shown is not None
    assert (shown["external_data_set"], shown["external_data_reference"]) == (None, None)
    for name in ("external_data_set", "external_data_reference"):
        assert LABEL.field(name).parse("") is None
    for name in LABEL.identity:
        assert LABEL.field(name).parse("x") == "x"
        with pytest.raises(ValueError, match=r"^must not be empty$"):
            LABEL.field(name).parse("")


@pytest.mark.parametrize("name", ["external_data_set", "external_data_reference", "agent_software_release"])
@pytest.mark.parametrize("raw", [None, ""])
def test_nullable_text_that_is_unset(name: str, raw: Any) -> None:
    assert read(name) is None
    assert read(name, **{name: raw}) is None
    assert FIELDS[name].parse("") is None
    assert PAIRING_PROFILE.body({name: None}) == {name: None}


@pytest.mark.parametrize(
    ("release", "canonical"),
    [
        ("Default (23.2.20-157)", None),
        ("Default", None),
        ("default (23.2.20-157)", None),
        ("23.2.20-157", "23.2.20-157"),
        ("Defaulted-1.0", "Defaulted-1.0"),
        ("my default", "my default"),
    ],
)
def test_release_that_follows_the_default(release: str, canonical: Any) -> None:
    assert read("agent_software_release", agent_software_release=release) == canonical
    assert FIELDS["agent_software_release"].parse(release) == canonical


@pytest.mark.parametrize(("raw", "canonical"), [(True, True), (False, False), (None, False)])
def test_flag(raw: Any, canonical: bool) -> None:
    assert flag("f").value_in({"f": raw}) is canonical
    assert flag("f").value_in({}) is False


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ({"mode_lock": True}, True),
        ({"mode_lock": False}, False),
        ({"mode_lock": None}, False),
        ({"enforcement_mode_lock": False, "mode_lock": True}, False),
        ({"enforcement_mode_lock": None, "mode_lock": True}, True),
        ({}, False),
    ],
)
def test_lock_under_its_deprecated_name(raw: dict[str, Any], canonical: bool) -> None:
    assert read("enforcement_mode_lock", **raw) is canonical


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ({"mode": "idle"}, "idle"),
        ({"mode": "illuminated"}, "visibility_only"),
        ({"mode": "enforced"}, "full"),
        ({"enforcement_mode": "selective", "mode": "enforced"}, "selective"),
        ({"enforcement_mode": None, "mode": "enforced"}, "full"),
        ({"mode": None}, None),
        ({"mode": "unheard-of"}, "unheard-of"),
        ({"mode": ["not", "a", "word"]}, ["not", "a", "word"]),
        ({}, None),
    ],
)
def test_mode_under_its_deprecated_name(raw: dict[str, Any], canonical: Any) -> None:
    assert read("enforcement_mode", **raw) == canonical


@pytest.mark.parametrize("legacy", ["mode", "mode_lock", "allowed_user_per_key"])
def test_legacy_names_are_never_written(legacy: str) -> None:
    assert legacy not in PAIRING_PROFILE.arguments()
    assert legacy not in PAIRING_PROFILE.body({item.name: None for item in PAIRING_PROFILE.fields})


@pytest.mark.parametrize("raw", [None, [], "junk", 5])
def test_references_to_nothing(raw: Any) -> None:
    assert read("labels", labels=raw) == []
    assert read("labels") == []


def test_what_only_the_server_writes_is_no_option() -> None:
    server_side = {item.name for item in PAIRING_PROFILE.fields if not item.writable}
    assert server_side == {
        *("href", "status", "status_lock", "total_use_count", "last_pairing_at", "is_default", "created_at"),
        *("updated_at", "created_by", "updated_by", "caps"),
    }
    assert server_side & set(PAIRING_PROFILE.arguments()) == {"href"}


def test_every_writable_property_of_the_api_is_an_option() -> None:
    assert set(PAIRING_PROFILE.arguments()) == {
        *("name", "new_name", "href", "description", "enabled", "enforcement_mode", "enforcement_mode_lock"),
        *("visibility_level", "visibility_level_lock", "log_traffic", "log_traffic_lock", "labels", "env_label_lock"),
        *("loc_label_lock", "role_label_lock", "app_label_lock", "allowed_uses_per_key", "key_lifespan"),
        *("agent_software_release", "external_data_set", "external_data_reference", "ven_type"),
    }


def test_choices_of_the_api() -> None:
    spec = PAIRING_PROFILE.arguments()
    assert spec["enforcement_mode"]["choices"] == ["idle", "visibility_only", "selective", "full"]
    assert set(spec["visibility_level"]["choices"]) == {
        *("flow_summary", "flow_drops", "flow_off", "enhanced_data_collection", "flow_full_detail"),
    }
    assert spec["ven_type"]["choices"] == ["server", "endpoint", "specified_during_activation"]


def test_omitted_options_are_not_desired() -> None:
    assert PAIRING_PROFILE.desired({"name": "a", "description": None, "labels": None, "enabled": None}) == {"name": "a"}


def test_empty_options_are_desired() -> None:
    given = {"description": "", "labels": [], "external_data_set": "", "enabled": False}
    assert PAIRING_PROFILE.desired(given) == {
        "description": "",
        "labels": [],
        "external_data_set": None,
        "enabled": False,
    }


def test_checked_names_the_option() -> None:
    with pytest.raises(OptionError) as caught:
        parse_option("size", int, "many")
    assert caught.value.option == "size"
    assert str(caught.value).startswith("size: ")


def test_a_field_as_it_is() -> None:
    assert Field("any").value_in({"any": {"deep": [1]}}) == {"deep": [1]}
    assert Field("any").value_in({}) is None
