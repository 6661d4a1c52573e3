"""Heat pumps: all of them by season performance, and the machines of one building."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, StreamingResponse
from markupsafe import Markup

from collector.registry import Building
from dashboards.site import svg
from dashboards.site.context import PAGE_HEADERS, ROOM, Context, language_of, visitor_of
from dashboards.site.language import Language
from dashboards.site.views.building import DAY_MS
from dashboards.site.views.machines import MachineDay, heat_pumps, machine_day
from dashboards.site.views.season import season, seasons
from drivers.errors import StoreUnavailable
from rules.accounting import SPF_LIMIT

COLOURS = {"supply_temperature": "s6", "return_temperature": "s1", "outdoor_temperature": "s3"}


def router(context: Context) -> APIRouter:
    """Routes of `/heat-pumps` and `/buildings/{id}/heat-pumps`."""
    routes = APIRouter()

    @routes.get("/heat-pumps", response_class=HTMLResponse)
    def every(request: Request) -> HTMLResponse:
        visitor, registry = visitor_of(request), context.services.registry.buildings
        found = seasons(context.services.store, context.cache, context.today())
        latest, now = context.portfolio.latest(), context.services.clock()
        rows = [
            (registry[id_], made, heat_pumps(registry[id_], latest.get(id_, {}), now))
            for id_, made in found.items()
            if id_ in registry and visitor.sees(id_)
        ]
        rows.sort(key=lambda row: (row[1].spf is None, row[1].spf or 0.0))
        return context.page(request, "heat_pumps.html", rows=rows, limit=SPF_LIMIT)

    @routes.get("/buildings/{building_id}/heat-pumps")
    def one(request: Request, building_id: str) -> StreamingResponse:
        building = context.building(request, building_id)
        view = context.view(building)
        pumps = heat_pumps(building, view.latest(), view.now())
        counted = season(context.services.store, context.cache, building_id, view.today())
        if not pumps and counted is None:
            raise HTTPException(404, "heat_pump")
        highest = max((month.made.spf or 0.0 for month in counted.months), default=0.0) if counted else 0.0
        page = context.html(
            request, "heat_pump.html", building=building, pumps=pumps, season=counted,
            highest=highest, limit=SPF_LIMIT, room=ROOM,
        )  # fmt: skip
        begin, _, end = page.partition(ROOM)
        language = language_of(request)

        def parts() -> Iterator[str]:
            yield begin
            for pump in pumps:
                yield _day(context, language, building, pump.device)
            yield end

        headers = {**PAGE_HEADERS, "Content-Encoding": "identity"}
        return StreamingResponse(parts(), media_type="text/html; charset=utf-8", headers=headers)

    return routes


def _day(context: Context, language: Language, building: Building, device: str) -> str:
    end = context.services.clock() // 900_000 * 900_000 + 900_000
    start = end - DAY_MS

    def load() -> MachineDay:
        return machine_day(context.services.store, building.id, device, start, end)

    try:
        day = context.cache.get(("machine", building.id, device), 60.0, load, keep_s=600.0)
    except StoreUnavailable:
        return context.fragment("machine.html", language, device=device, day=None)
    labels = _hours(building, start, end)

    def chart(title: str, unit: str, lines: Sequence[svg.Line]) -> tuple[str, list[svg.Line], Markup | None]:
        drawn = [line for line in lines if len(line.points) > 1]
        return title, drawn, svg.line_chart(drawn, labels, (start, end), title, unit, 190) if drawn else None

    temperatures = [
        svg.Line(COLOURS[name], language.quantity(name), [(float(at), value) for at, value in points])
        for name, points in day.temperatures.items()
    ]
    powers = [
        svg.Line(css, language.t(f"pump.{name}"), [(float(at), kw) for at, kw in day.powers.get(name, [])])
        for name, css in (("thermal", "s6"), ("electric", "s1"))
    ]
    cop = [svg.Line("s3", "COP", [(float(at), value) for at, value in day.cop_curve])]
    charts = [
        chart(language.t("pump.cop_day"), "COP", cop),
        chart(language.t("pump.powers"), "kW", powers),
        chart(language.t("pump.temperatures"), "°C", temperatures),
    ]
    return context.fragment("machine.html", language, device=device, day=day, charts=charts)


def _hours(building: Building, start: int, end: int) -> list[tuple[float, str]]:
    zone = ZoneInfo(building.time_zone)
    step = 4 * 3_600_000
    return [
        (float(at), f"{datetime.fromtimestamp(at / 1000, zone):%H:%M}")
        for at in range(-(-start // step) * step, end, step)
    ]
