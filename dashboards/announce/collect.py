"""From the store to an announcement: two years of accounts and judgements, some buildings at a time."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial

import numpy as np

from collector.model import SumRow
from collector.registry import Building, Registry
from collector.store import Store
from dashboards.announce.build import Options, build, in_region, shortest
from dashboards.announce.model import Announcement
from dashboards.announce.processes import MANY, processes
from drivers.errors import RequestError, StoreUnavailable
from rules.accounting import account_days
from rules.config import Rules
from rules.model import Account, Judgement, Level
from rules.period import Period
from rules.quota import HISTORY_DAYS, measures
from rules.runner import judge_days, last_whole_day
from rules.series import Days

CHUNK = 256
"""Buildings whose rows are in memory together."""

NAMED = frozenset({Level.WARNING, Level.EXCEEDED})
"""Judgements that an announcement lists by name."""
WHOLE = ("total", "pv", "pv_self_use", "export")
"""Items from which a quota of the whole building is reckoned; what came from the grid follows from them.
A quota that names items needs them all."""

Progress = Callable[[int, int], None]
"""Told after every part: buildings done, buildings in all."""


def check_over(period: Period, buildings: Sequence[Building], now: int) -> None:
    """Raises BeaconError if the period is not over everywhere at `now`, ms UTC."""
    through = min(last_whole_day(building, now) for building in buildings)
    if period.last > through:
        raise RequestError(
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

    region: 33, 3300 and 330000 are the same. now: ms UTC; the period must be over.
    Raises BeaconError (period, region, nothing to announce), StoreUnavailable.
    """
    region = shortest(region)
    buildings = in_region(registry, region)
    check_over(period, buildings, now)
    accounts: dict[str, Account] = {}
    before: dict[str, Account] = {}
    judgements: list[Judgement] = []
    parts = [buildings[low : low + CHUNK] for low in range(0, len(buildings), CHUNK)]
    for part in _reckoned(store, rules, period, parts):
        accounts |= part.accounts
        before |= part.before
        judgements += part.judgements
        progress(len(accounts), len(buildings))
    if not any(account.uses for account in accounts.values()):
        raise RequestError(f"period {period}: the store has no energy of any building in region {region}")
    made = build(registry, region, period, accounts, before, judgements, options)
    if not made.totals.counted:
        raise RequestError(
            f"period {period}: no building in region {region} has enough data to be announced "
            f"(coverage of at least {options.coverage_limit:.0%}, and a floor area)"
        )
    return made


def a_year_before(period: Period) -> Period:
    return period.shifted(-12 if period.monthly else -1)


@dataclass(frozen=True, slots=True)
class Part:
    """What some buildings come to. accounts: of the period; before: of the period a year before."""

    accounts: dict[str, Account]
    before: dict[str, Account]
    judgements: list[Judgement]


def _reckoned(
    store: Store, rules: Rules, period: Period, parts: Sequence[Sequence[Building]]
) -> Iterator[Part]:
    """Every part in order; many of them on all cores, each process with the store opened for itself."""
    if len(parts) * CHUNK < MANY:
        for part in parts:
            yield _reckon(store, rules, period, part)
        return
    with processes(min(os.cpu_count() or 1, len(parts)), partial(_prepare, store, rules, period)) as pool:
        yield from pool.map(_reckon_apart, parts)


_given: tuple[Store, Rules, Period]
"""What `_prepare` was given; only in a process of `_reckoned`."""


def _prepare(store: Store, rules: Rules, period: Period) -> None:
    global _given
    _given = store, rules, period


def _reckon_apart(buildings: Sequence[Building]) -> Part:
    try:
        return _reckon(*_given, buildings)
    except StoreUnavailable as error:
        raise StoreUnavailable(str(error)) from None  # its own class may not travel between processes


def _reckon(store: Store, rules: Rules, period: Period, buildings: Sequence[Building]) -> Part:
    """What is over rests on sums that the store makes; only a running year needs its days, to look ahead."""
    ids = [building.id for building in buildings]
    now = summed(store, ids, period)
    last = a_year_before(period)
    judgements = _judged(buildings, now, rules, period, period.last)
    if period.monthly:
        year = _running_year(store, buildings, rules, period)
        judgements += _judged(buildings, year, rules, Period(period.year), period.last)
    return Part(
        _accounts(buildings, now, rules, period),
        _accounts(buildings, summed(store, ids, last), rules, last),
        judgements,
    )


def _running_year(
    store: Store, buildings: Sequence[Building], rules: Rules, period: Period
) -> dict[str, Days]:
    """Building with a quota of the year -> its daily values to the month's end, far enough back."""
    year = Period(period.year)
    yearly = {
        building.id: [
            measure for scheme in rules.schemes_of(building, year.year) for measure in measures(scheme, year)
        ]
        for building in buildings
    }
    judged = [building for building in buildings if yearly[building.id]]
    if not judged:
        return {}
    named = any(term.item for found in yearly.values() for measure in found for term in measure.terms) or any(
        key.endswith("_items") for building in judged for key in rules.subject(building).inputs
    )
    first, ids = year.first - timedelta(days=HISTORY_DAYS), [building.id for building in judged]
    known = {
        each.building: Days.of_columns(each, first)
        for each in store.daily_columns(first, period.last, ids, None if named else WHOLE)
    }
    return {each: known.get(each) or Days.of((), first, period.last) for each in ids}


def _accounts(
    buildings: Iterable[Building], days: Mapping[str, Days], rules: Rules, period: Period
) -> dict[str, Account]:
    return {
        each.id: account_days(rules.subject(each), days[each.id], period, rules.tables, through=period.last)
        for each in buildings
    }


def _judged(
    buildings: Iterable[Building], days: Mapping[str, Days], rules: Rules, period: Period, through: date
) -> list[Judgement]:
    """Judgements of the buildings that have days."""
    judged = [building for building in buildings if building.id in days]
    if not judged:
        return []
    spans: dict[str, Sequence[Period]] = {each.id: [period] for each in judged}
    made = judge_days(judged, days, rules, spans, dict.fromkeys(spans, through))
    # The appendix shows how these were reached; of all the others a province has a million steps.
    return [each if each.level in NAMED else replace(each, steps=()) for each in made]


def summed(store: Store, buildings: Sequence[str], period: Period) -> dict[str, Days]:
    """Building -> the period's days with their sum on the last: totals and coverage are those of the days."""
    rows: dict[str, list[SumRow]] = defaultdict(list)
    for row in store.sums(period.first, period.last, buildings):
        rows[row.building].append(row)
    return {building: _one_sum(rows[building], period) for building in buildings}


def _one_sum(rows: Sequence[SumRow], period: Period) -> Days:
    shape = (len(rows), period.days)
    energy, coverage, estimated = np.full(shape, np.nan), np.zeros(shape), np.zeros(shape)
    if rows:
        energy[:, -1] = [row.energy for row in rows]
        coverage[:, -1] = [row.coverage * period.days for row in rows]
        estimated[:, -1] = [row.estimated for row in rows]
    keys = tuple((row.carrier, row.item) for row in rows)
    return Days(period.first, period.days, keys, energy, coverage, estimated).derived()
