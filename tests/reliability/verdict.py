"""What must hold of a task that met a fault, and in which words its outcome is told."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.integration.runner import Result
from tests.reliability.contents import Contents, orphans, without_orphans

DONE = "done"
REPEATED = "done, second try"
LOOKED_UP = "done, looked up"
UNCHANGED = "failed, nothing changed"
PART = "failed, part done"
AFTER = "failed after it was done"
UNKNOWN = "unknown, said so"
WARNED = "not done, warned"
GOOD = {DONE, REPEATED, LOOKED_UP, WARNED}
"""Those of a task that ended ok."""

FOLLOWED = "the redirect was followed"
_LEAK = "the output holds the secret"
_LONGEST = 3000
_UNKNOWN = re.compile(r"\bnot known\b|\bis unknown whether\b|never received|may have (?:created|been)")
_SAID = re.compile(
    r"before that|Created before that|were (?:unpaired|marked)|was (?:created|updated|deleted)|\d+ of \d+ .* failed"
)
_REQUEST = re.compile(r"\b(?:GET|POST|PUT|DELETE) /\S|cannot be reached: |\bjob /orgs/")
_DEBRIS = re.compile(r"[<>{}]|\[['\"{]|Traceback|Errno|object at 0x|Exception|\w+Error\b|\bNone\b")


@dataclass
class Counts:
    """Objects that are there twice, that are gone, that are neither as before nor as wanted; and pairing keys that
    exist and nobody knows.
    """

    duplicates: int = 0
    lost: int = 0
    wrong: int = 0
    orphans: int = 0


@dataclass(frozen=True)
class Case:
    """What is known of a task that has ended. ``repeated`` and ``looked`` say that it made more of the requests that
    the fault hits, and more requests at all, than without a fault; ``may_be_warned`` that a warning is all that can be
    asked for.
    """

    before: Contents
    wanted: Contents
    now: Contents
    result: Result
    output: str
    entries: str | None
    has_parts: bool
    secrets: Sequence[str]
    repeated: bool
    looked: bool
    may_be_warned: bool
    problems: list[str] = field(default_factory=list)


def judge(case: Case) -> tuple[str, list[str], Counts]:
    """Return the outcome in a few words, what is wrong with it, and what was counted."""
    counts = _count(case)
    for name in ("duplicates", "lost", "wrong"):
        if getattr(counts, name):
            case.problems.append(f"{getattr(counts, name)} {name}: {_differences(case)}")
    case.problems.extend(f"{_LEAK} {secret[:3]}…" for secret in case.secrets if secret in case.output)
    word = _failed(case, counts) if case.result.get("failed") else _succeeded(case)
    return word, case.problems, counts


def is_leak(problem: str) -> bool:
    """Say whether a problem is that a credential got out."""
    return problem.startswith((_LEAK, FOLLOWED))


def _succeeded(case: Case) -> str:
    # Ansible has several forms of a warning.
    warned = "shows another value" in str(case.result.get("warnings"))
    if case.now != case.wanted and case.may_be_warned and warned:
        return WARNED
    if case.now != case.wanted:
        case.problems.append(f"ok, and the contents are not as wanted: {_differences(case)}")
    if not case.result["changed"]:
        case.problems.append("ok, and says that nothing was changed")
    if case.repeated:
        return REPEATED
    return LOOKED_UP if case.looked else DONE


def _failed(case: Case, counts: Counts) -> str:
    text = str(case.result["msg"])
    changed = bool(case.result.get("changed"))
    unknown = _UNKNOWN.search(text) is not None
    _check_words(case, text)
    if counts.orphans and "never received" not in text:
        case.problems.append(f"a pairing key was created and never received, and the error does not say so: {text}")
    if case.now != case.before and not changed:
        case.problems.append(f"failed, says that nothing was changed, and something was: {_differences(case)}")
    if changed and not (unknown or _SAID.search(text)):
        case.problems.append(f"failed after a change and does not say so: {text}")
    if unknown and not changed:
        case.problems.append(f"the end is unknown, and changed is false: {text}")
    if case.entries is not None:
        _check_entries(case)
    if unknown:
        return UNKNOWN
    if not changed:
        return UNCHANGED
    return AFTER if case.now == case.wanted else PART


def _check_words(case: Case, text: str) -> None:
    """The error is one readable line that names the request, or what happened."""
    if not text.isprintable() or len(text) > _LONGEST:
        case.problems.append(f"the error is no readable line: {text!r}")
    debris = _DEBRIS.search(text)
    if debris:
        case.problems.append(f"the error holds {debris[0]!r}: {text}")
    if not _REQUEST.search(text):
        case.problems.append(f"the error names no request: {text}")
    if "exception" in case.result:
        case.problems.append("the result has a traceback")


def _check_entries(case: Case) -> None:
    """Each entry of the result says of its object what is true."""
    for entry in case.result.get(str(case.entries), ()):
        names = [name for name in {**case.before, **case.wanted} if _is_about(name, entry)]
        same = all(case.now.get(name) == case.before.get(name) for name in names)
        done = all(case.now.get(name) == case.wanted.get(name) for name in names)
        if not entry["changed"] and not same:
            case.problems.append(f"the entry says that nothing was changed, and something was: {entry}")
        if entry["changed"] and not entry["error"] and not done:
            case.problems.append(f"the entry says that it was done, and it was not: {entry}")


def _is_about(name: str, entry: Mapping[str, Any]) -> bool:
    if "controller" in entry:
        return name.startswith(f"instance {entry['controller']} {entry['address_space_name']} of ")
    if "hostname" in entry:
        return name in (f"workload {entry['hostname']}", f"unpairing of {entry['hostname']}")
    return name == f"pairing profile {entry['name']}"


def _count(case: Case) -> Counts:
    """Count what must not be. Each object is as before or as wanted; a task about one is the only one to change it."""
    counts = Counts(orphans=orphans(case.now, case.wanted if case.wanted == case.now else case.before))
    now = without_orphans(case.now, case.before) if counts.orphans else case.now
    for name in {**case.before, **case.wanted, **now}:
        items, before, wanted = (side.get(name, []) for side in (now, case.before, case.wanted))
        if items in (before, wanted):
            continue
        if len(items) > max(len(before), len(wanted)):
            counts.duplicates += 1
        elif not items and before and wanted:
            counts.lost += 1
        else:
            counts.wrong += 1
    if not case.has_parts and now not in (case.before, case.wanted) and not (counts.duplicates or counts.lost):
        counts.wrong += not counts.wrong
    return counts


def _differences(case: Case) -> str:
    """Return the objects that are not as wanted, as they are."""
    names = sorted(name for name in {**case.wanted, **case.now} if case.now.get(name) != case.wanted.get(name))
    return "; ".join(f"{name}: {case.now.get(name)}" for name in names)[:1000]
