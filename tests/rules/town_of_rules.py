"""A building and its daily rows, made up, for the rules' tests."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, timedelta

from collector.model import DailyRow
from collector.registry import Building, BuildingType, Meter, Registry, Role
from drivers.carrier import Carrier
from rules.model import Subject

OFFICE = Subject(
    id="330100A001",
    type="commercial_office",
    region="330100",
    climate_zone="hot_summer_cold_winter",
    area_m2=10_000,
)
BUILDING = Building(
    "330100A001",
    "办公楼",
    "Office",
    BuildingType.COMMERCIAL_OFFICE,
    10_000,
    contracted_kw=500,
    public=True,
    edges=("plant/pi1",),
    meters=(
        Meter("main", "main", Carrier.ELECTRICITY, Role.MAIN),
        Meter("lights", "lights", Carrier.ELECTRICITY, Role.SUB, "01A00", "main"),
        Meter("cooling", "cooling", Carrier.ELECTRICITY, Role.SUB, "01B00", "main"),
        Meter("roof", "roof", Carrier.ELECTRICITY, Role.PV),
        Meter("heat", "heat", Carrier.HEAT, Role.MAIN),
        Meter("cold", "cold", Carrier.COOLING, Role.MAIN),
    ),
)
REGISTRY = Registry({BUILDING.id: BUILDING})


def rows(
    first: date, last: date, per_day: float = 1000.0, carrier: str = "electricity", item: str = "total"
) -> list[DailyRow]:
    """A year's swing of 30 % and a quieter weekend; every day wholly measured."""
    found = []
    for at in range((last - first).days + 1):
        day = first + timedelta(days=at)
        swing = 1 + 0.3 * math.cos(2 * math.pi * (day.timetuple().tm_yday - 20) / 365.25)
        week = 0.6 if day.weekday() >= 5 else 1.0
        found.append(DailyRow("330100A001", carrier, item, day, per_day * swing * week, 1.0, 0.0))
    return found


def total(found: Iterable[DailyRow], year: int) -> float:
    return math.fsum(row.energy for row in found if row.day.year == year)
