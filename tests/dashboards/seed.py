"""Two weeks of the town in line protocol, in the shape that collector and rules write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import town

from collector.model import IntervalRow
from dashboards.boards.facts import FIXED_AT, building_lines, line, profile_lines

FIRST, DAYS = date(2026, 10, 1), 14
ZONE = ZoneInfo("Asia/Shanghai")
BUILDING = "330105A001"


def ms(day: date, hour: float = 0.0) -> int:
    return int(
        (datetime(day.year, day.month, day.day, tzinfo=ZONE) + timedelta(hours=hour)).timestamp() * 1000
    )


def energy_lines() -> Iterator[str]:
    """The bucket of energy and judgements."""
    registry = town.registry()
    yield from building_lines(registry)
    for building in registry.buildings.values():
        yield from _daily(building.id)
        yield from _quota(building.id)
    yield from _alerts()
    yield from _edges()
    yield from _intervals()
    yield from _announced()


def _daily(name: str) -> Iterator[str]:
    building = town.registry().buildings[name]
    where = {
        "building": name,
        "province": building.province,
        "city": building.city,
        "county": building.region,
    }
    for row in town.daily(building, FIRST, FIRST + timedelta(days=DAYS - 1)):
        tags = {**where, "carrier": row.carrier, "item": row.item}
        fields = {
            "energy": row.energy,
            "coverage": row.coverage,
            "estimated": row.estimated,
            "peak_kw": row.peak_kw,
            "base_kw": row.base_kw,
        }
        yield line("energy_daily", tags, fields, ms(row.day))
    if name == BUILDING:
        for day in range(DAYS):
            for carrier, item in (
                *(("electricity", item) for item in ("pv", "export")),
                *((carrier, "total") for carrier in ("heat", "water", "gas")),
            ):
                fields = {"energy": 40.0 + day, "coverage": 1.0, "estimated": 0.0}
                at = ms(FIRST + timedelta(days=day))
                yield line("energy_daily", {**where, "carrier": carrier, "item": item}, fields, at)
    if name == town.SPARSE:
        poor = {**where, "carrier": "electricity", "item": "total"}
        for day in range(DAYS):
            yield line(
                "energy_daily", poor, {"energy": 1.0, "coverage": 0.3, "estimated": 0.5}, ms(FIRST) + day
            )


def _quota(name: str) -> Iterator[str]:
    for basis, period in (("energy_kwh", "2026"), ("carbon_kgco2", "2026"), ("energy_kwh", "2026-10")):
        for day in range(DAYS):
            share = 0.7 + 0.01 * day + (0.4 if name.endswith("A001") else 0.0)
            fields: dict[str, float | str | None] = {
                "used": 1000.0 * share,
                "limit": 1000.0,
                "share": share,
                "expected_share": 0.75,
                "forecast": 1100.0,
                "forecast_low": 1000.0,
                "forecast_high": 1200.0,
                "coverage": 0.98,
                "level": "exceeded" if share > 1 else "ok",
            }
            tags = {"building": name, "scheme": "budget", "basis": basis, "period": period}
            yield line("quota", tags, fields, ms(FIRST + timedelta(days=day), 6))


def _alerts() -> Iterator[str]:
    for place, state in enumerate(("open", "acknowledged", "resolved")):
        tags = {"building": BUILDING, "rule": f"rule_{place}", "severity": "warning"}
        fields: dict[str, float | str | None] = {"state": state, "value": 3.0, "limit": 2.0}
        yield line("alert", tags, fields, ms(FIRST, 3))


def _edges() -> Iterator[str]:
    for edge, online in (("pi-1", 1.0), ("pi-2", 0.0)):
        for minute in range(60):
            fields: dict[str, float | str | None] = {
                "online": online,
                "version": "0.1.0",
                "spool_batches": 3.0,
                "spool_bytes": 4096.0,
                "poll_success": 0.99,
                "bus_load": 0.4,
                "clock_offset_ms": 12.0,
                "temperature_degc": 51.0,
                "memory_bytes": 5e7,
                "dropped_samples": 0.0,
            }
            yield line("edge_health", {"site": "lakeside", "edge": edge}, fields, ms(FIRST, minute / 60))


def _intervals() -> Iterator[str]:
    building = town.registry().buildings[BUILDING]
    rows = [
        IntervalRow(BUILDING, "main", "electricity", "import", ms(FIRST, hour / 4), 900, 20.0, 900, hour % 2)
        for hour in range(96)
    ]
    for row in rows:
        tags = {"building": BUILDING, "device": "main", "carrier": "electricity", "direction": "import"}
        yield line("interval", tags, {"energy": row.energy, "quality": float(row.quality)}, row.start)
    yield from profile_lines(building, rows)


def _announced() -> Iterator[str]:
    for kind in ("month", "year"):
        fields: dict[str, float | str | None] = {
            "shown": 1.0,
            "number": "33-2026-10-01",
            "period": "2026-10",
            "name_zh": "湖滨机关办公楼",
            "name_en": "Lakeside Government office",
            "type_zh": "机关办公",
            "type_en": "Government office",
            "rank": 1.0,
            "grade": "B",
            "carbon_grade": "C",
            "eui": 6.1,
            "carbon_intensity": 3.1,
            "share": 0.9,
            "change": -0.04,
            "area": 15_500.0,
            "coverage": 0.99,
        }
        yield line("announcement", {"kind": kind, "slot": "00000"}, fields, FIXED_AT)


def sample_lines() -> Iterator[str]:
    """The bucket of raw samples."""
    for minute in range(0, 24 * 60, 10):
        at = ms(FIRST, minute / 60)
        tags = {"building": BUILDING, "device": "main"}
        yield line("electricity", tags, {"active_power_total": 80.0 + minute % 60, "voltage_l1n": 230.0}, at)
        fields = {
            "electric_power_input": 5.0,
            "thermal_power": 16.0,
            "electric_energy_total": 1000.0 + minute / 12,
            "heat_energy_total": 3000.0 + minute / 4,
            "supply_temperature": 45.0,
            "return_temperature": 38.0,
            "outdoor_temperature": 7.0,
            "compressor_starts": 100.0 + minute // 300,
            "compressor_hours": 900.0 + minute / 60,
            "defrost_active": 0.0,
        }
        yield line("heat_pump", {"building": BUILDING, "device": "hp1"}, fields, at)
