# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why the tests do not notice some mutants: survivors.yml, a list of reasons with the mutants that each explains."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.mutation.mutants import Mutant

FILE = Path(__file__).with_name("survivors.yml")


@dataclass(frozen=True)
class Reason:
    """why: a sentence; mutants: regular expressions, each searched in "path function: before -> after"."""

    why: str
    mutants: list[str]

    def explains(self, text: str) -> bool:
        """One of the expressions is found in a mutant's line."""
        return any(re.search(expression, text) for expression in self.mutants)


def line(mutant: Mutant) -> str:
    """Return the mutant in one line."""
    return f"{mutant.path} {mutant.function or 'module'}: {mutant.change}"


def reasons() -> list[Reason]:
    """Read survivors.yml."""
    return [Reason(item["why"], item["mutants"]) for item in yaml.safe_load(FILE.read_text()) or []]


def unused(mutants: Iterable[Mutant]) -> list[str]:
    """Return the expressions that explain none of these mutants: what they were written for has changed."""
    texts = [line(mutant) for mutant in mutants]
    return [
        expression
        for reason in reasons()
        for expression in reason.mutants
        if not any(re.search(expression, text) for text in texts)
    ]


def reason_for(mutant: Mutant, known: list[Reason]) -> Reason | None:
    """Return the first reason that explains the mutant."""
    text = line(mutant)
    return next((reason for reason in known if reason.explains(text)), None)
