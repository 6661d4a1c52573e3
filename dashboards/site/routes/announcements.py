"""Published announcements: the list, one of them, its files."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from dashboards.site.context import Context


def router(context: Context) -> APIRouter:
    """Routes below `/announcements`."""
    routes = APIRouter()

    @routes.get("/announcements", response_class=HTMLResponse)
    def announcements(request: Request) -> HTMLResponse:
        return context.page(request, "announcements.html", entries=[])

    return routes
