"""The read API, version 1: the same figures as the pages, for programs."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from dashboards.site.context import Context


def router(context: Context) -> APIRouter:
    """Routes below `/api/v1`, and `/healthz`."""
    routes = APIRouter()

    @routes.get("/healthz", response_class=PlainTextResponse)
    def healthz() -> str:
        context.services.store.edges()
        return "ok"

    return routes
