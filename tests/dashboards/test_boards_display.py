"""Boards as people see them: data through Grafana's own transformations, overrides and units."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import asked
import pytest
import seed
from grafana_code import Shown, install, show
from servers import InfluxDB

from dashboards.boards import words
from dashboards.boards.catalogue import all_boards

BOARDS = all_boards()
VERSIONS = [("grafana-9", "browser"), ("grafana-9", "server"), ("grafana-13", "server")]
PALETTE = {words.BLUE, words.SKY, words.GREEN, words.YELLOW, words.ORANGE, words.RED, words.GREY}
NO_DATA = {"zh": words.EMPTY.zh, "en": words.EMPTY.en}
pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def asked_boards(influxdb: InfluxDB) -> dict[str, list[dict[str, Any]]]:
    server = asked.seeded(influxdb)
    return {
        uid: [{"panel": panel, "answers": asked.answers(server, panel)} for panel in board["panels"]]
        for uid, board in BOARDS.items()
    }


@pytest.fixture(scope="module")
def shown(asked_boards: dict[str, list[dict[str, Any]]]) -> dict[tuple[str, str], Shown]:
    install()
    return {version: show(*version, asked_boards) for version in VERSIONS}


@pytest.fixture(scope="module")
def newest(shown: dict[tuple[str, str], Shown]) -> Shown:
    return shown["grafana-13", "server"]


def panels(boards: Shown, *types: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Uid, panel as generated, panel as shown."""
    for uid, made in boards.items():
        for panel, seen in zip(BOARDS[uid]["panels"], made, strict=True):
            if panel["type"] in types:
                yield uid, panel, seen


def panel(boards: Shown, uid: str, title: str) -> dict[str, Any]:
    return next(each for each in boards[uid] if each["title"] == title)


def column(seen: dict[str, Any], name: str) -> dict[str, Any]:
    return next(field for field in seen["frames"][0] if field["name"] == name)


def texts(value: Any) -> Any:
    """What is read, without colours."""
    if isinstance(value, dict):
        return {key: texts(each) for key, each in value.items() if key not in {"color", "colors"}}
    return [texts(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("version", VERSIONS, ids="-".join)
def test_every_unit_field_property_and_transformation_is_known(
    shown: dict[tuple[str, str], Shown], version: tuple[str, str]
) -> None:
    faults = [
        (uid, each["title"], each["problems"])
        for uid, made in shown[version].items()
        for each in made
        if each["problems"]
    ]
    assert faults == []


@pytest.mark.parametrize("version", VERSIONS[:-1], ids="-".join)
def test_an_old_grafana_shows_the_same_texts(
    shown: dict[tuple[str, str], Shown], newest: Shown, version: tuple[str, str]
) -> None:
    for uid, made in shown[version].items():
        assert texts(made) == texts(newest[uid]), uid


def test_a_chart_shows_something_and_no_code_name(newest: Shown) -> None:
    for uid, generated, seen in panels(newest, "timeseries", "stat", "bargauge", "piechart", "barchart"):
        if "values" in seen:
            read = [(each["title"], each["text"]) for each in seen["values"]]
        else:
            fields = [field for frame in seen["frames"] for field in frame if field["name"] != "Time"]
            read = [(field["title"], text) for field in fields for text in field["texts"]]
        assert read, (uid, generated["title"])
        for title, text in read:
            assert not re.search(r"\$|undefined|NaN", f"{title} {text}"), (
                uid,
                generated["title"],
                title,
                text,
            )
        if generated["type"] == "piechart" or "carrier" in generated["title"]:
            assert all(title[0].isupper() or ord(title[0]) > 0x3000 for title, _ in read), read


def test_columns_stand_in_order_under_their_words(newest: Shown) -> None:
    for uid, generated, seen in panels(newest, "table"):
        wanted = {
            each["matcher"]["options"]: each["properties"][0]["value"]
            for each in generated["fieldConfig"]["overrides"]
        }
        assert [field["name"] for field in seen["frames"][0]] == list(wanted), (uid, generated["title"])
        assert [field["title"] for field in seen["frames"][0]] == list(wanted.values())
        assert len(set(wanted.values())) == len(wanted)


def test_coded_values_are_shown_as_words(newest: Shown) -> None:
    for uid, generated, seen in panels(newest, "table"):
        for override, field in zip(generated["fieldConfig"]["overrides"], seen["frames"][0], strict=True):
            for each in override["properties"]:
                if each["id"] == "mappings" and each["value"][0]["type"] == "value":
                    allowed = {result["text"] for result in each["value"][0]["options"].values()}
                    left = set(field["texts"]) - allowed - {NO_DATA[uid[-2:]]}
                    assert left == set(), (uid, generated["title"], field["name"])


def test_colours_are_chosen_by_the_board_and_not_by_grafana(newest: Shown) -> None:
    for uid, generated, seen in panels(newest, "stat", "bargauge", "table"):
        colors = {each["color"] for each in seen.get("values", [])}
        for frame in seen.get("frames", []):
            for field in frame:
                if "cellOptions" in field["custom"]:
                    colors |= set(field["colors"])
                    for text, color in zip(field["texts"], field["colors"], strict=True):
                        assert (text in NO_DATA.values()) <= (color == words.GREY), field["title"]
        assert colors <= PALETTE, (uid, generated["title"])


def test_links_name_what_stands_in_their_row(newest: Shown) -> None:
    found = 0
    for uid, generated, seen in panels(newest, "table", "geomap"):
        for field in seen["frames"][0]:
            found += len(field["links"])
            key = "building" if any("var-building" in link for link in field["links"]) else ""
            key = key or field["name"].rsplit("_", 1)[0] + "_code"
            for link, value in zip(
                field["links"], column(seen, key)["values"] if field["links"] else [], strict=True
            ):
                assert link.endswith(f"={value}"), (uid, generated["title"], link)
                assert "${__data" not in link
    assert found > 100


def test_the_forecast_band_lies_between_two_series_that_are_there(newest: Shown) -> None:
    bands = 0
    for uid, generated, seen in panels(newest, "timeseries"):
        titles = [field["title"] for frame in seen["frames"] for field in frame]
        for frame in seen["frames"]:
            for field in frame:
                if "fillBelowTo" in field["custom"]:
                    bands += 1
                    assert field["custom"]["fillBelowTo"] in titles, (uid, generated["title"])
    assert bands == 2  # one in each language


def test_the_heat_map_has_a_row_for_each_hour(newest: Shown) -> None:
    seen = panel(newest, "beacon-building-en", "Hours of the day, day by day")
    assert [frame[1]["title"] for frame in seen["frames"]] == [f"{hour:02d}" for hour in range(24)]


def test_a_region_leads_down_to_its_parts(newest: Shown) -> None:
    cities = panel(newest, "beacon-region-zh", "各市")
    assert column(cities, "city_zh")["texts"] == ["杭州市", "湖州市"]
    assert column(cities, "buildings")["texts"] == ["8", "4"]
    assert column(cities, "city_zh")["links"][0].startswith("/d/beacon-region-zh?")
    assert column(cities, "city_zh")["links"][0].endswith("&var-region=3301")
    counties = panel(newest, "beacon-region-en", "Counties")
    assert column(counties, "county_en")["texts"] == ["Wuxing", "Gongshu", "Xihu"]


def test_an_intensity_is_the_amount_over_the_area(newest: Shown) -> None:
    league = panel(newest, "beacon-portfolio-en", "Electricity use intensity by building")
    energy, area, eui = (column(league, name) for name in ("energy", "area", "eui"))
    for used, place, intensity, text in zip(
        energy["values"], area["values"], eui["values"], eui["texts"], strict=True
    ):
        assert intensity == pytest.approx(used / place)
        assert text == f"{used / place:.1f} kWh/m²"
    assert eui["values"] == sorted(eui["values"], reverse=True)


def test_dual_control_adds_each_building_once(newest: Shown) -> None:
    total = panel(newest, "beacon-region-en", "Total: Carbon (kgCO₂)")["values"]
    intensity = panel(newest, "beacon-region-en", "Intensity: Carbon (kgCO₂) per m²")["values"]
    league = panel(newest, "beacon-region-en", "Electricity use intensity by building")
    used = 3 * 1_230_000 + 9 * 830_000  # three offices over their limit of a million, nine buildings below
    assert [(each["title"], each["text"]) for each in total] == [
        ("Used", f"{used:,}"),
        ("Quota", "12,000,000"),
    ]
    area = sum(column(league, "area")["values"])
    assert [each["text"] for each in intensity] == [
        f"{used / area:.1f} kgCO₂/m²",
        f"{12_000_000 / area:.1f} kgCO₂/m²",
    ]


def test_what_is_left_of_the_quotas_is_of_all_buildings_together(newest: Shown) -> None:
    seen = panel(newest, "beacon-region-en", "Quota burn-down: ${basis:text}")
    left, planned = (next(field for field in frame if field["name"] == "Value") for frame in seen["frames"])
    days = range(seed.DAYS)
    expected = [1 - (3 * (1.1 + 0.01 * day) + 9 * (0.7 + 0.01 * day)) / 12 for day in days]
    assert left["values"] == pytest.approx(expected)
    assert set(planned["texts"]) == {"25%"}


def test_bars_in_cells_are_full_at_one(newest: Shown) -> None:
    for _, generated, _ in panels(newest, "table"):
        for override in generated["fieldConfig"]["overrides"]:
            properties = {each["id"]: each["value"] for each in override["properties"]}
            if properties.get("custom.cellOptions", {}).get("type") == "gauge":
                assert (properties["min"], properties["max"]) == (0, 1)


def test_the_announcement_ranks_by_type_and_says_how_each_building_stands(newest: Shown) -> None:
    for kind in ("年度公示", "月度公示"):
        seen = next(
            each
            for each in newest["beacon-announcement-zh"]
            if (each["title"], each["type"]) == (kind, "table")
        )
        by_name = dict(zip(column(seen, "name_zh")["texts"], range(3), strict=True))
        office, hotel = by_name["西湖机关办公楼"], by_name["吴兴宾馆"]
        row = {field["title"]: field["texts"][office] for field in seen["frames"][0]}
        assert row["类型"] == "机关办公"
        assert (row["能耗排名"], row["碳排名"]) == ("2", "1")
        assert (row["能效等级"], row["碳效等级"]) == ("D", "A")
        assert (row["能耗强度"], row["碳强度"]) == ("9.9 kWh/m²", "2.9 kgCO₂/m²")
        assert (row["定额状态"], row["已用定额"]) == ("超限", "120%")
        assert (row["强度同比"], row["数据覆盖率"]) == ("20.0%", "99.0%")
        assert column(seen, "share")["texts"][hotel] == "无数据"


def test_alerts_that_stand_are_listed_and_the_resolved_are_not(newest: Shown) -> None:
    standing = panel(newest, "beacon-alerts-en", "Alerts that stand")
    assert column(standing, "state")["texts"] == ["Open", "Acknowledged", "Snoozed"]
    assert column(standing, "Time")["texts"][0] == "2026-10-01 03:00:00"  # in the buildings' time zone
    ranged = panel(newest, "beacon-alerts-en", "Alerts of the chosen range")
    assert sorted(column(ranged, "state")["texts"]) == ["Acknowledged", "Open", "Resolved", "Snoozed"]


def test_an_edge_says_how_it_is(newest: Shown) -> None:
    fleet = panel(newest, "beacon-edge-fleet-en", "Every edge")
    row = {field["title"]: field["texts"][1] for field in fleet["frames"][0]}
    assert row["State"] == "Online"
    assert (row["Clock"], row["Clock offset"]) == ("Trusted", "12 ms")
    assert (row["Batches"], row["Oldest"]) == ("3", "02:00:00")
    assert (row["Polled"], row["Bus load"]) == ("99.0%", "40%")
    assert (row["Version"], row["Memory"]) == ("0.1.0", "47.7 MiB")
