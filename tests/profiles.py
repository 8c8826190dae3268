"""How hypothesis works in each part of the tests. Nothing is remembered: a run depends on nothing but the code."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

LONG = os.environ.get("MICROSEG_HOSTILE") == "long"
"""Whether this is `make hostile`."""

settings.register_profile("unit", deadline=None, max_examples=25, database=None, derandomize=True)
settings.register_profile(
    "hostile",
    settings.get_profile("unit"),
    max_examples=20,
    suppress_health_check=list(HealthCheck),
    # Not Phase.explain: it runs a failing case many times more, and cases say in one line how they are run again.
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    print_blob=False,
)
settings.register_profile("hostile-long", settings.get_profile("hostile"), max_examples=250)

HOSTILE = settings.get_profile("hostile-long" if LONG else "hostile")
