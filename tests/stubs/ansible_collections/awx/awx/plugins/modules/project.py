# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in of our own for the module awx.awx.project: it writes down what it is asked for."""

from __future__ import annotations

from ansible_collections.awx.awx.plugins.module_utils.standin import run, spec

OPTIONS = spec(
    {
        "scm_type": {"choices": ["manual", "git", "svn", "insights", "archive"]},
        "credential": {"aliases": ["scm_credential"]},
        "allow_override": {"aliases": ["scm_allow_override"]},
        "timeout": {"aliases": ["job_timeout"]},
        "wait": {"default": True},
        "update_project": {"default": False},
        "interval": {"default": 2},
    },
    str="name new_name copy_from description scm_type scm_url scm_branch scm_refspec credential default_environment"
    " custom_virtualenv organization local_path signature_validation_credential",
    bool="scm_clean scm_delete_on_update scm_track_submodules scm_update_on_launch allow_override wait update_project",
    int="scm_update_cache_timeout timeout",
    float="interval",
    lists="notification_templates_started notification_templates_success notification_templates_error",
)


def main() -> None:
    """Run the stand-in."""
    run("project", OPTIONS, {"organization": "organization", "credential": "credential"})


if __name__ == "__main__":
    main()
