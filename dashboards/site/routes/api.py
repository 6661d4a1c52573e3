"""The read API, version 1: the same figures as the pages, for programs. JSON in pages, or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel

from collector.model import DailyRow, SumRow
from dashboards.site.context import Context, visitor_of
from dashboards.site.regions import prefix
from dashboards.site.routes.records import (
    AlertRecord,
    BuildingRecord,
    DeviceRecord,
    EdgeRecord,
    EnergyRecord,
    JudgementRecord,
    Page,
    PointRecord,
)
from dashboards.site.views.fleet import EdgeNow
from dashboards.site.views.portfolio import Line
from drivers.carrier import UNIT, Carrier

MOST_DAYS = 400
MOST_POINTS = 50_000

Record = TypeVar("Record", bound=BaseModel)
Format = Annotated[
    Literal["json", "csv"], Query(description="`csv` gives all records of all pages as a file")
]
Offset = Annotated[int, Query(ge=0, le=10_000_000)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Region = Annotated[str, Query(pattern=r"^(\d{6})?$", description="code of a province, city or county")]


def paged(
    rows: Sequence[Any], record: Callable[[Any], Record], name: str, format: str, offset: int, limit: int
) -> Page[Record] | Response:
    """One page of `rows` as records, or all of them as CSV."""
    if format == "csv":
        return csv_response([record(row) for row in rows], name)
    end = offset + limit
    return Page(
        total=len(rows),
        offset=offset,
        next=end if end < len(rows) else None,
        items=[record(row) for row in rows[offset:end]],
    )


def csv_response(records: Sequence[BaseModel], name: str) -> Response:
    """CSV with a header, in UTF-8 with a byte order mark, so that spreadsheets read Chinese."""
    text = io.StringIO()
    if records:
        writer = csv.DictWriter(text, list(type(records[0]).model_fields))
        writer.writeheader()
        for record in records:
            writer.writerow({key: _cell(value) for key, value in record.model_dump().items()})
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response("\ufeff" + text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _cell(value: object) -> object:
    """Text that a spreadsheet would run as a formula gets an apostrophe."""
    if isinstance(value, str) and value[:1] in "=+-@\t\r" and value:
        return "'" + value
    return value


def router(context: Context) -> APIRouter:
    """Routes below `/api/v1`."""
    routes = APIRouter(prefix="/api/v1", tags=["read"])

    @routes.get("/buildings", response_model=Page[BuildingRecord])
    def buildings(
        request: Request,
        region: Region = "",
        type: str = "",
        format: Format = "json",
        offset: Offset = 0,
        limit: Limit = 100,
    ) -> Any:
        """Every building with its use and state, in id order."""
        lines = [
            line
            for line in context.portfolio.lines(visitor_of(request))
            if line.building.id.startswith(prefix(region)) and (not type or line.building.type == type)
        ]
        return paged(lines, _building, "buildings", format, offset, limit)

    @routes.get("/buildings/{building}", response_model=BuildingRecord)
    def building(request: Request, building: str) -> Any:
        """One building."""
        known = context.building(request, building)
        return next(
            _building(line)
            for line in context.portfolio.lines(visitor_of(request))
            if line.building.id == known.id
        )

    @routes.get("/buildings/{building}/devices", response_model=list[DeviceRecord])
    def devices(request: Request, building: str) -> Any:
        """The last sample of each device of a building."""
        latest = context.portfolio.latest().get(context.building(request, building).id, {})
        return [DeviceRecord(**asdict(latest[device])) for device in sorted(latest)]

    @routes.get("/buildings/{building}/series", response_model=Page[PointRecord])
    def series(
        request: Request,
        building: str,
        device: Annotated[str, Query(max_length=64)],
        quantity: Annotated[str, Query(max_length=64)],
        start: Annotated[int, Query(ge=0, description="ms UTC")],
        end: Annotated[int, Query(ge=0, description="ms UTC, not included")],
        step_s: Annotated[
            int, Query(ge=0, le=86_400, description="mean of each step; 0 gives every sample")
        ] = 60,
        format: Format = "json",
        offset: Offset = 0,
        limit: Limit = 1000,
    ) -> Any:
        """Values of one quantity of one device."""
        known = context.building(request, building)
        if end <= start or (end - start) / 1000 / max(step_s, 1) > MOST_POINTS:
            raise HTTPException(422, "request")
        points = context.services.store.series(known.id, device, quantity, start, end, step_s)
        return paged(
            points, lambda p: PointRecord(at=p[0], value=p[1]), f"{device}-{quantity}", format, offset, limit
        )

    @routes.get("/energy", response_model=Page[EnergyRecord])
    def energy(
        request: Request,
        first: date,
        last: date,
        building: Annotated[str, Query(max_length=10)] = "",
        region: Region = "",
        carrier: Annotated[str, Query(max_length=20)] = "electricity",
        item: Annotated[str, Query(max_length=12)] = "total",
        by: Literal["day", "month"] = "day",
        format: Format = "json",
        offset: Offset = 0,
        limit: Limit = 100,
    ) -> Any:
        """Energy by local day or calendar month, both ends included."""
        if last < first or (last - first).days > MOST_DAYS:
            raise HTTPException(422, "request")
        visitor = visitor_of(request)
        wanted = [
            id_
            for id_ in context.services.registry.buildings
            if id_.startswith(prefix(region)) and (not building or id_ == building) and visitor.sees(id_)
        ]
        key = ("energy", visitor.scope, first, last, building, region, carrier, item, by)
        records = context.cache.get(
            key, 15.0, lambda: _energy(context, by, first, last, wanted, carrier or None, item or None)
        )
        return paged(records, lambda record: record, f"energy-{first}-{last}", format, offset, limit)

    @routes.get("/judgements", response_model=Page[JudgementRecord])
    def judgements(
        request: Request,
        period: Annotated[str, Query(pattern=r"^\d{4}(-\d{2})?$")],
        building: Annotated[str, Query(max_length=10)] = "",
        format: Format = "json",
        offset: Offset = 0,
        limit: Limit = 100,
    ) -> Any:
        """The newest judgements of a year or a month."""
        visitor = visitor_of(request)
        found = context.services.store.judgements(period=period, building=building or None, detail=False)
        rows = [row for row in found if visitor.sees(row.building)]
        fields = JudgementRecord.model_fields
        return paged(
            rows,
            lambda row: JudgementRecord(**{name: getattr(row, name) for name in fields}),
            f"judgements-{period}",
            format,
            offset,
            limit,
        )

    @routes.get("/alerts", response_model=Page[AlertRecord])
    def alerts(request: Request, format: Format = "json", offset: Offset = 0, limit: Limit = 100) -> Any:
        """Alerts that are not resolved, the most severe first."""
        fields = AlertRecord.model_fields
        return paged(
            context.alerts(visitor_of(request)),
            lambda alert: AlertRecord(**{name: getattr(alert, name) for name in fields}),
            "alerts",
            format,
            offset,
            limit,
        )

    @routes.get("/edges", response_model=Page[EdgeRecord])
    def edges(request: Request, format: Format = "json", offset: Offset = 0, limit: Limit = 100) -> Any:
        """The edges as they last reported, troubled ones first."""
        return paged(context.edges(visitor_of(request)), _edge, "edges", format, offset, limit)

    @routes.get("/openapi.json", include_in_schema=False)
    def schema(request: Request) -> JSONResponse:
        return JSONResponse(request.app.openapi())

    @routes.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    def docs(request: Request) -> HTMLResponse:
        schema = request.app.openapi()
        listed = [
            (path, operation["description"], operation.get("parameters", []))
            for path, methods in schema["paths"].items()
            for operation in methods.values()
        ]
        return context.page(request, "api.html", operations=listed)

    return routes


def _building(line: Line) -> BuildingRecord:
    building = line.building
    return BuildingRecord(
        id=building.id,
        name_zh=building.name_zh,
        name_en=building.name_en,
        type=building.type.value,
        region=building.region,
        area_m2=building.area_m2,
        power_kw=line.power_kw,
        month_kwh=line.month_kwh,
        change=line.change,
        eui_kwh_m2=line.eui,
        level=line.level,
        share=line.judgement.share if line.judgement else None,
    )


def _edge(edge: EdgeNow) -> EdgeRecord:
    status = edge.status
    return EdgeRecord(
        site=edge.site,
        edge=edge.edge,
        online=edge.online,
        received_at=edge.received_at,
        version=status.version,
        config_hash=status.config_hash,
        spool_batches=status.spool_batches,
        spool_bytes=status.spool_bytes,
        oldest_at=status.oldest_at,
        dropped_samples=status.dropped_samples,
        clock=status.clock,
        poll_success=status.poll_success,
        failing=edge.failing,
    )


def _energy(
    context: Context,
    by: str,
    first: date,
    last: date,
    buildings: list[str],
    carrier: str | None,
    item: str | None,
) -> list[EnergyRecord]:
    store = context.services.store
    if by == "day":
        return [
            _record(row, row.day.isoformat()) for row in store.daily(first, last, buildings, carrier, item)
        ]
    records = []
    start = first
    while start <= last:
        next_month = (start.replace(day=28) + timedelta(days=4)).replace(day=1)
        end = min(last, next_month - timedelta(days=1))
        records += [
            _record(row, f"{start:%Y-%m}") for row in store.sums(start, end, buildings, carrier, item)
        ]
        start = next_month
    return sorted(records, key=lambda record: (record.building, record.carrier, record.item, record.period))


def _record(row: DailyRow | SumRow, period: str) -> EnergyRecord:
    return EnergyRecord(
        building=row.building,
        carrier=row.carrier,
        item=row.item,
        period=period,
        energy=row.energy,
        unit=UNIT[Carrier(row.carrier)],
        coverage=row.coverage,
        estimated=row.estimated,
        peak_kw=row.peak_kw,
        base_kw=row.base_kw,
    )
