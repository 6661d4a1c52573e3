"""The list of buildings, of all or of one region."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from collector.registry import Registry
from dashboards.site.context import Context, language_of, visitor_of
from dashboards.site.language import Language
from dashboards.site.regions import prefix
from dashboards.site.views.judged import LEVELS
from dashboards.site.views.overview import level_below, overview
from dashboards.site.views.portfolio import SORTS, month_to_date, ranked
from dashboards.site.views.portfolio import Query as Wanted
from dashboards.site.views.site_map import building_map
from rules.alerts import AlertState

PAGE_SIZE = 30
MAP_S = 30.0


def router(context: Context) -> APIRouter:
    """Routes of `/` and `/regions/{code}`."""
    routes = APIRouter()

    def show(request: Request, wanted: Wanted, page: int, region: str) -> HTMLResponse:
        registry, visitor, language = context.services.registry, visitor_of(request), language_of(request)
        seen = overview(context.portfolio, context.cache, visitor, region)
        if region and not seen.lines:
            raise HTTPException(404, "region")
        lines = list(filter(wanted.takes, seen.lines)) if wanted.narrows(region) else seen.lines
        lines = lines if wanted.sort == "state" else ranked(lines, wanted.sort)
        pages = max(1, -(-len(lines) // PAGE_SIZE))
        page = min(page, pages)
        alerts = [one for one in context.alerts(visitor) if one.building.startswith(prefix(region))]
        edges = context.edges(visitor)
        if region:
            here = {name for line in seen.lines for name in line.building.edges}
            edges = [edge for edge in edges if f"{edge.site}/{edge.edge}" in here]
        below = level_below(region, (line.building.region for line in seen.lines)) or (lambda code: code)
        counties = context.dual.counties(context.today(), visitor)

        def draw_map() -> Markup | None:
            return building_map(
                seen.lines,
                language.t("map.title"),
                lambda line: f"{language.name(line.building)}: {language.t(f'level.{line.level}')}",
                lambda line: language.region(registry, below(line.building.region)),
            )

        return context.page(
            request,
            "portfolio.html",
            heading=language.region(registry, region) if region else language.t("portfolio.title"),
            region=region,
            crumbs=parents(region, registry),
            children=seen.children,
            county=lambda inner: counties.inside(lambda code: below(code) == inner) if counties else None,
            dual=counties.inside(lambda code: code.startswith(prefix(region))) if counties else None,
            counties=counties,
            map=context.cache.get(("map", visitor.scope, region, language.code), MAP_S, draw_map),
            totals=seen.totals,
            read_at=seen.read_at,
            states=[(level, float(seen.totals.levels[level])) for level in LEVELS],
            lines=lines[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
            page=page,
            pages=pages,
            query=wanted,
            types=seen.types,
            regions=seen.regions,
            sorts=SORTS,
            year=context.today().year,
            month_label=month_label(language, context),
            alerts_open=sum(one.state == AlertState.OPEN for one in alerts),
            edges_online=sum(edge.online for edge in edges),
            edges_all=len(edges),
            heat_pumps=seen.heat_pumps,
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
