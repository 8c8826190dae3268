"""AWX: what awx_setup asks for, and jobs that ansible-runner runs as AWX runs them.

There is no AWX here. The modules of awx.awx are stand-ins that take the arguments of the real ones; the environment of
a job is created from the credential type's injectors as AWX describes it. The behavior of AWX itself is not tested.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
import yaml
from jinja2 import StrictUndefined, sandbox

from plugins.module_utils._pce.api import PCE
from plugins.module_utils._pe.api import Pe
from tests.collection import ROOT
from tests.directory_hosts import write_inventory
from tests.integration import interpreter
from tests.integration.runner import NAMESPACE, Ended, environment, recap, run_playbook
from tests.public import LIST
from tests.public.lines import load
from tests.simulator.launch import Simulator
from tests.stubs.arguments import TABLE, derive, write

SETUP = f"{NAMESPACE}.awx_setup"
PROJECT = {"awx_project_url": "https://git.example.com/microseg.git"}
PCE_TYPE, CONNECTOR_TYPE = "Illumio PCE", "Policy Enforcer connector"
PUBLIC = load(LIST.read_text())
WORD = r"^[a-zA-Z_][a-zA-Z0-9_]*$"
PLANTED = "Pl4nted-S3cret-of-AWX"

Json = dict[str, Any]


@dataclass(frozen=True)
class Awx:
    """The stand-ins' AWX, in a directory of its own."""

    directory: Path

    def set_up(self, *flags: str, **variables: Any) -> Ended:
        """Run awx_setup."""
        given = self.directory / "variables.json"
        given.write_text(json.dumps({**PROJECT, **variables}))
        env = {
            "ANSIBLE_COLLECTIONS_PATH": f"{ROOT}/tests/stubs:{os.environ['ANSIBLE_COLLECTIONS_PATH']}",
            "MICROSEG_AWX": str(self.directory / "awx.json"),
            "MICROSEG_AWX_ARGUMENTS": str(TABLE),
        }
        return run_playbook(SETUP, "-e", f"@{given}", *flags, env=env, cwd=self.directory)

    def asked(self, module: str) -> list[Json]:
        """The options of all calls of a module."""
        calls = json.loads((self.directory / "awx.json").read_text())["asked"]
        return [call["options"] for call in calls if call["module"] == module]

    def objects(self) -> dict[str, dict[str, Json]]:
        """What is there, by kind and name."""
        found: dict[str, dict[str, Json]] = json.loads((self.directory / "awx.json").read_text())["objects"]
        return found


@pytest.fixture
def awx(tmp_path: Path) -> Awx:
    """An AWX in which nothing is set up."""
    return Awx(tmp_path)


@pytest.fixture(scope="module")
def _first(tmp_path_factory: pytest.TempPathFactory) -> Awx:
    made = Awx(tmp_path_factory.mktemp("awx"))
    ended = made.set_up()
    assert changed(ended) == 7
    return made


@pytest.fixture
def objects(_first: Awx) -> dict[str, dict[str, Json]]:
    """What awx_setup makes."""
    return _first.objects()


@pytest.fixture
def ready(_first: Awx, awx: Awx) -> Awx:
    """An AWX that has been set up."""
    shutil.copy(_first.directory / "awx.json", awx.directory)
    return awx


def changed(ended: Ended) -> int:
    assert ended.status == 0, ended.output
    return recap(ended)["localhost"]["changed"]


def test_set_up_twice_and_look_before_a_change(ready: Awx) -> None:
    made = ready.objects()
    assert {kind: sorted(names) for kind, names in made.items()} == {
        "credential_type": [PCE_TYPE, CONNECTOR_TYPE],
        "credential": ["Connector", "PCE"],
        "project": ["Microsegmentation"],
        "inventory": ["Hosts to pair", "PCE workloads"],
        "inventory_source": ["PCE"],
        "job_template": [
            "Check server",
            "Connector instances",
            "Pair hosts",
            "Pairing report",
            "Roll out",
            "Unpair hosts",
        ],
        "schedule": ["Pairing report every morning"],
    }
    assert changed(ready.set_up()) == 0
    for module, calls in {"credential_type": 2, "credential": 2, "inventory_source": 1, "job_template": 6}.items():
        asked = ready.asked(module)
        assert len(asked) == 2 * calls
        assert asked[:calls] == asked[calls:]
    assert changed(ready.set_up("--check", awx_project_branch="next", awx_machine_credential="PCE")) == 2
    assert ready.objects() == made
    assert changed(ready.set_up(awx_project_branch="next")) == 1
    assert ready.objects()["project"]["Microsegmentation"]["scm_branch"] == "next"


def test_what_is_named_is_what_is_asked_for(awx: Awx) -> None:
    ended = awx.set_up(
        awx_hosts_inventory="Servers", awx_pce_credential="PCE prod", awx_source_path="pce_workloads.yml"
    )
    assert ended.status == 0, ended.output
    made = awx.objects()
    templates = made["job_template"]
    assert templates["Pair hosts"]["inventory"] == "Servers"
    assert {tuple(item["credentials"]) for item in templates.values()} == {("PCE prod",), ("Connector",)}
    assert templates["Unpair hosts"]["inventory"] == "PCE workloads"
    source = made["inventory_source"]["PCE"]
    assert source["credential"] == "PCE prod"
    assert source["source_path"] == "pce_workloads.yml"
    assert source["source_vars"] == {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"}
    assert made["schedule"]["Pairing report every morning"]["unified_job_template"] == "Pairing report"
    assert not any("inputs" in credential for credential in made["credential"].values())


def test_awx_setup_keeps_the_objects_of_another_prefix(awx: Awx) -> None:
    """With a prefix for each PCE, the templates of one PCE never use the credential or project of another."""
    first = {"awx_prefix": "Prod - ", "awx_project_url": "https://git.example.com/prod.git"}
    second = {"awx_prefix": "Test - ", "awx_project_url": "https://git.example.com/test.git"}
    assert changed(awx.set_up(**first)) == 7
    made = awx.objects()
    assert changed(awx.set_up(**second)) == 6, "the credential types are the same"
    both = awx.objects()
    for kind, objects in made.items():
        assert objects.items() <= both[kind].items()
    assert both.keys() == made.keys()
    for kind in both.keys() - {"credential_type"}:
        assert len(both[kind]) == 2 * len(made[kind])
    for template in both["job_template"].values():
        prefix = template["name"][:7]
        assert prefix in ("Prod - ", "Test - ")
        referred = [template["project"], template["inventory"], *template["credentials"]]
        assert all(name.startswith(prefix) for name in referred), referred
    (source,) = (source for name, source in both["inventory_source"].items() if name.startswith("Test"))
    assert source["credential"] == "Test - PCE"
    assert source["source_project"] == "Test - Microsegmentation"
    assert both["project"]["Prod - Microsegmentation"]["scm_url"] == "https://git.example.com/prod.git"
    assert changed(awx.set_up(**first)) == 0
    assert changed(awx.set_up(**second)) == 0


def test_awx_setup_runs_with_ansible_controller(awx: Awx, objects: dict[str, dict[str, Json]]) -> None:
    assert changed(awx.set_up(awx_collection="ansible.controller")) == 7
    assert awx.objects() == objects


def test_awx_setup_signed_project_names_the_credential(ready: Awx) -> None:
    assert changed(ready.set_up(awx_signature_credential="PCE")) == 1
    assert ready.objects()["project"]["Microsegmentation"]["signature_validation_credential"] == "PCE"


ARGUMENTS: Json = json.loads(TABLE.read_text())
TASKS = [
    task
    for task in yaml.safe_load((ROOT / "playbooks" / "awx_setup.yml").read_text())[0]["tasks"]
    if task.get("action", "").startswith("{{ awx__collection }}.")
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task["name"])
def test_awx_setup_task_uses_arguments_of_its_module(task: Json) -> None:
    known = ARGUMENTS[task["action"].rpartition(".")[2]]
    assert task["args"].keys() <= known.keys()
    assert {name for name, about in known.items() if about.get("required")} <= task["args"].keys()
    aliases = {alias for about in known.values() for alias in about.get("aliases", [])}
    assert not aliases & task["args"].keys()
    assert task["args"].get("state", "present") in ("{{ item.state }}", *known["state"]["choices"])


def test_awx_setup_uses_every_module_of_the_table() -> None:
    assert {task["action"].rpartition(".")[2] for task in TASKS} == ARGUMENTS.keys() - {"awx", "connection"}


def test_arguments_are_derived_from_the_source_of_awx(tmp_path: Path) -> None:
    """Read a source in the form of AWX's: literals, choices of a dictionary's keys, and what the table leaves out."""
    plugins = tmp_path / "awx_collection" / "plugins"
    for directory in ("modules", "module_utils"):
        (plugins / directory).mkdir(parents=True)
    (plugins / "module_utils" / "controller_api.py").write_text(
        "AUTH_ARGSPEC = dict(host=dict(fallback=(env, ['A'])))\n"
    )
    source = (
        "KINDS = {'net': 'N', 'cloud': 'C'}\n"
        "argument_spec = dict(name=dict(required=True), kind=dict(choices=list(KINDS.keys())))\n"
    )
    for kind in ARGUMENTS.keys() - {"awx", "connection"}:
        (plugins / "modules" / f"{kind}.py").write_text(source)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message=a"], check=True)
    table = derive(tmp_path)
    assert table["connection"] == {"host": {}}
    assert table["project"] == {"name": {"required": True}, "kind": {"choices": ["net", "cloud"]}}
    assert table.keys() == ARGUMENTS.keys()
    assert json.loads(write(table)) == table


def test_pair_vens_fails_in_a_slice_without_hosts_of_the_limit(tmp_path: Path) -> None:
    """AWX passes the limit of a job to each slice of the inventory; the guide on scale describes this."""
    flags = ["-i", str(write_inventory(tmp_path, ["web1"], {})), "-e", "ven_pairing_profile=Default"]
    limited = run_playbook(f"{NAMESPACE}.pair_vens", *flags, "--limit", "web2")
    assert limited.status == 1
    assert "--limit leaves us with no hosts to target" in " ".join(limited.output.split())
    asked = run_playbook(f"{NAMESPACE}.pair_vens", *flags, "-e", "ven_hosts=web2")
    assert asked.status == 0, asked.output
    assert "no hosts matched" in asked.output


def test_values_of_a_credential_are_written_once_and_never_shown(ready: Awx) -> None:
    inputs = {"host": "pce.example.com", "api_key": "api_1", "api_secret": PLANTED}
    done = ready.set_up("-vvv", awx_pce_inputs=inputs)
    assert changed(done) == 1
    assert {*ready.objects()["credential"]["PCE"]["inputs"]} == {"host", "api_key", "api_secret"}
    assert PLANTED not in done.output
    assert changed(ready.set_up(awx_pce_inputs=inputs)) == 0
    assert changed(ready.set_up("--check", awx_pce_inputs={**inputs, "host": "other.example.com"})) == 1
    assert changed(ready.set_up("--check", awx_pce_inputs=inputs, awx_update_secrets=True)) == 1
    assert PLANTED not in (ready.directory / "awx.json").read_text()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"awx_project_url": ""}, "awx_project_url must be the URL of the Git repository"),
        ({"awx_pce_inputs": [PLANTED]}, "awx_pce_inputs and awx_connector_inputs must be dictionaries"),
        ({"awx_pce_credential": "Connector"}, "awx_pce_credential and awx_connector_credential must differ"),
        ({"awx_collection": "awx.other"}, "awx_collection must be awx.awx or ansible.controller"),
        ({"awx_organization": "Nobody"}, "AWX has no organization 'Nobody'"),
    ],
)
def test_what_is_wrong_is_told(awx: Awx, variables: Json, expected: str) -> None:
    ended = awx.set_up(**variables)
    assert ended.status != 0
    assert expected in ended.output
    assert PLANTED not in ended.output


# What AWX's documentation says of a credential type, in a schema of our own.
TYPE = {
    "type": "object",
    "required": ["name", "kind", "inputs", "injectors"],
    "properties": {
        "kind": {"enum": ["cloud", "net"]},
        "inputs": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "required": {"type": "array", "items": {"type": "string"}},
                "fields": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["id", "label"],
                        "properties": {
                            "id": {"type": "string", "pattern": WORD, "not": {"const": "tower"}},
                            "label": {"type": "string"},
                            "type": {"enum": ["string", "boolean"]},
                            "help_text": {"type": "string"},
                            "secret": {"type": "boolean"},
                            "multiline": {"type": "boolean"},
                            "default": {"type": "string"},
                            "choices": {"type": "array", "minItems": 1, "uniqueItems": True},
                        },
                    },
                },
            },
        },
        "injectors": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "file": {
                    "additionalProperties": False,
                    "patternProperties": {r"^template\.[a-zA-Z_][a-zA-Z0-9_]*$": {"type": "string"}},
                },
                "env": {
                    "additionalProperties": False,
                    "patternProperties": {WORD: {"type": "string", "pattern": r"^[\x00-\x7F]*$"}},
                    "propertyNames": {"not": {"pattern": "^ANSIBLE_"}},
                },
                "extra_vars": {"additionalProperties": False, "patternProperties": {WORD: {"type": "string"}}},
            },
        },
    },
}


@pytest.mark.parametrize("name", [PCE_TYPE, CONNECTOR_TYPE])
def test_a_credential_type_is_one_that_awx_takes(objects: dict[str, dict[str, Json]], name: str) -> None:
    about = objects["credential_type"][name]
    jsonschema.Draft7Validator(TYPE).validate(about)
    fields = [field["id"] for field in about["inputs"]["fields"]]
    assert len({*fields}) == len(fields)
    assert {*about["inputs"]["required"]} <= {*fields}
    files = {template.partition(".")[2]: "EXAMPLE" for template in about["injectors"]["file"]}
    known = {**dict.fromkeys(fields, "EXAMPLE"), "tower": SimpleNamespace(filename=SimpleNamespace(**files))}
    strict = sandbox.ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    rendered = [
        strict.from_string(template).render(known)
        for templates in about["injectors"].values()
        for template in templates.values()
    ]
    assert {*rendered} == {"EXAMPLE"}
    secret = {field["id"] for field in about["inputs"]["fields"] if field.get("secret")}
    assert secret == {field for field in fields if re.search("secret|password|key$|proxy$", field)} - {
        "api_key",
        "use_proxy",
    }


@pytest.mark.parametrize(("name", "api"), [(PCE_TYPE, PCE), (CONNECTOR_TYPE, Pe)])
def test_every_injected_variable_is_one_that_the_modules_read(
    objects: dict[str, dict[str, Json]], name: str, api: Any
) -> None:
    read = {option["env"][0]: option_name for option_name, option in api.options.items()}
    injected = {*objects["credential_type"][name]["injectors"]["env"]}
    assert injected <= {*read}
    # How long and how often is the job's matter, and what a project's file says of a connector is the project's.
    of_the_job = {"timeout", "deadline", "max_requests_per_minute", "allow_http", "json_names_path"}
    assert {read[variable] for variable in {*read} - injected} <= of_the_job


@pytest.mark.parametrize(
    "name", ["Check server", "Connector instances", "Pair hosts", "Pairing report", "Roll out", "Unpair hosts"]
)
def test_a_survey_asks_for_variables_that_its_playbook_has(objects: dict[str, dict[str, Json]], name: str) -> None:
    template = objects["job_template"][name]
    playbook = PUBLIC["playbooks"][Path(template["playbook"]).stem]
    options = {
        role: about["variables"] for role, about in PUBLIC["roles"].items() if role in playbook.get("imports", [])
    }
    known = {*playbook["variables"], *(variable for about in options.values() for variable in about)}
    survey = template["survey_spec"]
    assert {*survey} == {"name", "description", "spec"}
    variables = [question["variable"] for question in survey["spec"]]
    assert len({*variables}) == len(variables)
    assert {*variables} <= known
    for question in survey["spec"]:
        assert question["required"] is True
        assert question["question_name"]
        if question["type"] == "multiplechoice":
            assert all(isinstance(choice, str) for choice in question["choices"])
            assert question.get("default", question["choices"][0]) in question["choices"]
            choices = options.get("ven", {}).get(question["variable"], {}).get("choices")
            assert choices is None or {*choices} == {*question["choices"]}
        else:
            assert question["type"] in ("text", "textarea")
            assert isinstance(question.get("default", ""), str)
    has_default = {question["variable"] for question in survey["spec"] if "default" in question}
    assert name != "Unpair hosts" or "ven_hosts" not in has_default


def test_the_schedule_is_a_rule_that_awx_takes(objects: dict[str, dict[str, Json]]) -> None:
    (schedule,) = objects["schedule"].values()
    assert re.fullmatch(r"DTSTART:\d{8}T\d{6}Z RRULE:FREQ=DAILY;INTERVAL=1", schedule["rrule"])
    questions = objects["job_template"][schedule["unified_job_template"]]["survey_spec"]["spec"]
    assert all("default" in question for question in questions)


@dataclass(frozen=True)
class Job:
    """A job that has run: what AWX keeps of it."""

    status: str
    rc: int
    artifacts: Path

    @property
    def stdout(self) -> str:
        """What the job's page shows."""
        return (self.artifacts / "stdout").read_text()

    @property
    def events(self) -> list[Json]:
        """The events in their order."""
        paths = sorted(
            (self.artifacts / "job_events").glob("*.json"), key=lambda path: int(path.name.partition("-")[0])
        )
        return [json.loads(path.read_text()) for path in paths]

    def stats(self) -> Json:
        """The hosts of the recap, by what happened to them."""
        (event,) = [event for event in self.events if event["event"] == "playbook_on_stats"]
        data: Json = event["event_data"]
        return data

    def kept(self) -> Iterator[Path]:
        """The files that AWX reads: all but `command`, where ansible-runner notes the whole environment for itself."""
        return (path for path in self.artifacts.rglob("*") if path.is_file() and path.name != "command")


class Runner:
    """Runs jobs through ansible-runner's three steps, with a credential of a type that awx_setup made."""

    def __init__(self, directory: Path, types: dict[str, Json]) -> None:
        self.directory = directory
        self.types = types
        self.number = 0

    def job(
        self,
        playbook: str,
        credentials: Mapping[str, Json],
        inventory: str,
        play: list[Json] | None = None,
        source: str = "",
        env: Mapping[str, str] | None = None,
        **extra_vars: Any,
    ) -> Job:
        """Run the file `playbook` of a project, by default one line that imports the collection's.

        source: what the file with the inventory is called, for an inventory update instead of a playbook.
        """
        self.number += 1
        sent, there, back = (self.directory / f"{name}{self.number}" for name in ("sent", "there", "back"))
        for name in ("project", "inventory", "env"):
            (sent / name).mkdir(parents=True)
        imported = [{"name": "Job", "ansible.builtin.import_playbook": f"{NAMESPACE}.{Path(playbook).stem}"}]
        (sent / "project" / playbook).write_text(json.dumps(play or imported))
        (sent / "inventory" / (source or "hosts.yml")).write_text(inventory)
        injected, variables = self._injected(credentials, sent, there)
        settings = {"fact_cache_type": "jsonfile", "fact_cache": "fact_cache"}
        keys = ("ANSIBLE_COLLECTIONS_PATH", "PATH", *interpreter.variables())
        files = {
            "envvars": {
                **{key: environment()[key] for key in keys},
                "ANSIBLE_CACHE_PLUGIN": "jsonfile",
                **(env or {}),
                **injected,
            },
            "extravars": {**extra_vars, **variables},
            "settings": settings,
        }
        for name, content in files.items():
            (sent / "env" / name).write_text(json.dumps(content))
        if source:
            (sent / "args").write_text(f"ansible-inventory --list --export -i {there / 'inventory' / source}")
        sending = self._step("transmit", str(sent), "-p", playbook)
        self._step("process", str(back), given=self._step("worker", "--private-data-dir", str(there), given=sending))
        artifacts = back / "artifacts"
        return Job((artifacts / "status").read_text(), int((artifacts / "rc").read_text()), artifacts)

    def _injected(self, credentials: Mapping[str, Json], sent: Path, there: Path) -> tuple[dict[str, str], Json]:
        """The environment and the extra variables that AWX makes of credentials; their files go into `sent`."""
        plain = sandbox.ImmutableSandboxedEnvironment()
        env: dict[str, str] = {}
        variables: Json = {}
        for name, inputs in credentials.items():
            injectors = self.types[name]["injectors"]
            values = {key: value for key, value in inputs.items() if value}
            paths = {}
            for template, text in injectors["file"].items():
                label = template.partition(".")[2]
                file = f"{name.replace(' ', '_')}_{label}"
                (sent / "env" / file).write_text(plain.from_string(text).render(values))
                paths[label] = str(there / "env" / file)
            values["tower"] = SimpleNamespace(filename=SimpleNamespace(**paths))
            env |= {key: plain.from_string(text).render(values) for key, text in injectors["env"].items()}
            given = injectors.get("extra_vars", {})
            variables |= {key: plain.from_string(text).render(values) for key, text in given.items()}
        return env, variables

    @staticmethod
    def _step(*arguments: str, given: bytes = b"") -> bytes:
        command = [str(Path(sys.executable).with_name("ansible-runner")), *arguments]
        ended = subprocess.run(command, input=given, env=environment(), capture_output=True, timeout=300, check=False)
        assert b"Traceback" not in ended.stderr, ended.stderr.decode()
        return ended.stdout


@pytest.fixture
def runner(tmp_path: Path, objects: dict[str, dict[str, Json]]) -> Runner:
    """What runs jobs."""
    return Runner(tmp_path, objects["credential_type"])


def pce(simulator: Simulator, **more: str) -> dict[str, Json]:
    """A credential for a simulator, as it is typed in: the CA certificate as text."""
    inputs = {
        "host": simulator.host,
        "port": str(simulator.port),
        "api_key": simulator.api_key,
        "api_secret": simulator.api_secret,
        "ca": Path(simulator.ca_path).read_text(),
        "validate_certs": "true",
        **more,
    }
    return {PCE_TYPE: inputs}


def answers(objects: dict[str, dict[str, Json]], template: str, **given: str) -> Json:
    """The extra variables of a job: a survey's defaults, and what somebody answers."""
    questions = objects["job_template"][template]["survey_spec"]["spec"]
    defaults = {question["variable"]: question["default"] for question in questions if "default" in question}
    assert {*defaults, *given} == {question["variable"] for question in questions}
    return {**defaults, **given}


def assert_secret_is_nowhere(job: Job, *secrets: str) -> None:
    """What AWX keeps holds none of the secrets; that they would be found, ansible-runner's own file shows."""
    command = json.loads((job.artifacts / "command").read_text())
    assert secrets[0] in json.dumps(command["env"])
    kept = list(job.kept())
    assert {"stdout", "status", "rc"} <= {path.name for path in kept}
    assert len([path for path in kept if path.parent.name == "job_events"]) > 3
    for path in kept:
        text = path.read_text(errors="replace")
        for secret in secrets:
            assert secret not in text, path


FACTS = {"ven_status": "{{ ven_status }}", "ven_pce": "{{ ven_pce }}", "cacheable": True}
"""What a job template with a fact cache may keep of the hosts."""


def test_a_job_pairs_hosts_and_again(
    simulator: Simulator, runner: Runner, objects: dict[str, dict[str, Json]], tmp_path: Path
) -> None:
    hosts = ["web1", "web2"]
    inventory = write_inventory(tmp_path, hosts, {}).read_text()
    survey = answers(objects, "Pair hosts", ven_pairing_profile="Default")
    keep = {"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.set_fact": FACTS}]}
    pairing = {"name": "Pair", "ansible.builtin.import_playbook": f"{NAMESPACE}.pair_vens"}
    job = runner.job("pair_vens.yml", pce(simulator), inventory, [pairing, keep], **survey)
    assert (job.status, job.rc) == ("successful", 0), job.stdout
    assert sorted(item["hostname"] for item in simulator.state()["workloads"]) == hosts
    assert {*job.stats()["changed"]} == {*hosts}
    cached = list((job.artifacts / "fact_cache").iterdir())
    assert sorted(path.name.rpartition("_")[2] for path in cached) == hosts
    assert all("ven_status" in path.read_text() for path in cached)
    assert_secret_is_nowhere(job, simulator.api_secret)
    code = re.compile(r"[0-9a-f]{81}")
    assert not any(code.search(path.read_text(errors="replace")) for path in job.kept())
    again = runner.job("pair_vens.yml", pce(simulator), inventory, **survey)
    assert (again.status, again.rc) == ("successful", 0), again.stdout
    assert again.stats()["changed"] == {}


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"api_secret": PLANTED}, "api_key or api_secret is wrong"),
        ({"ca": ""}, "certificate"),
        ({"host": ""}, "pce_host"),
    ],
)
def test_a_job_with_a_wrong_credential_says_so(
    simulator: Simulator,
    runner: Runner,
    objects: dict[str, dict[str, Json]],
    tmp_path: Path,
    wrong: Json,
    expected: str,
) -> None:
    inventory = write_inventory(tmp_path, ["web1"], {}).read_text()
    survey = answers(objects, "Pair hosts", ven_pairing_profile="Default")
    credential = pce(simulator, **wrong)
    job = runner.job("pair_vens.yml", credential, inventory, **survey)
    assert (job.status, job.rc) == ("failed", 2)
    assert expected in job.stdout
    failed = [event for event in job.events if event["event"] == "runner_on_failed"]
    assert any(expected in str(event["event_data"]["res"].get("msg")) for event in failed)
    assert "Traceback" not in job.stdout
    assert_secret_is_nowhere(job, credential[PCE_TYPE]["api_secret"])
    assert simulator.state()["workloads"] == []


def test_a_job_keeps_connector_instances(
    simulator: Simulator, runner: Runner, objects: dict[str, dict[str, Json]]
) -> None:
    login = {
        "controller_username": "{{ pe_controller_username }}",
        "controller_password": "{{ pe_controller_password }}",
    }
    space = {"controller": "10.92.82.18", "address_space_type": "Project", "address_space_name": "red"}
    play = [
        {
            "name": "Job",
            "ansible.builtin.import_playbook": f"{NAMESPACE}.connector_instances",
            "vars": {"pe_connectors": [{"url": "{{ pe_connector_url }}", "instances": [{**login, **space}]}]},
        }
    ]
    inputs = {
        "url": simulator.connectors["contrail"],
        "user": simulator.api_key,
        "password": simulator.api_secret,
        "controller_username": "admin",
        "controller_password": PLANTED,
        "ca": Path(simulator.ca_path).read_text(),
    }
    simulator.settings(connector_auth=True)
    survey = answers(objects, "Connector instances")
    for is_changed in (True, False):
        job = runner.job("connector_instances.yml", {CONNECTOR_TYPE: inputs}, "", play, **survey)
        assert (job.status, job.rc) == ("successful", 0), job.stdout
        assert bool(job.stats()["changed"]) is is_changed
        assert_secret_is_nowhere(job, simulator.api_secret, PLANTED)
    (stored,) = simulator.state()["connector_instances"]["contrail"]
    assert stored["endpointAddressSpace"]["name"] == "red"


@pytest.mark.parametrize(
    ("template", "given", "expected"),
    [
        (
            "Roll out",
            {
                "roll_out_waves": "[{name: canary, hostnames: [host-1], enforcement_mode: selective}]",
                "roll_out_state_path": "earlier.json",
            },
            "canary to selective: done; 1 of 1 hosts changed, 0 failed",
        ),
        ("Check server", {}, "assumptions hold, "),
        ("Pairing report", {}, "2 hosts: 1 paired, 1 online, 1 not paired"),
        ("Unpair hosts", {"ven_hosts": "host-1", "ven_unpair_through": "pce", "ven_unpair_maximum": "1"}, "changed=1"),
    ],
)
def test_a_job_runs_with_what_its_survey_gives(
    simulator: Simulator,
    runner: Runner,
    objects: dict[str, dict[str, Json]],
    tmp_path: Path,
    template: str,
    given: dict[str, str],
    expected: str,
) -> None:
    simulator.seed(generate={"workloads": 2, "prefix": "host-"})
    inventory = write_inventory(tmp_path, ["host-1", "web1"], {}).read_text()
    survey = answers(objects, template, **given)
    if "report_path" in survey:
        survey["report_path"] = str(tmp_path / "report.html")
    if "roll_out_waves" in survey:
        survey["roll_out_state_path"] = str(tmp_path / "earlier.json")
    if "check_server_path" in survey:
        survey["check_server_path"] = str(tmp_path / "check.md")
    job = runner.job(objects["job_template"][template]["playbook"], pce(simulator), inventory, **survey)
    assert (job.status, job.rc) == ("successful", 0), job.stdout
    assert expected in " ".join(job.stdout.split()), job.stdout
    assert_secret_is_nowhere(job, simulator.api_secret)


# What AWX adds to the environment of an inventory update, and what awx_setup gives to its source.
UPDATE = {"ANSIBLE_INVENTORY_UNPARSED_FAILED": "True"}


def test_an_inventory_update_reads_the_pce(
    simulator: Simulator, runner: Runner, objects: dict[str, dict[str, Json]]
) -> None:
    simulator.seed(generate={"workloads": 3, "prefix": "host-"})
    name = Path(objects["inventory_source"]["PCE"]["source_path"]).name
    given = {**UPDATE, **objects["inventory_source"]["PCE"]["source_vars"]}
    inventory = json.dumps({"plugin": f"{NAMESPACE}.pce_workloads"})
    job = runner.job("unused.yml", pce(simulator), inventory, source=name, env=given)
    assert (job.status, job.rc) == ("successful", 0), job.stdout
    listed = json.loads(job.stdout)
    assert len(listed["_meta"]["hostvars"]) == 3
    assert_secret_is_nowhere(job, simulator.api_secret)
    for settings in (given, UPDATE, objects["inventory_source"]["PCE"]["source_vars"]):
        failed = runner.job("unused.yml", pce(simulator, api_secret=PLANTED), inventory, source=name, env=settings)
        assert failed.status == "failed"
        assert failed.rc != 0
        assert "api_key or api_secret is wrong" in " ".join(failed.stdout.split())
        assert_secret_is_nowhere(failed, PLANTED)
