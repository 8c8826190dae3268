# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The address of a controller: an IP address, a host name or a URL, in one spelling (source: pe-api.md)."""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"https": 443, "http": 80}
_MAX_HOST_LENGTH = 253
_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"


def parse_controller(value: str) -> str:
    """Return the canonical spelling of a controller. Raise ValueError, in words, for a value that cannot be one.

    A URL stays a URL, since it is not known whether servers take one for its host name.
    """
    text = value.strip()
    if not text:
        raise ValueError("must not be empty")
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("must be ASCII without spaces; write an international host name in its xn-- form")
    if "@" in text:
        # The value is not repeated: it may contain a password.
        raise ValueError("must not contain a user or password; use controller_username and controller_password")
    return _parse_url(text) if "://" in text else parse_host(text)


def parse_host(text: str) -> str:
    """Return the canonical spelling of an IP address or a host name. Raise ValueError for anything else.

    An IPv4 address that is written as an IPv6 address (::ffff:192.0.2.1) is the IPv4 address.
    """
    bracketed = re.fullmatch(r"\[([^\[\]]*)\]", text)
    if bracketed or text.count(":") > 1:
        try:
            address = ipaddress.IPv6Address(bracketed[1] if bracketed else text)
        except ValueError as error:
            raise ValueError(f"must be an IP address, a host name or a URL, not {text!r}") from error
        return str(address.ipv4_mapped or address)
    host = text.lower().removesuffix(".")
    if re.fullmatch(r"(?:.*\.)?[0-9]+", host):
        try:
            return str(ipaddress.IPv4Address(text))
        except ValueError as error:
            raise ValueError(f"must be an IP address, a host name or a URL, not {text!r}") from error
    if ":" in text:
        raise ValueError(f"must not contain a port ({text!r}); use controller_port")
    if len(host) > _MAX_HOST_LENGTH or not re.fullmatch(rf"{_LABEL}(?:\.{_LABEL})*", host):
        raise ValueError(f"must be an IP address, a host name or a URL, not {text!r}")
    return host


def read_controller(value: Any) -> str | None:
    """Return a server's controller in its canonical spelling, None where it shows no text."""
    if not isinstance(value, str):
        return None
    is_decimal = re.fullmatch(r"[0-9.]+", value.strip()) is not None
    try:
        # Python refuses leading zeros, which some take for octal numbers; servers that show them mean decimal ones.
        return parse_controller(re.sub(r"(?<![0-9])0+(?=[0-9])", "", value) if is_decimal else value)
    except ValueError:
        return value


def _parse_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"is not a valid URL: {text!r}") from error
    default_port = _DEFAULT_PORTS.get(parts.scheme)
    if default_port is None or not parts.hostname:
        raise ValueError(f"must be a URL such as https://controller.example.com, not {text!r}")
    if parts.query or parts.fragment:
        raise ValueError(f"must not contain a query or fragment, not {text!r}")
    if port == 0:
        raise ValueError(f"has a port that is not 1 to 65535: {text!r}")
    host = parse_host(f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname)
    where = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{where}{'' if port in (None, default_port) else f':{port}'}{parts.path.rstrip('/')}"
