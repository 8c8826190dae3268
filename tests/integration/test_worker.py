"""Where an API task runs: in Ansible's worker or in a process of its own, with the same result, by real runs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.runner import NAMESPACE, Ended, connection, environment, run
from tests.integration.watched import Watched
from tests.simulator.launch import Simulator, running

Json = dict[str, Any]

SWITCH = "microseg_run_in_worker"
WAYS = pytest.mark.parametrize("in_worker", [True, False], ids=["worker", "process"])
IN_WORKER, IN_PROCESS = "runs in the worker", "runs in a process of its own"
LABEL = {"key": "role", "value": "cache"}

# What people set for their managed nodes, and what would break a task on the control node or give its secrets away.
MANAGED_NODES: dict[str, Json] = {
    "powershell": {
        "ansible_connection": "local",
        "ansible_shell_type": "powershell",
        "ansible_become": True,
        "ansible_become_method": "runas",
        "ansible_become_user": "SYSTEM",
    },
    "cmd": {"ansible_connection": "winrm", "ansible_shell_type": "cmd", "ansible_host": "192.0.2.1"},
    "ssh": {
        "ansible_connection": "ssh",
        "ansible_host": "192.0.2.1",
        "ansible_user": "nobody",
        "ansible_become": True,
        "ansible_become_user": "nobody",
        "ansible_become_exe": "/nowhere/sudo",
        "ansible_shell_executable": "/nowhere/sh",
        "ansible_remote_tmp": "/dev/null/tmp",
        "ansible_pipelining": False,
    },
}


def task(module: str, options: Json, **more: Any) -> Json:
    return {"name": module, f"{NAMESPACE}.{module}": options, **more}


def play(*tasks: Json, hosts: str = "localhost", **more: Any) -> Json:
    return {"hosts": hosts, "gather_facts": False, "tasks": tasks, **more}


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def own_python(**more: str) -> dict[str, str]:
    """The environment of runs whose modules start anew, with the Python of Ansible."""
    return {"ANSIBLE_PYTHON_INTERPRETER": sys.executable, "PYTHONPATH": "", **more}


def run_plays(
    directory: Path, *plays: Json, flags: tuple[str, ...] = (), env: Mapping[str, str] | None = None
) -> Ended:
    playbook = write(directory / "play.json", plays)
    return run(["ansible-playbook", str(playbook), *flags], env=env, cwd=directory)


def results(directory: Path, *tasks: Json, flags: tuple[str, ...] = (), env: Mapping[str, str] | None = None) -> Json:
    """Run tasks, each of which registers a variable, and return what all of them registered."""
    names = [item["register"] for item in tasks]
    content = "{{ {" + ", ".join(f"'{name}': {name}" for name in names) + "} | to_json }}"
    kept = {"ansible.builtin.copy": {"content": content, "dest": str(directory / "results.json"), "mode": "0600"}}
    ended = run_plays(directory, play(*tasks, {**kept, "diff": False, "check_mode": False}), flags=flags, env=env)
    assert ended.status == 0, ended.output
    found: Json = json.loads((directory / "results.json").read_text())
    return found


# Variables of managed nodes.


@pytest.mark.parametrize("place", ["group_vars", "play", "extra"])
@pytest.mark.parametrize("nodes", MANAGED_NODES)
def test_task_ignores_variables_of_managed_nodes(
    simulator: Simulator, tmp_path_factory: pytest.TempPathFactory, nodes: str, place: str
) -> None:
    """Neither way has a shell, become or a connection of theirs, and no argument is ever on a disk."""
    # Of a short name: ansible-core 2.21 has a socket somewhere below.
    directory = tmp_path_factory.mktemp("w")
    variables, watched, inputs = MANAGED_NODES[nodes], Watched(directory / "w"), directory / "inputs"
    secret = write(inputs / "secret.json", {"secret": simulator.api_secret})
    options = {**connection(simulator), **LABEL, "api_secret": "{{ secret }}"}
    tasks = [task("pce_label", options, vars={SWITCH: in_worker}) for in_worker in (True, False)]
    settings: Json = {"vars": variables} if place == "play" else {}
    plays = [
        play(*tasks, **settings),
        play(*({**item, "delegate_to": "localhost"} for item in tasks), hosts="web1", **settings),
    ]
    write(inputs / "play.json", plays)
    inventory = write(inputs / "hosts.json", {"all": {"hosts": {"localhost": {}, "web1": {}}}})
    if place == "group_vars":
        write(inputs / "group_vars" / "all.json", variables)
    flags = ["-e", json.dumps(variables)] if place == "extra" else []
    command = ["ansible-playbook", str(inputs / "play.json"), "-i", str(inventory), "-e", f"@{secret}", "-vvv", *flags]
    ended = watched.run(*command, ANSIBLE_KEEP_REMOTE_FILES="true")
    assert ended.status == 0, ended.output
    assert (ended.output.count(IN_WORKER), ended.output.count(IN_PROCESS)) == (2, 2)
    assert ended.output.count("ignores become") == 4 * variables.get("ansible_become", False)
    assert watched.leaks({"API secret": simulator.api_secret}, simulator.api_key) == {}
    assert sorted(path.name for path in inputs.iterdir()) == sorted(
        {"hosts.json", "play.json", "secret.json", *(["group_vars"] if place == "group_vars" else [])}
    )


# Which way is taken.


def test_task_tells_which_way_it_takes(simulator: Simulator, tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.symlink_to(sys.executable)
    options = {**connection(simulator), **LABEL}
    ways: list[tuple[Json, str]] = [
        ({}, f"{IN_WORKER} ("),
        ({"vars": {"ansible_python_interpreter": "auto_silent"}}, IN_WORKER),
        ({"vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}}, IN_WORKER),
        ({"vars": {"ansible_python_interpreter": str(other)}}, f"{IN_PROCESS}: ansible_python_interpreter is {other}"),
        ({"vars": {SWITCH: "no"}}, f"{IN_PROCESS}: {SWITCH} is false"),
        ({"async": 30, "poll": 1}, f"{IN_PROCESS}: async"),
        ({"delegate_to": "node"}, f"{IN_PROCESS}: the target is not the controller"),
        ({"delegate_to": "here"}, IN_WORKER),
    ]
    passed_over = {"ignore_errors": True, "ignore_unreachable": True}  # the node, and a Python without requests
    tasks = [task("pce_label", options, **passed_over, **more) for more, _words in ways]
    hosts = {
        "localhost": {"ansible_connection": "local"},
        "here": {"ansible_connection": "local"},
        "node": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1},
    }
    inventory = write(tmp_path / "hosts.json", {"all": {"hosts": hosts}})
    env = own_python(ANSIBLE_ASYNC_DIR=str(tmp_path / "async"))
    ended = run_plays(tmp_path, play(*tasks), flags=("-vvv", "-i", str(inventory)), env=env)
    said = re.findall(rf"{NAMESPACE}\.pce_label (runs .*)", ended.output)
    assert len(said) == len(ways), ended.output
    assert [words for (_more, words), line in zip(ways, said) if not line.startswith(words)] == []
    assert "UNREACHABLE" in ended.output


def test_switch_must_be_a_boolean(simulator: Simulator, tmp_path: Path) -> None:
    options = {**connection(simulator), **LABEL}
    ended = run_plays(tmp_path, play(task("pce_label", options)), flags=("-e", f"{SWITCH}=perhaps"))
    assert f"{SWITCH}: must be true or false, not 'perhaps'" in ended.output
    assert "Traceback" not in ended.output
    assert simulator.journal() == []


def test_task_without_requests_in_the_controller(simulator: Simulator, tmp_path: Path) -> None:
    """The interpreter of modules may have it; if not, the failure says which Python has not."""
    without = tmp_path / "without"
    write(without / "requests.py", None).write_text("raise ImportError('no requests')\n")
    options = {**connection(simulator), **LABEL}
    tasks = [
        task("pce_label", options, environment={"PYTHONPATH": ""}),
        task("pce_label", options, ignore_errors=True),
    ]
    ended = run_plays(tmp_path, play(*tasks), flags=("-vvv",), env=own_python(PYTHONPATH=str(without)))
    assert len(re.findall(rf"{IN_PROCESS}: \S+/python\S* has no requests", ended.output)) == 2, ended.output
    assert ended.stdout.count("changed: [localhost]") == 1
    assert re.search(r"library \(requests\) on \S+'s Python \S+/python", ended.output)


def test_async_is_refused_where_the_job_would_be_lost(simulator: Simulator, tmp_path: Path) -> None:
    item = task("pce_label", {**connection(simulator), **LABEL}, **{"async": 30, "poll": 1})
    ended = run_plays(tmp_path, play(item, vars={"ansible_connection": "ssh"}))
    assert "async requires ansible_connection: local on the control node, where it is ssh" in ended.output
    assert simulator.journal() == []


def test_async_ignores_become_and_the_shell(simulator: Simulator, tmp_path: Path) -> None:
    """The job, and the connection by which Ansible asks for it, are the controller's."""
    item = task("pce_label", {**connection(simulator), **LABEL}, **{"async": 60, "poll": 1})
    env = own_python(ANSIBLE_ASYNC_DIR=str(tmp_path / "async"))
    ended = run_plays(tmp_path, play(item, vars=MANAGED_NODES["powershell"]), env=env)
    assert ended.status == 0, ended.output
    assert "changed=1" in ended.output
    assert list(tmp_path.glob("AnsiballZ*")) == []


# The same result.


def _tasks(simulator: Simulator, directory: Path) -> list[Json]:
    """Tasks that use what a task can have around its module, one or more of each."""
    known = {**connection(simulator), "validate_certs": False}
    vault = {"api_secret": "{{ vaulted }}"}
    profile = {**known, "name": "PP-{{ 6 * 7 }}", "description": "{{ 'ü' ~ '\"' }}"}
    anywhere = {name: value for name, value in known.items() if name != "pce_org_id"}
    wrong = {"changed_when": False, "failed_when": "'nowhere' not in r_labels.msg"}
    return [
        task("pce_pairing_profile", profile, register="r_check", check_mode=True, diff=True),
        task("pce_pairing_profile", profile, register="r_new", diff=True),
        task("pce_pairing_profile", profile, register="r_same", diff=False, retries=2, until="r_same is success"),
        task("pce_pairing_profile", {**profile, **vault}, register="r_vault"),
        task(
            "pce_pairing_profile", {**known, "name": "X", "labels": [{"role": "nowhere"}]}, register="r_labels", **wrong
        ),
        task("pce_pairing_profile", {**known, "nam": simulator.api_secret}, register="r_unknown", ignore_errors=True),
        task("pce_pairing_profile", {**known, "name": simulator.api_secret}, register="r_masked", check_mode=True),
        task(
            "pce_label", {**known, "key": "{{ item }}", "value": "x"}, register="r_loop", loop=["role", "app", "role"]
        ),
        task("pce_label_info", anywhere, register="r_environment", environment={"PCE_ORG_ID": 7}, ignore_errors=True),
        task("pce_label_info", {**known, "ca_path": "ca.pem", "validate_certs": True}, register="r_relative"),
        task("pce_label_info", known, register="r_hidden", no_log=True),
        task("pce_label_info", {}, register="r_defaults", module_defaults={f"group/{NAMESPACE}.pce": known}),
        task("pce_label", {**known, **LABEL, "state": "gone"}, register="r_choice", ignore_errors=True),
    ]


def test_both_ways_have_the_same_results(simulator: Simulator, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(Path(simulator.ca_path).read_bytes())
    password = tmp_path / "password"
    password.write_text("x")
    command = ["ansible-vault", "encrypt_string", "--vault-password-file", str(password), "--name", "vaulted"]
    vaulted = run([*command, simulator.api_secret]).stdout
    (tmp_path / "vaulted.yml").write_text(vaulted)
    found = []
    for in_worker in (True, False):
        simulator.reset()
        variables = ("-e", f"{SWITCH}={in_worker}", "-e", f"@{tmp_path}/vaulted.yml")
        flags = (*variables, "--vault-password-file", str(password), "-vvv")
        found.append(results(tmp_path, *_tasks(simulator, tmp_path), flags=flags, env=own_python()))
    text = json.dumps(found)
    assert simulator.api_secret not in text
    worker, process = (_settled(item) for item in found)
    assert worker == process
    assert worker["r_new"]["diff"]["after"]["name"] == "PP-42"
    assert "validate_certs" in str(worker["r_new"]["warnings"])
    assert [item["changed"] for item in worker["r_loop"]["results"]] == [True, True, False]
    assert worker["r_environment"]["status"] == 403
    assert worker["r_labels"]["failed"] is False


def _settled(value: Any) -> Any:
    """Return results without what differs from run to run: times, request IDs, and the paths in tracebacks."""
    if isinstance(value, dict):
        return {key: _settled(item) for key, item in value.items() if key not in ("exception", "request_id")}
    if isinstance(value, list):
        return [_settled(item) for item in value]
    if isinstance(value, str):
        value = re.sub(r"X-Request-Id [0-9a-f-]+", "X-Request-Id", value)
        return re.sub(r"^\d{4}-\d\d-\d\dT.*Z$", "TIME", value)
    return value


@WAYS
def test_handlers_run_after_a_change(simulator: Simulator, tmp_path: Path, in_worker: bool) -> None:
    options = {**connection(simulator), **LABEL}
    handler = task("pce_label_info", connection(simulator), register="found")
    shown = {"ansible.builtin.debug": {"msg": "{{ found.labels | length }} labels"}, "listen": "pce_label_info"}
    item = play(
        task("pce_label", options, notify="pce_label_info"), handlers=[handler, shown], vars={SWITCH: in_worker}
    )
    ended = run_plays(tmp_path, item)
    assert ended.status == 0, ended.output
    assert " labels" in ended.output


CRASH = """\
import requests
def crash(*_arguments, **_options):
    raise ZeroDivisionError("the code of the module is wrong")
requests.Session.request = requests.Session.send = crash
"""


@WAYS
def test_crash_is_a_failed_result(simulator: Simulator, tmp_path: Path, in_worker: bool) -> None:
    """It has the words and the traceback of the exception; the next item of the loop runs."""
    write(tmp_path / "crash" / "sitecustomize.py", None).write_text(CRASH)
    item = task("pce_label", {**connection(simulator), **LABEL}, loop=[1, 2], ignore_errors=True, register="crashed")
    env = own_python(PYTHONPATH=str(tmp_path / "crash"), ANSIBLE_DISPLAY_TRACEBACK="error")
    found = results(tmp_path, item, flags=("-e", f"{SWITCH}={in_worker}"), env=env)["crashed"]
    assert [entry["failed"] for entry in found["results"]] == [True, True]
    for entry in found["results"]:
        assert "the code of the module is wrong" in str(entry)
        assert "Traceback" in str(entry)


@WAYS
def test_timeout_ends_the_task(tmp_path: Path, in_worker: bool) -> None:
    """Ansible leaves the process of an ordinary module behind: it must not reach the simulator of other tests."""
    seconds = "{{ 2 if item == 'hangs' else 60 }}"
    with running(tmp_path / "simulator") as simulator:
        simulator.fault("hang", method="GET", path="/labels")
        options = {**connection(simulator), **LABEL}
        item = task(
            "pce_label", options, timeout=seconds, loop=["hangs", "works"], ignore_errors=True, register="timed"
        )
        found = results(tmp_path, item, flags=("-e", f"{SWITCH}={in_worker}"), env=own_python())["timed"]["results"]
    assert [entry["failed"] for entry in found] == [True, False]
    assert re.search("Timed out|time frame", found[0]["msg"]), found[0]["msg"]


def test_items_of_a_loop_leave_nothing_open(simulator: Simulator, tmp_path: Path) -> None:
    """All items run in one worker process, which tells by the value how many files and threads it has."""
    count = "ls /proc/$PPID/fd | wc -l; ls /proc/$PPID/task | wc -l"
    shown = f"{{{{ lookup('ansible.builtin.pipe', '{count}') | split | join('-') }}}}"
    organization = "{{ 1 if item % 2 else 7 }}"  # each second item fails
    value = f"{{{{ item }}}}-{shown}"
    options = {**connection(simulator), "pce_org_id": organization, "key": "role", "value": value}
    loop: Json = {"loop": list(range(40)), "ignore_errors": True}
    item = task("pce_label", options, check_mode=True, register="looped", **loop)
    looped = [entry for entry in results(tmp_path, item)["looped"]["results"] if not entry["failed"]]
    files, threads = zip(*([int(word) for word in entry["label"]["value"].split("-")[1:]] for entry in looped))
    assert len(files) == 20
    # Of several looks the least: a look itself has files open for a moment.
    assert min(files[10:]) <= min(files[:10])
    assert min(threads[10:]) <= min(threads[:10])


@WAYS
def test_interrupt_ends_the_run(simulator: Simulator, tmp_path: Path, in_worker: bool) -> None:
    simulator.fault("hang", method="GET", path="/labels", seconds=60)
    item = play(task("pce_label", {**connection(simulator), **LABEL}), vars={SWITCH: in_worker})
    playbook = write(tmp_path / "play.json", [item])
    command = ["ansible-playbook", str(playbook)]
    process = subprocess.Popen(
        command,
        env={**environment(), **own_python()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    while not simulator.journal() and process.poll() is None:
        time.sleep(0.1)
    assert simulator.journal()
    os.killpg(process.pid, signal.SIGINT)
    output, _none = process.communicate()
    assert process.returncode
    assert b"interrupted" in output, output
    assert _members(process.pid) == []


def _members(session: int) -> list[int]:
    """Return the processes of a session that still live."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split() if entry.name.isdecimal() else []
        except OSError:
            continue
        if fields and int(fields[3]) == session and fields[0] != "Z":
            found.append(int(entry.name))
    return found
