# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an object is called: by its reference or its names, in sentences too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from plugins.module_utils._core.errors import ContractError
from plugins.module_utils._core.resource import Identity
from plugins.module_utils._pce.label import LABEL
from plugins.module_utils._pce.pairing_profile import PAIRING_PROFILE
from plugins.module_utils._pe.connector_instance import CONNECTOR_INSTANCE


@pytest.mark.parametrize(
    ("identity", "words"),
    [
        (Identity("/orgs/1/labels/1", {"key": "role"}), "/orgs/1/labels/1"),
        (Identity(names={"name": "PP"}), "with name 'PP'"),
        (Identity(names={"key": "role", "value": "web"}), "with key 'role' and value 'web'"),
        (Identity(names={"address": "10.0.0.1", "type": None}), "with address '10.0.0.1' and without type"),
        (Identity(names={"a": 1, "b": None, "c": None}), "with a 1 and without b and c"),
    ],
)
def test_an_identity_in_a_sentence(identity: Identity, words: str) -> None:
    assert str(identity) == words


def test_the_nearest_names_are_told() -> None:
    names = ["PP-WEB-1", "PP-WEB-2", "PP-WEB-3", "PP-WEB-4", "other"]
    assert str(PAIRING_PROFILE.missing(Identity(names={"name": "PP-WEB"}), names)) == (
        "unknown pairing profile with name 'PP-WEB'; closest matches: PP-WEB-4, PP-WEB-3, PP-WEB-2"
    )
    assert str(PAIRING_PROFILE.missing(Identity("/orgs/1/pairing_profiles/1"), ["None", "XXXX"])) == (
        "unknown pairing profile /orgs/1/pairing_profiles/1"
    )


@pytest.mark.parametrize("raw", [{}, {"href": None}, {"href": ""}, {"href": 5}])
def test_an_object_without_a_reference(raw: dict[str, Any]) -> None:
    with pytest.raises(ContractError, match=r"^the server shows a label without href$") as caught:
        LABEL.reference_of(raw)
    assert caught.value.details() == {"method": "GET", "path": "labels"}


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        ({"key": "role", "value": "web"}, ("role", "web")),
        ({"key": "", "value": "web"}, None),
        ({"key": None, "value": "web"}, None),
        ({"value": "web"}, None),
        ({"key": ["role"], "value": "web"}, None),
    ],
)
def test_names_that_can_be_read(raw: dict[str, Any], names: tuple[str, ...] | None) -> None:
    assert LABEL.names_of(raw) == names


def test_an_optional_name_may_be_missing() -> None:
    shown = {"controller": "10.0.0.1"}
    assert CONNECTOR_INSTANCE.names_of(shown) == ("10.0.0.1", *[None] * (len(CONNECTOR_INSTANCE.identity) - 1))


@pytest.mark.parametrize(("title", "words"), [("label", "a label"), ("IP list", "an IP list"), ("office", "an office")])
def test_a_title_has_its_article_in_a_sentence(title: str, words: str) -> None:
    with pytest.raises(ContractError, match=f"^the server shows {words} without href"):
        replace(LABEL, title=title).reference_of({})
