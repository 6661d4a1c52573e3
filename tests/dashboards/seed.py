"""Two weeks of the town, written as the collector and the rules write it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import town

from collector.influx_store import InfluxStore
from collector.lines import line
from collector.model import DailyRow, EdgeRow, JudgementRow
from dashboards.boards.facts import alert_line, building_lines, profile_lines
from drivers.carrier import ITEMS, Carrier, Direction
from edge.wire import EdgeStatus, IntervalGroup, SampleGroup
from rules.alerts import AlertBook, Finding

FIRST, DAYS = date(2026, 10, 1), 14
ZONE = ZoneInfo("Asia/Shanghai")
SUB_ITEMS = [code for code in ITEMS if not code.endswith("00")]
BUILDING = "330105A001"


def ms(day: date, hour: float = 0.0) -> int:
    return int(
        (datetime(day.year, day.month, day.day, tzinfo=ZONE) + timedelta(hours=hour)).timestamp() * 1000
    )


def fill(store: InfluxStore) -> str:
    """Write samples, intervals, days, judgements and edges through the store; give the lines of the rest."""
    store.write(_samples(), [_interval_group()])
    registry = town.registry()
    for building in registry.buildings.values():
        store.write_daily(list(_daily(building.id)))
        store.write_judgements(list(_judgements(building.id)))
    for row in _edges():
        store.write_edge(row)
    intervals = store.intervals(BUILDING, ms(FIRST), ms(FIRST + timedelta(days=1)))
    facts = [*building_lines(registry), *profile_lines(registry.buildings[BUILDING], intervals)]
    return "".join([*facts, *_alerts(), *_announced()])


def _daily(name: str) -> Iterator[DailyRow]:
    days = [FIRST + timedelta(days=day) for day in range(DAYS)]
    yield from town.daily(town.registry().buildings[name], days[0], days[-1])
    if name == BUILDING:
        for day in days:
            for carrier, item in (
                *(("electricity", item) for item in ("pv", "export", *SUB_ITEMS)),
                *((carrier, "total") for carrier in ("heat", "cooling", "steam", "water", "gas")),
            ):
                yield DailyRow(name, carrier, item, day, 40.0 + day.day, 1.0, 0.0)
    if name == town.SPARSE:
        for day in days:
            yield DailyRow(name, "electricity", "total", day, 1.0, 0.3, 0.5)


def _judgements(name: str) -> Iterator[JudgementRow]:
    for basis, period in (
        *((basis, "2026") for basis in ("energy_kwh", "energy_kgce", "carbon_kgco2")),
        ("energy_kwh", "2026-10"),
    ):
        for day in range(DAYS):
            share = 0.7 + 0.01 * day + (0.4 if name.endswith("A001") else 0.0)
            yield JudgementRow(
                building=name,
                scheme="budget",
                basis=basis,
                period=period,
                judged_at=ms(FIRST + timedelta(days=day), 6),
                unit="kWh",
                used=1e6 * share,
                limit=1e6,
                share=share,
                expected_share=0.75,
                forecast=1.1e6,
                forecast_low=1.0e6,
                forecast_high=1.2e6,
                level="exceeded" if share > 1 else "ok",
                coverage=0.98,
                tables_version="test",
                passes_on=date(2026, 12, 20) if share > 1 else None,
            )


def _alerts() -> Iterator[str]:
    book = AlertBook(":memory:")
    opened = [
        book.fire(
            Finding(f"rule_{n}", BUILDING, "main", "warning", "Too much", "过高", ms(FIRST, 3), 3.0, 2.0),
            ms(FIRST, 3),
        )
        for n in range(4)
    ]
    book.acknowledge(opened[1].id, "somebody", at=ms(FIRST, 4))
    book.clear("rule_2", BUILDING, "main", ms(FIRST, 5))
    book.snooze(opened[3].id, ms(FIRST + timedelta(days=DAYS)), "somebody", at=ms(FIRST, 4))
    yield from (alert_line(alert, town.registry()) for alert in book.list())
    book.close()


def _edges() -> Iterator[EdgeRow]:
    for edge, online in (("pi-1", True), ("pi-2", False)):
        for minute in range(60):
            status = EdgeStatus(
                online=online,
                version="0.1.0",
                spool_batches=3,
                spool_bytes=4096,
                poll_success=0.99,
                bus_load={"rs485": 0.4},
                clock="trusted",
                clock_offset_ms=12.0,
                temperature_degc=51.0,
                memory_bytes=50_000_000,
                oldest_at=ms(FIRST, minute / 60) - 7_200_000,
            )
            yield EdgeRow("lakeside", edge, ms(FIRST, minute / 60), status.model_dump())


def _interval_group() -> IntervalGroup:
    return IntervalGroup(
        building=BUILDING,
        device="main",
        carrier=Carrier.ELECTRICITY,
        direction=Direction.IMPORT,
        rows=[(ms(FIRST, quarter / 4), 900, 20.0, 900, quarter % 2) for quarter in range(96)],
    )


ANNOUNCED: tuple[dict[str, float | str | None], ...] = (
    {
        "name_zh": "湖滨机关办公楼",
        "name_en": "Lakeside Government office",
        "type_zh": "机关办公",
        "type_en": "Government office",
        "rank": 1.0,
        "carbon_rank": 2.0,
        "grade": "B",
        "carbon_grade": "C",
        "eui": 6.1,
        "carbon_intensity": 3.1,
        "share": 0.9,
        "level": "watch",
        "change": -0.04,
    },
    {
        "name_zh": "西湖机关办公楼",
        "name_en": "West Lake Government office",
        "type_zh": "机关办公",
        "type_en": "Government office",
        "rank": 2.0,
        "carbon_rank": 1.0,
        "grade": "D",
        "carbon_grade": "A",
        "eui": 9.9,
        "carbon_intensity": 2.9,
        "share": 1.2,
        "level": "exceeded",
        "change": 0.2,
    },
    {
        "name_zh": "吴兴宾馆",
        "name_en": "Wuxing Hotel",
        "type_zh": "宾馆饭店",
        "type_en": "Hotel",
        "rank": 1.0,
        "carbon_rank": 1.0,
        "grade": "E",
        "carbon_grade": "E",
        "eui": 14.0,
        "carbon_intensity": 7.0,
        "level": "",
    },
)


def _announced() -> Iterator[str]:
    for kind in ("month", "year"):
        for slot, entry in enumerate(ANNOUNCED):
            common = {
                "shown": 1.0,
                "number": "33-2026-10-01",
                "period": "2026-10",
                "area": 15_500.0,
                "coverage": 0.99,
            }
            yield line("announcement", {"kind": kind, "slot": f"{slot:05d}"}, common | entry, ms(FIRST))


def _samples() -> list[SampleGroup]:
    minutes = range(0, 24 * 60, 10)
    heat_pump = {
        "electric_power_input": lambda minute: 5.0,
        "thermal_power": lambda minute: 16.0,
        "electric_energy_total": lambda minute: 1000.0 + minute / 12,
        "heat_energy_total": lambda minute: 3000.0 + minute / 4,
        "supply_temperature": lambda minute: 45.0,
        "return_temperature": lambda minute: 38.0,
        "outdoor_temperature": lambda minute: 7.0,
        "compressor_starts": lambda minute: 100.0 + minute // 300,
        "compressor_hours": lambda minute: 900.0 + minute / 60,
        "defrost_active": lambda minute: 0.0,
    }
    meter = {"active_power_total": lambda minute: 80.0 + minute % 60, "voltage_l1n": lambda minute: 230.0}
    return [
        SampleGroup(
            building=BUILDING,
            device=device,
            kind=kind,
            fields=list(curves),
            rows=[[ms(FIRST, m / 60), 0, *(curve(m) for curve in curves.values())] for m in minutes],
        )
        for device, kind, curves in (("main", "electricity", meter), ("hp1", "heat_pump", heat_pump))
    ]
