"""Runs of Ansible that are watched: everything that they print, log, start, and write, searchable for secrets."""

from __future__ import annotations

import base64
import html
import json
import os
import re
import stat
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from tests.integration.runner import Ended, environment, run

_WATCHER = Path(__file__).parent / "watcher"
_NOTES = ("arguments", "environment", "syslog", "removed", "seen")
_POLL = 0.01
_SHORTEST_LINE = 16

# What is removed is copied first, so that files of a moment can be searched too.
_RM = """\
#!/bin/sh
for path; do
  case $path in
    -*|"$MICROSEG_WATCH"/*) ;;
    *) if test -e "$path"; then
         copy=$(mktemp -d "$MICROSEG_WATCH/removed/rm-XXXXXXXX") && chmod 0755 "$copy" && cp -a -- "$path" "$copy/"
       fi ;;
  esac
done
exec /bin/rm "$@"
"""


def forms(secret: str, user: str = "") -> dict[str, str]:
    """The ways in which a secret may be written, by their names."""
    once = json.dumps(secret)[1:-1]
    found = {
        "plain": secret,
        "JSON": once,
        "JSON in JSON": json.dumps(once)[1:-1],
        "JSON, not ASCII": json.dumps(secret, ensure_ascii=False)[1:-1],
        "Python": repr(secret)[1:-1],
        "URL": quote(secret, safe=""),
        "form": quote_plus(secret),
        "base64": base64.b64encode(secret.encode()).decode(),
    }
    for name, text in list(found.items()):
        found[f"{name} in HTML"] = html.escape(text)
        found[f"{name} in XML"] = html.escape(text, quote=False)
        found[f"{name} in an attribute"] = html.escape(text).replace("&#x27;", "'")
    if user:
        found["Basic"] = base64.b64encode(f"{user}:{secret}".encode()).decode()
    for number, line in enumerate(secret.splitlines()):
        if "\n" in secret and len(line) >= _SHORTEST_LINE and "-----" not in line:
            found[f"line {number + 1}"] = line
    return found


def search(text: str, secrets: Mapping[str, str], user: str = "") -> set[str]:
    """Which secrets, by their names, are in a text in any form. Line breaks that were put in hide nothing."""
    joined = _joined(text)
    return {name for name, secret in secrets.items() if any(form in joined for form in _joined_forms(secret, user))}


@cache
def _joined_forms(secret: str, user: str) -> frozenset[str]:
    return frozenset(map(_joined, forms(secret, user).values()))


def _joined(text: str) -> str:
    return re.sub(r"[\r\n]+\s*", "", text)


@dataclass
class Watched:
    """Runs in a directory of their own: `home`, `tmp`, `work` (where they run), `notes` (of what they did)."""

    directory: Path
    outputs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("home", "tmp", "work", "bin", "junit", "facts", *(f"notes/{note}" for note in _NOTES)):
            (self.directory / name).mkdir(parents=True)
        (self.directory / "bin" / "rm").write_text(_RM)
        (self.directory / "bin" / "rm").chmod(0o755)

    def path(self, name: str) -> Path:
        """A file or directory of the runs."""
        return self.directory / name

    def variables(self, **more: str) -> dict[str, str]:
        """The environment of a watched run."""
        path = environment()["PATH"]
        return {
            "HOME": str(self.path("home")),
            "TMPDIR": str(self.path("tmp")),
            "PATH": f"{self.path('bin')}:{path}",
            # Each process is to note what it does, so modules run with a Python that starts anew.
            "PYTHONPATH": str(_WATCHER),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_PIPELINING": "false",
            "MICROSEG_WATCH": str(self.path("notes")),
            "ANSIBLE_LOG_PATH": str(self.path("ansible.log")),
            "ANSIBLE_LOG_VERBOSITY": "4",
            # Ansible asks for the home of a user, whatever HOME says.
            "ANSIBLE_REMOTE_TMP": str(self.path("home") / ".ansible" / "tmp"),
            "ANSIBLE_ASYNC_DIR": str(self.path("home") / ".ansible_async"),
            "ANSIBLE_RETRY_FILES_ENABLED": "true",
            "ANSIBLE_RETRY_FILES_SAVE_PATH": str(self.path("work")),
            "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.junit",
            "JUNIT_OUTPUT_DIR": str(self.path("junit")),
            "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(self.path("facts")),
            **more,
        }

    def run(self, *command: str, **variables: str) -> Ended:
        """Run a command, watched."""
        with self._polling():
            ended = run(list(command), env=self.variables(**variables), cwd=self.path("work"))
        self.outputs.append(ended.output)
        return ended

    def runner(self, playbook: str, *flags: str, extra: Mapping[str, Any], **variables: str) -> Ended:
        """Run a playbook by ansible-runner, as AWX does: `extra` variables by a file, `variables` injected."""
        inside = self.path("private")
        (inside / "env").mkdir(parents=True)
        injected = self.variables(**variables)
        del injected["ANSIBLE_CACHE_PLUGIN"], injected["ANSIBLE_CACHE_PLUGIN_CONNECTION"]  # ansible-runner has its own
        for name, content in {"envvars": injected, "extravars": extra, "settings": {"pexpect_timeout": 30}}.items():
            (inside / "env" / name).write_text(json.dumps(content))
        (inside / "env" / "cmdline").write_text(" ".join(["-vvvv", "--diff", *flags]))
        command = ["-m", "ansible_runner", "run", str(inside), "-p", playbook, "--ident", "1"]
        return self.run(sys.executable, *command)

    @contextmanager
    def _polling(self) -> Iterator[None]:
        """Look at all processes of the machine, for what no Python process has started."""
        over, seen = threading.Event(), {"cmdline": set[bytes](), "environ": set[bytes]()}

        def look() -> None:
            while not over.wait(_POLL):
                for process in Path("/proc").iterdir():
                    for name, found in seen.items():
                        if process.name.isdecimal():
                            with suppress(OSError):
                                found.add((process / name).read_bytes())

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            for name, place in (("cmdline", "seen"), ("environ", "environment")):
                lines = sorted(item.replace(b"\0", b" ") for item in seen[name])
                (self.path("notes") / place / f"polled-{len(self.outputs)}").write_bytes(b"\n".join(lines))

    def places(self) -> dict[str, list[Path]]:
        """The files that hold what the runs left or told, by the place where they did."""
        artifacts = self.path("private") / "artifacts" / "1"
        notes = self.path("notes")
        found = {name: _files(notes / name) for name in _NOTES}
        found["log"] = [self.path("ansible.log")]
        found["junit"] = _files(self.path("junit"))
        found["facts"] = [*_files(self.path("facts")), *_files(artifacts / "fact_cache")]
        found["events"] = _files(artifacts / "job_events")
        found["command"] = [artifacts / "command"]
        found["artifacts"] = [
            path
            for path in _files(artifacts)
            if path != artifacts / "command"
            and path.relative_to(artifacts).parts[0] not in ("job_events", "fact_cache")
        ]
        left = ("home", "tmp", "work", "private/project")
        found["files"] = [path for name in left for path in _files(self.path(name))]
        return {name: [path for path in paths if path.exists()] for name, paths in found.items()}

    def leaks(self, secrets: Mapping[str, str], user: str = "") -> dict[str, set[str]]:
        """Which secrets are in which places."""
        found = {"output": search("\n".join(self.outputs), secrets, user)}
        for place, paths in self.places().items():
            found[place] = set()
            for text in set(map(_read, paths)):
                found[place] |= search(text, secrets, user)
        return {place: names for place, names in found.items() if names}

    def exposed(self, secrets: Mapping[str, str], user: str = "") -> list[Path]:
        """Files that were there for a while, held a secret, and that others than their owner could read."""
        return [
            path
            for path in self.places()["removed"]
            if search(_read(path), secrets, user) and not _is_private(path, self.path("notes"))
        ]


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file() and not path.is_symlink())


def _read(path: Path) -> str:
    return path.read_bytes().decode(errors="replace")


def _is_private(path: Path, top: Path) -> bool:
    """Whether nobody but the owner could read a file, for its own permissions or those of a directory above it."""
    inside = [path, *(parent for parent in path.parents if top in parent.parents)]
    return any(not stat.S_IMODE(os.lstat(item).st_mode) & 0o077 for item in inside)
