"""What a task may be given: tasks that are right, and strategies, made from argument specs, for what may be wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.hostile.properties import HIDDEN
from tests.hostile.servers import UUID

Options = dict[str, Any]

PCE: Options = {"pce_host": "pce.example.com", "api_key": "api_1", "api_secret": HIDDEN + "api"}
PE: Options = {
    "connector_url": "https://pe.example.com:7443",
    "connector_user": "admin",
    "connector_password": HIDDEN + "connector",
}
_INSTANCE: Options = {
    "controller_username": "admin",
    "controller_password": HIDDEN + "controller",
    "additional_settings": {"SECURITY_GROUP_NAME": "infected"},
    "secret_settings": {"SRX_PASSWORD": HIDDEN + "setting"},
    "controller_context": "us-east-1",
    "address_space_type": "VPC",
}
_NEW: Options = {**_INSTANCE, "controller": "192.0.2.50", "address_space_name": "new"}
_OLD: Options = {**_INSTANCE, "controller": "192.0.2.1", "address_space_name": "space1"}

PROFILE = "/orgs/1/pairing_profiles/2"

TASKS: dict[str, list[Options]] = {
    "pce_pairing_profile": [
        {"name": "PP"},
        {"name": "PP", "enforcement_mode": "full", "labels": [{"env": "prod"}]},
        {"name": "new", "labels": [{"app": "shop"}], "create_labels": True},
        {"name": "PP", "state": "absent"},
        {"name": "PP", "new_name": "other"},
        {"href": PROFILE, "description": "another"},
        {"href": PROFILE, "state": "absent"},
    ],
    "pce_pairing_profile_info": [{}, {"name": "PP"}, {"name": "PP", "exact": True}, {"href": PROFILE}],
    "pce_pairing_profiles": [
        {"pairing_profiles": [{"name": "PP", "enforcement_mode": "full"}, {"name": "new"}]},
        {"pairing_profiles": [{"name": "PP-web", "state": "absent"}, {"href": PROFILE, "new_name": "other"}]},
        {"pairing_profiles": [{"name": "PP"}], "purge": True, "purge_scope": {"name_prefix": "PP"}},
    ],
    "pce_pairing_key": [
        {"profile": "PP"},
        {"profile_href": PROFILE, "count": 2},
        {"profile": "PP", "path": "keys.json"},
        {"profile_href": PROFILE, "state": "absent"},
        {"profile": "PP", "state": "renewed", "path": "keys.json"},
    ],
    "pce_pairing_script_info": [{"profile_href": PROFILE}],
    "pce_label": [
        {"key": "role", "value": "web", "external_data_set": "x"},
        {"key": "role", "value": "new"},
        {"key": "role", "value": "web", "new_value": "other"},
        {"key": "role", "value": "web", "state": "absent"},
        {"href": "/orgs/1/labels/1", "state": "absent"},
    ],
    "pce_label_info": [{}, {"key": "role"}, {"href": "/orgs/1/labels/1"}],
    "pce_workload_info": [
        {},
        {"hostname": "web"},
        {"hostnames": ["web1", "web2"], "labels": [{"role": "web"}]},
        {"href": f"/orgs/1/workloads/{UUID.format(1)}"},
    ],
    "pce_workload": [
        {"hostname": "web1", "enforcement_mode": "visibility_only"},
        {"href": f"/orgs/1/workloads/{UUID.format(1)}", "labels": [{"role": "web"}]},
    ],
    "pce_ven_compatibility_info": [{}],
    "pce_check_info": [{}],
    "pce_ven_upgrade": [
        {"hostnames": ["web1"], "release": "24.2.10-300"},
        {"hrefs": [f"/orgs/1/vens/{UUID.format(2)}"], "release": "24.2.10", "dry_run": True},
    ],
    "pce_workloads": [
        {"workloads": [{"hostname": "web1", "enforcement_mode": "visibility_only"}]},
        {"selection": {"hostnames": ["web2"]}, "values": {"enforcement_mode": "full"}},
    ],
    "pce_roll_out": [
        {
            "path": "roll-out.json",
            "waves": [{"name": "all", "hostnames": ["web2"], "enforcement_mode": "full"}],
            "selection": {"hostnames": ["web2"]},
            "settle_time": 0,
            "error_budget": 100.0,
        },
    ],
    "pe_check_info": [{}],
    "pce_ven_info": [{}, {"hostname": "web"}, {"href": f"/orgs/1/vens/{UUID.format(1)}"}],
    "pce_ven": [
        {"hostnames": ["web1"], "state": "unpaired"},
        {"hrefs": [f"/orgs/1/vens/{UUID.format(1)}"], "state": "unpaired"},
        {"hostnames": ["web1", "web2"], "state": "suspended"},
        {"hostnames": ["web1", "web2", "a", "b", "c", "d"], "state": "unpaired"},
    ],
    "pe_connector_info": [{}],
    "pe_connector_instance": [
        _NEW,
        {**_NEW, "controller": "Connector.Example.com."},
        {**_NEW, "controller": "https://connector.example.com:443/"},
        {**_OLD, "controller_port": 8443},
        {**_OLD, "update_password": "always"},
        {"controller": "192.0.2.1", "address_space_name": "space1", "state": "absent"},
        {"instance_id": "i-1", "state": "absent"},
    ],
    "pe_connector_instance_info": [{}, {"controller": "192.0.2.1"}, {"instance_id": "i-1"}],
    "pe_connector_instances": [
        {"connector_instances": [_NEW, {**_OLD, "controller_port": 8443}]},
        {"connector_instances": [_OLD], "purge": True},
    ],
}
"""Tasks that are right, without the connection; those of one module lead to each of its requests."""


def connection(module: str) -> Options:
    """Return connection options that are right."""
    return PE if module.startswith("pe_") else PCE


HOSTILE = [
    "",
    " ",
    "PP",
    "web",
    "../../users/1",
    "..%2f..%2fusers",
    "a/b",
    "a?b=c&d=e",
    "a#b",
    "%00",
    "\x00",
    "a\nb",
    "a\r\nX-Injected: 1",
    "\x1b[31mred\x1b[0m",
    "\u202eevil",
    "\ud800",
    "a\udfff",
    "\u00fc\u4e2d\U0001f525",
    "'; DROP TABLE labels; --",
    "$(touch owned)`id`",
    "{{ 7 * 7 }}",
    "null",
    "-1",
    "0",
    "9" * 40,
    "1e999",
    "nan",
    "inf",
    "-inf",
    "true",
    "[]",
    "{}",
    "a" * 256,
    "/orgs/1/pairing_profiles/2",
    "/orgs/1/pairing_profiles/2/../3",
    "/orgs/1/pairing_profiles/2?x=1",
    "/orgs/1/pairing_profiles/2#x",
    "/orgs/1/pairing_profiles/2\n",
    "/orgs/1/pairing_profiles/\u0662",
    "/orgs/2/pairing_profiles/2",
    "/orgs/1/labels/1",
    f"/orgs/1/vens/{UUID.format(1)}",
    "https://evil.example/orgs/1/pairing_profiles/2",
    "//evil.example/",
    "https://user:password@pce.example.com:1/x?y#z",
    "http://proxy.example.com:3128",
    "http://us er:pa\nss@proxy:1",
    "http://[::1",
    "http://h:99999",
    "[::1]:8443",
    "192.0.2.1",
    "::ffff:192.0.2.1",
    "fe80::1%eth0",
    "xn--\udcff.example",
    "a" * 64 + ".example",
    "@@long 100000@@",
]

_letters = st.text(st.characters(codec=None), max_size=40)  # all there are, surrogates too


def texts() -> st.SearchStrategy[str]:
    """Texts of all kinds."""
    return st.one_of(st.sampled_from(HOSTILE), _letters, st.text("./%?#&=:@[]\\\x00\n é\u2028", max_size=20))


def numbers() -> st.SearchStrategy[Any]:
    """Numbers of all kinds, as JSON has them and as Python does."""
    return st.one_of(
        st.integers(-3, 100000),
        st.integers(),
        st.floats(allow_nan=True),
        st.sampled_from([0, -1, 2**31, 2**63, 2**64, 10**30, 65536, "@@digits 4000@@", "@@raw 1e999@@", "@@raw -0@@"]),
    )


def anything() -> st.SearchStrategy[Any]:
    """JSON of any kind, not deep."""
    leaves = st.one_of(st.none(), st.booleans(), numbers(), texts())
    return st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts(), inner, max_size=3)),
        max_leaves=6,
    )


def of(spec: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return values for an option: such as it takes, and such as it does not."""
    kind = spec.get("type") or "str"
    likely: st.SearchStrategy[Any]
    if spec.get("choices"):
        likely = st.sampled_from(spec["choices"])
    elif kind in ("int", "float"):
        likely = numbers()
    elif kind == "bool":
        likely = st.booleans()
    elif spec.get("options"):
        one = entries(spec["options"])
        likely = st.lists(one, max_size=3) if kind == "list" else one
    elif kind == "list":
        element = of({"type": spec.get("elements")}) if spec.get("elements") != "dict" else labels()
        likely = st.lists(element, max_size=4)
    elif kind == "dict":
        likely = st.dictionaries(
            st.one_of(st.sampled_from(_NAMES), texts()), st.one_of(texts(), anything()), max_size=3
        )
    else:
        likely = texts()
    if spec.get("no_log"):
        # What is hidden is looked for by its beginning.
        return st.one_of(_letters.map(HIDDEN.__add__), st.none(), numbers(), st.sampled_from(["", " "]))
    return st.one_of(likely, likely, anything())


_NAMES = ["name_prefix", "external_data_set", "labels", "SECURITY_GROUP_NAME", "SRX_PASSWORD"]


def labels() -> st.SearchStrategy[Any]:
    """Entries of a list of labels."""
    names = st.one_of(st.sampled_from(["role", "env", "web", "prod", "key", "value", "href"]), texts())
    return st.one_of(
        st.dictionaries(names, st.one_of(names, anything()), max_size=3),
        st.fixed_dictionaries({"key": names, "value": names}),
        st.fixed_dictionaries({"href": st.one_of(st.just("/orgs/1/labels/2"), texts())}),
    )


def entries(spec: Mapping[str, Any]) -> st.SearchStrategy[Options]:
    """Return dictionaries of the options of a spec, some of them."""
    names = sorted(spec)
    several = st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)
    return several.flatmap(lambda chosen: st.fixed_dictionaries({name: of(spec[name]) for name in chosen}))


@st.composite
def tasks(draw: st.DrawFn, module: str, spec: Mapping[str, Any]) -> Options:
    """Return options of a module: a task that is right, with one to three options that are anything."""
    given: Options = {**connection(module), **draw(st.sampled_from(TASKS[module]))}
    given.update(draw(entries(spec)))
    if draw(st.integers(0, 9)) == 0:
        given[draw(texts())] = draw(anything())
    if draw(st.integers(0, 9)) == 0:
        given.pop(draw(st.sampled_from(sorted(given))))
    # What begins with these is Ansible's own.
    return {name: value for name, value in given.items() if not name.startswith("_ansible") and name != "_raw_params"}


def surely_wrong(spec: Mapping[str, Any]) -> list[Any]:
    """Return values of a type that the option cannot have."""
    kind = spec.get("type") or "str"
    wrong: dict[str, list[Any]] = {
        "int": ["x", [1], {"a": 1}, 1.5, "1.5", "nan"],
        "float": ["x", [1], {"a": 1}, "1,5"],
        "bool": ["maybe", [True], {"a": 1}, 2],
        "dict": [[1], 5, "@@long 10000@@", "\ud800"],
        "list": [{"a": 1}],
    }
    found = wrong.get(kind, [])
    if kind == "list" and spec.get("elements") in wrong:
        found = [*found, [wrong[spec["elements"]][0]]]
    return [*found, *(["no such choice", ["x"], {"x": "y"}, 7] if spec.get("choices") else [])]
