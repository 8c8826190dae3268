"""Runs the examples of each document in their order: what is written is what works."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.directory_hosts import host_variables
from tests.examples.blocks import PLUGIN, Block, documents
from tests.examples.stages import NOT_RUN, NOT_RUN_COMMANDS, STAGES, Stage
from tests.integration.runner import Ended, recap, run
from tests.simulator.launch import Simulator

DOCUMENTS = documents()
RUNNABLE = {
    document: [block for block in blocks if (document, block.first_line) not in NOT_RUN]
    for document, blocks in DOCUMENTS.items()
}
INVENTORY: dict[str, Any] = {"web": {"hosts": {"web1.example.com": {}, "web2.example.com": {}}}}
"""What commands find that name an inventory which their document does not show."""


class Runner:
    """Runs the examples of one document in a directory of their own."""

    def __init__(self, simulator: Simulator, directory: Path, stage: Stage) -> None:
        self.simulator = simulator
        self.directory = directory
        self.stage = stage
        self.changed = 0
        (directory / "srx.pem").write_text("-----BEGIN PRIVATE KEY-----\nof the test\n-----END PRIVATE KEY-----\n")
        machine = {**({} if stage.is_whole else host_variables(directory)), **stage.variables}
        machine |= {"pce_api_key": simulator.api_key, "pce_api_secret": simulator.api_secret}
        (directory / "machine.json").write_text(json.dumps(machine))
        for name in ("inventory", "inventory.yml"):
            (directory / name).write_text(json.dumps(INVENTORY))
        for name, text in stage.files.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> Path:
        """Put a file of the document where its commands find it."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.adapted(text))
        return path

    def adapted(self, text: str) -> str:
        """The text with this machine's servers and files, and little time to settle, for those that examples name."""
        places = {
            "pce.example.com": self.simulator.host,
            "https://pe.example.com:7443": self.simulator.connectors["contrail"],
            "https://pe.example.com:7444": self.simulator.connectors["aws"],
            "https://pe.example.com:7445": self.simulator.connectors["free"],
            "api_0123456789abcdef": self.simulator.api_key,
            "of the file": self.simulator.api_secret,
            "/etc/keys": str(self.directory),
            "/tmp/try": str(self.directory / "try"),
            "/srv/reports": str(self.directory),
            "settle_time: 120": "settle_time: 1",
            "/tmp/pce_workloads_cache": str(self.directory / "cache"),
        }
        for name, place in places.items():
            text = text.replace(name, place)
        return text

    def command(self, line: str) -> Ended:
        """Run a command, and assert that it ends well and that nothing in it was skipped for want of hosts."""
        words = shlex.split(self.adapted(line))
        if words[0] == "ansible-playbook":
            words += ["-e", f"@{self.directory / 'machine.json'}"]
        ended = run(words, env=self._environment(), cwd=self.directory)
        assert ended.status == 0, f"{line}\n{ended.output}"
        assert "[WARNING]: Could not match" not in ended.output, ended.output
        hosts = recap(ended)
        assert hosts or words[0] != "ansible-playbook", ended.output
        self.changed += sum(counts["changed"] for counts in hosts.values())
        return ended

    def _environment(self) -> dict[str, str]:
        pce, connectors = self.simulator, self.simulator.connectors
        return {
            "HOME": str(self.directory),
            "PCE_HOST": pce.host,
            "PCE_PORT": str(pce.port),
            "PCE_ORG_ID": str(pce.org_id),
            "PCE_API_KEY": pce.api_key,
            "PCE_API_SECRET": pce.api_secret,
            "PCE_CA_PATH": pce.ca_path,
            "PE_CONNECTOR_URL": connectors["contrail"],
            "PE_CA_PATH": pce.ca_path,
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
        }

    def plays(self, blocks: Iterable[Block]) -> None:
        """Run blocks of tasks, plays and variables as one playbook, and assert that each task ran."""
        plays: list[Any] = []
        hosts = [*self.stage.hosts] or ["localhost"]
        for block in blocks:
            content = yaml.safe_load(self.adapted(block.text))
            if block.kind == "plays":
                plays += content
                continue
            play: dict[str, Any] = {"hosts": ",".join(hosts), "gather_facts": False}
            if block.kind in ("variables", "file"):
                play["vars"] = content
                play["tasks"] = [{"ansible.builtin.assert": {"that": [f"{name} is truthy"]}} for name in content]
            else:
                play["tasks"] = content
            plays.append(play)
        path = self.write("examples.yml", yaml.safe_dump(plays, sort_keys=False))
        own = ["-i", ",".join([*hosts, ""])] if hosts != ["localhost"] else ["-i", "inventory"]
        counts = recap(self.command(shlex.join(["ansible-playbook", *own, str(path)])))
        tasks = sum(len(play.get("tasks", [])) for play in plays)
        if tasks:
            assert counts[hosts[0]]["ok"] == tasks
            assert counts[hosts[0]]["skipped"] == 0

    def source(self, name: str) -> None:
        """Read an inventory source, and assert that it yields hosts."""
        ended = self.command(f"ansible-inventory -i {name} --list")
        assert json.loads(ended.stdout)["_meta"]["hostvars"], ended.output


@pytest.mark.parametrize("document", [document for document, blocks in RUNNABLE.items() if blocks])
def test_the_examples_run(document: str, simulator: Simulator, tmp_path: Path) -> None:
    stage = STAGES.get(document, Stage())
    if stage.seed:
        simulator.seed(**stage.seed)
    simulator.settings(**stage.settings)
    runner = Runner(simulator, tmp_path, stage)
    for line in stage.before:
        runner.command(line)
    runner.changed = 0
    for kind, blocks in groupby(RUNNABLE[document], key=_way):
        if kind == "play":
            runner.plays(blocks)
            continue
        for block in blocks:
            if kind == "file":
                runner.write(block.name, block.text)
                if f"plugin: {PLUGIN}" in block.text:
                    runner.source(block.name)
            else:
                for line in block.commands():
                    if not line.startswith(tuple(NOT_RUN_COMMANDS)) and not _is_rehearsed(line, document):
                        runner.command(line)
    assert runner.changed == stage.changed, (
        f"{document}: {runner.changed} tasks changed something, but tests/examples/stages.py says {stage.changed}"
    )


def _is_rehearsed(line: str, document: str) -> bool:
    """Whether a document has the same command without --check too. Then that is run, to save time."""
    plain = re.sub(r" --(check|diff)\b", "", line)
    return plain != line and any(plain in block.commands() for block in RUNNABLE[document])


def _way(block: Block) -> str:
    if block.kind == "file":
        return "play" if block.name.startswith("group_vars/") else "file"
    return {"tasks": "play", "plays": "play", "variables": "play"}.get(block.kind, block.kind)


def test_every_file_of_an_example_is_used() -> None:
    for document, blocks in RUNNABLE.items():
        commands = " ".join(line for block in blocks if block.kind == "shell" for line in block.commands())
        for block in blocks:
            if block.kind == "file" and PLUGIN not in block.text and not block.name.startswith("group_vars/"):
                assert block.name in commands, f"{block.name} of {document}"


def test_what_is_not_run_is_there_and_has_a_reason() -> None:
    first_lines = {(document, block.first_line) for document, blocks in DOCUMENTS.items() for block in blocks}
    commands = [line for blocks in RUNNABLE.values() for block in blocks for line in block.commands()]
    assert [entry for entry in NOT_RUN if entry not in first_lines] == []
    assert [start for start in NOT_RUN_COMMANDS if not any(line.startswith(start) for line in commands)] == []
    assert all(re.fullmatch(r"\S.{8,}", reason) for reason in [*NOT_RUN.values(), *NOT_RUN_COMMANDS.values()])
    unknown = [block for blocks in RUNNABLE.values() for block in blocks if block.kind == "other"]
    assert unknown == []


def test_every_stage_has_a_document() -> None:
    assert {*STAGES} - {document for document, blocks in RUNNABLE.items() if blocks} == set()
