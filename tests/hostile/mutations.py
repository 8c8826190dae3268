"""What may go wrong with answers: strategies for the faults of a case."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.hostile.values import anything, texts

_BODIES: list[Any] = [
    None, True, False, 0, -1, 1.5, "", "x", [], {}, [[]], [None], [1], ["x"], [{}], [{}, None], {"a": []},
    {"href": "/orgs/1/pairing_profiles/2"}, [{"href": "/orgs/1/pairing_profiles/2"}],
    [{"token": "x", "message": {"a": [1]}}], [{"error": "\x1b[31m\n"}], {"message": "@@long 10000000@@"},
    "@@long 10000000@@", "@@deep 100000@@", "@@deep 900@@", "@@deep 400@@", {"a": "@@deep 700@@"}, "@@digits 5000@@",
    "@@raw NaN@@", "@@raw 1e999@@", ["@@raw {\"a\":1,\"a\":2}@@"], "@@raw [1,]@@", {"\ud800": "\udfff"},
    {"status": "failed", "result": {"message": "a\nb"}}, {"status": "done"}, {"status": "running"},
    {"status": "done", "result": {"href": "/orgs/2/datafiles/x"}}, {"status": "done", "result": {"href": "../../x"}},
    {"activation_code": ""}, {"activation_code": ["x"]}, {"activation_code": "a\n'; x"},
]  # fmt: skip
_VALUES: list[Any] = [
    None, True, False, 0, -1, 2**70, 1.5, "", "x", "\x00", "a\nb\x1b[0m", "\ud800", "\u202e", [], {}, [[]], [{}],
    "@@long 1000000@@", "@@deep 400@@", "@@deep 900@@", "@@digits 4000@@", "@@digits 5000@@", "@@raw NaN@@",
    "@@raw -Infinity@@", "@@raw 1e999@@", "/orgs/1/pairing_profiles/3", "/orgs/1/pairing_profiles/3/../2",
    "/orgs/2/pairing_profiles/2", "/orgs/1/labels/2", "/users/1", "https://evil.example/orgs/1/pairing_profiles/2",
    "//evil.example/x", "/orgs/1/pairing_profiles/2?x=1", "../i-2", "i-2", "i-1/../i-2", "i-1%2f", "PP", "PP-web",
    "web", "web1", "web2", "192.0.2.1", "192.0.2.2", "space1", "true", "1", "unpaired", "********", "Default", ["x"],
    {"href": "x"},
]  # fmt: skip
_HEADERS: dict[str, list[str]] = {
    "X-Total-Count": ["abc", "-1", "0", "1", "501", "1e3", "9" * 12, "9" * 13, "9" * 5000, "", " 3 ", "\u0663", "3, 4"],
    "Location": [
        "", "x", "//evil.example/orgs/1/jobs/1", "https://evil.example/api/v2/orgs/1/jobs/j-labels", "http://[::1",
        "/orgs/2/jobs/1", "/orgs/1/jobs/../../users", "/orgs/1/jobs/a%2fb", "/orgs/1/jobs/a?b", "\x01", "a" * 9000,
        "/orgs/1/jobs/j-labels", "/orgs/1/pairing_profiles/2",
    ],
    "Retry-After": [
        "0", "-1", "1", "abc", "9" * 400, "Wed, 21 Oct 2015 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 -2359",
        "Mon, 01 Jan 0001 00:00:00 +2359", "Mon, 99 Jan 2026 99:99:99 GMT", "1.5", "", "\u0661",
        "Mon, 1 Jan 1 1:1:1 +99999999",
    ],
    "X-Request-Id": ["", "a\x00b", "\x1b[31m", "a" * 9000, "\u202e", "%s%n", "'\"<script>"],
    "Content-Type": ["text/html", "", "application/json; charset=utf-16", "\x00", "a" * 9000, "multipart/x"],
    "Content-Length": ["0", "-1", "abc", "5, 7", "9" * 30, "1"],
    "Content-Encoding": ["gzip", "deflate", "br", "x", "gzip, gzip, gzip, gzip, gzip, gzip, gzip"],
    "Transfer-Encoding": ["chunked", "gzip", "x"],
    "Set-Cookie": ["a=b; Domain=evil.example", "\x00", ";;;=", "a" * 9000],
    "WWW-Authenticate": ["Basic realm=x", "Negotiate", "\x01"],
    "X-Odd": ["", "a" * 60000, "\x00"],
}  # fmt: skip
_STATUS = [*range(200, 209), 100, 101, 103, 199, 226, 299, 300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 406]
_STATUS += [409, 410, 415, 418, 429, 451, 500, 501, 502, 503, 504, 511, 599, 600, 999]
_RAW = ["", " ", "<html><title>log in\x1b[31m</title>", "\xff\xfe[\x00]\x00", "\xef\xbb\xbf[]",
        "[\"\xed\xa0\x80\"]", "[] []", "nul", "\x00", "<" * 20000, "[" * 5000, "{\"a\"", "\x1f\x8b\x08",
        "5\r\nhello\r\n0\r\n\r\n", "-1\r\n", "zz\r\n"]  # fmt: skip


def faults() -> st.SearchStrategy[list[dict[str, Any]]]:
    """Return one to three faults, each of one answer or of all."""
    return st.lists(_fault(), min_size=1, max_size=3)


def _fault() -> st.SearchStrategy[dict[str, Any]]:
    at = st.sampled_from([0, 0, 0, 1, 1, 2, 3, -1])
    values = st.one_of(st.sampled_from(_VALUES), st.sampled_from(_VALUES), texts(), anything())
    change = st.fixed_dictionaries(
        {
            "at": at,
            "kind": st.just("change"),
            "place": st.integers(0, 120),
            "how": st.sampled_from(["set", "set", "set", "set", "remove", "double", "rename"]),
            "value": values,
        }
    )
    swap = st.fixed_dictionaries(
        {"at": at, "kind": st.just("swap"), "place": st.integers(0, 3), "property": st.integers(0, 20)}
    )
    header = st.sampled_from(sorted(_HEADERS)).flatmap(
        lambda name: st.fixed_dictionaries(
            {
                "at": at,
                "kind": st.just("header"),
                "name": st.just(name),
                "value": st.one_of(
                    st.sampled_from(_HEADERS[name]), st.text(st.characters(codec="latin-1"), max_size=30)
                ).map(_in_one_line),
            }
        )
    )
    return st.one_of(
        change,
        change,
        change,
        swap,
        header,
        _of("body", at, st.one_of(st.sampled_from(_BODIES), anything())),
        _of("raw", at, st.one_of(st.sampled_from(_RAW), st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")))),
        _of("status", at, st.sampled_from(_STATUS)),
        st.fixed_dictionaries({"at": at, "kind": st.just("cut"), "place": st.integers(0, 2000)}),
    )


def _of(kind: str, at: st.SearchStrategy[int], value: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"at": at, "kind": st.just(kind), "value": value})


def _in_one_line(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")
