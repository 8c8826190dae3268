"""Runs a command in a machine of its own, of which nothing is left when it ends, however it ends.

It has its own network, mounts and process ids, and its own /run, in memory, which holds all that it writes. The kernel
takes all of that back with the last process, and kills them all with the first one, which dies with whoever started it.
So several may run at once, with the same addresses.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from tests.collection import ROOT, make_findable, without_settings

NETWORK = "198.51.100"
"""The hosts' network, with 24 bits; its first address is the controller's."""
PCE_ADDRESS = "203.0.113.1"
PCE_NAME = "pce.example.com"
PCE_PORT = 8443
PROXY_NAME = "proxy.example.com"

RUN = Path("/run")
ROOTFS = RUN / "rootfs"
CA_FILE = RUN / "pce" / "ca.pem"
KEY = RUN / "key"
KNOWN_HOSTS = RUN / "known_hosts"
NAMES = RUN / "names"
"""The /etc/hosts of the controller and of all hosts."""
TOOLS = ("apt-get", "debootstrap", "ip", "mount", "setpriv", "ssh", "ssh-keygen", "unshare")
TRIAL = """\
set -e
mount -t tmpfs tmpfs /run
mkdir /run/lower /run/upper /run/work /run/root
mount -t overlay overlay -o lowerdir=/run/lower,upperdir=/run/upper,workdir=/run/work /run/root
ip netns add host
ip link add bridge type bridge
ip link add port type veth peer name eth0 netns host
"""
_WALLS = ["--mount", "--net", "--ipc", "--uts", "--pid", "--mount-proc", "--kill-child", "--propagation", "private"]


def obstacle() -> str:
    """Why this machine cannot have such hosts; empty if it can."""
    if os.geteuid() != 0:
        return "this is not root"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        return f"{', '.join(absent)} must be installed"
    tried = subprocess.run([*_walled(), "sh", "-c", TRIAL], capture_output=True, text=True, check=False)
    return f"no network namespaces and overlay mounts: {tried.stderr.strip()}" if tried.returncode else ""


def _walled() -> list[str]:
    return ["setpriv", "--pdeathsig", "KILL", "unshare", *_WALLS]


def run(rootfs: Path, command: list[str], capture: bool = False) -> tuple[int, str]:
    """Run a command from the root of the checkout. Return its exit status, and all that it printed if that is captured.

    When this process ends before, or is killed, so are the command and all that it started.
    """
    inner = [sys.executable, "-m", "tests.molecule.enclosure", str(rootfs), *command]
    out, errors = (subprocess.PIPE, subprocess.STDOUT) if capture else (None, None)
    with subprocess.Popen(
        [*_walled(), *inner], cwd=ROOT, env=_environment(), stdout=out, stderr=errors, text=True
    ) as process:
        try:
            told = process.communicate()[0]
        finally:
            process.kill()
    return process.returncode, told or ""


def _environment() -> dict[str, str]:
    """What the command finds: the way to the PCE as a user gives it, and no setting of this machine."""
    ssh = (
        "-F /dev/null -o ControlMaster=auto -o ControlPersist=30s -o StrictHostKeyChecking=yes"
        f" -o UserKnownHostsFile={KNOWN_HOSTS} -o IdentityFile={KEY}"
    )
    own = {
        "PCE_HOST": PCE_NAME,
        "PCE_PORT": PCE_PORT,
        "PCE_API_KEY": "api_of_the_hosts",
        "PCE_API_SECRET": secrets.token_hex(32),
        "PCE_CA_PATH": CA_FILE,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": RUN / "home",
        "TMPDIR": RUN / "tmp",
        "ANSIBLE_HOME": RUN / "home" / ".ansible",
        "ANSIBLE_SSH_ARGS": ssh,
        "ANSIBLE_FORKS": 5,
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_DEVEL_WARNING": "false",
        "MOLECULE_GLOB": "tests/molecule/*/molecule.yml",
        "NO_COLOR": "1",
    }
    return {**without_settings(), **{name: str(value) for name, value in own.items()}}


def main(rootfs: str, command: list[str]) -> int:
    """Be the first process: furnish the machine, run the command, and bury all processes that lose their parents."""
    _mount("-t", "tmpfs", "-o", "mode=755,size=1g", "tmpfs", str(RUN))
    for directory in (ROOTFS, RUN / "home", RUN / "tmp"):
        directory.mkdir()
    _mount("--bind", "-o", "ro", rootfs, str(ROOTFS))
    NAMES.write_text(f"127.0.0.1 localhost\n{PCE_ADDRESS} {PCE_NAME}\n")
    _mount("--bind", str(NAMES), "/etc/hosts")
    make_findable(RUN / "collections")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    child = subprocess.Popen(command)
    while True:
        ended, status = os.wait()
        if ended == child.pid:
            return os.waitstatus_to_exitcode(status)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
