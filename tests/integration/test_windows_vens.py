"""Windows hosts: what the role decides, with a stub in place of win_powershell, and what can be said of the script.

No Windows is at hand. The stub does what ven.ps1 says of its actions; that the script does so is not tested, only that
it is PowerShell.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.collection import ROOT
from tests.directory_hosts import pce_variables, write_inventory
from tests.integration.runner import Ended, recap, run_playbook
from tests.simulator.launch import Simulator

PAIR = "microseg.enforcement.pair_vens"
UNPAIR = "microseg.enforcement.unpair_vens"
HOSTS = ["win1", "win2"]
CODE = re.compile(r"[0-9a-f]{81}")
SCRIPT = ROOT / "roles" / "ven" / "files" / "ven.ps1"

Run = Callable[..., Ended]


@pytest.fixture
def play(simulator: Simulator, tmp_path: Path) -> Run:
    """Run a playbook on hosts that are said to be Windows."""
    (tmp_path / "c").mkdir()

    def run(playbook: str, *flags: str, hosts: list[str] | None = None, **variables: Any) -> Ended:
        given = {
            **pce_variables(simulator),
            "ven_platform": "windows",
            "ven_hostname": "",
            "ven_program_directory": r"C:\hosts\{{ inventory_hostname }}\Illumio",
            "ven_data_directory": r"C:\ProgramData\Illumio",
            "ven_pairing_profile": "Default",
            "ven_script_environment": {"COLOUR": "red"},
            **variables,
        }
        inventory = write_inventory(tmp_path, hosts or HOSTS, given)
        env = {
            "ANSIBLE_COLLECTIONS_PATH": f"{ROOT}/tests/stubs:{os.environ['ANSIBLE_COLLECTIONS_PATH']}",
            "MICROSEG_WINDOWS": str(tmp_path / "c"),
            "MICROSEG_CA": simulator.ca_path,
        }
        return run_playbook(playbook, "-i", str(inventory), *flags, env=env)

    return run


def changed(ended: Ended) -> list[str]:
    return sorted(host for host, counts in recap(ended).items() if counts["changed"])


def managed(simulator: Simulator) -> list[str]:
    return sorted(item["hostname"] for item in simulator.state()["workloads"] if item["managed"])


def calls(directory: Path, host: str) -> list[dict[str, Any]]:
    """What the stub was called with for a host."""
    path = directory / "c" / f"calls-{host}.json"
    found: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return found


def words(ended: Ended) -> str:
    return re.sub(r"(\s|\\n)+", " ", ended.output)


def test_pair_and_unpair_each_twice(simulator: Simulator, play: Run, tmp_path: Path) -> None:
    foreseen = play(PAIR, "--check")
    assert foreseen.status == 0, foreseen.output
    assert changed(foreseen) == HOSTS
    assert managed(simulator) == []

    simulator.clear_journal()
    done = play(PAIR, "-vvvv")
    assert done.status == 0, done.output
    assert changed(done) == HOSTS
    assert managed(simulator) == HOSTS
    fetched = [entry["path"] for entry in simulator.journal() if "pair_script" in entry["path"]]
    assert len(fetched) == 1  # once, and not for each host
    assert "pair_script=pair.ps1" in fetched[0]
    assert not CODE.search(done.output)

    (pairing,) = [call for call in calls(tmp_path, "win1") if call["Action"] == "pair"]
    assert pairing["ManagementServer"] == f"{simulator.host}:{simulator.port}"
    assert pairing["Environment"] == {"COLOUR": "red"}
    assert pairing["PairingScript"].startswith("#")
    assert pairing["sensitive"] == {"ActivationCode": simulator.state()["pairing_keys"][0]["sha256"]}
    assert pairing["script"] == hashlib.sha256(SCRIPT.read_text().rstrip("\n").encode()).hexdigest()
    assert not any(CODE.search(path.read_text()) for path in tmp_path.rglob("*.json"))

    again = play(PAIR)
    assert again.status == 0, again.output
    assert changed(again) == []

    foreseen = play(UNPAIR, "--check", "-e", "ven_hosts=all")
    assert changed(foreseen) == HOSTS
    assert managed(simulator) == HOSTS
    gone = play(UNPAIR, "-e", "ven_hosts=all", ven_unpair_mode="unmanaged")
    assert gone.status == 0, gone.output
    assert changed(gone) == HOSTS
    assert managed(simulator) == []
    assert [call["Mode"] for call in calls(tmp_path, "win2") if call["Action"] == "unpair"] == ["unmanaged"]
    again = play(UNPAIR, "-e", "ven_hosts=all")
    assert again.status == 0, again.output
    assert changed(again) == []


def test_linux_and_windows_hosts_share_a_batch(simulator: Simulator, play: Run) -> None:
    windows = "inventory_hostname.startswith('win')"
    mixed = {
        "ven_platform": f"{{{{ 'windows' if {windows} else 'linux' }}}}",
        "ven_program_directory": (
            rf"{{% if {windows} %}}C:\hosts\{{{{ inventory_hostname }}}}\Illumio{{% else %}}{{{{ home }}}}{{% endif %}}"
        ),
        "ven_data_directory": rf"{{% if {windows} %}}C:\Data\Illumio{{% else %}}{{{{ home }}}}_data{{% endif %}}",
        "home": "{{ inventory_dir }}/hosts/{{ inventory_hostname }}/opt/illumio_ven",
        "ven_hostname": "{{ inventory_hostname }}",
        "ven_script_environment": {
            "ILLUMIO_STANDIN_PROGRAM_DIR": "{{ home }}",
            "ILLUMIO_STANDIN_DATA_DIR": "{{ home }}_data",
            "ILLUMIO_STANDIN_HOSTNAME": "{{ inventory_hostname }}",
        },
    }
    done = play(PAIR, hosts=["win1", "web1"], **mixed)
    assert done.status == 0, done.output
    assert managed(simulator) == ["web1", "win1"]
    assert len(simulator.state()["pairing_keys"]) == 1
    # One word that Linux does not have, and nobody is unpaired.
    refused = play(UNPAIR, "-e", "ven_hosts=all", hosts=["win1", "web1"], **mixed, ven_unpair_mode="unmanaged")
    assert refused.status != 0
    assert managed(simulator) == ["web1", "win1"]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"ven_package": "/etc/hosts", "ven_package_command": ["x", "{package}"]}, "ven_package requires a host with"),
        ({"ven_program_directory": "/opt/illumio_ven"}, "ven_program_directory and ven_data_directory must be"),
        ({"ven_program_directory": "C:\\"}, "ven_program_directory and ven_data_directory must be"),
        ({"ven_data_directory": r"C:\ProgramData\..\Windows"}, "ven_program_directory and ven_data_directory must be"),
        ({"ven_status_pattern": "something else"}, "Agent State"),
    ],
    ids=str,
)
def test_bad_input_pairs_nobody(
    simulator: Simulator, play: Run, tmp_path: Path, variables: dict[str, Any], said: str
) -> None:
    done = play(PAIR, hosts=["win1"], **variables)
    assert done.status != 0
    assert said in words(done)
    assert simulator.journal() == []
    assert [call for call in calls(tmp_path, "win1") if call["Action"] != "status"] == []


def test_an_unknown_mode_is_refused(simulator: Simulator, play: Run, tmp_path: Path) -> None:
    done = play(UNPAIR, "-e", "ven_hosts=all", ven_unpair_mode="closed")
    assert done.status != 0
    assert "ven_unpair_mode must be saved, recommended, open or unmanaged" in words(done)
    assert calls(tmp_path, "win1") == []


def test_what_a_failing_script_says_is_shown_without_the_code(simulator: Simulator, play: Run, tmp_path: Path) -> None:
    broken = tmp_path / "c" / "hosts" / "win1" / "Illumio" / "broken"
    broken.parent.mkdir(parents=True)
    broken.touch()
    done = play(PAIR, "-vvvv")
    assert recap(done)["win1"]["failed"] == 1
    assert "The pairing script ended with 3. msiexec ended with 1603; called with" in words(done)
    assert not CODE.search(done.output)
    assert managed(simulator) == ["win2"]

    (broken.parent / "state.json").write_text(json.dumps({"server": "pce:8443", "mode": "idle"}))
    gone = play(UNPAIR, "-e", "ven_hosts=all")
    assert recap(gone)["win1"]["failed"] == 1
    assert "illumio-ven-ctl unpair ended with 5. tampering protected" in words(gone)
    assert managed(simulator) == []


def test_a_host_without_the_collection_for_windows_needs_none(simulator: Simulator, tmp_path: Path) -> None:
    variables = {**pce_variables(simulator), "ven_pairing_profile": "Default", "ven_platform": "windows"}
    variables |= {"ven_program_directory": r"C:\a\b", "ven_data_directory": r"C:\a\b"}
    done = run_playbook(PAIR, "-i", str(write_inventory(tmp_path, ["win1"], variables)))
    assert done.status != 0
    assert "ansible.windows.win_powershell" in done.output


def test_what_counts_as_windows(tmp_path: Path) -> None:
    hosts: dict[str, dict[str, Any]] = {
        "a": {"ansible_connection": "winrm"},
        "b": {"ansible_connection": "ansible.builtin.psrp"},
        "c": {"ansible_connection": "ssh", "ansible_shell_type": "powershell"},
        "d": {"ansible_connection": "ssh", "ansible_shell_type": "cmd"},
        "e": {"ansible_connection": "ssh", "family": "Windows"},
        "f": {"ansible_connection": "ssh"},
        "g": {"ansible_connection": "ssh", "ansible_shell_type": "sh", "family": "AIX"},
        "h": {},
    }
    play = {
        "hosts": "all",
        "gather_facts": False,
        "vars_files": [str(ROOT / "roles/ven/defaults/main.yml")],
        "tasks": [
            # As the module setup would have found it.
            {"ansible.builtin.set_fact": {"os_family": "{{ family }}", "cacheable": True}, "when": "family is defined"},
            {
                "ansible.builtin.debug": {
                    "msg": "<{{ inventory_hostname }} {{ ven_platform }} {{ ven_data_directory }}>"
                }
            },
            {"ansible.builtin.debug": {"msg": "<{{ ven_program_directory }}>"}},
        ],
    }
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    (tmp_path / "play.json").write_text(json.dumps([play]))
    done = run_playbook(tmp_path / "play.json", "-i", str(tmp_path / "hosts.json"))
    assert done.status == 0, done.output
    found = dict(re.findall(r"<(\w) (\w+) [^>]*>", done.stdout))
    assert found == {**dict.fromkeys("abcde", "windows"), **dict.fromkeys("fgh", "linux")}
    assert r"<C:\\Program Files\\Illumio>" in done.stdout
    assert r"<a windows C:\\ProgramData\\Illumio>" in done.stdout
    assert "</opt/illumio_ven>" in done.stdout
    assert "<f linux /opt/illumio_ven_data>" in done.stdout


def parsed() -> Any:
    """The syntax tree of the script, where a PowerShell parser is installed."""
    tree_sitter = pytest.importorskip("tree_sitter")
    grammar = pytest.importorskip("tree_sitter_powershell")
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    return parser.parse(SCRIPT.read_bytes()).root_node


def test_the_script_is_powershell() -> None:
    root = parsed()
    errors = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            errors.append(f"line {node.start_point[0] + 1}: {node.text.decode()[:60]}")
        waiting.extend(node.children)
    assert errors == []


def test_a_broken_script_would_be_found() -> None:
    pytest.importorskip("tree_sitter")
    grammar = pytest.importorskip("tree_sitter_powershell")
    tree_sitter = importlib.import_module("tree_sitter")
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    assert parser.parse(
        SCRIPT.read_bytes().replace(b"function Get-Status {", b"function Get-Status")
    ).root_node.has_error


def test_the_script_prefers_the_exe_and_builds_nothing_from_strings() -> None:
    text = SCRIPT.read_text()
    assert text.isascii()  # Windows PowerShell reads other files in the code page of the machine
    assert "foreach ($name in 'illumio-ven-ctl.exe', 'illumio-ven-ctl.ps1')" in text
    assert not re.search(r"Invoke-Expression|\biex\b|\[scriptblock\]::Create|-Command\b", text, re.IGNORECASE)
    assert "finally" in text[text.index("function Invoke-PairingScript") :]
    assert "[Security.SecureString] $ActivationCode" in text
    assert "{{" not in text
