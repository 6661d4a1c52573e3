"""For the machines that watch over this program: is it alive, and its figures in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily

from dashboards.site.access import LOCAL
from dashboards.site.context import Context, visitor_of
from dashboards.site.views.overview import overview


class _Figures:
    """Read anew at every scrape."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def collect(self) -> Iterator[GaugeMetricFamily]:
        seen = overview(self._context.portfolio, self._context.cache, LOCAL, "")
        levels = GaugeMetricFamily(
            "beacon_buildings", "Buildings by quota level of this year", labels=["level"]
        )
        for level, count in seen.totals.levels.items():
            levels.add_metric([level], count)
        yield levels
        yield GaugeMetricFamily(
            "beacon_buildings_live",
            "Buildings whose main meters all reported lately",
            value=seen.totals.reporting,
        )
        alerts = GaugeMetricFamily(
            "beacon_alerts", "Alerts that are not resolved, by state", labels=["state"]
        )
        for state in ("open", "acknowledged", "snoozed"):
            alerts.add_metric([state], sum(alert.state == state for alert in self._context.alerts(LOCAL)))
        yield alerts
        edges = self._context.edges(LOCAL)
        online = GaugeMetricFamily(
            "beacon_edge_online", "1 if the edge reported lately", labels=["site", "edge"]
        )
        waiting = GaugeMetricFamily(
            "beacon_edge_spool_batches", "Batches waiting on the edge", labels=["site", "edge"]
        )
        for edge in edges:
            online.add_metric([edge.site, edge.edge], float(edge.online))
            waiting.add_metric([edge.site, edge.edge], edge.status.spool_batches)
        yield online
        yield waiting


def life(context: Context) -> APIRouter:
    """`/healthz`: `ok` when the store answers, 503 otherwise."""
    routes = APIRouter()

    @routes.get("/healthz", response_class=PlainTextResponse)
    def healthz() -> str:
        context.services.store.edges()
        return "ok"

    return routes


def figures(context: Context) -> APIRouter:
    """`/metrics`, for those who see every building."""
    routes = APIRouter()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(context))

    @routes.get("/metrics")
    def metrics(request: Request) -> Response:
        if not visitor_of(request).everything:
            raise HTTPException(403, "forbidden")
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return routes
