# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""User data with which a new machine pairs itself at its first boot. Pure functions over text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from shlex import quote
from typing import Any

from . import ven

CLOUD_INIT = "cloud-init"
POWERSHELL = "powershell"

MAX_BYTES = 16384
"""What the large clouds take as user data."""

_PROFILE = re.compile(r"/orgs/[1-9][0-9]*/pairing_profiles/([1-9][0-9]*)")


def user_data(
    form: str, pairing: ven.Pairing, code: str, profile_href: str, api_version: int, environment: Mapping[str, str]
) -> str:
    """Return user data of the form cloud-init or powershell. Raise ValueError for what cannot be right."""
    found = _PROFILE.fullmatch(profile_href)
    if found is None:
        raise ValueError(f"profile_href must be the HREF of a pairing profile, not {profile_href!r}")
    if not re.fullmatch(r"[^\s/@]+:[0-9]{1,5}", pairing.server):
        raise ValueError(f"management_server must be HOST:PORT, not {pairing.server!r}")
    if not re.fullmatch(r"[\x21-\x7e]{1,512}", code):
        raise ValueError("activation_code must be a string of printable ASCII characters")
    script = ven.PAIR_SH if form == CLOUD_INIT else ven.PAIR_PS1
    url = f"https://{pairing.server}/api/v{api_version}/software/ven/image?pair_script={script}&profile_id={found.group(1)}"
    text = _cloud_init(pairing, code, url, environment) if form == CLOUD_INIT else _powershell(pairing, code, url)
    size = len(text.encode())
    if size > MAX_BYTES:
        raise ValueError(f"the user data would have {size} bytes, and clouds take {MAX_BYTES}")
    return text


def boot_script(pairing: ven.Pairing, code: str, url: str, environment: Mapping[str, str]) -> str:
    """Return the POSIX script that downloads the PCE's pairing script and runs it."""
    exports = "".join(f"export {quote(f'{name}={value}')}\n" for name, value in environment.items())
    insecure = " --insecure" if pairing.insecure else ""
    proxy = f" --proxy {quote(pairing.proxy)}" if pairing.proxy else ""
    words = " ".join(quote(word) for word in ven.with_code(pairing.words(), code))
    return f"""\
set -u
umask 077
{exports}directory=$(mktemp -d) || exit 70
trap 'rm -rf -- "$directory"' EXIT
curl --fail --silent --show-error --retry 5{insecure}{proxy} --output "$directory/pair.sh" {quote(url)} || exit
chmod 0700 "$directory/pair.sh"
"$directory/pair.sh" {words} </dev/null
"""


def _cloud_init(pairing: ven.Pairing, code: str, url: str, environment: Mapping[str, str]) -> str:
    # JSON is YAML. No write_files: nothing that holds the code should stay beside cloud-init's own copy.
    config = {"runcmd": [["/bin/sh", "-c", boot_script(pairing, code, url, environment)]]}
    return f"#cloud-config\n{json.dumps(config, indent=2)}\n"


def _powershell(pairing: ven.Pairing, code: str, url: str) -> str:
    options = pairing.windows_options()
    words = [f"-management-server {_literal(pairing.server)}", f"-activation-code {_literal(code)}"]
    words += [f"-{name}" if value is True else f"-{name} {_literal(value)}" for name, value in options.items()]
    proxy = f" -Proxy {_literal(f'http://{pairing.proxy}')}" if pairing.proxy else ""
    return f"""\
<powershell>
$ErrorActionPreference = 'Stop'
$protocols = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType] 3072
[Net.ServicePointManager]::SecurityProtocol = $protocols
Set-ExecutionPolicy -Scope Process -ExecutionPolicy RemoteSigned -Force
$file = Join-Path -Path $env:TEMP -ChildPath ([Guid]::NewGuid().ToString() + '.ps1')
try {{
    Invoke-WebRequest -UseBasicParsing{proxy} -Uri {_literal(url)} -OutFile $file
    & $file {" ".join(words)}
}}
finally {{
    Remove-Item -LiteralPath $file -Force -ErrorAction SilentlyContinue
}}
</powershell>
"""


def _literal(value: Any) -> str:
    """Return a PowerShell literal: within single quotes only these have a meaning."""
    text = re.sub("['\u2018\u2019\u201a\u201b]", lambda found: found.group() * 2, str(value))
    if re.search("[\r\n]", text):
        raise ValueError(f"must not have line breaks: {value!r}")
    return f"'{text}'"
