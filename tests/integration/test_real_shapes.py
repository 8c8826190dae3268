"""Objects with the shape of real ones (tests/simulator/objects.py) through every info module and the inventory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import documented
from tests.collection import ROOT
from tests.directory_hosts import pce_variables
from tests.integration.runner import NAMESPACE, connection, environment, run, run_module
from tests.simulator.launch import Simulator
from tests.simulator.objects import OBJECTS

Json = dict[str, Any]

LISTS: Mapping[str, tuple[str, int]] = {
    "pce_label_info": ("labels", 6),
    "pce_pairing_profile_info": ("pairing_profiles", 5),
    "pce_ven_info": ("vens", 9),
    "pce_workload_info": ("workloads", 10),
}
"""The result of each info module of objects, and how many of the seeded ones it shows: not those that are deleted."""

OTHERS = {"pce_pairing_script_info", "pce_check_info", "pce_ven_compatibility_info"}
"""Info modules of a PCE that list no objects; test_check_server.py has the second with these."""


def listed(simulator: Simulator, module: str, **options: Any) -> list[Json]:
    simulator.seed(**OBJECTS)
    result = run_module(module, {**connection(simulator), **options})
    assert not result.get("failed"), result
    documented.check_result(module, result)
    own = {item["href"] for item in OBJECTS[LISTS[module][0]]}
    return [item for item in result[LISTS[module][0]] if item["href"] in own]


def test_every_info_module_has_an_expectation() -> None:
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("pce_*_info.py")}
    assert modules == {*LISTS, *OTHERS}, (
        "each has an entry in LISTS, with objects in tests/simulator/objects.py, or OTHERS"
    )


@pytest.mark.parametrize("module", LISTS)
def test_info_module_shows_each_object_once(simulator: Simulator, module: str) -> None:
    found = listed(simulator, module)
    assert len(found) == len({item["href"] for item in found}) == LISTS[module][1]


def test_workloads_have_labels_of_both_forms_and_odd_hostnames(simulator: Simulator) -> None:
    by_name = {item["hostname"] or item["name"]: item for item in listed(simulator, "pce_workload_info")}
    assert by_name["bücher-1.example.com"]["labels"] == {"role": "R-Web", "bu": "BU=42/é"}
    assert by_name["localhost.localdomain"]["labels"] == {}
    assert by_name["db_1"]["addresses"] == ["198.51.100.5", "2001:db8::5"]
    assert by_name["printer, 2nd floor"]["ven"] is None
    assert by_name["printer, 2nd floor"]["managed"] is False


def test_old_profile_shows_the_new_names(simulator: Simulator) -> None:
    by_name = {item["name"]: item for item in listed(simulator, "pce_pairing_profile_info")}
    old = by_name["PP legacy 'quoted' \"name\""]
    assert (old["enforcement_mode"], old["enforcement_mode_lock"]) == ("full", False)
    assert (old["allowed_uses_per_key"], old["key_lifespan"], old["labels"]) == (1, 60, [])
    assert by_name["PP-SELECTIVE"]["enforcement_mode"] == "selective"


def test_unchanged_profile_of_each_shape_is_unchanged(simulator: Simulator) -> None:
    """What the info module shows is what the module finds there, for each shape."""
    for item in listed(simulator, "pce_pairing_profile_info"):
        values = {name: item[name] for name in ("description", "enforcement_mode", "labels", "enabled")}
        limits = {name: str(item[name]) for name in ("allowed_uses_per_key", "key_lifespan")}
        options = {**connection(simulator), "name": item["name"], **values, **limits}
        result = run_module("pce_pairing_profile", options)
        assert not result.get("failed"), result
        assert result["changed"] is False, item


def test_inventory_has_a_host_for_each_managed_workload(simulator: Simulator, tmp_path: Path) -> None:
    simulator.seed(**OBJECTS)
    source = tmp_path / "pce_workloads.yml"
    source.write_text(yaml.safe_dump({"plugin": f"{NAMESPACE}.pce_workloads", **connection(simulator)}))
    ended = run(["ansible-inventory", "-i", str(source), "--list"], env=environment())
    assert ended.status == 0, ended.output
    hosts = json.loads(ended.stdout)["_meta"]["hostvars"]
    assert {"bücher-1.example.com", "WIN-7KQ2.Corp.Example.COM", "10.0.0.7", "db_1"} <= {*hosts}
    assert len(hosts) == len([item for item in OBJECTS["workloads"] if item["managed"]])
    # Two hosts without a name of their own: a connection by that name would lead to the control node.
    assert [name for name in hosts if "localdomain" in name] == []
    assert pce_variables(simulator)["ven_pce_api_secret"] not in ended.stdout
