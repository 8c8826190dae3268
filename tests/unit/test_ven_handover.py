# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks hand over to each other."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from plugins.plugin_utils import ven_handover
from plugins.plugin_utils.ven_handover import Handover, HandoverError

CODE = "0123456789abcdef" * 5


def test_what_is_put_can_be_got_and_taken(tmp_path: Path) -> None:
    handover = Handover(str(tmp_path / "h"))
    assert handover.get("web1") is None
    assert handover.take("web1") is None
    handover.put("web1", {"code": CODE, "é": [1, None]})
    handover.put("../web2", "other")
    assert handover.get("web1") == {"code": CODE, "é": [1, None]}
    handover.put("web1", "")
    assert handover.take("web1") == ""
    assert handover.get("web1") is None
    assert handover.get("../web2") == "other"
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
    handover.remove()
    handover.remove()
    assert list(tmp_path.iterdir()) == []


def test_nothing_readable_is_in_the_files(tmp_path: Path) -> None:
    handover = Handover(str(tmp_path / "h"))
    handover.put("web1", {"code": CODE})
    (path,) = tmp_path.glob("h-*/*")
    first = path.read_bytes()
    assert b"code" not in first
    assert CODE.encode() not in first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    handover.put("web1", {"code": CODE})
    assert path.read_bytes() != first  # the same twice does not look the same


def test_another_process_reads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handover = Handover(str(tmp_path / "h"))
    handover.put("web1", CODE)
    monkeypatch.setattr(ven_handover, "_KEY", b"another key")
    with pytest.raises(HandoverError, match="run the playbook again"):
        handover.get("web1")
    assert Handover(str(tmp_path / "h")).get("web1") is None


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    handover = Handover(str(tmp_path / "h"))
    handover.put("web1", CODE)
    (path,) = tmp_path.glob("h-*/*")
    found = bytearray(path.read_bytes())
    found[-1] ^= 1
    path.write_bytes(found)
    with pytest.raises(HandoverError):
        handover.get("web1")
