"""Build the tarball of the collection, byte for byte the same each time: `python -m tests.tarball [DIRECTORY]`.

`ansible-galaxy collection build` takes the files in the order of the file system, with their times and that of the
build. Here they are sorted, and have the time of the last commit (or SOURCE_DATE_EPOCH).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.checkout import copy_to
from tests.collection import ROOT, without_settings

MANIFESTS = ("MANIFEST.json", "FILES.json")


def build(directory: Path) -> Path:
    """Build the tarball of the files that git tracks or would add, and return its path in `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="microseg-build-") as name:
        collection = copy_to(Path(name, "copy"))
        galaxy = str(Path(sys.executable).with_name("ansible-galaxy"))
        command = [galaxy, "collection", "build", str(collection), "--output-path", name]
        subprocess.run(command, env=without_settings(), check=True, stdout=subprocess.DEVNULL)
        (built,) = Path(name).glob("*.tar.gz")
        tarball = directory / built.name
        tarball.write_bytes(normalize(built, commit_time()))
    return tarball


def unpack(tarball: Path, directory: Path) -> Path:
    """Unpack a tarball in a tree of collections, and return its `ansible_collections/microseg/enforcement`."""
    collection = directory / "ansible_collections" / "microseg" / "enforcement"
    collection.mkdir(parents=True)
    with tarfile.open(tarball) as archive:
        # Python before 3.11.4 has no filters; the tarball is our own.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(collection)  # noqa: S202
    return collection


def normalize(built: Path, time: int) -> bytes:
    """Return the content of a tarball with its members sorted, its manifests accordingly, and one time for all."""
    with tarfile.open(built) as archive:
        members = {member.name: member for member in archive.getmembers()}
        contents = {
            name: file.read() for name, member in members.items() if (file := archive.extractfile(member)) is not None
        }
    files = json.loads(contents["FILES.json"])
    files["files"].sort(key=lambda entry: entry["name"])
    contents["FILES.json"] = json.dumps(files, indent=1).encode()
    manifest = json.loads(contents["MANIFEST.json"])
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(contents["FILES.json"]).hexdigest()
    contents["MANIFEST.json"] = json.dumps(manifest, indent=1).encode()

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in (*MANIFESTS, *sorted(members.keys() - {*MANIFESTS})):
            member = members[name]
            member.mtime = time
            if member.isfile():
                member.size = len(contents[name])
            archive.addfile(member, io.BytesIO(contents[name]) if member.isfile() else None)
    return gzip.compress(packed.getvalue(), mtime=0)


def commit_time() -> int:
    """Return the time of the files: SOURCE_DATE_EPOCH, as other build tools do, or that of the last commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    command = ["git", "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def main(arguments: list[str]) -> int:
    """Build what is released, which must be what is committed. Return 0 if it was built."""
    command = ["git", "status", "--porcelain"]
    changes = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    if changes:
        print(f"The checkout has changes that are not committed; commit them first:\n{changes}", file=sys.stderr)
        return 1
    tarball = build(Path(arguments[0]) if arguments else ROOT / "dist")
    print(f"{hashlib.sha256(tarball.read_bytes()).hexdigest()}  {tarball}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
