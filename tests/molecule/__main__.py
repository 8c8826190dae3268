"""Run a command where hosts can be made: `python -m tests.molecule molecule test -s pairing`, or `bash`."""

from __future__ import annotations

import sys

from tests.molecule import enclosure, rootfs

if __name__ == "__main__":
    if obstacle := enclosure.obstacle():
        sys.exit(f"no hosts can be made here: {obstacle}")
    try:
        sys.exit(enclosure.run(rootfs.make(), sys.argv[1:])[0])
    except KeyboardInterrupt:
        sys.exit(130)
