"""From the store to an announcement: two years of accounts and judgements, some buildings at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta

from collector.model import DailyRow
from collector.registry import Building, Registry
from collector.store import Store
from dashboards.announce.build import Options, build, in_region
from dashboards.announce.model import Announcement
from drivers.errors import BeaconError
from rules.accounting import account_days
from rules.config import Rules
from rules.model import Account, Judgement
from rules.period import Period
from rules.quota import HISTORY_DAYS
from rules.runner import judge_days, last_whole_day
from rules.series import Days

CHUNK = 256
"""Buildings whose rows are in memory together."""

Progress = Callable[[int, int], None]
"""Told after every part: buildings done, buildings in all."""


def check_over(period: Period, buildings: Sequence[Building], now: int) -> None:
    """Raises BeaconError if the period is not over everywhere at `now`, ms UTC."""
    through = min(last_whole_day(building, now) for building in buildings)
    if period.last > through:
        raise BeaconError(
            f"period {period} is not over: it ends on {period.last}, whole days are known to {through}"
        )


def collect(
    store: Store,
    registry: Registry,
    rules: Rules,
    period: Period,
    region: str,
    options: Options,
    now: int,
    progress: Progress = lambda done, total: None,
) -> Announcement:
    """Account for and judge every building of the region, then build the announcement; nothing is written.

    now: ms UTC; the period must be over. Raises BeaconError (period, region), StoreUnavailable.
    """
    buildings = in_region(registry, region)
    check_over(period, buildings, now)
    accounts: dict[str, Account] = {}
    before: dict[str, Account] = {}
    judgements: list[Judgement] = []
    for low in range(0, len(buildings), CHUNK):
        part = buildings[low : low + CHUNK]
        _part(store, part, rules, period, accounts, before, judgements)
        progress(low + len(part), len(buildings))
    if not any(account.uses for account in accounts.values()):
        raise BeaconError(f"period {period}: the store has no energy of any building in region {region}")
    return build(registry, region, period, accounts, before, judgements, options)


def a_year_before(period: Period) -> Period:
    return period.shifted(-12 if period.monthly else -1)


def _part(
    store: Store,
    buildings: Sequence[Building],
    rules: Rules,
    period: Period,
    accounts: dict[str, Account],
    before: dict[str, Account],
    judgements: list[Judgement],
) -> None:
    last_year = a_year_before(period)
    first = min(last_year.first, period.first - timedelta(days=HISTORY_DAYS))
    rows: dict[str, list[DailyRow]] = defaultdict(list)
    for row in store.daily(first, period.last, [building.id for building in buildings]):
        rows[row.building].append(row)
    days = {building.id: Days.of(rows[building.id], first, period.last) for building in buildings}
    for building in buildings:
        subject = rules.subject(building)
        for each, found in ((period, accounts), (last_year, before)):
            found[building.id] = account_days(
                subject, days[building.id], each, rules.tables, through=each.last
            )
    through = {building.id: period.last for building in buildings}
    spans = [period, Period(period.year)] if period.monthly else [period]
    judgements += judge_days(buildings, days, rules, {b.id: spans for b in buildings}, through)
