"""Four buildings: two years of days, a week of quarter hours, live samples, judgements, alerts, edges."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from collector.model import DailyRow, EdgeRow, JudgementRow
from collector.registry import Building, BuildingType, Meter, Registry, Role
from collector.sqlite_store import SqliteStore
from collector.store import Store
from dashboards.site import SiteServices
from drivers.carrier import Carrier, Direction
from drivers.errors import StoreUnavailable
from edge.wire import EdgeStatus, IntervalGroup, SampleGroup
from rules.alerts import AlertBook, Finding

ZONE = ZoneInfo("Asia/Shanghai")
NOW = int(datetime(2026, 11, 20, 15, 5, tzinfo=ZONE).timestamp() * 1000)
TODAY = date(2026, 11, 20)
OFFICE, HOSPITAL, HOTEL, LIBRARY = "330106A001", "330106E001", "330203C001", "330502D001"
QUARTER_MS = 900_000
MAIN_KW, PV_KW = 120.0, 30.0


def electricity(name: str, role: Role, item: str = "") -> Meter:
    return Meter(name, name, Carrier.ELECTRICITY, role, item)


OFFICE_METERS = (
    electricity("main", Role.MAIN),
    electricity("roof", Role.PV),
    electricity("light", Role.SUB, "01A00"),
    electricity("hvac", Role.SUB, "01B00"),
    Meter("pump", "pump", Carrier.HEAT, Role.HEAT_PUMP),
)

REGISTRY = Registry(
    {
        building.id: building
        for building in (
            Building(OFFICE, "西湖<办公楼>", "West Lake <Office>", BuildingType.GOVERNMENT_OFFICE, 12_000.0,
                     edges=("hz/pi-1",), meters=OFFICE_METERS, latitude=30.26, longitude=120.13),
            Building(HOSPITAL, "清泉医院", "Clear Spring Hospital", BuildingType.HOSPITAL, 30_000.0,
                     edges=("hz/pi-1",), meters=(electricity("main", Role.MAIN),)),
            Building(HOTEL, "观潮酒店", "Tide Hotel", BuildingType.HOTEL, 20_000.0,
                     edges=("nb/pi-2",), meters=(electricity("main", Role.MAIN),), latitude=29.87,
                     longitude=121.55),
            Building(LIBRARY, "松风图书馆", "Pine Library", BuildingType.LIBRARY, 8_000.0),
        )
    },
    {
        "330000": ("浙江省", "Zhejiang"), "330100": ("杭州市", "Hangzhou"), "330106": ("西湖区", "Xihu"),
        "330200": ("宁波市", "Ningbo"), "330203": ("海曙区", "Haishu"), "330500": ("湖州市", "Huzhou"),
        "330502": ("吴兴区", "Wuxing"),
    },
)  # fmt: skip


def services(tmp_path: Path, empty: Store | None = None) -> SiteServices:
    """A site whose clock stands still at NOW, over a store filled afresh: `empty`, or one in `tmp_path`."""
    store = empty or SqliteStore(tmp_path / "site.sqlite", clock=lambda: NOW)
    days = [TODAY - timedelta(days=n) for n in range(730, 0, -1)]
    store.write_daily(
        [row for building in (OFFICE, HOSPITAL, HOTEL) for day in days for row in _day(building, day)]
    )
    start = int(datetime(2026, 11, 13, tzinfo=ZONE).timestamp() * 1000)
    store.write(_samples(), _intervals(range(start, NOW - QUARTER_MS, QUARTER_MS)))
    store.write_judgements(_judgements())
    _report_edges(store)
    return SiteServices(store, REGISTRY, alerts=_alerts(), clock=lambda: NOW, hosts=("testserver",))


def _day(building: str, day: date) -> list[DailyRow]:
    """1,000 kWh a day in 2026 and 800 before, three quarters of the office's by sub-meters."""
    energy = 1000.0 if day.year == 2026 else 800.0
    rows = [DailyRow(building, "electricity", "total", day, energy, 1.0, 0.0, 140.0, 20.0)]
    if building == OFFICE:
        rows += [
            DailyRow(building, "electricity", item, day, share, 1.0, 0.0)
            for item, share in (("01A00", 500.0), ("01B00", 250.0), ("pv", 100.0), ("export", 25.0))
        ]
        rows.append(DailyRow(building, "heat", "heat_pump_output", day, 300.0, 1.0, 0.0))
        rows.append(DailyRow(building, "electricity", "heat_pump_input", day, 100.0, 1.0, 0.0))
        rows.append(DailyRow(building, "water", "total", day, 12.0, 1.0, 0.0))
    return rows


def _samples() -> list[SampleGroup]:
    groups = [
        SampleGroup(building=building, device="main", kind="electricity",
                    fields=["active_power_total", "voltage_l1n"], rows=[[NOW - 5000, 0, MAIN_KW, 231.4]])
        for building in (OFFICE, HOSPITAL)
    ]  # fmt: skip
    groups.append(
        SampleGroup(building=OFFICE, device="roof", kind="electricity", fields=["active_power_total"],
                    rows=[[NOW - 5000, 0, -PV_KW]])
    )  # fmt: skip
    pump = ["thermal_power", "electric_power_input", "supply_temperature", "return_temperature"]
    rows = [[NOW - n * QUARTER_MS - 5000, 0, 40.0 + n, 10.0, 45.0, 39.5] for n in range(12, -1, -1)]
    groups.append(SampleGroup(building=OFFICE, device="pump", kind="heat_pump", fields=pump, rows=rows))
    return groups


def _intervals(starts: range) -> list[IntervalGroup]:
    def group(building: str, device: str, direction: Direction, kw: float) -> IntervalGroup:
        rows = [(at, 900, kw / 4 * (1 + 0.3 * math.sin(at / 86_400_000 * math.tau)), 900, 0) for at in starts]
        return IntervalGroup(
            building=building, device=device, carrier=Carrier.ELECTRICITY, direction=direction, rows=rows
        )

    return [
        group(OFFICE, "main", Direction.IMPORT, MAIN_KW),
        group(OFFICE, "roof", Direction.EXPORT, PV_KW),
        group(OFFICE, "light", Direction.IMPORT, 40.0),
        group(HOSPITAL, "main", Direction.IMPORT, MAIN_KW),
    ]


CHAIN = {
    "value": 27.0, "metric_unit": "kWh/(m2.a)", "limit_value": 25.0, "grade": "over", "public": False,
    "reasons": [{"en": "limit-1 is not confirmed", "zh": "limit-1 未经核实"}], "method": "history",
    "steps": [
        {"name": "readings of electricity (total)", "formula": "sum of days", "value": 324_000.0,
         "unit": "kWh", "note": "2026-01-01 to 2026-11-19"},
        {"name": "gamma<1>", "formula": "0.3 + 0.7 * 2500 / 3000", "value": 0.883, "unit": ""},
        {"name": "forecast", "formula": "to the end of the period", "value": 366_000.0, "unit": "kWh"},
    ],
    "factors": [{"id": "limit-1", "kind": "limit", "value": 25.0, "unit": "kWh/(m2.a)", "year": "2024",
                 "source": "a <standard>", "confidence": "confirmed by 2 sources", "confirmed": False}],
}  # fmt: skip
"""As rules.quota.detail keeps it."""


def _judgements() -> list[JudgementRow]:
    over = JudgementRow(
        OFFICE, "zhejiang", "energy_kwh", "2026", NOW, "kWh", 324_000.0, 300_000.0, 1.08, 0.88, 366_000.0,
        355_000.0, 380_000.0, "exceeded", 0.99, "t1",
    )  # fmt: skip
    return [
        replace(over, detail=json.dumps(CHAIN)),
        replace(over, basis="carbon_kgco2", unit="kgCO2", used=170_000.0, limit=250_000.0, share=0.68,
                forecast=190_000.0, forecast_low=185_000.0, forecast_high=196_000.0, level="ok"),
        replace(over, building=HOSPITAL, share=0.7, level="ok", used=210_000.0),
        replace(over, building=HOTEL, share=0.9, level="warning", used=270_000.0,
                passes_on=date(2026, 12, 11)),
    ]  # fmt: skip


def _alerts() -> AlertBook:
    book = AlertBook(":memory:")
    hour = 3_600_000
    book.fire(
        Finding(
            "over_power",
            OFFICE,
            "",
            "critical",
            "Power <above> contract",
            "功率超合同",
            NOW - hour,
            120.0,
            100.0,
        ),
        NOW - hour,
    )
    book.fire(Finding("no_data", HOTEL, "main", "warning", "No data", "无数据", NOW - hour), NOW - hour)
    return book


def _report_edges(store: Store) -> None:
    well = EdgeStatus(online=True, at=NOW, version="0.1.0", spool_batches=3, oldest_at=NOW - 4000,
                      clock="trusted", poll_success=0.998, bus_load={"rtu-1": 0.4},
                      devices={"main": "ok"})  # fmt: skip
    ill = EdgeStatus(online=True, at=NOW, clock="untrusted", devices={"main": "no answer from unit 3"})
    store.write_edge(EdgeRow("hz", "pi-1", NOW - 1000, well.model_dump()))
    store.write_edge(EdgeRow("nb", "pi-2", NOW - 3_600_000, ill.model_dump()))


class Deaf:
    """A store that is away."""

    def __getattr__(self, name: str) -> object:
        def fail(*_: object, **__: object) -> None:
            raise StoreUnavailable("the database is away")

        return fail
