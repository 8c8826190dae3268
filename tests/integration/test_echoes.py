"""Servers and proxies that repeat what they were sent, wherever an answer has room for it: no error shows a secret."""

from __future__ import annotations

import json
import secrets as random
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import trustme

from tests.integration.runner import module_output, run
from tests.integration.watched import forms, search
from tests.unit.loopback import Behaviour, Canned, Handler, Loopback, serving

Options = dict[str, Any]

USER = "api_0123456789abcdef"
SECRETS = {
    "API secret": f"{random.token_hex(8)}&'\"%\\/+{random.token_hex(8)}",
    "controller password": f"{random.token_hex(8)}<'\">{random.token_hex(8)}",
    "secret setting": f"{random.token_hex(12)}\n{random.token_hex(12)}",
    "proxy password": f"{random.token_hex(8)}@:'/&{random.token_hex(8)}",
}
INSTANCE = {
    "controller": "10.1.1.1",
    "controller_username": "admin",
    "controller_password": SECRETS["controller password"],
    "secret_settings": {"WORD": SECRETS["secret setting"]},
}
CONNECTOR = {
    "type": "Example Cloud",
    "controllerContexts": False,
    "additionalSettings": [{"name": "WORD", "type": "password", "required": True}],
}
NONE, TYPE = Canned(body=b"[]"), Canned(body=json.dumps(CONNECTOR).encode())

CASES: dict[str, tuple[str, Options, list[Behaviour]]] = {
    "GET": ("pce_pairing_profile_info", {}, []),
    "POST": ("pce_pairing_profile", {"name": "PP"}, [NONE]),
    "bulk": ("pce_pairing_profiles", {"pairing_profiles": [{"name": "PP"}]}, [NONE]),
    "key": ("pce_pairing_key", {"profile": "PP"}, []),
    "instance": ("pe_connector_instance", INSTANCE, [NONE, TYPE]),
    "instances": ("pe_connector_instances", {"connector_instances": [INSTANCE]}, [NONE, TYPE]),
}
"""Modules, their options, and what the server answers before it repeats what it was sent."""


def texts(*names: str) -> list[str]:
    """What a server can repeat of a request: the header, what it means, and each secret in each form."""
    login = [f"Basic {forms(SECRETS['API secret'], USER)['Basic']}", f"{USER}:{SECRETS['API secret']}"]
    return login + [text for name in ("API secret", *names) for text in forms(SECRETS[name]).values()]


SENT = {"pce": texts(), "pe": texts("controller password", "secret setting")}
"""What is known to the servers of each API."""


def lines(known: list[str]) -> list[str]:
    """All texts, in lines that are short enough not to be cut."""
    found = [""]
    for text in known:
        if len(found[-1]) + len(text) >= 400:
            found.append("")
        found[-1] += f"{text} "
    return found


def said(status: int, body: str, **headers: str) -> Canned:
    return Canned(status, headers, body.encode())


def in_a_line(text: str) -> str:
    """A text that can stand in a header."""
    return " ".join(text.split())


def raw(text: str) -> Callable[[Handler], None]:
    """An answer that is no HTTP, or hardly."""

    def behave(handler: Handler) -> None:
        handler.wfile.write(text.encode())
        handler.close_connection = True

    return behave


def entries(known: list[str]) -> str:
    return json.dumps([{"token": line, "message": line} for line in lines(known)[:10]])


Place = Callable[[list[str]], Behaviour]
PLACES: dict[str, Place] = {
    "list": lambda known: said(406, entries(known)),
    "other object": lambda known: said(409, json.dumps({"detail": lines(known)[0]})),
    "text": lambda known: said(400, lines(known)[0]),
    "HTML": lambda known: said(404, f"<p>{lines(known)[0]}</p>"),
    "title": lambda known: said(401, f"<html><head><title>{lines(known)[0]}</title></head></html>"),
    "request id": lambda known: said(406, "[]", **{"X-Request-Id": in_a_line(lines(known)[0])}),
    "request id of what is no JSON": lambda known: said(200, "no", **{"X-Request-Id": in_a_line(lines(known)[0])}),
    "redirect": lambda known: said(302, "", Location=f"https://{quote(known[0], safe='')}/x"),
    "redirect to a host": lambda known: said(302, "", Location=f"https://{known[0].split()[1]}/x"),
    "redirect to a user": lambda known: said(302, "", Location=f"https://{quote(known[1], safe='')}@x/"),
    "what is no JSON": lambda known: said(200, " ".join(known)),
    "JSON of another sort": lambda known: said(200, json.dumps(" ".join(known))),
    "status line": lambda known: raw(f"HTTP/1.1 {in_a_line(lines(known)[0])}\r\n\r\n"),
    "no HTTP": lambda known: raw(f"{in_a_line(lines(known)[0])}\r\n\r\n"),
    "header": lambda known: raw(f"HTTP/1.1 406 No\r\n{in_a_line(lines(known)[0])}\r\nContent-Length: 2\r\n\r\n[]"),
    "length of a chunk": lambda known: raw(
        f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{in_a_line(lines(known)[0])}\r\n"
    ),
    "encoding": lambda known: said(200, " ".join(known), **{"Content-Encoding": "gzip"}),
}

WHERE = [
    *((place, name) for place in PLACES for name in ("GET", "instance")),
    *(("list", name) for name in CASES if name not in ("GET", "instance")),
]


@pytest.fixture
def ca(tmp_path: Path) -> Iterator[tuple[Loopback, str]]:
    """A server, and the file of its CA."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with serving(context) as server:
        yield server, str(tmp_path / "ca.pem")


def options(module: str, server: Loopback, path: str, **more: Any) -> Options:
    """The connection options, with an API secret whatever the server is."""
    known: Options = {"ca_path": path, "deadline": 3, **more}
    if module.startswith("pe_"):
        login = {"connector_user": USER, "connector_password": SECRETS["API secret"]}
        return {**known, **login, "connector_url": server.url}
    port = server.server_address[1]
    return {**known, "pce_host": "127.0.0.1", "pce_port": port, "api_key": USER, "api_secret": SECRETS["API secret"]}


def printed(module: str, given: Options) -> str:
    """All that a module that fails prints, the options that it repeats too."""
    stdout, stderr = module_output(module, given)
    assert json.loads(stdout)["failed"], stdout
    assert "module_args" in stdout
    assert "Traceback" not in stdout + stderr
    return stdout + stderr


def leaked(text: str) -> set[str]:
    return search(text, SECRETS, USER) | search(text, {"proxy login": f"joe:{SECRETS['proxy password']}"})


@pytest.mark.parametrize(("place", "name"), WHERE)
def test_what_a_server_repeats_is_not_shown(ca: tuple[Loopback, str], place: str, name: str) -> None:
    server, path = ca
    module, own, before = CASES[name]
    server.script = [*before, PLACES[place](SENT[module.partition("_")[0]])]
    text = printed(module, {**options(module, server, path), **own})
    assert len(server.seen) > len(before)  # it came to the answer that is meant
    assert leaked(text) == set(), text


@pytest.mark.parametrize(("status", "by"), [(407, "option"), (502, "option"), (407, "environment")])
def test_what_a_proxy_repeats_is_not_shown(ca: tuple[Loopback, str], status: int, by: str) -> None:
    """A proxy gets its password in every request, and can answer with any words."""
    server, path = ca
    password = SECRETS["proxy password"]
    known = [f"joe:{password}", quote(f"joe:{password}", safe=""), *forms(password, "joe").values()]
    with serving() as proxy:
        url = f"http://joe:{quote(password, safe='')}@{proxy.address}"

        def refuse(handler: Handler) -> None:
            assert forms(password, "joe")["Basic"] in handler.headers["Proxy-Authorization"]
            handler.send_response(status, in_a_line(lines(known)[0]))
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        proxy.script = [refuse]
        for module in ("pce_pairing_profile_info", "pe_connector_instance_info"):
            given = options(module, server, path, **({"proxy": url} if by == "option" else {}))
            env = {"https_proxy": url} if by == "environment" else {}
            stdout, stderr = module_output(module, given, env=env)
            assert "the proxy did not connect to the" in stdout
            assert leaked(stdout + stderr) == set(), stdout
        assert server.connections == 0


@pytest.mark.parametrize(
    "url",
    ["https://joe:{0}@pce.example.com", "joe:{0}@pce.example.com", "http://joe:{0}@pce:8443/x?y", "https://{0}@pce"],
)
@pytest.mark.parametrize("bad", [{}, {"pce_port": "many", "timeout": "long"}], ids=["url", "more"])
def test_credentials_in_an_address_are_not_shown(ca: tuple[Loopback, str], url: str, bad: Options) -> None:
    server, path = ca
    for password in (SECRETS["API secret"], quote(SECRETS["proxy password"], safe="")):
        wrong = url.format(password)
        given = {**options("pce_label_info", server, path), "api_secret": "another", "pce_host": wrong, **bad}
        assert leaked(printed("pce_label_info", given)) == set()
        given = {**options("pe_connector_info", server, path), "connector_password": "another", "connector_url": wrong}
        assert leaked(printed("pe_connector_info", {**given, **bad, "pce_port": None})) == set()
    assert server.connections == 0


def test_a_user_of_a_proxy_alone_is_no_secret(ca: tuple[Loopback, str]) -> None:
    server, path = ca
    given = {**options("pce_label_info", server, path), "value": "web-prod", "proxy": "http://web@127.0.0.1:1"}
    assert "web-prod" in printed("pce_label_info", given)


@pytest.mark.parametrize("place", ["list", "request id", "status line"])
def test_the_inventory_shows_nothing_of_it(ca: tuple[Loopback, str], tmp_path: Path, place: str) -> None:
    server, path = ca
    server.script = [PLACES[place](SENT["pce"])]
    source = tmp_path / "pce_workloads.yml"
    plugin = "microseg.enforcement.pce_workloads"
    source.write_text(json.dumps({"plugin": plugin, **options("pce_workload_info", server, path)}))
    ended = run(["ansible-inventory", "-i", str(source), "--list", "-vvvv"], env={"ANSIBLE_INVENTORY_ENABLED": plugin})
    assert server.seen
    assert leaked(ended.output) == set()


def test_a_secret_that_is_repeated_would_be_found(ca: tuple[Loopback, str]) -> None:
    """Each of the texts is a secret to the search; and a word that is none is shown in each of the places."""
    assert [text for text in SENT["pe"] if not leaked(text)] == []
    server, path = ca
    # What is no HTTP is not quoted at all.
    shown: list[Behaviour] = [said(406, '[{"message": "the-word"}]'), said(400, "the-word")]
    shown += [said(406, "[]", **{"X-Request-Id": "the-word"}), said(302, "", Location="https://the-word/")]
    for answer in shown:
        server.script = [answer]
        assert "the-word" in printed("pce_label_info", options("pce_label_info", server, path))
