"""Every panel's query of every board runs on a real InfluxDB with the town's data and returns rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import asked
import pytest
import seed
import town
from asked import ask, substituted
from servers import InfluxDB

from dashboards.boards.catalogue import all_boards
from dashboards.boards.influx import ENERGY


def targets() -> Iterator[Any]:
    for uid, board in all_boards().items():
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                yield pytest.param(target, id=f"{uid}-{panel['id']}-{target['refId']}")


@pytest.fixture(scope="module")
def seeded(influxdb: InfluxDB) -> InfluxDB:
    return asked.seeded(influxdb)


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
        if variable["type"] == "custom":
            assert all(" : " in option for option in variable["query"].split(", ")), variable["query"]
            continue
        series = ask(seeded, substituted(variable["query"]), variable["datasource"]["uid"])
        found = [row[1] for each in series for row in each["values"]]
        assert found, variable["name"]
        if variable.get("regex"):
            pattern = re.compile(variable["regex"].strip("/").replace("?<", "?P<"))
            assert all(pattern.match(value) for value in found), found


@pytest.mark.server
def test_the_total_of_a_panel_is_the_sum_of_what_was_stored(seeded: InfluxDB) -> None:
    board = all_boards()["beacon-building-en"]
    panel = next(each for each in board["panels"] if each["title"] == "Electricity")
    series = ask(seeded, substituted(panel["targets"][0]["query"]), ENERGY)
    building = town.registry().buildings[seed.BUILDING]
    last = seed.FIRST.replace(day=seed.DAYS)
    expected = sum(row.energy for row in town.daily(building, seed.FIRST, last) if row.item == "total")
    assert series[0]["values"][0][1] == pytest.approx(expected)
