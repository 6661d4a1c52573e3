"""The site's deeper pages: the chain behind a quota, heat pumps, regions, alerts that are over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from threading import Event

import pytest
from fastapi.testclient import TestClient
from site_world import NOW, OFFICE, REGISTRY, TODAY, Deaf, services

from collector.model import DailyRow
from collector.sqlite_store import SqliteStore
from dashboards.site import SiteServices, create_app
from dashboards.site.access import LOCAL
from dashboards.site.cache import Cache
from dashboards.site.language import Language
from dashboards.site.views.device_words import fault
from dashboards.site.views.dual import DualControl
from dashboards.site.views.machines import _starts
from dashboards.site.views.overview import level_below
from dashboards.site.views.site_map import Projection
from edge.wire import SampleGroup
from rules.alerts import AlertBook, Finding

ZH = {"Accept-Language": "zh-CN"}
HOUR_MS, DAY_MS = 3_600_000, 86_400_000


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> SiteServices:
    return services(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def client(world: SiteServices) -> Iterator[TestClient]:
    with TestClient(create_app(world)) as client:
        yield client


def test_explain_shows_the_chain_from_register_to_verdict(client: TestClient, world: SiteServices) -> None:
    text = client.get(f"/buildings/{OFFICE}/explain").text
    assert re.search(r"Readings: Electricity \(total\).*?324,000", text, re.S)
    assert "gamma&lt;1&gt;" in text
    assert "0.883" in text
    assert "80 % band 355,000 – 380,000; by the building&#39;s own history" in text
    assert re.search(r"limit-1.*?a &lt;standard&gt;.*?2 sources agree.*?not confirmed", text, re.S)
    assert "limit-1 is not confirmed" in text
    rows = world.store.intervals(OFFICE, 0, NOW // DAY_MS * DAY_MS - 8 * HOUR_MS, ["main"])  # to midnight
    assert f">{sum(row.energy for row in rows):,.1f} <" in text
    assert f'href="/buildings/{OFFICE}/explain"' in client.get(f"/buildings/{OFFICE}").text
    zh = client.get(f"/buildings/{OFFICE}/explain", headers=ZH).text
    assert "电力（总量）读数" in zh
    assert "逐日累计" in zh


def test_explain_stands_while_the_readings_are_away(world: SiteServices) -> None:
    class Halting:
        def __getattr__(self, name: str) -> object:
            return getattr(Deaf() if name == "interval_groups" else world.store, name)

    with TestClient(create_app(replace(world, store=Halting()))) as client:  # type: ignore[arg-type]
        text = client.get(f"/buildings/{OFFICE}/explain").text
    assert "the data store does not answer" in text
    assert text.rstrip().endswith("</html>")


def test_heat_pumps_show_season_renewable_heat_and_the_last_day(client: TestClient) -> None:
    text = client.get(f"/buildings/{OFFICE}/heat-pumps").text
    assert re.search(r"Season performance \(SPF\).*?3\.00", text, re.S)
    assert re.search(r"Renewable heat.*?73,000", text, re.S)  # 365 days of 300 - 100 kWh
    assert text.count('<th scope="row">') == 13
    assert re.search(r"Mean COP</dt><dd>4\.60<", text)  # thirteen samples of 40 to 52 kW over 10 kW
    assert "West Lake" in client.get("/heat-pumps").text
    assert 'href="/heat-pumps"' in client.get("/").text


def test_compressor_starts_by_counter_or_by_running() -> None:
    assert _starts([(0, 5.0), (1, 7.0), (2, 1.0), (3, 2.0)], []) == 3  # a fall is a reset
    assert _starts([], [(0, 0.0), (1, 1.0), (2, 1.0), (3, 0.0), (4, 1.0)]) == 2
    assert _starts([], []) is None


def test_regions_show_totals_intensities_and_change(client: TestClient) -> None:
    context = client.app.state.context  # type: ignore[attr-defined]
    context.dual.counties(context.today(), LOCAL, wait=True)
    text = client.get("/regions/330000").text
    # 323 days of 1,000 kWh in each of three buildings on 62,000 m²
    assert re.search(r"3 buildings with readings.*?969\u00a0MWh.*?15\.6 <", text, re.S)
    row = re.search(r"Energy, all carriers.*?</tr>", text, re.S)
    assert row is not None
    assert "25.0%" in row[0]
    assert re.search(r"Carbon, location-based.*?tCO₂", text, re.S)
    assert re.search(r'href="/regions/330100".*?tCO₂|kgCO₂.*?kgCO₂/m²', text, re.S)


def test_a_region_leads_one_level_down() -> None:
    both = ["330106", "330203", "440104"]
    for region, codes, wanted in (
        ("", both, ["330000", "330000", "440000"]),
        ("", both[:2], ["330100", "330200"]),
        ("330000", both[:2], ["330100", "330200"]),
        ("330100", both[:1], ["330106"]),
    ):
        below = level_below(region, codes)
        assert below is not None
        assert [below(code) for code in codes] == wanted
    assert level_below("330106", both) is None


def test_a_cache_that_is_not_ready_says_so_and_reads_on() -> None:
    cache, go, done = Cache(), Event(), Event()

    def slow() -> int:
        go.wait(5)
        done.set()
        return 7

    assert cache.ready("key", 60, slow) is None
    assert cache.ready("key", 60, slow) is None
    go.set()
    assert done.wait(5)
    assert cache.get("key", 60, lambda: 7) == 7
    assert cache.ready("key", 60, slow) == 7


def test_alerts_are_filtered_paged_and_kept_when_resolved(world: SiteServices) -> None:
    book = AlertBook(":memory:")
    for n in range(60):
        book.fire(Finding(f"rule{n}", OFFICE, "", "info", f"Old {n}", f"旧{n}", NOW - 7_200_000), NOW)
        if n < 55:
            book.resolve(n + 1, "ann", "", at=NOW + 60_000)
    with TestClient(create_app(replace(world, alerts=book))) as client:
        assert client.get("/alerts").text.count('class="alert info"') == 5
        assert "Old 59" in client.get("/alerts?severity=info").text
        assert "Old 59" not in client.get("/alerts?severity=critical").text
        first = client.get("/alerts?state=resolved").text
        assert "Old 54" in first
        assert "lasted 2 h" in first
        assert "Page 1 of 2" in first
        assert client.get("/alerts?state=resolved&page=2").text.count('class="alert info"') == 5
        assert client.get("/alerts?state=gone").status_code == 422


def test_change_is_of_this_month_where_last_year_is_not_known(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "young.sqlite", clock=lambda: NOW)
    days = [TODAY - timedelta(days=n) for n in range(1, 385)]
    store.write_daily(
        [
            DailyRow(OFFICE, "electricity", "total", d, 90.0 if d.year == 2025 else 99.0, 1.0, 0.0)
            for d in days
        ]
    )
    dual = DualControl(SiteServices(store, REGISTRY, clock=lambda: NOW), Cache())
    found = dual.counties(TODAY, LOCAL, wait=True)
    assert found is not None
    assert (found.compared, found.span[0]) == ((date(2026, 11, 1), date(2026, 11, 19)), date(2026, 1, 1))
    county = found.inside(lambda code: code == "330106")
    assert county is not None
    assert county.change("kwh") == pytest.approx(0.1)
    assert found.inside(lambda code: code == "110000") is None


def test_map_keeps_directions_and_fits(client: TestClient) -> None:
    places = [(30.3, 120.2), (29.9, 121.6), (28.0, 120.7)]
    project = Projection.around(places)
    (hangzhou_x, hangzhou_y), (ningbo_x, ningbo_y), (_, wenzhou_y) = (project(*place) for place in places)
    assert hangzhou_x < ningbo_x
    assert hangzhou_y < ningbo_y < wenzhou_y
    assert all(0 < x < 760 and 0 < y < project.height for x, y in (project(*place) for place in places))
    assert Projection.around([(30.0, 120.0)])(30.0, 120.0)[0] == pytest.approx(380.0, abs=1)
    text = client.get("/").text
    assert text.count("<circle class=") == 2
    assert 'aria-label="Tide Hotel: Heading over"' in text


def test_alerts_are_titled_by_names_and_carry_units(world: SiteServices) -> None:
    book = AlertBook(":memory:")
    rule = "quota:gbt51161:energy_kwh"
    book.fire(Finding(rule, OFFICE, "2026-10", "critical", f"{rule} 2026-10", "x", NOW, 3200.0, 3000.0), NOW)
    book.fire(Finding("edge-offline", "", "hz/pi-1", "critical", f"Edge: {OFFICE}", "x", NOW), NOW)
    book.fire(Finding("cold", OFFICE, "pump", "info", "Too cold", "过冷", NOW, 12.5, 15.0), NOW)
    watched = {"cold": "supply_temperature"}
    with TestClient(create_app(replace(world, alerts=book, watched=watched))) as client:
        text = client.get("/alerts").text
        assert re.search(r"Over quota: Energy, Oct 2026 \(.*51161.*\)", text)
        assert "Edge hz/pi-1 is offline: West Lake &lt;Office&gt;, Clear Spring Hospital" in text
        page = client.get("/alerts/1").text
        assert re.search(r"Used so far</dt><dd>3,200 <span class=\"unit\">kWh", page)
        assert f'href="/buildings/{OFFICE}/explain?period=2026-10"' in page
        zh = client.get("/alerts/1", headers=ZH).text
        assert "超定额：能耗，2026年10月" in zh
        assert rule not in zh
        assert re.search(r"12\.5 <span class=\"unit\">°C", client.get("/alerts/3").text)
        book.clear(rule, OFFICE, "2026-10", NOW + 1, 0.93)
        assert re.search(r"Resolved</b>.*?93%", client.get("/alerts/1").text, re.S)


def test_a_region_counts_its_own_alerts_and_edges(client: TestClient) -> None:
    for region, alerts, online in (("330100", 1, "1 of 1"), ("330200", 1, "0 of 1"), ("330500", 0, "0 of 0")):
        text = client.get(f"/regions/{region}").text
        assert re.search(rf'href="/alerts\?region={region}" data-live="alerts">{alerts}<', text), region
        assert f"{online} edges online" in text
        assert client.get(f"/alerts?region={region}").text.count('class="alert ') == alerts


def test_faults_of_devices_are_said_in_words_with_the_place_apart() -> None:
    text = "pine (tcp 10.0.0.7:502, unit 5, function 3, registers 0 to 23): no answer within 1 s"
    assert fault(Language("en"), text) == (
        "no answer within 1 s",
        "tcp 10.0.0.7:502, unit 5, function 3, registers 0 to 23",
    )
    assert fault(Language("zh"), text) == (
        "1 秒内无应答",
        "tcp 10.0.0.7:502，地址 5，功能码 3，寄存器 0–23",
    )
    assert fault(Language("zh"), "something new") == ("something new", "")


def test_commissioning_finds_one_of_many_buildings_by_name(world: SiteServices) -> None:
    many = {f"330106A{n:03d}": replace(REGISTRY.buildings[OFFICE], id=f"330106A{n:03d}", name_en=f"House {n}")
            for n in range(1, 121)}  # fmt: skip
    store = SqliteStore(world.store.path.parent / "many.sqlite", clock=lambda: NOW)  # type: ignore[attr-defined]
    fields = ["compressor_running", "active_power_total"]
    store.write([SampleGroup(building=id_, device="main", kind="electricity", fields=fields,
                             rows=[[NOW, 0, 1.0, 80.0]]) for id_ in many], [])  # fmt: skip
    crowd = replace(world, store=store, registry=replace(REGISTRY, buildings=many))
    with TestClient(create_app(crowd)) as client:
        text = client.get("/commissioning").text
        assert text.count("<option") == 100
        assert "The first 100 of 120" in text
        text = client.get("/commissioning?q=house+11&building=330106A117").text
        assert text.count("<option") == 11  # 11 and 110 to 119
        assert 'value="330106A117" selected' in text
        assert re.search(r"Compressor running</th><td[^>]*>yes<", text)
