"""What boards ask of InfluxDB: their variables chosen, the town seeded, every answer."""

from __future__ import annotations

import json
import re
from typing import Any

import seed
from servers import InfluxDB

from collector.influx_http import InfluxHttp
from collector.influx_init import prepare
from collector.influx_store import InfluxStore
from collector.settings import InfluxSettings
from dashboards.boards.influx import ENERGY, SAMPLES

DATABASES = {ENERGY: "boards_energy", SAMPLES: "boards_samples"}
START = seed.ms(seed.FIRST)
CHOSEN = {
    "${building}": seed.BUILDING,
    "${region:regex}": "(3301|3305)",
    "${type:regex}": "(A|C)",
    "${scheme:regex}": ".*",
    "${one_scheme}": "budget",
    "${one_basis}": "energy_kwh",
    "${basis}": "energy_kwh",
    "${span:raw}": "[0-9]{4}",
    "${site:regex}": ".*",
    "$__interval": "10m",
    "$timeFilter": f"time >= {START}ms AND time < {START + seed.DAYS * 86_400_000}ms",
}


def substituted(query: str) -> str:
    for name, value in CHOSEN.items():
        query = query.replace(name, value)
    assert "$" not in re.sub(r"/\^[^/]*\$/", "", query), f"a variable is left: {query}"
    return query


def seeded(server: InfluxDB) -> InfluxDB:
    """The server with the town in it; again is no different."""
    settings = InfluxSettings(
        kind="influxdb",
        url=server.url,
        bucket_raw=DATABASES[SAMPLES],
        bucket_energy=DATABASES[ENERGY],
        raw_retention_days=36_500,
    )
    prepare(settings)
    store, http = InfluxStore(settings), InfluxHttp(settings)
    http.write(settings.bucket_energy, seed.fill(store).encode())
    http.close()
    store.close()
    return server


def ask(server: InfluxDB, query: str, uid: str) -> list[dict[str, Any]]:
    answer = json.loads(server.query(query, DATABASES[uid]))["results"][0]
    assert "error" not in answer, f"{answer.get('error')}: {query}"
    return answer.get("series", [])


def answers(server: InfluxDB, panel: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The series that each target of a panel gets."""
    return [
        ask(server, substituted(target["query"]), target["datasource"]["uid"])
        for target in panel.get("targets", [])
    ]
