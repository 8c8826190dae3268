# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in of our own for the module awx.awx.schedule: it writes down what it is asked for."""

from __future__ import annotations

from ansible_collections.awx.awx.plugins.module_utils.standin import run, spec

OPTIONS = spec(
    {"job_type": {"choices": ["run", "check"]}, "verbosity": {"choices": [0, 1, 2, 3, 4, 5]}},
    str="name new_name description rrule execution_environment inventory scm_branch job_type job_tags skip_tags limit"
    " unified_job_template organization",
    dict="extra_data",
    bool="diff_mode enabled",
    int="forks job_slice_count timeout verbosity",
    lists="credentials instance_groups labels",
)


def main() -> None:
    """Run the stand-in."""
    run("schedule", OPTIONS, {"organization": "organization", "unified_job_template": "job_template"})


if __name__ == "__main__":
    main()
