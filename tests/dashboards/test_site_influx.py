"""The site on InfluxDB says what it says on SQLite: every page and every answer of the read API."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from servers import InfluxDB
from site_world import HOSPITAL, HOTEL, LIBRARY, NOW, OFFICE, services

from collector import influx_init
from collector.influx_store import InfluxStore
from collector.settings import InfluxSettings
from dashboards.site import create_app
from dashboards.site.access import LOCAL

HOUR_MS = 3_600_000
SERIES = (
    f"/api/v1/buildings/{OFFICE}/series?device=pump&quantity=thermal_power&start={NOW - HOUR_MS}&end={NOW}"
)
PATHS = [
    "/", "/?sort=eui&type=hotel", "/regions/330100", f"/buildings/{OFFICE}",
    f"/buildings/{OFFICE}?span=month", f"/buildings/{HOSPITAL}?span=week",
    f"/buildings/{HOTEL}", f"/buildings/{LIBRARY}",
    f"/buildings/{OFFICE}/explain", f"/buildings/{OFFICE}/devices/main",
    f"/buildings/{OFFICE}/devices/pump?quantity=supply_temperature", f"/buildings/{OFFICE}/heat-pumps",
    "/heat-pumps", "/edges", f"/commissioning?building={OFFICE}", "/alerts", "/metrics",
    "/api/v1/buildings", "/api/v1/buildings?format=csv", f"/api/v1/buildings/{OFFICE}",
    f"/api/v1/buildings/{OFFICE}/devices", SERIES, f"{SERIES}&step_s=0", f"{SERIES}&step_s=3600",
    "/api/v1/energy?first=2026-10-01&last=2026-11-20&carrier=&item=",
    "/api/v1/energy?first=2026-10-01&last=2026-11-20&offset=95&limit=10",
    "/api/v1/energy?first=2026-10-01&last=2026-11-20&carrier=&item=&format=csv",
    "/api/v1/energy?first=2026-09-15&last=2026-11-20&carrier=&item=&by=month",
    "/api/v1/judgements?period=2026", "/api/v1/edges",
]  # fmt: skip


@pytest.fixture(scope="module")
def both(influxdb: InfluxDB, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[TestClient]]:
    """The same site twice: over SQLite and over InfluxDB."""
    number = os.getpid()
    settings = InfluxSettings(
        kind="influxdb", url=influxdb.url, raw_retention_days=36_500,
        bucket_raw=f"site_raw_{number}", bucket_energy=f"site_energy_{number}",
    )  # fmt: skip
    influx_init.prepare(settings)
    path: Path = tmp_path_factory.mktemp("site")
    worlds = [services(path), services(path, InfluxStore(settings, clock=lambda: NOW))]
    with ExitStack() as stack:
        clients = []
        for world in worlds:
            stack.callback(world.store.close)
            app = create_app(world)
            app.state.context.dual.counties(app.state.context.today(), LOCAL, wait=True)
            clients.append(stack.enter_context(TestClient(app)))
        yield clients


@pytest.mark.server
@pytest.mark.parametrize("path", PATHS)
def test_a_page_says_the_same_on_both_stores(both: list[TestClient], path: str) -> None:
    sqlite, influx = (client.get(path, headers={"Accept-Language": "zh"}) for client in both)
    assert (sqlite.status_code, influx.status_code) == (200, 200)
    assert _rounded(sqlite.text) == _rounded(influx.text)


def _rounded(text: str) -> str:
    """The stores add in different orders, so the last digits of a sum may differ."""
    text = re.sub(r'name="csrf" value="[^"]*"', "", text)
    return re.sub(r"\d+\.\d+", lambda found: f"{float(found[0]):.9g}", text)
