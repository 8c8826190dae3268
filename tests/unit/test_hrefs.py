# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HREFs, and what only looks like one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plugins.module_utils._pce import hrefs
from plugins.module_utils._pce.label import LABEL
from plugins.module_utils._pce.pairing_profile import PAIRING_PROFILE
from plugins.module_utils._pce.ven import VEN
from plugins.module_utils._pce.workload import WORKLOAD

IP_LIST = replace(LABEL, title="IP list", plural="ip_lists", path="sec_policy/draft/ip_lists")
RESOURCES = {item.path: item for item in (LABEL, PAIRING_PROFILE, VEN, WORKLOAD, IP_LIST)}
UUID = "3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f"


@pytest.mark.parametrize(
    ("href", "name"),
    [
        ("/orgs/1/pairing_profiles/24", "pairing_profiles"),
        ("/orgs/1/labels/9223372036854775807", "labels"),
        (f"/orgs/1/workloads/{UUID}", "workloads"),
        (f"/orgs/1/vens/{UUID.upper()}", "vens"),
        ("/orgs/1/sec_policy/draft/ip_lists/7", "sec_policy/draft/ip_lists"),
    ],
)
def test_href(href: str, name: str) -> None:
    hrefs.check(href, 1, RESOURCES[name])


@pytest.mark.parametrize(
    ("href", "problem"),
    [
        ("/orgs/1/labels/24", "must be the href of one of the pairing_profiles, not of the labels"),
        ("/orgs/2/pairing_profiles/24", "belongs to organisation 2, while pce_org_id is 1"),
        ("/orgs/11/pairing_profiles/24", "belongs to organisation 11"),
        ("/orgs/1/pairing_profiles/../labels/3", "must be an href such as"),
        ("/orgs/1/pairing_profiles/24/../../labels/3", "must be an href such as"),
        ("/orgs/1/pairing_profiles/24/pairing_keys", "must be an href such as"),
        ("/orgs/1/pairing_profiles/..", "has no valid id"),
        ("/orgs/1/pairing_profiles/%2e%2e", "has no valid id"),
        ("/orgs/1/pairing_profiles/24%2f..", "has no valid id"),
        ("/orgs/1/pairing_profiles/24?x=1", "must be an href such as"),
        ("/orgs/1/pairing_profiles/24#x", "must be an href such as"),
        ("/orgs/1/pairing_profiles/24;x", "has no valid id"),
        ("/orgs/1/pairing_profiles/24\n", "has no valid id"),
        ("/orgs/1/pairing_profiles/24 ", "has no valid id"),
        ("/orgs/1/pairing_profiles/\u0662\u0664", "has no valid id"),
        ("/orgs/\u0661/pairing_profiles/24", "must be an href such as"),
        ("/orgs/1/pairing_profiles/0", "has no valid id"),
        ("/orgs/1/pairing_profiles/024", "has no valid id"),
        ("/orgs/1/pairing_profiles/-1", "has no valid id"),
        (f"/orgs/1/pairing_profiles/{UUID}", "has no valid id"),
        ("/orgs/1/pairing_profiles/" + "9" * 20, "has no valid id"),
        ("/orgs/01/pairing_profiles/24", "must be an href such as"),
        ("/orgs/1/pairing_profiles/", "must be an href such as"),
        ("/orgs/1/pairing_profiles", "must be an href such as"),
        ("orgs/1/pairing_profiles/24", "must be an href such as"),
        (" /orgs/1/pairing_profiles/24", "must be an href such as"),
        ("/api/v2/orgs/1/pairing_profiles/24", "must be an href such as"),
        ("https://pce.invalid:8443/api/v2/orgs/1/pairing_profiles/24", "must be an href such as"),
        ("//evil.invalid/orgs/1/pairing_profiles/24", "must be an href such as"),
        ("24", "must be an href such as"),
        ("", "must be an href such as"),
        (None, "must be an href such as"),
        (24, "must be an href such as"),
        (["/orgs/1/pairing_profiles/24"], "must be an href such as"),
    ],
)
def test_what_is_no_href_of_a_profile(href: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        hrefs.check(href, 1, PAIRING_PROFILE)
    if "such as" in problem:
        assert str(caught.value).startswith("must be an href such as /orgs/1/pairing_profiles/24, not ")


@pytest.mark.parametrize(
    "href", ["/orgs/1/workloads/24", f"/orgs/1/workloads/{UUID}0", "/orgs/1/workloads/" + "-" * 36]
)
def test_what_is_no_href_of_a_workload(href: str) -> None:
    with pytest.raises(ValueError, match="has no valid id"):
        hrefs.check(href, 1, WORKLOAD)


@pytest.mark.parametrize(
    ("href", "problem"),
    [
        ("/orgs/1/sec_policy/active/ip_lists/7", "of the sec_policy/active/ip_lists"),
        ("/orgs/1/ip_lists/7", "not of the ip_lists"),
        ("/orgs/1/sec_policy/draft/ip_lists", "not of the sec_policy/draft"),
        ("/orgs/1/sec_policy/draft/ip_lists/x", "has no valid id"),
        ("/orgs/1/sec_policy/../ip_lists/7", "must be an href such as /orgs/1/sec_policy/draft/ip_lists/7"),
    ],
)
def test_check_of_a_longer_path_refuses_others(href: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        hrefs.check(href, 1, IP_LIST)


def test_parts() -> None:
    assert hrefs.collection(7, "labels") == "/orgs/7/labels"
    assert hrefs.id_of("/orgs/1/pairing_profiles/24") == "24"


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/orgs/1/jobs/j1", "/orgs/1/jobs/j1"),
        (" /orgs/1/jobs/j1\r\n", "/orgs/1/jobs/j1"),
        ("/api/v2/orgs/1/jobs/j1", "/orgs/1/jobs/j1"),
        ("/api/v2/orgs/1/api/v2/jobs", "/orgs/1/api/v2/jobs"),
        ("https://pce.invalid:8443/api/v2/orgs/1/jobs/j1", "/orgs/1/jobs/j1"),
        # Whose host it names is no matter: only the path is used, on the PCE of the task.
        ("https://evil.invalid/api/v2/orgs/1/jobs/j1", "/orgs/1/jobs/j1"),
        ("//evil.invalid/orgs/1/jobs/j1", "/orgs/1/jobs/j1"),
        ("/orgs/1/jobs/j1?token=x#y", "/orgs/1/jobs/j1"),
        ("https://[bad/orgs/1/jobs/x", ""),
        ("//[bad", ""),
        ("", ""),
    ],
)
def test_path_of_a_location(location: str, path: str) -> None:
    assert hrefs.path_of(location) == path


@pytest.mark.parametrize(
    ("collection", "example"),
    [
        ("pairing_profiles", "24"),
        ("labels", "7"),
        ("sec_policy/draft/ip_lists", "7"),
        ("workloads", "3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f"),
        ("vens", "3f0e4a6c-0b5e-4f0e-9d55-6f1b2c3d4e5f"),
    ],
)
def test_an_example_is_one(collection: str, example: str) -> None:
    href = f"/orgs/7/{collection}/{example}"
    with pytest.raises(ValueError, match=f"^must be an href such as {href}, not 'x'$"):
        hrefs.check("x", 7, RESOURCES[collection])
    with pytest.raises(ValueError, match=f"^has no valid id; an example is {href}: '/orgs/7/{collection}/-'$"):
        hrefs.check(f"/orgs/7/{collection}/-", 7, RESOURCES[collection])
    hrefs.check(href, 7, RESOURCES[collection])


@pytest.mark.parametrize("end", ["\nx", "\n", "\r\nx", "\u2028x", "\x1b[31mx"])
@pytest.mark.parametrize(
    "start", ["/orgs/1/pairing_profiles/24", "/orgs/2/pairing_profiles/24", "/orgs/1/labels/24", "24"]
)
def test_message_is_one_line_whatever_the_href_holds(start: str, end: str) -> None:
    with pytest.raises(ValueError, match=r"^(must be|has no|belongs)") as caught:
        hrefs.check(start + end, 1, PAIRING_PROFILE)
    assert str(caught.value).isprintable()
