# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the body of a response within bounds: bytes, and JSON values, are counted while it is decompressed.

A body of 61 kB may be 60 MB once it is decompressed, and several gigabytes once it is parsed. The limits stop the
reading as soon as one is passed, so that what is too much is never in memory. ``urllib3`` 1.26 decompresses as much at
once as the server likes, so it is done here.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import Any, Callable

from .._core.text import one_line

MAX_RESPONSE_BYTES = 256 * 1024 * 1024
MAX_JSON_VALUES = 8_000_000
"""25,000 workloads of a PCE were measured as 103 MB and 4,250,000 values, and took 430 MB of memory when parsed."""
MAX_ERROR_BYTES = 1024 * 1024

ACCEPTED_ENCODING = "gzip"

_CHUNK_BYTES = 64 * 1024
_PIECE_BYTES = 256 * 1024
_COMPRESSED = ("gzip", "x-gzip", "deflate")
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class BrokenBodyError(Exception):
    """A compressed body that ends too early, or cannot be decompressed."""


class RefusedBodyError(Exception):
    """A body that is not read: it is too large, or in an encoding that was not asked for."""


def read_body(raw: Any, ensure_running: Callable[[], None]) -> bytes:
    """Return the body of urllib3's response ``raw``, decompressed. Raise BrokenBodyError or RefusedBodyError.

    ``ensure_running`` is called for each piece, and raises an error of its own to end the reading. Of an error only the
    beginning is read: its status is clear, however long its page is.
    """
    raw.enforce_content_length = True  # urllib3 1.26 takes a body that ends too early for a whole one otherwise
    chunks = raw.stream(_CHUNK_BYTES, decode_content=False)
    encoding = (raw.headers.get("Content-Encoding") or "identity").strip().lower()
    if encoding in _COMPRESSED:
        chunks = _decompress(chunks)
    elif encoding != "identity":
        raise RefusedBodyError(f"has the Content-Encoding {one_line(encoding, 50)}, which was not asked for")
    body = io.BytesIO()
    values = 0
    for chunk in chunks:
        ensure_running()
        body.write(chunk)
        if raw.status >= 300 and body.tell() > MAX_ERROR_BYTES:
            return body.getvalue()[:MAX_ERROR_BYTES]
        values += _count_values(chunk)
        if body.tell() > MAX_RESPONSE_BYTES:
            raise RefusedBodyError(f"is larger than {MAX_RESPONSE_BYTES} bytes")
        if values > MAX_JSON_VALUES:
            raise RefusedBodyError(f"has more than {MAX_JSON_VALUES} JSON values")
    raw.release_conn()  # so that the next request can use the connection
    return body.getvalue()


def _count_values(text: bytes) -> int:
    """Return at least the number of JSON values in a part of a body; commas and brackets in texts count too."""
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def _decompress(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield decompressed pieces of a bounded size. Raise BrokenBodyError if the data is broken or cut off."""
    stream = zlib.decompressobj(_GZIP_OR_ZLIB)
    is_empty = True
    try:
        for chunk in chunks:
            data = chunk
            while data:
                is_empty = False
                if stream.eof:
                    if not data.startswith(b"\x1f"):  # padding, no further member
                        break
                    stream = zlib.decompressobj(_GZIP_OR_ZLIB)
                yield stream.decompress(data, _PIECE_BYTES)
                data = stream.unconsumed_tail or stream.unused_data
        while not (is_empty or stream.eof):
            piece = stream.decompress(b"", _PIECE_BYTES)
            if not piece:
                raise BrokenBodyError("the compressed body was cut off")
            yield piece
    except zlib.error as error:
        raise BrokenBodyError("the body cannot be decompressed") from error
