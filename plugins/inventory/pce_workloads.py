# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The workloads of an Illumio PCE as an inventory."""

from __future__ import annotations

DOCUMENTATION = r"""
name: pce_workloads
short_description: Use the workloads of an Illumio PCE as an inventory
version_added: 1.0.0
author:
  - The microseg.enforcement contributors (@microseg)
description:
  - Makes a host of every workload that a PCE shows, and a group of every label that these hosts have.
  - A label with the key C(role) and the value C(web) becomes the group C(role_web). Characters that a group name cannot
    have become underscores; a warning tells if two labels become the same group.
  - Each host has one variable, C(pce_workload), a dictionary with C(href), C(name), C(hostname), C(description),
    C(managed), C(online), C(enforcement_mode), C(visibility_level), C(labels) (a dictionary of values by keys),
    C(public_ip), C(interfaces) (a list of C(name), C(address), C(cidr_block)), C(addresses) (those of the interfaces
    that other hosts can reach), C(os_id), C(os_detail), and C(ven) (C(href), C(status), C(version), or null where no
    VEN is). What the PCE does not show is null.
  - What the PCE shows is data. A label or a name that looks like a template is never evaluated.
  - The file is one whose name ends with C(pce_workloads.yml) or C(pce_workloads.yaml).
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices:
      - microseg.enforcement.pce_workloads
  managed:
    description: Whether workloads with a VEN (V(true)), without one (V(false)), or all of them (V(any)) are hosts.
    type: str
    choices: ["true", "false", any]
    default: "true"
  online:
    description: If given, only workloads whose VEN is online, or only those whose VEN is not.
    type: bool
  enforcement_mode:
    description: If given, only workloads in one of these modes.
    type: list
    elements: str
    choices: [idle, visibility_only, selective, full]
  hostname:
    description: If given, only workloads whose hostname contains this text, in either case, as the PCE filters.
    type: str
  labels:
    description:
      - If given, only workloads that have all of these labels. Keys and values are compared as a whole.
      - A label that the PCE does not have is an error, so that a misspelt one does not look like an empty inventory.
    type: dict
  filters:
    description:
      - Jinja conditions over C(pce_workload), without braces. Only workloads for which all of them are true are hosts.
      - A condition over what is not defined, such as a label that a workload does not have, is not true; with
        O(strict=true) it is an error. If it is defined for no workload at all, a warning tells.
    type: list
    elements: str
    default: []
  hostnames:
    description:
      - What a host is called. The first of these that the workload has is taken.
      - V(address) is the first address of its interfaces that is neither a loopback nor a link-local one; V(uuid) is
        the last part of its href, which is taken too if nothing else serves.
      - A text that cannot be a host of an inventory does not serve, and a warning tells. Names have letters, digits,
        C(.), C(-), C(_), C(@) and inner spaces, and begin with a letter, a digit or C(_). What leads to the control
        node itself, such as C(localhost), numbers alone, and C(all) and C(ungrouped) do not serve either.
    type: list
    elements: str
    choices: [hostname, name, public_ip, address, uuid]
    default: [hostname, name]
  ven_problems:
    description:
      - Whether to read the VENs too, by one more request. C(pce_workload.ven) then also has the keys C(problems),
        C(conditions) and C(last_heartbeat_at), as in the result of M(microseg.enforcement.pce_ven_info).
    type: bool
    default: false
  outdated_before:
    description:
      - A release, such as V(23.2.20). With O(ven_problems=true), a VEN of an older release has the problem V(outdated).
    type: str
  duplicates:
    description:
      - What to do with several workloads that would have the same name. They are never merged.
      - V(rename) warns, and appends a hyphen and the last part of its href to the name of each of them.
      - V(error) makes it an error.
      - Workloads that a filter leaves out do not count.
    type: str
    choices: [rename, error]
    default: rename
extends_documentation_fragment:
  - microseg.enforcement.pce_inventory
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
notes:
  - All options but O(compose), O(groups), O(keyed_groups) and O(filters), which are expressions anyway, may be
    templates over extra variables and lookups.
  - An unknown option is an error, so that a misspelt filter does not make the inventory larger.
  - The cache holds what the PCE showed, and no credentials. It is not used after an option that decides what is read
    has changed.
  - Ansible goes on with an empty inventory if a source fails, and says so in a warning. With
    E(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED) it stops instead.
"""

EXAMPLES = r"""
# web.pce_workloads.yml: the web servers in prod that are online, grouped by operating system and by enforcement.
# ansible-playbook -i web.pce_workloads.yml site.yml --limit 'os_ubuntu_x86_64_22_04:!enforced'
plugin: microseg.enforcement.pce_workloads
# What is not given here comes from the environment: PCE_HOST, PCE_ORG_ID, PCE_API_KEY, PCE_API_SECRET.
pce_host: pce.example.com
api_key: api_0123456789abcdef
api_secret: "{{ lookup('ansible.builtin.file', '~/.pce_secret') }}"
# The PCE is asked for these only, so hosts that do not match are no part of the inventory.
labels:
  role: web
  env: prod
online: true
# What follows is decided here, for each host by its variables.
hostnames: [name, hostname, address]
filters:
  - pce_workload.os_id is not none
groups:
  enforced: pce_workload.enforcement_mode == 'full'
keyed_groups:
  - key: pce_workload.os_id
    prefix: os
compose:
  ansible_host: pce_workload.addresses[0]
# Kept for ten minutes.
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/pce_workloads
cache_timeout: 600
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError, AnsibleParserError, AnsibleUndefinedVariable
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.microseg.enforcement.plugins.module_utils._ansible.module import (
    INSECURE_WARNING,
    ansible_spec,
    explain,
    missing_library,
)
from ansible_collections.microseg.enforcement.plugins.module_utils._core.errors import (
    CollectionError,
    MissingLibraryError,
    OptionError,
)
from ansible_collections.microseg.enforcement.plugins.module_utils._core.listing import read_listing, select
from ansible_collections.microseg.enforcement.plugins.module_utils._core.text import closest_matches, one_line
from ansible_collections.microseg.enforcement.plugins.module_utils._pce import hrefs
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.api import PCE
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.ven_info import add_problems
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.ven_release import require_release
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.workload import (
    WORKLOAD,
    address_of,
    is_reachable,
)
from ansible_collections.microseg.enforcement.plugins.module_utils._pce.workload_store import WorkloadStore

VARIABLE = "pce_workload"
_FILES = ("pce_workloads.yml", "pce_workloads.yaml")
_OWN = (
    *("managed", "online", "enforcement_mode", "hostname", "labels", "hostnames", "duplicates"),
    *("ven_problems", "outdated_before"),
)
_EXPRESSIONS = ("plugin", "compose", "groups", "keyed_groups", "filters")
# A name can be met in patterns, paths, command lines and variables: it must mean nothing in any of them.
_NAME = re.compile(r"\w(?:[\w.@ -]{0,253}[\w.])?")
_RESERVED = re.compile(
    r"all|ungrouped|localhost[46]?(\..*)?|(0x[0-9a-f]+|[0-9]+)(\.(0x[0-9a-f]+|[0-9]+))*\.?", re.IGNORECASE
)

Workload = dict[str, Any]


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):  # type: ignore[misc]  # ansible has no types
    """Reads labels and workloads once, and makes hosts and groups of them."""

    NAME = "microseg.enforcement.pce_workloads"

    def verify_file(self, path: str) -> bool:
        """Return True if the name of the file is one of this plugin."""
        return bool(super().verify_file(path)) and path.endswith(_FILES)

    def set_options(
        self,
        task_keys: Mapping[str, Any] | None = None,
        var_options: Mapping[str, Any] | None = None,
        direct: Mapping[str, Any] | None = None,
    ) -> None:
        """Take the options of the file, after evaluating their templates and checking them."""
        checked = None if direct is None else self._checked(direct)
        super().set_options(task_keys=task_keys, var_options=var_options, direct=checked)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Add the workloads to ``inventory``. Raise AnsibleParserError for whatever a user, a PCE or a network did."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        try:
            workloads = self._filtered(self._workloads(path, cache))
            groups: dict[str, set[str]] = {}
            for name, workload in self._named(workloads).items():
                self._add(name, workload, groups)
        except MissingLibraryError as error:
            raise AnsibleParserError(missing_library(error.library)) from None
        except CollectionError as error:
            # Nothing of what lies behind the error is shown: it may quote a URL with a password.
            raise AnsibleParserError(str(error)) from None
        for group, labels in groups.items():
            if len(labels) > 1:
                self.display.warning(f"the labels {', '.join(sorted(labels))} are all the group {group}")

    def _checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options that ``given`` leads to, those of the environment included."""
        known = self.option_definitions
        for name in given:
            if name not in known:
                raise AnsibleParserError(f"unknown option {one_line(name)}{closest_matches(str(name), known)}")
        plain = {name: given[name] for name in given if name not in _EXPRESSIONS}
        options = {name: value for name, value in self._evaluated(plain).items() if value not in (None, "")}
        if "managed" in options:
            options["managed"] = str(options["managed"]).lower()
        spec = {name: ansible_spec(item) for name, item in PCE.options.items()}
        spec.update({name: _spec(known[name]) for name in _OWN})
        try:
            result = ArgumentSpecValidator(spec).validate({name: options[name] for name in options if name in spec})
        except OverflowError as error:  # of Ansible's conversions, over infinite numbers
            raise AnsibleParserError(f"an option must be a finite number: {one_line(error)}") from None
        if result.error_messages:
            messages = [explain(message, spec, result.validated_parameters) for message in result.error_messages]
            raise AnsibleParserError("; ".join(map(one_line, messages)))
        expressions = {name: given[name] for name in given if name in _EXPRESSIONS}
        if isinstance(expressions.get("filters"), str):
            expressions["filters"] = [expressions["filters"]]  # Ansible would split it at its commas
        return {**expressions, **options, **result.validated_parameters}

    def _evaluated(self, options: Mapping[str, Any]) -> dict[str, Any]:
        self.templar.available_variables = self._vars
        found = {}
        for name, value in options.items():
            try:
                evaluated = self.templar.template(value)
                # Reading is what decrypts a value of Ansible Vault.
                found[name] = str(evaluated) if name in PCE.options and not _is_plain(evaluated) else evaluated
            except AnsibleError as error:
                raise AnsibleParserError(f"{name}: cannot be evaluated: {one_line(error)}") from None
        return found

    def _workloads(self, path: str, cache: bool) -> list[Workload]:
        """Return the workloads that the options of this source ask for, from the cache if it has them."""
        params = {name: self.get_option(name) for name in (*PCE.options, *_OWN)}
        filters = _filters(params)
        listing = read_listing(WORKLOAD, filters, PCE.reference_checker(params))
        client = PCE.connect(params)
        if not params["validate_certs"]:
            self.display.warning(INSECURE_WARNING)
        if params["outdated_before"] is not None:
            require_release("outdated_before", params["outdated_before"])
        details = [params["ven_problems"], params["outdated_before"]]
        told = [client.management_server, client.org_id, params["api_key"], filters, *details]
        origin = hashlib.sha256(json.dumps(told).encode()).hexdigest()
        key = self.get_cache_key(path)
        if cache and self.get_option("cache"):
            kept = self._kept(key)
            if isinstance(kept, dict) and kept.get("origin") == origin and isinstance(kept.get("workloads"), list):
                return list(kept["workloads"])
        store = WorkloadStore(client.http, client.org_id, WORKLOAD)
        workloads: list[Workload] = select(WORKLOAD, store, listing)
        if store.unknown_labels:
            self.display.warning(
                f"{len(store.unknown_labels)} labels of workloads are left out: the PCE does not show what they are"
            )
        if params["ven_problems"]:
            add_problems(params, workloads)
        if self.get_option("cache"):
            self._cache[key] = {"origin": origin, "workloads": workloads}
        return workloads

    def _kept(self, key: str) -> Any:
        try:
            return self._cache[key]
        except (KeyError, AnsibleError):  # missing, expired, damaged
            return None

    def _filtered(self, workloads: list[Workload]) -> list[Workload]:
        """Return the workloads for which all ``filters`` are true."""
        kept = workloads
        for condition in self.get_option("filters"):
            undefined: list[str] = []
            kept, tried = [workload for workload in kept if self._is_true(condition, workload, undefined)], len(kept)
            if tried and len(undefined) == tried:
                self.display.warning(f"filters: {one_line(condition)}: true for no workload: {undefined[0]}")
        return kept

    def _is_true(self, condition: Any, workload: Workload, undefined: list[str]) -> bool:
        try:
            return bool(self._compose(condition, _variables(workload)))
        except AnsibleUndefinedVariable as error:
            if self.get_option("strict"):
                raise OptionError("filters", f"{one_line(condition)}: {one_line(error)}") from None
            undefined.append(one_line(error))
            return False
        except Exception as error:  # whatever an expression of the user can do
            raise OptionError("filters", f"{one_line(condition)}: {one_line(error)}") from None

    def _named(self, workloads: list[Workload]) -> dict[str, Workload]:
        """Return the workloads by names that are unique."""
        names = [self._name(workload) for workload in workloads]
        self._tell_duplicates(names, workloads)
        # Somebody may have called a workload what another is renamed to, hence the loop.
        while len(set(names)) < len(names):
            counts = Counter(names)
            names = [
                f"{name}-{hrefs.id_of(workload['href'])}" if counts[name] > 1 else name
                for name, workload in zip(names, workloads)
            ]
        return dict(zip(names, workloads))

    def _tell_duplicates(self, names: Sequence[str], workloads: Sequence[Workload]) -> None:
        references: dict[str, list[str]] = {}
        for name, workload in zip(names, workloads):
            references.setdefault(name, []).append(workload["href"])
        for name, several in references.items():
            if len(several) > 1:
                problem = f"{len(several)} workloads are called {name}: {one_line(', '.join(several))}"
                if self.get_option("duplicates") == "error":
                    raise OptionError("duplicates", problem)
                self.display.warning(
                    f"{problem}. In the inventory each is called {name}- and the last part of its href"
                )

    def _name(self, workload: Workload) -> str:
        own = {**workload, "address": next(iter(workload["addresses"]), None), "uuid": hrefs.id_of(workload["href"])}
        for choice in (*self.get_option("hostnames"), "uuid"):
            text = own[choice]
            if text and _is_name(text):
                return str(text)
            if text:
                self.display.warning(
                    f"the {choice} of {workload['href']} cannot be the name of a host: {one_line(text)!r}"
                )
        raise AssertionError("a UUID is a name")

    def _add(self, name: str, workload: Workload, groups: dict[str, set[str]]) -> None:
        """Add a host with its groups; ``groups`` collects the labels behind each group."""
        self.inventory.add_host(name)
        variables, strict = _variables(workload), self.get_option("strict")
        self.inventory.set_variable(name, VARIABLE, variables[VARIABLE])
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)
        for key, value in workload["labels"].items():
            group = self._sanitize_group_name(f"{key}_{value}")
            self.inventory.add_group(group)
            self.inventory.add_host(name, group=group)
            groups.setdefault(group, set()).add(one_line(f"{key}={value}"))


def _spec(documented: Mapping[str, Any]) -> dict[str, Any]:
    return {key: documented[key] for key in ("type", "elements", "choices", "default") if key in documented}


def _variables(workload: Workload) -> dict[str, Any]:
    """Return what expressions see of a workload: data, which no version of Ansible takes for templates."""
    return {VARIABLE: wrap_var(workload)}


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, list, dict))


def _filters(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filters of the info module that the options of this plugin mean."""
    return {
        "managed": None if params["managed"] == "any" else params["managed"] == "true",
        "online": params["online"],
        "enforcement_mode": params["enforcement_mode"] or None,
        "hostname": params["hostname"],
        "labels": _wanted_labels(params["labels"] or {}) or None,
    }


def _wanted_labels(labels: Mapping[Any, Any]) -> list[dict[str, Any]]:
    """Return the option ``labels`` as entries of the info module's."""
    return [{"key": key, "value": value} for key, value in labels.items()]


def _is_name(text: str) -> bool:
    """Return True if a host of an inventory can have this name: it leads to nothing else, and is no pattern."""
    if address_of(text) is not None:
        return is_reachable(text) and "%" not in text
    return _NAME.fullmatch(text) is not None and _RESERVED.fullmatch(text) is None
