"""The VEN's software package: the stand-in's control program, installed and not activated (API page, Pairing a host).

`python -m tests.simulator.package --help`. Standard library only.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

RELEASE = "23.2.20-157"
"""The version of the VEN that the PCE hands out (Pairing profiles: agent_software_release)."""

RELEASES = ("22.5.34-10", RELEASE, "24.2.10-300")
"""All versions that the PCE has, oldest first (What others measured: software/ven/releases)."""

API_VERSION = 25
"""The NN of the paths that an installed VEN uses, unless a script asks for another."""

_PROGRAM = Path(__file__).with_name("illumio_ven_ctl.py")


def program(version: int = API_VERSION) -> str:
    """The text of the control program; the two directories, which the installation knows, are left open."""
    text = "#!/usr/bin/env python3\n" + _PROGRAM.read_text(encoding="utf-8")
    return text.replace("@API_VERSION@", str(version)).replace("@RELEASE@", RELEASE)


def install(program_dir: Path, data_dir: Path, ca_pem: str) -> Path:
    """Install as a package does: an activation that is there stays, none is made. Returns the control program.

    ca_pem: the certificate, as PEM text, that vouches for the PCE. pair.sh does the same on a host.
    """
    text = program()
    for mark, directory in (("PROGRAM_DIR", program_dir), ("DATA_DIR", data_dir)):
        text = text.replace(f'"@{mark}@"', repr(os.path.abspath(directory)))
    for directory in (program_dir, data_dir / "etc"):
        directory.mkdir(parents=True, exist_ok=True)
    (data_dir / "etc" / "ca.pem").write_text(ca_pem, encoding="utf-8")
    installed = program_dir / "illumio-ven-ctl"
    fresh = installed.with_name(f"{installed.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.chmod(0o755)
    fresh.replace(installed)
    return installed


def main(arguments: list[str]) -> int:
    """Install from the command line; its exit status."""
    top = argparse.ArgumentParser(prog="python -m tests.simulator.package")
    top.description = "Install the stand-in for illumio-ven-ctl without activating it, and print where it is."
    top.add_argument("--program-dir", type=Path, required=True, help="where illumio-ven-ctl goes")
    top.add_argument("--data-dir", type=Path, required=True, help="where its state and the CA certificate go")
    top.add_argument("--ca", type=Path, required=True, help="the simulator's ca.pem")
    options = top.parse_args(arguments)
    try:
        print(install(options.program_dir, options.data_dir, options.ca.read_text(encoding="utf-8")))
    except OSError as error:
        print(f"cannot install the package: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
