"""The read API, version 1: the same figures as the pages, for programs. JSON in pages, or CSV."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.security import HTTPBearer

from collector.model import DailyRow, JudgementRow, Latest, SumRow
from collector.registry import BuildingType
from dashboards.site.context import Context, visitor_of
from dashboards.site.regions import prefix
from dashboards.site.routes.answers import (
    Building,
    BuildingId,
    Format,
    Limit,
    Offset,
    Region,
    csv_file,
    described,
    mistake,
    page_of,
    paged,
    words,
)
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
from dashboards.site.views import energy as energies
from dashboards.site.views.fleet import EdgeNow
from dashboards.site.views.portfolio import Line
from drivers.carrier import UNIT, Carrier

MOST_DAYS = 400
MOST_POINTS = 50_000


def router(context: Context) -> APIRouter:
    """Routes below `/api/v1`."""
    token = HTTPBearer(auto_error=False, scheme_name="token", description=words("api.token"))
    routes = APIRouter(prefix="/api/v1", tags=["read"], dependencies=[Depends(token)])

    @routes.get("/buildings", response_model=Page[BuildingRecord], **described("buildings"))
    def buildings(
        request: Request,
        region: Region = "",
        type: Annotated[BuildingType | Literal[""], Query(description=words("parameter.type"))] = "",
        format: Format = "json",
        offset: Offset = 0,
        limit: Limit = 100,
    ) -> Any:
        lines = [
            line
            for line in context.portfolio.lines(visitor_of(request))
            if line.building.id.startswith(prefix(region)) and (not type or line.building.type == type)
        ]
        return paged(lines, _building, "buildings", format, offset, limit)

    @routes.get(
        "/buildings/{building}",
        response_model=BuildingRecord,
        **described("building", one=True, listed=False),
    )
    def building(request: Request, building: BuildingId) -> Any:
        return _building(context.view(context.building(request, building)).line())

    @routes.get(
        "/buildings/{building}/devices",
        response_model=list[DeviceRecord],
        **described("devices", one=True, listed=False),
    )
    def devices(request: Request, building: BuildingId) -> Any:
        latest = context.view(context.building(request, building)).latest()
        return [_device(latest[device]) for device in sorted(latest)]

    @routes.get(
        "/buildings/{building}/series", response_model=Page[PointRecord], **described("series", one=True)
    )
    def series(
        request: Request,
        building: BuildingId,
        device: Annotated[str, Query(max_length=64, description=words("parameter.device"))],
        quantity: Annotated[
            str,
            Query(max_length=64, description=words("parameter.quantity"), examples=["active_power_total"]),
        ],
        start: Annotated[int, Query(ge=0, description=words("parameter.start"))],
        end: Annotated[int, Query(ge=0, description=words("parameter.end"))],
        step_s: Annotated[int, Query(ge=0, le=86_400, description=words("parameter.step_s"))] = 60,
        format: Format = "json",
        offset: Offset = 0,
        limit: Limit = 1000,
    ) -> Any:
        known = context.building(request, building)
        if end <= start:
            raise mistake("end", "must be after start")
        if (end - start) / 1000 / max(step_s, 1) > MOST_POINTS:
            raise mistake("end", f"more than {MOST_POINTS} steps after start: take a longer step_s")
        points = context.services.store.series(known.id, device, quantity, start, end, step_s)
        return paged(
            points, lambda p: PointRecord(at=p[0], value=p[1]), f"{device}-{quantity}", format, offset, limit
        )

    @routes.get("/energy", response_model=Page[EnergyRecord], **described("energy"))
    def energy(
        request: Request,
        first: Annotated[date, Query(description=words("parameter.first"))],
        last: Annotated[date, Query(description=words("parameter.last"))],
        building: Building = "",
        region: Region = "",
        carrier: Annotated[
            Carrier | Literal[""], Query(description=words("parameter.carrier"))
        ] = Carrier.ELECTRICITY,
        item: Annotated[str, Query(max_length=24, description=words("parameter.item"))] = "total",
        by: Annotated[Literal["day", "month"], Query(description=words("parameter.by"))] = "day",
        format: Format = "json",
        offset: Offset = 0,
        limit: Limit = 100,
    ) -> Any:
        if last < first:
            raise mistake("last", "must not be before first")
        if (last - first).days > MOST_DAYS:
            raise mistake("last", f"more than {MOST_DAYS} days after first")
        visitor, store = visitor_of(request), context.services.store
        wanted = tuple(
            id_
            for id_ in context.services.registry.buildings
            if id_.startswith(prefix(region)) and (not building or id_ == building) and visitor.sees(id_)
        )
        query = energies.Query(first, last, wanted, carrier or None, item or None, by == "month")
        if format == "csv":
            every = (_energy(*row) for part in energies.parts(store, query) for row in part)
            return csv_file(f"energy-{first}-{last}", every)
        total, rows = energies.page(store, context.cache, query, offset, limit)
        return page_of(total, offset, limit, [_energy(*row) for row in rows])

    @routes.get("/judgements", response_model=Page[JudgementRecord], **described("judgements"))
    def judgements(
        request: Request,
        period: Annotated[
            str, Query(pattern=r"^\d{4}(-\d{2})?$", description=words("parameter.period"), examples=["2026"])
        ],
        building: Building = "",
        format: Format = "json",
        offset: Offset = 0,
        limit: Limit = 100,
    ) -> Any:
        visitor, store = visitor_of(request), context.services.store
        found = context.cache.get(
            ("judgement rows", period, building),
            15.0,
            lambda: store.judgements(period, building or None, detail=False),
        )
        rows = [row for row in found if visitor.sees(row.building)]
        return paged(rows, _judgement, f"judgements-{period}", format, offset, limit)

    @routes.get("/alerts", response_model=Page[AlertRecord], **described("alerts"))
    def alerts(request: Request, format: Format = "json", offset: Offset = 0, limit: Limit = 100) -> Any:
        fields = AlertRecord.model_fields
        return paged(
            context.alerts(visitor_of(request)),
            lambda alert: AlertRecord(**{name: getattr(alert, name) for name in fields}),
            "alerts",
            format,
            offset,
            limit,
        )

    @routes.get("/edges", response_model=Page[EdgeRecord], **described("edges"))
    def edges(request: Request, format: Format = "json", offset: Offset = 0, limit: Limit = 100) -> Any:
        return paged(context.edges(visitor_of(request)), _edge, "edges", format, offset, limit)

    @routes.get("/openapi.json", include_in_schema=False)
    def schema(request: Request) -> JSONResponse:
        return JSONResponse(request.app.openapi())

    @routes.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    def docs(request: Request) -> HTMLResponse:
        schema = request.app.openapi()
        operations = [
            (path, operation) for path, methods in schema["paths"].items() for operation in methods.values()
        ]
        return context.page(
            request,
            "api.html",
            operations=operations,
            choices=lambda said: _choices(said, schema),
            base=str(request.base_url).rstrip("/"),
        )

    return routes


def _choices(said: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """The values that a parameter may have, where OpenAPI lists them."""
    if "$ref" in said:
        said = schema["components"]["schemas"][said["$ref"].rsplit("/", 1)[1]]
    found = said.get("enum", [value for part in said.get("anyOf", []) for value in _choices(part, schema)])
    return [value for value in found if value]


def _building(line: Line) -> BuildingRecord:
    building = line.building
    return BuildingRecord(
        id=building.id,
        name_zh=building.name_zh,
        name_en=building.name_en,
        type=building.type,
        region=building.region,
        area_m2=building.area_m2,
        power_kw=line.power_kw,
        month_kwh=line.month_kwh,
        change=line.change,
        eui_kwh_m2=line.eui,
        level=line.level,
        share=line.judgement.share if line.judgement else None,
    )


def _device(sample: Latest) -> DeviceRecord:
    return DeviceRecord(**{**asdict(sample), "values": dict(sorted(sample.values.items()))})


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


def _judgement(row: JudgementRow) -> JudgementRecord:
    return JudgementRecord(**{name: getattr(row, name) for name in JudgementRecord.model_fields})


def _energy(period: str, row: DailyRow | SumRow) -> EnergyRecord:
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
