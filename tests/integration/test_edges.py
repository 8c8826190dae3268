"""The edges as a user meets them: wrong options, broken networks, odd servers, the environment, and what is printed.

test_tls.py has servers that cannot be trusted, test_echoes.py and test_secrets.py what may not be told.
"""

from __future__ import annotations

import base64
import json
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.integration.runner import Result, connection, recap, run, run_ansible, run_module, run_playbook
from tests.simulator.launch import Simulator
from tests.unit.loopback import closed_port, proxying, serving

PROFILES = "/orgs/1/pairing_profiles"
OLD: dict[str, Any] = {
    "href": f"{PROFILES}/24",
    "name": "PP-OLD",
    "description": "Old",
    "enabled": True,
    "key_lifespan": 3600,
    "caps": ["write", "generate_pairing_key"],
}
GONE = {**OLD, "href": f"{PROFILES}/25", "name": "PP-GONE"}

WRITES: dict[str, dict[str, Any]] = {
    "POST": {"name": "PP-NEW", "description": "New"},
    "PUT": {"name": "PP-OLD", "description": "New"},
    "DELETE": {"name": "PP-GONE", "state": "absent"},
}
"""A task for each method that changes something, for different profiles, so that they can run at once."""

Options = dict[str, Any]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the user of this machine has exported and requests would read."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def other_ca(tmp_path: Path) -> str:
    """A CA that has nothing to do with any server."""
    path = tmp_path / "other-ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return str(path)


def at_once(calls: Mapping[str, Callable[[], Result]]) -> dict[str, Result]:
    """Run module processes at the same time. Return their results by the same names."""
    with ThreadPoolExecutor(len(calls)) as pool:
        futures = {name: pool.submit(call) for name, call in calls.items()}
        return {name: future.result() for name, future in futures.items()}


def writing(simulator: Simulator, **more: Any) -> dict[str, Callable[[], Result]]:
    """A run of the module for each of WRITES."""

    def call(options: Options) -> Callable[[], Result]:
        return lambda: run_module("pce_pairing_profile", {**connection(simulator), **options, **more})

    return {method: call(options) for method, options in WRITES.items()}


def seed(simulator: Simulator) -> None:
    simulator.seed(pairing_profiles=[OLD, GONE])


def stored(simulator: Simulator) -> dict[str, dict[str, Any]]:
    """The profiles by name, of which no two have the same."""
    found = simulator.state()["pairing_profiles"]
    assert max(Counter(item["name"] for item in found).values()) == 1
    return {item["name"]: item for item in found}


def message(result: Result) -> str:
    """The message of a failure: one readable line, and no trace of the program below it."""
    assert result["failed"], result
    assert not result.get("changed")
    assert "exception" not in result
    assert "Traceback" not in json.dumps(result)
    text = str(result["msg"])
    assert text.isprintable()
    return text


# A PCE that cannot be used.


@pytest.mark.parametrize(
    ("options", "settings", "words"),
    [
        ({"api_secret": "an0ther-s3cret"}, {}, ("401", "api_key or api_secret is wrong")),
        ({"api_key": "api_wrong"}, {}, ("401", "api_key or api_secret is wrong")),
        ({"pce_org_id": 2}, {}, ("403", "pce_org_id is not its organisation")),
        ({}, {"permissions": "read_only"}, ("403", "the API key lacks the permission")),
    ],
    ids=["secret", "key", "organisation", "permission"],
)
def test_who_may_not_is_told_why(
    simulator: Simulator, options: Options, settings: dict[str, Any], words: tuple[str, ...]
) -> None:
    seed(simulator)
    simulator.settings(**settings)
    before = simulator.state()
    for result in at_once(writing(simulator, **options)).values():
        assert all(word in message(result) for word in words), result
    assert simulator.state() == before


@contextmanager
def silent() -> Iterator[int]:
    """A port where connections come about and nothing is ever said."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@contextmanager
def nobody() -> Iterator[int]:
    """A port that nobody listens on."""
    yield closed_port()


@contextmanager
def plain() -> Iterator[int]:
    """The port of an HTTP server without TLS."""
    with serving() as server:
        yield server.server_address[1]
        assert server.seen == []


@pytest.mark.parametrize(
    ("port", "words"),
    [
        (nobody, ("cannot be reached", "see pce_host and pce_port", "Connection refused")),
        (silent, ("no answer in time", "deadline of 3 s")),
        (plain, ("the TLS connection to the PCE", "failed")),
    ],
)
@pytest.mark.parametrize("module", ["pce_pairing_profile", "pce_pairing_script_info"])
def test_where_no_pce_is(simulator: Simulator, port: Callable[[], Any], words: tuple[str, ...], module: str) -> None:
    options = {"name": "PP"} if module == "pce_pairing_profile" else {"profile_href": OLD["href"]}
    with port() as number:
        given = {**connection(simulator), "pce_port": number, "timeout": 1, "deadline": 3, **options}
        text = message(run_module(module, given))
    assert f"127.0.0.1:{number}" in text
    assert all(word in text for word in words), text


# What a PCE answers.


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("list", "forbidden_error ("),
        ("single", "forbidden_error ("),
        ("error", ""),
        ("number", "403"),
        ("html", "403 Forbidden"),
        ("empty", ""),
    ],
)
def test_every_form_of_an_error_is_readable(simulator: Simulator, form: str, said: str) -> None:
    seed(simulator)
    simulator.settings(error_form=form, permissions="read_only")
    elsewhere = {**connection(simulator), "pce_org_id": 2}
    calls = writing(simulator)
    calls["GET"] = lambda: run_module("pce_pairing_profile_info", elsewhere)
    results = at_once(calls)
    refused = {entry["method"]: entry for entry in simulator.journal() if entry["status"] == 403}
    assert set(refused) == set(results)
    for method, result in results.items():
        text, entry = message(result), refused[method]
        path = entry["path"].partition("?")[0].replace("/api/v2", "")
        assert text.startswith(f"the PCE answered 403 to {method} {path}: {said}")
        assert f"(X-Request-Id {entry['request_id']})" in text
        assert {key: result[key] for key in ("status", "method", "path", "request_id")} == {
            "status": 403,
            "method": method,
            "path": path,
            "request_id": entry["request_id"],
        }
        assert not any(char in text for char in "<>[]{}")


def _status(status: int, **more: Any) -> dict[str, Any]:
    return {"kind": "status", "status": status, **more}


FAULTS: dict[str, dict[str, Any]] = {
    "reset before": {"kind": "reset_before"},
    "reset after": {"kind": "reset_after"},
    "hang": {"kind": "hang", "seconds": 20},
    "truncate": {"kind": "truncate"},
    "invalid JSON": {"kind": "invalid_json"},
    **{f"{status}": _status(status) for status in (502, 503, 504)},
    **{f"{status} although done": _status(status, act=True) for status in (502, 503, 504)},
    "503 twice": _status(503, times=2),
    "429 with seconds": _status(429, headers={"Retry-After": "1"}),
    "429 with a date": _status(429, headers={"Retry-After": "DATE"}),
    "429 with nonsense": _status(429, headers={"Retry-After": "soon"}),
    "429 without a word": _status(429, form="empty"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_changes_no_result(simulator: Simulator, name: str) -> None:
    seed(simulator)
    fault = {"times": 1, **FAULTS[name]}
    if fault.get("headers") == {"Retry-After": "DATE"}:
        fault["headers"] = {"Retry-After": formatdate(time.time() + 2, usegmt=True)}
    for method in WRITES:
        simulator.fault(**fault, method=method)
    results = at_once(writing(simulator, timeout=2 if name == "hang" else 20, deadline=60))
    for method, result in results.items():
        assert not result.get("failed"), (method, result)
        assert result["changed"], method
    hit = Counter(entry["method"] for entry in simulator.journal() if entry["fault"])
    assert hit == dict.fromkeys(WRITES, fault["times"])
    found = stored(simulator)
    assert "PP-GONE" not in found
    assert {key: found["PP-NEW"][key] for key in ("description", "enabled")} == {"description": "New", "enabled": True}
    assert found["PP-OLD"] == {**found["PP-OLD"], **OLD, "description": "New"}
    assert results["POST"]["pairing_profile"]["href"] == found["PP-NEW"]["href"]
    assert results["PUT"]["pairing_profile"]["description"] == "New"


@pytest.mark.parametrize("act", [True, False])
def test_a_plain_500_is_looked_into(simulator: Simulator, act: bool) -> None:
    simulator.fault("status", status=500, method="POST", act=act)
    result = run_module("pce_pairing_profile", {**connection(simulator), **WRITES["POST"]})
    assert [entry["method"] for entry in simulator.journal()] == ["GET", "POST", "GET"]
    assert ("PP-NEW" in stored(simulator)) is act
    if act:
        assert result["changed"]
        assert result["pairing_profile"] == {**result["pairing_profile"], **WRITES["POST"], "enabled": True}
    else:
        assert f"the PCE answered 500 to POST {PROFILES}" in message(result)


def test_a_fault_while_reading_changes_no_result(simulator: Simulator) -> None:
    simulator.seed(pairing_profiles=[{**OLD, "name": "PP-OLD-x"}])
    faults = {name.replace(" ", ""): fault for name, fault in FAULTS.items() if not fault.get("act")}
    wrong = faults.pop("invalidJSON")
    del faults["429withadate"]
    simulator.fault(**wrong, path="description=")
    text = message(run_module("pce_pairing_profile_info", {**connection(simulator), "description": "Old"}))
    assert "the body is not valid JSON (X-Request-Id " in text
    # Each run asks for another data set, by which the faults tell them apart.
    for name, fault in faults.items():
        simulator.fault(**fault, method="GET", path=f"external_data_set={name}(&|$)")
    simulator.seed(pairing_profiles=[{**OLD, "href": f"{PROFILES}/{100 + number}", "name": name,
                                      "external_data_set": name} for number, name in enumerate(faults)])  # fmt: skip

    def call(name: str) -> Callable[[], Result]:
        options = {**connection(simulator), "external_data_set": name, "timeout": 4}
        return lambda: run_module("pce_pairing_profile_info", options)

    for name, result in at_once({name: call(name) for name in faults}).items():
        assert [item["name"] for item in result["pairing_profiles"]] == [name], result
    assert len([entry for entry in simulator.journal() if entry["fault"]]) == 1 + len(faults) + 1


def test_a_redirect_is_not_followed(simulator: Simulator) -> None:
    seed(simulator)
    before = simulator.state()
    with serving() as other:
        target = f"{other.url}/api/v2/steal?token=t0ken"
        for method, status in (("POST", 307), ("PUT", 308), ("DELETE", 302)):
            simulator.fault("redirect", method=method, url=target, status=status)
        simulator.fault("redirect", method="GET", path="name=reading", url=target, times=None)
        calls = writing(simulator)
        calls["GET"] = lambda: run_module("pce_pairing_profile_info", {**connection(simulator), "name": "reading"})
        for result in at_once(calls).values():
            text = message(result)
            assert f"a redirect to {other.address} is not followed; see pce_host and pce_port" in text
            assert "t0ken" not in text
        assert (other.connections, other.seen) == (0, [])
    assert simulator.state() == before


# What the task says, and what the environment says.


def counting(simulator: Simulator, env: Mapping[str, str], leave_out: tuple[str, ...] = (), **options: Any) -> Result:
    """Run a module that reads: the connection options but those left out, with `options` in their place."""
    given = {key: value for key, value in connection(simulator).items() if key not in leave_out}
    return run_module("pce_pairing_profile_info", {**given, "max_results": 0, **options}, env=env)


@pytest.mark.parametrize(
    ("options", "env", "trusted"),
    [
        ({"ca_path": "good"}, {"REQUESTS_CA_BUNDLE": "other", "CURL_CA_BUNDLE": "other"}, True),
        ({"ca_path": "good"}, {"REQUESTS_CA_BUNDLE": "missing", "CURL_CA_BUNDLE": "missing"}, True),
        ({"ca_path": "good"}, {"PCE_CA_PATH": "other"}, True),
        ({"ca_path": "other"}, {"PCE_CA_PATH": "good", "REQUESTS_CA_BUNDLE": "good"}, False),
        ({}, {"PCE_CA_PATH": "good", "REQUESTS_CA_BUNDLE": "other"}, True),
        ({}, {"PCE_CA_PATH": "", "REQUESTS_CA_BUNDLE": "good"}, True),
        ({}, {"REQUESTS_CA_BUNDLE": "good", "CURL_CA_BUNDLE": "other"}, True),
        ({}, {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": "good"}, True),
        ({}, {"REQUESTS_CA_BUNDLE": "missing"}, False),
        ({}, {}, False),
    ],
    ids=str,
)
def test_which_ca_is_trusted(
    simulator: Simulator, other_ca: str, options: dict[str, str], env: dict[str, str], trusted: bool
) -> None:
    files = {"good": simulator.ca_path, "other": other_ca, "missing": f"{other_ca}.missing", "": ""}
    given = {name: files[value] for name, value in options.items()}
    result = counting(simulator, {name: files[value] for name, value in env.items()}, ("ca_path",), **given)
    if trusted:
        assert result == {**result, "changed": False, "pairing_profiles": []}
    else:
        assert "ca_path" in message(result)
        assert simulator.journal() == []


PROXY_PASSWORD = "pr0xy-Passw0rd"


@pytest.mark.parametrize(
    ("options", "env", "used", "works"),
    [
        ({}, {"https_proxy": "closed"}, False, False),
        ({}, {"HTTPS_PROXY": "closed"}, False, False),
        ({}, {"PCE_PROXY": "closed"}, False, False),
        ({}, {"http_proxy": "closed"}, False, True),
        ({"use_proxy": False}, {"https_proxy": "closed"}, False, True),
        ({}, {"https_proxy": "closed", "PCE_USE_PROXY": "false"}, False, True),
        ({"use_proxy": True}, {"https_proxy": "tunnel", "PCE_USE_PROXY": "false"}, True, True),
        ({}, {"https_proxy": "closed", "no_proxy": "example.com,127.0.0.1"}, False, True),
        ({}, {"https_proxy": "tunnel"}, True, True),
        ({}, {"https_proxy": "", "HTTPS_PROXY": "", "PCE_PROXY": ""}, False, True),
        ({"proxy": "tunnel"}, {"https_proxy": "closed"}, True, True),
        ({"proxy": "tunnel"}, {"PCE_PROXY": "closed"}, True, True),
        ({"proxy": "tunnel"}, {"no_proxy": "*"}, True, True),
        ({}, {"PCE_PROXY": "tunnel", "https_proxy": "closed"}, True, True),
        ({"proxy": "closed"}, {"https_proxy": "tunnel"}, False, False),
    ],
    ids=str,
)
def test_which_proxy_is_used(
    simulator: Simulator, options: Options, env: dict[str, str], used: bool, works: bool
) -> None:
    with proxying() as proxy:
        urls = {
            "tunnel": f"http://joe:{PROXY_PASSWORD}@{proxy.address}",
            "closed": f"http://joe:{PROXY_PASSWORD}@127.0.0.1:{closed_port()}",
        }
        given: Options = {name: urls.get(value, value) if name == "proxy" else value for name, value in options.items()}
        result = counting(
            simulator,
            {name: urls.get(value, value) for name, value in env.items()},
            deadline=20 if works else 1,
            **given,
        )
        if works:
            assert result["pairing_profiles"] == [], result
        else:
            assert "the proxy did not connect to the PCE" in message(result)
            assert "see proxy" in message(result)
        assert PROXY_PASSWORD not in json.dumps(result)
        # Who passes bytes on sees no request of the PCE's, and so none of its credentials.
        assert [seen.method for seen in proxy.seen] == (["CONNECT"] if used else [])
        assert all("authorization" not in seen.headers for seen in proxy.seen)
    assert bool(simulator.journal()) is works


VARIABLES = {
    "pce_host": ("PCE_HOST", "ILLUMIO_PCE_HOST", "pce.invalid"),
    "pce_port": ("PCE_PORT", "ILLUMIO_PCE_PORT", "1"),
    "pce_org_id": ("PCE_ORG_ID", "ILLUMIO_PCE_ORG_ID", "2"),
    "api_key": ("PCE_API_KEY", "ILLUMIO_API_KEY_USERNAME", "api_wrong"),
    "api_secret": ("PCE_API_SECRET", "ILLUMIO_API_KEY_SECRET", "wrong"),
}


@pytest.mark.parametrize("option", VARIABLES)
def test_which_variable_counts(simulator: Simulator, option: str) -> None:
    first, second, wrong = VARIABLES[option]
    right = str(connection(simulator)[option])

    def call(env: dict[str, str], **options: Any) -> Callable[[], Result]:
        return lambda: counting(simulator, env, (option,), **{"deadline": 20, **options})

    works = {
        "its own": call({first: right}),
        "its own before the other": call({first: right, second: wrong}),
        "the other": call({second: right}),
        "the other where its own is empty": call({first: "", second: right}),
        "the option before both": call({first: wrong, second: wrong}, **{option: right}),
    }
    for name, result in at_once(works).items():
        assert result.get("pairing_profiles") == [], (name, result)
    fails = {
        "its own, wrong": call({first: wrong, second: right}, deadline=1),
        "the other, wrong": call({first: "", second: wrong}, deadline=1),
        "the option, wrong": call({first: right, second: right}, deadline=1, **{option: wrong}),
    }
    for name, result in at_once(fails).items():
        assert message(result), name


@pytest.mark.parametrize(
    ("prefixes", "host"), [((0,), "{host}"), ((1,), "{host}"), ((0, 1), "https://{host}:{port}/api/v2")], ids=str
)
def test_everything_from_the_environment(simulator: Simulator, prefixes: tuple[int, ...], host: str) -> None:
    """The port of a URL wins over the other port; empty variables count as not set."""
    known = connection(simulator)
    env = {"PCE_CA_PATH": simulator.ca_path, "PCE_TIMEOUT": "5", "PCE_DEADLINE": ""}
    for option, names in VARIABLES.items():
        env.update({names[index]: str(known[option]) if index == prefixes[0] else "" for index in prefixes})
    if "port" in host:
        env.update(PCE_PORT="1")
    env.update({VARIABLES["pce_host"][prefixes[0]]: host.format(host=simulator.host, port=simulator.port)})
    result = run_module("pce_pairing_profile_info", {"max_results": 0}, env=env)
    assert result["pairing_profiles"] == [], result


def test_nothing_from_anywhere_names_what_is_missing() -> None:
    env = {name: "" for names in VARIABLES.values() for name in names[:2]}
    text = message(run_module("pce_pairing_profile_info", {}, env=env))
    assert all(option in text for option in ("pce_host", "api_key", "api_secret"))
    assert text.endswith("; set them, or the environment variables PCE_API_KEY, PCE_API_SECRET, PCE_HOST"), text


# Whole runs of Ansible.


def write_playbook(directory: Path, *tasks: Mapping[str, Any], **play: Any) -> Path:
    """Write a playbook of one play on localhost."""
    path = directory / "play.json"
    path.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, **play, "tasks": tasks}]))
    return path


def task(module: str, options: Options, **more: Any) -> dict[str, Any]:
    return {f"microseg.enforcement.{module}": options, **more}


def every_module(**more: Any) -> list[dict[str, Any]]:
    """A task of each module, for the seed's profile."""
    return [
        task("pce_pairing_profile", WRITES["PUT"], **more),
        task("pce_pairing_profile_info", {"name": "PP-OLD", "exact": True}, register="found", **more),
        task("pce_pairing_key", {"profile": "PP-OLD"}, register="keys", **more),
        task("pce_pairing_script_info", {"profile_href": OLD["href"]}, register="script", **more),
    ]


def test_module_defaults_for_the_group(simulator: Simulator, tmp_path: Path) -> None:
    seed(simulator)
    seen = {
        "ansible.builtin.assert": {
            "that": [
                "found.pairing_profiles[0].description == 'New'",
                "keys.pairing_keys[0].activation_code | length == 81",
                "script.pairing_script.name == 'pair.sh'",
            ]
        }
    }
    defaults = {"group/microseg.enforcement.pce": connection(simulator)}
    playbook = write_playbook(tmp_path, *every_module(), seen, module_defaults=defaults)
    ended = run_playbook(playbook)
    assert ended.status == 0, ended.output
    assert recap(ended)["localhost"]["changed"] == 2


@pytest.mark.parametrize(
    ("method", "lines"),
    [
        ("POST", ['+    "description": "New"', '+    "enabled": true']),
        ("PUT", ['-    "description": "Old"', '+    "description": "New"']),
        ("DELETE", ['-    "description": "Old"', '-    "name": "PP-GONE"']),
    ],
)
def test_check_and_diff_show_and_change_nothing(simulator: Simulator, method: str, lines: list[str]) -> None:
    seed(simulator)
    before = simulator.state()
    options = {**connection(simulator), **WRITES[method]}
    result, ended = run_ansible("pce_pairing_profile", options, "--check", "--diff")
    assert ended.status == 0
    assert result["changed"]
    assert all(line in ended.stdout for line in ("--- before", "+++ after", *lines)), ended.stdout
    assert simulator.state() == before
    assert [entry["mutating"] for entry in simulator.journal()] == [False]


def test_without_diff_none_is_printed(simulator: Simulator) -> None:
    result, ended = run_ansible("pce_pairing_profile", {**connection(simulator), **WRITES["POST"]})
    assert result["changed"]
    assert "diff" not in result
    assert "+++" not in ended.output


def test_no_secret_is_printed(simulator: Simulator, tmp_path: Path) -> None:
    seed(simulator)
    secrets = [
        simulator.api_secret,
        base64.b64encode(f"{simulator.api_key}:{simulator.api_secret}".encode()).decode(),
        PROXY_PASSWORD,
        base64.b64encode(f"joe:{PROXY_PASSWORD}".encode()).decode(),
    ]
    with proxying() as proxy:
        address = f"joe:{PROXY_PASSWORD}@{proxy.address}"
        known = {**connection(simulator), "deadline": 10}
        values = tmp_path / "values.json"
        proxies = {"proxy_works": f"http://{address}", "proxy_wrong": f"http://{address}:99999",
                   "proxy_closed": f"http://joe:{PROXY_PASSWORD}@127.0.0.1:1"}  # fmt: skip
        values.write_text(json.dumps({"connection": known, **proxies}))
        values.chmod(0o600)
        failing = {"ignore_errors": True}
        tasks = [
            *every_module(vars={"chosen": "{{ proxy_works }}"}),
            *every_module(vars={"chosen": "{{ proxy_wrong }}"}, **failing),
            task("pce_pairing_profile", WRITES["PUT"],
                 vars={"chosen": "{{ proxy_closed }}", "connection_deadline": 1}, **failing),
            task("pce_pairing_profile", {"name": "Default", "state": "absent"},
                 vars={"chosen": "{{ proxy_works }}"}, **failing),
            task("pce_pairing_profile", {"name": "X", "pce_host": "https://joe:{{ connection.api_secret }}@pce:x"},
                 vars={"chosen": "{{ proxy_works }}"}, **failing),
        ]  # fmt: skip
        options = {name: "{{ connection." + name + " }}" for name in known}
        options.update(proxy="{{ chosen }}", deadline="{{ connection_deadline | default(10) }}")
        playbook = write_playbook(tmp_path, *tasks, module_defaults={"group/microseg.enforcement.pce": options})
        ended = run_playbook(playbook, "-vvvv", "--diff", "-e", f"@{values}")
    assert recap(ended)["localhost"]["ok"] == len(tasks), ended.output
    assert recap(ended)["localhost"]["ignored"] == 7
    assert "module_args" in ended.output
    assert not [secret for secret in secrets if secret in ended.output]
    # The search can find them.
    said = json.dumps({"msg": " ".join(secrets)})
    planted = run(["ansible", "localhost", "-m", "ansible.builtin.debug", "-a", said, "-vvvv"])
    assert all(secret in planted.output for secret in secrets)


def test_no_secret_of_the_environment_is_printed(simulator: Simulator) -> None:
    known = connection(simulator)
    env = {
        "PCE_API_SECRET": simulator.api_secret,
        "https_proxy": f"http://joe:{PROXY_PASSWORD}@127.0.0.1:{closed_port()}",
    }
    options = {key: value for key, value in known.items() if key != "api_secret"}
    for use_proxy in (True, False):
        given = {**options, **WRITES["POST"], "use_proxy": use_proxy, "deadline": 1 if use_proxy else 20}
        result, ended = run_ansible("pce_pairing_profile", given, "-vvvv", env=env)
        assert result["changed"] is not use_proxy
        assert bool(ended.status) is use_proxy
        assert simulator.api_secret not in ended.output
        assert PROXY_PASSWORD not in ended.output


def test_check_mode_sends_nothing_that_changes(simulator: Simulator) -> None:
    seed(simulator)
    before = simulator.state()
    known = connection(simulator)
    calls = {
        method: lambda options=options: run_module("pce_pairing_profile", {**known, **options}, check=True)
        for method, options in WRITES.items()
    }
    for state in ("present", "renewed", "absent"):
        key = {**known, "profile": "PP-OLD", "state": state}
        calls[state] = lambda key=key: run_module("pce_pairing_key", key, check=True)
    for name, result in at_once(calls).items():
        assert result["changed"], (name, result)
    assert not any(entry["mutating"] for entry in simulator.journal())
    assert simulator.state() == before


@pytest.mark.parametrize("wrong", ["no list", [["no dictionary"]], [{"name": ["x"], "labels": {"a": 1}}]], ids=str)
def test_an_entry_of_a_wrong_type_shows_no_secret(simulator: Simulator, wrong: Any) -> None:
    options = {**connection(simulator), "proxy": "http://planted:password@proxy:1", "pairing_profiles": wrong}
    _result, ended = run_ansible("pce_pairing_profiles", options, "-vvv")
    assert ended.status != 0
    assert simulator.api_key in ended.output  # options are shown
    assert simulator.api_secret not in ended.output
    assert "planted:password" not in ended.output
    assert simulator.journal() == []


def test_misspelt_option_is_answered_with_the_closest(simulator: Simulator) -> None:
    label = {"key": "role", "value": "web", "external_data_rfe": "x"}
    text = message(run_module("pce_label", {**connection(simulator), **label}))
    assert "external_data_rfe. Supported parameters include: " in text
    assert "; closest matches: external_data_set, external_data_reference" in text
    profile = {"name": "PP", "enforcment_mode": "full"}
    text = message(run_module("pce_pairing_profiles", {**connection(simulator), "pairing_profiles": [profile]}))
    assert "; closest matches: " in text
    assert "enforcement_mode" in text.rpartition("; closest matches: ")[2]
    assert simulator.journal() == []
