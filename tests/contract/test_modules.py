"""Options, documentation, action groups, README: what is said of modules is what they are."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.basic import PASSWORD_MATCH

from tests import documented
from tests.collection import ROOT
from tests.integration.runner import NAMESPACE
from tests.public.collect import shown_by_ansible_doc

MODULES = documented.names()
API = [name for name in MODULES if name.startswith(("pce_", "pe_"))]
"""Modules that speak to an API; the others are action plugins for a host."""
OF_THE_ROLE = {"pce_ven_batch", "ven_step", "ven_user_data"}
"""Steps of the role ven, whose tests are those of the role, and what creates text only."""
INFO = "_info"


@lru_cache
def shown() -> dict[str, Any]:
    """What ansible-doc shows of all modules, with their doc fragments."""
    return shown_by_ansible_doc("module", MODULES)


class _Captured(Exception):  # noqa: N818  # not an error: what AnsibleModule was called with
    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self.arguments = arguments


@pytest.fixture(scope="module", autouse=True)
def _import_path() -> Iterator[None]:
    # The modules import each other by the collection's name, so this file does too, in a process of its own kind.
    import os

    sys.path.insert(0, os.environ["ANSIBLE_COLLECTIONS_PATH"])
    yield
    sys.path.remove(os.environ["ANSIBLE_COLLECTIONS_PATH"])
    for name in [name for name in sys.modules if name.startswith("ansible_collections.microseg")]:
        del sys.modules[name]


def argument_spec(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The argument spec that a module hands to AnsibleModule."""

    def capture(**arguments: Any) -> None:
        raise _Captured(arguments)

    module = importlib.import_module(f"ansible_collections.{NAMESPACE}.plugins.modules.{name}")
    edge = importlib.import_module(f"ansible_collections.{NAMESPACE}.plugins.module_utils._ansible.module")
    monkeypatch.setattr(edge, "Module", capture)
    with pytest.raises(_Captured) as caught:
        module.main()
    assert caught.value.arguments["supports_check_mode"] is True
    found: dict[str, Any] = caught.value.arguments["argument_spec"]
    return found


def _as_documented(spec: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("type", "elements", "choices", "default", "required", "aliases")
    about: dict[str, Any] = {key: spec[key] for key in kept if spec.get(key) not in (None, False, [])}
    if "options" in spec:
        about["suboptions"] = {name: _as_documented(item) for name, item in spec["options"].items()}
    return about


def _without_words(option: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("type", "elements", "choices", "default", "required", "aliases")
    about: dict[str, Any] = {key: option[key] for key in kept if option.get(key) not in (None, False, [])}
    if "suboptions" in option:
        about["suboptions"] = {name: _without_words(item) for name, item in option["suboptions"].items()}
    return about


@pytest.mark.parametrize("name", API)
def test_options_are_as_documented(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = argument_spec(name, monkeypatch)
    options = shown()[name]["doc"]["options"]
    assert {key: _as_documented(item) for key, item in spec.items()} == {
        key: _without_words(item) for key, item in options.items()
    }


@pytest.mark.parametrize("name", ["ven", "ven_info", "ven_user_data"])
def test_options_of_actions_are_as_documented(name: str) -> None:
    spec = importlib.import_module(f"ansible_collections.{NAMESPACE}.plugins.action.{name}").ActionModule.SPEC
    options = shown()[name]["doc"]["options"]
    assert {key: _as_documented(item) for key, item in spec.items()} == {
        key: _without_words(item) for key, item in options.items()
    }
    assert [key for key, item in spec.items() if item.get("no_log")] == [
        key for key in spec if key in ("activation_code", "maintenance_token")
    ]


@pytest.mark.parametrize("name", API)
def test_environment_variables_are_documented(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = shown()[name]["doc"]["options"]
    for option, item in argument_spec(name, monkeypatch).items():
        words = " ".join(options[option]["description"])
        for variable in item.get("fallback", (None, []))[1]:
            assert f"E({variable})" in words, f"{option} does not tell of {variable}"


@pytest.mark.parametrize("name", API)
def test_secrets_are_marked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for option, item in argument_spec(name, monkeypatch).items():
        if re.search(r"secret|password|proxy$", option) and item["type"] == "str" and not item.get("choices"):
            assert item.get("no_log") is True, option


@pytest.mark.parametrize("name", API)
def test_ansible_warns_of_no_option(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It suspects a secret in each option of such a name that does not say whether it is one."""
    for option, item in argument_spec(name, monkeypatch).items():
        if PASSWORD_MATCH.search(option):
            assert "no_log" in item or item["type"] == "bool" or item.get("choices"), option


def test_every_module_is_in_its_action_group() -> None:
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]
    for group, members in groups.items():
        assert members == sorted(name for name in MODULES if name.startswith(f"{group}_"))
    assert sorted(name for members in groups.values() for name in members) == API


@pytest.mark.parametrize("name", MODULES)
def test_documentation_is_complete(name: str) -> None:
    about = shown()[name]
    group = f"microseg.enforcement.{name.partition('_')[0]}"
    if name in API:
        assert about["doc"]["attributes"]["action_group"]["membership"] == [group]
    assert about["return"]
    tasks = yaml.safe_load(about["examples"])
    assert tasks
    for task in tasks:
        assert task["name"]
        assert any(key.startswith(f"{NAMESPACE}.") for key in task)


def test_every_write_module_has_an_info_twin_and_a_test() -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests" / "integration").glob("test_*.py"))
    untested = [name for name in MODULES if f'"{name}"' not in tests and name not in OF_THE_ROLE]
    assert untested == []
    # A key cannot be read again, and pce_ven_info shows releases too.
    twinless = {"pce_pairing_key", "pce_roll_out", "pce_ven_upgrade", *OF_THE_ROLE}
    missing = [
        name
        for name in MODULES
        if not name.endswith(INFO) and name not in twinless and not {f"{name}{INFO}", f"{name[:-1]}{INFO}"} & {*MODULES}
    ]
    assert missing == []


def test_the_readme_lists_what_there_is() -> None:
    readme = (ROOT / "README.md").read_text()
    for name in MODULES:
        assert f"`{name}`" in readme, name
    plugins = (ROOT / "plugins" / "inventory").glob("*.py")
    for path in [*(ROOT / "roles").iterdir(), *(ROOT / "playbooks").glob("*.yml"), *plugins]:
        assert f"`{path.stem}`" in readme, path.stem


def test_versions_agree() -> None:
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    for name in MODULES:
        added = shown()[name]["doc"]["version_added"]
        assert tuple(map(int, added.split("."))) <= tuple(map(int, version.split("."))), (
            f"{name}: version_added is {added}, and version in galaxy.yml is {version}; raise that"
        )


@pytest.mark.parametrize(
    "path",
    sorted(path for path in (ROOT / "plugins").rglob("*.py") if path.stat().st_size),
    ids=lambda path: str(path.relative_to(ROOT / "plugins")),
)
def test_every_plugin_file_says_its_licence(path: Path) -> None:
    # REUSE-IgnoreStart
    assert "SPDX-License-Identifier: GPL-3.0-or-later" in "".join(path.read_text().splitlines(keepends=True)[:5])
    # REUSE-IgnoreEnd
