"""What the simulated organisation owns: profiles, keys, labels, workloads, jobs. No HTTP here."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import re
import secrets
import uuid
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from tests.simulator.errors import not_acceptable
from tests.simulator.package import RELEASE
from tests.simulator.settings import DEFAULT_RELEASE, Settings

Json = dict[str, Any]

USER = {"href": "/users/1"}

LATE_SECONDS = 1.0
"""Seconds until a host shows that the change of its mode has cut it off."""

OLD_MODES = {"idle": "idle", "visibility_only": "illuminated", "full": "enforced"}
"""The words of the deprecated `mode`, by those of `enforcement_mode`; it has none for selective (Pairing profiles)."""

FQDN = "pce.example.com"
"""The name that the PCE has for itself."""

_FIRST_LABELS = (("role", "web"), ("role", "db"), ("app", "shop"), ("env", "prod"), ("env", "test"), ("loc", "office"))
"""What the organisation starts with, as label 1, 2, …, so that a playbook has something to refer to."""


def stamp(seconds: float) -> str:
    """A time as the PCE writes it: UTC, milliseconds (seed: "2016-06-08T23:13:29.019Z")."""
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def digest(code: str) -> str:
    """The SHA-256 of an activation code, in hex: the simulator keeps no code itself."""
    return hashlib.sha256(code.encode()).hexdigest()


def limit(value: object) -> int | None:
    """A stored limit as a number, None for unlimited; old data holds "60" and "one_use" (Pairing profiles)."""
    if value in (None, "unlimited"):
        return None
    return 1 if value == "one_use" else int(str(value))


def ven_of(workload: Json) -> Json:
    """Return what a workload says of its VEN; seeds have odd shapes of it too."""
    ven = workload.get("ven")
    return ven if isinstance(ven, dict) else {}


@dataclass
class Key:
    """A pairing key: its limits are those of the profile at the time of minting (Pairing keys)."""

    digest: str
    profile: str
    minted_at: float
    expires_at: float | None
    uses: int | None
    used: int = 0
    revoked: bool = False

    def as_json(self, now: float) -> Json:
        """What the control path shows of a key; never the code."""
        return {
            "sha256": self.digest,
            "profile": self.profile,
            "minted_at": stamp(self.minted_at),
            "expires_at": None if self.expires_at is None else stamp(self.expires_at),
            "uses": "unlimited" if self.uses is None else self.uses,
            "used": self.used,
            "revoked": self.revoked,
            "expired": self.expired(now),
            "spent": self.spent(),
        }

    def expired(self, now: float) -> bool:
        """The lifespan has passed."""
        return self.expires_at is not None and now >= self.expires_at

    def spent(self) -> bool:
        """Every use has been made."""
        return self.uses is not None and self.used >= self.uses


@dataclass
class Job:
    """An asynchronous collection: `objects` is what matched when it was asked for (Collections)."""

    href: str
    datafile: str
    description: str
    requested_at: float
    objects: list[Json]
    polls: int = 0
    outcome: str = ""
    """The status with which the job ended, empty while it runs."""
    terminated_at: float | None = None


@dataclass
class Store:
    """One organisation. `now` gives seconds since the epoch, so that tests can move time."""

    org_id: int
    now: Callable[[], float]
    settings: Settings
    profiles: dict[int, Json] = field(default_factory=dict)
    labels: dict[int, Json] = field(default_factory=dict)
    workloads: dict[str, Json] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    activations: list[Json] = field(default_factory=list)
    unpairings: list[Json] = field(default_factory=list)
    ven_tokens: dict[str, str] = field(default_factory=dict)
    own_vens: dict[str, Json] = field(default_factory=dict)
    """What a VEN has beyond its workloads, by its HREF: the whole object of a seed, or what was changed or ordered."""
    upgrade_looks: dict[str, int] = field(default_factory=dict)
    """How many GETs have shown a VEN since its upgrade was ordered, by its HREF."""
    heartbeats: dict[str, float] = field(default_factory=dict)
    """The time of each VEN's last heartbeat after its activation."""
    dimensions: dict[str, Json] = field(default_factory=dict)
    """The label dimensions that were looked at or changed, by their key."""
    offline: dict[str, int] = field(default_factory=dict)
    """How many GETs of the collection still show a workload as offline, by its HREF; -1 means all of them."""
    _last_id: dict[str, int] = field(default_factory=dict)

    def clear(self) -> None:
        """The organisation as it starts: the default profile and a few labels."""
        for things in (
            self.profiles,
            self.labels,
            self.workloads,
            self.keys,
            self.jobs,
            self.ven_tokens,
            self.own_vens,
            self.upgrade_looks,
            self.heartbeats,
            self.dimensions,
            self.offline,
            self._last_id,
        ):
            things.clear()
        self.activations.clear()
        self.unpairings.clear()
        self.add_profile({"name": "Default", "enabled": True, "is_default": True})
        for key, value in _FIRST_LABELS:
            self.add_label({"key": key, "value": value})

    def href(self, kind: str, ident: object) -> str:
        """The HREF of an object: no host, no /api/v2 (Transport)."""
        return f"/orgs/{self.org_id}/{kind}/{ident}"

    # Pairing profiles

    def add_profile(self, given: Json) -> Json:
        """Create a profile: what was given, over the PCE's defaults (Pairing profiles)."""
        moment = stamp(self.now())
        profile: Json = {
            "href": None,
            "name": None,
            "description": "",
            "total_use_count": 0,
            "enabled": True,
            "is_default": False,
            "created_at": moment,
            "updated_at": moment,
            "created_by": dict(USER),
            "updated_by": dict(USER),
            "enforcement_mode": "visibility_only",
            "key_lifespan": "unlimited",
            "allowed_uses_per_key": "unlimited",
            "last_pairing_at": None,
            "labels": [],
            "env_label_lock": False,
            "loc_label_lock": False,
            "role_label_lock": False,
            "app_label_lock": False,
            "enforcement_mode_lock": False,
            "visibility_level": "flow_summary",
            "visibility_level_lock": False,
            "status_lock": False,
            "log_traffic": False,
            "log_traffic_lock": False,
            "external_data_set": None,
            "external_data_reference": None,
            "agent_software_release": DEFAULT_RELEASE,
            "caps": ["write", "generate_pairing_key"],
        }
        profile.update(copy.deepcopy(given))
        self._set_old_names(profile)
        return self.put_profile(_settled(profile))

    def put_profile(self, raw: Json) -> Json:
        """Store a profile as it is; an HREF is allotted when there is none."""
        return self._put("pairing_profiles", self.profiles, raw)

    def change_profile(self, profile: Json, changes: Json) -> None:
        """Partial change: what is not in `changes` stays (Transport: "PUT is partial")."""
        # The deprecated twins of old objects would contradict the property that replaced them.
        for name, deprecated in (("enforcement_mode", "mode"), ("enforcement_mode_lock", "mode_lock")):
            if name in changes:
                profile.pop(deprecated, None)
        profile.update(copy.deepcopy(changes))
        self._set_old_names(profile)
        _settled(profile)
        profile["updated_at"] = stamp(self.now())
        profile["updated_by"] = dict(USER)

    def _set_old_names(self, profile: Json) -> None:
        """Give a profile the deprecated twins of its properties, unless only the new names are wanted."""
        if self.settings.mode_names == "new":
            return
        if profile.get("enforcement_mode") in OLD_MODES:
            profile["mode"] = OLD_MODES[profile["enforcement_mode"]]
        if "enforcement_mode_lock" in profile:
            profile["mode_lock"] = profile["enforcement_mode_lock"]

    def remove_profile(self, ident: int) -> None:
        """Delete a profile; its keys are worth nothing from then on."""
        self.revoke_keys(self.profiles.pop(ident))

    # Pairing keys

    def mint_key(self, profile: Json) -> str:
        """A new key: 81 hex digits, which nobody can read again (Pairing keys)."""
        code = secrets.token_hex(41)[:81]
        lifespan = limit(profile.get("key_lifespan"))
        now = self.now()
        self.keys[digest(code)] = Key(
            digest=digest(code),
            profile=profile["href"],
            minted_at=now,
            expires_at=None if lifespan is None else now + lifespan,
            uses=limit(profile.get("allowed_uses_per_key")),
        )
        return code

    def live_keys(self, profile: Json) -> list[Key]:
        """The keys of a profile that count towards the hard limit: all that are not revoked."""
        return [key for key in self.keys.values() if key.profile == profile["href"] and not key.revoked]

    def revoke_keys(self, profile: Json) -> None:
        """Revoke all keys of a profile (Pairing keys: "There is no revoking of one")."""
        for key in self.live_keys(profile):
            key.revoked = True

    # Labels

    def add_label(self, given: Json) -> Json:
        """Create a label, whole as a POST answers it (Labels)."""
        moment = stamp(self.now())
        label: Json = {
            "href": None,
            "key": None,
            "value": None,
            "external_data_set": None,
            "external_data_reference": None,
            "created_at": moment,
            "updated_at": moment,
            "created_by": dict(USER),
            "updated_by": dict(USER),
            "deleted": False,
        }
        return self.put_label({**label, **given})

    def change_label(self, label: Json, changes: Json) -> None:
        """Partial change, the soft delete (`deleted`) included."""
        label.update(changes)
        label["updated_at"] = stamp(self.now())
        label["updated_by"] = dict(USER)

    def put_label(self, raw: Json) -> Json:
        """Store a label as it is; an HREF is allotted when there is none."""
        return self._put("labels", self.labels, raw)

    def label(self, href: str) -> Json | None:
        """The label of an HREF, None when there is none or it was deleted (Labels: the delete is soft)."""
        label = self.label_ever(href)
        return None if label is None or label.get("deleted") else label

    def label_ever(self, href: str) -> Json | None:
        """The label of an HREF, deleted or not."""
        ident = _number(href, self.href("labels", ""))
        return self.labels.get(ident) if ident is not None else None

    def label_of(self, key: str, value: str) -> Json | None:
        """The label with exactly this key and value."""
        for label in self.labels.values():
            if label.get("key") == key and label.get("value") == value and not label.get("deleted"):
                return label
        return None

    def first_labels(self) -> list[list[str]]:
        """The HREFs of those labels of the start that are still there, in one list for each key."""
        by_key: dict[str, list[str]] = {}
        for key, value in _FIRST_LABELS:
            label = self.label_of(key, value)
            if label is not None:
                by_key.setdefault(key, []).append(label["href"])
        return list(by_key.values())

    # Workloads and VENs

    def add_workload(self, hostname: str, labels: list[Json]) -> Json:
        """A workload that has just been paired, is active and online (Workloads and VENs)."""
        moment = stamp(self.now())
        ident = str(uuid.uuid4())
        number = len(self.workloads) + 1
        workload = self._new_workload(ident)
        workload.update(
            {
                "hostname": hostname,
                "managed": True,
                "online": True,
                "labels": labels,
                "os_id": "centos-x86_64-7.0",
                "os_detail": "4.18.0-305.el8.x86_64 (CentOS Linux release 8.4)",
                "interfaces": [
                    {
                        "name": "eth0",
                        "link_state": "up",
                        "address": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
                        "cidr_block": 8,
                        "default_gateway_address": "10.255.255.254",
                        "friendly_name": None,
                    }
                ],
                "ven": {
                    "href": self.new_ven_href(ident),
                    "hostname": hostname,
                    "status": "active",
                    "version": RELEASE,
                },
                "agent": {
                    "href": self.href("agents", number),
                    "config": {"security_policy_update_mode": "adaptive"},
                    "status": {
                        "status": "active",
                        "managed_since": moment,
                        "last_heartbeat_on": moment,
                        "agent_version": RELEASE,
                    },
                },
            }
        )
        self.set_modes(workload, {"enforcement_mode": "visibility_only", "visibility_level": "flow_summary"})
        self.workloads[ident] = workload
        return workload

    def new_ven_href(self, workload_id: str) -> str:
        """Return the HREF of a new VEN of a workload, which may have the same UUID (More from clients)."""
        return self.href("vens", workload_id if self.settings.ven_uuid == "shared" else uuid.uuid4())

    def add_unmanaged(self, given: Json) -> Json:
        """Create a workload without a VEN: what was given, over the PCE's defaults."""
        ident = str(uuid.uuid4())
        workload = {**self._new_workload(ident), **copy.deepcopy(given)}
        self.set_modes(workload, {"enforcement_mode": given.get("enforcement_mode", "visibility_only")})
        self.workloads[ident] = workload
        return workload

    def change_workload(self, workload: Json, changes: Json) -> None:
        """Change the properties in `changes`; the modes stand in more than one place."""
        odd = self.settings.odd_hosts.get(str(workload.get("hostname")), [])
        if "enforcement_mode" in changes and changes["enforcement_mode"] != workload.get("enforcement_mode"):
            if "mode_refused" in odd:
                raise not_acceptable("enforcement_mode_not_allowed", "The enforcement mode cannot be changed")
            if "mode_offline" in odd:
                workload["online"] = False
            if "mode_unpaired" in odd:
                gone = {str(ven_of(workload).get("href"))}
                asyncio.get_running_loop().call_soon(lambda: self.release_vens(gone, remove=True))
            if "mode_offline_late" in odd:
                asyncio.get_running_loop().call_later(LATE_SECONDS, workload.__setitem__, "online", False)
        workload.update(copy.deepcopy(changes))
        self.set_modes(workload, changes)
        workload["updated_at"] = stamp(self.now())
        workload["updated_by"] = dict(USER)

    def set_modes(self, workload: Json, changes: Json) -> None:
        """Set enforcement mode and visibility level where they stand: at the workload, and in its agent's config."""
        agent = workload.get("agent")
        config = agent.get("config") if isinstance(agent, dict) else None
        for name in ("enforcement_mode", "visibility_level"):
            if name in changes:
                workload[name] = changes[name]
        if not isinstance(config, dict):
            return
        if "visibility_level" in changes:
            config["visibility_level"] = changes["visibility_level"]
        if "enforcement_mode" in changes and self.settings.mode_names == "both":
            config.pop("mode", None)
            if changes["enforcement_mode"] in OLD_MODES:
                config["mode"] = OLD_MODES[changes["enforcement_mode"]]

    def _new_workload(self, ident: str) -> Json:
        moment = stamp(self.now())
        return {
            "href": self.href("workloads", ident),
            "name": None,
            "description": "",
            "hostname": "",
            "managed": False,
            "online": False,
            "deleted": False,
            "enforcement_mode": "visibility_only",
            "visibility_level": "flow_summary",
            "labels": [],
            "public_ip": None,
            "interfaces": [],
            "os_id": None,
            "os_detail": None,
            "service_provider": None,
            "data_center": None,
            "data_center_zone": None,
            "external_data_set": None,
            "external_data_reference": None,
            "ven": None,
            "agent": {},
            "created_at": moment,
            "updated_at": moment,
            "created_by": dict(USER),
            "updated_by": dict(USER),
            "caps": ["write"],
        }

    def put_workload(self, raw: Json) -> Json:
        """Store a workload as it is; an HREF is allotted when there is none."""
        workload = copy.deepcopy(raw)
        href = workload.setdefault("href", self.href("workloads", uuid.uuid4()))
        self.workloads[str(href).rsplit("/", 1)[-1]] = workload
        self.offline.pop(href, None)
        return workload

    def workload_of_host(self, hostname: str) -> Json | None:
        """The managed workload of exactly this hostname."""
        for workload in self.workloads.values():
            if workload.get("hostname") == hostname and workload.get("managed"):
                return workload
        return None

    def put_ven(self, raw: Json) -> Json:
        """Store a VEN as it is; an HREF is allotted when there is none."""
        ven = copy.deepcopy(raw)
        self.own_vens[ven.setdefault("href", self.href("vens", uuid.uuid4()))] = ven
        return ven

    def vens(self) -> dict[str, list[Json]]:
        """Return the workloads of each VEN, by its HREF: managed workloads that name it, or none for one of a seed."""
        found: dict[str, list[Json]] = {href: [] for href, own in self.own_vens.items() if "href" in own}
        for workload in self.workloads.values():
            href = ven_of(workload).get("href")
            if href and workload.get("managed"):
                found.setdefault(href, []).append(workload)
        return found

    def set_ven_status(self, workload: Json, status: str, **more: str) -> None:
        """Mark the VEN of a workload, in both places that show it; `more` goes to the agent's status."""
        workload["ven"] = {**ven_of(workload), "status": status}
        own = self.own_vens.get(str(workload["ven"].get("href")), {})
        if "status" in own:
            own["status"] = status
        agent = workload.get("agent") or {}
        known = agent.get("status")
        agent["status"] = {**(known if isinstance(known, dict) else {}), "status": status, **more}
        workload["agent"] = agent
        workload["updated_at"] = stamp(self.now())

    def carry_out_upgrade(self, href: str) -> None:
        """Give a VEN the release that was ordered for it; an odd host keeps its own, or is offline afterwards."""
        own = self.own_vens[href]
        release = own.pop("upgrade_target_version")
        own.pop("upgrade_expires_at", None)
        self.upgrade_looks.pop(href, None)
        for workload in self.vens().get(href, []):
            odd = self.settings.odd_hosts.get(str(workload.get("hostname")), [])
            if "upgrade_fails" in odd:
                continue
            workload["ven"]["version"] = release
            agent = workload.setdefault("agent", {})
            agent["status"] = {**(agent.get("status") or {}), "agent_version": release}
            if "version" in own:
                own["version"] = release
            if "upgrade_offline" in odd:
                workload["online"] = False

    def release_vens(self, hrefs: Collection[str], *, remove: bool) -> None:
        """Forget VENs; their workloads are removed, or stay as unmanaged ones."""
        for href in hrefs:
            self.ven_tokens.pop(href, None)
            self.own_vens.pop(href, None)
            self.heartbeats.pop(href, None)
        for ident, workload in list(self.workloads.items()):
            if ven_of(workload).get("href") not in hrefs:
                continue
            self.offline.pop(workload["href"], None)
            if remove:
                del self.workloads[ident]
            else:
                workload.update({"managed": False, "online": False, "ven": None, "agent": {}})

    def set_online(self, workload: Json, delay: int) -> None:
        """A VEN has been activated: it is online after that many GETs of the collection, never when it is -1."""
        workload["online"] = delay == 0
        self.offline.pop(workload["href"], None)
        if delay:
            self.offline[workload["href"]] = delay

    def count_listing(self, seen: Callable[[Json], bool]) -> None:
        """A GET of the workloads was answered; it counts for those that wait to be online and are `seen` by it."""
        if not self.offline:
            return
        for workload in self.workloads.values():
            left = self.offline.get(workload["href"], -1)
            if left < 0 or not seen(workload):
                continue
            self.offline[workload["href"]] = left - 1
            if left == 1:
                self.set_online(workload, 0)

    # Jobs

    def add_job(self, description: str, objects: Iterable[Json]) -> Job:
        """A job over a snapshot of the objects (Collections)."""
        ident = str(uuid.uuid4())
        job = Job(
            href=self.href("jobs", ident),
            datafile=str(uuid.uuid4()),
            description=description,
            requested_at=self.now(),
            objects=copy.deepcopy(list(objects)),
        )
        self.jobs[ident] = job
        return job

    def _put(self, kind: str, things: dict[int, Json], raw: Json) -> Json:
        thing = copy.deepcopy(raw)
        if not thing.get("href"):
            thing["href"] = self.href(kind, self._last_id.get(kind, 0) + 1)
        ident = _number(thing["href"], self.href(kind, ""))
        if ident is None:
            raise ValueError(f"{thing['href']!r} is no HREF of {kind} in organisation {self.org_id}")
        # The id of a deleted object is never given to another.
        self._last_id[kind] = max(ident, self._last_id.get(kind, 0))
        things[ident] = thing
        return thing


def _number(href: str, prefix: str) -> int | None:
    """The positive integer that follows the prefix, None for anything else."""
    match = re.fullmatch(re.escape(prefix) + r"([1-9][0-9]*)", href)
    return int(match[1]) if match else None


def _settled(profile: Json) -> Json:
    """Write out what null means: the release follows the default (Pairing profiles)."""
    if profile.get("agent_software_release") is None:
        profile["agent_software_release"] = DEFAULT_RELEASE
    return profile
