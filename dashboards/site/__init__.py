"""The built-in site: server-rendered pages and a read API over the store, the registry and the alerts."""

from __future__ import annotations

from dashboards.site.access import Users
from dashboards.site.app import create_app
from dashboards.site.services import SiteServices

__all__ = ["SiteServices", "Users", "create_app"]
