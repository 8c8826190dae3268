# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in of our own for the module awx.awx.job_template: it writes down what it is asked for."""

from __future__ import annotations

from ansible_collections.awx.awx.plugins.module_utils.standin import run, spec

ASKED = (
    *("credential", "diff_mode", "execution_environment", "forks", "instance_groups", "inventory", "job_slice_count"),
    *("job_type", "labels", "limit", "skip_tags", "tags", "timeout", "variables", "verbosity"),
)
OPTIONS = spec(
    {
        **{f"ask_{name}_on_launch": {"aliases": [f"ask_{name}"]} for name in ASKED},
        "ask_variables_on_launch": {"aliases": ["ask_extra_vars"]},
        "job_type": {"choices": ["run", "check"]},
        "verbosity": {"choices": [0, 1, 2, 3, 4, 5]},
        "webhook_service": {"choices": ["", "github", "gitlab"]},
        "host_config_key": {"no_log": False},
        "allow_simultaneous": {"aliases": ["concurrent_jobs_enabled"]},
        "diff_mode": {"aliases": ["diff_mode_enabled"]},
        "force_handlers": {"aliases": ["force_handlers_enabled"]},
        "use_fact_cache": {"aliases": ["fact_caching_enabled"]},
    },
    str="name new_name copy_from description organization job_type inventory project playbook credential"
    " vault_credential execution_environment custom_virtualenv host_config_key job_tags limit scm_branch skip_tags"
    " start_at_task webhook_service webhook_credential",
    dict="extra_vars survey_spec",
    bool="allow_simultaneous become_enabled diff_mode force_handlers prevent_instance_group_fallback survey_enabled"
    " use_fact_cache ask_scm_branch_on_launch " + " ".join(f"ask_{name}_on_launch" for name in ASKED),
    int="forks job_slice_count timeout verbosity",
    lists="credentials instance_groups labels notification_templates_started notification_templates_success"
    " notification_templates_error",
)
NAMES = {
    "organization": "organization",
    "inventory": "inventory",
    "project": "project",
    "credentials": "credential",
}


def main() -> None:
    """Run the stand-in."""
    run("job_template", OPTIONS, NAMES)


if __name__ == "__main__":
    main()
