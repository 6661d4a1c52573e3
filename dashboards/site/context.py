"""What every page starts from: the services, the shared answers, the visitor's language and theme."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from collector.registry import Building
from dashboards.site import svg
from dashboards.site.cache import Cache
from dashboards.site.language import Language, choose
from dashboards.site.services import AlertRow, SiteServices
from dashboards.site.views.building import BuildingView
from dashboards.site.views.fleet import EdgeNow, edges_now
from dashboards.site.views.portfolio import Portfolio

HERE = Path(__file__).parent
STATIC = HERE / "static"
THEMES = ("auto", "light", "dark")
LANGUAGE_COOKIE = "beacon_language"
THEME_COOKIE = "beacon_theme"


@dataclass(frozen=True, slots=True)
class Asset:
    """Static files with their content's hash in the address, so that browsers may keep them for ever."""

    hashes: dict[str, str]

    @classmethod
    def scan(cls) -> Asset:
        files = (path for path in STATIC.rglob("*") if path.is_file())
        return cls(
            {str(p.relative_to(STATIC)): hashlib.sha256(p.read_bytes()).hexdigest()[:10] for p in files}
        )

    def __call__(self, name: str) -> str:
        return f"/static/{name}?v={self.hashes[name]}"


class Context:
    """One for the whole application."""

    def __init__(self, services: SiteServices) -> None:
        self.services = services
        self.cache = Cache()
        self.portfolio = Portfolio(services, self.cache)
        self.asset = Asset.scan()
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(svg=svg, asset=self.asset)

    def building(self, building_id: str) -> Building:
        """Raises 404 for a building that the registry does not know."""
        building = self.services.registry.buildings.get(building_id)
        if building is None:
            raise HTTPException(404, "building")
        return building

    def view(self, building_id: str) -> BuildingView:
        return BuildingView(self.services, self.cache, self.building(building_id))

    def today(self) -> date:
        return self.portfolio.today()

    def alerts(self) -> list[AlertRow]:
        """Alerts that are not resolved, worst and newest first."""
        book = self.services.alerts
        if book is None:
            return []
        return self.cache.get("alerts", 2.0, lambda: _sorted_alerts(list(book.alerts())))

    def edges(self) -> list[EdgeNow]:
        now = self.services.clock()
        return edges_now(self.cache.get("edges", 2.0, self.services.store.edges), now)

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Render a template in the visitor's language."""
        language = language_of(request)
        theme = request.cookies.get(THEME_COOKIE, "auto")
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        html = self._environment.get_template(template).render(
            lang=language,
            t=language.t,
            theme=theme if theme in THEMES else "auto",
            here=here,
            path=request.url.path,
            now=self.services.clock(),
            registry=self.services.registry,
            open_alerts=sum(alert.state == "open" for alert in self.alerts()),
            with_query=lambda **changes: with_query(request, changes),
            **values,
        )
        return HTMLResponse(
            html, status, headers={"Vary": "Accept-Language, Cookie", "Cache-Control": "private, no-cache"}
        )


def language_of(request: Request) -> Language:
    return Language(choose(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language", "")))


def with_query(request: Request, changes: dict[str, object]) -> str:
    """This page's address with some query parameters changed; an empty value removes one."""
    query = {**dict(request.query_params), **{key: str(value) for key, value in changes.items()}}
    query = {key: value for key, value in query.items() if value}
    return request.url.path + (f"?{urlencode(query)}" if query else "")


SEVERITIES = {"critical": 3, "error": 3, "warning": 2, "watch": 1, "info": 0}


def _sorted_alerts(alerts: list[AlertRow]) -> list[AlertRow]:
    return sorted(alerts, key=lambda alert: (-SEVERITIES.get(str(alert.severity), 1), -alert.since))
