"""Reads what is public off the documentation, the role and the playbooks."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any
from unittest import mock

import jinja2
import yaml
from jinja2 import nodes

from tests import documented
from tests.collection import ROOT
from tests.integration.runner import NAMESPACE, environment

_EXPRESSIONS = ("when", "that", "until", "failed_when", "changed_when")
_FUNCTIONS = {"query", "lookup", "now", "range", "dict", "undef"}
_MAGIC = {"hostvars", "inventory_hostname", "groups", "omit", "playbook_dir", "role_path", "item"}
_OF_THE_ROLE = {"pce_ven_batch", "ven_step"}
"""Modules that only the role uses; the guide Compatibility says so."""
_PLUGINS = {"inventory": "*.py", "filter": "*.yml"}

Public = dict[str, Any]


def collect() -> Public:
    """Return all that is public, as nested mappings and lists; `lines.dump` writes them to a file."""
    about = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    return {
        "version": about["version"],
        "action_groups": {
            group: [name for name in members if name not in _OF_THE_ROLE]
            for group, members in runtime["action_groups"].items()
        },
        "modules": _plugins("module", sorted({*documented.names()} - _OF_THE_ROLE)),
        **{
            kind: _plugins(kind, sorted(path.stem for path in (ROOT / "plugins" / kind).glob(pattern)))
            for kind, pattern in _PLUGINS.items()
        },
        "roles": {path.name: _role(path.name) for path in sorted((ROOT / "roles").iterdir())},
        "playbooks": {path.stem: _playbook(path.stem) for path in sorted((ROOT / "playbooks").glob("*.yml"))},
    }


def _plugins(kind: str, names: list[str]) -> Public:
    found = {}
    for name, shown in shown_by_ansible_doc(kind, names).items():
        options = {option: _option(item) for option, item in shown["doc"].get("options", {}).items()}
        if kind == "module":
            for option, version in _removals(name).items():
                options[option]["removed_in"] = version
        found[name] = {"options": options, "returns": _returns(shown["return"] or {})}
    return found


def shown_by_ansible_doc(kind: str, names: list[str]) -> dict[str, Any]:
    """What ansible-doc shows, by names without the collection's. Raises ValueError with its words where it fails."""
    command = ["ansible-doc", "--json", "-t", kind, *[f"{NAMESPACE}.{name}" for name in names]]
    ended = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if ended.returncode:
        raise ValueError(f"ansible-doc cannot read the documentation: {ended.stderr[-1000:]}")
    return {name.rpartition(".")[2]: about for name, about in sorted(json.loads(ended.stdout).items())}


def _option(item: Mapping[str, Any]) -> Public:
    """An option without its words."""
    about: Public = {"type": item.get("type", "str")}
    for key in ("elements", "choices", "default", "required", "aliases"):
        if item.get(key) is not None and (key == "default" or item[key]):
            about[key] = item[key]
    words = item.get("description", [])
    variables = re.findall(r"E\((\w+)\)", " ".join([words] if isinstance(words, str) else words))
    variables += [entry["name"] for entry in item.get("env", [])]
    if variables:
        about["env"] = variables
    deprecation = item.get("deprecated") or {}
    removed_in = item.get("removed_in_version") or deprecation.get("removed_in") or deprecation.get("version")
    if removed_in:
        about["removed_in"] = removed_in
    inner = item.get("suboptions") or item.get("options")
    if inner:
        about["options"] = {name: _option(option) for name, option in sorted(inner.items())}
    return about


def _returns(documented_keys: Mapping[str, Any]) -> Public:
    found: Public = {}
    for name, item in sorted(documented_keys.items()):
        found[name] = {"type": item["type"]}
        if "contains" in item:
            found[name]["contains"] = _returns(item["contains"])
    return found


class _Captured(Exception):  # noqa: N818  # not an error: what AnsibleModule was called with
    pass


def _removals(name: str) -> dict[str, str]:
    """The options of a module whose argument spec says in which version they are removed."""
    if os.environ["ANSIBLE_COLLECTIONS_PATH"] not in sys.path:
        sys.path.insert(0, os.environ["ANSIBLE_COLLECTIONS_PATH"])
    package = f"ansible_collections.{NAMESPACE}.plugins"
    edge = importlib.import_module(f"{package}.module_utils._ansible.module")
    module = importlib.import_module(f"{package}.modules.{name}")
    if not hasattr(module, "main"):  # its action plugin does everything
        spec = importlib.import_module(f"{package}.action.{name}").ActionModule.SPEC
        return {option: item["removed_in_version"] for option, item in spec.items() if "removed_in_version" in item}
    with mock.patch.object(edge, "Module", side_effect=_Captured) as called, contextlib.suppress(_Captured):
        module.main()
    spec = called.call_args.kwargs["argument_spec"]
    return {option: item["removed_in_version"] for option, item in spec.items() if "removed_in_version" in item}


def _role(name: str) -> Public:
    directory = ROOT / "roles" / name
    shown = yaml.safe_load((directory / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    defaults = yaml.safe_load((directory / "defaults" / "main.yml").read_text())
    variables = {option: _option(item) for option, item in sorted(shown["main"]["options"].items())}
    for option, value in defaults.items():
        variables[option]["default"] = value
    tasks = [yaml.safe_load(path.read_text()) for path in sorted((directory / "tasks").glob("*.yml"))]
    return {"variables": variables, "facts": _facts(tasks)}


def _playbook(name: str) -> Public:
    content = yaml.safe_load((ROOT / "playbooks" / f"{name}.yml").read_text())
    dictionaries = list(_dictionaries(content))
    given = {option for item in dictionaries for option in item.get("vars") or {}}
    given |= {item["register"] for item in dictionaries if "register" in item}
    given |= {item["loop_var"] for item in dictionaries if "loop_var" in item}
    given |= {option for item in dictionaries for option in item.get("ansible.builtin.set_fact") or {}}
    used = {word for text in _templates(content) for word in (*_names(text), *_of_hosts(text))}
    used -= given | _FUNCTIONS | _MAGIC
    roles = [item["ansible.builtin.import_role"]["name"] for item in dictionaries if _imports_role(item)]
    books = [
        item["ansible.builtin.import_playbook"] for item in dictionaries if "ansible.builtin.import_playbook" in item
    ]
    about: Public = {"variables": sorted(word for word in used if not word.startswith("ansible_") and "__" not in word)}
    if roles or books:
        # A playbook beside this one is imported by its file.
        about["imports"] = sorted(re.sub(r"\.yml$", "", name).rpartition(".")[2] for name in {*roles, *books})
    facts = _facts(content)
    return {**about, "facts": facts} if facts else about


def _imports_role(item: Mapping[str, Any]) -> bool:
    return "ansible.builtin.import_role" in item


def _facts(content: Any) -> list[str]:
    """The facts and statistics that are left for others: those without the double underscore of internal names."""
    found = set()
    for item in _dictionaries(content):
        found |= {*(item.get("ansible.builtin.set_fact") or {})}
        found |= {*(item.get("ansible.builtin.set_stats") or {}).get("data", {})}
    return sorted(name for name in found if "__" not in name)


def _dictionaries(content: Any) -> Iterator[dict[str, Any]]:
    if isinstance(content, dict):
        yield content
    for item in content.values() if isinstance(content, dict) else content if isinstance(content, list) else []:
        yield from _dictionaries(item)


def _templates(content: Any, is_expression: bool = False) -> Iterator[str]:
    """All texts of a playbook that Ansible evaluates; bare expressions in double braces."""
    if isinstance(content, str):
        yield f"{{{{ {content} }}}}" if is_expression and "{{" not in content else content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield from _templates(value, key in _EXPRESSIONS)
    elif isinstance(content, list):
        for item in content:
            yield from _templates(item, is_expression)


def _names(text: str) -> set[str]:
    """The variables that a template reads and does not set itself."""
    names = list(_parsed(text).find_all(nodes.Name))
    stored = {node.name for node in names if node.ctx == "store"}
    return {node.name for node in names if node.ctx == "load"} - stored


def _of_hosts(text: str) -> set[str]:
    """The variables that a template reads of a host: ``hostvars[…].NAME``, and what a filter is given hostvars for."""
    tree = _parsed(text)
    found = set()
    for node in tree.find_all(nodes.Getattr):
        if isinstance(node.node, nodes.Getitem) and getattr(node.node.node, "name", "") == "hostvars":
            found.add(node.attr)
    for called in tree.find_all(nodes.Filter):
        if called.name.startswith(NAMESPACE) and any(getattr(item, "name", "") == "hostvars" for item in called.args):
            source = (ROOT / "plugins" / "filter" / "pairing_report.py").read_text()
            found |= {*re.findall(r'"(ven_[a-z_]+)"', source)}
    return found


def _parsed(text: str) -> nodes.Template:
    return jinja2.Environment(autoescape=True).parse(text)
