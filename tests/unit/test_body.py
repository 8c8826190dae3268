# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bodies: compressed or not, broken or too large, always within bounds."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from plugins.module_utils._core.errors import (
    ApiError,
    ContractError,
    DeadlineError,
    RequestError,
    UnknownOutcomeError,
)
from plugins.module_utils._http import body as body_module
from plugins.module_utils._http.body import MAX_JSON_VALUES, MAX_RESPONSE_BYTES
from plugins.module_utils._http.response import Response
from plugins.module_utils._http.retry import ATTEMPTS

from .clients import Clock, make, make_timed
from .loopback import Canned, Loopback, hang_up

GZIP = {"Content-Encoding": "gzip"}
CONTENT = json.dumps([{"name": f"workload-{number}"} for number in range(2000)]).encode()


def chunked(data: bytes, ending: bytes = b"0\r\n\r\n") -> Any:
    """Return a behaviour that answers with gzip in chunks."""

    def answer(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.send_header("Content-Encoding", "gzip")
        handler.end_headers()
        for start in range(0, len(data), 1000):
            part = data[start : start + 1000]
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        handler.wfile.write(ending)
        if not ending:
            hang_up(handler)

    return answer


def raw_deflate(data: bytes) -> bytes:
    return zlib.compress(data)[2:-4]


@pytest.mark.parametrize(
    ("encoding", "sent"),
    [
        ("gzip", gzip.compress(CONTENT)),
        ("GZIP ", gzip.compress(CONTENT)),
        ("x-gzip", gzip.compress(CONTENT)),
        ("deflate", zlib.compress(CONTENT)),
        ("identity", CONTENT),
        ("", CONTENT),
        ("gzip", gzip.compress(CONTENT[:50]) + gzip.compress(b"") + gzip.compress(CONTENT[50:])),
        ("gzip", gzip.compress(CONTENT) + b"\0" * 100),
    ],
    ids=["gzip", "case", "x-gzip", "deflate", "identity", "empty", "members", "padding"],
)
def test_body_is_decompressed(server: Loopback, clock: Clock, encoding: str, sent: bytes) -> None:
    server.script = [Canned(200, {"Content-Encoding": encoding}, sent)]
    client = make(server.url, clock)
    assert client.get("/x").body == CONTENT
    assert client.get("/x").body == CONTENT
    assert server.connections == 1
    assert server.seen[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("piece", [1, 7, 64])
def test_body_is_decompressed_in_pieces(
    server: Loopback, clock: Clock, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(body_module, "_PIECE_BYTES", piece)
    content = b"a" * 1000 + CONTENT[:300]
    server.script = [Canned(200, GZIP, gzip.compress(content)), chunked(gzip.compress(content))]
    client = make(server.url, clock)
    assert client.get("/x").body == content
    assert client.get("/x").body == content


def test_empty_body_needs_no_decompression(server: Loopback, clock: Clock) -> None:
    server.script = [Canned(204, GZIP), Canned(200, GZIP, b"")]
    client = make(server.url, clock)
    assert [client.get("/x").body for _time in range(2)] == [b"", b""]


CUT = gzip.compress(CONTENT)[:-9]
BROKEN = [
    Canned(200, GZIP, CUT),
    Canned(200, GZIP, gzip.compress(CONTENT)[:5]),
    Canned(200, GZIP, b"no gzip at all"),
    Canned(200, {"Content-Encoding": "deflate"}, raw_deflate(CONTENT)),
    chunked(CUT),
    chunked(CUT, b""),
    chunked(gzip.compress(CONTENT), b""),
]


@pytest.mark.parametrize("broken", BROKEN)
def test_broken_body_is_a_broken_connection(server: Loopback, clock: Clock, broken: Any) -> None:
    server.script = [broken, Canned(200, GZIP, gzip.compress(CONTENT))]
    assert make(server.url, clock).get("/x").body == CONTENT
    server.seen.clear()
    server.script = [broken]
    with pytest.raises(RequestError, match="broke during GET /x: ") as caught:
        make(server.url, clock).get("/x")
    assert caught.type is RequestError
    assert len(server.seen) == ATTEMPTS


@pytest.mark.parametrize("broken", BROKEN)
def test_broken_body_of_a_post_is_unknown(server: Loopback, clock: Clock, broken: Any) -> None:
    server.script = [broken]
    with pytest.raises(UnknownOutcomeError) as caught:
        make(server.url, clock).request("POST", "/x", body={})
    assert caught.value.may_be_under_way
    assert len(server.seen) == 1


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "s3cret"])
def test_encoding_that_was_not_asked_for_is_refused(server: Loopback, clock: Clock, encoding: str) -> None:
    server.script = [Canned(200, {"Content-Encoding": encoding}, b"x")]
    with pytest.raises(ContractError, match="the response to GET /x has the Content-Encoding "):
        make(server.url, clock).get("/x")
    assert len(server.seen) == 1
    with pytest.raises(UnknownOutcomeError) as caught:
        make(server.url, clock).request("POST", "/x")
    assert not caught.value.may_be_under_way


# Bounds.


def packed(piece: bytes, count: int) -> bytes:
    """Return ``piece`` repeated in gzip, made without the whole of it in memory."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block, rest = divmod(count, 10_000)
    parts = [packer.compress(piece * 10_000) for _block in range(block)]
    return b"".join([*parts, packer.compress(piece * rest), packer.flush()])


@pytest.fixture
def peak() -> Iterator[Any]:
    """Give a function that returns the most memory that Python had since the test began, in MB."""
    tracemalloc.start()
    tracemalloc.reset_peak()
    yield lambda: tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()


@pytest.mark.parametrize("piece", [b"{},", b"[],", b"1,", b'{"a":1},'], ids=["objects", "lists", "numbers", "members"])
def test_bomb_of_values_is_refused_before_it_is_in_memory(
    server: Loopback, clock: Clock, piece: bytes, peak: Any
) -> None:
    server.script = [Canned(200, GZIP, packed(piece, 60_000_000 // len(piece)))]
    with pytest.raises(ContractError) as caught:
        make(server.url, clock).get("/x").json()
    assert str(caught.value) == f"the response to GET /x has more than {MAX_JSON_VALUES} JSON values"
    # What was read until then: a few bytes a value.
    assert peak() < 80
    assert len(server.seen) == 1


def test_bomb_is_refused_within_the_deadline(server: Loopback) -> None:
    server.script = [Canned(200, GZIP, packed(b"{},", 20_000_000))]
    with pytest.raises((ContractError, DeadlineError)):
        make_timed(server.url, deadline=30.0).get("/x").json()


def test_one_chunk_is_not_decompressed_at_once(
    server: Loopback, clock: Clock, monkeypatch: pytest.MonkeyPatch, peak: Any
) -> None:
    """60 kB may be 60 MB, which urllib3 1.26 would make at once."""
    monkeypatch.setattr(body_module, "MAX_RESPONSE_BYTES", 1_000_000)
    server.script = [Canned(200, GZIP, packed(b" ", 60_000_000))]
    with pytest.raises(ContractError, match="is larger than 1000000 bytes"):
        make(server.url, clock).get("/x")
    assert peak() < 10


@pytest.mark.parametrize("size", [10, 11])
@pytest.mark.parametrize("headers", [{}, GZIP])
def test_limit_of_values_counts_all_of_them(
    server: Loopback, clock: Clock, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], size: int
) -> None:
    monkeypatch.setattr(body_module, "MAX_JSON_VALUES", 10)
    value = [1] * size
    content = json.dumps(value).encode()
    server.script = [Canned(200, headers, gzip.compress(content) if headers else content)]
    if size == 10:
        assert make(server.url, clock).get("/x").json() == value
    else:
        with pytest.raises(ContractError, match="has more than 10 JSON values"):
            make(server.url, clock).get("/x")


def _workload(number: int) -> dict[str, Any]:
    """Return a workload with as much in it as a PCE shows in a list, with four interfaces and six labels."""
    href, moment = f"/orgs/1/agents/{number}", "2026-06-07T16:14:31.378648Z"
    uid = f"{number:08x}-b293-4dbd-a6c0-124b8a43a589"
    interface = {
        "name": "eth0",
        "address": "10.255.255.1",
        "cidr_block": 24,
        "default_gateway_address": "10.255.255.254",
    }
    more = {
        "link_state": "up",
        "network": {"href": f"/orgs/1/networks/{uid}"},
        "network_detection_mode": "single_private_brn",
    }
    times = dict.fromkeys(("refresh_at", "applied_at", "received_at", "last_heartbeat_on", "managed_since"), moment)
    health = {"agent_health_errors": {"errors": [], "warnings": []}, "agent_health": [], "fw_config_current": True}
    status = {"status": "active", "uid": uid, "instance_id": uid, "agent_version": "24.2.10-7831", **times, **health}
    config = {"mode": "illuminated", "log_traffic": False, "visibility_level": "flow_summary"}
    labels = [{"href": f"/orgs/1/labels/{label}", "key": "environment", "value": "production"} for label in range(6)]
    texts = dict.fromkeys(
        ("os_detail", "os_id", "data_center", "service_provider", "description"), "3.10.0-1160.el7.x86_64"
    )
    nothing = dict.fromkeys([f"property_{name}" for name in range(30)])
    return {
        "href": f"/orgs/1/workloads/{uid}",
        "hostname": f"web-{number}.prod.example.com",
        "interfaces": [{**interface, **more}] * 4,
        "labels": labels,
        "agent": {"href": href, "config": config, "status": status, "type": "Host", "unpair_allowed": True},
        "ven": {"href": f"/orgs/1/vens/{uid}", "hostname": f"web-{number}.prod.example.com", "status": "active"},
        "created_by": {"href": href},
        "updated_by": {"href": href},
        **texts,
        **nothing,
    }


def test_limits_leave_room_for_25000_workloads() -> None:
    sample = json.dumps([_workload(number) for number in range(100)]).encode()
    assert 25_000 / 100 * len(sample) * 1.5 < MAX_RESPONSE_BYTES
    assert 25_000 / 100 * body_module._count_values(sample) * 1.5 < MAX_JSON_VALUES
    assert len(sample) / 100 > 2500


@pytest.mark.parametrize("status", [406, 500])
def test_error_of_megabytes_is_shown_by_its_beginning(server: Loopback, clock: Clock, peak: Any, status: int) -> None:
    server.script = [Canned(status, {}, b"[" + b"{}," * 4_000_000 + b"{}]")]
    with pytest.raises(ApiError) as caught:
        make(server.url, clock).get("/x")
    (error,) = caught.value.errors
    assert error["message"].startswith("[{},{},{},")
    assert len(error["message"]) == 500
    assert peak() < 100


def test_many_values_are_checked_without_copies(peak: Any) -> None:
    """The check of the depth keeps an iterator a level, and nothing of the level."""
    response = Response(200, {}, b"[" + b"[]," * 50_000 + b"[]]", "GET", "/x")
    value = response.json()
    assert len(value) == 50_001
    del value
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    response.json()
    parsed = 50_001 * (56 + 8)
    assert tracemalloc.get_traced_memory()[1] - before < parsed * 1.5
