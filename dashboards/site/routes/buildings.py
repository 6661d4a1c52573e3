"""One building's page and its devices' pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import orjson
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from collector.model import JudgementRow
from collector.registry import Building
from dashboards.site import svg
from dashboards.site.access import Visitor
from dashboards.site.context import Context, language_of, visitor_of
from dashboards.site.language import Language
from dashboards.site.routes.portfolio import month_label, parents
from dashboards.site.views import machines
from dashboards.site.views.building import CURVE_S, DAY_MS, SPANS, BuildingView, hours_by_day
from dashboards.site.views.explained import scheme_name
from dashboards.site.views.judged import basis_key, is_carbon
from dashboards.site.views.machines import unit_of
from dashboards.site.views.power import LoadCurve
from drivers.carrier import UNIT

ITEM_COLOURS = {"01A00": "s2", "01B00": "s1", "01C00": "s3", "01D00": "s4", "unmetered": "s7"}
TREND_MS = 6 * 3600 * 1000
FIRST_LOOK = (
    "active_power_total",
    "thermal_power",
    "cop",
    "flow",
    "water_flow",
    "gas_flow",
    "room_temperature",
)


def router(context: Context) -> APIRouter:
    """Routes below `/buildings/`."""
    routes = APIRouter()

    @routes.get("/buildings/{building_id}", response_class=HTMLResponse)
    def building_page(request: Request, building_id: str, span: str = "today") -> HTMLResponse:
        building = context.building(request, building_id)
        language = language_of(request)
        values = _figures(context, visitor_of(request), language, building)
        span = span if span in SPANS else "today"
        values |= context.cache.get(
            ("load", building_id, span, language.code),
            CURVE_S[span],
            lambda: _load(context.view(building), language, span),
        )
        return context.page(request, "building.html", building=building, **values)

    @routes.get("/buildings/{building_id}/devices/{device}", response_class=HTMLResponse)
    def device_page(
        request: Request, building_id: str, device: str, quantity: Annotated[str, Query(max_length=64)] = ""
    ) -> HTMLResponse:
        building = context.building(request, building_id)
        sample = context.view(building).latest().get(device)
        if sample is None:
            raise HTTPException(404, "device")
        if quantity not in sample.values:
            names = [*FIRST_LOOK, *sorted(sample.values)]
            quantity = next((name for name in names if name in sample.values), "")
        now, language = context.services.clock(), language_of(request)
        points = context.cache.get(
            ("trend", building_id, device, quantity),
            5.0,
            lambda: context.services.store.series(
                building_id, device, quantity, now - TREND_MS, now + 1000, 60
            ),
        )
        meter = next((m for m in building.meters if (m.device or m.name) == device), None)
        label, unit = language.quantity(quantity), language.unit(unit_of(quantity))
        return context.page(
            request,
            "device.html",
            building=building,
            sample=sample,
            meter=meter,
            quantity=quantity,
            quantity_label=label,
            values=[(name, value, unit_of(name)) for name, value in sorted(sample.values.items())],
            trend=_trend(points, label, unit, building),
            trend_json=_json(
                {
                    "t": [at // 1000 for at, _ in points],
                    "lines": [
                        {"label": label, "y": [value for _, value in points], "css": "s1", "area": False}
                    ],
                    "unit": unit,
                    "zone": building.time_zone,
                    "x": language.t("load.hour"),
                }
            ),
        )

    return routes


def _json(value: Any) -> Markup:
    """JSON for a data block: `<` escaped, so that no text can end the block."""
    return Markup(orjson.dumps(value).decode().replace("<", "\\u003c"))


@dataclass(frozen=True, slots=True)
class _Judged:
    """A judgement with the message key of its basis."""

    row: JudgementRow
    basis_key: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.row, name)


def _figures(context: Context, visitor: Visitor, language: Language, building: Building) -> dict[str, Any]:
    view = context.view(building)
    today = view.today()
    latest, line = view.latest(), view.line()
    daily = view.daily(30)
    curve = view.curve("today")
    heat = view.heat_rows()
    cells = [value for _, row in heat for value in row if value is not None]
    months = view.months()
    items = view.items()
    known = [kw for kw in curve.use if kw is not None]
    gauges, more = _gauges(language, line.judgements)
    return {
        "gauges": gauges,
        "more_judgements": more,
        "crumbs": [
            code
            for code in dict.fromkeys([*parents(building.region, context.services.registry), building.region])
            if code in context.services.registry.region_names
        ],
        "state": line.level,
        "power": line.power_kw,
        "power_at": max((sample.at for sample in latest.values()), default=None),
        "spark": curve.use[-48:],
        "today_kwh": sum(known) / 4 if known else None,
        "month": language.amount(line.month_kwh, "kWh").split("\u00a0")
        if line.month_kwh is not None
        else ["–", ""],
        "month_label": month_label(language, context),
        "change": line.change,
        "eui": line.eui,
        "peak": max(
            (row for row in daily if row.peak_kw is not None), key=lambda row: row.peak_kw or 0, default=None
        ),
        "base_kw": _median([row.base_kw for row in daily if row.base_kw is not None]),
        "year": today.year,
        "scheme_name": lambda id_: scheme_name(language, context.services.schemes, id_),
        "items": [(part, ITEM_COLOURS[part.code]) for part in items],
        "item_colours": [(ITEM_COLOURS[part.code], part.energy) for part in items],
        "months": months,
        "month_max": max((max(m.energy or 0, m.year_before or 0) for m in months), default=0),
        "heat": svg.heat_map([row for _, row in heat], language.t("heat.title")) if heat else None,
        "heat_days": [language.day(heat[n][0]) for n in range(0, len(heat), 7)] if heat else [],
        "heat_low": min(cells, default=0),
        "heat_high": max(cells, default=0),
        "pumps": _pumps(context, language, view),
        "solar": view.solar(),
        "carriers": view.carriers(),
        "units": {carrier.value: unit for carrier, unit in UNIT.items()},
        "alerts": [alert for alert in context.alerts(visitor) if alert.building == building.id],
        "devices": [latest[device] for device in sorted(latest)],
        "spans": list(SPANS),
    }


def _median(values: Sequence[float]) -> float | None:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else None


def _gauges(
    language: Language, rows: Sequence[JudgementRow]
) -> tuple[list[tuple[_Judged, Markup]], list[_Judged]]:
    """A gauge for the worst energy and the worst carbon judgement that has a limit; the others as rows."""
    gauges: list[tuple[_Judged, Markup]] = []
    more: list[_Judged] = []
    drawn: set[bool] = set()
    for row in rows:
        judged = _Judged(row, basis_key(row))
        if row.share is None or is_carbon(row) in drawn:
            more.append(judged)
        else:
            drawn.add(is_carbon(row))
            gauges.append((judged, _gauge(language, row, row.share)))
    return gauges, more


def _gauge(language: Language, row: JudgementRow, share: float) -> Markup:
    band = None
    if row.limit and row.forecast_low is not None and row.forecast_high is not None:
        band = (row.forecast_low / row.limit, row.forecast_high / row.limit)
    title = language.t(
        "quota.gauge",
        basis=language.t(f"basis.{basis_key(row)}"),
        share=language.percent(share),
        expected=language.percent(row.expected_share),
    )
    centre, below = language.percent(share), language.t("quota.of_limit")
    return svg.gauge(share, row.expected_share, band, row.level, centre, below, title)


def _load(view: BuildingView, language: Language, span: str) -> dict[str, Any]:
    curve = view.curve(span)
    if not curve.at:
        return {"span": span, "load_svg": None}
    today = view.today()
    start = view.midnight(today - timedelta(days=SPANS[span] - 1))
    end = view.midnight(today + timedelta(days=1))
    lines = [svg.Line("s1", language.t("load.use"), list(zip(curve.at, curve.use, strict=True)), area=True)]
    if any(curve.pv):
        lines.append(svg.Line("s2", language.t("load.pv"), list(zip(curve.at, curve.pv, strict=True))))
        lines.append(svg.Line("s3", language.t("load.grid"), list(zip(curve.at, curve.grid, strict=True))))
    if span == "today":
        before = view.yesterday_curve()
        shifted = [at + DAY_MS for at in before.at]
        lines.append(
            svg.Line("s7", language.t("load.yesterday"), list(zip(shifted, before.use, strict=True)))
        )
        labels = [(float(start + hour * 3_600_000), f"{hour:02d}:00") for hour in range(0, 25, 4)]
    else:
        step = 1 if span == "week" else 4
        days = range(0, SPANS[span], step)
        labels = [
            (
                float(start + n * DAY_MS + DAY_MS / 2),
                language.day(today - timedelta(days=SPANS[span] - 1 - n)),
            )
            for n in days
        ]
    chart = svg.line_chart(lines, labels, (start, end), language.t("load.title"), "kW")
    times = sorted({int(x) for line in lines for x, _ in line.points})
    return {
        "span": span,
        "load_svg": chart,
        "load_keys": [(line.css, line.label) for line in lines],
        "load_json": _json(
            {
                "t": [at // 1000 for at in times],
                "lines": [
                    {"label": line.label, "css": line.css, "area": line.area, "y": _aligned(line, times)}
                    for line in lines
                ],
                "unit": "kW",
                "zone": view.building.time_zone,
                "x": language.t("load.hour"),
                "range": [start // 1000, end // 1000],
                "live": "power" if span == "today" else "",
            }
        ),
        "load_table": _hourly(view, language, curve, span),
    }


def _aligned(line: svg.Line, times: Sequence[int]) -> list[float | None]:
    by_time = {int(x): y for x, y in line.points}
    return [None if (y := by_time.get(at)) is None else round(y, 2) for at in times]


def _hourly(view: BuildingView, language: Language, curve: LoadCurve, span: str) -> list[tuple[str, float]]:
    """Hourly means of today, daily means of a longer span."""
    hours = hours_by_day(curve, view.zone)
    if span == "today":
        return [(f"{n:02d}:00", kw) for _, row in hours for n, kw in enumerate(row) if kw is not None]
    known = [(day, [kw for kw in row if kw is not None]) for day, row in hours]
    return [(language.day(day), sum(row) / len(row)) for day, row in known]


def _pumps(
    context: Context, language: Language, view: BuildingView
) -> list[tuple[machines.HeatPumpNow, Markup | None, float | None]]:
    now = view.now()
    latest = view.latest()
    found = []
    start = view.midnight(view.today())
    for pump in machines.heat_pumps(view.building, latest, now):
        points = machines.cop_curve(
            context.services, context.cache, view.building.id, pump.device, start, start + DAY_MS
        )
        present = [value for _, value in points if value is not None]
        chart = None
        if len(present) >= 2:
            first, last = points[0][0], points[-1][0]
            span_ms = max(last - first, 3_600_000)
            step = 3_600_000 * max(1, round(span_ms / 3_600_000 / 6))
            labels = [
                (float(at), f"{datetime.fromtimestamp(at / 1000, view.zone):%H:%M}")
                for at in range(-(-first // step) * step, first + span_ms + 1, step)
            ]
            line = svg.Line("s3", language.t("pump.cop"), [(float(at), value) for at, value in points])
            chart = svg.line_chart(
                [line], labels, (first, first + span_ms), language.t("pump.curve"), "COP", 180
            )
        found.append((pump, chart, sum(present) / len(present) if present else None))
    return found


def _trend(points: Sequence[tuple[int, float]], label: str, unit: str, building: Building) -> Markup | None:
    if len(points) < 2:
        return None
    first, last = points[0][0], points[-1][0]
    instants = [first + (last - first) * n / 4 for n in range(5)]
    zone = ZoneInfo(building.time_zone)
    view_labels = [(at, f"{datetime.fromtimestamp(at / 1000, zone):%H:%M}") for at in instants]
    line = svg.Line("s1", label, [(float(at), value) for at, value in points])
    return svg.line_chart([line], view_labels, (first, last), label, unit)
