# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connector servers: URLs, addresses, settings, types, and what is kept secret."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._core.errors import ApiError, CollectionError, ContractError, OptionError, RequestError
from plugins.module_utils._core.plan import Action
from plugins.module_utils._core.resource import ABSENT, PRESENT, Identity
from plugins.module_utils._core.snapshot import Snapshot
from plugins.module_utils._http.redact import Secrets
from plugins.module_utils._http.response import Response
from plugins.module_utils._pe import bodies, settings
from plugins.module_utils._pe.api import Pe, api_url, check_id, find_plain, warn_of_http
from plugins.module_utils._pe.connector_instance import CONNECTOR_INSTANCE
from plugins.module_utils._pe.connector_type import Connector, ConnectorType, TypeSetting, read_connector_type
from plugins.module_utils._pe.json_names import NAMES
from plugins.module_utils._pe.settings import Setting
from plugins.module_utils._pe.store import PeStore

from .helpers import FakeTransport, Reply, broken, in_turn

BASE = "/api/v2/connector"
LOGIN = {"ipAddress": "10.0.0.1", "port": 443, "username": "admin", "password": "********"}


def raw(ident: Any = "one", **more: Any) -> dict[str, Any]:
    """An instance as a server shows it."""
    return {"id": ident, "controller": LOGIN, "endpointAddressSpace": {"type": "Project", "name": "demo"}, **more}


def properties(ident: Any = "one", **more: Any) -> dict[str, Any]:
    """An instance as a store hands it out."""
    shown = raw(ident, **more)
    rows = bodies.read_settings(NAMES, shown) or []
    settings_shown = bodies.conceal_settings(NAMES, rows, lambda _name, _value: False)
    return {**bodies.read_properties(NAMES, shown), settings.PLAIN: settings_shown}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://pe.example.com:7443", f"https://pe.example.com:7443{BASE}"),
        ("https://pe.example.com:7443/", f"https://pe.example.com:7443{BASE}"),
        (" https://pe.example.com ", f"https://pe.example.com{BASE}"),
        (f"https://pe.example.com:7443{BASE}/", f"https://pe.example.com:7443{BASE}"),
        ("https://gateway/aws/api", "https://gateway/aws/api"),
        ("https://gateway/boX/", "https://gateway/boX"),
        ("https://GATEWAY/", f"https://GATEWAY{BASE}"),
        ("https://[2001:db8::1]:7443", f"https://[2001:db8::1]:7443{BASE}"),
    ],
)
def test_urls(url: str, expected: str) -> None:
    assert api_url(url, BASE) == expected


@pytest.mark.parametrize(
    ("urls", "problem"),
    [
        (
            ("", "pe", "https://", "file:///etc/passwd"),
            r"must be a URL such as https://pe\.example\.com:7443$",
        ),
        (
            ("http://pe", " HTTP://pe:7443/x"),
            r"is http, which would send the passwords of controllers unencrypted; use https, or set allow_http: true$",
        ),
        (("https://pe:0",), "the port must be 1 to 65535, not 0$"),
        (("https://pe:65536", "https://pe:x", "https://[::1"), "is not a valid URL: "),
        (("https://a:b@pe", "https://pe/?a=b", "https://pe/#a"), "must contain only a host, a port and a path$"),
        (("https://p e", "https://pe/ä", "https://pä"), "contains a character that a URL cannot have$"),
    ],
)
def test_wrong_urls_are_refused_without_repeating_a_password(urls: Sequence[str], problem: str) -> None:
    for url in urls:
        with pytest.raises(OptionError, match=f"^connector_url: {problem}") as caught:
            api_url(url, BASE)
        assert "a:b" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://pe:7080", f"http://pe:7080{BASE}"),
        ("HTTP://pe/x/", "http://pe/x"),
        ("https://pe", f"https://pe{BASE}"),
    ],
)
def test_api_url_with_allow_http_keeps_the_scheme(url: str, expected: str) -> None:
    assert api_url(url, BASE, allow_http=True) == expected


@pytest.mark.parametrize(
    ("url", "allowed", "is_warned"),
    [
        ("http://pe", True, True),
        (" HTTP://pe", True, True),
        ("https://pe", True, False),
        ("http://pe", False, False),
    ],
)
def test_warn_of_http_names_the_passwords(url: str, allowed: bool, is_warned: bool) -> None:
    warning = warn_of_http({"connector_url": url, "allow_http": allowed})
    assert (warning is not None) is is_warned
    assert warning is None or "controller_password" in warning


@pytest.mark.parametrize("value", ["", "..", "../x", "a/b", "a?b", "a b", "a%2f", "-", "x" * 129, "ä"])
def test_what_is_no_id_never_becomes_a_path(value: str) -> None:
    transport = FakeTransport(in_turn(Reply(value=[raw(value)])))
    store = PeStore(Connector(transport, NAMES), CONNECTOR_INSTANCE)
    with pytest.raises(ValueError, match="is no id of a connector instance"):
        check_id(CONNECTOR_INSTANCE, value)
    found = store.query({})[0]
    with pytest.raises(ContractError):
        store.execute(CONNECTOR_INSTANCE.plan(found, {}, ABSENT), Identity(value))
    assert len(transport.sent) == 1


@pytest.mark.parametrize("value", ["A", "z", "0", "AbC-1._~x", "x" * 128])
def test_what_may_be_an_id(value: str) -> None:
    check_id(CONNECTOR_INSTANCE, value)


def test_an_id_may_be_a_number() -> None:
    shown = CONNECTOR_INSTANCE.to_result(properties(17)) or {}
    assert shown["instance_id"] == "17"
    assert CONNECTOR_INSTANCE.reference_of(properties(17)) == "17"


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("SRX_PASSWORD", True),
        ("PRIVATE_KEY_FILE", True),
        ("apiToken", True),
        ("ClientSecret", True),
        ("PWD", True),
        ("SRX_USERNAME", False),
        ("SECURITY_GROUP_NAME", False),
        ("KEYSTONE_URL", False),
        ("KEY_NAME", False),
        ("KEY_ALIAS", False),
        ("DBPwd", True),
        ("userPin", True),
        ("PASSIVE_MODE", False),
        ("123", False),
        *[
            (name, True)
            for name in ("APITOKEN", "APIToken", "AUTHTOKEN", "SECRETKEY", "PSK", "PIN", "sshKeys", "PSKs2PSK")
        ],
        *[(name, False) for name in ("MONKEY", "HOCKEY", "REGION", "SPINE", "OPINION", "KEYRING_PATH", "TOKEN_URL")],
    ],
)
def test_secret_names(name: str, secret: bool) -> None:
    assert settings.looks_secret(name) is secret


plain = st.dictionaries(
    st.text(min_size=1, max_size=5).filter(lambda name: not settings.looks_secret(name)),
    st.text(max_size=5) | st.integers() | st.booleans(),
    max_size=4,
)


@given(plain)
def test_what_is_written_is_read_again(value: dict[str, Any]) -> None:
    field = CONNECTOR_INSTANCE.field(settings.PLAIN)
    canonical = field.parse(value)
    assert field.read(field.write(canonical)) == canonical
    assert field.parse(canonical) == canonical


@given(st.lists(st.dictionaries(st.text(), st.none() | st.text() | st.integers() | st.lists(st.text()))))
def test_whatever_a_server_shows_can_be_read(value: Any) -> None:
    shown = bodies.conceal_settings(NAMES, value, lambda _name, _value: False)
    assert isinstance(CONNECTOR_INSTANCE.field(settings.PLAIN).read(shown), dict)
    assert CONNECTOR_INSTANCE.field(settings.PLAIN).read(None) == {}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"": "x"}, "the name of a setting must be text and not empty, not ''"),
        ({5: "x"}, "the name of a setting must be text and not empty, not 5"),
        ({"A": None}, "A has no value"),
        ({"A": ["x"]}, "A must be text, a number or a boolean"),
        ({"A": {"b": 1}}, "A must be text, a number or a boolean"),
        (
            {"PWD": "x"},
            "PWD looks like a secret; use secret_settings or file_settings, so that it is not shown",
        ),
    ],
)
def test_settings_that_cannot_be(value: dict[Any, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}$"):
        CONNECTOR_INSTANCE.field(settings.PLAIN).parse(value)


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), (7, "7"), (1.5, "1.5"), ("True", "True")]
)
def test_a_setting_is_a_text(value: Any, text: str) -> None:
    assert CONNECTOR_INSTANCE.field(settings.PLAIN).parse({"A": value}) == {"A": text}


def test_a_file_has_to_be_a_readable_text(tmp_path: Path) -> None:
    parse = CONNECTOR_INSTANCE.field(settings.FILE).parse
    (tmp_path / "text").write_text("ä\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "empty").touch()
    (tmp_path / "largest").write_bytes(b"x" * (1024 * 1024))
    (tmp_path / "large").write_bytes(b"x" * (1024 * 1024 + 1))
    assert parse({"A": str(tmp_path / "text")}) == {"A": "ä\n"}
    assert len(parse({"A": str(tmp_path / "largest")})["A"]) == 1024 * 1024
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("/dev/zero")
    for name, problem in (
        ("binary", "is not UTF-8 text, which JSON requires"),
        ("empty", "is empty"),
        ("large", "is larger than 1048576 bytes"),
        ("missing", "cannot be read: No such file or directory"),
        (".", "is not a regular file"),
        ("fifo", "is not a regular file"),
        ("link", "is not a regular file"),
        ("nul\0", "cannot be read: .*embedded null .*"),
        ("\ud800", "cannot be read: .*surrogates not allowed"),
    ):
        with pytest.raises(ValueError, match=f"^A: the file .* {problem}$"):
            parse({"A": str(tmp_path / name)})


def test_the_three_sorts_of_settings_are_one_list() -> None:
    plan = CONNECTOR_INSTANCE.plan(
        None, {**DESIRED, "additional_settings": {"B": "2", "A": "1"}, "secret_settings": {"C": "3"}}, PRESENT
    )
    store, transport = opened(Reply(value=raw()), Reply(value=raw()))
    store.execute(plan, identity())
    rows = transport.sent[0].body["additionalSettings"]
    assert rows == [{"name": name, "value": value} for name, value in zip("ABC", "123")]


def test_no_secret_property_is_ever_shown_or_compared() -> None:
    desired = {"controller_password": "s3cret", "secret_settings": {"A": "b"}, "controller_port": 443}
    assert CONNECTOR_INSTANCE.plan(properties(), desired, PRESENT).action is Action.NOTHING
    renewing = CONNECTOR_INSTANCE.plan(properties(), desired, PRESENT, renew=True)
    assert renewing.action is Action.UPDATE
    assert renewing.changes == {}
    assert list(renewing.renewed) == ["controller_password", "secret_settings"]
    for plan in (renewing, CONNECTOR_INSTANCE.plan(None, desired, PRESENT)):
        assert plan.secrets == {"controller_password": "s3cret", "secret_settings": {"A": "b"}}
        assert "s3cret" not in repr(plan)
        assert "controller_password" not in {**(plan.before or {}), **(plan.after or {}), **plan.changes}


# Which settings a store hands out, and when it asks for the type.


def handed_out(shown: list[Any], type_settings: list[Any] | None, plain: str = "", hidden: str = "") -> dict[str, Any]:
    """What of these settings a store shows; None for the type means that it must not be asked for."""
    replies = [Reply(value=[raw(additionalSettings=shown)])]
    if type_settings is not None:
        replies.append(Reply(value={"type": "X", "additionalSettings": type_settings}))
    connector = Connector(FakeTransport(in_turn(*replies)), NAMES)
    store = PeStore(connector, CONNECTOR_INSTANCE, plain={"one": dict.fromkeys(plain, "1")}, hidden=frozenset(hidden))
    present = CONNECTOR_INSTANCE.to_result(store.query({})[0]) or {}
    return dict(present["additional_settings"])


def test_what_the_task_gives_needs_no_type() -> None:
    shown = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}, {"name": "MY_KEY", "value": "3"}]
    assert handed_out(shown, None, plain="A", hidden="B") == {"A": "1"}


def test_what_is_masked_or_null_needs_no_type() -> None:
    assert handed_out([{"name": "A", "value": "*****"}, {"name": "B", "value": None}, {"name": "C"}], None) == {}


def test_the_type_decides_about_the_rest() -> None:
    shown = [{"name": name, "value": "1"} for name in "ABC"]
    kinds = [{"name": "A", "type": "file"}, {"name": "B", "type": "string"}]
    assert handed_out(shown, kinds) == {"B": "1", "C": "1"}


# The type.

AWS = ConnectorType(
    "Amazon Web Services",
    True,
    (),
    (TypeSetting("GROUP", "Group", "string", True), TypeSetting("CERT", "Certificate", "file", False)),
)


@pytest.mark.parametrize("contexts", [True, False, None])
@pytest.mark.parametrize(
    ("kind", "space", "option"),
    [
        ("Amazon Web Services", ("VPC", "x"), None),
        ("AWS", ("Project", "x"), "address_space_type"),
        ("Juniper Contrail", ("Project", "x"), None),
        ("CONTRAIL", ("VPC", "x"), "address_space_type"),
        ("Contrail", (None, "x"), "address_space_type"),
        ("Contrail", ("Project", None), "address_space_name"),
        ("Contrail", (None, None), None),
        ("Microsoft Azure", ("VNet", "x"), None),
        ("CiscoISE", (None, None), None),
        ("CiscoISE", (None, "x"), "address_space_type"),
        ("CiscoISE", ("x", None), "address_space_name"),
        ("HPClearPass", ("x", "x"), None),
        ("Draws", ("Project", "x"), None),
        ("Juniper_Contrail2", ("VPC", "x"), "address_space_type"),
        ("Contrails", ("VPC", "x"), None),
    ],
)
def test_check_address_space_does_not_depend_on_contexts(
    kind: str, contexts: bool | None, space: tuple[Any, Any], option: str | None
) -> None:
    connector = ConnectorType(kind, contexts, (), ())
    if option is None:
        connector.check_address_space(*space)
    else:
        with pytest.raises(OptionError, match=f"^{option}: "):
            connector.check_address_space(*space)


@pytest.mark.parametrize(
    ("kind", "contexts", "context", "problem"),
    [
        (
            "Amazon Web Services",
            True,
            None,
            "is required by a connector of type Amazon Web Services, such as us-east-1",
        ),
        ("Microsoft Azure", True, None, "is required by a connector of type Microsoft Azure"),
        ("AWS", True, "us-east-1", None),
        ("AWS", False, None, None),
        ("AWS", None, None, None),
        ("CiscoISE", False, "x", None),
    ],
)
def test_check_context_requires_what_the_type_says(
    kind: str, contexts: bool | None, context: str | None, problem: str | None
) -> None:
    connector = ConnectorType(kind, contexts, (), ())
    if problem is None:
        connector.check_context(context)
    else:
        with pytest.raises(OptionError) as caught:
            connector.check_context(context)
        assert str(caught.value) == f"controller_context: {problem}"


@pytest.mark.parametrize(
    ("given_settings", "problem"),
    [
        ({"additional_settings": ["GROUP"]}, None),
        ({"additional_settings": ["GROUP"], "file_settings": ["CERT"]}, None),
        ({"additional_settings": ["GROUP"], "secret_settings": ["CERT"]}, None),
        ({}, "additional_settings: GROUP .Group. is required"),
        (
            {"additional_settings": ["GROUP", "CERT"]},
            "additional_settings: CERT is of type file; set it in file_settings",
        ),
        ({"file_settings": ["GROUP"]}, "file_settings: GROUP is of type string"),
        ({"additional_settings": ["GROUPS"]}, r"; did you mean GROUP\?$"),
        ({"additional_settings": ["zzzzzz"]}, "; known settings are GROUP, CERT$"),
    ],
)
def test_settings_against_the_type(given_settings: dict[str, list[str]], problem: str | None) -> None:
    whole = {option: dict.fromkeys(given_settings.get(option, ()), "x") for option in settings.OPTIONS}
    if problem is None:
        AWS.check_settings(whole)
    else:
        with pytest.raises(OptionError, match=problem):
            AWS.check_settings(whole)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"x", b'{"type": ""}', b'{"type": 1}'])
def test_what_is_no_connector_is_an_error(body: bytes) -> None:
    with pytest.raises(ContractError):
        read_connector_type(NAMES, Response(200, {}, body, "GET", ""))


def test_what_is_shown_of_a_connector() -> None:
    told = {
        "type": "AWS",
        "controllerContexts": True,
        "capabilities": [{"name": "A"}, {"name": "B"}],
        "additionalSettings": [
            {"name": "GROUP", "description": "Group", "type": "STRING", "required": "True"},
            {"name": "CERT", "description": None, "required": False},
        ],
    }
    read = read_connector_type(NAMES, Response(200, {}, json.dumps(told).encode(), "GET", ""))
    assert read.to_result() == {
        "type": "AWS",
        "controller_contexts": True,
        "capabilities": ["A", "B"],
        "additional_settings": [
            {"name": "GROUP", "description": "Group", "type": "STRING", "required": True},
            {"name": "CERT", "description": "", "type": "string", "required": False},
        ],
    }


@pytest.mark.parametrize(
    ("kind", "space", "message"),
    [
        ("AWS", ("VPC", None), "address_space_name: is required with address_space_type"),
        (
            "AWS",
            (None, "x"),
            "address_space_type: is required with address_space_name (VPC for a connector of type AWS)",
        ),
        ("CiscoISE", (None, "x"), "address_space_type: is required with address_space_name"),
        ("AWS", ("Project", "x"), "address_space_type: must be VPC for a connector of type AWS, not 'Project'"),
    ],
)
def test_what_is_said_of_an_address_space(kind: str, space: tuple[Any, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        ConnectorType(kind, True, (), ()).check_address_space(*space)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("names", "advice"),
    [
        (("GROUP", "GROUPS_OF"), "did you mean GROUP?"),
        (("GRXXPX",), "did you mean GRXXPX?"),
        (("GxxUx",), "known settings are GxxUx"),
        (("CERT", "ZONE"), "known settings are CERT, ZONE"),
        ((), "known settings are none"),
    ],
)
def test_what_is_said_of_an_unknown_setting(names: Sequence[str], advice: str) -> None:
    kind = ConnectorType("X", None, (), tuple(TypeSetting(name, "", "string", False) for name in names))
    with pytest.raises(OptionError) as caught:
        kind.check_settings({"additional_settings": {"groups": "x"}, "secret_settings": {}, "file_settings": {}})
    assert str(caught.value) == f"additional_settings: a connector of type X has no setting groups; {advice}"


def test_odd_connectors_can_be_read() -> None:
    capabilities = b'"capabilities": [1, {}, {"name": "A"}]'
    body = b'{"type": "X", "controllerContexts": "yes", "additionalSettings": null, ' + capabilities + b"}"
    assert read_connector_type(NAMES, Response(200, {}, body, "GET", "")) == ConnectorType("X", None, ("A",), ())


# Errors.


@pytest.mark.parametrize(
    "secret", ['quo"te', "back\\slash", "ümlaut", "<tag>&", "line one 12345\nline two 67890\n", "plain", " spaced "]
)
@pytest.mark.parametrize("wrap", ["{}", '{{"a": {}}}', "<p>{}</p>"])
def test_a_secret_is_taken_out_of_a_body_however_it_is_written(secret: str, wrap: str) -> None:
    for form in (secret, json.dumps(secret), json.dumps(secret, ensure_ascii=False), html.escape(secret)):
        left = Secrets([secret, ""]).without(wrap.format(form))
        assert "********" in left
        for part in (secret.strip(), *secret.splitlines()):
            assert part not in left


def test_an_error_shows_no_secret_of_the_plan() -> None:
    echo = Reply(
        400, raw=b'{"error": "bad word in {\\"password\\": \\"s3cret word\\", \\"value\\": \\"line one 12345\\\\n\\"}"}'
    )
    transport = FakeTransport(in_turn(echo))
    store = PeStore(Connector(transport, NAMES), CONNECTOR_INSTANCE)
    desired = {"controller_password": "s3cret word", "file_settings": {"A": "line one 12345\n"}}
    with pytest.raises(ApiError, match="bad word") as caught:
        store.execute(CONNECTOR_INSTANCE.plan(None, desired, PRESENT), Identity(names={}))
    told = f"{caught.value} {caught.value.details()}"
    assert "s3cret" not in told
    assert "12345" not in told


def test_secret_settings_are_texts_too() -> None:
    parse = CONNECTOR_INSTANCE.field(settings.SECRET).parse
    assert parse({"B": 7, "A": True}) == {"A": "true", "B": "7"}
    with pytest.raises(ValueError, match=r"^A has no value$"):
        parse({"A": None})


@pytest.mark.parametrize(
    ("kind", "option"),
    [
        ("password", "secret_settings"),
        ("SECRET", "secret_settings"),
        ("File", "file_settings"),
        ("string", "additional_settings"),
    ],
)
def test_where_a_setting_belongs(kind: str, option: str) -> None:
    setting = TypeSetting("X", "", kind, required=False)
    assert setting.option == option
    assert setting.is_secret is (option != "additional_settings")


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("controller_port", 0, "must be 1 to 65535, not 0"),
        ("controller_port", 65536, "must be 1 to 65535, not 65536"),
        ("controller_username", "", "must not be empty"),
        ("controller_password", "", "must not be empty"),
        ("address_space_name", "", "must not be empty"),
        ("address_space_type", "", "must not be empty"),
    ],
)
def test_what_a_property_cannot_be(option: str, value: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}$"):
        CONNECTOR_INSTANCE.field(option).parse(value)


@pytest.mark.parametrize(
    ("option", "value"),
    [("controller_port", 1), ("controller_port", 65535)]
    + [(f"controller_{name}", "x") for name in ("username", "password")]
    + [(f"address_space_{name}", "x") for name in ("name", "type")],
)
def test_the_shortest_and_the_largest(option: str, value: Any) -> None:
    assert CONNECTOR_INSTANCE.field(option).parse(value) == value


def test_the_connector_is_at_the_base_of_its_api() -> None:
    transport = FakeTransport(in_turn(Reply(value={"type": "X"})))
    assert Connector(transport, NAMES).type().type == "X"
    assert transport.calls() == ["GET "]


def test_a_setting_stands_in_one_option() -> None:
    with pytest.raises(OptionError, match=r"^secret_settings: A is in additional_settings too; set it in one of them$"):
        settings.check_apart({"additional_settings": {"A": 1}, "secret_settings": {"A": 1}})
    settings.check_apart({"additional_settings": {"A": 1}, "secret_settings": {"B": 1}, "file_settings": None})
    with pytest.raises(OptionError, match=r"^here\.file_settings: A is in additional_settings too"):
        settings.check_apart({"additional_settings": {"A": 1}, "file_settings": {"A": "/x"}}, "here.")


def test_all_connection_options_have_a_variable() -> None:
    names = {name: "json_names" if name == "json_names_path" else name for name in Pe.options}
    assert {spec["env"][0] for spec in Pe.options.values()} == {f"PE_{name.upper()}" for name in names.values()}


# Reading what a server shows.


@pytest.mark.parametrize(
    ("field", "shown", "read"),
    [
        ("address_space_name", 123, "123"),
        ("address_space_name", 0, "0"),
        ("address_space_name", "", None),
        ("address_space_name", None, None),
        ("address_space_name", True, None),
        ("address_space_name", 1.5, None),
        ("address_space_name", ["x"], None),
        ("address_space_type", {}, None),
        ("controller", "010.000.000.001", "10.0.0.1"),
        ("controller", "0.0.0.0", "0.0.0.0"),
        ("controller", "::ffff:192.0.2.1", "192.0.2.1"),
        ("controller", "host.example.com", "host.example.com"),
        ("controller", "2001:DB8::A01:0", "2001:db8::a01:0"),
        ("controller", ["10.0.0.1"], None),
        ("controller", 1, None),
        ("controller", "www.AWS.amazon.com.", "www.aws.amazon.com"),
        ("controller", "HTTPS://Controller.example.com:443/", "https://controller.example.com"),
        ("controller", "not a host", "not a host"),
        ("controller_context", "us-east-1", "us-east-1"),
        ("controller_context", 7, "7"),
        ("controller_context", {}, None),
        ("controller_port", None, 443),
        ("controller_port", "", 443),
        ("controller_port", 0, 0),
        ("controller_port", "443", 443),
        ("controller_port", "9" * 5000, "9" * 5000),
        ("additional_settings", [Setting("A", "1"), Setting("A", "x"), Setting("A", None)], {"A": "x"}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_how_odd_values_read(field: str, shown: Any, read: Any) -> None:
    assert CONNECTOR_INSTANCE.field(field).read(shown) == read


# What is written, and what is read back.


DESIRED = {"controller": "10.0.0.1", "address_space_name": "demo", "controller_password": "pass word"}
TYPE = Reply(value={"type": "X", "additionalSettings": [{"name": name} for name in "AB"]})


def identity() -> Identity:
    return Identity(names={"controller": "10.0.0.1", "address_space_name": "demo"})


def opened(*replies: Any, **more: Any) -> tuple[PeStore, FakeTransport]:
    """A store whose server answers these."""
    transport = FakeTransport(in_turn(*replies))
    return PeStore(Connector(transport, NAMES), CONNECTOR_INSTANCE, **more), transport


def updated(shown: dict[str, Any], desired: dict[str, Any], *types: Reply) -> Any:
    """The body of the PUT that makes ``desired`` of what a server shows, which is checked before."""
    answers = [
        Reply(value=[shown]),
        *types,
        *([] if types else [Reply(value={"type": "X"})]),
        Reply(value=shown),
        Reply(),
        Reply(value=shown),
    ]
    store, transport = opened(*answers)
    current = store.find(identity())
    plan = CONNECTOR_INSTANCE.plan(current, {**DESIRED, **desired}, PRESENT)
    store.check(plan, current)
    store.execute(plan, identity())
    return next(sent.body for sent in transport.sent if sent.method == "PUT")


def test_an_id_that_leads_to_another_instance_does_not_count() -> None:
    other = raw("other", controller={**LOGIN, "ipAddress": "10.0.0.2"})
    store, transport = opened(Reply(value={"id": "other"}), Reply(value=other), Reply(value=[other, raw("mine")]))
    made = store.execute(CONNECTOR_INSTANCE.plan(None, DESIRED, PRESENT), identity())
    assert made is not None
    assert made["instance_id"] == "mine"
    assert transport.calls() == ["POST /instances", "GET /instances/other", "GET /instances"]


@pytest.mark.parametrize("reply", [Reply(500), Reply(raw=b"{")], ids=str)
def test_what_cannot_be_read_back_was_changed(reply: Reply) -> None:
    current = raw()
    for plan, before, word in (
        (CONNECTOR_INSTANCE.plan(None, DESIRED, PRESENT), [], "created"),
        (
            CONNECTOR_INSTANCE.plan(properties(), {**DESIRED, "controller_port": 1}, PRESENT),
            [Reply(value=current)],
            "updated",
        ),
    ):
        store, _transport = opened(*before, Reply(value={"id": "one"}), *[reply] * 3)
        with pytest.raises(RequestError, match=f"was {word} before that") as caught:
            store.execute(plan, identity())
        assert caught.value.changed


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (b"<html>", None),
        (b"[]", None),
        (b"{}", "not there afterwards. It is unknown whether the change was applied"),
        (
            b'{"id": "7"}',
            "instance 7 was created, but is not shown with this controller and address_space_name; each run would "
            "create one more$",
        ),
    ],
    ids=str,
)
def test_only_what_is_no_object_may_have_created_nothing(shown: bytes, words: str | None) -> None:
    other = raw("7", endpointAddressSpace={"type": "Project", "name": "DEMO"})
    replies = [Reply(raw=shown), *([Reply(value=other)] if b"7" in shown else []), Reply(value=[other])]
    store, _transport = opened(*replies)
    with pytest.raises(ContractError, match=words or "not there afterwards$") as caught:
        store.execute(CONNECTOR_INSTANCE.plan(None, DESIRED, PRESENT), identity())
    assert caught.value.changed is (words is not None)


LOST_DELETES = [
    ([Reply(200), Reply(500)], "500 to GET /instances/one.*after a 200 to DELETE"),
    ([broken("DELETE"), Reply(404), Reply(500)], "500 to GET /instances/one.*after a 404 to DELETE"),
]


@pytest.mark.parametrize(("replies", "words"), LOST_DELETES, ids=["200", "lost"])
def test_a_delete_that_could_not_be_looked_after_is_told(replies: list[Any], words: str) -> None:
    store, _transport = opened(*replies)
    with pytest.raises(
        RequestError, match=f"{words} /instances/one. It is unknown whether the change was applied"
    ) as caught:
        store.execute(CONNECTOR_INSTANCE.plan(properties(), {}, ABSENT), Identity("one"))
    assert caught.value.changed


def test_a_404_alone_changed_nothing() -> None:
    store, _transport = opened(Reply(404), Reply(500))
    with pytest.raises(RequestError, match=r"after a 404 to DELETE /instances/one$") as caught:
        store.execute(CONNECTOR_INSTANCE.plan(properties(), {}, ABSENT), Identity("one"))
    assert not caught.value.changed


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        *[(replies, f"{words}.*not created again .recreate: true.; if it is gone") for replies, words in LOST_DELETES],
        (
            [Reply(204), broken(), Reply(value=[raw("a"), raw("b")])],
            "there are 2 connector instances.*one was deleted .recreate: true.$",
        ),
    ],
    ids=["200", "lost", "created by two"],
)
def test_what_recreate_deleted_is_told(replies: list[Any], words: str) -> None:
    current = raw()
    store, _transport = opened(Reply(value=current), Reply(405), Reply(value=current), *replies, recreate=True)
    plan = CONNECTOR_INSTANCE.plan(properties(), {**DESIRED, "controller_port": 1}, PRESENT)
    with pytest.raises(CollectionError, match=words) as caught:
        store.execute(plan, identity())
    assert caught.value.changed


def test_a_refused_delete_of_recreate_changed_nothing() -> None:
    current = raw()
    store, _transport = opened(Reply(value=current), Reply(405), Reply(value=current), Reply(403), recreate=True)
    with pytest.raises(ApiError, match=r"403 to DELETE /instances/one$") as caught:
        store.execute(CONNECTOR_INSTANCE.plan(properties(), {**DESIRED, "controller_port": 1}, PRESENT), identity())
    assert not caught.value.changed


@pytest.mark.parametrize("lost", [False, True])
def test_a_server_without_put_is_told_with_what_may_have_been_done(lost: bool) -> None:
    current = raw()
    tries = [broken("PUT"), Reply(405)] if lost else [Reply(405)]
    store, _transport = opened(Reply(value=current), *tries, Reply(value=current))
    with pytest.raises(ApiError) as caught:
        store.execute(CONNECTOR_INSTANCE.plan(properties(), {**DESIRED, "controller_port": 1}, PRESENT), identity())
    assert caught.value.changed is lost
    end = (
        r"\. It is unknown whether the change was applied; run the task again to verify"
        if lost
        else "; nothing was changed"
    )
    assert re.search(f"405 to PUT /instances/one: .*With recreate: true.*under a new id{end}$", str(caught.value))


def test_a_look_that_fails_after_a_lost_put_leaves_its_end_open() -> None:
    current = raw()
    store, _transport = opened(Reply(value=current), broken("PUT"), Reply(405), Reply(403))
    with pytest.raises(ApiError, match=r"looked up after a 405 to PUT /instances/one") as caught:
        store.execute(CONNECTOR_INSTANCE.plan(properties(), {**DESIRED, "controller_port": 1}, PRESENT), identity())
    assert caught.value.changed


def test_an_update_keeps_what_it_does_not_mention() -> None:
    shown = raw(
        controller={**LOGIN, "port": "443", "zone": 7, "word": "****"},
        additionalSettings=[{"name": "A", "value": 1, "note": "x"}, {"name": "GONE", "value": None}],
        site={"id": 5},
    )
    body = updated(shown, {"address_space_type": "VPC"}, TYPE)
    assert body == {
        "controller": {"ipAddress": "10.0.0.1", "port": "443", "username": "admin", "password": "pass word", "zone": 7},
        "endpointAddressSpace": {"type": "VPC", "name": "demo"},
        "additionalSettings": [{"name": "A", "value": 1, "note": "x"}, {"name": "GONE", "value": None}],
        "site": {"id": 5},
    }
    changed = updated(
        shown,
        {"additional_settings": {"A": "1", "B": "2"}},
        TYPE,
    )
    assert changed["additionalSettings"] == [{"name": "A", "value": 1, "note": "x"}, {"name": "B", "value": "2"}]
    assert "additionalSettings" not in updated(raw(), {"controller_port": 1})


def test_what_the_type_no_longer_lists_does_not_block_an_update() -> None:
    shown = raw(additionalSettings=[{"name": "OLD", "value": "1"}, {"name": "OLD_KEY", "value": "****"}])
    assert updated(shown, {"controller_port": 1}, TYPE)["additionalSettings"] == [{"name": "OLD", "value": "1"}]


@pytest.mark.parametrize(
    ("shown", "desired", "option"),
    [
        ({"controller": {**LOGIN, "username": None}}, {}, "controller_username"),
        ({"controller": {**LOGIN, "username": "*****"}}, {}, "controller_username"),
        ({"additionalSettings": [{"name": "F", "value": None}]}, {}, "file_settings"),
        ({"additionalSettings": [{"name": "S", "value": "***"}]}, {}, "secret_settings"),
        ({"additionalSettings": [{"name": "P", "value": "***"}]}, {}, "additional_settings"),
        ({"additionalSettings": [{"name": "P", "value": None}]}, {}, None),
        ({"additionalSettings": [{"name": "P", "value": "***"}]}, {"additional_settings": {"Q": "1"}}, None),
    ],
    ids=str,
)
def test_what_an_update_needs(shown: dict[str, Any], desired: dict[str, Any], option: str | None) -> None:
    kinds = [{"name": "F", "type": "file"}, {"name": "S", "type": "password"}, {"name": "P"}, {"name": "Q"}]
    store, _transport = opened(Reply(value=[raw(**shown)]), Reply(value={"type": "X", "additionalSettings": kinds}))
    current = store.find(identity())
    plan = CONNECTOR_INSTANCE.plan(current, {**DESIRED, "controller_port": 1, **desired}, PRESENT)
    if option is None:
        store.check(plan, current)
    else:
        with pytest.raises(OptionError, match=f"^{option}: .*is required") as caught:
            store.check(plan, current)
        assert str(caught.value).endswith(
            "to change controller_port: an update sends the whole connector instance, and the server does not show this"
        )


def test_each_setting_that_is_not_shown_is_needed() -> None:
    kinds = [{"name": "P"}, {"name": "S", "type": "password"}]
    rows = [{"name": "OLD", "value": "***"}, {"name": "P", "value": "1"}, {"name": "S", "value": None}]
    store, _transport = opened(
        Reply(value=[raw(additionalSettings=rows)]), Reply(value={"type": "X", "additionalSettings": kinds})
    )
    current = store.find(identity())
    desired = {**DESIRED, "controller_port": 1, "controller_username": "joe"}
    plan = CONNECTOR_INSTANCE.plan(current, desired, PRESENT)
    with pytest.raises(
        OptionError, match=r"^secret_settings: S is required too to change controller_port, controller_us"
    ):
        store.check(plan, current)
    plan = CONNECTOR_INSTANCE.plan(current, {**desired, "secret_settings": {"S": "x"}}, PRESENT)
    store.check(plan, current)


def test_an_update_of_something_else_does_not_judge_the_address_space() -> None:
    shown = raw(endpointAddressSpace={"type": "Project", "name": "demo"})
    kind = Reply(value={"type": "AWS"})  # which takes a VPC
    assert updated(shown, {"controller_port": 1}, kind)["controller"]["port"] == 1
    with pytest.raises(OptionError, match=r"^address_space_type: "):
        updated(shown, {"address_space_type": "VNet"}, kind)


def test_settings_that_are_given_take_the_place_of_those_shown() -> None:
    kinds = [{"name": "S", "type": "password"}, {"name": "P"}]
    rows = [
        {"name": "S", "value": "old", "note": 1},
        {"name": "P", "value": "same", "note": 2},
        {"name": "P", "value": "twice"},
        {"name": "OLD_TOKEN", "value": "t3xt"},
        {"name": "OLD", "value": "plain"},
        {"value": "nameless"},
    ]
    shown = raw(additionalSettings=rows)
    desired = {"controller_port": 1, "additional_settings": {"P": "same"}, "secret_settings": {"S": "old"}}
    body = updated(shown, {**desired, "controller_port": 1}, Reply(value={"type": "X", "additionalSettings": kinds}))
    assert body["additionalSettings"] == [
        {"name": "S", "value": "old", "note": 1},
        {"name": "P", "value": "same", "note": 2},
        {"name": "OLD_TOKEN", "value": "t3xt"},
    ]


def test_a_secret_that_only_the_server_showed_is_kept_out_of_errors() -> None:
    kinds = [{"name": "P"}]
    shown = raw(additionalSettings=[{"name": "OLD_TOKEN", "value": "t3xt"}, {"name": "P", "value": "plain"}])
    store, _transport = opened(
        Reply(value=[shown]),
        Reply(value={"type": "X", "additionalSettings": kinds}),
        Reply(value=shown),
        Reply(400, raw=b'{"error": "t3xt beside plain"}'),
    )
    current = store.find(identity())
    plan = CONNECTOR_INSTANCE.plan(current, {**DESIRED, "controller_port": 1}, PRESENT)
    with pytest.raises(ApiError, match=r"\*{8} beside plain"):
        store.execute(plan, identity())


@pytest.mark.parametrize("number", [0, 2])
def test_nothing_is_created_beside_instances_that_cannot_be_read(number: int) -> None:
    rows = [raw(str(place), controller={"host": "x"}) for place in range(number)] + [raw("other", controller=None)]
    for wanted in (identity(), Identity(names={"controller": "10.0.0.1", "address_space_name": None})):
        store, _transport = opened(Reply(value=rows))
        with pytest.raises(ContractError) as caught:
            store.find(wanted)
        assert str(caught.value) == (
            f"the connector server shows {number + 1} of its connector instances without a readable controller, and "
            "one of them may be this one; if the server has other JSON names, set json_names_path"
        )
    store, _transport = opened(Reply(value=[*rows, raw()]))
    assert store.find(identity()) is not None


LISTED = {"method": "GET", "path": "/instances"}


def test_errors_of_the_list_name_its_request() -> None:
    for rows in ([raw(), raw()], [raw(additionalSettings="x")]):
        store, _transport = opened(Reply(value=rows))
        with pytest.raises(ContractError) as caught:
            store.query({})
        assert caught.value.details() == LISTED
    store, _transport = opened(Reply(value=[raw("../x")]))
    with pytest.raises(ContractError, match="shows a connector instance whose id ") as odd:
        store.check(CONNECTOR_INSTANCE.plan(store.find(identity()), {}, ABSENT), None)
    assert odd.value.details() == LISTED


def test_a_404_of_what_is_listed_is_no_absence() -> None:
    store, _transport = opened(Reply(404), Reply(value=[raw()]))
    with pytest.raises(ApiError) as caught:
        store.find(Identity("one"))
    assert str(caught.value).endswith(". It is listed, so a proxy may be answering instead of the connector server")


def test_what_is_deleted_while_it_is_updated_is_told() -> None:
    plan = CONNECTOR_INSTANCE.plan(properties(), {**DESIRED, "controller_port": 1}, PRESENT)
    store, _transport = opened(Reply(404), Reply(value=[]))
    with pytest.raises(RequestError, match=r"^the connector instance one no longer exists$") as before:
        store.execute(plan, identity())
    assert (before.value.changed, before.value.details()) == (False, {"method": "PUT", "path": "/instances/one"})
    store, _transport = opened(Reply(value=raw()), Reply(), Reply(404), Reply(value=[]))
    with pytest.raises(RequestError) as after:
        store.execute(plan, identity())
    assert str(after.value) == (
        "GET /instances/one shows that it was deleted by another client. The connector instance was updated before that"
    )
    assert (after.value.changed, after.value.details()) == (True, {"method": "GET", "path": "/instances/one"})


@pytest.mark.parametrize("status", [200, 202, 404])
def test_only_what_is_gone_is_deleted(status: int) -> None:
    plan = CONNECTOR_INSTANCE.plan(properties(), {}, ABSENT)
    store, _transport = opened(Reply(status), Reply(404), Reply(value=[]))
    assert store.execute(plan, Identity("one")) is None
    store, _transport = opened(Reply(status), Reply(value=raw()))
    problem = (
        "404 to DELETE" if status == 404 else f"{status} to DELETE /instances/one: the connector instance is there"
    )
    with pytest.raises(RequestError, match=problem):
        store.execute(plan, Identity("one"))


def test_a_request_that_support_asks_for_is_told_of_a_server_without_put() -> None:
    current = raw()
    store, _transport = opened(Reply(value=current), Reply(405, headers={"X-Request-Id": "r1"}), Reply(value=current))
    with pytest.raises(ApiError) as caught:
        store.execute(CONNECTOR_INSTANCE.plan(properties(), {**DESIRED, "controller_port": 1}, PRESENT), identity())
    assert caught.value.details()["request_id"] == "r1"


def test_settings_are_sent_where_there_are_some_or_were_shown() -> None:
    kinds = Reply(value={"type": "X", "additionalSettings": [{"name": "S", "type": "password"}]})
    secret = {"controller_port": 1, "secret_settings": {"S": "x"}}
    assert updated(raw(), secret, kinds)["additionalSettings"] == [{"name": "S", "value": "x"}]
    assert updated(raw(additionalSettings=[]), {"controller_port": 1})["additionalSettings"] == []


def test_what_is_masked_is_not_sent_wherever_it_stands() -> None:
    shown = raw(sites=[{"id": 1, "word": "****"}, 2, ["****", "x"]], other={"deep": {"word": "***", "x": None}})
    body = updated(shown, {"controller_port": 1})
    assert body["sites"] == [{"id": 1}, 2, ["****", "x"]]
    assert body["other"] == {"deep": {"x": None}}


def test_changes_are_written_into_what_is_there() -> None:
    body: dict[str, Any] = {"a": None, "b": {"x": 1}, "c": {"x": 1}, "d": 5}
    paths: list[tuple[str, ...]] = [("a", "y"), ("b", "y"), ("c",), ("d", "z"), ("e", "f", "g")]
    for path in paths:
        bodies.put_at(body, path, 2)
    assert body == {"a": {"y": 2}, "b": {"x": 1, "y": 2}, "c": 2, "d": {"z": 2}, "e": {"f": {"g": 2}}}
    paths = [("b", "y"), ("e", "f", "g", "h"), ("x", "y"), ("c", "z"), ("a",)]
    for path in paths:
        bodies.remove_at(body, path)
    assert body == {"b": {"x": 1}, "c": 2, "d": {"z": 2}, "e": {"f": {"g": 2}}}


def test_nothing_is_advised_where_an_instance_may_be_there_again() -> None:
    current = raw()
    begun = [Reply(value=current), Reply(405), Reply(value=current), Reply(204)]
    plan = CONNECTOR_INSTANCE.plan(properties(), {**DESIRED, "controller_port": 1}, PRESENT)
    store, _transport = opened(*begun, broken(), Reply(403), recreate=True)
    with pytest.raises(RequestError, match="looking it up failed too") as caught:
        store.execute(plan, identity())
    assert "Run the task again with" not in str(caught.value)


def test_what_recreate_could_not_create_again_is_told() -> None:
    current = raw()
    begun = [Reply(value=current), Reply(405), Reply(value=current), Reply(204)]
    plan = CONNECTOR_INSTANCE.plan(properties(), {**DESIRED, "controller_port": 1}, PRESENT)
    store, _transport = opened(*begun, Reply(403), recreate=True)
    with pytest.raises(ApiError) as caught:
        store.execute(plan, identity())
    advice = "Run the task again with controller and address_space_name to create it"
    assert str(caught.value).endswith(f". Before that, one was deleted (recreate: true). {advice}")
    assert caught.value.changed


@pytest.mark.parametrize("value", ["x", {}, ["x"], [{"name": "A"}, None]], ids=str)
def test_settings_that_are_no_list_of_objects_are_an_error(value: Any) -> None:
    store, _transport = opened(Reply(value=[raw(additionalSettings=value)]))
    with pytest.raises(ContractError, match="additionalSettings is not a list of objects"):
        store.query({})


def test_a_404_of_an_id_is_confirmed_by_the_collection() -> None:
    store, _transport = opened(Reply(404), Reply(value=[]))
    assert store.find(Identity("one")) is None
    store, transport = opened(Reply(404), Reply(404))
    with pytest.raises(ApiError):
        store.find(Identity("one"))
    assert transport.calls() == ["GET /instances/one", "GET /instances"]


def test_an_odd_id_is_an_error_of_the_check_too() -> None:
    store, _transport = opened(Reply(value=[raw("../x")]))
    current = store.find(identity())
    for state in (PRESENT, ABSENT):
        with pytest.raises(ContractError):
            store.check(CONNECTOR_INSTANCE.plan(current, {**DESIRED, "controller_port": 1}, state), current)


def test_a_removed_instance_needs_no_file() -> None:
    params = {"controller": "10.0.0.1", "file_settings": {"A": "/does/not/exist"}}
    assert "file_settings" not in CONNECTOR_INSTANCE.desired({**params, "state": ABSENT})
    with pytest.raises(OptionError, match=r"^file_settings: "):
        CONNECTOR_INSTANCE.desired({**params, "state": PRESENT})


# Settings of several entries.


def of_tasks(*entries: dict[str, Any]) -> dict[Any, Any]:
    base = {"controller": "2001:DB8::0:1", "address_space_name": None}
    return find_plain([{**base, **entry} for entry in entries], CONNECTOR_INSTANCE)


def test_a_task_uncovers_settings_of_its_own_instance_only() -> None:
    found = of_tasks(
        {"additional_settings": {"A": 1}},
        {"additional_settings": {"B": 1}, "address_space_name": "x", "state": ABSENT},
        {"additional_settings": {"C": 1}, "instance_id": "7"},
    )
    assert found == {("2001:db8::1", None): {"A": "1"}, "7": {"C": "1"}}
    kinds = Reply(value={"type": "X", "additionalSettings": [{"name": "A", "type": "password"}]})
    settings_shown = [{"name": "A", "value": "1"}]
    rows = [raw(additionalSettings=settings_shown), raw("two", additionalSettings=settings_shown)]
    store, _transport = opened(Reply(value=rows), kinds, plain={"one": {"A": "1"}})
    rows[1]["endpointAddressSpace"] = {"type": "Project", "name": "other"}
    handed = [(CONNECTOR_INSTANCE.to_result(item) or {})["additional_settings"] for item in store.query({})]
    assert handed == [{"A": "1"}, {}]


def test_a_setting_is_plain_or_hidden_in_all_entries() -> None:
    tasks: list[dict[str, Any]] = [{"file_settings": {"A": "/x"}}, {"additional_settings": {"A": "1"}}]
    with pytest.raises(OptionError, match=r"^list\[0\].file_settings: A is in list\[1\].additional_settings;"):
        settings.check_together(tasks, "list")


def test_a_plain_value_of_asterisks_is_no_mask() -> None:
    shown = Reply(value=[raw(additionalSettings=[{"name": "A", "value": "***"}])])
    store, _transport = opened(shown, plain={"one": {"A": "***"}})
    desired = {**DESIRED, "additional_settings": {"A": "***"}}
    assert CONNECTOR_INSTANCE.plan(store.find(identity()), desired, PRESENT).action is Action.NOTHING


def test_required_may_be_text() -> None:
    body = json.dumps({"type": "X", "additionalSettings": [{"name": "A", "required": word} for word in ("true", "no")]})
    found = read_connector_type(NAMES, Response(200, {}, body.encode(), "GET", ""))
    assert [item.required for item in found.settings] == [True, False]


# What a task leaves out, and what a server shows that cannot be.


def named(controller: str, space: str | None, ident: str) -> dict[str, Any]:
    """An instance of a controller as a server shows it."""
    found = raw(ident, controller={**LOGIN, "ipAddress": controller})
    return {**found, "endpointAddressSpace": {"type": "Project", "name": space}} if space else found | NO_SPACE


NO_SPACE: dict[str, Any] = {"endpointAddressSpace": None}
ABSENT_AT = {"10.0.0.1": "address_space_name"}
WITHOUT_SPACE = Identity(names={"controller": "10.0.0.1", "address_space_name": None})


@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        ([("10.0.0.1", "red"), ("10.0.0.1", "blue"), ("10.0.0.2", "x")], "'red', 'blue'"),
        ([("10.0.0.1", "red")], "'red'"),
        ([("10.0.0.1", None), ("10.0.0.1", "red")], None),
        ([("10.0.0.2", "red")], None),
        ([], None),
        (
            [("10.0.0.1", f"s{number}") for number in range(11)],
            ", ".join(f"'s{number}'" for number in range(10)) + ", …",
        ),
    ],
    ids=["several", "one", "also without", "another controller", "none", "many"],
)
def test_store_absent_without_address_space_names_the_option(
    rows: list[tuple[str, str | None]], shown: str | None
) -> None:
    listed = Reply(value=[named(*row, str(number)) for number, row in enumerate(rows)])
    looks: list[Callable[[PeStore], Any]] = [lambda store: store.find(WITHOUT_SPACE), lambda store: store.query({})]
    for look in looks:
        store, _transport = opened(listed, absent=ABSENT_AT)
        if shown is None:
            look(store)
            continue
        with pytest.raises(OptionError) as caught:
            look(store)
        assert str(caught.value) == (
            f"address_space_name: is required: all instances of controller 10.0.0.1 have an address space ({shown})"
        )
    assert opened(listed)[0].find(WITHOUT_SPACE) is None or rows[0][1] is None


def test_store_finds_other_instances_of_a_task_with_absent() -> None:
    """The option is missing in one entry; the look after the creation of another must not fail for that."""
    store, _transport = opened(Reply(value=[named("10.0.0.1", "demo", "1")]), absent=ABSENT_AT)
    assert store.find(identity()) is not None


@pytest.mark.parametrize("ident", [None, "", True, ["x"]], ids=str)
def test_instance_without_id_is_named(ident: Any) -> None:
    store, _transport = opened(Reply(value=[raw("other", controller={**LOGIN, "ipAddress": "10.0.0.2"}), raw(ident)]))
    current = store.find(identity())
    with pytest.raises(ContractError) as caught:
        CONNECTOR_INSTANCE.plan(current, {}, ABSENT)
    assert str(caught.value).endswith(
        "It is the connector instance with controller '10.0.0.1' and address_space_name 'demo'"
    )


def test_instance_without_id_and_names_is_an_error() -> None:
    with pytest.raises(ContractError, match=r"without instance_id$"):
        CONNECTOR_INSTANCE.reference_of({"controller": None})


def test_ambiguous_error_says_what_to_do() -> None:
    store, _transport = opened(Reply(value=[raw("a"), raw("b")]))
    with pytest.raises(CollectionError) as caught:
        store.find(identity())
    assert "a, b" in str(caught.value)
    assert str(caught.value).endswith(
        "Keep one and delete the others with pe_connector_instance, instance_id and state: absent"
    )


def test_plan_of_a_new_instance_shows_its_settings() -> None:
    plan = CONNECTOR_INSTANCE.plan(None, DESIRED, PRESENT)
    assert plan.after is not None
    assert plan.after["additional_settings"] == {}
    assert "additional_settings" not in plan.changes
    given = CONNECTOR_INSTANCE.plan(None, {**DESIRED, "additional_settings": {"A": "1"}}, PRESENT)
    assert given.after is not None
    assert given.after["additional_settings"] == {"A": "1"}


def test_update_keeps_what_the_server_shows_at_that_time() -> None:
    plan = CONNECTOR_INSTANCE.plan(properties(), {**DESIRED, "controller_port": 1}, PRESENT)
    now = raw(controller={**LOGIN, "username": "new", "zone": 7})
    # Another store than the one that found it: nothing but the plan is handed on.
    store, transport = opened(Reply(value=now), Reply(), Reply(value=now))
    store.execute(plan, identity())
    assert transport.calls() == ["GET /instances/one", "PUT /instances/one", "GET /instances/one"]
    assert transport.sent[1].body["controller"] == {
        "ipAddress": "10.0.0.1",
        "port": 1,
        "username": "new",
        "password": "pass word",
        "zone": 7,
    }


def test_update_of_what_is_masked_meanwhile_is_refused() -> None:
    plan = CONNECTOR_INSTANCE.plan(properties(), {**DESIRED, "controller_port": 1}, PRESENT)
    store, transport = opened(Reply(value=raw(controller={**LOGIN, "username": "*****"})))
    with pytest.raises(OptionError, match=r"^controller_username: is required to change controller_port"):
        store.execute(plan, identity())
    assert transport.calls() == ["GET /instances/one"]


def test_controller_context_is_written_and_read() -> None:
    desired = {**DESIRED, "controller": "www.aws.amazon.com", "controller_context": "us-east-1"}
    aws = Identity(names={"controller": "www.aws.amazon.com", "address_space_name": "demo"})
    shown = raw(controller={**LOGIN, "ipAddress": "WWW.aws.amazon.com", "context": "us-east-1"})
    store, transport = opened(Reply(value={"id": "one"}), Reply(value=shown))
    created = store.execute(CONNECTOR_INSTANCE.plan(None, desired, PRESENT), aws)
    assert transport.sent[0].body["controller"]["context"] == "us-east-1"
    result = CONNECTOR_INSTANCE.to_result(created) or {}
    assert (result["controller"], result["controller_context"]) == ("www.aws.amazon.com", "us-east-1")
    changed = CONNECTOR_INSTANCE.plan(created, {"controller_context": "eu-west-1"}, PRESENT)
    assert changed.changes == {"controller_context": "eu-west-1"}


def test_snapshot_does_not_create_beside_unreadable_instances() -> None:
    rows = [raw(), raw("x", controller={"address": "10.0.0.9"})]
    store = opened(Reply(value=rows))[0]
    snapshot = Snapshot(CONNECTOR_INSTANCE, store, store.read({}))
    assert snapshot.find(identity()) is not None
    with pytest.raises(ContractError, match="1 of its connector instances without a readable controller"):
        snapshot.find(Identity(names={"controller": "10.0.0.9", "address_space_name": "demo"}))


def test_check_of_a_new_instance_requires_a_context() -> None:
    kind = Reply(value={"type": "Amazon Web Services", "controllerContexts": True})
    desired = {**DESIRED, "controller_username": "joe", "address_space_type": "VPC"}
    store, _transport = opened(kind)
    with pytest.raises(OptionError, match=r"^controller_context: is required by a connector of type Amazon Web Serv"):
        store.check(CONNECTOR_INSTANCE.plan(None, desired, PRESENT), None)
    store.check(CONNECTOR_INSTANCE.plan(None, {**desired, "controller_context": "us-east-1"}, PRESENT), None)
    # An instance that exists without one may have been created so.
    store.check(CONNECTOR_INSTANCE.plan(properties(), {**DESIRED, "controller_port": 1}, PRESENT), properties())
