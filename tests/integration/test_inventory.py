"""The inventory plugin pce_workloads, as ansible-inventory and ansible-playbook use it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugins.module_utils._pce.api import PCE
from tests.integration.runner import NAMESPACE, Ended, connection, environment, recap, run
from tests.simulator.launch import Simulator
from tests.simulator.objects import OBJECTS
from tests.unit.loopback import closed_port

PLUGIN = f"{NAMESPACE}.pce_workloads"
GROUPS = {"enforced": "pce_workload.enforcement_mode == 'full'"}
HOSTILE = "{{ 7*7 }}"

Json = dict[str, Any]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the user of this machine has exported and requests would read."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def seed(simulator: Simulator, *workloads: Json) -> None:
    """Store workloads, each numbered by its place from 1 on, with labels given as `role=web`; unknown ones are made."""
    known = {f"{label['key']}={label['value']}": label for label in simulator.state()["labels"]}
    wanted = dict.fromkeys(text for workload in workloads for text in workload.get("labels") or [])
    made = [dict(zip(("key", "value"), text.split("=", 1))) for text in wanted if text not in known]
    for label in simulator.seed(labels=made)["labels"]:
        known[f"{label['key']}={label['value']}"] = label
    simulator.seed(
        workloads=[
            {
                "href": f"/orgs/1/workloads/{uuid(number)}",
                "name": None,
                "hostname": None,
                "managed": True,
                "online": True,
                "enforcement_mode": "visibility_only",
                "interfaces": [
                    {"name": "lo", "address": "127.0.0.1", "cidr_block": 8},
                    {"name": "eth0", "address": f"10.0.{number // 250}.{number % 250}", "cidr_block": 24},
                ],
                "os_id": "ubuntu-x86_64-22.04",
                "ven": {"href": f"/orgs/1/vens/{uuid(number)}"},
                "agent": {"status": {"status": "active", "agent_version": "23.2.20-157"}},
                **workload,
                "labels": [{"href": known[text]["href"]} for text in workload.get("labels") or []],
            }
            for number, workload in enumerate(workloads, start=1)
        ]
    )
    simulator.clear_journal()


UNMANAGED: Json = {"managed": False, "online": False, "ven": None, "agent": {}}
WEB1: Json = {"hostname": "web1", "labels": ["role=web", "env=prod"]}
WEB10: Json = {"hostname": "web10", "labels": ["role=web", "env=prod"], "enforcement_mode": "full"}
WEB11: Json = {"hostname": "web11.example.com", "labels": ["role=web", "env=test"]}
DB1: Json = {"hostname": "db1", "labels": ["role=db", "env=prod"], "online": False}
PRINTER: Json = {"name": "printer 1", "public_ip": "192.0.2.9", "labels": ["env=prod"], **UNMANAGED}


def source(directory: Path, simulator: Simulator | None, name: str = "pce_workloads.yml", **options: Any) -> Path:
    """Write an inventory file."""
    path = directory / name
    given = connection(simulator) if simulator else {}
    path.write_text(json.dumps({"plugin": PLUGIN, **given, **options}))
    return path


def inventory(path: Path, *flags: str, env: Mapping[str, str] | None = None) -> Ended:
    child = {"ANSIBLE_INVENTORY_ENABLED": PLUGIN, **(env or {})}
    return run(["ansible-inventory", "-i", str(path), *(flags or ("--list",))], env=child)


def words(text: str) -> str:
    """A text without the line breaks that Ansible puts into warnings, and without other spaces."""
    return re.sub(r"\s", "", text)


def says(ended: Ended, text: str) -> bool:
    return words(text) in words(ended.output)


def plain(value: Any) -> Any:
    """A value of `ansible-inventory --list` without the marks of texts that are no templates."""
    if isinstance(value, dict):
        return value["__ansible_unsafe"] if "__ansible_unsafe" in value else {k: plain(v) for k, v in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def hosts(ended: Ended) -> dict[str, Json]:
    """The variables of all hosts."""
    assert ended.status == 0, ended.output
    assert "Traceback" not in ended.output, ended.output
    listed = json.loads(ended.stdout)
    found: dict[str, Json] = plain(listed["_meta"]["hostvars"])
    return found


def groups(ended: Ended) -> dict[str, list[str]]:
    listed = json.loads(ended.stdout)
    return {name: sorted(item["hosts"]) for name, item in listed.items() if "hosts" in item}


def read(directory: Path, simulator: Simulator, **options: Any) -> dict[str, Json]:
    """The variable of each host, by its name."""
    ended = inventory(source(directory, simulator, **options))
    return {name: variables["pce_workload"] for name, variables in hosts(ended).items()}


def test_workloads_are_hosts_and_labels_groups(simulator: Simulator, tmp_path: Path) -> None:
    seed(simulator, WEB1, WEB10, WEB11, DB1, PRINTER)
    path = source(tmp_path, simulator, groups=GROUPS, keyed_groups=[{"key": "pce_workload.os_id", "prefix": "os"}])
    ended = inventory(path, env={"ANSIBLE_INVENTORY_ENABLED": "auto"})
    assert groups(ended) == {
        "role_web": ["web1", "web10", "web11.example.com"],
        "role_db": ["db1"],
        "env_prod": ["db1", "web1", "web10"],
        "env_test": ["web11.example.com"],
        "enforced": ["web10"],
        "os_ubuntu_x86_64_22_04": ["db1", "web1", "web10", "web11.example.com"],
    }
    assert hosts(ended)["web1"] == {
        "pce_workload": {
            "href": f"/orgs/1/workloads/{uuid(1)}",
            "name": None,
            "hostname": "web1",
            "description": None,
            "managed": True,
            "online": True,
            "enforcement_mode": "visibility_only",
            "visibility_level": None,
            "labels": {"role": "web", "env": "prod"},
            "public_ip": None,
            "interfaces": [
                {"name": "lo", "address": "127.0.0.1", "cidr_block": 8},
                {"name": "eth0", "address": "10.0.0.1", "cidr_block": 24},
            ],
            "addresses": ["10.0.0.1"],
            "os_id": "ubuntu-x86_64-22.04",
            "os_detail": None,
            "ven": {"href": f"/orgs/1/vens/{uuid(1)}", "status": "active", "version": "23.2.20-157"},
        }
    }
    # One read of all labels, whatever the number of workloads, and one of the workloads.
    assert [entry["path"].partition("?")[0] for entry in simulator.journal()] == [
        "/api/v2/orgs/1/workloads",
        "/api/v2/orgs/1/labels",
    ]
    assert ended.stderr == ""


def test_a_playbook_addresses_web_servers_in_prod_that_are_not_enforced(simulator: Simulator, tmp_path: Path) -> None:
    seed(
        simulator, WEB1, WEB10, WEB11, DB1, {**WEB1, "hostname": "web2", "labels": [*WEB1["labels"], f"app={HOSTILE}"]}
    )
    compose = {"ansible_connection": "'local'", "copied": "pce_workload.labels.app | default('none')"}
    path = source(tmp_path, simulator, name="web.pce_workloads.yaml", groups=GROUPS, compose=compose)
    playbook = tmp_path / "play.yml"
    playbook.write_text(
        """
- name: Show who is next
  hosts: role_web:&env_prod:!enforced
  gather_facts: false
  tasks:
    - name: Show what is known of a host
      ansible.builtin.debug:
        msg: >-
          app <{{ pce_workload.labels.app | default('none') }}> copied <{{ copied }}> name <{{ inventory_hostname }}>
"""
    )
    ended = run(["ansible-playbook", "-i", str(path), str(playbook), "-vvvv"])
    assert ended.status == 0, ended.output
    assert set(recap(ended)) == {"web1", "web2"}
    assert "app <none> copied <none> name <web1>" in ended.stdout
    assert f"app <{HOSTILE}> copied <{HOSTILE}> name <web2>" in ended.stdout
    assert "<49>" not in ended.stdout
    assert simulator.api_secret not in ended.output


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["db1", "web1", "web10", "web11.example.com"]),
        ({"managed": False}, ["printer 1"]),
        ({"managed": "any"}, ["db1", "printer 1", "web1", "web10", "web11.example.com"]),
        ({"online": False}, ["db1"]),
        ({"hostname": "WEB1"}, ["web1", "web10", "web11.example.com"]),
        ({"enforcement_mode": ["idle", "full"]}, ["web10"]),
        ({"labels": {"role": "web", "env": "prod"}}, ["web1", "web10"]),
        ({"labels": {"role": "db", "env": "test"}}, []),
        (
            {"labels": {"role": "web"}, "online": True, "enforcement_mode": "visibility_only"},
            ["web1", "web11.example.com"],
        ),
        ({"filters": ["pce_workload.online", "pce_workload.labels.env == 'prod'"]}, ["web1", "web10"]),
        ({"filters": "pce_workload.addresses[0] in ['10.0.0.3', '10.0.0.4']"}, ["db1", "web11.example.com"]),
    ],
)
def test_filters(simulator: Simulator, tmp_path: Path, options: Json, expected: list[str]) -> None:
    seed(simulator, WEB1, WEB10, WEB11, DB1, PRINTER)
    assert sorted(read(tmp_path, simulator, **options)) == expected


def test_labels_are_compared_as_a_whole(simulator: Simulator, tmp_path: Path) -> None:
    seed(simulator, {"hostname": "a", "labels": ["app=APP"]}, {"hostname": "b", "labels": ["app=WEB-APP"]})
    assert sorted(read(tmp_path, simulator, labels={"app": "APP"})) == ["a"]
    ended = inventory(source(tmp_path, simulator, labels={"app": "WEB-AP"}))
    assert says(ended, "labels: unknown label app=WEB-AP; closest matches: app=WEB-APP")
    assert hosts(ended) == {}


def test_600_workloads_and_600_labels_are_read_by_jobs(simulator: Simulator, tmp_path: Path) -> None:
    seed(simulator, *[{"hostname": f"bulk{number}", "labels": [f"app=app{number}"]} for number in range(1, 601)])
    found = read(tmp_path, simulator)
    assert len(found) == 600
    assert found["bulk600"]["labels"] == {"app": "app600"}
    assert len([entry for entry in simulator.journal() if "/datafiles/" in entry["path"]]) == 2


def test_what_the_pce_shows_is_data(simulator: Simulator, tmp_path: Path) -> None:
    names = [HOSTILE, "localhost", "LOCALHOST.localdomain", "127.0.0.1", "127.1", "::1", "all", "-oProxyCommand=x"]
    names += ["../../etc/x", "a:b", "a,b", "!a", "~a", "*", "a[1:3]", "a\nb", " a", "::ffff:127.0.0.1", "x" * 256]
    good = ["bücher", "2001:db8::1", "192.0.2.1", "web_1.example.com", "My server"]
    labels = [f"role={HOSTILE}", "app=a b", "app=a/b", "loc=München", f"{HOSTILE}=x"]
    seed(
        simulator,
        *[{"hostname": name, "name": HOSTILE, "os_id": HOSTILE} for name in names],
        *[{"hostname": name, "labels": [label]} for name, label in zip(good, labels)],
    )
    path = source(tmp_path, simulator, compose={"copied": "pce_workload.os_id"})
    ended = inventory(path)
    found = hosts(ended)
    assert set(found) == {uuid(number) for number in range(1, len(names) + 1)} | {*good}
    assert found[uuid(1)]["pce_workload"]["name"] == HOSTILE
    assert found[uuid(1)]["copied"] == HOSTILE
    assert found["My server"]["pce_workload"]["labels"] == {HOSTILE: "x"}
    assert groups(ended)["app_a_b"] == ["192.0.2.1", "2001:db8::1"]
    assert groups(ended)["loc_München"] == ["web_1.example.com"]
    assert says(ended, "the labels app=a b, app=a/b are all the group app_a_b")
    assert says(ended, f"the hostname of /orgs/1/workloads/{uuid(2)} cannot be the name of a host: 'localhost'")


def test_odd_and_old_shapes(simulator: Simulator, tmp_path: Path) -> None:
    simulator.seed(
        workloads=[
            {"href": f"/orgs/1/workloads/{uuid(1)}", "hostname": "bare"},
            {
                "href": f"/orgs/1/workloads/{uuid(2)}",
                "hostname": "odd",
                "labels": [
                    {"href": "/orgs/1/labels/9999"},
                    {"href": "/orgs/1/labels/9998", "key": "app", "value": "x"},
                    1,
                ],
                "interfaces": [None, {"address": "fe80::1%eth0"}, {"address": "nonsense"}, {"address": "2001:db8::7"}],
                "ven": {"href": "/orgs/1/vens/1", "status": "suspended", "version": "24.2.10"},
                "agent": None,
                "managed": True,
                "name": 7,
            },
            {"href": f"/orgs/1/workloads/{uuid(3)}", "hostname": "null", "labels": None, "interfaces": None},
            {"href": f"/orgs/1/workloads/{uuid(4)}", "hostname": "gone", "deleted": True},
        ]
    )
    ended = inventory(source(tmp_path, simulator, managed="any"))
    assert says(ended, "1 labels of workloads are left out: the PCE does not show what they are")
    found = {name: variables["pce_workload"] for name, variables in hosts(ended).items()}
    assert set(found) == {"bare", "odd", "null"}
    assert found["odd"]["labels"] == {"app": "x"}
    assert found["odd"]["addresses"] == ["2001:db8::7"]
    assert found["odd"]["ven"] == {"href": "/orgs/1/vens/1", "status": "suspended", "version": "24.2.10"}
    assert (found["odd"]["name"], found["bare"]["managed"], found["null"]["ven"]) == (None, False, None)


def test_workloads_of_one_name_are_never_merged(simulator: Simulator, tmp_path: Path) -> None:
    stale = {**WEB1, "online": False, "enforcement_mode": "full"}
    # The third claims the name that the first gets.
    seed(simulator, WEB1, stale, {**WEB1, "hostname": f"web1-{uuid(1)}"})
    ended = inventory(source(tmp_path, simulator))
    found = {name: variables["pce_workload"]["href"] for name, variables in hosts(ended).items()}
    assert found == {
        f"web1-{uuid(1)}-{uuid(1)}": f"/orgs/1/workloads/{uuid(1)}",
        f"web1-{uuid(2)}": f"/orgs/1/workloads/{uuid(2)}",
        f"web1-{uuid(1)}-{uuid(3)}": f"/orgs/1/workloads/{uuid(3)}",
    }
    problem = f"2 workloads are called web1: /orgs/1/workloads/{uuid(1)}, /orgs/1/workloads/{uuid(2)}"
    assert says(ended, f"{problem}. In the inventory each is called web1- and")
    ended = inventory(source(tmp_path, simulator, duplicates="error"))
    assert hosts(ended) == {}
    assert says(ended, f"duplicates: {problem}")
    # What a filter leaves out is no duplicate.
    assert "web1" in read(tmp_path, simulator, duplicates="error", filters=["pce_workload.online"])


def test_hostnames_choose_the_name_and_compose_the_address(simulator: Simulator, tmp_path: Path) -> None:
    seed(simulator, {**WEB1, "name": "Web One", "public_ip": "192.0.2.1"}, WEB10, PRINTER)
    options: Json = {"managed": "any", "compose": {"ansible_host": "pce_workload.addresses[0]"}}
    ended = inventory(source(tmp_path, simulator, hostnames=["name", "address"], **options))
    found = {name: variables["ansible_host"] for name, variables in hosts(ended).items()}
    assert found == {"Web One": "10.0.0.1", "10.0.0.2": "10.0.0.2", "printer 1": "10.0.0.3"}
    assert set(read(tmp_path, simulator, hostnames=["public_ip", "uuid"], managed="any")) == {
        "192.0.2.1",
        uuid(2),
        "192.0.2.9",
    }


def test_conditions_that_are_not_defined(simulator: Simulator, tmp_path: Path) -> None:
    seed(simulator, WEB1, DB1)
    ended = inventory(source(tmp_path, simulator, filters=["pce_workloads.online"]))
    assert hosts(ended) == {}
    assert says(ended, "filters: pce_workloads.online: true for no workload: 'pce_workloads' is undefined")
    ended = inventory(source(tmp_path, simulator, filters=["pce_workload.labels.app == 'x'"], strict=True))
    assert says(ended, "filters: pce_workload.labels.app == 'x': ")
    assert not says(ended, "true for no workload")
    ended = inventory(source(tmp_path, simulator, filters=["pce_workload.online =="]))
    assert says(ended, "filters: pce_workload.online ==: ")
    assert hosts(ended) == {}


def test_the_cache(simulator: Simulator, tmp_path: Path) -> None:
    seed(simulator, WEB1, {**WEB10, "os_id": HOSTILE})
    store = tmp_path / "cache"
    options: Json = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(store)}
    options["compose"] = {"copied": "pce_workload.os_id"}
    path = source(tmp_path, simulator, **options)
    first = inventory(path)
    assert len(simulator.journal()) == 2
    (kept,) = store.iterdir()
    assert simulator.api_secret not in kept.read_text()
    second = inventory(path)
    assert len(simulator.journal()) == 2
    assert hosts(second) == hosts(first)
    assert groups(second) == groups(first)
    assert hosts(second)["web10"]["copied"] == HOSTILE
    # An option that decides what is read, --flush-cache, and a damaged file are reasons to read again.
    source(tmp_path, simulator, **options, labels={"role": "web"})
    assert set(hosts(inventory(path))) == {"web1", "web10"}
    assert len(simulator.journal()) == 4
    playbook = tmp_path / "play.yml"
    playbook.write_text("- name: Nothing\n  hosts: role_web\n")
    listed = run(["ansible-playbook", "-i", str(path), "--list-hosts", "--flush-cache", str(playbook)])
    assert "web10" in listed.stdout, listed.output
    assert len(simulator.journal()) == 6
    kept.write_text('{"origin"')
    assert set(hosts(inventory(path))) == {"web1", "web10"}
    assert len(simulator.journal()) == 8


def test_cache_is_not_used_with_another_api_key(simulator: Simulator, tmp_path: Path) -> None:
    """What one API key may see is not for another, which the PCE may not even know."""
    seed(simulator, WEB1)
    options: Json = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "c")}
    assert set(hosts(inventory(source(tmp_path, simulator, **options)))) == {"web1"}
    ended = inventory(source(tmp_path, simulator, **options, api_key="api_another"))
    assert says(ended, "the PCE answered 401 to GET /orgs/1/workloads")
    assert hosts(ended) == {}


def test_the_connection_comes_from_the_environment(simulator: Simulator, tmp_path: Path) -> None:
    seed(simulator, WEB1)
    env = {
        "PCE_HOST": "",  # empty counts as not set
        "ILLUMIO_PCE_HOST": simulator.host,
        "PCE_PORT": str(simulator.port),
        "ILLUMIO_PCE_PORT": "1",
        "PCE_ORG_ID": "",
        "PCE_API_KEY": simulator.api_key,
        "ILLUMIO_API_KEY_SECRET": simulator.api_secret,
        "PCE_CA_PATH": simulator.ca_path,
        "PCE_TIMEOUT": "5",
    }
    assert set(hosts(inventory(source(tmp_path, None), env=env))) == {"web1"}
    # The file wins, and what is empty in it does not count either.
    ended = inventory(source(tmp_path, None, pce_host="", pce_org_id=2), env=env)
    assert says(ended, "the PCE answered 403 to GET /orgs/2/workloads")


def test_secrets_by_template_and_by_vault(simulator: Simulator, tmp_path: Path) -> None:
    seed(simulator, WEB1)
    given = connection(simulator)
    given.pop("api_secret")
    template: Json = {"pce_port": "{{ the_port }}", "api_secret": "{{ lookup('ansible.builtin.env', 'THE_SECRET') }}"}
    path = source(tmp_path, None, **{**given, **template, "labels": {"role": "{{ the_role }}"}})
    flags = ("--list", "-vvvv", "-e", f"the_port={simulator.port}", "-e", "the_role=web")
    ended = run(["ansible-inventory", "-i", str(path), *flags], env={"THE_SECRET": simulator.api_secret})
    assert "web1" in ended.stdout, ended.output
    assert simulator.api_secret not in ended.output

    password = tmp_path / "password"
    password.write_text("open sesame")
    vault = ["--vault-password-file", str(password)]
    encrypted = run(["ansible-vault", "encrypt_string", simulator.api_secret, "--name", "api_secret", *vault]).stdout
    path.write_text(yaml.safe_dump({"plugin": PLUGIN, **given}) + encrypted)
    ended = inventory(path, "--list", "-vvvv", *vault)
    assert "web1" in ended.stdout, ended.output
    assert simulator.api_secret not in ended.output
    password.write_text("open barley")
    simulator.clear_journal()
    ended = inventory(path, "--list", *vault)
    assert says(ended, "api_secret: cannot be evaluated: "), ended.output
    assert simulator.journal() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pce_host": None}, "missing required arguments: pce_host; set them, or the environment variables PCE_HOST"),
        ({"pce_host": "ftp://pce.example.com"}, "pce_host: must be an https URL"),
        ({"pce_port": "many"}, "argument 'pce_port' is of type"),
        ({"pce_port": 70000}, "pce_port: the port must be 1 to 65535, not 70000"),
        ({"pce_org_id": 0}, "pce_org_id: must be 1 or more, not 0"),
        ({"api_secret": ""}, "missing required arguments: api_secret"),
        ({"api_secret": "{{ no_such_variable }}"}, "api_secret: cannot be evaluated: 'no_such_variable' is undefined"),
        ({"ca_path": "/no/such.pem"}, "ca_path: /no/such.pem does not exist or cannot be read"),
        ({"deadline": 0}, "deadline: must be a number of seconds above 0"),
        ({"managed": "perhaps"}, "value of managed must be one of: true, false, any, got: perhaps"),
        ({"online": "perhaps"}, "argument 'online' is of type"),
        ({"enforcement_mode": ["enforced"]}, "value of enforcement_mode must be one or more of: idle,"),
        ({"labels": ["role"]}, "argument 'labels' is of type"),
        ({"labels": {"role": ["web", "db"]}}, 'whose value is not a text: ["web", "db"]'),
        ({"labels": {"env": True}}, "whose value is the boolean true, not a text; quote it in YAML"),
        ({"labels": {"app": 1.10}}, "whose value is the number 1.1, not a text; quote it in YAML"),
        ({"labels": {"loc": 83}}, "whose value is the number 83, not a text; quote it in YAML"),
        ({"label": {"role": "web"}}, "unknown option label; closest matches: labels"),
        ({"hostnames": ["fqdn"]}, "value of hostnames must be one or more of: hostname, name,"),
        ({"outdated_before": "newest"}, "outdated_before: must be a release such as 23.2.20"),
        ({"duplicates": "merge"}, "value of duplicates must be one of: rename, error, got: merge"),
    ],
)
def test_a_wrong_option_is_named_before_any_request(
    simulator: Simulator, tmp_path: Path, options: Json, message: str
) -> None:
    ended = inventory(source(tmp_path, simulator, **options), "--list", "-vvvv")
    assert hosts_of_failed(ended) == {}
    assert says(ended, message), ended.output
    assert simulator.journal() == []
    assert simulator.api_secret not in ended.output


def hosts_of_failed(ended: Ended) -> Any:
    listed = json.loads(ended.stdout[ended.stdout.index("\n{") :])
    return listed["_meta"]["hostvars"]


def test_faults_are_one_readable_line_without_secrets(simulator: Simulator, tmp_path: Path) -> None:
    cases: list[tuple[Json, str]] = [
        ({"api_secret": "swordfish"}, "the PCE answered 401 to GET /orgs/1/workloads: "),
        ({"pce_port": closed_port(), "deadline": 1}, "cannot be reached: Connection refused"),
        ({"ca_path": None}, "set ca_path to a PEM file with the CA to trust"),
        ({"proxy": f"http://user:swordfish@127.0.0.1:{closed_port()}", "deadline": 1}, "see proxy"),
    ]
    for options, message in cases:
        ended = inventory(source(tmp_path, simulator, **options), "--list", "-vvvv")
        assert says(ended, message), ended.output
        assert ended.output.count("swordfish") == 0, ended.output
        assert "ConnectionPool" not in ended.output, ended.output  # what urllib3 says, behind our line
        assert simulator.api_secret not in ended.output
        assert hosts_of_failed(ended) == {}
    strict = inventory(
        source(tmp_path, simulator, api_secret="swordfish"), env={"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"}
    )
    assert strict.status != 0
    assert says(strict, "api_key or api_secret is wrong")
    simulator.fault("status", path="/workloads", status=503, times=1)
    seed(simulator, WEB1)
    assert set(hosts(inventory(source(tmp_path, simulator)))) == {"web1"}


def test_other_files_are_not_taken(simulator: Simulator, tmp_path: Path) -> None:
    inventory(source(tmp_path, simulator, name="workloads.yml"))
    assert simulator.journal() == []


def test_the_documentation_has_the_options_of_the_connection() -> None:
    command = ["ansible-doc", "--json", "-t", "inventory", PLUGIN]
    text = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True).stdout
    shown = json.loads(text)[PLUGIN]
    options = shown["doc"]["options"]
    for name, spec in PCE.options.items():
        about = options[name]
        assert about["type"] == spec["type"], name
        assert about.get("required", False) == spec.get("required", False), name
        assert about.get("default") == spec.get("default"), name
        assert all(f"E({variable})" in " ".join(about["description"]) for variable in spec["env"]), name
    for document in yaml.safe_load_all(shown["examples"]):
        assert document["plugin"] == PLUGIN
        assert set(document) <= set(options)


def test_problems_of_vens_are_variables(simulator: Simulator, tmp_path: Path) -> None:
    simulator.seed(**OBJECTS)
    found = read(tmp_path, simulator, ven_problems=True, outdated_before="23.1")
    problems = {name: values["ven"]["problems"] for name, values in found.items()}
    assert problems["WIN-7KQ2.Corp.Example.COM"] == ["outdated"]
    assert problems["db_1"] == []
    assert found["db_1"]["ven"]["conditions"][0]["type"] == "agent.missed_heartbeats"
    assert "problems" not in read(tmp_path, simulator)["db_1"]["ven"]
