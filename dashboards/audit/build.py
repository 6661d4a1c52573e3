"""From the store to an audit: accounts by month, baseline, unusual days, gaps, hints with numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from statistics import fmean, median

from collector.model import DailyRow, EventRow
from collector.registry import Building, Registry
from collector.store import Store
from dashboards.meter_events import events_of
from drivers.errors import BeaconError
from rules.accounting import account_days, change
from rules.chain import Chain, chain
from rules.config import Rules
from rules.model import Account, Text
from rules.period import Period
from rules.runner import last_whole_day
from rules.series import Days

NEIGHBOURS = 4
"""Weeks before and after whose same weekday a day is compared with."""
DEVIATIONS = 4.0
LEAST_SHARE = 0.2
FULL = 0.95
"""Coverage from which a day counts as measured: less than 72 minutes are missing."""


@dataclass(frozen=True, slots=True)
class Unusual:
    """A day whose electricity is far from the same weekdays around it, kWh."""

    day: date
    kwh: float
    expected: float


@dataclass(frozen=True, slots=True)
class Gap:
    """Days in a row that were not measured in full. coverage: their mean, 0 to 1."""

    carrier: str
    first: date
    last: date
    coverage: float


@dataclass(frozen=True, slots=True)
class Hint:
    """What could be saved, with the sum behind it. kwh_a: kWh a year, None where it is no saving."""

    text: Text
    kwh_a: float | None


@dataclass(frozen=True, slots=True)
class Audit:
    """Everything the pack shows. before: the same days a year earlier, None without enough data.

    days: electricity totals of the period, one a day with data. chain: meters, account, judgements.
    events: what happened to meters in the period.
    """

    building: Building
    region_name: Text
    period: Period
    through: date
    chain: Chain
    months: tuple[Account, ...]
    before: Account | None
    days: tuple[DailyRow, ...]
    unusual: tuple[Unusual, ...]
    gaps: tuple[Gap, ...]
    events: tuple[EventRow, ...]
    hints: tuple[Hint, ...]

    @property
    def account(self) -> Account:
        return self.chain.account

    @property
    def change_kwh(self) -> float | None:
        return change(self.before.kwh, self.account.kwh) if self.before else None


def audit(
    store: Store, registry: Registry, rules: Rules, building_id: str, period: Period, now: int
) -> Audit:
    """Read and judge one building. now: ms UTC. A period that runs is audited to its last whole day.

    Raises BeaconError: unknown building, a period without data; StoreUnavailable.
    """
    building = registry.buildings.get(building_id)
    if building is None:
        raise BeaconError(f"there is no building {building_id} in the registry")
    through = min(period.last, last_whole_day(building, now))
    if through < period.first:
        raise BeaconError(f"period {period} has no whole day yet: it begins on {period.first}")
    rows = store.daily(period.first, through, [building.id])
    if not rows:
        raise BeaconError(f"the store has no energy of {building.id} in {period}")
    subject = rules.subject(building)
    days = Days.of(rows, period.first, through)
    months = [month for month in period.months() if month.first <= through]
    accounts = tuple(
        account_days(subject, days, month, rules.tables, through=min(month.last, through)) for month in months
    )
    totals = tuple(row for row in rows if (row.carrier, row.item) == ("electricity", "total"))
    made = chain(store, building, rules, period, now)
    zh, en = registry.region_names.get(building.region, (building.region, building.region))
    return Audit(
        building=building,
        region_name=Text(en, zh),
        period=period,
        through=through,
        chain=made,
        months=accounts,
        before=_before(store, rules, building, period, through),
        days=totals,
        unusual=tuple(unusual(totals)),
        gaps=tuple(gaps(rows, period.first, through)),
        events=tuple(events_of(store, building, period.first, through)),
        hints=tuple(hints(building, totals, made.account)),
    )


def _before(store: Store, rules: Rules, building: Building, period: Period, through: date) -> Account | None:
    earlier = period.shifted(-12 if period.monthly else -1)
    end = min(earlier.last, earlier.first + (through - period.first))
    rows = store.daily(earlier.first, end, [building.id])
    if not rows:
        return None
    days = Days.of(rows, earlier.first, end)
    made = account_days(rules.subject(building), days, earlier, rules.tables, through=end)
    return made if made.coverage >= 0.75 else None


def unusual(days: Sequence[DailyRow]) -> Iterator[Unusual]:
    """Days further from the median of their neighbouring same weekdays than those scatter.

    Rule: |x - median| > 4 · 1.4826 · MAD and > 20 % of the median; at least three neighbours.
    """
    by_day = {row.day: row.energy for row in days if row.coverage >= FULL}
    for day, kwh in by_day.items():
        weeks = [week for week in range(-NEIGHBOURS, NEIGHBOURS + 1) if week]
        around = [by_day[at] for week in weeks if (at := day + timedelta(weeks=week)) in by_day]
        if len(around) < 3:
            continue
        middle = median(around)
        scatter = 1.4826 * median(abs(each - middle) for each in around)
        if abs(kwh - middle) > max(DEVIATIONS * scatter, LEAST_SHARE * middle):
            yield Unusual(day, kwh, middle)


def gaps(rows: Sequence[DailyRow], first: date, last: date) -> Iterator[Gap]:
    """Runs of days below full coverage, by carrier; a day without a row counts as 0."""
    carriers = sorted({row.carrier for row in rows if row.item == "total"})
    for carrier in carriers:
        covered = {row.day: row.coverage for row in rows if (row.carrier, row.item) == (carrier, "total")}
        days = [first + timedelta(days=index) for index in range((last - first).days + 1)]
        for poor, run in groupby(days, key=lambda day: covered.get(day, 0.0) < FULL):
            if poor:
                found = list(run)
                yield Gap(carrier, found[0], found[-1], fmean(covered.get(day, 0.0) for day in found))


def hints(building: Building, days: Sequence[DailyRow], account: Account) -> Iterator[Hint]:
    """Sums that follow from the readings alone; no target from outside is assumed."""
    yield from _base_load(days)
    yield from _weekends(days)
    yield from _peak(building, days)
    if not days:
        return
    pump = account.heat_pump
    if pump and pump.spf and pump.heat_kwh:
        saved = (pump.heat_kwh / pump.spf - pump.heat_kwh / (pump.spf + 0.1)) / len(days) * 365
        yield Hint(
            Text(
                f"Heat pumps: season performance factor {pump.spf:.2f}. "
                f"Each 0.1 more saves {saved:,.0f} kWh a year.",
                f"热泵季节性能系数 {pump.spf:.2f}，每提高 0.1 每年可节电约 {saved:,.0f} kWh。",
            ),
            saved,
        )
    exported = account.renewables.pv_export_kwh
    if exported > 0:
        yearly = exported / len(days) * 365
        yield Hint(
            Text(
                f"Photovoltaics: {exported:,.0f} kWh were exported; used on site they replace bought "
                f"electricity, {yearly:,.0f} kWh a year at this rate.",
                f"光伏上网 {exported:,.0f} kWh；若就地消纳，按此折算每年可替代购电约 {yearly:,.0f} kWh。",
            ),
            None,
        )


def _base_load(days: Sequence[DailyRow]) -> Iterator[Hint]:
    known = [row for row in days if row.base_kw is not None and row.coverage >= FULL]
    if not known:
        return
    base = fmean(row.base_kw or 0.0 for row in known)
    mean = fmean(row.energy for row in known) / 24
    if mean > 0:
        saved = 0.1 * base * 8760
        yield Hint(
            Text(
                f"Base load: {base:,.1f} kW day and night, {base / mean:.0%} of the mean power of "
                f"{mean:,.1f} kW. A tenth less saves {saved:,.0f} kWh a year.",
                f"基础负荷 {base:,.1f} kW（昼夜持续），占平均功率 {mean:,.1f} kW 的 {base / mean:.0%}；"
                f"每降低一成，每年可节电约 {saved:,.0f} kWh。",
            ),
            saved,
        )


def _weekends(days: Sequence[DailyRow]) -> Iterator[Hint]:
    full = [row for row in days if row.coverage >= FULL]
    week = [row.energy for row in full if row.day.weekday() < 5]
    end = [row.energy for row in full if row.day.weekday() >= 5]
    if len(week) >= 10 and len(end) >= 4 and fmean(week) > 0:
        share, saved = fmean(end) / fmean(week), 0.1 * fmean(week) * 104
        yield Hint(
            Text(
                f"Weekends: {fmean(end):,.0f} kWh a day, {share:.0%} of a working day. Ten points less save "
                f"{saved:,.0f} kWh a year.",
                f"周末日均 {fmean(end):,.0f} kWh，为工作日的 {share:.0%}；每降低 10 个百分点，"
                f"每年可节电约 {saved:,.0f} kWh。",
            ),
            saved,
        )


def _peak(building: Building, days: Sequence[DailyRow]) -> Iterator[Hint]:
    limit = building.contracted_kw
    peaks = [row for row in days if row.peak_kw is not None]
    if not limit or not peaks:
        return
    highest = max(peaks, key=lambda row: row.peak_kw or 0.0)
    over = sum((row.peak_kw or 0.0) > limit for row in peaks)
    yield Hint(
        Text(
            f"Peak: {highest.peak_kw:,.0f} kW on {highest.day}, {(highest.peak_kw or 0) / limit:.0%} of the "
            f"contracted {limit:,.0f} kW; above it on {over} days.",
            f"最大负荷 {highest.peak_kw:,.0f} kW（{highest.day}），为合同容量 {limit:,.0f} kW 的 "
            f"{(highest.peak_kw or 0) / limit:.0%}；超过合同容量 {over} 天。",
        ),
        None,
    )
