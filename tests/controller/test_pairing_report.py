"""The filters of the pairing report: what they take out, what they compare, and what they count."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from plugins.filter.pairing_report import csp_source, pairing_report, pairing_report_hosts

Json = dict[str, Any]

CODE = "0123456789abcdef" * 5 + "0"
NOW, EARLIER = "2026-06-08T12:00:00Z", "2026-06-07T12:00:00Z"


def hosts(variables: Mapping[str, Json], active: list[str] | None = None) -> list[Json]:
    """Return what is known of the hosts."""
    names = list(variables)
    found = pairing_report_hosts(names, variables, names if active is None else active, "localhost")
    known: list[Json] = json.loads(found["text"])
    return known


def workload(number: int, hostname: str, **more: Any) -> Json:
    return {
        "href": f"/orgs/1/workloads/{number}",
        "hostname": hostname,
        "name": None,
        "managed": True,
        "online": True,
        "enforcement_mode": "full",
        "labels": {},
        "ven": {"status": "active", "version": "23.2.20"},
        **more,
    }


def report(
    variables: Mapping[str, Json],
    workloads: list[Json],
    profiles: list[Json] | None = None,
    previous: str = "",
    active: list[str] | None = None,
) -> tuple[str, Json]:
    """Return the report of hosts that one PCE knows, as text and decoded."""
    asked_by = next(iter(variables))
    known = json.dumps(hosts(variables, active))
    made = pairing_report(known, {asked_by: workloads}, {asked_by: profiles or []}, True, previous, NOW)
    return made["text"], json.loads(made["text"])


def row(variables: Json, workloads: list[Json], profiles: list[Json] | None = None) -> Json:
    """Return the row of the host web1 with these variables."""
    rows = report({"web1": variables}, workloads, profiles)[1]["hosts"]
    (found,) = [item for item in rows if item["host"] == "web1"]
    return dict(found)


HOSTILE = "</script><script>alert(1)</script>&amp;<!--{{ 7*7 }}{% raw %}{# x #}"


def test_report_text_has_nothing_that_html_or_templates_act_upon() -> None:
    """The page has it inside of a script element, and older Ansible evaluates texts between tasks."""
    labels = {HOSTILE: HOSTILE}
    text, found = report({"web1": {"ven_pairing_profile": HOSTILE}}, [workload(1, "web1", labels=labels)])
    assert found["hosts"][0]["labels"] == labels
    assert found["hosts"][0]["pairing_profile"] == HOSTILE
    assert not set("<>&") & set(text)
    assert not any(marker in text for marker in ("{{", "{%", "{#"))


def test_known_hosts_text_has_no_template() -> None:
    found = pairing_report_hosts(["web1"], {"web1": {"ven_hostname": HOSTILE}}, ["web1"], "localhost")
    assert json.loads(found["text"])[0]["hostname"] == HOSTILE
    assert not set("<>&") & set(found["text"])
    assert not any(marker in found["text"] for marker in ("{{", "{%", "{#"))


@pytest.mark.parametrize("code", [CODE, CODE.upper(), CODE[:40], CODE * 2])
def test_activation_code_is_not_in_the_report(code: str) -> None:
    failure = f"pair.sh: the activation code {code} is not valid"
    text, found = report({"web1": {"ven_failure": failure}}, [])
    assert code not in text
    assert code[:40] not in text
    assert found["hosts"][0]["reason"] == "pair.sh: the activation code … is not valid"


def test_short_hexadecimal_words_stay_in_the_report() -> None:
    failure = f"error 0xdeadbeef, see {CODE[:39]}"
    assert row({"ven_failure": failure}, [])["reason"] == failure


def test_password_in_the_address_of_the_pce_is_not_shown() -> None:
    (known,) = hosts({"web1": {"ven_pce_host": "https://joe:pa@ss@pce.example.com", "ven_pce_port": 8443}})
    assert known["pce"] == "…@pce.example.com:8443"


def test_workload_with_a_ven_counts_before_the_ones_without() -> None:
    gone = workload(2, "web1", managed=False, online=False, ven=None)
    found = row({}, [gone, workload(1, "web1")])
    assert (found["state"], found["workload"]) == ("online", "/orgs/1/workloads/1")
    assert row({}, [gone])["state"] == "unmanaged"


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({}, "online"),
        ({"online": False}, "offline"),
        ({"ven": {"status": "suspended"}}, "inactive"),
        ({"ven": {"status": "stopped"}}, "inactive"),
        ({"ven": {"status": None}}, "online"),
        ({"ven": None}, "online"),
    ],
)
def test_state_is_what_the_pce_shows(more: Json, state: str) -> None:
    assert row({}, [workload(1, "web1", **more)])["state"] == state


def test_host_that_failed_earlier_says_so() -> None:
    rows = report({"web1": {}, "web2": {}}, [workload(1, "web1")], active=[])[1]["hosts"]
    assert [item["state"] for item in rows] == ["online", "failed"]
    assert rows[0]["reason"].startswith("failed in this run: it failed or could not be reached")


def test_pairing_profile_is_compared_as_a_whole() -> None:
    profiles = [{"name": "PP-WEB", "enforcement_mode": "idle"}, {"name": "PP-WEB-2", "enforcement_mode": "full"}]
    found = row({"ven_pairing_profile": "PP-WEB"}, [workload(1, "web1")], profiles)
    assert (found["expected_mode"], found["mode_differs"]) == ("idle", True)
    assert found["reason"] == "runs in full, its pairing profile says idle"


def test_mode_of_the_host_wins_over_its_profile() -> None:
    variables = {"ven_pairing_profile": "PP", "ven_enforcement_mode": "full"}
    found = row(variables, [workload(1, "web1")], [{"name": "PP", "enforcement_mode": "idle"}])
    assert (found["expected_mode"], found["mode_differs"]) == ("full", False)


def test_time_stays_while_nothing_else_changes() -> None:
    _text, found = report({"web1": {}}, [workload(1, "web1")])
    assert found["unchanged_since"] == NOW
    before = json.dumps({**found, "unchanged_since": EARLIER})
    assert report({"web1": {}}, [workload(1, "web1")], previous=before)[1]["unchanged_since"] == EARLIER
    assert report({"web1": {}}, [workload(1, "web1", online=False)], previous=before)[1]["unchanged_since"] == NOW
    assert report({"web1": {}}, [workload(1, "web1")], previous="no JSON")[1]["unchanged_since"] == NOW
    damaged = json.dumps({**found, "unchanged_since": "yesterday"})
    assert report({"web1": {}}, [workload(1, "web1")], previous=damaged)[1]["unchanged_since"] == NOW


def test_workloads_of_no_host_are_rows_of_their_own() -> None:
    _text, found = report({"web1": {}}, [workload(1, "web1"), workload(2, "db1")])
    assert [(item["host"], item["hostname"]) for item in found["hosts"]] == [(None, "db1"), ("web1", "web1")]
    assert (found["counts"]["hosts"], found["counts"]["other_workloads"], found["counts"]["paired"]) == (1, 1, 2)


def test_hosts_of_two_pces_are_asked_for_apart() -> None:
    variables: dict[str, Json] = {
        "web1": {"ven_pce_host": "a"},
        "web2": {"ven_pce_host": "b"},
        "web3": {"ven_pce_host": "a"},
    }
    found = pairing_report_hosts(variables, variables, variables, "localhost")
    assert found["asked_by"] == ["web1", "web2"]
    made = pairing_report(found["text"], {"web1": [workload(1, "web2")]}, {}, False, "", NOW)
    states = {item["host"]: item["state"] for item in json.loads(made["text"])["hosts"]}
    assert states == {"web1": "not_paired", "web2": "not_paired", "web3": "not_paired"}


def test_csp_source_is_the_hash_of_exactly_this_text() -> None:
    # printf 'x\n' | openssl dgst -sha256 -binary | base64
    assert csp_source("x\n") == "'sha256-c8s4WKaHqElMozIwUwFigvPa051Cz2LKTnndoqrH2aw='"
