# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of assumed names: replaced by another, everything works with a server that uses that one."""

from __future__ import annotations

import ast
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils._core.errors import OptionError
from plugins.module_utils._core.listing import read_listing, select
from plugins.module_utils._core.reconcile import Result, read_desired_state, reconcile
from plugins.module_utils._core.resource import ABSENT, Resource
from plugins.module_utils._pe.api import api_url
from plugins.module_utils._pe.bodies import read_settings
from plugins.module_utils._pe.connector_instance import CONNECTOR_INSTANCE
from plugins.module_utils._pe.connector_type import Connector
from plugins.module_utils._pe.json_names import MAX_FILE_BYTES, NAMES, JsonNames, read_json_names
from plugins.module_utils._pe.store import PeStore

from .helpers import FakeTransport, Reply, Sent, case_name, check_reference

PE = Path(__file__).resolve().parents[2] / "plugins" / "module_utils" / "_pe"


def other_names() -> JsonNames:
    """A table in which every name is another one, and paths are one step deeper."""
    values: dict[str, Any] = {}
    for item in fields(JsonNames):
        value = getattr(NAMES, item.name)
        if isinstance(value, tuple):
            values[item.name] = ("wrapped", *(f"x_{part}" for part in value))
        elif item.name in ("base", "connector", "instances"):
            values[item.name] = f"/other{value}"
        else:
            values[item.name] = f"x_{value}"
    return JsonNames(**values)


def test_read_settings_at_a_deeper_path() -> None:
    names = other_names()
    odd: list[dict[str, Any]] = [{}, {"wrapped": None}, {"wrapped": 5}, {"wrapped": {}}]
    for shown in odd:
        assert read_settings(names, shown) is None
    with pytest.raises(ValueError, match=r"^wrapped\.x_additionalSettings is not a list of objects$"):
        read_settings(names, {"wrapped": {"x_additionalSettings": "x"}})


def leaves(names: JsonNames) -> set[str]:
    """All names of a table."""
    found: set[str] = set()
    for item in fields(JsonNames):
        value = getattr(names, item.name)
        found |= set(value) if isinstance(value, tuple) else {value}
    return found


def keys(value: Any) -> Iterator[str]:
    """All keys in a JSON value."""
    if isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys(item)


class Server:
    """A connector server that knows one table of names, and stores what it is sent."""

    def __init__(self, names: JsonNames) -> None:
        self.names = names
        self.instances: dict[str, dict[str, Any]] = {}
        self.bodies: list[Any] = []

    def __call__(self, sent: Sent) -> Reply:
        names = self.names
        if sent.path == names.connector:
            setting = {names.type_setting_name: "REGION", names.type_setting_required: True}
            secret = {names.type_setting_name: "WORD", names.type_setting_type: "file"}
            return Reply(value={names.type: "X", names.contexts: True, names.type_settings: [setting, secret]})
        if sent.body is not None:
            self.bodies.append(sent.body)
        if sent.path == names.instances and sent.method == "POST":
            return Reply(value=self._put("7", sent.body))
        if sent.path == names.instances:
            return Reply(value=list(self.instances.values()))
        ident = sent.path[len(names.instances) + 1 :]
        if ident not in self.instances:
            return Reply(404)
        if sent.method == "DELETE":
            del self.instances[ident]
            return Reply(204)
        return Reply(value=self._put(ident, sent.body) if sent.method == "PUT" else self.instances[ident])

    def _put(self, ident: str, body: dict[str, Any]) -> dict[str, Any]:
        *parents, last = self.names.id
        stored: dict[str, Any] = {**body}
        place = stored
        for key in parents:
            place[key] = {**place.get(key, {})}
            place = place[key]
        place[last] = ident
        self.instances[ident] = stored
        return stored


@pytest.mark.parametrize("names", [NAMES, other_names()], ids=["the table", "another table"])
def test_the_table_is_all_that_holds_names(names: JsonNames, tmp_path: Path) -> None:
    (tmp_path / "word").write_text("secret word")
    server = Server(names)
    kind = CONNECTOR_INSTANCE
    transport = FakeTransport(server)
    options: dict[str, Any] = {
        "controller": "2001:DB8::1",
        "controller_context": "eu-1",
        "address_space_name": "demo",
        "address_space_type": "anything",
        "controller_username": "admin",
        "controller_password": "pass word",
        "additional_settings": {"REGION": "eu"},
        "file_settings": {"WORD": str(tmp_path / "word")},
    }
    created = act(kind, transport, names, options)
    assert created.changed
    assert created.result is not None
    assert created.result["instance_id"] == "7"
    assert not act(kind, transport, names, options).changed
    changed = act(kind, transport, names, {**options, "controller_port": 8443})
    assert changed.result == {**created.result, "controller_port": 8443}
    listing = read_listing(kind, {"controller": "2001:db8:0::1"}, check_reference)
    found = select(kind, store(kind, transport, names), listing)
    assert found == [changed.result]
    assert set(keys(server.bodies)) <= leaves(names)
    assert len(server.bodies) == 2
    assert all("pass word" in str(body) and "secret word" in str(body) for body in server.bodies)
    assert "secret word" not in str(created) + str(changed) + str(found)
    assert act(kind, transport, names, options, ABSENT).changed
    assert server.instances == {}
    assert all(sent.path.startswith((names.instances, names.connector or names.instances)) or not sent.path
               for sent in transport.sent)  # fmt: skip


def store(kind: Resource, transport: FakeTransport, names: JsonNames) -> PeStore:
    """A store as the API makes it for a task that gives all settings."""
    return PeStore(
        Connector(transport, names), kind, plain={("2001:db8::1", "demo"): {"REGION": "eu"}}, hidden=frozenset(["WORD"])
    )


def act(
    kind: Resource, transport: FakeTransport, names: JsonNames, options: dict[str, Any], state: str = "present"
) -> Result:
    """Reconcile what options ask for, as the module does."""
    request = read_desired_state(kind, {**options, "state": state}, check_reference)
    return reconcile(kind, store(kind, transport, names), request, dry_run=False)


def test_both_tables_have_no_name_in_common() -> None:
    assert leaves(NAMES) & leaves(other_names()) <= {""}


def test_the_address_of_the_api_comes_from_the_table() -> None:
    url = "https://pe.example.com:7443"
    assert api_url(url, other_names().base) == f"{url}/other/api/v2/connector"


def test_no_other_file_holds_a_name_of_its_own() -> None:
    """Names that are ordinary words (id, name, type) cannot be told from them here; the test above finds those."""
    telling = {name for name in leaves(NAMES) if any(char.isupper() or char == "/" for char in name)}
    assert {"ipAddress", "endpointAddressSpace", "additionalSettings", "/instances"} <= telling
    for path in PE.glob("*.py"):
        if path.name == "json_names.py":
            continue
        tree = ast.parse(path.read_text())
        held = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        assert not [text for text in held for name in telling if text == name], path.name


# A file that replaces entries of the table.


def names_file(directory: Path, text: str | bytes, name: str = "names.yml") -> str:
    path = directory / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


JSON_FILE = """{"id": "uuid", "controller": "link.address", "settings": ["a.b", "c"], "setting_value": "text.value",
 "base": "/api/v3/connector", "connector": "/type", "instances": "/instance_list"}"""
YAML_FILE = """
id: uuid
controller: link.address
settings: [a.b, c]
setting_value: text.value
base: /api/v3/connector
connector: /type
instances: /instance_list
"""


@pytest.mark.parametrize("text", [JSON_FILE, "\ufeff" + JSON_FILE, YAML_FILE], ids=["JSON", "BOM", "YAML"])
def test_read_json_names_replaces_entries(tmp_path: Path, text: str) -> None:
    assert read_json_names(names_file(tmp_path, text)) == replace(
        NAMES,
        id=("uuid",),
        controller=("link", "address"),
        settings=("a.b", "c"),
        setting_value="text.value",
        base="/api/v3/connector",
        connector="/type",
        instances="/instance_list",
    )


@pytest.mark.parametrize("path", [None, ""])
def test_read_json_names_without_a_file_is_the_table(path: str | None) -> None:
    assert read_json_names(path) is NAMES


def test_read_json_names_of_each_entry(tmp_path: Path) -> None:
    names = other_names()
    values = {item.name: getattr(names, item.name) for item in fields(JsonNames)}
    assert read_json_names(names_file(tmp_path, json.dumps(values))) == names


WRONG_FILES: list[tuple[str | bytes, str]] = [
    ("", "is empty"),
    (b"\xff", "is not UTF-8 text"),
    ("[]", "must be an object of names, such as id: uuid"),
    ("{}", "must be an object of names, such as id: uuid"),
    ("id", "must be an object of names, such as id: uuid"),
    ("{", "is not valid JSON: "),
    ("[" * 20000, "is nested too deeply"),
    ("a: [1", r"is neither valid JSON nor valid YAML \(line 1\)"),
    ("a: !!python/object:x.Y {}", r"is neither valid JSON nor valid YAML \(line 1\)"),
    ("a: " + "- " * 20000, "is neither valid JSON nor valid YAML"),
    ('{"controler": "x"}', r"unknown entry 'controler'; did you mean controller\?$"),
    ('{"ipAddress": "x"}', "unknown entry 'ipAddress'; known entries are base, connector, instances, "),
    ("true: x", "unknown entry 'True'; known entries are base"),
    ('{"id": 5}', "id must be a JSON key, keys joined by dots .controller.ipAddress. or a list of keys, not a number$"),
    ('{"id": true}', "id must be a JSON key.*, not a boolean$"),
    ('{"id": null}', "id must be a JSON key.*, not null$"),
    ('{"id": {"a": "b"}}', "id must be a JSON key.*, not an object$"),
    ('{"id": []}', "id must be a JSON key.*, not a list with other values$"),
    ('{"id": ["a", 1]}', "id must be a JSON key.*, not a list with other values$"),
    ('{"id": ""}', "id must be a JSON key.*, not ''$"),
    ('{"id": "a..b"}', "id must be a JSON key.*, not 'a..b'$"),
    ('{"id": " a"}', "id must be a JSON key.*, not ' a'$"),
    ('{"id": "a\\nb"}', "id must be a JSON key.*, not 'a"),
    ("id: 2026-01-02", "id must be a JSON key.*, not a value of another type$"),
    ('{"type": ["a"]}', "type must be a JSON key, not a list with other values$"),
    ('{"setting_name": ""}', "setting_name must be a JSON key, not ''$"),
    ('{"base": ""}', "base must be the path of a URL, such as /api/v2/connector, not ''$"),
    ('{"instances": ""}', "instances must be the path of a URL.*, not ''$"),
    *[
        (json.dumps({"base": text}), "base must be the path of a URL.*, not ")
        for text in ("api", "/a/", "//a", "/a/../b", "/..", "/a b", "/a?b", "/a#b", "/a%2fb", "https://pe/a", 5)
    ],
    ('{"controller": "controller"}', r"controller_port \(controller.port\) and controller \(controller\) overlap$"),
    ('{"id": "controller.port"}', r"\(controller.port\) overlap$"),
    ('{"setting_name": "value"}', "setting_name and setting_value must be different keys$"),
]


@pytest.mark.parametrize(("text", "problem"), WRONG_FILES, ids=case_name)
def test_read_json_names_refuses_a_wrong_file(tmp_path: Path, text: str | bytes, problem: str) -> None:
    path = names_file(tmp_path, text)
    with pytest.raises(OptionError, match=f"^json_names_path: .*{re.escape(path)}.*{problem}") as caught:
        read_json_names(path)
    assert len(str(caught.value)) < 1500


def test_read_json_names_refuses_other_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "large").write_bytes(b" " * (MAX_FILE_BYTES + 1))
    for name, problem in (
        ("fifo", "is not a regular file"),
        (".", "is not a regular file"),
        ("/dev/zero", "is not a regular file"),
        ("missing", "cannot be read: No such file or directory"),
        ("large", "is larger than 65536 bytes"),
    ):
        with pytest.raises(OptionError, match=f"^json_names_path: the file .* {problem}$"):
            read_json_names(str(tmp_path / name))


def test_read_json_names_without_pyyaml_reads_json_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert read_json_names(names_file(tmp_path, '{"id": "uuid"}')).id == ("uuid",)
    with pytest.raises(OptionError, match=r"YAML file requires the Python library PyYAML .*the file to JSON$"):
        read_json_names(names_file(tmp_path, YAML_FILE))
