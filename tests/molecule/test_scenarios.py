"""The role on real hosts, by Molecule: create, converge, converge again, verify, destroy."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.molecule import enclosure

HERE = Path(__file__).parent
STEPS = ("create", "converge", "idempotence", "verify", "destroy")
STANDING = "ls -d /run/netns/* /run/hosts /run/*.pid 2>/dev/null; ip -brief link | grep -v '^lo '"
"""Prints what of the hosts is there."""


@pytest.mark.parametrize("scenario", sorted(path.parent.name for path in HERE.glob("*/molecule.yml")))
def test_scenario(rootfs: Path, scenario: str) -> None:
    started = time.monotonic()
    test = f"molecule --base-config tests/molecule/base.yml test -s {scenario}"
    status, told = enclosure.run(
        rootfs, ["sh", "-c", f"{test}; ended=$?; echo standing:; {STANDING}; exit $ended"], capture=True
    )
    told, _mark, standing = told.partition("standing:\n")
    assert status == 0, told
    for step in STEPS:
        assert re.search(rf"\[{scenario} > {step}\] Executed: Successful", told), f"{step} was not done:\n{told}"
    assert standing == "", "Molecule's destroy leaves something behind"
    print(f"{scenario}: {time.monotonic() - started:.0f} s")
