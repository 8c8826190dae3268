# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings of a check of a server, and what they show of values."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.module_utils._core.errors import ApiError, ContractError, DeadlineError, RequestError
from plugins.module_utils._core.findings import Findings, shape_of
from plugins.module_utils._pe.json_names import NAMES
from plugins.module_utils._pe.names_proposal import propose_names

from .clients import Clock, make
from .loopback import Canned, Loopback

TABLE = {"one": "The first holds", "two": "The second holds"}


def look(error: RequestError) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "verdict", "seen"),
    [
        (ApiError("secret", "GET", "/x", 404), "differs", "status 404"),
        (ApiError("secret", "GET", "/x", 403), "not_seen", "status 403"),
        (ContractError("secret", "GET", "/x"), "not_seen", "a response of an unexpected form"),
        (DeadlineError("secret", "GET", "/x"), "not_seen", "no response"),
    ],
)
def test_failed_look_shows_no_words_of_the_server(error: RequestError, verdict: str, seen: str) -> None:
    findings = Findings(TABLE)
    findings.look(["two"], lambda: look(error))
    assert [(item["id"], item["verdict"], item["seen"]) for item in findings.to_result()] == [
        ("one", "not_seen", "nothing to look at"),
        ("two", verdict, seen),
    ]


def test_look_keeps_what_was_found_before_the_failure() -> None:
    findings = Findings(TABLE, "x_")

    def fail() -> None:
        findings.add("one", True, 1)
        raise DeadlineError("late", "GET", "/x")

    findings.look(["one", "two"], fail)
    assert [(item["id"], item["verdict"]) for item in findings.to_result()] == [
        ("x_one", "holds"),
        ("x_two", "not_seen"),
    ]


def test_wrong_credentials_end_the_check() -> None:
    with pytest.raises(ApiError):
        Findings(TABLE).look(["one"], lambda: look(ApiError("no", "GET", "/x", 401)))


def test_unknown_assumption_is_a_bug() -> None:
    with pytest.raises(KeyError):
        Findings(TABLE).add("three", True, 1)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (
            {"name": "web1", "n": 3, "on": True, "x": None, "f": 1.5},
            {"name": "string", "n": "integer", "on": "boolean", "x": "null", "f": "number"},
        ),
        ([{"a": 1}, {"a": 2}, {"b": "x"}], [{"a": "integer"}, {"b": "string"}]),
        ({"web1.example.com": 1, "x" * 51: 2}, {"(another name)": "integer"}),
        ({"a": {"b": {"c": {"d": {"e": "secret"}}}}}, {"a": {"b": {"c": {"d": "object"}}}}),
        ([], []),
    ],
)
def test_shape_has_types_instead_of_values(value: Any, shape: Any) -> None:
    assert shape_of(value) == shape


def test_limit_of_requests_counts_each_attempt(server: Loopback, clock: Clock) -> None:
    server.script = [Canned(503), Canned(200, {}, b"{}"), Canned(200, {}, b"{}")]
    client = make(server.url, clock)
    client.limit_requests(2)
    assert client.get("/first").json() == {}
    with pytest.raises(DeadlineError, match="GET /second was not sent"):
        client.get("/second")
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("instance", "proposed"),
    [
        ({"id": "1", "controller": {"ipAddress": "a"}}, {}),
        ({"uuid": "1", "controller": {"ipAddress": "a"}}, {"id": "uuid"}),
        (
            {"id": "1", "target": {"address": "a", "port": 1}},
            {"controller": "target.address", "controller_port": "target.port"},
        ),
        ({"id": "1", "host": "a", "url": "b"}, {}),
        (
            {"id": "1", "opts": [{"key": "a", "content": "b"}]},
            {"settings": "opts", "setting_name": "key", "setting_value": "content"},
        ),
        ({"id": "1", "opts": [{"a": "a", "b": "b"}, 3]}, {}),
    ],
)
def test_names_are_proposed_only_where_one_fits(instance: Any, proposed: dict[str, str]) -> None:
    assert propose_names(NAMES, [instance]) == proposed
