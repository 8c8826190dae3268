"""Hosts that get the VEN from a package file instead of the pairing script."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.collection import ROOT
from tests.directory_hosts import pce_variables, program, write_inventory
from tests.integration.runner import Ended, environment, recap, run_playbook
from tests.simulator.launch import Simulator

PAIR = "microseg.enforcement.pair_vens"
HOSTS = ["aix1", "aix2"]
CODE = re.compile(r"[0-9a-f]{81}")

Pair = Callable[..., Ended]


def installer(simulator: Simulator) -> list[str]:
    """The command of the simulator's package, for the host that the role serves."""
    directories = ["--program-dir", "{{ ven_program_directory }}", "--data-dir", "{{ ven_data_directory }}"]
    return [sys.executable, "-m", "tests.simulator.package", *directories, "--ca", simulator.ca_path]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package file on the control node."""
    path = tmp_path / "it's a package; touch owned.tar"
    path.write_text("what is in it is the installer's business\n")
    return path


@pytest.fixture
def tools(simulator: Simulator, tmp_path: Path) -> Path:
    """A directory with stubs of the package tools: each notes what it was called with, and what file that was."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in ("rpm", "dpkg", "installp", "pkgadd"):
        tool = directory / name
        tool.write_text(
            "#!/bin/sh\n"
            f'echo "{name} $*" >>{tmp_path}/tools.log\n'
            f'for word; do test -f "$word" && {{ ls -l "$word"; cat "$word"; }} >>{tmp_path}/files.log; done\n'
            f'cd {ROOT} && exec {sys.executable} -m tests.simulator.package --program-dir "$STUB_PROGRAM" '
            f'--data-dir "$STUB_DATA" --ca {simulator.ca_path}\n'
        )
        tool.chmod(0o755)
    return directory


@pytest.fixture
def pair(simulator: Simulator, tmp_path: Path) -> Pair:
    """Run the playbook on two hosts, whose temporary directory is one of the test's own."""
    (tmp_path / "temporary").mkdir()

    def run(*flags: str, env: dict[str, str] | None = None, **variables: Any) -> Ended:
        script = {
            "ILLUMIO_STANDIN_HOSTNAME": "{{ ven_hostname }}",
            "PYTHONPATH": str(ROOT),
            "STUB_PROGRAM": "{{ ven_program_directory }}",
            "STUB_DATA": "{{ ven_data_directory }}",
        }
        given = {
            **pce_variables(simulator),
            "ven_pairing_profile": "Default",
            "ven_script_environment": script,
            **variables,
        }
        child = {"TMPDIR": str(tmp_path / "temporary"), **(env or {})}
        return run_playbook(PAIR, "-i", str(write_inventory(tmp_path, HOSTS, given)), *flags, env=child)

    return run


def changed(ended: Ended) -> list[str]:
    return sorted(host for host, counts in recap(ended).items() if counts["changed"])


def managed(simulator: Simulator) -> list[str]:
    return sorted(item["hostname"] for item in simulator.state()["workloads"] if item["managed"])


def words(ended: Ended) -> str:
    return re.sub(r"(\s|\\n)+", " ", ended.output)


def leftovers(directory: Path) -> list[str]:
    """What the role has left on the hosts."""
    return [path.name for path in (directory / "temporary").iterdir() if not path.name.startswith("ansible")]


def test_check_install_activate_and_again(simulator: Simulator, pair: Pair, package: Path, tmp_path: Path) -> None:
    look = 'test -f "$1" && shift && exec "$@"'
    command = ["/bin/sh", "-c", look, "sh", "{package}", *installer(simulator)]
    variables: dict[str, Any] = {"ven_package": str(package), "ven_package_command": command}
    foreseen = pair("--check", **variables)
    assert foreseen.status == 0, foreseen.output
    assert changed(foreseen) == HOSTS
    assert not any(entry["mutating"] for entry in simulator.journal())

    done = pair("-vvvv", **variables)
    assert done.status == 0, done.output
    assert managed(simulator) == HOSTS
    assert not [entry for entry in simulator.journal() if "pair_script" in entry["path"]]
    assert not CODE.search(done.output)
    assert leftovers(tmp_path) == []
    assert not list(tmp_path.rglob("owned*"))

    again = pair(**variables)
    assert again.status == 0, again.output
    assert changed(again) == []

    # A VEN that is deactivated has its program still: it is activated, and not installed again.
    subprocess.run([program(tmp_path, "aix1"), "deactivate"], check=True, capture_output=True)
    variables["ven_package_command"] = ["/bin/false", "{package}"]
    done = pair(**variables)
    assert done.status == 0, done.output
    assert changed(done) == ["aix1"]
    assert managed(simulator) == HOSTS


@pytest.mark.parametrize(
    ("suffix", "called"),
    [
        (".rpm", "rpm -U {}"),
        (".deb", "dpkg -i {}"),
        (".bff", "installp -acXY -d {} all"),
        (".pkg", "pkgadd -n -d {} all"),
    ],
)
def test_the_end_of_its_name_says_how_it_is_installed(
    simulator: Simulator, pair: Pair, tools: Path, tmp_path: Path, suffix: str, called: str
) -> None:
    package = tmp_path / f"illumio-ven-23.2.20{suffix}"
    package.write_text("the package\n")
    done = pair("--limit", "aix1", env={"PATH": f"{tools}:{environment()['PATH']}"}, ven_package=str(package))
    assert done.status == 0, done.output
    assert managed(simulator) == ["aix1"]
    (line,) = (tmp_path / "tools.log").read_text().splitlines()
    where = re.escape(called).replace(r"\{\}", r"(/\S+/illumio-ven-23\.2\.20\S+)")
    found = re.fullmatch(where, line)
    assert found, line
    assert not Path(found.group(1)).parent.exists()
    shown = (tmp_path / "files.log").read_text()
    assert shown.startswith("-rw-------")
    assert shown.endswith("the package\n")


def test_a_package_that_is_on_the_host(simulator: Simulator, pair: Pair, tools: Path, tmp_path: Path) -> None:
    env = {"PATH": f"{tools}:{environment()['PATH']}"}
    # Each host has its own, or not.
    place = str(tmp_path / "hosts" / "{{ inventory_hostname }}" / "ven.rpm")
    (tmp_path / "hosts" / "aix1").mkdir(parents=True)
    (tmp_path / "hosts" / "aix1" / "ven.rpm").write_text("the package\n")
    done = pair(env=env, ven_package=place, ven_package_remote=True)
    assert recap(done)["aix2"]["failed"] == 1
    assert f"ven_package: there is no file {tmp_path}/hosts/aix2/ven.rpm on the host" in words(done)
    assert managed(simulator) == ["aix1"]
    assert (tmp_path / "tools.log").read_text() == f"rpm -U {tmp_path}/hosts/aix1/ven.rpm\n"
    assert (tmp_path / "hosts" / "aix1" / "ven.rpm").exists()
    # Once a host is paired, its package may go.
    (tmp_path / "hosts" / "aix1" / "ven.rpm").unlink()
    again = pair("--limit", "aix1", env=env, ven_package=place, ven_package_remote=True)
    assert again.status == 0, again.output
    assert changed(again) == []


def test_what_fails_is_shown_without_the_code(simulator: Simulator, pair: Pair, package: Path, tmp_path: Path) -> None:
    failing = ["/bin/sh", "-c", "echo no space left >&2; exit 9", "sh", "{package}"]
    done = pair("--limit", "aix1", ven_package=str(package), ven_package_command=failing)
    assert done.status != 0
    assert "The installation or activation ended with 9." in words(done)
    assert "no space left" in done.output
    nothing = pair("--limit", "aix1", ven_package=str(package), ven_package_command=["/bin/true", "{package}"])
    assert "the package was installed, but there is no" in words(nothing)
    simulator.fault("status", path="/agents/activate", status=500, message="the database is away")
    command = ["/bin/sh", "-c", 'shift; exec "$@"', "sh", "{package}", *installer(simulator)]
    done = pair("-vvvv", "--limit", "aix1", ven_package=str(package), ven_package_command=command)
    assert "the database is away" in done.output
    assert not CODE.search(done.output)
    assert leftovers(tmp_path) == []
    assert managed(simulator) == []


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"ven_package": "/no/such/file.rpm"}, "ven_package: there is no file /no/such/file.rpm on the control node"),
        ({"ven_package": str(ROOT)}, "ven_package: there is no file"),
        ({"ven_package": str(ROOT / "README.md")}, "ven_package: it is unknown how to install README.md"),
        (
            {"ven_package": str(ROOT / "README.md"), "ven_package_command": ["tar", "xf"]},
            "ven_package_command must contain the word {package}",
        ),
        ({"ven_package_command": "rpm"}, "ven_package_command must contain the word {package}"),
        ({"ven_package": "ven.rpm", "ven_package_remote": True}, "ven_package must be an absolute path"),
        ({"ven_package": "/no/ven.rpm", "ven_package_remote": True}, "there is no file /no/ven.rpm on the host"),
        (
            {"ven_package": "/no/ven.tar", "ven_package_remote": True},
            "ven_package: it is unknown how to install ven.tar",
        ),
        ({"ven_package": ["a.rpm"], "ven_package_remote": "perhaps"}, "ven_package_remote"),
    ],
    ids=str,
)
def test_bad_input_pairs_nobody(simulator: Simulator, pair: Pair, variables: dict[str, Any], said: str) -> None:
    done = pair("--limit", "aix1", **variables)
    assert done.status != 0
    assert said in words(done)
    assert "Traceback" not in done.output
    assert simulator.state()["pairing_keys"] == []
    assert managed(simulator) == []


def test_options_reach_the_activation_after_a_package(simulator: Simulator, pair: Pair, package: Path) -> None:
    command = ["/bin/sh", "-c", 'shift; exec "$@"', "sh", "{package}", *installer(simulator)]
    options = {"ven_labels": {"role": "web"}, "ven_enforcement_mode": "full", "ven_insecure": True}
    done = pair("--limit", "aix1", ven_package=str(package), ven_package_command=command, **options)
    assert done.status == 0, done.output
    (workload,) = simulator.state()["workloads"]
    assert workload["enforcement_mode"] == "full"
    labels = {item["href"]: item["value"] for item in simulator.state()["labels"]}
    assert {labels[item["href"]] for item in workload["labels"]} == {"web"}


def test_dependencies_are_installed_first(simulator: Simulator, pair: Pair, tools: Path, tmp_path: Path) -> None:
    for name in ("ipfl.bff", "ven.bff"):
        (tmp_path / name).write_text(f"{name}\n")
    env = {"PATH": f"{tools}:{environment()['PATH']}"}
    files = {"ven_package": str(tmp_path / "ven.bff"), "ven_package_dependencies": [str(tmp_path / "ipfl.bff")]}
    done = pair("--limit", "aix1", env=env, **files)
    assert done.status == 0, done.output
    installed = re.findall(r"/(\w+\.bff) all", (tmp_path / "tools.log").read_text())
    assert installed == ["ipfl.bff", "ven.bff"]
    assert leftovers(tmp_path) == []


def test_an_image_is_prepared_and_not_activated(
    simulator: Simulator, pair: Pair, package: Path, tmp_path: Path
) -> None:
    stub = tmp_path / "stub"
    stub.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/said\ntest $1 != status || echo "Agent State: unpaired"\n')
    stub.chmod(0o755)
    install = 'mkdir -p "$2" && cp "$3" "$2/illumio-ven-ctl"'
    words_of_command = ["/bin/sh", "-c", install, "sh", "{package}", "{{ ven_program_directory }}", str(stub)]
    variables: dict[str, Any] = {"ven_package": str(package), "ven_package_command": words_of_command}
    foreseen = pair("--limit", "aix1", "--check", "-e", "ven_state=prepared", **variables)
    assert changed(foreseen) == ["aix1"], foreseen.output
    done = pair("--limit", "aix1", "-e", "ven_state=prepared", ven_pairing_arguments=["--x"], **variables)
    assert changed(done) == ["aix1"], done.output
    assert "prepare --x\n" in (tmp_path / "said").read_text()
    assert simulator.state()["pairing_keys"] == []
    assert changed(pair("--limit", "aix1", "-e", "ven_state=prepared", **variables)) == []
