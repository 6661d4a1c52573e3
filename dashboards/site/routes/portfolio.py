"""The list of buildings, of all or of one region."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse

from collector.registry import Registry, Role
from dashboards.site.context import Context, language_of, visitor_of
from dashboards.site.language import Language
from dashboards.site.regions import prefix
from dashboards.site.views.dual import Counties, County
from dashboards.site.views.judged import LEVELS
from dashboards.site.views.portfolio import SORTS, Line, month_to_date, ranked
from dashboards.site.views.portfolio import Query as Wanted
from dashboards.site.views.site_map import building_map

PAGE_SIZE = 30


@dataclass(frozen=True, slots=True)
class Child:
    """A region inside the one shown. states: how many buildings have each level; county: its dual control."""

    code: str
    buildings: int
    eui: float | None
    states: list[tuple[str, float]]
    county: County | None


def router(context: Context) -> APIRouter:
    """Routes of `/` and `/regions/{code}`."""
    routes = APIRouter()

    def show(request: Request, wanted: Wanted, page: int, region: str) -> HTMLResponse:
        registry = context.services.registry
        every = context.portfolio.lines(visitor_of(request))
        inside = [line for line in every if line.building.id.startswith(prefix(region))]
        if region and not inside:
            raise HTTPException(404, "region")
        lines = ranked((line for line in inside if wanted.takes(line)), wanted.sort)
        pages = max(1, -(-len(lines) // PAGE_SIZE))
        page = min(page, pages)
        language = language_of(request)
        totals = context.portfolio.totals(inside)
        edges = context.edges(visitor_of(request))
        below = level_below(region, (line.building.region for line in inside)) or (lambda code: code)
        counties = context.dual.counties(context.today(), visitor_of(request))
        return context.page(
            request,
            "portfolio.html",
            heading=language.region(registry, region) if region else language.t("portfolio.title"),
            region=region,
            crumbs=parents(region, registry),
            children=children(region, inside, counties),
            dual=counties.inside(lambda code: code.startswith(prefix(region))) if counties else None,
            counties=counties,
            map=building_map(
                inside,
                language.t("map.title"),
                lambda line: f"{language.name(line.building)}: {language.t(f'level.{line.level}')}",
                lambda line: language.region(registry, below(line.building.region)),
            ),
            totals=totals,
            states=[(level, float(totals.levels[level])) for level in LEVELS],
            lines=lines[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
            page=page,
            pages=pages,
            query=wanted,
            types=sorted({line.building.type.value for line in every}),
            regions=sorted({code for line in every for code in (line.building.city, line.building.region)}),
            sorts=SORTS,
            year=context.today().year,
            month_label=month_label(language, context),
            edges_online=sum(edge.online for edge in edges),
            edges_all=len(edges),
            heat_pumps=any(meter.role is Role.HEAT_PUMP for line in every for meter in line.building.meters),
        )

    @routes.get("/", response_class=HTMLResponse)
    def portfolio(
        request: Request,
        q: Annotated[str, Query(max_length=60)] = "",
        type: Annotated[str, Query(max_length=40)] = "",
        region: Annotated[str, Query(pattern=r"^(\d{6})?$")] = "",
        level: Annotated[str, Query(max_length=20)] = "",
        sort: Annotated[str, Query(max_length=10)] = "state",
        page: Annotated[int, Query(ge=1, le=10_000)] = 1,
    ) -> HTMLResponse:
        return show(request, Wanted(q, type, region, level, sort), page, "")

    @routes.get("/regions/{code}", response_class=HTMLResponse)
    def region_page(
        request: Request,
        code: str,
        q: Annotated[str, Query(max_length=60)] = "",
        type: Annotated[str, Query(max_length=40)] = "",
        level: Annotated[str, Query(max_length=20)] = "",
        sort: Annotated[str, Query(max_length=10)] = "state",
        page: Annotated[int, Query(ge=1, le=10_000)] = 1,
    ) -> HTMLResponse:
        if len(code) != 6 or not code.isdigit():
            raise HTTPException(404, "region")
        return show(request, Wanted(q, type, code, level, sort), page, code)

    return routes


def month_label(language: Language, context: Context) -> str:
    """`1 – 21 Nov`: the days that figures of this month cover."""
    first, last = month_to_date(context.today())
    if language.code == "zh":
        return f"{first.month}月1–{last.day}日"
    return f"1–{last.day} {language.month(last)}"


def parents(code: str, registry: Registry) -> list[str]:
    """The named regions above one, the largest first."""
    if not code:
        return []
    above = [code[:2] + "0000", code[:4] + "00"]
    return [region for region in dict.fromkeys(above) if region != code and region in registry.region_names]


def level_below(region: str, codes: Iterable[str]) -> Callable[[str], str] | None:
    """How a county's code names the region one level below: provinces, cities, counties; None at a county."""
    if not region:
        several = len({code[:2] for code in codes}) > 1
        return (lambda code: code[:2] + "0000") if several else (lambda code: code[:4] + "00")
    if region.endswith("0000"):
        return lambda code: code[:4] + "00"
    return (lambda code: code) if region.endswith("00") else None


def children(region: str, lines: Sequence[Line], counties: Counties | None) -> list[Child]:
    """The regions one level below, by code; none where there is only the one shown."""
    below = level_below(region, (line.building.region for line in lines))
    if below is None:
        return []
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(below(line.building.region), []).append(line)
    if len(groups) < 2 and not region:
        return []
    found = []
    for code, members in sorted(groups.items()):
        if code == region:
            continue
        with_eui = [line for line in members if line.eui is not None]
        area = sum(line.building.area_m2 for line in with_eui)
        eui = sum((line.eui or 0) * line.building.area_m2 for line in with_eui) / area if area else None
        states = [(level, float(sum(line.level == level for line in members))) for level in LEVELS]
        county = (
            counties.inside({line.building.region for line in members}.__contains__) if counties else None
        )
        found.append(Child(code, len(members), eui, states, county))
    return found
