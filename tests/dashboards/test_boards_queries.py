"""Every panel's query of every board runs on a real InfluxDB with the town's data and returns rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import seed
import town
from servers import InfluxDB

from collector.influx_http import InfluxHttp
from collector.influx_init import prepare
from collector.influx_store import InfluxStore
from collector.settings import InfluxSettings
from dashboards.boards.catalogue import all_boards
from dashboards.boards.influx import ENERGY, SAMPLES

DATABASES = {ENERGY: "boards_energy", SAMPLES: "boards_samples"}
START = seed.ms(seed.FIRST)
CHOSEN = {
    "${building}": seed.BUILDING,
    "${region:regex}": "(3301|3305)",
    "${type:regex}": "(government_office|hotel)",
    "${site:regex}": ".*",
    "$__interval": "10m",
    "$timeFilter": f"time >= {START}ms AND time < {START + seed.DAYS * 86_400_000}ms",
}


def substituted(query: str) -> str:
    for name, value in CHOSEN.items():
        query = query.replace(name, value)
    assert "$" not in re.sub(r"/\^[^/]*\$/", "", query), f"a variable is left: {query}"
    return query


def targets() -> Iterator[Any]:
    for uid, board in all_boards().items():
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                yield pytest.param(target, id=f"{uid}-{panel['id']}-{target['refId']}")


@pytest.fixture(scope="module")
def seeded(influxdb: InfluxDB) -> InfluxDB:
    settings = InfluxSettings(
        kind="influxdb",
        url=influxdb.url,
        bucket_raw=DATABASES[SAMPLES],
        bucket_energy=DATABASES[ENERGY],
        raw_retention_days=36_500,
    )
    prepare(settings)
    store, http = InfluxStore(settings), InfluxHttp(settings)
    http.write(settings.bucket_energy, seed.fill(store).encode())
    http.close()
    store.close()
    return influxdb


def ask(server: InfluxDB, query: str, uid: str) -> list[dict[str, Any]]:
    answer = json.loads(server.query(query, DATABASES[uid]))["results"][0]
    assert "error" not in answer, f"{answer.get('error')}: {query}"
    return answer.get("series", [])


@pytest.mark.server
@pytest.mark.parametrize("target", list(targets()))
def test_panel_query_returns_rows(seeded: InfluxDB, target: dict[str, Any]) -> None:
    series = ask(seeded, substituted(target["query"]), target["datasource"]["uid"])
    values = [row[1:] for each in series for row in each["values"]]
    assert any(value is not None for row in values for value in row), target["query"]


@pytest.mark.server
@pytest.mark.parametrize("uid", sorted(all_boards()))
def test_variables_offer_choices_of_text_and_value(seeded: InfluxDB, uid: str) -> None:
    for variable in all_boards()[uid]["templating"].get("list", []):
        series = ask(seeded, substituted(variable["query"]), variable["datasource"]["uid"])
        found = [row[1] for each in series for row in each["values"]]
        assert found, variable["name"]
        if variable.get("regex"):
            pattern = re.compile(variable["regex"].strip("/").replace("?<", "?P<"))
            assert all(pattern.match(value) for value in found), found


@pytest.mark.server
def test_columns_that_a_table_shows_are_in_its_query(seeded: InfluxDB) -> None:
    for board in all_boards().values():
        for panel in board["panels"]:
            if panel["type"] != "table":
                continue
            have = {"Time"}
            for target in panel["targets"]:
                series = ask(seeded, substituted(target["query"]), target["datasource"]["uid"])
                have |= set(series[0]["columns"]) | set(series[0].get("tags", {}))
            made = {
                each["options"]["alias"]
                for each in panel["transformations"]
                if each["id"] == "calculateField"
            }
            shown = {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]}
            assert shown <= have | made, f"{board['uid']} {panel['title']}: {shown - have - made}"


@pytest.mark.server
def test_the_total_of_a_panel_is_the_sum_of_what_was_stored(seeded: InfluxDB) -> None:
    board = all_boards()["beacon-building-en"]
    panel = next(each for each in board["panels"] if each["title"] == "Electricity")
    series = ask(seeded, substituted(panel["targets"][0]["query"]), ENERGY)
    building = town.registry().buildings[seed.BUILDING]
    last = seed.FIRST.replace(day=seed.DAYS)
    expected = sum(row.energy for row in town.daily(building, seed.FIRST, last) if row.item == "total")
    assert series[0]["values"][0][1] == pytest.approx(expected)
