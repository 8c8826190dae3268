"""Write tests/public/interface.txt, unless that would break the promise. With --show, print what would be written."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import yaml

from tests.collection import ROOT, make_findable
from tests.public import LIST
from tests.public.collect import collect
from tests.public.lines import dump, load
from tests.public.promise import broken


def main() -> int:
    """Return 1 and say what is wrong if something public would go or change; a new list is always written."""
    with tempfile.TemporaryDirectory(prefix="microseg-public-") as directory:
        make_findable(Path(directory))
        after = collect()
    if "--show" in sys.argv:
        print(dump(after), end="")
        return 0
    if LIST.exists():
        problems = broken(load(LIST.read_text()), after, yaml.safe_load((ROOT / "meta/runtime.yml").read_text()))
        if problems:
            print("the guide Compatibility promises that this does not happen:", *problems, sep="\n", file=sys.stderr)
            return 1
    LIST.write_text(dump(after))
    return 0


if __name__ == "__main__":
    sys.exit(main())
