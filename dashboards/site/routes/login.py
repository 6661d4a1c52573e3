"""Login and logout, and who is let in where."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from dashboards.site.access import LOCAL, PUBLIC, User, Users, UsersUnreadable, Visitor
from dashboards.site.attempts import Attempts, network
from dashboards.site.context import Context, check_csrf
from dashboards.site.routes.preferences import own_path

logger = logging.getLogger(__name__)

SESSION_S = 12 * 3600
HASHES_AT_ONCE = 2
"""Each takes 64 MiB and a processor."""
MOST_WAITING = 20


class LoginNeeded(Exception):
    """Nobody is logged in; a page sends to the login, the API answers 401."""


def admitted(context: Context, request: Request) -> Visitor | None:
    """Who asks: by a bearer token or by the session, None for nobody. Raises UsersUnreadable."""
    users = context.services.users
    if users is None:
        return LOCAL
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret:
        return users.bearer(secret.strip())
    session = request.session
    user = users.user(str(session.get("user", "")))
    if user is None or session.get("proof") != _proof(user):
        return None
    if "id" not in session or session["id"] in context.services.ended:
        return None
    if time.time() - float(session.get("at", 0)) > SESSION_S:
        return None
    return user.visitor()


def _proof(user: User) -> str:
    """Changes with the password, which so ends all sessions of its user."""
    return hashlib.sha256(user.password.encode()).hexdigest()[:16]


class Admit:
    """Dependency of all guarded routes: sets `request.state.visitor`. public: lets in who has no login.

    It blocks for microseconds only, so it takes no thread.
    """

    def __init__(self, context: Context, public: bool = False) -> None:
        self._context = context
        self._public = public and context.services.public

    async def __call__(self, request: Request) -> None:
        try:
            visitor = admitted(self._context, request)
        except UsersUnreadable:
            if not self._public:
                raise
            visitor = None
        if visitor is None:
            if not self._public:
                raise LoginNeeded
            visitor = PUBLIC
        request.state.visitor = visitor


def answer_login_needed(context: Context, request: Request) -> RedirectResponse:
    """To the login, or to the announcements for a visitor of the public front page."""
    path = request.url.path
    if path == "/" and context.services.public:
        return RedirectResponse("/announcements", 303)
    here = path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse("/login" + (f"?next={quote(here)}" if request.method == "GET" else ""), 303)


def address_of(request: Request) -> str:
    """What counts as the visitor's address; that of a proxy unless `[web] proxies` names it."""
    return network(request.client.host) if request.client else ""


def router(context: Context) -> APIRouter:
    """Routes of `/login` and `/logout`."""
    routes = APIRouter()
    attempts = Attempts()
    hashing = ThreadPoolExecutor(HASHES_AT_ONCE, thread_name_prefix="site login")
    waiting = 0

    def users() -> Users:
        if context.services.users is None:
            raise HTTPException(404, "no_logins")
        return context.services.users

    def form(
        request: Request, next: str, problem: str = "", status: int = 200, retry_s: float = 0.0
    ) -> HTMLResponse:
        response = context.page(request, "login.html", status, next=own_path(next), problem=problem)
        if retry_s > 0:
            response.headers["Retry-After"] = str(int(retry_s) + 1)
        return response

    async def checked(name: str, password: str) -> User | None:
        nonlocal waiting
        waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(hashing, users().check, name, password)
        finally:
            waiting -= 1

    @routes.get("/login", response_class=HTMLResponse)
    def login_form(request: Request, next: str = "/") -> HTMLResponse:
        users()
        return form(request, next)

    @routes.post("/login", response_model=None)
    async def login(
        request: Request,
        csrf: Annotated[str, Form(max_length=200)],
        name: Annotated[str, Form(max_length=64)],
        password: Annotated[str, Form(max_length=256)],
        next: Annotated[str, Form(max_length=2000)] = "/",
    ) -> HTMLResponse | RedirectResponse:
        users()
        check_csrf(request, csrf)
        address = address_of(request)
        if waiting >= MOST_WAITING:
            return await run_in_threadpool(form, request, next, "login.busy", 503, 5.0)
        turn = attempts.begin(name, address)
        if turn.refused_s > 0:
            return await run_in_threadpool(form, request, next, "login.too_many", 429, turn.refused_s)
        await asyncio.sleep(turn.delay_s)
        user = await checked(name, password)
        if user is None:
            logger.warning("login of %r from %s failed", name, address)
            if turn.left == 0:
                logger.warning("no more logins of %r from %s for now: too many failed", name, address)
            return await run_in_threadpool(form, request, next, "login.wrong", 401)
        attempts.succeeded(name, address)
        logger.info("login of %r from %s", name, address)
        end_session(request)
        request.session.update(
            user=user.name, proof=_proof(user), at=int(time.time()), id=secrets.token_urlsafe(16)
        )
        return RedirectResponse(own_path(next), 303)

    def end_session(request: Request) -> None:
        session = request.session
        if "id" in session:
            context.services.ended.end(str(session["id"]), float(session["at"]) + SESSION_S)
        session.clear()

    @routes.post("/logout")
    def logout(request: Request, csrf: Annotated[str, Form(max_length=200)]) -> RedirectResponse:
        check_csrf(request, csrf)
        name = request.session.get("user")
        end_session(request)
        if name:
            logger.info("logout of %r from %s", name, address_of(request))
        return RedirectResponse("/login", 303)

    return routes
