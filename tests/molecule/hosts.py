"""The hosts, their network, and their PCE; runs in an enclosure: `python -m tests.molecule.hosts --help`.

A host has a network with an address, a file system of its own over the common one, process ids, a name and an sshd. The
controller is on the same network; the PCE is in another one, to which the controller is the way.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.molecule.enclosure import (
    CA_FILE,
    KEY,
    KNOWN_HOSTS,
    NAMES,
    NETWORK,
    PCE_ADDRESS,
    PCE_NAME,
    PCE_PORT,
    PROXY_NAME,
    ROOTFS,
    RUN,
)
from tests.simulator.launch import Simulator

HOSTS = RUN / "hosts"
PCE = RUN / "pce"
CONTROLLER = f"{NETWORK}.1"
PROXY = f"{NETWORK}.2"
PROXY_PORT = 3128
PROXIED = RUN / "proxied"
PATIENCE = 60.0
"""Seconds within which a server has to be there, on a machine that is busy. It takes a fraction of one."""
CODE = re.compile(rb"[0-9a-f]{81}")
"""An activation code is longer than any other number of these hosts."""
KEEPING_RM = """\
#!/bin/sh
# Keeps a copy of all that it removes, so that also what is on the disk for a moment only can be found.
mkdir -p "/var/kept/$$"
for word; do
    case $word in -*) ;; *) if test -e "$word"; then cp -a "$word" "/var/kept/$$/"; fi ;; esac
done
exec /usr/lib/rm "$@"
"""

Json = dict[str, Any]


def create(machines: dict[str, Json]) -> None:
    """Make the network, the PCE and the proxy, and the hosts by their names.

    A host's options: `routed`: it has a way to networks other than its own (true); `opt`: the size of a file system of
    its own at /opt; `sudoers`: lines of that file; `up`: it runs from the start (true).
    """
    if not ROOTFS.is_dir() or HOSTS.exists():
        raise RuntimeError("hosts are made once in an enclosure, and nowhere else: see CONTRIBUTING.md")
    HOSTS.mkdir()
    addresses = {name: f"{NETWORK}.{number}" for number, name in enumerate(machines, start=11)}
    NAMES.write_text(
        f"127.0.0.1 localhost\n{PCE_ADDRESS} {PCE_NAME}\n{PROXY} {PROXY_NAME}\n"
        + "".join(f"{address} {name}\n" for name, address in addresses.items())
    )
    _ip("link add hosts type bridge")
    _ip(f"address add {CONTROLLER}/24 dev hosts")
    _ip(f"address add {PCE_ADDRESS}/32 dev lo")
    _ip("link set hosts up")
    _key(KEY)
    _start_pce()
    _connect("proxy", PROXY, routed=True)
    arguments = [sys.executable, "-m", "tests.molecule.proxy", str(PROXY_PORT), str(PROXIED)]
    _daemon("proxy", ["ip", "netns", "exec", "proxy", *arguments])
    for name, options in machines.items():
        _connect(name, addresses[name], routed=options.get("routed", True))
        _furnish(name, options)
        if options.get("up", True):
            _boot(name)
    for name, options in machines.items():
        if options.get("up", True):
            _wait_for(name, 22)
    _wait_for(PROXY, PROXY_PORT)


def destroy() -> None:
    """Take away all that `create` has made. It is no error if there is nothing."""
    for file in sorted(RUN.glob("*.pid")):
        _end(file.stem)
    for line in _ip("netns list").splitlines():
        name = line.split()[0]
        _ip(f"link delete to-{name}")
        _ip(f"netns delete {name}")
    if HOSTS.exists():
        _ip("link delete hosts")
        _ip(f"address delete {PCE_ADDRESS}/32 dev lo")
        for own in HOSTS.glob("*/opt"):
            subprocess.run(["umount", str(own)], check=True)
        shutil.rmtree(HOSTS)
        shutil.rmtree(PCE)


def start(name: str) -> None:
    """Start a host that is down."""
    _boot(name)
    _wait_for(name, 22)


def rebuild(name: str) -> None:
    """Put a host in the place of one: the same name, address and key, and an empty disk."""
    _end(name)
    shutil.rmtree(HOSTS / name / "disk")
    start(name)


def enlarge(name: str) -> None:
    """Let there be room in the host's /opt."""
    subprocess.run(["mount", "-o", "remount,size=1m", str(HOSTS / name / "opt")], check=True)


def look(forget: bool) -> Json:
    """What the PCE and the proxy know by now, and the files with an activation code; then let the PCE forget requests.

    Searched is all that can be written to: the disks of the hosts, and what controller, Molecule and PCE write.
    """
    simulator = Simulator(**json.loads((PCE / "simulator.json").read_text()))
    state = simulator.state()
    journal = simulator.journal()
    if forget:
        simulator.clear_journal()
    return {
        "managed": sorted(item["hostname"] for item in state["workloads"] if item["managed"] and item["online"]),
        "workloads": state["workloads"],
        "minted": len(state["pairing_keys"]),
        "activations": [item["hostname"] for item in state["activations"]],
        "unpairings": [item["hostname"] for item in state["unpairings"]],
        # Those of the collection, and not those of a VEN.
        "requests": [f"{item['method']} {item['path']}" for item in journal if "/agents/" not in item["path"]],
        "proxied": sorted(set(PROXIED.read_text().splitlines())),
        "codes": _files_with_a_code(),
    }


def _files_with_a_code() -> list[str]:
    """All files that hold one, after a proof that one is found on the disk of a host."""
    planted = next(HOSTS.glob("*/disk/upper")) / "planted"
    planted.write_text("0123456789abcdef" * 6)
    found = [str(path) for path in _written() if CODE.search(path.read_bytes())]
    planted.unlink()
    if str(planted) not in found:
        raise RuntimeError(f"the search finds nothing: not even {planted}")
    return sorted(set(found) - {str(planted)})


def _written() -> Iterator[Path]:
    """All plain files in /run, but not the common file system, which nobody can write to, and the namespaces."""
    for directory, directories, files in os.walk(RUN):
        if directory == str(RUN):
            directories[:] = [name for name in directories if name not in (ROOTFS.name, "netns")]
        for name in files:
            path = Path(directory, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _start_pce() -> None:
    """The simulator on all addresses; its certificate is for the PCE's name."""
    options = {
        "--directory": PCE,
        "--host": "0.0.0.0",
        "--port": PCE_PORT,
        "--name": PCE_NAME,
        "--api-key": os.environ["PCE_API_KEY"],
        "--api-secret": os.environ["PCE_API_SECRET"],
    }
    PCE.mkdir()
    words = [str(word) for pair in options.items() for word in pair]
    _daemon("pce", [sys.executable, "-m", "tests.simulator", *words])
    _wait_for(PCE_NAME, PCE_PORT)


def _connect(name: str, address: str, *, routed: bool) -> None:
    """A network namespace with an address on the bridge; it has to be `routed` to reach the PCE."""
    _ip(f"netns add {name}")
    _ip(f"link add to-{name} type veth peer name eth0 netns {name}")
    _ip(f"link set to-{name} master hosts up")
    _ip(f"-n {name} link set lo up")
    _ip(f"-n {name} address add {address}/24 dev eth0")
    _ip(f"-n {name} link set eth0 up")
    if routed:
        _ip(f"-n {name} route add default via {CONTROLLER}")


def _furnish(name: str, options: Json) -> None:
    """The host's own layer over the common file system: what somebody would have configured on it before."""
    base = HOSTS / name / "base"
    _key(HOSTS / name / "key")
    public = (HOSTS / name / "key.pub").read_text()
    with KNOWN_HOSTS.open("a") as file:
        file.write(f"{name} {public}")
    files = {
        "etc/hostname": f"{name}\n",
        "etc/hosts": NAMES.read_text(),
        "etc/resolv.conf": "",
        "etc/ssh/authorized_keys": KEY.with_suffix(".pub").read_text(),
        "etc/ssh/host_key": (HOSTS / name / "key").read_text(),
        "etc/sudoers.d/first": options.get("sudoers", "") + "\n",
        # Where OpenSSL, and curl, look for the certificates that they trust.
        "usr/lib/ssl/cert.pem": CA_FILE.read_text(),
        "etc/ssl/certs/ca-certificates.crt": CA_FILE.read_text(),
        "usr/bin/rm": KEEPING_RM,
    }
    for path, text in files.items():
        (base / path).parent.mkdir(parents=True, exist_ok=True)
        (base / path).write_text(text)
    (base / "etc/ssh/host_key").chmod(0o600)
    (base / "usr/bin/rm").chmod(0o755)
    shutil.copy(ROOTFS / "usr/bin/rm", base / "usr/lib/rm")
    (base / "var/kept").mkdir(parents=True)
    (base / "var/kept").chmod(0o1777)
    if "opt" in options:
        (HOSTS / name / "opt").mkdir()
        size = f"mode=755,size={options['opt']}"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(HOSTS / name / "opt")], check=True)


def _boot(name: str) -> None:
    script = Path(__file__).with_name("host.sh")
    walls = ["--mount", "--pid", "--ipc", "--uts", "--kill-child", "--propagation", "private"]
    becoming = ["sh", str(script), str(HOSTS / name), name, str(ROOTFS)]
    _daemon(name, ["ip", "netns", "exec", name, "unshare", *walls, *becoming])


def _daemon(name: str, command: list[str]) -> None:
    """Start what shall outlive this process; its number is in NAME.pid, its words in NAME.log."""
    with (RUN / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    (RUN / f"{name}.pid").write_text(str(process.pid))


def _end(name: str) -> None:
    """Kill what `_daemon` has started, and wait until it is gone; a host goes with all of its processes."""
    file = RUN / f"{name}.pid"
    number = int(file.read_text())
    os.kill(number, signal.SIGKILL)
    _until(lambda: not Path(f"/proc/{number}").exists(), f"{name} does not end")
    file.unlink()


def _wait_for(host: str, port: int) -> None:
    def answers() -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((host, port)) == 0

    _until(answers, f"{host} does not answer at port {port}; the logs are in {RUN}")


def _until(condition: Any, complaint: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(complaint)
        time.sleep(0.02)


def _key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)


def _ip(words: str) -> str:
    return subprocess.run(["ip", *words.split()], stdout=subprocess.PIPE, text=True, check=True).stdout


def main() -> None:
    """The command line; what `look` finds is printed as JSON."""
    top = argparse.ArgumentParser(prog="python -m tests.molecule.hosts", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    commands.add_parser("create", help=create.__doc__).add_argument("machines", type=json.loads, metavar="JSON")
    commands.add_parser("destroy", help=destroy.__doc__)
    for command in (start, rebuild, enlarge):
        commands.add_parser(command.__name__, help=command.__doc__).add_argument("name")
    commands.add_parser("look", help=look.__doc__).add_argument("--forget", action="store_true")
    options = vars(top.parse_args())
    done = globals()[options.pop("command")](**options)
    if done is not None:
        print(json.dumps(done))


if __name__ == "__main__":
    main()
