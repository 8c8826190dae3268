"""Servers that cannot be trusted: refused at once, in words that say what is wrong and which option is about it."""

from __future__ import annotations

import datetime
import json
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.integration.runner import Ended, Result, connection, run, run_ansible, run_module
from tests.simulator.launch import Simulator
from tests.unit.loopback import Loopback, serving

Options = dict[str, Any]

PROFILE = "/orgs/1/pairing_profiles/24"
INSTANCE = {
    "controller": "10.1.1.1",
    "controller_username": "admin",
    "controller_password": "a-word",
    "address_space_type": "Project",
    "address_space_name": "demo",
}
MODULES: dict[str, Options] = {
    "pce_pairing_profile": {"name": "PP"},
    "pce_pairing_profile_info": {},
    "pce_pairing_profiles": {"pairing_profiles": [{"name": "PP"}]},
    "pce_pairing_key": {"profile": "PP"},
    "pce_pairing_script_info": {"profile_href": PROFILE},
    "pce_workload_info": {},
    "pe_connector_instance": INSTANCE,
    "pe_connector_instances": {"connector_instances": [INSTANCE]},
    "pe_connector_info": {},
}
INVENTORY = "pce_workloads"
ALL = (*MODULES, INVENTORY)

DAY = datetime.timedelta(days=1)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the user of this machine has exported and requests would read."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class Certificates:
    """A CA, and what it and others have issued; each method returns the path of the file to trust."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = trustme.CA()

    def issue(self, *names: str, **validity: Any) -> ssl.SSLContext:
        """A server with a certificate of the CA."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(*(names or ("127.0.0.1",)), **validity).configure_cert(context)
        return context

    def file(self, content: bytes, name: str = "ca.pem") -> str:
        """A file of the test."""
        (self.directory / name).write_bytes(content)
        return str(self.directory / name)

    def ca(self) -> str:
        """The file of the CA."""
        return self.file(self.authority.cert_pem.bytes())

    def self_signed(self) -> ssl.SSLContext:
        """A server that vouches for itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pce")])
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
            .sign(key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        private = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path = self.file(certificate.public_bytes(pem) + key.private_bytes(pem, *private), "self.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def encrypted_key(self) -> tuple[str, str]:
        """A client certificate, and its key behind a passphrase."""
        issued = self.authority.issue_cert("client.example.com")
        key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
        text = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"word"),
        )
        return self.file(issued.cert_chain_pems[0].bytes(), "client.pem"), self.file(text, "client.key")


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


def ask(module: str, port: int, directory: Path, **options: Any) -> str:
    """Run a module, or the inventory plugin, against a port of this machine. Return its error."""
    given: Options = {"deadline": 60, **MODULES.get(module, {}), **options}
    if module.startswith("pe_"):
        given["connector_url"] = f"https://127.0.0.1:{port}"
    else:
        given.update(pce_host="127.0.0.1", pce_port=port, api_key="api_1", api_secret="s3cret-of-the-key")
    if module == INVENTORY:
        return list_inventory(directory, given)[0].stderr
    result = run_module(module, given)
    assert result["failed"], result
    assert not result["changed"]
    assert "exception" not in result
    assert str(result["msg"]).isprintable()
    return str(result["msg"])


def list_inventory(directory: Path, options: Options) -> tuple[Ended, Result]:
    """Run the inventory plugin. Return what it printed, and the inventory."""
    source = directory / "pce_workloads.yml"
    source.write_text(json.dumps({"plugin": f"microseg.enforcement.{INVENTORY}", **options}))
    env = {"ANSIBLE_INVENTORY_ENABLED": f"microseg.enforcement.{INVENTORY}"}
    ended = run(["ansible-inventory", "-i", str(source), "--list"], env=env)
    return ended, json.loads(ended.stdout)


def assert_refused(module: str, server: Loopback, directory: Path, *words: str, **options: Any) -> None:
    """Assert that one connection was enough, and that the error says what is wrong and what to do."""
    text = ask(module, server.server_address[1], directory, **options)
    flat = " ".join(text.split())
    assert all(word in flat for word in words), text
    assert "gave up" not in flat
    assert (server.connections, server.seen) == (1, [])


ADDRESS = {True: "see connector_url", False: "see pce_host and pce_port"}


def advice(module: str) -> str:
    """What a message says where the address may be the wrong one."""
    return ADDRESS[module.startswith("pe_")]


@pytest.mark.parametrize("module", ALL)
def test_a_server_of_another_ca_is_refused(certificates: Certificates, module: str) -> None:
    other = certificates.file(trustme.CA().cert_pem.bytes())
    with serving(certificates.issue()) as server:
        assert_refused(
            module, server, certificates.directory, "unable to get local issuer certificate", "ca_path", ca_path=other
        )


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


Served = Callable[[Certificates], ssl.SSLContext]
KINDS: dict[str, tuple[Served, tuple[str, ...]]] = {
    "expired": (
        lambda made: made.issue(not_before=_now() - 30 * DAY, not_after=_now() - DAY),
        ("certificate has expired",),
    ),
    "not yet valid": (
        lambda made: made.issue(not_before=_now() + DAY, not_after=_now() + 30 * DAY),
        ("certificate is not yet valid",),
    ),
    "self-signed": (lambda made: made.self_signed(), ("self-signed certificate", "ca_path")),
}


@pytest.mark.parametrize("module", ["pce_pairing_profile", "pe_connector_instance"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_that_does_not_count_is_refused(certificates: Certificates, kind: str, module: str) -> None:
    context, words = KINDS[kind]
    with serving(context(certificates)) as server:
        assert_refused(module, server, certificates.directory, *words, ca_path=certificates.ca())


@pytest.mark.parametrize("module", ALL)
def test_a_certificate_for_another_name_is_refused(certificates: Certificates, module: str) -> None:
    with serving(certificates.issue("pce.example.com")) as server:
        words = ("127.0.0.1", "not valid for", advice(module))
        assert_refused(module, server, certificates.directory, *words, ca_path=certificates.ca())


@pytest.mark.parametrize("module", ["pce_pairing_profile", "pe_connector_instance", INVENTORY])
def test_a_server_certificate_is_no_ca(certificates: Certificates, module: str) -> None:
    """Somebody gives the certificate of another server as ca_path."""
    leaf = certificates.file(certificates.authority.issue_cert("127.0.0.1").cert_chain_pems[0].bytes(), "leaf.pem")
    with serving(certificates.issue()) as server:
        words = ("unable to get", "issuer certificate", "ca_path")
        assert_refused(module, server, certificates.directory, *words, ca_path=leaf)


OLD = [
    *((ssl.TLSVersion.TLSv1, module) for module in ("pce_pairing_profile", "pe_connector_instance")),
    *((ssl.TLSVersion.TLSv1_1, module) for module in ALL),
]


@pytest.mark.parametrize(("version", "module"), OLD, ids=str)
def test_an_old_protocol_is_refused(certificates: Certificates, version: ssl.TLSVersion, module: str) -> None:
    context = certificates.issue()
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    with serving(context) as server:
        words = ("the TLS connection to the", "failed", "protocol version", advice(module))
        assert_refused(module, server, certificates.directory, *words, ca_path=certificates.ca())


def test_the_old_protocol_is_served() -> None:
    """That the servers above fail by the client's will: one that takes anything can talk to them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    careless = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    careless.check_hostname = False
    careless.verify_mode = ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        careless.minimum_version = ssl.TLSVersion.TLSv1
    careless.set_ciphers("ALL:@SECLEVEL=0")
    with (
        serving(context) as server,
        careless.wrap_socket(socket.create_connection(("127.0.0.1", server.server_address[1]))) as connection,
    ):
        assert connection.version() == "TLSv1.1"


@pytest.mark.parametrize("module", ALL)
def test_a_server_without_tls_is_refused(certificates: Certificates, module: str) -> None:
    with serving() as server:
        words = ("the TLS connection to the", "failed", advice(module))
        assert_refused(module, server, certificates.directory, *words, ca_path=certificates.ca())


@pytest.mark.parametrize("module", ALL)
def test_an_encrypted_client_key_is_told_before_any_connection(certificates: Certificates, module: str) -> None:
    certificate, key = certificates.encrypted_key()
    with serving(certificates.issue()) as server:
        options = {"ca_path": certificates.ca(), "client_cert": certificate, "client_key": key}
        text = ask(module, server.server_address[1], certificates.directory, **options)
        flat = " ".join(text.split())
        assert "client_key: is encrypted" in flat
        assert "use a key without a passphrase" in flat
        assert (server.connections, server.seen) == (0, [])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"client_key": "other"}, "client_key: is not the key of client_cert"),
        ({"client_key": "ca"}, "client_key: is not a usable PEM file"),
        ({"client_cert": "key"}, "client_cert: is not a usable PEM file"),
        ({"client_cert": "certificate"}, "client_cert: is not a usable PEM file"),
        ({"ca_path": "key"}, "ca_path: is not a usable PEM file"),
    ],
    ids=str,
)
def test_a_wrong_file_is_told_by_its_option(certificates: Certificates, options: dict[str, str], words: str) -> None:
    issued, other = (certificates.authority.issue_cert(f"{name}.example.com") for name in ("client", "other"))
    files = {
        "certificate": certificates.file(issued.cert_chain_pems[0].bytes(), "client.pem"),
        "key": certificates.file(issued.private_key_pem.bytes(), "client.key"),
        "other": certificates.file(other.private_key_pem.bytes(), "other.key"),
        "ca": certificates.ca(),
    }
    given = {"ca_path": files["ca"], "client_cert": files["certificate"]}
    given |= {name: files[value] for name, value in options.items()}
    with serving(certificates.issue()) as server:
        text = ask("pce_pairing_profile", server.server_address[1], certificates.directory, **given)
        assert words in text
        assert server.connections == 0


WARNING = "validate_certs is false: traffic can be intercepted and modified"


@pytest.mark.parametrize("module", ["pce_pairing_profiles", "pce_pairing_key", "pce_workload_info"])
def test_no_validation_warns_and_works(simulator: Simulator, certificates: Certificates, module: str) -> None:
    simulator.seed(pairing_profiles=[{"href": PROFILE, "name": "PP", "enabled": True}])
    options = {**connection(simulator), **MODULES[module], "ca_path": certificates.ca(), "validate_certs": False}
    result = run_module(module, options)
    assert not result.get("failed"), result
    assert json.dumps(result["warnings"]).count(WARNING) == 1
    assert simulator.journal() != []


def test_no_validation_of_a_connector_server_warns_and_works(simulator: Simulator, certificates: Certificates) -> None:
    url = {"connector_url": simulator.connectors["contrail"], "ca_path": certificates.ca(), "validate_certs": False}
    for options in (INSTANCE, {**INSTANCE, "state": "absent"}):
        result = run_module("pe_connector_instance", {**url, **options})
        assert result["changed"], result
        assert json.dumps(result["warnings"]).count(WARNING) == 1


def test_no_validation_of_the_inventory_warns_and_works(simulator: Simulator, certificates: Certificates) -> None:
    options = {**connection(simulator), "ca_path": certificates.ca(), "validate_certs": False}
    ended, _inventory = list_inventory(certificates.directory, options)
    assert ended.status == 0, ended.output
    assert " ".join(ended.stderr.split()).count(WARNING) == 1
    assert simulator.journal() != []


@pytest.mark.parametrize("env", [{}, {"PCE_VALIDATE_CERTS": "false"}], ids=["option", "variable"])
def test_no_validation_of_certificates_is_printed(
    simulator: Simulator, certificates: Certificates, env: dict[str, str]
) -> None:
    options: Options = {**connection(simulator), "name": "PP-NEW", "ca_path": certificates.ca()}
    if not env:
        options["validate_certs"] = False
    result, ended = run_ansible("pce_pairing_profile", options, env=env)
    assert result["changed"]
    assert ended.output.count("[WARNING]: ") == 1
    assert "validate_certs is false" in ended.output
    assert "PP-NEW" in {item["name"] for item in simulator.state()["pairing_profiles"]}
