"""All buildings at a glance: state, use, intensity, power; filtered, ranked, summed by region."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from collector.model import JudgementRow, Latest, SumRow
from collector.registry import Building
from dashboards.site.access import Visitor
from dashboards.site.cache import Cache
from dashboards.site.regions import prefix
from dashboards.site.services import SiteServices
from dashboards.site.views.judged import SEVERITY, worst_first
from dashboards.site.views.power import power_now

ZONE = "Asia/Shanghai"
LIVE_S = 2.0
SUMS_S = 60.0
KEEP_LINES_S = 90.0
"""A page may begin with a list this old: it says of when, and its live stream brings it up to date."""
KEEP_SUMS_S = 3600.0
"""Sums of whole days change little: an hour-old one is shown while the next is computed."""
JUDGEMENTS_S = 60.0
"""The rules judge every few minutes; a page of one building reads its own, newer ones."""
SORTS = ("state", "eui", "month", "change", "power", "name")


@dataclass(frozen=True, slots=True)
class Line:
    """One building in the list. Energies are electricity's final use, kWh; eui kWh/m² of the last 12 months.

    judgement: the most severe of this year; judgements: all of this year.
    """

    building: Building
    power_kw: float | None
    month_kwh: float | None
    change: float | None
    eui: float | None
    coverage: float | None
    judgement: JudgementRow | None
    judgements: tuple[JudgementRow, ...]

    @property
    def level(self) -> str:
        return self.judgement.level if self.judgement else "insufficient_data"


@dataclass(frozen=True, slots=True)
class Query:
    """What the visitor asked for."""

    text: str = ""
    type: str = ""
    region: str = ""
    level: str = ""
    sort: str = "state"

    def narrows(self, region: str) -> bool:
        """Whether it leaves out any building of a region."""
        return bool(self.text.strip() or self.type or self.level) or self.region != region

    def names(self, building: Building) -> bool:
        """Whether the text is part of its number or of one of its names."""
        text = self.text.strip().lower()
        return not text or any(
            text in word.lower() for word in (building.id, building.name_zh, building.name_en)
        )

    def takes(self, line: Line) -> bool:
        building = line.building
        return (
            self.names(building)
            and (not self.type or building.type == self.type)
            and building.id.startswith(prefix(self.region))
            and (not self.level or line.level == self.level)
        )


class Portfolio:
    """Reads what all pages share, through the cache."""

    def __init__(self, services: SiteServices, cache: Cache) -> None:
        self._services = services
        self._cache = cache

    def today(self) -> date:
        return datetime.fromtimestamp(self._services.clock() / 1000, ZoneInfo(ZONE)).date()

    def latest(self) -> dict[str, dict[str, Latest]]:
        """Building -> device -> last sample."""

        def load() -> dict[str, dict[str, Latest]]:
            found: dict[str, dict[str, Latest]] = defaultdict(dict)
            for sample in self._services.store.latest():
                found[sample.building][sample.device] = sample
            return found

        return self._cache.get("latest", LIVE_S, load)

    def judgements(self, year: int) -> dict[str, list[JudgementRow]]:
        """Building -> its judgements of the year, most severe first."""

        def load() -> dict[str, list[JudgementRow]]:
            found: dict[str, list[JudgementRow]] = defaultdict(list)
            for row in self._services.store.judgements(period=str(year), detail=False):
                found[row.building].append(row)
            return {building: worst_first(rows) for building, rows in found.items()}

        return self._cache.get(("judgements", year), JUDGEMENTS_S, load)

    def electricity(self, first: date, last: date, ttl_s: float = SUMS_S) -> dict[str, SumRow]:
        """Building -> its electricity of first..last."""

        def load() -> dict[str, SumRow]:
            rows = self._services.store.sums(first, last, carrier="electricity", item="total")
            return {row.building: row for row in rows}

        return self._cache.get(("electricity", first, last), ttl_s, load, keep_s=KEEP_SUMS_S)

    def lines(self, visitor: Visitor) -> list[Line]:
        """Every building that the visitor sees, in the registry's order."""
        return self.read(visitor)[1]

    def read(self, visitor: Visitor) -> tuple[int, list[Line]]:
        """As `lines`, after the time they were read at, ms UTC."""
        at, lines = self._cache.get("lines", LIVE_S, self._lines, keep_s=KEEP_LINES_S)
        return at, lines if visitor.everything else [line for line in lines if visitor.sees(line.building.id)]

    def _lines(self) -> tuple[int, list[Line]]:
        today, now = self.today(), self._services.clock()
        month, year_ago = month_to_date(today), same_days_last_year(today)
        this_month = self.electricity(*month)
        last_year = self.electricity(*year_ago, ttl_s=600)
        twelve_months = self.electricity(*last_twelve_months(today), ttl_s=600)
        judged, latest = self.judgements(today.year), self.latest()
        return now, [
            line_of(
                building,
                power_now(building, latest.get(building.id, {}), now),
                this_month.get(building.id),
                last_year.get(building.id),
                twelve_months.get(building.id),
                judged.get(building.id, []),
            )
            for building in self._services.registry.buildings.values()
        ]


def line_of(
    building: Building,
    power_kw: float | None,
    month: SumRow | None,
    year_ago: SumRow | None,
    twelve_months: SumRow | None,
    judgements: Sequence[JudgementRow],
) -> Line:
    """One building from its electricity: this month, the same days of last year, the last twelve months."""
    return Line(
        building=building,
        power_kw=power_kw,
        month_kwh=month.energy if month else None,
        change=comparable_change(month, year_ago),
        eui=twelve_months.energy / building.area_m2 if twelve_months and building.area_m2 else None,
        coverage=month.coverage if month else None,
        judgement=judgements[0] if judgements else None,
        judgements=tuple(judgements),
    )


def month_to_date(today: date) -> tuple[date, date]:
    """The days of this month that are over; on the first, the whole month before."""
    yesterday = today - timedelta(days=1)
    return yesterday.replace(day=1), yesterday


def same_days_last_year(today: date) -> tuple[date, date]:
    first, last = month_to_date(today)
    day = 28 if last.month == 2 and last.day == 29 else last.day
    return first.replace(year=first.year - 1), last.replace(year=last.year - 1, day=day)


def last_twelve_months(today: date) -> tuple[date, date]:
    """The 365 days before today."""
    return today - timedelta(days=365), today - timedelta(days=1)


def comparable_change(now: SumRow | None, before: SumRow | None) -> float | None:
    """Change against the same days of last year; None unless both were measured for nine tenths."""
    if now is None or before is None or before.energy <= 0 or min(now.coverage, before.coverage) < 0.9:
        return None
    return now.energy / before.energy - 1


def ranked(lines: Iterable[Line], sort: str) -> list[Line]:
    """By one of SORTS; buildings without the number come last."""
    if sort == "name":
        return sorted(lines, key=lambda line: line.building.id)
    if sort == "state":
        return sorted(
            lines,
            key=lambda line: (
                -SEVERITY.get(line.level, 0),
                -((line.judgement.share if line.judgement else None) or 0.0),
                line.building.id,
            ),
        )
    values = {"eui": "eui", "month": "month_kwh", "change": "change", "power": "power_kw"}
    field = values.get(sort, "eui")

    def key(line: Line) -> tuple[bool, float]:
        value: float | None = getattr(line, field)
        return value is None, -(value or 0.0)

    return sorted(lines, key=key)
