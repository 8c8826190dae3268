# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The VEN of one host: the scripts that run there, what their output means, and what to do next.

Pure functions over text. Imports neither Ansible nor the APIs (source: PCE REST API, Pairing a host, Status).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from shlex import quote
from typing import Any

LINUX = "linux"
WINDOWS = "windows"

PAIR_SH = "pair.sh"
PAIR_PS1 = "pair.ps1"
PACKAGE = "package"

UNPAIRED = "unpaired"
SUSPENDED = "suspended"

PAIRED_WELL = "VEN has been SUCCESSFULLY paired with Illumio"

STATUS_TIMEOUT = 60
"""Seconds that the VEN's program has for its status."""

TIMED_OUT = 124
"""What the command timeout, and ven.ps1, end with where the time was not enough."""

UNPAIR_MODES = ("saved", "recommended", "open", "unmanaged")

FIREWALL_RESTORE = {"saved": "saved", "recommended": "default", "open": "disable"}
"""The PCE's words for the modes of the host's program. The last two pairs are assumed to mean the same."""

INSTALL_LOG = "/var/log/illumio_install.log"
MAX_LOG_LINES = 20

DEFAULT_PATTERNS = {
    "unpaired": r"(?im)^\s*agent state\s*:\s*(unpaired|uninstalled|deactivated|inactive)\b",
    "active": r"(?im)^\s*agent state\s*:\s*(idle|illuminated|visibility_only|selective|enforced|full)\b",
    "status": r"(?im)^\s*agent state\s*:\s*(\S+)",
    "version": r"(?im)^\s*version\s*:\s*(\S+)",
    "pce": r"(?im)^\s*pce\s*:\s*(\S+)",
}

_MARK = "microseg-status="
_OWN_LINES = re.compile(r"(?m)^microseg-[a-z]+=.*(\n|$)")
_CODE = re.compile(r"[0-9a-fA-F]{40,}")
_VERSION = re.compile(r"\d+\.\d+[\w.-]*")
_MASTER = re.compile(r"""(?i)\bmaster["']?\s*[:=]?\s*["']?([^"'\s,;]+)""")


def method_of(platform: str, package: str | None) -> str:
    """Return how a host is paired."""
    if platform == WINDOWS:
        return PAIR_PS1
    return PACKAGE if package else PAIR_SH


@dataclass(frozen=True)
class Patterns:
    """Regular expressions over what the VEN's program prints. The first group, or else the match, is the value."""

    unpaired: re.Pattern[str]
    active: re.Pattern[str]
    status: re.Pattern[str]
    version: re.Pattern[str]
    pce: re.Pattern[str]

    @staticmethod
    def compile(texts: Mapping[str, str | None], prefix: str = "", suffix: str = "_pattern") -> Patterns:
        """Return the patterns, defaults for those that are not set. Raise ValueError that names a wrong one."""
        found = {}
        for name, default in DEFAULT_PATTERNS.items():
            text = texts.get(f"{prefix}{name}{suffix}") or default
            try:
                found[name] = re.compile(text)
            except (re.error, TypeError) as error:
                raise ValueError(
                    f"{prefix}{name}{suffix} is not a valid regular expression: {text!r} ({error})"
                ) from error
        return Patterns(**found)


@dataclass(frozen=True)
class Program:
    """How the programs of a VEN are run: where they are, in what environment, and for how many seconds at most."""

    directory: str
    data_directory: str
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: int = 1800

    @property
    def script_directory(self) -> str:
        """Return the directory for the pairing script of a host with a POSIX shell."""
        return "/".join((self.data_directory, "tmp"))

    @property
    def control(self) -> str:
        """Return the path of the control program of a host with a POSIX shell."""
        return f"{self.directory}/illumio-ven-ctl"


@dataclass(frozen=True)
class Status:
    """What a host says of its VEN. ``said`` are the words of the VEN's own program."""

    said: str = ""
    hostname: str = ""
    word: str = ""
    version: str = ""
    pce: str = ""
    is_installed: bool = False
    is_unpaired: bool = False
    is_active: bool = False
    is_known: bool = False
    is_package_missing: bool = False

    @property
    def is_suspended(self) -> bool:
        """Return True if the VEN is suspended."""
        return self.word.lower() == SUSPENDED

    def facts(self) -> dict[str, str]:
        """Return what later tasks may know; an empty text is what is not known."""
        word = UNPAIRED if self.word.lower() == "uninstalled" else self.word
        return {"status": word, "version": self.version, "pce": self.pce, "hostname": self.hostname}


def read_status(output: str, patterns: Patterns) -> Status:
    """Return what the output of a status script means."""
    own = dict(re.findall(r"(?m)^microseg-([a-z]+)=(.*)$", output))
    said = _OWN_LINES.sub("", output)
    version = _value(patterns.version, said)
    if not version:
        found = _VERSION.search(own.get("version", ""))
        version = found.group() if found else ""
    pce = _value(patterns.pce, said)
    if not pce:
        master = _MASTER.search(own.get("master", ""))
        pce = master.group(1) if master else ""
    is_unpaired = patterns.unpaired.search(said) is not None
    return Status(
        said=said,
        hostname=own.get("hostname", "").strip(),
        word=_value(patterns.status, said),
        version="" if is_unpaired else version,
        pce="" if is_unpaired else pce,
        is_installed=own.get("program") != "missing",
        is_unpaired=is_unpaired,
        is_active=patterns.active.search(said) is not None,
        is_known=patterns.status.search(said) is not None,
        is_package_missing=own.get("package") == "missing",
    )


def _value(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    if found is None:
        return ""
    return next((group for group in found.groups() if group), "") if pattern.groups else found.group()


def split_output(output: str) -> tuple[str, str]:
    """Return what a script's programs said, and the output of the status after it."""
    before, _mark, after = output.partition(_MARK)
    return before.strip(), after.lstrip("\n")


def status_script(program: Program, package: str = "") -> str:
    """Return a POSIX script that prints the status of the VEN; ``package`` is a file that should be on the host.

    Its own lines begin with C(microseg-). The version and the PCE come from files too, since the status of some VENs
    has no such lines. It ends with 3 where it may not look.
    """
    control, directory = quote(program.control), quote(program.directory)
    check = f"test -f {quote(package)} || echo 'microseg-package=missing'\n" if package else ""
    return f"""\
if command -v timeout >/dev/null 2>&1; then limit='timeout {STATUS_TIMEOUT}'; else limit=; fi
echo "microseg-hostname=$(hostname 2>/dev/null || uname -n)"
{check}if test -x {control}; then
    said=$($limit {control} status </dev/null); ended=$?
    printf '%s\\n' "$said"
    case $said in *[Vv]ersion*) ;; *)
        version=$(head -n 1 {directory}/etc/agent_version 2>/dev/null)
        test -n "$version" || version=$($limit {control} version </dev/null 2>/dev/null | head -n 1)
        echo "microseg-version=$version" ;;
    esac
    echo "microseg-master=$(grep -i master {quote(program.data_directory)}/etc/agent_activation.cfg 2>/dev/null |
        head -n 1)"
    exit "$ended"
elif test -e {control} || test -L {control}; then
    echo 'no permission to run the VEN: become is required' >&2; exit 3
elif test -e {directory} && ! test -x {directory}; then
    echo 'no permission to look for the VEN: become is required' >&2; exit 3
else
    echo 'microseg-program=missing'; echo 'Agent State: uninstalled'
fi
"""


def pairing_script(program: Program, script: str, code: str, words: Sequence[str]) -> str:
    """Return a POSIX script that runs the PCE's pair.sh with ``words``, and prints the status after it.

    The code is in the script, which must be passed on standard input, and in no file.
    """
    end = "microseg-end-of-the-pairing-script"
    return f"""\
{_prologue(program, code)}umask 026
directory={quote(program.script_directory)}
rm -rf -- "$directory" && mkdir -p -- "$directory" || exit 70
trap 'rm -rf -- "$directory"' EXIT
cat > "$directory/pair.sh" <<'{end}' || exit 70
{script}
{end}
chmod 0700 "$directory/pair.sh" || exit 70
$limit "$directory/pair.sh" {_with_code(words)} </dev/null
{_epilogue(program)}"""


def package_script(
    program: Program,
    code: str,
    words: Sequence[str],
    installations: Sequence[Sequence[str]],
    directory: str = "",
    prepare: bool = False,
) -> str:
    """Return a POSIX script that installs packages, activates the VEN with ``words``, and prints the status after it.

    ``directory`` is removed at the end. With ``prepare`` the VEN is prepared for an image, and not activated.
    """
    control = quote(program.control)
    lines = [_prologue(program, code), "umask 026\n"]
    if directory:
        lines.append(f"directory={quote(directory)}\ntrap 'rm -rf -- \"$directory\"' EXIT\n")
    for words_of_command in installations:
        command = " ".join(map(quote, words_of_command))
        lines.append(f"$limit {command} </dev/null || exit\n")
    if installations:
        missing = f'echo "the package was installed, but there is no "{control} >&2; exit 71;'
        lines.append(f"test -x {control} || {{ {missing} }}\n")
    action = "prepare " + " ".join(map(quote, words)) if prepare else f"activate {_with_code(words)}"
    lines.append(f"$limit {control} {action} </dev/null\n{_epilogue(program)}")
    return "".join(lines)


def unpairing_script(program: Program, mode: str, words: Sequence[str] = (), unsuspend: bool = False) -> str:
    """Return a POSIX script that unpairs the VEN, and prints the status after it."""
    control = quote(program.control)
    first = f"$limit {control} unsuspend </dev/null || exit\n" if unsuspend else ""
    given = " ".join(map(quote, [mode, *words]))
    return f"{_prologue(program)}{first}$limit {control} unpair {given} </dev/null\n{_epilogue(program)}"


def _prologue(program: Program, code: str | None = None) -> str:
    exports = "".join(f"export {quote(f'{name}={value}')}\n" for name, value in program.environment.items())
    # The code is a positional parameter: no variable, which might be exported.
    positional = f"set -- {quote(code)}\n" if code else "set --\n"
    limit = (
        f"if command -v timeout >/dev/null 2>&1; then limit={quote(f'timeout {program.timeout}')}; else limit=; fi\n"
    )
    return f"set -u\n{exports}{positional}{limit}"


def _epilogue(program: Program) -> str:
    return f"ended=$?\necho\necho '{_MARK}'\n(\n{status_script(program)}) </dev/null\nexit \"$ended\"\n"


_CODE_WORD = "\0code"
"""Stands for the activation code among the words of a command."""


def _with_code(words: Sequence[str]) -> str:
    return " ".join('"$1"' if word == _CODE_WORD else quote(word) for word in words)


def with_code(words: Sequence[str], code: str) -> list[str]:
    """Return the words of a command with the activation code among them."""
    return [code if word == _CODE_WORD else word for word in words]


@dataclass(frozen=True)
class Pairing:
    """What the program that pairs is given, beside the code. ``mode_option`` is the name of its option for the mode."""

    server: str
    proxy: str = ""
    insecure: bool = False
    mode: str = ""
    mode_option: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    arguments: Sequence[str] = ()

    def words(self) -> list[str]:
        """Return the arguments for pair.sh, and for C(illumio-ven-ctl activate)."""
        words = ["--management-server", self.server, "--activation-code", _CODE_WORD]
        words += ["--proxy-server", self.proxy] if self.proxy else []
        words += ["--insecure"] if self.insecure else []
        words += [self.mode_option or "--enforcement_mode", self.mode] if self.mode else []
        for key, value in self.labels.items():
            words += [f"--{key}", value] if value else []
        return [*words, *self.arguments]

    def windows_options(self) -> dict[str, Any]:
        """Return the options for pair.ps1 by name, beside server and code; a switch is True."""
        options: dict[str, Any] = {"proxy-server": self.proxy} if self.proxy else {}
        if self.insecure:
            options["insecure"] = True
        if self.mode:
            options[(self.mode_option or "-enforcement_mode").lstrip("-")] = self.mode
        options |= {key: value for key, value in self.labels.items() if value}
        rest = list(self.arguments)
        while rest:
            name = rest.pop(0).lstrip("-")
            options[name] = rest.pop(0) if rest and not rest[0].startswith("-") else True
        return options


def mask(text: str, *secrets: str) -> str:
    """Return what a program said without secrets, and without anything that may be a code."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "…")
    return _CODE.sub("…", text)


def ended(what: str, rc: Any, words: Sequence[str], timeout_option: str = "script_timeout") -> str:
    """Return a message about a program that failed."""
    late = f" ({timeout_option} has passed)" if rc == TIMED_OUT else ""
    status = "no exit status" if rc is None else rc
    return f"{what} ended with {status}{late}. " + " ".join(filter(None, (word.strip() for word in words)))
