"""The application: middleware, routes, errors in the visitor's language."""

from __future__ import annotations

import asyncio
import gc
import logging
import secrets
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.types import Scope

from dashboards.site import faults
from dashboards.site.access import LOCAL, PUBLIC, UsersUnreadable
from dashboards.site.context import STATIC, Context, language_of
from dashboards.site.guard import Guard
from dashboards.site.routes import (
    alerts,
    announcements,
    api,
    buildings,
    explain,
    health,
    heat_pumps,
    live,
    login,
    operations,
    portfolio,
    preferences,
)
from dashboards.site.routes.answers import words
from dashboards.site.services import SiteServices
from dashboards.site.views.overview import overview
from dashboards.site.views.portfolio import KEEP_LINES_S
from drivers.errors import BeaconError, StoreUnavailable

logger = logging.getLogger(__name__)

SWITCH_S = 0.001
"""A thread that computes gives way after this, and not after Python's 5 ms.

A request changes threads several times, and an SQLite cursor at every row. While the rules judge in this
process, which was measured as one thread that always computes, the median of 60 requests fell from 21–26
to 9–13 ms (login) and from 41–88 to 27–38 ms (all buildings); with nothing else to do it stays the same.
"""

GC_THRESHOLDS = (10_000, 20, 20)
"""Seldom through everything: a search of all that 1,000 buildings keep anew stops every thread for 25 ms."""

FAULTS = {
    "building", "region", "period", "heat_pump", "device", "announcement", "alert", "streams", "form",
    "forbidden", "no_logins",
}  # fmt: skip
"""Details of an HTTPException that name a message of their own."""


class HashedFiles(StaticFiles):
    """Static files that browsers may keep: a changed file has another address."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200 and b"v=" in scope["query_string"]:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def create_app(services: SiteServices) -> FastAPI:
    """The site as an ASGI application. Handlers block and so run in threads; the store is not closed here."""
    context = Context(services)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        context.prepare()
        app.openapi()
        thresholds, switch_s = gc.get_threshold(), sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_S)
        stop, loop = threading.Event(), asyncio.get_running_loop()

        def begun() -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(lambda: None if stop.is_set() else _settle())

        threading.Thread(
            target=_keep_warm, args=(context, stop, begun), name="site keeper", daemon=True
        ).start()
        yield
        stop.set()
        gc.unfreeze()
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(switch_s)

    app = FastAPI(
        title="Beacon read API",
        description="\n\n".join(words(f"api.{part}") for part in ("about", "paging", "errors")),
        version=version("beacon"),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.context = context
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(
        SessionMiddleware,
        secret_key=services.secret or secrets.token_urlsafe(32),
        session_cookie="beacon_session",
        max_age=login.SESSION_S,
        same_site="lax",
        https_only=services.https,
    )
    app.add_middleware(Guard, hosts=services.hosts)
    app.mount("/static", HashedFiles(directory=STATIC), name="static")
    known, anybody = [Depends(login.Admit(context))], [Depends(login.Admit(context, public=True))]
    for module in (portfolio, buildings, explain, heat_pumps, alerts, operations, live):
        app.include_router(module.router(context), include_in_schema=False, dependencies=known)
    app.include_router(announcements.router(context), include_in_schema=False, dependencies=anybody)
    app.include_router(api.router(context), dependencies=known)
    app.include_router(health.figures(context), include_in_schema=False, dependencies=known)
    for open_routes in (health.life(context), login.router(context), preferences.router()):
        app.include_router(open_routes, include_in_schema=False)
    _answer_errors(app, context)
    return app


def _keep_warm(context: Context, stop: threading.Event, begun: Callable[[], None]) -> None:
    """Read what every visitor would wait for, at the start and again before it is too old to be shown.

    begun: called when it has been read for the first time.
    """
    first = True
    while True:
        try:
            overview(context.portfolio, context.cache, LOCAL, "")
            context.alerts(LOCAL)
            context.edges(LOCAL)
            context.dual.counties(context.today(), LOCAL, wait=True)
        except StoreUnavailable as error:
            logger.warning("site: the store does not answer: %s", error)
        if first:
            first = False
            begun()
        if stop.wait(KEEP_LINES_S / 3):
            return


def _settle() -> None:
    """Take what is there after the start out of the search for cycles, which stops every thread.

    With 1,000 buildings a search of everything took 50 to 170 ms; afterwards the longest took 12 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _is_machine(request: Request) -> bool:
    return request.url.path.startswith(("/api/", "/live/", "/healthz", "/metrics"))


def _know_visitor(request: Request, context: Context) -> None:
    """For an error before or outside the guarded routes, whose page has the menu of whoever asks."""
    if not hasattr(request.state, "visitor"):
        try:
            request.state.visitor = login.admitted(context, request) or PUBLIC
        except UsersUnreadable:
            request.state.visitor = PUBLIC


def _answer_errors(app: FastAPI, context: Context) -> None:
    def answer(request: Request, code: int, what: str, text: str = "") -> Response:
        language = language_of(request)
        title, text = language.t(f"error.{what}"), text or language.t(f"error.{what}_text")
        if _is_machine(request):
            return JSONResponse({"detail": text}, code)
        _know_visitor(request, context)
        try:
            return context.page(request, "error.html", code, code=code, title=title, text=text)
        except StoreUnavailable:
            return Response(text, code, media_type="text/plain; charset=utf-8")

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        what = (
            str(error.detail) if error.detail in FAULTS else "page" if error.status_code < 500 else "server"
        )
        response = answer(request, error.status_code, what)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(UsersUnreadable)
    def users_unreadable(request: Request, _: UsersUnreadable) -> Response:
        return answer(request, 503, "users")

    @app.exception_handler(login.LoginNeeded)
    def login_needed(request: Request, _: login.LoginNeeded) -> Response:
        if _is_machine(request):
            response = answer(request, 401, "login")
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        return login.answer_login_needed(context, request)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        if request.url.path.startswith("/api/"):
            problems = [f"{'.'.join(str(p) for p in e['loc'][1:])}: {e['msg']}" for e in error.errors()]
            return JSONResponse({"detail": problems}, 422)
        return answer(request, 422, "request", faults.said(language_of(request), error.errors()))

    @app.exception_handler(BeaconError)
    def fault(request: Request, error: BeaconError) -> Response:
        logger.error("site: %s: %s", request.url.path, error)
        return answer(request, 500, "server")

    @app.exception_handler(StoreUnavailable)
    def store(request: Request, error: StoreUnavailable) -> Response:
        logger.warning("site: %s: %s", request.url.path, error)
        return answer(request, 503, "store")
