"""Pages of the playbook pairing_report, made by whole runs of it, in Debian's Chromium without a screen."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.directory_hosts import pce_variables
from tests.integration.runner import run_playbook
from tests.integration.test_workload_info import workload
from tests.simulator.launch import Simulator, running

MUST_RUN = "CI_NEEDS_BROWSER"
MANY = 5000
# Started as root, in a sandbox without a network: Chromium's own sandbox and its calls home are off.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

LONG = "very-long-name-" * 17
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "end": "</script><script>alert(2)</script><!--",
    "image": '"><img src=x onerror=alert(3)>',
    "template": "{{ 7*7 }}{% set x = 1 %}{# gone #}",
    "lines": "first\u2028second\u2029third",
    "rtl": "\u202eevil\u202c \u05d0\u05d1\u05d2",
    "long": LONG,
    "ampersand": "&lt;b&gt; &amp; 'quotes' \"too\" \\u003c",
}

Json = dict[str, Any]


@dataclass
class Opened:
    """A report in a page of the browser, with all that the browser had to say about it."""

    page: Page
    report: Json
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def names(self) -> list[str]:
        """The names of the rows that are shown, in their order."""
        names: list[str] = self.page.locator("#table tbody .name").all_text_contents()
        return names

    def column(self, title: str) -> list[str]:
        """What stands in a column of the rows that are shown."""
        texts: list[str] = self.page.locator(f'#table tbody [data-title="{title}"]').all_text_contents()
        return texts

    def shown(self) -> str:
        """How many rows are shown, in the page's words."""
        return self.page.locator("#shown").inner_text()


Open = Callable[..., Opened]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program. Without it the tests are skipped, or fail where they must run."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        words = "no Chromium is installed, so the page of pairing_report is not tested (apt-get install chromium)"
        (pytest.fail if os.environ.get(MUST_RUN) == "1" else pytest.skip)(words)
    return program


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """Chromium, started."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def simulator(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """One PCE for all pages, and none if there is nothing to look at them with."""
    with running(tmp_path_factory.mktemp("simulator"), rate_limit=0) as started:
        yield started


def write_report(simulator: Simulator, directory: Path, hosts: Json, **variables: Any) -> Path:
    """Run the playbook for hosts with their variables. Return the page."""
    path = directory / "report.html"
    known = {**pce_variables(simulator), "report_path": str(path), **variables}
    inventory = directory / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": known}}))
    started = time.monotonic()
    done = run_playbook("microseg.enforcement.pairing_report", "-i", str(inventory))
    assert done.status == 0, done.output[-3000:]
    print(f"pairing_report for {len(hosts)} hosts: {time.monotonic() - started:.1f} s, {path.stat().st_size} bytes")
    return path


@pytest.fixture(scope="session")
def few(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with every state, and with values that try to be something else than text."""
    simulator.reset()
    simulator.seed(
        pairing_profiles=[
            {
                "name": name,
                "enabled": True,
                "enforcement_mode": mode,
                "allowed_uses_per_key": uses,
                "key_lifespan": span,
            }
            for name, mode, uses, span in [
                ("PP-WEB", "full", 50, 3600),
                ("PP-DB", "selective", 1, 604800),
                ("PP-OPEN", "visibility_only", "unlimited", "unlimited"),
            ]
        ],
        labels=[{"key": "app", "value": text} for text in HOSTILE.values()],
    )
    hrefs = {label["value"]: label["href"] for label in simulator.state()["labels"]}
    web, shop, prod, test = (hrefs[value] for value in ("web", "shop", "prod", "test"))
    agents = {
        version: {"status": {"status": "active", "agent_version": version}}
        for version in ("22.5.9-3", "23.2.20-157", "23.2.3-11", "24.2.10-1")
    }
    simulator.seed(
        workloads=[
            workload(1, "web1", web, prod, shop, enforcement_mode="full", agent=agents["23.2.20-157"]),
            workload(2, "web2", web, prod, enforcement_mode="visibility_only", agent=agents["23.2.3-11"]),
            workload(3, "web10", web, test, enforcement_mode="full", agent=agents["24.2.10-1"]),
            workload(4, "web20", web, test, enforcement_mode="full", online=False, agent=agents["22.5.9-3"]),
            workload(5, "db1", hrefs["db"], prod, enforcement_mode="selective"),
            workload(6, "db2", hrefs["db"], prod, agent={"status": {"status": "suspended"}}),
            workload(7, "printer", managed=False, online=False, ven=None, agent={}),
            workload(8, "twin"),
            workload(9, "twin", online=False),
            *(
                workload(20 + number, text, hrefs[text], name=text, enforcement_mode="idle")
                for number, text in enumerate(HOSTILE.values())
            ),
        ]
    )
    profiles = {"web": "PP-WEB", "db": "PP-DB", "old": "PP-GONE"}
    plain = ["web1", "web2", "web10", "web20", "web100", "db1", "db2", "printer", "twin", "old1", "new.example.com"]
    hosts: Json = {
        name: {"ven_pairing_profile": next((its for key, its in profiles.items() if name.startswith(key)), "PP-OPEN")}
        for name in plain
    }
    hosts["web100"]["ven_failure"] = "The pairing script ended with 1. The PCE answered: activation code has expired"
    for name, text in HOSTILE.items():
        hosts[f"hostile-{name}"] = {key: {"__ansible_unsafe": text} for key in ("ven_hostname", "ven_pairing_profile")}
    return write_report(simulator, tmp_path_factory.mktemp("few"), hosts, report_all_workloads=True)


@pytest.fixture(scope="session")
def many(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with 5,000 rows."""
    simulator.reset()
    simulator.seed(generate={"workloads": MANY - 500, "prefix": "host-"})
    hosts = {f"host-{number}": {"ven_pairing_profile": "Default"} for number in range(1, MANY + 1)}
    return write_report(simulator, tmp_path_factory.mktemp("many"), hosts)


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Open pages. At the end of the test nothing else was asked for, and the browser has nothing to complain of."""
    pages: list[Opened] = []

    def open_page(path: Path, **context: Any) -> Opened:
        page = browser.new_context(**context).new_page()
        made = Opened(page, json.loads(path.with_suffix(".json").read_text()))
        pages.append(made)
        page.on("console", lambda message: made.complaints.append(f"console: {message.type} {message.text}"))
        page.on("pageerror", lambda error: made.complaints.append(f"error: {error}"))
        page.on("request", lambda request: made.requests.append(request.url))

        def refuse(dialog: Any) -> None:
            made.complaints.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        page.on("dialog", refuse)
        page.goto(path.as_uri())
        return made

    yield open_page
    for made in pages:
        foreign = [url for url in made.requests if url != made.page.url.partition("#")[0] and url != "data:,"]
        made.page.context.close()
        assert made.complaints == []
        assert foreign == []
