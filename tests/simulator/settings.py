"""The adjustable behaviour: what the API page leaves open, or what a test wants to happen."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from tests.simulator import schema
from tests.simulator.package import RELEASE

DEFAULT_RELEASE = f"Default ({RELEASE})"
"""What `agent_software_release` shows for a profile that follows the default (Pairing profiles)."""


@dataclass
class Settings:
    """One value per setting, as PUT /_simulator/settings takes them; README.md has the table.

    rate_limit: requests a minute per API key, 0 switches it off (Transport).
    unpair_rate_limit: calls of VEN unpair a minute per API key, 0 switches it off (Transport).
    retry_after: the Retry-After of a 429: "auto" (seconds until a request would pass), a number of seconds,
        "date" (an HTTP date), "nonsense", or null for none (Transport: "sometimes with Retry-After").
    hard_limit: pairing keys a profile may have that are not revoked (Pairing keys).
    job_polls, job_seconds: a job runs until both that many polls and that many seconds have passed (Collections).
    job_words: the statuses that a job shows in turn before it ends (What others measured: "not yet").
    job_outcome: how a job ends: done, failed, cancel_requested, cancelled, canceled, or never (Collections; What others
        measured).
    job_location: the form of the job's Location: href, absolute, or alternate (More from clients: "relative").
    job_retry_after: the Retry-After of the 202 in seconds, null for none (Collections: "may be missing").
    respond_async: what `Prefer: respond-async` brings: a job, or the whole array at once (What others measured).
    without_jobs: the collections that do not know `Prefer: respond-async` (What others measured: "may have no jobs").
    count_header: what X-Total-Count counts: matching, all (it ignores filters, as measured at 25.2.40), or absent.
    large_pages: honour max_results above 500, or clamp it (More from clients: "honoured", not measured).
    media_type: bare application/json, or with a charset (What others measured: "comes bare"; Transport: "may carry").
    label_dimensions: the PCE has that collection (What others measured: "22.5 and later").
    label_keys: the keys that a label can have (Labels: "others of the organisation's own").
    show_deleted_labels: the collection of labels shows deleted ones too (Labels: "the object stays").
    deleted_again: a DELETE of a deleted label is refused (What others measured), or missing (404).
    mode_names: new objects carry both the old and the new name of a mode and of its lock, or the new one only
        (What others measured: "carry both").
    disabled_profile_keys: a disabled profile's keys are allowed or refused (What others measured: "has no source").
    suspended_unpair: unpairing a suspended VEN is allowed or refused (What others measured: "cannot be unpaired").
    unpair_refusal: where some VENs of a call are refused, the others are unpaired, or none (More from clients).
    unpair_answer: what a call that did all answers: empty (204) or list (200, no errors) (More from clients).
    unpair_max: VENs in a call (More from clients: "500 to 1,000").
    ven_uuid: a workload and its VEN have a shared UUID, or each its own (More from clients: "on newer PCEs").
    ven_health: the VEN object has the property `health`, shown or absent; the page has it as a filter only.
    health: the status of the cluster, or absent where there is no such path, as in the cloud (More from clients).
    ven_maintenance_token_required: what `settings` says of it (More from clients).
    bulk_seconds: how long a bulk operation takes; a second one in that time is a 429 (More from clients).
    bulk_update_answer: what bulk_update answers: entries, or one of the ways in which no entry says "updated": empty
        (204), object, unmentioned (`[]`), other_word, odd_href; or refused_whole, a 406 for all where one is refused.
    compatibility_report: of each VEN in idle mode: none, green, yellow, red (What others measured).
    upgrade_looks: how many GETs of VENs after its order an upgrade is carried out, -1 where a heartbeat does it.
    odd_hosts: by hostname, what happens to it: its report is green, yellow, red or missing (no_report), its upgrade has
        no effect (upgrade_fails), takes it offline (upgrade_offline) or is refused, and with it the whole call
        (upgrade_refused), a change of its mode is refused (mode_refused) or takes it offline (mode_offline, or
        a second later: mode_offline_late), or the VEN unpairs itself (mode_unpaired).
    compatibility_rate_limit: GETs of such reports a minute, 0 switches it off (More from clients: "by itself").
    workload_labels: how a GET shows the labels of workloads: href, or full (href, key and value, as newer PCEs do).
    unknown_filters: ignore or refuse the filters that the page does not name (Pairing profiles).
    error_form: the body form of every API error, or "natural" for the usual one of each status (Transport).
    permissions: all, or read_only, in which every write is a 403 (Transport).
    ven_status_delay: how many times a newly activated VEN answers `status` with "activating" before it is active.
    online_delay: how many GETs of the workloads show a newly activated VEN as offline, -1 for all of them (Workloads
        and VENs: "active ≠ online").
    keep_alive: connections are kept for further requests, or each answer ends its own, and says so.
    clock_stopped: the clock stands still at the time of the start, but for clock_offset.
    clock_offset: seconds by which the simulator's clock is ahead of the machine's, so that lifespans pass in a test.
    put_status: what connectors answer to a PUT of an instance, 0 where they know it (pe-api.md: assumed).
    connector_secrets: how a GET shows passwords and secret settings: masked, echoed, absent (pe-api.md: "never returns
        the password, or returns it masked").
    connector_errors: natural, or echo, in which an error of a connector repeats the body that it refuses.
    connector_auth: connectors ask for the API key and secret as user and password.
    connector_spaces: by_contexts, in which controllerContexts says whether an instance has an address space, as was
        believed once; free: it says nothing about that (pe-api.md, What else is public).
    connector_contexts: ignored, or required: a connector whose controllerContexts is true refuses an instance without
        one (pe-api.md, What else is public).
    connector_duplicates: refused, or allowed: a POST or PUT may make a second instance of an identity.
    connector_names: other JSON names for an instance, by the names of connector_names.py; a path has dots.
    """

    rate_limit: int = 500
    unpair_rate_limit: int = 10
    retry_after: int | str | None = "auto"
    hard_limit: int = 1000
    job_polls: int = 1
    job_seconds: float = 0
    job_words: list[str] = field(default_factory=lambda: ["running"])
    job_outcome: str = "done"
    job_location: str = "href"
    job_retry_after: int | None = 1
    respond_async: str = "job"
    without_jobs: list[str] = field(default_factory=list)
    count_header: str = "matching"
    large_pages: str = "honour"
    media_type: str = "bare"
    label_dimensions: bool = True
    label_keys: list[str] = field(default_factory=lambda: ["role", "app", "env", "loc", "os", "bu"])
    show_deleted_labels: bool = False
    deleted_again: str = "refused"
    mode_names: str = "both"
    disabled_profile_keys: str = "allowed"
    suspended_unpair: str = "refused"
    unpair_refusal: str = "others"
    unpair_answer: str = "empty"
    unpair_max: int = 1000
    ven_uuid: str = "shared"
    ven_health: str = "absent"
    health: str = "normal"
    ven_maintenance_token_required: bool = False
    bulk_seconds: float = 0
    bulk_update_answer: str = "entries"
    compatibility_report: str = "none"
    compatibility_rate_limit: int = 0
    upgrade_looks: int = -1
    odd_hosts: dict[str, list[str]] = field(default_factory=dict)
    workload_labels: str = "href"
    unknown_filters: str = "ignore"
    error_form: str = "natural"
    permissions: str = "all"
    ven_status_delay: int = 0
    online_delay: int = 0
    keep_alive: bool = True
    clock_stopped: bool = False
    clock_offset: float = 0
    put_status: int = 0
    connector_secrets: str = "masked"
    connector_errors: str = "natural"
    connector_auth: bool = False
    connector_spaces: str = "free"
    connector_contexts: str = "required"
    connector_duplicates: str = "refused"
    connector_names: dict[str, str] = field(default_factory=dict)

    def update(self, values: dict[str, Any]) -> None:
        """Take over some settings; an unknown name or value raises schema.Invalid and changes nothing."""
        schema.check("settings", values)
        for name, value in values.items():
            setattr(self, name, value)

    def replace(self, other: Settings) -> None:
        """Take over every setting of another object (a reset to what the start-up options said)."""
        for setting in fields(self):
            setattr(self, setting.name, getattr(other, setting.name))

    def as_json(self) -> dict[str, Any]:
        """All settings by name."""
        return asdict(self)
