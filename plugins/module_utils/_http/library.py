# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one import of requests and urllib3, or the reason why it failed."""

from __future__ import annotations

import traceback
from http.client import BadStatusLine

REQUESTS_IMPORT_ERROR: str | None
NOT_HTTP: tuple[type[Exception], ...]
try:
    import requests
    import urllib3
    import urllib3.exceptions
    from requests.utils import get_environ_proxies, select_proxy
except ImportError:
    REQUESTS_IMPORT_ERROR = traceback.format_exc()
    NOT_HTTP = ()
    get_environ_proxies = requests = select_proxy = urllib3 = None  # type: ignore[assignment]
else:
    REQUESTS_IMPORT_ERROR = None
    # urllib3 before 1.26 passes on what Python says of a length that is no number.
    NOT_HTTP = (BadStatusLine, getattr(urllib3.exceptions, "InvalidChunkLength", ValueError))

__all__ = ["NOT_HTTP", "REQUESTS_IMPORT_ERROR", "get_environ_proxies", "requests", "select_proxy", "urllib3"]
