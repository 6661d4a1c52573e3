"""Heat pumps over months: heat given, electricity drawn, season performance factor, renewable heat."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from collector.model import DailyRow, SumRow
from collector.store import Store
from dashboards.site.cache import Cache
from dashboards.site.views.portfolio import last_twelve_months
from rules.accounting import heat_pump
from rules.model import HeatPump

OUTPUT, INPUT = "heat_pump_output", "heat_pump_input"
MONTHS = 13


@dataclass(frozen=True, slots=True)
class Month:
    """The heat pumps of one building in one calendar month, kWh; partial: still running."""

    first: date
    made: HeatPump
    partial: bool


@dataclass(frozen=True, slots=True)
class Season:
    """The heat pumps of one building: the last 365 days, this year, and month by month, oldest first."""

    twelve_months: HeatPump
    this_year: HeatPump
    months: tuple[Month, ...]


def season(store: Store, cache: Cache, building: str, today: date) -> Season | None:
    """None for a building whose heat pumps have counted nothing."""

    def load() -> Season | None:
        first = _months_back(today, MONTHS - 1)
        rows = store.daily(first, today - timedelta(days=1), [building], item=OUTPUT)
        rows += store.daily(first, today - timedelta(days=1), [building], item=INPUT)
        return season_of(rows, today) if rows else None

    return cache.get(("season", building, today), 60.0, load, keep_s=600.0)


def season_of(rows: Iterable[DailyRow], today: date) -> Season:
    """Sums of daily rows; cooling counts as heat given, as the machine's electricity is one."""
    months: dict[date, list[float]] = defaultdict(lambda: [0.0, 0.0])
    year, twelve = [0.0, 0.0], [0.0, 0.0]
    since = last_twelve_months(today)[0]
    for row in rows:
        place = row.item == INPUT
        months[row.day.replace(day=1)][place] += row.energy
        if row.day.year == today.year:
            year[place] += row.energy
        if row.day >= since:
            twelve[place] += row.energy
    return Season(
        heat_pump(*twelve),
        heat_pump(*year),
        tuple(
            Month(first, heat_pump(*sums), first == today.replace(day=1))
            for first, sums in sorted(months.items())
        ),
    )


def seasons(store: Store, cache: Cache, today: date) -> dict[str, HeatPump]:
    """Building -> its heat pumps over the last 365 days, of every building that has any."""

    def load() -> dict[str, HeatPump]:
        between = last_twelve_months(today)
        heat, drawn = (
            _by_building(store.sums(*between, item=OUTPUT)),
            _by_building(store.sums(*between, item=INPUT)),
        )
        return {
            building: heat_pump(heat.get(building, 0.0), drawn.get(building, 0.0))
            for building in sorted({*heat, *drawn})
        }

    return cache.get(("seasons", today), 60.0, load, keep_s=3600.0)


def _by_building(rows: Iterable[SumRow]) -> dict[str, float]:
    sums: dict[str, float] = defaultdict(float)
    for row in rows:
        sums[row.building] += row.energy
    return sums


def _months_back(day: date, count: int) -> date:
    index = day.year * 12 + day.month - 1 - count
    return date(index // 12, index % 12 + 1, 1)
