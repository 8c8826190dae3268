"""Objects in the shape of real ones: every property, nulls, odd hostnames. All are invented.

`simulator.seed(**OBJECTS)` stores them. Which properties there are is on the API page (What others measured, More from
clients), and in the classes of the vendor's SDK, which has to read them all (tests/foreign).
"""

from __future__ import annotations

from typing import Any

from tests.simulator.state import OLD_MODES

Json = dict[str, Any]

EARLIER, LATER = "2022-02-02T02:02:02.022Z", "2026-01-15T10:11:12.131Z"
USERS: Json = {"created_by": {"href": "/users/4"}, "updated_by": {"href": "/users/18"}}


def _uuid(number: int) -> str:
    return f"5a1de000-0000-4000-8000-{number:012d}"


def _label(number: int, key: str, value: str, **more: Any) -> Json:
    return {
        "href": f"/orgs/1/labels/{number}",
        "key": key,
        "value": value,
        "deleted": False,
        "external_data_set": None,
        "external_data_reference": None,
        "created_at": EARLIER,
        "updated_at": LATER,
        **USERS,
        **more,
    }


LABELS = [
    _label(1001, "role", "R-Web"),
    _label(1002, "role", "R-Database (Oracle)"),
    _label(1003, "app", "A-Shop & Co", external_data_set="cmdb", external_data_reference="CI0004711"),
    _label(1004, "env", "E-Prod"),
    _label(1005, "loc", "L-Zürich"),
    _label(1006, "env", "E-Old", deleted=True, updated_by=None),
    _label(1007, "bu", "BU=42/é", created_by={"href": f"/orgs/1/container_clusters/{_uuid(901)}"}),
]


def _references(*numbers: int) -> list[Json]:
    return [{"href": f"/orgs/1/labels/{number}"} for number in numbers]


def _labels(*numbers: int) -> list[Json]:
    """Return labels as newer PCEs show them on workloads: with key and value."""
    known = {label["href"]: label for label in LABELS}
    return [{name: known[item["href"]][name] for name in ("href", "key", "value")} for item in _references(*numbers)]


def _profile(number: int, name: str, mode: str = "visibility_only", *without: str, **more: Any) -> Json:
    profile = {
        "href": f"/orgs/1/pairing_profiles/{number}",
        "name": name,
        "description": "",
        "total_use_count": 0,
        "enabled": True,
        "is_default": False,
        "created_at": EARLIER,
        "updated_at": LATER,
        **USERS,
        "mode": OLD_MODES.get(mode),
        "enforcement_mode": mode,
        "mode_lock": True,
        "enforcement_mode_lock": True,
        "key_lifespan": "unlimited",
        "allowed_uses_per_key": "unlimited",
        "last_pairing_at": None,
        "labels": [],
        "env_label_lock": True,
        "loc_label_lock": True,
        "role_label_lock": True,
        "app_label_lock": True,
        "visibility_level": "flow_summary",
        "visibility_level_lock": True,
        "log_traffic": False,
        "log_traffic_lock": True,
        "status_lock": True,
        "external_data_set": None,
        "external_data_reference": None,
        "agent_software_release": "Default (23.2.20-157)",
        "ven_type": "server",
        "caps": ["write", "generate_pairing_key"],
        **more,
    }
    return {key: value for key, value in profile.items() if key not in without}


PROFILES = [
    _profile(
        1001,
        "PP-WEB-PROD",
        "full",
        labels=_references(1001, 1003, 1004, 1005),
        key_lifespan=3600,
        allowed_uses_per_key=5,
        total_use_count=37,
        last_pairing_at=LATER,
    ),
    _profile(
        1002,
        "PP-LAPTOPS",
        ven_type="endpoint",
        agent_software_release="24.2.10-300",
        visibility_level="enhanced_data_collection",
        external_data_set="cmdb",
        external_data_reference="PP/7",
        enabled=False,
    ),
    # As an old PCE has left it.
    _profile(
        1003,
        "PP legacy 'quoted' \"name\"",
        "full",
        *("enforcement_mode", "enforcement_mode_lock", "visibility_level", "visibility_level_lock", "ven_type"),
        mode_lock=False,
        allowed_uses_per_key="one_use",
        key_lifespan="60",
        labels=None,
        description="Zeile 1\nZeile 2",
        total_use_count=104729,
        updated_by=None,
    ),
    _profile(1004, "pp-read-only ", caps=[], ven_type="specified_during_activation", labels=_references(1006)),
    _profile(1005, "PP-SELECTIVE", "selective", "mode", description="   "),
]


def _interface(name: str, address: str, **more: Any) -> Json:
    return {
        "name": name,
        "link_state": "up",
        "address": address,
        "cidr_block": 24,
        "default_gateway_address": None,
        "friendly_name": None,
        "network": {"href": f"/orgs/1/networks/{_uuid(950)}"},
        "network_detection_mode": "single_private_brn",
        "loopback": False,
        **more,
    }


def _agent(number: int, mode: str, status: Json, **more: Any) -> Json:
    return {
        "href": f"/orgs/1/agents/{number}",
        "name": None,
        "config": {
            "mode": OLD_MODES.get(mode),
            "log_traffic": False,
            "security_policy_update_mode": "adaptive",
            "visibility_level": "flow_summary",
        },
        "secure_connect": None,
        "active_pce_fqdn": "pce.example.com",
        "target_pce_fqdn": None,
        "type": "Host",
        "unpair_allowed": True,
        "status": {
            "uid": _uuid(number + 500),
            "status": "active",
            "instance_id": None,
            "last_heartbeat_on": LATER,
            "uptime_seconds": 8640123,
            "agent_version": "23.2.20-157",
            "managed_since": EARLIER,
            "fw_config_current": True,
            "firewall_rule_count": 0,
            "security_policy_refresh_at": None,
            "security_policy_applied_at": LATER,
            "security_policy_received_at": LATER,
            "agent_health_errors": {"errors": [], "warnings": []},
            "agent_health": [],
            "security_policy_sync_state": "synced",
            **status,
        },
        **more,
    }


SSH = {
    "protocol": 6,
    "address": "0.0.0.0",
    "port": 22,
    "process_name": "sshd",
    "user": "root",
    "package": None,
    "win_service_name": None,
}


def _workload(
    number: int, hostname: str | None, mode: str = "visibility_only", status: Json | None = None, **more: Any
) -> Json:
    """Return a managed workload; `status` is what its agent says otherwise."""
    agent = _agent(number, mode, status or {})
    return {
        "href": f"/orgs/1/workloads/{_uuid(number)}",
        "deleted": False,
        "delete_type": None,
        "name": None,
        "description": None,
        "managed": True,
        "hostname": hostname,
        "os_type": "linux",
        "service_principal_name": None,
        "agent_to_pce_certificate_authentication_id": None,
        "distinguished_name": "",
        "public_ip": None,
        "external_data_set": None,
        "external_data_reference": None,
        "interfaces": [_interface("eth0", f"192.0.2.{number}")],
        "ignored_interface_names": [],
        "service_provider": None,
        "data_center": None,
        "data_center_zone": None,
        "os_id": "redhat-x86_64-9.0",
        "os_detail": "5.14.0-427.el9.x86_64 #1 SMP PREEMPT_DYNAMIC (Red Hat Enterprise Linux 9.4)",
        "online": True,
        "firewall_coexistence": None,
        "containers_inherit_host_policy": False,
        "blocked_connection_action": "drop",
        "labels": _labels(1001, 1003, 1004, 1005),
        "services": {"uptime_seconds": 8640123, "created_at": LATER, "open_service_ports": [SSH]},
        "vulnerabilities_summary": None,
        "detected_vulnerabilities": [],
        "risk_summary": {"ransomware": None},
        "selectively_enforced_services": [],
        "container_cluster": None,
        "ike_authentication_certificate": None,
        "agent": agent,
        "ven": {
            "href": f"/orgs/1/vens/{_uuid(number)}",
            "hostname": hostname,
            "name": None,
            "status": agent["status"]["status"],
        },
        "enforcement_mode": mode,
        "visibility_level": "flow_summary",
        "created_at": EARLIER,
        "updated_at": LATER,
        "created_by": {"href": f"/orgs/1/vens/{_uuid(number)}"},
        "updated_by": {"href": "/users/18"},
        "caps": ["write"],
        **more,
    }


WINDOWS: Json = {
    "os_type": "windows",
    "os_id": "win-x86_64-server",
    "os_detail": "6.2.9200 sp 0.0 suite 272 product type 3 (Windows Server 2022 Datacenter)",
}

UNMANAGED: Json = {
    "managed": False,
    "online": False,
    "ven": None,
    "agent": {
        "config": {"mode": "unmanaged", "log_traffic": False, "security_policy_update_mode": None},
        "status": None,
    },
    "services": None,
    "os_type": None,
    "os_id": None,
    "os_detail": None,
}

MANAGED = [
    _workload(1, "web-01.shop.example.com", name="Web 01"),
    _workload(
        2,
        "WIN-7KQ2.Corp.Example.COM",
        "selective",
        **WINDOWS,
        labels=_labels(1002, 1004),
        selectively_enforced_services=[
            {"port": 3389, "proto": 6},
            {"href": "/orgs/1/sec_policy/draft/services/7"},
        ],
        vulnerabilities_summary={
            "num_vulnerabilities": 3,
            "vulnerable_port_exposure": None,
            "vulnerable_port_wide_exposure": {"any": False, "ip_list": True},
            "vulnerability_exposure_score": None,
            "vulnerability_score": 125,
            "max_vulnerability_score": 80,
            "vulnerability_computation_state": "in_sync",
        },
    ),
    # Two hosts that were given no name of their own.
    _workload(3, "localhost.localdomain", status={"status": "suspended"}, labels=[], online=False),
    _workload(4, "localhost.localdomain", labels=None, name="localhost.localdomain"),
    _workload(
        5,
        "db_1",
        status={
            "agent_health": [
                {
                    "type": "agent.missed_heartbeats",
                    "severity": "warning",
                    "audit_event": f"/orgs/1/events/{_uuid(960)}",
                }
            ],
            "agent_health_errors": {"errors": [], "warnings": ["missed_heartbeats"]},
        },
        description="Oracle, \"old\"\tand 'tired'",
        interfaces=[
            _interface("bond0.100", "198.51.100.5"),
            _interface("lo", "127.0.0.1", cidr_block=8, loopback=True, network=None),
            _interface("eth0", "2001:db8::5", cidr_block=64, default_gateway_address="fe80::1"),
        ],
        public_ip="203.0.113.5",
        service_provider="aws.amazon.com",
        data_center="eu-central-1",
        data_center_zone="eu-central-1a",
        external_data_set="cmdb",
        external_data_reference="CI0000005",
    ),
    _workload(
        6,
        "bücher-1.example.com",
        "full",
        labels=_labels(1001, 1007),
        firewall_coexistence={"illumio_primary": True},
        container_cluster={"href": f"/orgs/1/container_clusters/{_uuid(901)}", "name": "k8s-1"},
    ),
    _workload(7, "10.0.0.7", "idle", labels=_labels(1006)),
    _workload(8, "image-w11", **WINDOWS, name="Golden image"),
    _workload(9, f"{'a' * 63}.example.com", status={"status": "stopped"}, online=False),
]

WORKLOADS = [
    *MANAGED,
    _workload(
        10,
        "",
        **UNMANAGED,
        name="printer, 2nd floor",
        interfaces=[_interface("umw0", "198.51.100.10", cidr_block=None, network=None)],
    ),
    _workload(
        11,
        None,
        **UNMANAGED,
        name="left",
        labels=[],
        interfaces=[],
        deleted=True,
        delete_type="unpaired",
        caps=[],
        created_by=None,
        updated_by=None,
    ),
]


def _condition(kind: str, severity: str, number: int) -> Json:
    return {
        "first_reported_timestamp": LATER,
        "latest_event": {
            "href": f"/orgs/1/events/{_uuid(number)}",
            "notification_type": kind,
            "severity": severity,
            "info": {},
            "timestamp": LATER,
        },
    }


_OF_BOTH = (
    *("href", "name", "hostname", "os_id", "os_detail", "labels", "public_ip", "interfaces"),
    *("enforcement_mode", "visibility_level", "online"),
)
"""What a VEN repeats of its workload."""


def _ven(workload: Json, **more: Any) -> Json:
    agent = workload["agent"]["status"]
    return {
        "href": workload["ven"]["href"],
        "name": workload["name"],
        "description": None,
        "hostname": workload["hostname"],
        "uid": agent["uid"],
        "status": agent["status"],
        "version": agent["agent_version"],
        "activation_type": "pairing_key",
        "ven_type": "server",
        "os_id": workload["os_id"],
        "os_detail": workload["os_detail"],
        "os_platform": workload["os_type"],
        "active_pce_fqdn": "pce.example.com",
        "target_pce_fqdn": None,
        "labels": workload["labels"],
        "interfaces": workload["interfaces"],
        "workloads": [
            {
                **{name: workload[name] for name in _OF_BOTH},
                "mode": workload["agent"]["config"]["mode"],
                "log_traffic": False,
                "security_policy_applied_at": agent["security_policy_applied_at"],
                "security_policy_received_at": agent["security_policy_received_at"],
            }
        ],
        "container_cluster": workload["container_cluster"],
        "secure_connect": {"matching_issuer_name": None},
        "last_heartbeat_at": LATER,
        "last_goodbye_at": None,
        "conditions": [],
        "unpair_allowed": True,
        "authentication_recovery": False,
        "golden_image": False,
        "upgrade_target_version": None,
        "upgrade_expires_at": None,
        "created_at": EARLIER,
        "updated_at": LATER,
        "created_by": {"href": workload["ven"]["href"]},
        "updated_by": {"href": "/users/18"},
        "caps": ["write"],
        **more,
    }


_OF_VENS: list[Json] = [
    {},
    {"version": "22.5.34-10", "upgrade_target_version": "24.2.10-300", "upgrade_expires_at": LATER},
    {"last_goodbye_at": LATER},
    {},
    {"conditions": [_condition("agent.missed_heartbeats", "warning", 960)]},
    {"activation_type": "kerberos", "secure_connect": None},
    {"version": None, "last_heartbeat_at": None, "conditions": None},
    {"golden_image": True, "unpair_allowed": False, "ven_type": "endpoint", "activation_type": "certificate"},
    {
        "conditions": [
            _condition("agent.tampering", "err", 961),
            _condition("agent.clone_detected", "warning", 962),
        ],
        "target_pce_fqdn": "pce2.example.com",
    },
]

OBJECTS: dict[str, list[Json]] = {
    "labels": LABELS,
    "pairing_profiles": PROFILES,
    "workloads": WORKLOADS,
    "vens": [_ven(workload, **more) for workload, more in zip(MANAGED, _OF_VENS)],
}
"""By the names that a seed has for them."""
