"""The file system under all hosts: a small Debian or Ubuntu, made once by debootstrap from the machine's mirror."""

from __future__ import annotations

import fcntl
import hashlib
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.collection import ROOT

CACHE = ROOT / ".cache" / "hosts"
PACKAGES = ("busybox", "ca-certificates", "curl", "openssh-server", "python3", "sudo")
SUDO_PASSWORD = "of the hosts"
ACCOUNTS = f"""\
set -eu
for name in admin deploy guest; do useradd --create-home --shell /bin/sh "$name"; done
echo 'deploy:{SUDO_PASSWORD}' | chpasswd
echo 'admin ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/admin
echo 'deploy ALL=(ALL) ALL' > /etc/sudoers.d/deploy
rm -rf /var/cache/apt/archives /var/lib/apt/lists /etc/ssh/ssh_host_*
"""
"""Who may log in beside root: admin (sudo), deploy (sudo with a password), and guest, who may not do more."""


def make() -> Path:
    """Make the file system unless it is there; it takes a minute. Return its directory, which nobody may write to.

    RuntimeError says what debootstrap could not do. Who comes while another one makes it waits.
    """
    suite, mirror = _source()
    name = hashlib.sha256(f"{suite} {PACKAGES} {ACCOUNTS}".encode()).hexdigest()[:12]
    made = CACHE / f"{suite}-{name}"
    with _locked():
        if not made.is_dir():
            # Also what was left by somebody who was killed, and what was made from other packages.
            for old in CACHE.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
            fresh = CACHE / "unfinished"
            variant = ["--variant=minbase", f"--include={','.join(PACKAGES)}"]
            _run("debootstrap", *variant, suite, str(fresh), mirror)
            _run("chroot", str(fresh), "/bin/sh", "-c", ACCOUNTS)
            fresh.rename(made)
    return made


def _source() -> tuple[str, str]:
    """The release of this machine, and where its apt gets it from."""
    suite = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    wanted = ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"]
    lines = subprocess.run(wanted, capture_output=True, text=True, check=True).stdout.splitlines()
    for release, component, mirror in (line.split() for line in lines):
        if (release, component) == (suite, "main"):
            return suite, mirror
    raise RuntimeError(f"apt has no source for the release {suite!r} of this machine")


@contextmanager
def _locked() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(*command: str) -> None:
    """Run a command whose mounts and processes end with it, even if this process is killed."""
    enclosed = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--kill-child", "--mount-proc"]
    ended = subprocess.run([*enclosed, *command], capture_output=True, text=True, check=False)
    if ended.returncode:
        told = (ended.stdout + ended.stderr).strip().splitlines()[-5:]
        raise RuntimeError(f"{command[0]} ended with {ended.returncode}: {' / '.join(told)}")
