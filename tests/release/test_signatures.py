"""Signatures with a throw-away key: of MANIFEST.json, as a release has, and of a project of AWX, by ansible-sign."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.collection import ROOT
from tests.release.conftest import TOOLS, USER, run

NAME = "microseg.enforcement"


@dataclass(frozen=True)
class Key:
    """A key in a home directory of GnuPG."""

    home: Path

    def gpg(self, *arguments: str) -> None:
        command = ["gpg", "--batch", "--quiet", "--homedir", str(self.home), *arguments]
        subprocess.run(command, check=True, capture_output=True)

    @property
    def keyring(self) -> Path:
        """A file with the public key."""
        path = self.home / "public.gpg"
        if not path.exists():
            self.gpg("--output", str(path), "--export")
        return path

    def sign(self, file: Path) -> Path:
        """Write the detached signature of a file beside it, with the command of CONTRIBUTING."""
        self.gpg("--yes", "--armor", "--detach-sign", str(file))
        return file.with_name(f"{file.name}.asc")


@pytest.fixture
def keys() -> Iterator[list[Key]]:
    """Two keys. GnuPG has sockets in its home directory, so its path must be short."""
    if shutil.which("gpg") is None:
        if os.environ.get("CI_NEEDS_GPG"):
            pytest.fail("gpg is not installed")
        pytest.skip("gpg is not installed")
    made = []
    for name in ("release", "other"):
        home = Path(subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True).stdout.strip())
        made.append(Key(home))
        made[-1].gpg("--passphrase", "", "--quick-generate-key", f"{name}@example.com", "ed25519", "sign", "never")
    yield made
    for key in made:
        subprocess.run(["gpgconf", "--homedir", str(key.home), "--kill", "all"], check=True)
        shutil.rmtree(key.home)


@pytest.fixture
def copy(installed: Path, tmp_path: Path) -> Path:
    """A copy of the installed collection, without what its use has left there, that a test may change."""
    return Path(shutil.copytree(installed, tmp_path / "collections", ignore=shutil.ignore_patterns("__pycache__")))


def verify(collections: Path, key: Key, signature: Path, home: Path, status: int = 0) -> str:
    """Verify the installed collection with the command of CONTRIBUTING."""
    command = [str(USER / "ansible-galaxy"), "collection", "verify", NAME, "--offline", "-p", str(collections)]
    trusted = ["--keyring", str(key.keyring), "--signature", f"file://{signature}"]
    return run([*command, *trusted, "--required-valid-signature-count", "+1"], home, status)


def test_verify_accepts_only_the_signature_of_its_key(keys: list[Key], copy: Path, tmp_path: Path) -> None:
    release, other = keys
    manifest = copy / "ansible_collections" / "microseg" / "enforcement" / "MANIFEST.json"
    signature = release.sign(Path(shutil.copy(manifest, tmp_path)))
    assert "Successfully verified" in verify(copy, release, signature, tmp_path)
    assert "Signature verification failed" in verify(copy, other, signature, tmp_path, 1)


@pytest.mark.parametrize("changed", ["MANIFEST.json", "FILES.json", "plugins/modules/pce_label.py", "LICENSE"])
def test_verify_refuses_a_changed_file(keys: list[Key], copy: Path, tmp_path: Path, changed: str) -> None:
    """The signature holds the manifest, which holds FILES.json, which holds all other files."""
    collection = copy / "ansible_collections" / "microseg" / "enforcement"
    signature = keys[0].sign(Path(shutil.copy(collection / "MANIFEST.json", tmp_path)))
    with (collection / changed).open("a") as file:
        file.write("\n")
    output = verify(copy, keys[0], signature, tmp_path, 1)
    assert "Signature verification failed" in output or changed in output


def test_ansible_sign_refuses_a_changed_project(keys: list[Key], tmp_path: Path) -> None:
    """AWX verifies a project before each update if it has a credential for that: awx_signature_credential."""
    project = tmp_path / "project"
    (project / "collections").mkdir(parents=True)
    (project / "pair_vens.yml").write_text(f"- ansible.builtin.import_playbook: {NAME}.pair_vens\n")
    (project / "collections" / "requirements.yml").write_text(f"collections: [{{name: {NAME}}}]\n")
    (project / "MANIFEST.in").write_text("include *.yml\nrecursive-include collections *.yml\n")
    sign = str(TOOLS / "ansible-sign")
    run([sign, "project", "gpg-sign", "--gnupg-home", str(keys[0].home), str(project)], tmp_path, GPG_TTY="none")
    check = [sign, "project", "gpg-verify", "--gnupg-home"]
    run([*check, str(keys[0].home), str(project)], tmp_path)
    run([*check, str(keys[1].home), str(project)], tmp_path, 3)
    (project / "pair_vens.yml").write_text("- hosts: all\n")
    assert "Checksum validation failed" in run([*check, str(keys[0].home), str(project)], tmp_path, 2)


def test_release_steps_are_the_commands_of_these_tests() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for command in (
        "gpg --armor --detach-sign MANIFEST.json",
        "--signature file://$PWD/MANIFEST.json.asc --required-valid-signature-count +1",
        "make dist sbom",
    ):
        assert command in text, command
