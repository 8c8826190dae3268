"""The hostile server knows the collections of the policy, whose paths have a part more."""

from __future__ import annotations

import json

import pytest

from tests.hostile.servers import Objects, answer


@pytest.mark.parametrize("path", ["labels", "sec_policy/draft/ip_lists"])
def test_a_collection_is_answered_by_its_name(path: str) -> None:
    href = f"/orgs/1/{path}/7"
    objects = Objects()
    objects.stored[path.rpartition("/")[2]] = [{"href": href, "name": "web"}]

    def value(method: str, target: str, body: bytes = b"") -> object:
        return json.loads(answer(objects, "/none", method, f"/api/v2{target}", body, asked_for_job=False).body())

    assert value("GET", f"/orgs/1/{path}") == [{"href": href, "name": "web"}]
    assert value("GET", href) == {"href": href, "name": "web"}
    made = value("POST", f"/orgs/1/{path}", b'{"name": "db"}')
    assert made == {"href": f"/orgs/1/{path}/99", "caps": ["write"], "name": "db"}
