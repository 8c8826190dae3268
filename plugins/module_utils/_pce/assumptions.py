# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The assumptions about a PCE that a read-only look can confirm (source: PCE REST API, all sections)."""

from __future__ import annotations

from collections.abc import Mapping

ASSUMPTIONS: Mapping[str, str] = {
    "release": "The PCE shows its release at /product_version",
    "health": "The PCE shows the status of its cluster at /health",
    "media_type": "JSON comes as application/json without parameters",
    "request_id": "Each response has an X-Request-Id",
    "max_results": "max_results limits the objects of a page",
    "max_results_zero": "max_results=0 returns an empty list and the count",
    "page": "A page without max_results has up to 500 objects",
    "large_page": "max_results above 500 is honored",
    "count": "X-Total-Count is the number of all objects",
    "count_with_filter": "With a filter, X-Total-Count is the number of objects that match",
    "filter": "A filter leaves out objects that do not match",
    "partial_filter": "A text filter matches a part of the value, in any case",
    "unknown_filter": "An unknown filter is ignored",
    "job": "Prefer: respond-async starts a job for each collection",
    "job_location": "The Location of a job is an HREF",
    "job_retry_after": "The response that starts a job has a Retry-After in seconds",
    "job_running": "A job that has not ended has the status running or pending",
    "job_end": "A job ends with the status done",
    "not_found": "A 404 has no body",
    "bad_query": "A query that is not valid is rejected with 406 and a list of token and message",
    "settings": "The settings show whether unpairing on a host requires a maintenance token",
    "workload_settings": "The settings of workloads can be read",
    "releases": "The VEN releases can be listed",
    "label_dimensions": "The label keys can be listed at /label_dimensions",
    "deleted_labels": "Deleted labels are not listed",
    "mode_names": "Pairing profiles show the enforcement mode by its old name too",
    "workload_labels": "Workloads show their labels with key and value",
    "ven_uuid": "A VEN and its workload have the same UUID",
    "profile_properties": "Pairing profiles have the documented properties",
    "profile_types": "The properties of pairing profiles have the documented types",
    "label_properties": "Labels have the documented properties",
    "label_types": "The properties of labels have the documented types",
    "workload_properties": "Workloads have the documented properties",
    "workload_types": "The properties of workloads have the documented types",
    "ven_properties": "VENs have the documented properties",
    "ven_types": "The properties of VENs have the documented types",
    "compatibility_report": "The compatibility report of a VEN in idle mode is empty, or has a qualify_status",
    "pairing_script": "The pairing script can be downloaded with the default of api_version, 18",
}
"""All assumptions by their IDs. The guide on assumptions lists the same sentences."""

LABEL_KEYS = ("role", "app", "env", "loc")
"""The label keys that every PCE has; all others are words of an organization."""

SCRIPT_VERSIONS = (18, 27, 26, 25, 6)
"""Versions in the URL of the pairing script that have been seen, the default first."""

_HREF_OR_NULL = {"created_by": "object null", "updated_by": "object null"}
_DATES = {"created_at": "string", "updated_at": "string"}
_EXTERNAL = {"external_data_set": "string null", "external_data_reference": "string null"}

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "profile": ("href", "name", "enabled", "labels", "allowed_uses_per_key", "key_lifespan"),
    "label": ("href", "key", "value"),
    "workload": ("href", "hostname", "managed", "online", "labels", "enforcement_mode", "interfaces"),
    "ven": ("href", "hostname", "status", "version"),
}
"""The properties of each kind that the collection relies on: one of them that no object has is a difference."""

PROPERTIES: Mapping[str, Mapping[str, str]] = {
    "profile": {
        **_HREF_OR_NULL,
        **_DATES,
        **_EXTERNAL,
        **dict.fromkeys(("href", "name", "description", "visibility_level", "ven_type"), "string"),
        **dict.fromkeys(("enforcement_mode", "mode", "status"), "string null"),
        **dict.fromkeys(("agent_software_release", "last_pairing_at"), "string null"),
        **dict.fromkeys(
            ("enabled", "is_default", "mode_lock", "enforcement_mode_lock", "visibility_level_lock"), "boolean"
        ),
        **dict.fromkeys(("env_label_lock", "loc_label_lock", "role_label_lock", "app_label_lock"), "boolean"),
        **dict.fromkeys(("log_traffic", "log_traffic_lock", "status_lock"), "boolean"),
        **dict.fromkeys(("allowed_uses_per_key", "key_lifespan"), "integer string"),
        "total_use_count": "integer",
        "labels": "list null",
        "caps": "list",
    },
    "label": {
        **_HREF_OR_NULL,
        **_DATES,
        **_EXTERNAL,
        **dict.fromkeys(("href", "key", "value"), "string"),
        "deleted": "boolean",
        "usage": "object",
        "caps": "list",
    },
    "workload": {
        **_HREF_OR_NULL,
        **_DATES,
        **_EXTERNAL,
        **dict.fromkeys(("href", "enforcement_mode", "visibility_level"), "string null"),
        **dict.fromkeys(
            ("name", "hostname", "description", "public_ip", "os_id", "os_detail", "os_type"), "string null"
        ),
        **dict.fromkeys(("delete_type", "service_principal_name", "distinguished_name"), "string null"),
        **dict.fromkeys(("service_provider", "data_center", "data_center_zone"), "string null"),
        **dict.fromkeys(("agent_to_pce_certificate_authentication_id", "blocked_connection_action"), "string null"),
        **dict.fromkeys(("managed", "online", "deleted", "containers_inherit_host_policy"), "boolean null"),
        **dict.fromkeys(("labels", "interfaces", "caps", "ignored_interface_names"), "list null"),
        **dict.fromkeys(("detected_vulnerabilities", "selectively_enforced_services"), "list null"),
        **dict.fromkeys(("agent", "ven", "services", "vulnerabilities_summary", "risk_summary"), "object null"),
        **dict.fromkeys(("firewall_coexistence", "container_cluster", "ike_authentication_certificate"), "object null"),
    },
    "ven": {
        **_HREF_OR_NULL,
        **_DATES,
        **dict.fromkeys(("href", "status"), "string"),
        **dict.fromkeys(("name", "description", "hostname", "uid", "version", "activation_type"), "string null"),
        **dict.fromkeys(("ven_type", "os_id", "os_detail", "os_platform", "active_pce_fqdn"), "string null"),
        **dict.fromkeys(("target_pce_fqdn", "last_heartbeat_at", "last_goodbye_at"), "string null"),
        **dict.fromkeys(("upgrade_target_version", "upgrade_expires_at", "public_ip"), "string null"),
        **dict.fromkeys(("labels", "interfaces", "workloads", "conditions", "caps"), "list null"),
        **dict.fromkeys(("unpair_allowed", "authentication_recovery", "golden_image"), "boolean null"),
        **dict.fromkeys(("container_cluster", "secure_connect"), "object null"),
    },
}
"""All documented properties of each kind, with the JSON types that occur."""
