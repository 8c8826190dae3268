# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers, made readable."""

from __future__ import annotations

import html
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._core.errors import ApiError, ContractError
from plugins.module_utils._core.text import describe_errors, one_line
from plugins.module_utils._http import redact
from plugins.module_utils._http.redact import Secrets
from plugins.module_utils._http.response import Response, parse_errors


def answer(body: bytes = b"", headers: dict[str, str] | None = None) -> Response:
    return Response(200, headers or {}, body, "GET", "/orgs/1/labels")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'[{"token": "t", "message": "m"}]', "t (m)"),
        (b'[{"token": "t", "message": "m", "schema": {}}, {"token": "u", "message": null}]', "t (m); u"),
        (b'{"token": "t", "message": "m"}', "t (m)"),
        (b'{"message": "m"}', "m"),
        (b'{"token": "t"}', "t"),
        (b'[{"error": "e"}]', "e"),
        (b'{"error": "e"}', "e"),
        (b'[{"error": {"deep": ["x"]}}]', "{'deep': ['x']}"),
        (b"500", "500"),
        (b"0", "0"),
        (b'"words"', "words"),
        (b'["a", "b"]', "a; b"),
        (b'[[["deep"]]]', "[['deep']]"),
        (b'{"other": {"deep": [1]}}', '{"other": {"deep": [1]}}'),
        (b'[{"token": "", "message": ""}, {"token": "t"}]', '{"token": "", "message": ""}; t'),
        (b"null", ""),
        (b"[]", ""),
        (b"[null]", ""),
        (b"", ""),
        (b" \r\n\t ", ""),
        (b"plain\n\nwords", "plain words"),
        (
            b"<html><head><title>502 Bad\n Gateway &amp; more</title></head><body>x</body></html>",
            "502 Bad Gateway & more",
        ),
        (b"<HTML><TITLE lang='en'>Login</TITLE>", "Login"),
        (b"<html><body><h1>Not  Found</h1>nginx</body></html>", "Not Found nginx"),
        (b'[{"token": "t", "message": "a\\u0000b\\u001b[31mc\\nd\\u202ee\\ud800"}]', "t (a b [31mc d e)"),
        (b"\xff\xfe broken \x00", "\ufffd\ufffd broken"),
        (b"{not json", "{not json"),
        ('[{"message": "schlüssel"}]'.encode(), "schlüssel"),
    ],
)
def test_every_form_of_an_error(body: bytes, said: str) -> None:
    assert describe_errors(parse_errors(body)) == said


def test_many_errors_are_cut() -> None:
    body = json.dumps([{"token": f"t{number}", "message": "m"} for number in range(1000)]).encode()
    assert [error["token"] for error in parse_errors(body)] == [f"t{number}" for number in range(10)]


@pytest.mark.parametrize(
    "body",
    [b"x" * 1_000_000, b'"' + b"x" * 1_000_000 + b'"', b"[" * 1_000_000, b'{"a":' * 200_000, b"9" * 1_000_000],
    ids=["text", "string", "nested lists", "nested objects", "digits"],
)
def test_parse_errors_shortens_a_large_body(body: bytes) -> None:
    (error,) = parse_errors(body)
    assert len(error["message"]) == 500
    assert error["message"].endswith("…")


@pytest.mark.parametrize(
    "body",
    [b"<" * 1_000_000, b"<title>" * 150_000, b"<title " * 150_000, b"<title>" + b"<" * 1_000_000, b"<a" * 500_000],
    ids=lambda body: body[:9].decode(),
)
def test_hostile_markup_takes_linear_time(body: bytes) -> None:
    # By the square of the length, the larger part would take a hundred times as long.
    spent: list[float] = []
    for part in (body[:100_000], body):
        start = time.process_time()
        assert all(len(error["message"]) <= 500 for error in parse_errors(part))
        spent.append(time.process_time() - start)
    assert spent[1] < 40 * max(spent[0], 0.01)


@given(st.binary(max_size=200))
def test_no_bytes_are_a_crash(body: bytes) -> None:
    for error in parse_errors(body):
        assert set(error) == {"token", "message"}
        assert all(text.isprintable() for text in error.values())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["token", "message", "error", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(json_values)
def test_no_json_is_a_crash(value: Any) -> None:
    said = describe_errors(parse_errors(json.dumps(value).encode()))
    assert said.isprintable()


@pytest.mark.parametrize(
    ("value", "line"),
    [("a\r\nb", "a b"), ("  a \t b ", "a b"), (5, "5"), (None, "None"), ("x" * 500, "x" * 500), ("\x1b[0m", "[0m")],
)
def test_one_line(value: Any, line: str) -> None:
    assert one_line(value) == line


def test_one_line_is_bounded() -> None:
    assert one_line("x" * 501) == "x" * 499 + "…"


@pytest.mark.parametrize("sent", ["X-Request-Id", "x-request-id", "X-REQUEST-ID"])
@pytest.mark.parametrize("asked", ["X-Request-Id", "x-request-ID"])
def test_header_names_have_no_case(sent: str, asked: str) -> None:
    assert answer(headers={sent: "abc"}).header(asked) == "abc"
    assert answer(headers={sent: "abc"}).request_id == "abc"


def test_header_that_is_missing() -> None:
    assert answer().header("X-Total-Count") is None
    assert answer().request_id is None
    assert answer(headers={"X-Request-Id": ""}).request_id is None


def test_request_id_is_one_line() -> None:
    assert answer(headers={"X-Request-Id": "a\x00b"}).request_id == "a b"


def test_json() -> None:
    assert answer(b"[1]").json() == [1]
    assert answer(b'{"a": 1}').json_object() == {"a": 1}
    assert answer(b'[{"a": 1}]').json_objects() == [{"a": 1}]
    assert answer(b"[]").json_objects() == []


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff\x00", b"[" * 100_000])
@pytest.mark.parametrize("method", ["json", "json_object", "json_objects"])
def test_body_that_is_no_json(body: bytes, method: str) -> None:
    with pytest.raises(ContractError) as caught:
        getattr(answer(body, {"X-Request-Id": "r1"}), method)()
    assert str(caught.value) == (
        "unexpected answer 200 to GET /orgs/1/labels: the body is not valid JSON (X-Request-Id r1)"
    )
    assert caught.value.details() == {"method": "GET", "path": "/orgs/1/labels"}


@pytest.mark.parametrize(
    ("body", "method", "kind"),
    [(body, "json_object", "object") for body in (b"[]", b"5", b"null")]
    + [(body, "json_objects", "array of objects") for body in (b"{}", b"[1]", b"[{}, null]", b"null")],
)
def test_json_of_another_kind(body: bytes, method: str, kind: str) -> None:
    with pytest.raises(ContractError, match=f": the body is not a JSON {kind}$"):
        getattr(answer(body), method)()


@pytest.mark.parametrize(
    "half", [r"\ud83d", r"\uD83D", r"\uDe00", r"\udFFF", r"\uDAbc", r"\udbFf", r"\ud9aF", r"\uDCcc"]
)
def test_half_of_a_character_is_no_json(half: str) -> None:
    for body in (f'["{half}"]', f'{{"{half}": 1}}', f'["x {half} y"]'):
        with pytest.raises(ContractError, match="the body is not valid JSON"):
            answer(body.encode()).json()
    assert answer(rb'["\ud83d\ude00", "\\ud83d"]').json() == ["\U0001f600", r"\ud83d"]


def test_how_deep_json_may_be() -> None:
    assert answer(b"[" * 60 + b"]" * 60).json() != []
    for body in (b"[" * 61 + b"]" * 61, b'{"a":' * 60 + b"[]" + b"}" * 60):
        with pytest.raises(ContractError, match="the body is not valid JSON"):
            answer(body).json()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_no_json(number: str) -> None:
    with pytest.raises(ContractError, match="the body is not valid JSON"):
        answer(f"[{number}]".encode()).json()


def test_a_page_is_read_up_to_ten_thousand_characters() -> None:
    filler = " " * (10_000 - len("<title>Word</title>"))
    assert parse_errors(f"x{filler}<title>Word</title>".encode())[0]["message"] == "x"
    assert parse_errors(f"<i>{filler[3:]}<title>Word</title>".encode())[0]["message"] == "Word"


@pytest.mark.parametrize("status", [201, 202, 204, 206])
def test_only_200_stands_for_a_list(status: int) -> None:
    with pytest.raises(ContractError, match=f"answer {status} to GET /x: a list comes with 200$"):
        Response(status, {}, b"[]", "GET", "/x").json_objects()


def test_errors_are_found_by_token_or_message() -> None:
    error = ApiError("m", "POST", "/x", 406, [{"token": "Some_Token", "message": "Hard Limit reached"}], "r1")
    assert error.has("hard limit reached")
    assert error.has("some_token")
    assert not error.has("other")
    assert error.details() == {
        "method": "POST",
        "path": "/x",
        "status": 406,
        "errors": [{"token": "Some_Token", "message": "Hard Limit reached"}],
        "request_id": "r1",
    }


@pytest.mark.parametrize(
    "secret", ['Corr"ect\\Horse', "Pässwörd-geheim", 'line "one" of it\nline "two" of it', "a&b<c>d"]
)
def test_a_secret_is_taken_out_however_it_is_escaped(secret: str) -> None:
    sent = {"controller": {"password": secret}}
    for ascii_only in (True, False):
        body = json.dumps(sent, ensure_ascii=ascii_only)
        for text in (body, json.dumps([{"message": body}], ensure_ascii=ascii_only), f"<p>{html.escape(secret)}</p>"):
            shown = str(parse_errors(Secrets([secret]).without(text).encode()))
            assert "********" in shown
            for part in ("Corr", "Horse", "geheim", "of it", "b<c"):
                assert part not in shown


@pytest.mark.parametrize(
    ("secret", "repeated"),
    [
        ("geheim/ü", "geheim%2F%C3%BC"),
        ("two words", "two%20words"),
        ("a/b c", "a%2Fb%20c"),
        ("esc\x1bape", r"esc\x1bape"),
        ("two words", "two+words"),
        ("geheim", "Z2VoZWlt"),
        ("tab\there", "tab\\there"),
        ("ü\ttab", r"\u00fc\ttab"),
        ("ü\ttab", r"ü\ttab"),
        ("ü\ttab", r"\\u00fc\\ttab"),
        ("ü\ttab", r"ü\\ttab"),
        ("ü\ttab", r"\u00fc\\ttab"),
        ("it's 5<6", "it&#x27;s 5&lt;6"),
        ("it's 5<6", "it&#39;s 5&lt;6"),
        ("it's 5<6", "it&apos;s 5&lt;6"),
        ("it's 5<6", "it's 5&lt;6"),
        ('say "5<6"', "say &quot;5&lt;6&quot;"),
        ('say "5<6"', 'say "5&lt;6"'),
        ("  spaces around ", "spaces around"),
        ("over\n  two", "over two"),
        ("a key of eight\n12345678\n", "12345678"),
        ("half \udcff", "half ?"),
        ("half \udcff", "half%20%3F"),
        ("half \udcff", "half+%3F"),
        ("half \udcff", "aGFsZiD/"),
    ],
)
def test_each_form_of_a_secret(secret: str, repeated: str) -> None:
    assert Secrets([secret]).without(f"<{repeated}>".replace("half ?", secret)) == "<********>"


@pytest.mark.parametrize("secret", ["", "   ", "a key of seven\n1234567\n"])
def test_what_is_short_takes_nothing_out(secret: str) -> None:
    assert Secrets([secret]).without("no 1234567 here") == "no 1234567 here"


def test_the_forms_of_many_secrets_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    forms = redact._all_forms

    def counting(secret: str) -> set[str]:
        made.append(secret)
        return forms(secret)

    monkeypatch.setattr(redact, "_all_forms", counting)
    secrets = Secrets(["first-secret"])
    secrets.add(["second-secret"])
    assert made == []
    for _look in range(3):
        assert secrets.without("first-secret second-secret third-secret") == "******** ******** third-secret"
    secrets.add(["third-secret", "first-secret"])
    assert secrets.without("first-secret second-secret third-secret") == "******** ******** ********"
    assert sorted(made) == ["first-secret", "second-secret", "third-secret"]


def test_secrets_replace_the_longest_first_whenever_added() -> None:
    secrets = Secrets(["s3cret"])
    assert secrets.without("s3cret") == "********"
    secrets.add(["s3cret-and-more"])
    assert secrets.without("s3cret-and-more") == "********"
