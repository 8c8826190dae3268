"""The page of pairing_report in a browser: it loads, sorts, filters, is usable by keyboard, with no complaint."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import expect

from tests.browser.conftest import HOSTILE, MANY, Open, Opened

STATES = {
    "failed": "Pairing failed",
    "not_paired": "Not paired",
    "unmanaged": "Without a VEN",
    "ambiguous": "Ambiguous",
    "inactive": "Paired, inactive",
    "offline": "Paired, offline",
    "online": "Paired, online",
}
MODES = ["idle", "visibility_only", "selective", "full"]
EMPTY = "—"


def natural(text: str) -> list[tuple[int, int, str]]:
    """web2 before web10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part.casefold()) for part in parts]


def sort_by(opened: Opened, title: str) -> None:
    opened.page.get_by_role("columnheader", name=title).get_by_role("button").click()


def directions(opened: Opened) -> dict[str, str]:
    """Which columns say that the rows are sorted by them, and how."""
    found = {}
    for head in opened.page.get_by_role("columnheader").all():
        if direction := head.get_attribute("aria-sort"):
            found[head.inner_text().split("\n")[0]] = direction
    return found


def test_hostile_values_are_text(few: Path, opened: Open) -> None:
    made = opened(few)
    assert made.page.title() == "Pairing report"
    assert made.page.locator("html").get_attribute("lang") == "en"
    rows = {row["host"]: row for row in made.report["hosts"] if row["host"]}
    text = made.page.locator("#table tbody").text_content() or ""
    for name, value in HOSTILE.items():
        row = made.page.locator("#table tbody tr").filter(has=made.page.get_by_text(f"hostile-{name}", exact=True))
        assert row.count() == 1
        assert rows[f"hostile-{name}"]["hostname"] == value
        assert value in (row.locator("th").text_content() or "")
        assert f"app: {value}" in (row.locator("[data-title=Labels]").text_content() or "")
        assert value in (row.locator('[data-title="Pairing profile"]').text_content() or "")
        assert value in text
    assert made.page.locator("#table img, #table script, script[src], link[rel=stylesheet]").count() == 0
    assert made.page.evaluate("document.scripts.length") == 2
    assert len(made.names()) == len(made.report["hosts"])


def test_the_policy_lets_nothing_else_run(few: Path, opened: Open) -> None:
    made = opened(few)
    made.page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "document.title = 'taken'";
          document.body.append(script);
          const image = document.createElement("img");
          image.src = "https://example.com/x.png";
          document.body.append(image);
        }"""
    )
    made.page.wait_for_timeout(100)
    assert made.page.title() == "Pairing report"
    assert len(made.complaints) == 2
    assert all("Content Security Policy" in words for words in made.complaints)
    made.complaints.clear()
    made.requests = [url for url in made.requests if "example.com" not in url]


def test_counts_are_those_of_the_json(few: Path, opened: Open) -> None:
    made = opened(few)
    counts = made.report["counts"]
    tiles = dict(
        zip(made.page.locator(".tiles dt").all_text_contents(), made.page.locator(".tiles dd").all_text_contents())
    )
    assert tiles == {
        "Hosts": str(counts["hosts"]),
        "Paired": str(counts["paired"]),
        "Online": str(counts["online"]),
        "Offline": str(counts["states"]["offline"]),
        "Not paired": str(counts["states"]["not_paired"]),
        "Failed": str(counts["states"]["failed"]),
        "Mode differs": str(counts["mode_differs"]),
        "Duplicate VENs": str(counts["problems"]["duplicate"]),
    }
    states = Counter(row["state"] for row in made.report["hosts"])
    assert {state: count for state, count in counts["states"].items() if count} == dict(states)
    for state, title in STATES.items():
        filtering = made.page.locator(f'.bar[data-control="state"][data-value="{state}"]')
        assert filtering.locator(".count").inner_text() == str(states[state])
        assert filtering.locator(".what").inner_text() == title


KEYS: dict[str, Any] = {
    "Host": natural,
    "State": lambda text: list(STATES.values()).index(text[1:]),  # after its symbol
    "Enforcement mode": lambda text: MODES.index(text.partition("should")[0]),
    "VEN version": natural,
    "Pairing profile": lambda text: natural(re.sub(r"(not at the PCE|disabled)$", "", text)),
    "Uses per key": lambda text: float("inf") if text == "unlimited" else int(text),
    "Key lifespan": lambda text: {"1 h": 3600, "7 d": 604800, "unlimited": float("inf")}[text],
}


def test_every_column_sorts_both_ways(few: Path, opened: Open) -> None:
    made = opened(few)
    assert directions(made) == {"Host": "ascending"}
    titles = [head.inner_text().split("\n")[0] for head in made.page.get_by_role("columnheader").all()]
    assert {*KEYS, "Labels", "Reason"} == {*titles}
    everyone = sorted(made.names())
    for title in titles:
        if title != "Host":
            sort_by(made, title)
        for direction in ("ascending", "descending"):
            if direction == "descending":
                sort_by(made, title)
            assert directions(made) == {title: direction}
            assert sorted(made.names()) == everyone
            cells = made.names() if title == "Host" else made.column(title)
            given = [cell for cell in cells if cell != EMPTY]
            assert cells[: len(given)] == given, f"{title} {direction}: what has no value stands at the end"
            if title in KEYS:
                # Without hostile values, the order of whose signs is the browser's.
                known = [cell for cell in given if not set(cell) & set('<>&{}"\\\u2028\u202e')]
                assert known == sorted(known, key=KEYS[title], reverse=direction == "descending"), title
            else:
                assert len(set(given)) > 2
    sort_by(made, "Host")
    webs = [name for name in made.names() if name.startswith("web")]
    assert webs == ["web1", "web2", "web10", "web20", "web100"]


def test_filters_alone_and_together(few: Path, opened: Open) -> None:
    made = opened(few)
    page, rows = made.page, made.report["hosts"]

    def found(wanted: list[str]) -> None:
        assert sorted(made.names()) == sorted(wanted)
        assert f"of {len(wanted)}" in made.shown()
        assert f"filtered from {len(rows)}" in made.shown()

    def names(**wanted: Any) -> list[str]:
        fitting = (row for row in rows if all(row[key] == value for key, value in wanted.items()))
        return [row["host"] or row["hostname"] for row in fitting]

    page.locator("#search").fill("WEB1")
    found(["web1", "web10", "web100"])
    page.locator("#search").fill("web test")
    found(["web10", "web20"])
    page.locator("#search").fill("<script>alert(1)")
    found(["hostile-script"])
    page.locator("#search").fill("expired")
    found(["web100"])
    page.locator("#search").fill("nothing has this")
    assert made.names() == []
    assert "No host matches" in page.locator("#table").inner_text()
    assert made.shown().startswith("0 of")
    page.locator("#clear").click()
    assert len(made.names()) == len(rows)
    assert "filtered" not in made.shown()

    for state, title in STATES.items():
        page.locator("#state").select_option(label=title)
        found(names(state=state))
    page.locator("#clear").click()
    page.locator("#mode").select_option(label="not as it should be")
    found(names(mode_differs=True))
    page.locator("#mode").select_option(label="full")
    found(names(enforcement_mode="full"))
    page.locator("#clear").click()
    page.locator("#profile").select_option(label="PP-DB")
    found(["db1", "db2"])
    page.locator("#clear").click()

    page.locator("#label").select_option(label="env: prod")
    found(["web1", "web2", "db1", "db2"])
    page.locator("#state").select_option(label="Paired, online")
    found(["web1", "web2", "db1"])
    page.locator("#search").fill("web")
    found(["web1", "web2"])
    page.locator("#mode").select_option(label="full")
    found(["web1"])
    page.locator("#clear").click()
    page.locator("#label").select_option(label=f"app: {HOSTILE['image']}")
    found(["hostile-image"])


def test_a_bar_of_the_chart_filters(few: Path, opened: Open) -> None:
    made = opened(few)
    filtering = made.page.locator('.bar[data-value="offline"]')
    filtering.click()
    assert made.names() == ["web20"]
    assert filtering.get_attribute("aria-pressed") == "true"
    assert made.page.locator("#state").input_value() == "offline"
    filtering.click()
    assert filtering.get_attribute("aria-pressed") == "false"
    assert len(made.names()) == len(made.report["hosts"])


def test_by_keyboard_alone(few: Path, opened: Open) -> None:
    made = opened(few)
    page = made.page
    focused = "document.activeElement"

    def tab_to(condition: str) -> None:
        for _turn in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(f"{focused}.matches({condition!r})"):
                outline = page.evaluate(f"getComputedStyle({focused}).outlineStyle")
                assert outline != "none", f"the focus on {condition} cannot be seen"
                return
        raise AssertionError(f"{condition} cannot be reached")

    tab_to(".skip")
    tab_to(".bar")
    tab_to("#search")
    page.keyboard.type("web")
    assert len(made.names()) == 5
    tab_to("#state")
    page.keyboard.type("Paired, online")
    assert sorted(made.names()) == ["web1", "web10", "web2"]
    tab_to("#clear")
    page.keyboard.press("Enter")
    expect(page.locator("#table tbody tr")).to_have_count(len(made.report["hosts"]))
    tab_to("thead th:nth-child(2) button")
    page.keyboard.press("Enter")
    assert directions(made) == {"State": "ascending"}
    page.keyboard.press("Space")
    assert directions(made) == {"State": "descending"}
    assert page.evaluate(f"{focused}.closest('th').getAttribute('aria-sort')") == "descending"
    tab_to("#next")
    tab_to("#size")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 1000, 400])
def test_accessible_and_within_its_width(few: Path, opened: Open, scheme: str, width: int) -> None:
    made = opened(few, color_scheme=scheme, viewport={"width": width, "height": 900})
    found = Axe().run(made.page)
    told = [(item["id"], item["impact"], item["nodes"][0]["html"][:200]) for item in found.response["violations"]]
    assert told == []
    assert made.page.evaluate("document.documentElement.scrollWidth") <= width
    background = made.page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", background)[:3])) / 3
    assert (brightness > 200) == (scheme == "light")
    assert made.page.get_by_role("table").get_by_role("row").count() == len(made.report["hosts"]) + 1
    assert made.page.get_by_role("rowheader").count() == len(made.report["hosts"])
    if width == 400:
        sort_by(made, "State")
        assert directions(made) == {"State": "ascending"}


def test_without_javascript_the_counts_are_there(few: Path, opened: Open) -> None:
    made = opened(few, java_script_enabled=False)
    assert f"all of its {made.report['counts']['rows']} rows" in made.page.locator("noscript").inner_text()
    assert made.page.locator(".tiles dd").first.inner_text() == str(made.report["counts"]["hosts"])
    assert not made.page.locator("#hosts").is_visible()


def test_on_paper_stands_all_that_is_found(many: Path, opened: Open) -> None:
    made = opened(many)
    made.page.locator("#search").fill("host-49")
    made.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert len(made.names()) == 111
    made.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert len(made.names()) == 100


def test_steps_with_a_page_of_many_rows_are_quicker_than_all(many: Path, opened: Open) -> None:
    started = time.monotonic()
    made = opened(many)
    made.page.locator("#table tbody tr").first.wait_for()
    steps = {"load": time.monotonic() - started}
    assert made.report["counts"]["rows"] == MANY

    def timed(name: str, script: str) -> None:
        # Until the browser has laid the rows out.
        body = (
            f"const start = performance.now(); {script}; document.body.offsetHeight; return performance.now() - start"
        )
        steps[name] = made.page.evaluate(f"() => {{ {body}; }}") / 1000

    def typed(text: str) -> str:
        return f"search.value = {text!r}; search.dispatchEvent(new Event('input'))"

    assert len(made.names()) == 100
    timed("filter by text", typed("host-49"))
    assert made.shown() == "1 to 100 of 111, filtered from 5,000"
    timed("no filter", typed(""))
    timed("sort", "document.querySelectorAll('thead button')[0].click()")
    assert made.names()[0] == f"host-{MANY}"
    timed("filter by state", "document.querySelector('.bar[data-value=\"not_paired\"]').click()")
    assert "of 500, filtered from 5,000" in made.shown()
    timed("no filter again", "document.querySelector('#clear').click()")
    expect(made.page.locator("#shown")).to_have_text("1 to 100 of 5,000")
    made.page.locator("#next").click()
    assert made.shown() == "101 to 200 of 5,000"
    timed("all rows", "size.value = 'all'; size.dispatchEvent(new Event('change'))")
    assert made.page.locator("#table tbody tr").count() == MANY
    timed("sort all rows", "document.querySelectorAll('thead button')[1].click()")
    print("with 5,000 rows: " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in steps.items()))
    paged = ("filter by text", "no filter", "sort", "filter by state", "no filter again")
    assert median(steps[name] for name in paged) < steps["all rows"], steps
