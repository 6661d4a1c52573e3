"""A small town for dashboards' tests: thirty buildings, two years of daily energy, judgements by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, timedelta

from collector.model import DailyRow
from collector.registry import Building, BuildingType, Meter, Registry, Role
from drivers.carrier import Carrier
from rules.model import Factor, Judgement, Level, Step, Text
from rules.period import Period

TYPES = (
    (BuildingType.GOVERNMENT_OFFICE, "A", "机关办公楼", "Government office", 95.0),
    (BuildingType.HOTEL, "C", "宾馆", "Hotel", 140.0),
    (BuildingType.HOSPITAL, "E", "医院", "Hospital", 160.0),
    (BuildingType.MALL, "B", "购物中心", "Mall", 190.0),
    (BuildingType.SCHOOL, "D", "学校", "School", 45.0),
)
REGIONS = ("330105", "330106", "330502")
SPARSE = "330106A001"  # has readings on one day in three
EMPTY = "330502D002"  # has no readings at all
LIMIT = Factor(
    "JS-TEST-LIMIT", "limit", 100.0, "kWh/(m2.a)", "CN-ZJ", "2024", "a test", "single source", False
)
CONFIRMED = Factor(
    "ZJ-TEST-LIMIT", "limit", 100.0, "kWh/(m2.a)", "CN-ZJ", "2024", "a test", "confirmed", True
)


def registry() -> Registry:
    buildings = {}
    for place, region in enumerate(REGIONS):
        for kind, letter, zh, en, _ in TYPES:
            for serial in (1, 2):
                number = f"{region}{letter}{serial:03d}"
                buildings[number] = Building(
                    id=number,
                    name_zh=f"{'湖滨西湖吴兴'[2 * place : 2 * place + 2]}{zh}{serial}号",
                    name_en=f"{('Lakeside', 'West Lake', 'Wuxing')[place]} {en} {serial}",
                    type=kind,
                    area_m2=12_000.0 + 3_500.0 * serial + 2_111.0 * place,
                    year_built=2001 + place,
                    climate_zone="hot_summer_cold_winter",
                    owner="某业主, Ltd.",
                    public=serial == 1 or place == 0,
                    latitude=30.2 + place / 10,
                    longitude=120.1 + serial / 50,
                    meters=(Meter("main", "main", Carrier.ELECTRICITY, Role.MAIN),),
                )
    names = {
        "330000": ("浙江省", "Zhejiang"),
        "330100": ("杭州市", "Hangzhou"),
        "330500": ("湖州市", "Huzhou"),
        "330105": ("拱墅区", "Gongshu"),
        "330106": ("西湖区", "Xihu"),
        "330502": ("吴兴区", "Wuxing"),
    }
    return Registry(dict(sorted(buildings.items())), names)


def daily(building: Building, first: date, last: date) -> Iterator[DailyRow]:
    """Plausible daily rows: electricity by type and season, its four items, gas in some."""
    if building.id == EMPTY:
        return
    level = next(each[4] for each in TYPES if each[0] is building.type)
    own = 0.75 + 0.09 * (sum(ord(letter) for letter in building.id) % 7)
    for index in range((last - first).days + 1):
        day = first + timedelta(days=index)
        if building.id == SPARSE and index % 3:
            continue
        season = 1 + 0.3 * math.cos(4 * math.pi * (day.timetuple().tm_yday - 15) / 365)
        growth = 1.04 if day.year % 2 else 1.0
        total = level * own * season * growth * building.area_m2 / 365
        peak = total / 24 * 1.9
        yield DailyRow(building.id, "electricity", "total", day, total, 0.99, 0.01, peak, peak / 4)
        yield DailyRow(building.id, "electricity", "grid", day, total, 0.99, 0.01)
        for item, share in (("01A00", 0.4), ("01B00", 0.35), ("01C00", 0.15), ("01D00", 0.1)):
            yield DailyRow(building.id, "electricity", item, day, total * share, 0.99, 0.01)
        if building.type in {BuildingType.HOTEL, BuildingType.HOSPITAL}:
            yield DailyRow(building.id, "gas", "total", day, total * 0.02, 1.0, 0.0)


def judgement(building: Building, period: Period, kwh: float, *, public: bool, share: float) -> Judgement:
    return Judgement(
        building=building.id,
        scheme="zj_public_buildings" if public else "single_source_guide",
        basis="energy_kwh",
        period=period,
        unit="kWh",
        used=kwh,
        limit=kwh / share,
        share=share,
        value=kwh / building.area_m2,
        metric_unit="kWh/(m²·a)",
        limit_value=kwh / share / building.area_m2,
        limits={},
        grade="over" if share > 1 else "within",
        level=Level.EXCEEDED if share > 1 else Level.OK,
        coverage=0.99,
        estimated=0.01,
        forecast=None,
        penalty=None,
        penalty_unit="",
        steps=(Step("readings", "sum of days", kwh, "kWh"), Step("limit", "as set", kwh / share, "kWh")),
        factors=(CONFIRMED if public else LIMIT,),
        missing=(),
        public=public,
        reasons=(Text("Cooling ran through the nights of July.", "七月夜间空调未关。"),) if share > 1 else (),
        tables_version="test",
    )
