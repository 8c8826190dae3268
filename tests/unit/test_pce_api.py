# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a PCE is, and as whom it is spoken to."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import requests

from plugins.module_utils._core.errors import OptionError
from plugins.module_utils._http.endpoint import Endpoint
from plugins.module_utils._http.options import shared_options
from plugins.module_utils._pce.api import PCE, management_server
from plugins.module_utils._pce.pairing_profile import PAIRING_PROFILE

PARAMS: dict[str, Any] = {
    "pce_host": "pce.example.com",
    "pce_port": 8443,
    "pce_org_id": 1,
    "api_key": "api_1",
    "api_secret": "s3cret",
    "validate_certs": True,
    "ca_path": None,
    "client_cert": None,
    "client_key": None,
    "proxy": None,
    "use_proxy": True,
    "timeout": 30.0,
    "deadline": 300.0,
    "max_requests_per_minute": 450,
}


@pytest.mark.parametrize(
    ("host", "server"),
    [
        ("pce.example.com", "pce.example.com:8443"),
        (" pce.example.com\n", "pce.example.com:8443"),
        ("pce", "pce:8443"),
        ("pce_1.example.com", "pce_1.example.com:8443"),
        ("pce.example.com.", "pce.example.com.:8443"),
        ("pce.example.com:9000", "pce.example.com:9000"),
        ("192.0.2.7", "192.0.2.7:8443"),
        ("192.0.2.7:443", "192.0.2.7:443"),
        ("::1", "[::1]:8443"),
        ("[::1]", "[::1]:8443"),
        ("2001:db8::7", "[2001:db8::7]:8443"),
        ("[2001:db8::7]:443", "[2001:db8::7]:443"),
        ("https://pce.example.com", "pce.example.com:8443"),
        ("HTTPS://PCE.example.com:443", "pce.example.com:443"),
        ("https://pce.example.com:443/", "pce.example.com:443"),
        ("https://pce.example.com:443/api/v2", "pce.example.com:443"),
        ("https://pce.example.com/api/v2/", "pce.example.com:8443"),
        ("https://[2001:db8::7]", "[2001:db8::7]:8443"),
        ("https://[2001:db8::7]:443/api/v2", "[2001:db8::7]:443"),
        ("https://192.0.2.7:65535", "192.0.2.7:65535"),
    ],
)
def test_pce_host(host: str, server: str) -> None:
    assert management_server(host, 8443) == server


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        ("", "is not a name"),
        ("   ", "is not a name"),
        ("https://", "is not a name"),
        ("http://pce.example.com", "must be an https URL: every request to a PCE carries credentials$"),
        ("ftp://pce.example.com", "must be an https URL"),
        ("pce.example.com:abc", "is not a name"),
        ("pce.example.com:99999", "is not a name"),
        ("pce.example.com:0", "the port must be 1 to 65535, not 0"),
        ("pce example", "is not a name"),
        ("-pce", "is not a name"),
        ("pce..", "is not a name"),
        ("pce\x00", "is not a name"),
        ("pcé.example.com", "is not a name"),
        ("pce%2eexample", "is not a name"),
        ("[::g]", "is not a name"),
        ("::g", "is not a name"),
        ("https://pce.example.com/X", "must hold nothing but a host and a port"),
        ("https://pce.example.com/login", "must hold nothing but a host and a port"),
        ("https://pce.example.com/api/v1", "must hold nothing but a host and a port"),
        ("https://pce.example.com?x=1", "must hold nothing but a host and a port"),
        ("https://pce.example.com#x", "must hold nothing but a host and a port"),
        ("pce.example.com/orgs/1", "must hold nothing but a host and a port"),
    ],
)
def test_what_is_no_pce_host(host: str, problem: str) -> None:
    with pytest.raises(OptionError, match=f"^pce_host: {problem}") as caught:
        management_server(host, 8443)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "host",
    ["https://user:s3cret@pce.example.com", "https://user:s3cret@pce.example.com:443/x", "http://user:s3cret@pce"]
    + ["https://user:a@s3cret@pce.example.com", "user:s3cret@pce", "user:s3cret@pce:x", "https://user:s3cret@pce:x"]
    + ["https://user:s3cret@pce:99999", "https://user:s3cret@pce:0", "https://user:s3/cret@pce", "user:s3/cret@pce"]
    + ["https://user:s3?cret@pce", "https://user:s3#cret@pce", "https://user:s3cret@[::1", "https://user:s3cret@"]
    + ["https://user:s3\ncret@pce", "https://user:s3//cret@pce"],
)
def test_credentials_in_pce_host_are_refused_and_never_shown(host: str) -> None:
    with pytest.raises(OptionError, match=r"^pce_host: ") as caught:
        management_server(host, 8443)
    assert not any(part in str(caught.value) for part in ("s3", "cret", "user"))


def test_what_is_left_of_an_address_with_credentials() -> None:
    with pytest.raises(OptionError, match=r"^pce_host: must hold nothing but a host and a port: 'https://…@pce:1/x'$"):
        management_server("https://user:s3cret@pce:1/x", 8443)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_pce_port(port: int) -> None:
    with pytest.raises(OptionError, match=f"^pce_port: the port must be 1 to 65535, not {port}$"):
        management_server("pce.example.com", port)


@pytest.mark.parametrize(("host", "server"), [("PCE.Example.Com", "pce.example.com:1"), ("https://PCE/", "pce:1")])
def test_a_name_has_no_case(host: str, server: str) -> None:
    assert management_server(host, 1) == server


def test_a_day_is_not_too_long() -> None:
    assert PCE.connect({**PARAMS, "timeout": 86400, "deadline": 86400}).http.remaining() > 86000


@pytest.mark.parametrize("port", [0, 70000])
def test_port_of_the_url_wins(port: int) -> None:
    assert management_server("https://pce.example.com:1", port) == "pce.example.com:1"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pce_org_id": 0}, "pce_org_id: must be 1 or more, not 0"),
        ({"pce_org_id": -1}, "pce_org_id: must be 1 or more, not -1"),
        ({"api_key": ""}, "api_key: must not be empty"),
        ({"api_secret": ""}, "api_secret: must not be empty"),
        ({"pce_host": ""}, "pce_host: is not a name, an address or a URL: ''"),
        ({"timeout": 0}, "timeout: must be a number of seconds above 0"),
        ({"timeout": -1.0}, "timeout: must be a number of seconds above 0"),
        ({"timeout": math.nan}, "timeout: must be a number of seconds above 0"),
        ({"deadline": 0}, "deadline: must be a number of seconds above 0"),
        ({"deadline": math.inf}, "deadline: must be a number of seconds above 0"),
        ({"timeout": 86400.5}, "timeout: must be a number of seconds above 0 and at most 86400"),
        ({"deadline": 86401}, "deadline: must be a number of seconds above 0 and at most 86400"),
        ({"ca_path": "/nonexistent/ca.pem"}, "ca_path: /nonexistent/ca.pem does not exist or cannot be read"),
        ({"client_cert": "/nonexistent/c.pem"}, "client_cert: /nonexistent/c.pem does not exist"),
        ({"proxy": "proxy.example.com:3128"}, "proxy: must be a URL such as"),
        ({"proxy": "http://"}, "proxy: must be a URL such as"),
        ({"proxy": "socks5://proxy.example.com"}, "proxy: must be a URL such as"),
        ({"proxy": "http://[::1"}, "proxy: must be a URL such as"),
        ({"proxy": "http://u:s3cret@[::1"}, "proxy: must be a URL such as"),
        ({"proxy": "http://u:s3cret@proxy.example.com:99999"}, "proxy: must be a URL such as"),
        ({"proxy": "http://u:s3cret@proxy.example.com:0"}, "proxy: must be a URL such as"),
        ({"proxy": "http://u:s3cret@proxy.example.com:x"}, "proxy: must be a URL such as"),
        ({"proxy": "http://proxy.example.com", "use_proxy": False}, "proxy: cannot be combined with use_proxy: false"),
        ({"max_requests_per_minute": 0}, "max_requests_per_minute: must be 1 to 100000, not 0"),
        ({"max_requests_per_minute": 100001}, "max_requests_per_minute: must be 1 to 100000"),
    ],
)
def test_wrong_options(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        PCE.connect({**PARAMS, **changes})
    assert str(caught.value).startswith(message)
    assert "s3cret" not in str(caught.value)


def test_client_key_needs_a_certificate(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.touch()
    with pytest.raises(OptionError, match=r"^client_key: requires client_cert"):
        PCE.connect({**PARAMS, "client_key": str(key)})


def test_client() -> None:
    client = PCE.connect({**PARAMS, "pce_host": "https://[::1]:443/api/v2", "pce_org_id": 7, "timeout": 5.0})
    endpoint = client.http.endpoint
    assert endpoint.url == "https://[::1]:443/api/v2"
    assert (endpoint.user, endpoint.password, endpoint.timeout, endpoint.deadline) == ("api_1", "s3cret", 5.0, 300.0)
    assert (client.org_id, client.management_server) == (7, "[::1]:443")


def test_client_below_another_base() -> None:
    assert PCE.connect(PARAMS, base="").http.endpoint.url == "https://pce.example.com:8443"


@pytest.mark.parametrize("option", ["ca_path", "client_cert", "client_key", "proxy"])
def test_empty_texts_count_as_not_given(option: str) -> None:
    assert getattr(PCE.connect({**PARAMS, option: ""}).http.endpoint, option) is None


def test_secrets_are_not_in_a_repr() -> None:
    secrets = {"api_secret": "s3cret", "proxy": "http://u:pr0xy@proxy.example.com:3128"}
    client = PCE.connect({**PARAMS, **secrets})
    for shown in (repr(client), repr(client.http.endpoint), str(client.http.endpoint)):
        assert "s3cret" not in shown
        assert "pr0xy" not in shown
    assert "api_1" in repr(client.http.endpoint)


def test_endpoint_of_nobody() -> None:
    assert Endpoint("https://pce.example.com", "PCE", "pce_host").user is None


def test_environment_variables() -> None:
    variables = {name: spec["env"] for name, spec in PCE.options.items()}
    assert variables == {
        "pce_host": ["PCE_HOST", "ILLUMIO_PCE_HOST"],
        "pce_port": ["PCE_PORT", "ILLUMIO_PCE_PORT"],
        "pce_org_id": ["PCE_ORG_ID", "ILLUMIO_PCE_ORG_ID"],
        "api_key": ["PCE_API_KEY", "ILLUMIO_API_KEY_USERNAME"],
        "api_secret": ["PCE_API_SECRET", "ILLUMIO_API_KEY_SECRET"],
        **{name: [f"PCE_{name.upper()}"] for name in shared_options("PCE")},
        "max_requests_per_minute": ["PCE_MAX_REQUESTS_PER_MINUTE"],
    }


def test_secret_options_are_marked() -> None:
    marked = {name for name, spec in PCE.options.items() if spec.get("no_log")}
    assert marked == {"api_secret", "proxy"}


def test_reference_is_checked_in_the_organisation_of_the_task() -> None:
    PCE.check_reference({"pce_org_id": "7"}, PAIRING_PROFILE, "href", "/orgs/7/pairing_profiles/1")
    with pytest.raises(OptionError, match=r"^href: belongs to organisation 7, while pce_org_id is 1"):
        PCE.check_reference({"pce_org_id": 1}, PAIRING_PROFILE, "href", "/orgs/7/pairing_profiles/1")


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_ca_bundle_of_the_environment_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv(name, str(tmp_path / "missing.pem"))
    with pytest.raises(OptionError, match=f"^ca_path: is not set, and {name} names a file that cannot be read$"):
        PCE.connect(PARAMS)
    # What the task says wins, so that nobody looks at the variable.
    PCE.connect({**PARAMS, "ca_path": requests.utils.DEFAULT_CA_BUNDLE_PATH})
    PCE.connect({**PARAMS, "validate_certs": False})
