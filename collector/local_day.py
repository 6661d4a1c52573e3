"""Instants to the building's local calendar days, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from time import time_ns
from zoneinfo import ZoneInfo

DEFAULT_ZONE = "Asia/Shanghai"


def now_ms() -> int:
    """The machine's clock, ms UTC."""
    return time_ns() // 1_000_000


@lru_cache(maxsize=65_536)
def day_bounds(day: date, zone: str) -> tuple[int, int]:
    """[start, end) of a local day in ms UTC. A day has 23 to 25 hours where clocks change."""
    info = ZoneInfo(zone)
    start, end = (datetime.combine(each, time(), info) for each in (day, day + timedelta(days=1)))
    return int(start.timestamp() * 1000), int(end.timestamp() * 1000)


def local_day(at: int, zone: str) -> date:
    """The local day in which `at` ms UTC lies."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(zone)).date()


def local_days(starts: Iterable[int], zone: str) -> set[date]:
    """The local days of many instants; quick where neighbours share a day."""
    days: set[date] = set()
    first = last = 0
    for at in starts:
        if not first <= at < last:
            day = local_day(at, zone)
            first, last = day_bounds(day, zone)
            days.add(day)
    return days


def zone_of(zones: Mapping[str, str], building: str) -> str:
    return zones.get(building, DEFAULT_ZONE)
