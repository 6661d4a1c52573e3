"""Chromium walks the site in both languages: no error, no request elsewhere, axe finds nothing."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright
from site_world import NOW, OFFICE, services

from dashboards.site import SiteServices, create_app
from dashboards.site.access import LOCAL
from dashboards.site.routes import live
from edge.wire import SampleGroup
from rules.alerts import Finding

pytestmark = pytest.mark.server
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATHS = [
    "/", "/regions/330100", f"/buildings/{OFFICE}", f"/buildings/{OFFICE}?span=week",
    f"/buildings/{OFFICE}/explain", f"/buildings/{OFFICE}/heat-pumps", "/heat-pumps",
    f"/buildings/{OFFICE}/devices/main", "/alerts", "/alerts?state=resolved", "/alerts/1",
    "/announcements", "/edges",
    f"/commissioning?building={OFFICE}", "/api/v1/docs", "/nowhere",
]  # fmt: skip
SERIOUS = {"resultTypes": ["violations"], "elementRef": False, "iframes": False, "selectors": False}
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 320, "height": 720}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> SiteServices:
    return replace(services(tmp_path_factory.mktemp("site")), clock=lambda: NOW)


@pytest.fixture(scope="module")
def site(world: SiteServices) -> Iterator[str]:
    app = create_app(world)
    app.state.context.dual.counties(app.state.context.today(), LOCAL, wait=True)  # all that a page may show
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning",
                            timeout_graceful_shutdown=1)  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if shutil.which("chromium") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            "chromium is not installed: apt-get install chromium"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        yield browser
        browser.close()


class Walk:
    """A page that remembers everything that went wrong on it."""

    def __init__(self, browser: Browser, site: str, **options: object) -> None:
        self.context = browser.new_context(base_url=site, **options)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on(
            "console", lambda m: self._note(m.type, m.text) if m.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self._note("script", str(error)))
        self.page.on(
            "request", lambda r: None if r.url.startswith((site, "data:")) else self._note("outside", r.url)
        )

    def _note(self, kind: str, text: str) -> None:
        if "404 (Not Found)" not in text:
            self.faults.append(f"{self.page.url}: {kind}: {text}")


@pytest.mark.slow
@pytest.mark.parametrize(("locale", "view"), [("en-GB", "desktop light"), ("zh-CN", "phone dark")])
def test_walk(browser: Browser, site: str, locale: str, view: str) -> None:
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("axe is not installed: pip install -e .[dev]")
    axe = Axe()
    phone = view.startswith("phone")
    walk = Walk(browser, site, locale=locale, viewport=PHONE if phone else DESKTOP, bypass_csp=True,
                color_scheme="dark" if phone else "light", reduced_motion="reduce")  # fmt: skip
    for path in PATHS:
        walk.page.goto(path, wait_until="domcontentloaded")
        results = axe.run(walk.page, options=SERIOUS).response["violations"]
        for fault in results:
            if fault["impact"] in ("serious", "critical"):
                nodes = "; ".join(
                    f"{n['html'][:120]} {n['failureSummary'][:200]}" for n in fault["nodes"][:2]
                )
                walk.faults.append(f"{path}: axe: {fault['id']}: {nodes}")
        wide = walk.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if wide > 0:
            walk.faults.append(f"{path}: is {wide} px wider than the screen")
    walk.context.close()
    assert not walk.faults, "\n".join(walk.faults)


def test_policy_holds_and_charts_are_drawn(browser: Browser, site: str) -> None:
    walk = Walk(browser, site, viewport=DESKTOP)
    walk.page.goto(f"/buildings/{OFFICE}")
    walk.page.wait_for_selector(".drawn canvas")
    assert walk.page.locator("svg.gauge").count() == 2
    assert walk.page.locator(".u-series").count() >= 4
    walk.context.close()
    assert walk.faults == []


def test_values_tick_without_a_reload(browser: Browser, site: str, world: SiteServices) -> None:
    walk = Walk(browser, site, viewport=DESKTOP)
    walk.page.goto(f"/buildings/{OFFICE}")
    power = walk.page.locator("[data-live='power']")
    assert power.text_content() == "150"
    walk.page.wait_for_selector("[data-connection]:not([hidden])")
    group = SampleGroup(building=OFFICE, device="main", kind="electricity", fields=["active_power_total"],
                        rows=[[NOW - 1000, 0, 310.0]])  # fmt: skip
    world.store.write([group], [])
    expect(power).to_have_text("340", timeout=15_000)
    walk.context.close()
    assert walk.faults == []


def test_alerts_come_and_go_by_themselves(browser: Browser, site: str, world: SiteServices) -> None:
    walk = Walk(browser, site, viewport=DESKTOP)
    walk.page.goto("/alerts")
    walk.page.wait_for_selector("[data-connection]:not([hidden])")
    assert world.alerts is not None
    world.alerts.fire(Finding("fresh", OFFICE, "", "warning", "Fresh alert", "新告警", NOW), NOW)
    expect(walk.page.get_by_text("Fresh alert")).to_be_visible(timeout=15_000)
    world.alerts.clear("fresh", OFFICE, "", NOW + 1)
    expect(walk.page.get_by_text("Fresh alert")).to_be_hidden(timeout=15_000)
    walk.context.close()
    assert walk.faults == []


@pytest.mark.parametrize(
    ("locale", "lost", "view"), [("en-GB", "not connected", DESKTOP), ("zh-CN", "连接中断", PHONE)]
)
def test_a_refused_stream_is_said_in_words_and_opened_again(
    browser: Browser,
    site: str,
    monkeypatch: pytest.MonkeyPatch,
    locale: str,
    lost: str,
    view: dict[str, int],
) -> None:
    monkeypatch.setattr(live, "MOST_STREAMS", 0)
    walk = Walk(browser, site, locale=locale, viewport=view)
    walk.page.goto("/alerts")
    expect(walk.page.get_by_text(lost)).to_be_visible(timeout=15_000)
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert walk.page.evaluate(wide) <= 0
    monkeypatch.setattr(live, "MOST_STREAMS", 200)
    walk.page.wait_for_selector("[data-connection]:not(.lost)", timeout=30_000, state="attached")
    expect(walk.page.get_by_text(lost)).to_be_hidden()
    walk.context.close()


def test_without_scripts_everything_is_there(browser: Browser, site: str) -> None:
    walk = Walk(browser, site, viewport=DESKTOP, java_script_enabled=False)
    walk.page.goto(f"/buildings/{OFFICE}")
    assert walk.page.locator("svg.lines").first.is_visible()
    assert walk.page.locator("svg.gauge").count() == 2
    walk.context.close()


def test_keyboard_reaches_content_and_filters(browser: Browser, site: str) -> None:
    walk = Walk(browser, site, viewport=DESKTOP)
    walk.page.goto("/")
    walk.page.keyboard.press("Tab")
    assert walk.page.evaluate("document.activeElement.className") == "skip"
    walk.page.keyboard.press("Enter")
    assert walk.page.evaluate("document.activeElement.id") == "main"
    walk.page.get_by_label("Name or number").fill("spring")
    walk.page.keyboard.press("Enter")
    walk.page.wait_for_url("**/?q=spring*")
    assert walk.page.locator(".buildings tbody tr").count() == 1
    walk.context.close()


def test_print_view_has_charts_and_no_navigation(browser: Browser, site: str, tmp_path: Path) -> None:
    walk = Walk(browser, site, viewport=DESKTOP, color_scheme="dark")
    walk.page.goto(f"/buildings/{OFFICE}")
    walk.page.wait_for_selector(".drawn canvas")
    walk.page.emulate_media(media="print")
    assert not walk.page.locator("nav.main").is_visible()
    assert walk.page.locator("svg.lines").first.is_visible()
    assert walk.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    walk.context.close()


def test_stream_sends_all_then_only_changes(site: str, world: SiteServices) -> None:
    with httpx.stream("GET", f"{site}/live/edges", timeout=15) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        first = next(line for line in lines if line.startswith("data:"))
        assert '"edge/hz/pi-1/spool":"3"' in first
        assert next(line for line in lines if line.startswith((":", "data:"))) == ": nothing new"
