"""No secret gets to where it does not belong: searched for wherever a run of Ansible leaves or tells something.

The secrets are new in each run, and searched for in every form in which they may be written. What is expected to be
found is told by SECURITY.md; everything else is a leak. `test_what_is_planted_is_found` shows that each place is really
looked at.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets as random
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import trustme

from tests.collection import ROOT
from tests.directory_hosts import pce_variables, write_inventory
from tests.integration.runner import NAMESPACE, Ended, recap
from tests.integration.watched import Watched, forms, search
from tests.simulator.launch import Simulator
from tests.unit.loopback import closed_port, proxying

CODE = re.compile(r"(?<![0-9a-f])[0-9a-f]{81}(?![0-9a-f])")
PROFILE = {"href": "/orgs/1/pairing_profiles/24", "name": "PP-TEST", "enabled": True, "allowed_uses_per_key": 1}
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("p*.py"))
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))

Json = dict[str, Any]


def word() -> str:
    """A secret of one line, with what has to be escaped somewhere."""
    return f"{random.token_hex(8)}&'\"%\\/+ü{random.token_hex(8)}"


class Setting:
    """What all runs are about: a simulator that repeats what it is told, a proxy that wants a password, the secrets."""

    def __init__(self, simulator: Simulator, directory: Path, proxy: str) -> None:
        self.simulator = simulator
        self.inputs = directory / "inputs"
        self.inputs.mkdir()
        self.variables: Json = {}
        self.watched = Watched(directory / "watched")
        authority, other = trustme.CA(), trustme.CA()
        certificate = authority.issue_cert("client.example.com")
        key, setting = (item.private_key_pem.bytes().decode() for item in (certificate, other.issue_cert("x.example")))
        (self.inputs / "client.pem").write_bytes(certificate.cert_chain_pems[0].bytes())
        (self.inputs / "client.key").write_text(key)
        (self.inputs / "setting.pem").write_text(setting)
        self.secrets = {
            "API secret": simulator.api_secret,
            "controller password": word(),
            "secret setting": word(),
            "secret setting of two lines": f"{word()}\n{word()}",
            "key file": setting,
            "client key": key,
            "proxy password": word(),
        }
        password = quote(self.secrets["proxy password"], safe="")
        self.proxies = {
            "works": f"http://joe:{password}@{proxy}",
            "wrong": f"http://joe:{password}@{proxy}:99999",
            "closed": f"http://joe:{password}@127.0.0.1:{closed_port()}",
        }
        self.url = f"https://joe:{password}@pce.example.com"
        simulator.settings(
            connector_secrets="echoed", connector_errors="echo", connector_auth=True, connector_spaces="by_contexts"
        )
        hidden = [
            {"name": name, "description": "", "type": "password", "required": False} for name in ("WORD", "LINES")
        ]
        hidden.append({"name": "KEY_FILE", "description": "", "type": "file", "required": False})
        simulator.seed(
            pairing_profiles=[PROFILE],
            connector_types={"free": {"type": "Example Cloud", "additionalSettings": hidden}},
        )

    def tls(self) -> Json:
        """The options that all connections have."""
        return {
            "ca_path": self.simulator.ca_path,
            "client_cert": str(self.inputs / "client.pem"),
            "client_key": str(self.inputs / "client.key"),
            "proxy": self.proxies["works"],
            "deadline": 120,
        }

    def instance(self, **more: Any) -> Json:
        """A connector instance with a secret of each sort."""
        return {
            "controller": "10.1.1.1",
            "controller_username": "admin",
            "controller_password": self.secrets["controller password"],
            "secret_settings": {
                "WORD": self.secrets["secret setting"],
                "LINES": self.secrets["secret setting of two lines"],
            },
            "file_settings": {"KEY_FILE": str(self.inputs / "setting.pem")},
            **more,
        }

    def tasks(self) -> list[Json]:
        """A task of each module, and such that fail."""
        new, other, third = (self.instance(controller=f"10.1.1.{number}") for number in (1, 2, 3))
        space = {"address_space_name": "x", "address_space_type": "y"}  # refused with all that was sent
        fails: Json = {"ignore_errors": True}
        key = {"profile": "PP-TEST", "path": str(self.inputs / "keys.json"), "count": 2}
        return [
            self.task("pce_check_info", {}),
            self.task("pce_label", {"key": "role", "value": "cache"}),
            self.task("pce_label_info", {}),
            self.task("pce_pairing_profile", {"name": "PP-TEST", "description": "new"}),
            self.task("pce_pairing_profile", {"name": "Default", "state": "absent"}, **fails),
            self.task("pce_pairing_profile", {"name": "X", "proxy": self.proxies["wrong"]}, **fails),
            self.task("pce_pairing_profile", {"name": "X", "proxy": self.proxies["closed"], "deadline": 1}, **fails),
            self.task("pce_pairing_profile", {"name": "X", "pce_host": self.url}, **fails),
            self.task("pce_pairing_profile_info", {}),
            self.task("pce_pairing_profiles", {"pairing_profiles": [{"name": "PP-A"}, {"name": "PP-B"}]}),
            self.task("pce_pairing_key", key, no_log=True),
            self.task("pce_pairing_key", {**key, "path": str(self.inputs)}, no_log=True, **fails),
            self.task("pce_pairing_script_info", {"profile_href": PROFILE["href"]}),
            self.task("pce_roll_out", {"path": str(self.inputs / "x.json"), "state": "back"}, **fails),
            self.task("pce_ven", {"hostnames": ["gone"], "state": "unpaired"}),
            self.task("pce_ven_batch", {"step": "prepare", "hosts": []}),
            self.task("pce_ven_compatibility_info", {}),
            self.task("pce_ven_info", {}),
            self.task("pce_ven_upgrade", {"hostnames": ["gone"], "release": "24.2.10"}, **fails),
            self.task("pce_workload", {"hostname": "gone"}, **fails),
            self.task("pce_workload_info", {}),
            self.task("pce_workloads", {"workloads": [], "allow_empty": True}),
            self.task("pe_connector_info", {}),
            self.task("pe_connector_instance", new),
            self.task("pe_connector_instance", {**new, "controller_port": 8443}),
            self.task("pe_connector_instance", {**other, **space}, **fails),
            self.task("pe_connector_instance", {**other, "connector_url": self.url}, **fails),
            self.task("pe_connector_instance", {**other, "secret_settings": self.secrets["secret setting"]}, **fails),
            self.task("pe_connector_instances", {"connector_instances": [new, other], "update_password": "always"}),
            self.task("pe_connector_instances", {"connector_instances": [other, {**third, **space}]}, **fails),
            self.task("pe_connector_instances", {"connector_instances": [{**third, "state": "gone"}]}, **fails),
            self.task("pe_connector_instance_info", {}),
            self.task("pe_check_info", {}),
        ]

    def task(self, module: str, options: Json, **more: Any) -> Json:
        """A task whose options are variables, so that the playbook itself holds no secret."""
        self.variables[f"options_{len(self.variables)}"] = options
        given = {name: f"{{{{ options_{len(self.variables) - 1}.{name} }}}}" for name in options}
        return {"name": module, f"{NAMESPACE}.{module}": given, **more}

    def playbook(self, *tasks: Json) -> str:
        """Write a playbook of one play on localhost, and what it needs as extra variables (`-e @`)."""
        simulator = self.simulator
        self.variables["pce"] = {
            "pce_host": simulator.host,
            "pce_port": simulator.port,
            "api_key": simulator.api_key,
            "api_secret": simulator.api_secret,
            **self.tls(),
        }
        self.variables["pe"] = {
            "connector_url": simulator.connectors["free"],
            "connector_user": simulator.api_key,
            "connector_password": simulator.api_secret,
            **self.tls(),
        }
        defaults = {
            f"group/{NAMESPACE}.{api}": {name: f"{{{{ {api}.{name} }}}}" for name in self.variables[api]}
            for api in ("pce", "pe")
        }
        play = {"hosts": "localhost", "gather_facts": False, "module_defaults": defaults, "tasks": tasks}
        return self.write("play.json", [play])

    def write(self, name: str, content: Any) -> str:
        """Write a file that a run gets. Return its path."""
        (self.inputs / name).write_text(json.dumps(content))
        return str(self.inputs / name)

    def codes(self, text: str) -> dict[str, str]:
        """The activation codes of this simulator that a text holds."""
        known = {key["sha256"] for key in self.simulator.state()["pairing_keys"]}
        found = sorted(code for code in set(CODE.findall(text)) if hashlib.sha256(code.encode()).hexdigest() in known)
        return {f"activation code {number}": code for number, code in enumerate(found, start=1)}

    def leaks(self, more: Mapping[str, str]) -> dict[str, set[str]]:
        """The places in which secrets are."""
        return self.watched.leaks({**self.secrets, **more}, self.simulator.api_key)


@pytest.fixture
def setting(simulator: Simulator, tmp_path: Path) -> Iterator[Setting]:
    with proxying() as proxy:
        yield Setting(simulator, tmp_path, proxy.address)


def assert_clean(setting: Setting, codes: Mapping[str, str], **allowed: set[str]) -> None:
    """Assert that secrets are nowhere but where it is allowed, and that no other user could have read them there."""
    assert setting.leaks(codes) == allowed
    assert setting.watched.exposed({**setting.secrets, **codes}, setting.simulator.api_key) == []


@pytest.mark.parametrize("in_worker", [True, False], ids=["worker", "process"])
def test_modules_leak_nothing(setting: Setting, in_worker: bool) -> None:
    setting.variables["microseg_run_in_worker"] = in_worker
    tasks = setting.tasks()
    assert sorted({task["name"] for task in tasks}) == MODULES, "each module needs a task in Setting.tasks()"
    playbook, variables = setting.playbook(*tasks), setting.write("variables.json", setting.variables)
    ended = setting.watched.run("ansible-playbook", playbook, "-vvvv", "--diff", "-e", f"@{variables}")
    counts = recap(ended)["localhost"]
    # The step of the role has no way of its own: the role calls it in the worker.
    ways = sum(task["name"] != "pce_ven_batch" for task in tasks)
    assert ended.output.count("runs in the worker") == ways * in_worker
    assert counts["ok"] == len(tasks), ended.output[-3000:]
    assert counts["ignored"] == sum("ignore_errors" in task for task in tasks)
    keys = setting.inputs / "keys.json"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    codes = setting.codes(keys.read_text())
    assert len(codes) == 2
    assert_clean(setting, codes)


def test_modules_leak_nothing_to_a_runner(setting: Setting) -> None:
    """Under ansible-runner, as in AWX, with pipelining, and with one secret in its environment.

    Who injects a secret there gives it to all processes of the run, and to a file of ansible-runner's own.
    """
    tasks = [task for task in setting.tasks() if "ignore_errors" not in task]
    playbook = setting.playbook(*tasks)
    del setting.variables["pce"]["api_secret"]
    Path(playbook).write_text(re.sub(r'"api_secret": "[^"]*", ', "", Path(playbook).read_text()))
    secret = setting.simulator.api_secret
    ended = setting.watched.runner(playbook, extra=setting.variables, PCE_API_SECRET=secret, ANSIBLE_PIPELINING="true")
    assert ended.status == 0, ended.output[-3000:]
    assert recap(ended)["localhost"]["ok"] == len(tasks)
    codes = setting.codes((setting.inputs / "keys.json").read_text())
    assert len(codes) == 2
    assert_clean(setting, codes, environment={"API secret"}, command={"API secret"})


# Playbooks.


class Hosts:
    """Hosts that are directories of the watched runs, and the playbooks that are run on them."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.played: set[str] = set()
        standin = write_inventory(setting.watched.path("work"), ["web1", "web2", "broken"], self._variables())
        self.inventory = setting.inputs / "inventory.json"
        variables = json.loads(standin.read_text())
        # The names of the variables that the role's own shell script has.
        variables["all"]["vars"]["ven_script_environment"] |= {"code": "x", "directory": "x", "limit": "x"}
        standin.unlink()
        self.inventory.write_text(json.dumps(variables))
        (setting.watched.path("work") / "hosts" / "broken" / "opt").write_text("in the way")

    def _variables(self) -> Json:
        options = {f"ven_pce_{name}": value for name, value in self.setting.tls().items()}
        return {**pce_variables(self.setting.simulator), **options, "ven_pairing_profile": "PP-TEST"}

    def play(self, playbook: str, *flags: str, **variables: Any) -> Ended:
        """Run a playbook as loudly as can be."""
        self.played.add(playbook)
        path = self.setting.write("variables.json", variables)
        command = ["ansible-playbook", f"{NAMESPACE}.{playbook}", "-i", str(self.inventory), "-e", f"@{path}"]
        return self.setting.watched.run(*command, "-vvvv", "--diff", *flags)

    def play_by_runner(self, playbook: str, **variables: Any) -> Ended:
        """Run a playbook by ansible-runner."""
        self.played.add(playbook)
        return self.setting.watched.runner(
            f"{NAMESPACE}.{playbook}", "-i", str(self.inventory), extra=variables, ANSIBLE_PIPELINING="true"
        )


def test_playbooks_leak_nothing(setting: Setting) -> None:
    hosts = Hosts(setting)
    simulator, connection = setting.simulator, {f"ven_pce_{name}": value for name, value in setting.tls().items()}
    pce = {**pce_variables(simulator), **connection, "ven_pairing_profile": "PP-TEST"}
    paired = hosts.play("pair_vens")
    assert {name: counts["failed"] for name, counts in recap(paired).items()} == {"web1": 0, "web2": 0, "broken": 1}
    assert "The pairing script ended with" in paired.output
    assert setting.watched.path("work/pair_vens.retry").exists()  # one more file to search
    assert hosts.play("unpair_vens", ven_hosts="web1").status == 0
    assert hosts.play("unpair_vens", ven_hosts="web2", ven_unpair_through="pce").status == 0
    assert hosts.play_by_runner("pair_and_report").status != 0  # the broken host
    assert hosts.play("pairing_report", report_all_workloads=True).status == 0
    waves = [{"name": "all", "enforcement_mode": "full"}]
    assert hosts.play("roll_out", roll_out_waves=waves, roll_out_error_budget=100, **pce).status == 0
    assert hosts.play("check_server", **pce).status == 0
    login = {"user": simulator.api_key, "password": simulator.api_secret, **setting.tls()}
    refused = setting.instance(controller="10.1.1.2", address_space_name="x", address_space_type="y")
    free = {"url": simulator.connectors["free"], "instances": [setting.instance(), refused], **login}
    other = {"url": setting.url, "instances": [setting.instance()]}
    kept = hosts.play("connector_instances", pe_connectors=[free, other])
    assert recap(kept)["localhost"]["failed"] == 1
    assert "endpointAddressSpace does not fit" in kept.output
    # A new playbook needs a run. That of awx_setup is in test_awx.py, which looks for its secrets.
    assert sorted([*hosts.played, "awx_setup"]) == PLAYBOOKS
    for playbook in ("pair_vens", "unpair_vens", "pairing_report", "roll_out", "check_server"):
        variables = {"ven_hosts": "web1", "roll_out_waves": waves, **pce, "ven_pce_host": setting.url}
        assert hosts.play(playbook, **variables).status != 0

    # The argument of the vendor's script is the one place where a code may be; it also tells the codes to this test.
    seen = "".join(path.read_text() for path in setting.watched.places()["seen"])
    codes = setting.codes(seen)
    assert len(codes) >= 4  # two hosts, twice; those of the broken one never come to the script
    shown = [line for line in seen.splitlines() if any(code in line for code in codes.values())]
    assert [line for line in shown if not re.search(r"/(pair\.sh|illumio-ven-ctl) .*--activation-code ", line)] == []
    assert_clean(setting, codes, seen=set(codes))


# That a leak would be found.


def plant(place: str, module: str, options: Any, **more: Any) -> Json:
    """A task that leaks to a place, and perhaps to others too."""
    return {"name": place, f"ansible.builtin.{module}": options, **more}


PLANTED = [
    plant("output", "debug", {"msg": "{{ planted.output }}"}),
    plant("arguments", "command", {"argv": ["true", "{{ planted.arguments }}"]}),
    plant("syslog", "command", {"cmd": "true", "creates": "/{{ planted.syslog }}"}),
    plant("environment", "command", "true", environment={"WORD": "{{ planted.environment }}"}),
    plant("seen", "command", {"argv": ["sh"], "stdin": "sh -c 'sleep 0.5; :' {{ planted.seen | quote }}"}),
    plant("facts", "set_fact", {"fact": "{{ planted.facts }}", "cacheable": True}),
    plant("files", "copy", {"content": "{{ planted.files }}", "dest": "{{ work }}/left", "mode": "0600"}),
    plant("removed", "copy", {"content": "{{ planted.removed }}", "dest": "{{ work }}/gone", "mode": "0644"}),
    plant("", "file", {"path": "{{ work }}/gone", "state": "absent"}),
    plant("rm", "copy", {"content": "{{ planted.rm }}", "dest": "{{ work }}/gone", "mode": "0644"}),
    plant("", "command", {"cmd": "rm {{ work }}/gone"}),
    plant("", "fail", {}),
]


def test_what_is_planted_is_found(setting: Setting) -> None:
    planted = {task["name"]: word() for task in PLANTED if task["name"]}
    injected = {"command": word()}
    playbook = setting.write("play.json", [{"hosts": "localhost", "gather_facts": False, "tasks": PLANTED}])
    extra = {"planted": planted, "work": str(setting.watched.path("work"))}
    ended = setting.watched.runner(playbook, extra=extra, WORD=injected["command"])
    assert recap(ended)["localhost"]["ok"] == len(PLANTED) - 1, ended.output
    found = setting.watched.leaks({**planted, **injected})
    assert {*setting.watched.places(), "output"} - set(found) == set()
    assert "rm" in found["removed"]
    assert [place for place in (*planted, *injected) if place != "rm" and place not in found[place]] == []
    assert "output" in found["log"] & found["events"] & found["artifacts"] & found["junit"]
    exposed = "".join(path.read_text() for path in setting.watched.exposed(planted))
    assert search(exposed, planted) == {"removed", "rm"}


@pytest.mark.parametrize("form", forms(f"{word()}\n{word()}", "joe"))
def test_every_form_is_found(form: str) -> None:
    secret = f"{word()}\n{word()}"
    text = forms(secret, "joe")[form]
    assert search(f"before {text} after", {"it": secret, "other": word()}, "joe") == {"it"}
    half = len(text) // 2
    assert search(f"before {text[:half]}\n    {text[half:]} after", {"it": secret}, "joe") == {"it"}
