# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The address of a controller: its spellings, and what cannot be one."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._pe.controller import parse_controller, read_controller


@given(st.ip_addresses())
def test_parse_controller_spellings_of_an_address_are_equal(
    value: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    canonical = parse_controller(value.exploded)
    spellings = [str(value), canonical, value.exploded.upper(), f" {value} "]
    if value.version == 6:
        spellings += [f"[{value}]", f"[{value.exploded.upper()}]"]
    assert {parse_controller(spelling) for spelling in spellings} == {canonical}
    host = f"[{value.exploded}]" if value.version == 6 else str(value)
    where = f"[{canonical}]" if ":" in canonical else canonical
    assert parse_controller(f"https://{host}:443/") == f"https://{where}"


@pytest.mark.parametrize(
    ("spellings", "canonical"),
    [
        (
            ("www.aws.amazon.com", "WWW.AWS.Amazon.com", " www.aws.amazon.com."),
            "www.aws.amazon.com",
        ),
        (("contrail", "Contrail", "CONTRAIL."), "contrail"),
        (("under_score.example", "UNDER_score.example."), "under_score.example"),
        (("1and1.example", "1AND1.example"), "1and1.example"),
        (("::ffff:10.92.82.18", "10.92.82.18", "[::FFFF:10.92.82.18]"), "10.92.82.18"),
        (("2001:DB8:0::18", "2001:db8::18", "[2001:db8::0018]"), "2001:db8::18"),
        (
            ("https://c.example.com", "HTTPS://C.example.com.:443/", "https://c.example.com:0443"),
            "https://c.example.com",
        ),
        (("http://c.example.com", "http://c.example.com:80//"), "http://c.example.com"),
        (("https://c.example.com:80",), "https://c.example.com:80"),
        (("http://c.example.com:443",), "http://c.example.com:443"),
        (("https://c:8443/Api/v1/", "https://C:8443/Api/v1"), "https://c:8443/Api/v1"),
        (("https://[2001:DB8::1]:443",), "https://[2001:db8::1]"),
        (("https://[::ffff:10.0.0.1]:8443",), "https://10.0.0.1:8443"),
    ],
)
def test_parse_controller_of_equal_spellings(spellings: tuple[str, ...], canonical: str) -> None:
    for spelling in spellings:
        assert parse_controller(spelling) == canonical
        assert read_controller(spelling) == canonical
    assert parse_controller(canonical) == canonical


def test_parse_controller_keeps_different_addresses_apart() -> None:
    different = ["c.example", "https://c.example", "http://c.example", "https://c.example/a", "c.example.com"]
    assert len({parse_controller(value) for value in different}) == len(different)
    assert parse_controller("https://c/A") != parse_controller("https://c/a")


NOT_VALID = "must be an IP address, a host name or a URL, not "


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "must not be empty"),
        ("  ", "must not be empty"),
        ("10.92.82", NOT_VALID),
        ("10.92.82.256", NOT_VALID),
        ("10.92.82.018", NOT_VALID),
        ("10.92.82.18.", NOT_VALID),
        ("1", NOT_VALID),
        ("example.7", NOT_VALID),
        ("10.92.82.18/24", NOT_VALID),
        ("::g", NOT_VALID),
        ("[::1", NOT_VALID),
        ("[10.0.0.1]", NOT_VALID),
        ("[::1]:443", NOT_VALID),
        ("a..b", NOT_VALID),
        (".a", NOT_VALID),
        (".", NOT_VALID),
        ("a..", NOT_VALID),
        ("-a.example", NOT_VALID),
        ("a-.example", NOT_VALID),
        ("a" * 64, NOT_VALID),
        (".".join(["a" * 60] * 5), NOT_VALID),
        ("a%2f", NOT_VALID),
        ("a/b", NOT_VALID),
        ("contrail.example.com:443", "must not contain a port .*; use controller_port$"),
        ("10.92.82.18:443", "must not contain a port .*; use controller_port$"),
        ("two words", "must be ASCII without spaces"),
        ("b\u00fccher.example", "must be ASCII without spaces; write an international host name in its xn-- form$"),
        ("a\nb", "must be ASCII without spaces"),
        ("ftp://c.example.com", "must be a URL such as https://controller.example.com, not "),
        ("https://", "must be a URL such as https://controller.example.com, not "),
        ("://c", "must be a URL such as https://controller.example.com, not "),
        ("https://c?a=b", "must not contain a query or fragment, not "),
        ("https://c/#a", "must not contain a query or fragment, not "),
        ("https://c:0", "has a port that is not 1 to 65535: "),
        ("https://c:65536", "is not a valid URL: "),
        ("https://c:x", "is not a valid URL: "),
        ("https://[::1", "is not a valid URL: "),
        ("https://a..b", NOT_VALID),
        ("https://10.0.0", NOT_VALID),
    ],
)
def test_parse_controller_refuses_other_values(value: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}"):
        parse_controller(value)
    assert read_controller(value) == value or value == "10.92.82.018"


@pytest.mark.parametrize("value", ["https://joe:w0rd@c.example.com", "joe:w0rd@c.example.com", "ftp://joe:w0rd@c"])
def test_parse_controller_does_not_repeat_a_password(value: str) -> None:
    with pytest.raises(ValueError, match=r"^must not contain a user or password; use controller_username") as caught:
        parse_controller(value)
    assert "w0rd" not in str(caught.value)


@pytest.mark.parametrize("value", [None, 5, True, ["10.0.0.1"], {"a": 1}], ids=str)
def test_read_controller_without_text_is_none(value: Any) -> None:
    assert read_controller(value) is None


def test_read_controller_takes_leading_zeros_for_decimal() -> None:
    assert read_controller("010.000.000.001") == "10.0.0.1"


@given(st.text(max_size=40))
def test_parse_controller_is_idempotent(value: str) -> None:
    try:
        canonical = parse_controller(value)
    except ValueError:
        return
    assert parse_controller(canonical) == canonical == read_controller(canonical)
