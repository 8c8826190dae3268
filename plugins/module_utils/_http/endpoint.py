# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a server is, and how to speak to it."""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from .._core.errors import OptionError
from .._core.text import one_line


@dataclass(frozen=True)
class Endpoint:
    """Where a server is and how to speak to it.

    ``url`` is the base of all paths, ``title`` the server's name in messages ("PCE"), ``address_options`` the options
    that say where it is, ``credential_options`` those that are ``user`` and ``password``. ``user`` None means no
    authentication. ``ca_path`` None means the environment's CA bundle, else that of requests. ``timeout`` and
    ``deadline`` are seconds: of silence on a connection, and for all that the task does. ``max_requests_per_minute`` 0
    means no limit. ``hints`` gives for an HTTP status what the user should check. ``write_status`` is the status by
    which this API answers a PUT or DELETE, without a body, None if that is not documented.
    """

    url: str
    title: str
    address_options: str
    credential_options: tuple[str, str] = ("user", "password")
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    validate_certs: bool = True
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    proxy: str | None = field(default=None, repr=False)
    use_proxy: bool = True
    timeout: float = 30.0
    deadline: float = 300.0
    max_requests_per_minute: int = 0
    hints: Mapping[int, str] = field(default_factory=dict)
    write_status: int | None = None

    @property
    def location(self) -> str:
        """The host and port of the server, as ``url`` has them."""
        return urlsplit(self.url).netloc

    def check(self) -> None:
        """Raise OptionError for what can be known to be wrong before any request."""
        self._check_credentials()
        for option in ("timeout", "deadline"):
            if not 0 < getattr(self, option) <= 86400:
                raise OptionError(option, "must be a number of seconds above 0 and at most 86400")
        self._check_files()
        self._check_certificates()
        if self.proxy:
            if not self.use_proxy:
                raise OptionError("proxy", "cannot be combined with use_proxy: false")
            if not is_web_address(self.proxy):
                raise OptionError("proxy", "must be a URL such as http://proxy.example.com:3128")

    def _check_credentials(self) -> None:
        """Raise OptionError for what basic authentication cannot carry (RFC 7617): a server would read it otherwise."""
        user_option, password_option = self.credential_options
        for option, text in ((user_option, self.user or ""), (password_option, self.password or "")):
            if not is_sendable(text) or any(ord(char) < 32 or ord(char) == 127 for char in text):
                raise OptionError(option, "must not contain control characters or unpaired surrogates")
        if ":" in (self.user or ""):
            raise OptionError(user_option, "must not contain a colon: for a server the password begins there")

    def _check_files(self) -> None:
        """Raise OptionError for files that cannot be read. A FIFO or a device could hang beyond the deadline."""
        for option in ("ca_path", "client_cert", "client_key"):
            path = getattr(self, option)
            if path and not _is_readable(path):
                raise OptionError(option, f"{path} does not exist or cannot be read")
            if path and not os.path.isfile(path):
                raise OptionError(option, f"{path} is not a regular file")
        if self.client_key and not self.client_cert:
            raise OptionError("client_key", "requires client_cert")
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            bundle = os.environ.get(name)
            if bundle and self.validate_certs and not self.ca_path and not _is_ca_bundle(bundle):
                raise OptionError("ca_path", f"is not set, and {name} names a file that cannot be read")

    def _check_certificates(self) -> None:
        """Raise OptionError for files that contain no certificates or keys: OpenSSL's own words name no option."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        asked: list[bool] = []

        def passphrase() -> str:
            asked.append(True)
            return ""

        option = "ca_path"
        try:
            if self.ca_path:
                context.load_verify_locations(cafile=self.ca_path)
            if self.client_cert:
                option = "client_cert"
                context.load_verify_locations(cafile=self.client_cert)  # the certificate alone
                option = "client_key" if self.client_key else "client_cert"
                context.load_cert_chain(self.client_cert, self.client_key, password=passphrase)
        except OSError as error:
            problem = f"is not a usable PEM file: {one_line(error)}"
            if asked:
                problem = "is encrypted; use a key without a passphrase"
            elif getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
                problem = "is not the key of client_cert" if self.client_key else "holds a key of another certificate"
            raise OptionError(option, problem) from error


def is_sendable(text: str) -> bool:
    """Return True if a text can be encoded. Python's texts and JSON's escapes may contain unpaired surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def basic_authorization(user: str, password: str) -> str:
    """Return the header of basic authentication in UTF-8, which requests would not do."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def find_credentials(endpoint: Endpoint, proxies: Iterable[str]) -> set[str]:
    """Return the parts of credentials that a server or a proxy may repeat."""
    found = {endpoint.password} if endpoint.password else set()
    if endpoint.user:
        found.add(basic_authorization(endpoint.user, endpoint.password or "").partition(" ")[2])
    for proxy in proxies:
        login = proxy.rpartition("@")[0].rpartition("//")[2]
        found |= {login, unquote(login), unquote(login.partition(":")[2])}
    return found - {""}


def _is_readable(path: str) -> bool:
    try:
        return os.access(path, os.R_OK)
    except ValueError:  # a character that no path has
        return False


def _is_ca_bundle(path: str) -> bool:
    """Return True if ``path`` is readable and a file or directory, which requests can take for CAs."""
    return _is_readable(path) and (os.path.isfile(path) or os.path.isdir(path))


def is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def verify_argument(endpoint: Endpoint) -> bool | str:
    if not endpoint.validate_certs:
        return False
    return endpoint.ca_path or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True


def client_certificate(endpoint: Endpoint) -> str | tuple[str, str] | None:
    if endpoint.client_cert and endpoint.client_key:
        return endpoint.client_cert, endpoint.client_key
    return endpoint.client_cert
