"""The edge fleet, and commissioning: every device's latest values."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from dashboards.site.context import Context, visitor_of
from dashboards.site.views.device_words import fault, homes
from dashboards.site.views.machines import unit_of
from dashboards.site.views.portfolio import Query as Wanted

MOST_CHOICES = 100
"""Of more buildings one is found by a part of its name or number."""


def router(context: Context) -> APIRouter:
    """Routes of `/edges`, `/commissioning`."""
    routes = APIRouter()

    @routes.get("/edges", response_class=HTMLResponse)
    def edges(request: Request) -> HTMLResponse:
        visitor = visitor_of(request)
        fleet = context.edges(visitor)
        return context.page(
            request,
            "edges.html",
            edges=fleet,
            online=sum(edge.online for edge in fleet),
            fault=fault,
            homes=lambda edge: homes(
                one for one in context.behind(f"{edge.site}/{edge.edge}") if visitor.sees(one.id)
            ),
        )

    @routes.get("/commissioning", response_class=HTMLResponse)
    def commissioning(
        request: Request,
        building: Annotated[str, Query(max_length=10)] = "",
        q: Annotated[str, Query(max_length=60)] = "",
    ) -> HTMLResponse:
        latest, visitor = context.portfolio.latest(), visitor_of(request)
        reporting = [
            known
            for id_, known in context.services.registry.buildings.items()
            if id_ in latest and visitor.sees(id_)
        ]
        choices = [known for known in reporting if Wanted(q).names(known)]
        chosen = context.building(request, building) if building else None
        if chosen is None and choices:
            chosen = max(choices, key=lambda known: len(latest[known.id]))
        samples = latest.get(chosen.id, {}) if chosen else {}
        return context.page(
            request,
            "commissioning.html",
            building=chosen,
            choices=choices[:MOST_CHOICES],
            found=len(choices),
            searched=len(reporting) > MOST_CHOICES,
            q=q,
            samples=[samples[device] for device in sorted(samples)],
            meters={meter.device or meter.name: meter for meter in chosen.meters} if chosen else {},
            unit_of=unit_of,
        )

    return routes
