"""What every page starts from: the services, the shared answers, the visitor's language and theme."""

from __future__ import annotations

import hashlib
import hmac
import secrets
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
from dashboards.site.access import PUBLIC, Visitor
from dashboards.site.cache import Cache
from dashboards.site.language import CODES, Language, choose
from dashboards.site.services import SiteServices
from dashboards.site.views import alerted
from dashboards.site.views.building import BuildingView
from dashboards.site.views.dual import DualControl
from dashboards.site.views.fleet import EdgeNow, edges_now, narrowed, reported
from dashboards.site.views.portfolio import Portfolio
from rules.alerts import Alert, AlertBook, AlertState

HERE = Path(__file__).parent
STATIC = HERE / "static"
THEMES = ("auto", "light", "dark")
LANGUAGE_COOKIE = "beacon_language"
THEME_COOKIE = "beacon_theme"
PAGE_HEADERS = {"Vary": "Accept-Language, Cookie", "Cache-Control": "private, no-cache"}
SEVERITIES = ("critical", "warning", "info")
MOST_RESOLVED = 2000
ROOM = "<!--room-->"
"""Where a page leaves room for what takes longer to read than a visitor waits: it is sent after the rest."""


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
        self.dual = DualControl(services, self.cache)
        self.asset = Asset.scan()
        self._behind: dict[str, list[Building]] = {}
        for building in services.registry.buildings.values():
            for edge in building.edges:
                self._behind.setdefault(edge, []).append(building)
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        registry, schemes = services.registry, services.schemes
        self._environment.globals.update(
            svg=svg,
            asset=self.asset,
            alert_title=lambda language, alert: alerted.title(language, alert, registry, schemes),
            alert_step=lambda language, alert, event: alerted.step(language, alert, event, services.watched),
            alert_unit=lambda language, alert: language.unit(alerted.unit(alert, services.watched)),
        )

    def building(self, request: Request, building_id: str) -> Building:
        """Raises 404 for a building that the registry does not know, or that the visitor must not see."""
        building = self.services.registry.buildings.get(building_id)
        if building is None or not visitor_of(request).sees(building_id):
            raise HTTPException(404, "building")
        return building

    def view(self, building: Building) -> BuildingView:
        return BuildingView(self.services, self.cache, building)

    def today(self) -> date:
        return self.portfolio.today()

    def alerts(self, visitor: Visitor) -> list[Alert]:
        """Alerts that are not resolved and that no other explains, the most severe and newest first."""
        book = self.services.alerts
        alerts = self.cache.get("alerts", 2.0, lambda: active_alerts(book)) if book else []
        return [alert for alert in alerts if visitor.sees(alert.building)]

    def resolved_alerts(self, visitor: Visitor) -> list[Alert]:
        """The newest resolved alerts, the last opened first."""
        book = self.services.alerts
        if book is None:
            return []
        alerts = self.cache.get(
            "resolved", 5.0, lambda: book.list(AlertState.RESOLVED, explained=False, limit=MOST_RESOLVED)
        )
        return [alert for alert in alerts if visitor.sees(alert.building)]

    def edges(self, visitor: Visitor) -> list[EdgeNow]:
        """The edges that publish for a building the visitor sees; all of them for one who sees everything.

        Of an edge that publishes for other buildings too, their devices are counted and not named.
        """
        store = self.services.store
        fleet = edges_now(
            self.cache.get("edges", 2.0, lambda: reported(store.edges()), keep_s=30.0), self.services.clock()
        )
        if visitor.everything:
            return fleet
        found = []
        for edge in fleet:
            behind = self.behind(f"{edge.site}/{edge.edge}")
            own = [building for building in behind if visitor.sees(building.id)]
            if own:
                others = [building for building in behind if not visitor.sees(building.id)]
                found.append(narrowed(edge, own, others) if others else edge)
        return found

    def behind(self, edge: str) -> list[Building]:
        """The buildings that an edge, `site/edge`, publishes for."""
        return self._behind.get(edge, [])

    def forget_alerts(self) -> None:
        """After somebody acted, so that the next page shows it."""
        self.cache.forget("alerts")
        self.cache.forget("resolved")

    def prepare(self) -> None:
        """Compile every template and read every message, which takes longer than any page may."""
        for name in self._environment.list_templates():
            self._environment.get_template(name)
        for code in CODES:
            Language(code).quantity("")

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Answer with a template in the visitor's language."""
        return HTMLResponse(self.html(request, template, **values), status, headers=PAGE_HEADERS)

    def html(self, request: Request, template: str, **values: Any) -> str:
        """Render a template in the visitor's language."""
        language, visitor = language_of(request), visitor_of(request)
        theme = request.cookies.get(THEME_COOKIE, "auto")
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return self._environment.get_template(template).render(
            lang=language,
            t=language.t,
            theme=theme if theme in THEMES else "auto",
            here=here,
            path=request.url.path,
            now=self.services.clock(),
            registry=self.services.registry,
            visitor=visitor,
            public=self.services.public,
            has_users=self.services.users is not None,
            csrf=lambda: csrf_token(request),
            open_alerts=sum(alert.state == AlertState.OPEN for alert in self.alerts(visitor)),
            with_query=lambda **changes: with_query(request, changes),
            **values,
        )

    def fragment(self, template: str, language: Language, **values: Any) -> str:
        """Part of a page, rendered by itself."""
        return self._environment.get_template(template).render(lang=language, t=language.t, **values)


def visitor_of(request: Request) -> Visitor:
    """Who asks; a page outside the guarded routes, such as an error, is shown as to the public."""
    visitor: Visitor = getattr(request.state, "visitor", PUBLIC)
    return visitor


def csrf_token(request: Request) -> str:
    """The session's own secret, which every form must send back."""
    token: str = request.session.setdefault("csrf", secrets.token_urlsafe(24))
    return token


def check_csrf(request: Request, token: str) -> None:
    """Raises 403 when a form was not given out to this session."""
    if not hmac.compare_digest(str(request.session.get("csrf", "")).encode(), token.encode()) or not token:
        raise HTTPException(403, "form")


def language_of(request: Request) -> Language:
    return Language(choose(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language", "")))


def with_query(request: Request, changes: dict[str, object]) -> str:
    """This page's address with some query parameters changed; an empty value removes one."""
    query = {**dict(request.query_params), **{key: str(value) for key, value in changes.items()}}
    query = {key: value for key, value in query.items() if value}
    return request.url.path + (f"?{urlencode(query)}" if query else "")


def active_alerts(book: AlertBook) -> list[Alert]:
    """The most severe first, open ones before those somebody has taken on, then the newest."""
    return sorted(
        book.list("active", explained=False),
        key=lambda alert: (SEVERITIES.index(alert.severity), alert.state != AlertState.OPEN, -alert.since),
    )
