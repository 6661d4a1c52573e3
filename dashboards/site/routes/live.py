"""Server-sent events: every few seconds the texts that changed, by the name the page gave each.

One event is a JSON object `{"live": {name: text}, "point": {"t": s, "y": kW}, "page": state}`; the page's
script puts texts into place, and fetches the page again when its `page` changes. All pages of one kind share
one reading of the store.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from collector.registry import Building
from dashboards.site.access import LOCAL, UsersUnreadable, Visitor
from dashboards.site.context import Context, language_of, visitor_of
from dashboards.site.language import Language
from dashboards.site.regions import prefix
from dashboards.site.routes.login import address_of, admitted
from dashboards.site.views.machines import heat_pumps
from dashboards.site.views.power import power_now
from drivers.errors import StoreUnavailable

PERIOD_S = 2.0
LONGEST_S = 300.0
"""A stream ends after this; the browser opens the next by itself."""
MOST_STREAMS = 200
MOST_OF_VISITOR = 20
"""A browser opens six at once to one site, and closes that of a page nobody looks at."""
RETRY_S = 30

Event = dict[str, Any]


class Places:
    """Who has streams open, and how many: a visitor's name, or an address where there are no users."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def take(self, who: str) -> None:
        """Raises HTTPException 429 if `who` has too many already, 503 if all together do."""
        headers = {"Retry-After": str(RETRY_S)}
        if self._taken[who] >= MOST_OF_VISITOR:
            raise HTTPException(429, "streams", headers)
        if self._taken.total() >= MOST_STREAMS:
            raise HTTPException(503, "streams", headers)
        self._taken[who] += 1

    def leave(self, who: str) -> None:
        self._taken[who] -= 1
        if not self._taken[who]:
            del self._taken[who]


class Stream(StreamingResponse):
    """Server-sent events; the place is left at the end, however it comes."""

    def __init__(self, events: AsyncIterator[bytes], leave: Callable[[], None]) -> None:
        super().__init__(
            events,
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()


def router(context: Context) -> APIRouter:
    """Routes below `/live/`."""
    routes = APIRouter()
    places = Places()

    def still_admitted(request: Request) -> bool:
        try:
            return admitted(context, request) == visitor_of(request)
        except UsersUnreadable:
            return False

    async def events(request: Request, read: Callable[[], Event]) -> AsyncIterator[bytes]:
        yield b"retry: 3000\n\n"
        before: dict[str, str] = {}
        page: object = None
        for _ in range(int(LONGEST_S / PERIOD_S)):
            if not still_admitted(request):
                return
            try:
                event = await run_in_threadpool(read)
            except StoreUnavailable:
                yield b": the store does not answer\n\n"
            else:
                live = event["live"]
                changed = {name: text for name, text in live.items() if before.get(name) != text}
                before = live
                if changed or event.get("point") or event.get("page") != page:
                    page = event.get("page")
                    yield b"data: " + orjson.dumps({**event, "live": changed}) + b"\n\n"
                else:
                    yield b": nothing new\n\n"
            await asyncio.sleep(PERIOD_S)

    def stream(request: Request, read: Callable[[], Event]) -> Stream:
        visitor = visitor_of(request)
        who = address_of(request) if visitor is LOCAL else f"{visitor.role} {visitor.name}"
        places.take(who)
        return Stream(events(request, read), lambda: places.leave(who))

    @routes.get("/live/portfolio")
    async def portfolio(
        request: Request,
        region: Annotated[str, Query(pattern=r"^(\d{6})?$")] = "",
        shown: Annotated[str, Query(max_length=1000, pattern=r"^[0-9A-H,]*$")] = "",
    ) -> Stream:
        """shown: ids of the buildings on the page; the others count in the sums only."""
        listed = set(shown.split(","))
        language, visitor = language_of(request), visitor_of(request)

        def read() -> Event:
            lines = [
                line
                for line in context.portfolio.lines(visitor)
                if line.building.id.startswith(prefix(region))
            ]
            live = {
                f"kw/{line.building.id}": language.number(line.power_kw)
                for line in lines
                if line.building.id in listed
            }
            live["power"] = language.number(sum(line.power_kw or 0.0 for line in lines), 0)
            live["alerts"] = str(
                sum(
                    alert.state == "open" and alert.building.startswith(prefix(region))
                    for alert in context.alerts(visitor)
                )
            )
            return {"live": live}

        return stream(request, read)

    @routes.get("/live/buildings/{building_id}")
    async def building(request: Request, building_id: str) -> Stream:
        known, language = context.building(request, building_id), language_of(request)
        return stream(request, lambda: _building_event(context, language, known))

    @routes.get("/live/alerts")
    async def alerts(request: Request) -> Stream:
        visitor = visitor_of(request)

        def read() -> Event:
            shown = context.alerts(visitor)
            return {"live": {}, "page": str(hash(tuple((a.id, a.state, a.severity) for a in shown)))}

        return stream(request, read)

    @routes.get("/live/edges")
    async def edges(request: Request) -> Stream:
        language, visitor = language_of(request), visitor_of(request)
        return stream(request, lambda: _edges_event(context, visitor, language))

    return routes


def _building_event(context: Context, language: Language, building: Building) -> Event:
    now = context.services.clock()
    latest = context.view(building).latest()
    power = power_now(building, latest, now)
    live = {"power": language.number(power)}
    for device, sample in latest.items():
        live[f"at/{device}"] = language.recent(sample.at, now, building.time_zone)
        for name, value in sample.values.items():
            live[f"value/{device}/{name}"] = language.reading(name, value)
    for pump in heat_pumps(building, latest, now):
        key = f"pump/{pump.device}"
        live[f"{key}/cop"] = language.number(pump.cop, 2)
        for name, number in (
            ("thermal", pump.thermal_kw),
            ("electric", pump.electric_kw),
            ("flow", pump.flow_degc),
            ("return", pump.return_degc),
            ("outdoor", pump.outdoor_degc),
        ):
            live[f"{key}/{name}"] = language.number(number, 1)
        state = "unknown" if pump.running is None else "running" if pump.running else "standing"
        live[f"{key}/state"] = language.t(f"pump.{state}")
    event: Event = {"live": live}
    if power is not None:
        event["point"] = {"t": max(sample.at for sample in latest.values()) // 1000, "y": round(power, 2)}
    return event


def _edges_event(context: Context, visitor: Visitor, language: Language) -> Event:
    live = {}
    for edge in context.edges(visitor):
        key = f"edge/{edge.site}/{edge.edge}"
        live[f"{key}/state"] = language.t("edge.online" if edge.online else "edge.offline")
        live[f"{key}/spool"] = language.number(edge.status.spool_batches, 0)
        age = edge.oldest_age_s
        live[f"{key}/oldest"] = language.duration(age) if age is not None else language.t("edge.empty")
        live[f"{key}/polls"] = language.percent(edge.status.poll_success, 1)
        live[f"{key}/reported"] = language.recent(edge.received_at, context.services.clock())
    return {"live": live}
