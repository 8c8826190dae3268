# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scripts for hosts, and what their output means."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from plugins.plugin_utils import ven, ven_packages

PATTERNS = ven.Patterns.compile({})
CODE = "0123456789abcdef" * 5


def program(directory: Path, text: str | None = None) -> ven.Program:
    """Return a program whose control program is a shell script of ``text``."""
    found = ven.Program(str(directory / "ven"), str(directory / "data"))
    if text is not None:
        Path(found.directory).mkdir(parents=True, exist_ok=True)
        Path(found.control).write_text(f"#!/bin/sh\n{text}\n")
        Path(found.control).chmod(0o755)
    return found


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["/bin/sh"], input=script, capture_output=True, text=True, check=False)


def status(directory: Path, text: str | None) -> ven.Status:
    return ven.read_status(run(ven.status_script(program(directory, text))).stdout, PATTERNS)


@pytest.mark.parametrize(
    ("line", "word", "is_active", "is_unpaired"),
    [
        ("Agent state: illuminated", "illuminated", True, False),
        ("Agent State : enforced", "enforced", True, False),
        ("  agent state\t: unpaired", "unpaired", False, True),
        ("Agent State: suspended", "suspended", False, False),
        ("Agent State: activating", "activating", False, False),
    ],
)
def test_read_status_accepts_every_spelling(line: str, word: str, is_active: bool, is_unpaired: bool) -> None:
    found = ven.read_status(f"microseg-hostname=web1\n - venAgentMgr is running\n{line}\n", PATTERNS)
    assert (found.word, found.is_active, found.is_unpaired) == (word, is_active, is_unpaired)
    assert found.is_known
    assert found.hostname == "web1"
    assert found.is_suspended == (word == "suspended")


def test_read_status_ignores_its_own_lines() -> None:
    found = ven.read_status("microseg-hostname=unpaired\nmicroseg-version=Agent State: idle\n", PATTERNS)
    assert not found.is_known
    assert not found.is_unpaired
    any_line = ven.Patterns.compile({"unpaired_pattern": "(?i)microseg|unpaired", "status_pattern": "microseg"})
    found = ven.read_status("microseg-hostname=unpaired\nmicroseg-version=1\n", any_line)
    assert not found.is_known
    assert not found.is_unpaired


def test_status_takes_version_and_pce_from_the_output(tmp_path: Path) -> None:
    found = status(tmp_path, "echo 'Version : 1.2.3-4'; echo 'PCE : pce:8443'; echo 'Agent State: idle'")
    assert (found.version, found.pce) == ("1.2.3-4", "pce:8443")


def test_status_takes_version_and_pce_from_files(tmp_path: Path) -> None:
    for name, text in (
        ("ven/etc/agent_version", "24.2.10-1\n"),
        ("data/etc/agent_activation.cfg", 'x: 1\n"master": "a:1"\n'),
    ):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    found = status(tmp_path, "test $1 = status && echo 'Agent State: idle'")
    assert (found.version, found.pce) == ("24.2.10-1", "a:1")
    (tmp_path / "ven/etc/agent_version").unlink()
    found = status(tmp_path, "case $1 in status) echo 'Agent State: idle' ;; version) echo 'VEN 25.1.0-7' ;; esac")
    assert found.version == "25.1.0-7"


@pytest.mark.parametrize(
    "line", ["master: pce.example.com:8444", 'master="pce.example.com:8444"', "master pce.example.com:8444"]
)
def test_read_status_reads_every_form_of_the_master(line: str) -> None:
    found = ven.read_status(f"microseg-master={line}\nAgent State: idle\n", PATTERNS)
    assert found.pce == "pce.example.com:8444"


def test_an_unpaired_status_has_no_version_and_pce() -> None:
    found = ven.read_status("microseg-master=master: a:1\nVersion: 1.2\nAgent State: unpaired\n", PATTERNS)
    assert found.facts() == {"status": "unpaired", "version": "", "pce": "", "hostname": ""}


def test_status_without_a_program_is_unpaired(tmp_path: Path) -> None:
    found = status(tmp_path, None)
    assert not found.is_installed
    assert found.is_unpaired
    assert found.facts()["status"] == "unpaired"


def test_status_says_that_a_package_is_missing(tmp_path: Path) -> None:
    script = ven.status_script(program(tmp_path), str(tmp_path / "it's not there.rpm"))
    assert ven.read_status(run(script).stdout, PATTERNS).is_package_missing
    (tmp_path / "it's not there.rpm").touch()
    assert not ven.read_status(run(script).stdout, PATTERNS).is_package_missing


@pytest.mark.parametrize("status_of_exit", [0, 1, 7])
def test_status_ends_as_the_program_does(tmp_path: Path, status_of_exit: int) -> None:
    text = f"echo 'Agent State: idle'; echo 'Version: 1'; exit {status_of_exit}"
    assert run(ven.status_script(program(tmp_path, text))).returncode == status_of_exit


def test_status_refuses_a_program_that_cannot_run(tmp_path: Path) -> None:
    found = program(tmp_path, "echo 'Agent State: idle'")
    Path(found.control).chmod(0o644)
    ended = run(ven.status_script(found))
    assert ended.returncode == 3
    assert "become is required" in ended.stderr


def test_the_pairing_script_gets_all_its_words(tmp_path: Path) -> None:
    script = 'printf "%s\\n" "$@" >"$OUT"; pwd >/dev/null'
    words = ven.Pairing(
        "pce:8443", "proxy:1", True, "idle", "--mode", {"role": "it's; $(x)", "env": ""}, ["--more", "a b"]
    ).words()
    found = ven.Program(str(tmp_path / "ven"), str(tmp_path / "data"), {"OUT": str(tmp_path / "out")})
    ended = run(ven.pairing_script(found, f"#!/bin/sh\n{script}", CODE, words))
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "out").read_text().splitlines() == [
        *("--management-server", "pce:8443", "--activation-code", CODE, "--proxy-server", "proxy:1", "--insecure"),
        *("--mode", "idle", "--role", "it's; $(x)", "--more", "a b"),
    ]
    assert not (tmp_path / "data" / "tmp").exists()
    said, after = ven.split_output(ended.stdout)
    assert said == ""
    assert ven.read_status(after, PATTERNS).is_unpaired


def test_no_script_writes_the_code_to_a_file(tmp_path: Path) -> None:
    # Written in two parts, so that the search does not find itself.
    code = f"{CODE[:9]}''{CODE[9:]}"
    look = f"#!/bin/sh\ngrep -r {code} {tmp_path} && exit 9\nenv | grep {code} && exit 8\nexit 0"
    ended = run(ven.pairing_script(program(tmp_path), look, CODE, ven.Pairing("pce:1").words()))
    assert ended.returncode == 0, ended.stdout


def test_the_package_script_installs_then_activates(tmp_path: Path) -> None:
    found = program(tmp_path)
    directory = tmp_path / "unpacked"
    directory.mkdir()
    install = f'mkdir -p "$(dirname {found.control})"; printf "#!/bin/sh\\necho \\$* >{tmp_path}/said" >{found.control}'
    commands = [["sh", "-c", f"{install}; chmod 755 {found.control}"]]
    ended = run(ven.package_script(found, CODE, ven.Pairing("pce:1").words(), commands, str(directory)))
    assert ended.returncode == 0, ended.stderr
    assert not directory.exists()
    again = run(ven.package_script(found, CODE, ["x"], []))
    assert again.returncode == 0
    failing = run(ven.package_script(found, CODE, ["x"], [["false"]]))
    assert failing.returncode == 1


def test_the_package_script_prepares_an_image_without_a_code(tmp_path: Path) -> None:
    found = program(tmp_path, f'test "$1" = prepare && echo "$@" >{tmp_path}/said')
    assert run(ven.package_script(found, "", ["--x", "y z"], [], prepare=True)).returncode == 0
    assert (tmp_path / "said").read_text() == "prepare --x y z\n"


@pytest.mark.parametrize("unsuspend", [True, False])
def test_the_unpairing_script_runs_the_program(tmp_path: Path, unsuspend: bool) -> None:
    found = program(tmp_path, f'case $1 in status) echo "Agent State: idle" ;; *) echo "$@" >>{tmp_path}/said ;; esac')
    assert run(ven.unpairing_script(found, "saved", ["--token", "a'b"], unsuspend)).returncode == 0
    said = (tmp_path / "said").read_text().splitlines()
    assert [line for line in said if line != "version"] == [
        *(["unsuspend"] if unsuspend else []),
        "unpair saved --token a'b",
    ]


def test_a_failing_unsuspend_keeps_the_ven(tmp_path: Path) -> None:
    found = program(tmp_path, f'echo "$1" >>{tmp_path}/said; test "$1" != unsuspend')
    assert run(ven.unpairing_script(found, "saved", (), unsuspend=True)).returncode == 1
    assert "unpair\n" not in (tmp_path / "said").read_text()


def test_programs_have_a_time_limit(tmp_path: Path) -> None:
    slow = ven.Program(str(tmp_path / "ven"), str(tmp_path / "data"), timeout=1)
    program(tmp_path, "sleep 60")
    ended = run(ven.unpairing_script(slow, "saved").replace(f"timeout {ven.STATUS_TIMEOUT}", "timeout 1"))
    assert ended.returncode == ven.TIMED_OUT


def test_the_environment_reaches_the_programs(tmp_path: Path) -> None:
    found = program(tmp_path, f'test "$1" = status || echo "$COLOUR" >{tmp_path}/said')
    coloured = ven.Program(found.directory, found.data_directory, {"COLOUR": "it's $(red)"})
    assert run(ven.unpairing_script(coloured, "saved")).returncode == 0
    assert (tmp_path / "said").read_text() == "it's $(red)\n"
    assert "COLOUR" not in os.environ


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("illumio-ven-23.2.20-157.el8.x86_64.rpm", "rpm"),
        ("ven.deb", "dpkg"),
        ("ven-1.2.bff", "installp"),
        ("ven.pkg", "pkgadd"),
        ("illumio-ven-23.2.20-157.s5.x86_64.pkg.tgz", "/bin/sh"),
        ("ven.tgz", ""),
        ("ven", ""),
    ],
)
def test_package_command_depends_on_the_end_of_the_name(name: str, first: str) -> None:
    assert next(iter(ven_packages.package_command(name)), "") == first


def test_package_command_prefers_the_users_own() -> None:
    command = ven_packages.package_command("ven.rpm", ["own", "{package}", "{directory}/x"])
    assert ven_packages.fill_command(command, "/p/ven.rpm", "/d") == ["own", "/p/ven.rpm", "/d/x"]


def test_a_solaris_package_is_unpacked_first(tmp_path: Path) -> None:
    (tmp_path / "in" / "illumio").mkdir(parents=True)
    for name in ("admin", "response"):
        (tmp_path / "in" / "illumio" / name).touch()
    subprocess.run(["tar", "czf", str(tmp_path / "ven.pkg.tgz"), "-C", str(tmp_path / "in"), "."], check=True)
    bin_directory, work = tmp_path / "bin", tmp_path / "work"
    bin_directory.mkdir()
    work.mkdir()
    (bin_directory / "pkgadd").write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/said\n')
    (bin_directory / "pkgadd").chmod(0o755)
    command = ven_packages.fill_command(
        ven_packages.package_command("ven.pkg.tgz"), str(tmp_path / "ven.pkg.tgz"), str(work)
    )
    env = {**os.environ, "PATH": f"{bin_directory}:{os.environ['PATH']}"}
    subprocess.run(command, env=env, check=True)
    assert (tmp_path / "said").read_text() == "-d . -a ./illumio/admin -r ./illumio/response all\n"


def test_windows_options_are_named() -> None:
    pairing = ven.Pairing("pce", "p:1", True, "idle", "", {"role": "web"}, ["-a", "b", "-switch", "-c", "d"])
    assert pairing.windows_options() == {
        "proxy-server": "p:1",
        "insecure": True,
        "enforcement_mode": "idle",
        "role": "web",
        "a": "b",
        "switch": True,
        "c": "d",
    }
    assert ven.Pairing("pce", mode="idle", mode_option="--mode").windows_options() == {"mode": "idle"}


def test_mask_hides_codes_and_secrets() -> None:
    assert ven.mask(f"called with {CODE} and s3cret", "s3cret", "") == "called with … and …"
    assert ven.mask("sha 0123456789abcdef", "") == "sha 0123456789abcdef"


@pytest.mark.parametrize(
    ("rc", "words"),
    [
        (3, "X ended with 3. one two"),
        (ven.TIMED_OUT, "X ended with 124 (t has passed). one two"),
        (None, "X ended with no exit status. one two"),
    ],
)
def test_ended_tells_the_exit_status(rc: int | None, words: str) -> None:
    assert ven.ended("X", rc, [" one\n", "", "two"], "t") == words


@pytest.mark.parametrize("text", ["(", 7])
def test_patterns_name_the_wrong_one(text: Any) -> None:
    with pytest.raises(ValueError, match="ven_pce_pattern is not a valid regular expression"):
        ven.Patterns.compile({"ven_pce_pattern": text}, "ven_")
