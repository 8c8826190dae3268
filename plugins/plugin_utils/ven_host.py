# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How an action plugin reaches the VEN of its host: by the module command, or by win_powershell."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from shlex import quote
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from . import ven, ven_packages

WINDOWS_SCRIPT = os.path.join(os.path.dirname(__file__), "..", "..", "roles", "ven", "files", "ven.ps1")
WINDOWS_MODULE = "ansible.windows.win_powershell"
_BEGIN = "microseg-begin"
"""Shows that the script has begun, and that it is its end which is seen."""

INSTALL_COLLECTION = "ansible-galaxy collection install 'ansible.windows:>=2.4.0'"


class VenError(Exception):
    """What keeps a host from its state. ``str(error)`` is what its user reads; ``changed``: something was done."""

    def __init__(self, message: str, changed: bool = False, unreachable: bool = False) -> None:
        self.changed = changed
        self.unreachable = unreachable
        super().__init__(message)


@dataclass(frozen=True)
class Package:
    """How a VEN is installed from package files. ``files`` are on the control node, or on the host (``is_remote``)."""

    files: Sequence[str] = ()
    is_remote: bool = False
    command: Sequence[str] = ()


@dataclass(frozen=True)
class Ended:
    """A script that has ended: its exit status, its output, and what was said on the way to it."""

    rc: int | None
    output: str
    errors: str


@dataclass
class VenHost:
    """The VEN of the host of an action plugin's task."""

    action: ActionBase
    task_vars: Mapping[str, Any]
    platform: str
    program: ven.Program
    patterns: ven.Patterns
    package: Package = field(default_factory=Package)
    active_timeout: float = 120
    active_delay: float = 3
    prefix: str = ""
    """What the names of options begin with in messages."""

    @property
    def is_windows(self) -> bool:
        """Return True for a host without a POSIX shell."""
        return bool(self.platform == ven.WINDOWS)

    def status(self) -> ven.Status:
        """Return the status of the VEN. Raise VenError where the host does not say it."""
        ended = self._read_status()
        if ended.rc == ven.TIMED_OUT:
            raise VenError(f"illumio-ven-ctl status did not answer within {ven.STATUS_TIMEOUT} seconds")
        if ended.rc not in (0, 1):
            raise VenError(ended.errors.strip() or "the status of the VEN has no output")
        status = ven.read_status(ended.output, self.patterns)
        if not status.is_known:
            said = " ".join(filter(None, (status.said.strip(), ended.errors.strip())))
            raise VenError(
                f"illumio-ven-ctl status answered in words that {self.prefix}status_pattern does not match: {said}"
            )
        return status

    def pair(self, pairing: ven.Pairing, code: str, script: str, method: str, is_installed: bool) -> ven.Status:
        """Pair the host and return its status then. Raise VenError where it is not paired."""
        what = "The installation or activation" if method == ven.PACKAGE else "The pairing script"
        with self._secret():
            if method == ven.PAIR_PS1:
                ended = self._run_windows(
                    {
                        "Action": "pair",
                        "PairingScript": script,
                        "ManagementServer": pairing.server,
                        "Options": pairing.windows_options(),
                    },
                    code,
                )
            elif method == ven.PACKAGE:
                ended = self._run_package(pairing.words(), code, is_installed)
            else:
                ended = self._run_shell(ven.pairing_script(self.program, script, code, pairing.words()))
        said, after = ven.split_output(ended.output)
        if ended.rc != 0:
            has_begun = ended.rc is not None
            log = self._install_log() if has_begun else ""
            words = [ven.mask(text, code) for text in (said, ended.errors, log)]
            raise VenError(ven.ended(what, ended.rc, words, f"{self.prefix}script_timeout"), changed=has_begun)
        status = self._wait(after, lambda found: found.is_active)
        if not status.is_active:
            begun = "The VEN was activated" if method == ven.PACKAGE else "The pairing script ended well"
            raise VenError(
                f"{begun}, but after {self.active_timeout:g} seconds the VEN is not active: "
                f"{ven.mask(status.said, code).strip()}",
                changed=True,
            )
        return status

    def prepare(self, words: Sequence[str], is_installed: bool) -> None:
        """Install the VEN for an image, without activating it. Raise VenError where that fails."""
        ended = self._run_package(words, "", is_installed, prepare=True)
        if ended.rc != 0:
            said = ven.split_output(ended.output)[0]
            raise VenError(
                ven.ended("Preparing the image", ended.rc, [said, ended.errors], f"{self.prefix}script_timeout"),
                changed=True,
            )

    def unpair(self, mode: str, words: Sequence[str] = (), secret: str = "", unsuspend: bool = False) -> ven.Status:
        """Unpair the host and return its status then. Raise VenError where it is still paired."""
        with self._secret():
            if self.is_windows:
                ended = self._run_windows(
                    {"Action": "unpair", "Mode": mode, "Words": list(words), "Unsuspend": unsuspend}
                )
            else:
                ended = self._run_shell(ven.unpairing_script(self.program, mode, words, unsuspend))
        said, after = ven.split_output(ended.output)
        told = [ven.mask(text, secret) for text in (said, ended.errors)]
        if ended.rc != 0:
            message = ven.ended("illumio-ven-ctl unpair", ended.rc, told, f"{self.prefix}script_timeout")
            if not secret:
                message += (
                    f". If the VEN is protected against tampering, set {self.prefix}maintenance_token; "
                    "unpairing through the PCE requires no token"
                )
            raise VenError(message, changed=ended.rc is not None)
        status = self._wait(after, lambda found: found.is_unpaired)
        if not status.is_unpaired:
            words_said = ". ".join(filter(None, (text.strip() for text in [status.said, *told])))
            raise VenError(
                f"illumio-ven-ctl unpair ended well, but after {self.active_timeout:g} seconds the VEN is not "
                f"unpaired: {words_said}",
                changed=True,
            )
        return status

    def _wait(self, output: str, is_reached: Any) -> ven.Status:
        """Return the status once it is what is waited for, or the last one when the time has passed."""
        status = ven.read_status(output, self.patterns)
        until = time.monotonic() + self.active_timeout
        is_first = not output.strip()
        while not is_reached(status) and (is_first or time.monotonic() + self.active_delay <= until):
            time.sleep(0 if is_first else self.active_delay)
            is_first = False
            status = ven.read_status(self._read_status().output, self.patterns)
        return status

    def _read_status(self) -> Ended:
        if self.is_windows:
            return self._run_windows({"Action": "status"})
        package = self.package.files[-1] if self.package.is_remote and self.package.files else ""
        return self._run_shell(ven.status_script(self.program, package), is_secret=False)

    def _run_package(self, words: Sequence[str], code: str, is_installed: bool, prepare: bool = False) -> Ended:
        installations: list[list[str]] = []
        directory = ""
        if not is_installed:
            directory = self._make_directory()
            try:
                files = self.package.files if self.package.is_remote else self._copy(directory)
            except VenError:
                self._module("ansible.builtin.file", {"path": directory, "state": "absent"})
                raise
            for file in files:
                command = self.package.command if file == files[-1] else ()
                installations.append(
                    ven_packages.fill_command(ven_packages.package_command(file, command), file, directory)
                )
        return self._run_shell(
            ven.package_script(self.program, code, words, installations, directory, prepare), is_secret=bool(code)
        )

    def _make_directory(self) -> str:
        made = self._module("ansible.builtin.tempfile", {"state": "directory", "prefix": "microseg-"})
        if "path" not in made:
            raise VenError(f"a directory for the package could not be created: {made.get('msg', 'no answer')}")
        return str(made["path"])

    def _copy(self, directory: str) -> list[str]:
        copied = []
        for file in self.package.files:
            destination = f"{directory}/{os.path.basename(file)}"
            done = self._run_action("ansible.builtin.copy", {"src": file, "dest": destination, "mode": "0600"})
            if done.get("failed"):
                raise VenError(f"{self.prefix}package: {file} could not be copied: {done.get('msg', '')}")
            copied.append(destination)
        return copied

    def _install_log(self) -> str:
        """Return the end of the vendor's log, where the host has one."""
        if self.is_windows:
            return ""
        log = self.program.environment.get("ILLUMIO_STANDIN_LOG", ven.INSTALL_LOG)
        command = f"test -r {quote(log)} && tail -n {ven.MAX_LOG_LINES} {quote(log)}"
        ended = self._run_shell(command + " || :", is_secret=False)
        return f"The end of {log}: {ended.output.strip()}" if ended.output.strip() else ""

    def _run_shell(self, script: str, is_secret: bool = True) -> Ended:
        if is_secret:
            self._pipeline()
        if self.action._is_pipelining_enabled("new"):
            return self._pipe(script)
        arguments = {"argv": ["/bin/sh"], "stdin": script, "expand_argument_vars": False}
        done = self._module("ansible.builtin.command", arguments)
        if done.get("rc") is None or "module_stderr" in done:
            # It is not the script that has ended, but what should lead to it, such as sudo.
            errors = str(done.get("module_stderr") or "").strip() or str(done.get("msg") or "")
            return Ended(None, "", errors or str(done.get("module_stdout") or ""))
        return Ended(done["rc"], str(done.get("stdout") or ""), str(done.get("stderr") or ""))

    def _pipe(self, script: str) -> Ended:
        """Run a script by a pipe to the host's shell: what the module would do, without its Python and its log."""
        environment = self.action._compute_environment_string()
        done = self.action._low_level_execute_command(
            f"{environment} /bin/sh".strip(), in_data=f"echo {_BEGIN}\n{script}".encode(errors="surrogateescape")
        )
        before, begin, output = done["stdout"].partition(f"{_BEGIN}\n")
        if not begin:
            return Ended(None, "", done["stderr"].strip() or before.strip())
        return Ended(done["rc"], output, done["stderr"])

    def _run_windows(self, parameters: Mapping[str, Any], code: str = "") -> Ended:
        given = {"ProgramDirectory": self.program.directory, **parameters}
        if parameters["Action"] != "status":
            given |= {"Environment": dict(self.program.environment), "Timeout": self.program.timeout}
        arguments: dict[str, Any] = {"script": _windows_script(), "parameters": given}
        if code:
            arguments["sensitive_parameters"] = [{"name": "ActivationCode", "value": code}]
        try:
            done = self._run_action(WINDOWS_MODULE, arguments)
        except AnsibleError as error:
            if "not found" not in str(error) and "couldn't resolve" not in str(error):
                raise
            raise VenError(
                f"Windows hosts require the module {WINDOWS_MODULE} on the control node; install it with: "
                f"{INSTALL_COLLECTION}"
            ) from error
        answer = done.get("result") or {}
        errors = [str(entry.get("output") or "") for entry in done.get("error") or () if isinstance(entry, Mapping)]
        if done.get("failed") or answer.get("rc") is None:
            errors.append(str(done.get("msg") or ""))
        said = str(answer.get("said") or "")
        return Ended(answer.get("rc"), said, "\n".join(filter(None, errors)))

    def _module(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        with self._for_real():
            done: dict[str, Any] = self.action._execute_module(
                module_name=name, module_args=dict(arguments), task_vars=self.task_vars
            )
        return done

    def _run_action(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run a module that may have an action plugin of its own."""
        loader = self.action._shared_loader_obj.action_loader
        task = self.action._task.copy()
        task.args, task.action, task.check_mode, task.no_log = dict(arguments), name, False, self.action._task.no_log
        plugin = loader.get(
            name if loader.has_plugin(name) else "ansible.legacy.normal",
            task=task,
            connection=self.action._connection,
            play_context=self.action._play_context,
            loader=self.action._loader,
            templar=self.action._templar,
            shared_loader_obj=self.action._shared_loader_obj,
        )
        done: dict[str, Any] = plugin.run(task_vars=dict(self.task_vars))
        return done

    def _pipeline(self) -> None:
        """Send what is secret by a pipe: without, Ansible would write it to the host's disk."""
        with suppress(KeyError, AnsibleError):
            self.action._connection.set_option("pipelining", True)

    @contextmanager
    def _for_real(self) -> Iterator[None]:
        """Run modules in check mode too: the caller has decided what check mode may do."""
        task = self.action._task
        before, task.check_mode = task.check_mode, False
        try:
            yield
        finally:
            task.check_mode = before

    @contextmanager
    def _secret(self) -> Iterator[None]:
        """Hide what runs from the logs of the host."""
        task = self.action._task
        before, task.no_log = task.no_log, True
        try:
            yield
        finally:
            task.no_log = before


@lru_cache
def _windows_script() -> str:
    with open(WINDOWS_SCRIPT, encoding="utf-8") as file:
        return file.read().rstrip("\n")


def refuse_kept_files() -> None:
    """Raise VenError where Ansible would leave the activation code on the hosts."""
    if constants.DEFAULT_KEEP_REMOTE_FILES:
        raise VenError(
            "ANSIBLE_KEEP_REMOTE_FILES must not be set to pair hosts: the activation code would stay on them"
        )


def remove_temporary(action: ActionBase) -> None:
    """Remove what Ansible has created on the host for the modules of an action plugin."""
    directory = action._connection._shell.tmpdir
    if directory is not None:
        action._remove_tmp_path(directory)
