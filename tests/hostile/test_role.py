"""What users write into the variables of the role ven reaches no shell: programs get it as it is, each as one argument.

The command `timeout`, by which the role runs the vendor's programs, is a stand-in here that notes what it was given.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.collection import ROOT
from tests.directory_hosts import pce_variables, write_inventory
from tests.integration.runner import Ended, run_playbook
from tests.profiles import LONG
from tests.simulator.launch import Simulator

PAIR = "microseg.enforcement.pair_vens"
UNPAIR = "microseg.enforcement.unpair_vens"

PAYLOADS = [
    "x; touch owned; y",
    "$(touch owned)",
    "`touch owned`",
    "'; touch owned; '",
    '"; touch owned; "',
    "a\ntouch owned\n",
    "a\r\ntouch owned",
    "a && touch owned || touch owned & touch owned | touch owned",
    "<owned >owned 2>owned",
    "microseg-end-of-the-pairing-script\ntouch owned",
    "$HOME ~ * ? [a-z] {a,b} !! #x",
    "\\'$(touch owned)\\'",
    "-x --role=y",
    "  two  spaces\tand a tab ",
    "%s%n \x1b[31m",
    "\u00fc\u4e2d\U0001f525\u202e",
]
"""Values whose command, if a shell ever read them, would leave a file ``owned``."""

LABELS = ("role", "app", "env", "loc")

ELSEWHERE = (ROOT / "owned", ROOT / "playbooks" / "owned", Path.home() / "owned")
"""Where a shell would leave the file: tasks on this machine work in the directory of their playbook."""

NOTING = f"""#!{sys.executable}
import json, os, pathlib, sys
limit, program, *words = sys.argv[1:]
if program.endswith("illumio-ven-ctl") and words[0] in ("status", "version"):
    os.execv(program, [program, *words])
entry = {{"limit": limit, "program": program, "words": words, "environment": dict(os.environ)}}
pathlib.Path(os.environ["NOTES"]).write_text(json.dumps(entry))
control = pathlib.Path(os.environ["PROGRAM"])
if words[:1] == ["unpair"]:
    control.unlink()
else:
    control.parent.mkdir(parents=True, exist_ok=True)
    control.write_text("#!/bin/sh\\necho 'Agent State: enforced'\\n")
    control.chmod(0o755)
"""


ROLES = ("path", "server", "proxy", "word", "role", "app", "env", "loc")
"""Where a payload of a host goes: the hosts together have every payload."""


class Hosts:
    """Hosts that are directories, each with a payload for each place of ROLES."""

    def __init__(self, directory: Path, simulator: Simulator) -> None:
        self.directory = directory
        self.simulator = simulator
        count = -(-len(PAYLOADS) // len(ROLES))
        self.payloads = {
            f"h{number}": dict(zip(ROLES, PAYLOADS[number * len(ROLES) :] + PAYLOADS)) for number in range(count)
        }
        stubs = directory / "bin"
        stubs.mkdir()
        (stubs / "timeout").write_text(NOTING)
        (stubs / "timeout").chmod(0o755)
        self.env = {"PATH": f"{stubs}:{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def run(self, playbook: str, *flags: str, **variables: Any) -> Ended:
        """Run a playbook. In a variable, ``its.role`` is the payload of the host for that."""
        home = f"{self.directory}/hosts/{{{{ inventory_hostname }}}}/{{{{ its.path }}}}"
        given = {
            **pce_variables(self.simulator),
            "ven_pairing_profile": "Default",
            "ven_verify": "none",
            "ven_hostname": "{{ its.word }}",
            "ven_program_directory": f"{home}/opt/ven",
            "ven_data_directory": f"{home}/opt/data",
            "ven_activation_timeout": 1,
            "ven_script_environment": {
                "PAYLOAD": "{{ its.word }}",
                "NOTES": f"{self.directory}/{{{{ inventory_hostname }}}}.json",
                "PROGRAM": f"{home}/opt/ven/illumio-ven-ctl",
            },
            **variables,
        }
        path = write_inventory(self.directory, self.payloads, given)
        inventory = json.loads(path.read_text())
        inventory["all"]["hosts"] = {name: {"its": payloads} for name, payloads in self.payloads.items()}
        path.write_text(json.dumps(inventory))
        return run_playbook(playbook, "-i", str(path), *flags, env=self.env, cwd=self.directory)

    def note(self, name: str) -> dict[str, Any]:
        """What the program of a host was given, as it was noted last."""
        path = self.directory / f"{name}.json"
        note: dict[str, Any] = json.loads(path.read_text())
        path.unlink()
        return note

    def owned(self) -> list[str]:
        """What a shell has left that read a payload."""
        found = [*self.directory.rglob("owned"), *ELSEWHERE]
        return [str(path) for path in found if path.exists()]


@pytest.fixture
def hosts(tmp_path: Path, simulator: Simulator) -> Iterator[Hosts]:
    yield Hosts(tmp_path, simulator)
    for path in ELSEWHERE:
        path.unlink(missing_ok=True)


def test_the_payloads_would_be_found(hosts: Hosts) -> None:
    os.system(f"cd {hosts.directory} && echo {PAYLOADS[1]}")  # noqa: S605  # that is the point
    assert hosts.owned()


def test_what_the_programs_of_the_vendor_get(hosts: Hosts) -> None:
    done = hosts.run(
        PAIR,
        ven_management_server="{{ its.server }}",
        ven_proxy_server="{{ its.proxy }}",
        ven_insecure=True,
        ven_enforcement_mode="idle",
        ven_labels={key: f"{{{{ its.{key} }}}}" for key in LABELS},
    )
    assert done.status == 0, done.output[-5000:]
    for name, payload in hosts.payloads.items():
        note = hosts.note(name)
        server, code, proxy, labels = note["words"][:2], note["words"][2:4], note["words"][4:6], note["words"][9:]
        assert server == ["--management-server", payload["server"]]
        assert code[0] == "--activation-code"
        assert re.fullmatch("[0-9a-f]{81}", code[1])
        assert proxy == ["--proxy-server", payload["proxy"]]
        assert note["words"][6:9] == ["--insecure", "--enforcement_mode", "idle"]
        assert dict(zip(labels[::2], labels[1::2])) == {f"--{key}": payload[key] for key in LABELS}
        assert note["program"] == f"{hosts.directory}/hosts/{name}/{payload['path']}/opt/data/tmp/pair.sh"
        assert note["environment"]["PAYLOAD"] == payload["word"]
    assert hosts.owned() == []

    gone = hosts.run(UNPAIR, "-e", "ven_hosts=all")
    assert gone.status == 0, gone.output[-5000:]
    for name, payload in hosts.payloads.items():
        note = hosts.note(name)
        assert note["words"] == ["unpair", "saved"]
        assert note["program"] == f"{hosts.directory}/hosts/{name}/{payload['path']}/opt/ven/illumio-ven-ctl"
        assert note["environment"]["PAYLOAD"] == payload["word"]
    assert hosts.owned() == []


def test_what_installs_a_package_gets(hosts: Hosts) -> None:
    for payload in hosts.payloads.values():
        directory = hosts.directory / "packages" / payload["path"]
        directory.mkdir(parents=True)
        (directory / f"{payload['word']}.rpm").write_text("package")
    done = hosts.run(
        PAIR,
        ven_package=f"{hosts.directory}/packages/{{{{ its.path }}}}/{{{{ its.word }}}}.rpm",
        ven_package_remote=True,
        # Without the directory of the program nothing is activated, so that the note of the installation stays.
        ven_program_directory=f"{hosts.directory}/none/{{{{ its.path }}}}",
        ven_package_command=["installer", "{{ its.server }}", "{package}", "{{ its.proxy }}={package}"],
    )
    assert done.status != 0
    assert "the package was installed, but there is no" in done.output
    for name, payload in hosts.payloads.items():
        package = f"{hosts.directory}/packages/{payload['path']}/{payload['word']}.rpm"
        note = hosts.note(name)
        assert note["program"] == "installer"
        assert note["words"] == [payload["server"], package, f"{payload['proxy']}={package}"]
        assert note["environment"]["PAYLOAD"] == payload["word"]
    assert hosts.owned() == []


def test_what_a_windows_host_gets(hosts: Hosts) -> None:
    """ven.ps1 gets all that varies as parameters; a stand-in for win_powershell notes them."""
    (hosts.directory / "c").mkdir()
    hosts.env |= {
        "ANSIBLE_COLLECTIONS_PATH": f"{ROOT}/tests/stubs:{os.environ['ANSIBLE_COLLECTIONS_PATH']}",
        "MICROSEG_WINDOWS": f"{hosts.directory}/c",
        "MICROSEG_CA": hosts.simulator.ca_path,
    }
    variables = {
        "ven_platform": "windows",
        "ven_management_server": "{{ its.server }}",
        "ven_program_directory": r"C:\{{ inventory_hostname }}\{{ its.path | regex_replace('[<>|/:*?\"\\\\]', '') }}",
        "ven_data_directory": r"C:\ProgramData\Illumio",
        "ven_script_environment": {"PAYLOAD": "{{ its.word }}", "OTHER": "{{ its.proxy }}"},
    }
    done = hosts.run(PAIR, **variables)
    assert "Traceback" not in done.output
    for name, payload in hosts.payloads.items():
        calls = json.loads((hosts.directory / "c" / f"calls-{name}.json").read_text())
        (pairing,) = [call for call in calls if call["Action"] == "pair"]
        assert pairing["ManagementServer"] == payload["server"]
        assert pairing["Environment"] == {"PAYLOAD": payload["word"], "OTHER": payload["proxy"]}
        kept = re.sub(r'[<>|/:*?"\\]', "", payload["path"])
        assert pairing["ProgramDirectory"] == f"C:\\{name}\\{kept}"
    assert hosts.owned() == []


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"ven_script_environment": {"A;touch owned": "x"}}, "ven_script_environment must have names"),
    ({"ven_script_environment": {"A": None}}, "ven_script_environment must have names"),
    ({"ven_labels": {"role; touch owned": "x"}}, "ven_labels"),
    ({"ven_enforcement_mode": "idle; touch owned"}, "ven_enforcement_mode"),
    ({"ven_unpair_mode": "saved; touch owned", "ven_state": "unpaired"}, "ven_unpair_mode"),
    ({"ven_script_timeout": "1; touch owned"}, "ven_script_timeout"),
    ({"ven_activation_delay": "1; touch owned"}, "ven_activation_delay"),
    ({"ven_data_directory": "$(touch owned)"}, "must be absolute paths"),
    ({"ven_data_directory": "/opt/../etc"}, "must be absolute paths"),
]


@pytest.mark.parametrize(("variables", "said"), REFUSED if LONG else REFUSED[:1], ids=str)
def test_what_is_refused_with_its_name(hosts: Hosts, variables: dict[str, Any], said: str) -> None:
    playbook = UNPAIR if "ven_state" in variables else PAIR
    done = hosts.run(playbook, "-e", json.dumps({"ven_hosts": "all", **variables}))
    assert done.status != 0
    assert said in re.sub(r"\s+", " ", done.output)
    assert list(hosts.directory.glob("h*.json")) == []
    assert hosts.owned() == []
