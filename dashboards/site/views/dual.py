"""Dual control: total and intensity of energy and carbon of a region, this year against the last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from collector.model import DailyRow, SumRow
from dashboards.site.access import Visitor
from dashboards.site.cache import Cache
from dashboards.site.services import SiteServices
from dashboards.site.views.portfolio import month_to_date, same_days_last_year
from rules.accounting import account
from rules.model import Subject
from rules.period import Period

REFRESH_S, KEEP_S = 1800.0, 7 * 3600.0
MEASURED = 0.9
"""Least coverage of both years for a building to count in the comparison."""
ITEMS = ("total", "grid", "pv", "export")

Energies = dict[tuple[str, str], float]


@dataclass(frozen=True, slots=True)
class Amounts:
    """Energy of all carriers and location-based carbon."""

    kwh: float = 0.0
    kgce: float = 0.0
    kgco2: float = 0.0

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(self.kwh + other.kwh, self.kgce + other.kgce, self.kgco2 + other.kgco2)


@dataclass(frozen=True, slots=True)
class County:
    """One county. now: all its buildings with readings, on area_m2; after, before: those that compare."""

    buildings: int = 0
    area_m2: float = 0.0
    now: Amounts = Amounts()
    after: Amounts = Amounts()
    before: Amounts = Amounts()

    def __add__(self, other: County) -> County:
        return County(
            self.buildings + other.buildings,
            self.area_m2 + other.area_m2,
            self.now + other.now,
            self.after + other.after,
            self.before + other.before,
        )

    def change(self, measure: str) -> float | None:
        """On the same days of last year, of the buildings measured well in both."""
        before: float = getattr(self.before, measure)
        after: float = getattr(self.after, measure)
        return after / before - 1 if before > 0 else None

    def per_m2(self, measure: str) -> float | None:
        amount: float = getattr(self.now, measure)
        return amount / self.area_m2 if self.area_m2 else None


Rows = dict[str, list[SumRow]]


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of this year by building, and those of the days compared with last year's."""

    now: Rows
    after: Rows
    before: Rows
    compared: tuple[date, date]


@dataclass(frozen=True, slots=True)
class Counties:
    """Figures by county code; span: the days they are of, compared: the days that change is of."""

    by_code: Mapping[str, County]
    span: tuple[date, date]
    compared: tuple[date, date]

    def inside(self, codes: Callable[[str], bool]) -> County | None:
        """The sum of some counties; None where nothing was measured."""
        found = [county for code, county in self.by_code.items() if codes(code)]
        return sum(found, County()) if found else None


class DualControl:
    """Accounts a county at a time: all buildings of one have the same factors."""

    def __init__(self, services: SiteServices, cache: Cache) -> None:
        self._services = services
        self._cache = cache

    def counties(self, today: date, visitor: Visitor, wait: bool = False) -> Counties | None:
        """This year's whole days by county; None while they are read for the first time.

        wait: read them now instead.
        """
        read = self._cache.get if wait else self._cache.ready
        sums = read(("dual", today), REFRESH_S, lambda: self._read(today), keep_s=KEEP_S)
        if sums is None:
            return None

        def load() -> dict[str, County]:
            return self._account(today, visitor, sums)

        found = self._cache.get(("counties", today, visitor.scope), REFRESH_S, load)
        return Counties(found, spans(today)[0], sums.compared)

    def _read(self, today: date) -> Sums:
        """A store that does not know last year yet is compared over this month."""
        this_year, last_year = spans(today)
        now, before = self._by_building(*this_year), self._by_building(*last_year)
        if any(measured(rows) for rows in before.values()):
            return Sums(now, now, before, this_year)
        month = month_to_date(today)
        return Sums(now, self._by_building(*month), self._by_building(*same_days_last_year(today)), month)

    def _by_building(self, first: date, last: date) -> Rows:
        found: Rows = defaultdict(list)
        for item in ITEMS:
            for row in self._services.store.sums(first, last, item=item):
                found[row.building].append(row)
        return found

    def _account(self, today: date, visitor: Visitor, sums: Sums) -> dict[str, County]:
        year = spans(today)[0][0].year
        groups: dict[str, list[str]] = defaultdict(list)
        for id_ in self._services.registry.buildings:
            if visitor.sees(id_) and id_ in sums.now:
                groups[id_[:6]].append(id_)
        found = {}
        for code, ids in groups.items():
            both = [
                id_ for id_ in ids if measured(sums.after.get(id_, ())) and measured(sums.before.get(id_, ()))
            ]
            found[code] = County(
                buildings=len(ids),
                area_m2=sum(self._services.registry.buildings[id_].area_m2 for id_ in ids),
                now=self._amounts(code, (sums.now[id_] for id_ in ids), year),
                after=self._amounts(code, (sums.after[id_] for id_ in both), year),
                before=self._amounts(code, (sums.before[id_] for id_ in both), year - 1),
            )
        return found

    def _amounts(self, code: str, buildings: Iterable[list[SumRow]], year: int) -> Amounts:
        energies = summed(buildings)
        if not energies:
            return Amounts()
        period = Period(year)
        rows = [
            DailyRow(code, carrier, item, period.first, energy, 1.0, 0.0)
            for (carrier, item), energy in energies.items()
        ]
        made = account(Subject(code, region=code), rows, period, self._services.tables, through=period.first)
        return Amounts(made.kwh, made.kgce, made.kgco2)


def spans(today: date) -> tuple[tuple[date, date], tuple[date, date]]:
    """This year's whole days and the same days of last year; on 1 January the year that has ended."""
    last = today - timedelta(days=1)
    day = 28 if (last.month, last.day) == (2, 29) else last.day
    before = last.replace(year=last.year - 1, day=day)
    return (date(last.year, 1, 1), last), (date(before.year, 1, 1), before)


def measured(rows: Iterable[SumRow]) -> bool:
    """Whether electricity was measured well enough to compare."""
    return any(
        (row.carrier, row.item) == ("electricity", "total") and row.coverage >= MEASURED for row in rows
    )


def summed(buildings: Iterable[list[SumRow]]) -> Energies:
    """The energies of many buildings; one without a grid row drew its total less what it made and used."""
    sums: Energies = defaultdict(float)
    for rows in buildings:
        energy = {(row.carrier, row.item): row.energy for row in rows}
        electricity = {item: energy.get(("electricity", item)) for item in ITEMS}
        if electricity["total"] is not None and electricity["grid"] is None:
            own = (electricity["pv"] or 0.0) - (electricity["export"] or 0.0)
            energy["electricity", "grid"] = electricity["total"] - max(0.0, own)
        for key, amount in energy.items():
            sums[key] += amount
    return dict(sums)
