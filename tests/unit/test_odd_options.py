# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that cannot be sent as they are: refused by their names, before anything is sent."""

from __future__ import annotations

import pytest

from plugins.module_utils._core.errors import OptionError
from plugins.module_utils._core.transport import Endpoint, Transport

URL = "https://pce.invalid:8443/api/v2"


def endpoint(user: str = "api_1", password: str = "", ca_path: str | None = None) -> Endpoint:
    return Endpoint(URL, "PCE", "pce_host", ("api_key", "api_secret"), user=user, password=password, ca_path=ca_path)


@pytest.mark.parametrize("user", ["a:b", "a\nb", "\x00", "\ud800", "\x7f"], ids=repr)
def test_a_user_that_a_server_would_read_otherwise(user: str) -> None:
    with pytest.raises(OptionError, match=r"^api_key: must not have"):
        Transport(endpoint(user=user))


@pytest.mark.parametrize("password", ["never\nshown", "never\x00shown", "never\udfffshown"], ids=repr)
def test_a_password_that_cannot_be_sent(password: str) -> None:
    with pytest.raises(OptionError, match=r"^api_secret: must not have") as caught:
        Transport(endpoint(password=password))
    assert "never" not in str(caught.value)


def test_a_password_may_have_what_a_user_may_not() -> None:
    Transport(endpoint(user="ü ser", password="a:b ü"))


@pytest.mark.parametrize("path", ["a\x00b", "\ud800"], ids=repr)
def test_a_path_that_no_file_can_have(path: str) -> None:
    with pytest.raises(OptionError, match=r"^ca_path: .* does not exist"):
        Transport(endpoint(ca_path=path))


def test_a_query_with_half_of_a_character() -> None:
    with pytest.raises(OptionError, match=r"^name: has half of a character"):
        Transport(endpoint()).get("/x", {"name": "a\ud800"})
