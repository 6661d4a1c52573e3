"""Alerts, the edge fleet, commissioning, and the visitor's own choices of language and theme."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from dashboards.site.context import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, Context
from dashboards.site.language import CODES
from dashboards.site.views.machines import unit_of

YEAR_S = 365 * 86_400


def router(context: Context) -> APIRouter:
    """Routes of `/alerts`, `/edges`, `/commissioning`, `/language/…`, `/theme/…`."""
    routes = APIRouter()

    @routes.get("/alerts", response_class=HTMLResponse)
    def alerts(request: Request) -> HTMLResponse:
        return context.page(request, "alerts.html", alerts=context.alerts())

    @routes.get("/edges", response_class=HTMLResponse)
    def edges(request: Request) -> HTMLResponse:
        fleet = context.edges()
        return context.page(request, "edges.html", edges=fleet, online=sum(edge.online for edge in fleet))

    @routes.get("/commissioning", response_class=HTMLResponse)
    def commissioning(request: Request, building: Annotated[str, Query(max_length=10)] = "") -> HTMLResponse:
        registry = context.services.registry.buildings
        latest = context.portfolio.latest()
        choices = [registry[id_] for id_ in sorted(latest) if id_ in registry]
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

    @routes.get("/language/{code}")
    def language(code: str, next: str = "/") -> RedirectResponse:
        if code not in CODES:
            raise HTTPException(404, "page")
        return _remember(LANGUAGE_COOKIE, code, next)

    @routes.get("/theme/{name}")
    def theme(name: str, next: str = "/") -> RedirectResponse:
        if name not in THEMES:
            raise HTTPException(404, "page")
        return _remember(THEME_COOKIE, name, next)

    return routes


def own_path(path: str) -> str:
    """The path if it stays on this site, else `/`: nobody is sent elsewhere by a crafted link."""
    if not path.startswith("/") or path.startswith(("//", "/\\")) or any(c in path for c in "\r\n\\"):
        return "/"
    return path


def _remember(cookie: str, value: str, path: str) -> RedirectResponse:
    response = RedirectResponse(own_path(path), 303)
    response.set_cookie(cookie, value, max_age=YEAR_S, samesite="lax", httponly=True)
    return response
