"""The simulator against the API page: what a PCE answers, independent of any client of the collection."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
import requests
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from tests.simulator import control
from tests.simulator.launch import Simulator, running

PROFILES = "/orgs/1/pairing_profiles"
DEFAULT = f"{PROFILES}/1"
# A shim in front of the interpreter would cost more time than the stand-in itself.
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


@dataclass(frozen=True)
class Client:
    """A plain HTTP client of the simulated PCE: paths are HREFs."""

    simulator: Simulator
    session: requests.Session

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request to /api/v2 without following redirections."""
        return self.send(method, f"/api/v2{path}", **options)

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request to a path of the server."""
        host = f"[{self.simulator.host}]" if ":" in self.simulator.host else self.simulator.host
        options = {"timeout": 10, "allow_redirects": False, **options}
        return self.session.request(method, f"https://{host}:{self.simulator.port}{path}", **options)

    def get(self, path: str, **parameters: Any) -> Any:
        """The JSON of a GET that must succeed."""
        response = self.ask("GET", path, params=parameters)
        assert response.status_code == 200, response.text
        return response.json()

    def create(self, **properties: Any) -> dict[str, Any]:
        """A new profile, enabled unless said otherwise."""
        response = self.ask("POST", PROFILES, json={"enabled": True, **properties})
        assert response.status_code == 201, response.text
        profile: dict[str, Any] = response.json()
        return profile

    def mint(self, profile: str = DEFAULT) -> str:
        """A new activation code of a profile."""
        response = self.ask("POST", f"{profile}/pairing_key", json={})
        assert response.status_code == 201, response.text
        return str(response.json()["activation_code"])

    def activate(self, code: str, hostname: str = "host1", **more: Any) -> requests.Response:
        """What a VEN does with its code."""
        body = {"activation_code": code, "hostname": hostname, **more}
        return self.send("POST", "/api/v25/agents/activate", json=body, auth=no_auth)


def no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave a request without credentials, in place of the session's."""
    return request


def client_of(simulator: Simulator) -> Client:
    """A client with the simulator's credentials that no variable of the environment can sway."""
    session = requests.Session()
    session.trust_env = False
    session.verify = simulator.ca_path
    session.auth = (simulator.api_key, simulator.api_secret)
    return Client(simulator, session)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One simulator for all tests of this file."""
    with running(tmp_path_factory.mktemp("simulator"), set=["job_retry_after=0"]) as simulator:
        client = client_of(simulator)
        with client.session:
            yield client


@pytest.fixture
def pce(started: Client) -> Client:
    """The simulator as it started."""
    started.simulator.reset()
    return started


def tokens(response: requests.Response) -> set[str]:
    """The tokens of a 406, which is always a list of entries with token and message."""
    assert response.status_code == 406, response.text
    entries = response.json()
    assert all(entry["message"] for entry in entries)
    return {entry["token"] for entry in entries}


# Transport


def test_wrong_credentials_are_401(pce: Client) -> None:
    key, secret = pce.simulator.api_key, pce.simulator.api_secret
    for auth in (no_auth, (key, "wrong"), ("api_other", secret), (key, "")):
        assert pce.ask("GET", PROFILES, auth=auth).status_code == 401
    assert pce.ask("GET", PROFILES, headers={"Authorization": "Basic !!"}, auth=no_auth).status_code == 401


def test_another_organisation_is_403(pce: Client) -> None:
    assert pce.ask("GET", "/orgs/2/pairing_profiles").status_code == 403


def test_a_missing_permission_is_403_and_changes_nothing(pce: Client) -> None:
    pce.simulator.settings(permissions="read_only")
    assert pce.ask("POST", PROFILES, json={"enabled": True}).status_code == 403
    assert len(pce.get(PROFILES)) == 1


@pytest.mark.parametrize("path", [f"{PROFILES}/99", f"{PROFILES}/abc", "/orgs/1/nonsense", "/orgs/1/labels/99"])
def test_what_is_not_there_is_404_without_json(pce: Client, path: str) -> None:
    response = pce.ask("GET", path)
    assert response.status_code == 404
    assert not response.content or response.headers["Content-Type"].startswith("text/html")


def test_an_unknown_method_is_405(pce: Client) -> None:
    assert pce.ask("POST", DEFAULT, json={}).status_code == 405
    assert pce.ask("GET", f"{DEFAULT}/pairing_key").status_code == 405


@pytest.mark.parametrize("media", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_of_another_media_type_is_415(pce: Client, media: str | None) -> None:
    headers = {"Content-Type": media} if media else {}
    for method, path in (("POST", PROFILES), ("PUT", DEFAULT), ("POST", f"{DEFAULT}/pairing_key")):
        assert pce.ask(method, path, data=b'{"enabled": true}', headers=headers).status_code == 415
    assert len(pce.get(PROFILES)) == 1


@pytest.mark.parametrize(
    ("body", "token"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"\xff", "invalid_json"),
        (b'{"enabled": NaN}', "invalid_json"),
        (b"[]", "input_validation_error"),
        (b'"x"', "input_validation_error"),
        (b"null", "input_validation_error"),
    ],
)
def test_a_body_that_is_no_object_is_406(pce: Client, body: bytes, token: str) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert tokens(pce.ask("POST", PROFILES, data=body, headers=headers)) == {token}


def test_every_response_has_its_own_request_id(pce: Client) -> None:
    pce.simulator.fault("status", path="skip=this")
    responses = [
        pce.ask("GET", DEFAULT),
        pce.ask("GET", "/orgs/1/nonsense"),
        pce.ask("GET", PROFILES, auth=no_auth),
        pce.ask("DELETE", DEFAULT),
        pce.ask("GET", f"{PROFILES}?skip=this"),
        pce.send("GET", "/api/v25/software/ven/image"),
    ]
    assert [response.status_code for response in responses] == [200, 404, 401, 406, 503, 404]
    ids = [response.headers["x-request-id"] for response in responses]
    assert len(set(ids)) == len(ids)
    assert ids == [entry["request_id"] for entry in pce.simulator.journal()]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("list", r'\[\{"token": "[a-z_]+", "message": "[^"]+"'),
        ("single", r'\{"token": "[a-z_]+", "message": "[^"]+"'),
        ("error", r'\[\{"error": "[^"]+"\}\]$'),
        ("number", r"406$"),
        ("html", r"<html>.*default pairing profile"),
        ("empty", r"$"),
    ],
)
def test_every_error_body_form(pce: Client, form: str, expected: str) -> None:
    pce.simulator.settings(error_form=form)
    response = pce.ask("DELETE", DEFAULT)
    assert response.status_code == 406
    assert re.match(expected, response.text)


# Rate limit


def test_500_requests_a_minute(pce: Client) -> None:
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda _: pce.ask("GET", "/health").status_code, range(501)))
    assert (statuses.count(200), statuses.count(429)) == (500, 1)
    pce.simulator.settings(clock_offset=61)
    assert pce.ask("GET", "/health").status_code == 200


def test_retry_after_has_every_form(pce: Client) -> None:
    pce.simulator.settings(rate_limit=1)
    assert pce.ask("GET", DEFAULT).status_code == 200
    seen: dict[Any, str | None] = {}
    for setting in ("auto", 7, "date", "nonsense", None):
        pce.simulator.settings(retry_after=setting)
        response = pce.ask("GET", DEFAULT)
        assert response.status_code == 429
        seen[setting] = response.headers.get("Retry-After")
    assert 55 <= int(seen["auto"] or 0) <= 61
    assert parsedate_to_datetime(seen["date"] or "").timestamp() > time.time()
    assert (seen[7], seen["nonsense"], seen[None]) == ("7", "soon", None)


def test_the_rate_limit_can_be_switched_off_and_others_do_not_count(pce: Client) -> None:
    pce.simulator.settings(rate_limit=1)
    assert pce.ask("GET", DEFAULT, auth=no_auth).status_code == 401
    assert pce.send("GET", "/api/v25/software/ven/image", auth=no_auth).status_code == 404
    assert pce.ask("GET", DEFAULT).status_code == 200
    pce.simulator.settings(rate_limit=0)
    assert pce.ask("GET", DEFAULT).status_code == 200


# Collections


def names(profiles: list[dict[str, Any]]) -> set[str]:
    """The names of some profiles."""
    return {profile["name"] for profile in profiles}


def test_name_and_description_match_partially(pce: Client) -> None:
    pce.create(name="web", description="front end")
    pce.create(name="web-prod")
    pce.create(name="Old-Web", description="Back END")
    pce.create(name="db")
    assert names(pce.get(PROFILES, name="web")) == {"web", "web-prod", "Old-Web"}
    assert names(pce.get(PROFILES, description="end")) == {"web", "Old-Web"}
    assert names(pce.get(PROFILES, name="web", description="front")) == {"web"}
    assert pce.get(PROFILES, name="nothing of the kind") == []


def test_other_filters_match_exactly(pce: Client) -> None:
    pce.create(name="a", external_data_set="cmdb", external_data_reference="1", agent_software_release="23.2.20-157")
    pce.create(name="b", external_data_set="cmdb2", ven_type="endpoint")
    assert names(pce.get(PROFILES, external_data_set="cmdb")) == {"a"}
    assert names(pce.get(PROFILES, external_data_reference="1")) == {"a"}
    assert names(pce.get(PROFILES, agent_software_release="23.2.20-157")) == {"a"}
    assert names(pce.get(PROFILES, ven_type="endpoint")) == {"b"}


def test_labels_filter_is_an_or_of_ands(pce: Client) -> None:
    href = "/orgs/1/labels/{}".format
    for name, ids in (("r1a3", (1, 3)), ("r1", (1,)), ("e4", (4,)), ("none", ())):
        pce.create(name=name, labels=[{"href": href(ident)} for ident in ids])

    def found(*groups: list[str]) -> set[str]:
        return names(pce.get(PROFILES, labels=json.dumps(groups)))

    assert found([href(1)]) == {"r1a3", "r1"}
    assert found([href(1), href(3)]) == {"r1a3"}
    assert found([href(1), href(3)], [href(4)]) == {"r1a3", "e4"}
    assert found([href(1), href(4)]) == set()
    for nonsense in ("[", '["/orgs/1/labels/1"]', '{"a": 1}', "[[1]]", "1"):
        assert tokens(pce.ask("GET", PROFILES, params={"labels": nonsense}))


def test_filters_that_the_page_does_not_name(pce: Client) -> None:
    pce.create(name="off", enabled=False)
    assert len(pce.get(PROFILES, enabled="true")) == 2
    pce.simulator.settings(unknown_filters="refuse")
    assert tokens(pce.ask("GET", PROFILES, params={"enabled": "true"}))
    assert len(pce.get(PROFILES, name="off", max_results=5)) == 1


def test_page_without_max_results_has_500_objects(pce: Client) -> None:
    pce.simulator.seed(generate={"pairing_profiles": 620, "prefix": "bulk-"})

    def page(**parameters: Any) -> tuple[int, str]:
        response = pce.ask("GET", PROFILES, params=parameters)
        return len(response.json()), response.headers["X-Total-Count"]

    assert page() == (500, "621")
    assert page(max_results=7) == (7, "621")
    assert page(max_results=0) == (0, "621")
    assert page(name="bulk-62") == (2, "2")
    for nonsense in ("-1", "x", "1.5"):
        assert tokens(pce.ask("GET", PROFILES, params={"max_results": nonsense}))


def start_job(pce: Client, **parameters: Any) -> requests.Response:
    """The 202 of an asynchronous GET."""
    response = pce.ask("GET", PROFILES, params=parameters, headers={"Prefer": "respond-async"})
    assert response.status_code == 202
    assert response.content == b""
    return response


def test_a_job_runs_ends_and_leads_to_the_whole_array(pce: Client) -> None:
    pce.simulator.seed(generate={"pairing_profiles": 620})
    pce.simulator.settings(job_polls=2)
    location = start_job(pce, name="bulk").headers["Location"]
    assert re.fullmatch(f"/orgs/1/jobs/{UUID}", location)
    jobs = [pce.get(location) for _turn in range(4)]
    assert [job["status"] for job in jobs] == ["running", "running", "done", "done"]
    assert {job["href"] for job in jobs} == {location}
    assert {job["job_type"] for job in jobs} == {":illumio/async_requests"}
    times = {"requested_at", "created_at", "terminated_at"}
    assert set(jobs[0]) == {"href", "job_type", "description", "result", "status", "requested_by", *times}
    assert [job["terminated_at"] is None for job in jobs] == [True, True, False, False]
    assert jobs[2] == jobs[3]
    datafile = jobs[-1]["result"]["href"]
    assert re.fullmatch(f"/orgs/1/datafiles/{UUID}", datafile)
    assert len(pce.get(datafile)) == 620


def test_location_of_a_job_alternates_when_set(pce: Client) -> None:
    pce.simulator.settings(job_location="alternate")
    base = f"https://{pce.simulator.host}:{pce.simulator.port}/api/v2"
    first, second = (start_job(pce).headers["Location"] for _turn in range(2))
    assert re.fullmatch(f"/orgs/1/jobs/{UUID}", first)
    assert re.fullmatch(f"{re.escape(base)}/orgs/1/jobs/{UUID}", second)
    assert pce.get(second.removeprefix(base))["status"] == "running"


def test_retry_after_of_a_job_may_be_missing(pce: Client) -> None:
    pce.simulator.settings(job_retry_after=3)
    assert start_job(pce).headers["Retry-After"] == "3"
    pce.simulator.settings(job_retry_after=None)
    assert "Retry-After" not in start_job(pce).headers


def test_a_job_may_fail_or_never_end(pce: Client) -> None:
    pce.simulator.settings(job_polls=0, job_outcome="failed")
    job = pce.get(start_job(pce).headers["Location"])
    assert job["status"] == "failed"
    assert job["result"]["message"]
    pce.simulator.settings(job_outcome="never")
    location = start_job(pce).headers["Location"]
    assert {pce.get(location)["status"] for _turn in range(5)} == {"running"}


def test_a_job_takes_its_time(pce: Client) -> None:
    pce.simulator.settings(job_polls=0, job_seconds=100)
    location = start_job(pce).headers["Location"]
    assert pce.get(location)["status"] == "running"
    pce.simulator.settings(clock_offset=101)
    assert pce.get(location)["status"] == "done"


# Pairing profiles


def test_creating_answers_the_whole_object(pce: Client) -> None:
    label = {"href": "/orgs/1/labels/1"}
    profile = pce.create(name="new", labels=[label], allowed_uses_per_key=1, env_label_lock=True)
    assert profile == pce.get(profile["href"])
    assert re.fullmatch(f"{PROFILES}/[1-9][0-9]*", profile["href"])
    given = {"name": "new", "labels": [label], "allowed_uses_per_key": 1, "env_label_lock": True, "enabled": True}
    defaults = {
        "description": "",
        "enforcement_mode": "visibility_only",
        "key_lifespan": "unlimited",
        "visibility_level": "flow_summary",
        "app_label_lock": False,
        "total_use_count": 0,
        "is_default": False,
        "last_pairing_at": None,
        "agent_software_release": "Default (23.2.20-157)",
        "caps": ["write", "generate_pairing_key"],
        "created_by": {"href": "/users/1"},
    }
    assert profile.items() >= {**given, **defaults}.items()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", profile["created_at"])


def test_enabled_is_the_one_property_that_post_requires(pce: Client) -> None:
    assert "input_validation_error" in tokens(pce.ask("POST", PROFILES, json={"name": "x"}))
    assert pce.ask("POST", PROFILES, json={"enabled": False}).json()["enabled"] is False


READ_ONLY = {
    "status": "x",
    "status_lock": True,
    "total_use_count": 0,
    "last_pairing_at": None,
    "is_default": False,
    "created_at": "2015-11-01T01:20:06.135Z",
    "updated_at": "2015-11-01T01:20:06.135Z",
    "created_by": {"href": "/users/18"},
    "updated_by": {"href": "/users/18"},
    "href": DEFAULT,
    "caps": ["write"],
}

WRONG: list[tuple[str, Any]] = [
    ("unknown", 1),
    ("mode", "idle"),
    ("mode_lock", True),
    ("name", ""),
    ("name", "x" * 256),
    ("name", None),
    ("name", 5),
    ("description", None),
    ("enabled", "true"),
    ("enabled", 1),
    ("enabled", None),
    ("enforcement_mode", "illuminated"),
    ("enforcement_mode", None),
    ("visibility_level", "all"),
    ("env_label_lock", "yes"),
    ("log_traffic", 0),
    ("allowed_uses_per_key", 0),
    ("allowed_uses_per_key", -1),
    ("allowed_uses_per_key", 2147483648),
    ("allowed_uses_per_key", "60"),
    ("allowed_uses_per_key", "one_use"),
    ("allowed_uses_per_key", 1.5),
    ("allowed_uses_per_key", 5.0),
    ("allowed_uses_per_key", True),
    ("allowed_uses_per_key", None),
    ("allowed_user_per_key", 1),
    ("key_lifespan", "3600"),
    ("key_lifespan", 0),
    ("agent_software_release", 23),
    ("external_data_set", 1),
    ("ven_type", "laptop"),
    ("labels", None),
    ("labels", {}),
    ("labels", ["/orgs/1/labels/1"]),
    ("labels", [{}]),
    ("labels", [{"href": "/orgs/1/labels/1", "key": "role"}]),
]


@pytest.mark.parametrize(("name", "value"), [*WRONG, *READ_ONLY.items()])
def test_a_body_that_is_not_accepted_is_406(pce: Client, name: str, value: Any) -> None:
    before = pce.get(PROFILES)
    created = pce.ask("POST", PROFILES, json={"enabled": True, name: value})
    assert tokens(created) == {"input_validation_error"}
    assert name in created.text
    assert tokens(pce.ask("PUT", DEFAULT, json={name: value})) == {"input_validation_error"}
    assert pce.get(PROFILES) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "x" * 255),
        ("description", ""),
        ("allowed_uses_per_key", 1),
        ("allowed_uses_per_key", 2147483647),
        ("key_lifespan", "unlimited"),
        ("external_data_set", None),
        ("visibility_level", "flow_full_detail"),
        ("enforcement_mode", "selective"),
        ("labels", []),
        ("ven_type", "specified_during_activation"),
        ("log_traffic_lock", True),
    ],
)
def test_every_accepted_value_is_kept(pce: Client, name: str, value: Any) -> None:
    assert pce.create(**{name: value})[name] == value
    pce.ask("DELETE", f"{PROFILES}/2")
    assert pce.ask("PUT", DEFAULT, json={name: value}).status_code == 204
    assert pce.get(DEFAULT)[name] == value


def test_a_release_of_null_follows_the_default(pce: Client) -> None:
    assert pce.create(agent_software_release=None)["agent_software_release"].startswith("Default (")
    pce.ask("PUT", DEFAULT, json={"agent_software_release": "22.5.0"})
    assert pce.get(DEFAULT)["agent_software_release"] == "22.5.0"
    pce.ask("PUT", DEFAULT, json={"agent_software_release": None})
    assert pce.get(DEFAULT)["agent_software_release"] == "Default (23.2.20-157)"


def test_the_name_is_unique(pce: Client) -> None:
    pce.create(name="one")
    two = pce.create(name="two")
    assert tokens(pce.ask("POST", PROFILES, json={"enabled": True, "name": "one"})) == {"name_must_be_unique"}
    assert tokens(pce.ask("PUT", two["href"], json={"name": "one"})) == {"name_must_be_unique"}
    assert pce.ask("PUT", two["href"], json={"name": "two"}).status_code == 204


@pytest.mark.parametrize("href", ["/orgs/1/labels/99", "/orgs/2/labels/1", "/orgs/1/workloads/1", "1"])
def test_a_label_must_exist(pce: Client, href: str) -> None:
    assert tokens(pce.ask("POST", PROFILES, json={"enabled": True, "labels": [{"href": href}]}))
    assert tokens(pce.ask("PUT", DEFAULT, json={"labels": [{"href": href}]}))


def test_a_deleted_label_does_not_exist(pce: Client) -> None:
    pce.simulator.seed(labels=[{"href": "/orgs/1/labels/1", "key": "role", "value": "web", "deleted": True}])
    assert tokens(pce.ask("PUT", DEFAULT, json={"labels": [{"href": "/orgs/1/labels/1"}]}))
    assert pce.get("/orgs/1/labels/1")["deleted"] is True
    assert "/orgs/1/labels/1" not in {label["href"] for label in pce.get("/orgs/1/labels")}


def test_at_most_one_label_per_key(pce: Client) -> None:
    both = [{"href": "/orgs/1/labels/1"}, {"href": "/orgs/1/labels/2"}]
    assert tokens(pce.ask("PUT", DEFAULT, json={"labels": both}))
    assert pce.ask("PUT", DEFAULT, json={"labels": [both[0], {"href": "/orgs/1/labels/3"}]}).status_code == 204


def test_put_is_partial(pce: Client) -> None:
    before = pce.create(name="p", description="d", labels=[{"href": "/orgs/1/labels/1"}], key_lifespan=60)
    pce.simulator.settings(clock_offset=5)
    response = pce.ask("PUT", before["href"], json={"description": "new", "labels": []})
    assert (response.status_code, response.content) == (204, b"")
    after = pce.get(before["href"])
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"description", "labels", "updated_at"}


def test_old_shapes_are_kept_until_they_are_replaced(pce: Client) -> None:
    raw = {"name": "old", "mode": "illuminated", "allowed_uses_per_key": "60", "labels": None, "mode_lock": True}
    stored = pce.simulator.seed(pairing_profiles=[raw, raw])["pairing_profiles"]
    assert [pce.get(profile["href"]) for profile in stored] == stored
    assert stored[0] == {"href": f"{PROFILES}/2", **raw}
    assert len(pce.get(PROFILES, name="old")) == 2
    pce.ask("PUT", f"{PROFILES}/2", json={"enforcement_mode": "full"})
    new = {"enforcement_mode": "full", "mode": "enforced", "mode_lock": True}
    assert pce.get(f"{PROFILES}/2").items() >= new.items()
    pce.simulator.settings(mode_names="new")
    pce.ask("PUT", f"{PROFILES}/3", json={"enforcement_mode": "full"})
    assert "mode" not in pce.get(f"{PROFILES}/3")


def test_deleting(pce: Client) -> None:
    href = pce.create(name="gone")["href"]
    assert pce.ask("DELETE", href).status_code == 204
    assert pce.ask("GET", href).status_code == 404
    assert pce.ask("DELETE", href).status_code == 404
    assert pce.ask("PUT", href, json={}).status_code == 404
    assert pce.create(name="next")["href"] != href


def test_the_default_profile_cannot_be_deleted(pce: Client) -> None:
    assert pce.get(DEFAULT)["is_default"] is True
    assert tokens(pce.ask("DELETE", DEFAULT))
    assert pce.ask("GET", DEFAULT).status_code == 200


def test_caps_are_what_one_may_do(pce: Client) -> None:
    pce.simulator.seed(pairing_profiles=[{"href": f"{PROFILES}/7", "name": "foreign", "enabled": True, "caps": []}])
    assert pce.ask("POST", f"{PROFILES}/7/pairing_key", json={}).status_code == 403
    assert pce.ask("PUT", f"{PROFILES}/7", json={}).status_code == 403
    assert pce.ask("DELETE", f"{PROFILES}/7").status_code == 403
    assert pce.ask("DELETE", f"{PROFILES}/7/pairing_keys").status_code == 403


# Pairing keys


def test_each_key_is_new_and_has_81_hex_digits(pce: Client) -> None:
    codes = {pce.mint() for _turn in range(3)}
    assert len(codes) == 3
    assert all(re.fullmatch("[0-9a-f]{81}", code) for code in codes)


@pytest.mark.parametrize("body", [{"uses": 1}, [], None])
def test_minting_takes_an_empty_object_only(pce: Client, body: Any) -> None:
    headers = {"Content-Type": "application/json"}
    response = pce.ask("POST", f"{DEFAULT}/pairing_key", data=json.dumps(body), headers=headers)
    assert tokens(response)
    assert pce.simulator.state()["pairing_keys"] == []


def test_disabled_profile_mints_keys_that_pair_no_host(pce: Client) -> None:
    codes = [pce.mint()]
    pce.ask("PUT", DEFAULT, json={"enabled": False})
    codes.append(pce.mint())
    assert all("disabled" in pce.activate(code).text for code in codes)
    pce.simulator.settings(disabled_profile_keys="refused")
    assert tokens(pce.ask("POST", f"{DEFAULT}/pairing_key", json={})) == {"pairing_profile_disabled"}
    assert len(pce.simulator.state()["pairing_keys"]) == 2


def test_the_hard_limit_until_all_keys_are_revoked(pce: Client) -> None:
    pce.simulator.settings(hard_limit=2)
    pce.mint()
    pce.mint()
    response = pce.ask("POST", f"{DEFAULT}/pairing_key", json={})
    assert tokens(response)
    assert "hard limit reached" in response.json()[0]["message"]
    assert pce.ask("DELETE", f"{DEFAULT}/pairing_keys").status_code == 204
    pce.mint()


def test_revoking_takes_all_keys_of_one_profile(pce: Client) -> None:
    codes = [pce.mint(), pce.mint()]
    other = pce.mint(pce.create(name="other")["href"])
    response = pce.ask("DELETE", f"{DEFAULT}/pairing_keys")
    assert (response.status_code, response.content) == (204, b"")
    assert all("revoked" in pce.activate(code).text for code in codes)
    assert pce.activate(other).status_code == 201


def test_keys_cannot_be_listed(pce: Client) -> None:
    assert pce.ask("GET", f"{DEFAULT}/pairing_keys").status_code == 405


# Activation


def test_activation_makes_a_paired_workload_that_is_alive(pce: Client) -> None:
    href = pce.create(name="p", enforcement_mode="full", labels=[{"href": "/orgs/1/labels/1"}])["href"]
    assert pce.activate(pce.mint(href), "web1").status_code == 201
    (workload,) = pce.get("/orgs/1/workloads", hostname="WEB", managed="true", online="true")
    assert re.fullmatch(f"/orgs/1/vens/{UUID}", workload["ven"]["href"])
    assert workload["agent"]["status"]["status"] == "active"
    assert (workload["hostname"], workload["managed"], workload["online"]) == ("web1", True, True)
    assert (workload["enforcement_mode"], workload["labels"]) == ("full", [{"href": "/orgs/1/labels/1"}])
    assert workload == pce.get(workload["href"])
    profile = pce.get(href)
    assert profile["total_use_count"] == 1
    assert profile["last_pairing_at"] is not None


def test_workload_filters(pce: Client) -> None:
    web = [{"hostname": "web1", "managed": True, "online": False}, {"hostname": "web10", "managed": False}]
    pce.simulator.seed(workloads=web)
    assert len(pce.get("/orgs/1/workloads", hostname="web1")) == 2
    assert [item["hostname"] for item in pce.get("/orgs/1/workloads", managed="true")] == ["web1"]
    assert pce.get("/orgs/1/workloads", online="true") == []
    assert tokens(pce.ask("GET", "/orgs/1/workloads", params={"managed": "yes"}))


def test_label_filters(pce: Client) -> None:
    pce.simulator.seed(labels=[{"key": "role", "value": "webserver"}])
    assert {label["value"] for label in pce.get("/orgs/1/labels", key="role", value="web")} == {"web", "webserver"}
    assert {label["key"] for label in pce.get("/orgs/1/labels", key="role")} == {"role"}


def test_the_uses_of_a_key_are_those_at_its_minting(pce: Client) -> None:
    pce.ask("PUT", DEFAULT, json={"allowed_uses_per_key": 2})
    code = pce.mint()
    pce.ask("PUT", DEFAULT, json={"allowed_uses_per_key": "unlimited"})
    assert [pce.activate(code, f"h{n}").status_code for n in range(3)] == [201, 201, 406]
    assert "used" in pce.activate(code, "h9").text
    unlimited = pce.mint()
    assert {pce.activate(unlimited, f"u{n}").status_code for n in range(4)} == {201}


@pytest.mark.parametrize(("stored", "uses"), [("one_use", 1), ("2", 2)])
def test_old_forms_of_the_limits_count(pce: Client, stored: str, uses: int) -> None:
    pce.simulator.seed(pairing_profiles=[{"href": f"{PROFILES}/7", "allowed_uses_per_key": stored}])
    code = pce.mint(f"{PROFILES}/7")
    assert [pce.activate(code, f"h{n}").status_code for n in range(uses + 1)] == [201] * uses + [406]


def test_a_key_lives_as_long_as_the_profile_said(pce: Client) -> None:
    pce.ask("PUT", DEFAULT, json={"key_lifespan": 60})
    code = pce.mint()
    pce.simulator.settings(clock_offset=50)
    assert pce.activate(code, "early").status_code == 201
    pce.simulator.settings(clock_offset=70)
    assert "expired" in pce.activate(code, "late").text
    assert [w["hostname"] for w in pce.get("/orgs/1/workloads")] == ["early"]


def test_the_code_of_a_deleted_profile_is_worth_nothing(pce: Client) -> None:
    href = pce.create(name="p")["href"]
    code = pce.mint(href)
    pce.ask("DELETE", href)
    assert pce.activate(code).status_code == 406


def test_locks_decide_what_the_script_may_override(pce: Client) -> None:
    labels = [{"href": "/orgs/1/labels/1"}, {"href": "/orgs/1/labels/4"}]
    locks = {"role_label_lock": True, "enforcement_mode_lock": True}
    locked = pce.create(name="locked", enforcement_mode="idle", labels=labels, **locks)["href"]
    wanted = {"enforcement_mode": "full", "labels": {"role": "db", "env": "test"}}
    pce.activate(pce.mint(locked), "a", **wanted)
    pce.ask("PUT", locked, json={"role_label_lock": False, "enforcement_mode_lock": False})
    pce.activate(pce.mint(locked), "b", **wanted)
    first, second = pce.get("/orgs/1/workloads")
    assert first["enforcement_mode"] == "idle"
    assert {label["href"] for label in first["labels"]} == {"/orgs/1/labels/1", "/orgs/1/labels/5"}
    assert second["enforcement_mode"] == "full"
    assert {label["href"] for label in second["labels"]} == {"/orgs/1/labels/2", "/orgs/1/labels/5"}


def test_an_activation_that_is_refused_uses_nothing_up(pce: Client) -> None:
    pce.ask("PUT", DEFAULT, json={"allowed_uses_per_key": 1})
    code = pce.mint()
    assert "role=nobody" in pce.activate(code, labels={"role": "nobody"}).text
    assert pce.activate(code, enforcement_mode="enforced").status_code == 406
    assert pce.get("/orgs/1/workloads") == []
    assert pce.activate(code).status_code == 201


def test_pairing_again_is_counted_and_makes_no_second_workload(pce: Client) -> None:
    code = pce.mint()
    pce.activate(code, "web1")
    pce.activate(code, "web1")
    assert len(pce.get("/orgs/1/workloads")) == 1
    assert pce.get(DEFAULT)["total_use_count"] == 2
    assert [item["again"] for item in pce.simulator.state()["activations"]] == [False, True]


# Pairing a host


def script(pce: Client, version: int = 25, name: str = "pair.sh", ident: object = 1) -> requests.Response:
    """The script as a host gets it: without credentials."""
    parameters = {"pair_script": name, "profile_id": str(ident)}
    return pce.send("GET", f"/api/v{version}/software/ven/image", params=parameters, auth=no_auth)


@pytest.mark.parametrize("version", [6, 18, 25, 26, 27])
def test_the_script_needs_no_credentials(pce: Client, version: int) -> None:
    response = script(pce, version)
    assert response.status_code == 200
    assert response.text.startswith("#!/bin/sh\n")
    assert f'API_VERSION = "{version}"' in response.text
    # The two that are left are filled in on the host.
    assert set(re.findall(r"@[A-Z_]+@", response.text)) == {"@PROGRAM_DIR@", "@DATA_DIR@"}
    assert script(pce, version, "pair.ps1").status_code == 200


def test_there_is_no_script_for_what_is_not_there(pce: Client) -> None:
    for answer in (script(pce, ident=99), script(pce, ident="x"), script(pce, name="x.sh"), script(pce, version=5)):
        assert answer.status_code == 404


@dataclass(frozen=True)
class Host:
    """A host that is a directory: runs pair.sh and the program that it installs."""

    pce: Client
    root: Path
    name: str

    @property
    def program(self) -> Path:
        """The stand-in for the VEN's control program."""
        return self.root / self.name / "it's a program" / "illumio-ven-ctl"

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in an environment that has the stand-in's variables and nothing else."""
        environment = {
            "PATH": PATH,
            "ILLUMIO_STANDIN_PROGRAM_DIR": str(self.program.parent),
            "ILLUMIO_STANDIN_DATA_DIR": str(self.root / self.name / "data"),
            "ILLUMIO_STANDIN_HOSTNAME": self.name,
            "ILLUMIO_STANDIN_LOG": str(self.root / self.name / "log"),
        }
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)

    def pair(self, code: str, *more: str, server: str = "") -> subprocess.CompletedProcess[str]:
        """Fetch pair.sh and run it; the code is nowhere in what it prints or leaves behind."""
        (self.root / self.name).mkdir(exist_ok=True)
        path = self.root / self.name / "pair.sh"
        path.write_text(script(self.pce).text, encoding="utf-8")
        server = server or f"{self.pce.simulator.host}:{self.pce.simulator.port}"
        done = self.run("sh", str(path), "--management-server", server, "--activation-code", code, *more)
        left = "".join(file.read_text("utf-8") for file in path.parent.rglob("*") if file.is_file())
        assert code not in done.stdout + done.stderr + left
        return done

    def status(self) -> tuple[int, str]:
        """Exit status and last line of `illumio-ven-ctl status`, without the variables of the environment."""
        environment = {"PATH": PATH}
        done = subprocess.run(
            [self.program, "status"], env=environment, capture_output=True, text=True, timeout=30, check=False
        )
        return done.returncode, done.stdout.splitlines()[-1]


@pytest.fixture
def host(pce: Client, tmp_path: Path) -> Host:
    """A host of the name web1."""
    return Host(pce, tmp_path, "web1")


def test_pairing_a_host_and_a_second_one(pce: Client, host: Host, tmp_path: Path) -> None:
    pce.ask("PUT", DEFAULT, json={"allowed_uses_per_key": 2})
    code = pce.mint()
    done = host.pair(code, "--enforcement_mode", "full", "--role", "db")
    assert (done.returncode, done.stderr) == (0, "")
    assert "paired" in done.stdout
    assert "paired" in (tmp_path / "web1" / "log").read_text()
    assert host.status() == (0, "Agent State: enforced")
    second = Host(pce, tmp_path, "web2")
    assert second.pair(code).returncode == 0
    assert second.status() == (0, "Agent State: illuminated")
    workloads = pce.get("/orgs/1/workloads")
    assert [workload["hostname"] for workload in workloads] == ["web1", "web2"]
    assert workloads[0]["labels"] == [{"href": "/orgs/1/labels/2"}]
    spent = Host(pce, tmp_path, "web3").pair(code)
    assert spent.returncode == 1
    assert "has been used" in spent.stderr


def test_a_wrong_code_leaves_a_ven_that_says_it_is_unpaired(pce: Client, host: Host) -> None:
    done = host.pair("0" * 81)
    assert done.returncode == 1
    assert "activation code is not known" in done.stderr
    assert host.status() == (1, "Agent State: unpaired")
    assert pce.get("/orgs/1/workloads") == []
    # With a good code the same host can be paired.
    assert host.pair(pce.mint()).returncode == 0
    assert host.status()[0] == 0
    # And stays what it is when a later attempt fails.
    assert host.pair("0" * 81).returncode == 1
    assert host.status() == (0, "Agent State: illuminated")


def test_an_unreachable_or_untrusted_server(pce: Client, host: Host) -> None:
    assert "cannot reach" in host.pair("1" * 81, server="127.0.0.1:1").stderr
    # A name of the same address that the certificate does not hold.
    other = f"127.1:{pce.simulator.port}"
    assert "certificate" in host.pair(pce.mint(), server=other).stderr
    assert host.status() == (1, "Agent State: unpaired")
    assert host.pair(pce.mint(), "--insecure", server=other).returncode == 0


def test_a_proxy_is_asked_for_a_tunnel(pce: Client, host: Host) -> None:
    def refuse_one(listener: socket.socket) -> bytes:
        connection, _address = listener.accept()
        with connection:
            asked = connection.recv(4096)
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            return asked

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        listener.settimeout(10)
        asked = pool.submit(refuse_one, listener)
        done = host.pair(pce.mint(), "--proxy-server", f"127.0.0.1:{listener.getsockname()[1]}")
        assert asked.result().startswith(f"CONNECT 127.0.0.1:{pce.simulator.port} ".encode())
    assert "403" in done.stderr


@pytest.mark.parametrize("more", [("--color", "red"), ("--role",), ("stray",)])
def test_an_option_that_the_script_does_not_know(host: Host, more: tuple[str, ...]) -> None:
    done = host.pair("1" * 81, *more)
    assert done.returncode == 2
    assert "usage:" in done.stderr
    assert "stray" not in done.stderr
    assert not host.program.exists()


def test_a_slow_ven_the_switches_and_the_end(pce: Client, host: Host) -> None:
    pce.simulator.settings(ven_status_delay=2)
    host.pair(pce.mint())
    states = [host.status()[1] for _turn in range(3)]
    assert states == ["Agent State: activating"] * 2 + ["Agent State: illuminated"]
    for command, expected in (
        ("stop", (1, "Agent State: stopped")),
        ("start", (0, "Agent State: illuminated")),
        ("suspend", (0, "Agent State: suspended")),
        ("unsuspend", (0, "Agent State: illuminated")),
        ("deactivate", (1, "Agent State: unpaired")),
    ):
        assert host.run(str(host.program), command).returncode == 0
        assert host.status() == expected
    assert [workload["managed"] for workload in pce.get("/orgs/1/workloads")] == [False]
    server = f"{pce.simulator.host}:{pce.simulator.port}"
    activated = host.run(
        str(host.program), "activate", "--management-server", server, "--activation-code", pce.mint(), "--insecure"
    )
    assert activated.returncode == 0
    assert host.run(str(host.program), "unpair", "nonsense").returncode == 2
    assert host.run(str(host.program), "unpair", "recommended").returncode == 0
    assert not host.program.exists()
    assert [workload["managed"] for workload in pce.get("/orgs/1/workloads")] == [False]


# Journal


def test_the_journal_tells_what_was_asked_and_no_secret(pce: Client) -> None:
    code = pce.mint()
    pce.ask("GET", PROFILES, params={"name": "x"})
    pce.activate(code, "web1")
    pce.ask("GET", DEFAULT, auth=no_auth)
    pce.send("GET", "/elsewhere")
    entries = pce.simulator.journal()
    assert [(e["n"], e["method"], e["path"], e["status"]) for e in entries] == [
        (1, "POST", f"/api/v2{DEFAULT}/pairing_key", 201),
        (2, "GET", f"/api/v2{PROFILES}?name=x", 200),
        (3, "POST", "/api/v25/agents/activate", 201),
        (4, "GET", f"/api/v2{DEFAULT}", 401),
    ]
    assert [e["mutating"] for e in entries] == [True, False, True, False]
    assert [e["authenticated"] for e in entries] == [True, True, False, False]
    assert [e["user"] for e in entries] == [pce.simulator.api_key, pce.simulator.api_key, None, None]
    assert entries[2]["body"] == {"activation_code": "(redacted)", "hostname": "web1"}
    for secret in (code, pce.simulator.api_secret):
        assert secret not in json.dumps([entries, pce.simulator.state()])
    (key,) = pce.simulator.state()["pairing_keys"]
    assert key["sha256"] == hashlib.sha256(code.encode()).hexdigest()
    assert (key["used"], key["revoked"]) == (1, False)
    pce.simulator.clear_journal()
    assert pce.simulator.journal() == []


# Faults


def create_under(pce: Client, kind: str, **values: Any) -> requests.Response:
    """A POST that a fault is waiting for."""
    pce.simulator.fault(kind, method="POST", **values)
    return pce.ask("POST", PROFILES, json={"enabled": True, "name": "new"})


def stored(pce: Client) -> bool:
    """Whether that POST was carried out."""
    return "new" in names(pce.simulator.state()["pairing_profiles"])


@pytest.mark.parametrize(("kind", "done"), [("reset_before", False), ("reset_after", True)])
def test_a_reset_before_and_after_the_work(pce: Client, kind: str, done: bool) -> None:
    with pytest.raises(requests.ConnectionError):
        create_under(pce, kind)
    assert stored(pce) is done
    (entry,) = pce.simulator.journal()
    assert (entry["status"], entry["fault"]) == (None, kind)


def test_a_reset_is_one(pce: Client) -> None:
    pce.simulator.fault("reset_before")
    context = ssl.create_default_context(cafile=pce.simulator.ca_path)
    with (
        socket.create_connection((pce.simulator.host, pce.simulator.port)) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as connection,
    ):
        connection.sendall(b"GET /api/v2/health HTTP/1.1\r\nHost: pce\r\n\r\n")
        # Read below TLS, which makes an end of file of it.
        with pytest.raises(ConnectionResetError):
            list(iter(lambda: os.read(connection.fileno(), 4096), b""))


@pytest.mark.parametrize("act", [False, True])
def test_a_status_with_or_without_the_work(pce: Client, act: bool) -> None:
    response = create_under(pce, "status", status=502, form="html", headers={"Retry-After": "1"}, act=act)
    assert (response.status_code, response.headers["Retry-After"]) == (502, "1")
    assert response.text.startswith("<html>")
    assert stored(pce) is act


@pytest.mark.parametrize("kind", ["reset_after", "status"])
def test_fault_with_delay_acts_when_the_clock_says_so(pce: Client, kind: str) -> None:
    pce.simulator.settings(clock_stopped=True)
    values = {"act": True} if kind == "status" else {}
    with contextlib.suppress(requests.ConnectionError):
        create_under(pce, kind, delay=10, **values)
    assert pce.simulator.advance(9.99) == 9.99
    assert not stored(pce)
    pce.simulator.advance(0.01)
    assert stored(pce)
    assert len(pce.simulator.journal()) == 1


def test_fault_with_delay_acts_also_while_the_clock_is_left_alone(pce: Client) -> None:
    create_under(pce, "status", act=True, delay=0.01)
    while not stored(pce):
        time.sleep(0.01)


def test_reset_drops_what_a_fault_has_delayed(pce: Client) -> None:
    create_under(pce, "status", act=True, delay=10)
    pce.simulator.reset()
    pce.simulator.advance(20)
    assert not stored(pce)


def answer_on_a_connection_of_its_own(pce: Client, path: str = DEFAULT) -> list[bytes]:
    """Send a GET that keeps its connection. Return what comes until the server ends it, by TLS records."""
    token = base64.b64encode(f"{pce.simulator.api_key}:{pce.simulator.api_secret}".encode()).decode()
    context = ssl.create_default_context(cafile=pce.simulator.ca_path)
    with (
        socket.create_connection((pce.simulator.host, pce.simulator.port), timeout=30) as raw,
        context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=True) as connection,
    ):
        head = f"GET /api/v2{path} HTTP/1.1\r\nHost: pce\r\nAuthorization: Basic {token}\r\n\r\n"
        connection.sendall(head.encode())
        return list(iter(lambda: connection.recv(65536), b""))


def test_close_idle_answers_and_ends_a_kept_connection(pce: Client) -> None:
    pce.simulator.fault("close_idle")
    answer = b"".join(answer_on_a_connection_of_its_own(pce))
    head, _blank, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" not in head.lower()
    assert json.loads(body)["href"] == DEFAULT


def test_close_idle_is_known_before_the_next_request(pce: Client) -> None:
    """Each request of a client that keeps connections is answered, though each of them meets one that has ended."""
    pce.simulator.fault("close_idle", times=None)
    assert [pce.ask("DELETE", f"{DEFAULT}/pairing_keys").status_code for _turn in range(20)] == [204] * 20


def test_answers_end_their_connections_without_keep_alive(pce: Client) -> None:
    assert "Connection" not in pce.ask("GET", DEFAULT).headers
    pce.simulator.settings(keep_alive=False)
    assert b"connection: close" in b"".join(answer_on_a_connection_of_its_own(pce)).lower()


def test_a_hanging_answer(pce: Client) -> None:
    pce.simulator.fault("hang")
    with pytest.raises(requests.ReadTimeout):
        pce.ask("GET", DEFAULT, timeout=0.2)
    pce.simulator.fault("hang", seconds=0.1)
    with pytest.raises(requests.ConnectionError):
        pce.ask("GET", DEFAULT)


def test_a_slow_answer(pce: Client) -> None:
    pce.simulator.settings(keep_alive=False)
    pce.simulator.fault("slow", seconds=0)
    head, *body = answer_on_a_connection_of_its_own(pce)
    assert head.endswith(b"\r\n\r\n")
    assert {len(part) for part in body} == {1}
    assert json.loads(b"".join(body))["href"] == DEFAULT


def test_an_answer_that_is_slow_from_its_status_line_on(pce: Client) -> None:
    pce.simulator.fault("slow", seconds=0, head=True)
    parts = answer_on_a_connection_of_its_own(pce)
    assert {len(part) for part in parts} == {1}
    head, _blank, body = b"".join(parts).partition(b"\r\n\r\n")
    assert json.loads(body)["href"] == DEFAULT
    assert b"Connection: close" in head
    pce.simulator.fault("slow", seconds=0.001, head=True)
    assert pce.ask("DELETE", f"{DEFAULT}/pairing_keys").status_code == 204


def test_a_spoilt_answer(pce: Client) -> None:
    pce.simulator.fault("truncate")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        pce.ask("GET", DEFAULT)
    pce.simulator.fault("invalid_json")
    response = pce.ask("GET", DEFAULT)
    assert response.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        response.json()


def test_a_redirection_and_a_huge_answer(pce: Client) -> None:
    pce.simulator.fault("redirect", url="https://elsewhere.invalid/", status=307)
    response = pce.ask("GET", DEFAULT)
    assert (response.status_code, response.headers["Location"]) == (307, "https://elsewhere.invalid/")
    pce.simulator.fault("huge", size=300_000)
    response = pce.ask("GET", DEFAULT)
    assert (len(response.content), response.json()) == (300_000, [])
    pce.simulator.fault("huge", size=300_000, packed=True)
    response = pce.ask("GET", DEFAULT)
    assert response.headers["Content-Encoding"] == "gzip"
    assert (len(response.content), response.json()) == (300_000, [])


def test_which_requests_a_fault_hits(pce: Client) -> None:
    pce.simulator.fault("status", method="GET", path=r"profiles\?name=x", skip=1, times=2)

    def statuses(path: str, count: int) -> list[int]:
        return [pce.ask("GET", path).status_code for _turn in range(count)]

    assert statuses(PROFILES, 2) == [200, 200]
    assert statuses(f"{PROFILES}?name=x", 4) == [200, 503, 503, 200]
    pce.simulator.fault("status", times=None)
    assert statuses(DEFAULT, 3) == [503, 503, 503]
    pce.simulator.clear_faults()
    assert statuses(DEFAULT, 1) == [200]


# Control path and start


def test_reset_brings_back_the_start(pce: Client) -> None:
    initial = pce.simulator.state()
    pce.create(name="x")
    pce.ask("PUT", DEFAULT, json={"description": "changed"})
    pce.activate(pce.mint())
    pce.simulator.settings(rate_limit=1)
    pce.simulator.fault("status", times=None)
    pce.simulator.reset()
    assert pce.simulator.journal() == []
    assert pce.ask("GET", DEFAULT).status_code == 200
    assert pce.ask("GET", DEFAULT).status_code == 200
    after = pce.simulator.state()
    assert names(after["pairing_profiles"]) == {"Default"}
    assert after["pairing_profiles"][0]["description"] == ""
    assert (after["workloads"], after["pairing_keys"], after["activations"]) == ([], [], [])
    # They were made again, at another time.
    shown = [[(label["href"], label["key"], label["value"]) for label in state["labels"]] for state in (initial, after)]
    assert shown[0] == shown[1]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda simulator: simulator.settings(rate_limitt=1),
        lambda simulator: simulator.settings(job_outcome="maybe"),
        lambda simulator: simulator.fault("earthquake"),
        lambda simulator: simulator.fault("status", path="("),
        lambda simulator: simulator.seed(pairing_profile=[]),
        lambda simulator: simulator.seed(labels=[{"href": "/orgs/2/labels/1"}]),
    ],
)
def test_a_mistake_on_the_control_path_is_told(pce: Client, wrong: Any) -> None:
    with pytest.raises(ValueError, match="the simulator refuses"):
        wrong(pce.simulator)


@pytest.mark.parametrize(
    ("peer", "allowed"),
    [("127.0.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("192.0.2.1", False), ("2001:db8::1", False)],
)
def test_only_this_machine_controls(peer: str, allowed: bool) -> None:
    transport = Mock()
    transport.get_extra_info.side_effect = {"peername": (peer, 1)}.get
    request = make_mocked_request("GET", "/_simulator/state", transport=transport)
    handler = AsyncMock()
    if allowed:
        asyncio.run(control.loopback_only(request, handler))
    else:
        with pytest.raises(web.HTTPForbidden):
            asyncio.run(control.loopback_only(request, handler))
    assert handler.called is allowed


def test_options_of_the_start_and_ipv6(tmp_path: Path) -> None:
    options = {"host": "::1", "org_id": 7, "api_key": "api_me", "api_secret": "s", "rate_limit": 1}
    with running(tmp_path, **options) as simulator:
        client = client_of(simulator)
        assert (simulator.host, simulator.org_id, simulator.api_key) == ("::1", 7, "api_me")
        assert client.get("/orgs/7/pairing_profiles")[0]["href"] == "/orgs/7/pairing_profiles/1"
        assert client.ask("GET", "/health").status_code == 429
        simulator.settings(rate_limit=0)
        simulator.reset()
        assert [client.ask("GET", "/health").status_code for _turn in range(2)] == [200, 429]
        assert (tmp_path / "simulator.json").stat().st_mode & 0o777 == 0o600
        os.kill(simulator.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(simulator.pid, 0)


def test_a_start_that_fails_tells_why(pce: Client, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="cannot listen"), running(tmp_path, port=pce.simulator.port):
        pass


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    program = (
        "import os, sys, pathlib\n"
        "from tests.simulator.launch import running\n"
        "with running(pathlib.Path(sys.argv[1])) as simulator:\n"
        "    print(simulator.pid, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    for _look in range(500):
        if not alive(pid):
            break
        time.sleep(0.05)
    assert not alive(pid)


def alive(pid: int) -> bool:
    """The process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
