# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role needs of a PCE for a batch of hosts, decided over stand-ins of what asks the PCE."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from plugins.module_utils._core.errors import ApiError, CollectionError, MissingReferenceError
from plugins.module_utils._core.reconcile import Result
from plugins.module_utils._pce import batch_unpairing, batch_verification, ven_batch

HREF = "/orgs/1/pairing_profiles/24"


class FakePce:
    """A PCE that notes what it is asked, and answers as a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.profile: dict[str, Any] = {"href": HREF, "name": "PP", "enabled": True, "allowed_uses_per_key": 2}
        self.vens: list[dict[str, Any]] = []
        self.errors: dict[str, CollectionError] = {}
        self.base = ""
        self.settings: dict[str, Any] = {}
        self.pce = SimpleNamespace(
            management_server="pce.example.com:8443",
            store=lambda _resource: self,
            org_id=1,
            http=SimpleNamespace(get=self.get_settings),
        )
        monkeypatch.setattr(
            ven_batch, "PCE", SimpleNamespace(connect=self.connect, reference_checker=lambda _params: None)
        )
        monkeypatch.setattr(ven_batch, "keep_keys", self.keep_keys)
        monkeypatch.setattr(ven_batch, "fetch_script", self.fetch_script)
        monkeypatch.setattr(batch_unpairing, "PCE", SimpleNamespace(connect=self.connect))
        monkeypatch.setattr(batch_unpairing, "set_ven_state", self.set_ven_state)
        for room in (ven_batch, batch_verification):
            monkeypatch.setattr(room, "query_hostnames", self.query)
        monkeypatch.setattr(ven_batch, "reconcile", self.reconcile)
        monkeypatch.setattr(batch_unpairing, "find_refusals", lambda *_arguments: {})

    def _note(self, what: str, *about: Any) -> None:
        self.calls.append((what, *about))
        if what in self.errors:
            raise self.errors[what]

    def get_settings(self, path: str) -> Any:
        self._note("settings", path)
        return SimpleNamespace(json_object=lambda: self.settings)

    def find_existing(self, identity: Any) -> dict[str, Any]:
        self._note("find", identity.names["name"])
        return self.profile

    def reconcile(self, _resource: Any, _store: Any, desired: Any, dry_run: bool) -> Result:
        self._note("profile", desired.identity.names["name"], dict(desired.desired), dry_run)
        return Result(True, None if dry_run else self.profile)

    def keep_keys(self, params: Any, dry_run: bool) -> dict[str, Any]:
        self._note("keys", params["state"], params["profile_href"], params["count"], dry_run)
        keys = [{"activation_code": None if dry_run else f"code{number}"} for number in range(params["count"])]
        return {"changed": True, "pairing_keys": keys, "warnings": []}

    def connect(self, _params: Any, base: str = "/api/v2") -> Any:
        self.base = base
        return self.pce

    def fetch_script(self, _pce: Any, params: Any) -> dict[str, Any]:
        assert self.base == ""  # the path of the script is the whole path
        self._note("script", params["script"], params["api_version"])
        return {"pairing_script": {"content": f"the {params['script']}"}}

    def set_ven_state(self, _pce: Any, params: Any, dry_run: bool) -> dict[str, Any]:
        self._note("unpair", tuple(params["hostnames"]), params["firewall_restore"], dry_run)
        vens = [
            {"hostname": name, "changed": name != "gone", "error": None, "version": "1"} for name in params["hostnames"]
        ]
        return {"changed": True, "vens": vens, "warnings": ["look"]}

    def query(self, _params: Any, _resource: Any, hostnames: Any) -> list[dict[str, Any]]:
        self._note("query", tuple(hostnames))
        return self.vens


@pytest.fixture
def pce(monkeypatch: pytest.MonkeyPatch) -> FakePce:
    return FakePce(monkeypatch)


def host(name: str, **more: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "host": name,
        "hostname": f"{name}.example.com",
        "is_unpaired": True,
        "method": "pair.sh",
        "profile": "PP",
        "profile_options": None,
        "locks": [],
        "api_version": 18,
        "pce": "",
        "aliases": [],
        "paired_elsewhere": "fail",
    }
    return {**known, **more}


def prepare(*hosts: dict[str, Any], dry_run: bool = False) -> dict[str, Any]:
    return ven_batch.serve_batch({"step": "prepare", "hosts": list(hosts)}, dry_run)


def errors(result: dict[str, Any]) -> dict[str, str]:
    return {name: verdict["error"] for name, verdict in result["hosts"].items() if verdict["error"]}


def test_prepare_shares_keys_by_their_uses(pce: FakePce) -> None:
    found = prepare(
        *(host(f"web{number}") for number in range(3)), host("paired", is_unpaired=False, pce="PCE.example.com")
    )
    codes = {name: verdict["activation_code"] for name, verdict in found["hosts"].items()}
    assert codes == {"web0": "code0", "web1": "code0", "web2": "code1", "paired": None}
    assert pce.calls == [("find", "PP"), ("keys", "present", HREF, 2, False), ("script", "pair.sh", 18)]
    assert found["scripts"] == {f"{HREF} pair.sh": "the pair.sh"}
    assert found["hosts"]["web0"]["script"] == f"{HREF} pair.sh"
    assert found["management_server"] == "pce.example.com:8443"
    assert found["changed"] is True


@pytest.mark.parametrize(("uses", "count"), [("unlimited", 1), (1, 3), (None, 3), (3, 1)])
def test_prepare_generates_as_many_keys_as_needed(pce: FakePce, uses: Any, count: int) -> None:
    pce.profile["allowed_uses_per_key"] = uses
    prepare(*(host(f"web{number}") for number in range(3)))
    assert ("keys", "present", HREF, count, False) in pce.calls


def test_prepare_asks_nothing_for_paired_hosts(pce: FakePce) -> None:
    assert errors(prepare(host("web1", is_unpaired=False, pce="pce.example.com:8444"))) == {}
    assert pce.calls == []


def test_prepare_keeps_the_profile_of_paired_hosts(pce: FakePce) -> None:
    prepare(host("web1", is_unpaired=False, pce="pce.example.com", profile_options={"enforcement_mode": "full"}))
    assert [call[0] for call in pce.calls] == ["profile"]


def test_prepare_fetches_each_script_once(pce: FakePce) -> None:
    pce.profile["allowed_uses_per_key"] = "unlimited"
    hosts = [host("web1"), host("web2"), host("win1", method="pair.ps1"), host("aix1", method="package")]
    found = prepare(*hosts)
    assert [call for call in pce.calls if call[0] == "script"] == [
        ("script", "pair.sh", 18),
        ("script", "pair.ps1", 18),
    ]
    assert found["hosts"]["win1"]["script"] == f"{HREF} pair.ps1"
    assert found["hosts"]["aix1"]["script"] is None
    assert found["hosts"]["aix1"]["activation_code"] == "code0"


def test_a_script_that_cannot_be_fetched_fails_its_hosts_alone(pce: FakePce) -> None:
    pce.errors["script"] = CollectionError("no script")
    found = prepare(host("web1"), host("aix1", method="package"))
    assert errors(found) == {"web1": "no script"}
    assert found["hosts"]["web1"]["activation_code"] is None


def test_prepare_foresees_without_changing(pce: FakePce) -> None:
    found = prepare(host("web1"), dry_run=True)
    assert [call[0] for call in pce.calls] == ["find", "keys"]
    assert found["hosts"]["web1"]["is_wanted"]
    created = prepare(host("web1", profile_options={}), dry_run=True)
    assert errors(created) == {}
    assert created["changed"] is True


def test_a_missing_profile_is_an_error_but_not_in_check_mode(pce: FakePce) -> None:
    pce.errors["find"] = MissingReferenceError("no profile 'PP'; closest matches: P")
    assert errors(prepare(host("web1"))) == {"web1": "no profile 'PP'; closest matches: P"}
    foreseen = prepare(host("web1"), dry_run=True)
    assert errors(foreseen) == {}
    assert foreseen["warnings"] == [
        "no profile 'PP'; closest matches: P; check mode assumes that an earlier task creates it"
    ]


def test_the_trouble_of_one_profile_is_not_that_of_others(pce: FakePce) -> None:
    error = CollectionError("refused")
    error.changed = True
    pce.errors["profile"] = error
    found = prepare(host("web1", profile_options={}), host("db1", profile="PP-DB"))
    assert errors(found) == {"web1": "refused"}
    assert found["hosts"]["db1"]["activation_code"] == "code0"
    assert found["changed"] is True


def test_hosts_that_differ_in_one_profile_change_nothing(pce: FakePce) -> None:
    found = prepare(host("web1", profile_options={"enabled": True}), host("web2", profile_options={"enabled": False}))
    assert set(errors(found)) == {"web1", "web2"}
    assert pce.calls == []


def test_a_lock_fails_the_hosts_that_ask_for_it(pce: FakePce) -> None:
    pce.profile |= {"role_label_lock": True, "env_label_lock": False}
    found = prepare(host("web1", locks=["role_label_lock", "env_label_lock"]), host("web2"))
    assert errors(found) == {
        "web1": "the pairing profile PP locks role_label, so ven_enforcement_mode and ven_labels cannot set it"
    }
    assert ("keys", "present", HREF, 1, False) in pce.calls


ELSEWHERE = {"is_unpaired": False, "pce": "[2001:db8::1]:8443"}


@pytest.mark.parametrize(
    ("policy", "error", "warnings", "is_moved"),
    [("fail", True, 0, False), ("warn", False, 1, False), ("move", False, 0, True)],
)
def test_a_host_of_another_pce_follows_the_policy(
    pce: FakePce, policy: str, error: bool, warnings: int, is_moved: bool
) -> None:
    verdict = prepare(host("web1", **ELSEWHERE, paired_elsewhere=policy))["hosts"]["web1"]
    assert bool(verdict["error"]) is error
    assert len(verdict["warnings"]) == warnings
    assert verdict["is_moved"] is is_moved
    assert verdict["activation_code"] == ("code0" if is_moved else None)


@pytest.mark.parametrize("alias", ["2001:db8::1", "[2001:DB8::1]:1", "https://[2001:db8::1]/"])
def test_an_alias_is_compared_by_its_host(pce: FakePce, alias: str) -> None:
    expected = alias != "2001:db8::1"  # an IPv6 address without brackets has no end
    found = errors(prepare(host("web1", **ELSEWHERE, aliases=[alias])))
    assert (found == {}) is expected


@pytest.mark.parametrize(
    ("shown", "status", "is_ours"),
    [
        ("web1.example.com", "active", True),
        ("WEB1.example.com", "suspended", True),
        ("web1", "active", True),
        ("web1.other.com", "active", False),
        ("web10.example.com", "active", False),
        ("web1.example.com", "unpaired", False),
    ],
)
def test_a_ven_that_the_pce_shows_is_ours(pce: FakePce, shown: str, status: str, is_ours: bool) -> None:
    pce.vens = [{"hostname": shown, "status": status, "href": "/orgs/1/vens/1"}]
    assert (errors(prepare(host("web1", **ELSEWHERE))) == {}) is is_ours


def test_an_unknown_pce_is_never_silent(pce: FakePce) -> None:
    verdict = prepare(host("web1", is_unpaired=False, pce=""))["hosts"]["web1"]
    assert verdict["error"] is None
    assert "does not show with which PCE" in verdict["warnings"][0]
    pce.errors["query"] = CollectionError("away")
    verdict = prepare(host("web1", is_unpaired=False, pce=""))["hosts"]["web1"]
    assert verdict["error"] == "the host is paired, and whether with this PCE could not be read: away"


def unpair(*names: str, dry_run: bool = False, **more: Any) -> dict[str, Any]:
    hosts = [
        {"host": name, "hostname": name, "firewall_restore": "saved", "guards": {}, "through": "pce"} for name in names
    ]
    return ven_batch.serve_batch({"step": "unpair", "hosts": [{**item, **more} for item in hosts]}, dry_run)


def test_unpair_returns_what_became_of_each_host(pce: FakePce) -> None:
    found = unpair("web1", "gone")
    assert {name: verdict["changed"] for name, verdict in found["hosts"].items()} == {"web1": True, "gone": False}
    assert found["warnings"] == ["look"]
    assert pce.calls == [("unpair", ("web1", "gone"), "saved", False)]


def test_unpair_only_asks_the_guards_for_hosts_of_their_own(pce: FakePce) -> None:
    assert errors(unpair("web1", through="host")) == {}
    assert pce.calls == [("settings", "/orgs/1/settings")]


@pytest.mark.parametrize(
    ("settings", "has_token", "is_refused"),
    [
        ({"ven_maintenance_token_required": True}, False, True),
        ({"ven_maintenance_token_required": True}, True, False),
        ({"ven_maintenance_token_required": False}, False, False),
        ({"other": 1}, False, False),
    ],
)
def test_protected_ven_requires_a_token(
    pce: FakePce, settings: dict[str, Any], has_token: bool, is_refused: bool
) -> None:
    pce.settings = settings
    found = errors(unpair("web1", through="host", has_token=has_token))
    assert ("web1" in found) is is_refused
    assert not is_refused or "or ven_unpair_through: pce, which requires none" in found["web1"]


@pytest.mark.parametrize("status", [403, 404])
def test_settings_that_cannot_be_read_refuse_nothing(pce: FakePce, status: int) -> None:
    pce.errors["settings"] = ApiError("no", "GET", "/orgs/1/settings", status)
    assert errors(unpair("web1", through="host")) == {}


def test_pce_that_need_not_answer_is_a_warning(pce: FakePce) -> None:
    pce.errors["settings"] = CollectionError("away")
    found = unpair("web1", through="host", is_optional=True)
    assert errors(found) == {}
    assert found["warnings"] == ["the PCE was not asked for golden images and tampering protection: away"]
    assert errors(unpair("web1", through="host")) == {"web1": "away"}


def test_a_hostname_of_two_hosts_is_refused(pce: FakePce) -> None:
    found = unpair("web1", "web2", hostname="same")
    assert all("several hosts of this batch have the hostname same" in error for error in errors(found).values())
    assert pce.calls == []


def test_an_error_of_the_pce_is_that_of_all_its_hosts(pce: FakePce) -> None:
    pce.errors["unpair"] = CollectionError("away")
    assert errors(unpair("web1", "web2")) == {"web1": "away", "web2": "away"}


def workload(hostname: str, **more: Any) -> dict[str, Any]:
    ven = {"href": "/orgs/1/vens/1", "status": "active", "version": "1.2"}
    known = {"managed": True, "ven": ven}
    shown = {"hostname": hostname, "href": f"/orgs/1/workloads/{hostname}", "online": True, "known": known, "ven": ven}
    return {**shown, **more}


def verify(*hostnames: str, timeout: float = 0) -> dict[str, Any]:
    hosts = [
        {"host": f"h{number}", "hostname": name, "timeout": timeout, "delay": 0}
        for number, name in enumerate(hostnames)
    ]
    return ven_batch.serve_batch({"step": "verify", "hosts": hosts}, False)


@pytest.mark.parametrize("hostname", ["web1", "WEB1", "web1.example.com", "/orgs/1/workloads/web1", "/orgs/1/vens/1"])
def test_verify_finds_the_pces_name_for_a_host(pce: FakePce, hostname: str) -> None:
    pce.vens = [workload("web1")]
    verdict = verify(hostname)["hosts"]["h0"]
    assert verdict["error"] is None
    assert (verdict["version"], verdict["workload"]) == ("1.2", "/orgs/1/workloads/web1")


def test_verify_prefers_the_exact_name(pce: FakePce) -> None:
    pce.vens = [workload("web1.example.com", online=False), workload("web1")]
    assert errors(verify("web1")) == {}
    assert "it is not online" in errors(verify("web1.example.com"))["h0"]


def test_verify_takes_no_longer_name(pce: FakePce) -> None:
    pce.vens = [workload("web10"), workload("web1x.example.com")]
    assert "the PCE has no workload with hostname" in errors(verify("web1.example.com"))["h0"]
    assert "the PCE has no workload with hostname" in errors(verify("web1"))["h0"]


def test_verify_tells_which_workload_is_meant(pce: FakePce) -> None:
    pce.vens = [workload("web1.example.com", online=False)]
    assert errors(verify("web1"))["h0"] == (
        "workload 'web1.example.com' (of 'web1', /orgs/1/workloads/web1.example.com) is not paired and alive: "
        "it is not online"
    )


@pytest.mark.parametrize(
    ("workloads", "words"),
    [
        ([], "the PCE has no workload with hostname 'web1'; if the host pairs under another name, set ven_hostname"),
        (
            [workload("web1"), workload("web1", href="/orgs/1/workloads/2")],
            "the PCE has 2 workloads with hostname 'web1': /orgs/1/workloads/2, /orgs/1/workloads/web1",
        ),
        ([workload("web1", known={"managed": True, "ven": None})], "is not paired and alive: it has no VEN"),
        ([workload("web1", known={"managed": False, "ven": None})], "is not paired and alive: it is not managed"),
        (
            [workload("web1", known={"managed": True, "ven": {"status": "suspended", "version": None}})],
            "is not paired and alive: the status of its VEN is 'suspended'",
        ),
    ],
)
def test_verify_tells_what_is_missing(pce: FakePce, workloads: list[dict[str, Any]], words: str) -> None:
    pce.vens = workloads
    assert words in errors(verify("web1"))["h0"]


def test_verify_ignores_what_an_earlier_ven_has_left(pce: FakePce) -> None:
    left = workload("web1", href="/orgs/1/workloads/old", known={"managed": False, "ven": None})
    pce.vens = [left, workload("web1")]
    assert errors(verify("web1")) == {}


def test_verify_looks_again_until_the_hosts_are_there(pce: FakePce) -> None:
    looks: list[int] = []

    def query(*_arguments: Any) -> list[dict[str, Any]]:
        looks.append(1)
        return [workload("web1", online=len(looks) > 2)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_verification, "query_hostnames", query)
        patch.setattr("time.sleep", lambda _seconds: None)
        assert errors(verify("web1", timeout=60)) == {}
    assert len(looks) == 3


def test_verify_does_not_wait_for_what_cannot_come(pce: FakePce) -> None:
    pce.vens = [workload("web1")]
    found = errors(verify("web1", "web1", timeout=60))
    assert all("2 hosts of this batch have the hostname 'web1'" in error for error in found.values())
    assert len(pce.calls) == 1
    pce.errors["query"] = CollectionError("away")
    assert errors(verify("web1", timeout=60)) == {"h0": "away"}


def test_revoke_ends_the_keys_of_each_profile_once(pce: FakePce) -> None:
    hosts = [{"host": name, "profile_href": HREF} for name in ("web1", "web2")]
    found = ven_batch.serve_batch({"step": "revoke", "hosts": hosts}, False)
    assert pce.calls == [("keys", "absent", HREF, 1, False)]
    assert found["changed"] is True
    pce.errors["keys"] = CollectionError("refused")
    found = ven_batch.serve_batch({"step": "revoke", "hosts": hosts}, False)
    assert set(errors(found).values()) == {"the pairing keys were not revoked: refused"}
