"""The buildings of one region together: sums, the regions below, the ranking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from collector.registry import Role
from dashboards.site.access import Visitor
from dashboards.site.cache import Cache
from dashboards.site.regions import prefix
from dashboards.site.views.judged import LEVELS
from dashboards.site.views.portfolio import KEEP_LINES_S, LIVE_S, Line, Portfolio, month_to_date, ranked
from dashboards.site.views.portfolio import same_days_last_year as year_before


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over some buildings; carbon_kg of this year, of the buildings that have a carbon judgement."""

    buildings: int
    area_m2: float
    power_kw: float
    reporting: int
    month_kwh: float
    change: float | None
    eui: float | None
    carbon_kg: float | None
    levels: dict[str, int]


@dataclass(frozen=True, slots=True)
class Child:
    """A region inside the one shown. states: how many buildings have each level."""

    code: str
    buildings: int
    eui: float | None
    states: list[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Overview:
    """One region, "" for everything, as one visitor sees it; read_at: ms UTC.

    lines: the most urgent first. types, regions: of all buildings that the visitor sees, for the filters.
    """

    read_at: int
    lines: list[Line]
    totals: Totals
    children: list[Child]
    types: list[str]
    regions: list[str]
    heat_pumps: bool


def overview(portfolio: Portfolio, cache: Cache, visitor: Visitor, region: str) -> Overview:
    """Without lines for a region where the visitor sees no building."""

    def load() -> Overview:
        read_at, every = portfolio.read(visitor)
        inside = [line for line in every if line.building.id.startswith(prefix(region))]
        return Overview(
            read_at,
            ranked(inside, "state"),
            totals(portfolio, inside),
            children(region, inside),
            sorted({line.building.type.value for line in every}),
            sorted({code for line in every for code in (line.building.city, line.building.region)}),
            any(meter.role is Role.HEAT_PUMP for line in every for meter in line.building.meters),
        )

    return cache.get(("overview", visitor.scope, region), LIVE_S, load, keep_s=KEEP_LINES_S)


def totals(portfolio: Portfolio, lines: Sequence[Line]) -> Totals:
    today = portfolio.today()
    this_month = portfolio.electricity(*month_to_date(today))
    last_year = portfolio.electricity(*year_before(today), ttl_s=600)
    both = [line.building.id for line in lines if line.change is not None]
    before = sum(last_year[id_].energy for id_ in both)
    after = sum(this_month[id_].energy for id_ in both)
    powers = [line.power_kw for line in lines if line.power_kw is not None]
    carbon = [
        next((row.used for row in line.judgements if row.unit.lower() == "kgco2"), None) for line in lines
    ]
    known_carbon = [used for used in carbon if used is not None]
    counted = Counter(line.level for line in lines)
    return Totals(
        buildings=len(lines),
        area_m2=sum(line.building.area_m2 for line in lines),
        power_kw=sum(powers),
        reporting=len(powers),
        month_kwh=sum(line.month_kwh or 0.0 for line in lines),
        change=after / before - 1 if before > 0 else None,
        eui=_eui(lines),
        carbon_kg=sum(known_carbon) if known_carbon else None,
        levels={level: counted.get(level, 0) for level in LEVELS},
    )


def _eui(lines: Iterable[Line]) -> float | None:
    """The mean by area of the buildings that have one."""
    known = [(line.eui, line.building.area_m2) for line in lines if line.eui is not None]
    area = sum(area for _, area in known)
    return sum(eui * area for eui, area in known) / area if area else None


def level_below(region: str, codes: Iterable[str]) -> Callable[[str], str] | None:
    """How a county's code names the region one level below: provinces, cities, counties; None at a county."""
    if not region:
        several = len({code[:2] for code in codes}) > 1
        return (lambda code: code[:2] + "0000") if several else (lambda code: code[:4] + "00")
    if region.endswith("0000"):
        return lambda code: code[:4] + "00"
    return (lambda code: code) if region.endswith("00") else None


def children(region: str, lines: Sequence[Line]) -> list[Child]:
    """The regions one level below, by code; none where there is only the one shown."""
    below = level_below(region, (line.building.region for line in lines))
    if below is None:
        return []
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(below(line.building.region), []).append(line)
    if len(groups) < 2 and not region:
        return []
    return [_child(code, members) for code, members in sorted(groups.items()) if code != region]


def _child(code: str, lines: Sequence[Line]) -> Child:
    counted = Counter(line.level for line in lines)
    return Child(code, len(lines), _eui(lines), [(level, float(counted[level])) for level in LEVELS])
