"""The edge fleet, and commissioning: every device's latest values."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from dashboards.site.context import Context, visitor_of
from dashboards.site.views.machines import unit_of


def router(context: Context) -> APIRouter:
    """Routes of `/edges`, `/commissioning`."""
    routes = APIRouter()

    @routes.get("/edges", response_class=HTMLResponse)
    def edges(request: Request) -> HTMLResponse:
        fleet = context.edges(visitor_of(request))
        return context.page(request, "edges.html", edges=fleet, online=sum(edge.online for edge in fleet))

    @routes.get("/commissioning", response_class=HTMLResponse)
    def commissioning(request: Request, building: Annotated[str, Query(max_length=10)] = "") -> HTMLResponse:
        registry, visitor = context.services.registry.buildings, visitor_of(request)
        latest = context.portfolio.latest()
        choices = [registry[id_] for id_ in sorted(latest) if id_ in registry and visitor.sees(id_)]
        chosen = registry.get(building) or (
            max(choices, key=lambda b: len(latest[b.id])) if choices else None
        )
        samples = latest.get(chosen.id, {}) if chosen else {}
        return context.page(
            request,
            "commissioning.html",
            building=chosen,
            choices=choices,
            samples=[samples[device] for device in sorted(samples)],
            unit_of=unit_of,
        )

    return routes
