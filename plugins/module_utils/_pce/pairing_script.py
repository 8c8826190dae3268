# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The script with which a host pairs itself (source: PCE REST API, Pairing a host)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.errors import ApiError, OptionError, RequestError
from . import hrefs
from .api import Pce
from .pairing_profile import PAIRING_PROFILE

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "profile_href": {"type": "str", "required": True},
    "script": {"type": "str", "choices": ["pair.sh", "pair.ps1"], "default": "pair.sh"},
    "api_version": {"type": "int", "default": 18},
}


def fetch_script(pce: Pce, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the module's result: the script's text and the server that it is called with.

    The PCE asks no credentials for it, so none are sent. Raises OptionError and the errors of the transport.
    """
    pce.check_reference(PAIRING_PROFILE, "profile_href", params["profile_href"])
    version = params["api_version"]
    if not 1 <= version <= 999:
        raise OptionError("api_version", f"must be 1 to 999, not {version}")
    query = {"pair_script": params["script"], "profile_id": hrefs.id_of(params["profile_href"])}
    try:
        response = pce.http.get(f"/api/v{version}/software/ven/image", query, authenticate=False)
    except ApiError as error:
        if error.status != 404:
            raise
        raise RequestError(
            f"the PCE has no {params['script']} for {params['profile_href']} at api_version {version}: {error}",
            error.method,
            error.path,
        ) from error
    try:
        text = response.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise response.contract_error(f"the body is not {params['script']}, since it is not UTF-8") from error
    # What comes back is run as root, and a login page of a proxy is no script.
    if not text.strip() or text.lstrip("\ufeff \r\n\t").startswith("<"):
        raise response.contract_error(f"the body is not {params['script']}")
    return {
        "changed": False,
        "pairing_script": {
            "name": params["script"],
            "content": text,
            "management_server": pce.management_server,
        },
    }
