# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cannot be sent as it is, and what cannot be shown: options are refused by their names, answers not quoted."""

from __future__ import annotations

import pytest

from plugins.module_utils._core.errors import OptionError, RequestError
from plugins.module_utils._http.client import HttpClient
from plugins.module_utils._http.endpoint import Endpoint

from .helpers import case_name
from .loopback import Handler, serving

URL = "https://pce.invalid:8443/api/v2"


def endpoint(user: str = "api_1", password: str = "", ca_path: str | None = None) -> Endpoint:
    return Endpoint(URL, "PCE", "pce_host", ("api_key", "api_secret"), user=user, password=password, ca_path=ca_path)


@pytest.mark.parametrize("user", ["a:b", "a\nb", "\x00", "\ud800", "\x7f"], ids=case_name)
def test_user_with_forbidden_characters_is_refused(user: str) -> None:
    with pytest.raises(OptionError, match=r"^api_key: must not contain"):
        HttpClient(endpoint(user=user))


@pytest.mark.parametrize("password", ["never\nshown", "never\x00shown", "never\udfffshown"], ids=case_name)
def test_password_that_cannot_be_sent_is_refused(password: str) -> None:
    with pytest.raises(OptionError, match=r"^api_secret: must not contain") as caught:
        HttpClient(endpoint(password=password))
    assert "never" not in str(caught.value)


def test_password_may_contain_a_colon() -> None:
    HttpClient(endpoint(user="ü ser", password="a:b ü"))


@pytest.mark.parametrize("path", ["a\x00b", "\ud800"], ids=case_name)
def test_path_that_no_file_can_have_is_refused(path: str) -> None:
    with pytest.raises(OptionError, match=r"^ca_path: .* does not exist"):
        HttpClient(endpoint(ca_path=path))


def test_query_with_an_unpaired_surrogate_is_refused() -> None:
    with pytest.raises(OptionError, match=r"^name: contains an unpaired surrogate"):
        HttpClient(endpoint()).get("/x", {"name": "a\ud800"})


@pytest.mark.parametrize(
    "said",
    [
        b"shown-by-the-server and more\r\n\r\n",
        b"HTTP/1.1 100 x\r\n\r\nshown-by-the-server\r\n\r\n",
        b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\nshown-by-the-server\r\n",
    ],
    ids=["no status line", "none after 100", "no chunk"],
)
def test_response_that_is_not_http_is_not_quoted(said: bytes) -> None:
    def say(handler: Handler) -> None:
        handler.wfile.write(said)
        handler.close_connection = True

    with serving() as server:
        server.script = [say]
        transport = HttpClient(Endpoint(server.url, "PCE", "pce_host"), sleep=lambda _seconds: None)
        with pytest.raises(RequestError, match="the response is not HTTP"):
            transport.get("/x")
