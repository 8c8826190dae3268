"""Nothing secret outlives the role: not in a variable of a host, and not in a file of the controller."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration.role_plays import CODE, Plays, counted
from tests.simulator.launch import Simulator

# In place of ssh: runs the command on this machine, and after the first command the host is away.
SSH = """#!/bin/sh
for word; do command=$word; done
test -e "$0.used" && { echo 'Connection timed out' >&2; exit 255; }
touch "$0.used"
exec /bin/sh -c "$command"
"""


@pytest.fixture
def plays(simulator: Simulator, tmp_path: Path) -> Plays:
    return Plays(simulator, tmp_path)


def test_no_code_is_left_for_the_next_play(plays: Plays, tmp_path: Path) -> None:
    """One host is paired, one fails, and one becomes unreachable between its key and its pairing."""
    (tmp_path / "ssh").write_text(SSH)
    (tmp_path / "ssh").chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    hosts: dict[str, dict[str, Any]] = {
        "good": {},
        "bad": {"ven_labels": {"role": "no such label"}},
        "away": {
            "ansible_connection": "ssh",
            "ansible_ssh_executable": str(tmp_path / "ssh"),
            "ansible_ssh_pipelining": True,
        },
    }
    search = {
        "ansible.builtin.command": {"argv": ["find", "{{ lookup('config', 'DEFAULT_LOCAL_TMP') }}", "-name", "ven-*"]},
        "delegate_to": "localhost",
        "run_once": True,
        "register": "left",
    }
    show = {"ansible.builtin.debug": {"msg": "{{ hostvars | to_json }}"}, "run_once": True}
    left = {"ansible.builtin.debug": {"msg": "left: {{ left.stdout | default('?') }}."}, "run_once": True}
    inventory = plays.inventory(hosts, ven_pairing_profile_options={"allowed_uses_per_key": 1})
    done = plays.run(
        [{"roles": [{"role": "microseg.enforcement.ven"}]}, {"hosts": "all,localhost", "tasks": [search, show, left]}],
        inventory,
        "-vv",
        HOME=str(home),
    )
    assert counted(done, "failed") == ["bad"], done.output
    assert counted(done, "unreachable") == ["away"]
    assert plays.managed() == ["good"]
    assert plays.keys() == 3
    assert '"msg": "left: ."' in done.stdout  # while the run goes on
    assert "ven_status" in done.stdout  # the variables of the hosts are shown
    assert not CODE.search(done.output)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if CODE.search(path.read_text(errors="replace"))] == []
    assert not [path for path in home.rglob("*") if path.name.startswith("ven-")]


def test_what_is_handed_over_cannot_be_read(plays: Plays, tmp_path: Path) -> None:
    """A copy of the files is taken while a host is being paired, which is when all codes and secrets are in them."""
    home = tmp_path / "home"
    home.mkdir()
    copy = f"cp -r {home}/.ansible/tmp {tmp_path}/copy; exit 9"
    (tmp_path / "package").touch()
    done = plays.role(
        {"web1": {}, "web2": {}},
        "--forks=1",
        ven_package=str(tmp_path / "package"),
        ven_package_command=["/bin/sh", "-c", copy, "sh", "{package}"],
        ven_script_environment={"HOME": str(home)},
    )
    # The home of the run decides where Ansible keeps its files, so the run is repeated with this one.
    inventory = tmp_path / "inventory.json"
    done = plays.run([{"roles": [{"role": "microseg.enforcement.ven"}]}], inventory, "--forks=1", HOME=str(home))
    assert counted(done, "failed") == ["web1", "web2"], done.output
    copied = [path for path in (tmp_path / "copy").rglob("*") if path.is_file() and path.parent.name.startswith("ven-")]
    assert len(copied) >= 3
    for path in copied:
        text = path.read_bytes().decode("latin-1")
        assert plays.simulator.api_secret not in text
        assert not CODE.search(text)
        assert not re.search("activation_code|api_secret", text)
