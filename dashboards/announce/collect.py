"""From the store to an announcement: two years of accounts and judgements, some buildings at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from collector.model import SumRow
from collector.registry import Building, Registry
from collector.store import Store
from dashboards.announce.build import Options, build, in_region
from dashboards.announce.model import Announcement
from drivers.errors import BeaconError
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
    parts = [buildings[low : low + CHUNK] for low in range(0, len(buildings), CHUNK)]
    done = 0
    for facts in _ahead(lambda part: _read(store, part, rules, period), parts):
        _judge(facts, rules, period, accounts, before, judgements)
        done += len(facts.buildings)
        progress(done, len(buildings))
    if not any(account.uses for account in accounts.values()):
        raise BeaconError(f"period {period}: the store has no energy of any building in region {region}")
    return build(registry, region, period, accounts, before, judgements, options)


def a_year_before(period: Period) -> Period:
    return period.shifted(-12 if period.monthly else -1)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the store knows of some buildings. year: of those with a quota of the year that is running."""

    buildings: Sequence[Building]
    now: dict[str, Days]
    before: dict[str, Days]
    year: dict[str, Days]


def _ahead(
    read: Callable[[Sequence[Building]], Facts], parts: Sequence[Sequence[Building]]
) -> Iterator[Facts]:
    """The facts of every part in order; the next part is being read while one is judged."""
    with ThreadPoolExecutor(1, "announcement reader") as reader:
        coming: Future[Facts] | None = None
        for part in parts:
            ready, coming = coming, reader.submit(read, part)
            if ready is not None:
                yield ready.result()
        if coming is not None:
            yield coming.result()


def _read(store: Store, buildings: Sequence[Building], rules: Rules, period: Period) -> Facts:
    """What is over rests on sums that the store makes; only a running year needs its days, to look ahead."""
    ids = [building.id for building in buildings]
    year = _running_year(store, buildings, rules, period) if period.monthly else {}
    return Facts(buildings, summed(store, ids, period), summed(store, ids, a_year_before(period)), year)


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


def _judge(
    facts: Facts,
    rules: Rules,
    period: Period,
    accounts: dict[str, Account],
    before: dict[str, Account],
    judgements: list[Judgement],
) -> None:
    for each, found, days in (
        (period, accounts, facts.now),
        (a_year_before(period), before, facts.before),
    ):
        for building in facts.buildings:
            subject = rules.subject(building)
            found[building.id] = account_days(
                subject, days[building.id], each, rules.tables, through=each.last
            )
    for span, days in ((period, facts.now), (Period(period.year), facts.year)):
        judged = [building for building in facts.buildings if building.id in days]
        ids = [building.id for building in judged]
        if judged:
            spans: dict[str, Sequence[Period]] = {each: [span] for each in ids}
            made = judge_days(judged, days, rules, spans, dict.fromkeys(ids, period.last))
            # The appendix shows how these were reached; of all the others a province has a million steps.
            judgements += [each if each.level in NAMED else replace(each, steps=()) for each in made]


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
