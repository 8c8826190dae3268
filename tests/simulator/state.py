"""What the simulated organisation owns: profiles, keys, labels, workloads, jobs. No HTTP here."""

from __future__ import annotations

import copy
import hashlib
import re
import secrets
import uuid
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from tests.simulator.package import RELEASE
from tests.simulator.settings import DEFAULT_RELEASE

Json = dict[str, Any]

USER = {"href": "/users/1"}

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
    done: bool = False


@dataclass
class Store:
    """One organisation. `now` gives seconds since the epoch, so that tests can move time."""

    org_id: int
    now: Callable[[], float]
    profiles: dict[int, Json] = field(default_factory=dict)
    labels: dict[int, Json] = field(default_factory=dict)
    workloads: dict[str, Json] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    activations: list[Json] = field(default_factory=list)
    unpairings: list[Json] = field(default_factory=list)
    ven_tokens: dict[str, str] = field(default_factory=dict)
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
        _settled(profile)
        profile["updated_at"] = stamp(self.now())
        profile["updated_by"] = dict(USER)

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
        workload: Json = {
            "href": self.href("workloads", ident),
            "name": None,
            "hostname": hostname,
            "managed": True,
            "online": True,
            "enforcement_mode": "visibility_only",
            "labels": labels,
            "ven": {
                "href": self.href("vens", uuid.uuid4()),
                "hostname": hostname,
                "status": "active",
                "version": RELEASE,
            },
            "agent": {"status": {"status": "active", "managed_since": moment, "agent_version": RELEASE}},
            "created_at": moment,
            "updated_at": moment,
        }
        self.workloads[ident] = workload
        return workload

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

    def vens(self) -> dict[str, list[Json]]:
        """The workloads of each VEN, by its HREF: a VEN is known by the managed workloads that name it."""
        found: dict[str, list[Json]] = {}
        for workload in self.workloads.values():
            href = (workload.get("ven") or {}).get("href")
            if href and workload.get("managed"):
                found.setdefault(href, []).append(workload)
        return found

    def set_ven_status(self, workload: Json, status: str, **more: str) -> None:
        """Mark the VEN of a workload, in both places that show it; `more` goes to the agent's status."""
        workload["ven"] = {**(workload.get("ven") or {}), "status": status}
        agent = workload.get("agent") or {}
        known = agent.get("status")
        agent["status"] = {**(known if isinstance(known, dict) else {}), "status": status, **more}
        workload["agent"] = agent
        workload["updated_at"] = stamp(self.now())

    def release_vens(self, hrefs: Collection[str], *, remove: bool) -> None:
        """Forget VENs; their workloads are removed, or stay as unmanaged ones."""
        for href in hrefs:
            self.ven_tokens.pop(href, None)
        for ident, workload in list(self.workloads.items()):
            if (workload.get("ven") or {}).get("href") not in hrefs:
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
