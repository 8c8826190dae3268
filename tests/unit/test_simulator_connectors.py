"""The simulated connector servers against the API page (pe-api.md), each variant by its setting."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.simulator.launch import Simulator, running

Json = dict[str, Any]

INSTANCES = "/api/v2/connector/instances"

INSTANCE: Json = {
    "controller": {"ipAddress": "192.0.2.1", "port": 8443, "username": "admin", "password": "pass-word-1"},
    "endpointAddressSpace": {"type": "Project", "name": "demo"},
    "additionalSettings": [{"name": "TOKEN", "value": "setting-value-1"}],
}

SETTING = {"name": "TOKEN", "description": "A token", "type": "password", "required": False}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """Start one simulator with a connector over TLS and one without, for all tests of this file."""
    connectors = ["free", "http://plain=free"]
    with running(tmp_path_factory.mktemp("simulator"), connectors=connectors) as simulator:
        yield simulator


@pytest.fixture
def simulator(started: Simulator) -> Simulator:
    """Return the simulator as it started, with one setting of connectors, and contexts that are not required."""
    started.reset()
    started.settings(connector_contexts="ignored")
    about = {"type": "Example Cloud", "controllerContexts": True, "additionalSettings": [SETTING]}
    started.seed(connector_types={"free": about})
    return started


def ask(simulator: Simulator, method: str, path: str = "", body: Any = None, name: str = "free") -> requests.Response:
    """Send one request to a connector."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = simulator.ca_path
        url = f"{simulator.connectors[name]}{INSTANCES}{path}"
        return session.request(method, url, json=body, timeout=10)


def changed(*path: str, value: Any = None) -> Json:
    """Return the sample instance with another value at a path, without it where the value is None."""
    body = copy.deepcopy(INSTANCE)
    thing = body
    for name in path[:-1]:
        thing = thing[name]
    if value is None:
        del thing[path[-1]]
    else:
        thing[path[-1]] = value
    return body


def contexts(simulator: Simulator, needed: bool) -> None:
    """Let the connector's type say whether a context is needed."""
    simulator.seed(connector_types={"free": {"controllerContexts": needed, "additionalSettings": [SETTING]}})


@pytest.mark.parametrize("controller", ["www.aws.amazon.com", "https://controller.example.com/api", "2001:db8::1"])
def test_controller_is_an_address_a_name_or_a_url(simulator: Simulator, controller: str) -> None:
    created = ask(simulator, "POST", body=changed("controller", "ipAddress", value=controller))
    assert (created.status_code, created.json()["controller"]["ipAddress"]) == (200, controller)
    assert ask(simulator, "POST", body=changed("controller", "ipAddress", value=controller)).status_code == 500
    assert ask(simulator, "POST", body=changed("controller", "ipAddress", value="")).status_code == 500


def test_second_instance_of_an_identity_is_made_where_allowed(simulator: Simulator) -> None:
    ids = {ask(simulator, "POST", body=INSTANCE).json()["id"]}
    assert ask(simulator, "POST", body=INSTANCE).status_code == 500
    simulator.settings(connector_duplicates="allowed")
    ids.add(ask(simulator, "POST", body=INSTANCE).json()["id"])
    assert len(ids) == len(ask(simulator, "GET").json()) == 2


def test_port_of_a_controller_defaults_to_443(simulator: Simulator) -> None:
    assert ask(simulator, "POST", body=changed("controller", "port")).json()["controller"]["port"] == 443


@pytest.mark.parametrize("needed", [True, False])
def test_contexts_say_nothing_of_address_spaces_when_set(simulator: Simulator, needed: bool) -> None:
    contexts(simulator, needed)
    simulator.settings(connector_spaces="free")
    bodies = [INSTANCE, changed("endpointAddressSpace")]
    assert [ask(simulator, "POST", body=body).status_code for body in bodies] == [200, 200]
    simulator.settings(connector_spaces="by_contexts")
    simulator.seed(connector_instances={"free": []})
    other = [changed("controller", "ipAddress", value="192.0.2.2"), changed("endpointAddressSpace")]
    other[1]["controller"]["ipAddress"] = "192.0.2.3"
    assert [ask(simulator, "POST", body=body).status_code for body in other] == ([200, 500] if needed else [500, 200])


def test_context_is_required_when_the_type_says_so(simulator: Simulator) -> None:
    simulator.settings(connector_contexts="required", connector_spaces="free")
    assert ask(simulator, "POST", body=INSTANCE).status_code == 500
    created = ask(simulator, "POST", body=changed("controller", "context", value="us-east-1"))
    assert created.json()["controller"]["context"] == "us-east-1"
    contexts(simulator, False)
    assert ask(simulator, "POST", body=changed("endpointAddressSpace", "name", value="other")).status_code == 200


def test_connector_without_tls_is_plain_http(simulator: Simulator) -> None:
    assert simulator.connectors["plain"].startswith("http://")
    assert simulator.connectors["free"].startswith("https://")
    created = ask(simulator, "POST", body=changed("additionalSettings"), name="plain")
    assert created.status_code == 200
    assert ask(simulator, "GET", name="plain").json() == [created.json()]
    assert simulator.journal()[-1]["server"] == "plain"


NAMES = {
    "id": "instanceId",
    "controller": "host",
    "controller_password": "login.secret",
    "controller_username": "login.user",
    "address_space_name": "space",
    "settings": "options.list",
    "setting_name": "key",
    "setting_value": "text",
}

RENAMED: Json = {
    "host": "192.0.2.1",
    "controller": {"port": 8443},
    "login": {"user": "admin", "secret": "pass-word-1"},
    "endpointAddressSpace": {"type": "Project"},
    "space": "demo",
    "options": {"list": [{"key": "TOKEN", "text": "setting-value-1"}]},
}


def test_other_names_of_an_instance_are_sent_and_shown(simulator: Simulator) -> None:
    simulator.settings(connector_names=NAMES)
    created = ask(simulator, "POST", body=RENAMED)
    assert created.status_code == 200, created.text
    ident = created.json()["instanceId"]
    masked = copy.deepcopy(RENAMED)
    masked["login"]["secret"] = masked["options"]["list"][0]["text"] = "********"
    assert ask(simulator, "GET").json() == [{**masked, "instanceId": ident}]
    assert ask(simulator, "PUT", f"/{ident}", {**RENAMED, "host": "192.0.2.9"}).json()["host"] == "192.0.2.9"
    (stored,) = simulator.state()["connector_instances"]["free"]
    assert (stored["id"], stored["controller"]["ipAddress"]) == (ident, "192.0.2.9")
    assert ask(simulator, "DELETE", f"/{ident}").status_code == 204
    shown = json.dumps(simulator.journal())
    assert "192.0.2.9" in shown
    assert "pass-word-1" not in shown
    assert "setting-value-1" not in shown


def test_usual_name_is_unknown_where_another_is_set(simulator: Simulator) -> None:
    simulator.settings(connector_names={"controller": "host"})
    refused = ask(simulator, "POST", body=INSTANCE)
    assert refused.status_code == 500
    assert "ipAddress" in refused.text
    assert ask(simulator, "POST", body={"host": "192.0.2.1", "controller": "x"}).status_code == 500
    assert ask(simulator, "GET").json() == []


def test_journal_hides_values_when_only_the_key_is_renamed(simulator: Simulator) -> None:
    simulator.settings(connector_names={"setting_name": "key"})
    body = {**INSTANCE, "additionalSettings": [{"key": "TOKEN", "value": "setting-value-1"}]}
    assert ask(simulator, "POST", body=body).status_code == 200
    assert "setting-value-1" not in json.dumps(simulator.journal())


def test_odd_instance_of_a_seed_is_shown_as_it_is(simulator: Simulator) -> None:
    odd = {"id": "1", "controller": "none", "additionalSettings": None, "status": "IN_PROGRESS"}
    simulator.seed(connector_instances={"free": [odd]})
    assert ask(simulator, "GET").json() == [odd]
    simulator.settings(connector_names={"controller": "host"})
    assert ask(simulator, "GET").json() == [odd]
