# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one import of requests, urllib3 and http.client, or the reason why requests could not be imported.

The classes that the collection derives from are ``object`` then, so that every module can be imported.
"""

from __future__ import annotations

import traceback
from http.client import BadStatusLine, HTTPException, HTTPResponse, parse_headers

REQUESTS_IMPORT_ERROR: str | None
NOT_HTTP: tuple[type[Exception], ...]
try:
    import requests
    import urllib3
    import urllib3.exceptions
    from requests.adapters import HTTPAdapter
    from requests.utils import get_environ_proxies, select_proxy
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
except ImportError:
    REQUESTS_IMPORT_ERROR = traceback.format_exc()
    NOT_HTTP = ()
    get_environ_proxies = requests = select_proxy = urllib3 = None  # type: ignore[assignment]
    HTTPAdapter = HTTPConnection = HTTPSConnection = object  # type: ignore[assignment,misc]
    HTTPConnectionPool = HTTPSConnectionPool = object  # type: ignore[assignment,misc]
else:
    REQUESTS_IMPORT_ERROR = None
    # urllib3 before 1.26 passes on what Python says of a length that is no number.
    NOT_HTTP = (BadStatusLine, getattr(urllib3.exceptions, "InvalidChunkLength", ValueError))

__all__ = [
    "NOT_HTTP",
    "REQUESTS_IMPORT_ERROR",
    "HTTPAdapter",
    "HTTPConnection",
    "HTTPConnectionPool",
    "HTTPException",
    "HTTPResponse",
    "HTTPSConnection",
    "HTTPSConnectionPool",
    "get_environ_proxies",
    "parse_headers",
    "requests",
    "select_proxy",
    "urllib3",
]
