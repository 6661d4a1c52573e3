"""The chain of one building and period from the store: meters, register readings, sums, judgements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from collector.registry import Building, Meter
from collector.store import Store
from rules.accounting import account_days
from rules.config import Rules
from rules.cost import cost_of
from rules.explain import number
from rules.model import Account, Judgement
from rules.period import Period
from rules.quota import HISTORY_DAYS
from rules.runner import judge_days, last_whole_day
from rules.series import Days

REGISTERS = {
    "electricity": ("active_energy_import_total", "active_energy_export_total"),
    "heat": ("heat_energy",),
    "cooling": ("cooling_energy",),
    "gas": ("gas_volume",),
    "water": ("water_volume",),
}
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class MeterReading:
    """One meter in the period. first, last: register readings at its edges, where raw samples are still kept.

    intervals: sum of its interval energies by direction. Units are the carrier's.
    """

    name: str
    device: str
    carrier: str
    role: str
    item: str
    first: tuple[int, float] | None
    last: tuple[int, float] | None
    intervals: dict[str, float]


@dataclass(frozen=True, slots=True)
class Chain:
    """Everything behind the judgements of one building and period."""

    building: Building
    period: Period
    meters: tuple[MeterReading, ...]
    account: Account
    judgements: tuple[Judgement, ...]

    def meters_json(self) -> list[dict[str, Any]]:
        return [asdict(meter) for meter in self.meters]


def chain(store: Store, building: Building, rules: Rules, period: Period, now: int) -> Chain:
    """Read and judge one building. now: ms UTC. Raises StoreUnavailable."""
    through, days = _days(store, building, period, now)
    account = _account(store, building, rules, period, days, through)
    judgements = judge_days(
        [building], {building.id: days}, rules, {building.id: [period]}, {building.id: through}
    )
    return Chain(building, period, meters(store, building, period, through), account, tuple(judgements))


def account_of(store: Store, building: Building, rules: Rules, period: Period, now: int) -> Account:
    """Energy, carbon and, where a tariff is configured, cost. now: ms UTC. Raises StoreUnavailable."""
    through, days = _days(store, building, period, now)
    return _account(store, building, rules, period, days, through)


def _days(store: Store, building: Building, period: Period, now: int) -> tuple[date, Days]:
    """The last day that counts, and the daily values up to it."""
    through = min(period.last, last_whole_day(building, now))
    first = period.first - timedelta(days=HISTORY_DAYS)
    last = max(through, first)
    return through, Days.of(store.daily(first, last, [building.id]), first, last)


def _account(
    store: Store, building: Building, rules: Rules, period: Period, days: Days, through: date
) -> Account:
    made = account_days(rules.subject(building), days, period, rules.tables, through=through)
    tariffs, calendar = rules.tariffs_of(building), rules.file.calendar
    return replace(made, cost=cost_of(store, building, tariffs, calendar, days, period, through))


def meters(store: Store, building: Building, period: Period, through: date) -> tuple[MeterReading, ...]:
    """What each meter of the tree counted in the period up to `through`, in the tree's order.

    Raises StoreUnavailable.
    """
    zone = ZoneInfo(building.time_zone)
    start = _ms(datetime.combine(period.first, datetime.min.time(), zone))
    end = _ms(datetime.combine(min(period.last, through) + timedelta(days=1), datetime.min.time(), zone))
    sums: dict[tuple[str, str, str], float] = {}
    for group in store.interval_groups(building.id, start, end):
        key = (group.device, group.carrier, group.direction)
        sums[key] = sums.get(key, 0.0) + math.fsum(row[2] for row in group.rows)
    return tuple(_reading(store, building, meter, start, end, sums) for meter in building.meters)


def _reading(
    store: Store,
    building: Building,
    meter: Meter,
    start: int,
    end: int,
    sums: dict[tuple[str, str, str], float],
) -> MeterReading:
    edges: list[Sequence[tuple[int, float]]] = []
    registers = REGISTERS.get(meter.carrier, ())
    if meter.device and registers:
        edges = [
            store.series(building.id, meter.device, registers[0], start - _DAY_MS, start + _DAY_MS),
            store.series(building.id, meter.device, registers[0], end - _DAY_MS, end + _DAY_MS),
        ]
    before = [point for point in edges[0] if point[0] <= start] if edges else []
    until = [point for point in edges[1] if point[0] <= end] if edges else []
    mine = {
        direction: energy
        for (device, carrier, direction), energy in sums.items()
        if device == meter.device and carrier == meter.carrier
    }
    return MeterReading(
        meter.name, meter.device, meter.carrier, meter.role, meter.item, before[-1] if before else None,
        until[-1] if until else None, mine,
    )  # fmt: skip


def _ms(at: datetime) -> int:
    return round(at.astimezone(UTC).timestamp() * 1000)


def chain_text(made: Chain) -> str:
    """The meters' part for the terminal."""
    zone = ZoneInfo(made.building.time_zone)
    lines = [f"{made.building.name_zh} / {made.building.name_en} ({made.building.id})", "meters:"]
    for meter in made.meters:
        sums = ", ".join(f"{direction} {number(energy)}" for direction, energy in meter.intervals.items())
        registers = " to ".join(
            f"{number(point[1])} at {datetime.fromtimestamp(point[0] / 1000, zone):%Y-%m-%d %H:%M}"
            for point in (meter.first, meter.last)
            if point
        )
        item = f" {meter.item}" if meter.item else ""
        lines.append(
            f"  {meter.name}: {meter.carrier}, {meter.role}{item}; intervals {sums or 'none'}; "
            f"register {registers or 'no raw reading kept'}"
        )
    return "\n".join(lines)
