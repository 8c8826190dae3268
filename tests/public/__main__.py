"""Writes docs/public.json, unless that would break the promise. With --show it prints what it would write."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import yaml

from tests.collection import ROOT, make_findable
from tests.public import LIST
from tests.public.collect import collect
from tests.public.promise import broken


def main() -> int:
    """Return 1 and say what is wrong if something public would go or change; a new list is always written."""
    with tempfile.TemporaryDirectory(prefix="microseg-public-") as directory:
        make_findable(Path(directory))
        after = collect()
    if "--show" in sys.argv:
        print(json.dumps(after))
        return 0
    if LIST.exists():
        problems = broken(json.loads(LIST.read_text()), after, yaml.safe_load((ROOT / "meta/runtime.yml").read_text()))
        if problems:
            print("docs/compatibility.md promises that this does not happen:", *problems, sep="\n", file=sys.stderr)
            return 1
    LIST.write_text(json.dumps(after, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
