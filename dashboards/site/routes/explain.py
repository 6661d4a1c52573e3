"""Why the quota judgement is what it is: a page that stands an audit, and prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import StreamingResponse

from collector.registry import Building
from dashboards.site.context import PAGE_HEADERS, ROOM, Context, language_of
from dashboards.site.language import Language
from dashboards.site.views import explained
from dashboards.site.views.judged import basis_key, worst_first
from drivers.carrier import UNIT
from drivers.errors import StoreUnavailable
from rules.chain import MeterReading, meters
from rules.period import Period
from rules.runner import last_whole_day


def router(context: Context) -> APIRouter:
    """The route `/buildings/{id}/explain`."""
    routes = APIRouter()

    @routes.get("/buildings/{building_id}/explain")
    def explain(
        request: Request,
        building_id: str,
        period: Annotated[str, Query(pattern=r"^(\d{4}(-(0[1-9]|1[0-2]))?)?$")] = "",
    ) -> StreamingResponse:
        building = context.building(request, building_id)
        language = language_of(request)
        store = context.services.store
        known = context.cache.get(
            ("periods", building_id),
            60.0,
            lambda: sorted({row.period for row in store.judgements(building=building_id, detail=False)}),
        )
        wanted = period or str(context.today().year)
        rows = context.cache.get(
            ("chain", building_id, wanted),
            5.0,
            lambda: explained.explained(worst_first(store.judgements(wanted, building_id))),
        )
        if period and not rows:
            raise HTTPException(404, "period")
        page = context.html(
            request,
            "explain.html",
            building=building,
            period=Period.parse(wanted),
            period_label=language.period,
            periods=known,
            judged=rows,
            basis_key=basis_key,
            words=explained,
            schemes=context.services.schemes,
            room=ROOM,
        )
        begin, _, end = page.partition(ROOM)

        def parts() -> Iterator[str]:
            yield begin
            yield _meters(context, language, building, Period.parse(wanted))
            yield end

        # Said to be encoded already, or the compressing middleware would hold the first part back.
        headers = {**PAGE_HEADERS, "Content-Encoding": "identity"}
        return StreamingResponse(parts(), media_type="text/html; charset=utf-8", headers=headers)

    return routes


def _meters(context: Context, language: Language, building: Building, period: Period) -> str:
    def load() -> tuple[MeterReading, ...]:
        through = last_whole_day(building, context.services.clock())
        return meters(context.services.store, building, period, through)

    try:
        read = context.cache.get(("meters", building.id, str(period)), 60.0, load, keep_s=600.0)
    except StoreUnavailable:
        return context.fragment("meters.html", language, readings=None)
    zone = ZoneInfo(building.time_zone)
    units = {carrier.value: unit for carrier, unit in UNIT.items()}
    return context.fragment("meters.html", language, readings=read, zone=zone.key, units=units)
