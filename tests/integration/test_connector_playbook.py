"""The playbook microseg.enforcement.connector_instances, and what it may not tell."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.integration.runner import Ended, environment, recap, run, run_playbook
from tests.simulator.launch import Simulator
from tests.simulator.state import digest

PLAYBOOK = "microseg.enforcement.connector_instances"
PASSWORD = "Corr3ct-Horse&Battery"
WORD = "W0rd-of-entry"
KEY_LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw"
SECRETS = (PASSWORD, WORD, KEY_LINE)

LOGIN = {"controller_username": "admin", "controller_password": PASSWORD}
SETTINGS = {"SECURITY_GROUP_NAME": "infected-hosts", "SRX_ID_TAG": "srx", "SRX_USERNAME": "security"}


@pytest.fixture
def key(tmp_path: Path) -> str:
    path = tmp_path / "srx.pem"
    path.write_text(f"-----BEGIN PRIVATE KEY-----\n{KEY_LINE}\n-----END PRIVATE KEY-----\n")
    return str(path)


def fifty(key: str) -> dict[str, list[dict[str, Any]]]:
    """20 projects of two controllers with equal names, 20 VPCs, and 10 ClearPass servers."""
    space = {"address_space_type": "Project"}
    settings = {"additional_settings": SETTINGS, "file_settings": {"PRIVATE_KEY_FILE": key}}
    vpc = {"controller_context": "us-east-1", "address_space_type": "VPC", **settings}
    return {
        "contrail": [
            {**LOGIN, **space, "controller": f"10.0.{number % 2}.1", "address_space_name": f"project-{number // 2}"}
            for number in range(20)
        ],
        "aws": [
            {**LOGIN, **vpc, "controller": "www.aws.amazon.com", "address_space_name": f"vpc-{number}"}
            for number in range(20)
        ],
        "clearpass": [{**LOGIN, "controller": f"10.9.0.{number}"} for number in range(1, 11)],
    }


def play(simulator: Simulator, directory: Path, instances: dict[str, list[Any]], *flags: str, **more: Any) -> Ended:
    """Run the playbook with these instances of each connector; `more` are further variables."""
    connectors = [
        {"url": simulator.connectors[name], "ca_path": simulator.ca_path, "instances": entries}
        for name, entries in instances.items()
    ]
    variables = directory / "variables.json"
    variables.write_text(json.dumps({"pe_connectors": connectors, **more}))
    return run_playbook(PLAYBOOK, "-e", f"@{variables}", *flags, cwd=directory)


def stored(simulator: Simulator) -> dict[str, int]:
    """How many instances each connector has."""
    return {name: len(found) for name, found in simulator.state()["connector_instances"].items() if found}


def test_fifty_instances_over_three_connectors(simulator: Simulator, tmp_path: Path, key: str) -> None:
    instances = fifty(key)
    first = play(simulator, tmp_path, instances)
    assert first.status == 0, first.output
    assert stored(simulator) == {"contrail": 20, "aws": 20, "clearpass": 10}

    simulator.clear_journal()
    second = play(simulator, tmp_path, instances)
    assert second.status == 0, second.output
    assert recap(second)["localhost"]["changed"] == 0
    asked = Counter((entry["server"], entry["method"]) for entry in simulator.journal())
    assert asked == {("contrail", "GET"): 1, ("aws", "GET"): 1, ("clearpass", "GET"): 1}

    fewer = {name: entries[1:] for name, entries in instances.items()}
    kept = play(simulator, tmp_path, fewer)
    assert recap(kept)["localhost"]["changed"] == 0
    foreseen = play(simulator, tmp_path, fewer, "--check", "--diff", pe_purge=True)
    assert recap(foreseen)["localhost"]["changed"] == 1
    for words in ("10.0.0.1 project-0", "www.aws.amazon.com vpc-0", "10.9.0.1"):
        assert f'-    "{words}": {{' in foreseen.stdout
    assert not any(entry["mutating"] for entry in simulator.journal())
    purged = play(simulator, tmp_path, fewer, "--diff", pe_purge=True)
    assert purged.status == 0, purged.output
    assert [line for line in purged.stdout.splitlines() if line.startswith("-")] == [
        line for line in foreseen.stdout.splitlines() if line.startswith("-")
    ]
    assert stored(simulator) == {"contrail": 19, "aws": 19, "clearpass": 9}


def test_one_connector_that_fails_does_not_stop_the_others(simulator: Simulator, tmp_path: Path, key: str) -> None:
    instances = fifty(key)
    instances["contrail"][3]["address_space_type"] = "VPC"
    ended = play(simulator, tmp_path, instances)
    assert ended.status != 0
    assert "address_space_type: must be Project" in ended.stdout
    assert stored(simulator) == {"contrail": 19, "aws": 20, "clearpass": 10}


@pytest.mark.parametrize(
    "connectors",
    [
        "none",
        [{"url": "https://127.0.0.1:1"}],
        [{"instances": []}],
        [{"url": "https://127.0.0.1:1", "instances": [], "instance": []}],
        *[
            [{"url": "https://pe:1", "instances": []}, {"url": url, "instances": []}]
            for url in ("https://pe:1", "https://PE:1", "https://pe:1/", " https://pe:1/api/v2/connector/ ")
        ],
        [{"url": "http://pe", "instances": []}, {"url": "HTTP://pe:80/", "instances": []}],
        [{"url": "https://pe/x", "instances": []}, {"url": "https://pe:443/x/", "instances": []}],
        {"url": "https://127.0.0.1:1", "instances": []},
        [PASSWORD],
        *[
            [{"url": "https://127.0.0.1:1", "instances": instances}]
            for instances in (PASSWORD, None, {**LOGIN}, [PASSWORD], [[{**LOGIN}]], [None])
        ],
    ],
    ids=str,
)
def test_a_wrong_variable_is_told_before_anything_is_done(tmp_path: Path, connectors: Any) -> None:
    variables = tmp_path / "variables.json"
    variables.write_text(json.dumps({"pe_connectors": connectors}))
    ended = run_playbook(PLAYBOOK, "-e", f"@{variables}", cwd=tmp_path)
    assert ended.status != 0
    assert "pe_connectors must be a list" in ended.stdout
    assert PASSWORD not in ended.output


def test_playbook_takes_two_schemes_for_two_connectors(tmp_path: Path) -> None:
    variables = tmp_path / "variables.json"
    urls = ("http://127.0.0.1:1", "https://127.0.0.1:1")
    connectors = [{"url": url, "instances": [], "timeout": 1, "allow_http": True} for url in urls]
    variables.write_text(json.dumps({"pe_connectors": connectors}))
    ended = run_playbook(PLAYBOOK, "-e", f"@{variables}", cwd=tmp_path)
    assert "pe_connectors must be a list" not in ended.stdout
    assert ended.stdout.count("failed: [localhost] (item=") == 2, ended.output


def test_playbook_passes_http_and_names_to_the_module(simulator: Simulator, tmp_path: Path) -> None:
    simulator.settings(connector_names={"id": "uuid"})
    names = tmp_path / "names.yml"
    names.write_text("id: uuid\n")
    plain = {"url": simulator.connectors["plain"], "allow_http": True, "json_names_path": str(names)}
    instance = {**LOGIN, "controller": "10.0.0.1", "address_space_type": "Project", "address_space_name": "x"}
    variables = tmp_path / "variables.json"
    variables.write_text(json.dumps({"pe_connectors": [{**plain, "instances": [instance]}]}))
    for changed in (1, 0):
        ended = run_playbook(PLAYBOOK, "-e", f"@{variables}", cwd=tmp_path)
        assert recap(ended)["localhost"] == {**recap(ended)["localhost"], "changed": changed, "failed": 0}, ended.output
        assert "controller_password" in ended.output  # the warning
        assert PASSWORD not in ended.output


GENERAL_NAMES = ("purge", "urls", "lists", "origins", "servers", "paths", "ends", "addresses", "known_keys", "position")


@pytest.mark.parametrize("where", ["group_vars", "extra_vars"])
def test_playbook_ignores_variables_with_general_names(simulator: Simulator, tmp_path: Path, where: str) -> None:
    """Other roles and group_vars set such names for other purposes: no instance may be deleted for that."""
    instances = {"contrail": [{**LOGIN, "controller": "10.0.0.1"}, {**LOGIN, "controller": "10.0.0.2"}]}
    assert play(simulator, tmp_path, instances).status == 0
    general: dict[str, Any] = {name: ["x", "y", "z"] for name in GENERAL_NAMES} | {"purge": True}
    flags: list[str] = []
    if where == "group_vars":
        (tmp_path / "inventory").mkdir()
        (tmp_path / "inventory" / "hosts").write_text("localhost\n")
        (tmp_path / "inventory" / "group_vars").mkdir()
        (tmp_path / "inventory" / "group_vars" / "all.json").write_text(json.dumps(general))
        flags = ["-i", str(tmp_path / "inventory")]
    else:
        flags = ["-e", json.dumps(general)]
    fewer = {"contrail": instances["contrail"][1:]}
    ended = play(simulator, tmp_path, fewer, *flags)
    assert ended.status == 0, ended.output
    assert recap(ended)["localhost"]["changed"] == 0
    assert stored(simulator) == {"contrail": 2}
    assert play(simulator, tmp_path, fewer, *flags, pe_purge=True).status == 0
    assert stored(simulator) == {"contrail": 1}


def test_playbook_key_of_a_connector_wins_over_pe_purge(simulator: Simulator, tmp_path: Path) -> None:
    entries = [{**LOGIN, "controller": "10.0.0.1"}]
    assert play(simulator, tmp_path, {"contrail": entries, "clearpass": entries}).status == 0
    connectors = [
        {"url": simulator.connectors[name], "ca_path": simulator.ca_path, "instances": [], **more}
        for name, more in (("contrail", {"purge": False}), ("clearpass", {}))
    ]
    variables = tmp_path / "variables.json"
    variables.write_text(json.dumps({"pe_connectors": connectors, "pe_purge": True}))
    assert run_playbook(PLAYBOOK, "-e", f"@{variables}", cwd=tmp_path).status == 0
    assert stored(simulator) == {"contrail": 1}


@pytest.mark.parametrize("value", ["perhaps", 7, [True]], ids=str)
def test_playbook_with_a_wrong_pe_purge_changes_nothing(simulator: Simulator, tmp_path: Path, value: Any) -> None:
    assert play(simulator, tmp_path, {"contrail": [{**LOGIN, "controller": "10.0.0.1"}]}).status == 0
    ended = play(simulator, tmp_path, {"contrail": []}, pe_purge=value)
    assert ended.status != 0
    assert "purge" in ended.stdout
    assert stored(simulator) == {"contrail": 1}


def test_two_paths_are_two_connectors(tmp_path: Path) -> None:
    variables = tmp_path / "variables.json"
    connectors = [{"url": f"https://127.0.0.1:1/{path}", "instances": [], "timeout": 1} for path in "ab"]
    variables.write_text(json.dumps({"pe_connectors": connectors}))
    ended = run_playbook(PLAYBOOK, "-e", f"@{variables}", cwd=tmp_path)
    assert "pe_connectors must be a list" not in ended.stdout
    assert "cannot be reached" in ended.stdout


# Secrets.


@pytest.fixture
def careless(simulator: Simulator) -> Simulator:
    """Connectors that show every secret, and repeat in their errors what they were sent."""
    simulator.settings(connector_secrets="echoed", connector_errors="echo")
    secret = {"name": "LOGIN_WORD", "description": "", "type": "password", "required": True}
    about = {"type": "Example Cloud", "controllerContexts": "yes", "additionalSettings": [secret]}
    simulator.seed(connector_types={"free": about})
    return simulator


def find(*texts: str) -> list[str]:
    """The secrets that occur in any of the texts, as they are or as JSON has them."""
    forms = {secret: {secret, json.dumps(secret)[1:-1]} for secret in SECRETS}
    return [secret for secret, found in forms.items() if any(form in text for form in found for text in texts)]


def test_no_secret_is_told(careless: Simulator, tmp_path: Path, key: str) -> None:
    cases = fifty(key)
    # The connector free does not say readably that it needs a context, and refuses what has none with all it was sent.
    refused = {**LOGIN, "controller": "10.1.1.1"}
    cases["free"] = [
        {**LOGIN, "controller": "10.1.1.2", "controller_context": "zone", "secret_settings": {"LOGIN_WORD": WORD}},
        {**refused, "secret_settings": {"LOGIN_WORD": WORD}},
    ]
    runs = [
        play(careless, tmp_path, cases, "-vvvv", "--check", "--diff"),
        play(careless, tmp_path, cases, "-vvvv", "--diff"),
        play(careless, tmp_path, cases, "-vvvv", "--diff", pe_purge=True),
    ]
    for entries in cases.values():
        for entry in entries:
            entry["controller_port"] = 8443
    runs.append(play(careless, tmp_path, cases, "-vvvv", "--diff"))
    runs.append(play(careless, tmp_path, {name: [] for name in cases}, "-vvvv", "--diff", pe_purge=True))
    assert "the connector needs a context" in runs[1].output
    assert "10.1.1.1" in runs[3].output
    assert stored(careless) == {}
    assert find(*(ended.output for ended in runs), json.dumps(careless.journal())) == []


def test_a_planted_secret_is_found(careless: Simulator, tmp_path: Path, key: str) -> None:
    """That the search above can find something: a task that tells its variables is caught by it."""
    variables = tmp_path / "variables.json"
    instance = {**LOGIN, "secret_settings": {"LOGIN_WORD": WORD}, "key": Path(key).read_text()}
    variables.write_text(json.dumps({"pe_connectors": [{"instances": [instance]}]}))
    playbook = tmp_path / "careless.yml"
    tasks = [{"ansible.builtin.debug": {"msg": "said"}, "loop": "{{ pe_connectors }}"}]
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    ended = run(["ansible-playbook", str(playbook), "-vvvv", "-e", f"@{variables}"], env=environment())
    assert find(ended.output) == list(SECRETS)
    assert find(json.dumps({"body": PASSWORD})) == [PASSWORD]


def test_the_passwords_that_were_sent_are_those_of_the_variables(careless: Simulator, tmp_path: Path, key: str) -> None:
    assert play(careless, tmp_path, {"aws": fifty(key)["aws"][:1]}).status == 0
    (instance,) = careless.state()["connector_instances"]["aws"]
    assert instance["controller"]["password"] == digest(PASSWORD)
    values = {entry["name"]: entry["value"] for entry in instance["additionalSettings"]}
    assert values["PRIVATE_KEY_FILE"] == digest(Path(key).read_text())
