# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the role's tasks meet the API."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from plugins.module_utils._core.errors import CollectionError, MissingLibraryError
from plugins.plugin_utils import ven_api
from plugins.plugin_utils.ven_api import Api, connection_options, profile_options

GIVEN = {"pce_host": "pce.example.com", "api_key": "api_1", "api_secret": "s3cret"}


def action(delegate_to: str | None = "localhost", transport: str = "ssh", **module: Any) -> Any:
    """A stand-in for an action plugin, whose modules answer what they were given."""
    task = SimpleNamespace(delegate_to=delegate_to, environment=[{"PCE_PORT": "9443"}])
    templar = SimpleNamespace(template=lambda value: value)
    return SimpleNamespace(
        _task=task,
        _connection=SimpleNamespace(transport=transport),
        _templar=templar,
        _execute_module=lambda **given: {"module": given["module_name"], **given["module_args"]},
    )


def test_connection_options_have_their_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PCE_ORG_ID", "7")
    found = connection_options({**GIVEN, "pce_port": "9443", "validate_certs": "no", "proxy": "", "timeout": None})
    assert (found["pce_port"], found["validate_certs"], found["pce_org_id"]) == (9443, False, 7)
    assert found["proxy"] is None
    assert found["timeout"] == 30


def test_missing_options_name_where_they_may_come_from() -> None:
    with pytest.raises(ValueError, match="missing required arguments") as caught:
        connection_options({"api_key": "api_1", "pce_host": ""})
    assert "pce_host (set ven_pce_host, or the environment variable PCE_HOST)" in str(caught.value)
    assert "api_secret (set ven_pce_api_secret, or the environment variable PCE_API_SECRET)" in str(caught.value)
    assert "api_key" not in str(caught.value)


def test_wrong_options_are_named() -> None:
    with pytest.raises(ValueError, match="pce_port"):
        connection_options({**GIVEN, "pce_port": "many"})


def test_profile_options_have_their_types() -> None:
    found = profile_options({"enabled": "false", "labels": [{"role": "web"}], "enforcement_mode": None})
    assert found["enabled"] is False
    assert found["labels"] == [{"role": "web"}]
    assert found["enforcement_mode"] is None
    assert not {"name", "href", "new_name"} & set(found)


@pytest.mark.parametrize("given", [{"colour": "red"}, {"enforcement_mode": "off"}, {"enabled": "perhaps"}])
def test_wrong_profile_options_are_named(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="ven_pairing_profile_options: ") as caught:
        profile_options(given)
    assert next(iter(given)) in str(caught.value)


def test_serve_works_on_the_controller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ven_api, "serve_batch", lambda params, dry_run: {"port": params["pce_port"], "dry": dry_run})
    for target in (action("localhost"), action(None), action("jump", "local")):
        assert Api(target, {}).serve(GIVEN, "verify", [], True) == {"port": 9443, "dry": True}
    warned = Api(action(), {}).serve({**GIVEN, "validate_certs": False}, "verify", [], False)
    assert warned["warnings"] == ["validate_certs is false: traffic to the PCE can be intercepted and modified"]


def test_serve_runs_a_module_elsewhere() -> None:
    found = Api(action("bastion"), {}).serve({**GIVEN, "pce_port": ""}, "verify", [{"host": "web1"}], False)
    assert found == {
        "module": "microseg.enforcement.pce_ven_batch",
        **GIVEN,
        "step": "verify",
        "hosts": [{"host": "web1"}],
    }


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (CollectionError("refused"), "refused"),
        (ValueError("wrong"), "wrong"),
        (KeyError("href"), "unexpected error, please report this bug: KeyError('href')"),
        (MissingLibraryError("requests", "trace"), "Failed to import the required Python library (requests)"),
    ],
)
def test_serve_returns_each_error_as_a_message(monkeypatch: pytest.MonkeyPatch, error: Exception, words: str) -> None:
    def fail(_params: Any, _dry_run: bool) -> None:
        raise error

    monkeypatch.setattr(ven_api, "serve_batch", fail)
    found = Api(action(), {}).serve(GIVEN, "verify", [], False)
    assert found["failed"] is True
    assert words in found["msg"]
