"""The visitor's own choices of language and theme, kept in cookies."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from fastapi.responses import RedirectResponse

from dashboards.site.context import LANGUAGE_COOKIE, THEME_COOKIE, THEMES
from dashboards.site.language import CODES

YEAR_S = 365 * 86_400


def router() -> APIRouter:
    """Routes of `/language/…` and `/theme/…`."""
    routes = APIRouter()

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
