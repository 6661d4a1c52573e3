"""Login and logout, and who is let in where."""

from __future__ import annotations

import hashlib
import time
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from dashboards.site.access import LOCAL, PUBLIC, Throttle, User, Visitor
from dashboards.site.context import Context, check_csrf
from dashboards.site.routes.preferences import own_path

SESSION_S = 12 * 3600


class LoginNeeded(Exception):
    """Nobody is logged in; a page sends to the login, the API answers 401."""


def admitted(context: Context, request: Request) -> Visitor | None:
    """Who asks: by a bearer token or by the session, None for nobody."""
    users = context.services.users
    if users is None:
        return LOCAL
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret:
        return users.bearer(secret.strip())
    user = users.user(str(request.session.get("user", "")))
    if user is None or request.session.get("proof") != _proof(user):
        return None
    if time.time() - float(request.session.get("at", 0)) > SESSION_S:
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
        visitor = admitted(self._context, request)
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


def router(context: Context) -> APIRouter:
    """Routes of `/login` and `/logout`."""
    routes = APIRouter()
    throttle = Throttle()

    def form(request: Request, next: str, problem: str = "", status: int = 200) -> HTMLResponse:
        return context.page(request, "login.html", status, next=own_path(next), problem=problem)

    @routes.get("/login", response_class=HTMLResponse)
    def login_form(request: Request, next: str = "/") -> HTMLResponse:
        if context.services.users is None:
            raise HTTPException(404, "page")
        return form(request, next)

    @routes.post("/login", response_model=None)
    def login(
        request: Request,
        csrf: Annotated[str, Form(max_length=200)],
        name: Annotated[str, Form(max_length=64)],
        password: Annotated[str, Form(max_length=256)],
        next: Annotated[str, Form(max_length=2000)] = "/",
    ) -> HTMLResponse | RedirectResponse:
        users = context.services.users
        if users is None:
            raise HTTPException(404, "page")
        check_csrf(request, csrf)
        keys = (f"address {request.client.host if request.client else ''}", f"name {name}")
        wait = throttle.wait_s(*keys)
        if wait > 0:
            response = form(request, next, "login.too_many", 429)
            response.headers["Retry-After"] = str(int(wait) + 1)
            return response
        user = users.check(name, password)
        if user is None:
            throttle.failed(*keys)
            return form(request, next, "login.wrong", 401)
        throttle.succeeded(*keys)
        request.session.clear()
        request.session.update(user=user.name, proof=_proof(user), at=int(time.time()))
        return RedirectResponse(own_path(next), 303)

    @routes.post("/logout")
    def logout(request: Request, csrf: Annotated[str, Form(max_length=200)]) -> RedirectResponse:
        check_csrf(request, csrf)
        request.session.clear()
        return RedirectResponse("/login", 303)

    return routes
