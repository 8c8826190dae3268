"""pe_connector_instance, its info twin, pe_connector_info and pe_connector_instances."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import documented
from tests.integration.invariants import Case, Resource, check_case
from tests.integration.runner import Result, connector, run_ansible, run_module
from tests.simulator.launch import Simulator
from tests.simulator.state import digest

MODULE, INFO, BULK = "pe_connector_instance", "pe_connector_instance_info", "pe_connector_instances"
PASSWORD = "Corr3ct-Horse&Battery"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw\n-----END PRIVATE KEY-----\n"
IDENT = "8f0b2b0e-6d58-4c5e-9c7c-0f5d3c1f7a10"

IS: dict[str, Any] = {"controller": "10.92.82.18", "address_space_name": "demo"}
LOGIN: dict[str, Any] = {"controller_username": "admin", "controller_password": PASSWORD}
NEW: dict[str, Any] = {**IS, **LOGIN, "address_space_type": "Project"}
SHOWN: dict[str, Any] = {
    **IS,
    "controller_port": 443,
    "controller_username": "admin",
    "controller_context": None,
    "address_space_type": "Project",
    "additional_settings": {},
}
REGION = {"controller_context": "us-east-1"}
SETTINGS = {"SECURITY_GROUP_NAME": "infected-hosts", "SRX_ID_TAG": "srx", "SRX_USERNAME": "security"}


def _raw(name: str = "demo", ident: str = IDENT, ip: str = "10.92.82.18", **more: Any) -> dict[str, Any]:
    login = {"ipAddress": ip, "port": 443, "username": "admin", "password": PASSWORD}
    return {"id": ident, "controller": login, "endpointAddressSpace": {"type": "Project", "name": name}, **more}


DEMO = _raw()
OTHERS = [
    _raw("demo2", "demo2"),
    _raw("Demo", "capital"),
    _raw("demo", "elsewhere", "10.92.82.19"),
    _raw("demo", "v6", "2001:0db8:0000::0018"),
]
AWS = {
    **_raw(
        controller={
            "ipAddress": "WWW.aws.amazon.com",
            "port": 443,
            "username": "admin",
            "password": PASSWORD,
            "context": "us-east-1",
        }
    ),
    "endpointAddressSpace": {"type": "VPC", "name": "demo"},
    "additionalSettings": [
        {"name": "PRIVATE_KEY_FILE", "value": KEY},
        *({"name": name, "value": value} for name, value in SETTINGS.items()),
    ],
}
CLEARPASS = {"id": IDENT, "controller": DEMO["controller"]}


def resource(server: str) -> Resource:
    """The instances of one of the simulator's connectors."""
    return Resource(
        MODULE,
        INFO,
        "connector_instance",
        "connector_instances",
        reference="instance_id",
        connect=partial(connector, name=server),
        server=server,
        stored_reference="id",
        stored_name="id",
    )


def _with(*raws: dict[str, Any], server: str = "contrail") -> dict[str, Any]:
    return {"connector_instances": {server: list(raws)}}


ALL_OTHERS = tuple(raw["id"] for raw in OTHERS)
CONTRAIL_CASES = [
    Case("create", NEW, result=SHOWN),
    Case("create by another spelling", {**NEW, "controller": "2001:DB8:0:0::18"},
         result={**SHOWN, "controller": "2001:db8::18"}),
    Case("create with a port", {**NEW, "controller_port": 8443}, result={"controller_port": 8443}),
    Case("create beside like ones", NEW, seed=_with(*OTHERS), untouched=ALL_OTHERS, result=SHOWN),
    Case("create with strange characters", {**NEW, "address_space_name": "a&b=c %2e/../ü \"'#?"},
         result={"address_space_name": "a&b=c %2e/../ü \"'#?"}),
    Case("unchanged", {**NEW, "controller_port": 443}, changed=False, seed=_with(DEMO), result=SHOWN, reads=1),
    Case("unchanged without options", IS, changed=False, seed=_with(DEMO), result=SHOWN, reads=1),
    Case("unchanged by id", {"instance_id": IDENT}, changed=False, seed=_with(DEMO), result=SHOWN, reads=1),
    Case("unchanged, though the password may differ", {**NEW, "controller_password": "another"}, changed=False,
         seed=_with(DEMO), reads=1),
    Case("unchanged in another spelling", {**NEW, "controller": "2001:DB8::0:18"}, changed=False,
         seed=_with(*OTHERS), untouched=ALL_OTHERS, result={"instance_id": "v6", "controller": "2001:db8::18"}),
    Case("unchanged as a mapped address", {**NEW, "controller": "::ffff:10.92.82.18"}, changed=False,
         seed=_with(DEMO), result=SHOWN),
    Case("unchanged port as text", {**IS, "controller_port": 443}, changed=False,
         seed=_with(_raw(controller={**DEMO["controller"], "port": "443"})), result=SHOWN),
    Case("create at a host name", {**NEW, "controller": "Contrail.Example.com."},
         result={**SHOWN, "controller": "contrail.example.com"}),
    Case("unchanged as a host name", {**NEW, "controller": "CONTRAIL.example.com"}, changed=False,
         seed=_with(_raw(ip="contrail.example.com.")), result={"controller": "contrail.example.com"}),
    Case("create at a URL", {**NEW, "controller": "https://Contrail.example.com:443/"},
         result={**SHOWN, "controller": "https://contrail.example.com"}),
    Case("create beside a URL", {**NEW, "controller": "contrail.example.com"},
         seed=_with(_raw(ip="https://contrail.example.com")), untouched=(IDENT,),
         result={**SHOWN, "controller": "contrail.example.com"}),
    Case("create without an address space", {**LOGIN, "controller": "10.92.82.18"}, seed=_with(*OTHERS),
         untouched=ALL_OTHERS, result={**SHOWN, "address_space_name": None, "address_space_type": None}),
    Case("create with a context", {**NEW, "controller_context": "zone-1"},
         result={**SHOWN, "controller_context": "zone-1"}),
    Case("update the context", {**NEW, "controller_context": "zone-1"}, seed=_with(DEMO),
         result={**SHOWN, "instance_id": IDENT, "controller_context": "zone-1"}),
    Case("unchanged without a port shown", {**NEW, "controller_port": 443}, changed=False,
         seed=_with(_raw(controller={name: value for name, value in DEMO["controller"].items() if name != "port"})),
         result=SHOWN),
    Case("update", {**IS, "controller_port": 8443, "controller_password": PASSWORD}, seed=_with(DEMO, *OTHERS),
         untouched=ALL_OTHERS, result={**SHOWN, "instance_id": IDENT, "controller_port": 8443}),
    Case("update by id", {"instance_id": IDENT, "controller_username": "root", "controller_password": PASSWORD},
         seed=_with(DEMO), result={**SHOWN, "controller_username": "root"}),
    Case("make it anew", {**IS, "controller_port": 8443, "controller_password": PASSWORD, "recreate": True},
         seed=_with(DEMO, *OTHERS), settings={"put_status": 405}, untouched=ALL_OTHERS, unforeseen=("instance_id",),
         result={**SHOWN, "controller_port": 8443}),
    Case("make it anew where PUT is a 404", {**IS, "controller_port": 8443, "controller_password": PASSWORD,
         "recreate": True}, seed=_with(DEMO), settings={"put_status": 404}, unforeseen=("instance_id",)),
    Case("update although it may be made anew", {**IS, "controller_port": 8443, "controller_password": PASSWORD,
         "recreate": True}, seed=_with(DEMO), result={"instance_id": IDENT}),
    Case("delete", {**IS, "state": "absent"}, seed=_with(*OTHERS, DEMO), untouched=ALL_OTHERS, result=None),
    Case("delete by id", {"instance_id": IDENT, "state": "absent"}, seed=_with(DEMO), result=None),
    Case("absent beside like ones", {**IS, "state": "absent"}, changed=False, seed=_with(*OTHERS),
         untouched=ALL_OTHERS, result=None, reads=1),
    Case("absent by id", {"instance_id": IDENT, "state": "absent"}, changed=False, result=None, reads=2),
]  # fmt: skip


SECRETS = ("masked", "echoed", "absent")


@pytest.mark.parametrize(
    ("case", "secrets"),
    [(case, SECRETS[number % 3]) for number, case in enumerate(CONTRAIL_CASES)],
    ids=lambda value: value.name if isinstance(value, Case) else value,
)
def test_contrail(simulator: Simulator, case: Case, secrets: str) -> None:
    check_case(simulator, resource("contrail"), replace(case, settings={**case.settings, "connector_secrets": secrets}))


@pytest.fixture
def key(tmp_path: Path) -> str:
    path = tmp_path / "srx.pem"
    path.write_text(KEY)
    return str(path)


@pytest.mark.parametrize("secrets", SECRETS)
def test_aws(simulator: Simulator, key: str, secrets: str) -> None:
    files = {"file_settings": {"PRIVATE_KEY_FILE": key}}
    at_aws = {"controller": "www.aws.amazon.com", "address_space_name": "demo"}
    whole = {**NEW, **at_aws, **REGION, "address_space_type": "VPC", "additional_settings": SETTINGS, **files}
    seed = _with(AWS, server="aws")
    fewer = {name: value for name, value in SETTINGS.items() if name != "SRX_ID_TAG"}
    shown = {"additional_settings": SETTINGS, "instance_id": IDENT, **at_aws, **REGION}
    cases = [
        Case("create", whole, result={"additional_settings": SETTINGS}),
        Case("content from a variable", {**whole, "file_settings": {}, "secret_settings": {"PRIVATE_KEY_FILE": KEY}},
             result={"additional_settings": SETTINGS}),
        Case("unchanged", whole, changed=False, seed=seed, result=shown, reads=1),
        Case("unchanged settings kept", at_aws, changed=False, seed=seed, result=shown, reads=2),
        Case("update a setting", {**whole, "additional_settings": {**SETTINGS, "SRX_ID_TAG": "new"}}, seed=seed,
             result={"instance_id": IDENT, "additional_settings": {**SETTINGS, "SRX_ID_TAG": "new"}}),
        Case("update, settings kept", {**at_aws, **LOGIN, **files, "controller_port": 9}, seed=seed,
             result={**shown, "controller_port": 9}),
    ]  # fmt: skip
    for case in cases:
        check_case(simulator, resource("aws"), replace(case, settings={"connector_secrets": secrets}))
        (stored,) = simulator.state()["connector_instances"]["aws"]
        assert stored["controller"]["password"] == digest(PASSWORD)
        assert {"name": "PRIVATE_KEY_FILE", "value": digest(KEY)} in stored["additionalSettings"]
    refused = run_module(MODULE, {**connector(simulator, "aws"), **whole, "additional_settings": fewer})
    assert refused["failed"]
    assert "SRX_ID_TAG" in refused["msg"]


ALONE = {"controller": "10.92.82.18", **LOGIN}
SEED = _with(CLEARPASS, server="clearpass")
CLEARPASS_CASES = [
    Case("create", ALONE, result={**SHOWN, "address_space_name": None, "address_space_type": None}),
    Case("unchanged", ALONE, changed=False, seed=SEED, reads=1),
    Case("update", {**ALONE, "controller_port": 8443}, seed=SEED,
         result={"controller_port": 8443, "instance_id": IDENT}),
    Case("delete", {"controller": "10.92.82.18", "state": "absent"}, seed=SEED, result=None),
]  # fmt: skip


CLEARPASS_CASES.append(
    Case("create with an address space", {**NEW, "address_space_type": "Any"}, result={"address_space_type": "Any"})
)


@pytest.mark.parametrize("case", CLEARPASS_CASES, ids=lambda case: case.name)
def test_clearpass(simulator: Simulator, case: Case) -> None:
    check_case(simulator, resource("clearpass"), case)


def test_a_type_that_is_not_known_takes_any_address_space(simulator: Simulator) -> None:
    case = Case("create", {**NEW, "address_space_type": "Galaxy"}, result={"address_space_type": "Galaxy"})
    check_case(simulator, resource("free"), case)


BAD_INPUT = [
    ("controller_port", {**NEW, "controller_port": 0}),
    ("controller_port", {**NEW, "controller_port": 65536}),
    ("controller_port", {**NEW, "controller_port": -1}),
    ("controller_port", {**NEW, "controller_port": "https"}),
    *[
        ("controller", {**NEW, "controller": value})
        for value in (
            "",
            "10.92.82",
            "10.92.82.18/24",
            "10.92.82.18:443",
            "10.92.82.256",
            "::g",
            "two words",
            "a..b",
            "contrail:443",
            "ftp://contrail",
            "https://contrail?a=b",
            "https://joe:word@contrail",
            "joe:word@contrail",
        )
    ],
    ("controller_context", {**NEW, "controller_context": ""}),
    ("controller_context", {**NEW, "controller_context": " "}),
    ("controller_ip", {**NEW, "controller_ip": "10.92.82.18"}),
    ("address_space_name", {**NEW, "address_space_name": ""}),
    ("address_space_name", {**NEW, "address_space_name": "  "}),
    ("address_space_type", {**NEW, "address_space_type": ""}),
    ("controller_username", {**NEW, "controller_username": ""}),
    ("controller_password", {**NEW, "controller_password": ""}),
    ("controller", {"address_space_name": "demo", **LOGIN}),
    ("controller", {"state": "present"}),
    ("instance_id", {**NEW, "instance_id": IDENT}),
    ("instance_id", {"instance_id": IDENT, "address_space_name": "demo"}),
    ("instance_id", {"instance_id": ""}),
    ("instance_id", {"instance_id": "../../connector", "state": "absent"}),
    ("instance_id", {"instance_id": "a/b"}),
    ("instance_id", {"instance_id": "a?b=c"}),
    ("update_password", {**NEW, "update_password": "never"}),
    ("state", {**NEW, "state": "gone"}),
    ("additional_settings", {**NEW, "additional_settings": {"A": None}}),
    ("additional_settings", {**NEW, "additional_settings": {"A": [1]}}),
    ("additional_settings", {**NEW, "additional_settings": {"": "x"}}),
    ("additional_settings", {**NEW, "additional_settings": {"SRX_PASSWORD": "x"}}),
    ("secret_settings", {**NEW, "additional_settings": {"A": "x"}, "secret_settings": {"A": "y"}}),
    ("file_settings", {**NEW, "file_settings": {"A": "/does/not/exist"}}),
    ("file_settings", {**NEW, "file_settings": {"A": "/"}}),
    ("file_settings", {**NEW, "file_settings": {"A": "/dev/null"}}),
    ("file_settings", {**NEW, "file_settings": {"A": "/dev/zero"}}),
    ("file_settings", {**NEW, "file_settings": {"A": "FIFO"}}),
    ("json_names_path", {**NEW, "json_names_path": "/does/not/exist.yml"}),
    ("json_names_path", {**NEW, "json_names_path": "/"}),
    ("json_names_path", {**NEW, "json_names_path": "/dev/zero"}),
    ("json_names_path", {**NEW, "json_names_path": "FIFO"}),
    ("json_names_path", {**NEW, "json_names_path": "NAMES"}),
    ("did you mean controller_port?", {**NEW, "json_names_path": "NAMES"}),
    ("allow_http", {**NEW, "allow_http": "perhaps"}),
    ("allow_http", {**NEW, "connector_url": "http://127.0.0.1:1"}),
    ("connector_url", {**NEW, "connector_url": "http://127.0.0.1:1"}),
    ("connector_url", {**NEW, "connector_url": "https://127.0.0.1:0"}),
    ("connector_url", {**NEW, "connector_url": "https://127.0.0.1:65536"}),
    ("connector_url", {**NEW, "connector_url": "pe.example.com:7443"}),
    ("connector_url", {**NEW, "connector_url": ""}),
    ("connector_url", {**NEW, "connector_url": "https://user:word@127.0.0.1:1"}),
    ("connector_url", {**NEW, "connector_url": "https://127.0.0.1:1/a b"}),
    ("connector_url", {**NEW, "connector_url": "https://127.0.0.1:1/?a=b"}),
    ("connector_user", {**NEW, "connector_password": "word"}),
    ("connector_password", {**NEW, "connector_user": "user"}),
    ("timeout", {**NEW, "timeout": 0}),
    ("ca_path", {**NEW, "ca_path": "/does/not/exist.pem"}),
]


@pytest.mark.parametrize(("option", "options"), BAD_INPUT, ids=str)
def test_bad_input_names_the_option_and_sends_nothing(
    simulator: Simulator, tmp_path: Path, option: str, options: dict[str, Any]
) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "names.yml").write_text("controller_prt: port\n")
    places = {"FIFO": str(tmp_path / "fifo"), "NAMES": str(tmp_path / "names.yml")}
    given = {**connector(simulator, "contrail"), **options}
    text = json.dumps(given)
    for name, place in places.items():
        text = text.replace(f'"{name}"', json.dumps(place))
    result = run_module(MODULE, json.loads(text))
    assert result["failed"]
    assert option in result["msg"]
    assert "word@" not in json.dumps(result["msg"])
    assert "\n" not in result["msg"]
    assert "exception" not in result
    assert simulator.journal() == []


VPC = {**NEW, **REGION, "address_space_type": "VPC"}
KEEP = {"file_settings": {"PRIVATE_KEY_FILE": "KEY"}}
BAD_FOR_THE_TYPE: list[tuple[str, str, dict[str, Any], str]] = [
    ("contrail", "address_space_type", {**NEW, "address_space_type": "VPC"}, "Project"),
    ("contrail", "address_space_type", {**NEW, "address_space_type": "project"}, "Project"),
    ("contrail", "address_space_type", {**IS, **LOGIN}, "Project"),
    (
        "contrail",
        "address_space_name",
        {"controller": "10.92.82.18", **LOGIN, "address_space_type": "Project"},
        "is required with address_space_type",
    ),
    (
        "contrail",
        "additional_settings",
        {**NEW, "additional_settings": {"A": "x"}},
        "known settings are none",
    ),
    ("contrail", "controller_password", {**IS, "controller_username": "admin"}, "create"),
    ("contrail", "controller_username", {**IS, "controller_password": PASSWORD}, "create"),
    ("contrail", "instance_id", {"instance_id": IDENT, "controller_port": 1}, IDENT),
    ("aws", "address_space_type", {**NEW, **REGION}, "VPC"),
    (
        "aws",
        "controller_context",
        {**NEW, "address_space_type": "VPC"},
        "is required by a connector of type Amazon Web Services, such as us-east-1",
    ),
    ("aws", "additional_settings", {**VPC, "additional_settings": {"SECURITY_GROUP": "x"}}, "SECURITY_GROUP_NAME"),
    ("aws", "additional_settings", {**VPC, "additional_settings": {"srx_username": "x"}}, "did you mean SRX_USERNAME?"),
    ("aws", "additional_settings", {**VPC, **KEEP}, "SECURITY_GROUP_NAME (Infected Host Security Group) is required"),
    ("aws", "file_settings", {**VPC, "additional_settings": SETTINGS}, "PRIVATE_KEY_FILE"),
    ("aws", "file_settings", {**VPC, "file_settings": {"SRX_USERNAME": "KEY"}}, "additional_settings"),
    ("aws", "secret_settings", {**VPC, "secret_settings": {"SRX_USERNAME": "x"}}, "additional_settings"),
    ("clearpass", "address_space_type", {**IS, **LOGIN}, "is required with address_space_name"),
]


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(("server", "option", "options", "words"), BAD_FOR_THE_TYPE, ids=str)
def test_what_the_type_does_not_allow_names_the_option_and_writes_nothing(
    simulator: Simulator, key: str, server: str, option: str, options: dict[str, Any], words: str, check: bool
) -> None:
    files = dict.fromkeys(options.get("file_settings", ()), key)
    given = {**options, **({"file_settings": files} if files else {})}
    result = run_module(MODULE, {**connector(simulator, server), **given}, check=check)
    assert result["failed"]
    assert result["msg"].startswith(f"{option}: ")
    assert words in result["msg"]
    assert not any(entry["mutating"] for entry in simulator.journal())


@pytest.mark.parametrize("check", [True, False])
def test_an_update_that_would_lose_a_secret_is_refused(simulator: Simulator, key: str, check: bool) -> None:
    simulator.seed(**_with(AWS, server="aws"))
    aws = connector(simulator, "aws")
    at_aws = {**aws, "controller": "www.aws.amazon.com", "address_space_name": "demo", "controller_port": 8443}
    without = run_module(MODULE, at_aws, check=check)
    assert without["msg"].startswith("controller_password: is required to change controller_port")
    without = run_module(MODULE, {**at_aws, **LOGIN}, check=check)
    assert "PRIVATE_KEY_FILE" in without["msg"]
    assert not any(entry["mutating"] for entry in simulator.journal())


def test_a_server_without_put_is_told_and_nothing_is_written(simulator: Simulator) -> None:
    simulator.seed(**_with(DEMO))
    before = simulator.state()
    for status in (405, 404, 501):
        simulator.settings(put_status=status)
        result = run_module(MODULE, {**connector(simulator, "contrail"), **NEW, "controller_port": 8443})
        assert result["failed"]
        assert result["status"] == status
        assert "recreate: true" in result["msg"]
        assert "connector_url" not in result["msg"]
    assert simulator.state() == before


def test_what_was_deleted_to_be_made_anew_and_could_not_be_is_told(simulator: Simulator) -> None:
    simulator.seed(**_with(DEMO))
    simulator.settings(put_status=405)
    simulator.fault("status", method="POST", status=500)
    options = {**connector(simulator, "contrail"), **NEW, "controller_port": 8443, "recreate": True}
    result = run_module(MODULE, options)
    assert result["failed"]
    assert result["changed"]
    assert f"{IDENT} was deleted" in result["msg"]
    assert run_module(MODULE, options)["changed"]
    assert len(simulator.state()["connector_instances"]["contrail"]) == 1


def test_update_password_always_writes_it_each_time(simulator: Simulator) -> None:
    simulator.seed(**_with(DEMO))
    contrail = connector(simulator, "contrail")
    options = {**contrail, **IS, "controller_password": "N3w-one!", "update_password": "always"}
    for check in (True, False, False):
        result = run_module(MODULE, options, check=check)
        assert result["changed"]
        assert result["diff"]["before"] != result["diff"]["after"]
        assert "N3w-one!" not in json.dumps(result)
    (stored,) = simulator.state()["connector_instances"]["contrail"]
    assert stored["controller"] == {**DEMO["controller"], "password": digest("N3w-one!")}
    nothing = run_module(MODULE, {**contrail, **IS, "update_password": "always"})
    assert not nothing["changed"]


def test_two_of_one_identity_are_an_error_that_names_both(simulator: Simulator) -> None:
    simulator.seed(**_with(_raw("demo", "one", "2001:db8::18"), _raw("demo", "two", "2001:DB8:0::18")))
    for state in ("present", "absent"):
        options = {**NEW, "controller": "2001:db8::18", "state": state}
        result = run_module(MODULE, {**connector(simulator, "contrail"), **options})
        assert result["candidates"] == ["one", "two"]
    assert not any(entry["mutating"] for entry in simulator.journal())


POST_FAULTS: list[dict[str, Any]] = [
    {"kind": "status", "status": 500, "act": True},
    {"kind": "status", "status": 502, "act": True},
    {"kind": "reset_after"},
    {"kind": "truncate"},
    {"kind": "invalid_json"},
]


@pytest.mark.parametrize("fault", POST_FAULTS, ids=str)
def test_never_two(simulator: Simulator, fault: dict[str, Any]) -> None:
    simulator.fault(method="POST", server="contrail", **fault)
    options = {**connector(simulator, "contrail"), **NEW, "timeout": 1}
    result = run_module(MODULE, options)
    assert result["changed"], result
    (stored,) = simulator.state()["connector_instances"]["contrail"]
    assert result["connector_instance"]["instance_id"] == stored["id"]
    assert not run_module(MODULE, options)["changed"]


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 503}, {"kind": "reset_before"}], ids=str)
def test_post_without_clear_response_is_not_sent_again(simulator: Simulator, fault: dict[str, Any]) -> None:
    """The server may still be working on it, and would create a second one."""
    simulator.fault(method="POST", server="contrail", **fault)
    result = run_module(MODULE, {**connector(simulator, "contrail"), **NEW, "timeout": 1})
    assert result["failed"]
    assert result["changed"] is True
    assert "It is unknown whether the change was applied" in result["msg"]
    assert [entry["method"] for entry in simulator.journal()].count("POST") == 1
    assert run_module(MODULE, {**connector(simulator, "contrail"), **NEW})["changed"]
    assert len(simulator.state()["connector_instances"]["contrail"]) == 1


def test_a_post_that_is_late_is_not_sent_again(simulator: Simulator) -> None:
    simulator.fault("hang", method="POST", server="contrail", seconds=30)
    result = run_module(MODULE, {**connector(simulator, "contrail"), **NEW, "timeout": 1})
    assert "It is unknown" in result["msg"]
    assert [entry["method"] for entry in simulator.journal()].count("POST") == 1


def test_a_plain_500_is_not_tried_again(simulator: Simulator) -> None:
    simulator.fault("status", method="POST", status=500, message="no licence")
    result = run_module(MODULE, {**connector(simulator, "contrail"), **NEW})
    assert result["failed"]
    assert "no licence" in result["msg"]
    assert len([entry for entry in simulator.journal() if entry["method"] == "POST"]) == 1
    assert simulator.state()["connector_instances"]["contrail"] == []


def test_nothing_is_made_or_deleted_where_the_server_has_other_names(simulator: Simulator) -> None:
    simulator.seed(**_with({"id": "x1", "address": "10.92.82.18", "space": "demo"}))
    made = run_module(MODULE, {**connector(simulator, "contrail"), **NEW})
    assert made["failed"]
    assert "without a readable controller" in made["msg"]
    purged = _bulk(simulator, connector_instances=[NEW], purge=True)
    assert purged["failed"]
    assert "without a readable controller" in purged["msg"]
    nameless = {**connector(simulator, "contrail"), "controller": None, "state": "absent"}
    assert run_module(MODULE, nameless)["failed"]
    assert not any(entry["mutating"] for entry in simulator.journal())


def test_four_at_once_make_one(simulator: Simulator) -> None:
    results: list[Result] = []

    def work() -> None:
        results.append(run_module(MODULE, {**connector(simulator, "contrail"), **NEW}))

    threads = [threading.Thread(target=work) for _turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(simulator.state()["connector_instances"]["contrail"]) == 1
    assert not any(result.get("failed") for result in results), results


def test_user_and_password_of_the_connector(simulator: Simulator) -> None:
    simulator.settings(connector_auth=True)
    contrail = connector(simulator, "contrail")
    refused = run_module(INFO, contrail)
    assert refused["status"] == 401
    assert "connector_user" in refused["msg"]
    login = {"connector_user": simulator.api_key, "connector_password": simulator.api_secret}
    assert run_module(INFO, {**contrail, **login})["connector_instances"] == []
    env = {
        "PE_CONNECTOR_URL": contrail["connector_url"],
        "PE_CONNECTOR_USER": simulator.api_key,
        "PE_CONNECTOR_PASSWORD": simulator.api_secret,
        "PE_CA_PATH": simulator.ca_path,
    }
    assert run_module(INFO, {}, env=env)["connector_instances"] == []


@pytest.mark.parametrize("path", ["/api/v2/connector", "/api/v2/connector/"])
def test_the_path_of_the_api_may_be_given(simulator: Simulator, path: str) -> None:
    contrail = connector(simulator, "contrail")
    url = contrail["connector_url"] + path
    assert (
        run_module("pe_connector_info", {**contrail, "connector_url": url})["connector"]["type"] == "Juniper Contrail"
    )


def test_a_wrong_path_is_explained(simulator: Simulator) -> None:
    contrail = connector(simulator, "contrail")
    result = run_module(INFO, {**contrail, "connector_url": contrail["connector_url"] + "/api"})
    assert result["status"] == 404
    assert "connector_url" in result["msg"]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_wrong_path_does_not_read_as_absent(simulator: Simulator, state: str) -> None:
    contrail = connector(simulator, "contrail")
    url = contrail["connector_url"] + "/api/v3/connector"
    result = run_module(MODULE, {**contrail, "connector_url": url, "instance_id": IDENT, "state": state})
    assert result["status"] == 404
    assert "connector_url" in result["msg"]


def test_connector_info(simulator: Simulator) -> None:
    for server, contexts in (("contrail", False), ("aws", True), ("clearpass", False)):
        result = run_module("pe_connector_info", connector(simulator, server))
        documented.check_result("pe_connector_info", result)
        assert result["changed"] is False
        assert result["connector"]["controller_contexts"] is contexts
    aws = run_module("pe_connector_info", connector(simulator, "aws"))["connector"]
    assert aws["capabilities"][0] == "INFECTED_HOST_BLOCK"
    assert aws["additional_settings"][3] == {
        "name": "PRIVATE_KEY_FILE",
        "description": "SRX Authentication Key",
        "type": "file",
        "required": True,
    }


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, [IDENT, *ALL_OTHERS]),
    ({"instance_id": IDENT}, [IDENT]),
    ({"instance_id": "unknown"}, []),
    ({"instance_id": IDENT, "controller": "10.92.82.19"}, []),
    ({"controller": "10.92.82.18"}, [IDENT, "demo2", "capital"]),
    ({"controller": "2001:db8:0:0:0:0:0:18"}, ["v6"]),
    ({"address_space_name": "demo"}, [IDENT, "elsewhere", "v6"]),
    ({"address_space_name": "dem"}, []),
    ({"address_space_name": "demo", "controller": "10.92.82.19"}, ["elsewhere"]),
    ({"address_space_type": "Project", "max_results": 2}, [IDENT, "demo2"]),
    ({"address_space_type": "VPC"}, []),
]


@pytest.mark.parametrize(("options", "expected"), FILTERS, ids=str)
def test_filters(simulator: Simulator, options: dict[str, Any], expected: list[str]) -> None:
    simulator.seed(**_with(DEMO, *OTHERS))
    result = run_module(INFO, {**connector(simulator, "contrail"), **options})
    documented.check_result(INFO, result)
    assert [item["instance_id"] for item in result["connector_instances"]] == expected


@pytest.mark.parametrize(
    ("option", "options"),
    [
        ("controller", {"controller": "contrail.example.com:443"}),
        ("address_space_name", {"address_space_name": ""}),
        ("instance_id", {"instance_id": "a/b"}),
        ("max_results", {"max_results": -1}),
    ],
    ids=str,
)
def test_a_bad_filter_names_the_option_and_sends_nothing(
    simulator: Simulator, option: str, options: dict[str, Any]
) -> None:
    result = run_module(INFO, {**connector(simulator, "contrail"), **options})
    assert option in result["msg"]
    assert simulator.journal() == []


FREE: dict[str, Any] = {
    "type": "Example Cloud",
    "controllerContexts": False,
    "capabilities": [],
    "additionalSettings": [
        {"name": "REGION", "description": "Region", "type": "string", "required": True},
        {"name": "LOGIN_WORD", "description": "Login", "type": "password", "required": False},
        {"name": "KEYSTONE_URL", "description": "Keystone", "type": "string", "required": False},
    ],
}
FREE_SETTINGS = {"additional_settings": {"REGION": "eu", "KEYSTONE_URL": "https://ks"}}


def test_secret_settings_are_never_returned_even_where_they_are_echoed(simulator: Simulator, key: str) -> None:
    simulator.settings(connector_secrets="echoed")
    simulator.seed(connector_types={"free": FREE})
    secret = {"secret_settings": {"LOGIN_WORD": "W0rd-of-entry"}}
    free = connector(simulator, "free")
    created = run_module(MODULE, {**free, **NEW, **FREE_SETTINGS, **secret})
    listed = run_module(INFO, free)
    again = run_module(MODULE, {**free, **IS})
    gone = run_module(MODULE, {**free, **IS, "state": "absent"})
    for result in (created, listed, again, gone):
        assert not result.get("failed"), result
        assert "W0rd-of-entry" not in json.dumps(result)
        assert PASSWORD not in json.dumps(result)
    assert listed["connector_instances"] == [created["connector_instance"]]
    assert created["connector_instance"]["additional_settings"] == FREE_SETTINGS["additional_settings"]
    assert again["connector_instance"] == created["connector_instance"]


def test_an_error_that_repeats_the_body_shows_no_secret(simulator: Simulator, key: str) -> None:
    simulator.settings(connector_errors="echo")
    # A server that takes no address space where its type says that there are no contexts.
    simulator.settings(connector_spaces="by_contexts")
    about = {name: value for name, value in FREE.items() if name != "controllerContexts"}
    files = {"name": "KEY_FILE", "description": "", "type": "file", "required": True}
    simulator.seed(connector_types={"free": {**about, "additionalSettings": [files]}})
    options = {**connector(simulator, "free"), **NEW, "file_settings": {"KEY_FILE": key}}
    result, ended = run_ansible(MODULE, options, "-vvvv", "--diff")
    assert "endpointAddressSpace does not fit" in result["msg"]
    assert "MIIEvQ" not in ended.output
    assert PASSWORD not in ended.output


def test_the_content_of_a_file_is_taken_out_of_errors(simulator: Simulator, key: str) -> None:
    message = f"refused {json.dumps(KEY)} and <b>{KEY}</b> with {PASSWORD}"
    for form in ("list", "single", "error", "html"):
        simulator.fault("status", method="POST", status=500, form=form, message=message)
        options = {**VPC, "additional_settings": SETTINGS, "file_settings": {"PRIVATE_KEY_FILE": key}}
        result = run_module(MODULE, {**connector(simulator, "aws"), **options})
        assert ("refused" in result["msg"]) is (form != "html")
        assert "MIIEvQ" not in json.dumps(result)
        assert PASSWORD not in json.dumps(result)


# Many at once.

LIST = [{**NEW, "address_space_name": name} for name in ("a", "b", "c")]


def _bulk(simulator: Simulator, check: bool = False, server: str = "contrail", **options: Any) -> Result:
    simulator.clear_journal()
    return run_module(BULK, {**connector(simulator, server), **options}, check=check)


def _actions(result: Result) -> list[tuple[str, str]]:
    return [(entry["address_space_name"], entry["action"]) for entry in result["outcomes"]]


def test_many_hold_the_invariants(simulator: Simulator) -> None:
    simulator.seed(**_with(_raw("b", "b"), _raw("old", "old"), _raw("gone", "gone")))
    wanted = [
        LIST[0],
        {**LIST[1], "controller_port": 8443},
        LIST[2],
        {**NEW, "address_space_name": "gone", "state": "absent"},
    ]
    options: dict[str, Any] = {"connector_instances": wanted, "purge": True}
    foreseen = _bulk(simulator, check=True, **options)
    assert not any(entry["mutating"] for entry in simulator.journal())
    done = _bulk(simulator, **options)
    documented.check_result(BULK, done)
    assert _actions(foreseen) == _actions(done)
    assert _actions(done) == [("a", "create"), ("b", "update"), ("c", "create"), ("gone", "delete"), ("old", "delete")]
    assert done["diff"] == foreseen["diff"]
    assert set(done["diff"]["before"]) == {"10.92.82.18 b", "10.92.82.18 gone", "10.92.82.18 old"}
    assert set(done["diff"]["after"]) == {"10.92.82.18 a", "10.92.82.18 b", "10.92.82.18 c"}
    for check in (True, False):
        again = _bulk(simulator, check=check, **options)
        assert again["changed"] is False
        assert again["diff"] == {"before": {}, "after": {}}
        assert len(simulator.journal()) == 1
    shown = run_module(INFO, connector(simulator, "contrail"))["connector_instances"]
    present = [entry["connector_instance"] for entry in done["outcomes"] if entry["connector_instance"]]
    assert sorted(shown, key=str) == sorted(present, key=str)
    assert {entry["instance_id"] for entry in again["outcomes"]} == {None, *[entry["instance_id"] for entry in shown]}


def test_one_that_fails_does_not_stop_the_others_but_the_purge(simulator: Simulator) -> None:
    simulator.seed(**_with(_raw("old", "old")))
    wanted = [LIST[0], {**LIST[1], "address_space_type": "VPC"}, LIST[2]]
    result = _bulk(simulator, connector_instances=wanted, purge=True)
    assert result["failed"]
    assert result["changed"]
    assert _actions(result) == [("a", "create"), ("b", "failed"), ("c", "create")]
    assert "1 of 3" in result["msg"]
    assert "10.92.82.18 b: address_space_type" in result["msg"]
    assert "nothing was purged" in result["msg"]
    names = {item["endpointAddressSpace"]["name"] for item in simulator.state()["connector_instances"]["contrail"]}
    assert names == {"a", "c", "old"}


def test_many_may_be_made_anew_and_get_new_passwords(simulator: Simulator) -> None:
    simulator.seed(**_with(_raw("a", "a"), _raw("b", "b")))
    simulator.settings(put_status=405)
    wanted = [{**LIST[0], "controller_port": 8443}, LIST[1]]
    refused = _bulk(simulator, connector_instances=wanted)
    assert "1 of 2" in refused["msg"]
    assert "recreate: true" in refused["msg"]
    assert refused["changed"] is False
    simulator.fault("status", method="POST", status=500)
    half = _bulk(simulator, connector_instances=wanted, recreate=True)
    assert half["failed"]
    assert half["changed"]
    assert "a was deleted" in half["msg"]
    done = _bulk(simulator, connector_instances=wanted, recreate=True)
    assert _actions(done) == [("a", "create"), ("b", "nothing")]
    simulator.settings(put_status=0)
    again = _bulk(simulator, connector_instances=wanted, update_password="always")
    assert _actions(again) == [("a", "update"), ("b", "update")]


def test_a_purge_uncovers_nothing_by_the_settings_of_others(simulator: Simulator) -> None:
    simulator.settings(connector_secrets="echoed")
    word = [{"name": "LOGIN_WORD", "value": "W0rd-of-entry"}]
    about = {**FREE, "additionalSettings": [{**item, "required": False} for item in FREE["additionalSettings"]]}
    seed = [_raw("a", "a", additionalSettings=word), _raw("old", "old", additionalSettings=word)]
    simulator.seed(connector_types={"free": about}, connector_instances={"free": seed})
    for entry in ({**LIST[1], "additional_settings": {"LOGIN_WORD": "x"}}, {**LIST[0], "state": "absent"}):
        entries = [{**entry, "additional_settings": {"LOGIN_WORD": "x"}}]
        result = _bulk(simulator, check=True, server="free", connector_instances=entries, purge=True)
        assert "W0rd-of-entry" not in json.dumps(result)


def test_without_purge_others_stay(simulator: Simulator) -> None:
    simulator.seed(**_with(*OTHERS))
    _bulk(simulator, connector_instances=LIST)
    assert len(simulator.state()["connector_instances"]["contrail"]) == len(OTHERS) + 3


def test_an_empty_list_with_purge_removes_all(simulator: Simulator) -> None:
    simulator.seed(**_with(*OTHERS, _raw("demo", "twin1", "10.1.1.1"), _raw("demo", "twin2", "10.1.1.1")))
    result = _bulk(simulator, connector_instances=[], purge=True)
    assert len(result["diff"]["before"]) == len(result["outcomes"]) == 6
    assert simulator.state()["connector_instances"]["contrail"] == []


@pytest.mark.parametrize(
    ("words", "entries"),
    [
        ("connector_instances[3]", [*LIST, {**LIST[0], "controller_port": 1}]),
        (
            "connector_instances[1]",
            [{**NEW, "controller": "2001:db8::1"}, {**NEW, "controller": "2001:DB8:0::1"}],
        ),
        ("connector_instances[1].controller_port", [LIST[0], {**LIST[1], "controller_port": 65536}]),
        ("connector_instances[0].controller", [{**NEW, "controller": "contrail:443"}]),
        ("connector_instances[0].address_space_name", [{**NEW, "address_space_name": ""}]),
        ("controller", [{"address_space_name": "demo"}]),
        ("controller_port", [{**NEW, "controller_port": "https"}]),
        ("unknown", [{**NEW, "unknown": 1}]),
        (
            "connector_instances[0].secret_settings",
            [{**NEW, "additional_settings": {"A": "1"}, "secret_settings": {"A": "1"}}],
        ),
        (
            "connector_instances[1].secret_settings",
            [{**LIST[0], "additional_settings": {"A": "1"}}, {**LIST[1], "secret_settings": {"A": "word"}}],
        ),
    ],
    ids=str,
)
def test_a_bad_entry_is_named_before_any_request(simulator: Simulator, words: str, entries: list[Any]) -> None:
    result = _bulk(simulator, connector_instances=list(entries))
    assert result["failed"]
    assert words in result["msg"]
    assert PASSWORD not in json.dumps(result)
    assert simulator.journal() == []


# Connections and servers of other kinds.


def test_http_url_without_allow_http_says_why(simulator: Simulator) -> None:
    for module, options in ((MODULE, NEW), (INFO, {}), ("pe_connector_info", {}), (BULK, {"connector_instances": []})):
        result = run_module(module, {**connector(simulator, "plain"), **options})
        assert result["failed"]
        assert result["msg"] == (
            "connector_url: is http, which would send the passwords of controllers unencrypted; use https, or set "
            "allow_http: true"
        )
    assert simulator.journal() == []


@pytest.mark.parametrize("env", [{}, {"PE_ALLOW_HTTP": "true"}], ids=["option", "environment"])
def test_http_url_with_allow_http_warns_of_the_password(simulator: Simulator, env: dict[str, str]) -> None:
    options = {**connector(simulator, "plain"), **NEW, **({} if env else {"allow_http": True})}
    created = run_module(MODULE, options, env=env)
    assert created["changed"]
    assert len(simulator.state()["connector_instances"]["plain"]) == 1
    (warning,) = map(str, created["warnings"])  # newer ansible-core gives more than a text
    assert "connector_url is http" in warning
    assert "controller_password" in warning
    assert PASSWORD not in json.dumps(created)
    listed = run_module(INFO, {**connector(simulator, "plain"), "allow_http": True})
    assert len(listed["connector_instances"]) == 1
    assert len(listed["warnings"]) == 1


def test_https_url_with_allow_http_does_not_warn(simulator: Simulator) -> None:
    listed = run_module(INFO, {**connector(simulator, "contrail"), "allow_http": True})
    assert listed["connector_instances"] == []
    assert not listed.get("warnings")


OTHER_NAMES = {
    "id": "uuid",
    "controller": "link.host",
    "controller_port": "link.tcp",
    "controller_username": "login",
    "controller_password": "link.word",
    "controller_context": "where.region",
    "address_space_type": "space.kind",
    "address_space_name": "space.label",
    "settings": "options",
    "setting_name": "key",
    "setting_value": "content",
}
"""A table of names in which all names of an instance are others, by the words of the simulator."""


@pytest.fixture(params=["JSON by option", "YAML by option", "JSON by environment"])
def names(request: pytest.FixtureRequest, simulator: Simulator, tmp_path: Path) -> dict[str, Any]:
    """The connection to a server that has other names, with a file of them; and the environment of the module."""
    simulator.settings(connector_names=OTHER_NAMES)
    path = tmp_path / "names"
    is_json = request.param.startswith("JSON")
    path.write_text(json.dumps(OTHER_NAMES) if is_json else yaml.safe_dump(OTHER_NAMES))
    if "environment" in request.param:
        return {"options": {}, "env": {"PE_JSON_NAMES": str(path)}}
    return {"options": {"json_names_path": str(path)}, "env": {}}


def test_server_with_other_names_is_managed_by_a_names_file(
    simulator: Simulator, key: str, names: dict[str, Any]
) -> None:
    aws = {**connector(simulator, "aws"), **names["options"]}
    run = partial(run_module, env=names["env"])
    files = {"file_settings": {"PRIVATE_KEY_FILE": key}}
    wanted = {**VPC, "controller": "www.aws.amazon.com", "additional_settings": SETTINGS, **files}
    created = run(MODULE, {**aws, **wanted})
    assert created["changed"], created
    (stored,) = simulator.state()["connector_instances"]["aws"]
    assert stored["controller"]["ipAddress"] == "www.aws.amazon.com"
    assert stored["controller"]["password"] == digest(PASSWORD)
    assert not run(MODULE, {**aws, **wanted})["changed"]
    changed = run(MODULE, {**aws, **wanted, "controller_port": 8443})
    assert changed["connector_instance"] == {**created["connector_instance"], "controller_port": 8443}
    assert run(INFO, aws)["connector_instances"] == [changed["connector_instance"]]
    assert run(BULK, {**aws, "connector_instances": [], "purge": True})["changed"]
    assert simulator.state()["connector_instances"]["aws"] == []


def test_server_with_other_names_without_a_file_is_not_changed(simulator: Simulator, names: dict[str, Any]) -> None:
    seeded = simulator.seed(**_with(DEMO))
    contrail = connector(simulator, "contrail")
    for state in ("present", "absent"):
        result = run_module(MODULE, {**contrail, **NEW, "state": state})
        assert result["failed"]
        assert "without a readable controller" in result["msg"]
        assert "json_names_path" in result["msg"]
    assert not any(entry["mutating"] for entry in simulator.journal())
    assert seeded
    known = run_module(MODULE, {**contrail, **names["options"], **NEW}, env=names["env"])
    assert known["changed"] is False


def test_entry_of_a_list_beside_unreadable_instances_is_not_created(simulator: Simulator) -> None:
    simulator.seed(**_with(DEMO, {"id": "x1", "address": "10.92.82.18"}))
    result = _bulk(simulator, connector_instances=[{**NEW, "controller_port": 8443}, LIST[0]])
    assert _actions(result) == [("demo", "update"), ("a", "failed")]
    assert "without a readable controller" in result["outcomes"][1]["error"]


# What a task leaves out.


@pytest.mark.parametrize("check", [True, False])
def test_absent_without_address_space_names_the_option(simulator: Simulator, check: bool) -> None:
    simulator.seed(**_with(DEMO, *OTHERS))
    gone = {"controller": "10.92.82.18", "state": "absent"}
    single = run_module(MODULE, {**connector(simulator, "contrail"), **gone}, check=check)
    spaces = "all instances of controller 10.92.82.18 have an address space ('demo', 'demo2', 'Demo')"
    assert single["msg"] == f"address_space_name: is required: {spaces}"
    many = _bulk(simulator, check=check, connector_instances=[LIST[0], gone])
    assert many["msg"] == f"connector_instances[1].address_space_name: is required: {spaces}"
    assert many["changed"] is False
    assert not any(entry["mutating"] for entry in simulator.journal())
    other = run_module(MODULE, {**connector(simulator, "contrail"), **gone, "controller": "10.1.1.1"}, check=check)
    assert other["changed"] is False


def test_check_mode_of_a_create_shows_the_settings_of_the_run(simulator: Simulator) -> None:
    results = [run_module(MODULE, {**connector(simulator, "contrail"), **NEW}, check=check) for check in (True, False)]
    foreseen, done = (result["connector_instance"] for result in results)
    assert foreseen == {**done, "instance_id": None}
    assert foreseen["additional_settings"] == {}


def test_ambiguous_instances_can_be_mended_as_the_error_says(simulator: Simulator) -> None:
    simulator.seed(**_with(DEMO, _raw("demo", "late")))
    contrail = connector(simulator, "contrail")
    for result in (run_module(MODULE, {**contrail, **NEW}), _bulk(simulator, connector_instances=[NEW])):
        assert result["failed"]
        assert "delete the others with pe_connector_instance, instance_id and state: absent" in result["msg"]
    assert run_module(MODULE, {**contrail, "instance_id": "late", "state": "absent"})["changed"]
    assert run_module(MODULE, {**contrail, **NEW})["changed"] is False


def test_instance_without_an_id_is_named_in_the_error(simulator: Simulator) -> None:
    simulator.settings(connector_names={"id": "uuid"})
    simulator.seed(**_with(DEMO))
    result = run_module(MODULE, {**connector(simulator, "contrail"), **IS, "state": "absent"})
    assert result["failed"]
    assert "without instance_id" in result["msg"]
    assert "controller '10.92.82.18' and address_space_name 'demo'" in result["msg"]
    assert not any(entry["mutating"] for entry in simulator.journal())


def test_address_space_does_not_depend_on_contexts(simulator: Simulator) -> None:
    for contexts in (True, False, None):
        about: dict[str, Any] = {
            "type": "Example Cloud",
            "controllerContexts": contexts,
            "capabilities": [],
            "additionalSettings": [],
        }
        simulator.reset()
        simulator.seed(connector_types={"free": about})
        free = connector(simulator, "free")
        context = {"controller_context": "zone"} if contexts else {}
        with_space = run_module(MODULE, {**free, **NEW, **context})
        without = run_module(MODULE, {**free, **LOGIN, **context, "controller": "10.1.1.1"})
        assert (with_space.get("changed"), without.get("changed")) == (True, True), (with_space, without)
