# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Releases of VENs, with and without a build."""

from __future__ import annotations

import pytest

from plugins.module_utils._core.errors import OptionError
from plugins.module_utils._pce.ven_release import parse_release, require_release


@pytest.mark.parametrize(
    ("one", "other", "is_same", "is_older"),
    [
        ("23.2.20", "23.2.20-157", True, False),
        ("23.2.20-157", "23.2.20-157", True, False),
        ("23.2.20-157", "23.2.20-200", False, True),
        ("23.2.20-200", "23.2.20-157", False, False),
        ("22.5.34-10", "23.2.20", False, True),
        ("9.1", "23.2.20", False, True),
        ("23.10.0", "23.9.9", False, False),
        ("23.2", "23.2.0", False, True),
    ],
)
def test_releases_compare_by_numbers(one: str, other: str, is_same: bool, is_older: bool) -> None:
    first, second = require_release("release", one), require_release("release", other)
    assert first.is_same(second) is second.is_same(first) is is_same
    assert first.is_older(second) is is_older


@pytest.mark.parametrize("value", [None, 23, "", "latest", "Default (23.2.20-157)", "23", "23.2.20-", "23.2.x"])
def test_other_values_are_no_release(value: object) -> None:
    assert parse_release(value) is None


def test_wrong_option_is_named() -> None:
    with pytest.raises(OptionError, match="outdated_before: must be a release such as"):
        require_release("outdated_before", "new")
