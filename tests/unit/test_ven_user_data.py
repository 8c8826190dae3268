# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""User data with which a machine pairs itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugins.plugin_utils import ven, ven_user_data

CODE = "0123456789abcdef" * 5
HREF = "/orgs/1/pairing_profiles/24"


def create(form: str = "cloud-init", **more: Any) -> str:
    pairing = ven.Pairing(**{"server": "pce.example.com:8443", **more})
    return ven_user_data.user_data(form, pairing, CODE, HREF, 25, {"COLOUR": "it's red"})


def test_cloud_init_runs_the_pairing_script(tmp_path: Path) -> None:
    """Its script is run, with a stand-in for curl that downloads a script that notes its arguments."""
    text = create(proxy="proxy:1", insecure=True, labels={"role": "a'b; $(x)"}, arguments=["--more"])
    assert text.startswith("#cloud-config\n")
    (command,) = yaml.safe_load(text)["runcmd"]
    curl = tmp_path / "curl"
    (tmp_path / "pair").write_text(f'#!/bin/sh\nprintf "%s\\n" "$COLOUR" "$@" >{tmp_path}/script\n')
    curl.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/curled\nwhile [ "$1" != --output ]; do shift; done\n'
        f'cp {tmp_path}/pair "$2"\n'
    )
    curl.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    subprocess.run(command, env=env, check=True)
    curled = (tmp_path / "curled").read_text().splitlines()
    url = "https://pce.example.com:8443/api/v25/software/ven/image?pair_script=pair.sh&profile_id=24"
    assert curled[-1] == url
    assert {"--insecure", "--fail"} <= {*curled}
    assert curled[curled.index("--proxy") + 1] == "proxy:1"
    assert (tmp_path / "script").read_text().splitlines() == [
        *("it's red", "--management-server", "pce.example.com:8443", "--activation-code", CODE),
        *("--proxy-server", "proxy:1", "--insecure", "--role", "a'b; $(x)", "--more"),
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curl", "curled", "pair", "script"]


def test_cloud_init_fails_without_the_script(tmp_path: Path) -> None:
    (command,) = yaml.safe_load(create())["runcmd"]
    (tmp_path / "curl").write_text("#!/bin/sh\nexit 22\n")
    (tmp_path / "curl").chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    assert subprocess.run(command, env=env, check=False).returncode == 22
    assert [path.name for path in tmp_path.iterdir()] == ["curl"]


def test_powershell_quotes_every_value() -> None:
    text = create("powershell", proxy="proxy:1", mode="idle", labels={"role": "it's \u2019x"})
    assert text.startswith("<powershell>\n")
    assert text.endswith("</powershell>\n")
    assert f"-management-server 'pce.example.com:8443' -activation-code '{CODE}'" in text
    assert "-proxy-server 'proxy:1' -enforcement_mode 'idle' -role 'it''s \u2019\u2019x'" in text
    assert "-Uri 'https://pce.example.com:8443/api/v25/software/ven/image?pair_script=pair.ps1&profile_id=24'" in text
    assert "-Proxy 'http://proxy:1'" in text


@pytest.mark.parametrize("form", ["cloud-init", "powershell"])
def test_user_data_has_at_most_16_kilobytes(form: str) -> None:
    assert len(create(form).encode()) < ven_user_data.MAX_BYTES
    with pytest.raises(ValueError, match="bytes, and clouds take 16384"):
        create(form, arguments=["-x", "y" * ven_user_data.MAX_BYTES])


@pytest.mark.parametrize(
    ("server", "code", "href", "words"),
    [
        ("pce", CODE, HREF, "management_server must be HOST:PORT"),
        ("a@pce:1", CODE, HREF, "management_server must be HOST:PORT"),
        ("pce:1", "", HREF, "activation_code must be"),
        ("pce:1", "a\nb", HREF, "activation_code must be"),
        ("pce:1", CODE, "/orgs/1/labels/7", "profile_href must be the HREF of a pairing profile"),
    ],
)
def test_user_data_refuses_what_cannot_be_right(server: str, code: str, href: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        ven_user_data.user_data("cloud-init", ven.Pairing(server), code, href, 18, {})
    assert CODE not in str(caught.value)


def test_powershell_refuses_line_breaks() -> None:
    with pytest.raises(ValueError, match="must not have line breaks"):
        create("powershell", labels={"role": "a\nb"})
