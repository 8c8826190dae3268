"""docs/reliability.md: what the cells showed, in words and tables that are the same after each run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from tests.collection import ROOT
from tests.reliability import verdict
from tests.reliability.cells import Outcome
from tests.reliability.faults import FAULTS, Fault
from tests.reliability.matrix import CELLS
from tests.reliability.operations import OPERATIONS, Operation

PAGE = ROOT / "docs" / "reliability.md"

_NONE = "-"

_WORDS = {
    verdict.DONE: "ok, at the first try: the fault made no difference for this request",
    verdict.REPEATED: "ok, after the request, or a CONNECT for it, was sent again",
    verdict.LOOKED_UP: "ok: the module looked up whether it had been done, and it had",
    verdict.UNCHANGED: "failed, and the server is exactly as before; `changed` is false",
    verdict.PART: "failed for some of the objects; the error and the entries of the result say which",
    verdict.AFTER: "failed after the change, while reading it back; the error says so, and `changed` is true",
    verdict.UNKNOWN: "failed, and the error says that it is unknown whether it was done; `changed` is true",
    verdict.WARNED: "ok with a warning: the server accepted the change and shows another value",
}

_TEMPLATE = Path(__file__).with_name("page.md")


def write(outcomes: Mapping[str, Outcome]) -> None:
    """Put what a run showed into docs."""
    PAGE.write_text(render(outcomes), encoding="utf-8")


def known() -> dict[str, Outcome]:
    """Return what the page says of each cell: how it ended, without what the page only counts.

    It says that a cell ends through a proxy as it does without.
    """
    found = {}
    tables = dict(_tables(PAGE.read_text(encoding="utf-8")))
    for module, operations in groupby(OPERATIONS, key=lambda operation: operation.module):
        names = [operation.name for operation in operations]
        rest = list(FAULTS)
        for title, *words in tables[module]:
            faults, rest = _split(rest, title)
            for fault in faults:
                for name, word in zip(names, words, strict=True):
                    if word != _NONE:
                        found[f"{name} | {fault.name}"] = Outcome(word, [], verdict.Counts())
    return {**found, **{cell.name: found[cell.direct.name] for cell in CELLS if cell.route}}


def _tables(text: str) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield the module and the rows of each of the page's tables of cells."""
    for part in text.split("\n### ")[1:]:
        module, *lines = part.splitlines()
        rows = [line[2:-2].split(" | ") for line in lines if line.startswith("| ")]
        yield module, rows[1:]


def _split(faults: Sequence[Fault], title: str) -> tuple[Sequence[Fault], list[Fault]]:
    """Return the faults that a row is about, and those after them. Raise LookupError if the page has other faults."""
    for start in range(len(faults)):
        for end in range(len(faults), start, -1):
            part = faults[start:end]
            if len({fault.group for fault in part}) == 1 and _title(part) == title:
                return part, [*faults[end:]]
    raise LookupError(f"{title}: make reliability writes the page anew")


def render(outcomes: Mapping[str, Outcome]) -> str:
    """Return the page. ``outcomes`` has those of all cells."""
    found = [outcomes[cell.name] for cell in CELLS]
    words = Counter(outcome.word for outcome in found)
    legend = "\n".join(
        f"| {word} | {meaning}: {words[word]} cells |" for word, meaning in _WORDS.items() if words[word]
    )
    note = f"{_NONE} means that the fault cannot occur there, or that another column shows it."
    parts = [_TEMPLATE.read_text(encoding="utf-8").format(figures=_figures(found), note=note, words=legend)]
    for module, operations in groupby(OPERATIONS, key=lambda operation: operation.module):
        parts.append(_table(module, list(operations), outcomes))
    return "\n".join(parts)


def _figures(found: Sequence[Outcome]) -> str:
    duplicates = sum(outcome.counts.duplicates for outcome in found)
    lost = sum(outcome.counts.lost for outcome in found)
    wrong = sum(outcome.counts.wrong for outcome in found)
    orphans = sum(outcome.counts.orphans for outcome in found)
    again = [outcome.repaired for outcome in found if outcome.repaired is not None]
    return "\n".join(
        [
            "| | |",
            "|---|---|",
            f"| cells | {len(CELLS)} |",
            f"| of these through a proxy | {sum(bool(cell.route) for cell in CELLS)} |",
            f"| objects that exist twice | {duplicates} |",
            f"| objects that are lost | {lost} |",
            f"| objects that are neither as before nor as the task asks for, or that it is not about | {wrong} |",
            f"| cells in which a credential was printed or sent elsewhere | {_leaks(found)} |",
            f"| second runs, without the fault, that did what the task asks for | {sum(again)} of {len(again)} |",
            f"| pairing keys that were created and not received, each with an error that says so | {orphans} |",
        ]
    )


def _leaks(found: Sequence[Outcome]) -> int:
    return sum(any(verdict.is_leak(problem) for problem in outcome.problems) for outcome in found)


def _table(module: str, operations: Sequence[Operation], outcomes: Mapping[str, Outcome]) -> str:
    columns = " | ".join(operation.column for operation in operations)
    lines = [f"### {module}", "", f"| fault | {columns} |", "|---" * (len(operations) + 1) + "|"]
    for words, faults in groupby(FAULTS, key=lambda fault: (fault.group, _row(fault, operations, outcomes))):
        row = words[1]
        if set(row) != {_NONE}:
            lines.append(f"| {_title(list(faults))} | {' | '.join(row)} |")
    return "\n".join([*lines, ""])


def _row(fault: Fault, operations: Sequence[Operation], outcomes: Mapping[str, Outcome]) -> tuple[str, ...]:
    cells = (outcomes.get(f"{operation.name} | {fault.name}") for operation in operations)
    return tuple(_NONE if outcome is None else outcome.word for outcome in cells)


def _title(faults: Sequence[Fault]) -> str:
    """Return what faults of one group with the same outcomes are called together."""
    variants = "; ".join(fault.variant for fault in faults if fault.variant)
    return f"{faults[0].group}: {variants}" if variants else faults[0].group
