"""From the store to an audit: accounts by month, baseline, unusual days, gaps, hints with numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from collector.model import DailyRow, EventRow
from collector.registry import Building, Registry
from collector.store import Store
from dashboards.audit.baseline import Baseline, baseline, degree_days
from dashboards.audit.hints import Hint, hints
from dashboards.audit.unusual import Gap, Unusual, gaps, unusual
from dashboards.meter_events import events_of
from drivers.errors import RequestError
from rules.accounting import account_days, change
from rules.chain import Chain, chain
from rules.config import Rules
from rules.model import Account, Text
from rules.period import Period
from rules.runner import last_whole_day
from rules.series import Days

COMPARABLE = 0.75
"""Least coverage of a period that another one is compared with."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A month beside the same days of the year before, None without enough data.

    degree_days, degree_days_before: HDD18 and CDD26, °C·d, None where temperatures are missing.
    """

    account: Account
    before: Account | None
    degree_days: tuple[float, float] | None
    degree_days_before: tuple[float, float] | None

    @property
    def change_kwh(self) -> float | None:
        return change(self.before.kwh, self.account.kwh) if self.before else None


@dataclass(frozen=True, slots=True)
class Audit:
    """Everything the pack shows. made_on: the local day of the audit.

    before: the same days a year earlier, None without enough data. baseline: in this year's weather.
    days: electricity totals of the period, one a day with data. chain: meters, account, judgements.
    events: what happened to meters in the period.
    """

    building: Building
    region_name: Text
    period: Period
    through: date
    made_on: date
    chain: Chain
    compared: tuple[Compared, ...]
    before: Account | None
    baseline: Baseline | None
    days: tuple[DailyRow, ...]
    unusual: tuple[Unusual, ...]
    gaps: tuple[Gap, ...]
    events: tuple[EventRow, ...]
    hints: tuple[Hint, ...]

    @property
    def account(self) -> Account:
        return self.chain.account

    @property
    def months(self) -> tuple[Account, ...]:
        return tuple(each.account for each in self.compared)

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
        raise RequestError(f"there is no building {building_id} in the registry")
    through = min(period.last, last_whole_day(building, now))
    if through < period.first:
        raise RequestError(f"period {period} has no whole day yet: it begins on {period.first}")
    rows = store.daily(period.first, through, [building.id])
    if not rows:
        raise RequestError(f"the store has no energy of {building.id} in {period}")
    earlier = period.shifted(-12 if period.monthly else -1)
    past = store.daily(earlier.first, period.first - timedelta(days=1), [building.id])
    totals = _electricity(rows)
    found = tuple(unusual(totals))
    made = chain(store, building, rules, period, now)
    outdoor = rules.outdoor(building.region)
    zh, en = registry.region_names.get(building.region, (building.region, building.region))
    return Audit(
        building=building,
        region_name=Text(en, zh),
        period=period,
        through=through,
        made_on=datetime.fromtimestamp(now / 1000, ZoneInfo(building.time_zone)).date(),
        chain=made,
        compared=tuple(
            _compare(rules, building, rows, past, month, min(month.last, through))
            for month in period.months()
            if month.first <= through
        ),
        before=_account(rules, building, past, *_a_year_before(period, through)),
        baseline=baseline(_electricity(past), totals, outdoor, period.first),
        days=totals,
        unusual=found,
        gaps=tuple(gaps(rows, period.first, through)),
        events=tuple(events_of(store, building, period.first, through)),
        hints=tuple(hints(building, totals, found, made.account)),
    )


def _electricity(rows: Sequence[DailyRow]) -> tuple[DailyRow, ...]:
    return tuple(row for row in rows if (row.carrier, row.item) == ("electricity", "total"))


def _a_year_before(period: Period, through: date) -> tuple[Period, date]:
    """The period a year before, and its day that answers to `through`."""
    earlier = period.shifted(-12 if period.monthly else -1)
    return earlier, min(earlier.last, earlier.first + (through - period.first))


def _account(
    rules: Rules, building: Building, rows: Sequence[DailyRow], period: Period, through: date
) -> Account | None:
    """What some days come to; None without enough of them."""
    days = Days.of(rows, period.first, through)
    made = account_days(rules.subject(building), days, period, rules.tables, through=through)
    return made if made.uses and made.coverage >= COMPARABLE else None


def _compare(
    rules: Rules,
    building: Building,
    rows: Sequence[DailyRow],
    past: Sequence[DailyRow],
    month: Period,
    through: date,
) -> Compared:
    days = Days.of(rows, month.first, through)
    earlier, end = _a_year_before(month, through)
    outdoor = rules.outdoor(building.region)
    return Compared(
        account_days(rules.subject(building), days, month, rules.tables, through=through),
        _account(rules, building, past, earlier, end),
        degree_days(outdoor, month.first, through),
        degree_days(outdoor, earlier.first, end),
    )
