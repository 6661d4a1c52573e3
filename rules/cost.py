"""What a building's energy cost in a period: interval energy times the tariff of its minute.

What the supplier delivers is priced, not what is used: own generation costs nothing, export is paid for.
Cost = sum(energy * price of its rate) + steps + demand charge + fixed charge - export.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from collector.local_day import day_bounds
from collector.registry import Building
from collector.rollup import supplied
from collector.store import IntervalRows, Store
from drivers.carrier import UNIT, Carrier
from rules.conditions import Calendar
from rules.model import Cost, CostLine
from rules.period import Period
from rules.series import Days
from rules.tariff import Tariff, Version

_DIFFERENCE = 0.01
"""Share of the daily total that priced intervals may lack before it is said."""


@dataclass
class _Month:
    """What one tariff version prices in one month. before: units of the year before this part."""

    month: Period
    version: Version
    energy: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    power: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    export: float = 0.0
    before: float = 0.0


def cost_of(
    store: Store,
    building: Building,
    tariffs: Sequence[Tariff],
    calendar: Calendar,
    days: Days,
    period: Period,
    through: date,
) -> Cost | None:
    """Cost of the period's days up to `through`; None without a tariff. Raises StoreUnavailable."""
    if not tariffs:
        return None
    yearly = any(v.steps_per == "year" and v.step for tariff in tariffs for v in tariff.version)
    first = date(period.year, 1, 1) if yearly else period.first
    last = min(period.last, through)
    groups: list[IntervalRows] = []
    if first <= last:
        start, end = day_bounds(first, building.time_zone)[0], day_bounds(last, building.time_zone)[1]
        groups = list(store.interval_groups(building.id, start, end))
    return price(building, tariffs, calendar, groups, days, period, last)


def price(
    building: Building,
    tariffs: Sequence[Tariff],
    calendar: Calendar,
    groups: Iterable[IntervalRows],
    days: Days,
    period: Period,
    last: date,
) -> Cost:
    """`cost_of` for intervals that are already there.

    days: daily values, from which it is said how much of the energy was priced.
    """
    groups = list(groups)
    lines: list[CostLine] = []
    missing: list[str] = []
    priced = whole = estimated = 0.0
    coverages: list[float] = []
    for tariff in tariffs:
        months, guessed, undated = _months(building, tariff, calendar, groups, period, last)
        for month in months:
            lines += _lines(building, tariff, month, missing)
        cost_energy = sum(sum(month.energy.values()) for month in months)
        item = "grid" if tariff.carrier == Carrier.ELECTRICITY else "total"
        known = days.window(period.first, last).total(tariff.carrier, item)
        if known is None:
            continue
        coverages.append(known.coverage)
        unit = UNIT[tariff.carrier]
        if undated:
            missing.append(f"{tariff.id}: no prices before {tariff.version[0].since} ({undated:.6g} {unit})")
        lacking = known.energy - cost_energy - undated
        if abs(lacking) > _DIFFERENCE * abs(known.energy):
            missing.append(
                f"{tariff.carrier}: the period's days count {known.energy:.6g} {unit}, "
                f"its intervals only {cost_energy + undated:.6g}"
            )
        share = min(1.0, max(0.0, cost_energy / known.energy)) if known.energy else 1.0
        spent = sum(abs(line.cost) for line in lines if line.tariff == tariff.id)
        whole += spent
        priced += spent * share
        estimated += spent * (guessed / cost_energy if cost_energy else 0.0)
    return Cost(
        currency=tariffs[0].currency,
        total=sum(line.cost for line in lines),
        lines=tuple(lines),
        tariffs={tariff.id: tariff.hash for tariff in tariffs},
        coverage=min(coverages, default=0.0),
        priced=priced / whole if whole else 0.0,
        estimated=min(1.0, estimated / whole) if whole else 0.0,
        missing=tuple(missing),
    )


def _months(
    building: Building,
    tariff: Tariff,
    calendar: Calendar,
    groups: Sequence[IntervalRows],
    period: Period,
    last: date,
) -> tuple[list[_Month], float, float]:
    """The parts of the period by month and version, the estimated energy, and what has no price."""
    found: dict[tuple[Period, date], _Month] = {}
    guessed = undated = year = 0.0
    zone = ZoneInfo(building.time_zone)
    for day, imports, exports in supplied(building, groups, tariff.carrier):
        if day > last:
            continue
        drawn = sum(flow.energy for flow in imports)
        version = tariff.on(day)
        if day < period.first:
            year += drawn
            continue
        if version is None:
            undated += drawn
            continue
        key = (Period(day.year, day.month), version.since)
        part = found.setdefault(key, _Month(key[0], version, before=year))
        year += drawn
        rates = version.rates_of(day, calendar)
        start_of_day = day_bounds(day, building.time_zone)[0]
        even = day_bounds(day, building.time_zone)[1] - start_of_day == 86_400_000
        for flow in imports:
            guessed += flow.estimated
            for start, length, energy in zip(flow.starts, flow.lengths, flow.energies, strict=True):
                minute = (start - start_of_day) // 60_000 if even else _wall_minute(start, zone)
                part.energy[rates[minute]] += energy
                if length > 0:
                    part.power[start] += energy * 3600 / length
        part.export += sum(flow.energy for flow in exports)
    return [found[key] for key in sorted(found)], guessed, undated


def _wall_minute(at: int, zone: ZoneInfo) -> int:
    """Minute of the day on the clock, on a day when clocks change."""
    local = datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)
    return local.hour * 60 + local.minute


def _lines(building: Building, tariff: Tariff, part: _Month, missing: list[str]) -> list[CostLine]:
    version, unit = part.version, UNIT[tariff.carrier]
    month = str(part.month)
    made = [
        CostLine(tariff.id, month, rate, part.energy[rate], unit, value, part.energy[rate] * value)
        for rate, value in version.price.items()
        if rate in part.energy
    ]
    used = sum(part.energy.values())
    before = part.before if version.steps_per == "year" else 0.0
    extra = version.added(before, used)
    if extra:
        above = max(0.0, before + used - max(before, version.step[0].above))
        made.append(CostLine(tariff.id, month, "step", above, unit, extra / above, extra))
    share = _share_of_month(tariff, part)
    if version.demand:
        power = max(part.power.values(), default=0.0)
        if version.demand.basis == "contracted":
            power = building.contracted_kw or 0.0
            if not building.contracted_kw:
                _note(missing, f"{building.id}: contracted_kw, for the demand charge")
        made.append(_charge(tariff, month, "demand", power, "kW", version.demand.price, share))
    if version.fixed_per_month:
        made.append(_charge(tariff, month, "fixed", 1.0, "month", version.fixed_per_month, share))
    if part.export and version.export:
        made.append(
            CostLine(
                tariff.id, month, "export", part.export, unit, version.export, -part.export * version.export
            )
        )
    return made


def _charge(
    tariff: Tariff, month: str, what: str, amount: float, unit: str, price: float, share: float
) -> CostLine:
    return CostLine(tariff.id, month, what, amount, unit, price, amount * price * share)


def _share_of_month(tariff: Tariff, part: _Month) -> float:
    """Days of the month in which the version holds: monthly charges of a month with two are divided."""
    holds = sum(tariff.on(day) is part.version for day in part.month.dates())
    return holds / part.month.days


def _note(missing: list[str], text: str) -> None:
    if text not in missing:
        missing.append(text)


def by_rate(cost: Cost) -> Mapping[str, tuple[float, float]]:
    """(amount, cost) of each kind of line over the whole period; of a demand the highest month."""
    found: dict[str, tuple[float, float]] = {}
    for line in cost.lines:
        amount, paid = found.get(line.what, (0.0, 0.0))
        joined = max(amount, line.amount) if line.what == "demand" else amount + line.amount
        found[line.what] = (joined, paid + line.cost)
    return found
