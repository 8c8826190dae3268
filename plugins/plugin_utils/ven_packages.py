# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages of a VEN, and the commands that install them (source: PCE REST API, Pairing a host and Status)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

PACKAGE_COMMANDS: Mapping[str, Sequence[str]] = {
    ".rpm": ("rpm", "-U", "{package}"),
    ".deb": ("dpkg", "-i", "{package}"),
    ".bff": ("installp", "-acXY", "-d", "{package}", "all"),
    ".pkg": ("pkgadd", "-n", "-d", "{package}", "all"),
    # Solaris: an archive of a package with its own answers (PCE REST API, Status).
    ".pkg.tgz": (
        "/bin/sh",
        "-c",
        'cd "$2" && gzip -dc "$1" | tar xf - && package=$(find . -name admin -type f | head -n 1) && '
        'test -n "$package" && package=$(dirname "$package") && '
        'pkgadd -d . -a "$package/admin" -r "$package/response" all',
        "sh",
        "{package}",
        "{directory}",
    ),
}
"""How a package is installed, by the end of its file name."""


def package_command(name: str, command: Sequence[str] = ()) -> list[str]:
    """Return the command that installs the package ``name``, with C({package}) for its path; empty if unknown."""
    if command:
        return [str(word) for word in command]
    ends = [end for end in PACKAGE_COMMANDS if name.endswith(end)]
    return list(PACKAGE_COMMANDS[max(ends, key=len)]) if ends else []


def fill_command(command: Sequence[str], package: str, directory: str) -> list[str]:
    """Return a command with the path of its package, and of a directory for what it unpacks."""
    return [word.replace("{package}", package).replace("{directory}", directory) for word in command]
