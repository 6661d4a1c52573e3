"""Alerts: the list, one with its history, and what people do with it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from dashboards.site.context import SEVERITIES, Context, check_csrf, visitor_of
from dashboards.site.regions import prefix
from dashboards.site.views.alerted import quota_of
from dashboards.site.views.explained import scheme_name
from rules.alerts import Alert, AlertBook, NoSuchAlert

HOUR_MS = 3_600_000
SNOOZE_HOURS = (1, 4, 24, 72)
PAGE_SIZE = 50

Number = Annotated[int, Path(ge=1, le=2**53)]


def router(context: Context) -> APIRouter:
    """Routes below `/alerts`."""
    routes = APIRouter()

    def find(request: Request, number: int) -> tuple[AlertBook, Alert]:
        book = context.services.alerts
        if book is None:
            raise HTTPException(404, "alert")
        try:
            alert = book.get(number)
        except NoSuchAlert as error:
            raise HTTPException(404, "alert") from error
        if not visitor_of(request).sees(alert.building):
            raise HTTPException(404, "alert")
        return book, alert

    @routes.get("/alerts", response_class=HTMLResponse)
    def alerts(
        request: Request,
        state: Literal["", "resolved"] = "",
        severity: Literal["", "critical", "warning", "info"] = "",
        region: Annotated[str, Query(pattern=r"^(\d{6})?$")] = "",
        page: Annotated[int, Query(ge=1, le=1000)] = 1,
    ) -> HTMLResponse:
        visitor = visitor_of(request)
        found = context.resolved_alerts(visitor) if state else context.alerts(visitor)
        found = [
            alert
            for alert in found
            if severity in ("", alert.severity) and alert.building.startswith(prefix(region))
        ]
        pages = max(1, -(-len(found) // PAGE_SIZE))
        page = min(page, pages)
        return context.page(
            request,
            "alerts.html",
            alerts=found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
            total=len(found),
            state=state,
            severity=severity,
            region=region,
            severities=SEVERITIES,
            page=page,
            pages=pages,
        )

    @routes.get("/alerts/{number}", response_class=HTMLResponse)
    def alert_page(request: Request, number: Number) -> HTMLResponse:
        book, alert = find(request, number)
        return context.page(
            request,
            "alert.html",
            alert=alert,
            quota=quota_of(alert),
            schemes=context.services.schemes,
            scheme_name=scheme_name,
            history=book.history(number),
            may_act=visitor_of(request).may_act(alert) and alert.state != "resolved",
            snooze_hours=SNOOZE_HOURS,
        )

    @routes.post("/alerts/{number}/{action}")
    def act(
        request: Request,
        number: Number,
        action: Literal["acknowledge", "snooze", "resolve"],
        csrf: Annotated[str, Form(max_length=200)],
        note: Annotated[str, Form(max_length=500)] = "",
        hours: Annotated[int, Form(ge=1, le=24 * 30)] = 4,
    ) -> RedirectResponse:
        check_csrf(request, csrf)
        book, alert = find(request, number)
        visitor, now = visitor_of(request), context.services.clock()
        if not visitor.may_act(alert):
            raise HTTPException(403, "forbidden")
        if action == "acknowledge":
            book.acknowledge(number, visitor.name, note.strip(), at=now)
        elif action == "snooze":
            book.snooze(number, now + hours * HOUR_MS, visitor.name, note.strip(), at=now)
        else:
            book.resolve(number, visitor.name, note.strip(), at=now)
        context.forget_alerts()
        return RedirectResponse(f"/alerts/{number}", 303)

    return routes
